/* match_slot.c - slots: groups of resources that are found together
 *
 * A slot is no vertex.  It is formed below the first vertex on the way down that
 * has a child of one of the types in the slot: cores and memory below a socket,
 * nodes below a rack.  If too few are found so, slots may also be spread over all
 * of a node, or, with nodes in them, over all that was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "graph/match_private.h"

struct slots {
    const struct req *r;
    uint32_t v;
    int64_t most;
    bool raised;
    bool with_nodes;            /* the slot has nodes or what contains nodes in it */
    bool nested;                /* there are slots in it */
    struct segment *seg;        /* best first, unless the order is that of "first" */
    size_t n, size;
    size_t sorted_from;         /* segments before this are of better nodes */
    struct idhash *seen;
    bool stopped;
    int64_t run;                /* "locality": the longest run where slots are formed now */
    each_f visit;               /* not to form slots, but for each place; or NULL */
    void *arg;
};

static bool better (const struct ctx *c, const struct segment *a,
                    const struct segment *b)
{
    if (a->score != b->score)
        return (a->score > b->score) == (c->policy->high || c->policy->runs);
    if (c->policy->runs)
        return a->start < b->start;
    if (a->vtx != b->vtx)
        return (a->vtx > b->vtx) == c->policy->high;
    return a->start < b->start;
}

static bool add_slot (struct ctx *c, struct slots *s, struct segment x)
{
    size_t i = s->n;

    if (s->n == s->size) {
        size_t size = s->size ? s->size * 2 : 16;
        struct segment *p = realloc (s->seg, size * sizeof (*p));
        if (!p) {
            c->failed = true;
            return false;
        }
        s->seg = p;
        s->size = size;
    }
    while (i > s->sorted_from && better (c, &x, &s->seg[i - 1]))
        i--;
    memmove (&s->seg[i + 1], &s->seg[i], (s->n - i) * sizeof (x));
    s->seg[i] = x;
    s->n++;
    return true;
}

/* Slots that share all they have cost nothing, and there is no end of them: as many as
 * must be are enough. */
#define MAX_FREE_SLOTS 4096

static bool costs (const struct ctx *c, size_t start)
{
    for (size_t i = start; i < c->npick; i++) {
        uint32_t v = c->pick[i].vtx;
        if (v != GRAPH_NONE && (c->pick[i].x || c->g->v[v].inner == GRAPH_NONE))
            return true;
    }
    return false;
}

/* Form slots below p, at most as many as could be used. */
static void fill_some (struct ctx *c, struct slots *s, uint32_t p, int64_t most)
{

    for (int64_t i = 0; i < most && !c->failed; i++) {
        size_t start = c->npick;
        int64_t score;

        if (!s->nested && match_pick (c, GRAPH_NONE, false, false, 0) < 0)
            return;
        if (!match_all (c, p, s->r->child, s->r->nchild, &score)) {
            match_undo (c, start);
            return;
        }
        if (c->policy->runs)
            score = s->run;
        if (!add_slot (c, s, (struct segment){ start, c->npick, score,
                                               c->pick[c->npick - 1].vtx, 1 })) {
            match_undo (c, start);
            return;
        }
        if (i == 0 && !costs (c, start))
            most = s->r->count.min < MAX_FREE_SLOTS ? s->r->count.min : MAX_FREE_SLOTS;
    }
}

/* Take back the slots that were formed since there were 'start' picks. */
static void take_back (struct ctx *c, struct slots *s, size_t start)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->seg[i].start < start)
            s->seg[n++] = s->seg[i];
    s->n = n;
    match_undo (c, start);
}

/* The policy locality */

/* What runs are of. */
static const struct req *run_of (const struct slots *s)
{
    const struct req *r = s->r->child;

    while (r->slot)
        r = r->child;
    return r;
}

/* The shortest run of as many slots as are wanted, -1: there are too few yet. */
static int64_t worst_run (const struct slots *s)
{
    return s->most != REQUEST_MANY && (int64_t)s->n >= s->most ? s->seg[s->most - 1].score : -1;
}

/* Can there be no longer run anywhere?  One is below one parent, but for nodes. */
static bool longest (const struct ctx *c, const struct slots *s)
{
    int type = c->type[req_number (c, run_of (s))];

    return type >= 0 && type != c->type_node && worst_run (s) >= c->g->type[type].widest;
}

/* Is the longest run below p longer than those of as many slots as are wanted?  What is
 * free there bounds it, so most places need no closer look. */
static bool longer (struct ctx *c, struct slots *s, uint32_t p)
{
    const struct req *r = run_of (s);
    int64_t worst = worst_run (s);

    if ((c->when == WHEN_NOW ? graph_free_now (c->g, p, r->type)
                             : graph_total (c->g, p, r->type)) <= worst)
        return false;
    s->run = match_longest (c, p, r);
    return !c->failed && s->run > worst;
}

/* What is in a slot may compete with what is in it, and in the next slot: if it might be
 * that this is why there are no more, the vertices are assigned (match_assign.c). */
