/* test_jobenv.c - the environment in the text of a jobspec */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "spec/jobenv.h"

/* The text without it, and its value. */
static void finds (const char *text, const char *rest, const char *val)
{
    struct env_span e = env_find (text);
    char buf[400];

    assert_true (e.start <= e.end && e.end <= strlen (text));
    snprintf (buf, sizeof (buf), "%.*s%s", (int)e.start, text, text + e.end);
    assert_string_equal (buf, rest);
    snprintf (buf, sizeof (buf), "%.*s", (int)(e.val_end - e.val), text + e.val);
    assert_string_equal (buf, val);
}

#define SYS(x) "{\"version\":1,\"attributes\":{\"user\":[],\"system\":{" x "}},\"tasks\":[]}"

static void test_places (void **state)
{
    finds (SYS ("\"environment\":{}"), SYS (""), "{}");
    finds (SYS ("\"environment\":{\"A\":\"1\"},\"cwd\":\"/\""), SYS ("\"cwd\":\"/\""),
           "{\"A\":\"1\"}");
    finds (SYS ("\"cwd\":\"/\",\"environment\":{\"A\":\"1\"}"), SYS ("\"cwd\":\"/\""),
           "{\"A\":\"1\"}");
    finds (SYS ("\"a\":1, \"environment\" : { \"A\" : \"1\" } ,\"b\":2"),
           SYS ("\"a\":1 ,\"b\":2"), "{ \"A\" : \"1\" }");
    finds (SYS ("\"cwd\":\"/\""), SYS ("\"cwd\":\"/\""), "");
    finds ("{\"environment\":{}}", "{\"environment\":{}}", "");
    finds ("[]", "[]", "");
    finds ("", "", "");
}

/* Brackets, quotes and backslashes in strings. */
static void test_strings (void **state)
{
    finds (SYS ("\"environment\":{\"A\":\"}]\",\"B\":\"\\\"\",\"C\":\"\\\\\",\"D\":\"\\\\\\\"\"}"),
           SYS (""), "{\"A\":\"}]\",\"B\":\"\\\"\",\"C\":\"\\\\\",\"D\":\"\\\\\\\"\"}");
    finds (SYS ("\"x\":\"\\\"environment\\\":{\",\"environment\":{}"),
           SYS ("\"x\":\"\\\"environment\\\":{\""), "{}");
    finds (SYS ("\"\":\"\",\"environment\":{\"\":\"\"}"), SYS ("\"\":\"\""), "{\"\":\"\"}");
}

/* What is not JSON may give anything, but in bounds. */
static void test_broken (void **state)
{
    static const char text[] = SYS ("\"environment\":{\"A\":\"\\\"x\",\"B\":[{\"c\":\"\\\\\"}]}");
    char cut[sizeof (text)];

    for (size_t n = 0; n < sizeof (text); n++) {
        memcpy (cut, text, n);
        cut[n] = '\0';
        struct env_span e = env_find (cut);
        assert_true (e.start <= e.end && e.end <= n && e.val <= e.val_end
                     && e.val_end <= n);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_places),
        cmocka_unit_test (test_strings),
        cmocka_unit_test (test_broken),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
