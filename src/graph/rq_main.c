/* rq_main.c - resource-query: options, and the loop over commands
 */
#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/optparse.h>

#include "base/errmsg.h"
#include "graph/graph.h"
#include "graph/read_grug.h"
#include "graph/readers.h"
#include "graph/rq.h"

static struct optparse_option options[] = {
    { .name = "load-file", .key = 'L', .has_arg = 1, .arginfo = "FILE",
      .usage = "Read the graph from FILE (required)" },
    { .name = "load-format", .key = 'f', .has_arg = 1, .arginfo = "FORMAT",
      .usage = "grug (default), jgf, jgf_shorthand, rv1exec (R), rv1exec_force or hwloc" },
    { .name = "load-allowlist", .key = 'W', .has_arg = 1, .arginfo = "TYPE,...",
      .usage = "With hwloc: load only these of node, socket, numanode, l1cache, "
               "l2cache, l3cache, core, pu, gpu, storage, memory (default node,core,gpu)" },
    { .name = "match-subsystems", .key = 'S', .has_arg = 1, .arginfo = "NAME[+NAME...]",
      .usage = "The subsystem that is matched on, and others that a match looks at: CA (the "
               "containment, default), C+PA, IB+IBBA, ALL, or names from the graph, "
               "containment+power" },
    { .name = "match-policy", .key = 'P', .has_arg = 1, .arginfo = "POLICY",
      .usage = "Which resources are taken (default first)" },
    { .name = "traverser", .key = 'T', .has_arg = 1, .arginfo = "NAME",
      .usage = "simple (default); flexible: slots beside each other, and xor_slots, "
               "are alternatives" },
    { .name = "match-format", .key = 'F', .has_arg = 1, .arginfo = "FORMAT",
      .usage = "simple (default), pretty_simple, rlite, rv1, rv1_nosched, "
               "rv1_shorthand, jgf or jgf_shorthand" },
    { .name = "prune-filters", .key = 'p', .has_arg = 1, .arginfo = "HL:LL,...",
      .usage = "Which sums find shows for agfilter=true (default " FILTERS_DEFAULT ")" },
    { .name = "reserve-vtx-vec", .key = 'r', .has_arg = 1, .arginfo = "N",
      .usage = "Checked only: memory grows as needed" },
    { .name = "graph-output", .key = 'o', .has_arg = 1, .arginfo = "BASENAME",
      .usage = "Write the graph at the start to BASENAME with .dot, .graphml or .json" },
    { .name = "graph-format", .key = 'g', .has_arg = 1, .arginfo = "FORMAT",
      .usage = "The format of --graph-output: dot, graphml or jgf (default)" },
    { .name = "test-output", .key = 't', .has_arg = 1, .arginfo = "FILE",
      .usage = "Write results to FILE instead of standard output" },
    { .name = "elapse-time", .key = 'e', .usage = "Show how long each match took" },
    { .name = "disable-prompt", .key = 'd', .usage = "No prompt" },
    OPTPARSE_TABLE_END,
};

static const char *const load_formats[] = { "grug", "jgf", "jgf_shorthand", "rv1exec",
                                            "rv1exec_force", "hwloc", NULL };
static const char *const graph_formats[] = { "dot", "graphml", "jgf", NULL };

static bool known (const char *s, const char *const *names)
{
    while (*names && strcmp (*names, s) != 0)
        names++;
    return *names != NULL;
}

static struct graph *load (optparse_t *p)
{
    const char *path = optparse_get_str (p, "load-file", NULL);
    const char *format = optparse_get_str (p, "load-format", "grug");
    flux_error_t err = { "" };
    struct graph *g = NULL;
    json_error_t je;
    json_t *o;
    size_t len;
    char *s;

    if (!path || !known (format, load_formats)) {
        rq_error (0, path ? "load-format: expected grug, jgf, jgf_shorthand, rv1exec, "
                  "rv1exec_force or hwloc, not '%.64s'"
                  : "no graph: use --load-file=FILE", format);
        return NULL;
    }
    if (!(s = rq_read_file (path, &len))) {
        rq_error (0, "%s: %s", path, strerror (errno));
        return NULL;
    }
    if (strcmp (format, "grug") == 0)
        g = read_grug (s, len, &err);
    else if (strcmp (format, "hwloc") == 0)
        g = read_hwloc (s, len, optparse_get_str (p, "load-allowlist", NULL), &err);
    else if (!(o = json_loadb (s, len, 0, &je)))
        errmsg (&err, 0, "line %d, column %d: %.100s", je.line, je.column, je.text);
    else {
        g = format[0] == 'j' ? read_jgf (o, &err) : read_R (o, false, &err);
        json_decref (o);
    }
    free (s);
    if (!g)
        rq_error (0, "%s: %s", path, err.text[0] ? err.text : strerror (errno));
    return g;
}

