/* test_iobuf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/iobuf.h"

static void test_lines (void **state)
{
    struct iobuf b;
    const char *s;

    iobuf_init (&b, 100);
    assert_int_equal (iobuf_line (&b), 0);
    assert_string_equal (iobuf_take (&b, 0), "");
    assert_int_equal (iobuf_add (&b, "ab\ncd", 5), 0);
    assert_int_equal (iobuf_line (&b), 3);
    assert_int_equal (iobuf_line (&b), 3);
    s = iobuf_take (&b, 3);
    assert_string_equal (s, "ab\n");
    assert_int_equal (iobuf_len (&b), 2);
    assert_int_equal (iobuf_line (&b), 0);
    assert_int_equal (iobuf_add (&b, "e\n\nf", 4), 0);
    assert_int_equal (iobuf_line (&b), 4);
    assert_string_equal (iobuf_take (&b, 4), "cde\n");
    assert_int_equal (iobuf_line (&b), 1);
    assert_string_equal (iobuf_take (&b, 1), "\n");
    assert_int_equal (iobuf_line (&b), 0);
    assert_string_equal (iobuf_take (&b, 1), "f");
    assert_int_equal (iobuf_len (&b), 0);
    iobuf_release (&b);
}

static void test_limit (void **state)
{
    struct iobuf b;

    iobuf_init (&b, 4);
    assert_int_equal (iobuf_space (&b), 4);
    assert_int_equal (iobuf_add (&b, "12345", 5), -ENOSPC);
    assert_int_equal (iobuf_len (&b), 0);
    assert_int_equal (iobuf_add (&b, "1234", 4), 0);
    assert_int_equal (iobuf_space (&b), 0);
    assert_int_equal (iobuf_add (&b, "5", 1), -ENOSPC);
    iobuf_consume (&b, 3);
    assert_int_equal (iobuf_add (&b, "567", 3), 0);
    assert_memory_equal (iobuf_peek (&b), "4567", 4);
    iobuf_release (&b);
    assert_int_equal (iobuf_space (&b), 4);
}

/* Against a plain model: the bytes 0..n in order, in and out in random sizes. */
static void test_random (void **state)
{
    struct iobuf b;
    unsigned char in[700];
    size_t added = 0, taken = 0;
    unsigned int seed = 1;

    iobuf_init (&b, 2000);
    for (int round = 0; round < 20000; round++) {
        size_t n = rand_r (&seed) % sizeof (in);
        if (rand_r (&seed) % 2) {
            for (size_t i = 0; i < n; i++)
                in[i] = (added + i) % 251;
            int rc = iobuf_add (&b, in, n);
            assert_int_equal (rc, added + n - taken > 2000 ? -ENOSPC : 0);
            if (rc == 0)
                added += n;
        }
        else {
            if (n > iobuf_len (&b))
                n = iobuf_len (&b);
            const unsigned char *s = (const unsigned char *)iobuf_take (&b, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal (s[i], (taken + i) % 251);
            assert_int_equal (s[n], 0);
            taken += n;
        }
        assert_int_equal (iobuf_len (&b), added - taken);
    }
    iobuf_release (&b);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_lines),
        cmocka_unit_test (test_limit),
        cmocka_unit_test (test_random),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
