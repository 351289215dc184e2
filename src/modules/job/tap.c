/* tap.c - the stack of job manager plugins: callbacks
 *
 * tap_ops.c has what plugins call, tap_load.c how they come and go.
 */
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "spec/jobspec.h"
#include "modules/job/tap_private.h"

/* ---- whom a topic concerns ---- */

/* Handlers of built-in plugins do not change: remember what was found. */
static bool handles (struct plug *plug, const char *topic)
{
    static char yes, no;
    void *memo;
    bool found;

    if (plug->memo && (memo = hash_get (plug->memo, topic)))
        return memo == &yes;
    found = flux_plugin_match_handler (plug->p, topic) != NULL;
    if (plug->memo)
        (void)hash_set (plug->memo, topic, found ? &yes : &no);
    return found;
}

static bool anyone (struct tap *tap, const char *topic)
{
    list_foreach (&tap->plugs, pos) {
        if (handles (list_entry (pos, struct plug, node), topic))
            return true;
    }
    return false;
}

/* ---- arguments ---- */

static json_t *R_json (struct active *a)
{
    if (a && a->R && !a->R_json && (a->R_json = json_loads (a->R, 0, NULL)))
        (void)json_object_del (a->R_json, "scheduling");
    return a ? a->R_json : NULL;
}

flux_plugin_arg_t *tap_args (struct job *job, json_t *jobspec)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    struct active *a = job->a;
    int rc;

    if (!args)
        return NULL;
    if (!jobspec && a)
        jobspec = jobdoc_redacted_json (a->doc);
    rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN,
                               "{s:O* s:I s:i s:I s:i s:I s:f s:O* s:O*}",
                               "jobspec", jobspec,
                               "id", (json_int_t)job->id,
                               "state", (int)job->st.state,
                               "userid", (json_int_t)job->st.userid,
                               "urgency", job->st.urgency,
                               "priority", (json_int_t)job->st.priority,
                               "t_submit", job->st.t_submit,
                               "R", R_json (a),
                               "end_event", a ? a->end_event : NULL);
    if (rc < 0) {
        flux_plugin_arg_destroy (args);
        return NULL;
    }
    return args;
}

/* ---- calling ---- */

static void current_push (struct tap *tap, struct job *job)
{
    if (tap->depth == tap->alloc) {
        size_t n = tap->alloc ? 2 * tap->alloc : 16;
        struct job **new = realloc (tap->current, n * sizeof (*new));
        if (!new) {
            /* deeper than memory: the callback sees the job below */
            flux_log (tap->m->h, LOG_CRIT, "jobtap: out of memory");
            tap->lost++;
            return;
        }
        tap->current = new;
        tap->alloc = n;
    }
    tap->current[tap->depth++] = job;
}

static void current_pop (struct tap *tap)
{
    if (tap->lost > 0)
        tap->lost--;
    else
        tap->depth--;
}

struct job *tap_current (struct tap *tap)
{
    return tap->depth ? tap->current[tap->depth - 1] : NULL;
}

/* Annotations in the output; the job must have an active part. */
static void take_annotations (struct tap *tap, struct job *job, flux_plugin_arg_t *args)
{
    json_t *note = NULL;

    if (!job->a
        || flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?o}",
                                   "annotations", &note) < 0 || !note)
        return;
    if (annotations_update (job, note) == 0)
        journal_annotations (tap->m, job);
}

/* Call the handlers of 'topic' in load order.  Returns the number called; stops
 * at the first that fails if 'stop', and *failed is that plugin. */
int tap_call (struct tap *tap, struct job *job, const char *topic, flux_plugin_arg_t *args,
              bool stop, struct plug **failed)
{
    int count = 0;

    if (failed)
        *failed = NULL;
    current_push (tap, job);
    tap->calling++;
    list_foreach (&tap->plugs, pos) {
        struct plug *plug = list_entry (pos, struct plug, node);
        int rc;
        if (!handles (plug, topic))
            continue;
        rc = flux_plugin_call (plug->p, topic, args);
        count++;
        if (rc < 0 && failed && !*failed)
            *failed = plug;
        if (rc < 0 && stop)
            break;
        if (rc < 0)
            flux_log (tap->m->h, LOG_ERR, "jobtap: %s: %s: rc=%d", plug->name, topic, rc);
    }
    tap->calling--;
    current_pop (tap);
    return count;
}

int tap_call_one (struct plug *plug, struct job *job, const char *topic,
                  flux_plugin_arg_t *args)
{
    struct tap *tap = plug->m->tap;
    int rc;

    current_push (tap, job);
    tap->calling++;
    rc = flux_plugin_call (plug->p, topic, args);
    tap->calling--;
    current_pop (tap);
    return rc;
}

