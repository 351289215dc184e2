#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include <flux/idset.h>

#include "modules/sched-simple/rpool.h"
#include "spec/jobspec.h"
#include "spec/rset.h"

static struct rset *make_set (int nodes, const char *cores, const char *gpus)
{
    struct rset *r = rset_new ();
    char host[32];

    for (int i = 0; i < nodes; i++) {
        snprintf (host, sizeof (host), "n%d", i);
        assert_int_equal (rset_add_rank (r, i, host, cores, gpus), 0);
    }
    return r;
}

static struct rpool *make_pool (int nodes, const char *cores, const char *gpus,
                                enum rpool_mode mode)
{
    struct rset *r = make_set (nodes, cores, gpus);
    struct rpool *p = rpool_new (r, mode);

    assert_non_null (p);
    rpool_set_up (p, rset_ranks (r), true);
    rset_free (r);
    return p;
}

static struct jobspec_request slots (int n, int c, int g)
{
    return (struct jobspec_request){ .simple = true, .nslots = n, .slots_total = n,
                                     .cores_per_slot = c, .gpus_per_slot = g };
}

static struct jobspec_request nodes (int nn, int n, int c, bool exclusive)
{
    return (struct jobspec_request){ .simple = true, .nnodes = nn, .nslots = n,
                                     .slots_total = n * nn, .cores_per_slot = c,
                                     .node_exclusive = exclusive };
}

/* Place, and compare what was placed with 'expected' (rset_dumps). */
static struct rset *place (struct rpool *p, struct jobspec_request req,
                           const char *expected)
{
    struct rset *r = NULL;
    flux_error_t err;
    int rc = rpool_alloc (p, &req, &r, &err);

    if (!expected) {
        assert_int_equal (rc, -ENOSPC);
        return NULL;
    }
    assert_int_equal (rc, 0);
    char *s = rset_dumps (r);
    assert_string_equal (s, expected);
    free (s);
    return r;
}

static void give (struct rpool *p, struct rset *r)
{
    rpool_give (p, r);
    rset_free (r);
}

static void test_modes (void **state)
{
    struct rpool *p = make_pool (2, "0-3", NULL, RPOOL_WORST_FIT);
    struct rset *a = place (p, slots (1, 1, 0), "rank0/core0");
    struct rset *b = place (p, slots (1, 1, 0), "rank1/core0");
    struct rset *c = place (p, slots (4, 1, 0), "rank[0-1]/core[1-2]");
    give (p, a);
    give (p, b);
    give (p, c);
    rpool_free (p);

    p = make_pool (2, "0-3", NULL, RPOOL_BEST_FIT);
    a = place (p, slots (1, 3, 0), "rank0/core[0-2]");
    b = place (p, slots (1, 2, 0), "rank1/core[0-1]");
    c = place (p, slots (1, 1, 0), "rank0/core3");
    give (p, a);
    give (p, b);
    give (p, c);
    rpool_free (p);

    p = make_pool (3, "0-3", NULL, RPOOL_FIRST_FIT);
    a = place (p, slots (1, 3, 0), "rank0/core[0-2]");
    b = place (p, slots (1, 2, 0), "rank1/core[0-1]");
    c = place (p, slots (1, 1, 0), "rank0/core3");
    struct rset *d = place (p, slots (1, 3, 0), "rank2/core[0-2]");
    place (p, slots (1, 3, 0), NULL);
    give (p, b);
    b = place (p, slots (1, 4, 0), "rank1/core[0-3]");
    give (p, a);
    give (p, b);
    give (p, c);
    give (p, d);
    rpool_free (p);
}

static void test_failure_leaves_no_trace (void **state)
{
    for (int mode = RPOOL_WORST_FIT; mode <= RPOOL_FIRST_FIT; mode++) {
        struct rpool *p = make_pool (3, "0-3", "0", mode);
        struct rset *r;
        flux_error_t err;
        struct jobspec_request req = slots (4, 3, 0);
        assert_int_equal (rpool_alloc (p, &req, &r, &err), -ENOSPC);
        assert_string_equal (err.text, "waits for 4 slots of 3 cores; 3 fit");
        req = slots (13, 1, 0);
        assert_int_equal (rpool_alloc (p, &req, &r, &err), -ENOSPC);
        assert_string_equal (err.text, "waits for 13 cores; 12 free");
        req = slots (4, 1, 1);
        assert_int_equal (rpool_alloc (p, &req, &r, &err), -ENOSPC);
        assert_string_equal (err.text, "waits for 4 gpus; 3 free");
        r = place (p, slots (12, 1, 0), "rank[0-2]/core[0-3]");
        assert_int_equal (rset_nslots (r), 12);
        place (p, slots (1, 1, 0), NULL);
        give (p, r);
        give (p, place (p, slots (12, 1, 0), "rank[0-2]/core[0-3]"));
        rpool_free (p);
    }
}

static void test_nodes (void **state)
{
    struct rpool *p = make_pool (4, "0-3", "0-1", RPOOL_WORST_FIT);
    struct rset *a, *b;
    struct jobspec_request req = nodes (2, 1, 2, false);
    flux_error_t err;
    struct rset *r;

    a = place (p, req, "rank[0-1]/core[0-1]");
    b = place (p, nodes (2, 1, 1, true), "rank[2-3]/core[0-3],gpu[0-1]");
    req = nodes (1, 1, 1, true);
    assert_int_equal (rpool_alloc (p, &req, &r, &err), -ENOSPC);
    assert_string_equal (err.text, "waits for 1 whole node; 0 free");
    give (p, place (p, nodes (2, 1, 2, false), "rank[0-1]/core[2-3]"));
    give (p, a);
    give (p, b);
    req = nodes (1, 3, 1, false);
    req.gpus_per_slot = 1;
    assert_int_equal (rpool_alloc (p, &req, &r, &err), -ENOSPC);
    rpool_free (p);
}

