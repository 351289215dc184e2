/* method_simple.c - PMI-1 over the descriptor PMI_FD
 */
#include <errno.h>
#include <fcntl.h>

#include "base/errmsg.h"
#include "pmi/client.h"
#include "pmi/method.h"

static int simple_open (const struct pmi_context *ctx, const char *path, void **datap,
                        struct pmi_place *place, flux_error_t *err)
{
    const char *fd = getenv ("PMI_FD");
    struct pmi_client *c;

    if (!fd)
        return errmsg (err, -ENOENT, "PMI_FD is not set");
    if (fcntl (strtol (fd, NULL, 10), F_GETFD) < 0)
        return errmsg (err, -ENOENT, "PMI_FD=%.20s is not an open descriptor", fd);
    if (!(c = pmi_client_open_env (ctx->args->debug, ctx->args->interrupt, err)))
        return errno == ENOENT ? -EPROTO : -errno;
    pmi_client_set_timeout (c, ctx->timeout);
    place->rank = pmi_client_rank (c);
    place->size = pmi_client_size (c);
    snprintf (place->name, sizeof (place->name), "%s", pmi_client_kvsname (c));
    *datap = c;
    return 0;
}

static int simple_put (void *c, const char *key, const char *value, flux_error_t *err)
{
    return pmi_client_put (c, key, value, err);
}

static int simple_get (void *c, const char *key, const char **valuep, flux_error_t *err)
{
    return pmi_client_get (c, key, valuep, err);
}

static int simple_barrier (void *c, flux_error_t *err)
{
    return pmi_client_barrier (c, err);
}

static int simple_finalize (void *c, flux_error_t *err)
{
    return pmi_client_finalize (c, err);
}

static void simple_abort (void *c, int exit_code, const char *msg)
{
    pmi_client_abort (c, exit_code, msg);
}

static void simple_close (void *c)
{
    pmi_client_close (c);
}

const struct pmi_method method_simple = {
    .scheme = "simple",
    .open = simple_open,
    .put = simple_put,
    .get = simple_get,
    .barrier = simple_barrier,
    .finalize = simple_finalize,
    .abort = simple_abort,
    .close = simple_close,
};