static const char *errstr_of (flux_plugin_arg_t *args)
{
    const char *s = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?s}", "errstr", &s) < 0)
        return NULL;
    return s;
}

/* A callback that may reject. */
static int call_check (struct mgr *m, struct job *job, const char *topic, json_t *jobspec,
                       flux_error_t *err)
{
    flux_plugin_arg_t *args;
    struct plug *failed;
    const char *s;
    int rc = 0;

    if (!anyone (m->tap, topic))
        return 0;
    if (!(args = tap_args (job, jobspec)))
        return errmsg (err, -ENOMEM, "out of memory");
    tap_call (m->tap, job, topic, args, true, &failed);
    if (failed) {
        s = errstr_of (args);
        rc = errmsg (err, -EINVAL, "%s%s", s ? s : "rejected by job-manager plugin ",
                     s ? "" : failed->name);
    }
    take_annotations (m->tap, job, args);
    flux_plugin_arg_destroy (args);
    return rc;
}

int tap_create (struct mgr *m, struct job *job, flux_error_t *err)
{
    return call_check (m, job, "job.create", NULL, err);
}

int tap_validate (struct mgr *m, struct job *job, flux_error_t *err)
{
    return call_check (m, job, "job.validate", NULL, err);
}

int tap_validate_json (struct mgr *m, struct job *job, json_t *jobspec, flux_error_t *err)
{
    return call_check (m, job, "job.validate", jobspec, err);
}

void tap_notify (struct mgr *m, struct job *job, const char *topic)
{
    flux_plugin_arg_t *args;

    if (!anyone (m->tap, topic) || !(args = tap_args (job, NULL)))
        return;
    tap_call (m->tap, job, topic, args, false, NULL);
    take_annotations (m->tap, job, args);
    flux_plugin_arg_destroy (args);
}

/* ---- dependencies ---- */

static int dependency (struct mgr *m, struct job *job, json_t *dep, struct plug *only,
                       flux_error_t *err)
{
    const char *scheme = json_string_value (json_object_get (dep, "scheme"));
    flux_plugin_arg_t *args;
    struct plug *failed = NULL;
    char topic[128];
    const char *s;
    int rc = 0, count;

    snprintf (topic, sizeof (topic), "job.dependency.%s", scheme ? scheme : "");
    if (only && !flux_plugin_match_handler (only->p, topic))
        return 0;
    if (!(args = tap_args (job, NULL))
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O}", "dependency", dep) < 0) {
        flux_plugin_arg_destroy (args);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    if (only) {
        rc = tap_call_one (only, job, topic, args);
        count = 1;
        failed = rc < 0 ? only : NULL;
    }
    else
        count = tap_call (m->tap, job, topic, args, true, &failed);
    s = errstr_of (args);
    if (count == 0)
        rc = errmsg (err, -EINVAL, "dependency scheme \"%s\" not supported", scheme);
    else if (failed)
        rc = errmsg (err, -EINVAL, "%s%s", s ? s : "rejected by job-manager dependency "
                     "plugin ", s ? "" : failed->name);
    flux_plugin_arg_destroy (args);
    return rc < 0 ? -EINVAL : 0;
}

int tap_dependencies_of (struct mgr *m, struct job *job, struct plug *only,
                         flux_error_t *err)
{
    struct jobspec *js = jobdoc_spec (job->a->doc);
    json_t *deps, *dep;
    size_t i;
    int rc = 0;

    if (!js)
        return errmsg (err, -ENOMEM, "out of memory");
    deps = json_incref ((json_t *)jobspec_dependencies (js));
    json_array_foreach (deps, i, dep) {
        if ((rc = dependency (m, job, dep, only, err)) < 0)
            break;
    }
    json_decref (deps);
    return rc;
}

int tap_dependencies (struct mgr *m, struct job *job, flux_error_t *err)
{
    return tap_dependencies_of (m, job, NULL, err);
}

/* ---- states and events ---- */

static void take_output (struct tap *tap, struct job *job, flux_plugin_arg_t *args,
                         struct tap_out *out)
{
    json_t *o = NULL, *R = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?o s?o}", "priority", &o,
                                "R", &R) < 0)
        return;
    if (json_is_integer (o)) {
        json_int_t n = json_integer_value (o);
        if (n == TAP_PRIORITY_UNAVAIL)
            out->priority_unavail = true;
        else if (n < FLUX_JOB_PRIORITY_MIN || n > FLUX_JOB_PRIORITY_MAX)
            flux_log (tap->m->h, LOG_ERR, "jobtap: priority %jd is out of range",
                      (intmax_t)n);
        else {
            out->priority = n;
            out->priority_set = true;
        }
    }
    else if (o)
        flux_log (tap->m->h, LOG_ERR, "jobtap: priority is not an integer");
    if (R && job->st.state == FLUX_JOB_STATE_SCHED)
        out->R = json_dumps (R, JSON_COMPACT);
}

