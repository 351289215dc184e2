/* read_jgf.c - a graph from JSON graph format (RFC 40)
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "graph/planner.h"
#include "graph/readers.h"

struct jnode {
    const json_t *meta;
    struct jnode *parent;
    struct jnode **kids;
    size_t nkids;
    const char *relation;
    size_t index;
    uint32_t vtx;               /* + 1 once added */
};

struct parts {
    struct job_part *part;
    size_t n, size;
};

struct reader {
    struct graph *g;
    struct hash *byid;
    struct jnode *node;
    size_t n, added;
    flux_error_t *err;
    int rc;
};

__attribute__ ((format (printf, 2, 3)))
static int bad (struct reader *r, const char *fmt, ...)
{
    va_list ap;

    r->rc = -EINVAL;
    va_start (ap, fmt);
    if (r->err)
        vsnprintf (r->err->text, sizeof (r->err->text), fmt, ap);
    va_end (ap);
    return r->rc;
}

static const char *text (const json_t *o, const char *key)
{
    return json_string_value (json_object_get (o, key));
}

static int integer (struct reader *r, const struct jnode *n, const char *key,
                    int64_t fallback, int64_t min, int64_t max, int64_t *out)
{
    const json_t *o = json_object_get (n->meta, key);

    *out = o ? json_integer_value (o) : fallback;
    if (o && (!json_is_integer (o) || *out < min || *out > max))
        return bad (r, "graph.nodes[%zu].metadata.%s: must be an integer from %lld to "
                    "%lld", n->index, key, (long long)min, (long long)max);
    return 0;
}

static int collect_nodes (struct reader *r, const json_t *nodes)
{
    if (json_array_size (nodes) == 0)
        return bad (r, "graph.nodes: must be a list of at least one vertex");
    r->n = json_array_size (nodes);
    if (!(r->node = calloc (r->n, sizeof (*r->node))))
        return r->rc = -ENOMEM;
    for (size_t i = 0; i < r->n; i++) {
        const json_t *o = json_array_get (nodes, i);
        const char *id = text (o, "id");

        r->node[i].index = i;
        r->node[i].meta = json_object_get (o, "metadata");
        if (!id)
            return bad (r, "graph.nodes[%zu].id: must be a string", i);
        if (!json_is_object (r->node[i].meta) || !text (r->node[i].meta, "type")
            || !*text (r->node[i].meta, "type"))
            return bad (r, "graph.nodes[%zu].metadata: must be an object with a type", i);
        if (hash_get (r->byid, id))
            return bad (r, "graph.nodes[%zu].id: '%.64s' is there twice", i, id);
        if (hash_set (r->byid, id, &r->node[i]) < 0)
            return r->rc = -ENOMEM;
    }
    return 0;
}

/* An edge says its subsystem and relation as RFC 40 has it, or as "name":
 * {"containment": "contains"}. */
static void edge_names (const json_t *e, const char **subsystem, const char **relation)
{
    const json_t *meta = json_object_get (e, "metadata");
    json_t *name = json_object_get (meta, "name"), *val;
    const char *key;

    *subsystem = text (meta, "subsystem");
    *relation = text (meta, "relationship");
    json_object_foreach (name, key, val) {
        if (!*subsystem)
            *subsystem = key;
        if (!*relation)
            *relation = json_string_value (val);
    }
    if (!*subsystem)
        *subsystem = "containment";
    if (!*relation)
        *relation = "contains";
}

static const char *subsystem_of (const struct jnode *n)
{
    const json_t *paths = json_object_get (n->meta, "paths");
    const char *key = NULL;

    if (json_is_object (paths) && !json_object_get (paths, "containment"))
        key = json_object_iter_key (json_object_iter ((json_t *)paths));
    return key ? key : "containment";
}

static int link_nodes (struct reader *r, struct jnode *s, struct jnode *t, size_t i,
                       const char *relation)
{
    struct jnode **k;

    if (t->parent || s == t)
        return bad (r, "graph.edges[%zu]: a vertex contains itself, or is contained "
                    "twice", i);
    if (!(k = realloc (s->kids, (s->nkids + 1) * sizeof (*k))))
        return r->rc = -ENOMEM;
    s->kids = k;
    k[s->nkids++] = t;
    t->parent = s;
    t->relation = relation;
    return 0;
}

