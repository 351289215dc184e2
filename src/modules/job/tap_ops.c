/* tap_ops.c - what plugins call (core/jobtap_ops.h)
 */
#include <errno.h>
#include <inttypes.h>

#include "base/errmsg.h"
#include "core/jobtap_ops.h"
#include "modules/job/tap_private.h"

#define PLUG_AUX "job::plug"

struct plug *tap_plug (flux_plugin_t *p)
{
    return flux_plugin_aux_get (p, PLUG_AUX);
}

struct mgr *tap_mgr (flux_plugin_t *p)
{
    struct plug *plug = tap_plug (p);

    return plug ? plug->m : NULL;
}

void tap_handlers_changed (flux_plugin_t *p)
{
    struct plug *plug = tap_plug (p);
    struct hash *memo = plug && plug->memo ? hash_new (NULL) : NULL;

    if (memo) {
        hash_free (plug->memo);
        plug->memo = memo;
    }
}

/* The job of 'id' or of the callback under way.  *rcp is set on error. */
static struct job *find_job (struct plug *plug, flux_jobid_t id, int *rcp)
{
    struct tap *tap = plug->m->tap;
    struct job *job;

    if (id == FLUX_JOBTAP_CURRENT_JOB) {
        if (!(job = tap_current (tap)))
            *rcp = -EINVAL;
        return job;
    }
    if ((job = tap_current (tap)) && job->id == id)
        return job;
    if (!(job = jobtab_get (plug->m->t, id)))
        *rcp = -ENOENT;
    return job;
}

static struct job *find_active (struct plug *plug, flux_jobid_t id, int *rcp)
{
    struct job *job = find_job (plug, id, rcp);

    if (job && !job->a) {
        *rcp = -EINVAL;
        return NULL;
    }
    return job;
}

static flux_t *op_get_flux (flux_plugin_t *p)
{
    return tap_plug (p)->m->h;
}

static int op_call (flux_plugin_t *p, flux_jobid_t id, const char *topic,
                    flux_plugin_arg_t *args)
{
    struct plug *plug = tap_plug (p), *failed;
    int rc = 0, count;
    struct job *job = find_job (plug, id, &rc);

    if (!job)
        return rc;
    count = tap_call (plug->m->tap, job, topic, args, true, &failed);
    return failed ? -EINVAL : count;
}

/* ---- dependencies ---- */

static struct dep *dep_find (struct active *a, const char *description)
{
    list_foreach (&a->deps, pos) {
        struct dep *d = list_entry (pos, struct dep, node);
        if (!strcmp (d->description, description))
            return d;
    }
    return NULL;
}

/* The list of dependencies is kept when the event is posted, not when it is
 * applied: the answer is due now. */
static int dependency_add (struct mgr *m, struct job *job, const char *description)
{
    struct dep *d = dep_find (job->a, description);
    size_t n = strlen (description) + 1;

    if (d)
        return d->satisfied ? -EEXIST : 0;
    if (!(job->st.state & (FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_DEPEND))
        || job->st.depend_posted || job->a->depend_queued)
        return -EINVAL;
    if (!(d = malloc (sizeof (*d) + n)))
        return -ENOMEM;
    d->satisfied = false;
    memcpy (d->description, description, n);
    list_append (&job->a->deps, &d->node);
    return event_post_pack (m, job, "dependency-add", "{s:s}", "description", description);
}

static int dependency_remove (struct mgr *m, struct job *job, const char *description)
{
    struct dep *d = dep_find (job->a, description);

    if (!d || d->satisfied)
        return -ENOENT;
    d->satisfied = true;
    return event_post_pack (m, job, "dependency-remove", "{s:s}", "description",
                            description);
}

static int op_dependency (flux_plugin_t *p, flux_jobid_t id, bool add,
                          const char *description)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);

    if (!job)
        return rc;
    if (!description)
        return -EINVAL;
    return add ? dependency_add (plug->m, job, description)
               : dependency_remove (plug->m, job, description);
}

/* ---- prolog, epilog ---- */

static int op_perilog (flux_plugin_t *p, flux_jobid_t id, const char *name,
                       const char *description, int status)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);
    struct active *a;

    if (!job)
        return rc;
    if (!description)
        return -EINVAL;
    a = job->a;
    if (!strcmp (name, "prolog-start")) {
        if (a->exec_pending || job->st.start_seen
            || (job->st.state & (FLUX_JOB_STATE_CLEANUP | FLUX_JOB_STATE_INACTIVE)))
            return -EINVAL;
        a->prolog_pending++;
    }
    else if (!strcmp (name, "epilog-start")) {
        if (job->st.state != FLUX_JOB_STATE_CLEANUP || event_posted (job, "free"))
            return -EINVAL;
        a->epilog_pending++;
    }
    else
        return event_post_pack (plug->m, job, name, "{s:s s:i}", "description", description,
                                "status", status);
    return event_post_pack (plug->m, job, name, "{s:s}", "description", description);
}

/* ---- events ---- */

