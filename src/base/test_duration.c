/* test_duration.c - tests of duration.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/duration.h"

static void test_parse (void **state)
{
    static const struct {
        const char *s;
        double t;
    } good[] = {
        {"2ms", 0.002},  {"0.1s", 0.1},         {"30", 30},
        {"1.2h", 4320},  {"5m", 300},           {"0s", 0},
        {"5d", 432000},  {"inf", INFINITY},     {"INF", INFINITY},
        {"infinity", INFINITY},                 {"+inf", INFINITY},
        {"100ms", 0.1},  {"1.5m", 90},          {"1e3", 1000},
        {".5", 0.5},     {"0x10", 16},          {"+1", 1},
        {"0", 0},        {"1e-3s", 0.001},
    };
    static const char *bad[] = {
        "",     "-1",   "-0",   "nan",   "1x",  "1 s",  " 1",   "1s ",
        "s",    "1S",   "1sec", "infs",  "inf ", "1e999", "-inf", "1e308d",
        "1ms1", "1.2.3", "1,5", "m",     "ms",  "--1",  "1h30m",
    };
    double t = 77;

    for (size_t i = 0; i < sizeof (good) / sizeof (good[0]); i++) {
        if (duration_parse (good[i].s, &t) < 0 || t != good[i].t)
            fail_msg ("'%s' gives %g", good[i].s, t);
    }
    t = 77;
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        if (duration_parse (bad[i], &t) != -EINVAL)
            fail_msg ("'%s' was accepted", bad[i]);
        assert_true (t == 77);
    }
    assert_int_equal (duration_parse (NULL, &t), -EINVAL);
}

static void test_format (void **state)
{
    static const struct {
        double t;
        const char *s;
    } v[] = {
        {0, "0s"},        {0.002, "2ms"},   {0.25, "250ms"}, {1, "1s"},
        {12.5, "12.5s"},  {60, "1m"},       {90, "1.5m"},    {3600, "1h"},
        {5400, "1.5h"},   {86400, "1d"},    {432000, "5d"},
        {INFINITY, "infinity"},             {153.2688, "2.55448m"},
    };
    char buf[32];

    for (size_t i = 0; i < sizeof (v) / sizeof (v[0]); i++) {
        double back;
        assert_int_equal (duration_format (v[i].t, buf, sizeof (buf)), 0);
        assert_string_equal (buf, v[i].s);
        assert_int_equal (duration_parse (buf, &back), 0);
        assert_true (back == v[i].t || fabs (back - v[i].t) < 1e-5 * v[i].t);
    }
    assert_int_equal (duration_format (90, buf, 4), -EOVERFLOW);
    assert_int_equal (duration_format (90, buf, 5), 0);
    assert_int_equal (duration_format (-1, buf, sizeof (buf)), -EINVAL);
    assert_int_equal (duration_format (NAN, buf, sizeof (buf)), -EINVAL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_format),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
