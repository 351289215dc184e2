/* test_nomem.c - each allocation of a day in the life of the queues fails once
 *
 * As in base/test_nomem.c.  What failed is done again without a failure, and must then
 * come to the same end as if nothing had been: the same jobs started, nothing given
 * twice, all given back.
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

#include "base/test_nomem.h"
#include "graph/find.h"
#include "graph/queue.h"
#include "graph/test_make.h"

#define NJOBS 12

/* Nodes, cores a slot (0: whole), duration */
static const int wanted[NJOBS][3] = {
    { 2, 0, 50 }, { 1, 2, 80 }, { 3, 2, 40 }, { 4, 0, 100 }, { 1, 1, 30 }, { 2, 0, 20 },
    { 2, 3, 60 }, { 1, 4, 10 }, { 1, 0, 500 }, { 6, 1, 25 }, { 3, 0, 35 }, { 2, 2, 70 },
};

static int nstarted;
static bool has_run[NJOBS];

static int on_start (void *arg, int64_t id, const struct job *j)
{
    size_t n;

    if (!job_parts (j, &n))
        return -1;
    assert_true (n > 0 && !has_run[id]);
    has_run[id] = true;
    nstarted++;
    return 0;
}

static void on_deny (void *arg, int64_t id, const char *why)
{
    fail_msg ("%d denied: %s", (int)id, why);
}

static void on_pending (void *arg, int64_t id, int64_t t, const char *why)
{
}

static struct request *request (int i)
{
    char s[300];
    flux_error_t err;

    if (wanted[i][1] == 0)
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
                  "\"exclusive\":true}],\"attributes\":{\"system\":{\"duration\":%d}}}",
                  wanted[i][0], wanted[i][2]);
    else
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"slot\",\"count\":%d,\"label\":"
                  "\"a\",\"with\":[{\"type\":\"core\",\"count\":%d}]}],"
                  "\"attributes\":{\"system\":{\"duration\":%d}}}", wanted[i][0],
                  wanted[i][1], wanted[i][2]);
    return request_decode (s, strlen (s), &err);
}

/* Again, until the one failure is behind us. */
#define AGAIN(call)                      \
    do {                                 \
        int rc_ = (call);                \
        if (rc_ == -ENOMEM && failed)    \
            rc_ = (call);                \
        assert_int_equal (rc_, 0);       \
    } while (0)

static void pass (struct queues *q, int64_t now)
{
    AGAIN (queues_run (q, now, 0));
    AGAIN (queues_run (q, now + 1, 0));
}

static const struct job *ended (struct graph *g, int64_t now)
{
    const struct job *j = graph_job_next (g, NULL);

    while (j && !(job_state (j) == JOB_ALLOCATED && job_end (j) <= now))
        j = graph_job_next (g, j);
    return j;
}

/* Reservations are given up when a job ends: what came after it may be gone. */
static void end_some (struct graph *g, struct queues *q, int64_t now)
{
    const struct job *j;

    while ((j = ended (g, now)))
        AGAIN (queues_free_job (q, job_id (j)));
}

static uint32_t first_node (const struct graph *g, const struct job *j)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp (graph_type (g, part[i].vtx), "node") == 0)
            return part[i].vtx;
    fail_msg ("a job without a node");
    return GRAPH_NONE;
}

static void change_first (struct graph *g, struct queues *q)
{
    uint32_t node;
    bool empty;

    AGAIN (queues_set_end (q, 0, 170));
    node = first_node (g, graph_job (g, 0));
    AGAIN (queues_free_part (q, 0, &node, 1, &empty));
    assert_false (empty);
}

static void day (struct graph *g, struct queues *q, struct request **rq)
{
    int64_t now = 100;

    for (int i = 0; i < NJOBS; i++) {
        AGAIN (queues_submit (q, "default", i, 16, i, rq[i]));
        if (i % 3 == 2)
            pass (q, now);
    }
    AGAIN (queues_prioritize (q, 10, 20));
    if (has_run[0])    /* else others have what it gave back */
        change_first (g, q);
    for (; nstarted < NJOBS && now < 3000; now += 10) {
        end_some (g, q, now);
        pass (q, now);
    }
    end_some (g, q, 100000);
}

