/* fit.c - when could so many of something fit into the nodes? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/fit.h"
#include "graph/match_private.h"

/* How many times the unit fits from t on, until the next step. */
struct step {
    int64_t t;
    int64_t n;
};

/* Of some types (cores, as a rule) it is also known which of them: what is free all the
 * time is less than what is free at each time. */
#define NAMED 2

/* A job on a node. */
struct stay {
    int64_t start, end;
    int64_t use[GRAPH_TRACK];
    uint64_t which[NAMED];      /* bits: those from place.lo on in the list of the type */
    uint32_t next;              /* of the same node; 0: none */
};

struct place {
    uint32_t head;              /* its stays; 0: none */
    uint32_t lo[NAMED];
    uint32_t n[NAMED];          /* so many are in the node; 0: not known by name */
};

struct change {
    int64_t t;
    const struct stay *stay;    /* NULL: the start of all */
    bool ends;
};

struct fit {
    const struct req *unit;
    bool once;                  /* a node is taken once at most */
    int64_t count;              /* units wanted */
    int64_t need[GRAPH_TRACK];
    int named[NAMED];           /* types, -1: none */
    int64_t named_need[NAMED];
    int64_t from, duration;
    uint32_t nnodes;
    struct step *step;          /* of all nodes, one after the other */
    uint32_t nsteps, size;
    uint32_t *first;            /* of a node: step[first[pos]..first[pos + 1]) */
    struct step *sum;           /* over all nodes */
    uint32_t nsum;
    int64_t *end;               /* of stays, sorted */
    struct stay *stay;          /* stay[0] is not used */
    uint32_t nstays, stays_size;
    struct place *place;        /* of each node */
    /* while it is made */
    struct change *change;
    uint32_t changes_size;
};

void fit_free (struct fit *f)
{
    if (f) {
        free (f->step);
        free (f->first);
        free (f->sum);
        free (f->end);
        free (f->stay);
        free (f->place);
        free (f->change);
        free (f);
    }
}

/* The unit */

static bool above_nodes (const struct ctx *c, int type)
{
    const struct vtype *t = &c->g->type[type];
    uint32_t lo, hi;

    graph_type_range (c->g, t->list[0], c->type_node, &lo, &hi);
    return type != c->type_node && lo < hi;
}

/* Are there nodes, or what contains nodes, among these or below them? */
static bool has_nodes (const struct ctx *c, const struct req *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int t = c->type[req_number (c, &r[i])];
        if (t >= 0 && !r[i].slot && (t == c->type_node || above_nodes (c, t)))
            return true;
        if (has_nodes (c, r[i].child, r[i].nchild))
            return true;
    }
    return false;
}

/* The first vertex on the way down that must lie within one node, or be one. */
static const struct req *find_unit (const struct ctx *c, const struct req *r, size_t n,
                                    int64_t *count)
{
    if (match_alternatives (c, r, n))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        int t = c->type[req_number (c, &r[i])];
        const struct req *u;
        int64_t more = *count * (int64_t)r[i].count.min;

        if (more > INT32_MAX || (!r[i].slot && t < 0))
            continue;
        if (r[i].slot ? has_nodes (c, r[i].child, r[i].nchild)
                      : t != c->type_node && above_nodes (c, t)) {
            if (!(u = find_unit (c, r[i].child, r[i].nchild, &more)))
                continue;
            *count = more;
            return u;
        }
        *count = more;
        return &r[i];
    }
    return NULL;
}

/* Is all that is needed below nodes? */
static bool needs_lie_in_nodes (const struct ctx *c, const struct fit *f)
{
    const struct graph *g = c->g;
    const struct vtype *t = &g->type[c->type_node];

    for (uint32_t k = 0; k < g->ntrack; k++) {
        int64_t sum = 0;
        if (f->need[k] == 0 || k == g->slot_node)
            continue;
        for (uint32_t i = 0; i < t->n; i++)
            if (g->v[t->list[i]].inner != GRAPH_NONE)
                sum += g->total[(size_t)g->v[t->list[i]].inner * g->ntrack + k];
        if (sum != g->total[(size_t)g->v[0].inner * g->ntrack + k])
            return false;
    }
    return true;
}

