/* tap_load.c - loading and removal of job manager plugins
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <syslog.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "core/jobtap_ops.h"
#include "modules/job/tap_private.h"

#define PLUG_AUX "job::plug"

const struct tap_builtin tap_builtins[] = {
    { ".priority-default", plug_priority_default },
    { ".dependency-after", plug_dependency_after },
    { ".dependency-singleton", plug_singleton },
    { ".begin-time", plug_begin_time },
    { ".limit-duration", plug_limit_duration },
    { ".limit-job-size", plug_limit_job_size },
    { ".update-duration", plug_update_duration },
    { ".history", plug_history },
    { NULL, NULL },
};

/* ---- going ---- */

static void services_free (struct plug *plug)
{
    list_foreach (&plug->services, pos) {
        struct tap_service *s = list_entry (pos, struct tap_service, node);
        list_del (pos);
        flux_msg_handler_destroy (s->mh);
        free (s);
    }
}

static void job_forget (struct job *job, struct plug *plug)
{
    list_foreach (&job->a->subs, pos) {
        struct tap_sub *sub = list_entry (pos, struct tap_sub, node);
        if (sub->plug == plug)
            tap_sub_free (sub);
    }
    list_foreach (&job->a->aux, pos) {
        struct tap_aux *aux = list_entry (pos, struct tap_aux, node);
        if (aux->plug == plug)
            tap_aux_free (aux);
    }
}

static void plug_free (struct plug *plug)
{
    if (!plug)
        return;
    list_del (&plug->node);
    list_foreach (&plug->m->t->order, pos) {
        struct job *job = list_entry (pos, struct job, order);
        if (job->a)
            job_forget (job, plug);
    }
    services_free (plug);
    flux_plugin_destroy (plug->p);
    hash_free (plug->memo);
    free (plug->name);
    free (plug);
}

/* "all" is all but the built-in ones; a glob matches a leading dot only with a
 * leading dot. */
static int remove_matching (struct mgr *m, const char *pattern, flux_error_t *err)
{
    bool all = !strcmp (pattern, "all");
    int count = 0;

    if (m->tap->calling > 0)
        return errmsg (err, -EBUSY, "plugins cannot be removed by a plugin");
    list_foreach (&m->tap->plugs, pos) {
        struct plug *plug = list_entry (pos, struct plug, node);
        if (fnmatch (all ? "*" : pattern, plug->name, FNM_PERIOD) == 0) {
            plug_free (plug);
            count++;
        }
    }
    if (count == 0 && !all)
        return errmsg (err, -ENOENT, "no plugin matches %s", pattern);
    return 0;
}

/* ---- coming ---- */

static struct plug *plug_new (struct mgr *m, const char *name)
{
    struct plug *plug = calloc (1, sizeof (*plug));

    if (!plug)
        return NULL;
    plug->m = m;
    list_init (&plug->node);
    list_init (&plug->services);
    if (!(plug->name = strdup (name)) || !(plug->p = flux_plugin_create ())
        || flux_plugin_aux_set (plug->p, JOBTAP_OPS_AUX, (void *)&tap_ops, NULL) < 0
        || flux_plugin_aux_set (plug->p, PLUG_AUX, plug, NULL) < 0) {
        plug_free (plug);
        return NULL;
    }
    return plug;
}

static struct plug *find (struct tap *tap, const char *name)
{
    list_foreach (&tap->plugs, pos) {
        struct plug *plug = list_entry (pos, struct plug, node);
        if (!strcmp (plug->name, name))
            return plug;
    }
    return NULL;
}

static int load_builtin (struct plug *plug, const char *name, flux_error_t *err)
{
    for (const struct tap_builtin *b = tap_builtins; b->name; b++) {
        if (strcmp (b->name, name) != 0)
            continue;
        if (!(plug->memo = hash_new (NULL))
            || flux_plugin_set_name (plug->p, name + 1) < 0 || b->init (plug->p) < 0)
            return errmsg (err, -EINVAL, "%s: initialization failed", name);
        return 0;
    }
    return errmsg (err, -ENOENT, "there is no built-in plugin %s", name);
}

