/* modsvc.c - module.* and service.* requests
 */
#include <errno.h>

#include "base/errmsg.h"
#include "broker/modhost.h"
#include "broker/modsvc.h"
#include "broker/tracer.h"

struct modsvc {
    flux_t *h;
    struct modhost *mh;
    struct tracer *tracer;
    flux_msg_handler_t **handlers;
};

/* A module.probe request, until what it loads runs. */
struct probe {
    struct modsvc *ms;
    const flux_msg_t *msg;
    json_t *plan;
    double t0;
};

static bool is_user (struct module *m)
{
    return m->builtin == NULL;
}

/* --- load, remove, reload --- */

/* Strings of a JSON array, NULL terminated, borrowed from it. */
static char **args_of (json_t *args, int *argcp)
{
    size_t n = args ? json_array_size (args) : 0;
    char **argv;

    if (args && !json_is_array (args)) {
        errno = EPROTO;
        return NULL;
    }
    if (!(argv = calloc (n + 1, sizeof (*argv))))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!(argv[i] = (char *)json_string_value (json_array_get (args, i)))) {
            free (argv);
            errno = EPROTO;
            return NULL;
        }
    }
    *argcp = n;
    return argv;
}

/* A module.load request; what it has is borrowed. */
struct load {
    const char *path;
    const char *name;
    json_t *args;
    struct modhost_how how;
};

static int load_decode (const flux_msg_t *msg, struct load *l)
{
    int exec = 0;

    *l = (struct load){ 0 };
    if (flux_request_unpack (msg, NULL, "{s:s s?s s?o s?b s?s}", "path", &l->path, "name",
                             &l->name, "args", &l->args, "exec", &exec, "loader",
                             &l->how.loader) < 0)
        return -1;
    l->how.exec = exec;
    return 0;
}

static void load_now (struct modsvc *ms, const flux_msg_t *msg, const struct load *l)
{
    flux_error_t err;
    struct module *m;
    int argc = 0;
    char **argv = args_of (l->args, &argc);

    if (!argv) {
        flux_respond_error (ms->h, msg, errno, NULL);
        return;
    }
    m = modhost_load (ms->mh, l->path, l->name, &l->how, argc, argv, &err);
    free (argv);
    if (!m)
        flux_respond_error (ms->h, msg, errno, err.text);
    else if (m->status >= MODULE_RUNNING)
        flux_respond (ms->h, msg, NULL);
    else if (flux_msglist_append (m->loaders, msg) < 0)
        flux_respond_error (ms->h, msg, errno, NULL);
}

/* A load that waits until the built-in service of that name has gone. */
struct replacement {
    struct modsvc *ms;
    const flux_msg_t *msg;
};

static void replace (struct module *m, void *arg)
{
    struct replacement *rep = arg;
    struct load l;

    /* The name is free once the module is, which is right after this call. */
    endpoint_free (m->ep);
    m->ep = NULL;
    list_del (&m->node);
    if (load_decode (rep->msg, &l) == 0)
        load_now (rep->ms, rep->msg, &l);
    flux_msg_decref (rep->msg);
    free (rep);
}

static int replace_later (struct modsvc *ms, struct module *m, const flux_msg_t *msg)
{
    struct replacement *rep = calloc (1, sizeof (*rep));

    if (!rep)
        return -1;
    rep->ms = ms;
    rep->msg = flux_msg_incref (msg);
    m->on_exit = replace;
    m->on_exit_arg = rep;
    modhost_remove_for_reload (ms->mh, m);
    return 0;
}

/* "./kvs.so" replaces the built-in kvs. */
static struct module *builtin_to_replace (struct modsvc *ms, const char *path,
                                          const char *name)
{
    const char *base = strrchr (path, '/');
    char own[128];
    char *dot;
    struct module *m;

    if (!base)
        return NULL;
    snprintf (own, sizeof (own), "%s", name ? name : base + 1);
    if (!name && ((dot = strstr (own, ".so")) || (dot = strstr (own, ".py"))))
        *dot = '\0';
    m = modhost_find (ms->mh, own);
    return m && !is_user (m) && !m->on_exit ? m : NULL;
}

