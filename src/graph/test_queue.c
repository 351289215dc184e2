/* test_queue.c - the queues: order, promises, and what is said to those that wait
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

#include "graph/queue.h"
#include "graph/test_make.h"

#define MAXJOB 4096

/* What the queues said */
static struct {
    int64_t started[MAXJOB];
    int nstarted;
    int64_t denied[MAXJOB];
    int ndenied;
    int64_t estimate[MAXJOB];
    char why[MAXJOB][160];
    char denied_why[256];
    int refuse;                 /* so many starts */
    const struct queues *q;
    const char *selection;      /* of the last that started */
} said;

static int on_start (void *arg, int64_t id, const struct job *j)
{
    if (said.refuse > 0) {
        said.refuse--;
        return -1;
    }
    assert_int_equal (job_id (j), id);
    assert_int_equal (job_state (j), JOB_ALLOCATED);
    said.selection = queues_selection (said.q);
    said.started[said.nstarted++] = id;
    return 0;
}

static void on_deny (void *arg, int64_t id, const char *why)
{
    said.denied[said.ndenied++] = id;
    snprintf (said.denied_why, sizeof (said.denied_why), "%s", why);
}

static void on_pending (void *arg, int64_t id, int64_t t, const char *why)
{
    said.estimate[id] = t;
    snprintf (said.why[id], sizeof (said.why[id]), "%s", why);
}

static const struct queue_ops ops = { on_start, on_deny, on_pending };

/* Whole nodes (cores 0), or so many cores of a node in a slot. */
static struct request *want (int nodes, int cores, int duration, const char *constraints)
{
    char s[512];

    if (cores == 0)
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
                  "\"exclusive\":true}],\"attributes\":{\"system\":{\"duration\":%d%s%s}}}",
                  nodes, duration, constraints ? ",\"constraints\":" : "",
                  constraints ? constraints : "");
    else
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"slot\",\"count\":%d,\"label\":"
                  "\"a\",\"with\":[{\"type\":\"core\",\"count\":%d}]}],"
                  "\"attributes\":{\"system\":{\"duration\":%d%s%s}}}", nodes, cores, duration,
                  constraints ? ",\"constraints\":" : "", constraints ? constraints : "");
    return decode_request (s);
}

struct fixture {
    struct graph *g;
    struct queues *q;
    int64_t now;
    int64_t id;
};

static struct fixture setup (int nodes, int cores, enum queue_policy p)
{
    struct queue_conf c = QUEUE_CONF_DEFAULT;
    struct policy match;
    struct fixture f = { .g = make_cluster (nodes, cores), .now = 100 };

    memset (&said, 0, sizeof (said));
    c.policy = p;
    assert_int_equal (policy_parse ("lonode", &match, NULL), 0);
    f.q = queues_new (f.g, &match, &ops, NULL);
    assert_non_null (f.q);
    said.q = f.q;
    assert_int_equal (queues_add (f.q, "default", &c), 0);
    return f;
}

static void teardown (struct fixture *f)
{
    queues_free (f->q);
    graph_free (f->g);
}

static int64_t submit (struct fixture *f, int nodes, int cores, int duration)
{
    struct request *r = want (nodes, cores, duration, NULL);

    assert_int_equal (queues_submit (f->q, "default", ++f->id, 16, 0, r), 0);
    request_free (r);
    return f->id;
}

static void run (struct fixture *f)
{
    assert_int_equal (queues_run (f->q, f->now, 0), 0);
}

/* Those that started since the last call, as text. */
static const char *now_started (void)
{
    static char s[1024];
    size_t len = 0;

    s[0] = '\0';
    for (int i = 0; i < said.nstarted; i++)
        len += (size_t)snprintf (s + len, sizeof (s) - len, "%s%lld", i ? " " : "",
                                 (long long)said.started[i]);
    said.nstarted = 0;
    return s;
}

static void test_fcfs (void **state)
{
    struct fixture f = setup (4, 2, QUEUE_FCFS);

    submit (&f, 2, 0, 100);     /* 1 */
    submit (&f, 3, 0, 100);     /* 2: waits */
    submit (&f, 1, 0, 100);     /* 3: would fit */
    run (&f);
    assert_string_equal (now_started (), "1");
    assert_string_equal (said.why[2], "waits for 1 more whole node");
    assert_int_equal (said.estimate[2], 200);
    assert_string_equal (said.why[3], "waits behind other jobs of its queue");
    assert_int_equal (said.estimate[3], -1);
    assert_int_equal (queues_free_job (f.q, 1), 0);
    run (&f);
    assert_string_equal (now_started (), "2 3");
    assert_int_equal (queues_free_job (f.q, 1), -ENOENT);
    teardown (&f);
}

