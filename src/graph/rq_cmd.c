/* rq_cmd.c - resource-query: the commands
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/rq.h"
#include "graph/read_yaml.h"

#define RULE "INFO: =============================\n"

int rq_error (int rc, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    fputs ("ERROR: ", stderr);
    vfprintf (stderr, fmt, ap);
    fputc ('\n', stderr);
    va_end (ap);
    return rc;
}

char *rq_read_file (const char *path, size_t *len)
{
    struct buf b = BUF_INIT;
    char chunk[65536];
    FILE *f = fopen (path, "r");
    size_t n;
    char *s;

    if (!f)
        return NULL;
    while ((n = fread (chunk, 1, sizeof (chunk), f)) > 0)
        buf_add (&b, chunk, n);
    if (ferror (f) || b.failed) {
        int saved = b.failed ? ENOMEM : errno;
        fclose (f);
        buf_release (&b);
        errno = saved;
        return NULL;
    }
    fclose (f);
    *len = b.len;
    s = b.len ? buf_take (&b) : calloc (1, 1);
    return s;
}

int rq_split (char *line, char **word, int max)
{
    int n = 0;

    for (char *p = line; *p;) {
        char quote = 0, *out;

        p += strspn (p, " \t\r\n");
        if (!*p || (n == 0 && *p == '#'))
            break;
        if (n == max)
            return -E2BIG;
        word[n++] = out = p;
        for (; *p && (quote || !strchr (" \t\r\n", *p)); p++) {
            if (quote ? *p == quote : *p == '"' || *p == '\'')
                quote = quote ? 0 : *p;
            else
                *out++ = *p;
        }
        if (quote)
            return -EINVAL;
        if (*p)
            p++;
        *out = '\0';
    }
    return n;
}

int rq_number (const char *s, int64_t *n)
{
    char *end;

    errno = 0;
    *n = strtoll (s, &end, 10);
    return errno || end == s || *end || *n < 0 ? -EINVAL : 0;
}

static struct request *read_jobspec (const struct rq *rq, const char *path)
{
    flux_error_t err = { "" };
    struct request *r = NULL;
    size_t len;
    char *s = rq_read_file (path, &len);
    json_t *o = s ? yaml_to_json (s, len, &err) : NULL;

    if (!s)
        rq_error (0, "%s: %s", path, strerror (errno));
    else if (!o || !(r = rq->flexible ? request_from_json_flexible (o, &err)
                                      : request_from_json (o, &err)))
        rq_error (0, "%s: %s", path, err.text);
    json_decref (o);
    free (s);
    return r;
}

void rq_print_job (struct rq *rq, const struct job *j)
{
    static const char *const state[] = { "ALLOCATED", "RESERVED", "MATCHED" };
    struct buf b = BUF_INIT;

    if (emit_job (rq->g, j, rq->format, &b) == 0)
        fwrite (b.data, 1, b.len, rq->out);
    buf_release (&b);
    fprintf (rq->out, RULE "INFO: JOBID=%lld\nINFO: RESOURCES=%s\n",
             (long long)job_id (j), state[job_state (j)]);
    if (job_start (j) == 0)
        fputs ("INFO: SCHEDULED AT=Now\n", rq->out);
    else
        fprintf (rq->out, "INFO: SCHEDULED AT=%lld\n", (long long)job_start (j));
}

static void print_none (struct rq *rq, int rc, int64_t jobid, enum match_op op,
                        const struct match_why *why)
{
    char text[512];

    fputs (RULE "INFO: No matching resources found\n", rq->out);
    if (rc == -ENODEV && (op == MATCH_SATISFIABILITY
                          || op == MATCH_ALLOCATE_WITH_SATISFIABILITY))
        fputs ("INFO: Unsatisfiable request\n", rq->out);
    fprintf (rq->out, "INFO: JOBID=%lld\n", (long long)jobid);
    match_why_text (rq->g, why, text, sizeof (text));
    fprintf (stderr, "job %lld: %s\n", (long long)jobid, text);
}

/* Where the match did not ask: is it short now, or for ever? */
static void ask_ever (struct rq *rq, struct match_args a, int rc, struct match_why *why)
{
    struct match_why ever = { 0 };
    struct job *none;

    a.op = MATCH_SATISFIABILITY;
    if (rc == -EBUSY && graph_match (rq->g, &a, &none, &ever) == -ENODEV)
        *why = ever;
}

