/* test_acquire.c - what went up and down, and verification
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/idset.h>

#include "modules/resource/acquire.h"
#include "modules/resource/verify.h"
#include "spec/rset.h"

static void check_diff (const char *before, const char *now, const char *ranks,
                        const char *up, const char *down)
{
    struct idset *b = idset_decode (before), *n = idset_decode (now);
    struct idset *r = idset_decode (ranks), *u, *d;
    char *s;

    assert_int_equal (acquire_diff (b, n, r, &u, &d), 0);
    s = idset_encode (u, IDSET_FLAG_RANGE);
    assert_string_equal (s, up);
    free (s);
    s = idset_encode (d, IDSET_FLAG_RANGE);
    assert_string_equal (s, down);
    free (s);
    idset_destroy (b);
    idset_destroy (n);
    idset_destroy (r);
    idset_destroy (u);
    idset_destroy (d);
}

static void test_diff (void **state)
{
    check_diff ("", "0-3", "0-3", "0-3", "");
    check_diff ("0-3", "0-3", "0-3", "", "");
    check_diff ("0-3", "1-5", "0-4", "4", "0");
    check_diff ("0-3", "", "0-4", "", "0-3");
    check_diff ("0-1", "7", "0-1", "", "0-1");
}

static void check_verify (enum verify_mode host, enum verify_mode core,
                          enum verify_mode gpu, const char *name, const char *cores,
                          const char *gpus, const char *expect)
{
    struct rconfig c = { .verify = { host, core, gpu } };
    struct rset *want = rset_new (), *have = rset_new ();
    flux_error_t err = {0};

    rset_add_rank (want, 1, "a", "0-3", "0-1");
    rset_add_rank (have, 1, name, cores, gpus);
    assert_int_equal (verify_rank (&c, want, have, 1, &err), expect ? -EINVAL : 0);
    if (expect)
        assert_string_equal (err.text, expect);
    assert_int_equal (verify_rank (&c, want, have, 0, &err), 0);
    rset_free (want);
    rset_free (have);
}

#define STRICT VERIFY_STRICT
#define EXTRA VERIFY_ALLOW_EXTRA
#define MISSING VERIFY_ALLOW_MISSING
#define IGNORE VERIFY_IGNORE

static void test_verify (void **state)
{
    check_verify (STRICT, STRICT, STRICT, "a", "0-3", "0-1", NULL);
    check_verify (STRICT, STRICT, STRICT, "b", "0-3", "0-1",
                  "host name is b, expected a");
    check_verify (IGNORE, STRICT, STRICT, "b", "0-3", "0-1", NULL);
    check_verify (STRICT, STRICT, STRICT, "a", "0-1", NULL,
                  "missing core[2-3], missing gpu[0-1]");
    check_verify (STRICT, STRICT, STRICT, "a", "0-7", "0-1", "unexpected core[4-7]");
    check_verify (STRICT, EXTRA, IGNORE, "a", "0-7", NULL, NULL);
    check_verify (STRICT, EXTRA, EXTRA, "a", "0-7", "0", "missing gpu1");
    check_verify (STRICT, MISSING, MISSING, "a", "0", NULL, NULL);
    check_verify (STRICT, MISSING, IGNORE, "a", "0-4", NULL, "unexpected core4");
    check_verify (IGNORE, IGNORE, IGNORE, "x", "9", "9", NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_diff),
        cmocka_unit_test (test_verify),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
