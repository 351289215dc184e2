/* config.c - the instance's configuration
 */
#include <errno.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "base/similar.h"
#include "broker/config.h"
#include "broker/modhost.h"

struct config {
    flux_t *h;
    uint32_t rank;
    flux_conf_t *conf;
    char *path;
    struct modhost *mh;
    config_hook_f hook;
    void *hook_arg;
    flux_msg_handler_t **handlers;
    struct flux_msglist *followers;    /* config.sync streams of children */
    struct list_node changes;          /* that are requested; the first is being made */
    flux_future_t *sync;               /* ours to the parent */
    config_done_f sync_done;
    void *sync_arg;
};

/* A change that modules are being asked about.  Those that someone requests are made
 * one after the other, and only if no module refuses. */
struct change {
    struct list_node node;             /* of config.changes, if requested */
    struct config *c;
    flux_conf_t *conf;
    const flux_msg_t *msg;             /* who wants it, or NULL: it is so already */
    int pending;
    int errnum;
    flux_error_t error;
};

flux_conf_t *config_read (const char *path, char *const *updates, flux_error_t *err)
{
    flux_conf_t *conf = path ? flux_conf_parse (path, err) : flux_conf_create ();

    if (!conf)
        return NULL;
    for (; updates && *updates; updates++) {
        if (flux_conf_update (conf, *updates, err) < 0) {
            flux_conf_decref (conf);
            return NULL;
        }
    }
    return conf;
}

static json_t *object_of (const flux_conf_t *conf)
{
    json_t *o;

    return flux_conf_unpack (conf, NULL, "o", &o) < 0 ? NULL : o;
}

static void change_free (struct change *ch)
{
    list_del (&ch->node);
    flux_conf_decref (ch->conf);
    flux_msg_decref (ch->msg);
    free (ch);
}

static void tell_children (struct config *c, json_t *o)
{
    const flux_msg_t *msg = flux_msglist_first (c->followers);

    for (; msg; msg = flux_msglist_next (c->followers))
        flux_respond_pack (c->h, msg, "O", o);
}

/* Other tables may be of someone's module: no error, but maybe misspelt. */
static void warn_of_tables (struct config *c, json_t *o)
{
    static const char *const known[] = {
        "access", "alternatives", "bootstrap", "exec", "heartbeat", "ingest", "job-manager",
        "kvs", "modules", "policy", "queues", "resource", "sched-fluxion-qmanager",
        "sched-fluxion-resource", "sdexec", "sign", "systemd", "tbon", NULL,
    };
    const char *key;
    json_t *val;

    if (c->rank > 0)
        return;
    json_object_foreach (o, key, val) {
        const char *near = similar_nearest (key, known);
        if (near && strcmp (near, key) != 0)
            flux_log (c->h, LOG_WARNING, "configuration: the table %s is of no service of Flux:"
                      " is '%s' meant?", key, near);
    }
}

/* From here on it is the configuration. */
static void adopt (struct config *c, flux_conf_t *conf)
{
    json_t *o = object_of (conf);

    flux_conf_decref (c->conf);
    c->conf = (flux_conf_t *)flux_conf_incref (conf);
    flux_set_conf_new (c->h, flux_conf_copy (conf));
    if (o) {
        warn_of_tables (c, o);
        tell_children (c, o);
    }
}

static void each_module (struct config *c, void (*fun) (void *arg, const char *topic), void *arg)
{
    struct list_node *const lists[] = { modhost_core_list (c->mh), modhost_list (c->mh) };
    char topic[128];

    for (size_t i = 0; i < 2; i++) {
        list_foreach (lists[i], n) {
            snprintf (topic, sizeof (topic), "%s.config-reload",
                      list_entry (n, struct module, node)->name);
            fun (arg, topic);
        }
    }
}

/* Those that took the change, too, have what they had before. */
static void give_back (void *arg, const char *topic)
{
    struct config *c = arg;

    flux_future_destroy (flux_rpc_pack (c->h, topic, c->rank, FLUX_RPC_NORESPONSE, "O",
                                        object_of (c->conf)));
}

static void undo (struct config *c)
{
    flux_error_t err;

    if (c->hook)
        (void)c->hook (c->hook_arg, c->conf, &err);
    if (c->mh && object_of (c->conf))
        each_module (c, give_back, c);
}

static void begin (struct change *ch);

static void finish (struct change *ch)
{
    struct config *c = ch->c;
    struct list_node *next;

    if (!ch->msg && ch->errnum)
        flux_log (c->h, LOG_ERR, "configuration update: %s", ch->error.text);
    else if (ch->errnum) {
        undo (c);
        flux_respond_error (c->h, ch->msg, ch->errnum, ch->error.text);
    }
    else if (ch->msg) {
        adopt (c, ch->conf);
        flux_respond (c->h, ch->msg, NULL);
    }
    change_free (ch);
    if ((next = list_first (&c->changes))
        && list_entry (next, struct change, node)->pending == 0)
        begin (list_entry (next, struct change, node));
}

static void change_done_one (struct change *ch)
{
    if (--ch->pending == 0)
        finish (ch);
}

static void module_answers (flux_future_t *f, void *arg)
{
    struct change *ch = arg;

    if (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS && ch->errnum == 0) {
        ch->errnum = errno;
        snprintf (ch->error.text, sizeof (ch->error.text), "%s",
                  future_strerror (f, errno));
    }
    flux_future_destroy (f);
    change_done_one (ch);
}

static void ask (void *arg, const char *topic)
{
    struct change *ch = arg;
    flux_future_t *f;

    if (!(f = flux_rpc_pack (ch->c->h, topic, ch->c->rank, 0, "O", object_of (ch->conf)))
        || flux_future_then (f, -1, module_answers, ch) < 0) {
        flux_future_destroy (f);
        return;
    }
    ch->pending++;
}

