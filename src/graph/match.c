/* match.c - find what a request wants
 *
 * From a vertex down: for each request vertex the vertices of its type are tried
 * in the order of the policy until there are as many as it could use; one will do
 * if what the request wants below it is found below it.  What lies below two
 * vertices of a type is disjoint, so each can be judged by itself, and the first
 * k that do are the best k.  Levels that the request does not name are passed
 * through.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/fit.h"
#include "graph/match_private.h"

#define MAX_ASSIGNED 1000       /* in all of a match */

/* Marks: epoch * 2, or + 1 if the vertex is taken exclusively by this request. */
static bool taken_x (const struct ctx *c, uint32_t v)
{
    return c->g->mark[v] == c->g->epoch + 1;
}

bool match_touched (const struct ctx *c, uint32_t v)
{
    return taken_x (c, v) || (c->g->mark[v] == c->g->epoch && c->g->part[v] > 0);
}

static bool overlaps (const struct ctx *c, const struct span *s)
{
    if (c->when == WHEN_NOW && s->alloc)
        return true;
    return s->start < c->end && s->end > c->at;
}

static bool any_overlap (const struct ctx *c, uint32_t s)
{
    for (; s; s = c->g->span[s].next)
        if (overlaps (c, &c->g->span[s]))
            return true;
    return false;
}

bool match_conflict (const struct ctx *c, uint32_t v, bool x)
{
    const struct vtx *u = &c->g->v[v];

    if (c->when == WHEN_EVER)
        return false;
    if (c->window && u->type == c->type_node && v < c->g->tree_n
        && c->window[u->pos >> 6] >> (u->pos & 63) & 1)
        return false;
    return any_overlap (c, u->xspan) || (x && any_overlap (c, u->sspan));
}

bool match_node_ok (struct ctx *c, uint32_t node)
{
    return !c->constraint || constraint_match (c->constraint, &node);
}

bool match_passes (struct ctx *c, uint32_t v, uint32_t u, bool x)
{
    const struct graph *g = c->g;

    c->steps++;
    if (x && (match_touched (c, u) || (c->g->naux > 0 && match_drawn (c, u))))
        return false;
    for (uint32_t w = u; w != v && w != GRAPH_NONE; w = g->v[w].parent) {
        bool node = g->v[w].type == c->type_node;

        if (c->when != WHEN_EVER && g->v[w].down)
            return false;
        if (taken_x (c, w)
            || match_conflict (c, w, (x && w == u)
                                     || (node && c->policy->node_exclusive)))
            return false;
        if (node && !match_node_ok (c, w)) {
            c->why.constrained = true;
            return false;
        }
        if (c->g->naux > 0 && !match_fed (c, w))
            return false;
    }
    return true;
}

/* The most that is shared of a pool at any moment of the time wanted. */
static int64_t shared_use (const struct ctx *c, uint32_t v)
{
    const struct span *sp = c->g->span;
    int64_t max = 0;

    if (c->when == WHEN_EVER)
        return 0;
    for (uint32_t s = c->g->v[v].sspan; s; s = sp[s].next) {
        int64_t sum = 0, t = sp[s].start > c->at ? sp[s].start : c->at;
        if (!overlaps (c, &sp[s]))
            continue;
        for (uint32_t o = c->g->v[v].sspan; o; o = sp[o].next)
            if ((c->when == WHEN_NOW && sp[o].alloc)
                || (sp[o].start <= t && sp[o].end > t))
                sum += sp[o].amount;
        if (sum > max)
            max = sum;
    }
    return max;
}

/* Units that v could give. */
static int64_t units_free (const struct ctx *c, uint32_t v, bool x)
{
    int64_t n = c->g->v[v].size;

    if (x || !graph_is_pool (c->g, v))
        return n;
    n -= shared_use (c, v);
    if (c->g->mark[v] == c->g->epoch)
        n -= c->g->part[v];
    return n;
}

int64_t match_units_free (const struct ctx *c, uint32_t v)
{
    return units_free (c, v, false);
}

