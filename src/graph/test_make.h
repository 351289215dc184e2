/* test_make.h - small graphs and requests, for tests
 *
 * To be included after <cmocka.h>.  What cannot be made fails the test.
 */
#ifndef GRAPH_TEST_MAKE_H
#define GRAPH_TEST_MAKE_H

#include <string.h>

#include "graph/graph.h"
#include "graph/request.h"

/* A vertex of size 1, or GRAPH_NONE as graph_add() has it. */
static inline uint32_t make_vertex (struct graph *g, uint32_t parent, const char *type,
                                    int64_t id)
{
    struct vtx_spec s = { .parent = parent, .type = graph_intern (g, type), .id = id,
                          .size = 1, .uniq = -1, .rank = -1 };

    return graph_add (g, &s);
}

/* The same with an execution target. */
static inline uint32_t make_ranked (struct graph *g, uint32_t parent, const char *type,
                                    int64_t id, int rank)
{
    struct vtx_spec s = { .parent = parent, .type = graph_intern (g, type), .id = id,
                          .size = 1, .uniq = -1, .rank = rank };

    return graph_add (g, &s);
}

/* cluster0 > nodes, each with its id as its rank > cores */
static inline struct graph *make_cluster (int nodes, int cores)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);

    for (int n = 0; n < nodes; n++) {
        uint32_t node = make_ranked (g, top, "node", n, n);
        for (int c = 0; c < cores; c++)
            make_ranked (g, node, "core", c, n);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

static inline struct request *decode_request (const char *s)
{
    flux_error_t err;
    struct request *r = request_decode (s, strlen (s), &err);

    if (!r)
        fail_msg ("%s: %s", s, err.text);
    return r;
}

#endif /* !GRAPH_TEST_MAKE_H */
