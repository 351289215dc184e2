/* graph_view.c - the graph as one of its subsystems sees it
 *
 * Vertices of a subsystem are a tree of their own, and lead to vertices of other trees
 * by edges.  A view is what is found from its root along both, each vertex once:
 *
 *    containment           power                   view of power
 *    cluster0              panel0                  panel0
 *    +- rack0              +-> pdu0 (edge)         '- pdu0
 *    |  +- pdu0                +-> node0              +- node0
 *    |  +- node0, node1        '-> node1              '- node1
 *
 * Of auxiliary subsystems, what leads to these comes along as trees and edges of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/graph_private.h"

#define MAX_DEPTH 250

struct sorted {
    uint32_t *first, *order;
};

struct view {
    const struct graph *g;
    struct graph *out;
    struct sorted from, into;   /* edges of the graph */
    bool *up_done;              /* what leads to v in the subsystem at hand is there */
    uint32_t *to;               /* v in 'out' + 1, or 0 */
    const char *subsystem;
    flux_error_t *err;
};

/* Edges sorted by where they come from, or lead to: of v, order[first[v]..first[v + 1]). */
static int sort_edges (const struct graph *g, bool by_dst, struct sorted *s)
{
    uint32_t *next;

    s->first = calloc (g->n + 2, sizeof (*s->first));
    s->order = calloc (g->nedge + 1, sizeof (*s->order));
    if (!s->first || !s->order)
        return -ENOMEM;
    next = s->first + 1;        /* next[v] ends as the end of v */
    for (uint32_t i = 0; i < g->nedge; i++)
        next[(by_dst ? g->edge[i].dst : g->edge[i].src) + 1]++;
    for (uint32_t v = 0; v < g->n; v++)
        next[v + 1] += next[v];
    for (uint32_t i = 0; i < g->nedge; i++)
        s->order[next[by_dst ? g->edge[i].dst : g->edge[i].src]++] = i;
    return 0;
}

static bool is_of (const struct view *w, const struct edge *e, const char *subsystem)
{
    return strcmp (graph_str (w->g, e->subsystem), subsystem) == 0;
}

static int copy_properties (struct view *w, uint32_t from, uint32_t to)
{
    json_t *o = (json_t *)graph_properties (w->g, from), *val;
    const char *key;
    int rc = 0;

    json_object_foreach (o, key, val)
        if (rc == 0)
            rc = graph_set_property (w->out, to, key, json_string_value (val));
    return rc;
}

static int copy (struct view *w, uint32_t v, uint32_t parent, const char *subsystem,
                 const char *relation, uint32_t *to)
{
    const struct vtx *x = &w->g->v[v];
    struct vtx_spec s = { .parent = parent, .id = x->id, .size = x->size, .uniq = x->uniq,
                          .rank = x->rank, .down = x->down,
                          .subsystem = graph_intern (w->out, subsystem),
                          .type = graph_intern (w->out, graph_type (w->g, v)),
                          .basename = graph_intern (w->out, graph_basename (w->g, v)),
                          .name = graph_intern (w->out, graph_str (w->g, x->name)),
                          .unit = graph_intern (w->out, graph_unit (w->g, v)) };

    if ((*to = graph_add (w->out, &s)) == GRAPH_NONE)
        return -errno;
    w->to[v] = *to + 1;
    if (parent != GRAPH_NONE)
        graph_set_relation (w->out, *to, graph_intern (w->out, relation));
    return copy_properties (w, v, *to);
}

static int walk (struct view *w, uint32_t v, uint32_t parent, const char *relation, int depth)
{
    const struct graph *g = w->g;
    uint32_t to;
    int rc;

    if (w->to[v])
        return 0;
    if (depth > MAX_DEPTH)
        return -ELOOP;
    if ((rc = copy (w, v, parent, "containment", relation, &to)) < 0)
        return rc;
    for (uint32_t i = 0; rc == 0 && i < g->v[v].nchild; i++) {
        uint32_t c = g->child[g->v[v].child + i];
        if (strcmp (graph_subsystem (g, c), w->subsystem) == 0)
            rc = walk (w, c, to, graph_relation (g, c), depth + 1);
    }
    for (uint32_t i = w->from.first[v]; rc == 0 && i < w->from.first[v + 1]; i++) {
        const struct edge *e = &g->edge[w->from.order[i]];
        if (is_of (w, e, w->subsystem))
            rc = walk (w, e->dst, to, graph_str (g, e->relation), depth + 1);
    }
    return rc;
}

