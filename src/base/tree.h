/* tree.h - intrusive ordered set (a treap)
 *
 *            5            ordered left to right by the caller's 'cmp',
 *          /   \          heap ordered downwards by a random number, so that
 *         2     8         the depth is O(log n) whatever the order of
 *          \   /          insertion
 *           3 6
 *
 * A struct that goes into a tree embeds a struct tree_node.  Nothing here
 * allocates.  tree_node_init() makes a node that is in no tree; removing such a
 * node is a no-op.  Elements that compare equal are kept in order of insertion.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
    struct tree_node *left, *right;
    struct tree_node *parent;    /* itself: in no tree; NULL: the root */
    uint32_t weight;
};

typedef int (*tree_cmp_f) (const struct tree_node *a, const struct tree_node *b);

struct tree {
    struct tree_node *root;
    tree_cmp_f cmp;
    size_t count;
    uint32_t seed;
};

#define tree_entry(ptr, type, member) \
    ((type *)((char *)(ptr) - offsetof (type, member)))

void tree_init (struct tree *t, tree_cmp_f cmp);
void tree_node_init (struct tree_node *n);
bool tree_node_linked (const struct tree_node *n);
void tree_insert (struct tree *t, struct tree_node *n);
void tree_remove (struct tree *t, struct tree_node *n);
struct tree_node *tree_first (const struct tree *t);
struct tree_node *tree_last (const struct tree *t);
struct tree_node *tree_next (const struct tree_node *n);
struct tree_node *tree_prev (const struct tree_node *n);
/* The first node that is not less than 'key' (a node of the caller's that is
 * in no tree), or NULL. */
struct tree_node *tree_lower_bound (const struct tree *t, const struct tree_node *key);

#endif /* !BASE_TREE_H */
