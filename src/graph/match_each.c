/* match_each.c - the order in which vertices are tried
 *
 * Two orders: by id, with the bits of the type to step over what is taken; and
 * for "first" depth first, at each vertex the child with the most left free
 * first, the last of those that have as much.
 */
#include <stdlib.h>

#include "graph/match_private.h"

static const struct bits *bits_of (const struct ctx *c, const struct vtype *t,
                                   bool byid, bool idle)
{
    if (c->when != WHEN_NOW)
        return NULL;
    if (byid)
        return idle ? &t->id_idle : &t->id_avail;
    return idle ? &t->idle : &t->avail;
}

/* The next place of lo..hi-1 after 'at' (or the first, if at is BITS_NONE). */
static uint32_t step (const struct bits *b, bool down, uint32_t lo, uint32_t hi,
                      uint32_t at)
{
    uint32_t i;

    if (down) {
        if (at == BITS_NONE)
            at = hi;
        if (at <= lo)
            return BITS_NONE;
        i = b ? bits_prev (b, at - 1) : at - 1;
        return i == BITS_NONE || i < lo ? BITS_NONE : i;
    }
    at = at == BITS_NONE ? lo : at + 1;
    if (at >= hi)
        return BITS_NONE;
    i = b ? bits_next (b, at) : at;
    return i == BITS_NONE || i >= hi ? BITS_NONE : i;
}

/* Is it a node that the window excludes? */
static bool outside (const struct ctx *c, const struct vtype *t, uint32_t pos, bool idle)
{
    return idle && c->window && t == &c->g->type[c->type_node]
        && !(c->window[pos >> 6] >> (pos & 63) & 1);
}

static bool each_in_list (struct ctx *c, const struct vtype *t, uint32_t lo,
                          uint32_t hi, bool idle, each_f fn, void *arg)
{
    const struct bits *b = bits_of (c, t, false, idle);
    uint32_t i = BITS_NONE;

    while ((i = step (b, c->policy->high, lo, hi, i)) != BITS_NONE)
        if (!outside (c, t, i, idle) && fn (c, t->list[i], arg))
            return true;
    return false;
}

static bool ascending (const struct graph *g, const struct vtype *t, uint32_t lo,
                       uint32_t hi)
{
    for (uint32_t i = lo + 1; i < hi; i++)
        if (g->v[t->list[i - 1]].id >= g->v[t->list[i]].id)
            return false;
    return true;
}

struct idkey {
    int64_t id;
    uint32_t vtx;
};

static int cmp_key (const void *a, const void *b)
{
    const struct idkey *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->vtx < y->vtx ? -1 : x->vtx > y->vtx;
}

/* A small range whose ids are in no order. */
static bool each_sorted (struct ctx *c, const struct vtype *t, uint32_t lo,
                         uint32_t hi, bool idle, each_f fn, void *arg)
{
    const struct bits *b = bits_of (c, t, false, idle);
    struct idkey *key = malloc ((hi - lo) * sizeof (*key));
    uint32_t n = 0;
    bool stop = false;

    if (!key)
        return c->failed = true;
    for (uint32_t i = lo; i < hi; i++)
        if (!b || bits_test (b, i))
            key[n++] = (struct idkey){ c->g->v[t->list[i]].id, t->list[i] };
    qsort (key, n, sizeof (*key), cmp_key);
    for (uint32_t i = 0; i < n && !stop; i++)
        stop = fn (c, key[c->policy->high ? n - 1 - i : i].vtx, arg);
    free (key);
    return stop;
}

bool match_each_id (struct ctx *c, uint32_t v, int type, bool idle, each_f fn,
                    void *arg)
{
    const struct vtype *t = &c->g->type[type];
    uint32_t lo, hi, i = BITS_NONE;
    const struct bits *b;

    graph_type_range (c->g, v, type, &lo, &hi);
    if (lo == hi)
        return false;
    if (!t->byid || (hi - lo <= 256 && ascending (c->g, t, lo, hi)))
        return each_in_list (c, t, lo, hi, idle, fn, arg);
    if (hi - lo < t->n / 4)
        return each_sorted (c, t, lo, hi, idle, fn, arg);
    b = bits_of (c, t, true, idle);
    while ((i = step (b, c->policy->high, 0, t->n, i)) != BITS_NONE) {
        uint32_t pos = c->g->v[t->byid[i]].pos;
        if (pos >= lo && pos < hi && fn (c, t->byid[i], arg))
            return true;
    }
    return false;
}

/* The halves of a tree of weights that are still to be looked at, the heaviest on
 * top of a heap; of equal weight that which is further to the right. */
struct half {
    int64_t w;
    uint32_t node, right;
};

static bool heavier (const struct half *a, const struct half *b)
{
    return a->w != b->w ? a->w > b->w : a->right > b->right;
}

