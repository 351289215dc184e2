/* cron.c - flux cron tab, at, event, interval, list, stop, start, delete, dump, sync
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "cmd/capture.h"
#include "cmd/cmd.h"
#include "cmd/cron.h"
#include "cmd/jobopts.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"

static double seconds (const char *what, const char *s)
{
    double d;

    if (duration_parse (s, &d) < 0 || d > 1e9)
        cmd_die (1, "%s: '%s' is not a duration like 10, 1.5m or 2h", what, s);
    return d;
}

/* ---- creation ---- */

static json_t *own_environment (void)
{
    json_t *o = json_object ();

    for (char **e = environ; *e; e++) {
        const char *eq = strchr (*e, '=');
        char *key = eq ? strndup (*e, eq - *e) : NULL;
        if (key)
            json_object_set_new (o, key, json_string (eq + 1));
        free (key);
    }
    return o;
}

/* "timeout=10,rank=1" */
static void add_extra (json_t *o, const char *arg)
{
    static const char *const ints[] = { "rank", "task-history-count", "stop-on-failure", NULL };
    const char *eq = strchr (arg, '=');
    char *key = eq ? strndup (arg, eq - arg) : NULL;
    char *end;
    long n;

    if (!key)
        cmd_die (1, "--options=%s: want NAME=VALUE", arg);
    if (strcmp (key, "timeout") == 0) {
        json_object_set_new (o, key, json_real (seconds ("--options=timeout", eq + 1)));
        free (key);
        return;
    }
    for (int i = 0; ints[i]; i++) {
        if (strcmp (ints[i], key) != 0)
            continue;
        n = strtol (eq + 1, &end, 10);
        if (end == eq + 1 || *end || n < 0 || n > 0x7fffffff)
            cmd_die (1, "--options=%s: want a number", arg);
        json_object_set_new (o, key, json_integer (n));
        free (key);
        return;
    }
    cmd_die (1, "--options=%s: there are timeout, rank, task-history-count, stop-on-failure", arg);
}

/* Each use, with commas. */
static void add_extras (json_t *o, optparse_t *p)
{
    const char *arg;

    optparse_getopt_iterator_reset (p, "options");
    while ((arg = optparse_getopt_next (p, "options")))
        add_extra (o, arg);
}

/* args is taken. */
static void create (flux_t *h, optparse_t *p, const char *label, const char *type,
                    const char *command, int repeat, json_t *args)
{
    bool nameless = strcmp (type, "datetime") == 0;
    json_t *o = json_pack ("{s:s s:s s:o s:s s:i s:s*}", "type", type, "command", command, "args",
                           args, "name", nameless ? "" : optparse_get_str (p, "name", ""), "repeat", repeat, "cwd",
                           optparse_get_str (p, "working-dir", NULL));
    flux_future_t *f;
    int id;

    if (!o)
        cmd_die (1, "the command is not valid UTF-8");
    if (optparse_hasopt (p, "preserve-env"))
        json_object_set_new (o, "environ", own_environment ());
    add_extras (o, p);
    f = flux_rpc_pack (h, "cron.create", 0, 0, "o", o);
    if (!f || flux_rpc_get_unpack (f, "{s:i}", "id", &id) < 0)
        cmd_die (1, "%s: %s", label, f ? future_strerror (f, errno) : flux_strerror (errno));
    printf ("%s: cron-%d created\n", label, id);
    flux_future_destroy (f);
}

static int cron_interval (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *after = optparse_get_str (p, "after", NULL);
    json_t *args;
    char *command;
    flux_t *h;

    if (argc - n < 2)
        return cmd_usage (p);
    args = json_pack ("{s:f}", "interval", seconds ("interval", argv[n]));
    if (after)
        json_object_set_new (args, "after", json_real (seconds ("--after", after)));
    command = cmd_join (argc - n - 1, argv + n + 1);
    h = cmd_open ();
    create (h, p, "interval", "interval", command, optparse_get_int (p, "count", 0), args);
    free (command);
    flux_close (h);
    return 0;
}