static void scenario (enum queue_policy p, const char *match_name, long n)
{
    static const struct queue_ops ops = { on_start, on_deny, on_pending };
    struct queue_conf c = QUEUE_CONF_DEFAULT;
    struct graph *g = make_cluster (4, 4);
    struct request *rq[NJOBS];
    struct policy match;
    struct queues *q;

    c.policy = p;
    nstarted = 0;
    memset (has_run, 0, sizeof (has_run));
    assert_int_equal (policy_parse (match_name, &match, NULL), 0);
    for (int i = 0; i < NJOBS; i++)
        rq[i] = request (i);
    failed = false;
    countdown = n;
    if (!(q = queues_new (g, &match, &ops, NULL)))
        q = queues_new (g, &match, &ops, NULL);
    AGAIN (queues_add (q, "default", &c));
    day (g, q, rq);
    countdown = -1;
    assert_int_equal (nstarted, NJOBS);
    assert_null (graph_job_next (g, NULL));
    assert_int_equal (graph_free_now (g, 0, "core"), 16);
    queues_free (q);
    graph_free (g);
    for (int i = 0; i < NJOBS; i++)
        request_free (rq[i]);
}

static void each_fails (enum queue_policy p, const char *match_name)
{
    for (long n = 0; n < 100000; n++) {
        scenario (p, match_name, n);
        if (!failed)
            return;
    }
    fail_msg ("no end");
}

static void test_easy (void **state)
{
    each_fails (QUEUE_EASY, "lonode");
}

static void test_conservative (void **state)
{
    each_fails (QUEUE_CONSERVATIVE, "first");
}

static void test_locality (void **state)
{
    each_fails (QUEUE_HYBRID, "locality");
}

/* node0 and node1 of 4 cores each; a panel of 2 kW feeds both. */
static struct graph *fed_cluster (void)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0), node, panel;
    struct vtx_spec s = { .parent = GRAPH_NONE, .type = graph_intern (g, "panel"), .id = 0,
                          .subsystem = graph_intern (g, "power"), .size = 2, .uniq = -1,
                          .unit = graph_intern (g, "kW"), .rank = -1 };

    for (int n = 0; n < 2; n++) {
        node = make_vertex (g, top, "node", n);
        for (int c = 0; c < 4; c++)
            make_vertex (g, node, "core", c);
    }
    panel = graph_add (g, &s);
    for (int n = 0; n < 2; n++)
        assert_int_equal (graph_add_edge (g, panel, 1 + 5 * (uint32_t)n, s.subsystem,
                                          graph_intern (g, "supplies_to")), 0);
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

/* Siblings for which all choices are tried, in units and on subsystems: 2 and 3 cores, 1 and 2
 * and a whole node would not do in order. */
static void siblings (long n)
{
    static const char text[] = "{\"resources\":["
        "{\"type\":\"node\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1}]},"
        "{\"type\":\"node\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":2},"
        "{\"type\":\"panel\",\"count\":2000,\"unit\":\"W\"}]},"
        "{\"type\":\"node\",\"count\":1,\"exclusive\":true}]}";
    static const char *const power[] = { "power" };
    struct graph *g = fed_cluster ();
    struct request *r = decode_request (text);
    struct policy p = { 0 };
    struct match_args a = { &p, r, MATCH_ALLOCATE, 1, 0, 10 };
    struct filters *filters = filters_parse (FILTERS_DEFAULT, NULL);
    struct match_why why;
    struct job *j;
    struct buf b = BUF_INIT;
    bool empty;
    uint32_t node = 1;

    failed = false;
    countdown = n;
    AGAIN (graph_use_aux (g, power, 1, NULL));
    AGAIN (graph_match (g, &a, &j, &why));
    a.jobid = 2;
    int rc = graph_match (g, &a, &j, &why);
    if (rc == -ENOMEM && failed)
        rc = graph_match (g, &a, &j, &why);
    assert_int_equal (rc, -EBUSY);
    if (find_show (g, "sched-now=allocated and agfilter=t", filters, EMIT_SIMPLE, &b, NULL) < 0) {
        buf_release (&b);
        AGAIN (find_show (g, "sched-now=allocated and agfilter=t", filters, EMIT_SIMPLE, &b,
                          NULL));
    }
    AGAIN (graph_cancel_part (g, 1, &node, 1, &empty));
    AGAIN (graph_cancel (g, 1));
    countdown = -1;
    assert_non_null (strstr (b.data, "---node1[1:x] core=4/4"));
    assert_int_equal (graph_free_now (g, 0, "core"), 8);
    buf_release (&b);
    filters_free (filters);
    request_free (r);
    graph_free (g);
}

static void test_siblings (void **state)
{
    for (long n = 0; n < 100000; n++) {
        siblings (n);
        if (!failed)
            return;
    }
    fail_msg ("no end");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_easy),
        cmocka_unit_test (test_conservative),
        cmocka_unit_test (test_locality),
        cmocka_unit_test (test_siblings),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
