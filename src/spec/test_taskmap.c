/* test_taskmap.c - the test vectors of RFC 34, round trips, bad input
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <cmocka.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

static const struct {
    const char *raw;
    const char *json;
} vectors[] = {
    { "0", "[[0,1,1,1]]" },
    { "0;1", "[[0,2,1,1]]" },
    { "0-1", "[[0,1,2,1]]" },
    { "0-1;2-3", "[[0,2,2,1]]" },
    { "0,2;1,3", "[[0,2,1,2]]" },
    { "1;0", "[[1,1,1,1],[0,1,1,1]]" },
    { "0-3;4-7;8-11;12-15", "[[0,4,4,1]]" },
    { "0,4,8,12;1,5,9,13;2,6,10,14;3,7,11,15", "[[0,4,1,4]]" },
    { "0-1,8-9;2-3,10-11;4-5,12-13;6-7,14-15", "[[0,4,2,2]]" },
    { "0-1;2-3;4-5;6-7;8-11;12-15", "[[0,4,2,1],[4,2,4,1]]" },
    { "0,6;1,7;2,8;3,9;4,10,12,14;5,11,13,15", "[[0,6,1,2],[4,2,1,2]]" },
    { "14-15;12-13;10-11;8-9;4-7;0-3",
      "[[5,1,4,1],[4,1,4,1],[3,1,2,1],[2,1,2,1],[1,1,2,1],[0,1,2,1]]" },
    { "0-1;2-3;4-5;6-7;8-9;12-13;10-11;14-15",
      "[[0,5,2,1],[6,1,2,1],[5,1,2,1],[7,1,2,1]]" },
    { "12-15;8-11;4-7;0-3", "[[3,1,4,1],[2,1,4,1],[1,1,4,1],[0,1,4,1]]" },
};

static void check_encode (const struct taskmap *map, int flags, const char *want)
{
    char *s = taskmap_encode (map, flags);

    assert_non_null (s);
    assert_string_equal (s, want);
    free (s);
}

static void rfc_vectors_hold_both_ways (void **state)
{
    for (size_t i = 0; i < sizeof (vectors) / sizeof (vectors[0]); i++) {
        struct taskmap *a = taskmap_decode (vectors[i].json, NULL);
        struct taskmap *b = taskmap_decode (vectors[i].raw, NULL);
        assert_non_null (a);
        assert_non_null (b);
        check_encode (a, TASKMAP_ENCODE_RAW, vectors[i].raw);
        check_encode (b, 0, vectors[i].json);
        for (int t = 0; t < taskmap_total_ntasks (a); t++)
            assert_true (idset_test (taskmap_taskids (a, taskmap_nodeid (a, t)), t));
        taskmap_destroy (a);
        taskmap_destroy (b);
    }
}

static void other_forms_encode_and_decode (void **state)
{
    struct taskmap *map = taskmap_decode ("{\"version\":1,\"map\":[[0,4,2,2]]}", NULL);

    assert_non_null (map);
    check_encode (map, TASKMAP_ENCODE_WRAPPED, "{\"version\":1,\"map\":[[0,4,2,2]]}");
    check_encode (map, TASKMAP_ENCODE_PMI, "(vector,(0,4,2),(0,4,2))");
    check_encode (map, TASKMAP_ENCODE_RAW_DERANGED, "0,1,8,9;2,3,10,11;4,5,12,13;6,7,14,15");
    assert_int_equal (taskmap_nnodes (map), 4);
    assert_int_equal (taskmap_ntasks (map, 3), 4);
    assert_int_equal (taskmap_ntasks (map, 4), -1);
    assert_int_equal (taskmap_nodeid (map, 16), -1);
    taskmap_destroy (map);
    map = taskmap_decode ("(vector,(0,4,2),(0,4,2))", NULL);
    assert_non_null (map);
    check_encode (map, 0, "[[0,4,2,2]]");
    taskmap_destroy (map);
}

static void unknown_map_is_empty (void **state)
{
    struct taskmap *map = taskmap_decode ("[]", NULL);

    assert_non_null (map);
    assert_true (taskmap_unknown (map));
    assert_int_equal (taskmap_total_ntasks (map), -1);
    check_encode (map, 0, "[]");
    taskmap_destroy (map);
}

static void bad_maps_are_refused (void **state)
{
    static const char *bad[] = {
        "", "x", "[[0,1]]", "[[0,1,1,0]]", "[[0,-1,1,1]]", "[[2147483647,1,1,1]]",
        "[[0,65536,65536,1]]", "[[0,1,1,1,1]]", "{\"version\":2,\"map\":[]}", "[",
        "(vector,(0,1))", "(vector,(0,1,1)", "0;0", "0;2", "0-1;3",
    };
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        errno = 0;
        assert_null (taskmap_decode (bad[i], &err));
        assert_int_equal (errno, EINVAL);
    }
}

static void check_compares_nodes_and_tasks (void **state)
{
    struct taskmap *a = taskmap_decode ("0-1;2-3", NULL);
    struct taskmap *b = taskmap_decode ("0,2;1,3", NULL);
    struct taskmap *c = taskmap_decode ("0-2;3", NULL);
    struct taskmap *d = taskmap_decode ("0-2;3-4", NULL);
    struct taskmap *e = taskmap_decode ("0-3", NULL);
    flux_error_t err;

    assert_int_equal (taskmap_check (a, b, &err), 0);
    assert_int_equal (taskmap_check (a, c, &err), 0);
    assert_int_equal (taskmap_check (a, d, &err), -1);
    assert_string_equal (err.text, "got 5 tasks, expected 4");
    assert_int_equal (taskmap_check (a, e, &err), -1);
    assert_string_equal (err.text, "got 1 nodes, expected 2");
    taskmap_destroy (a);
    taskmap_destroy (b);
    taskmap_destroy (c);
    taskmap_destroy (d);
    taskmap_destroy (e);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (rfc_vectors_hold_both_ways),
        cmocka_unit_test (other_forms_encode_and_decode),
        cmocka_unit_test (unknown_map_is_empty),
        cmocka_unit_test (bad_maps_are_refused),
        cmocka_unit_test (check_compares_nodes_and_tasks),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