static int cron_event (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *min = optparse_get_str (p, "min-interval", NULL);
    json_t *args;
    char *command;
    flux_t *h;

    if (argc - n < 2)
        return cmd_usage (p);
    args = json_pack ("{s:s s:i s:i}", "topic", argv[n], "nth", optparse_get_int (p, "nth", 0),
                      "after", optparse_get_int (p, "after", 0));
    if (min)
        json_object_set_new (args, "min_interval", json_real (seconds ("--min-interval", min)));
    command = cmd_join (argc - n - 1, argv + n + 1);
    h = cmd_open ();
    create (h, p, "event", "event", command, optparse_get_int (p, "count", 0), args);
    free (command);
    flux_close (h);
    return 0;
}

/* What date(1) makes of a text: it knows more than we do. */
static double parse_date (const char *s)
{
    char *argv[] = { (char *)"date", (char *)"-d", (char *)s, (char *)"+%s.%N", NULL };
    int status;
    char *out = capture (argv, true, &status);
    double t;

    if (!out)
        cmd_die (1, "cannot run date: %s", strerror (errno));
    if (status != 0)
        cmd_die (1, "'%s': date(1) does not know this time", s);
    t = strtod (out, NULL);
    free (out);
    return t;
}

static int cron_at (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char *command;
    flux_t *h;
    double t;

    if (argc - n < 2)
        return cmd_usage (p);
    t = parse_date (argv[n]);
    command = cmd_join (argc - n - 1, argv + n + 1);
    h = cmd_open ();
    create (h, p, "at", "datetime", command, 1, json_pack ("{s:f}", "time", t));
    free (command);
    flux_close (h);
    return 0;
}

/* Five fields and a command. */
static void tab_line (flux_t *h, optparse_t *p, const char *path, int number, char *line)
{
    char *s = line + strspn (line, " \t");
    char *end;

    if (!*s || *s == '#')
        return;
    line = s;
    for (int i = 0; i < 5; i++) {
        s += strcspn (s, " \t");
        end = s;
        s += strspn (s, " \t");
    }
    if (!*s)
        cmd_die (1, "%s: line %d: want five fields and a command", path, number);
    create (h, p, "tab", "datetime", s, 0,
            json_pack ("{s:s%}", "crontab", line, (size_t)(end - line)));
}

static int cron_tab (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *path = n < argc ? argv[n] : "-";
    char *text, *s, *line;
    int number = 0;
    flux_t *h;

    if (n < argc - 1)
        return cmd_usage (p);
    s = text = jobopts_read_file (path, NULL);
    h = cmd_open ();
    while ((line = strsep (&s, "\n")))
        tab_line (h, p, strcmp (path, "-") == 0 ? "standard input" : path, ++number, line);
    free (text);
    flux_close (h);
    return 0;
}

/* ---- entries that are there ---- */

static int parse_id (const char *s)
{
    const char *digits = strncmp (s, "cron-", 5) == 0 ? s + 5 : s;
    char *end;
    long n = strtol (digits, &end, 10);

    if (end == digits || *end || n < 1 || n > 0x7fffffff)
        cmd_die (1, "'%s' is not the id of an entry, like 1 or cron-1", s);
    return n;
}

static int act (optparse_t *p, int argc, char **argv, const char *topic, const char *done)
{
    int n = optparse_option_index (p);
    int rc = 0;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    h = cmd_open ();
    for (; n < argc; n++) {
        int id = parse_id (argv[n]);
        flux_future_t *f = flux_rpc_pack (h, topic, 0, 0, "{s:i s:b}", "id", id, "kill",
                                          optparse_hasopt (p, "kill"));
        if (!f || flux_future_get (f, NULL) < 0) {
            cmd_err ("cron-%d: %s", id, f ? future_strerror (f, errno) : flux_strerror (errno));
            rc = 1;
        }
        else
            printf ("%s cron-%d\n", done, id);
        flux_future_destroy (f);
    }
    flux_close (h);
    return rc;
}

