/* shutdown.c - flux shutdown (flux-shutdown(1))
 *
 *   shutdown ──log.dmesg, state-machine.monitor──► broker, rank 0
 *            ──shutdown.start──►
 *            ◄── log lines, until the state is goodbye: rc3 is over
 *
 * The broker waits in that state until we disconnect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/dmesg.h"
#include "cmd/resolve.h"
#include "cmd/shutdown.h"

struct shutdown {
    flux_t *h;
    int severity;      /* what is shown */
    bool over;
    const char *error;
};

static void end (struct shutdown *s)
{
    s->over = true;
    flux_reactor_stop (flux_get_reactor (s->h));
}

static void on_log (flux_future_t *f, void *arg)
{
    struct shutdown *s = arg;
    const char *line;

    if (flux_rpc_get (f, &line) < 0)
        return;
    dmesg_print (stderr, line, s->severity);
    flux_future_reset (f);
}

static void on_state (flux_future_t *f, void *arg)
{
    struct shutdown *s = arg;
    const char *state;

    if (flux_rpc_get_unpack (f, "{s:s}", "state", &state) < 0
        || !strcmp (state, "goodbye") || !strcmp (state, "unload-builtins")
        || !strcmp (state, "exit"))
        end (s);
    else
        flux_future_reset (f);
}

static void on_refused (flux_future_t *f, void *arg)
{
    struct shutdown *s = arg;

    if (flux_rpc_get (f, NULL) < 0)
        s->error = future_strerror (f, errno);
    end (s);
}

static int lost (flux_t *h, void *arg)
{
    end (arg);
    return -1;
}

static flux_future_t *ask (struct shutdown *s, const char *topic, flux_continuation_f fun)
{
    flux_future_t *f = strcmp (topic, "log.dmesg") != 0
        ? flux_rpc (s->h, topic, NULL, FLUX_NODEID_ANY, FLUX_RPC_STREAMING)
        : flux_rpc_pack (s->h, topic, FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:b s:b}",
                         "follow", 1, "nobacklog", 1);

    if (!f || flux_future_then (f, -1, fun, s) < 0)
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    return f;
}

static void watch (struct shutdown *s)
{
    flux_future_t *log = ask (s, "log.dmesg", on_log);
    flux_future_t *state = ask (s, "state-machine.monitor", on_state);
    flux_future_t *start = ask (s, "shutdown.start", on_refused);

    flux_comms_error_set (s->h, lost, s);
    if (flux_reactor_run (flux_get_reactor (s->h), 0) < 0 && !s->over)
        cmd_die (1, "%s", flux_strerror (errno));
    /* what came before the last state, but was not looked at yet */
    while (flux_future_is_ready (log) && !flux_future_has_error (log))
        on_log (log, s);
    if (s->error)
        cmd_die (1, "%s", s->error);
    flux_future_destroy (log);
    flux_future_destroy (state);
    flux_future_destroy (start);
}

static void background (struct shutdown *s)
{
    flux_future_t *f = flux_rpc (s->h, "shutdown.start", NULL, FLUX_NODEID_ANY, 0);

    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die (1, "%s", future_strerror (f, errno));
    flux_future_destroy (f);
}

/* kvs.gc-threshold of the configuration, or 0. */
static json_int_t gc_threshold (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    json_int_t n = 0;

    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die (1, "config.get: %s", future_strerror (f, errno));
    if (flux_rpc_get_unpack (f, "{s?{s?I}}", "kvs", "gc-threshold", &n) < 0 || n < 0)
        cmd_die (1, "kvs.gc-threshold is not a number of commits: mend it, or use --gc or"
                 " --skip-gc");
    flux_future_destroy (f);
    return n;
}

static int kvs_version (flux_t *h)
{
    flux_future_t *f = flux_kvs_getroot (h, NULL, 0);
    int seq = 0;

    (void)flux_kvs_getroot_get_sequence (f, &seq);   /* no KVS: nothing to collect */
    flux_future_destroy (f);
    return seq;
}

/* Yes, unless someone says no. */
static bool confirm (optparse_t *p, json_int_t threshold)
{
    char line[16];

    if (optparse_hasopt (p, "yes") || optparse_hasopt (p, "no"))
        return optparse_hasopt (p, "yes");
    if (!isatty (STDIN_FILENO))
        return true;
    fprintf (stderr, "The KVS has had more than %jd commits (kvs.gc-threshold). Collect garbage"
             " at the next start? [Y/n] ", (intmax_t)threshold);
    return fgets (line, sizeof (line), stdin) && line[0] != 'n' && line[0] != 'N';
}

static bool is_due (optparse_t *p, flux_t *h)
{
    json_int_t threshold;

    return !flux_attr_get (h, "content.dump") && (threshold = gc_threshold (h)) > 0
           && kvs_version (h) >= threshold && confirm (p, threshold);
}

/* rc3 dumps the KVS to where this attribute says. */
static void set_dump (optparse_t *p, flux_t *h)
{
    const char *path = optparse_get_str (p, "dump", NULL);

    if (optparse_hasopt (p, "gc"))
        path = "auto";
    if (optparse_hasopt (p, "skip-gc"))
        path = "";
    if (!path && is_due (p, h))
        path = "auto";
    if (path && flux_attr_set (h, "content.dump", path) < 0)
        cmd_die (1, "content.dump: %s", flux_strerror (errno));
}

int cmd_shutdown (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "background", .usage = "Exit at once, without watching the shutdown" },
        { .name = "quiet", .usage = "Show only log messages of errors and warnings" },
        { .name = "verbose", .has_arg = 2, .arginfo = "LEVEL",
          .usage = "Increase output verbosity (1: all log messages)" },
        { .name = "dump", .has_arg = 1, .arginfo = "PATH",
          .usage = "Dump the KVS to PATH as the instance ends" },
        { .name = "gc", .usage = "Dump the KVS to a file in the state directory, to restore from" },
        { .name = "skip-gc", .usage = "Do not dump, although content.dump asks for it" },
        { .name = "yes", .key = 'y', .usage = "Answer yes to any yes/no questions" },
        { .name = "no", .key = 'n', .usage = "Answer no to any yes/no questions" },
        OPTPARSE_TABLE_END,
    };
    struct shutdown s = { .severity = LOG_INFO };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] [TARGET]", "Shut down a Flux instance", opts, argc,
                               argv, &n);

    if (n < argc - 1)
        cmd_die (1, "unexpected argument '%s'", argv[n + 1]);
    if (optparse_hasopt (p, "dump") + optparse_hasopt (p, "gc") + optparse_hasopt (p, "skip-gc") > 1)
        cmd_die (1, "--dump, --gc and --skip-gc exclude each other");
    if (optparse_hasopt (p, "yes") && optparse_hasopt (p, "no"))
        cmd_die (1, "--yes and --no exclude each other");
    if (optparse_hasopt (p, "quiet"))
        s.severity = LOG_WARNING;
    if (cmd_verbosity (p) > 0)
        s.severity = LOG_DEBUG;
    s.h = resolve_open (n < argc ? argv[n] : NULL);
    set_dump (p, s.h);
    if (optparse_hasopt (p, "background"))
        background (&s);
    else
        watch (&s);
    flux_close (s.h);
    optparse_destroy (p);
    return 0;
}
