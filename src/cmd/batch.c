/* batch.c - flux batch, flux alloc (flux-batch(1), flux-alloc(1))
 *
 * Both submit a job whose tasks are brokers, one a node: "flux broker INITIAL
 * PROGRAM".  A batch script travels in the jobspec and is found in the job's
 * temporary directory.
 */
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/optparse_more.h"
#include "cmd/attach.h"
#include "cmd/batch.h"
#include "cmd/cmd.h"
#include "cmd/directive.h"
#include "cmd/jobconf.h"
#include "cmd/jobenv.h"
#include "cmd/jobopts.h"
#include "cmd/submit.h"

static const struct optparse_option instance_opts[] = {
    { .name = "conf", .has_arg = 1, .arginfo = "CONF",
      .usage = "Set configuration for a child Flux instance (multiple use OK)" },
    { .name = "broker-opts", .has_arg = 1, .arginfo = "OPTS",
      .usage = "Pass options to flux brokers" },
    { .name = "dump", .has_arg = 2, .arginfo = "FILE",
      .usage = "Archive the KVS of the instance to FILE at the end (flux-{{jobid}}-dump.tgz)" },
    OPTPARSE_TABLE_END,
};

static const struct optparse_option batch_opts[] = {
    { .name = "wrap", .has_arg = 0,
      .usage = "Wrap arguments or stdin in a /bin/sh script" },
    { .name = "wait", .has_arg = 0,
      .usage = "Wait for the job to complete after submission" },
    OPTPARSE_TABLE_END,
};

static const struct optparse_option alloc_opts[] = {
    { .name = "bg", .has_arg = 0,
      .usage = "Do not attach: print the job id when the instance is ready" },
    OPTPARSE_TABLE_END,
};

