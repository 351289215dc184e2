/* pgrep.c - flux pgrep, flux pkill (flux-pgrep(1))
 *
 *   pgrep ──job-list.list──► job-list; names and ids are matched here
 *   pkill ──job-manager.raise {cancel}──► of each match
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/jobfields.h"
#include "cmd/jobquery.h"
#include "cmd/jobs.h"
#include "cmd/pgrep.h"
#include "cmd/subs.h"

#define NO_MATCH 1
#define USAGE_ERROR 2

struct range {
    flux_jobid_t first;
    flux_jobid_t last;
};

struct expression {
    regex_t *patterns;
    size_t npatterns;
    struct range *ranges;
    size_t nranges;
};

/* Expressions */

/* "ID..ID"; "name:" in front makes a pattern of it. */
static bool parse_range (const char *s, struct range *r)
{
    const char *dots = strstr (s, "..");
    char *first = dots ? strndup (s, dots - s) : NULL;
    bool ok;

    ok = first && flux_job_id_parse (first, &r->first) == 0
         && flux_job_id_parse (dots + 2, &r->last) == 0;
    free (first);
    return ok;
}

static void add_pattern (struct expression *x, const char *s)
{
    regex_t *re = &x->patterns[x->npatterns++];
    char text[256];
    int rc;

    if (strncmp (s, "name:", 5) == 0)
        s += 5;
    if ((rc = regcomp (re, s, REG_EXTENDED | REG_NOSUB)) != 0) {
        regerror (rc, re, text, sizeof (text));
        cmd_die (USAGE_ERROR, "pattern '%s': %s", s, text);
    }
}

static void parse_expression (struct expression *x, int argc, char **argv)
{
    x->patterns = calloc (argc, sizeof (*x->patterns));
    x->ranges = calloc (argc, sizeof (*x->ranges));
    if (!x->patterns || !x->ranges)
        cmd_die (1, "out of memory");
    for (int i = 0; i < argc; i++) {
        if (parse_range (argv[i], &x->ranges[x->nranges]))
            x->nranges++;
        else
            add_pattern (x, argv[i]);
    }
}

static void expression_release (struct expression *x)
{
    for (size_t i = 0; i < x->npatterns; i++)
        regfree (&x->patterns[i]);
    free (x->patterns);
    free (x->ranges);
}

static bool matches (const struct expression *x, json_t *job)
{
    const char *name = json_string_value (json_object_get (job, "name"));
    flux_jobid_t id = json_integer_value (json_object_get (job, "id"));
    bool name_ok = x->npatterns == 0;
    bool id_ok = x->nranges == 0;

    for (size_t i = 0; i < x->npatterns && !name_ok; i++)
        name_ok = regexec (&x->patterns[i], name ? name : "", 0, NULL, 0) == 0;
    for (size_t i = 0; i < x->nranges && !id_ok; i++)
        id_ok = id >= x->ranges[i].first && id <= x->ranges[i].last;
    return name_ok && id_ok;
}

/* Options */

static void check (int rc, const flux_error_t *err)
{
    if (rc < 0)
        cmd_die (USAGE_ERROR, "%s", err->text);
}

static json_t *make_constraint (optparse_t *p, bool all_states)
{
    json_t *and = json_array ();
    const char *user = optparse_hasopt (p, "all-users") ? "all" : optparse_get_str (p, "user", NULL);
    const char *def = all_states ? "pending,running,inactive" : "pending,running";
    flux_error_t err;
    json_t *o;

    check (jobquery_user (user, &o, &err), &err);
    if (o)
        json_array_append_new (and, o);
    check (jobquery_filter (optparse_get_str (p, "filter", def), &o, &err), &err);
    json_array_append_new (and, o);
    if ((o = jobquery_queues (p, "queue")))
        json_array_append_new (and, o);
    return json_pack ("{s:o}", "and", and);
}

static int get_count (optparse_t *p, const char *name, int def)
{
    int n = optparse_get_int (p, name, def);

    if (n < 0)
        cmd_die (USAGE_ERROR, "--%s=%d: want zero or more", name, n);
    return n;
}

/* The jobs that match, at most --count. */
static json_t *find_jobs (optparse_t *p, flux_t *h, const struct expression *x, bool all_states,
                          const char *attrs)
{
    int max = get_count (p, "count", 1000);
    json_t *found = json_array ();
    flux_error_t err;
    json_t *jobs;
    json_t *job;
    size_t i;

    jobs = jobquery_list (h, make_constraint (p, all_states), attrs,
                          get_count (p, "max-entries", 1000), 0, &err);
    if (!jobs)
        cmd_die (1, "%s", err.text);
    json_array_foreach (jobs, i, job) {
        if (max > 0 && json_array_size (found) == (size_t)max)
            break;
        if (matches (x, job))
            json_array_append (found, job);
    }
    json_decref (jobs);
    return found;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }
#define SELECT \
    OPT ("all-users", 'A', NULL, "Include jobs of all users"), \
    OPT ("user", 'u', "USER", "Include only jobs of USER"), \
    OPT ("filter", 'f', "STATE|RESULT", "Include jobs with specific job state or result"), \
    OPT ("queue", 'q', "QUEUE,...", "Include only jobs in these queues"), \
    OPT ("count", 'c', "N", "Limit to the first N matches (default 1000)"), \
    OPT ("max-entries", 0, "N", "Consider at most N jobs (default 1000)")

