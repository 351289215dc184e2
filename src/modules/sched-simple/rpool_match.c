/* rpool_match.c - which nodes a constraint allows (RFC 31)
 */
#include "modules/sched-simple/rpool_match.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/rset.h"

#define CACHE_MAX 256

struct match {
    unsigned n;
    uint64_t bits[];
};

struct match_cache {
    struct hash *by_text;
};

struct match_cache *match_cache_new (void)
{
    struct match_cache *c = calloc (1, sizeof (*c));

    if (c && !(c->by_text = hash_new (free))) {
        free (c);
        c = NULL;
    }
    return c;
}

void match_cache_free (struct match_cache *c)
{
    if (c) {
        hash_free (c->by_text);
        free (c);
    }
}

void match_cache_clear (struct match_cache *c)
{
    const char *key;
    size_t pos = 0;

    while (hash_next (c->by_text, &pos, &key))
        hash_del (c->by_text, key);
}

bool match_test (const struct match *m, unsigned index)
{
    return index < m->n && (m->bits[index / 64] >> index % 64 & 1);
}

static struct match *match_new (const struct rset *all, const struct rset *some)
{
    unsigned n = (unsigned)rset_nnodes (all), i = 0;
    struct match *m = calloc (1, sizeof (*m) + (n / 64 + 1) * sizeof (uint64_t));
    size_t pos = 0;
    uint32_t rank;

    if (!m)
        return NULL;
    m->n = n;
    for (; rset_node_next (all, &pos, &rank, NULL, NULL, NULL); i++) {
        if (idset_test (rset_ranks (some), rank))
            m->bits[i / 64] |= UINT64_C (1) << i % 64;
    }
    return m;
}

int match_get (struct match_cache *c, const struct rset *all, const json_t *constraint,
               const struct match **mp, flux_error_t *err)
{
    char *key = json_dumps (constraint, JSON_COMPACT | JSON_SORT_KEYS);
    struct match *m = key ? hash_get (c->by_text, key) : NULL;
    struct rset *some = NULL;
    int rc = 0;

    if (!key)
        return errmsg (err, -ENOMEM, "out of memory");
    if (m)
        goto done;
    if (!(some = rset_copy_constraint (all, constraint, err))) {
        rc = -errno;
        goto done;
    }
    if (hash_count (c->by_text) >= CACHE_MAX)
        match_cache_clear (c);
    if (!(m = match_new (all, some)) || hash_set (c->by_text, key, m) < 0) {
        free (m);
        rc = errmsg (err, -ENOMEM, "out of memory");
    }
done:
    if (rc == 0)
        *mp = m;
    rset_free (some);
    free (key);
    return rc;
}
