/* job.c - what jobs have: from picks to spans and sums, and back
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/match_private.h"
#include "graph/timeline.h"

struct job *graph_job (const struct graph *g, int64_t id)
{
    return id < 0 ? NULL : idhash_get (g->jobs, (uint64_t)id);
}

size_t graph_job_count (const struct graph *g)
{
    return idhash_count (g->jobs);
}

struct job *graph_job_next (const struct graph *g, const struct job *j)
{
    return j ? j->next : g->job_first;
}

int64_t job_id (const struct job *j)
{
    return j->id;
}

enum job_state job_state (const struct job *j)
{
    return j->state;
}

int64_t job_start (const struct job *j)
{
    return j->start;
}

int64_t job_end (const struct job *j)
{
    return j->end;
}

int job_nslots (const struct job *j)
{
    return j->nslots;
}


/* Collect parts, each vertex once, with all that is above them. */
struct builder {
    struct graph *g;
    struct job *j;
    size_t size;
    uint32_t epoch;
    bool failed;
};

static bool reserve_parts (struct builder *b, size_t n)
{
    struct job *j = b->j;
    size_t size = b->size ? b->size : 64;
    struct job_part *p;

    if (j->nparts + n <= b->size)
        return true;
    while (size < j->nparts + n)
        size *= 2;
    if (!(p = realloc (j->part, size * sizeof (*p)))) {
        b->failed = true;
        return false;
    }
    j->part = p;
    b->size = size;
    return true;
}

static void put (struct builder *b, uint32_t v, bool x, int64_t amount)
{
    if (reserve_parts (b, 1))
        b->j->part[b->j->nparts++] = (struct job_part){ v, x, amount };
}

/* The vertices above v, until one that has been put already. */
static void put_above (struct builder *b, uint32_t v)
{
    struct graph *g = b->g;

    if (v >= g->tree_n)
        return;
    while ((v = g->v[v].parent) != GRAPH_NONE && g->mark[v] != b->epoch) {
        g->mark[v] = b->epoch;
        put (b, v, false, g->v[v].size);
    }
}

static int cmp_part (const void *a, const void *b)
{
    const struct job_part *x = a, *y = b;

    if (x->vtx != y->vtx)
        return x->vtx < y->vtx ? -1 : 1;
    return (int)y->x - (int)x->x;
}

/* Sort; of one vertex put twice the exclusive one stays, shared amounts add up to
 * at most its size. */
static void tidy (struct graph *g, struct job *j)
{
    size_t n = 0;

    qsort (j->part, j->nparts, sizeof (*j->part), cmp_part);
    for (size_t i = 0; i < j->nparts; i++) {
        struct job_part *p = &j->part[i];
        if (n > 0 && j->part[n - 1].vtx == p->vtx) {
            struct job_part *q = &j->part[n - 1];
            if (p->amount == WHOLE)
                *q = *p;
            else if (!q->x)
                q->amount += p->amount;
            if (q->amount > g->v[q->vtx].size)
                q->amount = g->v[q->vtx].size;
        }
        else
            j->part[n++] = *p;
    }
    j->nparts = n;
}

static void put_pick (struct ctx *c, struct builder *b, const struct pick *p)
{
    struct graph *g = c->g;
    uint32_t node = p->vtx;

    put (b, p->vtx, p->x, p->full ? WHOLE : p->amount);
    g->mark[p->vtx] = b->epoch;
    put_above (b, p->vtx);
    if (!c->policy->node_exclusive)
        return;
    while (node != GRAPH_NONE && g->v[node].type != c->type_node)
        node = g->v[node].parent;
    if (node != GRAPH_NONE)
        put (b, node, true, WHOLE);
}

