/* test_aux.c - matches that look at other subsystems, against a reference that tries all
 *
 *   cluster0 > nodes > cores       panel0 (power) > pdus of a few watts each
 *   each pdu -> some nodes (supplies_to)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/match.h"
#include "graph/test_make.h"

#define NODES 5
#define PDUS 3

static const char *const power[] = { "power" };
static unsigned int seed;

static int rnd (int n)
{
    seed = seed * 1103515245 + 12345;
    return (int)((seed >> 16) % (unsigned int)n);
}

static struct {
    struct graph *g;
    uint32_t node[NODES], pdu[PDUS];
    bool feeds[PDUS][NODES];
} f;

static uint32_t add_pdu (uint32_t panel, int i)
{
    struct vtx_spec s = { .parent = panel, .type = graph_intern (f.g, "pdu"), .id = i,
                          .subsystem = graph_intern (f.g, "power"), .size = 1 + rnd (6),
                          .uniq = -1, .rank = -1 };

    return graph_add (f.g, &s);
}

static bool by_chance (int pdu, int node)
{
    return rnd (2);
}

static bool first_two (int pdu, int node)
{
    return pdu == 0 && node < 2;
}

static void setup (bool (*feeds) (int pdu, int node))
{
    struct vtx_spec s = { .parent = GRAPH_NONE, .id = 0, .size = 1, .uniq = -1, .rank = -1 };
    uint32_t top, panel, supplies, subsystem;

    f.g = graph_new ();
    top = make_vertex (f.g, GRAPH_NONE, "cluster", 0);
    for (int n = 0; n < NODES; n++) {
        f.node[n] = make_vertex (f.g, top, "node", n);
        for (int c = 0; c < 4; c++)
            make_vertex (f.g, f.node[n], "core", c);
    }
    s.type = graph_intern (f.g, "panel");
    s.subsystem = subsystem = graph_intern (f.g, "power");
    supplies = graph_intern (f.g, "supplies_to");
    panel = graph_add (f.g, &s);
    for (int p = 0; p < PDUS; p++)
        f.pdu[p] = add_pdu (panel, p);
    for (int p = 0; p < PDUS; p++)
        for (int n = 0; n < NODES; n++)
            if ((f.feeds[p][n] = feeds (p, n)))
                assert_int_equal (graph_add_edge (f.g, f.pdu[p], f.node[n], subsystem,
                                                  supplies), 0);
    assert_int_equal (graph_finish (f.g, NULL), 0);
    assert_int_equal (graph_use_aux (f.g, power, 1, NULL), 0);
}

/* Reference: what is left of each pdu, which nodes may still be used. */
struct left {
    int watt[PDUS];
    int core[NODES];
    bool touched[NODES], gone[NODES];
};

static void look (struct left *l)
{
    memset (l, 0, sizeof (*l));
    for (int p = 0; p < PDUS; p++)
        l->watt[p] = graph_is_up (f.g, f.pdu[p]) ? (int)graph_size (f.g, f.pdu[p]) : 0;
    for (int n = 0; n < NODES; n++)
        l->core[n] = 4;
    for (const struct job *j = NULL; (j = graph_job_next (f.g, j));) {
        size_t count;
        const struct job_part *part = job_parts (j, &count);
        for (size_t i = 0; i < count; i++) {
            for (int p = 0; p < PDUS; p++)
                if (part[i].vtx == f.pdu[p] && l->watt[p] > 0)
                    l->watt[p] -= (int)part[i].amount;
            for (int n = 0; n < NODES; n++) {
                l->touched[n] |= part[i].vtx == f.node[n];
                l->gone[n] |= part[i].vtx == f.node[n] && part[i].x;
                l->core[n] -= part[i].vtx > f.node[n] && part[i].vtx <= f.node[n] + 4;
            }
        }
    }
}

static bool fed (int n)
{
    bool any = false;

    for (int p = 0; p < PDUS; p++) {
        any |= f.feeds[p][n];
        if (f.feeds[p][n] && graph_is_up (f.g, f.pdu[p]))
            return true;
    }
    return !any;
}

