/* jobquery.c - which jobs: what commands say in options, as job-list constraints
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/when.h"
#include "cmd/jobquery.h"

static int give (json_t *o, json_t **op, flux_error_t *err)
{
    if (!o)
        return errmsg (err, -ENOMEM, "out of memory");
    *op = o;
    return 0;
}

int jobquery_user (const char *user, json_t **op, flux_error_t *err)
{
    struct passwd *pw;
    uid_t uid = getuid ();
    char *end;

    *op = NULL;
    if (user && strcmp (user, "all") == 0)
        return 0;
    if (user) {
        uid = strtoul (user, &end, 10);
        if (*end || end == user) {
            if (!(pw = getpwnam (user)))
                return errmsg (err, -EINVAL, "--user=%s: no such user", user);
            uid = pw->pw_uid;
        }
    }
    return give (json_pack ("{s:[i]}", "userid", (int)uid), op, err);
}

/* One word of a filter, added to the states or results. */
static int add_filter (const char *s, int *states, int *results, flux_error_t *err)
{
    flux_job_state_t state;
    flux_job_result_t result;

    if (strcasecmp (s, "pending") == 0)
        *states |= FLUX_JOB_STATE_PENDING;
    else if (strcasecmp (s, "running") == 0)
        *states |= FLUX_JOB_STATE_RUNNING;
    else if (strcasecmp (s, "active") == 0)
        *states |= FLUX_JOB_STATE_ACTIVE;
    else if (flux_job_strtostate (s, &state) == 0)
        *states |= state;
    else if (flux_job_strtoresult (s, &result) == 0)
        *results |= result;
    else
        return errmsg (err, -EINVAL, "--filter=%s: there are depend, priority, sched, run, cleanup,"
                       " inactive, pending, running, active, completed, failed, canceled, timeout",
                       s);
    return 0;
}

/* States in one term, results in another. */
int jobquery_filter (const char *list, json_t **op, flux_error_t *err)
{
    char *copy = strdup (list);
    char *save = NULL;
    int states = 0;
    int results = 0;
    int rc = 0;
    json_t *o;

    for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s && rc == 0;
         s = strtok_r (NULL, ",", &save))
        rc = add_filter (s, &states, &results, err);
    free (copy);
    if (rc < 0)
        return rc;
    if (results == 0)
        return give (json_pack ("{s:[i]}", "states", states), op, err);
    o = json_pack ("{s:[{s:[i]} {s:[i]}]}", "and", "states", FLUX_JOB_STATE_INACTIVE,
                   "results", results);
    if (states)
        o = json_pack ("{s:[o {s:[i]}]}", "or", o, "states", states);
    return give (o, op, err);
}

json_t *jobquery_queues (optparse_t *p, const char *option)
{
    json_t *a = json_array ();
    const char *arg;

    optparse_getopt_iterator_reset (p, option);
    while ((arg = optparse_getopt_next (p, option))) {
        char *copy = strdup (arg);
        char *save = NULL;
        for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s; s = strtok_r (NULL, ",", &save))
            json_array_append_new (a, json_string (s));
        free (copy);
    }
    if (json_array_size (a) > 0)
        return json_pack ("{s:o}", "queue", a);
    json_decref (a);
    return NULL;
}

int jobquery_since (const char *s, double *tp, flux_error_t *err)
{
    time_t now = time (NULL);
    flux_error_t why;
    char *end;
    double t = strtod (s, &end);    /* seconds since the epoch, or words */

    if ((*end || end == s || *s == '-') && when_parse (s, now, &t, &why) < 0)
        return errmsg (err, -EINVAL, "--since=%s: %s", s, why.text);
    if (!(t <= now))
        return errmsg (err, -EINVAL, "--since=%s: the time is in the future", s);
    *tp = t;
    return 0;
}

static json_t *split (const char *list)
{
    json_t *a = json_array ();
    char *copy = strdup (list);
    char *save = NULL;

    for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s; s = strtok_r (NULL, ",", &save))
        json_array_append_new (a, json_string (s));
    free (copy);
    return a;
}

json_t *jobquery_list (flux_t *h, json_t *constraint, const char *attrs, int count, double since,
                       flux_error_t *err)
{
    json_t *all = json_array ();
    flux_future_t *f;
    json_t *jobs;

    f = flux_rpc_pack (h, "job-list.list", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                       "{s:i s:o s:f s:o}", "max_entries", count, "attrs", split (attrs),
                       "since", since, "constraint", constraint);
    while (f && flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) == 0) {
        json_array_extend (all, jobs);
        flux_future_reset (f);
    }
    if (!f || errno != ENODATA) {
        errmsg (err, -errno, "job-list: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
        json_decref (all);
        all = NULL;
    }
    flux_future_destroy (f);
    return all;
}
