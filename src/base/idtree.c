/* idtree.c - a set of integers as a 64-way tree of bits */
#include "base/idtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY ((uint64_t)0)
#define FULL (~(uint64_t)0)

struct node {
    uint64_t any;   /* bit i: cell[i] is not empty */
    uint64_t full;  /* bit i: cell[i] is full */
    uint64_t cell[64];
};

static struct node *node_of (uint64_t cell)
{
    return (struct node *)(uintptr_t)cell;
}

static uint64_t cell_of (struct node *n)
{
    return (uint64_t)(uintptr_t)n;
}

/* An address: neither empty nor full, and not a word. */
static bool has_node (uint64_t cell, int h)
{
    return h > 0 && cell != EMPTY && cell != FULL;
}

static uint64_t bit (unsigned int i)
{
    return (uint64_t)1 << i;
}

static uint64_t capacity (int h)
{
    return (uint64_t)64 << (6 * h);
}

/* Which child of a cell of height h an id is in, and its id there. */
static unsigned int index_at (int h, uint64_t id)
{
    return (id >> (6 * h)) & 63;
}

static uint64_t rest_at (int h, uint64_t id)
{
    return id & (bit (6 * h) - 1);
}

/* Bits lo..hi of a word */
static uint64_t bits (unsigned int lo, unsigned int hi)
{
    return (FULL << lo) & (FULL >> (63 - hi));
}

static void mark (struct node *n, unsigned int i)
{
    uint64_t cell = n->cell[i];
    uint64_t b = bit (i);

    n->any = cell != EMPTY ? n->any | b : n->any & ~b;
    n->full = cell == FULL ? n->full | b : n->full & ~b;
}

static void drop (uint64_t *cell, int h)
{
    if (has_node (*cell, h)) {
        struct node *n = node_of (*cell);
        if (h > 1) {
            for (uint64_t m = n->any & ~n->full; m; m &= m - 1)
                drop (&n->cell[__builtin_ctzll (m)], h - 1);
        }
        free (n);
    }
    *cell = EMPTY;
}

/* Give an empty or full cell a node that says the same. */
static int open_cell (uint64_t *cell, int h)
{
    if (h == 0 || has_node (*cell, h))
        return 0;
    struct node *n = malloc (sizeof (*n));
    if (!n)
        return -ENOMEM;
    memset (n, *cell == FULL ? 0xff : 0, sizeof (*n));
    *cell = cell_of (n);
    return 0;
}

/* The opposite, where the node has become empty or full. */
static void settle (uint64_t *cell, int h)
{
    if (!has_node (*cell, h))
        return;
    struct node *n = node_of (*cell);
    uint64_t cover = n->any == 0 ? EMPTY : FULL;
    if (n->any != 0 && n->full != FULL)
        return;
    free (n);
    *cell = cover;
}

static int copy_cell (uint64_t *dst, uint64_t src, int h)
{
    if (!has_node (src, h)) {
        *dst = src;
        return 0;
    }
    struct node *n = malloc (sizeof (*n));
    if (!n)
        return -ENOMEM;
    const struct node *from = node_of (src);
    memcpy (n, from, sizeof (*n));
    *dst = cell_of (n);
    if (h == 1)
        return 0;
    uint64_t m = from->any & ~from->full;
    for (uint64_t k = m; k; k &= k - 1)
        n->cell[__builtin_ctzll (k)] = EMPTY;
    for (; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        if (copy_cell (&n->cell[i], from->cell[i], h - 1) < 0) {
            drop (dst, h);
            return -ENOMEM;
        }
    }
    return 0;
}

static uint64_t count_cell (uint64_t cell, int h)
{
    uint64_t sum = 0;

    if (cell == EMPTY)
        return 0;
    if (cell == FULL)
        return capacity (h);
    if (h == 0)
        return (uint64_t)__builtin_popcountll (cell);
    const struct node *n = node_of (cell);
    for (uint64_t m = n->any; m; m &= m - 1)
        sum += count_cell (n->cell[__builtin_ctzll (m)], h - 1);
    return sum;
}

