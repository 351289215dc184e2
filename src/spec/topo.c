/* topo.c - the shape of the tree of brokers
 *
 * kary, binomial and mincrit are formulas over rank and size, so that nothing
 * is sized by the instance; only custom, which a table of hosts defines anyway,
 * keeps the parent of each rank.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <flux/hostlist.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/topo.h"

#define MINCRIT_FANOUT 1024

enum scheme {
    SCHEME_KARY,
    SCHEME_BINOMIAL,
    SCHEME_MINCRIT,
    SCHEME_CUSTOM,
};

struct topo {
    enum scheme scheme;
    uint32_t size;
    uint32_t k;          /* fanout (kary; 0 is flat) or routers (mincrit) */
    uint32_t *parents;   /* custom */
};

/* -- kary -- */

static uint32_t kary_parent (const struct topo *t, uint32_t rank)
{
    return t->k == 0 ? 0 : (rank - 1) / t->k;
}

/* The ranks below 'lo'..'hi' that are one level down: false if there is none. */
static bool kary_below (const struct topo *t, uint64_t *lo, uint64_t *hi)
{
    if (t->k == 0 && *lo > 0)
        return false;
    *lo = t->k == 0 ? 1 : *lo * t->k + 1;
    *hi = t->k == 0 ? t->size - 1 : *hi * t->k + t->k;
    if (*lo >= t->size)
        return false;
    if (*hi >= t->size)
        *hi = t->size - 1;
    return true;
}

/* -- mincrit: rank 0, routers 1..k, then leaves in blocks of equal size, the
 * first 'rest' of them one larger -- */

struct mincrit {
    uint32_t base;
    uint32_t rest;
};

static struct mincrit mincrit_blocks (const struct topo *t)
{
    uint32_t leaves = t->size - 1 - t->k;

    return (struct mincrit){ leaves / t->k, leaves % t->k };
}

static uint32_t mincrit_parent (const struct topo *t, uint32_t rank)
{
    struct mincrit b;
    uint64_t leaf;

    if (rank <= t->k || t->k == 0)
        return 0;
    b = mincrit_blocks (t);
    leaf = rank - t->k - 1;
    if (leaf < (uint64_t)b.rest * (b.base + 1))
        return 1 + (uint32_t)(leaf / (b.base + 1));
    return 1 + b.rest + (uint32_t)((leaf - (uint64_t)b.rest * (b.base + 1)) / b.base);
}

static void mincrit_range (const struct topo *t, uint32_t rank, uint32_t *first,
                           uint32_t *count)
{
    struct mincrit b;
    uint32_t i;

    *first = 1;
    *count = t->k == 0 ? t->size - 1 : t->k;
    if (rank == 0)
        return;
    *count = 0;
    if (rank > t->k)
        return;
    b = mincrit_blocks (t);
    i = rank - 1;
    *first = t->k + 1 + i * b.base + (i < b.rest ? i : b.rest);
    *count = b.base + (i < b.rest ? 1 : 0);
}

/* The fewest routers of at most MINCRIT_FANOUT leaves each. */
static uint32_t mincrit_default (uint32_t size)
{
    if (size - 1 <= MINCRIT_FANOUT)
        return 0;
    return (size - 1 + MINCRIT_FANOUT) / (MINCRIT_FANOUT + 1);
}

/* -- custom -- */

/* Ranks are the order in which names first appear; *hostsp maps a name to its
 * rank plus one. */
