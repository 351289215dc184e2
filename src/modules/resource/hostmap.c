/* hostmap.c - ranks and host names of the inventory
 *
 * An array of (host, rank) sorted by both: the ranks of a host are neighbours.
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/hostmap.h"
#include "spec/rset.h"

struct pair {
    const char *host;    /* of the set */
    uint32_t rank;
};

struct hostmap {
    struct rset *r;
    struct pair *pairs;
    size_t count;
};

static int cmp_pair (const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    int rc = strcmp (a->host, b->host);

    return rc != 0 ? rc : (a->rank > b->rank) - (a->rank < b->rank);
}

struct hostmap *hostmap_new (const struct rset *r)
{
    struct hostmap *m = calloc (1, sizeof (*m));
    const char *host;
    uint32_t rank;
    size_t pos = 0;

    if (!m || !(m->r = rset_copy (r))
        || !(m->pairs = calloc (rset_nnodes (r) + 1, sizeof (m->pairs[0])))) {
        hostmap_free (m);
        errno = ENOMEM;
        return NULL;
    }
    while (rset_node_next (m->r, &pos, &rank, &host, NULL, NULL)) {
        if (host)
            m->pairs[m->count++] = (struct pair){ host, rank };
    }
    qsort (m->pairs, m->count, sizeof (m->pairs[0]), cmp_pair);
    return m;
}

void hostmap_free (struct hostmap *m)
{
    if (m) {
        rset_free (m->r);
        free (m->pairs);
        free (m);
    }
}

/* The first pair of 'host', or NULL. */
static const struct pair *find (const struct hostmap *m, const char *host)
{
    size_t lo = 0, hi = m->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp (m->pairs[mid].host, host) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->count && strcmp (m->pairs[lo].host, host) == 0 ? &m->pairs[lo] : NULL;
}

static int check_ranks (const struct hostmap *m, const struct idset *ranks,
                        flux_error_t *err)
{
    struct idset *unknown = idset_difference (ranks, rset_ranks (m->r));
    char *s = unknown ? idset_encode (unknown, IDSET_FLAG_RANGE) : NULL;
    int rc = 0;

    if (!s)
        rc = errmsg (err, -ENOMEM, "out of memory");
    else if (!idset_empty (unknown))
        rc = errmsg (err, -EINVAL, "rank %s is not in the resource inventory", s);
    free (s);
    idset_destroy (unknown);
    return rc;
}

static int add_host (const struct hostmap *m, const char *host, struct idset *ranks,
                     flux_error_t *err)
{
    const struct pair *p = find (m, host);

    if (!p)
        return errmsg (err, -ENOENT, "host %s is not in the resource inventory", host);
    for (; p < m->pairs + m->count && strcmp (p->host, host) == 0; p++) {
        if (idset_set (ranks, p->rank) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int parse_hosts (const struct hostmap *m, const char *text,
                        struct idset *ranks, flux_error_t *err)
{
    struct hostlist *hl = hostlist_decode (text);
    int rc = 0;

    if (!hl)
        return errmsg (err, -EINVAL, "'%s' is neither an idset nor a host list", text);
    for (const char *s = hostlist_first (hl); s && rc == 0; s = hostlist_next (hl))
        rc = add_host (m, s, ranks, err);
    hostlist_destroy (hl);
    return rc;
}

int hostmap_targets (const struct hostmap *m, const char *text,
                     struct idset **ranksp, flux_error_t *err)
{
    struct idset *ranks = idset_decode (text);
    int rc;

    if (ranks)
        rc = check_ranks (m, ranks, err);
    else if ((ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        rc = parse_hosts (m, text, ranks, err);
    else
        rc = errmsg (err, -ENOMEM, "out of memory");
    if (rc == 0 && idset_empty (ranks))
        rc = errmsg (err, -EINVAL, "no targets are given");
    if (rc < 0) {
        idset_destroy (ranks);
        return rc;
    }
    *ranksp = ranks;
    return 0;
}

char *hostmap_hosts (const struct hostmap *m, const struct idset *ranks)
{
    struct hostlist *hl = hostlist_create ();
    char *s = NULL;
    uint32_t rank;

    for (rank = idset_first (ranks); hl && rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        const char *host = rset_host (m->r, rank);

        if (host && hostlist_append (hl, host) < 0) {
            hostlist_destroy (hl);
            hl = NULL;
        }
    }
    if (hl)
        s = hostlist_encode (hl);
    hostlist_destroy (hl);
    if (!s)
        errno = ENOMEM;
    return s;
}

int64_t hostmap_resolve (const struct hostmap *m, uint32_t rank, const char *host)
{
    const char *now = rset_host (m->r, rank);
    const struct pair *p;

    if (now && strcmp (now, host) == 0)
        return rank;
    return (p = find (m, host)) ? (int64_t)p->rank : -1;
}
