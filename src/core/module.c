/* module.c - what a broker module and its loader need (RFC 5)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "core/module_state.h"

#define HANDLERS_AUX "flux::module_handlers"

static flux_future_t *status_rpc (flux_t *h, int status, int errnum, int flags)
{
    if (errnum)
        return flux_rpc_pack (h, "module.status", FLUX_NODEID_ANY, flags,
                              "{s:i s:i}", "status", status, "errnum", errnum);
    return flux_rpc_pack (h, "module.status", FLUX_NODEID_ANY, flags,
                          "{s:i}", "status", status);
}

/* Tell the broker, without waiting. */
static int status_send (flux_t *h, int status, int errnum)
{
    flux_future_t *f = status_rpc (h, status, errnum, FLUX_RPC_NORESPONSE);

    flux_future_destroy (f);
    return f ? 0 : -1;
}

int flux_module_set_running (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    return status_send (h, MODULE_STATE_RUNNING, 0);
}

bool flux_module_debug_test (flux_t *h, int flag, bool clear)
{
    int *flags = h ? flux_aux_get (h, MODULE_DEBUG_AUX) : NULL;

    if (!flags || !(*flags & flag))
        return false;
    if (clear)
        *flags &= ~flag;
    return true;
}

int flux_module_config_request_decode (const flux_msg_t *msg, flux_conf_t **conf)
{
    flux_conf_t *c;
    json_t *o;

    if (!conf) {
        errno = EINVAL;
        return -1;
    }
    if (flux_request_unpack (msg, NULL, "o", &o) < 0)
        return -1;
    if (!(o = json_deep_copy (o))) {
        errno = ENOMEM;
        return -1;
    }
    if (!(c = flux_conf_pack ("o", o)))
        return -1;
    *conf = c;
    return 0;
}

/*
 * Welcome
 */

static int aux_set_string (flux_t *h, const char *name, const char *val)
{
    char *cpy = strdup (val);

    if (!cpy || flux_aux_set (h, name, cpy, free) < 0) {
        free (cpy);
        return -1;
    }
    return 0;
}

static int set_attrs (flux_t *h, json_t *attrs)
{
    const char *name;
    json_t *val;

    json_object_foreach (attrs, name, val) {
        if (!json_is_string (val)) {
            errno = EPROTO;
            return -1;
        }
        if (flux_attr_set_cacheonly (h, name, json_string_value (val)) < 0)
            return -1;
    }
    return 0;
}

static int set_conf (flux_t *h, json_t *o)
{
    flux_conf_t *conf;

    if (!(o = json_deep_copy (o))) {
        errno = ENOMEM;
        return -1;
    }
    if (!(conf = flux_conf_pack ("o", o)))
        return -1;
    if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        return -1;
    }
    return 0;
}

static char *join_args (json_t *args)
{
    struct buf b = BUF_INIT;
    size_t i;
    json_t *val;

    json_array_foreach (args, i, val) {
        if (!json_is_string (val)) {
            buf_release (&b);
            errno = EPROTO;
            return NULL;
        }
        (void)buf_addf (&b, "%s%s", i ? " " : "", json_string_value (val));
    }
    return buf_take (&b);
}

static int welcome_decode (flux_t *h, const flux_msg_t *msg, char **args)
{
    json_t *arr, *attrs, *conf;
    const char *name, *uuid;
    char *joined = NULL;

    if (flux_request_unpack (msg, NULL, "{s:o s:o s:o s:s s:s}",
                             "args", &arr, "attrs", &attrs, "conf", &conf,
                             "name", &name, "uuid", &uuid) < 0)
        return -1;
    if (!json_is_array (arr) || !json_is_object (attrs) || !json_is_object (conf)) {
        errno = EPROTO;
        return -1;
    }
    if (!(joined = join_args (arr))
        || set_attrs (h, attrs) < 0
        || set_conf (h, conf) < 0
        || aux_set_string (h, "flux::name", name) < 0
        || aux_set_string (h, "flux::uuid", uuid) < 0) {
        free (joined);
        return -1;
    }
    flux_log_set_appname (h, name);
    if (args)
        *args = joined;
    else
        free (joined);
    return 0;
}

