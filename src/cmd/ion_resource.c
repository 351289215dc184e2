/* ion_resource.c - flux ion-resource: ask the graph scheduler about its resources
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/dso.h"
#include "cmd/cmd.h"
#include "cmd/ion_resource.h"
#include "cmd/subs.h"

#define SERVICE "sched-fluxion-resource"
#define RULE "=============================================="

/* ---- requests ---- */

static flux_future_t *ask (flux_t *h, const char *method, json_t *payload)
{
    char topic[80];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), SERVICE ".%s", method);
    if (!payload || !(f = flux_rpc_pack (h, topic, 0, 0, "o", payload)))
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    if (flux_future_get (f, NULL) < 0 && errno == ENOSYS)
        cmd_die (1, "the scheduler of this instance is not fluxion: load " SERVICE);
    cmd_check (f, method);
    return f;
}

/* One that is answered with nothing. */
static int act (const char *method, json_t *payload)
{
    flux_t *h = cmd_open ();

    flux_future_destroy (ask (h, method, payload));
    flux_close (h);
    return 0;
}

static json_t *answer (flux_future_t *f)
{
    json_t *o;

    if (flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die (1, "malformed response");
    return o;
}

/* ---- arguments ---- */

static int64_t parse_jobid (const char *s)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll (s, &end, 10);
    if (isdigit ((unsigned char)*s) && !*end && !errno)
        return n;
    return (int64_t)cmd_parse_id (s);
}

static char *read_file (const char *path, size_t *len)
{
    FILE *f = !strcmp (path, "-") ? stdin : fopen (path, "r");
    struct buf b = BUF_INIT;
    char chunk[65536];
    size_t n;
    char *s;

    if (!f)
        cmd_die (1, "%s: %s", path, strerror (errno));
    while ((n = fread (chunk, 1, sizeof (chunk), f)) > 0)
        buf_add (&b, chunk, n);
    if (ferror (f))
        cmd_die (1, "%s: %s", path, strerror (errno));
    if (f != stdin)
        fclose (f);
    *len = b.len;
    if (b.len == 0)
        cmd_die (1, "%s: the file is empty", path);
    if (!(s = buf_take (&b)))
        cmd_die (1, "out of memory");
    return s;
}

/* JSON, or YAML by libyaml, which is loaded only then. */
static json_t *read_document (const char *path)
{
    json_t *(*yaml) (const char *s, size_t len, flux_error_t *err) = NULL;
    flux_error_t err = { "" };
    size_t len;
    char *s = read_file (path, &len);
    json_t *o = json_loadb (s, len, 0, NULL);

    if (!o) {
        *(void **)&yaml = dso_symbol ("graph_files", "graph_files_yaml", &err);
        if (!yaml || !(o = yaml (s, len, &err)))
            cmd_die (1, "%s: %s", path, err.text);
    }
    free (s);
    return o;
}

/* ---- match, update, info, cancel ---- */

static void print_job (json_t *o, bool resources)
{
    const char *status, *R;
    double overhead;
    json_int_t id, at;
    char when[32] = "Now";

    if (json_unpack (o, "{s:I s:s s:I s:F s:s}", "jobid", &id, "status", &status, "at", &at,
                     "overhead", &overhead, "R", &R) < 0)
        cmd_die (1, "malformed response");
    /* not time(), which lags behind the clock that 'at' is of by up to a tick */
    if (at > (json_int_t)flux_reactor_time ())
        snprintf (when, sizeof (when), "%lld", (long long)at);
    printf ("%-20s %-12s %-20s %s\n", "JOBID", "STATUS", "AT", "OVERHEAD (Secs)");
    printf ("%-20lld %-12s %-20s %f\n", (long long)id, status, when, overhead);
    if (resources)
        printf (RULE "\nMATCHED RESOURCES:\n%s", R);
}

static struct optparse_option match_opts[] = {
    { .name = "jobid", .has_arg = 1, .arginfo = "ID",
      .usage = "Give the job this id (default: the next)" },
    OPTPARSE_TABLE_END,
};

