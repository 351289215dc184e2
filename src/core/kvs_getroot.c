/* kvs_getroot.c - the root reference, sequence number and owner of a namespace */

#include <errno.h>
#include <stdlib.h>
#include <flux/core.h>

#include "core/kvs_proto.h"

flux_future_t *flux_kvs_getroot (flux_t *h, const char *ns, int flags)
{
    ns = kvs_namespace_default (ns);
    if (!h || flags || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "kvs.getroot", FLUX_NODEID_ANY, 0, "{s:s s:i}",
                          "namespace", ns, "flags", flags);
}

int flux_kvs_getroot_get_blobref (flux_future_t *f, const char **blobref)
{
    const char *ref;
    if (flux_rpc_get_unpack (f, "{s:s}", "rootref", &ref) < 0)
        return -1;
    if (blobref)
        *blobref = ref;
    return 0;
}

int flux_kvs_getroot_get_sequence (flux_future_t *f, int *seq)
{
    int n;
    if (flux_rpc_get_unpack (f, "{s:i}", "rootseq", &n) < 0)
        return -1;
    if (seq)
        *seq = n;
    return 0;
}

int flux_kvs_getroot_get_owner (flux_future_t *f, uint32_t *owner)
{
    json_int_t uid;
    if (flux_rpc_get_unpack (f, "{s:I}", "owner", &uid) < 0)
        return -1;
    if (uid < 0 || uid > UINT32_MAX) {
        errno = EPROTO;
        return -1;
    }
    if (owner)
        *owner = (uint32_t)uid;
    return 0;
}

int flux_kvs_getroot_get_treeobj (flux_future_t *f, const char **treeobj)
{
    const char name[] = "flux::kvs_getroot_treeobj";
    const char *ref;
    if (flux_kvs_getroot_get_blobref (f, &ref) < 0)
        return -1;
    char *s = flux_future_aux_get (f, name);
    if (!s) {
        if (asprintf (&s, "{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}",
                      ref) < 0) {
            errno = ENOMEM;
            return -1;
        }
        if (flux_future_aux_set (f, name, s, free) < 0) {
            int saved_errno = errno;
            free (s);
            errno = saved_errno;
            return -1;
        }
    }
    if (treeobj)
        *treeobj = s;
    return 0;
}
