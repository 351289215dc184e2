/* method.c - methods that every service has
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <flux/core.h>

#include "core/module_state.h"

static void respond_failed (flux_t *h, const flux_msg_t *msg)
{
    if (flux_respond_error (h, msg, errno, NULL) < 0)
        flux_log_error (h, "responding to a standard method");
}

static void checked (flux_t *h, const flux_msg_t *msg, int rc)
{
    if (rc < 0)
        respond_failed (h, msg);
}

/* "0EB02!A3368!0!382A6": the hops of the request, and this service. */
static char *ping_route (flux_t *h, const flux_msg_t *msg)
{
    const char *uuid = flux_aux_get (h, "flux::uuid");
    char *route = flux_msg_route_string (msg);
    char *s = NULL;

    if (!route && !(route = strdup (""))) // it came by no socket
        return NULL;
    if (!uuid)
        return route;
    if (asprintf (&s, "%s%s%.5s", route, *route ? "!" : "", uuid) < 0)
        s = NULL;
    free (route);
    return s;
}

static void ping_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct flux_msg_cred cred;
    json_t *o = NULL;
    json_t *req;
    json_t *add = NULL;
    char *route = NULL;
    int rc = -1;

    if (flux_request_unpack (msg, NULL, "o", &req) == 0
        && flux_msg_get_cred (msg, &cred) == 0
        && (route = ping_route (h, msg))) {
        errno = ENOMEM;
        if ((o = json_copy (req))
            && (add = json_pack ("{s:s s:I s:I}", "route", route,
                                 "userid", (json_int_t)cred.userid,
                                 "rolemask", (json_int_t)cred.rolemask))
            && json_object_update (o, add) == 0)
            rc = flux_respond_pack (h, msg, "O", o);
    }
    checked (h, msg, rc);
    json_decref (add);
    json_decref (o);
    free (route);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_msgcounters_t c;

    flux_get_msgcounters (h, &c);
    checked (h, msg, flux_respond_pack (h, msg, "{s:{s:i s:i s:i s:i} s:{s:i s:i s:i s:i}}",
                                        "tx",
                                        "request", c.request_tx,
                                        "response", c.response_tx,
                                        "event", c.event_tx,
                                        "control", c.control_tx,
                                        "rx",
                                        "request", c.request_rx,
                                        "response", c.response_rx,
                                        "event", c.event_rx,
                                        "control", c.control_rx));
}

static void stats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_clr_msgcounters (h);
    checked (h, msg, flux_respond (h, msg, NULL));
}

static void stats_clear_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                                  void *arg)
{
    flux_clr_msgcounters (h);
}

/* The optional "who" of the request; a thread answers for itself unless asked. */
static int rusage_who (const flux_msg_t *msg, int *whop)
{
    const char *who = NULL;

    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?s}", "who", &who) < 0)
        return -1;
    if (!who || strcmp (who, "thread") == 0)
        *whop = RUSAGE_THREAD;
    else if (strcmp (who, "self") == 0)
        *whop = RUSAGE_SELF;
    else if (strcmp (who, "children") == 0)
        *whop = RUSAGE_CHILDREN;
    else {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static double tv_seconds (struct timeval tv)
{
    return tv.tv_sec + 1E-6 * tv.tv_usec;
}

static void rusage_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rusage r;
    int who;

    if (rusage_who (msg, &who) < 0 || getrusage (who, &r) < 0) {
        respond_failed (h, msg);
        return;
    }
    checked (h, msg, flux_respond_pack (h, msg,
                 "{s:f s:f s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}",
                 "utime", tv_seconds (r.ru_utime),
                 "stime", tv_seconds (r.ru_stime),
                 "maxrss", (json_int_t)r.ru_maxrss,
                 "ixrss", (json_int_t)r.ru_ixrss,
                 "idrss", (json_int_t)r.ru_idrss,
                 "isrss", (json_int_t)r.ru_isrss,
                 "minflt", (json_int_t)r.ru_minflt,
                 "majflt", (json_int_t)r.ru_majflt,
                 "nswap", (json_int_t)r.ru_nswap,
                 "inblock", (json_int_t)r.ru_inblock,
                 "oublock", (json_int_t)r.ru_oublock,
                 "msgsnd", (json_int_t)r.ru_msgsnd,
                 "msgrcv", (json_int_t)r.ru_msgrcv,
                 "nsignals", (json_int_t)r.ru_nsignals,
                 "nvcsw", (json_int_t)r.ru_nvcsw,
                 "nivcsw", (json_int_t)r.ru_nivcsw));
}