static const struct optparse_option pgrep_opts[] = {
    OPT ("all", 'a', NULL, "Include jobs in all states"),
    SELECT,
    OPT ("format", 'o', "NAME|FORMAT", "Specify output format: a name or a format string"),
    OPT ("no-header", 'n', NULL, "Suppress printing of header line"),
    OPTPARSE_TABLE_END,
};

static const struct optparse_option pkill_opts[] = {
    SELECT,
    OPT ("wait", 'w', NULL, "Wait for jobs to finish after cancel"),
    OPTPARSE_TABLE_END,
};

/* pgrep */

static struct format *get_format (optparse_t *p)
{
    const struct named_format builtin[] = {
        { "default", "Job ids", "{id.f58}" },
        { "full", "Default flux-jobs format string", jobs_format ("default") },
        { "long", "Extended flux-jobs format string", jobs_format ("long") },
        { "deps", "Show job urgency, priority, and dependencies", jobs_format ("deps") },
        { NULL, NULL, NULL },
    };

    formats_set_exit (USAGE_ERROR);
    return formats_get ("flux-jobs", builtin, optparse_get_str (p, "format", NULL),
                        "FLUX_PGREP_FORMAT_DEFAULT", jobfields_heading, NULL);
}

/* The default format is for scripts: ids only. */
static bool wants_header (optparse_t *p)
{
    const char *env = getenv ("FLUX_PGREP_FORMAT_DEFAULT");
    const char *s = optparse_get_str (p, "format", env ? env : "default");

    return strcmp (s, "default") != 0 && !optparse_hasopt (p, "no-header");
}

static void print_jobs (optparse_t *p, const struct format *format, json_t *jobs)
{
    struct format_table *t = format_table_new (format, jobfields_value, NULL);
    flux_error_t err;
    json_t *job;
    size_t i;

    if (!t)
        cmd_die (1, "out of memory");
    json_array_foreach (jobs, i, job) {
        if (format_table_add (t, job, &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, wants_header (p), -1);
    format_table_free (t);
}

int cmd_pgrep (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse_mixed ("[OPTIONS] expression..", "List or count jobs by name or id range",
                                     pgrep_opts, argc, argv, &n);
    struct expression x = { 0 };
    struct format *format;
    json_t *jobs;
    flux_t *h;
    int rc;

    if (n == argc)
        return cmd_usage (p) * USAGE_ERROR;
    parse_expression (&x, argc - n, argv + n);
    format = get_format (p);
    h = cmd_open ();
    jobs = find_jobs (p, h, &x, optparse_hasopt (p, "all"), "all");
    rc = json_array_size (jobs) > 0 ? 0 : NO_MATCH;
    if (rc == 0)
        print_jobs (p, format, jobs);
    json_decref (jobs);
    format_free (format);
    expression_release (&x);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}

/* pkill */

/* An inactive job needs no cancellation any more. */
static int cancel_all (flux_t *h, json_t *jobs)
{
    size_t n = json_array_size (jobs);
    flux_future_t **f = calloc (n, sizeof (*f));
    char id[32];
    int failed = 0;

    if (!f)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        f[i] = flux_job_cancel (h, json_integer_value (json_object_get (json_array_get (jobs, i), "id")),
                                NULL);
    for (size_t i = 0; i < n; i++) {
        if (!f[i] || flux_future_get (f[i], NULL) < 0) {
            cmd_f58 (json_integer_value (json_object_get (json_array_get (jobs, i), "id")), id,
                     sizeof (id));
            cmd_err ("%s: %s", id, f[i] ? future_strerror (f[i], errno) : flux_strerror (errno));
            failed++;
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    return failed;
}

static void wait_clean (flux_t *h, flux_jobid_t id)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *event;

    /* the stream ends with the job */
    while (f && flux_job_event_watch_get (f, &event) == 0)
        flux_future_reset (f);
    if (!f || errno != ENODATA)
        cmd_die (1, "cannot wait for a job: %s",
                 f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

int cmd_pkill (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse_mixed ("[OPTIONS] expression..", "Cancel jobs by name or id range",
                                     pkill_opts, argc, argv, &n);
    struct expression x = { 0 };
    size_t count;
    json_t *jobs;
    flux_t *h;
    int failed;

    if (n == argc)
        return cmd_usage (p) * USAGE_ERROR;
    parse_expression (&x, argc - n, argv + n);
    h = cmd_open ();
    jobs = find_jobs (p, h, &x, false, "name");
    if ((count = json_array_size (jobs)) == 0)
        return NO_MATCH;
    failed = cancel_all (h, jobs);
    fprintf (stderr, "%s: Canceled %zu job%s (%d error%s)\n", cmd_name (), count - failed,
             count - failed == 1 ? "" : "s", failed, failed == 1 ? "" : "s");
    for (size_t i = 0; i < count && optparse_hasopt (p, "wait"); i++)
        wait_clean (h, json_integer_value (json_object_get (json_array_get (jobs, i), "id")));
    json_decref (jobs);
    expression_release (&x);
    flux_close (h);
    optparse_destroy (p);
    return failed > 0 ? 1 : 0;
}
