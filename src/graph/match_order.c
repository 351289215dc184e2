/* match_order.c - policies that compare what was found before they take it
 *
 *   locality    ids 0 1 . 3 4 5 . 7     runs of consecutive ids, the longest first:
 *                                       3 4 5, then 0 1, then 7
 *   variation   classes 1 1 2 2 2 3     of nodes, the stretch of as many as are wanted
 *                                       over which the class varies least
 */
#include <stdlib.h>

#include "graph/match_private.h"

struct found {
    struct segment seg;
    int64_t group;              /* only within one are ids consecutive */
    int64_t key;                /* id, or class */
    int64_t length;             /* units in its run */
    size_t run;
};

static int cmp_key (const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->seg.vtx < y->seg.vtx ? -1 : x->seg.vtx > y->seg.vtx;
}

static int cmp_run (const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return cmp_key (a, b);
}

/* A run goes on where this request has begun to take it, slot by slot. */
static int64_t begun (const struct ctx *c, const struct found *f)
{
    const struct vtx *v = &c->g->v[f->seg.vtx], *w;
    const struct vtype *t = &c->g->type[v->type];
    int64_t n = 0;

    if (f->seg.vtx >= c->g->tree_n)
        return 0;
    for (uint32_t pos = v->pos; pos > 0; v = w) {
        w = &c->g->v[t->list[--pos]];
        if (!match_touched (c, t->list[pos]) || w->id != v->id - 1
            || (v->type != c->type_node && w->parent != v->parent))
            break;
        n += w->size;
    }
    return n;
}

static void by_runs (const struct ctx *c, struct found *f, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        int64_t length = f[i].seg.amount + begun (c, &f[i]);

        for (end = i + 1; end < n && f[end].group == f[i].group
             && f[end].key - 1 == f[end - 1].key; end++)
            length += f[end].seg.amount;
        for (size_t k = i; k < end; k++) {
            f[k].length = length;
            f[k].run = i;
        }
    }
    qsort (f, n, sizeof (*f), cmp_run);
}

/* The stretch of 'want' over which the class varies least comes first. */
static void by_class (struct found *f, size_t n, size_t want)
{
    size_t best = 0;

    for (size_t i = 0; want > 0 && i + want <= n; i++)
        if (f[i + want - 1].key - f[i].key < f[best + want - 1].key - f[best].key)
            best = i;
    for (size_t i = 0; i < n; i++)
        f[i].run = i >= best ? i - best : n + i;
    qsort (f, n, sizeof (*f), cmp_run);
}

/* A whole number, or above all that are. */
static int64_t class_of (const struct graph *g, uint32_t v)
{
    const char *s = json_string_value (json_object_get (graph_properties (g, v),
                                                        "perf_class"));
    char *end;
    long n = s ? strtol (s, &end, 10) : 0;

    return s && end != s && *end == '\0' && n >= 0 && n < INT32_MAX ? n : INT32_MAX;
}

bool match_compares (const struct ctx *c, int type)
{
    return c->policy->runs || (c->policy->classes && type == c->type_node);
}

void match_order (struct ctx *c, int type, struct segment *seg, size_t n, int64_t want)
{
    const struct graph *g = c->g;
    struct found *f = malloc ((n + 1) * sizeof (*f));

    if (!f) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct vtx *v = &g->v[seg[i].vtx];
        f[i] = (struct found){ .seg = seg[i],
                               .group = type == c->type_node ? 0 : v->parent,
                               .key = c->policy->runs ? v->id : class_of (g, seg[i].vtx) };
    }
    qsort (f, n, sizeof (*f), cmp_key);
    if (c->policy->runs)
        by_runs (c, f, n);
    else
        by_class (f, n, want < (int64_t)n ? (size_t)want : n);
    for (size_t i = 0; i < n; i++)
        seg[i] = f[i].seg;
    free (f);
}

int64_t match_longest (struct ctx *c, uint32_t p, const struct req *r)
{
    const struct graph *g = c->g;
    int type = c->type[req_number (c, r)];
    struct segment *seg;
    uint32_t lo = 0, hi = 0;
    size_t n = 0, i = 1;
    int64_t length = 0;

    if (type >= 0)
        graph_type_range (g, p, type, &lo, &hi);
    if (!(seg = malloc ((hi - lo + 1) * sizeof (*seg)))) {
        c->failed = true;
        return 0;
    }
    for (; lo < hi; lo++) {
        uint32_t u = g->type[type].list[lo];
        if (match_passes (c, p, u, r->x))
            seg[n++] = (struct segment){ .vtx = u, .amount = match_units_free (c, u) };
    }
    match_order (c, type, seg, n, 0);
    for (length = n > 0 ? seg[0].amount : 0; i < n; i++) {
        const struct vtx *v = &g->v[seg[i - 1].vtx], *w = &g->v[seg[i].vtx];
        if (w->id != v->id + 1 || (type != c->type_node && w->parent != v->parent))
            break;
        length += seg[i].amount;
    }
    free (seg);
    return length;
}
