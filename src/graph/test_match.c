/* test_match.c - the matcher against a reference that counts, on random graphs
 *
 * The reference knows who has which vertex in each second of a short time, and
 * answers by counting: how many vertices of a type below v could be had, each with
 * what is wanted below it.  It knows nothing of order, sums or bits.
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

#define T 64                    /* seconds */
#define MAXV 400

static unsigned int seed;

static int rnd (int n)
{
    seed = seed * 1103515245 + 12345;
    return (int)((seed >> 16) % (unsigned int)n);
}

static uint8_t held_x[MAXV][T], held_s[MAXV][T];

static struct graph *random_graph (void)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
    int racks = rnd (3), nodes = 1 + rnd (6), id = 0;
    bool sockets = rnd (2), odd = rnd (2);

    for (int r = 0; r < (racks ? racks : 1); r++) {
        uint32_t rack = racks ? make_vertex (g, top, "rack", r) : top;
        for (int n = 0; n < nodes; n++) {
            uint32_t node = make_vertex (g, rack, "node", odd ? (id++ * 5) % 7 : id++);
            int parts = sockets ? 2 : 1, core = 0, gpu = 0;
            for (int s = 0; s < parts; s++) {
                uint32_t p = sockets ? make_vertex (g, node, "socket", s) : node;
                for (int c = 1 + rnd (4); c > 0; c--)
                    make_vertex (g, p, "core", core++);
                for (int c = rnd (3); c > 0; c--)
                    make_vertex (g, p, "gpu", gpu++);
            }
        }
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    assert_true (graph_count (g) < MAXV);
    return g;
}

/* The request, also as the reference wants it */
struct want {
    int nodes;                  /* 0: no node level */
    bool node_x, node_full;
    bool socket;                /* slot > socket > core */
    bool slot_node;             /* slot > node > core */
    int slots, cores, gpus;
};

static void random_want (struct want *w)
{
    *w = (struct want){ .slots = 1 + rnd (3), .cores = 1 + rnd (4), .gpus = rnd (3) };
    switch (rnd (5)) {
        case 0:
            break;
        case 1:
            w->slot_node = true;
            break;
        case 2:
            w->socket = true;
            /* fall through */
        default:
            w->nodes = 1 + rnd (4);
            w->node_full = w->node_x = rnd (3) == 0;
    }
}

static struct request *make_request (const struct want *w)
{
    char inner[256], slot[512], all[1024];
    flux_error_t err;
    struct request *r;

    snprintf (inner, sizeof (inner), "{\"type\":\"core\",\"count\":%d}", w->cores);
    if (w->gpus)
        snprintf (inner + strlen (inner), sizeof (inner) - strlen (inner),
                  ",{\"type\":\"gpu\",\"count\":%d}", w->gpus);
    snprintf (slot, sizeof (slot), w->socket || w->slot_node
              ? "{\"type\":\"slot\",\"label\":\"a\",\"count\":%d,\"with\":[{\"type\":"
                "\"%s\",\"count\":1,\"with\":[%s]}]}"
              : "{\"type\":\"slot\",\"label\":\"a\",\"count\":%d%s,\"with\":[%s]}",
              w->slots, w->socket ? "socket" : w->slot_node ? "node" : "", inner);
    if (w->nodes)
        snprintf (all, sizeof (all), "{\"resources\":[{\"type\":\"node\",\"count\":%d%s,"
                  "\"with\":[%s]}]}", w->nodes, w->node_x ? ",\"exclusive\":true" : "",
                  slot);
    else
        snprintf (all, sizeof (all), "{\"resources\":[%s]}", slot);
    r = request_decode (all, strlen (all), &err);
    if (!r)
        fail_msg ("%s: %s", all, err.text);
    return r;
}

/* Reference */

static bool is (const struct graph *g, uint32_t v, const char *type)
{
    return strcmp (graph_type (g, v), type) == 0;
}

static bool may (const struct graph *g, uint32_t v, int t, int d, bool x)
{
    for (int i = t; i < t + d && i < T; i++) {
        if (x && held_s[v][i])
            return false;
        for (uint32_t u = v; u != GRAPH_NONE; u = graph_parent (g, u))
            if (held_x[u][i])
                return false;
    }
    return true;
}

