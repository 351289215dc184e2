#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/tree.h"

struct item {
    int key;
    int seq;
    struct tree_node node;
};

static int cmp (const struct tree_node *a, const struct tree_node *b)
{
    int x = tree_entry (a, struct item, node)->key;
    int y = tree_entry (b, struct item, node)->key;
    return x < y ? -1 : x > y;
}

static int height (const struct tree_node *n)
{
    if (!n)
        return 0;
    int l = height (n->left), r = height (n->right);
    return 1 + (l > r ? l : r);
}

static void check (struct tree *t, size_t expected)
{
    size_t n = 0;
    struct item *last = NULL;

    for (struct tree_node *p = tree_first (t); p; p = tree_next (p), n++) {
        struct item *i = tree_entry (p, struct item, node);
        if (last) {
            assert_true (last->key < i->key
                         || (last->key == i->key && last->seq < i->seq));
            assert_ptr_equal (tree_prev (p), &last->node);
        }
        last = i;
    }
    assert_int_equal (n, expected);
    assert_int_equal (t->count, expected);
    assert_ptr_equal (tree_last (t), last ? &last->node : NULL);
}

static void test_order (void **state)
{
    struct item items[1000];
    struct tree t;

    tree_init (&t, cmp);
    check (&t, 0);
    for (int i = 0; i < 1000; i++) {
        items[i] = (struct item){ .key = i * 7919 % 331, .seq = i };
        tree_node_init (&items[i].node);
        assert_false (tree_node_linked (&items[i].node));
        tree_insert (&t, &items[i].node);
    }
    check (&t, 1000);
    for (int i = 0; i < 1000; i += 3)
        tree_remove (&t, &items[i].node);
    tree_remove (&t, &items[0].node);   /* again: a no-op */
    check (&t, 666);
    for (int i = 0; i < 1000; i++)
        tree_remove (&t, &items[i].node);
    check (&t, 0);
}

static void test_sorted_input_stays_shallow (void **state)
{
    static struct item items[1 << 14];
    struct tree t;

    tree_init (&t, cmp);
    for (int i = 0; i < 1 << 14; i++) {
        items[i] = (struct item){ .key = i, .seq = i };
        tree_insert (&t, &items[i].node);
    }
    assert_true (height (t.root) < 60);
    check (&t, 1 << 14);
}

static void test_lower_bound (void **state)
{
    struct item a = { .key = 10 }, b = { .key = 20 }, k = { .key = 0 };
    struct tree t;

    tree_init (&t, cmp);
    tree_node_init (&k.node);
    assert_null (tree_lower_bound (&t, &k.node));
    tree_insert (&t, &a.node);
    tree_insert (&t, &b.node);
    assert_ptr_equal (tree_lower_bound (&t, &k.node), &a.node);
    k.key = 10;
    assert_ptr_equal (tree_lower_bound (&t, &k.node), &a.node);
    k.key = 11;
    assert_ptr_equal (tree_lower_bound (&t, &k.node), &b.node);
    k.key = 21;
    assert_null (tree_lower_bound (&t, &k.node));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_order),
        cmocka_unit_test (test_sorted_input_stays_shallow),
        cmocka_unit_test (test_lower_bound),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
