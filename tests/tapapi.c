/* tapapi.c - a job manager plugin that holds the functions of flux/jobtap.h to
 * flux-jobtap-plugins(7), for tests
 *
 * Built into build/tests/tapapi.so.  job-manager.tapapi.report answers with the number of
 * statements tried and those that do not hold.  Jobs are told by their names:
 *   first     runs; its callbacks try what may be called where
 *   second    held by a dependency, which first's end removes
 *   third     a prolog, and an exception without consequence
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>
#include <flux/jobtap.h>

#define CURRENT FLUX_JOBTAP_CURRENT_JOB
#define NOSUCH ((flux_jobid_t)12345)

static int tried;
static json_t *failures;
static json_t *topics;           /* callbacks seen: {topic: count} */
static int freed;
static flux_jobid_t second;
static int second_state;

static void check (bool ok, const char *what, int line)
{
    tried++;
    if (!ok)
        json_array_append_new (failures, json_sprintf ("line %d: %s (errno %s)", line, what,
                                                       strerror (errno)));
}

#define HOLDS(x)                                                                         \
    do {                                                                                 \
        errno = 0;                                                                       \
        check ((x), #x, __LINE__);                                                       \
    } while (0)
#define FAILS(x, errnum) HOLDS ((x) && errno == (errnum))

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

static void count_free (void *arg)
{
    freed++;
}

static void note (const char *topic)
{
    json_t *n = json_object_get (topics, topic);

    json_object_set_new (topics, topic, json_integer (json_integer_value (n) + 1));
}

static void no_message (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
}

/* ---- outside of a callback ---- */

static void try_unknown (flux_plugin_t *p, flux_jobid_t id, int errnum)
{
    flux_job_result_t r;

    FAILS (flux_jobtap_dependency_add (p, id, "x") < 0, errnum);
    FAILS (flux_jobtap_dependency_remove (p, id, "x") < 0, errnum);
    FAILS (flux_jobtap_prolog_finish (p, id, "x", 0) < 0, errnum);
    FAILS (flux_jobtap_epilog_finish (p, id, "x", 0) < 0, errnum);
    FAILS (flux_jobtap_event_post_pack (p, id, "x", NULL) < 0, errnum);
    FAILS (flux_jobtap_get_job_result (p, id, &r) < 0, errnum);
    FAILS (flux_jobtap_job_aux_set (p, id, "x", "y", NULL) < 0, errnum);
    FAILS (flux_jobtap_job_aux_get (p, id, "x") == NULL, errnum);
    FAILS (flux_jobtap_job_aux_delete_value (p, id, "x") < 0, errnum);
    FAILS (flux_jobtap_job_event_posted (p, id, "submit") < 0, errnum);
    FAILS (flux_jobtap_job_lookup (p, id) == NULL, errnum);
    FAILS (flux_jobtap_job_set_flag (p, id, "waitable") < 0, errnum);
    FAILS (flux_jobtap_job_subscribe (p, id) < 0, errnum);
    FAILS (flux_jobtap_raise_exception (p, id, "x", 0, "y") < 0, errnum);
    FAILS (flux_jobtap_reprioritize_job (p, id, 1) < 0, errnum);
    FAILS (flux_jobtap_call (p, id, "tapapi.x", NULL) < 0, errnum);
    flux_jobtap_job_unsubscribe (p, id);
}

static void try_null (flux_plugin_t *p)
{
    flux_job_result_t r;

    FAILS (flux_jobtap_get_flux (NULL) == NULL, EINVAL);
    HOLDS (flux_jobtap_get_flux (p) != NULL);
    FAILS (flux_jobtap_dependency_add (NULL, 1, "x") < 0, EINVAL);
    FAILS (flux_jobtap_dependency_remove (NULL, 1, "x") < 0, EINVAL);
    FAILS (flux_jobtap_prolog_start (NULL, "x") < 0, EINVAL);
    FAILS (flux_jobtap_epilog_start (NULL, "x") < 0, EINVAL);
    FAILS (flux_jobtap_prolog_start (p, "x") < 0, EINVAL);
    FAILS (flux_jobtap_epilog_start (p, "x") < 0, EINVAL);
    FAILS (flux_jobtap_event_post_pack (NULL, 1, "x", NULL) < 0, EINVAL);
    FAILS (flux_jobtap_get_job_result (NULL, 1, &r) < 0, EINVAL);
    FAILS (flux_jobtap_job_aux_set (NULL, 1, "x", "y", NULL) < 0, EINVAL);
    FAILS (flux_jobtap_job_lookup (NULL, 1) == NULL, EINVAL);
    FAILS (flux_jobtap_job_set_flag (NULL, 1, "waitable") < 0, EINVAL);
    FAILS (flux_jobtap_raise_exception (NULL, 1, "x", 0, "y") < 0, EINVAL);
    FAILS (flux_jobtap_reprioritize_all (NULL) < 0, EINVAL);
    FAILS (flux_jobtap_reprioritize_job (NULL, 1, 1) < 0, EINVAL);
    FAILS (flux_jobtap_service_register (NULL, "x", no_message, NULL) < 0, EINVAL);
    FAILS (flux_jobtap_service_register (p, NULL, no_message, NULL) < 0, EINVAL);
    FAILS (flux_jobtap_service_register (p, "x", NULL, NULL) < 0, EINVAL);
    FAILS (flux_jobtap_call (p, CURRENT, "job.new", NULL) < 0, EINVAL);
    FAILS (flux_jobtap_jobspec_update_pack (p, "{s:i}", "attributes.system.x", 1) < 0, EINVAL);
    FAILS (flux_jobtap_set_load_sort_order (p, "nonsense") < 0, EINVAL);
    HOLDS (flux_jobtap_set_load_sort_order (p, "-state") == 0);
    HOLDS (flux_jobtap_reprioritize_all (p) == 0);
}

/* ---- callbacks of the job "first" ---- */

static void try_dependencies (flux_plugin_t *p)
{
    FAILS (flux_jobtap_dependency_add (p, CURRENT, NULL) < 0, EINVAL);
    FAILS (flux_jobtap_dependency_remove (p, CURRENT, "none") < 0, ENOENT);
    HOLDS (flux_jobtap_dependency_add (p, CURRENT, "once") == 0);
    HOLDS (flux_jobtap_dependency_add (p, CURRENT, "once") == 0);    /* RFC 26 */
    HOLDS (flux_jobtap_dependency_remove (p, CURRENT, "once") == 0);
    FAILS (flux_jobtap_dependency_remove (p, CURRENT, "once") < 0, ENOENT);
    FAILS (flux_jobtap_dependency_add (p, CURRENT, "once") < 0, EEXIST);
}

static void try_aux (flux_plugin_t *p)
{
    static int val, val2;

    freed = 0;
    FAILS (flux_jobtap_job_aux_get (p, CURRENT, "x") == NULL, ENOENT);
    HOLDS (flux_jobtap_job_aux_set (p, CURRENT, "x", &val, count_free) == 0);
    HOLDS (flux_jobtap_job_aux_get (p, CURRENT, "x") == &val);
    HOLDS (flux_jobtap_job_aux_set (p, CURRENT, "x", &val2, count_free) == 0 && freed == 1);
    HOLDS (flux_jobtap_job_aux_delete_value (p, CURRENT, &val2) == 0 && freed == 2);
    FAILS (flux_jobtap_job_aux_get (p, CURRENT, "x") == NULL, ENOENT);
    HOLDS (flux_jobtap_job_aux_set (p, CURRENT, "x", NULL, NULL) == 0);
    HOLDS (flux_jobtap_job_aux_set (p, CURRENT, "kept", &val, count_free) == 0);
}

static void try_args (flux_plugin_t *p, flux_plugin_arg_t *args)
{
    flux_plugin_arg_t *a = flux_jobtap_job_lookup (p, CURRENT);
    int state, urgency, userid;
    json_int_t id, priority;
    double t;
    json_t *jobspec;

    HOLDS (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I s:i s:i s:i s:f s:o}", "id",
                                   &id, "state", &state, "userid", &userid, "urgency", &urgency,
                                   "t_submit", &t, "jobspec", &jobspec) == 0);
    HOLDS (!json_object_get (json_object_get (json_object_get (jobspec, "attributes"), "system"),
                             "environment"));
    HOLDS (a && flux_plugin_arg_unpack (a, FLUX_PLUGIN_ARG_IN, "{s:I s:i s:I}", "id", &id,
                                        "state", &state, "priority", &priority) == 0);
    flux_plugin_arg_destroy (a);
}

