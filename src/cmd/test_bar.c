/* test_bar.c - tests of bar.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/bar.h"

static void check (const struct bar *bar, int columns, const char *want)
{
    char *s = bar_format (bar, columns);

    assert_string_equal (s, want);
    free (s);
}

static int columns_of (const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static void test_text (void **state)
{
    struct bar bar = { .total = 20, .done = 8, .running = 10, .complete = 7, .failed = 1,
                       .elapsed = 3725.9 };

    check (&bar, 57, "PD:2    R:10   CD:7    F:1    │████      │ 40.0% 1:02:05");
    bar.jps = true;
    bar.elapsed = 4;
    check (&bar, 58, "PD:2    R:10   CD:7    F:1    │███      │ 40.0% 2.0 job/s");
    check (&bar, 50, "PD:2    R:10   CD:7    F:1     40.0% 2.0 job/s");
    bar = (struct bar){ .jps = true };
    check (&bar, 10, "PD:0    R:0    CD:0    F:0    100.0% 0.0 job/s");
}

static void test_width (void **state)
{
    for (int columns = 54; columns < 300; columns++) {
        struct bar bar = { .total = 3, .done = 3, .complete = 3 };
        char *s = bar_format (&bar, columns);
        assert_int_equal (columns_of (s), columns - 1);
        assert_null (strstr (s, "█ "));
        free (s);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_text),
        cmocka_unit_test (test_width),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