/* The parts are sorted; leave out what is below those that are whole. */
static void pack (struct graph *g, struct job *j)
{
    size_t out = 0;

    for (size_t i = 0; i < j->nparts;) {
        struct job_part p = j->part[i++];

        j->part[out++] = p;
        if (p.amount != WHOLE)
            continue;
        j->packed = true;
        while (i < j->nparts && j->part[i].vtx < g->v[p.vtx].end)
            i++;
    }
    j->nparts = out;
}

/* All that is at and below v, but not what is down, unless 'down'. */
static void put_whole (struct builder *b, uint32_t v, bool down)
{
    struct graph *g = b->g;
    struct job *j = b->j;
    uint32_t end = g->v[v].end;

    if (!reserve_parts (b, end - v))
        return;
    for (uint32_t u = v; u < end; u++) {
        if (!down && g->v[u].down)
            u = g->v[u].end - 1;
        else
            j->part[j->nparts++] = (struct job_part){ u, true, g->v[u].size };
    }
}

static int unpack (struct job *j, bool down)
{
    struct builder b = { .g = j->g, .j = j };
    struct job_part *old = j->part;
    size_t n = j->nparts;

    if (!j->packed)
        return 0;
    j->part = NULL;
    j->nparts = 0;
    for (size_t i = 0; i < n && !b.failed; i++) {
        if (old[i].amount == WHOLE)
            put_whole (&b, old[i].vtx, down);
        else
            put (&b, old[i].vtx, old[i].x, old[i].amount);
    }
    if (b.failed) {
        free (j->part);
        j->part = old;
        j->nparts = n;
        return -ENOMEM;
    }
    free (old);
    j->packed = false;
    return 0;
}

int job_unpack (struct job *j)
{
    return unpack (j, true);
}

/* What is whole is written out when somebody asks: most reservations, and many a job,
 * never are. */
const struct job_part *job_parts (const struct job *j, size_t *n)
{
    if (unpack ((struct job *)j, true) < 0) {
        *n = 0;
        return NULL;
    }
    *n = j->nparts;
    return j->part;
}

struct job *job_from_picks (struct ctx *c, int64_t id)
{
    struct builder b = { .g = c->g, .epoch = c->g->epoch + 1 };

    if (!(b.j = calloc (1, sizeof (*b.j))))
        return NULL;
    b.j->g = c->g;
    b.j->id = id;
    b.j->start = c->at;
    b.j->end = c->end;
    /* the marks of the match are done with: now they mean "put already" */
    c->g->epoch += 2;
    b.epoch = c->g->epoch;
    for (size_t i = 0; i < c->npick && !b.failed; i++) {
        if (c->pick[i].vtx == GRAPH_NONE)
            b.j->nslots++;
        else
            put_pick (c, &b, &c->pick[i]);
    }
    if (b.failed) {
        job_free (c->g, b.j);
        return NULL;
    }
    tidy (c->g, b.j);
    pack (c->g, b.j);
    if (c->g->ndown > 0 && unpack (b.j, c->when == WHEN_EVER) < 0) {
        job_free (c->g, b.j);
        return NULL;
    }
    return b.j;
}

static void plan_drop (struct graph *g, uint32_t k)
{
    planner_free (g->plan[k]);
    g->plan[k] = NULL;
}

/* What a plan cannot follow it need not: it is made anew when it is asked for. */
static void plans_use (struct graph *g, const struct job *j, int sign)
{
    for (uint32_t k = 0; k < g->ntrack; k++)
        if (g->plan[k] && j->use[k]
            && (++g->plan_unasked[k] > 64 + idhash_count (g->jobs) / 4
                || planner_use (g->plan[k], j->start, j->end, sign * j->use[k]) < 0))
            plan_drop (g, k);
}

struct planner *plan_get (struct graph *g, uint32_t k)
{
    const struct vtx *root = &g->v[0];
    int64_t total = root->inner != GRAPH_NONE ? g->total[k] : 0;

