/* heap.c - binary heap of pointers with removal of any element */
#include "base/heap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct heap {
    void **elem;
    size_t count;
    size_t size;
    heap_cmp_f cmp;
    size_t place_offset;
};

struct heap *heap_new (heap_cmp_f cmp, size_t place_offset)
{
    struct heap *h = calloc (1, sizeof (*h));

    if (h) {
        h->cmp = cmp;
        h->place_offset = place_offset;
    }
    return h;
}

void heap_free (struct heap *h)
{
    if (h) {
        free (h->elem);
        free (h);
    }
}

static size_t *place_of (const struct heap *h, void *elem)
{
    return (size_t *)((char *)elem + h->place_offset);
}

static void put (struct heap *h, size_t i, void *elem)
{
    h->elem[i] = elem;
    *place_of (h, elem) = i;
}

/* Move the element at i towards the top until its parent is not larger. */
static void sift_up (struct heap *h, size_t i)
{
    void *elem = h->elem[i];

    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (h->cmp (h->elem[parent], elem) <= 0)
            break;
        put (h, i, h->elem[parent]);
        i = parent;
    }
    put (h, i, elem);
}

static void sift_down (struct heap *h, size_t i)
{
    void *elem = h->elem[i];

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count
            && h->cmp (h->elem[child + 1], h->elem[child]) < 0)
            child++;
        if (h->cmp (elem, h->elem[child]) <= 0)
            break;
        put (h, i, h->elem[child]);
        i = child;
    }
    put (h, i, elem);
}

static void restore (struct heap *h, size_t i)
{
    void *elem = h->elem[i];

    sift_up (h, i);
    sift_down (h, *place_of (h, elem));
}

int heap_push (struct heap *h, void *elem)
{
    if (h->count == h->size) {
        size_t size = h->size > 0 ? h->size * 2 : 16;
        if (size > SIZE_MAX / sizeof (void *))
            return -ENOMEM;
        void **p = realloc (h->elem, size * sizeof (void *));
        if (!p)
            return -ENOMEM;
        h->elem = p;
        h->size = size;
    }
    h->elem[h->count] = elem;
    sift_up (h, h->count++);
    return 0;
}

void *heap_top (const struct heap *h)
{
    return h->count > 0 ? h->elem[0] : NULL;
}

void *heap_pop (struct heap *h)
{
    void *top = heap_top (h);

    if (top)
        heap_remove (h, top);
    return top;
}

void heap_remove (struct heap *h, void *elem)
{
    size_t i = *place_of (h, elem);

    if (i >= h->count || h->elem[i] != elem)
        return;
    *place_of (h, elem) = HEAP_NOPLACE;
    void *last = h->elem[--h->count];
    if (last != elem) {
        put (h, i, last);
        restore (h, i);
    }
}

void heap_update (struct heap *h, void *elem)
{
    size_t i = *place_of (h, elem);

    if (i < h->count && h->elem[i] == elem)
        restore (h, i);
}

size_t heap_count (const struct heap *h)
{
    return h->count;
}
