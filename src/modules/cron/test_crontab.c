/* test_crontab.c - lines of a crontab, and when they are due
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "modules/cron/crontab.h"

static time_t at (int year, int mon, int day, int hour, int min, int sec)
{
    struct tm tm = { .tm_year = year - 1900, .tm_mon = mon - 1, .tm_mday = day, .tm_hour = hour,
                     .tm_min = min, .tm_sec = sec, .tm_isdst = -1 };

    return mktime (&tm);
}

static time_t next (const char *line, time_t t)
{
    struct crontab c;
    flux_error_t err;

    assert_int_equal (crontab_parse (line, &c, NULL, &err), 0);
    return crontab_next (&c, t);
}

static void test_next (void **state)
{
    time_t t = at (2024, 2, 28, 23, 58, 30);      /* a Wednesday, in a leap year */

    assert_int_equal (next ("* * * * *", t), at (2024, 2, 28, 23, 59, 0));
    assert_int_equal (next ("0 * * * *", t), at (2024, 2, 29, 0, 0, 0));
    assert_int_equal (next ("*/15 12 * * *", t), at (2024, 2, 29, 12, 0, 0));
    assert_int_equal (next ("5,10 0 * * *", t), at (2024, 2, 29, 0, 5, 0));
    assert_int_equal (next ("0 0 1 0 *", t), at (2025, 1, 1, 0, 0, 0));
    assert_int_equal (next ("0 0 29 1 *", at (2024, 3, 1, 0, 0, 0)), at (2028, 2, 29, 0, 0, 0));
    assert_int_equal (next ("30 8 * * 1-5", t), at (2024, 2, 29, 8, 30, 0));
    assert_int_equal (next ("0 0 * * 7", t), at (2024, 3, 3, 0, 0, 0));
    assert_int_equal (next ("0 0 * * 0", t), at (2024, 3, 3, 0, 0, 0));
    assert_int_equal (next ("0 0 10 * 5", t), at (2024, 3, 1, 0, 0, 0));   /* either */
    assert_int_equal (next ("0 0 30 1 *", t), -1);       /* no 30th of February */
}

static void test_brute_force (void **state)
{
    struct crontab c;
    flux_error_t err;
    time_t t = at (2023, 12, 30, 0, 0, 0);

    assert_int_equal (crontab_parse ("7-50/11 */5 2-4,31 0,11 *", &c, NULL, &err), 0);
    for (int n = 0; n < 50; n++) {
        time_t want = t;
        struct tm tm;
        do {
            want += 60 - want % 60;
            localtime_r (&want, &tm);
        } while (!(c.set[CRON_MINUTE] >> tm.tm_min & 1) || !(c.set[CRON_HOUR] >> tm.tm_hour & 1)
                 || !(c.set[CRON_DAY] >> tm.tm_mday & 1) || !(c.set[CRON_MONTH] >> tm.tm_mon & 1));
        assert_int_equal (crontab_next (&c, t), want);
        t = want + n;
    }
}

static void test_wrong (void **state)
{
    static const char *const lines[] = {
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 12 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "1, * * * *", "a * * * *",
        "1-  * * * *", "99999999999 * * * *", "*5 * * * *", NULL,
    };
    const char *rest;
    struct crontab c;
    flux_error_t err;

    for (int i = 0; lines[i]; i++) {
        assert_true (crontab_parse (lines[i], &c, NULL, &err) < 0);
        assert_true (err.text[0] != '\0');
    }
    assert_int_equal (crontab_parse (" 1\t2 * * *  echo  a", &c, &rest, &err), 0);
    assert_string_equal (rest, "echo  a");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_next),
        cmocka_unit_test (test_brute_force),
        cmocka_unit_test (test_wrong),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