static int validate_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    flux_job_result_t r;

    note (topic);
    if (!strcmp (job_name (args), "refused"))
        return flux_jobtap_reject_job (p, args, "%s is %d", "refused", 1);
    if (!strcmp (job_name (args), "silent"))
        return flux_jobtap_reject_job (p, args, NULL);
    if (strcmp (job_name (args), "first") != 0)
        return 0;
    FAILS (flux_jobtap_get_job_result (p, CURRENT, &r) < 0, EINVAL);
    FAILS (flux_jobtap_reprioritize_job (p, CURRENT, 1) < 0, EINVAL);
    FAILS (flux_jobtap_epilog_start (p, "x") < 0, EINVAL);
    HOLDS (flux_jobtap_job_event_posted (p, CURRENT, "submit") == 1);
    HOLDS (flux_jobtap_job_event_posted (p, CURRENT, "start") == 0);
    FAILS (flux_jobtap_job_event_posted (p, CURRENT, NULL) < 0, EINVAL);
    FAILS (flux_jobtap_job_set_flag (p, CURRENT, "nonsense") < 0, EINVAL);
    FAILS (flux_jobtap_raise_exception (p, CURRENT, "x", 8, "y") < 0, EINVAL);
    FAILS (flux_jobtap_raise_exception (p, CURRENT, "x", -1, "y") < 0, EINVAL);
    FAILS (flux_jobtap_raise_exception (p, CURRENT, NULL, 1, "y") < 0, EINVAL);
    FAILS (flux_jobtap_call (p, CURRENT, "job.mine", args) < 0, EINVAL);
    HOLDS (flux_jobtap_call (p, CURRENT, "tapapi.nobody", args) == 0);
    HOLDS (flux_jobtap_call (p, CURRENT, "tapapi.custom", args) == 1
           && json_object_get (topics, "tapapi.custom"));
    return 0;
}