static int check_others (optparse_t *p)
{
    const char *s = optparse_get_str (p, "graph-format", "jgf");
    int64_t n;

    if (!known (s, graph_formats))
        return rq_error (-1, "graph-format: expected dot, graphml or jgf, not '%s'", s);
    s = optparse_get_str (p, "reserve-vtx-vec", "1");
    if (rq_number (s, &n) < 0 || n < 1 || n > 2000000)
        return rq_error (-1, "reserve-vtx-vec: expected 1 to 2000000, not '%s'", s);
    return 0;
}

static int set_up (struct rq *rq, optparse_t *p)
{
    const char *s = optparse_get_str (p, "match-format", "simple");
    flux_error_t err;

    if (check_others (p) < 0)
        return -1;
    if (!(rq->filters = filters_parse (optparse_get_str (p, "prune-filters",
                                                         FILTERS_DEFAULT), &err)))
        return rq_error (-1, "prune-filters: %s", err.text);
    if (policy_parse (optparse_get_str (p, "match-policy", "first"), &rq->policy, &err) < 0)
        return rq_error (-1, "match-policy: %s", err.text);
    if (emit_parse_format (s, &rq->format) < 0)
        return rq_error (-1, "unknown match-format '%s'", s);
    s = optparse_get_str (p, "traverser", "simple");
    rq->flexible = strcmp (s, "flexible") == 0;
    if (!rq->flexible && strcmp (s, "simple") != 0)
        return rq_error (-1, "traverser: expected simple or flexible, not '%s'", s);
    rq->elapsed = optparse_hasopt (p, "elapse-time");
    rq->out = stdout;
    if (!(rq->g = load (p)))
        return -1;
    s = optparse_get_str (p, "test-output", NULL);
    if (s && !(rq->out = fopen (s, "w"))) {
        rq->out = stdout;
        return rq_error (-1, "%s: %s", s, strerror (errno));
    }
    return 0;
}

static int write_text (FILE *f, const struct graph *g, const char *format)
{
    struct buf b = BUF_INIT;
    int rc = format[0] == 'd' ? emit_graph_dot (g, &b) : emit_graph_graphml (g, &b);

    if (rc == 0 && fwrite (b.data, 1, b.len, f) != b.len)
        rc = -1;
    buf_release (&b);
    return rc;
}

static int write_graph (struct rq *rq, const char *base, const char *format)
{
    bool json = strcmp (format, "jgf") == 0;
    json_t *o = json ? emit_graph (rq->g) : NULL;
    struct buf path = BUF_INIT;
    FILE *f;
    int rc = -1;

    buf_addf (&path, "%s.%s", base, json ? "json" : format);
    if ((f = fopen (path.data, "w"))) {
        rc = !json ? write_text (f, rq->g, format) : o ? json_dumpf (o, f, 0) : -1;
        if (fclose (f) != 0)
            rc = -1;
    }
    if (rc < 0)
        rq_error (0, "%s: cannot be written: %s", path.data, strerror (errno));
    json_decref (o);
    buf_release (&path);
    return rc < 0 ? -1 : 0;
}

/* The names of matchers that the sets of subsystems have had, and what is in a graph. */
static const char *const short_names[][2] = {
    { "CA", "containment" }, { "C", "containment" }, { "PA", "power" }, { "P", "power" },
    { "IBA", "ibnet" }, { "IB", "ibnet" }, { "IBBA", "ibnetbw" }, { "PFS1BA", "pfs1bw" },
    { "VA", "virtual1" }, { "V", "virtual1" },
};

static const char *full_name (const char *s)
{
    for (size_t i = 0; i < sizeof (short_names) / sizeof (short_names[0]); i++)
        if (strcmp (s, short_names[i][0]) == 0)
            return short_names[i][1];
    return s;
}

#define MAX_SUBSYSTEMS 9

/* The containment, if it is among them, comes first; each once. */
static int add_subsystem (const char **name, int n, const char *s)
{
    for (int i = 0; i < n; i++)
        if (strcmp (name[i], s) == 0)
            return n;
    if (n == MAX_SUBSYSTEMS)
        return rq_error (-1, "match-subsystems: more than %d", MAX_SUBSYSTEMS);
    name[n] = s;
    if (strcmp (s, "containment") == 0) {
        name[n] = name[0];
        name[0] = s;
    }
    return n + 1;
}