static void choose_named (const struct ctx *c, struct fit *f)
{
    int n = 0;

    for (uint32_t k = 0; k < c->g->ntrack && n < NAMED; k++) {
        if (f->need[k] == 0 || k == c->g->slot_node)
            continue;
        f->named[n] = (int)c->g->track_type[k];
        f->named_need[n++] = f->need[k];
    }
    while (n < NAMED)
        f->named[n++] = -1;
}

static bool choose (const struct ctx *c, struct fit *f)
{
    bool any = false;
    int own;

    f->count = 1;
    if (c->type_node < 0 || c->g->v[0].inner == GRAPH_NONE || c->g->v[0].type == c->type_node
        || !(f->unit = find_unit (c, c->rq->top, c->rq->ntop, &f->count)))
        return false;
    memcpy (f->need, c->need[req_number (c, f->unit)], sizeof (f->need));
    own = f->unit->slot ? -1 : c->type[req_number (c, f->unit)];
    f->once = own == c->type_node;
    if (own >= 0 && c->g->type[own].track != NOTRACK && (!f->once || f->unit->x))
        f->need[c->g->type[own].track]++;
    for (uint32_t k = 0; k < c->g->ntrack; k++)
        any |= f->need[k] > 0;
    choose_named (c, f);
    return any && needs_lie_in_nodes (c, f);
}

/* Who is on which node, and when */

/* Single ones, up to 64, can be told apart. */
static void find_named (const struct fit *f, const struct graph *g, uint32_t node,
                        struct place *p)
{
    for (int m = 0; m < NAMED; m++) {
        uint32_t lo, hi;

        if (f->named[m] < 0 || g->v[node].inner == GRAPH_NONE)
            continue;
        graph_type_range (g, node, f->named[m], &lo, &hi);
        p->lo[m] = lo;
        if (hi > lo && hi - lo <= 64 && g->v[g->type[f->named[m]].list[lo]].inner == GRAPH_NONE
            && g->total[(size_t)g->v[node].inner * g->ntrack
                        + g->type[f->named[m]].track] == hi - lo)
            p->n[m] = hi - lo;
    }
}

static uint64_t bits_below (uint32_t n)
{
    return n >= 64 ? ~0ull : (1ull << n) - 1;
}

static void name_them (const struct fit *f, const struct graph *g, const struct place *p,
                       const struct job_part *part, struct stay *s)
{
    const struct vtx *v = &g->v[part->vtx];

    for (int m = 0; m < NAMED; m++) {
        uint32_t lo, hi;

        if (p->n[m] == 0)
            continue;
        if (v->type == f->named[m])
            s->which[m] |= 1ull << (v->pos - p->lo[m]);
        else if (part->x && v->inner != GRAPH_NONE) {
            graph_type_range (g, part->vtx, f->named[m], &lo, &hi);
            s->which[m] |= bits_below (hi - p->lo[m]) & ~bits_below (lo - p->lo[m]);
        }
    }
}

static int add_stay (struct fit *f, const struct graph *g, uint32_t node,
                     const struct job *j, const struct job_part *p)
{
    struct place *place = &f->place[g->v[node].pos];
    uint32_t *head = &place->head;
    const struct vtx *v = &g->v[p->vtx];
    uint8_t own = g->type[v->type].track;
    struct stay *s = &f->stay[*head];

    if (*head == 0)
        find_named (f, g, node, place);
    if (*head == 0 || s->start != j->start || s->end != j->end) {
        if (f->nstays + 1 >= f->stays_size) {
            uint32_t size = f->stays_size ? f->stays_size * 2 : 256;
            if (!(s = realloc (f->stay, size * sizeof (*s))))
                return -ENOMEM;
            f->stay = s;
            f->stays_size = size;
        }
        s = &f->stay[++f->nstays];
        *s = (struct stay){ .start = j->start, .end = j->end, .next = *head };
        *head = f->nstays;
    }
    name_them (f, g, place, p, s);
    if (own != NOTRACK && (p->x || v->inner == GRAPH_NONE))
        s->use[own] += p->x ? v->size : p->amount;
    for (uint32_t k = 0; p->x && v->inner != GRAPH_NONE && k < g->ntrack; k++)
        s->use[k] += g->total[(size_t)v->inner * g->ntrack + k];
    return 0;
}

