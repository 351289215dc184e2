/* brokersvc.c - small services of the broker
 */
#include <errno.h>

#include "broker/brokersvc.h"

struct brokersvc {
    flux_t *h;
    struct life *life;
    struct attrs *attrs;
    struct environment *env;
    uint32_t rank;
    flux_msg_handler_t **defaults;
    flux_msg_handler_t **handlers;
    struct flux_msglist *watchers;    /* shutdown.start streams */
};

/* --- broker.* --- */

static void getenv_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct brokersvc *bs = arg;
    json_t *names, *o, *env;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "names", &names) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    env = json_object ();
    json_array_foreach (names, i, o) {
        const char *name = json_string_value (o);
        const char *value = name ? environment_get (bs->env, name) : NULL;
        if (value)
            json_object_set_new (env, name, json_string (value));
    }
    flux_respond_pack (h, msg, "{s:o}", "env", env);
}

static int check_env (json_t *env)
{
    const char *name;
    json_t *o;

    json_object_foreach (env, name, o)
        if (name[0] == '\0' || strchr (name, '=')
            || (!json_is_string (o) && !json_is_null (o)))
            return -1;
    return 0;
}

static void setenv_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct brokersvc *bs = arg;
    json_t *env, *o;
    const char *name;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:o}", "env", &env) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (check_env (env) < 0) {
        flux_respond_error (h, msg, EINVAL, "a name is empty or contains '=', or a"
                            " value is no string");
        return;
    }
    json_object_foreach (env, name, o) {
        if (environment_blocked (name))
            continue;
        if ((rc = environment_set (bs->env, name, json_string_value (o))) < 0) {
            flux_respond_error (h, msg, -rc, NULL);
            return;
        }
    }
    flux_respond (h, msg, NULL);
}

static void conf_builtin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    const char *name, *value;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!(value = flux_conf_builtin_get (name, FLUX_CONF_AUTO)))
        flux_respond_error (h, msg, ENOENT, "no such built-in value");
    else
        flux_respond_pack (h, msg, "{s:s}", "value", value);
}

/* --- shutdown.* --- */

static void end_watcher (struct brokersvc *bs)
{
    life_release_goodbye (bs->life);
}

/* A streaming request is held until rc3 is over, and with it the broker's last
 * steps; what is logged meanwhile its sender reads from log.dmesg. */
static void shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg)
{
    struct brokersvc *bs = arg;
    enum runlevel level = statemachine_get (life_statemachine (bs->life));
    const char *errstr = NULL;

    if (bs->rank > 0) {
        errno = EINVAL;
        errstr = "only the rank 0 broker may be asked to shut down";
        goto error;
    }
    if (level != RUNLEVEL_RUN) {
        errno = EINVAL;
        errstr = level > RUNLEVEL_RUN ? "the broker is shutting down already"
                                      : "the broker is not in run state yet";
        goto error;
    }
    if (flux_msg_is_streaming (msg)) {
        if (flux_msglist_append (bs->watchers, msg) < 0)
            goto error;
        life_hold_goodbye (bs->life);
    }
    else
        flux_respond (h, msg, NULL);
    life_shutdown (bs->life);
    return;
error:
    flux_respond_error (h, msg, errno, errstr);
}

static void shutdown_gone_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct brokersvc *bs = arg;
    int n = flux_msglist_disconnect (bs->watchers, msg);

    while (n-- > 0)
        end_watcher (bs);
}

/* --- runat.* --- */

static void push_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct brokersvc *bs = arg;
    const char *name;
    json_t *commands;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:s s:o}", "name", &name, "commands",
                             &commands) < 0)
        goto error;
    if (strcmp (name, "cleanup") != 0 || !json_is_array (commands)) {
        errno = EINVAL;
        goto error;
    }
    /* Each goes to the front, so the last one first keeps their order. */
    for (i = json_array_size (commands); i > 0; i--) {
        const char *s = json_string_value (json_array_get (commands, i - 1));
        if (!s || life_push_cleanup (bs->life, s) < 0) {
            errno = s ? ENOMEM : EPROTO;
            goto error;
        }
    }
    flux_respond (h, msg, NULL);
    return;
error:
    flux_respond_error (h, msg, errno, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "broker.getenv", getenv_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "broker.setenv", setenv_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "broker.conf-builtin", conf_builtin_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "shutdown.start", shutdown_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "shutdown.disconnect", shutdown_gone_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "runat.push", push_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct brokersvc *brokersvc_new (flux_t *h, struct life *life, struct attrs *attrs,
                                 struct environment *env, uint32_t rank)
{
    struct brokersvc *bs = calloc (1, sizeof (*bs));

    if (!bs)
        return NULL;
    bs->h = h;
    bs->life = life;
    bs->attrs = attrs;
    bs->env = env;
    bs->rank = rank;
    if (!(bs->watchers = flux_msglist_create ())
        || flux_register_default_methods (h, "broker", &bs->defaults) < 0
        || flux_msg_handler_addvec (h, htab, bs, &bs->handlers) < 0) {
        brokersvc_free (bs);
        return NULL;
    }
    return bs;
}

void brokersvc_free (struct brokersvc *bs)
{
    if (!bs)
        return;
    flux_msg_handler_delvec (bs->handlers);
    flux_msg_handler_delvec (bs->defaults);
    flux_msglist_destroy (bs->watchers);
    free (bs);
}
