/* redo.h - what a change means to the rows of the store
 *
 * A record is a sequence of operations on rows (namespace id, key, part), where
 * the parts of a value are its puts and appends in order.  Integers are varints,
 * strings a length and bytes (core/kvs_proto.h):
 *
 *   'X' ns key             delete the row(s) of the key
 *   'D' ns key             and all below it; "" is everything
 *   'V' ns key data        a value              'A' ns key part data   its next part
 *   'E' ns key             a directory, which may be empty
 *   'L' ns key data        a symlink: target NUL namespace
 *   'R' ns key data        an RFC 11 valref or dirref
 *   'F' ns key id          a frozen directory
 *   'N' ns owner name      a namespace          'n' ns   is gone, with its rows
 *   'S' ns seq             its version, or one that it has not reached yet
 *   'G' ns key from        all rows of namespace 'from' move below key
 *   'Z' id data            freeze: the directory in packed form (pack.h)
 *   'z' id                 no longer needed
 *   'B' epoch ref data     a blob               'T' epoch ref  is of this epoch
 *   'b' epoch id           is deleted, if it is from before the epoch (gc.h)
 *   'C' json               a checkpoint         'M' name data           by name
 *
 * A directory has a row only if it could be empty: reading the rows back makes
 * the parents of each key.
 */
#ifndef KVS_REDO_H
#define KVS_REDO_H

#include "base/buf.h"
#include "modules/kvs/state.h"
#include "modules/kvs/ttxn.h"

/* Failure sticks to the buffer. */
void redo_change (struct buf *b, int ns, enum ttxn_change what,
                  const char *path, size_t len, const struct tnode *old,
                  const struct tnode *node, size_t from);
void redo_tree (struct buf *b, int ns, const char *path, size_t len,
                const struct tnode *n);
void redo_create (struct buf *b, const struct kvsns *ns,
                  const struct tnode *root);
void redo_remove (struct buf *b, int ns);
/* 'node' became the entry at path; it is the root of namespace 'from', or
 * directories around it. */
void redo_graft (struct buf *b, int ns, const char *path, size_t len,
                 const struct tnode *old, const struct tnode *node,
                 const struct kvsns *from);
void redo_seq (struct buf *b, int ns, uint64_t seq);
void redo_freeze (struct buf *b, int ns, const char *path, uint64_t id,
                  const struct buf *packed);
/* Without a durable tree: only the frozen row. */
void redo_frozen_row (struct buf *b, uint64_t id, const struct buf *packed);
void redo_drop_frozen (struct buf *b, uint64_t id);
void redo_blob (struct buf *b, const char *ref, uint64_t epoch, const void *data,
                size_t len);
void redo_touch_blob (struct buf *b, const char *ref, uint64_t epoch);
void redo_del_blob (struct buf *b, int64_t id, uint64_t epoch);
void redo_checkpoint (struct buf *b, const char *json);
void redo_meta (struct buf *b, const char *name, const char *value);

struct redo_op {
    char type;
    uint64_t ns;         /* or the id of 'Z', 'z', the epoch of 'B', 'T', 'b' */
    uint64_t num;        /* part, id, owner, seq, from */
    const char *key;     /* not NUL terminated; ref, name */
    size_t keylen;
    const char *data;
    size_t len;
};

/* 1, 0 at the end, or -EPROTO. */
int redo_next (const char **p, const char *end, struct redo_op *op);

#endif /* !KVS_REDO_H */
