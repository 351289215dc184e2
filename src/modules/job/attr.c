/* attr.c - job attributes as JSON (RFC 43)
 */
#include "modules/job/list.h"

#include <errno.h>

#include "base/errmsg.h"

enum attr {
    A_USERID, A_URGENCY, A_PRIORITY, A_T_SUBMIT, A_T_DEPEND, A_T_PRIORITY, A_T_SCHED,
    A_T_RUN, A_T_CLEANUP, A_T_INACTIVE, A_STATE, A_NAME, A_CWD, A_QUEUE, A_PROJECT,
    A_BANK, A_NTASKS, A_NCORES, A_DURATION, A_NNODES, A_RANKS, A_NODELIST, A_EXPIRATION,
    A_SUCCESS, A_RESULT, A_WAITSTATUS, A_EXCEPTION_OCCURRED, A_EXCEPTION_TYPE,
    A_EXCEPTION_SEVERITY, A_EXCEPTION_NOTE, A_ANNOTATIONS, A_DEPENDENCIES, A_COUNT
};

static const char *const names[A_COUNT] = {
    "userid", "urgency", "priority", "t_submit", "t_depend", "t_priority", "t_sched",
    "t_run", "t_cleanup", "t_inactive", "state", "name", "cwd", "queue", "project",
    "bank", "ntasks", "ncores", "duration", "nnodes", "ranks", "nodelist", "expiration",
    "success", "result", "waitstatus", "exception_occurred", "exception_type",
    "exception_severity", "exception_note", "annotations", "dependencies",
};

json_t *list_attrs_names (void)
{
    json_t *a = json_array ();

    if (!a || json_array_append_new (a, json_string ("id")) < 0)
        return a;
    for (int i = 0; i < A_COUNT; i++) {
        if (json_array_append_new (a, json_string (names[i])) < 0)
            break;
    }
    (void)json_array_append_new (a, json_string ("all"));
    return a;
}

static int parse_one (const char *s, uint64_t *mask)
{
    if (!s)
        return -EINVAL;
    if (!strcmp (s, "all"))
        *mask |= (UINT64_C (1) << A_COUNT) - 1;
    else if (strcmp (s, "id") != 0) {
        int i = 0;
        while (i < A_COUNT && strcmp (s, names[i]) != 0)
            i++;
        if (i == A_COUNT)
            return -EINVAL;
        *mask |= UINT64_C (1) << i;
    }
    return 0;
}

int list_attrs_parse (const json_t *list, uint64_t *mask, flux_error_t *err)
{
    uint64_t m = 0;
    size_t i;
    json_t *val;

    if (!json_is_array (list))
        return errmsg (err, -EPROTO, "attrs must be an array of attribute names");
    json_array_foreach ((json_t *)list, i, val) {
        if (parse_one (json_string_value (val), &m) < 0)
            return errmsg (err, -EINVAL, "%s is not a valid attribute",
                           json_is_string (val) ? json_string_value (val) : "(not a string)");
    }
    *mask = m;
    return 0;
}

static json_t *integer (int64_t n)
{
    return json_integer (n);
}

static json_t *time_or_null (double t)
{
    return t > 0. ? json_real (t) : NULL;
}

static json_t *string_or_null (const char *s)
{
    return s && *s ? json_string (s) : NULL;
}

static json_t *count_or_null (int n)
{
    return n > 0 ? json_integer (n) : NULL;
}

static json_t *dependencies (const struct job *job)
{
    json_t *a = NULL;

    if (!job->a || !(job->st.state & (FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_DEPEND)))
        return NULL;
    list_foreach (&job->a->deps, pos) {
        const struct dep *d = list_entry (pos, struct dep, node);
        if (d->satisfied)
            continue;
        if (!a && !(a = json_array ()))
            return NULL;
        (void)json_array_append_new (a, json_string (d->description));
    }
    return a;
}

static json_t *annotations (const struct job *job)
{
    if (job->a)
        return json_incref (job->a->annotations);
    return job->annotations ? json_loads (job->annotations, 0, NULL) : NULL;
}