static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct modsvc *ms = arg;
    struct load l;
    struct module *m;

    if (load_decode (msg, &l) < 0)
        goto error;
    if ((m = builtin_to_replace (ms, l.path, l.name))) {
        if (replace_later (ms, m, msg) < 0)
            goto error;
        return;
    }
    load_now (ms, msg, &l);
    return;
error:
    flux_respond_error (h, msg, errno, NULL);
}

/* --- load what the configuration names (flux-modprobe(1)) --- */

/* {name:{"start":s,"end":s}}, in seconds since the request. */
static json_t *probe_timing (struct probe *pr)
{
    json_t *timing = json_object (), *entry;
    size_t i;

    json_array_foreach (pr->plan, i, entry) {
        const char *name = json_string_value (json_object_get (entry, "name"));
        struct module *m = modhost_find (pr->ms->mh, name);
        if (m && m->t_running > 0)
            json_object_set_new (timing, name,
                                 json_pack ("{s:f s:f}", "start", m->t_start - pr->t0, "end",
                                            m->t_running - pr->t0));
    }
    return timing;
}

static void probe_done (void *arg, int rc, const char *text)
{
    struct probe *pr = arg;

    if (rc < 0)
        flux_respond_error (pr->ms->h, pr->msg, -rc, text);
    else
        flux_respond_pack (pr->ms->h, pr->msg, "{s:O s:o}", "modules", pr->plan, "timing",
                           probe_timing (pr));
    json_decref (pr->plan);
    flux_msg_decref (pr->msg);
    free (pr);
}

/* A new reference to the entries that are asked for and not loaded. */
static json_t *plan_of (struct modsvc *ms, json_t *names, flux_error_t *err)
{
    struct modconf *mc = modhost_conf (ms->mh, err);
    int argc = 0;
    char **argv = mc && names ? args_of (names, &argc) : NULL;
    json_t *plan = NULL, *entry;

    if (mc && names && !argv)
        errmsg (err, -errno, "names: must be an array of strings");
    else if (mc)
        plan = modconf_plan (mc, (const char *const *)argv, err);
    for (size_t i = json_array_size (plan); i > 0; i--) {
        entry = json_array_get (plan, i - 1);
        if (modhost_find (ms->mh, json_string_value (json_object_get (entry, "name"))))
            json_array_remove (plan, i - 1);
    }
    free (argv);
    modconf_free (mc);
    return plan;
}

static void probe_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct modsvc *ms = arg;
    json_t *names = NULL, *plan = NULL;
    int dry_run = 0;
    flux_error_t err = { 0 };
    struct probe *pr;

    if (flux_request_unpack (msg, NULL, "{s?o s?b}", "names", &names, "dry-run",
                             &dry_run) < 0)
        goto error;
    if (!dry_run && modhost_is_loading (ms->mh)) {
        errmsg (&err, -1, "modules are being loaded already");
        errno = EBUSY;
        goto error;
    }
    if (!(plan = plan_of (ms, names, &err)))
        goto error;
    if (dry_run) {
        flux_respond_pack (h, msg, "{s:o}", "modules", plan);
        return;
    }
    if (!(pr = calloc (1, sizeof (*pr))))
        goto error;
    *pr = (struct probe){ .ms = ms, .msg = flux_msg_incref (msg), .plan = plan,
                          .t0 = module_clock () };
    modhost_load_plan (ms->mh, plan, probe_done, pr);
    return;
error:
    flux_respond_error (h, msg, errno, err.text[0] ? err.text : NULL);
    json_decref (plan);
}

static void config_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct modsvc *ms = arg;
    flux_error_t err;
    struct modconf *mc = modhost_conf (ms->mh, &err);
    json_t *o = mc ? modconf_dump (mc) : NULL;

    if (!mc)
        flux_respond_error (h, msg, errno, err.text);
    else if (flux_respond_pack (h, msg, "o", o) < 0)
        flux_respond_error (h, msg, ENOMEM, NULL);
    modconf_free (mc);
}