    g->plan_unasked[k] = 0;
    if (g->plan[k])
        return g->plan[k];
    if (g->type[root->type].track == k)
        total += root->size;
    g->plan[k] = planner_new (total);
    for (const struct job *j = g->job_first; g->plan[k] && j; j = j->next)
        if (j->use[k] && planner_use (g->plan[k], j->start, j->end, j->use[k]) < 0)
            plan_drop (g, k);
    return g->plan[k];
}

/* Uses it nothing whose sums are kept?  Then it is in none of the plans. */
static bool uses_none (const struct graph *g, const struct job *j)
{
    for (uint32_t k = 0; k < g->ntrack; k++)
        if (j->use[k])
            return false;
    return true;
}

static void spans_leave (struct graph *g, struct job *j)
{
    for (size_t i = 0; i < j->nspans; i++) {
        struct span *s = &g->span[j->span[i]];
        struct vtx *v = &g->v[s->vtx];
        uint32_t vtx = s->vtx;
        bool x = s->x, alloc = s->alloc, leaf = v->inner == GRAPH_NONE;
        int64_t amount = s->amount;
        uint8_t track = g->type[v->type].track;

        graph_span_free (g, j->span[i]);
        if (!alloc || vtx >= g->tree_n)
            continue;
        graph_users (g, vtx, -1);
        if (x) {
            graph_free_subtree (g, vtx, 1);
            graph_block (g, vtx, -1);
        }
        else if (leaf && track != NOTRACK)
            graph_free_add (g, vtx, track, amount);
    }
    if (j->nspans > 0)
        timeline_job (g, j, false);
    j->nspans = 0;
    g->nunplanned -= j->unplanned;
    j->unplanned = false;
    plans_use (g, j, -1);
    memset (j->use, 0, sizeof (j->use));
}

static void count_use (struct graph *g, struct job *j, const struct job_part *p)
{
    const struct vtx *v = &g->v[p->vtx];
    uint8_t own = g->type[v->type].track;

    if (p->vtx >= g->tree_n)
        return;
    if (!p->x) {
        if (v->inner == GRAPH_NONE && own != NOTRACK)
            j->use[own] += p->amount;
        return;
    }
    if (own != NOTRACK)
        j->use[own] += v->size;
    for (uint32_t k = 0; v->inner != GRAPH_NONE && k < g->ntrack; k++)
        j->use[k] += g->total[(size_t)v->inner * g->ntrack + k];
}

size_t job_skip (const struct graph *g, const struct job *j, size_t i)
{
    uint32_t v = j->part[i].vtx, end = g->v[v].end;
    size_t k = i + (end - v);

    if (j->part[i].amount == WHOLE)
        return i + 1;
    if (k <= j->nparts && j->part[k - 1].vtx == end - 1)
        return k;               /* all that is below v is the job's */
    for (k = i + 1; k < j->nparts && j->part[k].vtx < end; k++)
        ;
    return k;
}

static int spans_enter (struct graph *g, struct job *j)
{
    bool alloc = j->state == JOB_ALLOCATED;

    for (size_t i = 0, next; i < j->nparts; i = next) {
        const struct job_part *p = &j->part[i];
        const struct vtx *v = &g->v[p->vtx];
        uint8_t track = g->type[v->type].track;
        uint32_t s;

        next = p->x ? job_skip (g, j, i) : i + 1;
        if (!(s = graph_span_new (g, p->vtx, j->start, j->end,
                                  p->x ? v->size : p->amount, p->x, alloc)))
            return -ENOMEM;
        j->span[j->nspans++] = s;
        count_use (g, j, p);
        if (!alloc || p->vtx >= g->tree_n)
            continue;
        graph_users (g, p->vtx, 1);
        if (p->x) {
            graph_block (g, p->vtx, 1);
            graph_free_subtree (g, p->vtx, -1);
        }
        else if (v->inner == GRAPH_NONE && track != NOTRACK)
            graph_free_add (g, p->vtx, track, -p->amount);
    }
    return 0;
}

