/* queue.c - flux queue (flux-queue(1)); what changes and waits for queues
 *
 *   queue ──job-manager.queue-list──► names
 *         ──job-manager.queue-status {"name"?}──► of each
 *         ──job-manager.queue-enable, queue-start──► change
 *         ──job-manager.drain, idle──► answered when it is so
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/queue.h"
#include "cmd/subs.h"

/* Names and states */

static int by_name (const void *a, const void *b)
{
    return strcmp (json_string_value (*(json_t *const *)a), json_string_value (*(json_t *const *)b));
}

static json_t *sort_names (const json_t *names)
{
    size_t n = json_array_size (names);
    json_t **v = calloc (n + 1, sizeof (*v));
    json_t *sorted = json_array ();

    if (!v || !sorted)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        v[i] = json_array_get (names, i);
    qsort (v, n, sizeof (*v), by_name);
    for (size_t i = 0; i < n; i++)
        json_array_append (sorted, v[i]);
    free (v);
    return sorted;
}

static json_t *queue_names (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.queue-list", "{}", FLUX_NODEID_ANY, 0);
    json_t *names;

    cmd_check (f, "cannot list the queues");
    if (flux_rpc_get_unpack (f, "{s:o}", "queues", &names) < 0)
        cmd_die (1, "job-manager.queue-list: %s", flux_strerror (errno));
    names = sort_names (names);
    flux_future_destroy (f);
    return names;
}

enum { SHOW_SUBMISSION = 1, SHOW_SCHEDULING = 2, SHOW_BOTH = 3 };

static void print_line (const char *name, const char *what, bool on, const char *yes,
                        const char *no, const char *reason)
{
    if (name)
        printf ("%s: ", name);
    printf ("%s is %s", what, on ? yes : no);
    if (!on && reason && *reason)
        printf (": %s", reason);
    putchar ('\n');
}

static void print_status (flux_future_t *f, const char *name, int show)
{
    const char *disable_reason = NULL;
    const char *stop_reason = NULL;
    int enable;
    int start;

    cmd_check (f, name ? name : "queue status");
    if (flux_rpc_get_unpack (f, "{s:b s:b s?s s?s}", "enable", &enable, "start", &start,
                             "disable_reason", &disable_reason, "stop_reason", &stop_reason) < 0)
        cmd_die (1, "job-manager.queue-status: %s", flux_strerror (errno));
    if (show & SHOW_SUBMISSION)
        print_line (name, "Job submission", enable, "enabled", "disabled", disable_reason);
    if (show & SHOW_SCHEDULING)
        print_line (name, "Scheduling", start, "started", "stopped", stop_reason);
}

static flux_future_t *ask_status (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.queue-status", FLUX_NODEID_ANY, 0, "{s:s*}",
                                      "name", name);

    if (!f)
        cmd_die (1, "job-manager.queue-status: %s", flux_strerror (errno));
    return f;
}

static void show_one (flux_t *h, const char *name, int show)
{
    flux_future_t *f = ask_status (h, name);

    print_status (f, name, show);
    flux_future_destroy (f);
}

/* All requests are sent before the first answer is read. */
static void show_all (flux_t *h, json_t *names, int show)
{
    size_t n = json_array_size (names);
    flux_future_t **f;

    if (n == 0) {
        show_one (h, NULL, show);
        return;
    }
    if (!(f = calloc (n, sizeof (*f))))
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        f[i] = ask_status (h, json_string_value (json_array_get (names, i)));
    for (size_t i = 0; i < n; i++) {
        print_status (f[i], json_string_value (json_array_get (names, i)), show);
        flux_future_destroy (f[i]);
    }
    free (f);
}

static void show_internals (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.alloc-query", "{}", FLUX_NODEID_ANY, 0);
    int queued;
    int pending;
    int frees = 0;
    int running;

    cmd_check (f, "job-manager.alloc-query");
    if (flux_rpc_get_unpack (f, "{s:i s:i s?i s:i}", "queue_length", &queued,
                             "alloc_pending", &pending, "free_pending", &frees,
                             "running", &running) < 0)
        cmd_die (1, "job-manager.alloc-query: %s", flux_strerror (errno));
    printf ("%d alloc requests queued\n", queued);
    printf ("%d alloc requests pending to scheduler\n", pending);
    printf ("%d free requests pending to scheduler\n", frees);
    printf ("%d running jobs\n", running);
    flux_future_destroy (f);
}

/* The queue that is named, by option or argument; NULL if none is.  Exits 1 if
 * there is more than one. */
static const char *named_queue (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *name = optparse_get_str (p, "queue", NULL);

    if (argc - n > 1 || (name && n < argc))
        cmd_die (1, "more than one queue is named: %s and %s", name ? name : argv[n],
                 name ? argv[n] : argv[n + 1]);
    return n < argc ? argv[n] : name;
}

/* The server's word for it would not say what there is. */
static void check_name (json_t *names, const char *name)
{
    json_t *o;
    size_t i;

    json_array_foreach (names, i, o) {
        if (strcmp (json_string_value (o), name) == 0)
            return;
    }
    if (json_array_size (names) == 0)
        cmd_die (1, "there is no queue %s: no queues are configured", name);
    cmd_die (1, "there is no queue %s ('flux queue list' shows those there are)", name);
}