static void test_up_down_shrink (void **state)
{
    struct rpool *p = make_pool (2, "0-1", NULL, RPOOL_WORST_FIT);
    struct idset *zero = idset_decode ("0,7"), *one = idset_decode ("1");
    struct jobspec_request req = slots (4, 1, 0);
    struct rset *a, *r;
    flux_error_t err;

    rpool_set_up (p, zero, false);
    place (p, slots (3, 1, 0), NULL);
    a = place (p, slots (2, 1, 0), "rank1/core[0-1]");
    rpool_set_up (p, one, false);
    give (p, a);                      /* of a node that is down */
    place (p, slots (1, 1, 0), NULL);
    rpool_set_up (p, one, true);
    give (p, place (p, slots (2, 1, 0), "rank1/core[0-1]"));
    r = rpool_down (p);
    assert_int_equal (rset_nnodes (r), 1);
    rset_free (r);
    assert_int_equal (rpool_check (p, &req, &err), 0);
    rpool_shrink (p, zero);
    assert_int_equal (rpool_check (p, &req, &err), -EINVAL);
    assert_string_equal (err.text,
                         "unsatisfiable request: asks for 4 cores; there are 2");
    rpool_set_up (p, zero, true);     /* it is gone */
    place (p, slots (3, 1, 0), NULL);
    r = rpool_all (p);
    assert_int_equal (rset_nnodes (r), 1);
    rset_free (r);
    idset_destroy (zero);
    idset_destroy (one);
    rpool_free (p);
}

static void test_take (void **state)
{
    struct rpool *p = make_pool (2, "0-3", NULL, RPOOL_WORST_FIT);
    struct rset *r = rset_new (), *busy;
    char *s;

    rset_add_rank (r, 1, "n1", "1-2", NULL);
    assert_int_equal (rpool_take (p, r), 0);
    assert_int_equal (rpool_take (p, r), -EEXIST);
    busy = rpool_allocated (p);
    s = rset_dumps (busy);
    assert_string_equal (s, "rank1/core[1-2]");
    free (s);
    rset_free (busy);
    give (p, place (p, slots (6, 1, 0), "rank0/core[0-3] rank1/core[0,3]"));
    rpool_give (p, r);
    rpool_give (p, r);                /* twice: ignored */
    give (p, place (p, slots (8, 1, 0), "rank[0-1]/core[0-3]"));
    place (p, slots (9, 1, 0), NULL);
    rset_free (r);
    rpool_free (p);
}

static void test_constraints_and_properties (void **state)
{
    struct rpool *p = make_pool (4, "0-1", NULL, RPOOL_WORST_FIT);
    json_t *props = json_pack ("{s:s s:s}", "fast", "2-3,9", "+q", "3");
    json_t *con = json_pack ("{s:[s]}", "properties", "fast");
    json_t *bad = json_pack ("{s:[s]}", "nonsense", "x");
    struct jobspec_request req = slots (3, 1, 0);
    struct rset *r;
    flux_error_t err;

    assert_int_equal (rpool_properties (p, props, true), 0);
    req.constraints = con;
    r = place (p, req, "rank2/core[0-1] rank3/core0");
    assert_true (rset_has_property (r, 2, "fast"));
    assert_false (rset_has_property (r, 3, "+q"));
    req = slots (2, 1, 0);
    req.constraints = con;
    assert_int_equal (rpool_check (p, &req, &err), 0);
    place (p, req, NULL);
    give (p, r);
    req = slots (5, 1, 0);
    req.constraints = con;
    assert_int_equal (rpool_check (p, &req, &err), -EINVAL);
    assert_string_equal (err.text, "unsatisfiable request: asks for 5 cores; there are 4 "
                         "that match its constraints");
    assert_int_equal (rpool_properties (p, props, false), 0);
    assert_int_equal (rpool_check (p, &req, &err), -EINVAL);
    req.constraints = bad;
    assert_int_equal (rpool_check (p, &req, &err), -EINVAL);
    json_decref (props);
    json_decref (con);
    json_decref (bad);
    rpool_free (p);
}

/* Many cores of a machine with many nodes, in each mode. */
static void test_large_machine (void **state)
{
    for (int mode = RPOOL_WORST_FIT; mode <= RPOOL_FIRST_FIT; mode++) {
        struct rpool *p = make_pool (8192, "0-47", NULL, mode);
        struct jobspec_request one = slots (1, 1, 0), all = slots (8192, 48, 0);
        struct rset *r[1000], *rest;
        flux_error_t err;
        for (int i = 0; i < 1000; i++) {
            assert_int_equal (rpool_alloc (p, &one, &r[i], &err), 0);
            uint32_t rank = idset_first (rset_ranks (r[i]));
            assert_int_equal (rank, mode == RPOOL_WORST_FIT ? i : i / 48);
        }
        assert_int_equal (rpool_alloc (p, &all, &rest, &err), -ENOSPC);
        for (int i = 0; i < 1000; i++)
            give (p, r[i]);
        assert_int_equal (rpool_alloc (p, &all, &rest, &err), 0);
        assert_int_equal (rset_count (rest, "core"), 8192 * 48);
        give (p, rest);
        rpool_free (p);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_modes),
        cmocka_unit_test (test_failure_leaves_no_trace),
        cmocka_unit_test (test_nodes),
        cmocka_unit_test (test_up_down_shrink),
        cmocka_unit_test (test_take),
        cmocka_unit_test (test_constraints_and_properties),
        cmocka_unit_test (test_large_machine),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