/* Tree edges (pass 0) before anything is added; the others (pass 1) after. */
static int take_edges (struct reader *r, const json_t *edges, int pass)
{
    size_t i;
    const json_t *e;

    if (edges && !json_is_array (edges))
        return bad (r, "graph.edges: must be a list");
    json_array_foreach ((json_t *)edges, i, e) {
        const char *src = text (e, "source"), *dst = text (e, "target");
        const char *subsystem, *relation;
        struct jnode *s = src ? hash_get (r->byid, src) : NULL;
        struct jnode *t = dst ? hash_get (r->byid, dst) : NULL;
        bool tree;

        if (!s || !t)
            return bad (r, "graph.edges[%zu]: source or target is not the id of a vertex",
                        i);
        edge_names (e, &subsystem, &relation);
        if (strcmp (relation, "in") == 0)
            continue;
        tree = strcmp (subsystem_of (s), subsystem) == 0
               && strcmp (subsystem_of (t), subsystem) == 0;
        if (tree && pass == 0 && link_nodes (r, s, t, i, relation) < 0)
            return r->rc;
        if (!tree && pass == 1
            && graph_add_edge (r->g, s->vtx - 1, t->vtx - 1,
                               graph_intern (r->g, subsystem),
                               graph_intern (r->g, relation)) < 0)
            return bad (r, "graph.edges[%zu]: cannot be added", i);
    }
    return 0;
}

static int set_properties (struct reader *r, const struct jnode *n, uint32_t v)
{
    json_t *p = json_object_get (n->meta, "properties"), *val;
    const char *key;
    size_t i;

    json_object_foreach (p, key, val) {
        const char *s = json_string_value (val);
        if (!s && !json_is_null (val))
            return bad (r, "graph.nodes[%zu].metadata.properties.%.64s: must be a string",
                        n->index, key);
        if (*key && graph_set_property (r->g, v, key, s ? s : "") < 0)
            return bad (r, "graph.nodes[%zu].metadata.properties: bad", n->index);
    }
    json_array_foreach (p, i, val) {
        const char *s = json_string_value (val);
        if (!s || !*s || graph_set_property (r->g, v, s, "") < 0)
            return bad (r, "graph.nodes[%zu].metadata.properties[%zu]: bad", n->index, i);
    }
    return 0;
}

static int add_vertex (struct reader *r, struct jnode *n)
{
    const char *type = text (n->meta, "type"), *base = text (n->meta, "basename");
    const char *name = text (n->meta, "name"), *unit = text (n->meta, "unit");
    const char *status = text (n->meta, "status");
    char made[1024];
    int64_t id, size, rank, uniq;
    uint32_t v;

    if (integer (r, n, "id", -1, -1, INT64_MAX / 8, &id) < 0
        || integer (r, n, "size", 1, 1, PLANNER_END, &size) < 0
        || integer (r, n, "rank", -1, -1, INT32_MAX, &rank) < 0
        || integer (r, n, "uniq_id", (int64_t)n->index, 0, INT64_MAX / 8, &uniq) < 0)
        return r->rc;
    if (status && strcmp (status, "up") != 0 && strcmp (status, "down") != 0)
        return bad (r, "graph.nodes[%zu].metadata.status: '%.64s' is not up or down", n->index,
                    status);
    if (!base || !*base)
        base = type;
    snprintf (made, sizeof (made), id < 0 ? "%s" : "%s%lld", base, (long long)id);
    if (name && strcmp (name, made) == 0)
        name = NULL;
    v = graph_add (r->g, &(struct vtx_spec){
        .parent = n->parent ? n->parent->vtx - 1 : GRAPH_NONE,
        .type = graph_intern (r->g, type), .basename = graph_intern (r->g, base),
        .name = graph_intern (r->g, name), .unit = graph_intern (r->g, unit),
        .subsystem = graph_intern (r->g, subsystem_of (n)), .id = id, .size = size,
        .uniq = uniq, .rank = (int32_t)rank, .down = status && strcmp (status, "down") == 0 });
    if (v == GRAPH_NONE)
        return errno == EINVAL ? bad (r, "graph.nodes[%zu]: cannot be added", n->index)
                               : (r->rc = -errno);
    if (n->relation)
        graph_set_relation (r->g, v, graph_intern (r->g, n->relation));
    n->vtx = v + 1;
    r->added++;
    return set_properties (r, n, v);
}

/* Depth first, so that numbers stay as they are given. */
static int add_tree (struct reader *r, struct jnode *n, int depth)
{
    if (depth > 250)
        return bad (r, "graph.nodes[%zu]: more than 250 levels", n->index);
    if (add_vertex (r, n) < 0)
        return r->rc;
    for (size_t i = 0; i < n->nkids; i++)
        if (add_tree (r, n->kids[i], depth + 1) < 0)
            return r->rc;
    return 0;
}

static int add_all (struct reader *r)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < r->n; i++) {
            struct jnode *n = &r->node[i];
            bool main_tree = strcmp (subsystem_of (n), "containment") == 0;

            if (n->parent || main_tree != (pass == 0))
                continue;
            if (pass == 0 && graph_count (r->g) > 0)
                return bad (r, "graph.nodes[%zu]: a second root of the containment", i);
            if (add_tree (r, n, 0) < 0)
                return r->rc;
        }
        if (graph_count (r->g) == 0)
            return bad (r, "graph.edges: the containment has no root: a cycle?");
    }
    if (r->added < r->n)
        return bad (r, "graph.edges: a cycle");
    return 0;
}

