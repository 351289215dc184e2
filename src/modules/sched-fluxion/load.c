/* load.c - the graph of an instance, from R (RFC 20, RFC 40)
 */
#include "modules/sched-fluxion/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flux/idset.h>

#include "base/buf.h"
#include "base/dso.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "graph/readers.h"
#include "spec/rset.h"

/* ---- ranks of this instance ---- */

/* Ranks by host name; those of one name are taken in order. */
struct hosts {
    struct hash *first;        /* name -> rank + 1 of the next */
    struct idhash *next;       /* rank -> the one after it, + 1 */
};

static void *mark (uint32_t rank)
{
    return (void *)((uintptr_t)rank + 1);
}

static int hosts_init (struct hosts *h, const struct rset *all)
{
    struct hash *last = hash_new (NULL);
    size_t pos = 0;
    uint32_t rank;
    const char *host;
    int rc = last && (h->first = hash_new (NULL)) && (h->next = idhash_new (NULL)) ? 0 : -ENOMEM;

    while (rc == 0 && rset_node_next (all, &pos, &rank, &host, NULL, NULL)) {
        void *before = host ? hash_get (last, host) : NULL;
        if (!host)
            continue;
        rc = before ? idhash_set (h->next, (uintptr_t)before - 1, mark (rank))
                    : hash_set (h->first, host, mark (rank));
        if (rc == 0)
            rc = hash_set (last, host, mark (rank));
    }
    hash_free (last);
    return rc;
}

static void hosts_release (struct hosts *h)
{
    hash_free (h->first);
    idhash_free (h->next);
}

static int64_t hosts_take (struct hosts *h, const char *host)
{
    void *p = host ? hash_get (h->first, host) : NULL, *next;

    if (!p)
        return -1;
    next = idhash_get (h->next, (uintptr_t)p - 1);
    if (!next)
        hash_del (h->first, host);
    else if (hash_set (h->first, host, next) < 0)
        return -1;
    return (int64_t)(uintptr_t)p - 1;
}

/* A copy of the graph with the ranks that its nodes have here, -1 if none; of what is
 * not a node, that of its node, or none. */
static json_t *with_our_ranks (const json_t *sched, const struct rset *all)
{
    json_t *copy = json_deep_copy (sched), *nodes, *o;
    struct idhash *map = idhash_new (NULL);
    struct hosts h = { NULL };
    size_t i;
    bool ok = copy && map && hosts_init (&h, all) == 0;

    nodes = json_object_get (json_object_get (copy, "graph"), "nodes");
    for (int pass = 0; ok && pass < 2; pass++) {
        json_array_foreach (nodes, i, o) {
            json_t *meta = json_object_get (o, "metadata");
            const char *type = json_string_value (json_object_get (meta, "type"));
            json_t *old = json_object_get (meta, "rank");
            bool node = type && !strcmp (type, "node");
            int64_t rank = -1;
            if (node != (pass == 0) || (!node && !old))
                continue;
            if (node) {
                rank = hosts_take (&h, json_string_value (json_object_get (meta, "name")));
                if (old && json_integer_value (old) >= 0 && rank >= 0)
                    (void)idhash_set (map, json_integer_value (old), mark ((uint32_t)rank));
            }
            else if (json_integer_value (old) >= 0)
                rank = (int64_t)(uintptr_t)idhash_get (map, json_integer_value (old)) - 1;
            json_object_set_new (meta, "rank", json_integer (rank));
        }
    }
    hosts_release (&h);
    idhash_free (map);
    if (!ok) {
        json_decref (copy);
        return NULL;
    }
    return copy;
}

/* Nodes that are not in R are not ours. */
static int drop_foreign (struct graph *g)
{
    uint32_t i = 0;
    int rc = 0;

    while (rc == 0 && i < graph_type_count (g, "node")) {
        uint32_t v = graph_type_nth (g, "node", i);
        if (graph_own_rank (g, v) < 0)
            rc = graph_shrink (g, v);
        else
            i++;
    }
    return rc;
}

struct specs_list {
    struct vtx_spec *spec;
    size_t n, size;
};

static int want_ids (struct graph *g, struct specs_list *l, uint32_t node, int32_t rank,
                     const char *type, const struct idset *ids)
{
    if (!ids || graph_total (g, node, type) > 0)
        return 0;
    for (unsigned int id = idset_first (ids); id != IDSET_INVALID_ID;
         id = idset_next (ids, id)) {
        if (l->n == l->size) {
            size_t size = l->size ? l->size * 2 : 64;
            struct vtx_spec *p = reallocarray (l->spec, size, sizeof (*p));
            if (!p)
                return -ENOMEM;
            l->spec = p;
            l->size = size;
        }
        l->spec[l->n++] = (struct vtx_spec){ .parent = node, .type = graph_intern (g, type),
                                             .size = 1, .uniq = -1, .rank = rank, .id = id };
    }
    return 0;
}

