/* bench_graph.c - loading, matching, reserving and replaying on large graphs
 *
 *   build/tests/bench/bench_graph [load|match|whole|reserve|siblings|replay|queues|wait|growth]...
 *
 * Without an argument all are run.  Times are CPU seconds of this one thread: the same
 * as time on the wall where nothing else runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "graph/graph.h"
#include "graph/match.h"
#include "graph/queue.h"
#include "graph/read_grug.h"

static unsigned int seed = 1;

static double uniform (void)
{
    seed = seed * 1103515245 + 12345;
    return ((seed >> 8) + 0.5) / (1 << 24);
}

static double normal (void)
{
    return sqrt (-2 * log (uniform ())) * cos (6.283185307 * uniform ());
}

static double now (void)
{
    struct timespec t;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die (const char *what)
{
    fprintf (stderr, "bench_graph: %s\n", what);
    exit (1);
}

static void kind (struct buf *b, const char *type, const char *more)
{
    buf_addf (b, "<node id='%s'><data key='type'>%s</data><data key='basename'>%s</data>"
              "%s</node>", type, type, type, more);
}

static void edge (struct buf *b, const char *from, const char *to, int n, int scope)
{
    buf_addf (b, "<edge source='%s' target='%s'><data key='multi_scale'>%d</data>"
              "<data key='id_scope'>%d</data></edge>", from, to, n, scope);
}

/* cluster > nodes > 2 sockets > 24 cores, 2 gpus, 4 memory pools */
static struct graph *make (int nodes)
{
    struct buf b = BUF_INIT;
    flux_error_t err;
    struct graph *g;

    buf_adds (&b, "<graphml><graph>");
    kind (&b, "cluster", "<data key='root'>1</data>");
    kind (&b, "node", "");
    kind (&b, "socket", "");
    kind (&b, "core", "");
    kind (&b, "gpu", "");
    kind (&b, "memory", "<data key='size'>16</data>");
    edge (&b, "cluster", "node", nodes, 0);
    edge (&b, "node", "socket", 2, 0);
    edge (&b, "socket", "core", 24, 1);
    edge (&b, "socket", "gpu", 2, 1);
    edge (&b, "socket", "memory", 4, 1);
    buf_adds (&b, "</graph></graphml>");
    if (!(g = read_grug (b.data, b.len, &err)))
        die (err.text);
    buf_release (&b);
    return g;
}

static struct request *parse (const char *s)
{
    flux_error_t err;
    struct request *r = request_decode (s, strlen (s), &err);

    if (!r)
        die (err.text);
    return r;
}

#define ONE_CORE "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1," \
                 "\"with\":[{\"type\":\"core\",\"count\":1}]}]}"

static struct request *whole_nodes (int n)
{
    char s[256];

    snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
              "\"exclusive\":true}]}", n);
    return parse (s);
}

static struct policy named (const char *name)
{
    struct policy p;
    flux_error_t err;

    if (policy_parse (name, &p, &err) < 0)
        die (err.text);
    return p;
}

static int match (struct graph *g, const struct policy *p, const struct request *r,
                  int64_t id, enum match_op op, int64_t t, int64_t d, struct job **j)
{
    struct match_args a = { p, r, op, id, t, d };
    struct match_why why;

    return graph_match (g, &a, j, &why);
}