static void call_out (struct mgr *m, struct job *job, const char *topic,
                      flux_job_state_t from, json_t *entry, struct tap_out *out)
{
    flux_plugin_arg_t *args;

    if (!anyone (m->tap, topic) || !(args = tap_args (job, NULL)))
        return;
    if ((from && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "prev_state",
                                       (int)from) < 0)
        || (entry && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O}", "entry",
                                           entry) < 0)) {
        flux_plugin_arg_destroy (args);
        return;
    }
    tap_call (m->tap, job, topic, args, false, NULL);
    take_annotations (m->tap, job, args);
    if (out)
        take_output (m->tap, job, args, out);
    flux_plugin_arg_destroy (args);
}

void tap_state (struct mgr *m, struct job *job, flux_job_state_t from, json_t *entry,
                struct tap_out *out)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "job.state.%s",
              flux_job_statetostr (job->st.state, "l"));
    call_out (m, job, topic, from, entry, out);
}

void tap_priority_get (struct mgr *m, struct job *job, struct tap_out *out)
{
    call_out (m, job, "job.priority.get", 0, NULL, out);
}

bool tap_wants_event (struct mgr *m, struct job *job)
{
    return job->a && !list_empty (&job->a->subs);
}

/* Only plugins that subscribed to the job. */
void tap_event (struct mgr *m, struct job *job, const char *name, json_t *entry)
{
    flux_plugin_arg_t *args;
    char topic[256];

    if (!tap_wants_event (m, job))
        return;
    snprintf (topic, sizeof (topic), "job.event.%s", name);
    if (!(args = tap_args (job, NULL))
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O}", "entry", entry) < 0) {
        flux_plugin_arg_destroy (args);
        return;
    }
    current_push (m->tap, job);
    m->tap->calling++;
    list_foreach (&job->a->subs, pos) {
        struct tap_sub *sub = list_entry (pos, struct tap_sub, node);
        if (flux_plugin_match_handler (sub->plug->p, topic)
            && flux_plugin_call (sub->plug->p, topic, args) < 0)
            flux_log (m->h, LOG_ERR, "jobtap: %s: %s failed", sub->plug->name, topic);
    }
    m->tap->calling--;
    current_pop (m->tap);
    take_annotations (m->tap, job, args);
    flux_plugin_arg_destroy (args);
}

/* ---- updates ---- */

int tap_update_key (struct mgr *m, struct job *job, const char *key, json_t *updates,
                    struct tap_update *out, flux_error_t *err)
{
    flux_plugin_arg_t *args;
    struct plug *failed;
    char topic[512];
    const char *s;
    int rc = 0, count, validated = 0, feasibility = 0;

    snprintf (topic, sizeof (topic), "job.update.%s", key);
    if (!(args = tap_args (job, NULL))
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O s:O}", "updates", updates,
                                 "value", json_object_get (updates, key)) < 0) {
        flux_plugin_arg_destroy (args);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    count = tap_call (m->tap, job, topic, args, true, &failed);
    if (count == 0)
        rc = errmsg (err, -EINVAL, "update of %s not supported", key);
    else if (failed) {
        s = errstr_of (args);
        rc = errmsg (err, -EINVAL, "%s%s", s ? s : "update refused by plugin ",
                     s ? "" : failed->name);
    }
    else if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?i s?i s?o}",
                                     "validated", &validated, "feasibility", &feasibility,
                                     "updates", &out->updates) == 0) {
        out->validated = validated;
        out->feasibility = feasibility;
        json_incref (out->updates);
    }
    flux_plugin_arg_destroy (args);
    return rc;
}

/* ---- configuration ---- */

int tap_conf_update (struct mgr *m, struct plug *plug, const flux_conf_t *conf,
                     flux_error_t *err)
{
    flux_plugin_arg_t *args;
    json_t *o;
    const char *s;
    int rc = 0;

    if (!flux_plugin_match_handler (plug->p, "conf.update"))
        return 0;
    if (flux_conf_unpack (conf, err, "o", &o) < 0)
        return -EINVAL;
    if (!(args = flux_plugin_arg_create ())
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O}", "conf", o) < 0) {
        flux_plugin_arg_destroy (args);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    if (flux_plugin_call (plug->p, "conf.update", args) < 0) {
        s = errstr_of (args);
        rc = errmsg (err, -EINVAL, "%s", s ? s : "configuration refused by a plugin");
    }
    flux_plugin_arg_destroy (args);
    return rc;
}

int tap_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    int rc;

    list_foreach (&m->tap->plugs, pos) {
        if ((rc = tap_conf_update (m, list_entry (pos, struct plug, node), conf, err)) < 0)
            return rc;
    }
    return 0;
}