/* A file name is looked for on the search path. */
static int find_file (const char *file, char *path, size_t size, flux_error_t *err)
{
    const char *dirs = flux_conf_builtin_get ("jobtap_pluginpath", FLUX_CONF_AUTO);

    if (*file == '/' || !strncmp (file, "./", 2)) {
        snprintf (path, size, "%s", file);
        return 0;
    }
    while (dirs && *dirs) {
        int n = (int)strcspn (dirs, ":");
        snprintf (path, size, "%.*s/%s", n, dirs, file);
        if (access (path, R_OK) == 0)
            return 0;
        dirs += n + (dirs[n] == ':');
    }
    return errmsg (err, -ENOENT, "%s: file not found in %s", file,
                   flux_conf_builtin_get ("jobtap_pluginpath", FLUX_CONF_AUTO));
}

static int load_file (struct plug *plug, const char *file, flux_error_t *err)
{
    char path[4096];
    int rc;

    if ((rc = find_file (file, path, sizeof (path), err)) < 0)
        return rc;
    if (flux_plugin_load_dso (plug->p, path) < 0)
        return errmsg (err, errno ? -errno : -EINVAL, "%s", flux_plugin_strerror (plug->p));
    return 0;
}

/* ---- jobs that are there already ---- */

static int by_id (const void *a, const void *b)
{
    flux_jobid_t x = (*(struct job *const *)a)->id, y = (*(struct job *const *)b)->id;

    return x < y ? -1 : x > y;
}

/* PRIORITY, DEPEND, SCHED, then the others in order of states. */
static int state_rank (const struct job *job)
{
    switch (job->st.state) {
    case FLUX_JOB_STATE_PRIORITY:
        return 0;
    case FLUX_JOB_STATE_DEPEND:
        return 1;
    default:
        return state_index (job->st.state);
    }
}

static int by_state (const void *a, const void *b)
{
    int x = state_rank (*(struct job *const *)a), y = state_rank (*(struct job *const *)b);

    return x != y ? x - y : by_id (a, b);
}

static int by_state_reverse (const void *a, const void *b)
{
    return by_state (b, a);
}

static void notify (struct plug *plug, struct job *job, const char *topic)
{
    flux_plugin_arg_t *args;

    if (!flux_plugin_match_handler (plug->p, topic) || !(args = tap_args (job, NULL)))
        return;
    tap_call_one (plug, job, topic, args);
    flux_plugin_arg_destroy (args);
}

static void introduce (struct plug *plug, struct job *job)
{
    struct mgr *m = plug->m;
    flux_error_t err;

    notify (plug, job, "job.create");
    if (job->a && (job->st.state & (FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_DEPEND))
        && tap_dependencies_of (m, job, plug, &err) < 0)
        event_raise (m, job, "dependency", 0, m->owner, "%s", err.text);
    if (job->a)
        notify (plug, job, "job.new");
    if (job->a && job->st.state == FLUX_JOB_STATE_PRIORITY)
        event_reprioritize (m, job);
}

static int introduce_all (struct plug *plug)
{
    struct jobtab *t = plug->m->t;
    size_t n = 0, i = 0;
    struct job **jobs;

    list_foreach (&t->order, pos)
        n += list_entry (pos, struct job, order)->a != NULL;
    if (n == 0)
        return 0;
    if (!(jobs = calloc (n, sizeof (*jobs))))
        return -ENOMEM;
    list_foreach (&t->order, pos) {
        struct job *job = list_entry (pos, struct job, order);
        if (job->a && job->st.state != FLUX_JOB_STATE_INACTIVE)
            jobs[i++] = job_ref (job);
    }
    n = i;
    if (plug->sort_order)
        qsort (jobs, n, sizeof (*jobs), plug->sort_order == '-' ? by_state_reverse
                                                                : by_state);
    for (i = 0; i < n; i++) {
        if (jobs[i]->a)
            introduce (plug, jobs[i]);
        job_unref (t, jobs[i]);
    }
    free (jobs);
    return 0;
}

static int load (struct mgr *m, const char *file, json_t *conf, flux_error_t *err)
{
    const char *slash = strrchr (file, '/'), *name = slash ? slash + 1 : file;
    char *conf_text = conf ? json_dumps (conf, JSON_COMPACT) : NULL;
    struct plug *plug = NULL;
    int rc;

    if (find (m->tap, name)) {
        rc = errmsg (err, -EEXIST, "%s is already loaded", name);
        goto error;
    }
    if (!(plug = plug_new (m, name))
        || (conf_text && flux_plugin_set_conf (plug->p, conf_text) < 0)) {
        rc = errmsg (err, -ENOMEM, "%s: out of memory, or conf is not an object", name);
        goto error;
    }
    list_append (&m->tap->plugs, &plug->node);
    rc = *file == '.' && file[1] != '/' ? load_builtin (plug, file, err)
                                        : load_file (plug, file, err);
    if (rc < 0 || (rc = tap_conf_update (m, plug, flux_get_conf (m->h), err)) < 0)
        goto error;
    if (m->ready && (rc = introduce_all (plug)) < 0) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    free (conf_text);
    return 0;
error:
    free (conf_text);
    plug_free (plug);
    return rc;
}

