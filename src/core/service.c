/* service.c - dynamic registration of services
 */
#include <errno.h>
#include <flux/core.h>

static flux_future_t *service_rpc (flux_t *h, const char *method, const char *name)
{
    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, method, FLUX_NODEID_ANY, 0, "{s:s}", "service", name);
}

flux_future_t *flux_service_register (flux_t *h, const char *name)
{
    return service_rpc (h, "service.add", name);
}

flux_future_t *flux_service_unregister (flux_t *h, const char *name)
{
    return service_rpc (h, "service.remove", name);
}
