/* blobref.c - content references "sha1-HEX", "sha256-HEX" (RFC 10) */
#include "base/blobref.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/dso.h"
#include "base/dso_crypto.h"

struct hashtype {
    const char *name;
    size_t name_len;
    int digest_len;
    enum crypto_hash hash;
};

static const struct hashtype hashtypes[] = {
    {"sha1", 4, 20, CRYPTO_SHA1},
    {"sha256", 6, 32, CRYPTO_SHA256},
};

static const struct hashtype *lookup (const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof (hashtypes) / sizeof (hashtypes[0]); i++) {
        const struct hashtype *t = &hashtypes[i];
        if (t->name_len == len && memcmp (t->name, name, len) == 0)
            return t;
    }
    return NULL;
}

/* Kept, as looking it up takes a lock. */
static int (*digest_function (void)) (enum crypto_hash,
                                      const void *,
                                      size_t,
                                      unsigned char *)
{
    static _Atomic (uintptr_t) fn;
    uintptr_t p = atomic_load_explicit (&fn, memory_order_acquire);

    if (!p) {
        p = (uintptr_t)dso_symbol ("crypto", "crypto_digest", NULL);
        atomic_store_explicit (&fn, p, memory_order_release);
    }
    return (int (*) (enum crypto_hash, const void *, size_t,
                     unsigned char *))p;
}

int blobref_digest (const char *hashtype,
                    const void *data,
                    size_t len,
                    unsigned char digest[BLOBREF_MAX_DIGEST])
{
    const struct hashtype *t;

    if (!hashtype || !digest || (!data && len > 0)
        || !(t = lookup (hashtype, strlen (hashtype))))
        return -EINVAL;
    int (*fn) (enum crypto_hash, const void *, size_t, unsigned char *);
    if (!(fn = digest_function ()))
        return -ENOSYS;
    int rc = fn (t->hash, data ? data : "", len, digest);
    return rc < 0 ? rc : t->digest_len;
}

int blobref_encode (const char *hashtype,
                    const void *digest,
                    size_t len,
                    char ref[BLOBREF_MAX_STRING])
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *d = digest;
    const struct hashtype *t;

    if (!hashtype || !digest || !ref
        || !(t = lookup (hashtype, strlen (hashtype)))
        || len != (size_t)t->digest_len)
        return -EINVAL;
    memcpy (ref, t->name, t->name_len);
    char *p = ref + t->name_len;
    *p++ = '-';
    for (size_t i = 0; i < len; i++) {
        *p++ = hex[d[i] >> 4];
        *p++ = hex[d[i] & 15];
    }
    *p = '\0';
    return 0;
}

int blobref_hash (const char *hashtype,
                  const void *data,
                  size_t len,
                  char ref[BLOBREF_MAX_STRING])
{
    unsigned char digest[BLOBREF_MAX_DIGEST];
    int n = blobref_digest (hashtype, data, len, digest);

    return n < 0 ? n : blobref_encode (hashtype, digest, (size_t)n, ref);
}

/* Lower case only: a blobref is compared as a string. */
static int hex_value (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int blobref_decode (const char *ref, unsigned char digest[BLOBREF_MAX_DIGEST])
{
    unsigned char out[BLOBREF_MAX_DIGEST];
    const struct hashtype *t;
    const char *p = ref ? strchr (ref, '-') : NULL;

    if (!p || !(t = lookup (ref, (size_t)(p - ref))))
        return -EINVAL;
    p++;
    for (int i = 0; i < t->digest_len; i++, p += 2) {
        int hi = hex_value (p[0]);
        int lo = hi < 0 ? -1 : hex_value (p[1]);
        if (lo < 0)
            return -EINVAL;
        out[i] = (unsigned char)(hi << 4 | lo);
    }
    if (*p != '\0')
        return -EINVAL;
    if (digest)
        memcpy (digest, out, (size_t)t->digest_len);
    return t->digest_len;
}

bool blobref_valid (const char *ref)
{
    return blobref_decode (ref, NULL) > 0;
}
