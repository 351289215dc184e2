/* housekeeping.c - flux housekeeping list, kill
 *
 *   list ──job-manager.stats-get──► job-manager, and resource.status for names of hosts
 *   kill ──job-manager.housekeeping-kill──► job-manager
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/housekeeping.h"
#include "cmd/job.h"
#include "cmd/jobfields.h"
#include "cmd/kvs.h"
#include "cmd/resview.h"
#include "cmd/subs.h"
#include "spec/rset.h"

static const struct named_format builtin_formats[] = {
    { "default", "Default flux-housekeeping list format string",
      "{id.f58:>12} {nnodes:>6} {pending.nnodes:>7} {runtime!F:>8} {nodelist}" },
    { "pending", "Format with the nodes that have not completed",
      "{id.f58:>12} {pending.nnodes:>7} {runtime!F:>8} {pending.nodelist}" },
    { NULL, NULL, NULL },
};

static const char *const fields[][2] = {
    { "runtime", "RUNTIME" }, { "nnodes", "NNODES" }, { "ranks", "RANKS" },
    { "nodelist", "NODELIST" }, { "allocated.nnodes", "NNODES" }, { "allocated.ranks", "RANKS" },
    { "allocated.nodelist", "NODELIST" }, { "pending.nnodes", "#ACTIVE" },
    { "pending.ranks", "ACTIVE_RANKS" }, { "pending.nodelist", "ACTIVE_NODES" },
};

struct row {
    json_t *id;              /* {"id"} */
    double runtime;
    struct rset *allocated;
    struct rset *pending;
};

/* ---- the answer ---- */

flux_future_t *housekeeping_ask (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.stats-get", NULL, 0, 0);

    if (!f)
        cmd_die (1, "job-manager.stats-get: %s", flux_strerror (errno));
    return f;
}

json_t *housekeeping_running (flux_future_t *f)
{
    json_t *running = NULL, *o;

    (void)flux_rpc_get_unpack (f, "{s?{s?o}}", "housekeeping", "running", &running);
    o = running ? json_incref (running) : json_object ();
    flux_future_destroy (f);
    if (!o)
        cmd_die (1, "out of memory");
    return o;
}

static struct idset *ids_of (json_t *entry, const char *key)
{
    const char *s = json_string_value (json_object_get (entry, key));
    struct idset *ids = idset_decode (s ? s : "");

    if (!ids)
        cmd_die (1, "job-manager.stats-get: %s: '%s' is not an idset", key, s);
    return ids;
}

struct idset *housekeeping_ranks (json_t *running)
{
    struct idset *all = idset_create (0, IDSET_FLAG_AUTOGROW);
    const char *id;
    json_t *entry;

    json_object_foreach (running, id, entry) {
        struct idset *ids = ids_of (entry, "allocated");
        if (!all || idset_add (all, ids) < 0)
            cmd_die (1, "out of memory");
        idset_destroy (ids);
    }
    return all;
}

/* All resources of the instance, or those of 'targets': they know ranks and hosts. */
static struct rset *get_resources (flux_t *h, const char *targets)
{
    flux_future_t *f = flux_rpc (h, "resource.status", NULL, 0, 0);
    struct rset *all, *r;
    json_t *R = NULL;

    cmd_check (f, "cannot get the resources");
    if (flux_rpc_get_unpack (f, "{s:o}", "R", &R) < 0)
        cmd_die (1, "resource.status: %s", flux_strerror (errno));
    all = resview_decode (R, "R");
    r = resview_filter_rset (all, NULL, NULL, targets);
    rset_free (all);
    flux_future_destroy (f);
    return r;
}

/* ---- list ---- */

static const char *heading (const char *field, void *arg)
{
    for (size_t i = 0; i < sizeof (fields) / sizeof (fields[0]); i++) {
        if (strcmp (fields[i][0], field) == 0)
            return fields[i][1];
    }
    return strncmp (field, "id", 2) == 0 ? jobfields_heading (field, arg) : NULL;
}

static json_t *value (const void *item, const char *field, void *arg)
{
    const struct row *row = item;
    const struct rset *r = strncmp (field, "pending.", 8) == 0 ? row->pending : row->allocated;
    const char *dot = strrchr (field, '.');
    const char *what = dot ? dot + 1 : field;

    if (strncmp (field, "id", 2) == 0)
        return jobfields_value (row->id, field, NULL);
    if (strcmp (field, "runtime") == 0)
        return json_real (row->runtime);
    if (strcmp (what, "nnodes") == 0)
        return json_integer ((json_int_t)rset_nnodes (r));
    return format_take (strcmp (what, "ranks") == 0 ? resview_ranks (r) : resview_nodelist (r));
}

static struct rset *part (const struct rset *all, json_t *entry, const char *key)
{
    struct idset *ids = ids_of (entry, key);
    struct rset *r = rset_copy_ranks (all, ids);

    if (!r)
        cmd_die (1, "out of memory");
    idset_destroy (ids);
    return r;
}

