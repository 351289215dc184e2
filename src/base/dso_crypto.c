/* dso_crypto.c - private/crypto.so, the only part that links libcrypto */
#include "base/dso_crypto.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Fetched once: looking an algorithm up by name costs more than hashing. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md[2];

static void fetch (void)
{
    md[CRYPTO_SHA1] = EVP_MD_fetch (NULL, "SHA1", NULL);
    md[CRYPTO_SHA256] = EVP_MD_fetch (NULL, "SHA256", NULL);
}

int crypto_digest (enum crypto_hash hash,
                   const void *data,
                   size_t len,
                   unsigned char *digest)
{
    pthread_once (&once, fetch);
    if (hash != CRYPTO_SHA1 && hash != CRYPTO_SHA256)
        return -EINVAL;
    if (!md[hash] || !EVP_Digest (data, len, digest, NULL, md[hash], NULL))
        return -ENOSYS;
    return 0;
}

int crypto_keypair (unsigned char public_key[32], unsigned char secret_key[32])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen (NULL, NULL, "X25519");
    size_t plen = 32, slen = 32;
    int rc = -ENOSYS;

    if (key && EVP_PKEY_get_raw_public_key (key, public_key, &plen) == 1 && plen == 32
        && EVP_PKEY_get_raw_private_key (key, secret_key, &slen) == 1 && slen == 32)
        rc = 0;
    EVP_PKEY_free (key);
    return rc;
}
