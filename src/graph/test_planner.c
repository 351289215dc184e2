/* test_planner.c - the planner against an array with a cell for each second */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "graph/planner.h"

#define T 120

static unsigned int seed;

static int rnd (int n)
{
    seed = seed * 1103515245 + 12345;
    return (int)((seed >> 16) % (unsigned int)n);
}

struct ref {
    int64_t id, start, end, amount;
};

static int free_at (const struct ref *r, int n, int64_t total, int64_t t)
{
    for (int i = 0; i < n; i++)
        if (r[i].start <= t && t < r[i].end)
            total -= r[i].amount;
    return (int)total;
}

static int64_t free_during (const struct ref *r, int n, int64_t total, int64_t t,
                            int64_t d)
{
    int64_t min = free_at (r, n, total, t);

    for (int64_t i = t; i < t + d && i < 3 * T; i++)
        if (free_at (r, n, total, i) < min)
            min = free_at (r, n, total, i);
    return min;
}

static int64_t earliest (const struct ref *r, int n, int64_t total, int64_t t,
                         int64_t d, int64_t amount)
{
    for (; t <= 3 * T; t++)
        if (free_during (r, n, total, t, d) >= amount)
            return t;
    return -1;
}

static void check (struct planner *p, const struct ref *r, int n, int64_t total)
{
    for (int i = 0; i < 6; i++) {
        int64_t t = rnd (T), d = 1 + rnd (40), a = 1 + rnd ((int)total + 1), e, f;

        assert_int_equal (planner_free_at (p, t), free_at (r, n, total, t));
        assert_int_equal (planner_free_during (p, t, d),
                          free_during (r, n, total, t, d));
        e = earliest (r, n, total, t, d, a);
        assert_int_equal (planner_earliest (p, t, d, a), e);
        for (f = 0; f < 3 * T && free_at (r, n, total, t + f) >= a; f++)
            ;
        assert_int_equal (planner_free_for (p, t, a),
                          f == 3 * T ? PLANNER_END - t : f);
    }
}

static void change_one (struct planner *p, struct ref *r, int *n)
{
    int i = rnd (*n), rc;
    int64_t end;

    switch (rnd (3)) {
        case 0:
            assert_int_equal (planner_remove (p, r[i].id), 0);
            r[i] = r[--*n];
            break;
        case 1:
            if (r[i].amount > 1) {
                assert_int_equal (planner_reduce (p, r[i].id, 1), 0);
                r[i].amount--;
            }
            break;
        default:
            end = r[i].start + 1 + rnd (50);
            rc = planner_set_end (p, r[i].id, end);
            if (end > r[i].end) {
                bool fits = free_during (r, *n, planner_total (p), r[i].end,
                                         end - r[i].end) >= r[i].amount;
                assert_int_equal (rc, fits ? 0 : -EBUSY);
            }
            else
                assert_int_equal (rc, 0);
            if (rc == 0)
                r[i].end = end;
    }
}

static void test_random (void **state)
{
    for (int round = 0; round < 60; round++) {
        struct ref r[64];
        int n = 0;
        int64_t total = 1 + rnd (12);
        struct planner *p = planner_new (total);

        assert_non_null (p);
        for (int step = 0; step < 60; step++) {
            struct ref x = { .start = rnd (T), .amount = 1 + rnd ((int)total) };
            int64_t d = 1 + rnd (40);
            bool fits = free_during (r, n, total, x.start, d) >= x.amount;

            if (n > 0 && (n == 64 || rnd (3) == 0))
                change_one (p, r, &n);
            else {
                assert_int_equal (planner_add (p, x.start, d, x.amount, &x.id),
                                  fits ? 0 : -EBUSY);
                x.end = x.start + d;
                if (fits)
                    r[n++] = x;
            }
            check (p, r, n, total);
            assert_int_equal (planner_spans (p), n);
        }
        while (n > 0)
            assert_int_equal (planner_remove (p, r[--n].id), 0);
        assert_int_equal (planner_points (p), 0);
        assert_int_equal (planner_free_at (p, 5), total);
        planner_free (p);
    }
}

/* The drawing of the documents: 10 units, 5 used in [t1,t2), 3 in [t2,t3). */
static void test_example (void **state)
{
    struct planner *p = planner_new (10);
    int64_t a, b;

    assert_int_equal (planner_add (p, 100, 100, 5, &a), 0);
    assert_int_equal (planner_add (p, 200, 100, 3, &b), 0);
    assert_int_equal (planner_earliest (p, 100, 10, 7), 200);
    assert_int_equal (planner_earliest (p, 100, 10, 5), 100);
    assert_int_equal (planner_earliest (p, 100, 150, 8), 300);
    assert_int_equal (planner_earliest (p, 0, 10, 11), -1);
    assert_int_equal (planner_next_point (p, 100), 200);
    assert_int_equal (planner_next_point (p, 300), -1);
    planner_free (p);
}

static void test_bad (void **state)
{
    struct planner *p = planner_new (4);
    int64_t id = -7;

    assert_null (planner_new (-1));
    assert_int_equal (planner_add (p, -1, 5, 1, &id), -EINVAL);
    assert_int_equal (planner_add (p, 0, 0, 1, &id), -EINVAL);
    assert_int_equal (planner_add (p, 0, 5, 5, &id), -EINVAL);
    assert_int_equal (planner_add (p, 0, 5, 0, &id), -EINVAL);
    assert_int_equal (planner_add (p, PLANNER_END, 5, 1, &id), -EINVAL);
    assert_int_equal (id, -7);
    assert_int_equal (planner_remove (p, 3), -ENOENT);
    assert_int_equal (planner_add (p, 7, INT64_MAX, 4, &id), 0);
    assert_int_equal (planner_reduce (p, id, 5), -EINVAL);
    assert_int_equal (planner_set_end (p, id, 7), -EINVAL);
    assert_int_equal (planner_earliest (p, 0, 8, 1), -1);
    assert_int_equal (planner_earliest (p, 0, 7, 1), 0);
    assert_int_equal (planner_resize (p, 5), 0);
    assert_int_equal (planner_earliest (p, 0, INT64_MAX, 1), 0);
    planner_free (p);
    planner_free (NULL);
}

static void test_all (void **state)
{
    struct planner *p[2] = { planner_new (4), planner_new (2) };
    int64_t want[2] = { 3, 1 }, id;

    assert_int_equal (planner_add (p[0], 0, 10, 2, &id), 0);
    assert_int_equal (planner_add (p[1], 5, 20, 2, &id), 0);
    assert_int_equal (planner_earliest_all (p, want, 2, 0, 5), 25);
    want[0] = 2;
    assert_int_equal (planner_earliest_all (p, want, 2, 0, 5), 0);
    want[1] = 3;
    assert_int_equal (planner_earliest_all (p, want, 2, 0, 5), -1);
    planner_free (p[0]);
    planner_free (p[1]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_random),
        cmocka_unit_test (test_example),
        cmocka_unit_test (test_bad),
        cmocka_unit_test (test_all),
    };

    return cmocka_run_group_tests_name ("planner", tests, NULL, NULL);
}
