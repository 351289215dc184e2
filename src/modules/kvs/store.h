/* store.h - the store: transactions written by a thread of its own
 *
 *   loop:   store_write (redo) ──► thread: BEGIN, rows, COMMIT ──► done (rc)
 *           store_get_...      ──► a connection of its own, for reading
 *
 * One transaction is under way at a time.  'done' is called on the loop.  What is
 * frozen is hashed and compressed in the thread.
 */
#ifndef KVS_STORE_H
#define KVS_STORE_H

#include <flux/core.h>

#include "base/buf.h"
#include "modules/kvs/storedb.h"

struct store;

/* A directory that is frozen by this transaction: the n-th 'Z' operation. */
struct store_frozen {
    unsigned char digest[32];
    size_t digest_len;
};

/* rc: 0 or a negative errno, with text: then nothing was written. */
typedef void (*store_done_f) (int rc, const char *text,
                              const struct store_frozen *frozen, size_t count,
                              void *arg);

/* path NULL: temporary.  0, or a negative errno with err->text. */
int store_open (const char *path, const char *hashtype, flux_reactor_t *r,
                struct store **sp, flux_error_t *err);
/* Waits for what is under way; its 'done' is called. */
void store_close (struct store *s);

/* Takes the buffer's content.  Nothing is under way.  0 or -ENOMEM. */
int store_write (struct store *s, struct buf *redo, bool sync,
                 store_done_f done, void *arg);
bool store_busy (const struct store *s);
/* Wait until nothing is under way.  Blocks. */
void store_drain (struct store *s);

/* Reading; the caller frees *data. 0, -ENOENT, -EIO, -ENOMEM. */
int store_get_cold (struct store *s, uint64_t id, void **data, size_t *len);
int store_get_blob (struct store *s, const char *ref, void **data, size_t *len);
bool store_has_blob (struct store *s, const char *ref);
/* As storedb.h has them. */
int store_max_blob (struct store *s, int64_t *max);
int store_old_blobs (struct store *s, int64_t after, int64_t upto, int64_t epoch,
                     int64_t *ids, size_t *count);
/* For reading all, with ops->each_...; before the first write. */
const struct storedb_ops *store_db (struct store *s, struct storedb **db);

#endif /* !KVS_STORE_H */
