/* match_exact.c - search for siblings that share what they take from
 *
 *   node0: 4 cores, 1 gpu       A: node[1] > core[3]
 *   node1: 3 cores              B: node[1] > core[2] gpu[1]
 *
 * Nodes that are not exclusive may serve several siblings, so what one takes is not there for
 * the next: served in order, A takes node0 and B finds nothing.  That is a packing of bins, for
 * which there is no quick way.  When the others have failed, all choices are tried, with the
 * least counts, in the order of the policy; what is equal is tried once.
 *
 * What is still to be done after a choice is a list of goals, on the stack of the calls that
 * made the choices before; so whatever was chosen last, at any level, is chosen anew first.
 */
#include <stdlib.h>

#include "graph/match_private.h"

#define MAX_REQS 64             /* of the request; a larger one is not searched */
#define MAX_DEPTH 1500          /* choices that lead to one another: half a KB of stack each */

enum kind { LIST, CHOICE };

struct cand {
    uint32_t vtx;
    int64_t units;              /* that one of it gives */
    uint32_t n;                 /* members: it and those after it, all alike */
};

/* Where one request vertex could be had from, in the order of the policy. */
struct choice {
    struct ctx *c;
    const struct req *r;
    uint32_t v;
    bool leaf;                  /* wants nothing below: groups of like ones are one choice */
    struct cand *cand;
    size_t n, size;
};

struct goal {
    enum kind kind;
    const struct goal *next;
    /* LIST: r[0..n) below v, of which i are done; of slots that are alternatives, only 'only' */
    const struct req *r;
    size_t n, i, only;
    uint32_t v;
    /* CHOICE: 'left' more of a choice, from 'from' on */
    struct choice *ch;
    size_t from;
    int64_t left;
};

struct search {
    struct ctx *c;
    int steps, depth;
    uint32_t places[MAX_REQS];  /* by number of the request vertex */
};

static bool solve (struct search *s, const struct goal *g);

/* Are u and w, neighbours, equal to the request in all that is in them? */
static bool alike (struct ctx *c, uint32_t u, uint32_t w)
{
    const struct graph *g = c->g;
    uint32_t n = g->v[u].end - u;

    if (g->naux > 0 || g->v[u].parent != g->v[w].parent || g->v[w].end - w != n)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct vtx *a = &g->v[u + i], *b = &g->v[w + i];
        bool here = a->type == b->type && a->size == b->size && a->down == b->down
            && a->end - u == b->end - w && !match_touched (c, u + i)
            && !match_touched (c, w + i)
            && match_conflict (c, u + i, true) == match_conflict (c, w + i, true)
            && match_conflict (c, u + i, false) == match_conflict (c, w + i, false);
        if (!here || (a->inner == GRAPH_NONE
                      && match_units_free (c, u + i) != match_units_free (c, w + i))
            || (a->type == c->type_node && match_node_ok (c, u + i) != match_node_ok (c, w + i)))
            return false;
    }
    return true;
}

static bool add_cand (struct ctx *c, uint32_t u, void *arg)
{
    struct choice *ch = arg;

    if (ch->n == ch->size) {
        size_t size = ch->size ? ch->size * 2 : 16;
        struct cand *p = realloc (ch->cand, size * sizeof (*p));
        if (!p)
            return c->failed = true;
        ch->cand = p;
        ch->size = size;
    }
    ch->cand[ch->n++] = (struct cand){ .vtx = u, .n = 1 };
    return false;
}

static int64_t units_of (struct ctx *c, const struct req *r, uint32_t u)
{
    return r->x || !graph_is_pool (c->g, u) ? c->g->v[u].size : match_units_free (c, u);
}

/* Only what may be taken counts, and like ones beside each other are a group (but not pools
 * on ways up: others may have other ways). */
static void group_leaves (struct choice *ch)
{
    struct ctx *c = ch->c;
    size_t out = 0, last = 0;

    for (size_t i = 0; i < ch->n; i++) {
        uint32_t u = ch->cand[i].vtx;
        int64_t units;

        if (!match_passes (c, ch->v, u, ch->r->x) || (units = units_of (c, ch->r, u)) <= 0)
            continue;
        ch->cand[out] = (struct cand){ u, units, 1 };
        if (out > 0 && units == ch->cand[last].units && !c->up[req_number (c, ch->r)]
            && c->g->v[u].parent == c->g->v[ch->cand[last].vtx].parent)
            ch->cand[last].n++;
        else
            last = out;
        out++;
    }
    ch->n = out;
}

static bool all_leaves (const struct choice *ch)
{
    for (size_t i = 0; i < ch->n; i++)
        if (!graph_is_pool (ch->c->g, ch->cand[i].vtx))
            return false;
    return true;
}