static void touch (struct ctx *c, uint32_t v, int64_t n)
{
    struct graph *g = c->g;

    if (g->mark[v] < g->epoch) {
        g->mark[v] = g->epoch;
        g->part[v] = 0;
    }
    g->part[v] += n;
}

int match_pick (struct ctx *c, uint32_t v, bool x, bool full, int64_t amount)
{
    struct graph *g = c->g;

    if (c->npick == c->pick_size) {
        size_t size = c->pick_size ? c->pick_size * 2 : 64;
        struct pick *p = realloc (c->pick, size * sizeof (*p));
        if (!p) {
            c->failed = true;
            return -ENOMEM;
        }
        c->pick = p;
        c->pick_size = size;
    }
    c->pick[c->npick++] = (struct pick){ v, x, full, amount };
    if (v == GRAPH_NONE)        /* a slot begins */
        return 0;
    touch (c, v, graph_is_pool (g, v) ? amount : 1);
    if (x)
        g->mark[v] = g->epoch + 1;
    c->root_picked += v == 0;
    for (uint32_t w = g->v[v].parent; w != GRAPH_NONE; w = g->v[w].parent)
        touch (c, w, 1);
    return 0;
}

static void unpick (struct ctx *c, const struct pick *p)
{
    struct graph *g = c->g;

    if (p->vtx == GRAPH_NONE)
        return;
    if (p->x)
        g->mark[p->vtx] = g->epoch;
    c->root_picked -= p->vtx == 0;
    g->part[p->vtx] -= graph_is_pool (g, p->vtx) ? p->amount : 1;
    for (uint32_t w = g->v[p->vtx].parent; w != GRAPH_NONE; w = g->v[w].parent)
        g->part[w]--;
}

void match_undo (struct ctx *c, size_t n)
{
    while (c->npick > n)
        unpick (c, &c->pick[--c->npick]);
}