struct want {
    int nodes, cores, watts;
    bool x;
};

/* 'more' nodes from n on; the one before wants 'draw' from pdu p on. */
static bool possible (struct left l, const struct want *w, int more, int n, int draw, int p)
{
    if (draw > 0) {
        for (; p < PDUS; p++) {
            struct left less = l;
            if (!f.feeds[p][n - 1] || l.watt[p] == 0)
                continue;
            less.watt[p]--;
            if (possible (less, w, more, n, draw - 1, p))
                return true;
        }
        return false;
    }
    if (more == 0)
        return true;
    for (; n < NODES; n++)
        if (fed (n) && !l.gone[n] && !(w->x && l.touched[n]) && l.core[n] >= w->cores
            && possible (l, w, more - 1, n + 1, w->watts, 0))
            return true;
    return false;
}

static int try (const struct want *w, int64_t id, const char *policy, struct job **j)
{
    struct match_why why;
    struct policy p;
    char text[512], watts[64] = "";

    if (w->watts)
        snprintf (watts, sizeof (watts), ",{\"type\":\"pdu\",\"count\":%d}", w->watts);
    snprintf (text, sizeof (text), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
              "\"exclusive\":%s,\"with\":[{\"type\":\"core\",\"count\":%d}%s]}]}", w->nodes,
              w->x ? "true" : "false", w->cores, watts);
    struct request *r = decode_request (text);
    struct match_args a = { &p, r, MATCH_ALLOCATE, id, 0, 10 };
    assert_int_equal (policy_parse (policy, &p, NULL), 0);
    int rc = graph_match (f.g, &a, j, &why);
    request_free (r);
    return rc;
}

static void check (const struct job *j, const struct want *w)
{
    int watts = 0;
    size_t n;
    const struct job_part *p = job_parts (j, &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp (graph_type (f.g, p[i].vtx), "pdu") == 0)
            watts += (int)p[i].amount;
    assert_int_equal (watts, w->watts * w->nodes);
}

static void test_random (void **state)
{
    static const char *const policy[] = { "first", "low", "high", "lonode" };
    int found = 0, missing = 0;

    for (int i = 0; i < 1500; i++) {
        seed = (unsigned int)i * 7919 + 11;
        setup (by_chance);
        for (int64_t id = 0; id < 6; id++) {
            struct want w = { 1 + rnd (3), 1 + rnd (3), rnd (4), rnd (4) == 0 };
            struct job *j = NULL;
            struct left l;
            int p = rnd (PDUS);

            if (rnd (3) == 0)
                graph_set_status (f.g, f.pdu[p], !graph_is_up (f.g, f.pdu[p]));
            look (&l);
            bool want = possible (l, &w, w.nodes, 0, 0, 0);
            int rc = try (&w, id, policy[i % 4], &j);
            if (want != (rc == 0))
                fail_msg ("%d %s: %d nodes, %d cores, %d watts: %s", i, policy[i % 4], w.nodes,
                          w.cores, w.watts, want ? "missed" : "given");
            if (want)
                check (j, &w);
            found += want;
            missing += !want;
            if (rnd (4) == 0)
                graph_cancel (f.g, rnd ((int)id + 1));
        }
        graph_free (f.g);
    }
    assert_true (found > 2000 && missing > 2000);
}

