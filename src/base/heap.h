/* heap.h - binary heap of pointers with removal of any element
 *
 * 'cmp' is as for qsort on two elements; the smallest is on top.  Each element
 * embeds a size_t that the heap keeps equal to its place (offset given at
 * creation), so that heap_remove() and heap_update() are O(log n).
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

#define HEAP_NOPLACE ((size_t)-1)

typedef int (*heap_cmp_f) (const void *a, const void *b);

struct heap;

struct heap *heap_new (heap_cmp_f cmp, size_t place_offset);
void heap_free (struct heap *h);             /* not the elements */
int heap_push (struct heap *h, void *elem);  /* 0 or -ENOMEM */
void *heap_top (const struct heap *h);       /* NULL if empty */
void *heap_pop (struct heap *h);             /* NULL if empty */
void heap_remove (struct heap *h, void *elem);
void heap_update (struct heap *h, void *elem); /* its order changed */
size_t heap_count (const struct heap *h);

#endif /* !BASE_HEAP_H */
