/* parts.c - what jobs have in the graph, and R (RFC 20), one from the other
 */
#include "modules/sched-fluxion/parts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "graph/readers.h"
#include "spec/rset.h"

/* ---- to R ---- */

/* The ids of the parts [i, end) of a type: text to be freed, "" if there are none. */
static char *ids_of (const struct graph *g, const struct job_part *part, size_t i, size_t end,
                     const char *type)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *s;

    for (; ids && i < end; i++) {
        int64_t id = graph_id (g, part[i].vtx);
        if (id >= 0 && id <= RSET_MAX_ID && !strcmp (graph_type (g, part[i].vtx), type))
            (void)idset_set (ids, (unsigned int)id);
    }
    s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    idset_destroy (ids);
    return s;
}

/* All that is below a node, as parts. */
static struct job_part *whole_node (const struct graph *g, uint32_t node, size_t *n)
{
    uint32_t end = graph_end (g, node);
    struct job_part *part = calloc (end - node, sizeof (*part));

    *n = 0;
    for (uint32_t v = node + 1; part && v < end; v++)
        part[(*n)++] = (struct job_part){ v, true, graph_size (g, v) };
    return part;
}

static int add_properties (const struct graph *g, uint32_t node, uint32_t rank, struct rset *r)
{
    const json_t *props = graph_properties (g, node);
    struct idset *ids;
    const char *key;
    json_t *val;

    if (!props || !(ids = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return props ? -ENOMEM : 0;
    (void)idset_set (ids, rank);
    json_object_foreach ((json_t *)props, key, val) {
        /* those of the instance stay here; what R cannot say is the graph's only */
        if (*key != '+')
            (void)rset_set_property (r, key, ids, NULL);
    }
    idset_destroy (ids);
    return 0;
}

static int add_ids (const struct graph *g, const struct job_part *part, size_t i, size_t end,
                    uint32_t rank, const char *host, struct rset *r)
{
    char *cores = ids_of (g, part, i, end, "core"), *gpus = ids_of (g, part, i, end, "gpu");
    int rc = -ENOMEM;

    if (cores && gpus)
        rc = *cores || *gpus ? rset_add_rank (r, rank, host, *cores ? cores : NULL,
                                              *gpus ? gpus : NULL) : -ENODATA;
    free (cores);
    free (gpus);
    return rc;
}

/* The node is part i, what it has goes to 'end'. */
static int add_node (const struct graph *g, const struct job_part *part, size_t i, size_t end,
                     struct rset *r)
{
    uint32_t node = part[i].vtx;
    int32_t rank = graph_rank (g, node);
    char host[512];
    int rc;

    if (rank < 0)
        return 0;
    graph_name (g, node, host, sizeof (host));
    rc = add_ids (g, part, i + 1, end, (uint32_t)rank, host, r);
    if (rc == -ENODATA) {
        size_t n;
        struct job_part *all = whole_node (g, node, &n);
        rc = all ? add_ids (g, all, 0, n, (uint32_t)rank, host, r) : -ENOMEM;
        free (all);
        if (rc == -ENODATA)
            return 0;
    }
    return rc < 0 ? rc : add_properties (g, node, (uint32_t)rank, r);
}

static int add_nodes (const struct graph *g, const struct job_part *part, size_t n,
                      struct rset *r)
{
    int rc = 0;

    for (size_t i = 0, end; i < n && rc == 0; i = end) {
        end = i + 1;
        if (strcmp (graph_type (g, part[i].vtx), "node") != 0)
            continue;
        while (end < n && part[end].vtx < graph_end (g, part[i].vtx))
            end++;
        rc = add_node (g, part, i, end, r);
    }
    return rc;
}

/* Are there nodes among the parts, but none that is a broker's? */
static bool no_ranks (const struct graph *g, const struct job_part *part, size_t n)
{
    bool nodes = false;

    for (size_t i = 0; i < n; i++) {
        bool node = !strcmp (graph_type (g, part[i].vtx), "node");
        nodes |= node;
        if (node && graph_rank (g, part[i].vtx) >= 0)
            return false;
    }
    return nodes;
}

struct rset *parts_to_rset (const struct graph *g, const struct job_part *part, size_t n,
                            flux_error_t *err)
{
    struct rset *r = rset_new ();
    int rc = r ? add_nodes (g, part, n, r) : -ENOMEM;

    if (rc < 0)
        errmsg (err, rc, "R cannot be made: %s", strerror (-rc));
    else if (rset_nnodes (r) == 0 && no_ranks (g, part, n))
        rc = errmsg (err, -EINVAL, "nodes of the graph that was loaded from a file have no"
                     " ranks, so that nothing can run on them: give them ranks in the file");
    else if (rset_nnodes (r) == 0)
        rc = errmsg (err, -EINVAL, "the request gets no cores or gpus on any node, so that"
                     " nothing could run it: ask for cores");
    if (rc < 0) {
        rset_free (r);
        errno = -rc;
        return NULL;
    }
    return r;
}

struct rset *parts_whole (const struct graph *g)
{
    struct rset *r = rset_new ();
    int rc = r ? 0 : -ENOMEM;

    for (uint32_t i = 0; rc == 0 && i < graph_type_count (g, "node"); i++) {
        struct job_part node = { .vtx = graph_type_nth (g, "node", i) };
        rc = add_node (g, &node, 0, 1, r);
    }
    if (rc < 0) {
        rset_free (r);
        return NULL;
    }
    return r;
}

/* ---- from R ---- */

static size_t without_ranks (const struct graph *g, struct job_part *part, size_t n,
                             const struct idset *freed)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        int32_t rank = graph_rank (g, part[i].vtx);
        if (rank < 0 || !idset_test (freed, (unsigned int)rank))
            part[k++] = part[i];
    }
    return k;
}

