/* bits.c - a set of numbers with fast search for the next and previous */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/bits.h"

int bits_init (struct bits *b, uint32_t n)
{
    size_t words = 0, count = n ? n : 1;
    uint64_t *p;

    memset (b, 0, sizeof (*b));
    do {
        count = (count + 63) / 64;
        words += count;
        b->levels++;
    } while (count > 1);
    if (!(p = calloc (words, sizeof (*p))))
        return -ENOMEM;
    count = n ? n : 1;
    for (int i = 0; i < b->levels; i++) {
        b->level[i] = p;
        b->len[i] = (uint32_t)count;
        count = (count + 63) / 64;
        p += count;
    }
    b->n = n;
    return 0;
}

void bits_release (struct bits *b)
{
    free (b->level[0]);
    memset (b, 0, sizeof (*b));
}

void bits_put (struct bits *b, uint32_t i, bool on)
{
    for (int l = 0; l < b->levels; l++) {
        uint64_t *w = &b->level[l][i >> 6], before = *w;
        uint64_t bit = 1ull << (i & 63);

        *w = on ? before | bit : before & ~bit;
        if (on ? before != 0 : *w != 0)
            return;
        i >>= 6;
    }
}

uint32_t bits_next (const struct bits *b, uint32_t i)
{
    if (i >= b->n)
        return BITS_NONE;
    for (int l = 0; l < b->levels; l++) {
        uint64_t w = b->level[l][i >> 6] & ~0ull << (i & 63);

        if (w) {
            i = (i & ~63u) + (uint32_t)__builtin_ctzll (w);
            while (l-- > 0)
                i = (i << 6) + (uint32_t)__builtin_ctzll (b->level[l][i]);
            return i;
        }
        i = (i >> 6) + 1;
        if (l + 1 == b->levels || i >= b->len[l + 1])
            return BITS_NONE;
    }
    return BITS_NONE;
}

uint32_t bits_prev (const struct bits *b, uint32_t i)
{
    if (b->n == 0)
        return BITS_NONE;
    if (i >= b->n)
        i = b->n - 1;
    for (int l = 0; l < b->levels; l++) {
        uint64_t w = b->level[l][i >> 6] & ~0ull >> (63 - (i & 63));

        if (w) {
            i = (i & ~63u) + 63 - (uint32_t)__builtin_clzll (w);
            while (l-- > 0)
                i = (i << 6) + 63 - (uint32_t)__builtin_clzll (b->level[l][i]);
            return i;
        }
        if (i >> 6 == 0)
            return BITS_NONE;
        i = (i >> 6) - 1;
    }
    return BITS_NONE;
}