/* All nodes below the exclusive part. */
static int add_nodes (struct fit *f, const struct ctx *c, const struct job *j, uint32_t v)
{
    const struct vtype *t = &c->g->type[c->type_node];
    uint32_t lo, hi;
    int rc = 0;

    graph_type_range (c->g, v, c->type_node, &lo, &hi);
    for (; rc == 0 && lo < hi; lo++)
        rc = add_stay (f, c->g, t->list[lo], j,
                       &(struct job_part){ t->list[lo], true, 1 });
    return rc;
}

static int add_job (struct fit *f, const struct ctx *c, const struct job *j)
{
    const struct graph *g = c->g;
    uint32_t node = GRAPH_NONE;
    int rc = 0;

    for (size_t i = 0, next; rc == 0 && i < j->nparts; i = next) {
        const struct job_part *p = &j->part[i];

        next = p->x ? job_skip (g, j, i) : i + 1;
        if (g->v[p->vtx].type == c->type_node)
            node = p->vtx;
        if (node != GRAPH_NONE && p->vtx >= node && p->vtx < g->v[node].end)
            rc = add_stay (f, g, node, j, p);
        else if (p->x)
            rc = add_nodes (f, c, j, p->vtx);
    }
    return rc;
}

/* Steps */

static int cmp_change (const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    return x->t < y->t ? -1 : x->t > y->t;
}

static int cmp_step (const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return x->t < y->t ? -1 : x->t > y->t;
}

static int add_step (struct fit *f, int64_t t, int64_t n)
{
    if (f->nsteps > f->first[f->nnodes] && f->step[f->nsteps - 1].t == t)
        f->step[f->nsteps - 1].n = n;
    else {
        if (f->nsteps == f->size) {
            uint32_t size = f->size ? f->size * 2 : 256;
            struct step *p = realloc (f->step, size * sizeof (*p));
            if (!p)
                return -ENOMEM;
            f->step = p;
            f->size = size;
        }
        f->step[f->nsteps++] = (struct step){ t, n };
    }
    return 0;
}

static int64_t times_it_fits (const struct ctx *c, const struct fit *f, const int64_t *have)
{
    int64_t n = f->once ? 1 : INT32_MAX;

    for (uint32_t k = 0; k < c->g->ntrack; k++)
        if (f->need[k] > 0 && have[k] / f->need[k] < n)
            n = have[k] / f->need[k];
    return n > 0 ? n : 0;
}

/* The beginnings and ends of what is on the node, in order. */
static int list_changes (struct fit *f, uint32_t head, uint32_t *np)
{
    uint32_t n = 0;

    for (uint32_t s = head; s; s = f->stay[s].next, n += 2) {
        if (n + 2 > f->changes_size) {
            uint32_t size = f->changes_size ? f->changes_size * 2 : 64;
            struct change *p = realloc (f->change, size * sizeof (*p));
            if (!p)
                return -ENOMEM;
            f->change = p;
            f->changes_size = size;
        }
        f->change[n] = (struct change){ f->stay[s].start, &f->stay[s], false };
        f->change[n + 1] = (struct change){ f->stay[s].end, &f->stay[s], true };
    }
    if (n > 0)
        qsort (f->change, n, sizeof (*f->change), cmp_change);
    *np = n;
    return 0;
}

