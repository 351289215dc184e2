/* test_count.c - counts against RFC 14 and RFC 45
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/count.h"

static int decode (const char *json, struct count *c, flux_error_t *err)
{
    static json_t *o;   /* an idset borrows its text */

    json_decref (o);
    o = json_loads (json, JSON_DECODE_ANY, NULL);
    return count_decode (o, c, err);
}

static void check_values (const char *json, const char *expect)
{
    struct count c;
    flux_error_t err;
    char values[256] = "";
    unsigned int val = 0;

    assert_int_equal (decode (json, &c, &err), 0);
    for (int i = 0; i < 8 && (val = count_next (&c, val)) > 0; i++)
        snprintf (values + strlen (values), sizeof (values) - strlen (values),
                  "%u ", val);
    assert_string_equal (values, expect);
}

static void test_values (void **state)
{
    check_values ("4", "4 ");
    check_values ("\"4\"", "4 ");
    check_values ("\"[4]\"", "4 ");
    check_values ("\"4,9,16,25\"", "4 9 16 25 ");
    check_values ("\"2,4-6,8\"", "2 4 5 6 8 ");
    check_values ("\"[2-5]\"", "2 3 4 5 ");
    check_values ("\"2-8:3\"", "2 5 8 ");
    check_values ("\"2-9:3:+\"", "2 5 8 ");
    check_values ("\"1-20:2:*\"", "1 2 4 8 16 ");
    check_values ("\"2-300:2:^\"", "2 4 16 256 ");
    check_values ("\"[2147483646+]\"", "2147483646 2147483647 ");
    check_values ("\"100+:50\"", "100 150 200 250 300 350 400 450 ");
    check_values ("{\"min\":3,\"max\":5}", "3 4 5 ");
    check_values ("{\"min\":3,\"max\":3}", "3 ");
    check_values ("{\"min\":3,\"max\":9,\"operator\":\"+\",\"operand\":4}", "3 7 ");
    check_values ("{\"min\":2147483647}", "2147483647 ");
    check_values ("{\"min\":2,\"operator\":\"^\",\"operand\":2147483647}", "2 ");
}

static void test_invalid (void **state)
{
    const char *bad[] = {
        "0", "-1", "1.0", "null", "true", "[]", "2147483648", "9223372036854775807",
        "\"\"", "\"0\"", "\"01\"", "\"a\"", "\"1,\"", "\",1\"", "\"2,1\"", "\"1,1\"",
        "\"5-2\"", "\"1-\"", "\"[1\"", "\"1]\"", "\"[]\"", "\"1-5:\"", "\"1-5:0\"",
        "\"1-5:2:\"", "\"1-5:2:x\"", "\"1-5:2:+:\"", "\"1-5:1:*\"", "\"1-5:2:^\"",
        "\"99999999999\"", "\"1-99999999999\"", "\"1++\"", "\" 1\"", "\"1 \"",
        "{}", "{\"max\":3}", "{\"min\":0}", "{\"min\":3,\"max\":2}",
        "{\"min\":3,\"operator\":\"+\"}", "{\"min\":3,\"operand\":1}",
        "{\"min\":3,\"operator\":\"-\",\"operand\":1}",
        "{\"min\":3,\"operator\":\"\",\"operand\":1}",
        "{\"min\":1,\"operator\":\"^\",\"operand\":2}",
        "{\"min\":3,\"operator\":\"*\",\"operand\":1}",
        "{\"min\":3,\"foo\":1}", "{\"min\":\"3\"}",
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        struct count c = { .min = 42 };
        flux_error_t err = {0};

        if (decode (bad[i], &c, &err) == 0)
            print_error ("%s was accepted\n", bad[i]);
        assert_int_equal (decode (bad[i], &c, &err), -EINVAL);
        assert_int_equal (c.min, 42);
        assert_true (strlen (err.text) > 0);
    }
    assert_int_equal (count_decode (NULL, NULL, NULL), -EINVAL);
}

static void test_json (void **state)
{
    const struct {
        const char *in;
        const char *out;
    } tests[] = {
        {"7", "7"},
        {"\"7\"", "7"},
        {"\"[1,3]\"", "\"1,3\""},
        {"\"4+\"", "{\"min\":4}"},
        {"\"3-30\"", "{\"min\":3,\"max\":30,\"operator\":\"+\",\"operand\":1}"},
        {"\"4+:2:*\"", "{\"min\":4,\"operator\":\"*\",\"operand\":2}"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        struct count c;
        json_t *o;
        char *s;

        assert_int_equal (decode (tests[i].in, &c, NULL), 0);
        assert_non_null ((o = count_to_json (&c)));
        s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal (s, tests[i].out);
        free (s);
        json_decref (o);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_values),
        cmocka_unit_test (test_invalid),
        cmocka_unit_test (test_json),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