static int cmp_start (const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

void match_keep (struct ctx *c, size_t start, struct segment *seg, size_t nseg,
                 size_t keep)
{
    size_t out = start;

    for (size_t i = keep; i < nseg; i++)
        for (size_t k = seg[i].start; k < seg[i].end; k++)
            unpick (c, &c->pick[k]);
    qsort (seg, keep, sizeof (*seg), cmp_start);
    for (size_t i = 0; i < keep; i++) {
        size_t len = seg[i].end - seg[i].start;
        memmove (&c->pick[out], &c->pick[seg[i].start], len * sizeof (*c->pick));
        out += len;
    }
    c->npick = out;
}

size_t req_number (const struct ctx *c, const struct req *r)
{
    size_t lo = 0, hi = c->nreq;

    while (lo + 1 < hi) {
        size_t m = (lo + hi) / 2;
        if (c->by_number[m] <= r)
            lo = m;
        else
            hi = m;
    }
    return lo;
}

/* Is nothing wanted in it, or only what is on ways up from it? */
static bool all_up (const struct ctx *c, const struct req *r)
{
    for (size_t i = 0; i < r->nchild; i++)
        if (!c->up[req_number (c, &r->child[i])])
            return false;
    return true;
}

bool match_enough (const struct ctx *c, uint32_t v, const struct req *r)
{
    const struct graph *g = c->g;
    const int64_t *need = c->need[req_number (c, r)];
    const int64_t *have = c->when == WHEN_NOW ? g->free : g->total;

    if (g->v[v].inner == GRAPH_NONE)
        return all_up (c, r);
    if (c->fit && c->when == WHEN_LATER && g->v[v].type == c->type_node
        && !fit_in_node (c->fit, r, g->v[v].pos, c->at, c->end))
        return false;
    have += (size_t)g->v[v].inner * g->ntrack;
    for (uint32_t i = 0; i < g->ntrack; i++)
        if (have[i] < need[i])
            return false;
    return true;
}

/* Remember what is short: the deepest, and of those that which is nearest. */
void match_short (struct ctx *c, uint32_t v, const struct req *r, int64_t found)
{
    struct match_why *w = &c->why;

    if (w->type[0] && (r->depth < w->depth
                    || (r->depth == w->depth && found <= w->found)))
        return;
    snprintf (w->type, sizeof (w->type), "%s", r->type);
    w->where = v;
    w->depth = r->depth;
    w->up = c->up[req_number (c, r)];
    w->wanted = r->count.min;
    w->found = found;
}

struct collect {
    const struct req *r;
    uint32_t v;
    int64_t most;
    int64_t units;
    struct segment *seg;
    size_t n, size;
};

static bool collect_add (struct ctx *c, struct collect *k, struct segment s)
{
    if (k->n == k->size) {
        size_t size = k->size ? k->size * 2 : 16;
        struct segment *p = realloc (k->seg, size * sizeof (*p));
        if (!p) {
            c->failed = true;
            return false;
        }
        k->seg = p;
        k->size = size;
    }
    k->seg[k->n++] = s;
    return true;
}

/* By id; bounded, so that no sum of scores can overflow. */
static int64_t score_of (const struct ctx *c, uint32_t v)
{
    int64_t id = c->g->v[v].id;

    return (id < 1ll << 40 ? id : 1ll << 40) + 1;
}

static bool try_vertex (struct ctx *c, uint32_t u, void *arg)
{
    struct collect *k = arg;
    const struct req *r = k->r;
    size_t start = c->npick;
    int64_t units, score;

    if ((c->assign && !assign_allows (c, r, u)) || !match_passes (c, k->v, u, r->x))
        return c->failed;
    if (r->nchild > 0 && !match_enough (c, u, r)) {
        for (size_t i = 0; i < r->nchild; i++) {
            int64_t have = c->when == WHEN_NOW ? graph_free_now (c->g, u, r->child[i].type)
                                               : graph_total (c->g, u, r->child[i].type);
            if (!r->child[i].slot && have < r->child[i].count.min)
                match_short (c, u, &r->child[i], have);
        }
        return false;
    }
    if ((units = units_free (c, u, r->x)) <= 0)
        return c->failed;
    if (!r->x && graph_is_pool (c->g, u) && k->most != REQUEST_MANY
        && units > k->most - k->units)
        units = k->most - k->units;
    if (match_pick (c, u, r->x, r->full, units) < 0)
        return true;
    if (!match_all (c, u, r->child, r->nchild, &score)
        || !collect_add (c, k, (struct segment){ start, c->npick, u < c->g->tree_n
                                                 ? score_of (c, u) : 0, u, units })) {
        match_undo (c, start);
        return c->failed;
    }
    k->units += units;
    return k->most != REQUEST_MANY && k->units >= k->most;
}

void match_candidates (struct ctx *c, uint32_t v, const struct req *r, each_f fn, void *arg)
{
    size_t n = req_number (c, r);
    int type = c->type[n];

    if (c->up[n])
        match_each_up (c, v, type, fn, arg);
    else
        match_each (c, v, type, r->x || (type == c->type_node && c->policy->node_exclusive),
                    fn, arg);
}

bool match_could (struct ctx *c, uint32_t v, uint32_t u, const struct req *r)
{
    struct collect k = { .r = r, .v = v, .most = REQUEST_MANY };
    size_t start = c->npick;

    try_vertex (c, u, &k);
    match_undo (c, start);
    free (k.seg);
    return k.n > 0;
}

static int cmp_high (const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->vtx > y->vtx ? -1 : x->vtx < y->vtx;
}

static int cmp_low (const void *a, const void *b)
{
    return cmp_high (b, a);
}

/* Keep as many of what was collected as the count allows. */
static bool settle (struct ctx *c, struct collect *k, size_t start, int64_t *score)
{
    int64_t best = request_best (k->r, k->units), sum = 0;
    size_t keep = 0;

    if (best == 0) {
        match_short (c, k->v, k->r, k->units);
        return false;
    }
    if (match_compares (c, c->type[req_number (c, k->r)]))
        match_order (c, c->type[req_number (c, k->r)], k->seg, k->n, best);
    else if (c->policy->first && k->units > best)
        qsort (k->seg, k->n, sizeof (*k->seg), c->policy->high ? cmp_high : cmp_low);
    while (keep < k->n && sum < best) {
        struct segment *s = &k->seg[keep++];
        if (!k->r->x && sum + s->amount > best
            && graph_is_pool (c->g, s->vtx)) {
            struct pick *p = &c->pick[s->start];
            touch (c, s->vtx, best - sum - s->amount);
            p->amount = s->amount = best - sum;
        }
        sum += s->amount;
        *score += s->score;
    }
    match_keep (c, start, k->seg, k->n, keep);
    return true;
}

bool match_one (struct ctx *c, uint32_t v, const struct req *r, int64_t *score)
{
    int type = c->type[req_number (c, r)];
    struct collect k = { .r = r, .v = v, .most = match_compares (c, type)
                                                 ? REQUEST_MANY : request_most (r) };
    size_t start = c->npick;
    bool ok;

    if (r->slot)
        return match_slots (c, v, r, 0, score);
    if (type < 0) {
        match_short (c, v, r, 0);
        return false;
    }
    match_candidates (c, v, r, try_vertex, &k);
    ok = !c->failed && settle (c, &k, start, score);
    if (!ok)
        match_undo (c, start);
    free (k.seg);
    return ok;
}

bool match_alternatives (const struct ctx *c, const struct req *r, size_t n)
{
    size_t slots = 0;

    for (size_t i = 0; c->rq->flexible && i < n; i++)
        slots += r[i].slot;
    return slots > 1;
}

static int64_t slots_since (const struct ctx *c, size_t start)
{
    int64_t n = 0;

    for (size_t i = start; i < c->npick; i++)
        n += c->pick[i].vtx == GRAPH_NONE;
    return n;
}

/* The number of slots that is wanted of each kind, if it is the same; or 0. */
static int64_t least_slots (const struct req *r, size_t n)
{
    int64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (!r[i].slot)
            continue;
        if (count > 0 && r[i].count.min != count)
            return 0;
        count = r[i].count.min;
    }
    return count;
}