/* A job that has only of a pool elsewhere ends, too; and the graph may grow meanwhile. */
static void test_later (void **state)
{
    const struct want all = { 1, 1, 0, false };
    struct job_part part;
    struct job *j;

    seed = 1;
    setup (first_two);
    part = (struct job_part){ f.pdu[0], false, graph_size (f.g, f.pdu[0]) };
    assert_int_equal (graph_place (f.g, 1, false, 0, 40, 0, &part, 1, 0, &j), 0);
    assert_int_equal (graph_place (f.g, 2, false, 0, 40, 0, &part, 1, 0, &j), -EBUSY);
    struct request *r = decode_request ("{\"resources\":[{\"type\":\"node\",\"count\":1,"
        "\"with\":[{\"type\":\"core\",\"count\":1},{\"type\":\"pdu\",\"count\":1}]}],"
        "\"attributes\":{\"system\":{\"constraints\":{\"hostlist\":[\"node0\"]}}}}");
    struct policy p = { 0 };
    struct match_args a = { &p, r, MATCH_ALLOCATE_ORELSE_RESERVE, 2, 0, 10 };
    struct match_why why;
    char text[256];
    assert_int_equal (graph_match (f.g, &a, &j, &why), 0);
    assert_int_equal (job_start (j), 40);
    struct vtx_spec s = { .parent = 0, .type = graph_intern (f.g, "node"), .id = 9, .size = 1,
                          .uniq = -1, .rank = -1 };
    assert_int_equal (graph_grow (f.g, &s, 1), 0);
    a.op = MATCH_ALLOCATE;
    a.jobid = 3;
    assert_int_equal (graph_match (f.g, &a, &j, &why), -EBUSY);
    match_why_text (f.g, &why, text, sizeof (text));
    assert_string_equal (text, "1 more pdu needed on a way up from /cluster0/node0: 1 wanted, "
                         "0 free now that meet the constraints");
    assert_int_equal (graph_cancel (f.g, 1), 0);
    assert_int_equal (graph_match (f.g, &a, &j, &why), 0);
    assert_int_equal (try (&all, 4, "low", &j), 0);
    assert_int_equal (graph_use_aux (f.g, NULL, 0, NULL), 0);
    request_free (r);
    graph_free (f.g);
}

/* A pdu in a slot is had alone: by nobody else whom it feeds, now or later. */
static void test_alone (void **state)
{
    struct want one = { 1, 1, 0, false };
    struct policy p = { 0 };
    struct match_why why;
    struct job *j;

    seed = 1;
    setup (first_two);
    struct request *r = decode_request ("{\"resources\":[{\"type\":\"node\",\"count\":1,\"with\":["
        "{\"type\":\"slot\",\"label\":\"a\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1},"
        "{\"type\":\"pdu\",\"count\":1}]}]}]}");
    struct match_args a = { &p, r, MATCH_ALLOCATE, 2, 0, 10 };
    assert_int_equal (try (&one, 1, "low", &j), 0);     /* on node0 */
    assert_int_equal (graph_match (f.g, &a, &j, &why), -EBUSY);
    a.op = MATCH_ALLOCATE_ORELSE_RESERVE;
    assert_int_equal (graph_match (f.g, &a, &j, &why), 0);
    assert_int_equal (job_start (j), 10);
    assert_int_equal (graph_cancel (f.g, 2), 0);
    assert_int_equal (graph_cancel (f.g, 1), 0);
    a.op = MATCH_ALLOCATE;
    assert_int_equal (graph_match (f.g, &a, &j, &why), 0);
    one.nodes = 4;
    assert_int_equal (try (&one, 3, "low", &j), -EBUSY);        /* node0, node1 are not fed */
    one.nodes = 3;
    assert_int_equal (try (&one, 3, "low", &j), 0);
    request_free (r);
    graph_free (f.g);
}

static void test_refused (void **state)
{
    static const char *const names[] = { "water", "power", "containment" };
    flux_error_t err;

    seed = 1;
    setup (by_chance);
    assert_int_equal (graph_use_aux (f.g, names, 1, &err), -ENOENT);
    assert_string_equal (err.text, "the graph has no subsystem 'water'");
    assert_int_equal (graph_use_aux (f.g, names + 2, 1, &err), -ENOENT);
    assert_int_equal (graph_use_aux (f.g, names, 9, &err), -EINVAL);
    graph_free (f.g);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_later),
        cmocka_unit_test (test_random),
        cmocka_unit_test (test_alone),
        cmocka_unit_test (test_refused),
    };

    return cmocka_run_group_tests_name ("aux", tests, NULL, NULL);
}
