/* content.h - blobs by their reference (RFC 10)
 *
 *   blobref --> blob    bytes that were stored, in memory or in the store
 *           \-> pin     a node of the tree whose content is made when loaded:
 *                       a directory's JSON text, or a piece of a large value
 *
 * A reference of the tree that is given out is pinned, and with it the snapshot
 * it stands for.  References inside a directory are pinned when its text is given
 * out.
 */
#ifndef KVS_CONTENT_H
#define KVS_CONTENT_H

#include <flux/core.h>

#include "base/buf.h"
#include "modules/kvs/tree.h"

/* Above this, blobs do not stay in memory. */
#define CONTENT_MEMORY_MAX (64UL * 1024 * 1024)
#define CONTENT_BLOB_MAX (1024UL * 1024 * 1024)  /* RFC 10, as increased */

struct kvs;
struct content;
struct mapped;

struct content *content_new (struct kvs *kvs);
void content_free (struct content *c);

/* Pin what rfc11_entry(n) or rfc11_dir(n) speaks of; the references are
 * computed.  0 or -ENOMEM. */
int content_pin (struct content *c, const struct tnode *n);
int content_pin_entries (struct content *c, const struct tnode *dir);

/* Write what is only in memory to the store, and forget what is there too. */
int content_redo_dirty (struct content *c, struct buf *redo);
void content_drop_clean (struct content *c);

/* What a REF or COLD node stands for: twalk_env.load.  -EIO: its content is not
 * here, with a log message. */
struct tnode *content_load_node (struct content *c, const struct tnode *n,
                                 int *rc);
/* The node that is pinned under a directory's reference, borrowed, or NULL. */
const struct tnode *content_pinned_dir (struct content *c, const char *ref);

/* Append a blob's bytes.  0, -ENOENT, -ENOMEM. */
int content_load (struct content *c, const char *ref, struct buf *out);
/* 0, or 1 if it was there before, -EFBIG, -ENOMEM, -ENOSYS; ref is set. */
int content_store (struct content *c, const void *data, size_t len,
                   char ref[72]);
/* It is of this epoch at least (gc.h), here; what the store has is not touched. */
void content_mark (struct content *c, const char *ref, uint64_t epoch);
/* Drop blobs and pins of before an epoch, one a call; start with zeroes.  False: that was
 * the last.  What comes meanwhile may be passed over. */
struct content_sweep {
    uint64_t epoch;
    uint64_t deleted;
    size_t pos;
    bool pins;
};
bool content_sweep (struct content *c, struct content_sweep *s);
/* Forget the bytes of a blob that the store has. */
void content_drop_blob (struct content *c, const char *ref);
bool content_has (struct content *c, const char *ref);
/* What stays in files (mapped.h). */
struct mapped *content_mapped (struct content *c);
/* Bytes and count of blobs in memory, and pins. */
void content_stats (const struct content *c, size_t *blobs, size_t *bytes,
                    size_t *pins);

#endif /* !KVS_CONTENT_H */
