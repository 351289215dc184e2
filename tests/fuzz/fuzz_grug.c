/* fuzz_grug.c - recipes in GraphML: what is accepted is a graph that can be written */
#include "tests/fuzz/fuzz.h"

#include "graph/emit.h"
#include "graph/graph.h"
#include "graph/read_grug.h"

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
        struct graph *view = graph_view (g, "power", &err);
        FUZZ_CHECK ((o = emit_graph (g)));
        json_decref (o);
        FUZZ_CHECK (!view || graph_count (view) <= graph_count (g));
        graph_free (view);
    }
    graph_free (g);
    return 0;
}
