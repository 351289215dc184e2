/* rexec.c - the broker's subprocess server (RFC 42)
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "core/subprocess_server.h"
#include "modules/exec/exec.h"

struct rexec {
    flux_t *h;
    uint32_t rank;
    struct subprocess_server *server;
};

/* In an instance that has guests, the broker of rank 0, which holds the state
 * of the instance, runs commands only for those who are logged in there. */
static int authorize (const flux_msg_t *msg, void *arg, flux_error_t *err)
{
    struct rexec *ctx = arg;
    int guests = 0;

    if (ctx->rank > 0 || flux_msg_is_local (msg))
        return 0;
    if (flux_conf_unpack (flux_get_conf (ctx->h), NULL, "{s?{s?b}}",
                          "access", "allow-guest-user", &guests) == 0 && !guests)
        return 0;
    return errmsg (err, -EPERM, "rank 0 runs commands for local clients only,"
                   " as access.allow-guest-user is set");
}

static void rexec_stop (void *arg)
{
    struct rexec *ctx = arg;

    if (ctx) {
        subprocess_server_destroy (ctx->server);
        free (ctx);
    }
}

static int rexec_start (flux_t *h, int argc, char **argv, void **ctxp,
                        flux_error_t *err)
{
    struct rexec *ctx;

    if (argc > 0)
        return errmsg (err, -EINVAL, "rexec takes no argument '%s'", argv[0]);
    if (!(ctx = calloc (1, sizeof (*ctx))))
        return errmsg (err, -ENOMEM, "out of memory");
    ctx->h = h;
    if (flux_get_rank (h, &ctx->rank) < 0
        || !(ctx->server = subprocess_server_create (h, "rexec",
                                                     flux_attr_get (h, "local-uri"),
                                                     flux_llog, h))) {
        int rc = errmsg (err, -errno, "rexec: %s", flux_strerror (errno));
        rexec_stop (ctx);
        return rc;
    }
    subprocess_server_set_auth (ctx->server, authorize, ctx);
    *ctxp = ctx;
    return 0;
}

const struct builtin rexec_builtin = {
    .name = "rexec",
    .flags = BUILTIN_CORE,
    .start = rexec_start,
    .stop = rexec_stop,
};
