/* jobs.c - flux jobs (flux-jobs(1))
 *
 *   jobs ──job-list.list {attrs, constraint}──► job-list, streamed answers
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/jobfields.h"
#include "cmd/jobinstance.h"
#include "cmd/jobquery.h"
#include "cmd/jobs.h"
#include "cmd/resolve.h"

static const struct named_format builtin_formats[] = {
    { "default", "Default flux-jobs format string",
      "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} {status_abbrev:>2.2} "
      "{ntasks:>6} {nnodes:>6h} {contextual_time!F:>8h} {contextual_info}" },
    { "cute", "Cute flux-jobs format string with emojis",
      "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} {status_emoji:>3} "
      "{ntasks:>6} {nnodes:>6h} {contextual_time!F:>8h} {contextual_info}" },
    { "long", "Extended flux-jobs format string",
      "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} {status:>9.9} {ntasks:>6} "
      "{nnodes:>6h} {t_submit!d:%b%d %R::>12} {t_remaining!F:>12h} {contextual_time!F:>8h} "
      "{contextual_info}" },
    { "deps", "Show job urgency, priority, and dependencies",
      "{id.f58:>12} ?:{queue:<8.8} {name:<10.10+} {urgency:<3} {priority:<12} {state:<8.8} "
      "{dependencies}" },
    { "endreason", "Show why jobs ended",
      "{id.f58:>12} ?:{queue:<8.8} +:{username:<8} {name:<10.10+} {status_abbrev:>2.2} "
      "{t_inactive!d:%b%d %R::>12} {inactive_reason}" },
    { NULL, NULL, NULL },
};

const char *jobs_format (const char *name)
{
    for (const struct named_format *b = builtin_formats; b->name; b++) {
        if (strcmp (b->name, name) == 0)
            return b->format;
    }
    return NULL;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option opts[] = {
    OPT ("all", 'a', NULL, "List jobs for current user in all states"),
    OPT ("all-users", 'A', NULL, "List all jobs for all users"),
    OPT ("no-header", 'n', NULL, "Suppress printing of header line"),
    OPT ("user", 'u', "USER", "Limit output to specific username or userid, or 'all'"),
    OPT ("name", 0, "JOB-NAME", "Limit output to specific job name"),
    OPT ("queue", 'q', "QUEUE", "Limit output to specific queue or queues"),
    OPT ("include", 'i', "HOSTS|RANKS", "Limit output to jobs on specific hosts or ranks"),
    OPT ("count", 'c', "N", "Limit output to N jobs (default 1000)"),
    OPT ("since", 0, "WHEN", "Limit output to jobs active since WHEN"),
    OPT ("filter", 'f', "STATE|RESULT", "List jobs with specific job state or result"),
    OPT ("format", 'o', "FORMAT", "Specify output format: a name or a format string"),
    { .name = "width", .key = 'w', .has_arg = 2, .arginfo = "N",
      .usage = "Truncate output at width N (0: the terminal's)" },
    { .name = "color", .has_arg = 2, .arginfo = "WHEN",
      .usage = "Colorize output: always, never, or auto" },
    OPT ("sort", 0, "KEY,...", "Sort by comma separated keys"),
    OPT ("json", 0, NULL, "Emit data in JSON format"),
    OPT ("stats", 0, NULL, "Print job statistics before header"),
    OPT ("stats-only", 0, NULL, "Print job statistics and exit"),
    OPT ("recursive", 'R', NULL, "List jobs recursively"),
    OPT ("recurse-all", 0, NULL, "With -R, attempt to list the jobs of other users' instances"),
    OPT ("level", 'L', "N", "With -R, only descend N levels"),
    OPT ("threads", 0, "N", "Ask up to N instances at a time (default: processors + 4)"),
    OPTPARSE_TABLE_END,
};

/* Constraints */

static void die_on (int rc, const char *text)
{
    if (rc < 0)
        cmd_die (1, "%s", text);
}