static void begin (struct change *ch)
{
    struct config *c = ch->c;

    ch->pending = 1;
    if (c->hook)
        ch->errnum = -c->hook (c->hook_arg, ch->conf, &ch->error);
    if (c->mh && (ch->errnum == 0 || !ch->msg))
        each_module (c, ask, ch);
    change_done_one (ch);
}

/* Make 'conf' (taken) the configuration and show it around.  'msg' is answered when
 * all have seen it; with NULL it is not asked for, but told. */
static void apply (struct config *c, flux_conf_t *conf, const flux_msg_t *msg)
{
    struct change *ch = calloc (1, sizeof (*ch));
    bool first = list_empty (&c->changes);

    if (!ch || !object_of (conf)) {
        free (ch);
        flux_conf_decref (conf);
        if (msg)
            flux_respond_error (c->h, msg, ENOMEM, NULL);
        return;
    }
    list_init (&ch->node);
    ch->c = c;
    ch->conf = conf;
    ch->msg = flux_msg_incref (msg);
    if (msg)
        list_append (&c->changes, &ch->node);
    else
        adopt (c, conf);
    if (first || !msg)
        begin (ch);
}

/* --- requests --- */

static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                    void *arg)
{
    struct config *c = arg;
    json_t *o = object_of (c->conf);

    if (!o || flux_respond_pack (h, msg, "O", o) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static bool refuse_follower (struct config *c, const flux_msg_t *msg)
{
    if (c->rank == 0)
        return false;
    flux_respond_error (c->h, msg, EINVAL, "the configuration is changed on the"
                        " leader (rank 0); followers take it from there");
    return true;
}

static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct config *c = arg;
    json_t *o;
    flux_conf_t *conf;

    if (refuse_follower (c, msg))
        return;
    if (flux_request_unpack (msg, NULL, "o", &o) < 0
        || !(conf = flux_conf_pack ("o", json_deep_copy (o))))
        flux_respond_error (h, msg, errno, NULL);
    else
        apply (c, conf, msg);
}

static void reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct config *c = arg;
    flux_error_t err;
    flux_conf_t *conf;

    if (refuse_follower (c, msg))
        return;
    if (!c->path)
        flux_respond (h, msg, NULL);
    else if (!(conf = flux_conf_parse (c->path, &err)))
        flux_respond_error (h, msg, errno, err.text);
    else
        apply (c, conf, msg);
}

static void sync_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct config *c = arg;
    json_t *o = object_of (c->conf);

    if (!flux_msg_is_streaming (msg))
        errno = EPROTO;
    else if (o && flux_msglist_append (c->followers, msg) == 0) {
        flux_respond_pack (h, msg, "O", o);
        return;
    }
    flux_respond_error (h, msg, errno, NULL);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct config *c = arg;
    (void)flux_msglist_disconnect (c->followers, msg);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "config.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config.load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config.reload", reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config.sync", sync_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* --- a follower's side --- */

static void sync_arrives (flux_future_t *f, void *arg)
{
    struct config *c = arg;
    config_done_f done = c->sync_done;
    json_t *o;
    flux_conf_t *conf;

    c->sync_done = NULL;
    if (flux_rpc_get_unpack (f, "o", &o) < 0
        || !(conf = flux_conf_pack ("o", json_deep_copy (o)))) {
        int e = errno;
        if (done)
            done (c->sync_arg, -e, future_strerror (f, e));
        return;
    }
    apply (c, conf, NULL);
    flux_future_reset (f);
    if (done)
        done (c->sync_arg, 0, NULL);
}

int config_sync (struct config *c, config_done_f done, void *arg)
{
    c->sync_done = done;
    c->sync_arg = arg;
    if (!(c->sync = flux_rpc (c->h, "config.sync", NULL, FLUX_NODEID_UPSTREAM,
                              FLUX_RPC_STREAMING))
        || flux_future_then (c->sync, -1, sync_arrives, c) < 0)
        return -errno;
    return 0;
}

void config_unsync (struct config *c)
{
    flux_future_destroy (c->sync);
    c->sync = NULL;
    c->sync_done = NULL;
}

const flux_conf_t *config_get (struct config *c)
{
    return c->conf;
}

void config_set_hook (struct config *c, config_hook_f hook, void *arg)
{
    c->hook = hook;
    c->hook_arg = arg;
}

void config_set_modhost (struct config *c, struct modhost *mh)
{
    c->mh = mh;
}

struct config *config_new (flux_t *h, flux_conf_t *conf, const char *path,
                           uint32_t rank)
{
    struct config *c = calloc (1, sizeof (*c));

    if (!c) {
        flux_conf_decref (conf);
        return NULL;
    }
    c->h = h;
    c->conf = conf;
    c->rank = rank;
    list_init (&c->changes);
    if ((path && !(c->path = strdup (path)))
        || !(c->followers = flux_msglist_create ())
        || flux_set_conf_new (h, flux_conf_copy (conf)) < 0
        || flux_msg_handler_addvec (h, htab, c, &c->handlers) < 0) {
        config_free (c);
        return NULL;
    }
    warn_of_tables (c, object_of (conf));
    return c;
}

void config_free (struct config *c)
{
    if (!c)
        return;
    config_unsync (c);
    list_foreach (&c->changes, n)
        change_free (list_entry (n, struct change, node));
    flux_msg_handler_delvec (c->handlers);
    flux_msglist_destroy (c->followers);
    flux_conf_decref (c->conf);
    free (c->path);
    free (c);
}
