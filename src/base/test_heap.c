/* test_heap.c - tests of heap.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/heap.h"

struct item {
    int prio;
    size_t place;
};

static int cmp (const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->prio > y->prio) - (x->prio < y->prio);
}

static void test_order (void **state)
{
    struct heap *h = heap_new (cmp, offsetof (struct item, place));
    struct item it[500];
    int last = -1;

    assert_null (heap_top (h));
    assert_null (heap_pop (h));
    for (int i = 0; i < 500; i++) {
        it[i].prio = (i * 7919) % 503;
        assert_int_equal (heap_push (h, &it[i]), 0);
    }
    assert_int_equal (heap_count (h), 500);
    for (int i = 0; i < 500; i++) {
        struct item *top = heap_top (h);
        assert_ptr_equal (heap_pop (h), top);
        assert_true (top->prio > last);
        assert_true (top->place == HEAP_NOPLACE);
        last = top->prio;
    }
    assert_int_equal (heap_count (h), 0);
    heap_free (h);
    heap_free (NULL);
}

static void test_remove_update (void **state)
{
    struct heap *h = heap_new (cmp, offsetof (struct item, place));
    struct item it[300];
    uint32_t r = 1;

    for (int i = 0; i < 300; i++) {
        it[i].prio = i;
        heap_push (h, &it[i]);
    }
    for (int i = 0; i < 300; i += 3) {
        heap_remove (h, &it[i]);
        heap_remove (h, &it[i]); /* no longer there: nothing happens */
        heap_update (h, &it[i]);
    }
    assert_int_equal (heap_count (h), 200);
    for (int n = 0; n < 1000; n++) {
        r = r * 1664525 + 1013904223;
        struct item *x = &it[(r >> 8) % 300];
        if (x->place != HEAP_NOPLACE) {
            x->prio = (r >> 16) % 1000;
            heap_update (h, x);
        }
    }
    int last = -1, count = 0;
    struct item *x;
    while ((x = heap_pop (h))) {
        assert_true (x->prio >= last);
        assert_true ((x - it) % 3 != 0);
        last = x->prio;
        count++;
    }
    assert_int_equal (count, 200);
    heap_free (h);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_order),
        cmocka_unit_test (test_remove_update),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
