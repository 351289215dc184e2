/* test_slurmlimit.c - what squeue says of the end of a job
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "modules/resource/slurmlimit.h"

static int parse (const char *s, double *t)
{
    return slurmlimit_parse (s, strlen (s), t);
}

static void test_parse (void **state)
{
    static const char *const bad[] = { "", "\n", "1:00", "-5\n", "2026-11-29T01:00:00\n", "0",
                                       "N/A", "12 13\n", "99999999999999999999\n",
                                       "9999999999999999999999999999999999999999" };
    double t = -1.;

    assert_int_equal (parse ("1795919050\n", &t), 0);
    assert_true (t == 1795919050.);
    assert_int_equal (parse ("NONE\n", &t), 0);
    assert_true (t == 0.);
    t = 7.;
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (parse (bad[i], &t), -EINVAL);
    assert_true (t == 7.);
}

int main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_parse) };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
