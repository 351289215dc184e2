/* test_queue_pass.c - what the policies promise, over random workloads
 *
 * Three judges watch a simulated machine, each less clever than the one before:
 *
 *   oracle   after each pass that was not cut short: the plain algorithm (each job in
 *            order: match; if that fails and its queue still reserves: reserve) on a
 *            fresh graph with the same jobs running must have started the same jobs
 *   promise  at each start: no earlier job that is promised a start has a later
 *            one because of it, by schedules made before and after
 *   count    by cores and seconds only, without the matcher: nothing is given twice,
 *            and the first that waits does not wait longer
 *
 * At random moments jobs are submitted, cancelled, made more urgent, end early, in time
 * or late, get a longer time, or give back a node before the others; nodes go down and
 * come up; queues get another policy; the scheduler starts anew and is told what runs.
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

#define MAXJOB 400
#define MAXNODE 12
#define MAXCORE 4
#define NQUEUE 2

static unsigned int seed, more;      /* more: other seeds, from the command line */

static int rnd (int n)
{
    seed = seed * 1103515245 + 12345;
    return (int)((seed >> 16) % (unsigned int)n);
}

enum state { UNBORN, WAITS, RUNS, OVER };

struct simjob {
    enum state state;
    int64_t id, priority, submitted, start, end, real_end;
    int queue;
    int slots, cores;           /* cores 0: whole nodes */
    int64_t duration;
    struct request *rq;
    struct job_part part[MAXNODE * (MAXCORE + 1) + 1];
    size_t nparts;
};

static struct {
    struct graph *g;
    struct queues *q;
    struct policy match;
    struct queue_conf conf[NQUEUE];
    int nqueue;
    int nodes, cores;
    int64_t now;
    struct simjob job[MAXJOB];
    int njobs;
    int64_t owner[MAXNODE][MAXCORE];        /* 0: free */
    bool down[MAXNODE];
    int started;
    int started_before;         /* the scheduler started anew */
    bool reloads;
    bool promises;              /* check them at each start */
    bool flips;                 /* nodes go down and come up */
    bool few;                   /* many jobs that ask for few different things */
} sim;

static const char *const queue_name[NQUEUE] = { "one", "two" };

static struct graph *cluster (void)
{
    struct graph *g = make_cluster (sim.nodes, sim.cores);

    for (int n = 0; n < sim.nodes; n++)
        if (sim.down[n])
            graph_set_status (g, graph_type_nth (g, "node", (uint32_t)n), false);
    return g;
}

static struct request *make_request (const struct simjob *j)
{
    char s[400];
    flux_error_t err;
    struct request *r;

    if (j->cores == 0)
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
                  "\"exclusive\":true}],\"attributes\":{\"system\":{\"duration\":%d}}}",
                  j->slots, (int)j->duration);
    else
        snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"slot\",\"count\":%d,\"label\":"
                  "\"a\",\"with\":[{\"type\":\"core\",\"count\":%d}]}],"
                  "\"attributes\":{\"system\":{\"duration\":%d}}}", j->slots, j->cores,
                  (int)j->duration);
    if (!(r = request_decode (s, strlen (s), &err)))
        fail_msg ("%s", err.text);
    return r;
}

static int reservations (const struct queue_conf *c)
{
    return c->policy == QUEUE_FCFS ? 0 : c->policy == QUEUE_EASY ? 1
        : c->policy == QUEUE_HYBRID ? (int)c->reservation_depth : MAXJOB;
}

static bool before (const struct simjob *a, const struct simjob *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->submitted != b->submitted ? a->submitted < b->submitted : a->id < b->id;
}

/* Those that wait, in order; the number of them. */
static int waiting (struct simjob **list)
{
    int n = 0;

    for (int i = 1; i < sim.njobs; i++) {
        int k = n;
        if (sim.job[i].state != WAITS)
            continue;
        for (; k > 0 && before (&sim.job[i], list[k - 1]); k--)
            list[k] = list[k - 1];
        list[k] = &sim.job[i];
        n++;
    }
    return n;
}

