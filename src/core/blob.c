/* blob.c - see blob.h
 */
#include <errno.h>
#include <string.h>

#include "core/blob.h"

static flux_future_t *ask_about (flux_t *h, const char *topic, const char *ref, uint32_t rank)
{
    unsigned char digest[BLOBREF_MAX_DIGEST];
    int n = blobref_decode (ref, digest);

    if (n < 0) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_raw (h, topic, digest, n, rank, 0);
}

flux_future_t *blob_load (flux_t *h, const char *ref, bool bypass)
{
    return ask_about (h, bypass ? "content-backing.load" : "content.load", ref,
                      bypass ? 0 : FLUX_NODEID_ANY);
}

flux_future_t *blob_validate (flux_t *h, const char *ref)
{
    return ask_about (h, "content.validate", ref, FLUX_NODEID_ANY);
}

int blob_load_get (flux_future_t *f, const void **data, size_t *len)
{
    return flux_rpc_get_raw (f, data, len);
}

flux_future_t *blob_store (flux_t *h, const void *data, size_t len, bool bypass)
{
    return flux_rpc_raw (h, bypass ? "content-backing.store" : "content.store", data, len,
                         bypass ? 0 : FLUX_NODEID_ANY, 0);
}

int blob_store_get (flux_future_t *f, char ref[BLOBREF_MAX_STRING])
{
    const char *hash = flux_attr_get (flux_future_get_flux (f), "content.hash");
    const void *digest;
    size_t len;
    int rc;

    if (flux_rpc_get_raw (f, &digest, &len) < 0)
        return -1;
    if ((rc = blobref_encode (hash ? hash : "sha1", digest, len, ref)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}
