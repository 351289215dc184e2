/* test_dependency.c - dependencies against RFC 26
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/dependency.h"
#include "spec/yaml_test.h"

static void test_parse (void **state)
{
    const struct {
        const char *uri;
        const char *json;
    } tests[] = {
        {"afterany:\xc6\x92" "2oLkTLb",
         "{\"scheme\":\"afterany\",\"value\":\"\xc6\x92" "2oLkTLb\"}"},
        {"string:foo?type=out",
         "{\"scheme\":\"string\",\"value\":\"foo\",\"type\":\"out\"}"},
        {"fluid:hungry-hippos-white-elephant",
         "{\"scheme\":\"fluid\",\"value\":\"hungry-hippos-white-elephant\"}"},
        {"x:a%20b%3f?k=1%262&l=;m=a=b",
         "{\"scheme\":\"x\",\"value\":\"a b?\",\"k\":\"1&2\",\"l\":\"\",\"m\":\"a=b\"}"},
        {"singleton", "{\"scheme\":\"singleton\",\"value\":\"\"}"},
        {"singleton?x=y", "{\"scheme\":\"singleton\",\"value\":\"\",\"x\":\"y\"}"},
        {"begin-time:1552594348.0", "{\"scheme\":\"begin-time\",\"value\":\"1552594348.0\"}"},
        {"a:b:c", "{\"scheme\":\"a\",\"value\":\"b:c\"}"},
        {"a:b?", "{\"scheme\":\"a\",\"value\":\"b\"}"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        flux_error_t err;
        json_t *o = dependency_parse (tests[i].uri, &err);
        char *s;

        assert_non_null (o);
        s = json_dumps (o, JSON_COMPACT);
        assert_string_equal (s, tests[i].json);
        free (s);
        json_decref (o);
    }
}

static void test_parse_invalid (void **state)
{
    const char *bad[] = {
        "", ":", ":x", "a b:c", "/x:y", "a:b%", "a:b%1", "a:b%zz", "a:b%00",
        "a:%ff", "a:b?x", "a:b?=y", "a:b?x=1&", "a:b?x=1&x=2", "a:b?scheme=c",
        "a:b?value=c", "a:b?x=%g0",
        "a:b?xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=1",
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = {0};

        errno = 0;
        if (dependency_parse (bad[i], &err))
            fail_msg ("%s was accepted", bad[i]);
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (err.text, "dependency"));
    }
    assert_null (dependency_parse (NULL, NULL));
}

static void test_examples (void **state)
{
    glob_t g;
    int count = 0;

    assert_int_equal (glob (FLUX_TEST_DATA "/rfc/spec_26/*.yaml", 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        json_t *o = yaml_test_load (g.gl_pathv[i]);
        json_t *entry;
        size_t index;

        assert_non_null (o);
        json_array_foreach (o, index, entry) {
            assert_int_equal (dependency_validate (entry, NULL), 0);
            count++;
        }
        json_decref (o);
    }
    globfree (&g);
    assert_true (count >= 6);
}

static void test_validate (void **state)
{
    const struct {
        const char *json;
        const char *expect;     /* NULL: valid */
    } tests[] = {
        {"{\"scheme\":\"after\",\"value\":\"1\"}", NULL},
        {"{\"scheme\":\"after\",\"value\":\"\",\"x\":[1]}", NULL},
        {"{\"value\":\"1\"}", "scheme:"},
        {"{\"scheme\":\"\",\"value\":\"1\"}", "scheme:"},
        {"{\"scheme\":\"after\"}", "value:"},
        {"{\"scheme\":\"after\",\"value\":1}", "value:"},
        {"{\"scheme\":\"string\",\"value\":\"a\",\"type\":\"x\",\"scope\":\"user\"}",
         "type:"},
        {"{\"scheme\":\"fluid\",\"value\":\"a\",\"type\":\"in\",\"scope\":1}", "scope:"},
        {"[]", "object"},
        {"1", "object"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        json_t *o = json_loads (tests[i].json, JSON_DECODE_ANY, NULL);
        flux_error_t err = {0};

        assert_int_equal (dependency_validate (o, &err),
                          tests[i].expect ? -EINVAL : 0);
        if (tests[i].expect)
            assert_non_null (strstr (err.text, tests[i].expect));
        json_decref (o);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_parse_invalid),
        cmocka_unit_test (test_examples),
        cmocka_unit_test (test_validate),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
