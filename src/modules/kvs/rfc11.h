/* rfc11.h - tree nodes as RFC 11 objects, and their references
 *
 * A reference is the hash of content that is never stored for it: the JSON text
 * of a directory, or a piece of a large value, is made again from the node when
 * somebody loads it.  References are computed when they are asked for, and stay
 * with nodes that do not change.
 */
#ifndef KVS_RFC11_H
#define KVS_RFC11_H

#include <jansson.h>
#include "base/buf.h"
#include "modules/kvs/tree.h"

#define RFC11_VAL_MAX 512           /* a longer value is a valref */
#define RFC11_BLOB_MAX (1024 * 1024) /* of pieces of this size (RFC 10) */

/* Compute, and cache, the references of a directory or a value and of everything
 * below that lacks them, a little at a time. */
struct rfc11_job;
struct rfc11_job *rfc11_job_new (const char *hashtype, const struct tnode *n);
void rfc11_job_free (struct rfc11_job *job);
/* Work for about 'usec' microseconds (0: until done).  1: not done yet, 0: done;
 * -ENOMEM, -EINVAL, -ENOSYS as blobref_hash(). */
int rfc11_job_step (struct rfc11_job *job, unsigned int usec);

/* All at once. */
int rfc11_compute (const char *hashtype, const struct tnode *n);

/* The reference of a directory (also cold), after rfc11_compute().  NULL if it
 * is not known.  COLD nodes need room to print it. */
const char *rfc11_dir_ref (const struct tnode *n, const char *hashtype,
                           char room[72]);
/* How many blobs a value is made of as a valref, 0: it is a val. */
size_t rfc11_val_blobs (const struct tnode *n);
/* The reference of piece i.  0, -ENOMEM, ... */
int rfc11_val_ref (const struct tnode *n, size_t i, char ref[72]);

/* Append the JSON text of the RFC 11 object for n as an entry of a directory
 * (dirref, valref, val or symlink), or of the directory n itself (dir).  The
 * references must have been computed. */
int rfc11_entry (const struct tnode *n, const char *hashtype, struct buf *out);
int rfc11_dir (const struct tnode *dir, const char *hashtype, struct buf *out);

/* Make a node of an RFC 11 object, which has passed treeobj_validate().  A val
 * has the given lineage.  NULL with *rc -ENOMEM, or -EINVAL: the name of an
 * entry is empty or has a '.'. */
struct tnode *rfc11_parse (json_t *o, uint64_t lineage, int *rc);

#endif /* !KVS_RFC11_H */
