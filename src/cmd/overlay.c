/* overlay.c - flux overlay (flux-overlay(1)): names, parents, disconnect, trace
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/overlay.h"
#include "cmd/subs.h"
#include "cmd/trace.h"

static bool parse_rank (const char *s, int *rankp)
{
    char *end;
    long n;

    errno = 0;
    n = strtol (s, &end, 10);
    if (!isdigit ((unsigned char)*s) || *end || errno || n > INT_MAX)
        return false;
    *rankp = n;
    return true;
}

/* A rank, or the host of one. */
static int find_rank (flux_t *h, const char *target)
{
    int rank;

    if (!parse_rank (target, &rank) && (rank = flux_get_rankbyhost (h, target)) < 0)
        cmd_die (1, "'%s' is neither a rank nor a host of this instance", target);
    return rank;
}

/* Parent in what overlay.topology answered, or -1. */
static int parent_in (json_t *topo, int rank)
{
    json_t *children = json_object_get (topo, "children");
    json_t *o;
    size_t i;

    json_array_foreach (children, i, o) {
        int found;
        if (json_integer_value (json_object_get (o, "rank")) == rank)
            return json_integer_value (json_object_get (topo, "rank"));
        if ((found = parent_in (o, rank)) >= 0)
            return found;
    }
    return -1;
}

static int parent_of (flux_t *h, int rank)
{
    flux_future_t *f = flux_rpc_pack (h, "overlay.topology", FLUX_NODEID_ANY, 0, "{s:i}", "rank", 0);
    json_t *topo;
    int parent;

    cmd_check (f, "overlay.topology");
    if (flux_rpc_get_unpack (f, "o", &topo) < 0)
        cmd_die (1, "overlay.topology: %s", flux_strerror (errno));
    parent = parent_in (topo, rank);
    if (rank == 0)
        cmd_die (1, "rank 0 is the root: it has no parent");
    if (parent < 0)
        cmd_die (1, "rank %d: there are ranks 0-%d", rank,
                 (int)json_integer_value (json_object_get (topo, "size")) - 1);
    flux_future_destroy (f);
    return parent;
}

static int overlay_lookup (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_error_t err;
    flux_t *h;
    char *s;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    if (!(s = flux_hostmap_lookup (h, argv[n], &err)))
        cmd_die (1, "%s: %s", argv[n], err.text);
    printf ("%s\n", s);
    free (s);
    flux_close (h);
    return 0;
}

static int overlay_parentof (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;
    int rank;

    if (n != argc - 1)
        return cmd_usage (p);
    if (!parse_rank (argv[n], &rank))
        cmd_die (1, "'%s' is not a rank", argv[n]);
    h = cmd_open ();
    printf ("%d\n", parent_of (h, rank));
    flux_close (h);
    return 0;
}

static int overlay_disconnect (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *arg = optparse_get_str (p, "parent", NULL);
    char *parent_host;
    flux_future_t *f;
    flux_t *h;
    int parent;
    int rank;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    rank = find_rank (h, argv[n]);
    if (arg && !parse_rank (arg, &parent))
        cmd_die (1, "--parent=%s: not a rank", arg);
    if (!arg)
        parent = parent_of (h, rank);
    if (!(parent_host = strdup (flux_get_hostbyrank (h, parent))))
        cmd_die (1, "out of memory");
    fprintf (stderr, "%s: asking %s (rank %d) to disconnect child %s (rank %d)\n", cmd_name (),
             parent_host, parent, flux_get_hostbyrank (h, rank), rank);
    f = flux_rpc_pack (h, "overlay.disconnect-subtree", parent, 0, "{s:i}", "rank", rank);
    cmd_check (f, argv[n]);
    flux_future_destroy (f);
    free (parent_host);
    flux_close (h);
    return 0;
}

static int overlay_trace (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *arg = optparse_get_str (p, "rank", NULL);
    json_t *request;
    flux_t *h;
    int rank = -1;

    if (n < argc - 1)
        return cmd_usage (p);
    if (arg && !parse_rank (arg, &rank))
        cmd_die (1, "--rank=%s: not a rank", arg);
    request = json_pack ("{s:s}", "topic_glob", n < argc ? argv[n] : "*");
    if (request && rank >= 0)
        json_object_set_new (request, "nodeid", json_integer (rank));
    h = cmd_open ();
    trace_run (p, h, "overlay.trace", request);
    flux_close (h);
    return 0;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }
#define TIMEOUT OPT ("timeout", 't', "FSD", "Set RPC timeout, 0=disable (default 0.5s)")

static struct optparse_option status_opts[] = {
    OPT ("rank", 'r', "NODEID", "Check health of subtree rooted at NODEID (default 0)"),
    { .name = "verbose", .key = 'v', .has_arg = 2, .arginfo = "LEVEL",
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG,
      .usage = "1: show time since the state was entered, 2: and round-trip times" },
    TIMEOUT,
    OPT ("summary", 0, NULL, "Show only the root subtree status"),
    OPT ("down", 0, NULL, "Show only the partial/degraded subtrees"),
    OPT ("no-pretty", 0, NULL, "Do not indent entries and use line drawing characters"),
    OPT ("no-ghost", 0, NULL, "Do not fill in presumed state of inaccessible nodes"),
    { .name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN",
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG,
      .usage = "Colorize output: always, never, auto" },
    OPT ("highlight", 'H', "TARGET", "Highlight targets and their ancestors"),
    OPT ("wait", 'w', "STATE", "Wait until the subtree enters STATE before reporting"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option errors_opts[] = { TIMEOUT, OPTPARSE_TABLE_END };

static struct optparse_option disconnect_opts[] = {
    OPT ("parent", 'r', "NODEID", "Set the parent rank (default: by the topology)"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option trace_opts[] = {
    OPT ("rank", 'r', "NODEID", "Filter by peer rank"),
    TRACE_OPTIONS,
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "status", overlay_status, "[OPTIONS]", "Display overlay subtree health status", 0,
      status_opts },
    { "errors", overlay_errors, "[OPTIONS]", "Summarize overlay errors", 0, errors_opts },
    { "lookup", overlay_lookup, "TARGET", "Translate rank idset to hostlist or the reverse", 0,
      NULL },
    { "parentof", overlay_parentof, "RANK", "Show the parent of RANK", 0, NULL },
    { "disconnect", overlay_disconnect, "[OPTIONS] TARGET", "Disconnect a subtree rooted at TARGET",
      0, disconnect_opts },
    { "trace", overlay_trace, "[OPTIONS] [topic-glob]", "Trace overlay messages", 0, trace_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_overlay (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
