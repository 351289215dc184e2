/* storedb.h - the database of the store, in the private object "store"
 *
 * A thin wrapper over SQLite and lz4, so that only who keeps something loads
 * them.  The rows are those of redo.h.  Functions return 0 or a negative errno:
 * -ENOSPC (the disk is full), -EIO, -ENOMEM, -ENOENT (no such row), -EINVAL (not
 * our database).  One thread at a time for each struct storedb.
 */
#ifndef KVS_STOREDB_H
#define KVS_STOREDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

struct storedb;

struct storedb_row {
    int64_t ns;
    const char *key;    /* not NUL terminated */
    size_t keylen;
    int64_t part;
    char type;          /* 'V' 'A' 'E' 'L' 'R' 'F'; of 'F', part is the id
                         * and data the digest */
    const void *data;
    size_t len;
};

struct storedb_ns {
    int64_t id;
    const char *name;
    int64_t owner;
    int64_t seq;
};

struct storedb_ops {
    /* path NULL: a temporary database, gone when it is closed.  readonly: a
     * second connection to one that is open for writing. */
    int (*open) (const char *path, bool readonly, struct storedb **dbp,
                 flux_error_t *err);
    void (*close) (struct storedb *db);
    const char *(*errmsg) (struct storedb *db);

    int (*begin) (struct storedb *db);
    /* sync: return when it is on the disk. */
    int (*commit) (struct storedb *db, bool sync);
    void (*rollback) (struct storedb *db);

    int (*put) (struct storedb *db, const struct storedb_row *row);
    int (*del) (struct storedb *db, int64_t ns, const char *key, size_t len);
    int (*del_below) (struct storedb *db, int64_t ns, const char *key,
                      size_t len);
    int (*move) (struct storedb *db, int64_t from, int64_t ns, const char *key,
                 size_t len);
    int (*put_ns) (struct storedb *db, const struct storedb_ns *ns);
    int (*set_seq) (struct storedb *db, int64_t id, int64_t seq);
    int (*del_ns) (struct storedb *db, int64_t id);

    /* Compressed inside.  The caller frees *data. */
    int (*put_cold) (struct storedb *db, int64_t id, const void *data,
                     size_t len, const void *digest, size_t dlen);
    int (*get_cold) (struct storedb *db, int64_t id, void **data, size_t *len);
    int (*get_digest) (struct storedb *db, int64_t id, unsigned char *digest,
                       size_t *dlen);
    int (*del_cold) (struct storedb *db, int64_t id);
    /* Delete those without an 'F' row: reads everything. */
    int (*tidy_cold) (struct storedb *db);
    int (*max_cold) (struct storedb *db, int64_t *max);  /* largest id, or 0 */

    /* With the epoch in which it was last stored or marked (gc.h): the larger one
     * stays. */
    int (*put_blob) (struct storedb *db, const char *ref, size_t reflen,
                     int64_t epoch, const void *data, size_t len);
    int (*get_blob) (struct storedb *db, const char *ref, void **data,
                     size_t *len);
    int (*has_blob) (struct storedb *db, const char *ref);
    int (*touch_blob) (struct storedb *db, const char *ref, size_t reflen,
                       int64_t epoch);
    /* Delete the blob of this id, if it is from before 'epoch'. */
    int (*del_blob) (struct storedb *db, int64_t id, int64_t epoch);
    int (*max_blob) (struct storedb *db, int64_t *max);  /* largest id, or 0 */
    /* Ids after < id <= upto of blobs from before 'epoch', in order, *count at
     * most; then *count is how many. */
    int (*old_blobs) (struct storedb *db, int64_t after, int64_t upto, int64_t epoch,
                      int64_t *ids, size_t *count);

    /* Values by name: "hash", "restore", ... */
    int (*put_meta) (struct storedb *db, const char *name, const char *value);
    int (*get_meta) (struct storedb *db, const char *name, char **value);
    /* JSON texts, the latest with the largest id; 'keep' of them are kept. */
    int (*put_checkpoint) (struct storedb *db, const char *json, size_t len,
                           int keep);
    int (*checkpoints) (struct storedb *db,
                        int (*cb) (int64_t id, const char *json, void *arg),
                        void *arg);

    /* In order; a negative result of cb ends it and is returned. */
    int (*each_ns) (struct storedb *db,
                    int (*cb) (const struct storedb_ns *ns, void *arg),
                    void *arg);
    int (*each_row) (struct storedb *db, int64_t ns,
                     int (*cb) (const struct storedb_row *row, void *arg),
                     void *arg);
};

#ifdef STOREDB_DSO
extern const struct storedb_ops storedb_ops;
#endif

#endif /* !KVS_STOREDB_H */
