/* test_drain.c - the drain table and the ranks of hosts
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/idset.h>

#include "modules/resource/drain.h"
#include "modules/resource/hostmap.h"
#include "spec/rset.h"

/* Ranks 0-3 are a, b, c, b. */
static struct hostmap *make_map (void)
{
    static const char *const hosts[] = { "a", "b", "c", "b" };
    struct rset *r = rset_new ();
    struct hostmap *m;

    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal (rset_add_rank (r, i, hosts[i], "0", NULL), 0);
    assert_non_null ((m = hostmap_new (r)));
    rset_free (r);
    return m;
}

static void check_json (const struct drain *d, const char *expect)
{
    json_t *o = drain_to_json (d);
    char *s = json_dumps (o, JSON_COMPACT);

    assert_string_equal (s, expect);
    free (s);
    json_decref (o);
}

static void set (struct drain *d, const char *ids, double t, const char *reason,
                 int overwrite)
{
    struct idset *ranks = idset_decode (ids);

    assert_int_equal (drain_set (d, ranks, t, reason, overwrite), 0);
    idset_destroy (ranks);
}

static void clear (struct drain *d, const char *ids)
{
    struct idset *ranks = idset_decode (ids);

    assert_int_equal (drain_clear (d, ranks), 0);
    idset_destroy (ranks);
}

static void test_table (void **state)
{
    struct drain *d = drain_new ();

    check_json (d, "{}");
    set (d, "2-3,7", 1.5, "bad", DRAIN_KEEP);
    check_json (d, "{\"2-3,7\":{\"timestamp\":1.5,\"reason\":\"bad\"}}");
    set (d, "1,3", 2.5, NULL, DRAIN_KEEP);
    check_json (d, "{\"1\":{\"timestamp\":2.5,\"reason\":\"\"},"
                   "\"2-3,7\":{\"timestamp\":1.5,\"reason\":\"bad\"}}");
    set (d, "3", 3.5, "worse", DRAIN_REASON);
    check_json (d, "{\"1\":{\"timestamp\":2.5,\"reason\":\"\"},"
                   "\"2,7\":{\"timestamp\":1.5,\"reason\":\"bad\"},"
                   "\"3\":{\"timestamp\":1.5,\"reason\":\"worse\"}}");
    set (d, "1-3", 4.5, "new", DRAIN_ALL);
    check_json (d, "{\"1-3\":{\"timestamp\":4.5,\"reason\":\"new\"},"
                   "\"7\":{\"timestamp\":1.5,\"reason\":\"bad\"}}");
    clear (d, "0-2,7");
    check_json (d, "{\"3\":{\"timestamp\":4.5,\"reason\":\"new\"}}");
    assert_int_equal (idset_count (drain_ranks (d)), 1);
    drain_free (d);
    drain_free (NULL);
}

static void test_targets (void **state)
{
    const struct {
        const char *text;
        const char *ranks;  /* NULL: refused */
    } tests[] = {
        {"0", "0"}, {"0-2", "0-2"}, {"a", "0"}, {"b", "1,3"}, {"a,c", "0,2"},
        {"[0,3]", "0,3"}, {"[a-c]", NULL}, {"4", NULL}, {"0-9", NULL}, {"", NULL},
        {"d", NULL}, {"a,d", NULL}, {"a[", NULL},
    };
    struct hostmap *m = make_map ();

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        struct idset *ranks = NULL;
        flux_error_t err = {0};
        int rc = hostmap_targets (m, tests[i].text, &ranks, &err);

        if (tests[i].ranks) {
            char *s = idset_encode (ranks, IDSET_FLAG_RANGE);

            assert_string_equal (s, tests[i].ranks);
            free (s);
        }
        else {
            assert_true (rc < 0 && strlen (err.text) > 0);
            assert_null (ranks);
        }
        idset_destroy (ranks);
    }
    hostmap_free (m);
    hostmap_free (NULL);
}

static void test_hosts (void **state)
{
    struct hostmap *m = make_map ();
    struct idset *ranks = idset_decode ("1-3,9");
    char *s = hostmap_hosts (m, ranks);

    assert_string_equal (s, "b,c,b");
    free (s);
    idset_destroy (ranks);
    assert_int_equal (hostmap_resolve (m, 3, "b"), 3);
    assert_int_equal (hostmap_resolve (m, 2, "b"), 1);
    assert_int_equal (hostmap_resolve (m, 77, "c"), 2);
    assert_int_equal (hostmap_resolve (m, 0, "gone"), -1);
    hostmap_free (m);
}

static int replay (struct drain *d, const struct hostmap *m, const char *json)
{
    json_t *o = json_loads (json, 0, NULL);
    int rc = drain_replay (d, o, m);

    assert_non_null (o);
    json_decref (o);
    return rc;
}

#define EVENT(t, n, c) "{\"timestamp\":" t ",\"name\":\"" n "\",\"context\":{" c "}}"

static void test_replay (void **state)
{
    struct hostmap *m = make_map ();
    struct drain *d = drain_new ();

    assert_int_equal (replay (d, m, EVENT ("1.5", "drain", "\"idset\":\"0-1\","
                                           "\"nodelist\":\"a,b\",\"overwrite\":0,"
                                           "\"reason\":\"x\"")), 0);
    check_json (d, "{\"0-1\":{\"timestamp\":1.5,\"reason\":\"x\"}}");
    assert_int_equal (replay (d, m, EVENT ("2.5", "undrain", "\"idset\":\"0\","
                                           "\"nodelist\":\"a\"")), 0);
    /* the host of rank 5 has become rank 2; that of rank 6 is gone */
    assert_int_equal (replay (d, m, EVENT ("3.5", "drain", "\"idset\":\"5-6\","
                                           "\"nodelist\":\"c,gone\",\"overwrite\":0")), 0);
    check_json (d, "{\"1\":{\"timestamp\":1.5,\"reason\":\"x\"},"
                   "\"2\":{\"timestamp\":3.5,\"reason\":\"\"}}");
    assert_int_equal (replay (d, m, EVENT ("4.5", "drain", "\"idset\":\"1\","
                                           "\"nodelist\":\"b\",\"overwrite\":1,"
                                           "\"reason\":\"y\"")), 0);
    check_json (d, "{\"1\":{\"timestamp\":1.5,\"reason\":\"y\"},"
                   "\"2\":{\"timestamp\":3.5,\"reason\":\"\"}}");
    assert_int_equal (replay (d, m, EVENT ("5", "online", "\"idset\":\"0\"")), 0);
    assert_int_equal (replay (d, m, EVENT ("5", "drain", "\"idset\":\"0\"")), -EINVAL);
    assert_int_equal (replay (d, m, EVENT ("5", "drain", "\"idset\":\"x\","
                                           "\"nodelist\":\"a\"")), -EINVAL);
    assert_int_equal (replay (d, m, "{}"), -EINVAL);
    drain_free (d);
    hostmap_free (m);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_table),
        cmocka_unit_test (test_targets),
        cmocka_unit_test (test_hosts),
        cmocka_unit_test (test_replay),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