static int cron_stop (optparse_t *p, int argc, char **argv)
{
    return act (p, argc, argv, "cron.stop", "Stopped");
}

static int cron_start (optparse_t *p, int argc, char **argv)
{
    return act (p, argc, argv, "cron.start", "Started");
}

static int cron_delete (optparse_t *p, int argc, char **argv)
{
    return act (p, argc, argv, "cron.delete", "Removed");
}

static json_t *get_entries (flux_t *h, flux_future_t **fp)
{
    json_t *a;

    *fp = flux_rpc (h, "cron.list", NULL, 0, 0);
    if (!*fp || flux_rpc_get_unpack (*fp, "{s:o}", "entries", &a) < 0)
        cmd_die (1, "%s", *fp ? future_strerror (*fp, errno) : flux_strerror (errno));
    return a;
}

static const char *status_of (json_t *e)
{
    json_t *task = json_array_get (json_object_get (e, "tasks"), 0);
    const char *state = json_string_value (json_object_get (task, "state"));

    if (state && strcmp (state, "Running") == 0)
        return "Running";
    if (json_is_true (json_object_get (e, "stopped")))
        return "Stopped";
    return state ? state : "Active";
}

static void print_entry (json_t *e)
{
    const char *name, *command, *type;
    double lastrun;
    char when[32] = "-";
    int id, count, failed;
    struct tm tm;
    time_t t;

    if (json_unpack (e, "{s:i s:s s:s s:s s:{s:F s:i s:i}}", "id", &id, "name", &name, "command",
                     &command, "type", &type, "stats", "lastrun", &lastrun, "count", &count,
                     "failcount", &failed) < 0)
        cmd_die (1, "malformed answer of the cron service");
    t = lastrun;
    if (lastrun > 0 && localtime_r (&t, &tm))
        strftime (when, sizeof (when), "%FT%T", &tm);
    printf ("%6d %-10s %-9s %-8s %6d %6d %-20s %s\n", id, name, type, status_of (e), count,
            failed, when, command);
}