/* So many slots of any kinds, of the first kinds as many as can be. */
static bool match_mixed (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                         int64_t count, int64_t *score)
{
    size_t start = c->npick;
    int64_t before = *score;

    if (n == 0)
        return false;
    if (!r->slot)
        return match_mixed (c, v, r + 1, n - 1, count, score);
    for (int64_t k = count; k >= 0 && !c->failed && c->assigned++ < MAX_ASSIGNED; k--) {
        *score = before;
        if ((k == 0 || match_slots (c, v, r, k, score))
            && (k == count || match_mixed (c, v, r + 1, n - 1, count - k, score)))
            return true;
        match_undo (c, start);
    }
    return false;
}

/* Of the slots among r[0..n) that of which there are most; of equal ones the first. */
static bool match_any_slot (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                            int64_t *score)
{
    size_t start = c->npick, best = n;
    int64_t most = 0, ignored = 0;

    for (size_t i = 0; i < n && !c->failed; i++) {
        if (!r[i].slot || request_most (&r[i]) <= most
            || !match_slots (c, v, &r[i], 0, &ignored))
            continue;
        if (slots_since (c, start) > most) {
            most = slots_since (c, start);
            best = i;
        }
        match_undo (c, start);
    }
    if (best < n)
        return match_slots (c, v, &r[best], 0, score);
    return !c->failed && least_slots (r, n) > 0
        && match_mixed (c, v, r, n, least_slots (r, n), score);
}

/* 'order': of the siblings, or NULL: as they are written. */
static bool in_order (struct ctx *c, uint32_t v, const struct req *r, const uint8_t *order,
                      size_t n, int64_t *score)
{
    size_t start = c->npick;
    bool any = match_alternatives (c, r, n);

    *score = 0;
    if (any && !match_any_slot (c, v, r, n, score))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct req *one = &r[order ? order[i] : i];
        if (any && one->slot)
            continue;
        if (!match_one (c, v, one, score)) {
            match_undo (c, start);
            return false;
        }
    }
    return true;
}