static struct module *find (struct modsvc *ms, const char *name, char *text,
                            size_t size)
{
    struct module *m = modhost_find (ms->mh, name);

    if (!m) {
        snprintf (text, size, "module %s is not loaded", name);
        errno = ENOENT;
    }
    return m;
}

static void remove_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct modsvc *ms = arg;
    const char *name;
    int cancel = 0, reload = 0;
    struct module *m;
    char text[160];

    if (flux_request_unpack (msg, NULL, "{s:s s?b s?b}", "name", &name, "cancel",
                             &cancel, "reload", &reload) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (!(m = find (ms, name, text, sizeof (text)))) {
        flux_respond_error (h, msg, errno, text);
        return;
    }
    if (cancel && !is_user (m)) {
        flux_respond_error (h, msg, EINVAL, "a built-in service has no thread of its"
                            " own to cancel");
        return;
    }
    if (flux_msglist_append (m->removers, msg) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (reload && !cancel)
        modhost_remove_for_reload (ms->mh, m);
    else
        modhost_remove (ms->mh, m, cancel);
}

/* --- list --- */

static json_t *services_of (struct modsvc *ms, struct module *m)
{
    json_t *a = json_array ();
    size_t pos = 0;
    const char *name;

    while (a && (name = router_service_next (modhost_router (ms->mh), &pos, m->ep)))
        if (strcmp (name, m->name) != 0)
            json_array_append_new (a, json_string (name));
    return a;
}

static int queue_length (flux_t *h, const char *option)
{
    size_t count = 0;

    return flux_opt_get (h, option, &count, sizeof (count)) < 0 ? 0 : (int)count;
}

static json_t *describe (struct modsvc *ms, struct module *m)
{
    double now = flux_reactor_now (flux_get_reactor (ms->h));

    return json_pack ("{s:s s:s s:s s:i s:i s:o s:i s:i}", "name", m->name, "path",
                      m->path, "uuid", endpoint_uuid (m->ep), "idle",
                      (int)(now - m->last_sent), "status", (int)m->status,
                      "services", services_of (ms, m), "sendqueue",
                      queue_length (m->near, FLUX_OPT_RECV_QUEUE_COUNT), "recvqueue",
                      queue_length (m->near, FLUX_OPT_SEND_QUEUE_COUNT));
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct modsvc *ms = arg;
    json_t *mods = json_array ();

    list_foreach (modhost_list (ms->mh), n) {
        json_t *o = describe (ms, list_entry (n, struct module, node));
        if (!o || json_array_append_new (mods, o) < 0) {
            json_decref (mods);
            flux_respond_error (h, msg, ENOMEM, NULL);
            return;
        }
    }
    flux_respond_pack (h, msg, "{s:o}", "mods", mods);
}

/* --- status --- */

static void status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct modsvc *ms = arg;
    const char *uuid = flux_msg_route_last (msg);
    struct module *m = uuid ? modhost_find_uuid (ms->mh, uuid) : NULL;
    int status;

    if (flux_request_unpack (msg, NULL, "{s:i}", "status", &status) < 0)
        goto error;
    if (!m || (status != MODULE_RUNNING && status != MODULE_FINALIZING)) {
        errno = EINVAL;
        goto error;
    }
    modhost_set_status (ms->mh, m, status);
    if (!flux_msg_is_noresponse (msg))
        flux_respond (h, msg, NULL);
    return;
error:
    if (!flux_msg_is_noresponse (msg))
        flux_respond_error (h, msg, errno, NULL);
}

/* --- debug, trace --- */

static void debug_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct modsvc *ms = arg;
    const char *name;
    int defer = 0;
    struct module *m;
    char text[160];

    if (flux_request_unpack (msg, NULL, "{s:s s?b}", "name", &name, "defer",
                             &defer) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!(m = find (ms, name, text, sizeof (text))))
        flux_respond_error (h, msg, errno, text);
    else {
        module_defer (m, defer);
        flux_respond (h, msg, NULL);
    }
}

static void on_message (const flux_msg_t *msg, bool rx, void *arg)
{
    struct module *m = arg;
    struct tracer *t = flux_aux_get (m->near, "broker::tracer");

    if (t)
        tracer_message (t, m->name, FLUX_NODEID_ANY, rx, msg);
}

