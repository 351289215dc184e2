/* bits.h - a set of numbers 0..n-1 with fast search for the next and previous
 *
 * Words of 64 bits; a bit of an upper level says that the word below it is not
 * zero.  So a step over any number of absent members is O(log64 n).
 */
#ifndef GRAPH_BITS_H
#define GRAPH_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define BITS_LEVELS 5
#define BITS_NONE UINT32_MAX

struct bits {
    uint64_t *level[BITS_LEVELS];   /* one allocation, at level[0] */
    uint32_t len[BITS_LEVELS];      /* bits in each */
    int levels;
    uint32_t n;
};

int bits_init (struct bits *b, uint32_t n);     /* empty; 0 or -ENOMEM */
void bits_release (struct bits *b);
void bits_put (struct bits *b, uint32_t i, bool on);
static inline bool bits_test (const struct bits *b, uint32_t i)
{
    return b->level[0][i >> 6] >> (i & 63) & 1;
}
/* The least member >= i, the largest <= i; or BITS_NONE. */
uint32_t bits_next (const struct bits *b, uint32_t i);
uint32_t bits_prev (const struct bits *b, uint32_t i);

#endif /* !GRAPH_BITS_H */