static int ion_match (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *id = optparse_get_str (p, "jobid", NULL);
    json_t *payload;
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    payload = json_pack ("{s:s s:o}", "cmd", argv[n], "jobspec", read_document (argv[n + 1]));
    if (id)
        json_object_set_new (payload, "jobid", json_integer (parse_jobid (id)));
    h = cmd_open ();
    f = ask (h, "match", payload);
    if (!strcmp (argv[n], "satisfiability"))
        printf ("TRUE\n");
    else
        print_job (answer (f), true);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int ion_update (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, "update", json_pack ("{s:I s:o}", "jobid", (json_int_t)parse_jobid (argv[n]), "R",
                                     read_document (argv[n + 1])));
    print_job (answer (f), true);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int ion_info (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, "info", json_pack ("{s:I}", "jobid", (json_int_t)parse_jobid (argv[n])));
    print_job (answer (f), false);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int ion_cancel (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n != argc - 1)
        return cmd_usage (p);
    return act ("cancel", json_pack ("{s:I}", "jobid", (json_int_t)parse_jobid (argv[n])));
}

static int ion_partial_cancel (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p), all = 0;
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, "partial-cancel", json_pack ("{s:I s:o}", "jobid",
                                             (json_int_t)parse_jobid (argv[n]), "R",
                                             read_document (argv[n + 1])));
    if (flux_rpc_get_unpack (f, "{s:b}", "full-removal", &all) < 0)
        cmd_die (1, "malformed response");
    if (all)
        printf ("nothing of job %s is left\n", argv[n]);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* ---- what there is ---- */

static struct optparse_option find_opts[] = {
    { .name = "format", .has_arg = 1, .arginfo = "FORMAT",
      .usage = "rv1_nosched (default), rv1, rlite, jgf, simple, pretty_simple" },
    OPTPARSE_TABLE_END,
};

static int ion_find (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct buf b = BUF_INIT;
    flux_future_t *f;
    const char *R;
    flux_t *h;

    if (n >= argc)
        return cmd_usage (p);
    for (int i = n; i < argc; i++)
        buf_addf (&b, "%s%s", i > n ? " " : "", argv[i]);
    h = cmd_open ();
    f = ask (h, "find", json_pack ("{s:s s:s}", "criteria", b.data, "format",
                                   optparse_get_str (p, "format", "rv1_nosched")));
    if (flux_rpc_get_unpack (f, "{s:s}", "R", &R) < 0)
        cmd_die (1, "malformed response");
    fputs (R, stdout);
    flux_future_destroy (f);
    buf_release (&b);
    flux_close (h);
    return 0;
}

/* A request without arguments, its answer as JSON. */
static int print_json (optparse_t *p, int argc, const char *method)
{
    flux_future_t *f;
    flux_t *h;
    char *s;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, method, json_object ());
    if (!(s = json_dumps (answer (f), JSON_INDENT (1) | JSON_REAL_PRECISION (8))))
        cmd_die (1, "out of memory");
    printf ("%s\n", s);
    free (s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int ion_stats (optparse_t *p, int argc, char **argv)
{
    return print_json (p, argc, "stats-get");
}

static int ion_params (optparse_t *p, int argc, char **argv)
{
    return print_json (p, argc, "params");
}

static int ion_status (optparse_t *p, int argc, char **argv)
{
    return print_json (p, argc, "status");
}

static int ion_stats_clear (optparse_t *p, int argc, char **argv)
{
    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    return act ("stats-clear", json_object ());
}

/* ---- vertices ---- */

static int ion_set_property (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char *eq;

    if (n != argc - 2)
        return cmd_usage (p);
    if ((eq = strchr (argv[n + 1], '=')))
        *eq++ = '\0';
    return act ("set_property", json_pack ("{s:s s:s s:s}", "resource_path", argv[n],
                                           "key", argv[n + 1], "value", eq ? eq : ""));
}

static int ion_remove_property (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n != argc - 2)
        return cmd_usage (p);
    return act ("remove_property", json_pack ("{s:s s:s}", "resource_path", argv[n],
                                              "key", argv[n + 1]));
}

