/* watch.c - flux watch (flux-watch(1)): the output and end of jobs that are there
 *
 *   watch ──job-list.list──► job-list, with a filter
 *         ──job-info.eventlog-watch──► each job: its events and its output (bulk.c)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bulk.h"
#include "cmd/cmd.h"
#include "cmd/jobquery.h"
#include "cmd/subs.h"
#include "cmd/watch.h"

#define USAGE_ERROR 2

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option opts[] = {
    OPT ("active", 'a', NULL, "Watch all active jobs"),
    OPT ("all", 'A', NULL, "Watch all jobs"),
    OPT ("count", 'c', "N", "Limit to N jobs (default 1000; 0: no limit)"),
    OPT ("since", 0, "WHEN", "Limit to jobs that have been active since WHEN"),
    OPT ("filter", 'f', "STATE|RESULT", "Watch jobs with specific job state or result"),
    OPT ("progress", 0, NULL, "Show a progress bar"),
    OPT ("jps", 0, NULL, "With --progress, show throughput"),
    OPTPARSE_TABLE_END,
};

static const char *get_filter (optparse_t *p)
{
    if (optparse_hasopt (p, "filter"))
        return optparse_get_str (p, "filter", NULL);
    if (optparse_hasopt (p, "all"))
        return "pending,running,inactive";
    if (optparse_hasopt (p, "active") || optparse_hasopt (p, "since"))
        return "pending,running";
    return NULL;
}

static void check (int rc, const flux_error_t *err)
{
    if (rc < 0)
        cmd_die (USAGE_ERROR, "%s", err->text);
}

static json_t *jobs_of_filter (optparse_t *p, flux_t *h, const char *filter)
{
    int count = optparse_get_int (p, "count", 1000);
    json_t *user;
    json_t *states;
    json_t *jobs;
    flux_error_t err;
    double since = 0;

    if (count < 0)
        cmd_die (USAGE_ERROR, "--count=%d: want zero or more", count);
    if (optparse_hasopt (p, "since"))
        check (jobquery_since (optparse_get_str (p, "since", ""), &since, &err), &err);
    check (jobquery_user (NULL, &user, &err), &err);
    check (jobquery_filter (filter, &states, &err), &err);
    jobs = jobquery_list (h, json_pack ("{s:[o o]}", "and", user, states), "t_submit", count, since,
                          &err);
    if (!jobs)
        cmd_die (1, "%s", err.text);
    return jobs;
}

static json_t *jobs_of_ids (flux_t *h, int n, char **ids)
{
    json_t *jobs = json_array ();
    json_t *job;

    for (int i = 0; i < n; i++) {
        flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}",
                                          "id", (json_int_t)cmd_parse_id (ids[i]),
                                          "attrs", "t_submit");
        if (!f || flux_rpc_get_unpack (f, "{s:o}", "job", &job) < 0)
            cmd_die (1, "%s: %s", ids[i], errno == ENOENT ? "no such job"
                     : f ? future_strerror (f, errno) : flux_strerror (errno));
        json_array_append (jobs, job);
        flux_future_destroy (f);
    }
    return jobs;
}

static double first_submit (json_t *jobs)
{
    double first = flux_reactor_time ();
    json_t *job;
    size_t i;

    json_array_foreach (jobs, i, job) {
        double t = json_number_value (json_object_get (job, "t_submit"));
        if (t > 0 && t < first)
            first = t;
    }
    return first;
}

/* job-list has the newest first; people read from the oldest on. */
static int watch (optparse_t *p, flux_t *h, json_t *jobs, bool newest_first)
{
    struct bulk_opts bo = { .quiet = true, .watch = true, .wait_event = "clean",
                            .progress = optparse_hasopt (p, "progress"),
                            .jps = optparse_hasopt (p, "jps") };
    size_t n = json_array_size (jobs);
    struct bulk *b = bulk_new (h, &bo, n);

    bulk_set_start (b, first_submit (jobs));
    for (size_t i = 0; i < n; i++) {
        json_t *job = json_array_get (jobs, newest_first ? n - 1 - i : i);
        bulk_watch (b, json_integer_value (json_object_get (job, "id")), stdout, stderr);
    }
    return bulk_finish (b);
}

int cmd_watch (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse_mixed ("[OPTIONS] [JOBID...]", "Monitor one or more Flux jobs", opts,
                                     argc, argv, &n);
    const char *filter = get_filter (p);
    json_t *jobs;
    flux_t *h;
    int rc;

    if (n < argc && filter)
        cmd_die (USAGE_ERROR, "job ids and --all, --active, --filter, --since exclude one another");
    if (n == argc && !filter)
        cmd_die (USAGE_ERROR, "at least one job id, or --all, --active, --filter or --since is needed");
    if (optparse_hasopt (p, "jps") && !optparse_hasopt (p, "progress"))
        cmd_die (USAGE_ERROR, "--jps is for use with --progress");
    h = cmd_open ();
    jobs = n < argc ? jobs_of_ids (h, argc - n, argv + n) : jobs_of_filter (p, h, filter);
    rc = watch (p, h, jobs, n == argc);
    json_decref (jobs);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}
