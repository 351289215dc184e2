#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/slab.h"

enum { N = 20000 };

static size_t size_of (int i)
{
    return i % 17 == 0 ? SLAB_MAX + i % 99 : (size_t)(i * 7) % SLAB_MAX;
}

static void check (const unsigned char *p, int i)
{
    for (size_t k = 0; k < size_of (i); k++) {
        if (p[k] != (unsigned char)i)
            fail_msg ("item %d is damaged", i);
    }
}

/* Sizes and order of all kinds; nothing overlaps, all is zeroed. */
static void test_mixed (void **state)
{
    struct slab *slab = slab_new ();
    unsigned char **p = calloc (N, sizeof (*p));

    srand (1);
    for (int turn = 0; turn < 5 * N; turn++) {
        int i = rand () % N;
        if (p[i]) {
            check (p[i], i);
            slab_free (slab, p[i], size_of (i));
            p[i] = NULL;
            continue;
        }
        p[i] = slab_alloc (slab, size_of (i));
        assert_non_null (p[i]);
        assert_int_equal ((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < size_of (i); k++)
            assert_int_equal (p[i][k], 0);
        memset (p[i], i, size_of (i));
    }
    for (int i = 0; i < N; i++) {
        if (p[i])
            check (p[i], i);
        slab_free (slab, p[i], size_of (i));
    }
    free (p);
    slab_destroy (slab);
}

static void test_memdup (void **state)
{
    struct slab *slab = slab_new ();
    char *s = slab_memdup (slab, "hello", 6);

    assert_string_equal (s, "hello");
    slab_free (slab, s, 6);
    slab_free (slab, NULL, 6);
    slab_destroy (slab);
}

/* An item that comes and goes stays in a block that is there already; all but one
 * block of a size are given back when they are empty. */
static void test_last_block_stays (void **state)
{
    enum { COUNT = 300 };      /* of 1 KB: several blocks */
    struct slab *slab = slab_new ();
    char *p[COUNT], *first = slab_alloc (slab, SLAB_MAX);

    for (int i = 0; i < 1000; i++) {
        memset (first, 1, SLAB_MAX);
        slab_free (slab, first, SLAB_MAX);
        char *again = slab_alloc (slab, SLAB_MAX);
#ifndef __SANITIZE_ADDRESS__   /* then all is malloc()'s */
        assert_ptr_equal (again, first);
#endif
        first = again;
        assert_int_equal (first[0], 0);
        assert_int_equal (first[SLAB_MAX - 1], 0);
    }
    for (int i = 0; i < COUNT; i++)
        assert_non_null (p[i] = slab_alloc (slab, SLAB_MAX));
    for (int i = 0; i < COUNT; i++)
        slab_free (slab, p[i], SLAB_MAX);
    slab_free (slab, first, SLAB_MAX);
    slab_destroy (slab);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_mixed),
        cmocka_unit_test (test_memdup),
        cmocka_unit_test (test_last_block_stays),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
