/* test_eventlog.c - the codec of eventlogs against RFC 18
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/eventlog.h"

static json_t *decode (const char *s, flux_error_t *err)
{
    return eventlog_entry_decode (s, strlen (s), err);
}

static void test_entry_roundtrip (void **state)
{
    const char *lines[] = {
        "{\"timestamp\":1552593348.073045,\"name\":\"submit\",\"context\":"
        "{\"urgency\":16,\"userid\":5588,\"flags\":0}}\n",
        "{\"timestamp\":1552593348.093541,\"name\":\"free\"}\n",
        "{\"timestamp\":1,\"name\":\"x\",\"extra\":[1]}\n",
        "{\"name\":\"debug.f\\u0001\",\"timestamp\":0.5}\n",
    };

    for (size_t i = 0; i < sizeof (lines) / sizeof (lines[0]); i++) {
        flux_error_t err;
        json_t *o = decode (lines[i], &err);
        char *s;

        assert_non_null (o);
        assert_non_null ((s = eventlog_entry_encode (o)));
        assert_string_equal (s, lines[i]);
        free (s);
        json_decref (o);
    }
}

static void test_entry_invalid (void **state)
{
    struct {
        const char *line;
        const char *expect;
    } bad[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"{\"name\":\"x\"}", "timestamp"},
        {"{\"timestamp\":0,\"name\":\"x\"}", "timestamp"},
        {"{\"timestamp\":-1,\"name\":\"x\"}", "timestamp"},
        {"{\"timestamp\":\"1\",\"name\":\"x\"}", "timestamp"},
        {"{\"timestamp\":1}", "name"},
        {"{\"timestamp\":1,\"name\":\"\"}", "name"},
        {"{\"timestamp\":1,\"name\":7}", "name"},
        {"{\"timestamp\":1,\"name\":\"x\",\"context\":[]}", "context"},
        {"{\"timestamp\":1,\"name\":\"x\",\"context\":null}", "context"},
        {"{\"timestamp\":1,\n\"name\":\"x\"}", "newline"},
        {"{\"timestamp\":1,\"name\":\"x\"} {}", "JSON"},
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = {0};

        errno = 0;
        assert_null (decode (bad[i].line, &err));
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (err.text, bad[i].expect));
    }
    errno = 0;
    assert_null (eventlog_entry_decode (NULL, 0, NULL));
    assert_int_equal (errno, EINVAL);
}

static void test_create (void **state)
{
    json_t *context = json_pack ("{s:i}", "a", 1);
    json_t *o = eventlog_entry_create (42.25, "foo", context);
    double timestamp;
    const char *name;
    const json_t *c;

    assert_non_null (o);
    assert_int_equal (eventlog_entry_parse (o, &timestamp, &name, &c), 0);
    assert_true (timestamp == 42.25);
    assert_string_equal (name, "foo");
    assert_true (json_equal ((json_t *)c, context));
    json_decref (o);

    assert_non_null ((o = eventlog_entry_create (0., "bar", NULL)));
    assert_int_equal (eventlog_entry_parse (o, &timestamp, NULL, &c), 0);
    assert_true (timestamp > 1.6E9);
    assert_null (c);
    json_decref (o);

    assert_null (eventlog_entry_create (-1., "bar", NULL));
    assert_null (eventlog_entry_create (1., "", NULL));
    assert_null (eventlog_entry_create (1., NULL, NULL));
    assert_null (eventlog_entry_create (1., "bar", json_object_get (context, "a")));
    assert_int_equal (errno, EINVAL);
    json_decref (context);
}

static void test_line (void **state)
{
    char *s = eventlog_line (1552593348.073045, "alloc", "{\"note\":\"r\"}");
    json_t *o;

    assert_string_equal (s, "{\"timestamp\":1552593348.073045,\"name\":\"alloc\","
                            "\"context\":{\"note\":\"r\"}}\n");
    free (s);
    assert_non_null ((s = eventlog_line (0., "clean", NULL)));
    assert_non_null ((o = decode (s, NULL)));
    json_decref (o);
    free (s);
    assert_null (eventlog_line (1., "a\"b", NULL));
    assert_null (eventlog_line (1., "a\nb", NULL));
    assert_null (eventlog_line (1., "a", "[]"));
    assert_null (eventlog_line (1., "a", "{\n}"));
    assert_null (eventlog_line (-1., "a", "{}"));
}

static void test_log (void **state)
{
    const char *text = "{\"timestamp\":1.5,\"name\":\"a\"}\n"
                       "{\"timestamp\":2.5,\"name\":\"b\",\"context\":{}}\n";
    const char *partial = "{\"timestamp\":1.5,\"name\":\"a\"}\n{\"timest";
    const char *second = "{\"timestamp\":1.5,\"name\":\"a\"}\n{}\n";
    flux_error_t err;
    json_t *o = eventlog_decode (text, strlen (text), &err);
    char *s;

    assert_int_equal (json_array_size (o), 2);
    assert_string_equal ((s = eventlog_encode (o)), text);
    free (s);
    json_decref (o);

    assert_null (eventlog_decode (partial, strlen (partial), &err));
    assert_non_null (strstr (err.text, "line 2"));
    assert_null (eventlog_decode (second, strlen (second), &err));
    assert_non_null (strstr (err.text, "line 2: timestamp"));

    assert_non_null ((o = eventlog_decode ("", 0, &err)));
    assert_int_equal (json_array_size (o), 0);
    assert_string_equal ((s = eventlog_encode (o)), "");
    free (s);
    json_array_append_new (o, json_integer (1));
    assert_null (eventlog_encode (o));
    json_decref (o);
}

static void test_walk (void **state)
{
    const char *text = "one\ntwo\npart";
    const char *line;
    size_t len, pos = 0;

    assert_int_equal (eventlog_next_line (text, 8, &pos, &line, &len), 1);
    assert_int_equal (len, 4);
    assert_memory_equal (line, "one\n", len);
    assert_int_equal (eventlog_next_line (text, 8, &pos, &line, &len), 1);
    assert_memory_equal (line, "two\n", len);
    assert_int_equal (eventlog_next_line (text, 8, &pos, &line, &len), 0);
    assert_int_equal (eventlog_next_line (text, 12, &pos, &line, &len), -EINVAL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_entry_roundtrip),
        cmocka_unit_test (test_entry_invalid),
        cmocka_unit_test (test_create),
        cmocka_unit_test (test_line),
        cmocka_unit_test (test_log),
        cmocka_unit_test (test_walk),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
