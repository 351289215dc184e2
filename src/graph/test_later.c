/* test_later.c - who comes after whom: the start that a request is given, and what is placed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "graph/graph.h"
#include "graph/match.h"
#include "graph/test_make.h"

/* Four nodes of four cores, and of a pool of 16. */
static struct graph *pool_graph (void)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
    struct vtx_spec pool = { .type = graph_intern (g, "memory"), .size = 16, .uniq = -1,
                             .rank = -1 };

    for (int n = 0; n < 4; n++) {
        pool.parent = make_vertex (g, top, "node", n);
        for (int c = 0; c < 4; c++)
            make_vertex (g, pool.parent, "core", c);
        graph_add (g, &pool);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

/* As soon as possible, for 10 s. */
static int later (struct graph *g, const char *spec, int64_t id, struct job **j)
{
    struct policy low;
    struct request *r = decode_request (spec);
    struct match_args a = { .policy = &low, .request = r, .jobid = id, .duration = 10,
                            .op = MATCH_ALLOCATE_ORELSE_RESERVE };
    struct match_why why = { 0 };
    int rc;

    assert_int_equal (policy_parse ("low", &low, NULL), 0);
    rc = graph_match (g, &a, j, &why);
    request_free (r);
    return rc;
}

/* What the last match took of a pool is not in the way of who is placed on it. */
static void test_place_after_match (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"node\",\"count\":1,\"with\":[{\"type\":"
        "\"memory\",\"count\":10}]}]}";
    struct graph *g = pool_graph ();
    struct job_part part = { graph_by_path (g, "/cluster0/node0/memory0"), false, 10 };
    struct job *j;

    assert_int_equal (later (g, spec, 1, &j), 0);
    assert_int_equal (graph_cancel (g, 1), 0);
    assert_int_equal (graph_place (g, 2, false, 0, 10, 0, &part, 1, 0, &j), 0);
    assert_int_equal (graph_place (g, 3, false, 0, 10, 0, &part, 1, 0, &j), -EBUSY);
    graph_free (g);
}

/* Two cores of node0 at any time, but from 5 on others than before: what is free by number
 * does not change when one job follows the other. */
static void test_follows (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"node\",\"count\":4,\"with\":[{\"type\":"
        "\"slot\",\"label\":\"a\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":2}]}]}]}";
    struct graph *g = pool_graph ();
    uint32_t core = graph_by_path (g, "/cluster0/node0/core0");
    struct job_part first[] = { { core, true, 1 }, { core + 1, true, 1 } };
    struct job_part other = { graph_by_path (g, "/cluster0/node1/core0"), true, 1 };
    struct job_part then[] = { { core + 2, true, 1 }, { core + 3, true, 1 } };
    struct job *j;

    assert_int_equal (graph_place (g, 1, false, 0, 5, 0, first, 2, 0, &j), 0);
    assert_int_equal (graph_place (g, 2, true, 5, 90, 0, then, 2, 0, &j), 0);
    /* the time at which this one ends is looked at before */
    assert_int_equal (graph_place (g, 3, false, 0, 3, 0, &other, 1, 0, &j), 0);
    assert_int_equal (later (g, spec, 4, &j), 0);
    assert_int_equal (job_start (j), 5);
    graph_free (g);
}

/* Of a job that shares two nodes, and a core of a third, each is given back by itself. */
static void test_give_back_shared (void **state)
{
    struct graph *g = pool_graph ();
    uint32_t n0 = graph_by_path (g, "/cluster0/node0"), n1 = graph_by_path (g, "/cluster0/node1");
    uint32_t n2 = graph_by_path (g, "/cluster0/node2");
    struct job_part part[] = { { n0, false, 1 }, { n1, false, 1 }, { n2 + 1, true, 1 } };
    struct job *j;
    size_t n;
    bool empty;

    assert_int_equal (graph_place (g, 1, false, 0, 10, 0, part, 3, 0, &j), 0);
    job_parts (j, &n);
    assert_int_equal (n, 5);
    assert_int_equal (graph_cancel_part (g, 1, &n2, 1, &empty), 0);
    assert_int_equal (job_parts (j, &n)[1].vtx, n0);
    assert_int_equal (n, 3);
    assert_int_equal (graph_cancel_part (g, 1, &n0, 1, &empty), 0);
    assert_int_equal (job_parts (j, &n)[1].vtx, n1);
    assert_int_equal (n, 2);
    assert_false (empty);
    assert_int_equal (graph_cancel_part (g, 1, &n1, 1, &empty), 0);
    assert_true (empty);
    graph_free (g);
}

/* Jobs of a type of which no sums are kept follow each other, too. */
static void test_reserve_untracked (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1,\"with\":["
        "{\"type\":\"t19\",\"count\":1}]}]}";
    struct graph *g = graph_new ();
    uint32_t node = make_vertex (g, make_vertex (g, GRAPH_NONE, "cluster", 0), "node", 0);
    struct job *j;
    char type[8];

    for (int c = 0; c < 20; c++) {
        snprintf (type, sizeof (type), "t%d", c);
        make_vertex (g, node, type, 0);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal (later (g, spec, i, &j), 0);
        assert_int_equal (job_start (j), 10 * i);
    }
    assert_int_equal (graph_cancel (g, 1), 0);
    assert_int_equal (later (g, spec, 3, &j), 0);
    assert_int_equal (job_start (j), 10);
    graph_free (g);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_place_after_match),
        cmocka_unit_test (test_follows),
        cmocka_unit_test (test_reserve_untracked),
        cmocka_unit_test (test_give_back_shared),
    };

    return cmocka_run_group_tests_name ("later", tests, NULL, NULL);
}