static int cron_list (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    json_t *a, *e;
    size_t i;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    a = get_entries (h, &f);
    printf ("%6s %-10s %-9s %-8s %6s %6s %-20s %s\n", "ID", "NAME", "TYPE", "STATUS", "#RUNS",
            "#FAIL", "LAST RUN", "COMMAND");
    json_array_foreach (a, i, e)
        print_entry (e);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static void print_value (const char *name, json_t *val, const char *only)
{
    char *text;

    if (only && strcmp (only, name) != 0)
        return;
    text = json_is_string (val) ? strdup (json_string_value (val))
                                : json_dumps (val, JSON_ENCODE_ANY | JSON_COMPACT
                                                       | JSON_REAL_PRECISION (15));
    if (only)
        printf ("%s\n", text ? text : "");
    else
        printf ("%s = %s\n", name, text ? text : "");
    free (text);
}

/* "stats.count = 1", "tasks.1.code = 0"; how many were printed. */
static int print_values (const char *prefix, json_t *o, const char *only)
{
    const char *key;
    json_t *val;
    size_t i;
    char name[256];
    int n = 0;

    if (!json_is_object (o) && !json_is_array (o)) {
        print_value (prefix, o, only);
        return !only || strcmp (only, prefix) == 0;
    }
    json_object_foreach (o, key, val) {
        snprintf (name, sizeof (name), "%s%s%s", prefix, *prefix ? "." : "", key);
        n += print_values (name, val, only);
    }
    json_array_foreach (o, i, val) {
        snprintf (name, sizeof (name), "%s.%zu", prefix, i + 1);
        n += print_values (name, val, only);
    }
    return n;
}

static int cron_dump (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *only = optparse_get_str (p, "key", NULL);
    flux_future_t *f;
    json_t *a, *e = NULL;
    size_t i;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    h = cmd_open ();
    a = get_entries (h, &f);
    for (; n < argc; n++) {
        int id = parse_id (argv[n]);
        json_array_foreach (a, i, e) {
            if (json_integer_value (json_object_get (e, "id")) == id)
                break;
        }
        if (i == json_array_size (a))
            cmd_die (1, "cron-%d: there is no such entry", id);
        if (print_values ("", e, only) == 0)
            cmd_die (1, "cron-%d: there is no key '%s'", id, only);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int cron_sync (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *eps = optparse_get_str (p, "epsilon", NULL);
    const char *topic = NULL;
    double epsilon = eps ? seconds ("--epsilon", eps) : -1;
    flux_future_t *f;
    flux_t *h;

    if (n < argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc_pack (h, "cron.sync", 0, 0, "{s:s* s:f s:b}", "topic",
                       n < argc ? argv[n] : NULL, "sync_epsilon", epsilon, "disable",
                       optparse_hasopt (p, "disable"));
    if (!f || flux_rpc_get_unpack (f, "{s?s s:F}", "sync_event", &topic, "sync_epsilon",
                                   &epsilon) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (topic)
        printf ("sync-event = %s, epsilon = %gs\n", topic, epsilon);
    else
        printf ("sync-event is disabled\n");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

#define COMMON_OPTS                                                                  \
    { .name = "options", .key = 'o', .has_arg = 1, .arginfo = "LIST",                \
      .flags = OPTPARSE_OPT_AUTOSPLIT, .usage = "Set extra options: timeout, rank, " \
      "task-history-count, stop-on-failure" },                                       \
    KVS_OPT ("preserve-env", 'E', NULL, "Export the current environment to the command"), \
    KVS_OPT ("working-dir", 'd', "DIR", "Working directory of the command")

static struct optparse_option tab_opts[] = { COMMON_OPTS, OPTPARSE_TABLE_END };

static struct optparse_option event_opts[] = {
    KVS_OPT ("name", 'N', "STRING", "Set a name for this entry"),
    KVS_OPT ("nth", 'n', "N", "Run the command after each N events"),
    KVS_OPT ("count", 'c', "N", "Run N times, then stop"),
    KVS_OPT ("after", 'a', "N", "Run the first task after N events"),
    KVS_OPT ("min-interval", 'i', "T", "Run at most once in this time"),
    COMMON_OPTS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option interval_opts[] = {
    KVS_OPT ("name", 'n', "STRING", "Set a name for this entry"),
    KVS_OPT ("after", 'a', "TIME", "Run the first task after TIME"),
    KVS_OPT ("count", 'c', "N", "Run N times, then stop"),
    COMMON_OPTS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option delete_opts[] = {
    KVS_OPT ("kill", 'k', NULL, "Kill a task that runs"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option dump_opts[] = {
    KVS_OPT ("key", 'k', "KEY", "Print only the value of KEY"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option sync_opts[] = {
    KVS_OPT ("epsilon", 'e', "TIME", "Tasks may still run for this time after the event"),
    KVS_OPT ("disable", 'd', NULL, "Disable the sync event"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "tab", cron_tab, "[OPTIONS] [FILE]", "Create entries from lines of a crontab", 0, tab_opts },
    { "at", cron_at, "[OPTIONS] TIME COMMAND", "Run a command at a time", 0, tab_opts },
    { "event", cron_event, "[OPTIONS] TOPIC COMMAND", "Run a command at each event", 0,
      event_opts },
    { "interval", cron_interval, "[OPTIONS] INTERVAL COMMAND", "Run a command periodically", 0,
      interval_opts },
    { "list", cron_list, NULL, "List entries", 0, NULL },
    { "stop", cron_stop, "ID...", "Stop entries", 0, NULL },
    { "start", cron_start, "ID...", "Start stopped entries", 0, NULL },
    { "delete", cron_delete, "[OPTIONS] ID...", "Remove entries", 0, delete_opts },
    { "dump", cron_dump, "[OPTIONS] ID...", "Show all there is of entries", 0, dump_opts },
    { "sync", cron_sync, "[OPTIONS] [TOPIC]", "Query and change the sync event", 0, sync_opts },
    OPTPARSE_SUBCMD_END,
};

/* Options end where the command begins. */
int cmd_cron (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
