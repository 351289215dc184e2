/* kvs_eventlog.c - flux kvs eventlog get, append, wait-event (RFC 18)
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/eventlog_print.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"
#include "spec/eventlog.h"

/* append */

static json_t *parse_context (int argc, char **argv)
{
    struct buf b = BUF_INIT;
    json_error_t err;
    json_t *o;

    if (argc == 0)
        return NULL;
    for (int i = 0; i < argc; i++)
        buf_addf (&b, "%s%s", i ? " " : "", argv[i]);
    if (!(o = json_loads (b.data, 0, &err)) || !json_is_object (o))
        cmd_die (1, "the context '%s' is not a JSON object%s%s", b.data, o ? "" : ": ",
                 o ? "" : err.text);
    buf_release (&b);
    return o;
}

static double get_timestamp (optparse_t *p)
{
    const char *s = optparse_get_str (p, "timestamp", NULL);
    char *end;
    double t;

    if (!s)
        return 0;
    t = strtod (s, &end);
    if (*end || end == s || !isfinite (t) || t <= 0)
        cmd_die (1, "--timestamp=%s: want seconds since the UNIX epoch", s);
    return t;
}

static int eventlog_append (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;
    json_t *context;
    json_t *entry;
    char *line;
    flux_t *h;

    if (argc - n < 2)
        return cmd_usage (p);
    context = parse_context (argc - n - 2, argv + n + 2);
    entry = eventlog_entry_create (get_timestamp (p), argv[n + 1], context);
    if (!txn || !entry || !(line = eventlog_entry_encode (entry)))
        cmd_die (1, "%s: not a name for an event, or out of memory", argv[n + 1]);
    if (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, argv[n], line) < 0)
        cmd_die (1, "%s: %s", argv[n], flux_strerror (errno));
    h = cmd_open ();
    f = flux_kvs_commit (h, kvs_ns (p), 0, txn);
    kvs_check (f, argv[n]);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    free (line);
    json_decref (entry);
    json_decref (context);
    flux_close (h);
    return 0;
}

/* Reading: the events of a log, one by one, as they come */

struct reader {
    optparse_t *p;
    const char *key;
    struct eventlog_printer printer;
    bool raw;
    flux_future_t *f;
};

static void reader_init (struct reader *r, optparse_t *p, const char *key)
{
    memset (r, 0, sizeof (*r));
    r->p = p;
    r->key = key;
    r->raw = optparse_hasopt (p, "unformatted");
    if (r->raw && optparse_hasopt (p, "human"))
        cmd_die (1, "--unformatted and --human exclude each other");
    r->printer.time = optparse_hasopt (p, "human") ? EVENTLOG_TIME_HUMAN : EVENTLOG_TIME_RAW;
    r->printer.color = optparse_get_color (p, "color");
}

static void show (struct reader *r, const char *line, size_t len)
{
    flux_error_t err;
    json_t *entry;

    if (r->raw) {
        fwrite (line, 1, len, stdout);
        fflush (stdout);
        return;
    }
    if (!(entry = eventlog_entry_decode (line, len, &err)))
        cmd_die (1, "%s: not an eventlog: %s", r->key, err.text);
    eventlog_print (&r->printer, stdout, NULL, entry);
    json_decref (entry);
}

/* Call fun for each line of a part of the log; true as soon as it says so. */
static bool each_line (struct reader *r, const void *data, size_t len,
                       bool (*fun) (struct reader *r, const char *line, size_t len, void *arg),
                       void *arg)
{
    const char *line;
    size_t linelen;
    size_t pos = 0;
    int rc;

    while ((rc = eventlog_next_line (data, len, &pos, &line, &linelen)) > 0) {
        if (fun (r, line, linelen, arg))
            return true;
    }
    if (rc < 0)
        cmd_die (1, "%s: not an eventlog: it ends within a line", r->key);
    return false;
}

/* The parts of a log until fun has seen enough, or the end.  Returns false at the
 * end (ENODATA, or after one answer without watch or stream). */
static bool read_log (struct reader *r, flux_t *h, int flags, double timeout,
                      bool (*fun) (struct reader *r, const char *line, size_t len, void *arg),
                      void *arg)
{
    bool goes_on = flags & (FLUX_KVS_WATCH | FLUX_KVS_STREAM);
    double t0 = flux_reactor_time ();
    bool enough = false;
    const void *data;
    size_t len;

    if (!(r->f = flux_kvs_lookup (h, kvs_ns (r->p), flags, r->key)))
        cmd_die (1, "%s: %s", r->key, flux_strerror (errno));
    do {
        double left = timeout < 0 ? -1 : fmax (0, timeout - (flux_reactor_time () - t0));
        if (flux_future_wait_for (r->f, left) < 0 && errno == ETIMEDOUT)
            cmd_die (1, "%s: the event did not come within %s seconds", r->key,
                     optparse_get_str (r->p, "timeout", ""));
        if (flux_kvs_lookup_get_raw (r->f, &data, &len) < 0) {
            if (errno == ENODATA && goes_on)
                break;
            kvs_die (r->f, r->key);
        }
        enough = each_line (r, data, len, fun, arg);
        flux_future_reset (r->f);
    } while (!enough && goes_on);
    flux_future_destroy (r->f);
    return enough;
}

