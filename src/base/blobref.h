/* blobref.h - content references "sha1-HEX", "sha256-HEX" (RFC 10)
 *
 * The hash comes from libcrypto, loaded at the first call of a function that
 * computes one.  hashtype is "sha1" or "sha256".  Thread safe.
 */
#ifndef BASE_BLOBREF_H
#define BASE_BLOBREF_H

#include <stdbool.h>
#include <stddef.h>

#define BLOBREF_MAX_STRING 72
#define BLOBREF_MAX_DIGEST 32

/* Write the NUL terminated blobref of data.  0 or -EINVAL, -ENOSYS (no
 * libcrypto). */
int blobref_hash (const char *hashtype, const void *data, size_t len,
                  char ref[BLOBREF_MAX_STRING]);
bool blobref_valid (const char *ref);

/* The raw digest of data.  Returns its length or -EINVAL, -ENOSYS. */
int blobref_digest (const char *hashtype, const void *data, size_t len,
                    unsigned char digest[BLOBREF_MAX_DIGEST]);
/* From raw digest to blobref.  0 or -EINVAL (unknown hash, wrong length). */
int blobref_encode (const char *hashtype, const void *digest, size_t len,
                    char ref[BLOBREF_MAX_STRING]);
/* And back.  Returns the length of the digest or -EINVAL. */
int blobref_decode (const char *ref,
                    unsigned char digest[BLOBREF_MAX_DIGEST]);

#endif /* !BASE_BLOBREF_H */