static bool half_push (struct half **heap, size_t *n, size_t *size, struct half x)
{
    size_t i = (*n)++;

    if (*n > *size) {
        size_t s = *size ? *size * 2 : 64;
        struct half *p = realloc (*heap, s * sizeof (*p));
        if (!p)
            return false;
        *heap = p;
        *size = s;
    }
    for (; i > 0 && heavier (&x, &(*heap)[(i - 1) / 2]); i = (i - 1) / 2)
        (*heap)[i] = (*heap)[(i - 1) / 2];
    (*heap)[i] = x;
    return true;
}

static struct half half_pop (struct half *heap, size_t *n)
{
    struct half top = heap[0], x = heap[--*n];
    size_t i = 0, k;

    while ((k = 2 * i + 1) < *n) {
        if (k + 1 < *n && heavier (&heap[k + 1], &heap[k]))
            k++;
        if (!heavier (&heap[k], &x))
            break;
        heap[i] = heap[k];
        i = k;
    }
    heap[i] = x;
    return top;
}

static bool each_heavy (struct ctx *c, uint32_t v, each_f fn, void *arg)
{
    struct wtree *w = graph_wtree (c->g, v);
    const struct vtx *x = &c->g->v[v];
    struct half *heap = NULL;
    size_t n = 0, size = 0;
    bool stop = false;

    if (!w || !half_push (&heap, &n, &size, (struct half){ w->w[1], 1, w->n - 1 }))
        return c->failed = true;
    while (n > 0 && !stop) {
        struct half h = half_pop (heap, &n);
        uint32_t span;

        if (h.w == INT64_MIN)
            break;
        if (h.node >= w->n) {
            stop = fn (c, c->g->child[x->child + h.node - w->n], arg);
            continue;
        }
        span = w->n >> (31 - __builtin_clz (h.node));
        if (!half_push (&heap, &n, &size, (struct half){ w->w[2 * h.node],
                                                         2 * h.node,
                                                         h.right - span / 2 })
            || !half_push (&heap, &n, &size, (struct half){ w->w[2 * h.node + 1],
                                                            2 * h.node + 1,
                                                            h.right }))
            stop = c->failed = true;
    }
    free (heap);
    return stop;
}

bool match_each_child (struct ctx *c, uint32_t v, each_f fn, void *arg)
{
    const struct vtx *x = &c->g->v[v];
    const uint32_t *child = c->g->child + x->child;
    struct { int64_t w; uint32_t v; } a[64];
    uint32_t n = 0;

    if (x->nchild > 64)
        return each_heavy (c, v, fn, arg);
    for (uint32_t i = 0; i < x->nchild; i++) {
        int64_t w = graph_weight (c->g, child[i]);
        uint32_t k = n++;
        for (; k > 0 && a[k - 1].w > w; k--)
            a[k] = a[k - 1];
        a[k].w = w;
        a[k].v = child[i];
    }
    while (n-- > 0)
        if (fn (c, a[n].v, arg))
            return true;
    return false;
}

struct descend {
    int type;
    each_f fn;
    void *arg;
};

static bool descend (struct ctx *c, uint32_t u, void *arg)
{
    struct descend *d = arg;
    const struct vtx *x = &c->g->v[u];
    uint8_t slot = c->g->type[d->type].track;

    if (c->when == WHEN_NOW && x->blocked > 0)
        return false;
    if (x->type == d->type && d->fn (c, u, d->arg))
        return true;
    if (x->inner == GRAPH_NONE)
        return false;
    if (slot != NOTRACK
        && (c->when == WHEN_NOW ? c->g->free : c->g->total)
            [(size_t)x->inner * c->g->ntrack + slot] <= 0)
        return false;
    return match_each_child (c, u, descend, d);
}

struct by_node {
    int type;
    bool idle;
    each_f fn;
    void *arg;
};

static bool in_node (struct ctx *c, uint32_t node, void *arg)
{
    struct by_node *b = arg;

    return match_each_id (c, node, b->type, b->idle, b->fn, b->arg);
}

/* Are vertices of this type below nodes, and nodes below v? */
static bool below_nodes (const struct ctx *c, uint32_t v, int type)
{
    const struct graph *g = c->g;
    uint32_t lo, hi;

    if (c->type_node < 0 || type == c->type_node || g->v[v].type == c->type_node)
        return false;
    graph_type_range (g, v, c->type_node, &lo, &hi);
    if (lo == hi)
        return false;
    graph_type_range (g, g->type[c->type_node].list[lo], type, &lo, &hi);
    return lo != hi;
}

bool match_each (struct ctx *c, uint32_t v, int type, bool idle, each_f fn,
                 void *arg)
{
    if (v == 0 && c->g->v[0].type == type && !c->root_picked && fn (c, 0, arg))
        return true;
    if (c->policy->first) {
        struct descend d = { type, fn, arg };
        return match_each_child (c, v, descend, &d);
    }
    if (c->policy->node_centric && below_nodes (c, v, type)) {
        struct by_node b = { type, idle, fn, arg };
        return match_each_id (c, v, c->type_node, false, in_node, &b);
    }
    return match_each_id (c, v, type, idle, fn, arg);
}
