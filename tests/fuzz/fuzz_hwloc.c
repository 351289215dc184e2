/* fuzz_hwloc.c - topologies of hwloc: what is accepted is a graph that can be written */
#include "tests/fuzz/fuzz.h"

#include "graph/emit.h"
#include "graph/graph.h"
#include "graph/readers.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = { "" };
    struct graph *g = read_hwloc ((const char *)data, size, "node,socket,numanode,l1cache,"
                                  "l2cache,l3cache,core,pu,gpu,storage,memory", &err), *h;
    struct buf b = BUF_INIT;
    json_t *o;

    if (!g)
        return 0;
    FUZZ_CHECK (graph_end (g, 0) == graph_count (g));
    FUZZ_CHECK ((o = emit_graph (g)));
    FUZZ_CHECK ((h = read_jgf (o, &err)) && graph_count (h) == graph_count (g));
    FUZZ_CHECK (emit_graph_dot (g, &b) == 0 && emit_graph_graphml (g, &b) == 0);
    json_decref (o);
    buf_release (&b);
    graph_free (h);
    graph_free (g);
    return 0;
}
