/* kvs.c - namespaces and versions */

#include <errno.h>
#include <flux/core.h>

#include "core/kvs_proto.h"

flux_future_t *flux_kvs_namespace_create_with (flux_t *h, const char *ns,
                                               const char *rootref,
                                               uint32_t owner, int flags)
{
    if (!h || !rootref || flags || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "kvs.namespace-create", FLUX_NODEID_ANY, 0,
                          "{s:s s:s s:I s:i}", "namespace", ns, "rootref",
                          rootref, "owner", (json_int_t)owner, "flags", flags);
}

flux_future_t *flux_kvs_namespace_create (flux_t *h, const char *ns,
                                          uint32_t owner, int flags)
{
    if (!h || flags || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "kvs.namespace-create", FLUX_NODEID_ANY, 0,
                          "{s:s s:I s:i}", "namespace", ns, "owner",
                          (json_int_t)owner, "flags", flags);
}

flux_future_t *flux_kvs_namespace_remove (flux_t *h, const char *ns)
{
    if (!h || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "kvs.namespace-remove", FLUX_NODEID_ANY, 0,
                          "{s:s}", "namespace", ns);
}

int flux_kvs_get_version (flux_t *h, const char *ns, int *versionp)
{
    ns = kvs_namespace_default (ns);
    if (!h || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return -1;
    }
    flux_future_t *f = flux_rpc_pack (h, "kvs.version", FLUX_NODEID_ANY, 0,
                                      "{s:s}", "namespace", ns);
    int version;
    int rc = f ? flux_rpc_get_unpack (f, "{s:i}", "rootseq", &version) : -1;
    if (rc == 0 && versionp)
        *versionp = version;
    flux_future_destroy (f);
    return rc;
}

int flux_kvs_wait_version (flux_t *h, const char *ns, int version)
{
    ns = kvs_namespace_default (ns);
    if (!h || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return -1;
    }
    flux_future_t *f = flux_rpc_pack (h, "kvs.wait-version", FLUX_NODEID_ANY, 0,
                                      "{s:s s:i}", "namespace", ns, "rootseq",
                                      version);
    int rc = f ? flux_future_get (f, NULL) : -1;
    flux_future_destroy (f);
    return rc;
}
