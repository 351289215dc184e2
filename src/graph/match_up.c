/* match_up.c - the ways up in auxiliary subsystems
 *
 * The tree of the containment is gone down; from what is found there, the edges of the others
 * (power, network) are gone up, against their direction.  Each vertex is looked at once, so
 * circles do no harm.
 */
#include <stdlib.h>

#include "graph/match_private.h"

static bool open_at (const struct ctx *c, uint32_t v)
{
    return c->when == WHEN_EVER
        || (!c->g->v[v].down && !match_conflict (c, v, false));
}

static void new_epoch (struct graph *g)
{
    if (++g->aux_epoch == 0) {
        for (uint32_t v = 0; v < g->n; v++)
            g->aux_mark[v] = 0;
        g->aux_epoch = 1;
    }
}

static bool first_look (struct graph *g, uint32_t v)
{
    if (g->aux_mark[v] == g->aux_epoch)
        return false;
    g->aux_mark[v] = g->aux_epoch;
    return true;
}

/* Is there a way from v to where no edge of this subsystem leads any more? */
static bool reaches_top (const struct ctx *c, uint32_t v, uint8_t aux, int depth)
{
    struct graph *g = c->g;
    bool top = true;

    for (uint32_t i = g->up.first[v]; i < g->up.first[v + 1]; i++) {
        const struct link *l = &g->up.to[i];
        if (l->aux != aux)
            continue;
        top = false;
        if (depth < 250 && first_look (g, l->vtx) && open_at (c, l->vtx)
            && reaches_top (c, l->vtx, aux, depth + 1))
            return true;
    }
    return top;
}

bool match_fed (const struct ctx *c, uint32_t v)
{
    struct graph *g = c->g;

    if (c->when == WHEN_EVER || g->up.first[v] == g->up.first[v + 1])
        return true;
    for (uint8_t aux = 0; aux < g->naux; aux++) {
        new_epoch (g);
        first_look (g, v);
        if (!reaches_top (c, v, aux, 0))
            return false;
    }
    return true;
}

/* Has another job something of what v leads to, or all that this is in? */
static bool drawn (const struct ctx *c, uint32_t v, int depth)
{
    struct graph *g = c->g;

    for (uint32_t i = g->down.first[v]; i < g->down.first[v + 1]; i++) {
        uint32_t u = g->down.to[i].vtx;
        if (!first_look (g, u))
            continue;
        if (depth == 250 || match_conflict (c, u, true))
            return true;
        for (uint32_t w = g->v[u].parent; w != GRAPH_NONE; w = g->v[w].parent)
            if (match_conflict (c, w, false))
                return true;
        if (drawn (c, u, depth + 1))
            return true;
    }
    return false;
}

bool match_drawn (const struct ctx *c, uint32_t v)
{
    if (c->when == WHEN_EVER || c->g->down.first[v] == c->g->down.first[v + 1])
        return false;
    new_epoch (c->g);
    first_look (c->g, v);
    return drawn (c, v, 0);
}

static bool occurs_below (const struct graph *g, int parent, int type)
{
    for (uint32_t i = 0, lo, hi; type >= 0 && i < g->type[parent].n; i++) {
        graph_type_range (g, g->type[parent].list[i], type, &lo, &hi);
        if (lo < hi)
            return true;
    }
    return false;
}

void match_mark_ups (struct ctx *c, const struct req *r, size_t n, int parent)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = req_number (c, &r[i]);
        int below = r[i].slot ? parent : c->type[k];

        if (!r[i].slot && parent >= 0 && !occurs_below (c->g, parent, c->type[k])) {
            c->up[k] = true;
            c->type[k] = graph_find_type (c->g, r[i].type);
            below = -1;
        }
        match_mark_ups (c, r[i].child, r[i].nchild, below);
    }
}

struct found {
    uint32_t *list;
    size_t n, done, size;
};

static bool found_add (struct ctx *c, struct found *f, uint32_t v)
{
    if (f->n == f->size) {
        size_t size = f->size ? f->size * 2 : 16;
        uint32_t *p = realloc (f->list, size * sizeof (*p));
        if (!p)
            return !(c->failed = true);
        f->list = p;
        f->size = size;
    }
    f->list[f->n++] = v;
    return true;
}

/* The next vertices of the way: above v, and the pools that v leads to. */
static bool go_on (struct ctx *c, struct found *way, struct found *pools, uint32_t v, int type)
{
    struct graph *g = c->g;

    for (uint32_t i = g->down.first[v]; i < g->down.first[v + 1]; i++) {
        uint32_t u = g->down.to[i].vtx;
        if (g->v[u].type == type && !g->leads[type] && graph_is_pool (g, u) && first_look (g, u) && !found_add (c, pools, u))
            return false;
    }
    for (uint32_t i = g->up.first[v]; i < g->up.first[v + 1]; i++) {
        uint32_t u = g->up.to[i].vtx;
        if (!first_look (g, u) || !open_at (c, u))
            continue;
        if (!found_add (c, way, u) || (g->v[u].type == type && !found_add (c, pools, u)))
            return false;
    }
    return true;
}

/* The nearest vertex, from v up in the tree, to which edges lead or which leads somewhere. */
static uint32_t nearest (const struct graph *g, uint32_t v)
{
    while (v != GRAPH_NONE && g->up.first[v] == g->up.first[v + 1]
           && g->down.first[v] == g->down.first[v + 1])
        v = g->v[v].parent;
    return v;
}

bool match_each_up (struct ctx *c, uint32_t v, int type, each_f fn, void *arg)
{
    struct found way = { NULL }, pools = { NULL };
    bool stop = false;

    if ((v = nearest (c->g, v)) == GRAPH_NONE)
        return false;
    new_epoch (c->g);
    first_look (c->g, v);
    if (found_add (c, &way, v))
        while (way.done < way.n && go_on (c, &way, &pools, way.list[way.done], type))
            way.done++;
    /* fn may look for ways, too, so the marks are not needed any more */
    for (size_t i = 0; i < pools.n && !stop && !c->failed; i++)
        stop = fn (c, pools.list[i], arg);
    free (way.list);
    free (pools.list);
    return stop || c->failed;
}