static int queue_status (optparse_t *p, int argc, char **argv)
{
    const char *name = named_queue (p, argc, argv);
    flux_t *h = cmd_open ();
    json_t *names = queue_names (h);

    if (name && optparse_hasopt (p, "all"))
        cmd_die (1, "--all and a queue name exclude each other");
    if (name) {
        check_name (names, name);
        show_one (h, name, SHOW_BOTH);
    }
    else
        show_all (h, names, SHOW_BOTH);
    if (optparse_hasopt (p, "verbose"))
        show_internals (h);
    json_decref (names);
    flux_close (h);
    return 0;
}

/* Change */

static void send_change (flux_t *h, optparse_t *p, const char *topic, const char *key, bool on,
                         const char *name, const char *reason)
{
    bool nocheckpoint = !on && optparse_hasopt (p, "nocheckpoint");
    flux_future_t *f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, 0, "{s:s* s:b s:s* s:b s:b}",
                                      "name", name, key, on, "reason", reason, "all", name == NULL,
                                      "nocheckpoint", nocheckpoint);

    cmd_check (f, name ? name : "all queues");
    flux_future_destroy (f);
}

static int change (optparse_t *p, int argc, char **argv, const char *topic, const char *key,
                   bool on, int show, const char *reason)
{
    const char *name = named_queue (p, argc, argv);
    bool all = optparse_hasopt (p, "all");
    flux_t *h = cmd_open ();
    json_t *names = queue_names (h);

    if (name && all)
        cmd_die (1, "--all and a queue name exclude each other");
    if (name)
        check_name (names, name);
    if (!name && !all && json_array_size (names) > 0)
        cmd_die (1, "named queues are configured: name one, or use --all for all of them");
    send_change (h, p, topic, key, on, name, reason);
    if (!optparse_hasopt (p, "quiet")) {
        if (name)
            show_one (h, name, show);
        else
            show_all (h, names, show);
        if (optparse_hasopt (p, "verbose"))
            show_internals (h);
    }
    json_decref (names);
    flux_close (h);
    return 0;
}

static int queue_disable (optparse_t *p, int argc, char **argv)
{
    return change (p, argc, argv, "job-manager.queue-enable", "enable", false, SHOW_SUBMISSION,
                   optparse_get_str (p, "message", "disabled by administrator"));
}

static int queue_enable (optparse_t *p, int argc, char **argv)
{
    return change (p, argc, argv, "job-manager.queue-enable", "enable", true, SHOW_SUBMISSION, NULL);
}

static int queue_stop (optparse_t *p, int argc, char **argv)
{
    return change (p, argc, argv, "job-manager.queue-start", "start", false, SHOW_SCHEDULING,
                   optparse_get_str (p, "message", NULL));
}

static int queue_start (optparse_t *p, int argc, char **argv)
{
    return change (p, argc, argv, "job-manager.queue-start", "start", true, SHOW_SCHEDULING, NULL);
}

/* Wait */

static int wait_for (optparse_t *p, int argc, const char *topic, const char *what)
{
    double timeout = cmd_timeout (p, "timeout", -1);
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc (h, topic, "{}", FLUX_NODEID_ANY, 0);
    if (f && flux_future_wait_for (f, timeout) < 0 && errno == ETIMEDOUT)
        cmd_die (1, "the queues are not %s after %s", what,
                 optparse_get_str (p, "timeout", ""));
    cmd_check (f, topic);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int queue_drain (optparse_t *p, int argc, char **argv)
{
    return wait_for (p, argc, "job-manager.drain", "empty");
}

static int queue_idle (optparse_t *p, int argc, char **argv)
{
    return wait_for (p, argc, "job-manager.idle", "idle");
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

#define SELECT \
    OPT ("queue", 'q', "NAME", "Select a queue by name"), \
    OPT ("all", 'a', NULL, "Select all queues")
#define VERBOSE OPT ("verbose", 'v', NULL, "Display more detail about internal job manager state")
#define QUIET OPT ("quiet", 0, NULL, "Display only errors")

static struct optparse_option list_opts[] = {
    OPT ("queue", 'q', "QUEUE,...", "Include only specified queues in output"),
    OPT ("no-header", 'n', NULL, "Suppress printing of header line"),
    OPT ("format", 'o', "FORMAT", "Specify output format: a name or a format string"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option status_opts[] = { SELECT, VERBOSE, OPTPARSE_TABLE_END };

static struct optparse_option on_opts[] = { SELECT, VERBOSE, QUIET, OPTPARSE_TABLE_END };

static struct optparse_option off_opts[] = {
    SELECT, VERBOSE, QUIET,
    OPT ("nocheckpoint", 0, NULL, "Do not preserve the new state across a restart"),
    OPT ("message", 'm', "REASON", "Add a reason, which is shown to users"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option wait_opts[] = {
    OPT ("timeout", 0, "FSD", "Limit the time to wait"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "list", queue_list, "[OPTIONS]", "List queue status, defaults, and limits", 0, list_opts },
    { "status", queue_status, "[OPTIONS] [QUEUE]", "Display the status of queues", 0, status_opts },
    { "disable", queue_disable, "[OPTIONS] [QUEUE]", "Disable job submission", 0, off_opts },
    { "enable", queue_enable, "[OPTIONS] [QUEUE]", "Enable job submission", 0, on_opts },
    { "stop", queue_stop, "[OPTIONS] [QUEUE]", "Stop scheduling", 0, off_opts },
    { "start", queue_start, "[OPTIONS] [QUEUE]", "Start scheduling", 0, on_opts },
    { "drain", queue_drain, "[OPTIONS]", "Wait for the queues to become empty", 0, wait_opts },
    { "idle", queue_idle, "[OPTIONS]", "Wait for the queues to become idle", 0, wait_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_queue (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