static int add_up (struct view *w, uint32_t v, const char *aux, int depth);

/* u leads to v: an edge, or u is the parent of what is not there yet. */
static int add_link (struct view *w, uint32_t u, uint32_t v, const char *aux,
                     const char *relation, int depth)
{
    int rc = add_up (w, u, aux, depth + 1);

    if (rc == 0)
        rc = graph_add_edge (w->out, w->to[u] - 1, w->to[v] - 1,
                             graph_intern (w->out, aux),
                             graph_intern (w->out, relation));
    return rc;
}

/* v, and what leads to it. */
static int add_up (struct view *w, uint32_t v, const char *aux, int depth)
{
    const struct graph *g = w->g;
    uint32_t to;
    int rc = 0;

    if (depth > MAX_DEPTH)
        return -ELOOP;
    if (w->up_done[v])
        return 0;
    w->up_done[v] = true;
    if (!w->to[v] && (rc = copy (w, v, GRAPH_NONE, aux, "", &to)) < 0)
        return rc;
    if (g->v[v].parent != GRAPH_NONE && strcmp (graph_subsystem (g, v), aux) == 0)
        rc = add_link (w, g->v[v].parent, v, aux, graph_relation (g, v), depth);
    for (uint32_t i = w->into.first[v]; rc == 0 && i < w->into.first[v + 1]; i++) {
        const struct edge *e = &g->edge[w->into.order[i]];
        if (is_of (w, e, aux))
            rc = add_link (w, e->src, v, aux, graph_str (g, e->relation), depth);
    }
    return rc;
}

static int add_aux (struct view *w, const char *aux)
{
    uint32_t n = w->g->n;
    bool *in = calloc (n, sizeof (*in));
    int rc = in && (w->up_done = calloc (n, sizeof (*w->up_done))) ? 0 : -ENOMEM;

    for (uint32_t v = 0; rc == 0 && v < n; v++)
        in[v] = w->to[v] > 0;
    for (uint32_t v = 0; rc == 0 && v < n; v++)
        if (in[v])
            rc = add_up (w, v, aux, 0);
    free (in);
    free (w->up_done);
    w->up_done = NULL;
    return rc;
}

static int find_root (const struct view *w, uint32_t *root)
{
    uint32_t found = GRAPH_NONE;

    for (uint32_t v = 0; v < w->g->n; v++) {
        if (w->g->v[v].parent != GRAPH_NONE
            || strcmp (graph_subsystem (w->g, v), w->subsystem) != 0)
            continue;
        if (found != GRAPH_NONE) {
            errmsg (w->err, 0, "subsystem '%.64s' has more than one root", w->subsystem);
            return -EINVAL;
        }
        found = v;
    }
    if (found == GRAPH_NONE) {
        errmsg (w->err, 0, "the graph has no subsystem '%.64s'", w->subsystem);
        return -ENOENT;
    }
    *root = found;
    return 0;
}

struct graph *graph_view (const struct graph *g, const char *subsystem,
                          const char *const *aux, size_t n, flux_error_t *err)
{
    struct view w = { .g = g, .subsystem = subsystem, .err = err };
    uint32_t root = 0;
    int rc = find_root (&w, &root);

    if (rc == 0) {
        w.to = calloc (g->n, sizeof (*w.to));
        rc = w.to ? sort_edges (g, false, &w.from) : -ENOMEM;
        if (rc == 0)
            rc = sort_edges (g, true, &w.into);
        if (rc == 0 && !(w.out = graph_new ()))
            rc = -ENOMEM;
        if (rc == 0)
            rc = walk (&w, root, GRAPH_NONE, "", 0);
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = add_aux (&w, aux[i]);
        if (rc == 0)
            rc = graph_finish (w.out, NULL);
        if (rc < 0)
            errmsg (err, 0, "subsystem '%.64s': %s", subsystem,
                    rc == -ELOOP ? "more than 250 levels" : strerror (-rc));
    }
    free (w.from.first);
    free (w.from.order);
    free (w.into.first);
    free (w.into.order);
    free (w.to);
    if (rc < 0) {
        graph_free (w.out);
        errno = -rc;
        return NULL;
    }
    return w.out;
}