/* room for a span a part */
static int spans_room (struct job *j)
{
    uint32_t *span;

    if (j->nparts == 0)
        return 0;
    if (!(span = realloc (j->span, j->nparts * sizeof (*span))))
        return -ENOMEM;
    j->span = span;
    return 0;
}

static int hold (struct graph *g, struct job *j)
{
    int rc;

    if ((rc = spans_room (j)) < 0)
        return rc;
    if ((rc = spans_enter (g, j)) == 0) {
        plans_use (g, j, 1);
        j->unplanned = uses_none (g, j);
        g->nunplanned += j->unplanned;
        timeline_job (g, j, true);
    }
    else {
        memset (j->use, 0, sizeof (j->use));
        /* it is not in the timeline, so that must be made anew */
        timeline_free (g->timeline);
        g->timeline = NULL;
        spans_leave (g, j);
    }
    return rc;
}

void job_suspend (struct graph *g, struct job *j)
{
    spans_leave (g, j);
}

int job_resume (struct graph *g, struct job *j)
{
    return hold (g, j);
}

int job_enter (struct graph *g, struct job *j)
{
    int rc;

    if (idhash_set (g->jobs, (uint64_t)j->id, j) < 0)
        return -ENOMEM;
    if ((rc = hold (g, j)) < 0) {
        idhash_del (g->jobs, (uint64_t)j->id);
        return rc;
    }
    j->prev = g->job_last;
    j->next = NULL;
    if (g->job_last)
        g->job_last->next = j;
    else
        g->job_first = j;
    g->job_last = j;
    return 0;
}

void job_free (struct graph *g, struct job *j)
{
    if (!j)
        return;
    if (graph_job (g, j->id) == j) {
        spans_leave (g, j);
        idhash_del (g->jobs, (uint64_t)j->id);
        *(j->prev ? &j->prev->next : &g->job_first) = j->next;
        *(j->next ? &j->next->prev : &g->job_last) = j->prev;
    }
    free (j->part);
    free (j->span);
    free (j);
}

int graph_cancel (struct graph *g, int64_t id)
{
    struct job *j = graph_job (g, id);

    if (!j)
        return -ENOENT;
    job_free (g, j);
    return 0;
}

static int cmp_number (const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorted, without what is below another of them.  NULL: no memory. */
static uint32_t *topmost (const struct graph *g, const uint32_t *v, size_t n, size_t *count)
{
    uint32_t *list = malloc ((n + 1) * sizeof (*list)), end = 0;

    *count = 0;
    if (!list)
        return NULL;
    if (n > 0)
        memcpy (list, v, n * sizeof (*list));
    qsort (list, n, sizeof (*list), cmp_number);
    for (size_t i = 0; i < n; i++) {
        if (list[i] < end)
            continue;
        end = g->v[list[i]].end;
        list[(*count)++] = list[i];
    }
    return list;
}

/* Is v one of these, or below one?  The list is as topmost() makes it. */
static bool below_any (const struct graph *g, uint32_t v, const uint32_t *list, size_t n)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t m = lo + (hi - lo) / 2;
        if (list[m] <= v)
            lo = m + 1;
        else
            hi = m;
    }
    return lo > 0 && v < g->v[list[lo - 1]].end;
}

/* Parts that go; shared parts above them that have nothing left below go too, but not those
 * that never had. */
static size_t drop_parts (struct graph *g, struct job *j, const uint32_t *v,
                          size_t n)
{
    size_t out = j->nparts, last = j->nparts;

    for (size_t i = j->nparts; i-- > 0;) {
        struct job_part p = j->part[i];
        bool has_below = last < j->nparts && j->part[last].vtx < g->v[p.vtx].end;
        bool had_below = i + 1 < j->nparts && j->part[i + 1].vtx < g->v[p.vtx].end;

        if (below_any (g, p.vtx, v, n) || (!p.x && had_below && !has_below))
            continue;
        j->part[--out] = p;
        last = out;
    }
    memmove (j->part, j->part + out, (j->nparts - out) * sizeof (*j->part));
    return j->nparts - out;
}

