/* emit_jgf.c - graphs in the JSON graph format (RFC 40)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/emit_private.h"

static json_t *id_string (const struct graph *g, uint32_t v)
{
    char s[24];

    snprintf (s, sizeof (s), "%lld", (long long)graph_uniq (g, v));
    return json_string (s);
}

static json_t *vertex (const struct graph *g, uint32_t v, int64_t size, bool x)
{
    char name[1024], path[4096];
    const json_t *props = graph_properties (g, v);
    json_t *id = id_string (g, v), *meta;

    graph_name (g, v, name, sizeof (name));
    graph_path (g, v, path, sizeof (path));
    meta = json_pack ("{s:s s:O s:s s:s s:I s:I s:i s:b s:s s:I s:{s:s}}",
                      "type", graph_type (g, v), "uuid", id,
                      "basename", graph_basename (g, v), "name", name,
                      "id", (json_int_t)graph_id (g, v),
                      "uniq_id", (json_int_t)graph_uniq (g, v),
                      "rank", (int)graph_rank (g, v), "exclusive", x,
                      "unit", graph_unit (g, v), "size", (json_int_t)size,
                      "paths", graph_subsystem (g, v), path);
    if (meta)
        json_object_set_new (meta, "properties",
                             props ? json_deep_copy (props) : json_object ());
    if (meta && !graph_is_up (g, v))
        json_object_set_new (meta, "status", json_string ("down"));
    return json_pack ("{s:o s:o}", "id", id, "metadata", meta);
}

static void add_sum (void *arg, const char *type, int64_t used, int64_t total)
{
    json_object_set_new (arg, type, json_pack ("{s:I s:I}", "used", (json_int_t)used,
                                               "total", (json_int_t)total));
}

static void add_sums (const struct graph *g, uint32_t v, const struct filters *sums,
                      json_t *node)
{
    json_t *o = json_object ();

    filters_each (sums, g, v, add_sum, o);
    json_object_set_new (json_object_get (node, "metadata"), "agfilter", o);
}

static json_t *edge (const struct graph *g, uint32_t src, uint32_t dst,
                     const char *subsystem, const char *relation)
{
    return json_pack ("{s:o s:o s:{s:s s:s}}", "source", id_string (g, src),
                      "target", id_string (g, dst), "metadata",
                      "subsystem", subsystem, "relationship", relation);
}

static json_t *wrap (json_t *nodes, json_t *edges)
{
    return json_pack ("{s:{s:o s:o}}", "graph", "nodes", nodes, "edges", edges);
}

static int cmp_part (const void *a, const void *b)
{
    const struct job_part *x = a, *y = b;

    return x->vtx < y->vtx ? -1 : x->vtx > y->vtx;
}

static bool has_part (const struct job_part *part, size_t n, uint32_t v)
{
    struct job_part key = { .vtx = v };

    return bsearch (&key, part, n, sizeof (key), cmp_part) != NULL;
}

/* What leads from and to the parts that are not in the tree. */
static void add_links (const struct graph *g, const struct job_part *part, size_t n,
                       json_t *edges)
{
    for (uint32_t i = 0; i < graph_edges (g); i++) {
        const char *subsystem, *relation;
        uint32_t src, dst;
        graph_edge (g, i, &src, &dst, &subsystem, &relation);
        if (has_part (part, n, src) && has_part (part, n, dst))
            json_array_append_new (edges, edge (g, src, dst, subsystem, relation));
    }
}

json_t *emit_jgf (const struct graph *g, const struct job_part *part, size_t n,
                  bool shorthand, const struct filters *sums)
{
    json_t *nodes = json_array (), *edges = json_array ();
    uint32_t inside = 0, tree = graph_end (g, graph_root (g));

    for (size_t i = 0; i < n; i++) {
        uint32_t v = part[i].vtx, up = graph_parent (g, v);
        json_t *o;

        if (shorthand && v < inside)
            continue;
        if (part[i].x && graph_end (g, v) > inside)
            inside = graph_end (g, v);
        o = vertex (g, v, part[i].amount, part[i].x);
        if (sums)
            add_sums (g, v, sums, o);
        json_array_append_new (nodes, o);
        if (up != GRAPH_NONE && (v < tree || has_part (part, n, up)))
            json_array_append_new (edges, edge (g, up, v, graph_subsystem (g, v),
                                                graph_relation (g, v)));
    }
    if (n > 0 && part[n - 1].vtx >= tree)
        add_links (g, part, n, edges);
    return wrap (nodes, edges);
}

void emit_each_edge (const struct graph *g, emit_edge_f fn, void *arg)
{
    for (uint32_t v = 0; v < graph_count (g); v++)
        if (graph_parent (g, v) != GRAPH_NONE)
            fn (arg, g, graph_parent (g, v), v, graph_subsystem (g, v),
                graph_relation (g, v));
    for (uint32_t i = 0; i < graph_edges (g); i++) {
        const char *subsystem, *relation;
        uint32_t src, dst;
        graph_edge (g, i, &src, &dst, &subsystem, &relation);
        fn (arg, g, src, dst, subsystem, relation);
    }
}

static void append_edge (void *arg, const struct graph *g, uint32_t src, uint32_t dst,
                         const char *subsystem, const char *relation)
{
    json_array_append_new (arg, edge (g, src, dst, subsystem, relation));
}

json_t *emit_graph (const struct graph *g)
{
    json_t *nodes = json_array (), *edges = json_array ();

    for (uint32_t v = 0; v < graph_count (g); v++)
        json_array_append_new (nodes, vertex (g, v, graph_size (g, v), false));
    emit_each_edge (g, append_edge, edges);
    return wrap (nodes, edges);
}