static json_t *user_constraint (optparse_t *p)
{
    const char *user = optparse_get_str (p, "user", NULL);
    flux_error_t err;
    json_t *o;

    if (optparse_hasopt (p, "all-users") || (optparse_hasopt (p, "include") && !user))
        return NULL;
    die_on (jobquery_user (user, &o, &err), err.text);
    return o;
}

static json_t *filter_constraint (optparse_t *p)
{
    const char *def = optparse_hasopt (p, "all") || optparse_hasopt (p, "since")
                          ? "pending,running,inactive" : "pending,running";
    flux_error_t err;
    json_t *o;

    die_on (jobquery_filter (optparse_get_str (p, "filter", def), &o, &err), err.text);
    return o;
}

static json_t *include_constraint (optparse_t *p)
{
    const char *arg = optparse_get_str (p, "include", NULL);
    struct idset *ids;
    struct hostlist *hl;

    if (!arg)
        return NULL;
    if ((ids = idset_decode (arg))) {
        idset_destroy (ids);
        return json_pack ("{s:[s]}", "ranks", arg);
    }
    if (!(hl = hostlist_decode (arg)))
        cmd_die (1, "--include=%s: neither an idset of ranks nor a hostlist", arg);
    hostlist_destroy (hl);
    return json_pack ("{s:[s]}", "hostlist", arg);
}

static void add_term (json_t *and, json_t *term)
{
    if (term)
        json_array_append_new (and, term);
}

static json_t *make_constraint (optparse_t *p)
{
    json_t *and = json_array ();
    const char *name = optparse_get_str (p, "name", NULL);

    add_term (and, user_constraint (p));
    add_term (and, filter_constraint (p));
    add_term (and, jobquery_queues (p, "queue"));
    add_term (and, include_constraint (p));
    if (name)
        add_term (and, json_pack ("{s:[s]}", "name", name));
    return json_pack ("{s:o}", "and", and);
}

static double parse_since (optparse_t *p)
{
    const char *s = optparse_get_str (p, "since", NULL);
    flux_error_t err;
    double t = 0;

    if (s)
        die_on (jobquery_since (s, &t, &err), err.text);
    return t;
}

/* Listing */

static json_t *list_query (flux_t *h, optparse_t *p, int count)
{
    flux_error_t err;
    json_t *jobs = jobquery_list (h, make_constraint (p), "all", count, parse_since (p), &err);

    if (!jobs)
        cmd_die (1, "%s", err.text);
    return jobs;
}

static json_t *list_ids (flux_t *h, int n, char **ids, int *rc)
{
    json_t *all = json_array ();
    json_t *job;

    for (int i = 0; i < n; i++) {
        flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}",
                                          "id", (json_int_t)cmd_parse_id (ids[i]), "attrs", "all");
        if (!f || flux_rpc_get_unpack (f, "{s:o}", "job", &job) < 0) {
            cmd_err ("%s: %s", ids[i], errno == ENOENT ? "no such job"
                     : f ? future_strerror (f, errno) : flux_strerror (errno));
            *rc = 1;
        }
        else
            json_array_append (all, job);
        flux_future_destroy (f);
    }
    return all;
}

/* Returns the number of active jobs. */
static int print_stats (flux_t *h, optparse_t *p)
{
    flux_future_t *f = flux_rpc_pack (h, "job-list.job-stats", FLUX_NODEID_ANY, 0, "{}");
    const char *queue = optparse_get_str (p, "queue", NULL);
    int depend = 0, priority = 0, sched = 0, run = 0, cleanup = 0;
    int successful = 0, failed = 0;
    json_t *o;
    json_t *queues = NULL;
    size_t i;
    json_t *q;

    if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die (1, "job-list: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (queue) {
        queues = json_object_get (o, "queues");
        o = NULL;
        json_array_foreach (queues, i, q) {
            const char *name = json_string_value (json_object_get (q, "name"));
            if (name && strcmp (name, queue) == 0)
                o = q;
        }
        if (!o)
            cmd_die (1, "--queue=%s: no such queue", queue);
    }
    json_unpack (o, "{s:{s?i s?i s?i s?i s?i} s?i s?i}", "job_states", "depend", &depend,
                 "priority", &priority, "sched", &sched, "run", &run, "cleanup", &cleanup,
                 "successful", &successful, "failed", &failed);
    printf ("%d running, %d completed, %d failed, %d pending\n", run + cleanup, successful, failed,
            depend + priority + sched);
    flux_future_destroy (f);
    return depend + priority + sched + run + cleanup;
}

