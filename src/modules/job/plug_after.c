/* plug_after.c - built-in plugin .dependency-after: after*:JOBID (RFC 26)
 *
 *   antecedent job ──< dependency >── dependent job
 *
 * The plugin subscribes to the events of an antecedent.  A dependency hangs on
 * its dependent as plugin data, so it goes when that job ends.
 */
#include <flux/jobtap.h>

#include <errno.h>
#include <inttypes.h>

#include "modules/job/tap.h"

enum kind { AFTER_START, AFTER_FINISH, AFTER_SUCCESS, AFTER_FAILURE, AFTER_EXCEPT };

static const char *const kind_names[] = {
    "after-start", "after-finish", "after-success", "after-failure", "after-except",
};

static const struct {
    const char *scheme;
    enum kind kind;
} schemes[] = {
    { "after", AFTER_START },
    { "afterstart", AFTER_START },
    { "afterany", AFTER_FINISH },
    { "afterok", AFTER_SUCCESS },
    { "afternotok", AFTER_FAILURE },
    { "afterexcept", AFTER_EXCEPT },
};

struct antecedent {
    flux_jobid_t id;
    struct list_node deps;
};

struct after {
    struct list_node node;     /* antecedent.deps */
    enum kind kind;
    flux_jobid_t antecedent;
    flux_jobid_t dependent;
    char description[80];
};

struct plugin {
    flux_plugin_t *p;
    struct idhash *antecedents;
};

static void antecedent_free (void *arg)
{
    struct antecedent *ante = arg;

    list_foreach (&ante->deps, pos)
        list_del (pos);
    free (ante);
}

static void plugin_free (void *arg)
{
    struct plugin *pl = arg;

    idhash_free (pl->antecedents);
    free (pl);
}

static void after_free (void *arg)
{
    struct after *dep = arg;

    list_del (&dep->node);
    free (dep);
}

/* 1: satisfied, 0: not yet, -1: never, with the reason. */
static int evaluate (const struct job *job, enum kind kind, const char **why)
{
    const struct jobstate *st = &job->st;

    *why = NULL;
    if (kind == AFTER_START && st->start_seen)
        return 1;
    if (st->state != FLUX_JOB_STATE_INACTIVE)
        return 0;
    if (kind == AFTER_FINISH)
        return 1;
    if (st->t_run == 0. || kind == AFTER_START) {
        *why = "never started";
        return -1;
    }
    switch (kind) {
    case AFTER_SUCCESS:
        *why = "failed";
        return st->result == FLUX_JOB_RESULT_COMPLETED ? 1 : -1;
    case AFTER_FAILURE:
        *why = "succeeded";
        return st->result != FLUX_JOB_RESULT_COMPLETED ? 1 : -1;
    default:
        *why = "had no fatal exception";
        return job_is_fatal (job) ? 1 : -1;
    }
}

static void resolve (struct plugin *pl, struct after *dep, int verdict, const char *why)
{
    flux_plugin_t *p = pl->p;
    flux_jobid_t id = dep->dependent;
    char description[80];

    snprintf (description, sizeof (description), "%s", dep->description);
    flux_jobtap_job_aux_delete_value (p, id, dep);
    if (verdict > 0) {
        if (flux_jobtap_dependency_remove (p, id, description) < 0)
            flux_log_error (flux_jobtap_get_flux (p), "%s of job %ju", description,
                            (uintmax_t)id);
    }
    else if (flux_jobtap_raise_exception (p, id, "dependency", 0,
                                          "dependency %s can never be satisfied: the job "
                                          "%s", description, why) < 0)
        flux_log_error (flux_jobtap_get_flux (p), "raise on job %ju", (uintmax_t)id);
}

/* start, clean of an antecedent */
static int event_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct plugin *pl = arg;
    struct mgr *m = tap_mgr (p);
    struct antecedent *ante;
    struct job *job;
    json_int_t id;
    struct list_node todo;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id) < 0
        || !(ante = idhash_get (pl->antecedents, id)) || !(job = jobtab_get (m->t, id)))
        return 0;
    /* what is resolved may end jobs and so other dependencies: one at a time */
    list_init (&todo);
    list_foreach (&ante->deps, pos) {
        list_del (pos);
        list_append (&todo, pos);
    }
    while (!list_empty (&todo)) {
        struct after *dep = list_entry (list_first (&todo), struct after, node);
        const char *why;
        int verdict = evaluate (job, dep->kind, &why);
        list_del (&dep->node);
        list_append (&ante->deps, &dep->node);
        if (verdict)
            resolve (pl, dep, verdict, why);
    }
    if (job->st.state == FLUX_JOB_STATE_INACTIVE)
        idhash_del (pl->antecedents, id);
    return 0;
}

static struct antecedent *antecedent_get (struct plugin *pl, flux_jobid_t id)
{
    struct antecedent *ante = idhash_get (pl->antecedents, id);

    if (ante)
        return ante;
    if (!(ante = calloc (1, sizeof (*ante))))
        return NULL;
    ante->id = id;
    list_init (&ante->deps);
    if (idhash_set (pl->antecedents, id, ante) < 0) {
        free (ante);
        return NULL;
    }
    if (flux_jobtap_job_subscribe (pl->p, id) < 0) {
        idhash_del (pl->antecedents, id);
        return NULL;
    }
    return ante;
}