static int add_node (const struct ctx *c, struct fit *f, uint32_t v, uint32_t head)
{
    const struct graph *g = c->g;
    int64_t have[GRAPH_TRACK] = { 0 }, last = -1;
    uint32_t n, i = 0;
    int rc = list_changes (f, head, &n);

    if (g->v[v].inner != GRAPH_NONE)
        memcpy (have, g->total + (size_t)g->v[v].inner * g->ntrack,
                g->ntrack * sizeof (*have));
    if (g->slot_node != NOTRACK)
        have[g->slot_node] += g->v[v].size;
    for (int64_t t = f->from; rc == 0;) {
        for (; i < n && f->change[i].t <= t; i++)
            for (uint32_t k = 0; k < g->ntrack; k++)
                have[k] += f->change[i].ends ? f->change[i].stay->use[k]
                                             : -f->change[i].stay->use[k];
        if (times_it_fits (c, f, have) != last)
            rc = add_step (f, t, last = times_it_fits (c, f, have));
        if (i == n)
            break;
        t = f->change[i].t;
    }
    return rc;
}

static int add_up (struct fit *f)
{
    uint32_t out = 0;
    int64_t sum = 0;

    if (!(f->sum = malloc ((f->nsteps + 1) * sizeof (*f->sum))))
        return -ENOMEM;
    for (uint32_t i = 0; i < f->nnodes; i++)
        for (uint32_t s = f->first[i]; s < f->first[i + 1]; s++) {
            int64_t before = s > f->first[i] ? f->step[s - 1].n : 0;
            f->sum[f->nsum++] = (struct step){ f->step[s].t, f->step[s].n - before };
        }
    qsort (f->sum, f->nsum, sizeof (*f->sum), cmp_step);
    for (uint32_t s = 0; s < f->nsum; s++) {
        sum += f->sum[s].n;
        if (out == 0 || f->sum[out - 1].t != f->sum[s].t)
            out++;
        f->sum[out - 1] = (struct step){ f->sum[s].t, sum };
    }
    f->nsum = out;
    return 0;
}