static int depend_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    note (topic);
    if (!strcmp (job_name (args), "second")) {
        second = job_id (args);
        return flux_jobtap_dependency_add (p, CURRENT, "first");
    }
    if (strcmp (job_name (args), "first") != 0)
        return 0;
    try_dependencies (p);
    try_aux (p);
    HOLDS (flux_jobtap_job_subscribe (p, CURRENT) == 0);
    HOLDS (flux_jobtap_job_set_flag (p, CURRENT, "waitable") == 0);
    HOLDS (flux_jobtap_event_post_pack (p, CURRENT, "tapapi.mine", "{s:i}", "a", 1) == 0);
    HOLDS (flux_jobtap_event_post_pack (p, CURRENT, "tapapi.empty", NULL) == 0);
    FAILS (flux_jobtap_event_post_pack (p, CURRENT, NULL, NULL) < 0, EINVAL);
    HOLDS (flux_jobtap_jobspec_update_pack (p, "{s:f}", "attributes.system.duration", 77.) == 0);
    FAILS (flux_jobtap_jobspec_update_id_pack (p, job_id (args), "{s:f}",
                                               "attributes.system.duration", 1.) < 0, EINVAL);
    return 0;
}

static int sched_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    note (topic);
    if (!strcmp (job_name (args), "first"))
        try_args (p, args);
    return 0;
}