static int count (const struct graph *g, uint32_t v, const char *type, int t, int d)
{
    int n = 0;

    for (uint32_t u = v + 1; u < graph_end (g, v); u++)
        n += is (g, u, type) && may (g, u, t, d, true);
    return n;
}

/* Slots of cores and gpus in one place. */
static int slots_in (const struct graph *g, uint32_t v, const struct want *w, int t,
                     int d)
{
    int n = count (g, v, "core", t, d) / w->cores;
    int m = w->gpus ? count (g, v, "gpu", t, d) / w->gpus : n;

    return n < m ? n : m;
}

/* Places: what has cores (or gpus) as children; failing that, nodes. */
static int slots_below (const struct graph *g, uint32_t v, const struct want *w, int t,
                        int d, bool nodes)
{
    int n = 0;

    for (uint32_t u = v; u < graph_end (g, v); u++) {
        bool place = nodes && is (g, u, "node");
        for (uint32_t k = u + 1; !nodes && k < graph_end (g, u); k++)
            place |= graph_parent (g, k) == u
                && (is (g, k, "core") || (w->gpus && is (g, k, "gpu")));
        if (place)
            n += slots_in (g, u, w, t, d);
    }
    return n;
}

static bool enough_slots (const struct graph *g, uint32_t v, const struct want *w,
                          int t, int d)
{
    int n = 0;

    if (w->socket) {
        for (uint32_t u = v; u < graph_end (g, v); u++)
            n += is (g, u, "socket") && may (g, u, t, d, true)
                && slots_in (g, u, w, t, d) > 0;
        return n >= w->slots;
    }
    return slots_below (g, v, w, t, d, false) >= w->slots
        || slots_below (g, v, w, t, d, true) >= w->slots;
}

static bool reference (const struct graph *g, const struct want *w, int t, int d)
{
    int n = 0, need = w->slot_node ? w->slots : w->nodes;

    if (!w->nodes && !w->slot_node)
        return enough_slots (g, 0, w, t, d);
    for (uint32_t u = 0; u < graph_end (g, 0); u++) {
        if (!is (g, u, "node") || !may (g, u, t, d, w->node_x || w->slot_node))
            continue;
        n += w->slot_node ? slots_in (g, u, w, t, d) > 0 : enough_slots (g, u, w, t, d);
    }
    return n >= need;
}

/* Enter or leave what a job has; nothing may be given twice. */
static void hold (const struct graph *g, const struct job *j, int sign)
{
    size_t n;
    const struct job_part *p = job_parts (j, &n);

    for (size_t i = 0; i < n; i++) {
        uint32_t v = p[i].vtx;
        for (int64_t t = job_start (j); t < job_end (j) && t < T; t++) {
            if (sign > 0) {
                uint32_t u = graph_parent (g, v);
                assert_int_equal (held_x[v][t], 0);
                if (p[i].x)
                    assert_int_equal (held_s[v][t], 0);
                /* an exclusive vertex above must be the same job's */
                if (u != GRAPH_NONE && held_x[u][t]) {
                    bool own = false;
                    for (size_t k = 0; k < n; k++)
                        own |= p[k].vtx == u;
                    assert_true (own);
                }
            }
            if (p[i].x)
                held_x[v][t] = (uint8_t)(held_x[v][t] + sign);
            else
                held_s[v][t] = (uint8_t)(held_s[v][t] + sign);
        }
    }
}

static void check_job (const struct graph *g, const struct want *w, const struct job *j)
{
    size_t n;
    const struct job_part *p = job_parts (j, &n);
    int nodes = 0, cores = 0;

    for (size_t i = 0; i < n; i++) {
        nodes += is (g, p[i].vtx, "node");
        cores += is (g, p[i].vtx, "core");
        if (i > 0)
            assert_true (p[i - 1].vtx < p[i].vtx);
    }
    if (w->nodes)
        assert_int_equal (nodes, w->nodes);
    if (!w->node_full)
        assert_int_equal (cores, w->cores * w->slots * (w->nodes ? w->nodes : 1));
    assert_int_equal (job_nslots (j), w->slots * (w->nodes ? w->nodes : 1));
}

