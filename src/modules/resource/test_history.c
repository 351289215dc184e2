/* test_history.c - dropping old entries of the resource eventlog
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "modules/resource/history.h"
#include "modules/resource/hostmap.h"
#include "spec/eventlog.h"
#include "spec/rset.h"

#define RESTART(t) "{\"timestamp\":" t ",\"name\":\"restart\",\"context\":{}}\n"
#define DRAIN(t, i, h, r) "{\"timestamp\":" t ",\"name\":\"drain\",\"context\":" \
    "{\"idset\":\"" i "\",\"nodelist\":\"" h "\",\"overwrite\":0,\"reason\":\"" r "\"}}\n"
#define UNDRAIN(t, i, h) "{\"timestamp\":" t ",\"name\":\"undrain\",\"context\":" \
    "{\"idset\":\"" i "\",\"nodelist\":\"" h "\"}}\n"

static void check (const char *text, double cutoff, const char *expect)
{
    json_t *entries = eventlog_decode (text, strlen (text), NULL);
    struct rset *r = rset_new ();
    struct hostmap *m;
    json_t *out = NULL;

    assert_non_null (entries);
    rset_add_rank (r, 0, "a", "0", NULL);
    rset_add_rank (r, 1, "b", "0", NULL);
    m = hostmap_new (r);
    rset_free (r);
    assert_int_equal (history_truncate (entries, cutoff, m, &out), 0);
    if (expect) {
        char *s;

        assert_non_null (out);
        s = eventlog_encode (out);
        assert_string_equal (s, expect);
        free (s);
    }
    else
        assert_null (out);
    json_decref (out);
    json_decref (entries);
    hostmap_free (m);
}

static void test_truncate (void **state)
{
    const char *log = RESTART ("1.5") DRAIN ("2.5", "0", "a", "x")
                      DRAIN ("3.5", "1", "b", "y") UNDRAIN ("4.5", "0", "a")
                      RESTART ("5.5") DRAIN ("6.5", "0", "a", "z");

    check (log, 1., NULL);
    check (log, 2., DRAIN ("2.5", "0", "a", "x") DRAIN ("3.5", "1", "b", "y")
                    UNDRAIN ("4.5", "0", "a") RESTART ("5.5")
                    DRAIN ("6.5", "0", "a", "z"));
    check (log, 6., "{\"timestamp\":3.5,\"name\":\"drain\",\"context\":"
                    "{\"idset\":\"1\",\"nodelist\":\"b\",\"overwrite\":0,"
                    "\"reason\":\"y\"}}\n" DRAIN ("6.5", "0", "a", "z"));
    check (DRAIN ("2.5", "0", "a", "x"), 6., NULL);
    check ("", 6., NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_truncate),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
