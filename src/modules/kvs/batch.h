/* batch.h - from a change of the heads to its safety, visibility and answer
 *
 *   request --> head changes --> struct change --> [store: one transaction]
 *                                                          |
 *        answer <-- watchers <-- visible roots follow <----+
 *
 * Without a durable store a change is visible and answered at once.  With one,
 * changes are gathered while the transaction before is written; those that may
 * be merged become visible together.  If a transaction fails, its requests are
 * answered with the error, heads fall back to what is visible, and the requests
 * that came after are done again.
 */
#ifndef KVS_BATCH_H
#define KVS_BATCH_H

#include "base/buf.h"
#include "modules/kvs/state.h"
#include "modules/kvs/watch.h"

struct batcher;

/* What one request did. */
struct change {
    struct kvsns *ns;        /* whose version it advanced, or NULL */
    uint64_t seq;
    struct touch *touch;     /* key owned */
    size_t count, size;
    struct buf redo;         /* for the store (store.h) */
    struct kvsns *created;
    struct kvsns *removed;
    bool nomerge;
    bool sync;
    bool keep_root;
    bool failed;             /* no memory for touch or redo */
};
#define CHANGE_INIT { .redo = BUF_INIT }

void change_touch (struct change *ch, struct kvsns *ns, const char *key,
                   size_t len, int flags);
void change_release (struct change *ch);

/* Do a request, again if need be; answers it. */
typedef void (*request_f) (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);

struct batcher *batcher_new (struct kvs *kvs);
void batcher_free (struct batcher *b);
/* Open what statedir holds, if it is set, and load it. */
int batcher_open (struct batcher *b, flux_t *h, flux_error_t *err);
/* Changes need a redo record and are not visible at once. */
bool batcher_durable (const struct batcher *b);

/* Takes what is in ch.  Answers msg in time: {"rootseq":i} if ch->ns, else {}. */
void batcher_submit (struct batcher *b, struct change *ch, flux_t *h,
                     const flux_msg_t *msg, request_f again);
/* Do the request when what is under way is done. */
void batcher_later (struct batcher *b, flux_t *h, const flux_msg_t *msg,
                    request_f again);
/* Requests that came over h are answered with ENOSYS. */
void batcher_forget (struct batcher *b, flux_t *h);

/* Content of the store.  -ENOENT if there is none. */
bool batcher_has_blob (struct batcher *b, const char *ref);
int batcher_load_blob (struct batcher *b, const char *ref, struct buf *out);
struct tnode *batcher_load_cold (struct batcher *b, const struct tnode *n,
                                 int *rc);

#endif /* !KVS_BATCH_H */