static double seconds_since (const struct timespec *t)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void count_match (struct rq *rq, double s)
{
    if (rq->matches == 0 || s < rq->min)
        rq->min = s;
    if (s > rq->max)
        rq->max = s;
    rq->total += s;
    rq->matches++;
}

/* Of a request, in steps of the granule; 0: as the request has it. */
static int64_t duration_of (const struct rq *rq, const struct request *r)
{
    double steps = ceil (r->duration / (double)rq->granule);

    if (rq->granule == 1 || r->duration <= 0)
        return 0;
    return steps * (double)rq->granule < PLANNER_END ? (int64_t)steps * rq->granule
                                                     : PLANNER_END;
}

static int match_file (struct rq *rq, enum match_op op, const char *path)
{
    struct request *r = read_jobspec (rq, path);
    struct match_args a = { &rq->policy, r, op, rq->next_jobid, 0,
                            r ? duration_of (rq, r) : 0 };
    struct match_why why = { 0 };
    struct job *j = NULL;
    struct timespec t;
    double took;
    int rc;

    if (!r)
        return -EINVAL;
    clock_gettime (CLOCK_MONOTONIC, &t);
    rc = graph_match (rq->g, &a, &j, &why);
    took = seconds_since (&t);
    count_match (rq, took);
    if (rc < 0 && rc != -EBUSY && rc != -ENODEV) {
        request_free (r);
        return rq_error (rc, "match: %s", strerror (-rc));
    }
    if (rc < 0) {
        ask_ever (rq, a, rc, &why);
        print_none (rq, rc, rq->next_jobid, op, &why);
    }
    else if (!j)
        fprintf (rq->out, RULE "INFO: Satisfiable request\nINFO: JOBID=%lld\n",
                 (long long)rq->next_jobid);
    else
        rq_print_job (rq, j);
    if (rq->elapsed)
        fprintf (rq->out, "INFO: ELAPSE=%f\n", took);
    fputs (RULE, rq->out);
    if (j && job_state (j) == JOB_MATCHED)
        job_free (rq->g, j);
    rq->next_jobid++;
    request_free (r);
    return 0;
}

static int cmd_match (struct rq *rq, int n, char **w)
{
    enum match_op op;
    int rc = 0;

    if (n >= 3 && match_op_parse (w[1], &op) == 0) {
        for (int k = 2; k < n && rc == 0; k++)
            rc = match_file (rq, op, w[k]);
        return rc;
    }
    return rq_error (-EINVAL, "usage: match allocate|allocate_orelse_reserve|"
                     "allocate_with_satisfiability|satisfiability|"
                     "without_allocating|without_allocating_future JOBSPEC...");
}

static int cmd_cancel (struct rq *rq, int n, char **w)
{
    int64_t id;

    if (n != 2 || rq_number (w[1], &id) < 0)
        return rq_error (-EINVAL, "usage: cancel JOBID");
    if (graph_cancel (rq->g, id) < 0)
        return rq_error (-ENOENT, "there is no job %s", w[1]);
    return 0;
}

static int cmd_info (struct rq *rq, int n, char **w)
{
    const struct job *j = NULL;
    int64_t id;

    if (n > 2 || (n == 2 && rq_number (w[1], &id) < 0))
        return rq_error (-EINVAL, "usage: info [JOBID]");
    if (n == 2) {
        if (!(j = graph_job (rq->g, id)))
            return rq_error (-ENOENT, "there is no job %s", w[1]);
        rq_print_job (rq, j);
        fputs (RULE, rq->out);
        return 0;
    }
    while ((j = graph_job_next (rq->g, j)))
        fprintf (rq->out, "INFO: %lld, %s, start %lld, end %lld\n",
                 (long long)job_id (j),
                 job_state (j) == JOB_ALLOCATED ? "ALLOCATED" : "RESERVED",
                 (long long)job_start (j), (long long)job_end (j));
    return 0;
}

static int cmd_stat (struct rq *rq, int n, char **w)
{
    int alloc = 0, res = 0;

    if (n != 1)
        return rq_error (-EINVAL, "usage: stat");
    for (const struct job *j = NULL; (j = graph_job_next (rq->g, j));)
        *(job_state (j) == JOB_ALLOCATED ? &alloc : &res) += 1;
    fprintf (rq->out, "INFO: Num. of Vertices: %u\nINFO: Num. of Edges: %u\n"
             "INFO: Num. of Jobs: %d allocated, %d reserved\n"
             "INFO: Num. of Jobs Matched: %lu\n", graph_count (rq->g),
             graph_count (rq->g) - 1 + graph_edges (rq->g), alloc, res, rq->matches);
    if (rq->matches)
        fprintf (rq->out, "INFO: Min. Match Time: %f\nINFO: Max. Match Time: %f\n"
                 "INFO: Avg. Match Time: %f\n", rq->min, rq->max,
                 rq->total / (double)rq->matches);
    return 0;
}