static int get_width (optparse_t *p)
{
    const char *s;
    char *end;
    long n;
    struct winsize ws;

    if (optparse_getopt (p, "width", &s) <= 0)
        return -1;
    n = s ? strtol (s, &end, 10) : 0;
    if (s && (*end || end == s))
        cmd_die (1, "--width=%s: want a number", s);
    if (n == 0)
        return ioctl (STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_col : -1;
    return n;
}

struct listing {
    optparse_t *p;
    struct format *format;
    int width;
    bool header;
    int maxlevel;
    bool instances;       /* a field is instance.* */
    bool waits;           /* a field says why a job waits */
};

/* Fields of instances are asked of these. */
static void ask_instances (struct listing *l, json_t *jobs)
{
    int threads = optparse_get_int (l->p, "threads", 0);

    if (threads < 0 || (threads == 0 && optparse_hasopt (l->p, "threads")))
        cmd_die (1, "--threads=%d: want one or more", threads);
    if (l->instances)
        jobinstance_ask_all (jobs, threads);
}

/* "its queue is stopped: maintenance", or is gone; "" if neither; kept by its name. */
static json_t *queue_stopped (flux_t *h, json_t *seen, const char *queue)
{
    json_t *text = json_object_get (seen, queue ? queue : "");
    flux_future_t *f;
    const char *reason = "";
    int start = 1;

    if (text)
        return text;
    f = flux_rpc_pack (h, "job-manager.queue-status", 0, 0, queue ? "{s:s}" : "{}", "name", queue);
    if (f && flux_rpc_get_unpack (f, "{s:b s?s}", "start", &start, "stop_reason", &reason) == 0
        && !start)
        text = json_sprintf ("its queue is stopped%s%s", *reason ? ": " : "", reason);
    else if (f && queue && flux_rpc_get (f, NULL) < 0 && errno == ENOENT)
        text = json_sprintf ("there is no queue '%s' any more: flux update ID queue=NAME", queue);
    else if (f && !queue && flux_rpc_get (f, NULL) < 0 && errno == EINVAL)
        text = json_string ("it has no queue, and queues are configured: flux update ID queue=NAME");
    else
        text = json_string ("");
    flux_future_destroy (f);
    json_object_set_new (seen, queue ? queue : "", text);
    return text;
}

/* The scheduler does not hear of jobs whose queue is stopped: ask why they wait. */
static void ask_queues (struct listing *l, flux_t *h, json_t *jobs)
{
    json_t *seen = json_object (), *job;
    size_t i;

    json_array_foreach (jobs, i, job) {
        const char *queue = json_string_value (json_object_get (job, "queue"));
        if (l->waits && jobfields_unexplained (job))
            json_object_set (job, JOBFIELDS_STOPPED, queue_stopped (h, seen, queue));
    }
    json_decref (seen);
}

/* Instances blue; red what failed, dim what was canceled. */
static const char *color_of (const void *item)
{
    const json_t *job = item;
    int result = json_integer_value (json_object_get (job, "result"));

    if (jobinstance_uri (job))
        return "\033[01;34m";
    if (result == FLUX_JOB_RESULT_FAILED || result == FLUX_JOB_RESULT_TIMEOUT)
        return "\033[01;31m";
    if (result == FLUX_JOB_RESULT_CANCELED)
        return "\033[37m";
    return NULL;
}

static void print_table (struct listing *l, json_t *jobs)
{
    struct format_table *t = format_table_new (l->format, jobfields_value, NULL);
    const char *keys = optparse_get_str (l->p, "sort", NULL);
    flux_error_t err;
    json_t *job;
    size_t i;

    if (!t || (keys && format_table_sort (t, keys, &err) < 0))
        cmd_die (1, "--sort: %s", t ? err.text : "out of memory");
    ask_instances (l, jobs);
    if (optparse_get_color (l->p, "color"))
        format_table_set_color (t, color_of);
    json_array_foreach (jobs, i, job) {
        if (format_table_add (t, job, &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, l->header, l->width);
    format_table_free (t);
}

static void list_level (struct listing *l, flux_t *h, json_t *jobs, const char *path, int level);

static bool recurses (const struct listing *l, int level)
{
    return (optparse_hasopt (l->p, "recursive") || optparse_hasopt (l->p, "recurse-all"))
           && level < l->maxlevel;
}

/* Connect to a job that is an instance, and list its jobs.  NULL: it is none, or another
 * user's, or cannot be reached. */
static flux_t *open_child (struct listing *l, const json_t *job, json_t **jobsp)
{
    const char *uri = jobinstance_uri (job);
    flux_error_t err;
    flux_t *h;
    char idstr[32];
    char *nearest;

    if (!uri
        || ((uid_t)json_integer_value (json_object_get (job, "userid")) != getuid ()
            && !optparse_hasopt (l->p, "recurse-all")))
        return NULL;
    if (!(nearest = resolve_shorten (uri)))
        cmd_die (1, "out of memory");
    h = flux_open_ex (nearest, 0, &err);
    free (nearest);
    if (!h) {
        cmd_f58 (json_integer_value (json_object_get (job, "id")), idstr, sizeof (idstr));
        cmd_err ("%s: %s", idstr, err.text);
        return NULL;
    }
    *jobsp = list_query (h, l->p, optparse_get_int (l->p, "count", 1000));
    return h;
}

static void list_child (struct listing *l, json_t *job, const char *path, int level)
{
    char idstr[32];
    char *sub = NULL;
    json_t *jobs;
    flux_t *h = open_child (l, job, &jobs);

    if (!h)
        return;
    cmd_f58 (json_integer_value (json_object_get (job, "id")), idstr, sizeof (idstr));
    if (asprintf (&sub, "%s%s%s", path, *path ? "/" : "", idstr) < 0)
        cmd_die (1, "out of memory");
    if (json_array_size (jobs) > 0 || optparse_hasopt (l->p, "stats")) {
        printf ("\n%s:\n", sub);
        if (optparse_hasopt (l->p, "stats"))
            print_stats (h, l->p);
        list_level (l, h, jobs, sub, level);
    }
    json_decref (jobs);
    free (sub);
    flux_close (h);
}

static void list_level (struct listing *l, flux_t *h, json_t *jobs, const char *path, int level)
{
    json_t *job;
    size_t i;

    ask_queues (l, h, jobs);
    print_table (l, jobs);
    if (recurses (l, level))
        json_array_foreach (jobs, i, job)
            list_child (l, job, path, level + 1);
}

/* A new reference; jobs of a job that is an instance are its "jobs". */
static json_t *make_json (struct listing *l, json_t *jobs, int level)
{
    json_t *all = json_array (), *job, *sub;
    size_t i;

    json_array_foreach (jobs, i, job) {
        json_t *o = jobfields_json (job);
        flux_t *h = recurses (l, level) ? open_child (l, job, &sub) : NULL;
        if (h) {
            json_object_set_new (o, "jobs", make_json (l, sub, level + 1));
            json_decref (sub);
            flux_close (h);
        }
        if (json_array_append_new (all, o) < 0)
            cmd_die (1, "out of memory");
    }
    return all;
}

/* One job that was asked for by its id is not in an array. */
static void print_json (struct listing *l, json_t *jobs, bool single)
{
    json_t *all = make_json (l, jobs, 0);
    json_t *o = single ? json_array_get (all, 0) : NULL;
    char *s;

    if (!single)
        o = json_pack ("{s:O}", "jobs", all);
    if (!o)
        return;             /* it is not there, and that was said */
    if (!(s = json_dumps (o, JSON_COMPACT)))
        cmd_die (1, "out of memory");
    printf ("%s\n", s);
    free (s);
    json_decref (all);
}

static bool is_integer (const char *s)
{
    return s && *s && s[strspn (s, "-")] && !s[strspn (s, "-0123456789")];
}

static bool is_when (const char *s)
{
    return s && (!strcmp (s, "always") || !strcmp (s, "never") || !strcmp (s, "auto"));
}

/* Options whose argument may be left out take the next word if it could be one. */
static void join_arguments (int *argcp, char **argv)
{
    int n = 1;

    for (int i = 1; i < *argcp; i++) {
        const char *next = i + 1 < *argcp ? argv[i + 1] : NULL;
        bool width = !strcmp (argv[i], "-w") || !strcmp (argv[i], "--width");
        char *joined = NULL;
        if (!strcmp (argv[i], "--")) {
            while (i < *argcp)
                argv[n++] = argv[i++];
            break;
        }
        if ((width && is_integer (next)) || (!strcmp (argv[i], "--color") && is_when (next))) {
            if (asprintf (&joined, "--%s=%s", width ? "width" : "color", next) < 0)
                cmd_die (1, "out of memory");
            i++;
        }
        else if (!strncmp (argv[i], "-w", 2) && is_integer (argv[i] + 2)
                 && asprintf (&joined, "--width=%s", argv[i] + 2) < 0)
            cmd_die (1, "out of memory");
        argv[n++] = joined ? joined : argv[i];
    }
    argv[n] = NULL;
    *argcp = n;
}

static void check_options (optparse_t *p, int count, int maxlevel)
{
    const char *keys = optparse_get_str (p, "sort", NULL);
    flux_error_t err;

    if (count < 0)
        cmd_die (1, "--count=%d: want zero or more", count);
    if (maxlevel < 0)
        cmd_die (1, "--level=%d: want zero or more", maxlevel);
    if (optparse_hasopt (p, "json")
        && (optparse_hasopt (p, "stats") || optparse_hasopt (p, "stats-only")))
        cmd_die (1, "--json does not go with --stats or --stats-only");
    if (keys && format_check_sort (keys, jobfields_heading, NULL, &err) < 0)
        cmd_die (1, "--sort: %s", err.text);
}

int cmd_jobs (int argc, char **argv)
{
    int n;
    join_arguments (&argc, argv);
    optparse_t *p = cmd_parse ("[OPTIONS] [JOBID...]", "List Flux jobs", opts, argc, argv, &n);
    int count = optparse_get_int (p, "count", 1000);
    struct listing l = { .p = p, .width = get_width (p), .header = !optparse_hasopt (p, "no-header"),
                         .maxlevel = optparse_get_int (p, "level", 9999) };
    json_t *jobs;
    flux_t *h;
    int rc = 0;

    check_options (p, count, l.maxlevel);
    l.format = formats_get ("flux-jobs", builtin_formats, optparse_get_str (p, "format", NULL),
                            "FLUX_JOBS_FORMAT_DEFAULT", jobfields_heading, NULL);
    l.instances = format_uses (l.format, "instance.");
    l.waits = format_uses (l.format, "contextual_info");
    h = cmd_open ();
    if (optparse_hasopt (p, "stats-only")) {
        rc = print_stats (h, p) == 0;
        flux_close (h);
        return rc;
    }
    jobs = n < argc ? list_ids (h, argc - n, argv + n, &rc) : list_query (h, p, count);
    if (optparse_hasopt (p, "json"))
        print_json (&l, jobs, n == argc - 1);
    else {
        if (optparse_hasopt (p, "stats"))
            print_stats (h, p);
        list_level (&l, h, jobs, "", 0);
        if (count > 0 && json_array_size (jobs) == (size_t)count && n == argc && l.header
            && !optparse_hasopt (p, "count"))
            fprintf (stderr, "flux-jobs: warning: output was truncated at %d jobs (--count)\n", count);
    }
    json_decref (jobs);
    format_free (l.format);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}
