/* blob.h - content by its reference, as a client of the content service (RFC 10)
 *
 * A blob is loaded by its blobref and stored to get one; the service answers on any
 * rank.  'bypass' asks the backing store in place of the cache: the service
 * "content-backing", on rank 0.
 *
 * Futures are NULL with errno set if the request could not be sent: EINVAL for what
 * is no blobref.
 */
#ifndef CORE_BLOB_H
#define CORE_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#include <flux/core.h>

#include "base/blobref.h"

flux_future_t *blob_load (flux_t *h, const char *ref, bool bypass);
/* Is it there?  The same, without the bytes. */
flux_future_t *blob_validate (flux_t *h, const char *ref);
/* Borrowed from f.  0, or -1 with errno set: ENOENT. */
int blob_load_get (flux_future_t *f, const void **data, size_t *len);

flux_future_t *blob_store (flux_t *h, const void *data, size_t len, bool bypass);
/* The blobref of what was stored.  0, or -1 with errno set. */
int blob_store_get (flux_future_t *f, char ref[BLOBREF_MAX_STRING]);

#endif /* !CORE_BLOB_H */