static int cmd_find (struct rq *rq, int n, char **w)
{
    struct buf b = BUF_INIT;
    int rc;

    if (n < 2)
        return rq_error (-EINVAL, "usage: find EXPRESSION");
    for (int i = 1; i < n; i++)
        buf_addf (&b, "%s%s", i > 1 ? " " : "", w[i]);
    rc = rq_find (rq, b.data);
    buf_release (&b);
    return rc;
}

static int cmd_granule (struct rq *rq, int n, char **w)
{
    int64_t t;

    if (n > 2 || (n == 2 && (rq_number (w[1], &t) < 0 || t < 1 || t > PLANNER_END)))
        return rq_error (-EINVAL, "usage: time-granule [SECONDS], of at least 1");
    if (n == 2)
        rq->granule = t;
    else
        fprintf (rq->out, "INFO: TIME GRANULE=%lld\n", (long long)rq->granule);
    return 0;
}

static int cmd_help (struct rq *rq, int n, char **w)
{
    rq_help (stdout);
    return 0;
}

static int cmd_quit (struct rq *rq, int n, char **w)
{
    return 1;
}

static const struct {
    const char *name;
    int (*fn) (struct rq *rq, int n, char **w);
    const char *args, *doc;
} cmds[] = {
    { "match", cmd_match, "HOW JOBSPEC...",
      "find resources: HOW is allocate, allocate_orelse_reserve,\n"
      "      allocate_with_satisfiability, satisfiability, without_allocating\n"
      "      or without_allocating_future" },
    { "cancel", cmd_cancel, "JOBID", "release an allocation or reservation" },
    { "partial-cancel", rq_partial_cancel, "JOBID FORMAT FILE",
      "release what FILE names of a job; FORMAT: rv1exec, jgf or jgf_shorthand" },
    { "update", rq_update, "allocate|reserve FORMAT FILE JOBID START DURATION",
      "give a job the resources that FILE names" },
    { "info", cmd_info, "[JOBID]", "show a job, or list all" },
    { "stat", cmd_stat, "", "sizes and times" },
    { "find", cmd_find, "EXPRESSION",
      "vertices by state: status=up|down, sched-now=allocated|free,\n"
      "      sched-future=reserved|free, jobid-alloc=ID, jobid-reserved=ID,\n"
      "      jobid-span=ID, jobid-tag=ID, type=T, name=N, property=P or P=VALUE;\n"
      "      with and, or, not, ( ); agfilter=true shows sums of what is below" },
    { "set-property", rq_set_property, "PATH KEY[=VALUE]", "set a property of a vertex" },
    { "get-property", rq_get_property, "PATH [KEY]",
      "show the properties of a vertex, or one" },
    { "set-status", rq_set_status, "PATH up|down", "mark a vertex up or down" },
    { "get-status", rq_get_status, "PATH", "show whether a vertex is up" },
    { "time-granule", cmd_granule, "[SECONDS]",
      "round durations up to whole multiples of SECONDS, or show it" },
    { "help", cmd_help, "", "show this" },
    { "quit", cmd_quit, "", "end" },
    { "exit", cmd_quit, "", NULL },
    { "q", cmd_quit, "", NULL },
    { "?", cmd_help, "", NULL },
};

#define NCMDS (sizeof (cmds) / sizeof (cmds[0]))

void rq_help (FILE *f)
{
    for (size_t i = 0; i < NCMDS; i++)
        if (cmds[i].doc)
            fprintf (f, "  %s %s\n      %s\n", cmds[i].name, cmds[i].args,
                     cmds[i].doc);
}

int rq_run (struct rq *rq, char *line)
{
    char *w[255];
    int n = rq_split (line, w, 255), rc;

    if (n < 0)
        return rq_error (n, n == -EINVAL ? "a quote is not closed"
                         : "more than 255 words in a line");
    if (n == 0)
        return 0;
    for (size_t i = 0; i < NCMDS; i++) {
        if (strcmp (w[0], cmds[i].name) == 0) {
            rc = cmds[i].fn (rq, n, w);
            fflush (rq->out);
            return rc;
        }
    }
    return rq_error (-EINVAL, "unknown command '%s': try help", w[0]);
}