static int *debug_flags (flux_t *h)
{
    int *flags = flux_aux_get (h, MODULE_DEBUG_AUX);

    if (flags)
        return flags;
    if (!(flags = calloc (1, sizeof (*flags)))
        || flux_aux_set (h, MODULE_DEBUG_AUX, flags, free) < 0) {
        free (flags);
        return NULL;
    }
    return flags;
}

static int debug_apply (int *mask, const char *op, int flags)
{
    if (strcmp (op, "setbit") == 0)
        *mask |= flags;
    else if (strcmp (op, "clrbit") == 0)
        *mask &= ~flags;
    else if (strcmp (op, "set") == 0)
        *mask = flags;
    else if (strcmp (op, "clr") == 0)
        *mask = 0;
    else {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void debug_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *op;
    int flags;
    int *mask;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "op", &op, "flags", &flags) < 0
        || !(mask = debug_flags (h))
        || debug_apply (mask, op, flags) < 0) {
        respond_failed (h, msg);
        return;
    }
    checked (h, msg, flux_respond_pack (h, msg, "{s:i}", "flags", *mask));
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    flux_conf_t *conf;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        respond_failed (h, msg);
        return;
    }
    if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        respond_failed (h, msg);
        return;
    }
    checked (h, msg, flux_respond (h, msg, NULL));
}

/* No response, says RFC 5. */
static void shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

static const struct flux_msg_handler_spec methods[] = {
    { FLUX_MSGTYPE_REQUEST, "ping", ping_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rusage", rusage_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "debug", debug_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "shutdown", shutdown_cb, 0 },
    { 0, NULL, NULL, 0 },
};

static flux_msg_handler_t *stats_clear_event (flux_t *h, const char *service_name)
{
    struct flux_match match = FLUX_MATCH_EVENT;
    flux_msg_handler_t *mh;

    if (flux_match_asprintf (&match, "%s.stats-clear", service_name) < 0)
        return NULL;
    mh = flux_msg_handler_create (h, match, stats_clear_event_cb, NULL);
    flux_match_free (match);
    if (mh)
        flux_msg_handler_start (mh);
    return mh;
}

/* Add one to a table of flux_msg_handler_addvec(). */
static int add_handler (flux_msg_handler_t ***handlers, flux_msg_handler_t *mh)
{
    flux_msg_handler_t **v;
    size_t n = 0;

    while ((*handlers)[n])
        n++;
    if (!(v = realloc (*handlers, (n + 2) * sizeof (*v))))
        return -1;
    v[n] = mh;
    v[n + 1] = NULL;
    *handlers = v;
    return 0;
}

int flux_register_default_methods (flux_t *h,
                                   const char *service_name,
                                   flux_msg_handler_t **msg_handlers[])
{
    flux_msg_handler_t **handlers;
    flux_msg_handler_t *mh;

    if (!h || !service_name || !msg_handlers) {
        errno = EINVAL;
        return -1;
    }
    if (flux_msg_handler_addvec_ex (h, service_name, methods, NULL, &handlers) < 0)
        return -1;
    mh = stats_clear_event (h, service_name);
    if (!mh || add_handler (&handlers, mh) < 0) {
        flux_msg_handler_destroy (mh);
        flux_msg_handler_delvec (handlers);
        return -1;
    }
    *msg_handlers = handlers;
    return 0;
}
