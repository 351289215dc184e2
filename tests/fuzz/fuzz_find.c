/* fuzz_find.c - expressions of find, run on a small graph with jobs; and requests,
 * in YAML, matched on it: what was taken is given back
 */
#include "tests/fuzz/fuzz.h"

#include "graph/find.h"
#include "graph/match.h"
#include "graph/read_grug.h"
#include "graph/read_yaml.h"

static const char recipe[] =
    "<graphml><graph><node id='c'><data key='root'>1</data><data key='type'>cluster</data>"
    "</node><node id='n'><data key='type'>node</data></node><node id='k'>"
    "<data key='type'>core</data></node><node id='m'><data key='type'>memory</data>"
    "<data key='size'>8</data></node><edge source='c' target='n'><data key='multi_scale'>3"
    "</data></edge><edge source='n' target='k'><data key='multi_scale'>4</data></edge>"
    "<edge source='n' target='m'/></graph></graphml>";

static void try_request (struct graph *g, const char *s, size_t size, const char *name,
                         bool flexible)
{
    flux_error_t err;
    json_t *o = yaml_to_json (s, size, &err);
    struct request *r = !o ? NULL : flexible ? request_from_json_flexible (o, &err)
                                             : request_from_json (o, &err);
    struct match_why why;
    struct policy p;
    struct job *j;

    FUZZ_CHECK (policy_parse (name, &p, &err) == 0);
    if (r) {
        struct match_args a = { &p, r, MATCH_ALLOCATE_ORELSE_RESERVE, 9, 0, 5 };
        if (graph_match (g, &a, &j, &why) == 0)
            FUZZ_CHECK (graph_cancel (g, 9) == 0);
    }
    request_free (r);
    json_decref (o);
    FUZZ_CHECK (graph_free_now (g, 0, "core") == 11);
    FUZZ_CHECK (graph_free_now (g, 0, "memory") == 24);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err;
    struct graph *g = read_grug (recipe, sizeof (recipe) - 1, &err);
    char *s = strndup ((const char *)data, size);
    struct job_part part = { 2, true, 1 };
    struct find *f;
    struct filters *filters = filters_parse ("ALL:core,n:node,node:memory", &err);
    struct buf b = BUF_INIT;
    struct job *j;
    uint32_t *v;
    size_t n;

    FUZZ_CHECK (g && s && filters);
    FUZZ_CHECK (graph_place (g, 1, false, 0, 10, 0, &part, 1, 1, &j) == 0);
    if ((f = find_parse (s, &err))) {
        FUZZ_CHECK (find_run (f, g, &v, &n) == 0 && n <= graph_count (g));
        free (v);
        FUZZ_CHECK (find_show (g, s, filters, EMIT_SIMPLE, &b, &err) == 0);
        FUZZ_CHECK (find_show (g, s, filters, EMIT_JGF, &b, &err) == 0);
        buf_release (&b);
        find_free (f);
    }
    try_request (g, s, strlen (s), "first", false);
    try_request (g, s, strlen (s), "high", false);
    try_request (g, s, strlen (s), "lonodex", false);
    try_request (g, s, strlen (s), "locality", true);
    try_request (g, s, strlen (s), "low", true);
    free (s);
    filters_free (filters);
    graph_free (g);
    return 0;
}