static void choice_make (struct choice *ch, struct ctx *c, const struct req *r, uint32_t v)
{
    int type = c->type[req_number (c, r)];

    *ch = (struct choice){ .c = c, .r = r, .v = v };
    if (type < 0)
        return;
    match_candidates (c, v, r, add_cand, ch);
    if ((ch->leaf = r->nchild == 0 && all_leaves (ch)))
        group_leaves (ch);
}

/* k units of a group, its first members first. */
static bool take_units (struct choice *ch, size_t at, int64_t k)
{
    for (size_t i = at; k > 0; i++) {
        int64_t n = ch->cand[i].units;

        if (!ch->r->x && n > k && graph_is_pool (ch->c->g, ch->cand[i].vtx))
            n = k;
        if (match_pick (ch->c, ch->cand[i].vtx, ch->r->x, ch->r->full, n) < 0)
            return false;
        k -= n;
    }
    return true;
}

static int64_t units_after (const struct choice *ch, size_t from, int64_t enough)
{
    int64_t sum = 0;

    for (size_t i = from; i < ch->n && sum < enough; i += ch->cand[i].n)
        sum += ch->cand[i].units * ch->cand[i].n;
    return sum;
}

/* From the first group as much as can be, or less, if those after it have the rest. */
static bool choose_units (struct search *s, const struct goal *g)
{
    struct choice *ch = g->ch;
    const struct cand *x;
    int64_t all, least, step;

    if (g->left <= 0)
        return solve (s, g->next);
    if (g->from >= ch->n)
        return false;
    x = &ch->cand[g->from];
    all = x->units * x->n;
    step = ch->r->x ? x->units : 1;
    least = g->left - units_after (ch, g->from + x->n, g->left);
    for (int64_t k = all < g->left ? all : (g->left + step - 1) / step * step;
         k >= least && k >= 0 && s->steps > 0; k -= step) {
        struct goal rest = *g;
        size_t start = s->c->npick;

        s->steps--;
        rest.from = g->from + x->n;
        rest.left = g->left - k;
        if (take_units (ch, g->from, k) && solve (s, &rest))
            return true;
        match_undo (s->c, start);
        if (s->c->failed)
            return false;
    }
    return false;
}

/* May u be the next vertex, or the place of the next slot? */
static bool may_be (struct ctx *c, const struct choice *ch, uint32_t u)
{
    if (ch->r->slot)
        return (u == ch->v || match_passes (c, ch->v, u, false)) && match_enough (c, u, ch->r);
    return match_passes (c, ch->v, u, ch->r->x) && match_enough (c, u, ch->r);
}

static int pick (struct ctx *c, const struct req *r, uint32_t u)
{
    if (!r->slot)
        return match_pick (c, u, r->x, r->full, c->g->v[u].size);
    return match_nested (r) ? 0 : match_pick (c, GRAPH_NONE, false, false, 0);
}

/* A vertex, or a place; the next slot is formed where the last one was, or further on. */
static bool choose_one (struct search *s, const struct goal *g)
{
    struct ctx *c = s->c;
    struct choice *ch = g->ch;
    uint32_t failed = GRAPH_NONE;

    if (g->left <= 0)
        return solve (s, g->next);
    for (size_t i = g->from; i < ch->n && s->steps > 0 && !c->failed; i++) {
        uint32_t u = ch->cand[i].vtx;
        struct goal rest = *g;
        struct goal below = { .kind = LIST, .next = &rest, .r = ch->r->child,
                              .n = ch->r->nchild, .v = u };
        size_t start = c->npick;

        s->steps--;
        if (!may_be (c, ch, u) || (failed != GRAPH_NONE && alike (c, failed, u)))
            continue;
        rest.from = ch->r->slot ? i : i + 1;
        rest.left -= ch->r->slot ? 1 : c->g->v[u].size;
        if (pick (c, ch->r, u) == 0 && solve (s, &below))
            return true;
        match_undo (c, start);
        failed = u;
    }
    return false;
}

static bool solve_slots (struct search *s, const struct req *r, uint32_t v,
                         const struct goal *rest)
{
    bool found = false;

    for (int raised = 0; raised < 2 && !found && !s->c->failed; raised++) {
        struct choice ch = { .c = s->c, .r = r, .v = v };
        struct goal more = { .kind = CHOICE, .next = rest, .ch = &ch,
                             .left = (int64_t)r->count.min };

        match_places (s->c, v, r, raised, add_cand, &ch);
        found = !s->c->failed && solve (s, &more);
        free (ch.cand);
    }
    return found;
}