static void one (struct graph *g, const struct policy *policy, int64_t id)
{
    struct want w;
    struct request *r;
    struct match_why why = { 0 };
    struct job *j = NULL;
    int d = 1 + rnd (8), t = 0, rc;
    bool reserve = rnd (2);

    random_want (&w);
    r = make_request (&w);
    struct match_args a = { policy, r, reserve ? MATCH_ALLOCATE_ORELSE_RESERVE
                            : MATCH_ALLOCATE, id, 0, d };
    rc = graph_match (g, &a, &j, &why);
    while (t < T - 10 && !reference (g, &w, t, d))
        t++;
    if (reserve ? t < T - 10 : t == 0) {
        assert_int_equal (rc, 0);
        assert_int_equal (job_start (j), t);
        check_job (g, &w, j);
        hold (g, j, 1);
    }
    else {
        assert_true (rc == -EBUSY || rc == -ENODEV);
        assert_true (t > 0);
    }
    request_free (r);
}

/* When and where a job ends, if there is that of this id. */
static bool follow (struct graph *g, int64_t id, int *start, uint32_t *from, size_t *want)
{
    const struct job *j = graph_job (g, id);
    const struct job_part *p;
    size_t n, cores = 0;

    if (!j || job_end (j) > 30)
        return false;
    p = job_parts (j, &n);
    for (size_t i = 0; i < n; i++)
        if (is (g, p[i].vtx, "core") && cores++ == 0)
            *from = graph_parent (g, p[i].vtx);
    *start = (int)job_end (j);
    *want = cores < 4 ? cores : 4;
    return cores > 0;
}

/* Some cores that are free in some span of time, also in the future: often so that a job is
 * followed by one that has others of the same node. */
static void place_some (struct graph *g, int64_t id)
{
    struct job_part part[4];
    size_t n = 0, want = 1 + (size_t)rnd (4);
    int start = rnd (3) == 0 ? 0 : rnd (20), d = 1 + rnd (20);
    uint32_t end = graph_end (g, 0), from = (uint32_t)rnd ((int)end);
    struct job *j;

    if (rnd (2))
        (void)follow (g, rnd ((int)id + 1), &start, &from, &want);
    for (uint32_t i = 0; i < end && n < want; i++) {
        uint32_t v = (from + i) % end;
        if (is (g, v, "core") && may (g, v, start, d, true))
            part[n++] = (struct job_part){ v, true, 1 };
    }
    if (n == 0)
        return;
    assert_int_equal (graph_place (g, id, start > 0, start, start + d, 0, part, n, 0, &j), 0);
    hold (g, j, 1);
}

static void one_graph (const struct policy *policy, bool placed)
{
    struct graph *g = random_graph ();

    memset (held_x, 0, sizeof (held_x));
    memset (held_s, 0, sizeof (held_s));
    for (int64_t id = 0; id < 25; id++) {
        struct job *old = graph_job (g, rnd ((int)id + 1));
        if (old && rnd (3) == 0) {
            hold (g, old, -1);
            assert_int_equal (graph_cancel (g, job_id (old)), 0);
        }
        if (placed && rnd (2))
            place_some (g, id);
        else
            one (g, policy, id);
    }
    for (int64_t id = 0; id < 25; id++)
        graph_cancel (g, id);
    /* all is as at the start */
    assert_int_equal (graph_free_now (g, 0, "core"), graph_total (g, 0, "core"));
    assert_int_equal (graph_free_now (g, 0, "node"), graph_total (g, 0, "node"));
    graph_free (g);
}

static void run (const char *name)
{
    struct policy p;

    assert_int_equal (policy_parse (name, &p, NULL), 0);
    for (int i = 0; i < 240; i++) {
        seed = (unsigned int)i * 7919 + 1;
        one_graph (&p, i % 2);
    }
}

static void test_first (void **state)
{
    run ("first");
}

static void test_high (void **state)
{
    run ("high");
}

static void test_low (void **state)
{
    run ("low");
}

static void test_lonode (void **state)
{
    run ("lonode");
}

static void test_hinode (void **state)
{
    run ("hinode");
}

static void test_locality (void **state)
{
    run ("locality");
}

static void test_variation (void **state)
{
    run ("variation");
}

static void test_firstnode (void **state)
{
    run ("firstnode");
}