/* get */

struct limit {
    int count;      /* 0: no end */
    int seen;
};

static bool show_line (struct reader *r, const char *line, size_t len, void *arg)
{
    struct limit *l = arg;

    show (r, line, len);
    return l->count > 0 && ++l->seen == l->count;
}

static int eventlog_get (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct limit l = { .count = optparse_get_int (p, "count", 0) };
    bool watch = optparse_hasopt (p, "watch");
    struct reader r;
    int flags = 0;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    if (l.count < 0 || (l.count > 0 && !watch))
        cmd_die (1, "--count: %s", watch ? "want a positive number" : "is for use with --watch");
    if (watch && optparse_hasopt (p, "stream"))
        cmd_die (1, "--stream and --watch exclude each other");
    if (watch)
        flags |= FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND;
    if (optparse_hasopt (p, "stream"))
        flags |= FLUX_KVS_STREAM;
    if (optparse_hasopt (p, "waitcreate"))
        flags |= FLUX_KVS_WAITCREATE;
    reader_init (&r, p, argv[n]);
    h = cmd_open ();
    (void)read_log (&r, h, flags, -1, show_line, &l);
    flux_close (h);
    return 0;
}

/* wait-event */

static bool is_event (struct reader *r, const char *line, size_t len, const char *want)
{
    flux_error_t err;
    json_t *entry = eventlog_entry_decode (line, len, &err);
    const char *name;
    bool match;

    if (!entry || eventlog_entry_parse (entry, NULL, &name, NULL) < 0)
        cmd_die (1, "%s: not an eventlog: %s", r->key, entry ? "malformed entry" : err.text);
    match = strcmp (name, want) == 0;
    json_decref (entry);
    return match;
}

static bool match_line (struct reader *r, const char *line, size_t len, void *arg)
{
    bool match = is_event (r, line, len, arg);

    if (match ? !optparse_hasopt (r->p, "quiet") : optparse_hasopt (r->p, "verbose"))
        show (r, line, len);
    return match;
}

static int eventlog_wait_event (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND;
    double timeout = optparse_get_double (p, "timeout", -1);
    struct reader r;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    if (optparse_hasopt (p, "timeout") && !(timeout > 0))
        cmd_die (1, "--timeout=%s: want a positive number of seconds",
                 optparse_get_str (p, "timeout", ""));
    if (optparse_hasopt (p, "waitcreate"))
        flags |= FLUX_KVS_WAITCREATE;
    reader_init (&r, p, argv[n]);
    h = cmd_open ();
    if (!read_log (&r, h, flags, timeout, match_line, argv[n + 1]))
        cmd_die (1, "%s: the log ended without the event %s", argv[n], argv[n + 1]);
    flux_close (h);
    return 0;
}

#define COLOR \
    { .name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN", \
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, \
      .usage = "Colorize output: always, never, auto" }
#define FORM \
    KVS_OPT ("unformatted", 'u', NULL, "Show events in raw RFC 18 form"), \
    KVS_OPT ("human", 'H', NULL, "Display human-readable output"), \
    COLOR

static struct optparse_option get_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("waitcreate", 'W', NULL, "Wait for the key to be created"),
    KVS_OPT ("watch", 'w', NULL, "Monitor the eventlog"),
    KVS_OPT ("count", 'c', "N", "With --watch, display N events then exit"),
    FORM,
    KVS_OPT ("stream", 'S', NULL, "Get a large eventlog in several responses"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option append_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("timestamp", 't', "SEC", "Seconds since the epoch (default: now)"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option wait_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("waitcreate", 'W', NULL, "Wait for the key to be created"),
    KVS_OPT ("timeout", 't', "SEC", "Fail after SEC seconds"),
    FORM,
    KVS_OPT ("quiet", 'q', NULL, "Do not display the matched event"),
    KVS_OPT ("verbose", 'v', NULL, "Display events before the matched event"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "get", eventlog_get, "[OPTIONS] key", "Get an eventlog", 0, get_opts },
    { "append", eventlog_append, "[OPTIONS] key name [context...]", "Append to an eventlog", 0,
      append_opts },
    { "wait-event", eventlog_wait_event, "[OPTIONS] key event", "Wait for an event", 0, wait_opts },
    OPTPARSE_SUBCMD_END,
};

int kvs_eventlog (optparse_t *p, int argc, char **argv)
{
    cmd_set_name ("flux-kvs eventlog");
    return cmd_run_subcommands (subcommands, argc, argv);
}