/* A graph with those that run. */
static struct graph *copy (void)
{
    struct graph *g = cluster ();
    struct job *job;

    for (int i = 1; i < sim.njobs; i++) {
        struct simjob *j = &sim.job[i];
        if (j->state == RUNS)
            assert_int_equal (graph_place (g, j->id, false, j->start, j->end, sim.now,
                                           j->part, j->nparts, 0, &job), 0);
    }
    return g;
}

static int64_t match (struct graph *g, const struct simjob *j, enum match_op op)
{
    struct match_args a = { &sim.match, j->rq, op, j->id, sim.now, j->duration };
    struct job *job;

    return graph_match (g, &a, &job, NULL) == 0 ? job_start (job) : -1;
}

/* Promise: the starts of those that come before 'last', as far as they are promised. */
static int schedule (const struct simjob *last, int64_t *start)
{
    struct graph *g = copy ();
    struct simjob *list[MAXJOB];
    int n = waiting (list), k = 0, max = reservations (&sim.conf[0]);

    for (int i = 0; i < n && k < max && before (list[i], last); i++)
        if ((start[k] = match (g, list[i], MATCH_ALLOCATE_ORELSE_RESERVE)) >= 0)
            k++;
    graph_free (g);
    return k;
}

/* Count: cores of a node that are free at t, if only those that run are. */
static int cores_free (int node, int64_t t)
{
    int n = 0;

    for (int c = 0; c < sim.cores; c++) {
        const struct simjob *j = &sim.job[sim.owner[node][c]];
        n += sim.owner[node][c] == 0 || (t > sim.now && j->end <= t);
    }
    return sim.down[node] ? 0 : n;
}

static int64_t first_start (const struct simjob *j)
{
    int64_t last = sim.now + 1;

    for (int i = 1; i < sim.njobs; i++)
        if (sim.job[i].state == RUNS && sim.job[i].end > last)
            last = sim.job[i].end;
    for (int64_t t = sim.now; t <= last; t++) {
        int n = 0;
        for (int i = 0; i < sim.nodes; i++) {
            int f = cores_free (i, t);
            if (sim.match.node_exclusive && f < sim.cores)
                f = 0;
            n += j->cores == 0 ? f == sim.cores : f / j->cores;
        }
        if (n >= j->slots)
            return t;
    }
    return -1;
}

static void take (struct simjob *j, bool on)
{
    for (size_t i = 0; i < j->nparts; i++) {
        uint32_t v = j->part[i].vtx;
        int64_t *owner;
        if (strcmp (graph_type (sim.g, v), "core") != 0)
            continue;
        owner = &sim.owner[graph_id (sim.g, graph_parent (sim.g, v))][graph_id (sim.g, v)];
        assert_int_equal (*owner, on ? 0 : j->id);
        *owner = on ? j->id : 0;
    }
}

static int on_start (void *arg, int64_t id, const struct job *job)
{
    struct simjob *j = &sim.job[id], *list[MAXJOB];
    int64_t was[MAXJOB], is[MAXJOB], first = -1;
    int n = 0, nwait = waiting (list);
    const struct job_part *p = job_parts (job, &j->nparts);
    bool behind = nwait > 0 && list[0] != j && before (list[0], j);

    if (sim.promises) {
        n = schedule (j, was);
        if (behind)
            first = first_start (list[0]);
    }
    assert_int_equal (j->state, WAITS);
    assert_true (j->nparts <= sizeof (j->part) / sizeof (j->part[0]));
    memcpy (j->part, p, j->nparts * sizeof (*p));
    j->state = RUNS;
    j->start = sim.now;
    j->end = job_end (job);
    assert_int_equal (job_start (job), sim.now);
    assert_int_equal (j->end, sim.now + j->duration);
    j->real_end = sim.now + 1 + rnd ((int)j->duration + (rnd (8) == 0 ? 4 : 0));
    take (j, true);
    sim.started++;
    if (!sim.promises)
        return 0;
    assert_int_equal (schedule (j, is), n);
    /* with "first", what is picked for later hangs on what is free now: a schedule made
     * afterwards is another one from its second job on */
    for (int i = 0; i < (sim.match.first && n > 0 ? 1 : n); i++)
        assert_true (is[i] == was[i]);
    if (behind) {
        if (sim.conf[0].policy == QUEUE_FCFS)
            fail_msg ("%d passed one that waits", (int)id);
        assert_int_equal (first_start (list[0]), first);
    }
    return 0;
}