static const json_t *find_graph (const json_t *o)
{
    const json_t *g = json_object_get (o, "graph");

    if (!g)
        g = json_object_get (json_object_get (o, "scheduling"), "graph");
    return g;
}

struct graph *read_jgf (const json_t *o, flux_error_t *err)
{
    struct reader r = { .err = err };
    const json_t *graph = find_graph (o);
    const json_t *edges = json_object_get (graph, "edges");

    if (!(r.g = graph_new ()) || !(r.byid = hash_new (NULL)))
        r.rc = -ENOMEM;
    else if (!json_is_object (graph))
        bad (&r, "graph: must be an object with nodes and edges");
    else if (collect_nodes (&r, json_object_get (graph, "nodes")) == 0
             && take_edges (&r, edges, 0) == 0 && add_all (&r) == 0
             && take_edges (&r, edges, 1) == 0
             && (r.rc = graph_finish (r.g, NULL)) < 0)
        bad (&r, "graph: cannot be built: %s", strerror (-r.rc));
    for (size_t i = 0; i < r.n && r.node; i++)
        free (r.node[i].kids);
    free (r.node);
    hash_free (r.byid);
    if (r.rc < 0) {
        if (r.rc == -ENOMEM && err)
            errmsg (err, 0, "out of memory");
        graph_free (r.g);
        errno = -r.rc;
        return NULL;
    }
    return r.g;
}

static int add_part (struct parts *l, struct job_part p)
{
    if (l->n == l->size) {
        size_t size = l->size ? l->size * 2 : 64;
        struct job_part *part = realloc (l->part, size * sizeof (*part));
        if (!part)
            return -ENOMEM;
        l->part = part;
        l->size = size;
    }
    l->part[l->n++] = p;
    return 0;
}

/* The path of a vertex of another subsystem. */
static const char *other_path (const json_t *paths)
{
    return json_string_value (json_object_iter_value (json_object_iter ((json_t *)paths)));
}

/* How much of v, and is it had exclusively? */
static int take_amount (const struct graph *g, const json_t *meta, size_t i, uint32_t v,
                        struct job_part *p, flux_error_t *err)
{
    const json_t *size = json_object_get (meta, "size");
    const json_t *x = json_object_get (meta, "exclusive");
    int64_t max = graph_size (g, v);

    if (size && (!json_is_integer (size) || json_integer_value (size) < 1
                 || json_integer_value (size) > max))
        return errmsg (err, -EINVAL, "graph.nodes[%zu].metadata.size: must be an integer from 1 "
                       "to %lld, the size of the vertex", i, (long long)max);
    if (x && !json_is_boolean (x))
        return errmsg (err, -EINVAL, "graph.nodes[%zu].metadata.exclusive: must be true or false",
                       i);
    *p = (struct job_part){ v, json_is_true (x), size ? json_integer_value (size) : max };
    return 0;
}

static int take_node (const struct graph *g, const json_t *node, size_t i, bool shorthand,
                      struct parts *l, flux_error_t *err)
{
    const json_t *meta = json_object_get (node, "metadata");
    struct job_part p;
    const json_t *paths = json_object_get (meta, "paths");
    bool tree = json_object_get (paths, "containment") != NULL;
    uint32_t v = graph_by_path (g, tree ? text (paths, "containment") : other_path (paths));
    int rc;

    if (v == GRAPH_NONE || (v < graph_end (g, 0)) != tree) {
        errmsg (err, 0, "graph.nodes[%zu].metadata.paths: there is no such vertex", i);
        return -EINVAL;
    }
    if ((rc = take_amount (g, meta, i, v, &p, err)) == 0)
        rc = add_part (l, p);
    for (uint32_t u = v + 1; rc == 0 && p.x && shorthand && u < graph_end (g, v); u++)
        rc = add_part (l, (struct job_part){ u, true, graph_size (g, u) });
    return rc;
}

int jgf_parts (const struct graph *g, const json_t *o, bool shorthand,
               struct job_part **part, size_t *n, flux_error_t *err)
{
    const json_t *nodes = json_object_get (find_graph (o), "nodes"), *node;
    struct parts l = { NULL };
    int rc = 0;
    size_t i;

    json_array_foreach ((json_t *)nodes, i, node)
        if (rc == 0)
            rc = take_node (g, node, i, shorthand, &l, err);
    if (rc == 0 && l.n == 0) {
        errmsg (err, 0, "graph.nodes: missing or empty");
        rc = -EINVAL;
    }
    if (rc < 0) {
        free (l.part);
        return rc;
    }
    *part = l.part;
    *n = l.n;
    return 0;
}
