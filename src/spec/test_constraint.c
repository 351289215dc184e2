/* test_constraint.c - constraints against RFC 31 and RFC 35
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/constraint.h"

/* Objects are words of letters; {"has": ["a", "b"]} wants all the letters. */
static int leaves;

static int has_compile (const char *op, const json_t *values, void **leaf,
                        void *arg, flux_error_t *err)
{
    if (strcmp (op, "has") != 0) {
        snprintf (err->text, sizeof (err->text), "unknown operator %s", op);
        return -EINVAL;
    }
    *leaf = json_incref ((json_t *)values);
    leaves++;
    return 0;
}

static bool has_match (void *leaf, const void *object, void *arg)
{
    size_t index;
    json_t *value;

    json_array_foreach ((json_t *)leaf, index, value) {
        if (!strstr (object, json_string_value (value)))
            return false;
    }
    return true;
}

static void has_free (void *leaf)
{
    leaves--;
    json_decref (leaf);
}

static const struct constraint_ops has_ops = { has_compile, has_match, has_free };

static void test_match (void **state)
{
    const struct {
        const char *json;
        const char *yes;     /* space separated objects */
        const char *no;
    } tests[] = {
        {"{}", "x", ""},
        {"{\"and\":[]}", "x", ""},
        {"{\"or\":[]}", "x", ""},
        {"{\"not\":[]}", "", "x"},
        {"{\"has\":[\"a\"]}", "a ab", "b"},
        {"{\"has\":[\"a\",\"b\"]}", "ab", "a b c"},
        {"{\"not\":[{\"has\":[\"a\"]}]}", "b", "a"},
        {"{\"not\":[{\"has\":[\"a\"]},{\"has\":[\"b\"]}]}", "a b c", "ab"},
        {"{\"or\":[{\"has\":[\"a\"]},{\"has\":[\"b\"]}]}", "a b ab", "c"},
        {"{\"and\":[{\"has\":[\"a\"]},{\"has\":[\"b\"]}]}", "ab", "a b c"},
        {"{\"has\":[\"a\"],\"not\":[{\"has\":[\"b\"]}]}", "a ac", "ab c"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        json_t *o = json_loads (tests[i].json, 0, NULL);
        struct constraint *c = constraint_compile (o, &has_ops, NULL, NULL);
        char word[8];
        int n;

        assert_non_null (c);
        json_decref (o);
        for (const char *s = tests[i].yes; sscanf (s, "%7s%n", word, &n) == 1; s += n)
            assert_true (constraint_match (c, word));
        for (const char *s = tests[i].no; sscanf (s, "%7s%n", word, &n) == 1; s += n)
            assert_false (constraint_match (c, word));
        constraint_free (c);
        assert_int_equal (leaves, 0);
    }
    struct constraint *c = constraint_compile (NULL, &has_ops, NULL, NULL);
    assert_true (constraint_match (c, "x"));
    constraint_free (c);
    constraint_free (NULL);
}

static json_t *nest (int depth)
{
    json_t *o = json_pack ("{s:[s]}", "has", "a");

    while (depth-- > 1)
        o = json_pack ("{s:[o]}", "not", o);
    return o;
}

static void test_compile_invalid (void **state)
{
    const char *bad[] = {
        "[]", "1", "{\"has\":1}", "{\"nope\":[]}", "{\"and\":[1]}",
        "{\"and\":[{\"has\":[\"a\"]},{\"nope\":[]}]}",
        "{\"has\":[\"a\"],\"nope\":[]}", "{\"not\":{\"has\":[\"a\"]}}",
    };
    flux_error_t err;
    struct constraint *c;
    json_t *o;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        o = json_loads (bad[i], JSON_DECODE_ANY, NULL);
        memset (&err, 0, sizeof (err));
        errno = 0;
        assert_null (constraint_compile (o, &has_ops, NULL, &err));
        assert_int_equal (errno, EINVAL);
        assert_true (strlen (err.text) > 0);
        assert_int_equal (leaves, 0);
        json_decref (o);
    }
    o = nest (64);
    assert_non_null ((c = constraint_compile (o, &has_ops, NULL, &err)));
    constraint_free (c);
    json_decref (o);
    o = nest (65);
    assert_null (constraint_compile (o, &has_ops, NULL, &err));
    assert_non_null (strstr (err.text, "64"));
    json_decref (o);
}

static void test_validate (void **state)
{
    const struct {
        const char *json;
        int rc;
    } tests[] = {
        {"{}", 0},
        {"{\"properties\":[\"a\",\"^b\"]}", 0},
        {"{\"and\":[{\"hostlist\":[\"a[0-1]\"]},{\"ranks\":[\"0\"]}]}", 0},
        {"{\"properties\":[1]}", -EINVAL},
        {"{\"properties\":[\"+batch\",\"mi50@gpu\"]}", 0},
        {"{\"properties\":[\"a!b\"]}", -EINVAL},
        {"{\"properties\":[\"^\"]}", -EINVAL},
        {"{\"not\":[{\"hostlist\":[\"a[0-\"]}]}", -EINVAL},
        {"{\"ranks\":[\"0\",\"1-\"]}", -EINVAL},
        {"{\"foo\":[\"a\"]}", -EINVAL},
        {"{\"or\":[{\"foo\":[\"a\"]}]}", -EINVAL},
        {"1", -EINVAL},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        json_t *o = json_loads (tests[i].json, JSON_DECODE_ANY, NULL);

        assert_int_equal (constraint_validate (o, NULL), tests[i].rc);
        json_decref (o);
    }
}