static int op_event_post (flux_plugin_t *p, flux_jobid_t id, const char *name,
                          json_t *context)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);
    flux_error_t err;

    if (!job || !*name) {
        json_decref (context);
        return job ? -EINVAL : rc;
    }
    return event_post (plug->m, job, name, context, &err);
}

static int op_event_posted (flux_plugin_t *p, flux_jobid_t id, const char *name)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_job (plug, id, &rc);

    if (!job)
        return rc;
    return name ? event_posted (job, name) : -EINVAL;
}

static int op_raise (flux_plugin_t *p, flux_jobid_t id, const char *type, int severity,
                     const char *note)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);

    if (!job)
        return rc;
    if (!type || severity < 0 || severity > 7)
        return -EINVAL;
    event_raise (plug->m, job, type, severity, plug->m->owner, "%s", note);
    return 0;
}

static int op_set_flag (flux_plugin_t *p, flux_jobid_t id, const char *flag)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);

    if (!job)
        return rc;
    if (!flag || (strcmp (flag, "waitable") && strcmp (flag, "debug")))
        return -EINVAL;
    return event_post_pack (plug->m, job, "set-flags", "{s:[s]}", "flags", flag);
}

/* ---- what a job is ---- */

static int op_get_job_result (flux_plugin_t *p, flux_jobid_t id, flux_job_result_t *r)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_job (plug, id, &rc);

    if (!job)
        return rc;
    if (!r || !(job->st.state & (FLUX_JOB_STATE_CLEANUP | FLUX_JOB_STATE_INACTIVE)))
        return -EINVAL;
    if (job->st.result)
        *r = job->st.result;
    else if (!job_is_fatal (job))
        *r = job->st.waitstatus == 0 ? FLUX_JOB_RESULT_COMPLETED : FLUX_JOB_RESULT_FAILED;
    else if (!strcmp (job->st.exception_type, "cancel"))
        *r = FLUX_JOB_RESULT_CANCELED;
    else if (!strcmp (job->st.exception_type, "timeout"))
        *r = FLUX_JOB_RESULT_TIMEOUT;
    else
        *r = FLUX_JOB_RESULT_FAILED;
    return 0;
}

static flux_plugin_arg_t *op_job_lookup (flux_plugin_t *p, flux_jobid_t id, int *rcp)
{
    struct plug *plug = tap_plug (p);
    struct job *job = find_job (plug, id, rcp);

    return job ? tap_args (job, NULL) : NULL;
}

/* ---- data on jobs ---- */

void tap_aux_free (struct tap_aux *aux)
{
    list_del (&aux->node);
    if (aux->free_fn)
        aux->free_fn (aux->val);
    free (aux);
}

static struct tap_aux *aux_find (struct plug *plug, struct job *job, const char *name)
{
    list_foreach (&job->a->aux, pos) {
        struct tap_aux *aux = list_entry (pos, struct tap_aux, node);
        if (aux->plug == plug && name && !strcmp (aux->name, name))
            return aux;
    }
    return NULL;
}

static int op_aux_set (flux_plugin_t *p, flux_jobid_t id, const char *name, void *val,
                       flux_free_f free_fn)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);
    struct tap_aux *aux;
    size_t n;

    if (!job)
        return rc;
    if ((!name && !val) || (free_fn && !val))
        return -EINVAL;
    if (name && (aux = aux_find (plug, job, name)))
        tap_aux_free (aux);
    if (!val)
        return 0;
    n = name ? strlen (name) + 1 : 1;
    if (!(aux = malloc (sizeof (*aux) + n)))
        return -ENOMEM;
    *aux = (struct tap_aux){ .plug = plug, .val = val, .free_fn = free_fn };
    memcpy (aux->name, name ? name : "", n);
    list_append (&job->a->aux, &aux->node);
    return 0;
}

static void *op_aux_get (flux_plugin_t *p, flux_jobid_t id, const char *name, int *rcp)
{
    struct plug *plug = tap_plug (p);
    struct job *job = find_active (plug, id, rcp);
    struct tap_aux *aux = job ? aux_find (plug, job, name) : NULL;

    return aux ? aux->val : NULL;
}

static int op_aux_delete (flux_plugin_t *p, flux_jobid_t id, const void *val)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);

    if (!job)
        return rc;
    list_foreach (&job->a->aux, pos) {
        struct tap_aux *aux = list_entry (pos, struct tap_aux, node);
        if (aux->plug == plug && aux->val == val) {
            tap_aux_free (aux);
            break;
        }
    }
    return 0;
}

/* ---- subscriptions ---- */

void tap_sub_free (struct tap_sub *sub)
{
    list_del (&sub->node);
    free (sub);
}

static int op_subscribe (flux_plugin_t *p, flux_jobid_t id, bool on)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);
    struct tap_sub *sub;

    if (!job)
        return rc;
    list_foreach (&job->a->subs, pos) {
        sub = list_entry (pos, struct tap_sub, node);
        if (sub->plug == plug) {
            if (!on)
                tap_sub_free (sub);
            return 0;
        }
    }
    if (!on)
        return 0;
    if (!(sub = malloc (sizeof (*sub))))
        return -ENOMEM;
    sub->plug = plug;
    list_append (&job->a->subs, &sub->node);
    return 0;
}