static void fill (struct row *row, const struct rset *all, const char *id, json_t *entry)
{
    row->id = json_pack ("{s:I}", "id", (json_int_t)strtoull (id, NULL, 10));
    row->runtime = flux_reactor_time ()
                   - json_number_value (json_object_get (entry, "t_start"));
    row->allocated = part (all, entry, "allocated");
    row->pending = part (all, entry, "pending");
    if (!row->id)
        cmd_die (1, "out of memory");
}

static void print_rows (struct format *f, const struct row *rows, size_t n, bool header)
{
    struct format_table *t = format_table_new (f, value, NULL);
    flux_error_t err;

    if (!t)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (format_table_add (t, &rows[i], &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, header, -1);
    format_table_free (t);
}

static int housekeeping_list (optparse_t *p, int argc, char **argv)
{
    struct format *format;
    struct rset *all;
    struct row *rows;
    json_t *running, *entry;
    const char *id;
    size_t n = 0;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    format = formats_get ("flux-housekeeping", builtin_formats,
                          optparse_get_str (p, "format", NULL),
                          "FLUX_HOUSEKEEPING_LIST_FORMAT_DEFAULT", heading, NULL);
    h = cmd_open ();
    running = housekeeping_running (housekeeping_ask (h));
    all = get_resources (h, optparse_get_str (p, "include", NULL));
    if (!(rows = calloc (json_object_size (running) + 1, sizeof (*rows))))
        cmd_die (1, "out of memory");
    json_object_foreach (running, id, entry) {
        fill (&rows[n++], all, id, entry);
        if (optparse_hasopt (p, "include") && rset_nnodes (rows[n - 1].allocated) == 0) {
            n--;
            json_decref (rows[n].id);
            rset_free (rows[n].allocated);
            rset_free (rows[n].pending);
        }
    }
    print_rows (format, rows, n, !optparse_hasopt (p, "no-header"));
    while (n-- > 0) {
        json_decref (rows[n].id);
        rset_free (rows[n].allocated);
        rset_free (rows[n].pending);
    }
    free (rows);
    json_decref (running);
    rset_free (all);
    format_free (format);
    flux_close (h);
    return 0;
}

/* ---- kill ---- */

/* Ranks of an idset, or of hosts, as text. */
static char *target_ranks (flux_t *h, const char *targets)
{
    struct rset *r = get_resources (h, targets);
    char *s;

    if (rset_nnodes (r) == 0)
        cmd_die (1, "--targets=%s: there is no such rank or host", targets);
    s = resview_ranks (r);
    rset_free (r);
    return s;
}

static json_t *kill_request (optparse_t *p, flux_t *h, int signum)
{
    const char *targets = optparse_get_str (p, "targets", NULL);
    const char *jobid = optparse_get_str (p, "jobid", NULL);
    json_t *o = json_pack ("{s:i}", "signum", signum);
    char *ranks = targets ? target_ranks (h, targets) : NULL;

    if (!o || (ranks && json_object_set_new (o, "ranks", json_string (ranks)) < 0)
        || (jobid && json_object_set_new (o, "jobid",
                                          json_integer ((json_int_t)cmd_parse_id (jobid))) < 0))
        cmd_die (1, "out of memory");
    free (ranks);
    return o;
}

static int housekeeping_kill (optparse_t *p, int argc, char **argv)
{
    const char *name = optparse_get_str (p, "signal", "SIGTERM");
    bool some = optparse_hasopt (p, "jobid") || optparse_hasopt (p, "targets");
    int signum = job_signal_parse (name);
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    if (signum < 0)
        cmd_die (1, "--signal=%s: want a signal by number or name", name);
    if (!some && !optparse_hasopt (p, "all"))
        cmd_die (1, "say which: --jobid, --targets, or --all");
    if (some && optparse_hasopt (p, "all"))
        cmd_die (1, "--all is not to be used together with --jobid or --targets");
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.housekeeping-kill", 0, 0, "o", kill_request (p, h, signum));
    cmd_check (f, "kill");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static struct optparse_option list_opts[] = {
    KVS_OPT ("include", 'i', "TARGETS", "Only what is on these ranks or hosts"),
    KVS_OPT ("format", 'o', "FORMAT", "Output format, or a name of one"),
    KVS_OPT ("no-header", 'n', NULL, "Print no heading"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option kill_opts[] = {
    KVS_OPT ("signal", 's', "SIGNUM", "Send this signal (default SIGTERM)"),
    KVS_OPT ("targets", 't', "TARGETS", "On these ranks or hosts"),
    KVS_OPT ("jobid", 'j', "JOBID", "That of this job"),
    KVS_OPT ("all", 0, NULL, "All"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "list", housekeeping_list, "[OPTIONS]", "List active housekeeping", 0, list_opts },
    { "kill", housekeeping_kill, "[OPTIONS]", "Send a signal to housekeeping", 0, kill_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_housekeeping (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