static void on_deny (void *arg, int64_t id, const char *why)
{
    fail_msg ("%d denied: %s", (int)id, why);
}

static void on_pending (void *arg, int64_t id, int64_t t_estimate, const char *why)
{
    assert_int_equal (sim.job[id].state, WAITS);
    assert_true (t_estimate == -1 || t_estimate > sim.now);
    assert_true (*why != '\0');
}

/* The plain algorithm: who should start?  List of ids, in order. */
static int oracle (int64_t *starts)
{
    struct graph *g = copy ();
    struct simjob *list[MAXJOB];
    int n = waiting (list), k = 0;
    int blocked[NQUEUE] = { 0 }, reserved[NQUEUE] = { 0 };

    for (int i = 0; i < n; i++) {
        const struct queue_conf *c = &sim.conf[list[i]->queue];
        int *b = &blocked[list[i]->queue];

        if (*b >= c->depth || (*b > 0 && c->policy == QUEUE_FCFS))
            continue;
        if (match (g, list[i], MATCH_ALLOCATE) >= 0) {
            starts[k++] = list[i]->id;
            continue;
        }
        (*b)++;
        if (reserved[list[i]->queue] < reservations (c)
            && match (g, list[i], MATCH_ALLOCATE_ORELSE_RESERVE) >= 0)
            reserved[list[i]->queue]++;
    }
    graph_free (g);
    return k;
}

static void complain (int started, const int64_t *starts, int n)
{
    struct simjob *list[MAXJOB];
    int nwait = waiting (list);
    char why[256];
    struct queue_job o;

    print_error ("at %d, %s%s: %d started, should have:", (int)sim.now,
                 queue_policy_name (sim.conf[0].policy), sim.match.first ? ", first" : "",
                 started);
    for (int i = 0; i < n; i++)
        print_error (" %d", (int)starts[i]);
    print_error ("\n");
    for (int i = 0; i < nwait; i++) {
        struct simjob *j = list[i];
        assert_int_equal (queues_job (sim.q, j->id, &o, why, sizeof (why)), 0);
        print_error ("%d: queue %d, %d x %d cores for %d, estimate %d: %s\n", (int)j->id,
                     j->queue, j->slots, j->cores, (int)j->duration, (int)o.t_estimate, why);
    }
    fail ();
}

static void check_pass (void)
{
    int64_t starts[MAXJOB], start_time = sim.now;
    int n = oracle (starts), before_pass = sim.started;
    struct queue_stats was, is;

    queues_stats (sim.q, NULL, &was);
    assert_int_equal (queues_run (sim.q, sim.now, 0), 0);
    queues_stats (sim.q, NULL, &is);
    /* what went on with an earlier pass holds on to the schedule of that one; see
     * on_start() for why that may be another */
    if (sim.match.first && is.passes == was.passes)
        return;
    if (sim.started - before_pass != n)
        complain (sim.started - before_pass, starts, n);
    for (int i = 0; i < n; i++) {
        assert_int_equal (sim.job[starts[i]].state, RUNS);
        assert_int_equal (sim.job[starts[i]].start, start_time);
    }
}

/* Events */

static void submit (void)
{
    struct simjob *j = &sim.job[sim.njobs];
    bool whole = rnd (2);

    if (sim.njobs == MAXJOB)
        return;
    *j = (struct simjob){ .state = WAITS, .id = sim.njobs, .submitted = sim.now,
                          .priority = rnd (4) == 0 ? rnd (32) : 16,
                          .queue = rnd (sim.nqueue), .duration = 1 + rnd (rnd (3) ? 8 : 40) };
    j->cores = whole ? 0 : 1 + rnd (sim.cores);
    j->slots = 1 + rnd (rnd (4) ? (sim.nodes + 1) / 2 : sim.nodes);
    if (sim.few) {
        j->cores = rnd (2);
        j->slots = 1 + rnd (2);
    }
    j->rq = make_request (j);
    assert_int_equal (queues_submit (sim.q, queue_name[j->queue], j->id, j->priority,
                                     (double)j->submitted, j->rq), 0);
    sim.njobs++;
}