static bool solve_one (struct search *s, const struct req *r, uint32_t v,
                       const struct goal *rest)
{
    struct goal more = { .kind = CHOICE, .next = rest, .left = (int64_t)r->count.min };
    struct choice ch;
    bool found;

    if (r->slot)
        return solve_slots (s, r, v, rest);
    choice_make (&ch, s->c, r, v);
    more.ch = &ch;
    found = !s->c->failed && solve (s, &more);
    free (ch.cand);
    return found;
}

/* Of slots that are alternatives, each by itself with all that is beside them. */
static bool solve_alternatives (struct search *s, const struct goal *g)
{
    for (size_t k = 0; k < g->n && !s->c->failed; k++) {
        struct goal one = *g;

        one.only = k + 1;
        if (g->r[k].slot && solve (s, &one))
            return true;
    }
    return false;
}

static void count_places (struct search *s)
{
    for (size_t n = 0; n < s->c->nreq; n++)
        s->places[n] = match_chances (s->c, 0, s->c->by_number[n]);
}

/* What can be had in few places comes first: vertices with others below them, of equal ones
 * what is taken whole; then slots; the rest. */
static int64_t order_of (const struct search *s, const struct req *r)
{
    uint32_t n = s->places[req_number (s->c, r)];

    if (n == GRAPH_NONE)
        return (int64_t)(r->slot ? 1 : 2) << 40;
    return (int64_t)n * 2 + !r->x;
}

static const struct req *in_order (const struct search *s, const struct goal *g)
{
    for (size_t k = 0; k < g->n; k++) {
        int64_t mine = order_of (s, &g->r[k]);
        size_t before = 0;

        for (size_t o = 0; o < g->n; o++) {
            int64_t other = order_of (s, &g->r[o]);
            before += other < mine || (other == mine && o < k);
        }
        if (before == g->i)
            return &g->r[k];
    }
    return NULL;
}

static bool solve_list (struct search *s, const struct goal *g)
{
    struct goal rest = *g;
    const struct req *r = in_order (s, g);

    if (g->i == g->n)
        return solve (s, g->next);
    if (g->only == 0 && match_alternatives (s->c, g->r, g->n))
        return solve_alternatives (s, g);
    rest.i++;
    if (g->only > 0 && r->slot && r != &g->r[g->only - 1])
        return solve (s, &rest);
    return solve_one (s, r, g->v, &rest);
}

static bool solve (struct search *s, const struct goal *g)
{
    bool found;

    if (!g)
        return true;
    if (s->steps <= 0 || s->depth == MAX_DEPTH || s->c->failed)
        return false;
    s->depth++;
    if (g->kind == LIST)
        found = solve_list (s, g);
    else
        found = g->ch->leaf ? choose_units (s, g) : choose_one (s, g);
    s->depth--;
    return found;
}

/* Could a and b, or what is wanted in them, want the same? */
static bool overlap (const struct ctx *c, const struct req *a, const struct req *b)
{
    int ta = c->type[req_number (c, a)], tb = c->type[req_number (c, b)];
    uint32_t lo, hi;

    if (!a->slot && !b->slot && ta >= 0 && tb >= 0) {
        if (c->up[req_number (c, a)] || c->up[req_number (c, b)])
            return ta == tb;
        if (ta == tb && (a->x || b->x || (a->nchild == 0 && b->nchild == 0)))
            return true;
        graph_type_range (c->g, c->g->type[ta].list[0], tb, &lo, &hi);
        if (a->x && lo < hi)
            return true;
        graph_type_range (c->g, c->g->type[tb].list[0], ta, &lo, &hi);
        if (b->x && lo < hi)
            return true;
    }
    for (size_t i = 0; i < a->nchild; i++)
        if (overlap (c, &a->child[i], b))
            return true;
    for (size_t i = 0; i < b->nchild; i++)
        if (overlap (c, a, &b->child[i]))
            return true;
    return false;
}

/* What is on ways up may be wanted by every vertex that is found. */
static bool any_overlap (const struct ctx *c, const struct req *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->up[req_number (c, &r[i])] || any_overlap (c, r[i].child, r[i].nchild))
            return true;
        for (size_t k = 0; k < i; k++)
            if (overlap (c, &r[i], &r[k]))
                return true;
    }
    return false;
}

bool match_exact (struct ctx *c)
{
    struct search s = { .c = c, .steps = c->choices / 4 };     /* some are left for later times */
    bool found;
    struct goal all = { .kind = LIST, .r = c->rq->top, .n = c->rq->ntop };

    if (c->nreq > MAX_REQS || !any_overlap (c, c->rq->top, c->rq->ntop))
        return false;
    count_places (&s);
    c->choices -= s.steps;
    found = solve (&s, &all);
    c->choices += s.steps;
    if (!found)
        match_undo (c, 0);
    return found;
}
