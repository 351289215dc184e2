/* read_rv1.c - a graph from R (RFC 20)
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "graph/graph.h"
#include "graph/readers.h"
#include "spec/rset.h"

/* "node12" is basename "node" and id 12; a name without a number has its rank. */
static void split_host (struct graph *g, const char *host, uint32_t rank,
                        struct vtx_spec *s)
{
    size_t n = strlen (host), d = n;
    char made[512], base[256];

    while (d > 0 && isdigit ((unsigned char)host[d - 1]) && n - d < 15)
        d--;
    s->id = d < n ? strtoll (host + d, NULL, 10) : (int64_t)rank;
    snprintf (base, sizeof (base), "%.*s", (int)d, host);
    s->basename = graph_intern (g, d > 0 ? base : "node");
    snprintf (made, sizeof (made), "%s%lld", d > 0 ? base : "node", (long long)s->id);
    s->name = strcmp (made, host) == 0 ? 0 : graph_intern (g, host);
}

static int add_ids (struct graph *g, uint32_t node, uint32_t rank, const char *type,
                    const struct idset *ids)
{
    struct vtx_spec s = { .parent = node, .type = graph_intern (g, type), .size = 1,
                          .uniq = -1, .rank = (int32_t)rank };

    if (!ids)
        return 0;
    for (unsigned int id = idset_first (ids); id != IDSET_INVALID_ID;
         id = idset_next (ids, id)) {
        s.id = id;
        if (graph_add (g, &s) == GRAPH_NONE)
            return -errno;
    }
    return 0;
}

static int add_properties (struct graph *g, const struct rset *r, uint32_t node,
                           uint32_t rank)
{
    json_t *props = rset_properties (r), *val;
    const char *key;
    int rc = 0;

    json_object_foreach (props, key, val)
        if (rc == 0 && rset_has_property (r, rank, key))
            rc = graph_set_property (g, node, key, "");
    json_decref (props);
    return rc;
}

static int add_nodes (struct graph *g, const struct rset *r, uint32_t root)
{
    const struct idset *cores, *gpus;
    const char *host;
    uint32_t rank;
    size_t pos = 0;

    while (rset_node_next (r, &pos, &rank, &host, &cores, &gpus)) {
        struct vtx_spec s = { .parent = root, .type = graph_intern (g, "node"),
                              .size = 1, .uniq = -1, .rank = (int32_t)rank };
        uint32_t node;
        int rc;

        if (rank > INT32_MAX)
            return -EINVAL;
        split_host (g, host ? host : "", rank, &s);
        if ((node = graph_add (g, &s)) == GRAPH_NONE)
            return -errno;
        if ((rc = add_ids (g, node, rank, "core", cores)) < 0
            || (rc = add_ids (g, node, rank, "gpu", gpus)) < 0
            || (rc = add_properties (g, r, node, rank)) < 0)
            return rc;
    }
    return 0;
}

struct graph *read_R (const json_t *R, bool use_graph, flux_error_t *err)
{
    const json_t *sched = json_object_get (R, "scheduling");
    struct vtx_spec root = { .parent = GRAPH_NONE, .size = 1, .uniq = -1, .rank = -1 };
    struct rset *r;
    struct graph *g;
    int rc = -ENOMEM;

    if (use_graph && json_object_get (sched, "graph"))
        return read_jgf (R, err);
    if (!(r = rset_from_json (R, err)))
        return NULL;
    if ((g = graph_new ())) {
        root.type = graph_intern (g, "cluster");
        if (graph_add (g, &root) != GRAPH_NONE && (rc = add_nodes (g, r, 0)) == 0)
            rc = graph_finish (g, NULL);
    }
    rset_free (r);
    if (rc < 0) {
        if (err)
            errmsg (err, 0, "execution: %s", strerror (-rc));
        graph_free (g);
        errno = -rc;
        return NULL;
    }
    return g;
}

struct list {
    struct job_part *part;
    size_t n, size;
};

static int put (struct list *l, uint32_t v, bool x, int64_t amount)
{
    if (l->n == l->size) {
        size_t size = l->size ? l->size * 2 : 64;
        struct job_part *p = realloc (l->part, size * sizeof (*p));
        if (!p)
            return -ENOMEM;
        l->part = p;
        l->size = size;
    }
    l->part[l->n++] = (struct job_part){ v, x, amount };
    return 0;
}

/* The vertices of one type with these ids below a node. */
static int put_ids (const struct graph *g, struct list *l, uint32_t node,
                    const char *type, const struct idset *ids, flux_error_t *err)
{
    size_t found = 0;

    for (uint32_t v = node + 1; ids && v < graph_end (g, node); v++) {
        if (strcmp (graph_type (g, v), type) != 0 || graph_id (g, v) < 0
            || graph_id (g, v) > INT32_MAX
            || !idset_test (ids, (unsigned int)graph_id (g, v)))
            continue;
        found++;
        if (put (l, v, true, graph_size (g, v)) < 0)
            return -ENOMEM;
    }
    if (ids && found != idset_count (ids)) {
        errmsg (err, 0, "execution.R_lite: rank %d does not "
                  "have all of these %ss", graph_rank (g, node), type);
        return -EINVAL;
    }
    return 0;
}

static uint32_t find_host (const struct graph *g, const char *host)
{
    uint32_t n = graph_type_count (g, "node");
    char name[512];

    for (uint32_t i = 0; host && i < n; i++) {
        uint32_t v = graph_type_nth (g, "node", i);
        graph_name (g, v, name, sizeof (name));
        if (strcmp (name, host) == 0)
            return v;
    }
    return GRAPH_NONE;
}

/* The node of a rank, or, where there are no ranks, of a host. */
static int find_node (const struct graph *g, uint32_t rank, const char *host, uint32_t *node,
                      flux_error_t *err)
{
    char name[512];

    *node = rank > INT32_MAX ? GRAPH_NONE : graph_by_rank (g, (int32_t)rank);
    if (*node == GRAPH_NONE)
        *node = find_host (g, host);
    if (*node == GRAPH_NONE)
        return errmsg (err, -EINVAL, "execution.R_lite: there is no node with rank %u", rank);
    graph_name (g, *node, name, sizeof (name));
    if (host && *host && strcmp (name, host) != 0)
        return errmsg (err, -EINVAL, "execution.nodelist: the node with rank %u is %.64s, "
                       "not %.64s", rank, name, host);
    return 0;
}

int R_parts (const struct graph *g, const json_t *R, struct job_part **part, size_t *n,
             flux_error_t *err)
{
    struct rset *r = rset_from_json (R, err);
    const struct idset *cores, *gpus;
    struct list l = { NULL };
    const char *host;
    uint32_t rank;
    size_t pos = 0;
    int rc = 0;

    if (!r)
        return -errno;
    while (rc == 0 && rset_node_next (r, &pos, &rank, &host, &cores, &gpus)) {
        uint32_t node;

        if ((rc = find_node (g, rank, host, &node, err)) == 0
            && (rc = put (&l, node, false, graph_size (g, node))) == 0
            && (rc = put_ids (g, &l, node, "core", cores, err)) == 0)
            rc = put_ids (g, &l, node, "gpu", gpus, err);
    }
    rset_free (r);
    if (rc < 0) {
        free (l.part);
        return rc;
    }
    *part = l.part;
    *n = l.n;
    return 0;
}
