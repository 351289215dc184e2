/* graph_ask.c - what there is: names, paths, status and properties
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_private.h"

uint32_t graph_count (const struct graph *g)
{
    return g->n;
}

uint32_t graph_root (const struct graph *g)
{
    return 0;
}

uint32_t graph_parent (const struct graph *g, uint32_t v)
{
    return g->v[v].parent;
}

uint32_t graph_end (const struct graph *g, uint32_t v)
{
    return g->v[v].end;
}

const char *graph_type (const struct graph *g, uint32_t v)
{
    return graph_str (g, g->type[g->v[v].type].name);
}

const char *graph_basename (const struct graph *g, uint32_t v)
{
    return graph_str (g, g->v[v].basename);
}

const char *graph_unit (const struct graph *g, uint32_t v)
{
    return graph_str (g, g->v[v].unit);
}

const char *graph_subsystem (const struct graph *g, uint32_t v)
{
    return graph_str (g, g->v[v].subsystem);
}

const char *graph_relation (const struct graph *g, uint32_t v)
{
    return graph_str (g, g->v[v].relation);
}

int64_t graph_id (const struct graph *g, uint32_t v)
{
    return g->v[v].id;
}

int64_t graph_size (const struct graph *g, uint32_t v)
{
    return g->v[v].size;
}

int64_t graph_uniq (const struct graph *g, uint32_t v)
{
    return g->v[v].uniq;
}

int32_t graph_own_rank (const struct graph *g, uint32_t v)
{
    return g->v[v].rank;
}

int32_t graph_rank (const struct graph *g, uint32_t v)
{
    while (v != GRAPH_NONE && g->v[v].rank < 0)
        v = g->v[v].parent;
    return v == GRAPH_NONE ? -1 : g->v[v].rank;
}

int graph_level (const struct graph *g, uint32_t v)
{
    return g->v[v].level;
}

uint32_t graph_edges (const struct graph *g)
{
    return g->nedge;
}

void graph_edge (const struct graph *g, uint32_t i, uint32_t *src, uint32_t *dst,
                 const char **subsystem, const char **relation)
{
    *src = g->edge[i].src;
    *dst = g->edge[i].dst;
    *subsystem = graph_str (g, g->edge[i].subsystem);
    *relation = graph_str (g, g->edge[i].relation);
}

int graph_name (const struct graph *g, uint32_t v, char *buf, size_t size)
{
    const struct vtx *x = &g->v[v];

    if (x->name)
        return snprintf (buf, size, "%s", graph_str (g, x->name));
    if (x->id < 0)
        return snprintf (buf, size, "%s", graph_str (g, x->basename));
    return snprintf (buf, size, "%s%lld", graph_str (g, x->basename),
                     (long long)x->id);
}

int graph_path (const struct graph *g, uint32_t v, char *buf, size_t size)
{
    uint32_t way[256];
    int n = 0;
    size_t len = 0;

    for (; v != GRAPH_NONE && n < 256; v = g->v[v].parent)
        way[n++] = v;
    while (n-- > 0) {
        if (len + 1 < size)
            buf[len] = '/';
        len++;
        len += (size_t)graph_name (g, way[n], len < size ? buf + len : NULL,
                                   len < size ? size - len : 0);
    }
    if (size > 0 && len >= size)
        buf[size - 1] = '\0';
    return (int)len;
}

/* The number that these digits say, or -1. */
static int64_t digits (const char *s, size_t len)
{
    uint64_t n = 0;

    if (len == 0 || len > 19 || (len > 1 && *s == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    return n > INT64_MAX ? -1 : (int64_t)n;
}

static bool has_name (const struct graph *g, uint32_t v, const char *s, size_t len)
{
    const struct vtx *x = &g->v[v];
    const char *base = graph_str (g, x->name ? x->name : x->basename);
    size_t n = strlen (base);

    if (n > len || memcmp (base, s, n) != 0)
        return false;
    if (x->name || x->id < 0)
        return n == len;
    return digits (s + n, len - n) == x->id;
}

/* Children are often of one kind with ids in a row: then the id says which it is. */
static uint32_t guess (const struct graph *g, const struct vtx *x, const char *s, size_t len)
{
    const uint32_t *child = g->child + x->child;
    size_t d = len;
    int64_t i;

    while (d > 0 && s[d - 1] >= '0' && s[d - 1] <= '9')
        d--;
    if (x->nchild == 0 || (i = digits (s + d, len - d)) < 0)
        return GRAPH_NONE;
    i -= g->v[child[0]].id;
    return i >= 0 && i < x->nchild && has_name (g, child[i], s, len) ? child[i] : GRAPH_NONE;
}

/* The child of v (GRAPH_NONE: the root) of this name. */
static uint32_t find_child (const struct graph *g, uint32_t v, const char *s, size_t len)
{
    uint32_t c;

    if (v == GRAPH_NONE) {
        for (c = 0; c < g->n && !has_name (g, c, s, len); c = g->v[c].end)
            ;
        return c < g->n ? c : GRAPH_NONE;
    }
    if ((c = guess (g, &g->v[v], s, len)) != GRAPH_NONE)
        return c;
    for (uint32_t i = 0; i < g->v[v].nchild; i++)
        if (has_name (g, c = g->child[g->v[v].child + i], s, len))
            return c;
    return GRAPH_NONE;
}

uint32_t graph_by_path (const struct graph *g, const char *path)
{
    uint32_t v = GRAPH_NONE;

    if (!path || *path != '/')
        return GRAPH_NONE;
    while (*path == '/') {
        size_t len = strcspn (++path, "/");

        if (len == 0)
            return *path == '\0' ? v : GRAPH_NONE;
        if ((v = find_child (g, v, path, len)) == GRAPH_NONE)
            return GRAPH_NONE;
        path += len;
    }
    return v;
}

uint32_t graph_by_rank (const struct graph *g, int32_t rank)
{
    uintptr_t v = rank < 0 ? 0 : (uintptr_t)idhash_get (g->ranks, (uint64_t)rank);

    return v ? (uint32_t)(v - 1) : GRAPH_NONE;
}

uint32_t graph_type_count (const struct graph *g, const char *type)
{
    int t = graph_find_type (g, type);

    return t < 0 ? 0 : g->type[t].n;
}

uint32_t graph_type_nth (const struct graph *g, const char *type, uint32_t i)
{
    int t = graph_find_type (g, type);

    return t < 0 || i >= g->type[t].n ? GRAPH_NONE : g->type[t].list[i];
}

static bool held_now (const struct graph *g, uint32_t v)
{
    for (; v != GRAPH_NONE; v = g->v[v].parent)
        for (uint32_t s = g->v[v].xspan; s; s = g->span[s].next)
            if (g->span[s].alloc)
                return true;
    return false;
}

/* What of one vertex no job has now. */
static int64_t left_of (const struct graph *g, uint32_t v)
{
    const struct vtx *x = &g->v[v];
    int64_t n = x->size;

    if (x->blocked > 0 && held_now (g, v))
        return 0;
    for (uint32_t s = x->sspan; x->inner == GRAPH_NONE && s; s = g->span[s].next)
        if (g->span[s].alloc)
            n -= g->span[s].amount;
    return n;
}

static int64_t sum (const struct graph *g, uint32_t v, const char *type, bool total)
{
    int t = graph_find_type (g, type);
    uint32_t lo, hi;
    int64_t n = 0;

    if (t < 0 || v >= g->tree_n || g->v[v].inner == GRAPH_NONE)
        return 0;
    if (g->type[t].track != NOTRACK)
        return (total ? g->total : g->free)[(size_t)g->v[v].inner * g->ntrack
                                            + g->type[t].track];
    graph_type_range (g, v, t, &lo, &hi);
    for (uint32_t i = lo; i < hi; i++)
        n += total ? g->v[g->type[t].list[i]].size : left_of (g, g->type[t].list[i]);
    return n;
}

int64_t graph_total (const struct graph *g, uint32_t v, const char *type)
{
    return sum (g, v, type, true);
}

int64_t graph_free_now (const struct graph *g, uint32_t v, const char *type)
{
    return v < g->tree_n && g->v[v].blocked > 0 && held_now (g, v)
           ? 0 : sum (g, v, type, false);
}

bool graph_is_up (const struct graph *g, uint32_t v)
{
    return !g->v[v].down;
}

bool graph_usable (const struct graph *g, uint32_t v)
{
    for (; v != GRAPH_NONE; v = g->v[v].parent)
        if (g->v[v].down)
            return false;
    return true;
}

int graph_set_status (struct graph *g, uint32_t v, bool up)
{
    if (v >= g->n)
        return -EINVAL;
    if (g->v[v].down == !up)
        return 0;
    g->v[v].down = !up;
    if (v >= g->tree_n)
        return 0;
    g->ndown += up ? (uint32_t)-1 : 1;
    graph_block (g, v, up ? -1 : 1);
    return 0;
}

const json_t *graph_properties (const struct graph *g, uint32_t v)
{
    return idhash_get (g->props, v);
}

int graph_set_property (struct graph *g, uint32_t v, const char *key,
                        const char *value)
{
    json_t *o, *val;

    if (v >= g->n || !key || !*key || !value || !(val = json_string (value)))
        return -EINVAL;
    if (!(o = idhash_get (g->props, v))) {
        if (!(o = json_object ()) || idhash_set (g->props, v, o) < 0) {
            json_decref (o);
            json_decref (val);
            return -ENOMEM;
        }
    }
    return json_object_set_new (o, key, val) < 0 ? -EINVAL : 0;
}

int graph_remove_property (struct graph *g, uint32_t v, const char *key)
{
    json_t *o = v < g->n ? idhash_get (g->props, v) : NULL;

    if (!o || json_object_del (o, key) < 0)
        return -ENOENT;
    if (json_object_size (o) == 0)
        idhash_del (g->props, v);
    return 0;
}