/* 4 nodes of 4 cores and a pool of 16 GB. */
static struct graph *plain_graph (void)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);

    for (int n = 0; n < 4; n++) {
        uint32_t node = make_vertex (g, top, "node", n);
        struct vtx_spec m = { .parent = node, .type = graph_intern (g, "memory"),
                              .id = 0, .size = 16, .uniq = -1, .rank = n };
        for (int c = 0; c < 4; c++)
            make_vertex (g, node, "core", c);
        graph_add (g, &m);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

static int match (struct graph *g, const char *policy, const char *spec, int64_t id,
                  enum match_op op, struct job **j, struct match_why *why)
{
    struct policy p;
    struct request *r = decode_request (spec);
    struct match_args a = { .request = r, .op = op, .jobid = id, .duration = 10 };
    int rc;

    assert_int_equal (policy_parse (policy, &p, NULL), 0);
    a.policy = &p;
    rc = graph_match (g, &a, j, why);
    request_free (r);
    return rc;
}

/* Of a shared pool part is taken; when it is gone, it is named. */
static void test_pool (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"node\",\"count\":1,\"with\":[{\"type\":"
        "\"memory\",\"count\":10}]}]}";
    struct graph *g = plain_graph ();
    struct match_why why = { 0 };
    struct job *j;
    size_t n;

    for (int i = 0; i < 4; i++) {
        assert_int_equal (match (g, "low", spec, i, MATCH_ALLOCATE, &j, &why), 0);
        assert_int_equal (job_parts (j, &n)[n - 1].amount, 10);
    }
    assert_int_equal (match (g, "low", spec, 5, MATCH_ALLOCATE, &j, &why), -EBUSY);
    assert_string_equal (why.type, "memory");
    assert_int_equal (why.wanted, 10);
    assert_int_equal (why.found, 6);
    assert_false (why.never);
    assert_int_equal (match (g, "low", spec, 5, MATCH_ALLOCATE_ORELSE_RESERVE, &j, &why), 0);
    assert_int_equal (job_start (j), 10);
    graph_free (g);
}

static void test_results (void **state)
{
    const char *one_core = "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1,"
        "\"with\":[{\"type\":\"core\",\"count\":1}]}]}";
    const char *many = "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1,"
        "\"with\":[{\"type\":\"core\",\"count\":5}]}]}";
    struct graph *g = plain_graph ();
    struct match_why why = { 0 };
    struct job *j = NULL;
    char text[256];

    assert_int_equal (match (g, "first", one_core, 1, MATCH_ALLOCATE, &j, &why), 0);
    assert_int_equal (match (g, "first", one_core, 1, MATCH_ALLOCATE, &j, &why), -EEXIST);
    assert_int_equal (match (g, "first", one_core, -2, MATCH_ALLOCATE, &j, &why), -EINVAL);
    assert_int_equal (match (g, "low", many, 2, MATCH_ALLOCATE_ORELSE_RESERVE, &j, &why),
                      -ENODEV);
    assert_true (why.never);
    match_why_text (g, &why, text, sizeof (text));
    assert_non_null (strstr (text, "core needed below /cluster0"));
    assert_int_equal (match (g, "first", one_core, 1, MATCH_SATISFIABILITY, &j, &why), 0);
    assert_null (j);
    assert_int_equal (graph_cancel (g, 9), -ENOENT);
    graph_free (g);
}

/* Two kinds of node: the second is choosy, and the order says nothing. */
static void test_siblings (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"node\",\"count\":1,\"exclusive\":true,"
        "\"with\":[{\"type\":\"core\",\"count\":2}]},{\"type\":\"node\",\"count\":1,"
        "\"exclusive\":true,\"with\":[{\"type\":\"core\",\"count\":4}]}]}";
    struct match_why why;

    for (int big = 0; big < 2; big++) {
        struct graph *g = graph_new ();
        uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
        struct job *j;

        for (int n = 0; n < 2; n++) {
            uint32_t node = make_vertex (g, top, "node", n);
            for (int c = 0; c < (n == big ? 4 : 2); c++)
                make_vertex (g, node, "core", c);
        }
        assert_int_equal (graph_finish (g, NULL), 0);
        assert_int_equal (match (g, "low", spec, 1, MATCH_ALLOCATE, &j, &why), 0);
        assert_int_equal (graph_free_now (g, 0, "node"), 0);
        assert_int_equal (match (g, "low", spec, 2, MATCH_SATISFIABILITY, &j, &why), 0);
        graph_free (g);
    }
}

/* Kinds of node that compete: what each wants, how many, in one slot or by themselves. */
struct kind {
    int cores, gpus, count;
};

static struct graph *random_kinds (void)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0), rack = top;
    bool racks = rnd (2);

    for (int n = 2 + rnd (6), id = 0; id < n; id++) {
        if (racks && id % 3 == 0)
            rack = make_vertex (g, top, "rack", id);
        uint32_t node = make_vertex (g, rack, "node", id);
        for (int c = 1 + rnd (4); c > 0; c--)
            make_vertex (g, node, "core", c);
        for (int c = rnd (3); c > 0; c--)
            make_vertex (g, node, "gpu", c);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

/* Is there a free node for each of what is wanted, of those not in use? */
static bool served (const struct graph *g, const struct kind *k, int n, uint32_t used)
{
    while (n > 0 && k[n - 1].count == 0)
        n--;
    if (n == 0)
        return true;
    for (uint32_t i = 0; i < graph_type_count (g, "node"); i++) {
        uint32_t v = graph_type_nth (g, "node", i);
        struct kind less[4];

        if ((used >> i & 1) || graph_total (g, v, "core") < k[n - 1].cores
            || graph_total (g, v, "gpu") < k[n - 1].gpus)
            continue;
        memcpy (less, k, sizeof (less));
        less[n - 1].count--;
        if (served (g, less, n, used | 1u << i))
            return true;
    }
    return false;
}

static uint32_t held_nodes (const struct graph *g)
{
    uint32_t held = 0;

    for (struct job *j = NULL; (j = graph_job_next (g, j));) {
        size_t n;
        const struct job_part *p = job_parts (j, &n);
        for (size_t k = 0; k < n; k++)
            for (uint32_t i = 0; i < graph_type_count (g, "node"); i++)
                if (graph_type_nth (g, "node", i) == p[k].vtx)
                    held |= 1u << i;
    }
    return held;
}

static void kinds_request (char *buf, size_t size, const struct kind *k, int n, int shape,
                           int slots)
{
    size_t at = 0;

    at += (size_t)snprintf (buf, size, shape == 1
        ? "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":%d,\"with\":["
        : "{\"resources\":[", slots);
    for (int i = 0; i < n; i++) {
        if (shape == 2)
            at += (size_t)snprintf (buf + at, size - at, "%s{\"type\":\"slot\",\"label\":\"a\","
                                    "\"count\":%d,\"with\":[", i ? "," : "", k[i].count);
        at += (size_t)snprintf (buf + at, size - at, "%s{\"type\":\"node\",\"count\":%d%s,"
                                "\"with\":[{\"type\":\"core\",\"count\":%d}", i && shape < 2
                                ? "," : "", shape == 2 ? 1 : k[i].count,
                                shape ? "" : ",\"exclusive\":true", k[i].cores);
        if (k[i].gpus)
            at += (size_t)snprintf (buf + at, size - at, ",{\"type\":\"gpu\",\"count\":%d}",
                                    k[i].gpus);
        at += (size_t)snprintf (buf + at, size - at, shape == 2 ? "]}]}" : "]}");
    }
    snprintf (buf + at, size - at, shape == 1 ? "]}]}" : "]}");
}

static void one_of_kinds (struct graph *g, const char *policy, int64_t id)
{
    int n = 2 + rnd (2), shape = rnd (3), slots = shape == 1 ? 1 + rnd (2) : 1, rc;
    struct kind k[4] = { { 0 } };
    struct match_why why;
    struct job *j;
    char text[1024];
    bool want;

    for (int i = 0; i < n; i++)
        k[i] = (struct kind){ 1 + rnd (4), rnd (3), 1 + rnd (2) };
    kinds_request (text, sizeof (text), k, n, shape, slots);
    for (int i = 0; i < n; i++)
        k[i].count *= slots;
    want = served (g, k, n, held_nodes (g));
    rc = match (g, policy, text, id, MATCH_ALLOCATE, &j, &why);
    if (want != (rc == 0))
        fail_msg ("%s %s: %s", policy, text, want ? "missed" : "given");
}

/* No assignment is missed, however many there are of each kind. */
static void test_kinds (void **state)
{
    static const char *const policy[] = { "first", "high", "low", "lonode", "hinodex",
                                          "locality" };

    for (int i = 0; i < 1500; i++) {
        seed = (unsigned int)i * 104729 + 5;
        struct graph *g = random_kinds ();
        for (int64_t id = 0; id < 4; id++)
            one_of_kinds (g, policy[i % 6], id);
        for (int64_t id = 0; id < 4; id++)
            graph_cancel (g, id);
        assert_int_equal (graph_free_now (g, 0, "core"), graph_total (g, 0, "core"));
        graph_free (g);
    }
}

/* Slots that share all they have have no end; so many as must be are enough. */
static void test_free_slots (void **state)
{
    const char *spec = "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":"
        "{\"min\":3},\"with\":[{\"type\":\"node\",\"count\":1,\"exclusive\":false}]}]}";
    struct graph *g = plain_graph ();
    struct match_why why;
    struct job *j;

    assert_int_equal (match (g, "first", spec, 1, MATCH_ALLOCATE, &j, &why), 0);
    assert_int_equal (job_nslots (j), 3);
    graph_free (g);
}

/* Part of a job goes; a job is placed where it says, or not at all. */
static void test_place (void **state)
{
    struct graph *g = plain_graph ();
    uint32_t n0 = graph_by_path (g, "/cluster0/node0");
    uint32_t n1 = graph_by_path (g, "/cluster0/node1");
    struct job_part part[] = { { n0, true, 1 }, { n1 + 1, true, 1 } };
    struct job *j;
    size_t n;
    bool empty;

    assert_int_equal (graph_place (g, 1, false, 0, 10, 0, part, 2, 0, &j), 0);
    job_parts (j, &n);
    assert_int_equal (n, 4);
    assert_int_equal (graph_place (g, 2, false, 0, 10, 0, part, 1, 0, &j), -EBUSY);
    assert_int_equal (graph_place (g, 1, false, 0, 10, 0, part, 1, 0, &j), -EEXIST);
    assert_int_equal (graph_place (g, 2, true, 10, 20, 0, part, 1, 0, &j), 0);
    assert_int_equal (job_state (j), JOB_RESERVED);
    assert_int_equal (graph_free_now (g, 0, "core"), 11);
    assert_int_equal (graph_cancel_part (g, 1, &n0, 1, &empty), 0);
    assert_false (empty);
    assert_int_equal (graph_free_now (g, 0, "core"), 15);
    assert_int_equal (graph_set_end (g, 1, 30), 0);
    assert_int_equal (graph_set_end (g, 1, 0), -EINVAL);
    assert_int_equal (graph_start_reserved (g, 2), 0);
    assert_int_equal (graph_start_reserved (g, 2), -EINVAL);
    assert_int_equal (graph_free_now (g, 0, "core"), 11);
    assert_int_equal (graph_cancel_part (g, 1, &n1, 1, &empty), 0);
    assert_true (empty);
    assert_null (graph_job (g, 1));
    graph_free (g);
}

/* What is free below v: also of what is held from above, and of types beyond the first
 * twelve, of which no sums are kept. */
static void test_free_now (void **state)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0), node[2];
    struct vtx_spec pool = { .id = 0, .size = 10, .uniq = -1, .rank = -1 };
    struct job *j;
    char type[8];

    for (int n = 0; n < 2; n++) {
        node[n] = make_vertex (g, top, "node", n);
        for (int c = 0; c < 20; c++) {
            snprintf (type, sizeof (type), "t%d", c);
            make_vertex (g, node[n], type, 0);
        }
        pool.parent = node[n];
        pool.type = graph_intern (g, "pool");
        assert_int_equal (graph_add (g, &pool), node[n] + 21);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    struct job_part part[] = { { node[0], true, 1 }, { node[1] + 21, false, 4 } };
    assert_int_equal (graph_place (g, 1, false, 0, 10, 0, part, 1, 0, &j), 0);
    assert_int_equal (graph_place (g, 2, false, 0, 10, 0, part + 1, 1, 0, &j), 0);
    assert_int_equal (graph_set_status (g, node[1], false), 0);
    for (int c = 0; c < 20; c += 19) {
        snprintf (type, sizeof (type), "t%d", c);
        assert_int_equal (graph_free_now (g, node[0], type), 0);
        assert_int_equal (graph_free_now (g, node[1], type), 1);
        assert_int_equal (graph_free_now (g, 0, type), 1);
        assert_int_equal (graph_total (g, 0, type), 2);
    }
    assert_int_equal (graph_free_now (g, 0, "pool"), 6);
    assert_int_equal (graph_free_now (g, node[0], "pool"), 0);
    assert_int_equal (graph_free_now (g, 0, "nothing"), 0);
    graph_free (g);
}

