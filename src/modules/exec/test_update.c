/* test_update.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <flux/idset.h>

#include "modules/exec/update.h"

static void check (const struct update *u, const char *expect)
{
    char *s = update_encode (u);

    assert_non_null (s);
    json_t *a = json_loads (s, 0, NULL), *b = json_loads (expect, 0, NULL);
    assert_non_null (b);
    if (!json_equal (a, b))
        fail_msg ("%s\n is not\n%s", s, expect);
    json_decref (a);
    json_decref (b);
    free (s);
}

static int merge (struct update *u, const char *text)
{
    json_t *o = json_loads (text, 0, NULL);
    int rc;

    assert_non_null (o);
    rc = update_merge (u, o);
    json_decref (o);
    return rc;
}

static void test_build (void **state)
{
    struct update u = { 0 }, v = { 0 };
    struct idset *a = idset_decode ("0-2"), *b = idset_decode ("3");

    assert_true (update_empty (&u));
    check (&u, "{}");
    assert_int_equal (update_started (&u, a), 0);
    assert_int_equal (update_started (&u, b), 0);
    assert_false (update_empty (&u));
    assert_int_equal (update_exited (&u, 0, a), 0);
    assert_int_equal (update_exited (&u, 256, b), 0);
    assert_int_equal (update_exited (&u, 0, b), 0);
    assert_int_equal (update_lost (&u, b), 0);
    assert_int_equal (update_failed (&u, 4, ENOENT, "no"), 0);
    assert_int_equal (update_log (&u, 5, "stderr", "hi", 2), 0);
    assert_int_equal (update_log (&u, 5, "stderr", "h\xff", 2), 0);
    assert_int_equal (update_barrier (&u, "init", a), 0);
    const char *all = "{\"started\":\"0-3\",\"exited\":[[0,\"0-3\"],[256,\"3\"]],"
        "\"lost\":\"3\",\"failed\":[{\"rank\":4,\"errnum\":2,\"text\":\"no\"}],"
        "\"log\":[{\"rank\":5,\"stream\":\"stderr\",\"data\":\"hi\"},"
        "{\"rank\":5,\"stream\":\"stderr\",\"data\":\"h?\"}],"
        "\"barrier\":{\"init\":\"0-2\"}}";
    check (&u, all);
    assert_int_equal (merge (&v, all), 0);
    check (&v, all);
    update_clear (&v);
    assert_true (update_empty (&v));
    assert_int_equal (update_add (&v, &u), 0);
    assert_null (v.barrier);
    assert_true (idset_equal (v.started, u.started));
    update_clear (&v);
    update_clear (&u);
    idset_destroy (a);
    idset_destroy (b);
}

static void test_merge (void **state)
{
    struct update u = { 0 };

    assert_int_equal (merge (&u, "{\"started\":\"0\",\"exited\":[[0,\"0\"]]}"), 0);
    assert_int_equal (merge (&u, "{\"started\":\"1-7\",\"exited\":[[9,\"1\"],[0,\"2\"]]}"), 0);
    assert_int_equal (merge (&u, "{\"barrier\":{\"a\":\"0-1\"}}"), 0);
    assert_int_equal (merge (&u, "{\"barrier\":{\"a\":\"2\",\"b\":\"0\"}}"), 0);
    check (&u, "{\"started\":\"0-7\",\"exited\":[[0,\"0,2\"],[9,\"1\"]],"
           "\"barrier\":{\"a\":\"0-2\",\"b\":\"0\"}}");
    update_clear (&u);
}

static void test_bad (void **state)
{
    static const char *bad[] = {
        "[]",
        "{\"started\":1}",
        "{\"started\":\"x\"}",
        "{\"exited\":[[0]]}",
        "{\"exited\":[[-1,\"0\"]]}",
        "{\"exited\":[[65536,\"0\"]]}",
        "{\"exited\":[[\"0\",\"0\"]]}",
        "{\"failed\":[{}]}",
        "{\"failed\":[{\"rank\":1,\"errnum\":1}]}",
        "{\"log\":[{\"rank\":\"1\",\"data\":\"\"}]}",
        "{\"barrier\":{\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        struct update u = { 0 };
        assert_int_equal (merge (&u, bad[i]), -EPROTO);
        update_clear (&u);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_build),
        cmocka_unit_test (test_merge),
        cmocka_unit_test (test_bad),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
