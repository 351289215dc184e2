/* fuzz_jgf.c - JGF: what is accepted must be the same when written and read again */
#include "tests/fuzz/fuzz.h"

#include "graph/emit.h"
#include "graph/graph.h"
#include "graph/readers.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = { "" };
    json_t *in = json_loadb ((const char *)data, size, 0, NULL), *a, *b;
    struct graph *g = in ? read_jgf (in, &err) : NULL, *h;

    json_decref (in);
    if (!g)
        return 0;
    a = emit_graph (g);
    FUZZ_CHECK (a);
    /* ids that were given twice as uniq_id cannot be written as ids */
    if ((h = read_jgf (a, &err))) {
        FUZZ_CHECK (graph_count (h) == graph_count (g));
        b = emit_graph (h);
        FUZZ_CHECK (b);
        json_decref (b);
        graph_free (h);
    }
    json_decref (a);
    graph_free (g);
    return 0;
}