void tap_job_done (struct mgr *m, struct job *job)
{
    if (!job->a)
        return;
    list_foreach (&job->a->subs, pos)
        tap_sub_free (list_entry (pos, struct tap_sub, node));
    while (!list_empty (&job->a->aux))
        tap_aux_free (list_entry (job->a->aux.next, struct tap_aux, node));
}

/* ---- updates of the jobspec ---- */

static int op_jobspec_update (flux_plugin_t *p, flux_jobid_t id, json_t *update,
                              bool current)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);
    struct jobdoc *doc;
    flux_error_t err;

    if (!job)
        goto error;
    rc = -EINVAL;
    if (json_object_size (update) == 0
        || (job->st.state & (FLUX_JOB_STATE_RUNNING | FLUX_JOB_STATE_INACTIVE))
        || (!current && job == tap_current (plug->m->tap)))
        goto error;
    if (!(doc = jobdoc_update (job->a->doc, update, &err)))
        goto error;
    /* not of the plugin's own callback: it would be called within itself */
    if (!current)
        rc = tap_validate_json (plug->m, job, jobdoc_redacted_json (doc), &err);
    else
        rc = 0;
    jobdoc_unref (doc);
    if (rc < 0)
        goto error;
    return event_post (plug->m, job, "jobspec-update", update, &err);
error:
    json_decref (update);
    return rc;
}

/* ---- priorities ---- */

static int op_reprioritize_all (flux_plugin_t *p)
{
    struct mgr *m = tap_plug (p)->m;
    size_t n = m->t->pending.count, i = 0;
    struct job **jobs = calloc (n + 1, sizeof (*jobs));

    if (!jobs)
        return -ENOMEM;
    for (struct tree_node *t = tree_first (&m->t->pending); t; t = tree_next (t))
        jobs[i++] = job_ref (tree_entry (t, struct active, pending)->job);
    for (i = 0; i < n; i++) {
        if (jobs[i]->a)
            event_reprioritize (m, jobs[i]);
        job_unref (m->t, jobs[i]);
    }
    free (jobs);
    return 0;
}

static int op_reprioritize_job (flux_plugin_t *p, flux_jobid_t id, unsigned int priority)
{
    struct plug *plug = tap_plug (p);
    int rc = 0;
    struct job *job = find_active (plug, id, &rc);

    if (!job)
        return rc;
    if (!(job->st.state & (FLUX_JOB_STATE_PRIORITY | FLUX_JOB_STATE_SCHED)))
        return -EINVAL;
    if (job->st.urgency == FLUX_JOB_URGENCY_HOLD
        || job->st.urgency == FLUX_JOB_URGENCY_EXPEDITE
        || (job->st.state == FLUX_JOB_STATE_SCHED && job->st.priority == priority))
        return 0;
    return event_post_pack (plug->m, job, "priority", "{s:I}", "priority",
                            (json_int_t)priority);
}

/* ---- services ---- */

static int op_service_register (flux_plugin_t *p, const char *method, uint32_t rolemask,
                                flux_msg_handler_f cb, void *arg)
{
    struct plug *plug = tap_plug (p);
    struct flux_match match = FLUX_MATCH_REQUEST;
    const char *name = flux_plugin_get_name (p);
    struct tap_service *s;
    char topic[256];

    if (!name || !method || !cb
        || snprintf (topic, sizeof (topic), "job-manager.%s.%s", name, method)
           >= (int)sizeof (topic))
        return -EINVAL;
    match.topic_glob = topic;
    if (!(s = calloc (1, sizeof (*s))))
        return -ENOMEM;
    if (!(s->mh = flux_msg_handler_create (plug->m->h, match, cb, arg))) {
        free (s);
        return -errno;
    }
    flux_msg_handler_allow_rolemask (s->mh, rolemask);
    flux_msg_handler_start (s->mh);
    list_append (&plug->services, &s->node);
    return 0;
}

static int op_set_load_sort_order (flux_plugin_t *p, const char *mode)
{
    if (!mode || (strcmp (mode, "state") && strcmp (mode, "-state")))
        return -EINVAL;
    tap_plug (p)->sort_order = *mode == '-' ? '-' : '+';
    return 0;
}

const struct jobtap_ops tap_ops = {
    .get_flux = op_get_flux,
    .call = op_call,
    .dependency = op_dependency,
    .perilog = op_perilog,
    .event_post = op_event_post,
    .get_job_result = op_get_job_result,
    .aux_set = op_aux_set,
    .aux_get = op_aux_get,
    .aux_delete = op_aux_delete,
    .event_posted = op_event_posted,
    .job_lookup = op_job_lookup,
    .set_flag = op_set_flag,
    .subscribe = op_subscribe,
    .jobspec_update = op_jobspec_update,
    .raise = op_raise,
    .reprioritize_all = op_reprioritize_all,
    .reprioritize_job = op_reprioritize_job,
    .service_register = op_service_register,
    .set_load_sort_order = op_set_load_sort_order,
};