/* Tasks of a job that says them by node or core are known with R. */
static json_t *exception_attr (const struct job *job, enum attr attr)
{
    const struct jobstate *st = &job->st;

    if (attr == A_EXCEPTION_OCCURRED) {
        /* of an active job: nothing is said before one occurs */
        if (st->exception_occurred || st->state == FLUX_JOB_STATE_INACTIVE)
            return json_boolean (st->exception_occurred);
        return NULL;
    }
    if (!st->exception_occurred)
        return NULL;
    if (attr == A_EXCEPTION_TYPE)
        return json_string (st->exception_type);
    if (attr == A_EXCEPTION_NOTE)
        return json_string (st->exception_note);
    return integer (st->exception_severity);
}

static json_t *end_attr (const struct job *job, enum attr attr)
{
    const struct jobstate *st = &job->st;

    if (attr == A_WAITSTATUS)
        return st->waitstatus >= 0 ? integer (st->waitstatus) : NULL;
    if (st->state != FLUX_JOB_STATE_INACTIVE)
        return NULL;
    if (attr == A_SUCCESS)
        return json_boolean (st->result == FLUX_JOB_RESULT_COMPLETED);
    return integer (st->result);
}

static json_t *time_attr (const struct job *job, enum attr attr)
{
    const struct jobstate *st = &job->st;

    switch (attr) {
    case A_T_SUBMIT:
        return time_or_null (st->t_submit);
    case A_T_DEPEND:
        return time_or_null (st->t_depend);
    case A_T_PRIORITY:
        return time_or_null (job->t_priority);
    case A_T_SCHED:
        return time_or_null (job->t_sched);
    case A_T_RUN:
        return time_or_null (st->t_run);
    case A_T_CLEANUP:
        return time_or_null (st->t_cleanup);
    default:
        return time_or_null (st->t_inactive);
    }
}

static json_t *spec_attr (const struct job *job, enum attr attr)
{
    const struct jobattrs *a = job->attrs;

    switch (attr) {
    case A_NAME:
        return string_or_null (a->name);
    case A_CWD:
        return string_or_null (a->cwd);
    case A_QUEUE:
        return string_or_null (a->queue);
    case A_PROJECT:
        return string_or_null (a->project);
    case A_BANK:
        return string_or_null (a->bank);
    case A_NTASKS:
        return count_or_null (a->ntasks);
    case A_NCORES:
        return count_or_null (job->ncores ? job->ncores : a->ncores);
    case A_NNODES:
        return count_or_null (job->nnodes ? job->nnodes : a->nnodes);
    default:
        return time_or_null (a->duration);
    }
}

static json_t *attr_get (const struct job *job, enum attr attr)
{
    switch (attr) {
    case A_USERID:
        return integer (job->st.userid);
    case A_URGENCY:
        return integer (job->st.urgency);
    case A_PRIORITY:
        return job->st.priority >= 0 ? integer (job->st.priority) : NULL;
    case A_STATE:
        return integer (job->st.state);
    case A_T_SUBMIT ... A_T_INACTIVE:
        return time_attr (job, attr);
    case A_NAME ... A_NNODES:
        return spec_attr (job, attr);
    case A_RANKS:
        return string_or_null (job->ranks);
    case A_NODELIST:
        return string_or_null (job->nodelist);
    case A_EXPIRATION:
        return time_or_null (job->expiration);
    case A_SUCCESS ... A_WAITSTATUS:
        return end_attr (job, attr);
    case A_EXCEPTION_OCCURRED ... A_EXCEPTION_NOTE:
        return exception_attr (job, attr);
    case A_ANNOTATIONS:
        return annotations (job);
    default:
        return dependencies (job);
    }
}

json_t *list_attrs_get (const struct job *job, uint64_t mask)
{
    json_t *o = json_object (), *val;

    if (!o || json_object_set_new (o, "id", json_integer ((json_int_t)job->id)) < 0)
        goto error;
    for (int i = 0; i < A_COUNT; i++) {
        if ((mask & (UINT64_C (1) << i)) && (val = attr_get (job, i))
            && json_object_set_new (o, names[i], val) < 0)
            goto error;
    }
    return o;
error:
    json_decref (o);
    return NULL;
}