static int directive (struct mgr *m, json_t *o, flux_error_t *err)
{
    const char *file = NULL, *rm = NULL;
    json_t *conf = NULL;
    json_error_t jerr;
    int rc;

    if (json_unpack_ex (o, &jerr, 0, "{s?s s?s s?o !}", "load", &file, "remove", &rm,
                        "conf", &conf) < 0)
        return errmsg (err, -EINVAL, "job-manager.plugins: %s", jerr.text);
    if (conf && !file)
        return errmsg (err, -EINVAL, "job-manager.plugins: conf without load");
    if (rm && (rc = remove_matching (m, rm, err)) < 0)
        return rc;
    return file ? load (m, file, conf, err) : 0;
}

int tap_load_configured (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    json_t *plugins = NULL, *o;
    size_t i;
    int rc;

    for (const struct tap_builtin *b = tap_builtins; b->name; b++) {
        if ((rc = load (m, b->name, NULL, err)) < 0)
            return rc;
    }
    if (flux_conf_unpack (conf, err, "{s?{s?o}}", "job-manager", "plugins", &plugins) < 0)
        return -EINVAL;
    if (plugins && !json_is_array (plugins))
        return errmsg (err, -EINVAL, "job-manager.plugins: not an array");
    json_array_foreach (plugins, i, o) {
        if ((rc = directive (m, o, err)) < 0)
            return rc;
    }
    return 0;
}

/* ---- requests ---- */

static json_t *names (struct tap *tap)
{
    json_t *a = json_array ();

    list_foreach (&tap->plugs, pos) {
        if (!a || json_array_append_new (a, json_string (list_entry (pos, struct plug,
                                                                     node)->name)) < 0)
            break;
    }
    return a;
}

void tap_jobtap_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    const char *file = NULL, *rm = NULL;
    json_t *conf = NULL;
    int query = 0, rc;
    flux_error_t err;

    if (flux_request_unpack (msg, NULL, "{s?s s?s s?o s?b}", "load", &file, "remove", &rm,
                             "conf", &conf, "query_only", &query) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if ((!query && rm && (rc = remove_matching (m, rm, &err)) < 0)
        || (!query && file && (rc = load (m, file, conf, &err)) < 0)) {
        mgr_respond_error (m, msg, -rc, "%s", err.text);
        return;
    }
    mgr_respond (m, msg, json_pack ("{s:o}", "plugins", names (m->tap)));
}

void tap_query_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    const char *name, *path;
    flux_plugin_arg_t *args;
    struct plug *plug;
    char *out = NULL;
    json_t *o;

    if (flux_request_unpack (msg, NULL, "{s:s}", "plugin", &name) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!(plug = find (m->tap, name))) {
        mgr_respond_error (m, msg, ENOENT, "plugin %s is not loaded", name);
        return;
    }
    if (!(args = flux_plugin_arg_create ())) {
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return;
    }
    if (flux_plugin_call (plug->p, "plugin.query", args) >= 0)
        (void)flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_OUT, &out);
    path = flux_plugin_get_path (plug->p);
    o = out ? json_loads (out, 0, NULL) : json_object ();
    free (out);
    flux_plugin_arg_destroy (args);
    if (o) {
        (void)json_object_set_new (o, "name", json_string (plug->name));
        (void)json_object_set_new (o, "path", json_string (path ? path : "builtin"));
    }
    mgr_respond (m, msg, o);
}

struct tap *tap_new (struct mgr *m)
{
    struct tap *tap = calloc (1, sizeof (*tap));

    if (tap) {
        tap->m = m;
        list_init (&tap->plugs);
    }
    return tap;
}

void tap_free (struct tap *tap)
{
    if (!tap)
        return;
    list_foreach (&tap->plugs, pos)
        plug_free (list_entry (pos, struct plug, node));
    free (tap->current);
    free (tap);
}
