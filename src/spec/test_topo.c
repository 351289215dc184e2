/* test_topo.c - shapes of the tree of brokers
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/topo.h"

/* Everything must agree with topo_parent(), for every rank. */
static void check_consistent (const char *scheme, uint32_t size, const json_t *hosts)
{
    flux_error_t err;
    struct topo *t = topo_new (scheme, size, hosts, &err);
    uint32_t *kids = malloc (size * sizeof (*kids));
    uint32_t seen = 0, maxlevel = 0;

    if (!t)
        fail_msg ("%s size %u: %s", scheme, size, err.text);
    assert_int_equal (topo_size (t), size);
    assert_int_equal (topo_parent (t, 0), TOPO_NORANK);
    for (uint32_t rank = 0; rank < size; rank++) {
        uint32_t n = topo_children (t, rank, kids, size);
        uint32_t below = 0;

        for (uint32_t i = 0; i < n; i++) {
            assert_true (i == 0 || kids[i] > kids[i - 1]);
            assert_int_equal (topo_parent (t, kids[i]), rank);
            assert_int_equal (topo_child_route (t, rank, kids[i]), kids[i]);
            below += 1 + topo_descendants (t, kids[i]);
        }
        seen += n;
        assert_int_equal (topo_descendants (t, rank), below);
        if (topo_level (t, rank) > maxlevel)
            maxlevel = topo_level (t, rank);
        if (rank > 0) {
            assert_int_equal (topo_level (t, rank),
                              topo_level (t, topo_parent (t, rank)) + 1);
            assert_int_equal (topo_parent (t, topo_child_route (t, 0, rank)), 0);
        }
    }
    assert_int_equal (seen, size - 1);
    assert_int_equal (topo_maxlevel (t), maxlevel);
    assert_int_equal (topo_child_route (t, 0, 0), TOPO_NORANK);
    assert_int_equal (topo_parent (t, size), TOPO_NORANK);
    assert_int_equal (topo_children (t, size, kids, size), 0);
    topo_free (t);
    free (kids);
}

static void test_consistent (void **state)
{
    const char *schemes[] = { "kary:0", "kary:1", "kary:2", "kary:3", "kary:32",
                              "kary:2147483647", "binomial", "mincrit", "mincrit:0",
                              "mincrit:1", "mincrit:3", "mincrit:100", "custom" };
    const uint32_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 65, 128, 200 };

    for (size_t i = 0; i < sizeof (schemes) / sizeof (schemes[0]); i++) {
        for (size_t j = 0; j < sizeof (sizes) / sizeof (sizes[0]); j++)
            check_consistent (schemes[i], sizes[j], NULL);
    }
    check_consistent ("mincrit", 3000, NULL);
}

static void test_known (void **state)
{
    struct topo *t = topo_new ("kary:2", 7, NULL, NULL);
    uint32_t kids[2];

    assert_int_equal (topo_parent (t, 6), 2);
    assert_int_equal (topo_child_route (t, 0, 6), 2);
    assert_int_equal (topo_child_route (t, 1, 6), TOPO_NORANK);
    assert_int_equal (topo_maxlevel (t), 2);
    topo_free (t);

    t = topo_new ("kary:0", 100, NULL, NULL);
    assert_int_equal (topo_children (t, 0, kids, 2), 99);
    assert_int_equal (kids[1], 2);
    assert_int_equal (topo_maxlevel (t), 1);
    topo_free (t);

    t = topo_new ("binomial", 8, NULL, NULL);
    assert_int_equal (topo_children (t, 0, kids, 2), 3);
    assert_int_equal (topo_maxlevel (t), 3);
    topo_free (t);

    /* no fanout above 1024, with the fewest routers */
    t = topo_new ("mincrit", 1025, NULL, NULL);
    assert_int_equal (topo_maxlevel (t), 1);
    topo_free (t);
    t = topo_new ("mincrit", 1026, NULL, NULL);
    assert_int_equal (topo_maxlevel (t), 2);
    assert_int_equal (topo_children (t, 0, kids, 2), 1);
    assert_int_equal (topo_children (t, 1, kids, 2), 1024);
    topo_free (t);
    t = topo_new ("mincrit:3", 12, NULL, NULL);
    assert_int_equal (topo_children (t, 0, kids, 2), 3);
    assert_int_equal (topo_children (t, 1, kids, 2), 3);
    assert_int_equal (topo_children (t, 3, kids, 2), 2);
    topo_free (t);
}

static void test_custom (void **state)
{
    json_t *hosts = json_pack ("[{s:s} {s:s s:s} {s:s s:s} {s:s s:s}]",
                               "host", "test[0-255]",
                               "host", "test[1,128]", "parent", "test0",
                               "host", "test[2-127]", "parent", "test1",
                               "host", "test[129-255]", "parent", "test128");
    struct topo *t;
    flux_error_t err;

    check_consistent ("custom", 256, hosts);
    t = topo_new ("custom", 256, hosts, NULL);
    assert_int_equal (topo_parent (t, 2), 1);
    assert_int_equal (topo_parent (t, 255), 128);
    assert_int_equal (topo_maxlevel (t), 2);
    assert_int_equal (topo_child_route (t, 0, 200), 128);
    topo_free (t);
    errno = 0;
    assert_null (topo_new ("custom", 255, hosts, &err));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (err.text, "256 hosts"));
    json_decref (hosts);
}

static void test_invalid (void **state)
{
    const char *bad[] = { "", "kary", "kary:", "kary:x", "kary:-1", "kary:2147483648",
                          "kary:2 ", "mincrit:", "mincrit:x", "binomial:", "custom:",
                          "star" };
    const char *hosts[] = {
        "[{\"host\":\"a,b\"},{\"host\":\"b\",\"parent\":\"c\"}]",
        "[{\"host\":\"a,b\"},{\"host\":\"b\",\"parent\":1}]",
        "[{\"host\":\"a,b\"},{\"host\":\"b\",\"parent\":\"b\"}]",
        "[{\"host\":\"a,b\"},{\"host\":\"a\",\"parent\":\"b\"}]",
        "[{\"host\":1}]",
        "[{}]",
        "[7]",
        "{}",
    };
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        errno = 0;
        assert_null (topo_new (bad[i], 4, NULL, &err));
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (err.text, "tbon.topo"));
    }
    assert_null (topo_new ("kary:2", 0, NULL, &err));
    assert_null (topo_new (NULL, 1, NULL, &err));
    for (size_t i = 0; i < sizeof (hosts) / sizeof (hosts[0]); i++) {
        json_t *o = json_loads (hosts[i], 0, NULL);

        assert_null (topo_new ("custom", 2, o, &err));
        assert_non_null (strstr (err.text, "bootstrap.hosts"));
        json_decref (o);
    }
    topo_free (NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_consistent),
        cmocka_unit_test (test_known),
        cmocka_unit_test (test_custom),
        cmocka_unit_test (test_invalid),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