static int cmp_time (const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int list_ends (struct fit *f)
{
    if (!(f->end = malloc ((f->nstays + 1) * sizeof (*f->end))))
        return -ENOMEM;
    for (uint32_t s = 0; s < f->nstays; s++)
        f->end[s] = f->stay[s + 1].end;
    qsort (f->end, f->nstays, sizeof (*f->end), cmp_time);
    return 0;
}

static int make (struct ctx *c, struct fit *f)
{
    const struct vtype *t = &c->g->type[c->type_node];
    int rc = 0;

    f->place = calloc (t->n, sizeof (*f->place));
    f->first = calloc (t->n + 1, sizeof (*f->first));
    /* stay[0] is there for those who look before they know */
    f->stay = calloc (f->stays_size = 256, sizeof (*f->stay));
    if (!f->place || !f->first || !f->stay)
        return -ENOMEM;
    for (const struct job *j = c->g->job_first; rc == 0 && j; j = j->next)
        if (j->end > f->from && j->nspans > 0)
            rc = add_job (f, c, j);
    for (; rc == 0 && f->nnodes < t->n; f->nnodes++) {
        uint32_t v = t->list[f->nnodes];

        f->first[f->nnodes] = f->nsteps;
        if (graph_usable (c->g, v) && match_node_ok (c, v))
            rc = add_node (c, f, v, f->place[f->nnodes].head);
    }
    f->first[f->nnodes] = f->nsteps;
    if (rc < 0 || (rc = add_up (f)) < 0)
        return rc;
    return list_ends (f);
}

int fit_new (struct ctx *c, int64_t from, int64_t duration, struct fit **fitp)
{
    struct fit *f = calloc (1, sizeof (*f));

    *fitp = NULL;
    if (!f)
        return -ENOMEM;
    f->from = from;
    f->duration = duration;
    if (!choose (c, f)) {
        fit_free (f);
        return 0;
    }
    if (make (c, f) < 0) {
        fit_free (f);
        return -ENOMEM;
    }
    *fitp = f;
    return 0;
}

/* Ask */

/* The last of n steps that is not after t. */
static uint32_t step_at (const struct step *s, uint32_t n, int64_t t)
{
    uint32_t lo = 0, hi = n;

    while (lo + 1 < hi) {
        uint32_t m = lo + (hi - lo) / 2;
        if (s[m].t <= t)
            lo = m;
        else
            hi = m;
    }
    return lo;
}

static int64_t least_in_node (const struct fit *f, uint32_t pos, int64_t at, int64_t end)
{
    const struct step *s = f->step + f->first[pos];
    uint32_t n = f->first[pos + 1] - f->first[pos], i = step_at (s, n, at);
    int64_t least = n > 0 ? s[i].n : 0;

    for (; i < n && s[i].t < end; i++)
        if (s[i].n < least)
            least = s[i].n;
    return least;
}

/* The same, with regard to which of them are free all the time. */
static int64_t free_in_node (const struct fit *f, uint32_t pos, int64_t at, int64_t end)
{
    const struct place *p = &f->place[pos];
    int64_t n = least_in_node (f, pos, at, end);
    uint64_t which[NAMED] = { 0 };

    for (uint32_t s = n > 0 ? p->head : 0; s; s = f->stay[s].next)
        if (f->stay[s].start < end && f->stay[s].end > at)
            for (int m = 0; m < NAMED; m++)
                which[m] |= f->stay[s].which[m];
    for (int m = 0; m < NAMED; m++) {
        int64_t left = p->n[m] - __builtin_popcountll (which[m]);
        if (p->n[m] > 0 && left / f->named_need[m] < n)
            n = left / f->named_need[m];
    }
    return n;
}

bool fit_in_node (const struct fit *f, const struct req *r, uint32_t pos, int64_t at,
                  int64_t end)
{
    return r != f->unit || at < f->from || free_in_node (f, pos, at, end) > 0;
}

/* Each node by itself through all of the time. */
static bool enough (const struct fit *f, int64_t at, int64_t end)
{
    int64_t n = 0, most = 0;

    for (uint32_t i = 0; i < f->nnodes && most < f->count; i++)
        most += least_in_node (f, i, at, end);
    for (uint32_t i = 0; i < f->nnodes && n < f->count && most >= f->count; i++)
        n += free_in_node (f, i, at, end);
    return most >= f->count && n >= f->count;
}

/* The first time after t at which something ends, or PLANNER_END. */
static int64_t next_end (const struct fit *f, int64_t t)
{
    uint32_t lo = 0, hi = f->nstays;

    while (lo < hi) {
        uint32_t m = lo + (hi - lo) / 2;
        if (f->end[m] <= t)
            lo = m + 1;
        else
            hi = m;
    }
    return lo < f->nstays ? f->end[lo] : PLANNER_END;
}

int64_t fit_earliest (const struct fit *f, int64_t t)
{
    uint32_t i = step_at (f->sum, f->nsum, t), k;

    if (f->nsum == 0)
        return -1;
    if (t < f->from)
        t = f->from;
    for (;;) {
        int64_t end = f->duration > PLANNER_END - t ? PLANNER_END : t + f->duration;

        for (k = i; k < f->nsum && f->sum[k].t < end && f->sum[k].n >= f->count; k++)
            ;
        if (k == f->nsum || f->sum[k].t >= end) {
            if (enough (f, t, end))
                return t;
            /* it is the wrong ones: where one job follows the other, sums do not change */
            if ((t = next_end (f, t)) >= PLANNER_END)
                return -1;
            i = step_at (f->sum, f->nsum, t);
            continue;
        }
        /* it is too little at k: not before there is more */
        for (i = k + 1; i < f->nsum && f->sum[i].n < f->count; i++)
            ;
        if (i >= f->nsum || f->sum[i].t >= PLANNER_END)
            return -1;
        t = f->sum[i].t;
    }
}