static void check_text (json_t *o, const char *text, const char *expect,
                        const flux_error_t *err)
{
    char *s = o ? json_dumps (o, JSON_COMPACT) : NULL;

    if (!s)
        fail_msg ("'%s': %s", text, err->text);
    assert_string_equal (s, expect);
    free (s);
    json_decref (o);
}

#define N(x) "{\"name\":[\"" x "\"]}"

static void test_parse (void **state)
{
    const struct {
        const char *text;
        const char *json;
    } tests[] = {
        {"", "{}"},
        {"  ", "{}"},
        {"foo", N ("foo")},
        {"foo bar", "{\"and\":[" N ("foo") "," N ("bar") "]}"},
        {"foo bar state:started",
         "{\"and\":[" N ("foo") "," N ("bar") ",{\"state\":[\"started\"]}]}"},
        {"a|b|c", "{\"or\":[" N ("a") "," N ("b") "," N ("c") "]}"},
        {"a|b&c", "{\"or\":[" N ("a") ",{\"and\":[" N ("b") "," N ("c") "]}]}"},
        {"(a|b)&c", "{\"and\":[{\"or\":[" N ("a") "," N ("b") "]}," N ("c") "]}"},
        {"(a|-b)&c",
         "{\"and\":[{\"or\":[" N ("a") ",{\"not\":[" N ("b") "]}]}," N ("c") "]}"},
        {"a || b && c or d and e",
         "{\"or\":[" N ("a") ",{\"and\":[" N ("b") "," N ("c") "]},{\"and\":["
         N ("d") "," N ("e") "]}]}"},
        {"not a b", "{\"and\":[{\"not\":[" N ("a") "]}," N ("b") "]}"},
        {"not (a b)", "{\"not\":[{\"and\":[" N ("a") "," N ("b") "]}]}"},
        {"not not a", "{\"not\":[{\"not\":[" N ("a") "]}]}"},
        {"-foo:a-b", "{\"not\":[{\"foo\":[\"a-b\"]}]}"},
        {"-not", "{\"not\":[" N ("not") "]}"},
        {"foo:'this is args'", "{\"foo\":[\"this is args\"]}"},
        {"'a:b'", N ("a:b")},
        {"foo:\"a&b|(c)\"d", "{\"foo\":[\"a&b|(c)d\"]}"},
        {"'and' nota", "{\"and\":[" N ("and") "," N ("nota") "]}"},
        {"t:a:b", "{\"t\":[\"a:b\"]}"},
        {"host:foo[1,3]", "{\"host\":[\"foo[1,3]\"]}"},
        {"((a))", N ("a")},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        flux_error_t err;

        check_text (constraint_parse (tests[i].text, "name", &err),
                    tests[i].text, tests[i].json, &err);
    }
}

static void test_parse_job (void **state)
{
    const struct {
        const char *text;
        const char *json;
    } tests[] = {
        {"a,b", "{\"properties\":[\"a\",\"b\"]}"},
        {"^a", "{\"properties\":[\"^a\"]}"},
        {"host:fluke[1-5]", "{\"hostlist\":[\"fluke[1-5]\"]}"},
        {"-hosts:a,b", "{\"not\":[{\"hostlist\":[\"a,b\"]}]}"},
        {"rank:0", "{\"ranks\":[\"0\"]}"},
        {"ranks:0,2 properties:x",
         "{\"and\":[{\"ranks\":[\"0,2\"]},{\"properties\":[\"x\"]}]}"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        flux_error_t err;

        check_text (constraint_parse_job (tests[i].text, &err), tests[i].text,
                    tests[i].json, &err);
    }
}

static void test_parse_invalid (void **state)
{
    const struct {
        const char *text;
        const char *expect;
    } bad[] = {
        {"-(a|b)", "column 1"},
        {"- a", "column 1"},
        {"(a", "expected ')'"},
        {"a)", "column 2"},
        {"a &", "end"},
        {"a & | b", "column 5"},
        {"| a", "column 1"},
        {"()", "column 2"},
        {"not", "end"},
        {"not |", "column 5"},
        {"'a", "quote"},
        {"a \"b", "column 3"},
        {"foo:", "operand"},
        {":foo", "operator"},
        {"''", "empty"},
        {"a\xff", "UTF-8"},
    };
    char deep[200];
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        json_t *o;

        memset (&err, 0, sizeof (err));
        errno = 0;
        if ((o = constraint_parse (bad[i].text, "name", &err)))
            fail_msg ("'%s' was accepted", bad[i].text);
        assert_int_equal (errno, EINVAL);
        if (!strstr (err.text, bad[i].expect))
            fail_msg ("'%s': %s", bad[i].text, err.text);
    }
    assert_null (constraint_parse ("foo", NULL, &err));
    assert_non_null (strstr (err.text, "missing operator"));
    memset (deep, '(', sizeof (deep) - 1);
    deep[sizeof (deep) - 1] = '\0';
    assert_null (constraint_parse (deep, "name", &err));
    assert_non_null (strstr (err.text, "deeply"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_match),
        cmocka_unit_test (test_compile_invalid),
        cmocka_unit_test (test_validate),
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_parse_job),
        cmocka_unit_test (test_parse_invalid),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