int graph_cancel_part (struct graph *g, int64_t id, const uint32_t *v, size_t n,
                       bool *empty)
{
    struct job *j = graph_job (g, id);
    uint32_t *list;
    size_t count;

    if (!j)
        return -ENOENT;
    for (size_t i = 0; i < n; i++)
        if (v[i] >= g->n)
            return -EINVAL;
    if (job_unpack (j) < 0 || !(list = topmost (g, v, n, &count)))
        return -ENOMEM;
    spans_leave (g, j);
    j->nparts = drop_parts (g, j, list, count);
    free (list);
    *empty = j->nparts == 0;
    if (*empty) {
        job_free (g, j);
        return 0;
    }
    return hold (g, j);
}

int graph_set_end (struct graph *g, int64_t id, int64_t end)
{
    struct job *j = graph_job (g, id);

    if (!j)
        return -ENOENT;
    if (end <= j->start || end > PLANNER_END)
        return -EINVAL;
    spans_leave (g, j);
    j->end = end;
    return hold (g, j);
}

int graph_start_reserved (struct graph *g, int64_t id)
{
    struct job *j = graph_job (g, id);

    if (!j)
        return -ENOENT;
    if (j->state != JOB_RESERVED)
        return -EINVAL;
    spans_leave (g, j);
    j->state = JOB_ALLOCATED;
    return hold (g, j);
}

/* Would each part be free?  The job is not in the graph. */
static int parts_free (struct graph *g, const struct job *j, enum when when)
{
    struct policy none = { 0 };
    struct ctx c = { .g = g, .policy = &none, .when = when, .at = j->start,
                     .end = j->end, .type_node = -1 };

    g->epoch += 2;              /* what the last match has marked is not in the way */
    for (size_t i = 0; i < j->nparts; i++) {
        if (match_conflict (&c, j->part[i].vtx, j->part[i].x))
            return -EBUSY;
        if (!j->part[i].x && graph_is_pool (g, j->part[i].vtx)
            && match_units_free (&c, j->part[i].vtx) < j->part[i].amount)
            return -EBUSY;
    }
    return 0;
}

int graph_place (struct graph *g, int64_t id, bool reserve, int64_t start,
                 int64_t end, int64_t now, const struct job_part *part, size_t n,
                 int nslots, struct job **jobp)
{
    struct builder b = { .g = g };
    int rc = 0;

    if (id < 0 || n == 0 || start < 0 || end <= start || end > PLANNER_END)
        return -EINVAL;
    if (graph_job (g, id))
        return -EEXIST;
    for (size_t i = 0; i < n; i++)
        if (part[i].vtx >= g->n || part[i].amount < 1
            || part[i].amount > g->v[part[i].vtx].size)
            return -EINVAL;
    if (!(b.j = calloc (1, sizeof (*b.j))))
        return -ENOMEM;
    *b.j = (struct job){ .g = g, .id = id, .start = start, .end = end, .nslots = nslots,
                         .state = reserve ? JOB_RESERVED : JOB_ALLOCATED };
    g->epoch += 2;
    b.epoch = g->epoch;
    for (size_t i = 0; i < n; i++) {
        g->mark[part[i].vtx] = b.epoch;
        put (&b, part[i].vtx, part[i].x, part[i].amount);
    }
    for (size_t i = 0; i < n; i++)
        put_above (&b, part[i].vtx);
    if (b.failed)
        rc = -ENOMEM;
    else {
        tidy (g, b.j);
        rc = parts_free (g, b.j, start <= now && !reserve ? WHEN_NOW : WHEN_LATER);
    }
    if (rc == 0)
        rc = job_enter (g, b.j);
    if (rc < 0) {
        job_free (g, b.j);
        return rc;
    }
    *jobp = b.j;
    return 0;
}