static int add_all (const struct rq *rq, const char **name, int n)
{
    const char *subsystem, *relation;
    uint32_t a, b;

    n = add_subsystem (name, n, "containment");
    for (uint32_t v = 0; n > 0 && v < graph_count (rq->g); v++)
        if (strcmp (graph_subsystem (rq->g, v), name[n - 1]) != 0)
            n = add_subsystem (name, n, graph_subsystem (rq->g, v));
    for (uint32_t i = 0; n > 0 && i < graph_edges (rq->g); i++) {
        graph_edge (rq->g, i, &a, &b, &subsystem, &relation);
        n = add_subsystem (name, n, subsystem);
    }
    return n;
}

static int parse_subsystems (const struct rq *rq, char *s, const char **name)
{
    int n = 0;

    for (char *p = s, *save; n >= 0 && (p = strtok_r (p, "+:,", &save)); p = NULL)
        n = strcmp (p, "ALL") == 0 ? add_all (rq, name, n)
                                   : add_subsystem (name, n, full_name (p));
    return n == 0 ? rq_error (-1, "match-subsystems: expected names of subsystems") : n;
}

/* What is gone down is the containment, or what another subsystem sees. */
static int go_down (struct rq *rq, const char **name, int n)
{
    flux_error_t err;
    struct graph *g;

    if (strcmp (name[0], "containment") != 0) {
        if (!(g = graph_view (rq->g, name[0], name + 1, (size_t)n - 1, &err)))
            return rq_error (-1, "match-subsystems: %s", err.text);
        graph_free (rq->g);
        rq->g = g;
    }
    if (n > 1 && graph_use_aux (rq->g, name + 1, (size_t)n - 1, &err) < 0)
        return rq_error (-1, "match-subsystems: %s", err.text);
    return 0;
}

static int choose_subsystems (struct rq *rq, const char *names)
{
    const char *name[MAX_SUBSYSTEMS];
    char *s = strdup (names);
    int n = s ? parse_subsystems (rq, s, name) : -1, rc = n < 0 ? -1 : go_down (rq, name, n);

    free (s);
    if (rc == 0)
        printf ("INFO: Loading a matcher: %s\n", names);
    fflush (stdout);
    return rc;
}

static char *prompt (EditLine *el)
{
    return "resource-query> ";
}

static void interact (struct rq *rq)
{
    EditLine *el = el_init ("resource-query", stdin, stdout, stderr);
    History *h = history_init ();
    HistEvent ev;
    const char *line;
    int n, rc = 0;

    if (!el || !h)
        return;
    history (h, &ev, H_SETSIZE, 1000);
    el_set (el, EL_PROMPT, prompt);
    el_set (el, EL_EDITOR, "emacs");
    el_set (el, EL_HIST, history, h);
    while (rc != 1 && (line = el_gets (el, &n)) && n > 0) {
        char *copy = strdup (line);
        if (!copy)
            break;
        if (strspn (copy, " \t\n") < strlen (copy))
            history (h, &ev, H_ENTER, line);
        rc = rq_run (rq, copy);
        free (copy);
    }
    history_end (h);
    el_end (el);
}

static void script (struct rq *rq)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline (&line, &size, stdin)) >= 0) {
        if (strlen (line) < (size_t)n)
            rq_error (0, "a line with a zero byte is no command");
        else if (rq_run (rq, line) == 1)
            break;
    }
    free (line);
}

int main (int argc, char **argv)
{
    optparse_t *p = optparse_create ("resource-query");
    struct rq rq = { .next_jobid = 1, .granule = 1 };
    const char *graph;
    int rc = 1, i;

    optparse_set (p, OPTPARSE_USAGE, "--load-file=FILE [OPTIONS]");
    optparse_add_option_table (p, options);
    if ((i = optparse_parse_args (p, argc, argv)) < 0 || i < argc) {
        rq_error (0, "unexpected argument");
        optparse_destroy (p);
        return 1;
    }
    graph = optparse_get_str (p, "graph-output", NULL);
    if (set_up (&rq, p) == 0
        && (!graph || write_graph (&rq, graph,
                                   optparse_get_str (p, "graph-format", "jgf")) == 0)
        && choose_subsystems (&rq, optparse_get_str (p, "match-subsystems", "CA")) == 0) {
        if (isatty (STDIN_FILENO) && !optparse_hasopt (p, "disable-prompt"))
            interact (&rq);
        else
            script (&rq);
        rc = 0;
    }
    if (rq.out && fclose (rq.out) != 0)
        rc = rq_error (1, "output: %s", strerror (errno));
    graph_free (rq.g);
    filters_free (rq.filters);
    optparse_destroy (p);
    return rc;
}