/* Of 16 GB so much as is wanted, in whatever unit. */
static void test_units (void **state)
{
    static const struct {
        const char *count, *unit;
        int64_t amount;
    } t[] = {
        { "3", "GB", 3 }, { "2048", "MB", 2 }, { "2049", "MB", 3 }, { "4", "GiB", 4 },
        { "1", "B", 1 }, { "{\"min\":1024,\"max\":4096}", "MiB", 4 },
        { "{\"min\":1,\"max\":100,\"operator\":\"*\",\"operand\":2}", "GB", 16 },
        { "17", "GB", 0 }, { "1", "TB", 0 }, { "1", "GW", -1 }, { "1", "G", -1 },
        { "\"1,3\"", "MB", -1 }, { "{\"min\":3}", "", 16 }, { "2147483647", "EB", -1 },
    };

    for (size_t i = 0; i < sizeof (t) / sizeof (t[0]); i++) {
        struct graph *g = graph_new ();
        uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
        struct vtx_spec m = { .parent = make_vertex (g, top, "node", 0), .size = 16, .uniq = -1,
                              .type = graph_intern (g, "memory"), .rank = -1,
                              .unit = graph_intern (g, "GB") };
        struct match_why why = { 0 };
        struct job *j = NULL;
        char text[256];
        size_t n;

        graph_add (g, &m);
        assert_int_equal (graph_finish (g, NULL), 0);
        snprintf (text, sizeof (text), "{\"resources\":[{\"type\":\"node\",\"count\":1,\"with\":"
                  "[{\"type\":\"memory\",\"count\":%s,\"unit\":\"%s\"}]}]}", t[i].count, t[i].unit);
        int rc = match (g, "first", text, 1, MATCH_ALLOCATE_ORELSE_RESERVE, &j, &why);
        assert_int_equal (rc, t[i].amount > 0 ? 0 : -ENODEV);
        if (t[i].amount > 0)
            assert_int_equal (job_parts (j, &n)[2].amount, t[i].amount);
        match_why_text (g, &why, text, sizeof (text));
        assert_int_equal (why.unit, t[i].amount < 0);
        if (t[i].amount < 0)
            assert_non_null (strstr (text, "memory is counted in 'GB'"));
        graph_free (g);
    }
}

