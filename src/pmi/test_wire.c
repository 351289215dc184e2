/* test_wire.c - one line of the PMI-1 wire protocol
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "pmi/wire.h"

static void test_get (void **state)
{
    const char *line = "cmd=put  kvsname=k \t key=a value=x y=z  msg=no\n";
    char buf[64];

    assert_int_equal (pmi_wire_get (line, "cmd", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "put");
    assert_int_equal (pmi_wire_get (line, "key", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "a");
    assert_int_equal (pmi_wire_get (line, "value", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "x y=z  msg=no");
    assert_int_equal (pmi_wire_get (line, "msg", buf, sizeof (buf)), -ENOENT);
    assert_int_equal (pmi_wire_get (line, "ke", buf, sizeof (buf)), -ENOENT);
    assert_int_equal (pmi_wire_get ("key=b cmd=get", "cmd", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "get");
    assert_int_equal (pmi_wire_get ("cmd=get_result rc=0 msg=success value=(a b)", "value", buf,
                                    sizeof (buf)), 0);
    assert_string_equal (buf, "(a b)");
    assert_int_equal (pmi_wire_get ("rc=-1 msg=no such key", "msg", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "no such key");
    assert_int_equal (pmi_wire_get ("cmd=x value=", "value", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "");
}

static void test_hostile (void **state)
{
    char buf[4] = "old";

    assert_int_equal (pmi_wire_get ("", "cmd", buf, sizeof (buf)), -ENOENT);
    assert_int_equal (pmi_wire_get ("cmd", "cmd", buf, sizeof (buf)), -EPROTO);
    assert_int_equal (pmi_wire_get ("=x cmd=y", "cmd", buf, sizeof (buf)), -EPROTO);
    assert_int_equal (pmi_wire_get ("junk cmd=y", "cmd", buf, sizeof (buf)), -EPROTO);
    assert_int_equal (pmi_wire_get ("cmd=abcd", "cmd", buf, sizeof (buf)), -EOVERFLOW);
    assert_int_equal (pmi_wire_get ("cmd=a\x01", "cmd", buf, sizeof (buf)), -EPROTO);
    assert_int_equal (pmi_wire_get ("value=a\xff", "value", buf, sizeof (buf)), -EPROTO);
    assert_string_equal (buf, "old");
}

static void test_int (void **state)
{
    int val = 42;

    assert_int_equal (pmi_wire_get_int ("rc=-1", "rc", -5, 5, &val), 0);
    assert_int_equal (val, -1);
    assert_int_equal (pmi_wire_get_int ("rc=6", "rc", -5, 5, &val), -ERANGE);
    assert_int_equal (pmi_wire_get_int ("rc=", "rc", -5, 5, &val), -EPROTO);
    assert_int_equal (pmi_wire_get_int ("rc=1x", "rc", -5, 5, &val), -EPROTO);
    assert_int_equal (pmi_wire_get_int ("rc=99999999999999999999", "rc", INT_MIN,
                                        INT_MAX, &val), -ERANGE);
    assert_int_equal (pmi_wire_get_int ("rc=4294967296", "rc", INT_MIN, INT_MAX,
                                        &val), -ERANGE);
    assert_int_equal (val, -1);
}

static void test_classes (void **state)
{
    assert_true (pmi_wire_is_word ("PMI_process_mapping"));
    assert_false (pmi_wire_is_word (""));
    assert_false (pmi_wire_is_word ("a=b"));
    assert_false (pmi_wire_is_word ("a b"));
    assert_true (pmi_wire_is_string ("(vector,(0,1,2)) = x\ty"));
    assert_false (pmi_wire_is_string ("a\nb"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_get),
        cmocka_unit_test (test_hostile),
        cmocka_unit_test (test_int),
        cmocka_unit_test (test_classes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
