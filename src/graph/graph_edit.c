/* graph_edit.c - growing and shrinking while jobs are there
 *
 * The tables are made anew; what jobs and properties say of vertices is taken out
 * before and put in with the new numbers after.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_private.h"
#include "graph/match_private.h"

static void suspend_all (struct graph *g)
{
    for (struct job *j = g->job_first; j; j = j->next)
        job_suspend (g, j);
    graph_tables_free (g);
    g->finished = false;
}

static int unpack_all (struct graph *g)
{
    int rc = 0;

    for (struct job *j = g->job_first; rc == 0 && j; j = j->next)
        rc = job_unpack (j);
    return rc;
}

/* Number of the vertex in the new graph, GRAPH_NONE: gone. */
static uint32_t moved (uint32_t v, const uint32_t *map, uint32_t from, uint32_t end)
{
    if (v >= from && v < end)
        return GRAPH_NONE;
    if (v >= end)
        v -= end - from;
    return map ? map[v] : v;
}

static int move_properties (struct graph *g, const uint32_t *map, uint32_t from,
                            uint32_t end)
{
    struct idhash *props = idhash_new ((hash_free_f)json_decref);
    uint64_t key;
    size_t pos = 0;
    json_t *o;

    if (!props)
        return -ENOMEM;
    while ((o = idhash_next (g->props, &pos, &key))) {
        uint32_t v = moved ((uint32_t)key, map, from, end);
        if (v != GRAPH_NONE && idhash_set (props, v, json_incref (o)) < 0) {
            idhash_free (props);
            return -ENOMEM;
        }
    }
    idhash_free (g->props);
    g->props = props;
    return 0;
}

static int cmp_vtx (const void *a, const void *b)
{
    const struct job_part *x = a, *y = b;

    return x->vtx < y->vtx ? -1 : x->vtx > y->vtx;
}

static int resume_all (struct graph *g, uint32_t from, uint32_t end)
{
    uint32_t *map = NULL;
    int rc = graph_finish (g, &map);

    if (rc == 0)
        rc = move_properties (g, map, from, end);
    for (struct job *j = g->job_first; rc == 0 && j; j = j->next) {
        for (size_t i = 0; i < j->nparts; i++)
            j->part[i].vtx = moved (j->part[i].vtx, map, from, end);
        qsort (j->part, j->nparts, sizeof (*j->part), cmp_vtx);
        rc = job_resume (g, j);
    }
    free (map);
    return rc;
}

static bool spec_fits (const struct graph *g, const struct vtx_spec *spec, size_t i)
{
    const struct vtx_spec *s = &spec[i];

    return s->type && s->type < g->nstr && s->size >= 1 && s->size <= PLANNER_END / 4
        && s->id >= -1 && s->parent < g->n + i
        && (s->parent >= g->n || g->v[s->parent].level < 100) && i < 1u << 24;
}

int graph_grow (struct graph *g, const struct vtx_spec *spec, size_t n)
{
    if (!g->finished)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!spec_fits (g, spec, i))
            return -EINVAL;
    if (unpack_all (g) < 0)
        return -ENOMEM;
    suspend_all (g);
    for (size_t i = 0; i < n; i++)
        if (graph_add (g, &spec[i]) == GRAPH_NONE)
            return -errno;
    return resume_all (g, GRAPH_NONE, GRAPH_NONE);
}

static bool in_use (const struct graph *g, uint32_t v, uint32_t end)
{
    for (const struct job *j = g->job_first; j; j = j->next)
        for (size_t i = 0; i < j->nparts; i++)
            if (j->part[i].vtx >= v && j->part[i].vtx < end)
                return true;
    return false;
}

static void remove_edges (struct graph *g, uint32_t v, uint32_t end)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < g->nedge; i++) {
        struct edge e = g->edge[i];
        e.src = moved (e.src, NULL, v, end);
        e.dst = moved (e.dst, NULL, v, end);
        if (e.src != GRAPH_NONE && e.dst != GRAPH_NONE)
            g->edge[n++] = e;
    }
    g->nedge = n;
}

int graph_shrink (struct graph *g, uint32_t v)
{
    uint32_t end;

    if (!g->finished || v == 0 || v >= g->n)
        return -EINVAL;
    end = g->v[v].end;
    if (unpack_all (g) < 0)
        return -ENOMEM;
    if (in_use (g, v, end))
        return -EBUSY;
    suspend_all (g);
    if (g->v[v].parent != GRAPH_NONE)
        g->v[g->v[v].parent].nchild--;
    remove_edges (g, v, end);
    memmove (&g->v[v], &g->v[end], (g->n - end) * sizeof (*g->v));
    g->n -= end - v;
    for (uint32_t i = v; i < g->n; i++)
        if (g->v[i].parent != GRAPH_NONE && g->v[i].parent >= end)
            g->v[i].parent -= end - v;
    return resume_all (g, v, end);
}
