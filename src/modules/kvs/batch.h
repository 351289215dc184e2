/* batch.h - from a change of the heads to its safety, visibility and answer
 *
 *   request --> head changes --> struct change --> [store: one transaction]
 *                                                          |
 *        answer <-- watchers <-- visible roots follow <----+
 *
 * Without a durable store a change is visible and answered at once.  With one,
 * changes are gathered while the transaction before is written.  A batch is a
 * sequence of steps: the changes of one step become visible together, those
 * that must not be merged are a step of their own.  If a transaction fails, its
 * requests are answered with the error, heads fall back to what is visible, and
 * the requests that came after are done again.
 *
 * What is frozen goes through the store in any case; if there is no durable one,
 * into a temporary one that is opened then.
 */
#ifndef KVS_BATCH_H
#define KVS_BATCH_H

#include "modules/kvs/change.h"

struct batcher;

/* Do a request, again if need be; answers it. */
typedef void (*request_f) (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);

struct batcher *batcher_new (struct kvs *kvs);
/* Finish, and close the store.  Free comes after the nodes are gone. */
void batcher_close (struct batcher *b);
void batcher_free (struct batcher *b);
/* Open what statedir holds, if it is set, and load it. */
int batcher_open (struct batcher *b, flux_t *h, flux_error_t *err);
/* Changes need a redo record and are not visible at once. */
bool batcher_durable (const struct batcher *b);
/* Open the temporary store, if there is none.  0 or -errno with err->text. */
int batcher_need_store (struct batcher *b, flux_error_t *err);

/* Call begin before the head of ns is changed, and abort if it was not. */
void batcher_begin (struct batcher *b, struct kvsns *ns, bool nomerge);
void batcher_abort (struct batcher *b, struct kvsns *ns);
/* Takes what is in ch.  Answers msg in time: {"rootseq":i} if ch->ns, the raw
 * reply if there is one, else nothing.  msg may be NULL. */
void batcher_submit (struct batcher *b, struct change *ch, flux_t *h,
                     const flux_msg_t *msg, request_f again);
/* Do the request when what is under way is done. */
void batcher_later (struct batcher *b, flux_t *h, const flux_msg_t *msg,
                    request_f again);
/* Finish all that is under way.  Blocks. */
void batcher_drain (struct batcher *b);

/* A new cold node for a directory, with an id of its own. */
struct tnode *batcher_new_cold (struct batcher *b, const struct tnode *dir);
/* Content of the store.  -ENOENT if there is none. */
bool batcher_has_store (const struct batcher *b);
bool batcher_has_blob (struct batcher *b, const char *ref);
int batcher_load_blob (struct batcher *b, const char *ref, struct buf *out);
/* As storedb.h has them; no store is no blob. */
int batcher_max_blob (struct batcher *b, int64_t *max);
int batcher_old_blobs (struct batcher *b, int64_t after, int64_t upto, int64_t epoch,
                       int64_t *ids, size_t *count);
struct tnode *batcher_load_cold (struct batcher *b, const struct tnode *n,
                                 int *rc);

struct batcher_stats {
    uint64_t batches;
    uint64_t changes;      /* in them */
    uint64_t failed;
    uint64_t frozen;       /* directories */
    uint64_t syncs;        /* batches after which all was on the disk */
    bool durable;
};
void batcher_get_stats (const struct batcher *b, struct batcher_stats *st);

#endif /* !KVS_BATCH_H */
