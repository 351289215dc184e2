/* matchtag.h - the pool of matchtags of a connection
 *
 * Matchtags are small integers, given out lowest unused first on a fresh pool
 * and most recently freed first later, so that tables indexed by matchtag stay
 * small and warm.
 */
#ifndef CORE_MATCHTAG_H
#define CORE_MATCHTAG_H

#include <stddef.h>
#include <stdint.h>

struct matchtag_pool {
    uint32_t *freed;      /* stack of tags to be used again */
    size_t nfreed;
    size_t size;          /* of freed, and of in_use in bits */
    uint64_t *in_use;     /* bit n: tag n + 1 is allocated */
    uint32_t made;        /* tags 1..made have been given out once */
};

/* A plain value; starts zeroed. */
void matchtag_pool_release (struct matchtag_pool *p);
/* FLUX_MATCHTAG_NONE if there is no memory or no tag left. */
uint32_t matchtag_alloc (struct matchtag_pool *p);
/* No-op on a tag that is not allocated. */
void matchtag_free (struct matchtag_pool *p, uint32_t tag);
uint32_t matchtag_used (const struct matchtag_pool *p);

#endif /* !CORE_MATCHTAG_H */