static void fill (struct ctx *c, struct slots *s, uint32_t p)
{
    size_t start = c->npick, had = s->n, formed;
    struct assign *a;
    int64_t most = 0;

    if (c->policy->runs && !longer (c, s, p))
        return;
    fill_some (c, s, p, s->most);
    formed = s->n - had;
    if (c->failed || (int64_t)formed >= s->most
        || !match_compete (s->r->child, s->r->nchild))
        return;
    take_back (c, s, start);
    if ((a = assign_new (c, p, s->r->child, s->r->nchild)) && !c->failed)
        most = assign_most (c, a, s->most);
    if (most > (int64_t)formed) {
        if (assign_begin (c, a, most))
            fill_some (c, s, p, most);
        assign_end (c, a);
        if (s->n - had < formed)
            take_back (c, s, start);
    }
    if (s->n == had && !c->failed)
        fill_some (c, s, p, (int64_t)formed);
    assign_free (a);
}

static bool is_parent (const struct ctx *c, const struct slots *s, uint32_t v)
{
    const struct graph *g = c->g;
    const struct vtx *x = &g->v[v];
    bool only_slots = true;

    if (s->raised)
        return x->type == c->type_node
            || (v == s->v && (s->with_nodes || c->type_node < 0));
    for (size_t i = 0; i < s->r->nchild; i++) {
        int t = c->type[req_number (c, &s->r->child[i])];
        if (s->r->child[i].slot)
            continue;
        only_slots = false;
        if (t >= 0 && x->inner != GRAPH_NONE && graph_has_child_type (g, v, t))
            return true;
    }
    return only_slots;
}

/* Form slots wherever they can be below v; true: enough. */
static bool walk (struct ctx *c, uint32_t v, void *arg)
{
    struct slots *s = arg;
    const struct vtx *x = &c->g->v[v];

    if (x->inner == GRAPH_NONE
        || (v != s->v && !match_passes (c, x->parent, v, false)))
        return false;
    if (!match_enough (c, v, s->r)) {
        for (size_t i = 0; i < s->r->nchild; i++) {
            const struct req *r = &s->r->child[i];
            int64_t have = c->when == WHEN_NOW ? graph_free_now (c->g, v, r->type)
                                               : graph_total (c->g, v, r->type);
            if (!r->slot && have < r->count.min)
                match_short (c, v, r, have);
        }
        return false;
    }
    if (is_parent (c, s, v) && s->visit)
        return s->visit (c, v, s->arg);
    if (is_parent (c, s, v)) {
        fill (c, s, v);
        return c->failed || (c->policy->first && (int64_t)s->n >= s->most)
            || (c->policy->runs && longest (c, s));
    }
    if (c->policy->first)
        return match_each_child (c, v, walk, s);
    for (uint32_t i = 0; i < x->nchild; i++)
        if (walk (c, c->g->child[x->child + i], s))
            return true;
    return false;
}

static bool in_node (struct ctx *c, uint32_t node, void *arg)
{
    struct slots *s = arg;

    if (!match_passes (c, s->v, node, false))
        return false;
    s->sorted_from = s->n;
    walk (c, node, s);
    return c->failed || (int64_t)s->n >= s->most;
}

/* The vertex above u that is the place of a slot, coming from s->v. */
static uint32_t place_above (const struct ctx *c, const struct slots *s, uint32_t u)
{
    uint32_t found = GRAPH_NONE;

    for (uint32_t w = u; w != s->v;) {
        w = c->g->v[w].parent;
        if (is_parent (c, s, w))
            found = w;
    }
    return found;
}

/* The best score that a slot could have whose first resource is u. */
static int64_t bound (const struct ctx *c, const struct slots *s, uint32_t u)
{
    const struct graph *g = c->g;
    int64_t sum = 0;

    for (size_t i = 0; i < s->r->nchild; i++) {
        const struct req *r = &s->r->child[i];
        const struct vtype *t = &g->type[c->type[req_number (c, r)]];
        int64_t id = g->v[u].id, most = request_most (r);

        if (i > 0) {
            id = g->v[t->byid ? t->byid[t->n - 1] : t->list[t->n - 1]].id;
            if (!c->policy->high)
                id = 0;
        }
        if (most > INT32_MAX || id > INT32_MAX)
            return c->policy->high ? INT64_MAX : INT64_MIN;
        if (c->policy->high)
            sum += most * (id + 1);
        else
            sum += (i == 0 && g->v[u].size == 1 ? (int64_t)r->count.min : 1)
                   * (id + 1);
    }
    return sum;
}

/* By the id of the first resource, best first: once as many slots are known as
 * are wanted, and no later resource could make a better one, it is done. */
