/* test_buf.c - tests of buf.c and errmsg.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <flux/core/types.h>

#include "base/buf.h"
#include "base/errmsg.h"

static void test_append (void **state)
{
    struct buf b = BUF_INIT;

    assert_string_equal (b.data, "");
    buf_clear (&b);
    buf_consume (&b, 3);
    assert_int_equal (buf_adds (&b, ""), 0);
    assert_int_equal (buf_adds (&b, "abc"), 0);
    assert_int_equal (buf_addc (&b, 'd'), 0);
    assert_int_equal (buf_addf (&b, "%d%s", 42, "x"), 0);
    assert_string_equal (b.data, "abcd42x");
    assert_int_equal (b.len, 7);
    buf_consume (&b, 4);
    assert_string_equal (b.data, "42x");
    buf_consume (&b, 100);
    assert_int_equal (b.len, 0);
    assert_string_equal (b.data, "");
    assert_int_equal (buf_add (&b, "a\0b", 3), 0);
    assert_int_equal (b.len, 3);
    assert_int_equal (b.data[3], 0);
    buf_release (&b);
    assert_string_equal (b.data, "");
    buf_release (&b);
}

static void test_grow (void **state)
{
    struct buf b = BUF_INIT;

    for (int i = 0; i < 10000; i++)
        assert_int_equal (buf_addf (&b, "%05d,", i), 0);
    assert_int_equal (b.len, 60000);
    assert_memory_equal (b.data + 6 * 9999, "09999,", 7);
    buf_clear (&b);
    assert_string_equal (b.data, "");
    buf_release (&b);
}

/* In the room that there is, one byte short of it, and far over it. */
static void test_print (void **state)
{
    char text[300];

    memset (text, 'x', sizeof (text));
    for (int n = 0; n < 299; n++) {
        struct buf b = BUF_INIT;
        text[n] = '\0';
        buf_adds (&b, "head");
        assert_int_equal (buf_addf (&b, "%s", text), 0);
        assert_int_equal (b.len, n + 4);
        assert_int_equal (strlen (b.data), n + 4);
        assert_memory_equal (b.data, "head", 4);
        assert_string_equal (b.data + 4, text);
        buf_release (&b);
        text[n] = 'x';
    }
}

static void test_quoted (void **state)
{
    struct buf b = BUF_INIT;

    buf_add_quoted (&b, "it's $HOME");
    buf_add_quoted (&b, "");
    assert_string_equal (b.data, "'it'\\''s $HOME'" "''");
    buf_release (&b);
}

static void test_json (void **state)
{
    struct buf b = BUF_INIT;

    assert_int_equal (buf_add_json (&b, "", 0), 0);
    assert_int_equal (buf_add_json (&b, "a\"b\\c\n\x01\xc3\xa4", 9), 0);
    assert_string_equal (b.data, "\"\"\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa4\"");
    buf_release (&b);
}

static void test_take (void **state)
{
    struct buf b = BUF_INIT;

    char *s = buf_take (&b);
    assert_string_equal (s, "");
    free (s);
    buf_adds (&b, "hello");
    s = buf_take (&b);
    assert_string_equal (s, "hello");
    assert_int_equal (b.len, 0);
    free (s);
}

static void test_failure_sticks (void **state)
{
    struct buf b = BUF_INIT;

    buf_adds (&b, "kept");
    assert_int_equal (buf_reserve (&b, SIZE_MAX), -ENOMEM);
    assert_int_equal (buf_reserve (&b, SIZE_MAX / 2), -ENOMEM);
    assert_true (b.failed);
    assert_string_equal (b.data, "kept");
    assert_int_equal (buf_adds (&b, "!"), 0);
    assert_null (buf_take (&b));
    assert_false (b.failed);
}

static int give (flux_error_t *err, const char *s)
{
    return errmsg (err, -EINVAL, "bad thing: %s", s);
}

static void test_errmsg (void **state)
{
    flux_error_t err;
    char big[400];

    errno = 7;
    assert_int_equal (give (&err, "x"), -EINVAL);
    assert_string_equal (err.text, "bad thing: x");
    assert_int_equal (errno, 7);
    assert_int_equal (give (NULL, "x"), -EINVAL);
    memset (big, 'y', sizeof (big));
    big[sizeof (big) - 1] = '\0';
    assert_int_equal (give (&err, big), -EINVAL);
    assert_int_equal (strlen (err.text), sizeof (err.text) - 1);
    assert_int_equal (err.text[sizeof (err.text) - 2], '+');
    assert_int_equal (errmsg (&err, -EPERM, "direct"), -EPERM);
    assert_string_equal (err.text, "direct");
    errmsg (&err, -1, "file: %s", err.text);
    assert_string_equal (err.text, "file: direct");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_append),
        cmocka_unit_test (test_grow),
        cmocka_unit_test (test_print),
        cmocka_unit_test (test_json),
        cmocka_unit_test (test_quoted),
        cmocka_unit_test (test_take),
        cmocka_unit_test (test_failure_sticks),
        cmocka_unit_test (test_errmsg),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
