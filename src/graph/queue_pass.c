/* queue_pass.c - a pass over the jobs that wait
 *
 *   for each job, in order:
 *     known not to fit?             it waits
 *     a match, now:  none           it waits
 *                    found, but earlier jobs have no reservation yet
 *                                   give it back, reserve those, match again
 *                    found          it starts
 *   then, if estimates are due: reserve those that have no reservation yet
 *
 * A reservation is dear, a match is not: so reservations are made only when a job
 * behind could start but for them.
 */
#include <errno.h>
#include <time.h>

#include "graph/queue_private.h"

#define ESTIMATE_SHARE 20       /* no more than one part in so many of the time */

struct budget {
    int64_t now;
    int64_t end;                /* 0: no limit */
};

static int64_t clock_us (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool spent (const struct budget *b)
{
    return b->end > 0 && clock_us () >= b->end;
}

static int64_t least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How many of those that wait are to have a reservation. */
static int64_t reservations (const struct queue_conf *c)
{
    switch (c->policy) {
        case QUEUE_FCFS:
            return 0;
        case QUEUE_EASY:
            return 1;
        case QUEUE_HYBRID:
            return least (c->reservation_depth, c->max_reservation_depth);
        case QUEUE_CONSERVATIVE:
            break;
    }
    return c->max_reservation_depth;
}

static int64_t duration_at (const struct queues *q, int64_t duration, int64_t now)
{
    int64_t d = duration > 0 ? duration : PLANNER_END;

    if (q->expiration > 0)
        d = least (d, q->expiration - now);
    return d;           /* 0 or less: it is over */
}

static int match (struct queues *q, struct qjob *j, enum match_op op, int64_t from,
                  int64_t duration, struct match_why *why)
{
    struct match_args a = { .policy = &q->match, .request = j->shape->rq, .op = op,
                            .jobid = j->id, .now = from, .duration = duration };
    struct job *job;

    return graph_match (q->g, &a, &job, why);
}

/* Begin */

static void begin (struct queues *q)
{
    queues_rewind (q);
    q->again = false;
    q->estimated = false;
    q->retry = -1;
    q->pass++;
    q->passes++;
    for (size_t i = 0; i < q->nqueue; i++) {
        struct queue *u = q->queue[i];
        struct tree_node *n = tree_first (&u->jobs);
        u->next = n ? tree_entry (n, struct qjob, node) : NULL;
        u->waiting = u->reserved = 0;
        u->done = false;
    }
}

/* The first in order of what the queues have next. */
static struct qjob *next_job (struct queues *q)
{
    struct qjob *first = NULL;

    for (size_t i = 0; i < q->nqueue; i++) {
        struct queue *u = q->queue[i];
        if (!u->done && u->next
            && (!first || qjob_cmp (&u->next->node, &first->node) < 0))
            first = u->next;
    }
    return first;
}

/* What is known */

static bool known_not_to_fit (struct queues *q, struct shape *s, int64_t duration,
                              enum why_kind *kind)
{
    if (s->fail_freed != q->freed && s->short_type
        && graph_free_now (q->g, graph_root (q->g), s->short_type) < s->short_of)
        s->fail_freed = q->freed;
    if (s->fail_freed == q->freed) {
        *kind = WHY_SHORT;
        return true;
    }
    if (s->fail_pass == q->pass && duration >= s->fail_duration) {
        *kind = WHY_RESERVED;
        return true;
    }
    return false;
}

#define LOOK_ANYWAY 8           /* jobs that wait, before it is asked ... */
#define JOBS_A_SHAPE 4          /* ... and there are so many times fewer shapes */

/* Is there none that could fit, whatever comes next? */
static bool nothing_fits (struct queues *q, int64_t now)
{
    enum why_kind kind;
    struct shape *s;
    size_t pos = 0;

    if (idhash_count (q->jobs) < JOBS_A_SHAPE * hash_count (q->shapes))
        return false;
    while ((s = hash_next (q->shapes, &pos, NULL)))
        if (!known_not_to_fit (q, s, duration_at (q, s->min_duration, now), &kind))
            return false;
    return true;
}

static void learn (struct queues *q, struct qjob *j, int64_t duration,
                   const struct match_why *why)
{
    struct shape *s = j->shape;

    s->why = *why;
    if (why->total || q->nreserved == 0) {
        s->fail_freed = q->freed;
        j->kind = WHY_SHORT;
    }
    else {
        if (s->fail_pass != q->pass || duration < s->fail_duration)
            s->fail_duration = duration;
        s->fail_pass = q->pass;
        j->kind = WHY_RESERVED;
    }
    s->short_type = NULL;
    if (why->total) {
        /* the name in the graph lives as long as the graph */
        s->short_type = graph_str (q->g, graph_intern (q->g, why->type));
        s->short_of = why->wanted;
    }
}

/* Can it ever run?  Asked once of each shape. */
static int check (struct queues *q, struct shape *s)
{
    struct qjob *j = list_entry (s->jobs.next, struct qjob, of_shape);
    struct match_why why = { .where = GRAPH_NONE };
    int rc;

    if (list_empty (&s->unchecked))
        return 0;
    if ((rc = match (q, j, MATCH_SATISFIABILITY, 0, 1, &why)) == -ENOMEM)
        return rc;
    list_del (&s->unchecked);
    if (rc < 0) {
        s->never = true;
        s->bad = rc == -EINVAL;
        s->why = why;
    }
    return 0;
}

static void deny (struct queues *q, struct qjob *j)
{
    char why[256];
    int64_t id = j->id;

    qjob_never (q, j, why, sizeof (why));
    j->queue->stats.denied++;
    qjob_free (q, j);
    q->ops.deny (q->arg, id, why);
}

/* Reservations */

static int64_t planned (const struct queues *q, const struct qjob *j, int64_t now)
{
    int64_t d = duration_at (q, j->duration, now);

    return d > 0 ? d : 1;
}

static void set_estimate (struct queues *q, struct qjob *j, int64_t t)
{
    j->t_estimate = t;
    qjob_tell (q, j);
}

static bool to_be_reserved (const struct queues *q, const struct qjob *j)
{
    return (j->kind == WHY_SHORT || j->kind == WHY_RESERVED) && !j->reserved
        && j->no_time_pass != q->pass && list_empty (&j->of_pass);
}

/* Into q->wanting, in order: as a rule that is at the end. */
static void want (struct queues *q, struct qjob *j)
{
    struct list_node *n = q->wanting.prev;

    while (n != &q->wanting
           && qjob_cmp (&j->node, &list_entry (n, struct qjob, of_pass)->node) < 0)
        n = n->prev;
    list_insert_after (n, &j->of_pass);
    q->estimated = false;
}

/* j cannot have the reservation that was meant for it: the next that waits can. */
static void pass_on (struct queues *q, struct qjob *j)
{
    j->queue->reserved--;
    for (struct tree_node *n = tree_next (&j->node); n; n = tree_next (n)) {
        struct qjob *next = tree_entry (n, struct qjob, node);
        if (next->seen != q->pass)
            return;
        if (to_be_reserved (q, next)) {
            j->queue->reserved++;
            want (q, next);
            return;
        }
    }
}

static int reserve (struct queues *q, struct qjob *j, int64_t now)
{
    struct shape *s = j->shape;
    int64_t from = now, d = planned (q, j, now), start;
    bool floor = s->floor_pass == q->pass && d >= s->floor_duration;
    int rc;

    if (floor && s->floor - 1 > from)
        from = s->floor - 1;
    j->queue->stats.reservations++;
    if ((rc = match (q, j, MATCH_RESERVE, from, d, NULL)) == -ENOMEM)
        return rc;
    j->no_time = rc < 0;
    if (rc < 0) {
        j->no_time_pass = q->pass;
        set_estimate (q, j, -1);
        pass_on (q, j);
        return 0;
    }
    start = job_start (graph_job (q->g, j->id));
    if (!floor) {
        s->floor_pass = q->pass;
        s->floor_duration = d;
    }
    if (!floor || d == s->floor_duration)
        s->floor = start;
    j->reserved = true;
    q->nreserved++;
    list_append (&q->reserved, &j->of_pass);
    if (q->due < 0 || start < q->due)
        q->due = start;
    set_estimate (q, j, start);
    return 0;
}

/* An fcfs queue holds nothing for its head: only the time is wanted. */
static int estimate (struct queues *q, struct qjob *j, int64_t now)
{
    int rc = match (q, j, MATCH_RESERVE, now, planned (q, j, now), NULL);

    if (rc == -ENOMEM)
        return rc;
    j->queue->stats.reservations++;
    j->no_time = rc < 0;
    set_estimate (q, j, rc < 0 ? -1 : job_start (graph_job (q->g, j->id)));
    if (rc == 0)
        graph_cancel (q->g, j->id);
    return 0;
}

static struct list_node *first_wanting (const struct queues *q, bool fcfs)
{
    for (struct list_node *n = q->wanting.next; n != &q->wanting; n = n->next)
        if (fcfs || list_entry (n, struct qjob, of_pass)->queue->conf.policy != QUEUE_FCFS)
            return n;
    return NULL;
}

/* Reserve for all that should have a reservation; 1: the budget is spent. */
static int reserve_all (struct queues *q, const struct budget *b, bool estimates)
{
    struct list_node *n;

    while ((n = first_wanting (q, estimates))) {
        struct qjob *j = list_entry (n, struct qjob, of_pass);
        int rc;

        list_del (n);
        rc = j->queue->conf.policy == QUEUE_FCFS ? estimate (q, j, b->now)
                                                 : reserve (q, j, b->now);
        if (rc < 0) {
            want (q, j);
            return rc;
        }
        if (spent (b))
            return 1;
    }
    return 0;
}

/* Look at one */

static void step_over (struct queues *q, struct qjob *j)
{
    struct tree_node *n = tree_next (&j->node);

    j->queue->next = n ? tree_entry (n, struct qjob, node) : NULL;
}

static void waits (struct queues *q, struct qjob *j)
{
    struct queue *u = j->queue;
    const struct queue_conf *c = &u->conf;

    step_over (q, j);
    j->seen = q->pass;
    q->last = j;
    u->waiting++;
    if (c->policy == QUEUE_FCFS || u->waiting >= least (c->depth, c->max_depth))
        u->done = true;
    if (to_be_reserved (q, j)
        && (c->policy == QUEUE_FCFS || u->reserved < reservations (c))) {
        u->reserved++;
        want (q, j);
    }
    qjob_tell (q, j);
}

static void started (struct queues *q, struct qjob *j, int64_t now)
{
    struct queue *u = j->queue;
    int64_t id = j->id;

    q->selection = u->waiting > 0 ? "backfilled"
        : j->t_estimate >= 0 && u->conf.policy != QUEUE_FCFS ? "reserved" : "immediate";
    if (q->ops.start (q->arg, id, graph_job (q->g, id)) < 0) {
        graph_cancel (q->g, id);
        q->retry = now + 1;
        j->kind = WHY_HELD;
        waits (q, j);
        return;
    }
    u->stats.started++;
    u->stats.backfilled += u->waiting > 0;
    qjob_free (q, j);
}

/* 0: it started, or waits, or is gone; 1: the budget is spent, look again. */
static int look (struct queues *q, struct qjob *j, const struct budget *b)
{
    struct match_why why = { .where = GRAPH_NONE };
    int64_t d = duration_at (q, j->duration, b->now);
    int rc;

    j->queue->stats.looked++;
    if (d <= 0) {
        j->kind = WHY_EXPIRED;
        waits (q, j);
        return 0;
    }
    if (known_not_to_fit (q, j->shape, d, &j->kind)) {
        waits (q, j);
        return 0;
    }
    j->queue->stats.matches++;
    rc = match (q, j, MATCH_ALLOCATE, b->now, d, &why);
    if (rc == 0 && first_wanting (q, false)) {
        graph_cancel (q->g, j->id);
        if ((rc = reserve_all (q, b, false)) != 0)
            return rc;
        rc = match (q, j, MATCH_ALLOCATE, b->now, d, &why);
    }
    if (rc == -ENOMEM)
        return rc;
    if (rc == 0) {
        started (q, j, b->now);
        return 0;
    }
    if ((rc = check (q, j->shape)) < 0)
        return rc;
    if (j->shape->never) {
        deny (q, j);
        return 0;
    }
    learn (q, j, d, &why);
    waits (q, j);
    return 0;
}

/* To the end, or only as long as some could fit. */
static int look_at_all (struct queues *q, const struct budget *b, bool to_the_end)
{
    struct qjob *j;
    int rc;

    q->idle = false;
    for (int n = 0; (j = next_job (q)); n++) {
        if (n >= LOOK_ANYWAY && n % LOOK_ANYWAY == 0 && !to_the_end
            && nothing_fits (q, b->now)) {
            q->idle = true;
            break;
        }
        if ((rc = look (q, j, b)) != 0)
            return rc;
        if (spent (b))
            return 1;
    }
    return 0;
}

/* Those that no pass has come to: it is not for them to wait if it is for nothing. */
static int check_all (struct queues *q, const struct budget *b)
{
    while (!list_empty (&q->unchecked)) {
        struct shape *s = list_entry (q->unchecked.next, struct shape, unchecked);
        int rc = check (q, s);
        size_t left;

        if (rc < 0)
            return rc;
        for (left = s->never; left;) {
            /* the last one takes the shape with it */
            struct qjob *j = list_entry (s->jobs.next, struct qjob, of_shape);
            left = s->jobs.next->next != &s->jobs;
            deny (q, j);
        }
        if (spent (b))
            return 1;
    }
    return 0;
}

/* Estimates are due: to all that are to have one. */
static int estimate_all (struct queues *q, const struct budget *b)
{
    int64_t t = clock_us ();
    int rc = 0;

    if (b->now < q->estimate_at
        || (!q->idle && (q->estimated || list_empty (&q->wanting))))
        return 0;
    if (q->idle)
        rc = look_at_all (q, b, true);
    if (rc == 0)
        rc = reserve_all (q, b, true);
    q->estimated = rc == 0;
    t = clock_us () - t;
    q->estimate_at = b->now + 1 + t * ESTIMATE_SHARE / 1000000;
    return rc;
}

int queues_run (struct queues *q, int64_t now, int64_t budget_us)
{
    struct budget b = { now, budget_us > 0 ? clock_us () + budget_us : 0 };
    int rc;

    if (now < 0 || now >= PLANNER_END)
        return -EINVAL;
    if (q->again || (q->due >= 0 && q->due <= now) || (q->retry >= 0 && q->retry <= now))
        begin (q);
    if ((rc = look_at_all (q, &b, false)) == 0 && (rc = check_all (q, &b)) == 0)
        rc = estimate_all (q, &b);
    queues_tell (q, now);
    return rc;
}

const char *queues_selection (const struct queues *q)
{
    return q->selection;
}

static void sooner (int64_t *t, int64_t u)
{
    if (u >= 0 && (*t < 0 || u < *t))
        *t = u;
}

int64_t queues_next (const struct queues *q)
{
    int64_t t = -1;

    sooner (&t, q->due);
    sooner (&t, q->retry);
    if (q->idle || (!list_empty (&q->wanting) && !q->estimated))
        sooner (&t, q->estimate_at);
    if (!list_empty (&q->tell) || !list_empty (&q->newcomers))
        sooner (&t, q->tell_second + 1);
    return t;
}
