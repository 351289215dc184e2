/* test_jobtap_dso.c - a job manager plugin as a user would write one
 *
 * What it does with a job is the job's name:
 *   reject       rejected in job.validate
 *   late         has no priority until job-manager.tester.prioritize {"id"}
 *   prolog       a prolog and an epilog action, finished by a timer
 *   watched      counts its events in an annotation (user.events)
 *   bypass       gets R without the scheduler
 *   deps         dependency scheme "tester": removed by job-manager.tester.release {"id"}
 */
#include <errno.h>
#include <string.h>

#include <flux/core.h>
#include <flux/jobtap.h>

static const char *job_name (flux_plugin_arg_t *args)
{
    const char *name = "";

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:{s:{s?{s?s}}}}}",
                                  "jobspec", "attributes", "system", "job", "name", &name);
    return name;
}

static flux_jobid_t job_id (flux_plugin_arg_t *args)
{
    json_int_t id = 0;

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id);
    return id;
}

static int validate_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg)
{
    json_t *env = NULL;

    if (!strcmp (job_name (args), "reject"))
        return flux_jobtap_reject_job (p, args, "I do not like job %ju",
                                       (uintmax_t)job_id (args));
    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:{s:{s?o}}}}", "jobspec",
                                  "attributes", "system", "environment", &env);
    if (env)
        return flux_jobtap_reject_job (p, args, "the environment is not redacted");
    return 0;
}

static int new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    int *count;

    if (strcmp (job_name (args), "watched") != 0)
        return 0;
    if (!(count = calloc (1, sizeof (*count)))
        || flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, "count", count, free) < 0)
        return -1;
    return flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB);
}

static int event_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    int *count = flux_jobtap_job_aux_get (p, FLUX_JOBTAP_CURRENT_JOB, "count");

    if (!count)
        return -1;
    (*count)++;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:{s:i}}}", "annotations",
                                 "user", "events", *count);
}

static int priority_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg)
{
    if (!strcmp (job_name (args), "late"))
        return flux_jobtap_priority_unavail (p, args);
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "priority", 4242);
}

static int sched_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    if (strcmp (job_name (args), "bypass") != 0)
        return 0;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT,
                                 "{s:{s:i s:{s:[{s:s s:{s:s}}] s:[s]}}}",
                                 "R", "version", 1, "execution", "R_lite", "rank", "0",
                                 "children", "core", "0", "nodelist", "host0");
}

struct action {
    flux_plugin_t *p;
    flux_jobid_t id;
    const char *kind;
    flux_watcher_t *w;
};

static void action_free (void *arg)
{
    struct action *a = arg;

    flux_watcher_destroy (a->w);
    free (a);
}

static void action_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct action *a = arg;

    if (!strcmp (a->kind, "prolog"))
        flux_jobtap_prolog_finish (a->p, a->id, "mine", 0);
    else
        flux_jobtap_epilog_finish (a->p, a->id, "mine", 0);
}

static int start_action (flux_plugin_t *p, flux_jobid_t id, const char *kind)
{
    flux_reactor_t *r = flux_get_reactor (flux_jobtap_get_flux (p));
    struct action *a = calloc (1, sizeof (*a));

    *a = (struct action){ .p = p, .id = id, .kind = kind };
    a->w = flux_timer_watcher_create (r, 0.01, 0., action_cb, a);
    flux_watcher_start (a->w);
    return flux_jobtap_job_aux_set (p, id, kind, a, action_free);
}

static int run_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    if (strcmp (job_name (args), "prolog") != 0)
        return 0;
    if (flux_jobtap_epilog_start (p, "mine") == 0 || errno != EINVAL)
        return -1;             /* too early */
    if (flux_jobtap_prolog_start (p, "mine") < 0)
        return -1;
    return start_action (p, job_id (args), "prolog");
}

static int cleanup_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                       void *arg)
{
    flux_job_result_t result;

    if (strcmp (job_name (args), "prolog") != 0)
        return 0;
    if (flux_jobtap_get_job_result (p, FLUX_JOBTAP_CURRENT_JOB, &result) < 0
        || flux_jobtap_prolog_start (p, "mine") == 0
        || flux_jobtap_job_event_posted (p, FLUX_JOBTAP_CURRENT_JOB, "alloc") != 1
        || flux_jobtap_epilog_start (p, "mine") < 0)
        return -1;
    return start_action (p, job_id (args), "epilog");
}

static int dependency_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                          void *arg)
{
    if (flux_jobtap_dependency_add (p, FLUX_JOBTAP_CURRENT_JOB, "tester=1") < 0
        || flux_jobtap_dependency_add (p, FLUX_JOBTAP_CURRENT_JOB, "tester=1") < 0)
        return flux_jobtap_reject_job (p, args, "dependency: %s", strerror (errno));
    return 0;
}

static void release_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_plugin_t *p = arg;
    flux_plugin_arg_t *args;
    json_int_t id;
    int state, state2;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0
        || !(args = flux_jobtap_job_lookup (p, id)))
        goto error;
    flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "state", &state);
    flux_plugin_arg_destroy (args);
    if (flux_jobtap_dependency_remove (p, id, "tester=1") < 0)
        goto error;
    /* the job is idle: all that follows has happened */
    if (!(args = flux_jobtap_job_lookup (p, id)))
        goto error;
    flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "state", &state2);
    flux_plugin_arg_destroy (args);
    if (flux_jobtap_dependency_remove (p, id, "tester=1") == 0)
        errno = EBUSY;
    else if (errno == ENOENT) {
        flux_respond_pack (h, msg, "{s:i s:i}", "before", state, "after", state2);
        return;
    }
error:
    flux_respond_error (h, msg, errno, NULL);
}

static void prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    flux_plugin_t *p = arg;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0
        || flux_jobtap_reprioritize_job (p, id, 99) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else
        flux_respond (h, msg, NULL);
}

static int query_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "mood", "good");
}

static const struct flux_plugin_handler handlers[] = {
    { "job.validate", validate_cb, NULL },
    { "job.new", new_cb, NULL },
    { "job.event.*", event_cb, NULL },
    { "job.state.priority", priority_cb, NULL },
    { "job.priority.get", priority_cb, NULL },
    { "job.state.sched", sched_cb, NULL },
    { "job.state.run", run_cb, NULL },
    { "job.state.cleanup", cleanup_cb, NULL },
    { "job.dependency.tester", dependency_cb, NULL },
    { "plugin.query", query_cb, NULL },
    { 0 },
};

int flux_plugin_init (flux_plugin_t *p);

int flux_plugin_init (flux_plugin_t *p)
{
    int fail = 0;

    (void)flux_plugin_conf_unpack (p, "{s?b}", "fail", &fail);
    if (fail || flux_plugin_register (p, "tester", handlers) < 0)
        return -1;
    if (flux_jobtap_service_register (p, "release", release_cb, p) < 0
        || flux_jobtap_service_register_ex (p, "prioritize", FLUX_ROLE_USER, prioritize_cb,
                                            p) < 0)
        return -1;
    return 0;
}