static void test_easy (void **state)
{
    struct fixture f = setup (4, 2, QUEUE_EASY);

    submit (&f, 2, 0, 100);     /* 1 */
    submit (&f, 4, 0, 100);     /* 2: at 200 */
    submit (&f, 1, 0, 150);     /* 3: fits, but would delay 2 */
    submit (&f, 2, 0, 100);     /* 4: just fits before 2 */
    run (&f);
    assert_string_equal (now_started (), "1 4");
    assert_string_equal (said.selection, "backfilled");
    assert_int_equal (said.estimate[2], 200);
    assert_string_equal (said.why[3], "waits for 1 more whole node beside what is reserved "
                         "for earlier jobs");
    assert_int_equal (said.estimate[3], -1);
    f.now = 150;
    assert_int_equal (queues_free_job (f.q, 1), 0);
    assert_int_equal (queues_free_job (f.q, 4), 0);
    run (&f);
    assert_string_equal (now_started (), "2");
    assert_string_equal (said.selection, "reserved");
    teardown (&f);
}

/* A job that overruns moves the reservation that counted on its end. */
static void test_overrun (void **state)
{
    struct fixture f = setup (2, 1, QUEUE_EASY);

    submit (&f, 1, 0, 100);     /* 1 */
    submit (&f, 2, 0, 100);     /* 2: at 200 */
    run (&f);
    assert_string_equal (now_started (), "1");
    assert_int_equal (said.estimate[2], 200);
    assert_int_equal (queues_next (f.q), 200);
    f.now = 300;
    run (&f);
    assert_int_equal (said.estimate[2], 301);
    submit (&f, 1, 0, 10);      /* 3: before the reservation as it was, not as it is */
    f.now = 310;
    submit (&f, 1, 0, 10);
    run (&f);
    assert_string_equal (now_started (), "");
    assert_int_equal (said.estimate[2], 311);
    assert_int_equal (queues_free_job (f.q, 1), 0);
    run (&f);
    assert_string_equal (now_started (), "2");
    teardown (&f);
}

static void test_expiration (void **state)
{
    struct fixture f = setup (2, 1, QUEUE_FCFS);

    assert_int_equal (queues_set_expiration (f.q, 150), 0);
    submit (&f, 1, 0, 0);
    submit (&f, 1, 0, 100);
    submit (&f, 1, 0, 10);
    run (&f);
    assert_string_equal (now_started (), "1 2");
    assert_int_equal (job_end (graph_job (f.g, 1)), 150);
    assert_int_equal (job_end (graph_job (f.g, 2)), 150);
    f.now = 150;
    assert_int_equal (queues_free_job (f.q, 1), 0);
    run (&f);
    assert_string_equal (now_started (), "");
    assert_string_equal (said.why[3], "waits, as the time of the resources is over");
    assert_int_equal (queues_set_expiration (f.q, 0), 0);
    run (&f);
    assert_string_equal (now_started (), "3");
    teardown (&f);
}

/* 10,000 that wait for a core: a free one costs a look at one of them, not at all. */
static void test_many_wait (void **state)
{
    struct fixture f = setup (1, 4, QUEUE_EASY);
    struct queue_conf c = *queues_conf (f.q, "default");
    struct request *r = want (1, 1, 100, NULL);
    struct queue_stats st;

    c.depth = 100000;
    assert_int_equal (queues_add (f.q, "default", &c), 0);
    for (int i = 1; i <= 3000; i++)
        assert_int_equal (queues_submit (f.q, "default", i, 16, i, r), 0);
    request_free (r);
    run (&f);
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal (queues_free_job (f.q, i), 0);
        run (&f);
    }
    assert_int_equal (said.nstarted, 1004);
    queues_stats (f.q, "default", &st);
    assert_int_equal (st.pending, 1996);
    assert_int_equal (st.running, 4);
    assert_true (st.matches <= 1005);
    assert_true (st.reservations <= 1);
    assert_true (st.looked < 1000 * 20 + 3000);
    teardown (&f);
}

