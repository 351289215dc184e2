/* test_netaddr.c - choosing an address by hint
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "broker/netaddr.h"

static void test_found (void **state)
{
    char buf[64];

    assert_int_equal (netaddr_find ("lo", false, buf, sizeof (buf), NULL), 0);
    assert_string_equal (buf, "127.0.0.1");
    assert_int_equal (netaddr_find ("127.0.0.0/8", false, buf, sizeof (buf), NULL), 0);
    assert_string_equal (buf, "127.0.0.1");
    assert_int_equal (netaddr_find ("127.0.0.1/32", false, buf, sizeof (buf), NULL), 0);
    assert_int_equal (netaddr_find ("0.0.0.0/0", false, buf, sizeof (buf), NULL), 0);
}

static void refused (const char *hint, int rc)
{
    flux_error_t err = { "" };
    char buf[64];

    assert_int_equal (netaddr_find (hint, false, buf, sizeof (buf), &err), rc);
    assert_non_null (strstr (err.text, "tbon.interface-hint"));
    assert_non_null (strstr (err.text, hint));
}

static void test_refused (void **state)
{
    refused ("nosuchif0", -ENOENT);
    refused ("240.1.2.0/24", -ENOENT);       /* reserved: nobody has it */
    refused ("127.0.0.0/33", -EINVAL);
    refused ("127.0.0.0/-1", -EINVAL);
    refused ("127.0.0.0/", -EINVAL);
    refused ("127.0.0.0/8x", -EINVAL);
    refused ("127.0.0/8", -EINVAL);
    refused ("fe80::/10", -EINVAL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_found),
        cmocka_unit_test (test_refused),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
