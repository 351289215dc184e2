/* matchtag.c - the pool of matchtags of a connection
 */
#include "core/matchtag.h"

#include <stdlib.h>
#include <string.h>
#include <flux/core/message.h>

void matchtag_pool_release (struct matchtag_pool *p)
{
    free (p->freed);
    free (p->in_use);
    memset (p, 0, sizeof (*p));
}

static int grow (struct matchtag_pool *p)
{
    size_t size = p->size ? p->size * 2 : 64;
    uint32_t *freed;
    uint64_t *in_use;

    if (!(freed = realloc (p->freed, size * sizeof (*freed))))
        return -1;
    p->freed = freed;
    if (!(in_use = realloc (p->in_use, size / 8)))
        return -1;
    memset ((char *)in_use + p->size / 8, 0, (size - p->size) / 8);
    p->in_use = in_use;
    p->size = size;
    return 0;
}

static uint64_t *word_of (const struct matchtag_pool *p, uint32_t tag,
                          uint64_t *bit)
{
    *bit = (uint64_t)1 << ((tag - 1) % 64);
    return &p->in_use[(tag - 1) / 64];
}

uint32_t matchtag_alloc (struct matchtag_pool *p)
{
    uint32_t tag;
    uint64_t bit;

    if (p->nfreed > 0)
        tag = p->freed[--p->nfreed];
    else {
        if (p->made == UINT32_MAX || (p->made == p->size && grow (p) < 0))
            return FLUX_MATCHTAG_NONE;
        tag = ++p->made;
    }
    *word_of (p, tag, &bit) |= bit;
    return tag;
}

void matchtag_free (struct matchtag_pool *p, uint32_t tag)
{
    uint64_t bit;
    uint64_t *word;

    if (tag == FLUX_MATCHTAG_NONE || tag > p->made)
        return;
    word = word_of (p, tag, &bit);
    if ((*word & bit)) {
        *word &= ~bit;
        p->freed[p->nfreed++] = tag;
    }
}

uint32_t matchtag_used (const struct matchtag_pool *p)
{
    return p->made - (uint32_t)p->nfreed;
}