static int custom_ranks (const json_t *hosts, struct hash *ranks,
                         uint32_t size, flux_error_t *err)
{
    size_t index;
    json_t *entry;

    json_array_foreach ((json_t *)hosts, index, entry) {
        const char *s = json_string_value (json_object_get (entry, "host"));
        struct hostlist *hl = s ? hostlist_decode (s) : NULL;
        int rc = 0;

        if (!hl)
            return errmsg (err, -EINVAL, "bootstrap.hosts[%zu].host: must be a host "
                           "name or host list", index);
        for (const char *h = hostlist_first (hl); h && rc == 0; h = hostlist_next (hl)) {
            if (!hash_get (ranks, h))
                rc = hash_set (ranks, h, (void *)(uintptr_t)(hash_count (ranks) + 1));
        }
        hostlist_destroy (hl);
        if (rc < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    if (hash_count (ranks) != size)
        return errmsg (err, -EINVAL, "bootstrap.hosts has %zu hosts, but the size of "
                       "the instance is %u", hash_count (ranks), size);
    return 0;
}

static int custom_parents (struct topo *t, const json_t *hosts, struct hash *ranks,
                           flux_error_t *err)
{
    size_t index;
    json_t *entry;

    json_array_foreach ((json_t *)hosts, index, entry) {
        const json_t *o = json_object_get (entry, "parent");
        const char *parent = json_string_value (o);
        struct hostlist *hl;
        uintptr_t up;

        if (!o)
            continue;
        if (!parent || !(up = (uintptr_t)hash_get (ranks, parent)))
            return errmsg (err, -EINVAL, "bootstrap.hosts[%zu].parent: %s is not the "
                           "name of a host in bootstrap.hosts", index,
                           parent ? parent : "the value");
        if (!(hl = hostlist_decode (json_string_value (json_object_get (entry, "host")))))
            return errmsg (err, -ENOMEM, "out of memory");
        for (const char *h = hostlist_first (hl); h; h = hostlist_next (hl))
            t->parents[(uintptr_t)hash_get (ranks, h) - 1] = (uint32_t)(up - 1);
        hostlist_destroy (hl);
    }
    return 0;
}

/* A walk to the root longer than the number of ranks is a circle. */
static int custom_check (const struct topo *t, flux_error_t *err)
{
    if (t->parents[0] != 0)
        return errmsg (err, -EINVAL, "bootstrap.hosts: the first host is rank 0 and "
                       "cannot have a parent");
    for (uint32_t rank = 1; rank < t->size; rank++) {
        uint32_t up = rank;

        for (uint32_t steps = 0; up != 0; steps++) {
            if (steps > t->size)
                return errmsg (err, -EINVAL, "bootstrap.hosts: the parents of rank %u "
                               "form a circle", rank);
            up = t->parents[up];
        }
    }
    return 0;
}

static int custom_init (struct topo *t, const json_t *hosts, flux_error_t *err)
{
    struct hash *ranks = NULL;
    int rc;

    if (!hosts) {           /* without a table all are below rank 0 */
        t->scheme = SCHEME_KARY;
        return 0;
    }
    if (!json_is_array (hosts))
        return errmsg (err, -EINVAL, "bootstrap.hosts: must be an array");
    if (!(t->parents = calloc (t->size, sizeof (t->parents[0])))
        || !(ranks = hash_new (NULL)))
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = custom_ranks (hosts, ranks, t->size, err)) == 0
        && (rc = custom_parents (t, hosts, ranks, err)) == 0)
        rc = custom_check (t, err);
    hash_free (ranks);
    return rc;
}

/* -- all -- */

static int parse_k (const char *s, uint32_t *kp)
{
    unsigned long k = 0;

    if (!*s)
        return -EINVAL;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        k = k * 10 + (unsigned long)(*s - '0');
        if (k > INT_MAX)
            return -EINVAL;
    }
    *kp = (uint32_t)k;
    return 0;
}

static int parse_scheme (struct topo *t, const char *s, const json_t *hosts,
                         flux_error_t *err)
{
    if (strncmp (s, "kary:", 5) == 0 && parse_k (s + 5, &t->k) == 0) {
        t->scheme = SCHEME_KARY;
        return 0;
    }
    if (strcmp (s, "binomial") == 0) {
        t->scheme = SCHEME_BINOMIAL;
        return 0;
    }
    if (strcmp (s, "mincrit") == 0
        || (strncmp (s, "mincrit:", 8) == 0 && parse_k (s + 8, &t->k) == 0)) {
        t->scheme = SCHEME_MINCRIT;
        if (s[7] == '\0')
            t->k = mincrit_default (t->size);
        if (t->k > t->size - 1)
            t->k = t->size - 1;
        return 0;
    }
    if (strcmp (s, "custom") == 0) {
        t->scheme = SCHEME_CUSTOM;
        return custom_init (t, hosts, err);
    }
    return errmsg (err, -EINVAL, "tbon.topo '%s' is not one of kary:K, mincrit[:K], "
                   "binomial, custom", s);
}

