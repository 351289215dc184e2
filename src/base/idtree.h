/* idtree.h - a set of integers below 2^36 as a 64-way tree of bits
 *
 *   cell, height 0:   a word, one bit an id                       64 ids
 *   cell, height h:   64 cells of height h - 1            64^(h+1) ids
 *
 * A cell is one uint64_t.  At every height 0 is the empty cell and ~0 the full
 * one; neither has memory of its own.  Any other value is the word itself
 * (height 0) or the address of a node, which holds 64 cells and two bit masks
 * that say which of them are not empty and which are full:
 *
 *   root ──► node  any  00..0111          height 2
 *                  full 00..0010
 *                  cell[0] ──► node       height 1: words
 *                  cell[1] = ~0           4096 ids in no memory
 *                  cell[2] ──► node
 *
 * So the cost of a set is that of its ragged edges: a million ids in a row are
 * a few nodes, and one id near 2^31 is five.  A tree is settled: no node is
 * empty or full.  All functions work on ids relative to the cell.
 *
 * Nothing here fails half way: an operation either succeeds or returns -ENOMEM
 * with the set as it was.
 */
#ifndef BASE_IDTREE_H
#define BASE_IDTREE_H

#include <stdbool.h>
#include <stdint.h>

#define IDTREE_MAX_HEIGHT 5
#define IDTREE_NONE UINT64_MAX

struct idtree {
    uint64_t root;
    int height;
};

#define IDTREE_INIT { .root = 0, .height = 0 }

void idtree_release (struct idtree *t); /* becomes the empty set */
int idtree_copy (struct idtree *dst, const struct idtree *src);

bool idtree_test (const struct idtree *t, uint64_t id);
uint64_t idtree_count (const struct idtree *t); /* visits every node */

/* Put id in or take it out.  1 if that changed the set, 0 if not, -ENOMEM. */
int idtree_set (struct idtree *t, uint64_t id);
int idtree_clear (struct idtree *t, uint64_t id);

/* The same of lo..hi, and of all members of b; *changed (may be NULL) is set
 * to the number of ids that came or went.  0 or -ENOMEM. */
int idtree_set_range (struct idtree *t,
                      uint64_t lo,
                      uint64_t hi,
                      uint64_t *changed);
int idtree_clear_range (struct idtree *t,
                        uint64_t lo,
                        uint64_t hi,
                        uint64_t *changed);
int idtree_add (struct idtree *a, const struct idtree *b, uint64_t *changed);
int idtree_subtract (struct idtree *a,
                     const struct idtree *b,
                     uint64_t *changed);

/* Set *r, which must be initialised and empty, to what a and b share. */
int idtree_intersect (struct idtree *r,
                      const struct idtree *a,
                      const struct idtree *b);
bool idtree_meets (const struct idtree *a, const struct idtree *b);
bool idtree_equal (const struct idtree *a, const struct idtree *b);

/* The nearest member at or above (at or below) id, or IDTREE_NONE. */
uint64_t idtree_next (const struct idtree *t, uint64_t id);
uint64_t idtree_prev (const struct idtree *t, uint64_t id);
/* The nearest id at or above id that is no member. */
uint64_t idtree_next_clear (const struct idtree *t, uint64_t id);

#endif /* !BASE_IDTREE_H */
