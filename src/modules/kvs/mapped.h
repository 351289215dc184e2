/* mapped.h - content that stays in the files it is of (flux archive create --mmap)
 *
 * What is remembered of a file is where each blob is in it.  It is read when the blob is
 * loaded, and given out only if it still has its hash: a file that changed loses its
 * content, but is never mistaken for it.
 */
#ifndef KVS_MAPPED_H
#define KVS_MAPPED_H

#include <jansson.h>
#include <flux/core/types.h>

#include "base/buf.h"

struct mapped;

struct mapped *mapped_new (void);
void mapped_free (struct mapped *m);

/* blobvec: [[offset, size, blobref], ...] (RFC 37) of the file 'path'; 'tag' is for
 * mapped_remove().  0 or a negative errno with err->text, nothing remembered. */
int mapped_add (struct mapped *m, const char *path, const char *tag, json_t *blobvec,
                flux_error_t *err);
/* Forget all files of a tag; none is no error. */
void mapped_remove (struct mapped *m, const char *tag);

bool mapped_has (const struct mapped *m, const char *ref);
/* Append a blob's bytes.  0; -ENOENT: unknown, or the file is another now; -ENOMEM. */
int mapped_load (const struct mapped *m, const char *hashtype, const char *ref, struct buf *out);
/* How many blobs. */
size_t mapped_count (const struct mapped *m);

#endif /* !KVS_MAPPED_H */
