/* blobref.h - content references "sha1-HEX", "sha256-HEX" (RFC 10)
 *
 * The hash comes from libcrypto, loaded at the first call.
 */
#ifndef BASE_BLOBREF_H
#define BASE_BLOBREF_H

#include <stdbool.h>
#include <stddef.h>

#define BLOBREF_MAX_STRING 72
#define BLOBREF_MAX_DIGEST 32

/* hashtype is "sha1" or "sha256".  Writes a NUL terminated blobref.
 * 0 or -EINVAL, -ENOSYS (no libcrypto). */
int blobref_hash (const char *hashtype, const void *data, size_t len,
                  char ref[BLOBREF_MAX_STRING]);
bool blobref_valid (const char *ref);

#endif /* !BASE_BLOBREF_H */
