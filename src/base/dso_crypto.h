/* dso_crypto.h - the interface of private/crypto.so
 *
 * Include it for the type; the function is looked up with dso_symbol().
 */
#ifndef BASE_DSO_CRYPTO_H
#define BASE_DSO_CRYPTO_H

#include <stddef.h>

enum crypto_hash {
    CRYPTO_SHA1,   /* 20 bytes */
    CRYPTO_SHA256, /* 32 bytes */
};

/* Write the digest of data to 'digest', which has room for it.  Thread safe.
 * 0, -EINVAL, or -ENOSYS if libcrypto does not provide the hash. */
int crypto_digest (enum crypto_hash hash,
                   const void *data,
                   size_t len,
                   unsigned char *digest);

/* A new pair of CURVE keys (curve25519), 32 random bytes and what belongs to them.
 * Thread safe.  0, or -ENOSYS if libcrypto does not provide it. */
int crypto_keypair (unsigned char public_key[32], unsigned char secret_key[32]);

#endif /* !BASE_DSO_CRYPTO_H */
