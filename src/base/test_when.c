/* test_when.c - tests of when.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"

/* Wednesday, 2021-06-16 10:30:05 in a zone with summer time */
static time_t now;

static int setup (void **state)
{
    struct tm tm = { .tm_year = 121, .tm_mon = 5, .tm_mday = 16, .tm_hour = 10, .tm_min = 30,
                     .tm_sec = 5, .tm_isdst = -1 };

    setenv ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset ();
    now = mktime (&tm);
    return 0;
}

static void test_good (void **state)
{
    static const struct {
        const char *s;
        const char *t;
    } good[] = {
        {"now", "2021-06-16 10:30:05"},
        {"+2h", "2021-06-16 12:30:05"},
        {"-1d", "2021-06-15 10:30:05"},
        {"+30", "2021-06-16 10:30:35"},
        {"today", "2021-06-16 00:00:00"},
        {"tomorrow", "2021-06-17 00:00:00"},
        {"YESTERDAY", "2021-06-15 00:00:00"},
        {"tomorrow morning", "2021-06-17 06:00:00"},
        {"tomorrow at 8am", "2021-06-17 08:00:00"},
        {"8:30 pm tomorrow", "2021-06-17 20:30:00"},
        {"yesterday at noon", "2021-06-15 12:00:00"},
        {"tonight", "2021-06-16 21:00:00"},
        {"this evening", "2021-06-16 18:00:00"},
        {"12am", "2021-06-16 00:00:00"},
        {"12:15pm", "2021-06-16 12:15:00"},
        {"23:59:59", "2021-06-16 23:59:59"},
        {"2021-06-21", "2021-06-21 00:00:00"},
        {"2021-06-21 8am", "2021-06-21 08:00:00"},
        {"2021-06-21 6am", "2021-06-21 06:00:00"},
        {"2021-06-21T08:30:05", "2021-06-21 08:30:05"},
        {"2021/6/21, 8:30", "2021-06-21 08:30:00"},
        {"6/21/2022", "2022-06-21 00:00:00"},
        {"6/21", "2021-06-21 00:00:00"},
        {"June 21", "2021-06-21 00:00:00"},
        {"jun 21st, 2022 17:00", "2022-06-21 17:00:00"},
        {"21 June 2022", "2022-06-21 00:00:00"},
        {"the 1st of January 2024 at 00:01", "2024-01-01 00:01:00"},
        {"feb 29 2024", "2024-02-29 00:00:00"},
        {"2021-12-24", "2021-12-24 00:00:00"},
        {"Monday", "2021-06-21 00:00:00"},
        {"wed", "2021-06-23 00:00:00"},
        {"thursday", "2021-06-17 00:00:00"},
        {"last Monday", "2021-06-14 00:00:00"},
        {"last friday", "2021-06-11 00:00:00"},
        {"last Wednesday", "2021-06-09 00:00:00"},
        {"next Friday at 5pm", "2021-06-25 17:00:00"},
        {"this monday", "2021-06-14 00:00:00"},
        {"next hour", "2021-06-16 11:00:00"},
        {"next week", "2021-06-23 00:00:00"},
        {"last month", "2021-05-01 00:00:00"},
        {"next year", "2022-01-01 00:00:00"},
        {"in an hour", "2021-06-16 11:30:05"},
        {"an hour ago", "2021-06-16 09:30:05"},
        {"in 3 days", "2021-06-19 10:30:05"},
        {"1 hour 30 minutes", "2021-06-16 12:00:05"},
        {"1 hour and 5 seconds ago", "2021-06-16 09:30:00"},
        {"1.5h", "2021-06-16 12:00:05"},
        {"two weeks from tomorrow", "2021-07-01 00:00:00"},
        {"6 months", "2021-12-16 10:30:05"},
        {"150 days", "2021-11-13 10:30:05"},    /* winter time: the same hour */
        {"2 years ago", "2019-06-16 10:30:05"},
    };
    char buf[64];
    double t;

    for (size_t i = 0; i < sizeof (good) / sizeof (good[0]); i++) {
        flux_error_t err;
        time_t sec;
        struct tm tm;
        if (when_parse (good[i].s, now, &t, &err) < 0)
            fail_msg ("'%s': %s", good[i].s, err.text);
        sec = (time_t)t;
        strftime (buf, sizeof (buf), "%F %T", localtime_r (&sec, &tm));
        if (strcmp (buf, good[i].t) != 0)
            fail_msg ("'%s' gives %s", good[i].s, buf);
    }
    assert_int_equal (when_parse ("2021-06-21 8:30:05.25", now, &t, NULL), 0);
    assert_true (t - (time_t)t == 0.25);
}

static void test_bad (void **state)
{
    static const char *bad[] = {
        "", " ", "foo", "tomorrow foo", "8", "2021-13-01", "2021-02-29", "2021-06-31", "6/32",
        "25:00", "8:60", "13am", "0am", "8am 9am", "today tomorrow", "ago", "in", "an", "june",
        "1 hour ago ago", "+", "+1x", "-inf", "in 3", "1e999 days", "1e12 years", "99999999 days",
        "1.5 months", "next", "last foo", "0000-01-01", "12345-01-01", "this hour foo",
        "2021-06", "2021/06-21",
    };
    double t = 77;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = { .text = "" };

        int rc = when_parse (bad[i], now, &t, &err);
        if (rc != -EINVAL || !*err.text)
            fail_msg ("'%s' was accepted", bad[i]);
        assert_true (t == 77);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup (test_good, setup),
        cmocka_unit_test_setup (test_bad, setup),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
