/* watch_service.c - the face "kvs-watch": watches, waits and streams */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/relay.h"
#include "modules/kvs/state.h"
#include "modules/kvs/watch.h"

struct service {
    flux_t *h;
    struct kvs *kvs;          /* NULL: we relay */
    struct relay *relay;
    flux_msg_handler_t **handlers;
};

static void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)mh;
    watch_request (s->kvs->watches, h, msg);
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)h;
    (void)mh;
    watch_cancel (s->kvs->watches, msg);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh,
                           const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)h;
    (void)mh;
    watch_disconnect (s->kvs->watches, msg);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    size_t n = s->relay ? relay_count (s->relay) : watches_count (s->kvs->watches);
    (void)mh;
    if (flux_respond_pack (h, msg, "{s:I}", "watchers", (json_int_t)n) < 0)
        flux_log_error (h, "kvs-watch: responding");
}

static const struct flux_msg_handler_spec rank0_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "lookup", lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec relay_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const char *const relayed[] = { "*lookup", NULL };

static void service_stop (void *arg)
{
    struct service *s = arg;
    if (!s)
        return;
    flux_msg_handler_delvec (s->handlers);
    relay_free (s->relay);
    if (s->kvs) {
        watches_flush (s->kvs->watches);
        refq_flush (s->kvs->refq, s->h);
    }
    free (s);
}

static int service_start (flux_t *h, int argc, char **argv, void **ctxp,
                          flux_error_t *err)
{
    struct service *s = calloc (1, sizeof (*s));
    uint32_t rank;
    int rc = 0;

    if (!s || flux_get_rank (h, &rank) < 0) {
        rc = errmsg (err, s ? -errno : -ENOMEM, "kvs-watch: %s",
                     strerror (errno));
        goto error;
    }
    s->h = h;
    if (argc > 0) {
        rc = errmsg (err, -EINVAL, "kvs-watch: unknown option %.60s", argv[0]);
        goto error;
    }
    if (rank > 0) {
        s->relay = relay_new (h, "kvs-watch", relayed, "kvs-watch.cancel", err);
        if (!s->relay) {
            rc = -errno;
            goto error;
        }
    }
    else {
        struct kvs *kvs = builtin_data (h);
        if ((rc = kvs_init (kvs, h, err)) < 0)
            goto error;
        s->kvs = kvs;
    }
    if (flux_msg_handler_addvec_ex (h, "kvs-watch",
                                    rank > 0 ? relay_htab : rank0_htab, s,
                                    &s->handlers) < 0) {
        rc = errmsg (err, -errno, "kvs-watch: handlers: %s", strerror (errno));
        goto error;
    }
    *ctxp = s;
    return 0;
error:
    service_stop (s);
    return rc;
}

const struct builtin kvs_watch_builtin = {
    .name = "kvs-watch",
    .data = "kvs",
    .start = service_start,
    .stop = service_stop,
};