/* What R has on nodes below which the graph says nothing. */
static int amend (struct graph *g, const struct rset *all, flux_error_t *err)
{
    const struct idset *cores, *gpus;
    struct specs_list l = { NULL };
    const char *host;
    size_t pos = 0;
    uint32_t rank;
    int rc = 0;

    while (rc == 0 && rset_node_next (all, &pos, &rank, &host, &cores, &gpus)) {
        uint32_t v = graph_by_rank (g, (int32_t)rank);
        if (v == GRAPH_NONE)
            rc = errmsg (err, -EINVAL, "scheduling.graph: there is no node '%s'",
                         host ? host : "");
        else if ((rc = want_ids (g, &l, v, (int32_t)rank, "core", cores)) == 0)
            rc = want_ids (g, &l, v, (int32_t)rank, "gpu", gpus);
    }
    if (rc == 0 && l.n > 0 && (rc = graph_grow (g, l.spec, l.n)) < 0)
        errmsg (err, rc, "scheduling.graph: %s", strerror (-rc));
    free (l.spec);
    return rc;
}

static struct graph *load_scheduling (const json_t *sched, const struct rset *all,
                                      flux_error_t *err)
{
    json_t *copy = with_our_ranks (sched, all);
    struct graph *g = copy ? read_jgf (copy, err) : NULL;
    int rc = 0;

    json_decref (copy);
    if (!copy)
        errmsg (err, 0, "out of memory");
    if (!g)
        return NULL;
    if ((rc = drop_foreign (g)) < 0)
        errmsg (err, rc, "scheduling.graph: no node of it is in R");
    else
        rc = amend (g, all, err);
    if (rc < 0) {
        graph_free (g);
        errno = -rc;
        return NULL;
    }
    return g;
}

struct graph *load_R (const json_t *R, const struct rset *all, flux_error_t *err)
{
    const json_t *sched = rset_scheduling (all);

    if (json_object_get (sched, "graph"))
        return load_scheduling (sched, all, err);
    return read_R (R, false, err);
}

/* ---- files ---- */

static int read_whole (const char *path, struct buf *b)
{
    char chunk[65536];
    FILE *f = fopen (path, "r");
    size_t n;
    int rc = 0;

    if (!f)
        return -errno;
    while ((n = fread (chunk, 1, sizeof (chunk), f)) > 0)
        buf_add (b, chunk, n);
    if (ferror (f))
        rc = -EIO;
    fclose (f);
    return b->failed ? -ENOMEM : rc;
}

static struct graph *from_json (const char *s, size_t len, bool jgf, flux_error_t *err)
{
    json_error_t e;
    json_t *o = json_loadb (s, len, 0, &e);
    struct graph *g = NULL;

    if (!o)
        errno = -errmsg (err, -EINVAL, "line %d: %s", e.line, e.text);
    else
        g = jgf ? read_jgf (o, err) : read_R (o, false, err);
    json_decref (o);
    return g;
}

/* What needs libexpat is in an object of its own. */
static struct graph *from_xml (const char *s, size_t len, const char *format,
                               const char *allow, flux_error_t *err)
{
    struct graph *(*fun) (const char *s, size_t len, const char *format, const char *allow,
                          flux_error_t *err) = NULL;

    *(void **)&fun = dso_symbol ("graph_files", "graph_files_read", err);
    return fun ? fun (s, len, format, allow, err) : NULL;
}

struct graph *load_file (const char *path, const char *format, const char *allow,
                         flux_error_t *err)
{
    bool jgf = !strcmp (format, "jgf");
    struct buf b = BUF_INIT;
    struct graph *g = NULL;
    flux_error_t why;
    int rc = read_whole (path, &b);

    if (rc < 0)
        errmsg (err, rc, "%s: %s", path, strerror (-rc));
    else {
        g = jgf || !strncmp (format, "rv1exec", 7) ? from_json (b.data, b.len, jgf, &why)
                                               : from_xml (b.data, b.len, format, allow, &why);
        if (!g)
            rc = errmsg (err, errno ? -errno : -EINVAL, "%s: %s", path, why.text);
    }
    buf_release (&b);
    if (!g)
        errno = -rc;
    return g;
}