int parts_from_rset (const struct graph *g, const struct rset *R, const struct idset *freed,
                     struct job_part **partp, size_t *np, flux_error_t *err)
{
    const json_t *sched = rset_scheduling (R);
    struct job_part *part = NULL;
    size_t n = 0;
    json_t *o;
    int rc;

    /* what is exclusive has all that is below it, said or (rv1_shorthand) not */
    if (!json_object_get (sched, "graph") || jgf_parts (g, sched, true, &part, &n, NULL) < 0) {
        if (!(o = rset_to_json (R)))
            return errmsg (err, -ENOMEM, "out of memory");
        rc = R_parts (g, o, &part, &n, err);
        json_decref (o);
        if (rc < 0)
            return rc;
    }
    *np = freed && !idset_empty (freed) ? without_ranks (g, part, n, freed) : n;
    *partp = part;
    return 0;
}

int parts_nodes (const struct graph *g, const struct rset *R, uint32_t **vp, size_t *np)
{
    uint32_t *v = calloc (rset_nnodes (R) + 1, sizeof (*v)), rank;
    size_t pos = 0, n = 0;

    if (!v)
        return -ENOMEM;
    while (rset_node_next (R, &pos, &rank, NULL, NULL, NULL)) {
        v[n] = rank > INT32_MAX ? GRAPH_NONE : graph_by_rank (g, (int32_t)rank);
        if (v[n] != GRAPH_NONE)
            n++;
    }
    *vp = v;
    *np = n;
    return 0;
}

/* ---- sets ---- */

static int cmp_part (const void *a, const void *b)
{
    const struct job_part *x = a, *y = b;

    return x->vtx < y->vtx ? -1 : x->vtx > y->vtx;
}

static struct job_part *all_parts (const struct graph *g, size_t *np)
{
    struct job_part *part = NULL;
    size_t n = 0;

    for (const struct job *j = graph_job_next (g, NULL); j; j = graph_job_next (g, j)) {
        size_t k;
        const struct job_part *p = job_parts (j, &k);
        struct job_part *bigger;
        if (job_state (j) != JOB_ALLOCATED)
            continue;
        if (!(bigger = reallocarray (part, n + k + 1, sizeof (*part)))) {
            free (part);
            return NULL;
        }
        part = bigger;
        memcpy (part + n, p, k * sizeof (*p));
        n += k;
    }
    *np = n;
    return part ? part : calloc (1, sizeof (*part));
}

struct rset *parts_allocated (const struct fluxion *fx)
{
    size_t n = 0, k = 0;
    struct job_part *part = all_parts (fx->graph, &n);
    struct rset *r = rset_new ();

    if (part && n > 0) {
        qsort (part, n, sizeof (*part), cmp_part);
        for (size_t i = 0; i < n; i++)
            if (k == 0 || part[k - 1].vtx != part[i].vtx)
                part[k++] = part[i];
        if (r && add_nodes (fx->graph, part, k, r) < 0) {
            rset_free (r);
            r = NULL;
        }
    }
    free (part);
    return r;
}

struct rset *parts_down (const struct fluxion *fx)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct rset *r;
    size_t pos = 0;
    uint32_t rank;

    while (ids && rset_node_next (fx->all, &pos, &rank, NULL, NULL, NULL)) {
        uint32_t v = graph_by_rank (fx->graph, (int32_t)rank);
        if (v == GRAPH_NONE || !graph_usable (fx->graph, v))
            (void)idset_set (ids, rank);
    }
    r = ids ? rset_copy_ranks (fx->all, ids) : NULL;
    idset_destroy (ids);
    return r;
}