static int describe (char *buf, size_t size, enum kind kind, flux_jobid_t id)
{
    char f58[32];

    if (flux_job_id_encode (id, "f58", f58, sizeof (f58)) < 0)
        return -1;
    snprintf (buf, size, "%s=%s", kind_names[kind], f58);
    return 0;
}

/* It may have been added before a restart during which it was satisfied. */
static int satisfied (struct plugin *pl, struct job *job, struct job *target,
                      enum kind kind)
{
    char description[80];

    if (describe (description, sizeof (description), kind, target->id) == 0)
        (void)flux_jobtap_dependency_remove (pl->p, job->id, description);
    return 0;
}

static int add (struct plugin *pl, struct job *job, struct job *target, enum kind kind)
{
    struct antecedent *ante = antecedent_get (pl, target->id);
    struct after *dep = ante ? calloc (1, sizeof (*dep)) : NULL;

    if (!dep || describe (dep->description, sizeof (dep->description), kind,
                          target->id) < 0) {
        free (dep);
        return -1;
    }
    dep->kind = kind;
    dep->antecedent = target->id;
    dep->dependent = job->id;
    list_init (&dep->node);
    if (flux_jobtap_dependency_add (pl->p, job->id, dep->description) < 0) {
        int saved = errno;
        free (dep);
        return saved == EEXIST ? 0 : -1;
    }
    if (flux_jobtap_job_aux_set (pl->p, job->id, NULL, dep, after_free) < 0) {
        free (dep);
        return -1;
    }
    list_append (&ante->deps, &dep->node);
    return 0;
}

static int find_kind (const char *scheme)
{
    for (size_t i = 0; i < sizeof (schemes) / sizeof (schemes[0]); i++) {
        if (!strcmp (scheme, schemes[i].scheme))
            return (int)schemes[i].kind;
    }
    return -1;
}

static int dependency_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                          void *arg)
{
    struct plugin *pl = arg;
    struct mgr *m = tap_mgr (p);
    const char *scheme, *value, *why;
    struct job *job, *target;
    flux_jobid_t target_id;
    json_int_t id;
    int kind, verdict;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I s:{s:s s:s}}", "id", &id,
                                "dependency", "scheme", &scheme, "value", &value) < 0)
        return flux_jobtap_reject_job (p, args, "malformed dependency");
    if ((kind = find_kind (scheme)) < 0)
        return flux_jobtap_reject_job (p, args, "dependency scheme \"%s\" not supported",
                                       scheme);
    if (flux_job_id_parse (value, &target_id) < 0)
        return flux_jobtap_reject_job (p, args, "%s: \"%s\" is not a job id", scheme, value);
    if (!(target = jobtab_get (m->t, target_id)))
        return flux_jobtap_reject_job (p, args, "%s: there is no job %s (it may have been "
                                       "purged)", scheme, value);
    job = jobtab_get (m->t, id);
    if (!job || job == target)
        return flux_jobtap_reject_job (p, args, "%s: a job cannot wait for itself", scheme);
    if (target->st.userid != job->st.userid)
        return flux_jobtap_reject_job (p, args, "%s: job %s belongs to another user", scheme,
                                       value);
    verdict = evaluate (target, kind, &why);
    if (verdict > 0)
        return satisfied (pl, job, target, kind);
    if (verdict < 0)
        return flux_jobtap_reject_job (p, args, "%s: job %s %s", scheme, value, why);
    if (add (pl, job, target, kind) < 0)
        return flux_jobtap_reject_job (p, args, "%s: %s", scheme, strerror (errno));
    return 0;
}

static int query_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct plugin *pl = arg;
    json_t *a = json_array ();
    struct antecedent *ante;
    size_t pos = 0;
    int rc;

    while (a && (ante = idhash_next (pl->antecedents, &pos, NULL))) {
        list_foreach (&ante->deps, n) {
            struct after *dep = list_entry (n, struct after, node);
            json_array_append_new (a, json_pack ("{s:I s:I s:s s:s}",
                                                 "id", (json_int_t)dep->antecedent,
                                                 "depid", (json_int_t)dep->dependent,
                                                 "type", kind_names[dep->kind],
                                                 "description", dep->description));
        }
    }
    rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O}", "dependencies", a);
    json_decref (a);
    return rc;
}

int plug_dependency_after (flux_plugin_t *p)
{
    struct plugin *pl = calloc (1, sizeof (*pl));

    if (!pl)
        return -1;
    pl->p = p;
    if (!(pl->antecedents = idhash_new (antecedent_free))
        || flux_plugin_aux_set (p, NULL, pl, plugin_free) < 0) {
        plugin_free (pl);
        return -1;
    }
    if (flux_plugin_set_name (p, "dependency-after") < 0
        || flux_plugin_add_handler (p, "job.dependency.after*", dependency_cb, pl) < 0
        || flux_plugin_add_handler (p, "job.event.start", event_cb, pl) < 0
        || flux_plugin_add_handler (p, "job.event.clean", event_cb, pl) < 0
        || flux_plugin_add_handler (p, "plugin.query", query_cb, pl) < 0)
        return -1;
    return 0;
}