/* The graph changes while jobs wait: what can never run any more is told so. */
static void test_graph_changes (void **state)
{
    struct fixture f = setup (3, 2, QUEUE_EASY);
    struct vtx_spec spec;
    uint32_t v;

    submit (&f, 2, 0, 100);     /* 1 */
    submit (&f, 3, 0, 100);     /* 2 */
    submit (&f, 2, 0, 100);     /* 3 */
    run (&f);
    assert_string_equal (now_started (), "1");
    v = graph_by_path (f.g, "/cluster0/node2");
    assert_int_equal (graph_set_status (f.g, v, false), 0);
    queues_changed (f.q);
    f.now = 101;                /* told once a second */
    run (&f);
    assert_int_equal (said.ndenied, 0);
    assert_int_equal (said.estimate[2], -1);
    assert_int_equal (said.estimate[3], 200);
    queues_changed (f.q);
    assert_int_equal (graph_shrink (f.g, v), 0);
    queues_changed (f.q);
    run (&f);
    assert_int_equal (said.ndenied, 1);
    assert_int_equal (said.denied[0], 2);
    assert_int_equal (queues_free_job (f.q, 1), 0);
    run (&f);
    assert_string_equal (now_started (), "3");
    submit (&f, 1, 0, 100);     /* 4 */
    run (&f);
    assert_string_equal (now_started (), "");
    spec = (struct vtx_spec){ .parent = 0, .type = graph_intern (f.g, "node"), .id = 7,
                              .size = 1, .uniq = -1, .rank = 7 };
    queues_changed (f.q);
    assert_int_equal (graph_grow (f.g, &spec, 1), 0);
    queues_changed (f.q);
    run (&f);
    assert_string_equal (now_started (), "4");
    teardown (&f);
}

static void test_constraints (void **state)
{
    struct fixture f = setup (4, 1, QUEUE_EASY);
    struct queue_conf c = QUEUE_CONF_DEFAULT;
    struct request *r = want (1, 0, 100, "{\"properties\":[\"batch\"]}");

    assert_int_equal (queues_add (f.q, "batch", &c), 0);
    assert_int_equal (graph_set_property (f.g, graph_by_path (f.g, "/cluster0/node3"),
                                          "batch", ""), 0);
    for (int i = 1; i <= 2; i++)
        assert_int_equal (queues_submit (f.q, "batch", i, 16, 0, r), 0);
    f.id = 2;
    submit (&f, 3, 0, 100);     /* 3: of another queue, on the rest */
    run (&f);
    assert_string_equal (now_started (), "1 3");
    assert_string_equal (said.why[2], "waits for 1 more whole node that meets its constraints");
    request_free (r);
    teardown (&f);
}

static void test_hello (void **state)
{
    struct fixture f = setup (2, 2, QUEUE_FCFS);
    struct job_part part = { graph_by_path (f.g, "/cluster0/node0"), true, 1 };
    struct queue_job o;
    char why[160];

    assert_int_equal (queues_hello (f.q, 7, 50, 150, 100, &part, 1, 1), 0);
    assert_int_equal (queues_hello (f.q, 8, 50, 150, 100, &part, 1, 1), -EBUSY);
    submit (&f, 2, 0, 10);      /* 1 */
    submit (&f, 2, 0, 10);      /* 2 */
    submit (&f, 2, 0, 10);      /* 3 */
    run (&f);
    assert_string_equal (now_started (), "");
    assert_int_equal (said.estimate[1], 150);
    assert_int_equal (queues_job (f.q, 3, &o, why, sizeof (why)), 0);
    assert_int_equal (o.ahead, 2);
    assert_string_equal (why, "waits behind other jobs of its queue");
    assert_int_equal (queues_job_next (f.q, "default", -1), 1);
    assert_int_equal (queues_job_next (f.q, "default", 3), -1);
    assert_int_equal (queues_set_end (f.q, 7, 180), 0);
    f.now = 101;
    run (&f);
    assert_int_equal (said.estimate[1], 180);
    assert_int_equal (queues_free_job (f.q, 7), 0);
    run (&f);
    assert_string_equal (now_started (), "1");
    teardown (&f);
}