static struct simjob *any (enum state s)
{
    int n = 0;
    struct simjob *found = NULL;

    for (int i = 1; i < sim.njobs; i++)
        if (sim.job[i].state == s && rnd (++n) == 0)
            found = &sim.job[i];
    return found;
}

static void over (struct simjob *j)
{
    j->state = OVER;
    request_free (j->rq);
}

static void meddle (void)
{
    struct simjob *j = any (WAITS);

    if (!j)
        return;
    if (rnd (3) == 0) {
        assert_int_equal (queues_cancel (sim.q, j->id), 0);
        over (j);
    }
    else {
        j->priority = rnd (32);
        assert_int_equal (queues_prioritize (sim.q, j->id, j->priority), 0);
    }
}

static void extend (void)
{
    struct simjob *j = any (RUNS);

    if (j) {
        j->end += 1 + rnd (10);
        assert_int_equal (queues_set_end (sim.q, j->id, j->end), 0);
    }
}

static void flip (int n, bool down)
{
    sim.down[n] = down;
    assert_int_equal (graph_set_status (sim.g, graph_type_nth (sim.g, "node", (uint32_t)n),
                                        !down), 0);
    queues_changed (sim.q);
}

static void end_job (struct simjob *j)
{
    take (j, false);
    assert_int_equal (queues_free_job (sim.q, j->id), 0);
    over (j);
}

/* Give back the first node of those that it has. */
static void end_part (struct simjob *j)
{
    size_t n = 0, out = 0;
    uint32_t node, end;
    bool empty;

    while (n < j->nparts && strcmp (graph_type (sim.g, j->part[n].vtx), "node") != 0)
        n++;
    node = j->part[n].vtx;
    end = graph_end (sim.g, node);
    take (j, false);
    assert_int_equal (queues_free_part (sim.q, j->id, &node, 1, &empty), 0);
    for (size_t i = 0; i < j->nparts; i++)
        if (j->part[i].vtx < node || j->part[i].vtx >= end)
            j->part[out++] = j->part[i];
    j->nparts = out;
    if (empty)
        over (j);
    else
        take (j, true);
}

static void end_jobs (void)
{
    for (int i = 1; i < sim.njobs; i++) {
        struct simjob *j = &sim.job[i];
        if (j->state == RUNS && j->real_end <= sim.now)
            end_job (j);
        else if (j->state == RUNS && rnd (40) == 0)
            end_part (j);
    }
}

static bool all_over (void)
{
    for (int i = 1; i < sim.njobs; i++)
        if (sim.job[i].state != OVER)
            return false;
    return true;
}

static struct queue_conf random_conf (enum queue_policy p)
{
    struct queue_conf c = QUEUE_CONF_DEFAULT;

    c.policy = p;
    c.depth = rnd (2) ? 1000 : 1 + rnd (20);
    c.reservation_depth = 2 + rnd (3);
    return c;
}

static void make_queues (void)
{
    static const struct queue_ops ops = { on_start, on_deny, on_pending };

    sim.q = queues_new (sim.g, &sim.match, &ops, NULL);
    for (int i = 0; i < sim.nqueue; i++)
        assert_int_equal (queues_add (sim.q, queue_name[i], &sim.conf[i]), 0);
}

static void reconfigure (void)
{
    int i = rnd (sim.nqueue);

    sim.conf[i] = random_conf ((enum queue_policy)rnd (4));
    assert_int_equal (queues_add (sim.q, queue_name[i], &sim.conf[i]), 0);
}