static int ion_get_property (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    json_t *payload, *values, *val;
    flux_future_t *f;
    const char *key;
    flux_t *h;

    if (n != argc - 1 && n != argc - 2)
        return cmd_usage (p);
    payload = json_pack ("{s:s}", "resource_path", argv[n]);
    if (n == argc - 2)
        json_object_set_new (payload, "key", json_string (argv[n + 1]));
    h = cmd_open ();
    f = ask (h, "get_property", payload);
    if (flux_rpc_get_unpack (f, "{s:o}", "values", &values) < 0)
        cmd_die (1, "malformed response");
    if (json_is_string (values))
        printf ("%s = %s\n", argv[n + 1], json_string_value (values));
    json_object_foreach (values, key, val)
        printf ("%s = %s\n", key, json_string_value (val));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int ion_set_status (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n != argc - 2)
        return cmd_usage (p);
    return act ("set_status", json_pack ("{s:s s:s}", "resource_path", argv[n],
                                         "status", argv[n + 1]));
}

static int ion_get_status (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    const char *s;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, "get_status", json_pack ("{s:s}", "resource_path", argv[n]));
    if (flux_rpc_get_unpack (f, "{s:s}", "status", &s) < 0)
        cmd_die (1, "malformed response");
    printf ("%s\n", s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static json_int_t parse_number (const char *what, const char *s)
{
    char *end;
    long n;

    errno = 0;
    n = strtol (s, &end, 10);
    if (errno || end == s || *end || n < 0 || n > INT32_MAX)
        cmd_die (1, "%s '%s': want a number from 0", what, s);
    return n;
}

static int ion_ns_info (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    const char *path;
    json_int_t id;
    flux_t *h;

    if (n != argc - 3)
        return cmd_usage (p);
    h = cmd_open ();
    f = ask (h, "ns-info", json_pack ("{s:I s:s s:I}", "rank", parse_number ("rank", argv[n]),
                                      "type", argv[n + 1],
                                      "id", parse_number ("id", argv[n + 2])));
    if (flux_rpc_get_unpack (f, "{s:I s:s}", "id", &id, "path", &path) < 0)
        cmd_die (1, "malformed response");
    printf ("%lld %s\n", (long long)id, path);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static struct optparse_subcommand subcommands[] = {
    { "match", ion_match, "[--jobid=ID] allocate|allocate_orelse_reserve|allocate_with_satisfiability|"
      "satisfiability|without_allocating|without_allocating_future JOBSPEC",
      "Find resources for a jobspec", 0, match_opts },
    { "update", ion_update, "JOBID R",
      "Place a job on the resources of a file", 0, NULL },
    { "info", ion_info, "JOBID",
      "Show the state of a job", 0, NULL },
    { "cancel", ion_cancel, "JOBID",
      "Give back what a match allocated", 0, NULL },
    { "partial-cancel", ion_partial_cancel, "JOBID R",
      "Give back part of it", 0, NULL },
    { "find", ion_find, "[--format=FORMAT] CRITERIA",
      "Show vertices that meet an expression", 0, find_opts },
    { "status", ion_status, "",
      "Show all, down and allocated resources", 0, NULL },
    { "stats", ion_stats, "",
      "Show statistics of matches", 0, NULL },
    { "stat", ion_stats, "",
      "The same", OPTPARSE_SUBCMD_HIDDEN, NULL },
    { "stats-clear", ion_stats_clear, "",
      "Clear statistics of matches", 0, NULL },
    { "params", ion_params, "",
      "Show parameters", 0, NULL },
    { "set-property", ion_set_property, "PATH KEY=VALUE",
      "Set a property of a vertex", 0, NULL },
    { "remove-property", ion_remove_property, "PATH KEY",
      "Remove a property of a vertex", 0, NULL },
    { "get-property", ion_get_property, "PATH [KEY]",
      "Show properties of a vertex", 0, NULL },
    { "set-status", ion_set_status, "PATH up|down",
      "Mark a vertex up or down", 0, NULL },
    { "get-status", ion_get_status, "PATH",
      "Show whether a vertex is up", 0, NULL },
    { "ns-info", ion_ns_info, "RANK TYPE ID",
      "Show the vertex of a type and id on a rank", 0, NULL },
    OPTPARSE_SUBCMD_END,
};

int cmd_ion_resource (int argc, char **argv)
{
    cmd_set_name ("flux-ion-resource");
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