/* Put one id in (value true) or take it out. */
static int put (uint64_t *cell, int h, uint64_t id, bool value)
{
    if (*cell == (value ? FULL : EMPTY))
        return 0;
    if (h == 0) {
        uint64_t old = *cell;
        *cell = value ? old | bit (id) : old & ~bit (id);
        return *cell != old;
    }
    if (open_cell (cell, h) < 0)
        return -ENOMEM;
    struct node *n = node_of (*cell);
    unsigned int i = index_at (h, id);
    int rc = put (&n->cell[i], h - 1, rest_at (h, id), value);
    mark (n, i);
    settle (cell, h);
    return rc;
}

/* Open in *a every node that add() or subtract() of b would have to, so that
 * they cannot fail.  'done' is the state of *a that b cannot change. */
static int prepare (uint64_t *a, uint64_t b, int h, uint64_t done)
{
    if (!has_node (b, h) || *a == done)
        return 0;
    if (open_cell (a, h) < 0)
        return -ENOMEM;
    if (h == 1)
        return 0;
    struct node *na = node_of (*a);
    const struct node *nb = node_of (b);
    for (uint64_t m = nb->any & ~nb->full; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        if (prepare (&na->cell[i], nb->cell[i], h - 1, done) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Close again what prepare() opened before it failed. */
static void unprepare (uint64_t *a, uint64_t b, int h)
{
    if (!has_node (b, h) || !has_node (*a, h))
        return;
    struct node *na = node_of (*a);
    const struct node *nb = node_of (b);
    if (h > 1) {
        for (uint64_t m = nb->any & ~nb->full; m; m &= m - 1) {
            unsigned int i = (unsigned int)__builtin_ctzll (m);
            unprepare (&na->cell[i], nb->cell[i], h - 1);
        }
    }
    settle (a, h);
}

/* *a |= b; returns how many ids came. */
static uint64_t add (uint64_t *a, uint64_t b, int h)
{
    uint64_t sum = 0;

    if (b == EMPTY || *a == FULL)
        return 0;
    if (h == 0) {
        uint64_t come = b & ~*a;
        *a |= b;
        return (uint64_t)__builtin_popcountll (come);
    }
    if (b == FULL) {
        sum = capacity (h) - count_cell (*a, h);
        drop (a, h);
        *a = FULL;
        return sum;
    }
    struct node *na = node_of (*a);
    const struct node *nb = node_of (b);
    for (uint64_t m = nb->any; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        sum += add (&na->cell[i], nb->cell[i], h - 1);
        mark (na, i);
    }
    settle (a, h);
    return sum;
}

/* *a &= ~b; returns how many ids went. */
static uint64_t subtract (uint64_t *a, uint64_t b, int h)
{
    uint64_t sum = 0;

    if (b == EMPTY || *a == EMPTY)
        return 0;
    if (h == 0) {
        uint64_t go = *a & b;
        *a &= ~b;
        return (uint64_t)__builtin_popcountll (go);
    }
    if (b == FULL) {
        sum = count_cell (*a, h);
        drop (a, h);
        return sum;
    }
    struct node *na = node_of (*a);
    const struct node *nb = node_of (b);
    for (uint64_t m = nb->any & na->any; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        sum += subtract (&na->cell[i], nb->cell[i], h - 1);
        mark (na, i);
    }
    settle (a, h);
    return sum;
}

static int intersect (uint64_t *r, uint64_t a, uint64_t b, int h)
{
    *r = EMPTY;
    if (h == 0) {
        *r = a & b;
        return 0;
    }
    if (a == EMPTY || b == EMPTY)
        return 0;
    if (a == FULL || b == FULL)
        return copy_cell (r, a == FULL ? b : a, h);
    if (open_cell (r, h) < 0)
        return -ENOMEM;
    struct node *n = node_of (*r);
    const struct node *na = node_of (a);
    const struct node *nb = node_of (b);
    for (uint64_t m = na->any & nb->any; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        if (intersect (&n->cell[i], na->cell[i], nb->cell[i], h - 1) < 0) {
            drop (r, h);
            return -ENOMEM;
        }
        mark (n, i);
    }
    settle (r, h);
    return 0;
}

static bool meets (uint64_t a, uint64_t b, int h)
{
    if (h == 0)
        return (a & b) != 0;
    if (a == EMPTY || b == EMPTY)
        return false;
    if (a == FULL || b == FULL)
        return true;
    const struct node *na = node_of (a);
    const struct node *nb = node_of (b);
    if ((na->any & nb->full) | (na->full & nb->any))
        return true;
    for (uint64_t m = na->any & nb->any; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        if (meets (na->cell[i], nb->cell[i], h - 1))
            return true;
    }
    return false;
}

/* Trees are settled, so equal sets of one height have the same shape. */
static bool equal (uint64_t a, uint64_t b, int h)
{
    if (!has_node (a, h) || !has_node (b, h))
        return a == b;
    const struct node *na = node_of (a);
    const struct node *nb = node_of (b);
    if (na->any != nb->any || na->full != nb->full)
        return false;
    for (uint64_t m = na->any & ~na->full; m; m &= m - 1) {
        unsigned int i = (unsigned int)__builtin_ctzll (m);
        if (!equal (na->cell[i], nb->cell[i], h - 1))
            return false;
    }
    return true;
}

static uint64_t next_set (uint64_t cell, int h, uint64_t from)
{
    if (cell == EMPTY)
        return IDTREE_NONE;
    if (cell == FULL)
        return from;
    if (h == 0) {
        uint64_t w = cell & (FULL << from);
        return w ? (uint64_t)__builtin_ctzll (w) : IDTREE_NONE;
    }
    const struct node *n = node_of (cell);
    unsigned int i = index_at (h, from);
    uint64_t sub = next_set (n->cell[i], h - 1, rest_at (h, from));
    if (sub == IDTREE_NONE) {
        uint64_t m = i == 63 ? 0 : n->any & (FULL << (i + 1));
        if (!m)
            return IDTREE_NONE;
        i = (unsigned int)__builtin_ctzll (m);
        sub = next_set (n->cell[i], h - 1, 0);
    }
    return ((uint64_t)i << (6 * h)) | sub;
}

static uint64_t next_clear (uint64_t cell, int h, uint64_t from)
{
    if (cell == FULL)
        return IDTREE_NONE;
    if (cell == EMPTY)
        return from;
    if (h == 0) {
        uint64_t w = ~cell & (FULL << from);
        return w ? (uint64_t)__builtin_ctzll (w) : IDTREE_NONE;
    }
    const struct node *n = node_of (cell);
    unsigned int i = index_at (h, from);
    uint64_t sub = next_clear (n->cell[i], h - 1, rest_at (h, from));
    if (sub == IDTREE_NONE) {
        uint64_t m = i == 63 ? 0 : ~n->full & (FULL << (i + 1));
        if (!m)
            return IDTREE_NONE;
        i = (unsigned int)__builtin_ctzll (m);
        sub = next_clear (n->cell[i], h - 1, 0);
    }
    return ((uint64_t)i << (6 * h)) | sub;
}

static uint64_t prev_set (uint64_t cell, int h, uint64_t from)
{
    if (cell == EMPTY)
        return IDTREE_NONE;
    if (cell == FULL)
        return from;
    if (h == 0) {
        uint64_t w = cell & bits (0, (unsigned int)from);
        return w ? (uint64_t)(63 - __builtin_clzll (w)) : IDTREE_NONE;
    }
    const struct node *n = node_of (cell);
    unsigned int i = index_at (h, from);
    uint64_t sub = prev_set (n->cell[i], h - 1, rest_at (h, from));
    if (sub == IDTREE_NONE) {
        uint64_t m = n->any & (bit (i) - 1);
        if (!m)
            return IDTREE_NONE;
        i = (unsigned int)(63 - __builtin_clzll (m));
        sub = prev_set (n->cell[i], h - 1, capacity (h - 1) - 1);
    }
    return ((uint64_t)i << (6 * h)) | sub;
}

/* ---- trees ---- */

/* Make *n, whose memory is the caller's, the parent of a cell. */
static uint64_t wrap (struct node *n, uint64_t cell)
{
    memset (n, 0, sizeof (*n));
    n->cell[0] = cell;
    mark (n, 0);
    return cell_of (n);
}

static int height_for (uint64_t id)
{
    int h = 0;

    while (id >= capacity (h))
        h++;
    return h;
}

/* Make t at least so high. */
static int raise_to (struct idtree *t, int height)
{
    while (t->height < height) {
        if (t->root != EMPTY) {
            struct node *n = malloc (sizeof (*n));
            if (!n)
                return -ENOMEM;
            t->root = wrap (n, t->root);
        }
        t->height++;
    }
    return 0;
}

/* The root of t seen from a greater height; 'mem' holds the nodes needed. */
static uint64_t raised (const struct idtree *t,
                        int height,
                        struct node mem[IDTREE_MAX_HEIGHT])
{
    uint64_t cell = t->root;

    for (int h = t->height; h < height && cell != EMPTY; h++)
        cell = wrap (&mem[h], cell);
    return cell;
}

static int max_height (const struct idtree *a, const struct idtree *b)
{
    return a->height > b->height ? a->height : b->height;
}

/* The cell of height h that holds lo..hi; takes nodes from *mem as it needs
 * them: at most two a level. */
static uint64_t range_cell (int h, uint64_t lo, uint64_t hi, struct node **mem)
{
    if (lo == 0 && hi == capacity (h) - 1)
        return FULL;
    if (h == 0)
        return bits ((unsigned int)lo, (unsigned int)hi);
    struct node *n = (*mem)++;
    unsigned int first = index_at (h, lo);
    unsigned int last = index_at (h, hi);
    memset (n, 0, sizeof (*n));
    for (unsigned int i = first; i <= last; i++) {
        uint64_t from = i == first ? rest_at (h, lo) : 0;
        uint64_t to = i == last ? rest_at (h, hi) : capacity (h - 1) - 1;
        n->cell[i] = range_cell (h - 1, from, to, mem);
        mark (n, i);
    }
    return cell_of (n);
}

void idtree_release (struct idtree *t)
{
    drop (&t->root, t->height);
    t->height = 0;
}

int idtree_copy (struct idtree *dst, const struct idtree *src)
{
    dst->height = src->height;
    return copy_cell (&dst->root, src->root, src->height);
}

bool idtree_test (const struct idtree *t, uint64_t id)
{
    uint64_t cell = t->root;
    int h = t->height;

    if (id >= capacity (h))
        return false;
    for (; has_node (cell, h); h--)
        cell = node_of (cell)->cell[index_at (h, id)];
    if (h > 0)
        return cell == FULL;
    return (cell >> (id & 63)) & 1;
}

uint64_t idtree_count (const struct idtree *t)
{
    return count_cell (t->root, t->height);
}

int idtree_set (struct idtree *t, uint64_t id)
{
    if (raise_to (t, height_for (id)) < 0)
        return -ENOMEM;
    return put (&t->root, t->height, id, true);
}

int idtree_clear (struct idtree *t, uint64_t id)
{
    if (id >= capacity (t->height))
        return 0;
    return put (&t->root, t->height, id, false);
}

static int add_cell (struct idtree *t, uint64_t b, uint64_t *changed)
{
    if (prepare (&t->root, b, t->height, FULL) < 0) {
        unprepare (&t->root, b, t->height);
        return -ENOMEM;
    }
    uint64_t n = add (&t->root, b, t->height);
    if (changed)
        *changed = n;
    return 0;
}

static int subtract_cell (struct idtree *t, uint64_t b, uint64_t *changed)
{
    if (prepare (&t->root, b, t->height, EMPTY) < 0) {
        unprepare (&t->root, b, t->height);
        return -ENOMEM;
    }
    uint64_t n = subtract (&t->root, b, t->height);
    if (changed)
        *changed = n;
    return 0;
}

int idtree_set_range (struct idtree *t,
                      uint64_t lo,
                      uint64_t hi,
                      uint64_t *changed)
{
    struct node mem[2 * IDTREE_MAX_HEIGHT];
    struct node *next = mem;

    if (raise_to (t, height_for (hi)) < 0)
        return -ENOMEM;
    return add_cell (t, range_cell (t->height, lo, hi, &next), changed);
}

int idtree_clear_range (struct idtree *t,
                        uint64_t lo,
                        uint64_t hi,
                        uint64_t *changed)
{
    struct node mem[2 * IDTREE_MAX_HEIGHT];
    struct node *next = mem;
    uint64_t end = capacity (t->height) - 1;

    if (lo > end) {
        if (changed)
            *changed = 0;
        return 0;
    }
    if (hi > end)
        hi = end;
    return subtract_cell (t, range_cell (t->height, lo, hi, &next), changed);
}

int idtree_add (struct idtree *a, const struct idtree *b, uint64_t *changed)
{
    struct node mem[IDTREE_MAX_HEIGHT];

    if (a == b) {
        if (changed)
            *changed = 0;
        return 0;
    }
    if (raise_to (a, b->height) < 0)
        return -ENOMEM;
    return add_cell (a, raised (b, a->height, mem), changed);
}

int idtree_subtract (struct idtree *a,
                     const struct idtree *b,
                     uint64_t *changed)
{
    struct node mem[IDTREE_MAX_HEIGHT];

    if (a == b) {
        if (changed)
            *changed = idtree_count (a);
        idtree_release (a);
        return 0;
    }
    if (raise_to (a, b->height) < 0)
        return -ENOMEM;
    return subtract_cell (a, raised (b, a->height, mem), changed);
}

int idtree_intersect (struct idtree *r,
                      const struct idtree *a,
                      const struct idtree *b)
{
    struct node mem_a[IDTREE_MAX_HEIGHT];
    struct node mem_b[IDTREE_MAX_HEIGHT];
    int h = max_height (a, b);

    r->height = h;
    return intersect (&r->root, raised (a, h, mem_a), raised (b, h, mem_b), h);
}

bool idtree_meets (const struct idtree *a, const struct idtree *b)
{
    struct node mem_a[IDTREE_MAX_HEIGHT];
    struct node mem_b[IDTREE_MAX_HEIGHT];
    int h = max_height (a, b);

    return meets (raised (a, h, mem_a), raised (b, h, mem_b), h);
}

bool idtree_equal (const struct idtree *a, const struct idtree *b)
{
    struct node mem_a[IDTREE_MAX_HEIGHT];
    struct node mem_b[IDTREE_MAX_HEIGHT];
    int h = max_height (a, b);

    return equal (raised (a, h, mem_a), raised (b, h, mem_b), h);
}

uint64_t idtree_next (const struct idtree *t, uint64_t id)
{
    if (id >= capacity (t->height))
        return IDTREE_NONE;
    return next_set (t->root, t->height, id);
}

uint64_t idtree_prev (const struct idtree *t, uint64_t id)
{
    uint64_t end = capacity (t->height) - 1;

    return prev_set (t->root, t->height, id < end ? id : end);
}

uint64_t idtree_next_clear (const struct idtree *t, uint64_t id)
{
    uint64_t end = capacity (t->height);

    if (id >= end)
        return id;
    uint64_t n = next_clear (t->root, t->height, id);
    return n == IDTREE_NONE ? end : n;
}
