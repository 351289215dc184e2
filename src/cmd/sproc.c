/* sproc.c - flux sproc ps, kill, wait (RFC 42)
 *
 *   sproc ──SERVICE.list, .kill, .wait──► subprocess server of a broker
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/job.h"
#include "cmd/kvs.h"
#include "cmd/sproc.h"
#include "cmd/subs.h"
#include "spec/iodata.h"

static const struct named_format builtin_formats[] = {
    { "default", "Default flux-sproc format string", "{pid:>9} {state:<2} {label:<12} {cmd}" },
    { NULL, NULL, NULL },
};

struct target {
    int rank;
    const char *service;
    int pid;               /* -1: by label */
    const char *label;
};

static struct target get_target (optparse_t *p, const char *arg)
{
    struct target t = {
        .rank = optparse_get_int (p, "rank", FLUX_NODEID_ANY),
        .service = optparse_get_str (p, "service", "rexec"),
        .pid = -1,
    };
    char *end = NULL;
    long n = arg ? strtol (arg, &end, 10) : 0;

    if (optparse_hasopt (p, "rank") && t.rank < 0)
        cmd_die (1, "--rank=%d: want a broker rank", t.rank);
    if (arg && *arg && *end == '\0' && n > 0 && n <= 0x7fffffff)
        t.pid = n;
    else
        t.label = arg;
    return t;
}

static flux_future_t *request (flux_t *h, const struct target *t, const char *method, json_t *o)
{
    char topic[128];

    snprintf (topic, sizeof (topic), "%s.%s", t->service, method);
    return flux_rpc_pack (h, topic, t->rank, 0, "o", o);
}

/* ps */

static const char *heading (const char *field, void *arg)
{
    static const char *const names[][2] = {
        { "pid", "PID" }, { "state", "ST" }, { "label", "LABEL" }, { "rank", "RANK" },
        { "cmd", "COMMAND" }, { NULL, NULL },
    };

    for (int i = 0; names[i][0]; i++) {
        if (strcmp (names[i][0], field) == 0)
            return names[i][1];
    }
    return NULL;
}

static json_t *value (const void *item, const char *field, void *arg)
{
    return json_incref (json_object_get ((json_t *)item, field));
}

static void print_procs (struct format *f, json_t *procs, int rank, bool header)
{
    struct format_table *t = format_table_new (f, value, NULL);
    flux_error_t err;
    json_t *o;
    size_t i;

    if (!t)
        cmd_die (1, "out of memory");
    json_array_foreach (procs, i, o) {
        json_object_set_new (o, "rank", json_integer (rank));
        if (format_table_add (t, o, &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, header, -1);
    format_table_free (t);
}

static int sproc_ps (optparse_t *p, int argc, char **argv)
{
    struct target t = get_target (p, NULL);
    struct format *format;
    flux_future_t *f;
    json_t *procs;
    int rank;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    format = formats_get ("flux-sproc", builtin_formats, optparse_get_str (p, "format", NULL),
                          "FLUX_SPROC_FORMAT_DEFAULT", heading, NULL);
    h = cmd_open ();
    f = request (h, &t, "list", json_object ());
    if (!f || flux_rpc_get_unpack (f, "{s:i s:o}", "rank", &rank, "procs", &procs) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    print_procs (format, procs, rank, !optparse_hasopt (p, "no-header"));
    flux_future_destroy (f);
    format_free (format);
    flux_close (h);
    return 0;
}

/* wait */

static void print_output (json_t *output)
{
    json_t *o;
    size_t i;

    json_array_foreach (output, i, o) {
        struct iodata io;
        if (iodata_decode (o, NULL, &io) < 0)
            continue;
        fwrite (io.data ? io.data : "", 1, io.len,
                strcmp (io.stream, "stderr") == 0 ? stderr : stdout);
        iodata_release (&io);
    }
    fflush (stdout);
}

static int exit_code (int status)
{
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

static int wait_status (flux_future_t *f, bool output)
{
    json_t *out = NULL;
    int status;

    if (!f || flux_rpc_get_unpack (f, "{s:i s?o}", "status", &status, "output", &out) < 0)
        cmd_die (1, "wait: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (output)
        print_output (out);
    flux_future_destroy (f);
    return exit_code (status);
}

static flux_future_t *ask_wait (flux_t *h, const struct target *t)
{
    return flux_rexec_wait (h, t->service, t->rank, t->pid, t->label);
}

static int sproc_wait (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct target t;
    flux_t *h;
    int rc;

    if (n != argc - 1)
        return cmd_usage (p);
    t = get_target (p, argv[n]);
    h = cmd_open ();
    rc = wait_status (ask_wait (h, &t), optparse_hasopt (p, "output"));
    flux_close (h);
    return rc;
}

/* kill */

static int sproc_kill (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    bool wait = optparse_hasopt (p, "wait");
    flux_future_t *f, *fw;
    struct target t;
    int signum;
    int rc = 0;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    if ((signum = job_signal_parse (argv[n])) < 0)
        cmd_die (1, "'%s' is not a signal", argv[n]);
    t = get_target (p, argv[n + 1]);
    h = cmd_open ();
    fw = wait ? ask_wait (h, &t) : NULL;      /* before it is gone */
    f = request (h, &t, "kill", json_pack ("{s:i s:i s:s*}", "pid", t.pid, "signum", signum,
                                           "label", t.label));
    if (!f || flux_future_get (f, NULL) < 0) {
        cmd_err ("kill %s: %s", argv[n + 1], f ? future_strerror (f, errno)
                                               : flux_strerror (errno));
        rc = 1;
    }
    if (wait)
        rc = wait_status (fw, false);
    flux_future_destroy (f);
    flux_close (h);
    return rc;
}

#define OPT_RANK KVS_OPT ("rank", 'r', "RANK", "Ask this broker")
#define OPT_SERVICE KVS_OPT ("service", 's', "NAME", "Ask this service (default rexec)")

static struct optparse_option ps_opts[] = {
    OPT_RANK,
    OPT_SERVICE,
    KVS_OPT ("format", 'o', "FORMAT", "Specify output format"),
    KVS_OPT ("no-header", 'n', NULL, "Suppress printing of header line"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option kill_opts[] = {
    OPT_RANK,
    OPT_SERVICE,
    KVS_OPT ("wait", 'w', NULL, "Wait for the process and return its exit status"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option wait_opts[] = {
    OPT_RANK,
    OPT_SERVICE,
    KVS_OPT ("output", 'o', NULL, "Write output that the server kept"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "ps", sproc_ps, "[OPTIONS]", "List subprocesses", 0, ps_opts },
    { "kill", sproc_kill, "[OPTIONS] SIGNUM PID|LABEL", "Send a signal to a subprocess", 0,
      kill_opts },
    { "wait", sproc_wait, "[OPTIONS] PID|LABEL", "Wait for a subprocess", 0, wait_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_sproc (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