/* A new graph, hello of those that run, and the requests of those that wait. */
static void reload (void)
{
    queues_free (sim.q);
    graph_free (sim.g);
    sim.g = cluster ();
    sim.started_before = sim.started;
    make_queues ();
    for (int i = 1; i < sim.njobs; i++) {
        struct simjob *j = &sim.job[i];
        if (j->state == RUNS)
            assert_int_equal (queues_hello (sim.q, j->id, j->start, j->end, sim.now, j->part,
                                            j->nparts, 0), 0);
        else if (j->state == WAITS)
            assert_int_equal (queues_submit (sim.q, queue_name[j->queue], j->id, j->priority,
                                             (double)j->submitted, j->rq), 0);
    }
}

static void begin (enum queue_policy p, int nqueue)
{
    static const char *const match_names[] = { "lonode", "first", "low", "lonodex" };

    memset (&sim, 0, sizeof (sim));
    sim.nodes = 2 + rnd (MAXNODE - 1);
    sim.cores = 1 + rnd (MAXCORE);
    sim.njobs = 1;
    sim.now = 1000;
    sim.nqueue = nqueue;
    sim.g = cluster ();
    assert_int_equal (policy_parse (match_names[rnd (4)], &sim.match, NULL), 0);
    for (int i = 0; i < nqueue; i++)
        sim.conf[i] = random_conf (i == 0 ? p : (enum queue_policy)rnd (4));
    make_queues ();
}

static void finish (void)
{
    struct queue_stats s;

    assert_int_equal (queues_stats (sim.q, NULL, &s), 0);
    assert_int_equal (s.pending, 0);
    assert_int_equal (s.running, 0);
    assert_int_equal (s.started, sim.started - sim.started_before);
    queues_free (sim.q);
    assert_null (graph_job_next (sim.g, NULL));
    graph_free (sim.g);
}

static void simulate (enum queue_policy p, int nqueue, int njobs, bool cut)
{
    begin (p, nqueue);
    sim.promises = nqueue == 1;
    sim.flips = rnd (2);
    sim.reloads = rnd (2);
    sim.few = rnd (3) == 0;
    while (sim.njobs <= njobs || !all_over ()) {
        end_jobs ();
        for (int n = rnd (sim.few ? 20 : 4); n > 0 && sim.njobs <= njobs; n--)
            submit ();
        for (int n = rnd (3); n > 0; n--)
            meddle ();
        if (rnd (8) == 0)
            extend ();
        if (sim.reloads && rnd (20) == 0)
            reload ();
        if (sim.reloads && rnd (20) == 0)
            reconfigure ();
        if (sim.njobs > njobs) {
            for (int n = 0; n < sim.nodes; n++)
                if (sim.down[n])
                    flip (n, false);
        }
        else if (sim.flips && rnd (8) == 0)
            flip (rnd (sim.nodes), rnd (2));
        if (cut && rnd (2)) {
            /* not to the end: what is started is judged by its promises only */
            for (int n = rnd (4); n > 0 && queues_run (sim.q, sim.now, 1) == 1; n--)
                if (rnd (3) == 0)
                    meddle ();
        }
        else
            check_pass ();
        sim.now += rnd (3);
        assert_true (sim.now < 100000);
    }
    finish ();
}

static void test_policies (void **state)
{
    for (int p = QUEUE_FCFS; p <= QUEUE_CONSERVATIVE; p++)
        for (int i = 0; i < 12; i++) {
            seed = more + (unsigned int)(p * 1000 + i);
            simulate ((enum queue_policy)p, 1, 80, false);
        }
}

static void test_several_queues (void **state)
{
    for (int i = 0; i < 30; i++) {
        seed = more + (unsigned int)(5000 + i);
        simulate ((enum queue_policy)rnd (4), 2, 100, false);
    }
}

static void test_cut_short (void **state)
{
    for (int i = 0; i < 30; i++) {
        seed = more + (unsigned int)(7000 + i);
        simulate ((enum queue_policy)rnd (4), 1 + rnd (2), 80, true);
    }
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_policies),
        cmocka_unit_test (test_several_queues),
        cmocka_unit_test (test_cut_short),
    };

    more = argc > 1 ? (unsigned int)strtoul (argv[1], NULL, 10) : 0;
    return cmocka_run_group_tests (tests, NULL, NULL);
}
