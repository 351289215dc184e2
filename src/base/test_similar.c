/* test_similar.c - what a person may have meant by a misspelt word
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/similar.h"

static void distances (void **state)
{
    char long_a[100];

    assert_int_equal (similar_distance ("", ""), 0);
    assert_int_equal (similar_distance ("jobs", "jobs"), 0);
    assert_int_equal (similar_distance ("", "jobs"), 4);
    assert_int_equal (similar_distance ("jbos", "jobs"), 1);
    assert_int_equal (similar_distance ("job", "jobs"), 1);
    assert_int_equal (similar_distance ("hobs", "jobs"), 1);
    assert_int_equal (similar_distance ("sbmti", "submit"), 2);
    memset (long_a, 'a', sizeof (long_a));
    long_a[63] = '\0';
    assert_int_equal (similar_distance (long_a, "a"), 62);
    long_a[63] = 'a';
    long_a[64] = '\0';
    assert_int_equal (similar_distance (long_a, long_a), 64);
}

static void meant (void **state)
{
    const char *const names[] = { "cpu-affinity", "gpu-affinity", "pty", "output", NULL };

    assert_true (similar_is ("ou", "output"));
    assert_false (similar_is ("o", "output"));
    assert_string_equal (similar_nearest ("cpu-afinity", names), "cpu-affinity");
    assert_string_equal (similar_nearest ("gpu-afinity", names), "gpu-affinity");
    assert_string_equal (similar_nearest ("ptty", names), "pty");
    assert_null (similar_nearest ("nonsense", names));
}

int main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (distances), cmocka_unit_test (meant) };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
