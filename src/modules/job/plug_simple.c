/* plug_simple.c - built-in plugins of a few lines: .priority-default,
 * .begin-time, .update-duration, .history
 */
#include <flux/jobtap.h>

#include <errno.h>
#include <inttypes.h>

#include "modules/job/list.h"
#include "modules/job/tap.h"

/* ---- .priority-default: priority is urgency ---- */

static int priority_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg)
{
    int urgency;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "urgency", &urgency) < 0
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:I}", "priority",
                                 (json_int_t)urgency) < 0)
        return -1;
    return 0;
}

static const struct flux_plugin_handler priority_handlers[] = {
    { "job.state.priority", priority_cb, NULL },
    { "job.priority.get", priority_cb, NULL },
    { 0 },
};

int plug_priority_default (flux_plugin_t *p)
{
    return flux_plugin_register (p, "priority-default", priority_handlers);
}

/* ---- .begin-time ---- */

struct begin {
    flux_plugin_t *p;
    flux_jobid_t id;
    flux_watcher_t *w;
    char description[64];
};

static void begin_free (void *arg)
{
    struct begin *b = arg;

    flux_watcher_destroy (b->w);
    free (b);
}

static void begin_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct begin *b = arg;
    flux_plugin_t *p = b->p;
    flux_jobid_t id = b->id;
    char description[64];

    snprintf (description, sizeof (description), "%s", b->description);
    flux_jobtap_job_aux_delete_value (p, id, b);
    if (flux_jobtap_dependency_remove (p, id, description) < 0)
        flux_log_error (flux_jobtap_get_flux (p), "begin-time: job %ju", (uintmax_t)id);
}

static int begin_start (flux_plugin_t *p, flux_jobid_t id, double t, const char *description)
{
    flux_reactor_t *r = flux_get_reactor (flux_jobtap_get_flux (p));
    double after = t - flux_reactor_time ();
    struct begin *b = calloc (1, sizeof (*b));

    if (!b)
        return -1;
    b->p = p;
    b->id = id;
    snprintf (b->description, sizeof (b->description), "%s", description);
    b->w = flux_timer_watcher_create (r, after > 0. ? after : 0., 0., begin_timer_cb, b);
    if (!b->w || flux_jobtap_job_aux_set (p, id, NULL, b, begin_free) < 0) {
        begin_free (b);
        return -1;
    }
    flux_watcher_start (b->w);
    return 0;
}

static int begin_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    const char *s;
    json_int_t id;
    char *end, description[64];
    double t;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I s:{s:s}}", "id", &id,
                                "dependency", "value", &s) < 0)
        return flux_jobtap_reject_job (p, args, "begin-time: malformed dependency");
    errno = 0;
    t = strtod (s, &end);
    if (errno || *end || end == s || !(t >= 0.))
        return flux_jobtap_reject_job (p, args, "begin-time: \"%s\" is not a time in "
                                       "seconds since the epoch", s);
    if (t <= flux_reactor_time ())
        return 0;
    snprintf (description, sizeof (description), "begin-time=%.3f", t);
    if (flux_jobtap_dependency_add (p, id, description) < 0)
        return errno == EEXIST ? 0
               : flux_jobtap_reject_job (p, args, "begin-time: %s", strerror (errno));
    if (begin_start (p, id, t, description) < 0)
        return flux_jobtap_reject_job (p, args, "begin-time: %s", strerror (errno));
    return 0;
}

int plug_begin_time (flux_plugin_t *p)
{
    if (flux_plugin_set_name (p, "begin-time") < 0)
        return -1;
    return flux_plugin_add_handler (p, "job.dependency.begin-time", begin_cb, NULL);
}

/* ---- .update-*: what flux-update(1) may change ---- */

static int update_duration_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                               void *arg)
{
    struct mgr *m = tap_mgr (p);
    json_t *val;
    int state;
    json_int_t userid;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i s:I s:o}", "state", &state,
                                "userid", &userid, "value", &val) < 0)
        return flux_jobtap_error (p, args, "malformed update");
    if (!json_is_number (val) || json_number_value (val) < 0)
        return flux_jobtap_error (p, args, "duration must be a number of at least 0");
    /* The request service lets only the owner update a running job. */
    if ((state & FLUX_JOB_STATE_RUNNING) || update_by_owner (m))
        return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "validated", 1);
    return 0;
}

static int update_queue_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                            void *arg)
{
    struct mgr *m = tap_mgr (p);
    const char *queue, *old = "";
    json_t *constraints = NULL, *new = NULL;
    json_int_t userid;
    flux_error_t err;
    int rc;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN,
                                "{s:s s:I s:{s:{s:{s?s s?o}}}}",
                                "value", &queue, "userid", &userid,
                                "jobspec", "attributes", "system", "queue", &old,
                                "constraints", &constraints) < 0)
        return flux_jobtap_error (p, args, "queue must be a string");
    if (!strcmp (queue, old))
        return flux_jobtap_error (p, args, "job queue is already set to %s", queue);
    if (queues_check_submit (m, queue, (uint32_t)userid, &err) < 0)
        return flux_jobtap_error (p, args, "%s", err.text);
    if (queues_move_constraints (m, old, queue, constraints, &new) < 0)
        return flux_jobtap_error (p, args, "cannot change the constraints of the job");
    rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "feasibility", 1);
    if (rc == 0 && new)
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:O}}", "updates",
                                   "attributes.system.constraints", new);
    json_decref (new);
    return rc;
}

static int update_name_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                           void *arg)
{
    const char *name;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:s}", "value", &name) < 0)
        return flux_jobtap_error (p, args, "the job name must be a string");
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "validated", 1);
}

static const struct flux_plugin_handler update_handlers[] = {
    { "job.update.attributes.system.duration", update_duration_cb, NULL },
    { "job.update.attributes.system.queue", update_queue_cb, NULL },
    { "job.update.attributes.system.job.name", update_name_cb, NULL },
    { 0 },
};

int plug_update_duration (flux_plugin_t *p)
{
    return flux_plugin_register (p, "update-duration", update_handlers);
}

/* ---- .history: flux job last ---- */

/* job-manager.history.get {"max_entries"?:i} -> {"jobs":[id,...]}: jobs of the
 * user, submitted last is first. */
static void history_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg)
{
    struct mgr *m = arg;
    struct list_node *n;
    uint32_t userid;
    int max = 0, count = 0;
    json_t *a = json_array ();

    if ((flux_msg_has_payload (msg)
         && flux_request_unpack (msg, NULL, "{s?i}", "max_entries", &max) < 0)
        || flux_msg_get_userid (msg, &userid) < 0 || !a) {
        json_decref (a);
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    for (n = m->t->order.prev; n != &m->t->order; n = n->prev) {
        struct job *job = list_entry (n, struct job, order);
        if (job->st.userid != userid)
            continue;
        if (json_array_append_new (a, json_integer ((json_int_t)job->id)) < 0)
            break;
        if (++count == max)
            break;
    }
    mgr_respond (m, msg, json_pack ("{s:o}", "jobs", a));
}

int plug_history (flux_plugin_t *p)
{
    if (flux_plugin_set_name (p, "history") < 0)
        return -1;
    return flux_jobtap_service_register_ex (p, "get", FLUX_ROLE_USER, history_get_cb,
                                            tap_mgr (p));
}