static void trace_module (struct module *m, void *arg)
{
    struct modsvc *ms = arg;

    if (flux_aux_set (m->near, "broker::tracer", ms->tracer, NULL) == 0)
        endpoint_trace (m->ep, on_message, m);
}

/* Modules are watched only from the first trace on: most brokers never see one. */
static void trace_all (struct modsvc *ms)
{
    list_foreach (modhost_list (ms->mh), n)
        trace_module (list_entry (n, struct module, node), ms);
    modhost_on_new (ms->mh, trace_module, ms);
}

static void trace_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct modsvc *ms = arg;
    json_t *names;
    int typemask;
    const char *glob;

    if (flux_request_unpack (msg, NULL, "{s:o s:i s:s}", "names", &names, "typemask",
                             &typemask, "topic_glob", &glob) < 0
        || tracer_add (ms->tracer, msg, names, FLUX_NODEID_ANY, typemask, glob) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    trace_all (ms);
}

static void trace_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    struct modsvc *ms = arg;
    tracer_cancel (ms->tracer, msg);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct modsvc *ms = arg;
    tracer_disconnect (ms->tracer, msg);
}

/* --- services --- */

static struct endpoint *sender (struct modsvc *ms, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_last (msg);
    return id ? router_endpoint (modhost_router (ms->mh), id) : NULL;
}

/* A guest's services begin with his userid, as those of his job shells do. */
static bool may_register (const flux_msg_t *msg, const char *name)
{
    struct flux_msg_cred cred;
    char prefix[16];

    if (flux_msg_get_cred (msg, &cred) < 0)
        return false;
    if (cred.rolemask & FLUX_ROLE_OWNER)
        return true;
    snprintf (prefix, sizeof (prefix), "%u-", (unsigned int)cred.userid);
    return !strncmp (name, prefix, strlen (prefix));
}

static void service_add_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg)
{
    struct modsvc *ms = arg;
    struct endpoint *ep = sender (ms, msg);
    const char *name;
    char text[160];
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (!may_register (msg, name)) {
        flux_respond_error (h, msg, EPERM, "a guest's service must be called"
                            " USERID-something");
        return;
    }
    rc = ep ? router_service_add (modhost_router (ms->mh), name, ep) : -EINVAL;
    if (rc < 0) {
        snprintf (text, sizeof (text), "service %.100s: %s", name, !ep
                  ? "register at the local broker" : rc == -EEXIST
                  ? "another module or client provides it" : strerror (-rc));
        flux_respond_error (h, msg, -rc, text);
        return;
    }
    flux_respond (h, msg, NULL);
}

static void service_remove_cb (flux_t *h, flux_msg_handler_t *mh,
                               const flux_msg_t *msg, void *arg)
{
    struct modsvc *ms = arg;
    struct endpoint *ep = sender (ms, msg);
    const char *name;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!ep)
        flux_respond_error (h, msg, EINVAL, NULL);
    else if ((rc = router_service_remove (modhost_router (ms->mh), name, ep)) < 0)
        flux_respond_error (h, msg, -rc, "the service is not yours");
    else
        flux_respond (h, msg, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "module.load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.remove", remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.probe", probe_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.config", config_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "module.list", list_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "module.status", status_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.debug", debug_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.trace", trace_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.trace-cancel", trace_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.disconnect", disconnect_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "service.add", service_add_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "service.remove", service_remove_cb,
      FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct modsvc *modsvc_new (flux_t *h, struct modhost *mh)
{
    struct modsvc *ms = calloc (1, sizeof (*ms));

    if (!ms)
        return NULL;
    ms->h = h;
    ms->mh = mh;
    if (!(ms->tracer = tracer_new (h))
        || flux_msg_handler_addvec (h, htab, ms, &ms->handlers) < 0) {
        modsvc_free (ms);
        return NULL;
    }
    return ms;
}

void modsvc_free (struct modsvc *ms)
{
    if (!ms)
        return;
    flux_msg_handler_delvec (ms->handlers);
    tracer_free (ms->tracer);
    free (ms);
}