static optparse_t *make_parser (const char *usage, const char *doc, bool batch)
{
    optparse_t *p = optparse_create (cmd_name ());

    if (!p || optparse_set (p, OPTPARSE_USAGE, usage) != OPTPARSE_SUCCESS
        || optparse_add_doc (p, doc, 0) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    jobopts_add (p, JOBOPTS_SLOTS);
    if (optparse_add_option_table (p, instance_opts) != OPTPARSE_SUCCESS
        || optparse_add_option_table (p, batch ? batch_opts : alloc_opts) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    return p;
}

static optparse_t *batch_parser (void)
{
    return make_parser ("[OPTIONS...] [SCRIPT] [ARGS...]", "enqueue a batch script", true);
}

static void die_of_args (optparse_t *p, int argc, char **argv, int *np)
{
    if ((*np = optparse_parse_args (p, argc, argv)) < 0)
        exit (1);
}

/* "flux broker [OPTS] PROGRAM ARGS" */
static char **broker_command (optparse_t *p, const char *program, int argc, char **argv,
                              bool conf, int *np)
{
    char **v = calloc (argc + optparse_getopt (p, "broker-opts", NULL) + 8, sizeof (*v));
    const char *file = optparse_get_str (p, "dump", "flux-{{jobid}}-dump.tgz");
    const char *opt;
    int n = 0;

    if (!v)
        cmd_die (1, "out of memory");
    v[n++] = (char *)"flux";
    v[n++] = (char *)"broker";
    if (conf)
        v[n++] = (char *)"-c{{tmpdir}}/conf.json";
    if (optparse_hasopt (p, "dump") && asprintf (&v[n++], "-Scontent.dump=%s", file) < 0)
        cmd_die (1, "out of memory");
    optparse_getopt_iterator_reset (p, "broker-opts");
    while ((opt = optparse_getopt_next (p, "broker-opts")))
        v[n++] = (char *)opt;
    if (optparse_hasopt (p, "bg") && argc == 0)
        v[n++] = (char *)"-Sbroker.rc2_none=1";
    if (!program && optparse_has_separator (p))
        v[n++] = (char *)"--";
    if (program)
        v[n++] = (char *)program;
    for (int i = 0; i < argc; i++)
        v[n++] = argv[i];
    *np = n;
    return v;
}

static void add_file (json_t *jobspec, const char *name, const char *data, size_t len, int mode)
{
    char path[64];

    snprintf (path, sizeof (path), "attributes.system.files");
    if (!json_object_get (json_object_get (json_object_get (jobspec, "attributes"), "system"), "files"))
        jobopts_set_path (jobspec, path, json_object ());
    json_object_set_new (json_object_get (json_object_get (json_object_get (jobspec, "attributes"),
                                                           "system"), "files"),
                         name, jobopts_file (data, len, S_IFREG | mode));
}

static void add_conf (json_t *jobspec, json_t *conf)
{
    char *s;

    if (!conf)
        return;
    if (!(s = json_dumps (conf, JSON_INDENT (1))))
        cmd_die (1, "out of memory");
    add_file (jobspec, "conf.json", s, strlen (s), 0600);
    free (s);
    json_decref (conf);
}

static void set_name (json_t *jobspec, const char *name)
{
    json_t *sys = json_object_get (json_object_get (jobspec, "attributes"), "system");

    if (!json_object_get (json_object_get (sys, "job"), "name"))
        jobopts_set_path (sys, "job.name", json_string (name));
}

static char *encode (json_t *jobspec)
{
    char *s = json_dumps (jobspec, JSON_COMPACT);

    if (!s)
        cmd_die (1, "the jobspec cannot be encoded: an argument is not valid UTF-8");
    json_decref (jobspec);
    return s;
}

/* The script */

struct script {
    char *text;
    size_t len;
    const char *name;
    int argc;          /* arguments of the script */
    char **argv;
};

static void check_script (const struct script *s, bool from_stdin)
{
    if (s->len == 0 && from_stdin)
        cmd_die (1, "the script read from standard input is empty: name a script, give one on"
                 " standard input, or use --wrap COMMAND");
    if (s->len == 0)
        cmd_die (1, "%s: the script is empty", s->name);
    if (memchr (s->text, '\0', s->len))
        cmd_die (1, "%s: this is a binary, not a script: to run it as one job use 'flux submit',"
                 " or 'flux batch --wrap %s'", s->name, s->name);
    if (strncmp (s->text, "#!", 2) != 0)
        cmd_die (1, "%s: the script does not start with '#!': add an interpreter line such as"
                 " #!/bin/sh, or use --wrap", s->name);
    if (s->text[strcspn (s->text, "\n")] == '\n' && s->text[strcspn (s->text, "\n") - 1] == '\r')
        cmd_die (1, "%s: its lines end with a carriage return, which no interpreter is found with:"
                 " remove them, as with sed -i 's/\\r$//' %s", s->name, s->name);
}

static void wrap_words (struct script *s, int argc, char **argv)
{
    struct buf b = BUF_INIT;

    buf_adds (&b, "#!/bin/sh\n");
    for (int i = 0; i < argc; i++)
        buf_addf (&b, "%s%s", i ? " " : "", argv[i]);
    buf_addc (&b, '\n');
    s->len = b.len;
    s->text = buf_take (&b);
    s->name = basename (argv[0]);
}

static void wrap_stdin (struct script *s)
{
    struct buf b = BUF_INIT;
    char *text = jobopts_read_file ("-", &s->len);

    if (s->len == 0)
        cmd_die (1, "--wrap: there is no command, and standard input is empty");
    buf_adds (&b, "#!/bin/sh\n");
    buf_add (&b, text, s->len);
    free (text);
    s->len = b.len;
    s->text = buf_take (&b);
}

static void read_script (struct script *s, bool wrap, int argc, char **argv)
{
    s->name = "batch";
    if (wrap && argc > 0)
        wrap_words (s, argc, argv);
    else if (wrap)
        wrap_stdin (s);
    else if (argc > 0) {
        s->text = jobopts_read_file (argv[0], &s->len);
        bool from_stdin = strcmp (argv[0], "-") == 0;
        s->name = from_stdin ? "batch" : basename (argv[0]);
        s->argc = argc - 1;
        s->argv = argv + 1;
        check_script (s, from_stdin);
    }
    else {
        s->text = jobopts_read_file ("-", &s->len);
        check_script (s, true);
    }
}

static const char *name_of_script;

/* "flux-batch: unrecognized option '--x'" of the script; no hint to try --help */
static int log_directive (const char *fmt, ...)
{
    char text[512];
    const char *what;
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    what = strstr (text, ": ");
    if (what && strncmp (text, "Try ", 4) != 0)
        fprintf (stderr, "%s: ERROR: %s: directive: %s", cmd_name (), name_of_script, what + 2);
    return 0;
}

/* Directives are options and nothing else: a word among them would end the options, also
 * those of the command line. */
static void check_directives (const struct script *s, int argc, char **argv)
{
    optparse_t *p = batch_parser ();
    int n;

    name_of_script = s->name;
    optparse_set (p, OPTPARSE_LOG_FN, log_directive);
    die_of_args (p, argc, argv, &n);
    if (n < argc || optparse_has_separator (p))
        cmd_die (1, "%s: '%s' among the directives is not an option", s->name,
                 n < argc ? argv[n] : "--");
    optparse_destroy (p);
    jobenv_reset ();
}

/* Directives of the script come before the options of the command line, which so
 * override them. */
static optparse_t *parse_with_directives (const struct script *s, int argc, char **argv, int *np)
{
    char **dirs;
    int ndirs;
    char **all;
    flux_error_t err;
    optparse_t *p;

    if (directive_parse (s->text, &dirs, &ndirs, &err) < 0)
        cmd_die (1, "%s: %s", s->name, err.text);
    if (!(all = calloc (argc + ndirs + 1, sizeof (*all))))
        cmd_die (1, "out of memory");
    all[0] = argv[0];
    for (int i = 0; i < ndirs; i++)
        all[1 + i] = dirs[i];
    if (ndirs > 0)
        check_directives (s, ndirs + 1, all);
    for (int i = 1; i < argc; i++)
        all[ndirs + i] = argv[i];
    p = batch_parser ();
    die_of_args (p, argc + ndirs, all, np);
    return p;
}

static json_t *batch_jobspec (optparse_t *p, const struct script *s)
{
    json_t *conf = jobconf_make (p);
    int n;
    char **v = broker_command (p, "{{tmpdir}}/script", s->argc, s->argv, conf != NULL, &n);
    json_t *jobspec = jobopts_jobspec (p, JOBOPTS_SLOTS, n, v);

    add_file (jobspec, "script", s->text, s->len, 0700);
    add_conf (jobspec, conf);
    set_name (jobspec, s->name);
    free (v);
    return jobspec;
}

static int wait_for (flux_t *h, flux_jobid_t id)
{
    flux_future_t *f = flux_job_result (h, id, 0);
    int status = 1 << 8;

    if (!f || flux_job_result_get_unpack (f, "{s?i}", "waitstatus", &status) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    return attach_exit_code (status);
}

int cmd_batch (int argc, char **argv)
{
    struct script script = { 0 };
    optparse_t *p = batch_parser ();
    json_t *jobspec;
    flux_jobid_t id;
    char idstr[32];
    char *text;
    flux_t *h;
    int n;
    int rc = 0;

    die_of_args (p, argc, argv, &n);
    read_script (&script, optparse_hasopt (p, "wrap"), argc - n, argv + n);
    optparse_destroy (p);
    jobenv_reset ();
    p = parse_with_directives (&script, argc, argv, &n);
    jobspec = batch_jobspec (p, &script);
    text = encode (jobspec);
    if (optparse_hasopt (p, "dry-run")) {
        printf ("%s\n", text);
        return 0;
    }
    h = cmd_open ();
    id = submit_and_get_id (h, text, jobopts_urgency (p), jobopts_flags (p));
    if (!optparse_hasopt (p, "quiet"))
        printf ("%s\n", cmd_f58 (id, idstr, sizeof (idstr)));
    fflush (stdout);
    if (optparse_hasopt (p, "wait"))
        rc = wait_for (h, id);
    free (text);
    free (script.text);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}

/* Is this the event that tells how to reach the instance?  Exits 1 if it never will
 * be there. */
static bool is_ready (const char *event, const char *idstr)
{
    json_t *o = json_loads (event, 0, NULL);
    const char *name = "", *type = "", *note = "", *uri = NULL;
    int severity = -1;
    bool ready;

    json_unpack (o, "{s:s s?{s?s s?i s?s s?s}}", "name", &name, "context", "type", &type,
                 "severity", &severity, "note", &note, "uri", &uri);
    if (strcmp (name, "exception") == 0 && severity == 0)
        cmd_die (1, "%s: the instance did not start: exception %s: %s", idstr, type, note);
    if (strcmp (name, "finish") == 0)
        cmd_die (1, "%s: the instance ended before it was ready: see flux job attach %s", idstr,
                 idstr);
    ready = strcmp (name, "memo") == 0 && uri;
    json_decref (o);
    return ready;
}

static void wait_ready (flux_t *h, flux_jobid_t id, const char *idstr)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *event;
    bool ready = false;

    while (!ready && f && flux_job_event_watch_get (f, &event) == 0) {
        ready = is_ready (event, idstr);
        flux_future_reset (f);
    }
    if (!ready)
        cmd_die (1, "%s: %s", idstr, f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

/* Submit and print the id when the instance is ready; the job goes on without us. */
static int run_in_background (flux_t *h, optparse_t *p, flux_jobid_t id)
{
    char idstr[32];

    cmd_f58 (id, idstr, sizeof (idstr));
    wait_ready (h, id, idstr);
    if (!optparse_hasopt (p, "quiet"))
        printf ("%s\n", idstr);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}

int cmd_alloc (int argc, char **argv)
{
    optparse_t *p = make_parser ("[OPTIONS...] [COMMAND] [ARGS...]",
                                 "allocate a new instance for interactive use", false);
    struct attach_opts opts = { 0 };
    json_t *conf;
    json_t *jobspec;
    flux_jobid_t id;
    char idstr[32];
    char **v;
    char *text;
    flux_t *h;
    int n;
    int rc;

    die_of_args (p, argc, argv, &n);
    conf = jobconf_make (p);
    v = broker_command (p, NULL, argc - n, argv + n, conf != NULL, &rc);
    jobspec = jobopts_jobspec (p, JOBOPTS_SLOTS, rc, v);
    if (isatty (STDIN_FILENO) && !optparse_hasopt (p, "bg"))
        jobopts_set_path (jobspec, "attributes.system.shell.options.pty.interactive",
                          json_integer (1));
    add_conf (jobspec, conf);
    set_name (jobspec, n < argc ? basename (argv[n]) : "flux");
    text = encode (jobspec);
    if (optparse_hasopt (p, "dry-run")) {
        printf ("%s\n", text);
        return 0;
    }
    h = cmd_open ();
    id = submit_and_get_id (h, text, jobopts_urgency (p), jobopts_flags (p));
    if (optparse_hasopt (p, "verbose"))
        fprintf (stderr, "jobid: %s\n", cmd_f58 (id, idstr, sizeof (idstr)));
    free (v);
    free (text);
    if (optparse_hasopt (p, "bg"))
        return run_in_background (h, p, id);
    rc = attach_job (h, id, &opts);
    flux_close (h);
    optparse_destroy (p);
    return rc;
}
