/* rset_rank.c - other ranks for the same resources
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "spec/rset_impl.h"

/* The members of 'ranks', as 'to' renames them. */
static struct idset *rename_ranks (const struct rset *r, const struct idset *ranks,
                                   const uint32_t *to)
{
    struct idset *out = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (size_t i = 0; i < r->count && out; i++) {
        if (idset_test (ranks, r->nodes[i].rank) && idset_set (out, to[i]) < 0) {
            idset_destroy (out);
            out = NULL;
        }
    }
    return out;
}

/* Rank of node i becomes to[i]; all differ. */
static int rerank (struct rset *r, const uint32_t *to)
{
    struct idset **moved = calloc (r->nprops + 1, sizeof (*moved));
    size_t n = 0;

    while (moved && n < r->nprops
           && (moved[n] = rename_ranks (r, r->props[n].ranks, to)))
        n++;
    if (!moved || n < r->nprops) {
        while (n > 0)
            idset_destroy (moved[--n]);
        free (moved);
        return -ENOMEM;
    }
    for (size_t i = 0; i < r->count; i++)
        r->nodes[i].rank = to[i];
    for (size_t i = 0; i < r->nprops; i++) {
        idset_destroy (r->props[i].ranks);
        r->props[i].ranks = moved[i];
    }
    free (moved);
    return rset_settle (r, false, NULL);
}

int rset_remap_ranks (struct rset *r)
{
    uint32_t *to = calloc (r->count + 1, sizeof (*to));
    int rc;

    if (!to)
        return -ENOMEM;
    for (size_t i = 0; i < r->count; i++)
        to[i] = (uint32_t)i;
    rc = rerank (r, to);
    free (to);
    return rc;
}

struct place {
    char *host;
    uint32_t index;
};

static int cmp_place (const void *x, const void *y)
{
    const struct place *a = x, *b = y;
    int rc = strcmp (a->host, b->host);

    return rc != 0 ? rc : (a->index > b->index) - (a->index < b->index);
}

static void free_places (struct place *p, size_t count)
{
    for (size_t i = 0; i < count && p; i++)
        free (p[i].host);
    free (p);
}

static struct place *sorted_order (struct hostlist *hl, size_t count)
{
    struct place *p = calloc (count + 1, sizeof (*p));
    size_t n = 0;

    for (const char *s = hostlist_first (hl); p && s && n < count;
         s = hostlist_next (hl)) {
        p[n].index = (uint32_t)n;
        if (!(p[n++].host = strdup (s))) {
            free_places (p, count);
            return NULL;
        }
    }
    if (p)
        qsort (p, n, sizeof (*p), cmp_place);
    return p;
}

static struct place *sorted_nodes (const struct rset *r)
{
    struct place *p = calloc (r->count + 1, sizeof (*p));

    for (size_t i = 0; i < r->count && p; i++) {
        p[i].index = (uint32_t)i;
        p[i].host = strdup (r->nodes[i].host ? r->nodes[i].host->name : "");
        if (!p[i].host) {
            free_places (p, r->count);
            return NULL;
        }
    }
    if (p)
        qsort (p, r->count, sizeof (*p), cmp_place);
    return p;
}

int rset_rerank_hosts (struct rset *r, const struct hostlist *order)
{
    struct hostlist *hl = (struct hostlist *)order;    /* the cursor moves */
    size_t count = (size_t)hostlist_count (hl), i, j = 0;
    uint32_t *to = calloc (r->count + 1, sizeof (*to));
    struct place *want = sorted_order (hl, count);
    struct place *have = sorted_nodes (r);
    int rc = to && want && have ? 0 : -ENOMEM;

    for (i = 0; i < r->count && rc == 0; i++, j++) {
        while (j < count && strcmp (want[j].host, have[i].host) < 0)
            j++;
        if (j == count || strcmp (want[j].host, have[i].host) != 0)
            rc = -ENOENT;
        else
            to[have[i].index] = want[j].index;
    }
    if (rc == 0)
        rc = rerank (r, to);
    free_places (have, r->count);
    free_places (want, count);
    free (to);
    return rc;
}
