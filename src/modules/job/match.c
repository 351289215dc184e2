/* match.c - constraints on listed jobs (RFC 43, RFC 31)
 */
#include <errno.h>
#include <math.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/job/list.h"
#include "modules/job/mgr.h"
#include "spec/constraint.h"

#define SET_MAX 1024       /* hosts or ranks in one constraint */

struct leaf {
    bool (*match) (const struct leaf *l, const struct job *job);
    int mask;                  /* states, results */
    json_t *values;            /* userid, name, queue */
    struct hostlist *hosts;
    struct idset *ranks;
    int field;                 /* offset of a double in struct job */
    char op[3];
    double t;
};

static bool match_userid (const struct leaf *l, const struct job *job)
{
    size_t i;
    json_t *val;

    json_array_foreach (l->values, i, val) {
        if (json_integer_value (val) == (json_int_t)job->st.userid
            || json_integer_value (val) == -1
            || json_integer_value (val) == (json_int_t)FLUX_USERID_UNKNOWN)
            return true;
    }
    return false;
}

static bool in_strings (const json_t *values, const char *s)
{
    size_t i;
    json_t *val;

    json_array_foreach ((json_t *)values, i, val) {
        if (!strcmp (json_string_value (val), s))
            return true;
    }
    return false;
}

static bool match_name (const struct leaf *l, const struct job *job)
{
    return in_strings (l->values, job->attrs->name);
}

static bool match_queue (const struct leaf *l, const struct job *job)
{
    return *job->attrs->queue && in_strings (l->values, job->attrs->queue);
}

static bool match_states (const struct leaf *l, const struct job *job)
{
    return job->st.state & l->mask;
}

static bool match_results (const struct leaf *l, const struct job *job)
{
    return job->st.state == FLUX_JOB_STATE_INACTIVE && (job->st.result & l->mask);
}

static bool match_hosts (const struct leaf *l, const struct job *job)
{
    struct hostlist *hl;
    const char *host;
    bool found = false;

    if (!job->nodelist || !*job->nodelist || !(hl = hostlist_decode (job->nodelist)))
        return false;
    for (host = hostlist_first (l->hosts); host && !found; host = hostlist_next (l->hosts))
        found = hostlist_find (hl, host) >= 0;
    hostlist_destroy (hl);
    return found;
}

static bool match_ranks (const struct leaf *l, const struct job *job)
{
    struct idset *ids;
    bool found;

    if (!job->ranks || !(ids = idset_decode (job->ranks)))
        return false;
    found = idset_has_intersection (ids, l->ranks);
    idset_destroy (ids);
    return found;
}

static bool match_time (const struct leaf *l, const struct job *job)
{
    double t = *(const double *)((const char *)job + l->field);

    if (t == 0.)               /* has not happened */
        return false;
    if (!strcmp (l->op, ">"))
        return t > l->t;
    if (!strcmp (l->op, "<"))
        return t < l->t;
    if (!strcmp (l->op, ">="))
        return t >= l->t;
    return t <= l->t;
}

/* ---- compiling ---- */

static int all_of (const char *op, const json_t *values, bool strings, flux_error_t *err)
{
    size_t i;
    json_t *val;

    json_array_foreach ((json_t *)values, i, val) {
        if (strings ? !json_is_string (val) : !json_is_integer (val))
            return errmsg (err, -EINVAL, "%s constraint: values must be %s", op,
                           strings ? "strings" : "integers");
    }
    return 0;
}

static int compile_values (struct leaf *l, const char *op, const json_t *values,
                           flux_error_t *err)
{
    bool strings = strcmp (op, "userid") != 0;

    if (all_of (op, values, strings, err) < 0)
        return -EINVAL;
    l->match = strings ? match_name : match_userid;
    l->values = json_incref ((json_t *)values);
    return 0;
}