static int run_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    json_t *R = NULL;
    int prev = 0;

    note (topic);
    if (!strcmp (job_name (args), "third")) {
        HOLDS (flux_jobtap_prolog_start (p, "one") == 0);
        HOLDS (flux_jobtap_prolog_start (p, "two") == 0);
        HOLDS (flux_jobtap_raise_exception (p, CURRENT, "tapapi", 5, "only %s", "said") == 0);
        HOLDS (flux_jobtap_prolog_finish (p, CURRENT, "one", 0) == 0);
        HOLDS (flux_jobtap_prolog_finish (p, CURRENT, "two", 1) == 0);
    }
    if (strcmp (job_name (args), "first") != 0)
        return 0;
    HOLDS (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:o s:i}", "R", &R, "prev_state",
                                   &prev) == 0);
    HOLDS (prev == FLUX_JOB_STATE_SCHED && json_object_get (R, "execution"));
    FAILS (flux_jobtap_dependency_add (p, CURRENT, "late") < 0, EINVAL);
    FAILS (flux_jobtap_jobspec_update_pack (p, "{s:f}", "attributes.system.duration", 1.) < 0,
           EINVAL);
    return 0;
}

static int cleanup_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    flux_job_result_t r = 0;
    json_t *end = NULL;

    note (topic);
    if (strcmp (job_name (args), "first") != 0)
        return 0;
    HOLDS (flux_jobtap_get_job_result (p, CURRENT, &r) == 0 && r == FLUX_JOB_RESULT_COMPLETED);
    HOLDS (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:o}", "end_event", &end) == 0);
    FAILS (flux_jobtap_prolog_start (p, "late") < 0, EINVAL);
    HOLDS (flux_jobtap_epilog_start (p, "e") == 0);
    HOLDS (flux_jobtap_epilog_finish (p, CURRENT, "e", 0) == 0);
    return 0;
}

static int inactive_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    flux_plugin_arg_t *a;

    note (topic);
    if (strcmp (job_name (args), "first") != 0 || !second)
        return 0;
    /* the other job is idle: all that follows happens before the call returns */
    HOLDS (flux_jobtap_dependency_remove (p, second, "first") == 0);
    HOLDS ((a = flux_jobtap_job_lookup (p, second)) != NULL);
    HOLDS (flux_plugin_arg_unpack (a, FLUX_PLUGIN_ARG_IN, "{s:i}", "state", &second_state) == 0
           && second_state == FLUX_JOB_STATE_SCHED);
    flux_plugin_arg_destroy (a);
    return 0;
}

static int any_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    note (topic);
    return 0;
}

static void report_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (flux_respond_pack (h, msg, "{s:i s:i s:O s:O}", "tried", tried, "freed", freed,
                           "failures", failures, "topics", topics) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static const struct flux_plugin_handler handlers[] = {
    { "job.validate", validate_cb, NULL },
    { "job.state.depend", depend_cb, NULL },
    { "job.state.sched", sched_cb, NULL },
    { "job.state.run", run_cb, NULL },
    { "job.state.cleanup", cleanup_cb, NULL },
    { "job.state.inactive", inactive_cb, NULL },
    { "job.*", any_cb, NULL },
    { "tapapi.custom", any_cb, NULL },
    { "conf.update", any_cb, NULL },
    { NULL, NULL, NULL },
};

static void free_json (void *arg)
{
    json_decref (arg);
}

int flux_plugin_init (flux_plugin_t *p)
{
    failures = json_array ();
    topics = json_object ();
    if (flux_plugin_aux_set (p, "failures", failures, free_json) < 0
        || flux_plugin_aux_set (p, "topics", topics, free_json) < 0)
        return -1;
    if (flux_plugin_register (p, "tapapi", handlers) < 0
        || flux_jobtap_service_register (p, "report", report_cb, NULL) < 0)
        return -1;
    try_null (p);
    try_unknown (p, NOSUCH, ENOENT);
    try_unknown (p, CURRENT, EINVAL);
    return 0;
}