static long peak_kb (void)
{
    struct rusage u;

    getrusage (RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static void bench_load (void)
{
    long before = peak_kb ();
    double t = now ();
    struct graph *g = make (8192);

    t = now () - t;
    printf ("load 8192 nodes from GRUG: %u vertices, %.0f ms, %ld MB\n", graph_count (g),
            t * 1e3, (peak_kb () - before) / 1024);
    graph_free (g);
}

static double thousand (struct graph *g, const char *name, int64_t *id, int n)
{
    struct policy p = named (name);
    struct request *r = parse (ONE_CORE);
    struct job *j;
    double t = now ();

    for (int i = 0; i < n; i++)
        if (match (g, &p, r, (*id)++, MATCH_ALLOCATE, 0, 3600, &j) < 0)
            die ("no core");
    t = now () - t;
    request_free (r);
    return t;
}

static void bench_match (void)
{
    static const char *const names[] = { "first", "high", "low", "lonode", "hinode",
                                         "firstnode", "locality" };

    for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
        struct graph *g = make (8192);
        int64_t id = 0;
        double t = thousand (g, names[i], &id, 1000);
        printf ("1000 x match 1 core, 8192 nodes, %-9s: %8.2f ms\n", names[i], t * 1e3);
        graph_free (g);
    }
}

/* Half of the nodes have a job on one core. */
static void half_full_nodes (struct graph *g, int64_t *id, int nodes)
{
    struct job *j;

    for (int i = 0; i < nodes; i++) {
        struct job_part part = { 0, true, 1 };
        if (uniform () < 0.5)
            continue;
        part.vtx = graph_type_nth (g, "core", (uint32_t)(48 * i + (int)(uniform () * 48)));
        if (graph_place (g, (*id)++, false, 0, 1000 + (int)(uniform () * 5000), 0, &part,
                         1, 0, &j) < 0)
            die ("cannot fill");
    }
}

static void bench_whole (void)
{
    static const char *const names[] = { "first", "high", "lonode", "lonodex" };

    for (int i = 0; i < 4; i++) {
        struct graph *g = make (8192);
        struct policy p = named (names[i]);
        struct request *r = whole_nodes (64);
        int64_t id = 0;
        struct job *j;
        double t, sum = 0;

        half_full_nodes (g, &id, 8192);
        for (int k = 0; k < 20; k++) {
            t = now ();
            if (match (g, &p, r, id, MATCH_ALLOCATE, 0, 3600, &j) < 0)
                die ("no 64 nodes");
            sum += now () - t;
            if (k % 2)
                graph_cancel (g, id);
            id++;
        }
        printf ("64 exclusive nodes, 8192 half full, %-8s: %8.3f ms\n", names[i],
                sum / 20 * 1e3);
        request_free (r);
        graph_free (g);
    }
}

/* Siblings that share nodes: the second must choose first, for half of the nodes have only 24
 * cores left; and two of which there are too many, so that all ways are tried in vain. */
static void bench_siblings (void)
{
    static const char *const text[] = {
        "{\"resources\":[{\"type\":\"node\",\"count\":4000,\"with\":[{\"type\":\"core\",\"count\":20}]},"
        "{\"type\":\"node\",\"count\":4000,\"with\":[{\"type\":\"core\",\"count\":40}]}]}",
        "{\"resources\":[{\"type\":\"node\",\"count\":600,\"with\":[{\"type\":\"core\",\"count\":25}]},"
        "{\"type\":\"node\",\"count\":3600,\"with\":[{\"type\":\"core\",\"count\":25}]}]}" };
    struct policy p = named ("low");

    for (int i = 0; i < 2; i++) {
        struct graph *g = make (8192);
        struct request *r = parse (text[i]);
        struct job *j;
        double t;
        int rc;

        for (int n = 0; n < 4096; n++) {
            struct job_part part = { graph_type_nth (g, "socket", (uint32_t)(4 * n + 3)), true, 1 };
            if (graph_place (g, n, false, 0, 1000, 0, &part, 1, 0, &j) < 0)
                die ("cannot fill");
        }
        t = now ();
        rc = match (g, &p, r, 5000, MATCH_ALLOCATE, 0, 3600, &j);
        t = now () - t;
        if ((rc == 0) != (i == 0))
            die ("siblings");
        printf ("two siblings that share 8192 nodes, %-9s: %8.2f ms\n",
                i == 0 ? "there" : "not there", t * 1e3);
        request_free (r);
        graph_free (g);
    }
}

static void reserve_on (int nodes)
{
    struct graph *g = make (nodes);
    struct policy p = named ("lonode");
    struct request *r[65] = { NULL };
    int64_t id = 0, last = 0;
    struct job *j;
    double t = now (), u;

    for (int i = 0; i < 10000; i++) {
        int n = 1 << (int)(uniform () * 7);
        if (!r[n])
            r[n] = whole_nodes (n);
        if (match (g, &p, r[n], id++, MATCH_ALLOCATE_ORELSE_RESERVE, 0,
                   600 + (int)(uniform () * 100) * 300, &j) < 0)
            die ("no reservation");
        if (job_start (j) > last)
            last = job_start (j);
    }
    t = now () - t;
    u = now ();
    for (int64_t i = 0; i < id; i++)
        graph_cancel (g, i);
    u = now () - u;
    printf ("10000 reservations, conservative, %4d nodes (last at %lld s): %.2f s, "
            "cancel all %.0f ms\n", nodes, (long long)last, t, u * 1e3);
    for (int i = 0; i < 65; i++)
        request_free (r[i]);
    graph_free (g);
}

static void bench_reserve (void)
{
    reserve_on (1024);
    reserve_on (8192);
}

/* Easy over simulated time: events are ends of jobs and submissions. */
struct sim {
    int64_t submit, duration, limit, start;
    int nodes;
};

static int cmp_end (const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

static void heap_push (int64_t (*h)[2], size_t *n, int64_t t, int64_t id)
{
    size_t i = (*n)++;

    for (; i > 0 && h[(i - 1) / 2][0] > t; i = (i - 1) / 2)
        memcpy (h[i], h[(i - 1) / 2], sizeof (h[i]));
    h[i][0] = t;
    h[i][1] = id;
}

static void heap_pop (int64_t (*h)[2], size_t *n)
{
    size_t i = 0, k;
    int64_t x[2] = { h[*n - 1][0], h[*n - 1][1] };

    (*n)--;
    while ((k = 2 * i + 1) < *n) {
        if (k + 1 < *n && cmp_end (h[k + 1], h[k]) < 0)
            k++;
        if (cmp_end (h[k], x) >= 0)
            break;
        memcpy (h[i], h[k], sizeof (h[i]));
        i = k;
    }
    if (*n > 0)
        memcpy (h[i], x, sizeof (h[i]));
}

#define JOBS 100000

struct replay {
    struct graph *g;
    struct queues *q;
    struct sim *job;
    int64_t (*ends)[2];
    size_t nends;
    int64_t clock;
    double wait;
};

static int on_start (void *arg, int64_t id, const struct job *j)
{
    struct replay *s = arg;
    struct sim *x = &s->job[id];

    x->start = s->clock;
    s->wait += (double)(s->clock - x->submit);
    heap_push (s->ends, &s->nends, s->clock + x->duration, id);
    return 0;
}

static void on_deny (void *arg, int64_t id, const char *why)
{
    die (why);
}

static void on_pending (void *arg, int64_t id, int64_t t_estimate, const char *why)
{
}

static void submit (struct replay *s, int id)
{
    struct sim *x = &s->job[id];
    struct request *r;
    char text[256];

    snprintf (text, sizeof (text), "{\"resources\":[{\"type\":\"node\",\"count\":%d,"
              "\"exclusive\":true}],\"attributes\":{\"system\":{\"duration\":%lld}}}",
              x->nodes, (long long)x->limit);
    r = parse (text);
    if (queues_submit (s->q, "default", id, 16, (double)x->submit, r) < 0)
        die ("cannot submit");
    request_free (r);
}

static void make_workload (struct sim *job, int nodes, double load)
{
    double area = 0, t = 0;

    for (int i = 0; i < JOBS; i++) {
        double n = exp (1.2 + 1.3 * normal ()), d = exp (7 + 1.2 * normal ());
        job[i].nodes = n < 1 ? 1 : n > nodes / 2 ? nodes / 2 : (int)n;
        job[i].duration = d < 10 ? 10 : d > 86400 ? 86400 : (int64_t)d;
        job[i].limit = (int64_t)((double)job[i].duration * (1 + 2 * uniform ()));
        area += (double)job[i].nodes * (double)job[i].duration;
    }
    for (int i = 0; i < JOBS; i++) {
        t += -log (uniform ()) * area / load / nodes / JOBS;
        job[i].submit = (int64_t)t;
    }
}

static void replay (enum queue_policy policy, int depth)
{
    const struct queue_ops ops = { on_start, on_deny, on_pending };
    struct queue_conf conf = QUEUE_CONF_DEFAULT;
    struct policy match;
    struct replay s = { .g = make (1024) };
    struct queue_stats st;
    double t;
    int next = 0, done = 0;

    seed = 1;
    match = named ("lonode");
    conf.policy = policy;
    conf.depth = depth;
    s.q = queues_new (s.g, &match, &ops, &s);
    queues_add (s.q, "default", &conf);
    s.job = calloc (JOBS, sizeof (*s.job));
    s.ends = calloc (JOBS, sizeof (*s.ends));
    make_workload (s.job, 1024, 0.9);
    t = now ();
    while (done < JOBS) {
        bool first = next < JOBS && (s.nends == 0 || s.job[next].submit < s.ends[0][0]);
        s.clock = first ? s.job[next].submit : s.ends[0][0];
        if (first)
            submit (&s, next++);
        else {
            queues_free_job (s.q, s.ends[0][1]);
            heap_pop (s.ends, &s.nends);
            done++;
        }
        queues_run (s.q, s.clock, 0);
    }
    t = now () - t;
    queues_stats (s.q, NULL, &st);
    printf ("replay %d jobs, %-12s depth %4d, 1024 nodes, 90%% load: %6.2f s (of %llu looks "
            "%llu matches, %llu reservations; %llu backfilled, mean wait %.0f s)\n", JOBS,
            queue_policy_name (policy), depth, t, (unsigned long long)st.looked,
            (unsigned long long)st.matches, (unsigned long long)st.reservations,
            (unsigned long long)st.backfilled, s.wait / JOBS);
    queues_free (s.q);
    graph_free (s.g);
    free (s.job);
    free (s.ends);
}

static void bench_replay (void)
{
    replay (QUEUE_EASY, 32);
}

/* A machine that is full of small jobs, and 10,000 others that wait: what does it cost
 * that one ends, or that one more is submitted? */
static int started_now;

static int count_start (void *arg, int64_t id, const struct job *j)
{
    started_now++;
    return 0;
}

static struct request *some_cores (int slots, int cores, int duration)
{
    char text[256];

    snprintf (text, sizeof (text), "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\","
              "\"count\":%d,\"with\":[{\"type\":\"core\",\"count\":%d}]}],"
              "\"attributes\":{\"system\":{\"duration\":%d}}}", slots, cores, duration);
    return parse (text);
}

static void wait_for (enum queue_policy policy, int depth, int ends)
{
    const struct queue_ops ops = { count_start, on_deny, on_pending };
    struct queue_conf conf = QUEUE_CONF_DEFAULT;
    struct policy match = named ("lonode");
    struct graph *g = make (256);
    struct queues *q = queues_new (g, &match, &ops, NULL);
    struct queue_stats a, b;
    int id = 0, n = 0;
    double t, worst = 0, sum = 0;

    seed = 1;
    conf.policy = policy;
    conf.depth = depth;
    queues_add (q, "default", &conf);
    for (; id < 256 * 12; id++) {
        struct request *r = some_cores (1, 4, 1000 + (int)(uniform () * 50000));
        queues_submit (q, "default", id, 16, id, r);
        request_free (r);
    }
    queues_run (q, 100, 0);
    for (; id < 256 * 12 + 10000; id++) {
        struct request *r = some_cores (1 + (int)(uniform () * 64), 1 + (int)(uniform () * 24),
                                        600 + (int)(uniform () * 50000));
        queues_submit (q, "default", id, 16, id, r);
        request_free (r);
    }
    t = now ();
    queues_run (q, 100, 0);
    t = now () - t;
    queues_stats (q, NULL, &a);
    started_now = 0;
    for (; n < ends; n++) {
        double u = now ();
        queues_free_job (q, (int)(uniform () * 256 * 12) / 100 * 100 + n);
        queues_run (q, 100, 0);
        u = now () - u;
        sum += u;
        worst = u > worst ? u : worst;
    }
    queues_stats (q, NULL, &b);
    printf ("10,000 wait, %-12s depth %5d: first pass %7.1f ms; an end %7.3f ms, at most "
            "%7.3f (looks %llu, matches %llu, reservations %llu, %d started)\n",
            queue_policy_name (policy), depth, t * 1e3, sum / n * 1e3, worst * 1e3,
            (unsigned long long)(b.looked - a.looked) / n,
            (unsigned long long)(b.matches - a.matches) / n,
            (unsigned long long)(b.reservations - a.reservations) / n, started_now);
    queues_free (q);
    graph_free (g);
}

static void bench_wait (void)
{
    wait_for (QUEUE_FCFS, 32, 100);
    wait_for (QUEUE_EASY, 32, 100);
    wait_for (QUEUE_EASY, 10000, 100);
    wait_for (QUEUE_HYBRID, 10000, 5);
    wait_for (QUEUE_CONSERVATIVE, 32, 5);
}

/* What the other policies cost, and looking deep. */
static void bench_queues (void)
{
    replay (QUEUE_FCFS, 32);
    replay (QUEUE_EASY, 1024);
    replay (QUEUE_HYBRID, 128);
    replay (QUEUE_CONSERVATIVE, 32);
    replay (QUEUE_CONSERVATIVE, 128);
}

static void bench_growth (void)
{
    static const char *const names[] = { "first", "high", "low", "lonode", "lonodex" };
    static const int sizes[] = { 1000, 10000, 100000 };

    printf ("growth: us a match\n%-34s", "nodes");
    for (int k = 0; k < 3; k++)
        printf (" %8d", sizes[k]);
    printf ("\n");
    for (int what = 0; what < 2; what++) {
        for (int i = 0; i < 5; i++) {
            printf ("%-24s %-9s", what ? "16 exclusive, half full" : "1 core", names[i]);
            for (int k = 0; k < 3; k++) {
                struct graph *g = make (sizes[k]);
                struct policy p = named (names[i]);
                struct request *r = what ? whole_nodes (16) : parse (ONE_CORE);
                int64_t id = 0;
                struct job *j;
                double t;

                if (what)
                    half_full_nodes (g, &id, sizes[k]);
                for (int n = 0; n < 10; n++)    /* what is made at first use */
                    match (g, &p, r, id++, MATCH_ALLOCATE, 0, 3600, &j);
                t = now ();
                for (int n = 0; n < 200; n++) {
                    if (match (g, &p, r, id, MATCH_ALLOCATE, 0, 3600, &j) < 0)
                        die ("no match");
                    if (what || n % 2)
                        graph_cancel (g, id);
                    id++;
                }
                printf (" %8.2f", (now () - t) / 200 * 1e6);
                fflush (stdout);
                request_free (r);
                graph_free (g);
            }
            printf ("\n");
        }
    }
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn) (void);
    } all[] = {
        { "load", bench_load }, { "match", bench_match }, { "whole", bench_whole },
        { "reserve", bench_reserve }, { "siblings", bench_siblings },
        { "replay", bench_replay },
        { "queues", bench_queues }, { "wait", bench_wait },
        { "growth", bench_growth },
    };

    setvbuf (stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof (all) / sizeof (all[0]); i++) {
        bool run = argc < 2;
        for (int k = 1; k < argc; k++)
            run |= strcmp (argv[k], all[i].name) == 0;
        if (run)
            all[i].fn ();
        fflush (stdout);
    }
    return 0;
}