uint32_t match_chances (const struct ctx *c, uint32_t v, const struct req *r)
{
    size_t k = req_number (c, r);
    uint32_t lo, hi, n = 0;

    if (r->slot || c->up[k] || c->type[k] < 0)
        return GRAPH_NONE;
    graph_type_range (c->g, v, c->type[k], &lo, &hi);
    if (lo == hi || c->g->v[c->g->type[c->type[k]].list[lo]].inner == GRAPH_NONE)
        return GRAPH_NONE;
    for (uint32_t i = lo; i < hi; i++)
        n += match_enough (c, c->g->type[c->type[k]].list[i], r);
    return n;
}

struct choosy {
    uint32_t chances;
    double wants;               /* units in one of it */
};

static struct choosy choosy (const struct ctx *c, uint32_t v, const struct req *r)
{
    struct choosy x = { match_chances (c, v, r), 0 };

    for (uint32_t k = 0; k < c->g->ntrack; k++)
        x.wants += (double)c->need[req_number (c, r)][k];
    return x;
}

static bool choosier (const struct choosy *a, const struct choosy *b)
{
    return a->chances != b->chances ? a->chances < b->chances : a->wants > b->wants;
}

/* That which has the fewest chances chooses first, of equal ones that which wants more. */
static bool choosy_first (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                          int64_t *score)
{
    struct choosy x[UINT8_MAX];
    uint8_t order[UINT8_MAX];

    if (n > UINT8_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        x[i] = choosy (c, v, &r[i]);
        for (; k > 0 && choosier (&x[i], &x[order[k - 1]]); k--)
            order[k] = order[k - 1];
        order[k] = (uint8_t)i;
    }
    return in_order (c, v, r, order, n, score);
}

static bool same_type_twice (const struct req *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp (r[i].type, r[k].type) == 0)
                return true;
    return false;
}

bool match_compete (const struct req *r, size_t n)
{
    for (size_t i = 0; n > 1 && i < n; i++)
        if (r[i].slot)
            return true;
    return same_type_twice (r, n);
}

static bool assigned (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                      int64_t *score)
{
    struct assign *a = assign_new (c, v, r, n);
    bool ok = false;

    if (a && !c->failed && assign_most (c, a, 1) == 1) {
        ok = assign_begin (c, a, 1) && in_order (c, v, r, NULL, n, score);
        assign_end (c, a);
    }
    assign_free (a);
    return ok && !c->failed;
}

/* Siblings of one type take from the same vertices, so if their order fails, what they want
 * whole is assigned (match_assign.c), and for what they share, that which has the fewest
 * chances chooses first.  If that fails, too, see match_exact.c. */
bool match_all (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                int64_t *score)
{
    if (in_order (c, v, r, NULL, n, score))
        return true;
    if (c->failed || !match_compete (r, n) || c->assigned++ >= MAX_ASSIGNED)
        return false;
    return assigned (c, v, r, n, score)
        || (!c->failed && choosy_first (c, v, r, n, score));
}

int match_op_parse (const char *s, enum match_op *op)
{
    static const char *const names[] = {
        [MATCH_ALLOCATE] = "allocate",
        [MATCH_ALLOCATE_WITH_SATISFIABILITY] = "allocate_with_satisfiability",
        [MATCH_ALLOCATE_ORELSE_RESERVE] = "allocate_orelse_reserve",
        [MATCH_SATISFIABILITY] = "satisfiability",
        [MATCH_WITHOUT_ALLOCATING] = "without_allocating",
        [MATCH_WITHOUT_ALLOCATING_FUTURE] = "without_allocating_future",
    };

    for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
        if (names[i] && strcmp (s, names[i]) == 0) {
            *op = (enum match_op)i;
            return 0;
        }
    }
    return -EINVAL;
}
