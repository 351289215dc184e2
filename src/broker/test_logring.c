/* test_logring.c - the log ring and RFC 5424 text
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/logring.h"

static void add (struct logring *r, const char *s)
{
    assert_int_equal (logring_append (r, s, strlen (s)), 0);
}

static void test_ring (void **state)
{
    struct logring *r = logring_new (3);
    uint64_t seq = 0;

    assert_null (logring_next (r, 0, &seq, NULL));
    add (r, "1");
    add (r, "2");
    assert_string_equal (logring_next (r, 0, &seq, NULL), "1");
    assert_int_equal (seq, 1);
    add (r, "3");
    add (r, "4");
    assert_string_equal (logring_next (r, 0, &seq, NULL), "2");
    assert_string_equal (logring_next (r, 2, &seq, NULL), "3");
    assert_string_equal (logring_next (r, 3, &seq, NULL), "4");
    assert_null (logring_next (r, 4, &seq, NULL));
    logring_clear (r, 3);
    assert_string_equal (logring_next (r, 0, &seq, NULL), "4");
    logring_clear (r, logring_last (r));
    assert_null (logring_next (r, 0, &seq, NULL));
    add (r, "5");
    assert_string_equal (logring_next (r, 0, &seq, NULL), "5");
    assert_int_equal (seq, 5);
    logring_free (r);
    logring_free (NULL);
}

static void test_resize (void **state)
{
    struct logring *r = logring_new (4);
    uint64_t seq;
    char text[8];

    for (int i = 1; i <= 10; i++) {
        snprintf (text, sizeof (text), "%d", i);
        add (r, text);
    }
    assert_int_equal (logring_resize (r, 2), 0);
    assert_string_equal (logring_next (r, 0, &seq, NULL), "9");
    assert_int_equal (logring_resize (r, 100), 0);
    assert_string_equal (logring_next (r, 0, &seq, NULL), "9");
    add (r, "11");
    assert_string_equal (logring_next (r, 10, &seq, NULL), "11");
    assert_int_equal (logring_resize (r, 0), 0);
    assert_null (logring_next (r, 0, &seq, NULL));
    add (r, "12");
    assert_null (logring_next (r, 0, &seq, NULL));
    logring_free (r);
}

static void test_parse (void **state)
{
    const char *s = "<11>1 2025-11-28T22:30:11.123456Z 3 kvs 12 - - what is wrong\n";
    struct logmsg m;
    char line[200];
    size_t n;

    assert_int_equal (logmsg_parse (s, strlen (s), &m), 0);
    assert_int_equal (m.severity, 3);
    assert_memory_equal (m.appname, "kvs", m.appname_len);
    assert_memory_equal (m.hostname, "3", m.hostname_len);
    assert_int_equal (m.msg_len, strlen ("what is wrong"));
    setenv ("TZ", "UTC", 1);
    n = logmsg_format (&m, line, sizeof (line));
    assert_int_equal (n, strlen (line));
    assert_string_equal (line, "Nov 28 22:30:11.123456 UTC 2025 kvs.err[3]:"
                               " what is wrong\n");
    assert_int_equal (logmsg_format (&m, line, 20), 19);
    assert_int_equal (line[18], '\n');
    s = "<0>1 - - a - - [x y=\"\\]\"][z] text";
    assert_int_equal (logmsg_parse (s, strlen (s), &m), 0);
    assert_memory_equal (m.msg, "text", m.msg_len);
}

static void test_hostile (void **state)
{
    const char *bad[] = {
        "", "<", "<>1 ", "<3>", "<3>1", "<3>2 - - a - - - x", "<999>1 - - a - - - x",
        "<3>1 - - a - -", "<3>1  - a - - - x", "<3>1 - - a - - [x", "<3 >1 - - - - - x",
        "no log message at all",
    };
    struct logmsg m = { .severity = 42 };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (logmsg_parse (bad[i], strlen (bad[i]), &m), -EPROTO);
    assert_int_equal (m.severity, 42);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ring),
        cmocka_unit_test (test_resize),
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_hostile),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
