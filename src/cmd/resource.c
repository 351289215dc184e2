/* resource.c - flux resource (flux-resource(1)); what changes resources
 *
 *   drain, undrain ──{"targets", "reason", "mode"}──► resource, rank 0
 *   reload         ──{"R" or "xml", "force"}──►
 *   acquire-mute   ──►
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/resource.h"
#include "cmd/subs.h"

static const char *drain_mode (optparse_t *p)
{
    int force = optparse_getopt (p, "force", NULL);

    if (force > 0 && optparse_hasopt (p, "update"))
        cmd_die (1, "--force and --update exclude each other");
    if (optparse_hasopt (p, "update"))
        return "update";
    return force > 1 ? "force-overwrite" : force == 1 ? "overwrite" : NULL;
}

static int change (optparse_t *p, const char *topic, int argc, char **argv)
{
    char *reason = argc > 1 ? cmd_join (argc - 1, argv + 1) : NULL;
    flux_t *h = cmd_open ();
    flux_future_t *f = flux_rpc_pack (h, topic, 0, 0, "{s:s s:s* s:s*}", "targets", argv[0],
                                      "reason", reason, "mode", drain_mode (p));

    cmd_check (f, argv[0]);
    flux_future_destroy (f);
    flux_close (h);
    free (reason);
    return 0;
}

static int resource_drain (optparse_t *p, int argc, char **argv)
{
    static const char *const listing[] = { "no-header", "format", "queue", "include", NULL };
    int n = optparse_option_index (p);

    if (n == argc) {
        if (optparse_hasopt (p, "force") || optparse_hasopt (p, "update"))
            cmd_die (1, "--force and --update need targets to drain");
        return resource_drain_list (p);
    }
    for (int i = 0; listing[i]; i++) {
        if (optparse_hasopt (p, listing[i]))
            cmd_die (1, "--%s is for listing drained nodes, not with targets to drain", listing[i]);
    }
    return change (p, "resource.drain", argc - n, argv + n);
}

static int resource_undrain (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n == argc)
        return cmd_usage (p);
    return change (p, "resource.undrain", argc - n, argv + n);
}

/* reload */

static json_t *read_text (const char *path)
{
    FILE *f = fopen (path, "r");
    struct buf b = BUF_INIT;
    char chunk[8192];
    json_t *o;
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread (chunk, 1, sizeof (chunk), f)) > 0)
        buf_add (&b, chunk, n);
    fclose (f);
    if (!(o = b.failed ? NULL : json_stringn (b.data, b.len)))
        cmd_die (1, "%s: not UTF-8 text", path);
    buf_release (&b);
    return o;
}

/* DIR/0.xml, DIR/1.xml, ... up to the first that is missing */
static json_t *read_xml (const char *dir)
{
    json_t *a = json_array ();
    json_t *o;
    char *path = NULL;

    for (int rank = 0;; rank++) {
        if (asprintf (&path, "%s/%d.xml", dir, rank) < 0)
            cmd_die (1, "out of memory");
        o = read_text (path);
        if (!o && (errno != ENOENT || rank == 0))
            cmd_die (1, "%s: %s", path, strerror (errno));
        free (path);
        if (!o)
            return a;
        json_array_append_new (a, o);
    }
}

static json_t *read_R (const char *path)
{
    json_error_t err;
    json_t *o;

    if (access (path, R_OK) < 0)
        cmd_die (1, "%s: %s", path, strerror (errno));
    if (!(o = json_load_file (path, 0, &err)))
        cmd_die (1, "%s: line %d: not JSON: %s", path, err.line, err.text);
    return o;
}

