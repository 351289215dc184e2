/* submit.c - flux submit, flux run (flux-submit(1), flux-run(1))
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "cmd/attach.h"
#include "cmd/bulk.h"
#include "cmd/cmd.h"
#include "cmd/jobenv.h"
#include "cmd/jobopts.h"
#include "cmd/submit.h"

/* What {cc} stands as in the encoded jobspec until each id takes its place: no
 * user text holds it. */
#define CC_TOKEN "\x01" "cc" "\x01"
#define CC_ENCODED "\\u0001cc\\u0001"

static const struct optparse_option submit_opts[] = {
    { .name = "cc", .has_arg = 1, .arginfo = "IDSET",
      .usage = "Replicate job for each ID in IDSET. (FLUX_JOB_CC=ID will be set)" },
    { .name = "bcc", .has_arg = 1, .arginfo = "IDSET",
      .usage = "Like --cc, but FLUX_JOB_CC is not set" },
    { .name = "log", .has_arg = 1, .arginfo = "FILE",
      .usage = "Print program log messages (e.g. submitted jobid) to FILE" },
    { .name = "log-stderr", .has_arg = 1, .arginfo = "FILE",
      .usage = "Separate stderr into FILE" },
    { .name = "wait-event", .has_arg = 1, .arginfo = "NAME",
      .usage = "Wait for event NAME for each job after submission" },
    { .name = "wait", .has_arg = 0,
      .usage = "Wait for all jobs to complete after submission (same as --wait-event=clean)" },
    { .name = "watch", .has_arg = 0, .usage = "Watch all job output (implies --wait)" },
    { .name = "progress", .has_arg = 0, .usage = "Show progress of job submission or completion" },
    { .name = "jps", .has_arg = 0, .usage = "With --progress, show throughput in job/s" },
    OPTPARSE_TABLE_END,
};

static const struct optparse_option run_opts[] = {
    { .name = "wait-event", .has_arg = 1, .arginfo = "NAME",
      .usage = "Pass --wait-event=NAME to flux job attach" },
    OPTPARSE_TABLE_END,
};

static const struct optparse_option bulksubmit_opts[] = {
    { .name = "shuffle", .has_arg = 0, .usage = "Shuffle the list of commands before submission" },
    { .name = "sep", .has_arg = 1, .arginfo = "STRING",
      .usage = "Separator of inputs from files (default newline; none: whitespace)" },
    { .name = "define", .has_arg = 1, .arginfo = "NAME=CODE",
      .usage = "Define {.NAME}: arithmetic on the input x, like 2**int(x)" },
    OPTPARSE_TABLE_END,
};