/* A job that overran holds its resources now, but is over at a later time. */
static void test_overrun (void **state)
{
    struct graph *g = plain_graph ();
    struct policy p = { 0 };
    struct request *r = decode_request ("{\"resources\":[{\"type\":\"node\",\"count\":4,"
                               "\"exclusive\":true}]}");
    struct match_args a = { &p, r, MATCH_ALLOCATE, 1, 0, 10 };
    struct match_why why;
    struct job *j;

    assert_int_equal (graph_match (g, &a, &j, &why), 0);
    a.jobid = 2;
    a.now = 50;
    assert_int_equal (graph_match (g, &a, &j, &why), -EBUSY);
    /* 5 s before its end: reserved at the end; now after its end: nothing that
     * ends is ahead, so the next second is as good as any */
    a.op = MATCH_ALLOCATE_ORELSE_RESERVE;
    a.now = 5;
    assert_int_equal (graph_match (g, &a, &j, &why), 0);
    assert_int_equal (job_start (j), 10);
    assert_int_equal (graph_cancel (g, 2), 0);
    a.now = 50;
    assert_int_equal (graph_match (g, &a, &j, &why), 0);
    assert_int_equal (job_state (j), JOB_RESERVED);
    assert_int_equal (job_start (j), 51);
    request_free (r);
    graph_free (g);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_first),
        cmocka_unit_test (test_high),
        cmocka_unit_test (test_low),
        cmocka_unit_test (test_lonode),
        cmocka_unit_test (test_hinode),
        cmocka_unit_test (test_locality),
        cmocka_unit_test (test_variation),
        cmocka_unit_test (test_firstnode),
        cmocka_unit_test (test_pool),
        cmocka_unit_test (test_results),
        cmocka_unit_test (test_siblings),
        cmocka_unit_test (test_kinds),
        cmocka_unit_test (test_free_slots),
        cmocka_unit_test (test_place),
        cmocka_unit_test (test_free_now),
        cmocka_unit_test (test_units),
        cmocka_unit_test (test_overrun),
    };

    return cmocka_run_group_tests_name ("match", tests, NULL, NULL);
}
