/* test_attr.c - broker attributes: who may set what when
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/attr.h"

static void test_cmdline (void **state)
{
    struct attrs *a = attrs_new ();
    flux_error_t err;

    assert_int_equal (attrs_set_cmdline (a, "broker.quorum", "3", &err), 0);
    assert_string_equal (attrs_get (a, "broker.quorum", NULL), "3");
    assert_int_equal (attrs_set_cmdline (a, "test.anything", "", &err), 0);
    assert_string_equal (attrs_get (a, "test.anything", NULL), "");
    assert_int_equal (attrs_set_cmdline (a, "broker.quorm", "3", &err), -EINVAL);
    assert_non_null (strstr (err.text, "broker.quorm"));
    assert_int_equal (attrs_set_cmdline (a, "rank", "3", &err), -EPERM);
    assert_null (attrs_get (a, "rank", NULL));
    attrs_free (a);
    attrs_free (NULL);
}

static void test_update (void **state)
{
    struct attrs *a = attrs_new ();
    flux_error_t err;
    int flags;

    assert_int_equal (attrs_set (a, "rank", "0", 0), 0);
    assert_int_equal (attrs_update (a, "rank", "1", true, &err), -EPERM);
    assert_int_equal (attrs_update (a, "rank", NULL, true, &err), -EPERM);
    assert_string_equal (attrs_get (a, "rank", &flags), "0");
    assert_true (flags & ATTR_IMMUTABLE);
    assert_int_equal (attrs_update (a, "log-stderr-level", "3", false, &err), 0);
    assert_int_equal (attrs_set (a, "broker.rc2_pgrp", "1", 0), 0);
    assert_int_equal (attrs_update (a, "broker.rc2_pgrp", "0", false, &err), -EPERM);
    assert_int_equal (attrs_update (a, "broker.rc2_pgrp", "0", true, &err), 0);
    assert_int_equal (attrs_update (a, "my.own", "x", false, &err), 0);
    assert_int_equal (attrs_update (a, "my.own", NULL, false, &err), 0);
    assert_null (attrs_get (a, "my.own", NULL));
    assert_int_equal (attrs_update (a, "my.own", NULL, false, &err), -ENOENT);
    assert_int_equal (attrs_update (a, "", "x", false, &err), -EINVAL);
    attrs_free (a);
}

static void test_values (void **state)
{
    struct attrs *a = attrs_new ();
    flux_error_t err;
    int n = 5;
    double d;

    assert_int_equal (attrs_get_int (a, "x", 0, 9, &n, &err), -ENOENT);
    attrs_set (a, "x", "7", 0);
    assert_int_equal (attrs_get_int (a, "x", 0, 9, &n, &err), 0);
    assert_int_equal (n, 7);
    assert_int_equal (attrs_get_int (a, "x", 8, 9, &n, &err), -EINVAL);
    attrs_set (a, "x", "7z", 0);
    assert_int_equal (attrs_get_int (a, "x", 0, 9, &n, &err), -EINVAL);
    attrs_set (a, "x", "99999999999999999999", 0);
    assert_int_equal (attrs_get_int (a, "x", 0, 9, &n, &err), -EINVAL);
    assert_int_equal (n, 7);
    attrs_set (a, "x", "none", 0);
    assert_int_equal (attrs_get_fsd (a, "x", &d, &err), 0);
    assert_true (isinf (d));
    attrs_set (a, "x", "1.5m", 0);
    assert_int_equal (attrs_get_fsd (a, "x", &d, &err), 0);
    assert_true (fabs (d - 90) < 1e-9);
    attrs_set (a, "x", "soon", 0);
    assert_int_equal (attrs_get_fsd (a, "x", &d, &err), -EINVAL);
    attrs_free (a);
}

static int count_call (const char *name, const char *value, flux_error_t *err, void *arg)
{
    assert_string_equal (name, "log-level");
    ++*(int *)arg;
    if (!value || strcmp (value, "bad") == 0) {
        snprintf (err->text, sizeof (err->text), "bad it is");
        return -EDOM;
    }
    return 0;
}

static void test_hook_and_walk (void **state)
{
    struct attrs *a = attrs_new ();
    int calls = 0, seen = 0;
    size_t pos = 0;
    flux_error_t err;

    assert_int_equal (attrs_hook (a, "log-level", count_call, &calls), 0);
    assert_null (attrs_next (a, &pos, NULL, NULL));
    attrs_set (a, "log-level", "3", 0);
    attrs_default (a, "log-level", "4", 0);
    assert_string_equal (attrs_get (a, "log-level", NULL), "3");
    attrs_setf (a, "size", ATTR_IMMUTABLE, "%d", 12);
    assert_int_equal (calls, 1);
    assert_int_equal (attrs_update (a, "log-level", "5", false, &err), -EPERM);
    assert_int_equal (attrs_update (a, "log-level", "bad", true, &err), -EDOM);
    assert_string_equal (err.text, "bad it is");
    assert_int_equal (attrs_update (a, "log-level", NULL, true, &err), -EDOM);
    assert_string_equal (attrs_get (a, "log-level", NULL), "3");
    assert_int_equal (calls, 3);
    pos = 0;
    while (attrs_next (a, &pos, NULL, NULL))
        seen++;
    assert_int_equal (seen, 2);
    attrs_free (a);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_cmdline),
        cmocka_unit_test (test_update),
        cmocka_unit_test (test_values),
        cmocka_unit_test (test_hook_and_walk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