static bool by_resource (struct ctx *c, uint32_t u, void *arg)
{
    struct slots *s = arg;
    uint32_t p;

    if (s->most != REQUEST_MANY && (int64_t)s->n >= s->most) {
        int64_t worst = s->seg[s->most - 1].score, b = bound (c, s, u);
        if (c->policy->high ? b <= worst : b >= worst)
            return s->stopped = true;
    }
    if (!match_passes (c, s->v, u, s->r->child[0].x)
        || (p = place_above (c, s, u)) == GRAPH_NONE
        || idhash_get (s->seen, p))
        return c->failed;
    if (idhash_set (s->seen, p, s) < 0)
        return c->failed = true;
    if (match_enough (c, p, s->r))
        fill (c, s, p);
    return c->failed;
}

/* Many places, no order among them: is by_resource() worth it, and right? */
static bool by_resource_fits (const struct ctx *c, const struct slots *s)
{
    uint32_t lo, hi;

    if (s->raised || s->nested || s->visit || c->policy->runs
        || c->type[req_number (c, &s->r->child[0])] < 0)
        return false;
    for (size_t i = 0; i < s->r->nchild; i++)
        if (c->type[req_number (c, &s->r->child[i])] < 0
            || c->up[req_number (c, &s->r->child[i])])
            return false;
    graph_type_range (c->g, s->v, c->type[req_number (c, &s->r->child[0])], &lo, &hi);
    return hi - lo > 256;
}

static void search (struct ctx *c, struct slots *s)
{
    uint32_t lo = 0, hi = 0;

    if (c->type_node >= 0 && c->g->v[s->v].type != c->type_node)
        graph_type_range (c->g, s->v, c->type_node, &lo, &hi);
    if (c->policy->first)
        walk (c, s->v, s);
    else if ((c->policy->node_centric || c->policy->node_exclusive) && lo < hi
             && !s->with_nodes)
        match_each_id (c, s->v, c->type_node, c->policy->node_exclusive, in_node, s);
    else if (by_resource_fits (c, s)) {
        if (!(s->seen = idhash_new (NULL))) {
            c->failed = true;
            return;
        }
        match_each_id (c, s->v, c->type[req_number (c, &s->r->child[0])],
                       s->r->child[0].x, by_resource, s);
    }
    else
        walk (c, s->v, s);
}

static void look_inside (const struct ctx *c, struct slots *s)
{
    uint32_t lo, hi;

    s->nested = match_nested (s->r);
    for (size_t i = 0; i < s->r->nchild; i++) {
        const struct req *r = &s->r->child[i];
        int t = c->type[req_number (c, r)];

        if (!r->slot && t >= 0 && c->type_node >= 0 && c->g->type[t].n > 0) {
            graph_type_range (c->g, c->g->type[t].list[0], c->type_node, &lo, &hi);
            if (t == c->type_node || lo < hi)
                s->with_nodes = true;
        }
    }
}

bool match_nested (const struct req *r)
{
    for (size_t i = 0; i < r->nchild; i++)
        if (r->child[i].slot)
            return true;
    return false;
}

void match_places (struct ctx *c, uint32_t v, const struct req *r, bool raised, each_f fn,
                   void *arg)
{
    struct slots s = { .r = r, .v = v, .most = request_most (r), .raised = raised,
                       .visit = fn, .arg = arg };

    look_inside (c, &s);
    search (c, &s);
}

/* Some were formed, and there are too few.  If they may be on any of several nodes, what
 * the next would have needed on one of those is not what is short. */
static void too_few (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                     const struct match_why *before)
{
    bool constrained = c->why.constrained;
    uint32_t lo = 0, hi = 0;

    if (c->type_node >= 0 && c->g->v[v].type != c->type_node)
        graph_type_range (c->g, v, c->type_node, &lo, &hi);
    if (n > 0 && lo < hi) {
        c->why = *before;
        c->why.constrained = constrained;
    }
    match_short (c, v, r, (int64_t)n);
}

/* 'count': so many; 0: what the request says. */
static int64_t best_of (const struct slots *s, int64_t count)
{
    if (count > 0)
        return (int64_t)s->n >= count ? count : 0;
    return request_best (s->r, (int64_t)s->n);
}

bool match_slots (struct ctx *c, uint32_t v, const struct req *r, int64_t count,
                  int64_t *score)
{
    struct slots s = { .r = r, .v = v, .most = count > 0 ? count : request_most (r) };
    struct match_why before = c->why;
    size_t start = c->npick, n;
    int64_t best;

    look_inside (c, &s);
    search (c, &s);
    n = s.n;
    if (!c->failed && best_of (&s, count) == 0) {
        match_undo (c, start);
        s.n = s.sorted_from = 0;
        s.raised = true;
        search (c, &s);
    }
    best = c->failed ? 0 : best_of (&s, count);
    if (best == 0) {
        too_few (c, v, r, s.n > n ? s.n : n, &before);
        match_undo (c, start);
    }
    else {
        for (int64_t i = 0; i < best; i++)
            *score += s.seg[i].score;
        match_keep (c, start, s.seg, s.n, (size_t)best);
    }
    idhash_free (s.seen);
    free (s.seg);
    return best > 0;
}
