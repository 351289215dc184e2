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
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/graph_private.h"

#define MAX_DEPTH 250

struct view {
    const struct graph *g;
    struct graph *out;
    uint32_t *first;            /* edges of v: order[first[v]..first[v + 1]) */
    uint32_t *order;
    bool *seen;
    const char *subsystem;
    flux_error_t *err;
};

static bool is_ours (const struct view *w, const struct edge *e)
{
    return strcmp (graph_str (w->g, e->subsystem), w->subsystem) == 0;
}

static int sort_edges (struct view *w)
{
    const struct graph *g = w->g;
    uint32_t *next;

    w->first = calloc (g->n + 2, sizeof (*w->first));
    w->order = calloc (g->nedge + 1, sizeof (*w->order));
    w->seen = calloc (g->n, sizeof (*w->seen));
    if (!w->first || !w->order || !w->seen)
        return -ENOMEM;
    next = w->first + 1;        /* next[v] ends as the end of v */
    for (uint32_t i = 0; i < g->nedge; i++)
        if (is_ours (w, &g->edge[i]))
            next[g->edge[i].src + 1]++;
    for (uint32_t v = 0; v < g->n; v++)
        next[v + 1] += next[v];
    for (uint32_t i = 0; i < g->nedge; i++)
        if (is_ours (w, &g->edge[i]))
            w->order[next[g->edge[i].src]++] = i;
    return 0;
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

static int copy (struct view *w, uint32_t v, uint32_t parent, const char *relation,
                 uint32_t *to)
{
    const struct vtx *x = &w->g->v[v];
    struct vtx_spec s = { .parent = parent, .id = x->id, .size = x->size, .uniq = x->uniq,
                          .rank = x->rank, .down = x->down,
                          .type = graph_intern (w->out, graph_type (w->g, v)),
                          .basename = graph_intern (w->out, graph_basename (w->g, v)),
                          .name = graph_intern (w->out, graph_str (w->g, x->name)),
                          .unit = graph_intern (w->out, graph_unit (w->g, v)) };

    if ((*to = graph_add (w->out, &s)) == GRAPH_NONE)
        return -errno;
    if (parent != GRAPH_NONE)
        graph_set_relation (w->out, *to, graph_intern (w->out, relation));
    return copy_properties (w, v, *to);
}

static int walk (struct view *w, uint32_t v, uint32_t parent, const char *relation, int depth)
{
    const struct graph *g = w->g;
    uint32_t to;
    int rc;

    if (w->seen[v])
        return 0;
    w->seen[v] = true;
    if (depth > MAX_DEPTH)
        return -ELOOP;
    if ((rc = copy (w, v, parent, relation, &to)) < 0)
        return rc;
    for (uint32_t i = 0; rc == 0 && i < g->v[v].nchild; i++) {
        uint32_t c = g->child[g->v[v].child + i];
        if (strcmp (graph_subsystem (g, c), w->subsystem) == 0)
            rc = walk (w, c, to, graph_relation (g, c), depth + 1);
    }
    for (uint32_t i = w->first[v]; rc == 0 && i < w->first[v + 1]; i++) {
        const struct edge *e = &g->edge[w->order[i]];
        rc = walk (w, e->dst, to, graph_str (g, e->relation), depth + 1);
    }
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

struct graph *graph_view (const struct graph *g, const char *subsystem, flux_error_t *err)
{
    struct view w = { .g = g, .subsystem = subsystem, .err = err };
    uint32_t root = 0;
    int rc = find_root (&w, &root);

    if (rc == 0) {
        rc = sort_edges (&w);
        if (rc == 0 && !(w.out = graph_new ()))
            rc = -ENOMEM;
        if (rc == 0 && (rc = walk (&w, root, GRAPH_NONE, "", 0)) == 0)
            rc = graph_finish (w.out, NULL);
        if (rc < 0)
            errmsg (err, 0, "subsystem '%.64s': %s", subsystem,
                    rc == -ELOOP ? "more than 250 levels" : strerror (-rc));
    }
    free (w.first);
    free (w.order);
    free (w.seen);
    if (rc < 0) {
        graph_free (w.out);
        errno = -rc;
        return NULL;
    }
    return w.out;
}
