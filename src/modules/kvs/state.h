/* state.h - the KVS on rank 0: namespaces over trees
 *
 * One struct kvs a broker, shared by the faces kvs, kvs-watch, content and
 * content-sqlite, and outliving them: removing a face never drops the tree.
 *
 * A namespace has a head, which commits change, and what is visible, which
 * look-ups read.  They are one unless there is a durable store: then the visible
 * root follows when a commit is safe (batch.h), so that nobody sees what a crash
 * could take back.
 */
#ifndef KVS_STATE_H
#define KVS_STATE_H

#include <flux/core.h>

#include "base/hash.h"
#include "base/list.h"
#include "modules/kvs/twalk.h"

struct kvs;

/* How many roots are kept, and for how many seconds, for those who committed them */
enum { KVSNS_KEPT_MAX = 16384, KVSNS_KEPT_SECONDS = 60 };

struct kept_root {
    uint64_t seq;
    double when;
    struct tnode *root;
};

struct kvsns {
    struct kvs *kvs;
    char *name;
    uint32_t owner;
    int id;                  /* in the store; 0 is primary */
    bool visible;            /* its creation is safe */
    bool removed;            /* no more commits */
    struct tnode *head;
    uint64_t seq;
    uint64_t seq_reserved;   /* the store has this version (batch.c) */
    struct tnode *root;      /* what look-ups see, NULL: the head */
    uint64_t root_seq;       /* valid if root is */
    int steps;               /* changes under way (batch.c) */
    struct step *step;       /* the last of them, while it is open */
    struct list_node waiters;/* struct waiter: for a version */
    /* Roots of the latest commits whose senders may ask for the reference: a ring. */
    struct kept_root *kept;
    size_t kept_first, kept_count, kept_size;
};

struct kvs {
    flux_t *h;               /* face "kvs", NULL while it is not loaded */
    flux_reactor_t *reactor;
    uint32_t owner;          /* user id of the instance owner */
    char hashtype[16];
    struct hash *namespaces; /* by name */
    struct kvsns *primary;
    int next_id;
    uint64_t lineage;        /* the last one given to a value */
    bool nomerge;            /* each commit is a step of its own */
    struct twalk_env env;    /* walks what is visible; no access control */
    struct content *content;
    struct watches *watches;
    struct refq *refq;
    struct gc *gc;
    struct batcher *batcher;
    bool backing;            /* face "content-sqlite" is loaded */
    json_t *checkpoints;     /* array, latest first */
    char *restore;           /* the root to begin with when "kvs" is loaded */
    struct {
        uint64_t commits, ops, lookups, failed;
    } stats;
};

/* As builtin_data: no handle yet. */
void *kvs_create (void);
void kvs_destroy (void *kvs);
/* Learn from the first face's handle what does not change.  0 or -errno. */
int kvs_init (struct kvs *kvs, flux_t *h, flux_error_t *err);

/* NULL if there is none that is visible, or (head) that takes commits. */
struct kvsns *kvsns_find (struct kvs *kvs, const char *name, bool head);
/* Create; *root is referenced.  Not visible yet.  0, -EEXIST, -EAGAIN (the
 * removal of one with this name is under way), -ENOMEM. */
int kvsns_create (struct kvs *kvs, const char *name, uint32_t owner,
                  struct tnode *root, struct kvsns **nsp);
void kvsns_free (struct kvsns *ns);
const struct tnode *kvsns_root (const struct kvsns *ns);
uint64_t kvsns_seq (const struct kvsns *ns);
/* 0 or -EPERM. */
int kvsns_authorize (const struct kvsns *ns, struct flux_msg_cred cred);
bool kvs_is_owner (struct flux_msg_cred cred);
/* Sequence numbers on the wire are 31 bits wide (int in the C API). */
static inline int kvs_wire_seq (uint64_t seq)
{
    return (int)(seq & INT32_MAX);
}
/* Keep the root of version 'seq' for a while, or find it (borrowed, or NULL).  Those that
 * have been kept for so long are dropped at the next commit. */
void kvsns_keep_root (struct kvsns *ns, uint64_t seq, const struct tnode *root);
void kvsns_age_roots (struct kvsns *ns);
const struct tnode *kvsns_kept_root (const struct kvsns *ns, int wire_seq);

/* A walk on behalf of a user: links into namespaces that are not his fail with
 * -EPERM.  'head': see what is not visible yet. */
struct kvs_walker {
    struct kvs *kvs;
    struct flux_msg_cred cred;
    bool head;
    struct twalk_env env;
};
void kvs_walker_init (struct kvs_walker *w, struct kvs *kvs,
                      struct flux_msg_cred cred, bool head);

/* A broker attribute that the host has put in h's cache, or NULL: asking for
 * another would block. */
const char *kvs_attr (flux_t *h, const char *name);

/* flux_respond_error() with text; NULL text is the errno's. */
void kvs_respond_error (flux_t *h, const flux_msg_t *msg, int rc,
                        const char *text);

#endif /* !KVS_STATE_H */