/* A queue's jobs are those of its virtual queues, too (RFC 33). */
static int compile_queue (struct leaf *l, const json_t *values, struct mgr *m,
                          flux_error_t *err)
{
    if (all_of ("queue", values, true, err) < 0)
        return -EINVAL;
    l->match = match_queue;
    l->values = m ? queues_with_virtual (m, values) : json_incref ((json_t *)values);
    return l->values ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

static int mask_of (const char *op, const json_t *val, bool states)
{
    const char *s = json_string_value (val);
    flux_job_state_t state;
    flux_job_result_t result;

    if (json_is_integer (val)) {
        json_int_t n = json_integer_value (val);
        json_int_t max = states ? FLUX_JOB_STATE_ACTIVE | FLUX_JOB_STATE_NEW
                                  | FLUX_JOB_STATE_INACTIVE : 15;
        return n >= 0 && !(n & ~max) ? (int)n : -1;
    }
    if (!s)
        return -1;
    if (states)
        return flux_job_strtostate (s, &state) < 0 ? -1 : (int)state;
    return flux_job_strtoresult (s, &result) < 0 ? -1 : (int)result;
}

static int compile_mask (struct leaf *l, const char *op, const json_t *values, bool states,
                         flux_error_t *err)
{
    size_t i;
    json_t *val;

    json_array_foreach ((json_t *)values, i, val) {
        int mask = mask_of (op, val, states);
        if (mask < 0)
            return errmsg (err, -EINVAL, "%s constraint: invalid %s", op,
                           json_is_string (val) ? json_string_value (val) : "value");
        l->mask |= mask;
    }
    l->match = states ? match_states : match_results;
    return 0;
}

static int compile_hosts (struct leaf *l, const json_t *values, flux_error_t *err)
{
    size_t i;
    json_t *val;

    if (all_of ("hostlist", values, true, err) < 0)
        return -EINVAL;
    if (!(l->hosts = hostlist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach ((json_t *)values, i, val) {
        if (hostlist_append (l->hosts, json_string_value (val)) < 0)
            return errmsg (err, -EINVAL, "hostlist constraint: invalid hostlist %s",
                           json_string_value (val));
    }
    if (hostlist_count (l->hosts) > SET_MAX)
        return errmsg (err, -EINVAL, "hostlist constraint: more than %d hosts", SET_MAX);
    l->match = match_hosts;
    return 0;
}

static int compile_ranks (struct leaf *l, const json_t *values, flux_error_t *err)
{
    size_t i;
    json_t *val;

    if (all_of ("ranks", values, true, err) < 0)
        return -EINVAL;
    if (!(l->ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach ((json_t *)values, i, val) {
        struct idset *ids = idset_decode (json_string_value (val));
        int rc = ids ? idset_add (l->ranks, ids) : -1;
        idset_destroy (ids);
        if (rc < 0)
            return errmsg (err, -EINVAL, "ranks constraint: invalid idset %s",
                           json_string_value (val));
    }
    l->match = match_ranks;
    return 0;
}

static const struct {
    const char *name;
    int field;
} times[] = {
    { "t_submit", offsetof (struct job, st.t_submit) },
    { "t_depend", offsetof (struct job, st.t_depend) },
    { "t_run", offsetof (struct job, st.t_run) },
    { "t_cleanup", offsetof (struct job, st.t_cleanup) },
    { "t_inactive", offsetof (struct job, st.t_inactive) },
};

static int compile_time (struct leaf *l, const char *op, int field, const json_t *values,
                         flux_error_t *err)
{
    const char *s = json_string_value (json_array_get (values, 0));
    char *end;

    if (json_array_size (values) != 1 || !s || (*s != '>' && *s != '<'))
        return errmsg (err, -EINVAL, "%s constraint: one string is required, as in "
                       "\">=1700000000.0\"", op);
    l->op[0] = *s++;
    if (*s == '=')
        l->op[1] = *s++;
    errno = 0;
    l->t = strtod (s, &end);
    if (errno || end == s || *end || isnan (l->t))
        return errmsg (err, -EINVAL, "%s constraint: invalid timestamp %s", op, s);
    l->field = field;
    l->match = match_time;
    return 0;
}

static int compile_op (struct leaf *l, const char *op, const json_t *values,
                       struct mgr *m, flux_error_t *err)
{
    if (!json_is_array (values))
        return errmsg (err, -EINVAL, "%s constraint: values must be an array", op);
    if (!strcmp (op, "userid") || !strcmp (op, "name"))
        return compile_values (l, op, values, err);
    if (!strcmp (op, "queue"))
        return compile_queue (l, values, m, err);
    if (!strcmp (op, "states") || !strcmp (op, "results"))
        return compile_mask (l, op, values, *op == 's', err);
    if (!strcmp (op, "hostlist"))
        return compile_hosts (l, values, err);
    if (!strcmp (op, "ranks"))
        return compile_ranks (l, values, err);
    for (size_t i = 0; i < sizeof (times) / sizeof (times[0]); i++) {
        if (!strcmp (op, times[i].name))
            return compile_time (l, op, times[i].field, values, err);
    }
    return errmsg (err, -EINVAL, "unknown constraint operator: %s", op);
}

static void leaf_free (void *arg)
{
    struct leaf *l = arg;

    if (l) {
        json_decref (l->values);
        hostlist_destroy (l->hosts);
        idset_destroy (l->ranks);
        free (l);
    }
}

static int leaf_compile (const char *op, const json_t *values, void **leaf, void *arg,
                         flux_error_t *err)
{
    struct leaf *l = calloc (1, sizeof (*l));
    int rc;

    if (!l)
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = compile_op (l, op, values, arg, err)) < 0) {
        leaf_free (l);
        return rc;
    }
    *leaf = l;
    return 0;
}

static bool leaf_match (void *leaf, const void *object, void *arg)
{
    const struct leaf *l = leaf;

    return l->match (l, object);
}

static const struct constraint_ops ops = {
    .compile = leaf_compile,
    .match = leaf_match,
    .free = leaf_free,
};

struct constraint *list_constraint (struct mgr *m, const json_t *o, flux_error_t *err)
{
    return constraint_compile (o, &ops, m, err);
}
