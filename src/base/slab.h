/* slab.h - memory for many small things that live long
 *
 * They come from blocks of their own, by size, so that they do not pin the pages
 * of the heap that short-lived memory around them leaves behind: a million small
 * records scattered over the heap of a busy moment keep all of it.
 *
 * One thread.  Sizes above SLAB_MAX are passed on to malloc().  A block of 64 KiB
 * goes back to the kernel when it is empty, but for one of each size.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>

#define SLAB_MAX 1024

struct slab;

struct slab *slab_new (void);
/* All that was allocated from it must have been freed. */
void slab_destroy (struct slab *slab);
/* Zeroed memory, NULL if there is none. */
void *slab_alloc (struct slab *slab, size_t size);
/* 'size' as it was allocated. */
void slab_free (struct slab *slab, void *p, size_t size);
char *slab_memdup (struct slab *slab, const void *data, size_t size);

#endif /* !BASE_SLAB_H */