static optparse_t *parser_new (const char *doc, const struct optparse_option *more)
{
    optparse_t *p = optparse_create (cmd_name ());

    if (!p || optparse_set (p, OPTPARSE_USAGE, "[OPTIONS...] COMMAND [ARGS...]") != OPTPARSE_SUCCESS
        || optparse_add_doc (p, doc, 0) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    jobopts_add (p, JOBOPTS_TASKS);
    if (optparse_add_option_table (p, more) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    return p;
}

static optparse_t *parse (const char *doc, const struct optparse_option *more,
                          int argc, char **argv, int *np)
{
    optparse_t *p = parser_new (doc, more);

    if ((*np = optparse_parse_args (p, argc, argv)) < 0)
        exit (1);
    if (*np == argc)
        cmd_die (1, "job command and arguments are missing");
    return p;
}

static char *encode (json_t *jobspec)
{
    char *s = json_dumps (jobspec, JSON_COMPACT);

    json_decref (jobspec);
    if (!s)
        cmd_die (1, "the jobspec cannot be encoded: an argument is not valid UTF-8");
    return s;
}

/* Replace each 'from' in s; the caller frees. */
static char *replace (const char *s, const char *from, const char *to)
{
    struct buf b = BUF_INIT;
    const char *p;
    char *result;

    while ((p = strstr (s, from))) {
        buf_add (&b, s, p - s);
        buf_adds (&b, to);
        s = p + strlen (from);
    }
    buf_adds (&b, s);
    if (!(result = buf_take (&b)))
        cmd_die (1, "out of memory");
    return result;
}

/* A log is emptied when it is first named, and stays open: jobs may write to it later. */
static FILE *open_log (const char *path)
{
    static struct log {
        struct log *next;
        FILE *f;
        char path[];
    } *logs;
    struct log *l = logs;

    while (l && strcmp (l->path, path) != 0)
        l = l->next;
    if (l)
        return l->f;
    if (!(l = malloc (sizeof (*l) + strlen (path) + 1)))
        cmd_die (1, "out of memory");
    memcpy (l->path, path, strlen (path) + 1);
    if (!(l->f = fopen (path, "we")))
        cmd_die (1, "--log: %s: %s", path, strerror (errno));
    setvbuf (l->f, NULL, _IOLBF, 0);
    l->next = logs;
    logs = l;
    return l->f;
}

static FILE *log_of (optparse_t *p, const char *option, const char *id, FILE *def)
{
    const char *log = optparse_get_str (p, option, NULL);
    char *path = log ? replace (log, "{cc}", id) : NULL;
    FILE *f = path ? open_log (path) : def;

    free (path);
    return f;
}

/* One job of a set: its jobspec, options and log files for this id. */
static void submit_one (struct bulk *b, optparse_t *p, const char *jobspec, const char *id)
{
    FILE *out = log_of (p, "log", id, NULL);

    bulk_submit (b, jobspec, jobopts_urgency (p), jobopts_flags (p), out ? out : stdout,
                 log_of (p, "log-stderr", id, out ? out : stderr));
}

static char *make_template (optparse_t *p, int argc, char **argv, bool set_cc)
{
    char **copy = calloc (argc + 1, sizeof (*copy));
    json_t *jobspec;

    if (!copy)
        cmd_die (1, "out of memory");
    for (int i = 0; i < argc; i++)
        copy[i] = set_cc || strstr (argv[i], "{cc}") ? replace (argv[i], "{cc}", CC_TOKEN) : argv[i];
    jobspec = jobopts_jobspec (p, JOBOPTS_TASKS, argc, copy);
    if (set_cc) {
        json_t *attrs = json_object_get (jobspec, "attributes");
        jobopts_set_path (attrs, "system.environment.FLUX_JOB_CC", json_string (CC_TOKEN));
    }
    free (copy);
    return encode (jobspec);
}

static bool any_has (int n, char **argv, const char *s)
{
    for (int i = 1; i < n; i++) {
        if (strstr (argv[i], s) && strncmp (argv[i], "--log", 5) != 0)
            return true;
    }
    return false;
}

char **submit_fill_cc (int argc, char **argv, const char *id)
{
    char **copy = calloc (argc + 1, sizeof (*copy));

    if (!copy)
        cmd_die (1, "out of memory");
    for (int i = 0; i < argc; i++)
        copy[i] = replace (argv[i], "{cc}", id);
    return copy;
}

void submit_free_words (char **v)
{
    for (int i = 0; v[i]; i++)
        free (v[i]);
    free (v);
}

/* The jobspec of the words, parsed with the id in place of {cc}; *pp is the parser. */
static char *jobspec_of (const char *id, bool set_cc, int argc, char **argv, optparse_t **pp)
{
    char **copy = submit_fill_cc (argc, argv, id);
    json_t *jobspec;
    int n;

    jobenv_reset ();
    *pp = submit_bulk_parse (argc, copy, &n);
    jobspec = jobopts_jobspec (*pp, JOBOPTS_TASKS, argc - n, copy + n);
    if (set_cc)
        jobopts_set_path (json_object_get (jobspec, "attributes"),
                          "system.environment.FLUX_JOB_CC", json_string (id));
    submit_free_words (copy);
    return encode (jobspec);
}

/* b NULL: a dry run. */
static void put (struct bulk *b, optparse_t *p, const char *jobspec, const char *id)
{
    if (b)
        submit_one (b, p, jobspec, id);
    else
        printf ("%s\n", jobspec);
}

static void put_reparsed (struct bulk *b, const char *id, bool set_cc, int argc, char **argv)
{
    optparse_t *p;
    char *text = jobspec_of (id, set_cc, argc, argv, &p);

    put (b, p, text, id);
    free (text);
    optparse_destroy (p);
}

static struct idset *get_ids (optparse_t *p, bool *set_cc)
{
    const char *cc = optparse_get_str (p, "cc", NULL);
    const char *bcc = optparse_get_str (p, "bcc", NULL);
    const char *s = cc ? cc : bcc;
    struct idset *ids;

    if (cc && bcc)
        cmd_die (1, "--cc and --bcc exclude one another");
    *set_cc = cc != NULL;
    if (!s)
        return NULL;
    if (!(ids = idset_decode (s)) || idset_count (ids) == 0)
        cmd_die (1, "--%s=%s: want an idset, like 1-10", cc ? "cc" : "bcc", s);
    return ids;
}

static void put_set (struct bulk *b, optparse_t *p, const struct idset *ids, bool set_cc,
                     int n, int argc, char **argv)
{
    bool reparse = any_has (n, argv, "{cc}");    /* in options: each id is parsed anew */
    char *template = reparse ? NULL : make_template (p, argc - n, argv + n, set_cc);

    for (unsigned int i = idset_first (ids); i != IDSET_INVALID_ID; i = idset_next (ids, i)) {
        char id[16];
        char *text;
        snprintf (id, sizeof (id), "%u", i);
        if (reparse) {
            put_reparsed (b, id, set_cc, argc, argv);
            continue;
        }
        text = replace (template, CC_ENCODED, id);
        put (b, p, text, id);
        free (text);
    }
    free (template);
}

struct bulk_opts submit_bulk_opts (optparse_t *p)
{
    struct bulk_opts o = {
        .quiet = optparse_hasopt (p, "quiet"), .watch = optparse_hasopt (p, "watch"),
        .wait_event = optparse_get_str (p, "wait-event", NULL),
        .label = optparse_hasopt (p, "label-io"), .progress = optparse_hasopt (p, "progress"),
        .jps = optparse_hasopt (p, "jps"),
    };

    if (!o.wait_event && (o.watch || optparse_hasopt (p, "wait")))
        o.wait_event = "clean";
    return o;
}

optparse_t *submit_bulk_parse (int argc, char **argv, int *np)
{
    optparse_t *p = parser_new ("submit jobs in bulk", submit_opts);

    if (optparse_add_option_table (p, bulksubmit_opts) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    if ((*np = optparse_parse_args (p, argc, argv)) < 0)
        exit (1);
    return p;
}

void submit_words (struct bulk *b, int argc, char **argv)
{
    int n;
    optparse_t *p;
    bool set_cc;
    struct idset *ids;

    jobenv_reset ();
    p = submit_bulk_parse (argc, argv, &n);
    if (n == argc)
        cmd_die (1, "job command and arguments are missing");
    if ((ids = get_ids (p, &set_cc)))
        put_set (b, p, ids, set_cc, n, argc, argv);
    else {
        char *text = encode (jobopts_jobspec (p, JOBOPTS_TASKS, argc - n, argv + n));
        submit_one (b, p, text, "");
        free (text);
    }
    idset_destroy (ids);
    optparse_destroy (p);
}

/* Without --cc, {cc} is nothing. */
static void put_one (struct bulk *b, optparse_t *p, const char *jobspec, int argc, char **argv)
{
    if (any_has (argc, argv, "{cc}"))
        put_reparsed (b, "", false, argc, argv);
    else
        put (b, p, jobspec, "");
}

int cmd_submit (int argc, char **argv)
{
    int n;
    optparse_t *p = parse ("enqueue a job", submit_opts, argc, argv, &n);
    struct bulk_opts opts = submit_bulk_opts (p);
    bool set_cc;
    struct idset *ids = get_ids (p, &set_cc);
    bool dry = optparse_hasopt (p, "dry-run");
    struct bulk *b = NULL;
    char *text = NULL;
    flux_t *h = NULL;
    int rc = 0;

    if (!ids)   /* a bad request is refused even where there is no instance */
        text = encode (jobopts_jobspec (p, JOBOPTS_TASKS, argc - n, argv + n));
    if (!dry) {
        h = cmd_open ();
        b = bulk_new (h, &opts, ids ? idset_count (ids) : 1);
    }
    if (ids)
        put_set (b, p, ids, set_cc, n, argc, argv);
    else
        put_one (b, p, text, argc, argv);
    free (text);
    if (b)
        rc = bulk_finish (b);
    idset_destroy (ids);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}

static int count (optparse_t *p, const char *name)
{
    int n = 0;

    optparse_getopt_iterator_reset (p, name);
    return (n = optparse_getopt (p, name, NULL)) > 0 ? n : 0;
}

flux_jobid_t submit_and_get_id (flux_t *h, const char *jobspec, int urgency, int flags)
{
    flux_future_t *f = flux_job_submit (h, jobspec, urgency, flags);
    flux_jobid_t id;

    if (!f || flux_job_submit_get_id (f, &id) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    return id;
}

int cmd_run (int argc, char **argv)
{
    int n;
    optparse_t *p = parse ("run a job", run_opts, argc, argv, &n);
    const char *input = optparse_get_str (p, "input", NULL);
    struct attach_opts opts = {
        .label = optparse_hasopt (p, "label-io"), .verbose = count (p, "verbose"),
        .wait_event = optparse_get_str (p, "wait-event", NULL),
        .stdin_ranks = input && jobopts_is_ranks (input) ? input : NULL,
    };
    flux_jobid_t id;
    char idstr[32];
    char *text;
    flux_t *h;
    int rc;

    text = encode (jobopts_jobspec (p, JOBOPTS_TASKS, argc - n, argv + n));
    if (optparse_hasopt (p, "dry-run")) {
        printf ("%s\n", text);
        return 0;
    }
    h = cmd_open ();
    id = submit_and_get_id (h, text, jobopts_urgency (p), jobopts_flags (p));
    free (text);
    if (opts.verbose > 0)
        fprintf (stderr, "jobid: %s\n", cmd_f58 (id, idstr, sizeof (idstr)));
    /* the label was put on by the shell where output goes to a file */
    rc = attach_job (h, id, &opts);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}