struct topo *topo_new (const char *scheme, uint32_t size, const json_t *hosts,
                       flux_error_t *err)
{
    struct topo *t;
    int rc;

    if (!scheme || size == 0 || size > INT_MAX) {
        errmsg (err, -EINVAL, "tbon.topo: size %u is out of range", size);
        errno = EINVAL;
        return NULL;
    }
    if (!(t = calloc (1, sizeof (*t)))) {
        errmsg (err, -ENOMEM, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    t->size = size;
    if ((rc = parse_scheme (t, scheme, hosts, err)) < 0) {
        topo_free (t);
        errno = -rc;
        return NULL;
    }
    return t;
}

void topo_free (struct topo *t)
{
    if (t) {
        free (t->parents);
        free (t);
    }
}

uint32_t topo_size (const struct topo *t)
{
    return t->size;
}

uint32_t topo_parent (const struct topo *t, uint32_t rank)
{
    if (rank == 0 || rank >= t->size)
        return TOPO_NORANK;
    switch (t->scheme) {
        case SCHEME_KARY:
            return kary_parent (t, rank);
        case SCHEME_BINOMIAL:
            return rank & (rank - 1);
        case SCHEME_MINCRIT:
            return mincrit_parent (t, rank);
        default:
            return t->parents[rank];
    }
}

static uint32_t fill (uint32_t first, uint32_t count, uint32_t *ranks, uint32_t max)
{
    for (uint32_t i = 0; i < count && i < max; i++)
        ranks[i] = first + i;
    return count;
}

/* Rank + 2^i, for each i below the lowest bit that is set in rank. */
static uint32_t binomial_children (const struct topo *t, uint32_t rank,
                                   uint32_t *ranks, uint32_t max)
{
    uint64_t low = rank == 0 ? t->size : rank & -rank;
    uint32_t n = 0;

    for (uint64_t bit = 1; bit < low && rank + bit < t->size; bit <<= 1) {
        if (n < max)
            ranks[n] = (uint32_t)(rank + bit);
        n++;
    }
    return n;
}

uint32_t topo_children (const struct topo *t, uint32_t rank, uint32_t *ranks, uint32_t max)
{
    uint64_t lo = rank, hi = rank;
    uint32_t first, count, n = 0;

    if (rank >= t->size)
        return 0;
    switch (t->scheme) {
        case SCHEME_KARY:
            if (!kary_below (t, &lo, &hi))
                return 0;
            return fill ((uint32_t)lo, (uint32_t)(hi - lo + 1), ranks, max);
        case SCHEME_BINOMIAL:
            return binomial_children (t, rank, ranks, max);
        case SCHEME_MINCRIT:
            mincrit_range (t, rank, &first, &count);
            return fill (first, count, ranks, max);
        default:
            break;
    }
    for (uint32_t i = 1; i < t->size; i++) {
        if (t->parents[i] == rank) {
            if (n < max)
                ranks[n] = i;
            n++;
        }
    }
    return n;
}

uint32_t topo_child_route (const struct topo *t, uint32_t rank, uint32_t target)
{
    while (target != TOPO_NORANK && target != rank) {
        uint32_t up = topo_parent (t, target);

        if (up == rank)
            return target;
        target = up;
    }
    return TOPO_NORANK;
}

uint32_t topo_level (const struct topo *t, uint32_t rank)
{
    uint32_t level = 0;

    if (rank >= t->size)
        return 0;
    while (rank != 0) {
        rank = topo_parent (t, rank);
        level++;
    }
    return level;
}

/* The most bits set in any rank below size: the last rank, or one that has a
 * bit of it cleared and all lower ones set. */
static uint32_t binomial_maxlevel (uint32_t last)
{
    uint32_t best = (uint32_t)__builtin_popcount (last);

    for (uint32_t bit = 1; bit && bit <= last; bit <<= 1) {
        uint32_t n = (last & ~((bit << 1) - 1)) | (bit - 1);

        if ((last & bit) && (uint32_t)__builtin_popcount (n) > best)
            best = (uint32_t)__builtin_popcount (n);
    }
    return best;
}

uint32_t topo_maxlevel (const struct topo *t)
{
    uint32_t best = 0;

    switch (t->scheme) {
        case SCHEME_KARY:
        case SCHEME_MINCRIT:        /* the last rank is among the deepest */
            return topo_level (t, t->size - 1);
        case SCHEME_BINOMIAL:
            return binomial_maxlevel (t->size - 1);
        default:
            break;
    }
    for (uint32_t i = 1; i < t->size; i++) {
        uint32_t level = topo_level (t, i);

        if (level > best)
            best = level;
    }
    return best;
}

uint32_t topo_descendants (const struct topo *t, uint32_t rank)
{
    uint64_t lo = rank, hi = rank, low;
    uint32_t n = 0, first;

    if (rank >= t->size)
        return 0;
    if (rank == 0)
        return t->size - 1;
    switch (t->scheme) {
        case SCHEME_KARY:
            if (t->k == 1)
                return t->size - 1 - rank;
            while (kary_below (t, &lo, &hi))
                n += (uint32_t)(hi - lo + 1);
            return n;
        case SCHEME_BINOMIAL:       /* the subtree is a range of ranks */
            low = rank & -rank;
            return (uint32_t)((rank + low > t->size ? t->size - rank : low) - 1);
        case SCHEME_MINCRIT:
            mincrit_range (t, rank, &first, &n);
            return n;
        default:
            break;
    }
    for (uint32_t i = 1; i < t->size; i++) {
        if (i != rank && topo_child_route (t, rank, i) != TOPO_NORANK)
            n++;
    }
    return n;
}