static int resource_reload (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    bool xml = optparse_hasopt (p, "xml");
    flux_future_t *f;
    json_t *o;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    o = xml ? read_xml (argv[n]) : read_R (argv[n]);
    h = cmd_open ();
    f = flux_rpc_pack (h, "resource.reload", 0, 0, "{s:o s:b}", xml ? "xml" : "R", o,
                       "force", optparse_hasopt (p, "force"));
    cmd_check (f, argv[n]);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int resource_acquire_mute (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc (h, "resource.acquire-mute", NULL, 0, 0);
    cmd_check (f, "resource.acquire-mute");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

#define FILTERS \
    OPT ("queue", 'q', "QUEUE,...", "Include only resources of the specified queues"), \
    OPT ("include", 'i', "TARGETS", "Include only the specified ranks or hosts")
#define STATES OPT ("states", 's', "STATE,...", "Show only resources in the given states")
#define TABLE \
    OPT ("format", 'o', "FORMAT", "Specify output format: a name or a format string"), \
    OPT ("no-header", 'n', NULL, "Suppress printing of header line")

static struct optparse_option list_opts[] = {
    TABLE, STATES, FILTERS,
    OPT ("skip-empty", 0, NULL, "Skip lines with empty resource sets"),
    OPT ("no-skip-empty", 0, NULL, "Do not skip empty resource sets, even with --include"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option info_opts[] = { STATES, FILTERS, OPTPARSE_TABLE_END };

static struct optparse_option status_opts[] = {
    TABLE, STATES, FILTERS,
    OPT ("skip-empty", 0, NULL, "Force suppression of empty lines"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option drain_opts[] = {
    OPT ("force", 'f', NULL, "Overwrite the reason of nodes that are drained; twice: the time too"),
    OPT ("update", 'u', NULL, "Leave nodes that are drained as they are"),
    TABLE, FILTERS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option undrain_opts[] = {
    OPT ("force", 'f', NULL, "Do not fail on nodes that are not drained"),
    OPT ("update", 'u', NULL, "Leave nodes that are not drained as they are"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option reload_opts[] = {
    OPT ("xml", 'x', NULL, "PATH is a folder of hwloc RANK.xml files"),
    OPT ("force", 'f', NULL, "Do not fail if resources contain invalid ranks"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option eventlog_opts[] = {
    OPT ("format", 'f', "FORMAT", "Specify output format: text, json"),
    OPT ("time-format", 'T', "FORMAT", "Specify time format: raw, iso, offset, human"),
    OPT ("human", 'H', NULL, "Display human-readable output"),
    { .name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN",
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG,
      .usage = "Colorize output: always, never, auto" },
    OPT ("follow", 'F', NULL, "Display new events as they are posted"),
    OPT ("wait", 'w', "EVENT", "Wait for an event, print it, then quit"),
    OPT ("match-context", 'm', "KEY=VAL", "With --wait, the event's context must have this"),
    OPT ("timeout", 't', "FSD", "With --wait, fail if the event does not come in time"),
    OPT ("include", 'i', "TARGETS", "Only events that apply to these hosts or ranks"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "list", resource_list, "[OPTIONS]", "List the scheduler's view of resources", 0, list_opts },
    { "info", resource_info, "[OPTIONS]", "Summarize resources in one line", 0, info_opts },
    { "R", resource_R, "[OPTIONS]", "Emit resources as R (RFC 20)", 0, info_opts },
    { "status", resource_status, "[OPTIONS]", "Show the system view of resources", 0, status_opts },
    { "drain", resource_drain, "[OPTIONS] [TARGETS [REASON...]]", "Drain nodes, or list drained ones",
      0, drain_opts },
    { "undrain", resource_undrain, "[OPTIONS] TARGETS [REASON...]", "Undrain nodes", 0,
      undrain_opts },
    { "reload", resource_reload, "[OPTIONS] PATH", "Reload the resource inventory", 0, reload_opts },
    { "acquire-mute", resource_acquire_mute, "", "Send no more updates to the scheduler", 0, NULL },
    { "eventlog", resource_eventlog, "[OPTIONS]", "Watch the resource journal", 0, eventlog_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_resource (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
