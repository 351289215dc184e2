/* tree.c - intrusive ordered set (a treap)
 */
#include "base/tree.h"

void tree_init (struct tree *t, tree_cmp_f cmp)
{
    *t = (struct tree){ .cmp = cmp, .seed = 0x9e3779b9 };
}

void tree_node_init (struct tree_node *n)
{
    *n = (struct tree_node){ .parent = n };
}

bool tree_node_linked (const struct tree_node *n)
{
    return n->parent != n;
}

/* xorshift: the weights need only be unrelated to the order of the keys */
static uint32_t next_weight (struct tree *t)
{
    uint32_t x = t->seed;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return t->seed = x;
}

static void replace_child (struct tree *t, struct tree_node *parent,
                           struct tree_node *old, struct tree_node *new)
{
    if (!parent)
        t->root = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
    if (new)
        new->parent = parent;
}

/* Put n above its parent. */
static void rotate_up (struct tree *t, struct tree_node *n)
{
    struct tree_node *p = n->parent;

    replace_child (t, p->parent, p, n);
    if (p->left == n) {
        if ((p->left = n->right))
            p->left->parent = p;
        n->right = p;
    }
    else {
        if ((p->right = n->left))
            p->right->parent = p;
        n->left = p;
    }
    p->parent = n;
}

void tree_insert (struct tree *t, struct tree_node *n)
{
    struct tree_node **link = &t->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = t->cmp (n, parent) < 0 ? &parent->left : &parent->right;
    }
    *n = (struct tree_node){ .parent = parent, .weight = next_weight (t) };
    *link = n;
    while (n->parent && n->parent->weight < n->weight)
        rotate_up (t, n);
    t->count++;
}

void tree_remove (struct tree *t, struct tree_node *n)
{
    if (!tree_node_linked (n))
        return;
    while (n->left && n->right)
        rotate_up (t, n->left->weight > n->right->weight ? n->left : n->right);
    replace_child (t, n->parent, n, n->left ? n->left : n->right);
    tree_node_init (n);
    t->count--;
}

static struct tree_node *leftmost (struct tree_node *n)
{
    while (n && n->left)
        n = n->left;
    return n;
}

static struct tree_node *rightmost (struct tree_node *n)
{
    while (n && n->right)
        n = n->right;
    return n;
}

struct tree_node *tree_first (const struct tree *t)
{
    return leftmost (t->root);
}

struct tree_node *tree_last (const struct tree *t)
{
    return rightmost (t->root);
}

struct tree_node *tree_next (const struct tree_node *n)
{
    if (n->right)
        return leftmost (n->right);
    while (n->parent && n->parent->right == n)
        n = n->parent;
    return n->parent;
}

struct tree_node *tree_prev (const struct tree_node *n)
{
    if (n->left)
        return rightmost (n->left);
    while (n->parent && n->parent->left == n)
        n = n->parent;
    return n->parent;
}

struct tree_node *tree_lower_bound (const struct tree *t, const struct tree_node *key)
{
    struct tree_node *n = t->root, *found = NULL;

    while (n) {
        if (t->cmp (n, key) < 0)
            n = n->right;
        else {
            found = n;
            n = n->left;
        }
    }
    return found;
}
