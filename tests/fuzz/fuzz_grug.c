/* fuzz_grug.c - recipes in GraphML: what is accepted is a graph that can be written */
#include "tests/fuzz/fuzz.h"

#include "graph/emit.h"
#include "graph/match.h"
#include "graph/graph.h"
#include "graph/read_grug.h"

/* A node, and two of the pdu on its way up. */
static void match_with_power (struct graph *g)
{
    static const char text[] = "{\"resources\":[{\"type\":\"node\",\"count\":{\"min\":1},\"with\":"
        "[{\"type\":\"core\",\"count\":1},{\"type\":\"pdu\",\"count\":2}]}]}";
    static const char *const power[] = { "power" };
    struct request *r = request_decode (text, sizeof (text) - 1, NULL);
    struct policy p = { 0 };
    struct match_args a = { &p, r, MATCH_ALLOCATE_ORELSE_RESERVE, 1, 0, 10 };
    struct match_why why;
    struct job *j;

    FUZZ_CHECK (r);
    if (graph_use_aux (g, power, 1, NULL) == 0 && graph_match (g, &a, &j, &why) == 0)
        FUZZ_CHECK (graph_cancel (g, 1) == 0);
    FUZZ_CHECK (graph_free_now (g, 0, "core") == graph_total (g, 0, "core"));
    request_free (r);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = { "" };
    struct graph *g;
    json_t *o;

    /* a short recipe may ask for a graph of a gigabyte */
    for (size_t i = 0; i + 2 < size; i++)
        if (data[i] >= '0' && data[i] <= '9' && data[i + 1] >= '0' && data[i + 1] <= '9'
            && data[i + 2] >= '0' && data[i + 2] <= '9')
            return 0;
    if (!(g = read_grug ((const char *)data, size, &err)))
        return 0;
    FUZZ_CHECK (graph_count (g) > 0 && graph_end (g, 0) <= graph_count (g));
    for (uint32_t v = 1; v < graph_count (g) && v < 1000; v++)
        FUZZ_CHECK (graph_parent (g, v) == GRAPH_NONE
                    || (graph_parent (g, v) < v
                        && graph_end (g, v) <= graph_end (g, graph_parent (g, v))));
    if (graph_count (g) < 1000) {
        struct graph *view = graph_view (g, "power", NULL, 0, &err);
        FUZZ_CHECK ((o = emit_graph (g)));
        json_decref (o);
        FUZZ_CHECK (!view || graph_count (view) <= graph_count (g));
        graph_free (view);
        match_with_power (g);
    }
    graph_free (g);
    return 0;
}