static void test_refused (void **state)
{
    struct fixture f = setup (1, 1, QUEUE_FCFS);
    struct queue_conf c = QUEUE_CONF_DEFAULT;
    struct request *r = want (1, 1, 1, NULL);
    enum queue_policy p;
    flux_error_t err;

    assert_int_equal (queues_submit (f.q, "no", 1, 16, 0, r), -ENOENT);
    assert_int_equal (queues_submit (f.q, "default", -1, 16, 0, r), -EINVAL);
    assert_int_equal (queues_submit (f.q, "default", 1, 16, 0, r), 0);
    assert_int_equal (queues_submit (f.q, "default", 1, 16, 0, r), -EEXIST);
    assert_int_equal (queues_remove (f.q, "default"), -EBUSY);
    run (&f);
    assert_int_equal (queues_submit (f.q, "default", 1, 16, 0, r), -EEXIST);
    assert_int_equal (queues_cancel (f.q, 1), -ENOENT);
    assert_int_equal (queues_remove (f.q, "default"), 0);
    assert_int_equal (queues_remove (f.q, "default"), -ENOENT);
    assert_null (queues_conf (f.q, "default"));
    assert_null (queues_name (f.q, 0));
    c.depth = 0;
    assert_int_equal (queues_add (f.q, "x", &c), -EINVAL);
    assert_int_equal (queue_policy_parse ("backfill", &p, &err), -EINVAL);
    assert_string_equal (err.text, "unknown queue policy 'backfill': expected fcfs, easy, "
                         "hybrid or conservative");
    assert_int_equal (queue_policy_parse ("hybrid", &p, &err), 0);
    assert_string_equal (queue_policy_name (p), "hybrid");
    request_free (r);
    teardown (&f);
}

static void test_priority (void **state)
{
    struct fixture f = setup (1, 1, QUEUE_FCFS);

    for (int i = 0; i < 4; i++)
        submit (&f, 1, 1, 10);
    run (&f);
    assert_string_equal (now_started (), "1");
    assert_int_equal (queues_prioritize (f.q, 3, 20), 0);
    assert_int_equal (queues_prioritize (f.q, 1, 20), -ENOENT);
    assert_int_equal (queues_cancel (f.q, 4), 0);
    assert_int_equal (queues_cancel (f.q, 4), -ENOENT);
    for (int64_t id = 1, next = 3; id > 0; id = next, next = next == 3 ? 2 : 0) {
        assert_int_equal (queues_free_job (f.q, id), 0);
        run (&f);
        if (next) {
            char s[16];
            snprintf (s, sizeof (s), "%d", (int)next);
            assert_string_equal (now_started (), s);
        }
    }
    teardown (&f);
}

static void test_never (void **state)
{
    struct fixture f = setup (2, 4, QUEUE_FCFS);

    submit (&f, 2, 0, 0);
    submit (&f, 2, 4, 0);
    submit (&f, 3, 0, 0);       /* behind one that waits: denied all the same */
    run (&f);
    assert_string_equal (now_started (), "1");
    assert_int_equal (said.ndenied, 1);
    assert_int_equal (said.denied[0], 3);
    assert_string_equal (said.denied_why,
                         "unsatisfiable request: asks for 3 nodes; there are 2");
    assert_string_equal (said.why[2], "waits for 8 more cores; no end is known of what is "
                         "in the way");
    teardown (&f);
}

static void test_start_fails (void **state)
{
    struct fixture f = setup (1, 1, QUEUE_FCFS);

    said.refuse = 1;
    submit (&f, 1, 1, 10);
    run (&f);
    assert_string_equal (now_started (), "");
    assert_string_equal (said.why[1], "could not be started, and is tried again");
    assert_int_equal (queues_next (f.q), 101);
    f.now = 101;
    run (&f);
    assert_string_equal (now_started (), "1");
    teardown (&f);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_fcfs),
        cmocka_unit_test (test_easy),
        cmocka_unit_test (test_overrun),
        cmocka_unit_test (test_expiration),
        cmocka_unit_test (test_many_wait),
        cmocka_unit_test (test_graph_changes),
        cmocka_unit_test (test_constraints),
        cmocka_unit_test (test_hello),
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_priority),
        cmocka_unit_test (test_never),
        cmocka_unit_test (test_start_fails),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
