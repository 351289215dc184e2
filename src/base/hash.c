/* hash.c - hash tables keyed by string or by 64-bit integer
 *
 * Both are one array of slots, a power of two long, probed linearly.  A slot
 * whose value is NULL ends a probe; a deleted slot that stands before a taken
 * one holds 'tomb' and is passed over.  Slots never move on deletion, which is
 * what makes deletion during iteration safe; tombs are swept, and the table
 * shrunk or grown, when an insertion finds it three quarters full.
 */
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/auxv.h>

#define MIN_SLOTS 8

static char tomb_mark;
#define TOMB ((void *)&tomb_mark)

__extension__ typedef unsigned __int128 u128;

static uint64_t fold (uint64_t a, uint64_t b)
{
    u128 m = (u128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* The kernel gives each process 16 random bytes: enough of a secret that
 * nobody outside can choose keys that collide. */
static uint64_t random_seed (void)
{
    const void *p = (const void *)getauxval (AT_RANDOM);
    uint64_t half[2] = {0, 0};

    if (p)
        memcpy (half, p, sizeof (half));
    return fold (half[0] ^ 0x8ebc6af09c88c6e3ULL, half[1]);
}

static uint64_t hash_bytes (const char *s, size_t len, uint64_t seed)
{
    uint64_t h = seed ^ 0x9e3779b97f4a7c15ULL;
    uint64_t w;
    size_t n = len;

    for (; n >= 8; n -= 8, s += 8) {
        memcpy (&w, s, 8);
        h = fold (h ^ w, 0xd6e8feb86659fd93ULL);
    }
    w = 0;
    memcpy (&w, s, n);
    h = fold (h ^ w, 0xa0761d6478bd642fULL);
    return fold (h ^ len, 0xe7037ed1a0b428dbULL);
}

static uint64_t hash_id (uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    return x;
}

/* Slots to hold one more than count, at most half full. */
static size_t slots_for (size_t count)
{
    size_t n = MIN_SLOTS;

    while (n < 2 * (count + 1))
        n *= 2;
    return n;
}

static int must_resize (size_t used, size_t size)
{
    return (used + 1) * 4 > size * 3;
}

/* ---- string keys ---- */

struct slot {
    uint64_t hash;
    char *key;
    void *val;
};

struct hash {
    struct slot *slot;
    size_t size;
    size_t count;
    size_t used;   /* count and tombs */
    uint64_t seed;
    hash_free_f free_fn;
};

struct hash *hash_new (hash_free_f free_fn)
{
    struct hash *h = calloc (1, sizeof (*h));

    if (h) {
        h->free_fn = free_fn;
        h->seed = random_seed ();
    }
    return h;
}

void hash_free (struct hash *h)
{
    size_t pos = 0;
    void *val;

    if (!h)
        return;
    while ((val = hash_next (h, &pos, NULL))) {
        free (h->slot[pos - 1].key);
        if (h->free_fn)
            h->free_fn (val);
    }
    free (h->slot);
    free (h);
}

static struct slot *find (const struct hash *h, const char *key, uint64_t hash)
{
    if (h->count == 0)
        return NULL;
    size_t mask = h->size - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct slot *s = &h->slot[i];
        if (!s->val)
            return NULL;
        if (s->hash == hash && s->val != TOMB && !strcmp (s->key, key))
            return s;
    }
}

void *hash_get (const struct hash *h, const char *key)
{
    if (h->count == 0)
        return NULL;
    struct slot *s = find (h, key, hash_bytes (key, strlen (key), h->seed));
    return s ? s->val : NULL;
}

/* The first free slot of this hash's probe, in a table with room. */
static struct slot *free_slot (struct slot *slot, size_t size, uint64_t hash)
{
    size_t mask = size - 1;
    size_t i = hash & mask;

    while (slot[i].val && slot[i].val != TOMB)
        i = (i + 1) & mask;
    return &slot[i];
}

static int resize (struct hash *h)
{
    size_t size = slots_for (h->count);
    struct slot *slot = calloc (size, sizeof (*slot));

    if (!slot)
        return -ENOMEM;
    for (size_t i = 0; i < h->size; i++) {
        struct slot *s = &h->slot[i];
        if (s->val && s->val != TOMB)
            *free_slot (slot, size, s->hash) = *s;
    }
    free (h->slot);
    h->slot = slot;
    h->size = size;
    h->used = h->count;
    return 0;
}

static void replace (void **valp, void *val, hash_free_f free_fn)
{
    void *old = *valp;

    *valp = val;
    if (free_fn && old != val)
        free_fn (old);
}

int hash_set (struct hash *h, const char *key, void *val)
{
    if (!val)
        return -EINVAL;
    size_t len = strlen (key);
    uint64_t hash = hash_bytes (key, len, h->seed);
    struct slot *s = find (h, key, hash);

    if (s) {
        replace (&s->val, val, h->free_fn);
        return 0;
    }
    if (must_resize (h->used, h->size) && resize (h) < 0)
        return -ENOMEM;
    char *copy = malloc (len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy (copy, key, len + 1);
    s = free_slot (h->slot, h->size, hash);
    h->used += s->val ? 0 : 1;
    h->count++;
    *s = (struct slot){.hash = hash, .key = copy, .val = val};
    return 0;
}

/* Empty slot i; without a tomb where no probe can need one. */
static void vacate (struct hash *h, size_t i)
{
    size_t mask = h->size - 1;

    h->count--;
    h->slot[i] = (struct slot){.val = TOMB};
    if (h->slot[(i + 1) & mask].val)
        return;
    while (h->slot[i].val == TOMB) {
        h->slot[i].val = NULL;
        h->used--;
        i = (i - 1) & mask;
    }
}

void *hash_take (struct hash *h, const char *key)
{
    if (h->count == 0)
        return NULL;
    struct slot *s = find (h, key, hash_bytes (key, strlen (key), h->seed));
    if (!s)
        return NULL;
    void *val = s->val;
    /* 'key' may be this very string: not read after this */
    free (s->key);
    vacate (h, (size_t)(s - h->slot));
    return val;
}

void hash_del (struct hash *h, const char *key)
{
    void *val = hash_take (h, key);

    if (val && h->free_fn)
        h->free_fn (val);
}

size_t hash_count (const struct hash *h)
{
    return h->count;
}

void *hash_next (const struct hash *h, size_t *pos, const char **keyp)
{
    while (*pos < h->size) {
        struct slot *s = &h->slot[(*pos)++];
        if (s->val && s->val != TOMB) {
            if (keyp)
                *keyp = s->key;
            return s->val;
        }
    }
    return NULL;
}

/* ---- integer keys ---- */

struct idslot {
    uint64_t key;
    void *val;
};

struct idhash {
    struct idslot *slot;
    size_t size;
    size_t count;
    size_t used;
    hash_free_f free_fn;
};

struct idhash *idhash_new (hash_free_f free_fn)
{
    struct idhash *h = calloc (1, sizeof (*h));

    if (h)
        h->free_fn = free_fn;
    return h;
}

void idhash_free (struct idhash *h)
{
    size_t pos = 0;
    void *val;

    if (!h)
        return;
    while (h->free_fn && (val = idhash_next (h, &pos, NULL)))
        h->free_fn (val);
    free (h->slot);
    free (h);
}

static struct idslot *find_id (const struct idhash *h, uint64_t key)
{
    if (h->count == 0)
        return NULL;
    size_t mask = h->size - 1;
    for (size_t i = hash_id (key) & mask;; i = (i + 1) & mask) {
        struct idslot *s = &h->slot[i];
        if (s->key == key && s->val && s->val != TOMB)
            return s;
        if (!s->val)
            return NULL;
    }
}

void *idhash_get (const struct idhash *h, uint64_t key)
{
    struct idslot *s = find_id (h, key);
    return s ? s->val : NULL;
}

static struct idslot *free_idslot (struct idslot *slot,
                                   size_t size,
                                   uint64_t key)
{
    size_t mask = size - 1;
    size_t i = hash_id (key) & mask;

    while (slot[i].val && slot[i].val != TOMB)
        i = (i + 1) & mask;
    return &slot[i];
}

static int resize_id (struct idhash *h)
{
    size_t size = slots_for (h->count);
    struct idslot *slot = calloc (size, sizeof (*slot));

    if (!slot)
        return -ENOMEM;
    for (size_t i = 0; i < h->size; i++) {
        struct idslot *s = &h->slot[i];
        if (s->val && s->val != TOMB)
            *free_idslot (slot, size, s->key) = *s;
    }
    free (h->slot);
    h->slot = slot;
    h->size = size;
    h->used = h->count;
    return 0;
}

int idhash_set (struct idhash *h, uint64_t key, void *val)
{
    struct idslot *s = val ? find_id (h, key) : NULL;

    if (!val)
        return -EINVAL;
    if (s) {
        replace (&s->val, val, h->free_fn);
        return 0;
    }
    if (must_resize (h->used, h->size) && resize_id (h) < 0)
        return -ENOMEM;
    s = free_idslot (h->slot, h->size, key);
    h->used += s->val ? 0 : 1;
    h->count++;
    *s = (struct idslot){.key = key, .val = val};
    return 0;
}

void *idhash_take (struct idhash *h, uint64_t key)
{
    struct idslot *s = find_id (h, key);

    if (!s)
        return NULL;
    void *val = s->val;
    size_t mask = h->size - 1;
    size_t i = (size_t)(s - h->slot);

    h->count--;
    s->val = TOMB;
    if (!h->slot[(i + 1) & mask].val) {
        while (h->slot[i].val == TOMB) {
            h->slot[i].val = NULL;
            h->used--;
            i = (i - 1) & mask;
        }
    }
    return val;
}

void idhash_del (struct idhash *h, uint64_t key)
{
    void *val = idhash_take (h, key);

    if (val && h->free_fn)
        h->free_fn (val);
}

size_t idhash_count (const struct idhash *h)
{
    return h->count;
}

void *idhash_next (const struct idhash *h, size_t *pos, uint64_t *keyp)
{
    while (*pos < h->size) {
        struct idslot *s = &h->slot[(*pos)++];
        if (s->val && s->val != TOMB) {
            if (keyp)
                *keyp = s->key;
            return s->val;
        }
    }
    return NULL;
}
