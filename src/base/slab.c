/* slab.c - memory for many small things that live long
 */
#include "base/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/list.h"

#define BLOCK   (64 * 1024)    /* and its alignment */
#define GRAIN   16
#define CLASSES (SLAB_MAX / GRAIN)

struct item {
    struct item *next;
};

struct block {
    struct list_node node;     /* of its class, while it has room */
    struct item *free;
    uint32_t used, fresh;      /* items in use; items never used start here */
    uint32_t total;
};

#define HEADER ((sizeof (struct block) + GRAIN - 1) / GRAIN * GRAIN)

struct slab {
    struct list_node classes[CLASSES];
};

struct slab *slab_new (void)
{
    struct slab *slab = malloc (sizeof (*slab));

    for (int i = 0; slab && i < CLASSES; i++)
        list_init (&slab->classes[i]);
    return slab;
}

/* Blocks that are empty: those in use are not ours to take. */
void slab_destroy (struct slab *slab)
{
    for (int i = 0; slab && i < CLASSES; i++) {
        list_foreach (&slab->classes[i], n) {
            struct block *b = list_entry (n, struct block, node);
            list_del (n);
            if (b->used == 0)
                munmap (b, BLOCK);
        }
    }
    free (slab);
}

static bool use_malloc (size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#endif
    return size > SLAB_MAX;
}

static int class_of (size_t size)
{
    return size == 0 ? 0 : (int)((size - 1) / GRAIN);
}

/* Pages that are used in part are the kernel's to count: what was not touched
 * is not there. */
static struct block *block_new (struct slab *slab, int class)
{
    char *p = mmap (NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    size_t before;
    struct block *b;

    if (p == MAP_FAILED)
        return NULL;
    before = BLOCK - (uintptr_t)p % BLOCK;
    munmap (p, before);
    if (before < BLOCK)
        munmap (p + before + BLOCK, BLOCK - before);
    b = (struct block *)(p + before);
    b->total = (BLOCK - HEADER) / ((class + 1) * GRAIN);
    list_append (&slab->classes[class], &b->node);
    return b;
}

void *slab_alloc (struct slab *slab, size_t size)
{
    int class = class_of (size);
    struct list_node *n;
    struct block *b;
    struct item *it;

    if (use_malloc (size))
        return calloc (1, size ? size : 1);
    n = list_first (&slab->classes[class]);
    b = n ? list_entry (n, struct block, node) : block_new (slab, class);
    if (!b)
        return NULL;
    if ((it = b->free)) {
        b->free = it->next;
        memset (it, 0, (class + 1) * GRAIN);
    }
    else
        it = (struct item *)((char *)b + HEADER
                             + (size_t)b->fresh++ * (class + 1) * GRAIN);
    if (++b->used == b->total)
        list_del (&b->node);
    return it;
}

/* The last block with room is kept when it is empty: who takes and gives back one
 * item again and again must not ask the kernel each time. */
static bool is_only (const struct list_node *class, const struct block *b)
{
    return class->next == &b->node && class->prev == &b->node;
}

void slab_free (struct slab *slab, void *p, size_t size)
{
    int class = class_of (size);
    struct block *b;
    struct item *it = p;

    if (use_malloc (size) || !p) {
        free (p);
        return;
    }
    b = (struct block *)((uintptr_t)p & ~(uintptr_t)(BLOCK - 1));
    if (b->used-- == b->total)
        list_prepend (&slab->classes[class], &b->node);
    if (b->used == 0 && !is_only (&slab->classes[class], b)) {
        list_del (&b->node);
        munmap (b, BLOCK);
        return;
    }
    it->next = b->free;
    b->free = it;
}

char *slab_memdup (struct slab *slab, const void *data, size_t size)
{
    void *p = slab_alloc (slab, size);

    return p ? memcpy (p, data, size) : NULL;
}