int flux_module_initialize (flux_t *h, char **args, flux_error_t *error)
{
    struct flux_match match = {
        FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, "welcome"
    };
    flux_msg_t *msg;
    int rc;

    if (!h) {
        errmsg (error, -EINVAL, "no handle");
        errno = EINVAL;
        return -1;
    }
    if (!(msg = flux_recv (h, match, 0))) {
        errmsg (error, -errno, "waiting for the welcome request: %s",
                flux_strerror (errno));
        return -1;
    }
    if ((rc = welcome_decode (h, msg, args)) < 0)
        errmsg (error, -errno, "decoding the welcome request: %s",
                flux_strerror (errno));
    flux_msg_decref (msg);
    return rc;
}

/*
 * Handlers every module has
 */

static void handlers_free (void *arg)
{
    flux_msg_handler_delvec (arg);
}

/* Runs in the first turn of the reactor. */
static void running_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_watcher_stop (w);
    if (flux_module_set_running (arg) < 0)
        flux_reactor_stop_error (r);
}

static int watch_running (flux_t *h)
{
    flux_watcher_t *w;

    if (!(w = flux_prepare_watcher_create (flux_get_reactor (h), running_cb, h)))
        return -1;
    if (flux_aux_set (h, NULL, w, (flux_free_f)flux_watcher_destroy) < 0) {
        flux_watcher_destroy (w);
        return -1;
    }
    flux_watcher_start (w);
    return 0;
}

static int subscribe_stats_clear (flux_t *h, const char *name)
{
    char topic[256];

    if (snprintf (topic, sizeof (topic), "%s.stats-clear", name) >= (int)sizeof (topic)) {
        errno = EOVERFLOW;
        return -1;
    }
    return flux_event_subscribe (h, topic);
}

int flux_module_register_handlers (flux_t *h, flux_error_t *error)
{
    flux_msg_handler_t **handlers;
    const char *name;

    if (!h || !(name = flux_aux_get (h, "flux::name"))) {
        errmsg (error, -EINVAL, "the handle has no module name");
        errno = EINVAL;
        return -1;
    }
    if (flux_register_default_methods (h, name, &handlers) < 0) {
        errmsg (error, -errno, "registering methods of %s: %s", name,
                flux_strerror (errno));
        return -1;
    }
    if (flux_aux_set (h, HANDLERS_AUX, handlers, handlers_free) < 0) {
        handlers_free (handlers);
        goto error;
    }
    if (watch_running (h) < 0 || subscribe_stats_clear (h, name) < 0)
        goto error;
    return 0;
error:
    errmsg (error, -errno, "%s: %s", name, flux_strerror (errno));
    return -1;
}

/*
 * The end
 */

static int finalizing (flux_t *h)
{
    flux_future_t *f;
    int rc = -1;

    if ((f = status_rpc (h, MODULE_STATE_FINALIZING, 0, 0)))
        rc = flux_rpc_get (f, NULL);
    flux_future_destroy (f);
    return rc;
}

/* No more requests come: refuse those that are still in the channel. */
static void drain (flux_t *h)
{
    struct flux_match match = { FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, NULL };
    flux_msg_t *msg;

    while ((msg = flux_recv (h, match, FLUX_O_NONBLOCK))) {
        (void)flux_respond_error (h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
}

int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error)
{
    if (!h) {
        errmsg (error, -EINVAL, "no handle");
        errno = EINVAL;
        return -1;
    }
    (void)flux_aux_set (h, HANDLERS_AUX, NULL, NULL);
    if (finalizing (h) < 0) {
        errmsg (error, -errno, "reporting that the module is finalizing: %s",
                flux_strerror (errno));
        return -1;
    }
    drain (h);
    if (status_send (h, MODULE_STATE_EXITED, errnum) < 0) {
        errmsg (error, -errno, "reporting that the module exited: %s",
                flux_strerror (errno));
        return -1;
    }
    return 0;
}
