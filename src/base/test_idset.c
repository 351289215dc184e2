/* test_idset.c - tests of idset.c and idtree.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <flux/idset.h>
#include <limits.h>
#include <malloc.h>

#include "base/idtree.h"

static struct idset *decode (const char *s)
{
    struct idset *set = idset_decode (s);
    assert_non_null (set);
    return set;
}

static void check_encode (struct idset *set, int flags, const char *expect)
{
    char *s = idset_encode (set, flags);
    assert_non_null (s);
    assert_string_equal (s, expect);
    free (s);
}

static void test_create (void **state)
{
    struct idset *s;

    assert_null (idset_create (0, 0));
    assert_int_equal (errno, EINVAL);
    assert_null (idset_create (1, 0x1000));
    assert_int_equal (errno, EINVAL);
    assert_null (idset_create (IDSET_MAX_UNIVERSE + 1, 0));
    assert_int_equal (errno, ERANGE);
    s = idset_create (16, 0);
    assert_true (idset_empty (s));
    assert_int_equal (idset_universe_size (s), 16);
    assert_int_equal (idset_set (s, 15), 0);
    assert_int_equal (idset_set (s, 16), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (idset_clear (s, 16), 0);
    assert_int_equal (idset_count (s), 1);
    idset_destroy (s);
    idset_destroy (NULL);
}

static void test_bad_arguments (void **state)
{
    struct idset *s = decode ("1-3");

    assert_int_equal (idset_set (NULL, 1), -1);
    assert_int_equal (idset_set (s, UINT_MAX), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (idset_set (s, IDSET_INVALID_ID), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (idset_set (s, IDSET_MAX_UNIVERSE), -1);
    assert_int_equal (errno, ERANGE);
    assert_int_equal (idset_clear (NULL, 1), -1);
    assert_int_equal (idset_range_set (s, 0, UINT_MAX), -1);
    assert_int_equal (idset_range_clear (s, 0, UINT_MAX), -1);
    assert_null (idset_copy (NULL));
    assert_null (idset_union (s, NULL));
    assert_null (idset_intersect (NULL, s));
    assert_null (idset_difference (NULL, s));
    assert_int_equal (idset_add (s, NULL), -1);
    assert_int_equal (idset_subtract (NULL, s), -1);
    assert_false (idset_equal (s, NULL));
    assert_false (idset_has_intersection (NULL, s));
    assert_null (idset_encode (NULL, 0));
    assert_null (idset_encode (s, IDSET_FLAG_AUTOGROW));
    assert_int_equal (errno, EINVAL);
    assert_true (idset_empty (NULL));
    assert_int_equal (idset_count (NULL), 0);
    assert_int_equal (idset_universe_size (NULL), 0);
    assert_true (idset_first (NULL) == IDSET_INVALID_ID);
    assert_true (idset_next (NULL, 0) == IDSET_INVALID_ID);
    assert_false (idset_test (NULL, 0));
    assert_false (idset_test (s, UINT_MAX));
    check_encode (s, IDSET_FLAG_RANGE, "1-3");
    idset_destroy (s);
}

static void test_autogrow (void **state)
{
    struct idset *s = idset_create (10, IDSET_FLAG_AUTOGROW);

    assert_int_equal (idset_set (s, 10), 0);
    assert_int_equal (idset_universe_size (s), 20);
    assert_int_equal (idset_set (s, 75), 0);
    assert_int_equal (idset_universe_size (s), 80);
    assert_int_equal (idset_set (s, INT_MAX), 0);
    assert_int_equal (idset_universe_size (s), IDSET_MAX_UNIVERSE);
    assert_int_equal (idset_count (s), 3);
    assert_int_equal (idset_clear (s, INT_MAX), 0);
    assert_int_equal (idset_last (s), 75);
    idset_destroy (s);

    s = idset_create (4, IDSET_FLAG_AUTOGROW | IDSET_FLAG_INITFULL);
    assert_int_equal (idset_count (s), 4);
    assert_int_equal (idset_clear (s, 9), 0);
    assert_int_equal (idset_universe_size (s), 16);
    check_encode (s, IDSET_FLAG_RANGE, "0-8,10-15");
    assert_int_equal (idset_clear_all (s), 0);
    assert_true (idset_empty (s));
    idset_destroy (s);
}

static size_t heap_in_use (void)
{
    return mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
}

/* The universe and the length of runs cost nothing. */
static void test_memory (void **state)
{
    size_t before = heap_in_use ();
    struct idset *s = idset_create (0, IDSET_FLAG_AUTOGROW);

    assert_int_equal (idset_set (s, INT_MAX), 0);
    assert_int_equal (idset_set (s, 0), 0);
    assert_true (heap_in_use () - before < 16384);
    assert_int_equal (idset_range_set (s, 0, INT_MAX), 0);
    assert_int_equal (idset_count (s), IDSET_MAX_UNIVERSE);
    assert_true (heap_in_use () - before < 16384);
    check_encode (s, IDSET_FLAG_RANGE, "0-2147483647");
    assert_int_equal (idset_clear (s, 1000000), 0);
    check_encode (s, IDSET_FLAG_RANGE, "0-999999,1000001-2147483647");
    assert_int_equal (idset_clear_all (s), 0);
    check_encode (s, 0, "");
    idset_destroy (s);
    assert_true (heap_in_use () - before < 4096);
}

static void test_iterate (void **state)
{
    struct idset *s = decode ("0,63-65,4095-4097,262143,262144,9999999");
    static const unsigned int want[] = {0,    63,     64,     65,     4095,
                                        4096, 4097, 262143, 262144, 9999999};
    const int n = sizeof (want) / sizeof (want[0]);
    int i = 0;
    unsigned int id;

    for (id = idset_first (s); id != IDSET_INVALID_ID; id = idset_next (s, id))
        assert_int_equal (id, want[i++]);
    assert_int_equal (i, n);
    for (id = idset_last (s); id != IDSET_INVALID_ID; id = idset_prev (s, id))
        assert_int_equal (id, want[--i]);
    assert_int_equal (i, 0);
    assert_int_equal (idset_count (s), n);
    assert_int_equal (idset_next (s, 66), 4095);
    assert_int_equal (idset_prev (s, 62), 0);
    assert_int_equal (idset_prev (s, 2000000000), 9999999);
    assert_true (idset_prev (s, 0) == IDSET_INVALID_ID);
    assert_true (idset_next (s, 2000000000) == IDSET_INVALID_ID);
    assert_true (idset_next (s, UINT_MAX) == IDSET_INVALID_ID);
    idset_destroy (s);
}

static void test_alloc (void **state)
{
    const int full = IDSET_FLAG_INITFULL;
    struct idset *s = idset_create (3, full);
    unsigned int id;

    for (unsigned int i = 0; i < 3; i++) {
        assert_int_equal (idset_alloc (s, &id), 0);
        assert_int_equal (id, i);
    }
    assert_int_equal (idset_alloc (s, &id), -1);
    assert_int_equal (errno, ENOSPC);
    idset_free (s, 1);
    assert_int_equal (idset_free_check (s, 1), -1);
    assert_int_equal (errno, EEXIST);
    assert_int_equal (idset_free_check (s, 0), 0);
    assert_int_equal (idset_alloc (s, &id), 0);
    assert_int_equal (id, 0);
    assert_int_equal (idset_alloc (s, NULL), -1);
    idset_destroy (s);

    s = idset_create (2, full | IDSET_FLAG_AUTOGROW);
    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal (idset_alloc (s, &id), 0);
        assert_int_equal (id, i);
    }
    assert_int_equal (idset_universe_size (s), 128);
    idset_destroy (s);

    s = idset_create (3, full | IDSET_FLAG_ALLOC_RR);
    for (unsigned int i = 0; i < 10; i++) {
        assert_int_equal (idset_alloc (s, &id), 0);
        assert_int_equal (id, i % 3);
        idset_free (s, id);
    }
    idset_destroy (s);

    s = idset_create (3, 0);
    assert_int_equal (idset_alloc (s, &id), -1);
    assert_int_equal (errno, EINVAL);
    idset_destroy (s);
}

static void test_encode (void **state)
{
    struct idset *s = decode ("7,3-5,9-10");

    check_encode (s, 0, "3,4,5,7,9,10");
    check_encode (s, IDSET_FLAG_RANGE, "3-5,7,9-10");
    check_encode (s, IDSET_FLAG_BRACKETS, "[3,4,5,7,9,10]");
    check_encode (s, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS, "[3-5,7,9-10]");
    idset_destroy (s);
    s = decode ("[42]");
    check_encode (s, IDSET_FLAG_BRACKETS, "42");
    idset_destroy (s);
    s = decode ("[]");
    assert_true (idset_empty (s));
    check_encode (s, IDSET_FLAG_BRACKETS, "[]");
    check_encode (s, 0, "");
    idset_destroy (s);
}

static void test_decode_bad (void **state)
{
    static const struct {
        const char *s;
        int error;
        const char *words;
    } bad[] = {
        {"0-4294967295", ERANGE, "number above"},
        {"2147483648", ERANGE, "number above"},
        {"99999999999999999999999999", ERANGE, "number above"},
        {"1-0", EINVAL, "goes down at offset 0"},
        {"[[", EINVAL, "without a ']'"},
        {"[", EINVAL, "without a ']'"},
        {"]", EINVAL, "expected a number at offset 0"},
        {"[1", EINVAL, "without a ']'"},
        {"1]", EINVAL, "expected a comma at offset 1"},
        {"[1]]", EINVAL, "expected a comma at offset 2"},
        {"[[1]]", EINVAL, "expected a number at offset 1"},
        {"1,,2", EINVAL, "expected a number at offset 2"},
        {",1", EINVAL, "expected a number at offset 0"},
        {"1,", EINVAL, "expected a number at offset 2"},
        {"1-", EINVAL, "expected a number at offset 2"},
        {"-1", EINVAL, "expected a number at offset 0"},
        {"1--2", EINVAL, "expected a number at offset 2"},
        {"1-2-3", EINVAL, "expected a comma at offset 3"},
        {"01", EINVAL, "leading zero"},
        {"1, 2", EINVAL, "expected a number at offset 2"},
        {" 1", EINVAL, "expected a number"},
        {"x", EINVAL, "expected a number"},
        {"0x1", EINVAL, "expected a comma"},
        {"+1", EINVAL, "expected a number"},
        {"1,1", EINVAL, "listed before at offset 2"},
        {"1-5,3", EINVAL, "listed before at offset 4"},
    };
    idset_error_t error;
    size_t count;
    unsigned int maxid;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        errno = 0;
        assert_null (idset_decode_ex (bad[i].s, -1, 0, IDSET_FLAG_AUTOGROW,
                                      &error));
        assert_int_equal (errno, bad[i].error);
        if (!strstr (error.text, bad[i].words))
            fail_msg ("%s: '%s' is not in '%s'", bad[i].s, bad[i].words,
                      error.text);
        assert_null (idset_decode (bad[i].s));
        assert_int_equal (idset_decode_info (bad[i].s, -1, &count, &maxid,
                                             NULL), -1);
        assert_false (idset_decode_empty (bad[i].s, -1));
    }
    assert_null (idset_decode (NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (idset_decode_ex (NULL, -1, 0, 0, &error));
    assert_null (idset_decode_ex ("1", -2, 0, 0, &error));
    assert_null (idset_decode_ex ("1", -1, -2, 0, &error));
    assert_null (idset_decode_ex ("", -1, -1, 0, &error));
    assert_int_equal (errno, EINVAL);
    assert_null (idset_decode_ex ("5-7", -1, 7, 0, &error));
    assert_string_equal (error.text,
                         "idset '5-7': does not fit in a set of 7 ids");
}

static void test_decode_ex (void **state)
{
    struct idset *s;
    size_t count;
    unsigned int maxid;
    char raw[4] = {'7', '-', '9', '9'}; /* not terminated */

    s = idset_decode_ex ("1-3,77", -1, -1, 0, NULL);
    assert_int_equal (idset_universe_size (s), 78);
    idset_destroy (s);
    s = idset_decode_ex ("1-3,77", 4, 10, 0, NULL);
    assert_null (s);
    s = idset_decode_ex ("1-3,77", 3, 10, 0, NULL);
    check_encode (s, 0, "1,2,3");
    assert_int_equal (idset_universe_size (s), 10);
    idset_destroy (s);
    s = idset_decode_ex (raw, 3, -1, 0, NULL);
    check_encode (s, IDSET_FLAG_RANGE, "7-9");
    idset_destroy (s);

    assert_true (idset_decode_empty ("", -1));
    assert_true (idset_decode_empty ("[]", -1));
    assert_true (idset_decode_empty ("1", 0));
    assert_false (idset_decode_empty ("[]]", -1));
    assert_false (idset_decode_empty (NULL, -1));
    assert_int_equal (idset_decode_info ("[4,1-2]", -1, &count, &maxid, NULL),
                      0);
    assert_int_equal (count, 3);
    assert_int_equal (maxid, 4);
    assert_int_equal (idset_decode_info ("", -1, &count, NULL, NULL), 0);
    assert_int_equal (count, 0);

    s = decode ("1-10");
    assert_int_equal (idset_decode_subtract (s, "3-4,20000", -1, NULL), 0);
    assert_int_equal (idset_decode_add (s, "4,100", -1, NULL), 0);
    check_encode (s, IDSET_FLAG_RANGE, "1-2,4-10,100");
    assert_int_equal (idset_decode_add (s, "50,x", -1, NULL), -1);
    assert_int_equal (idset_decode_subtract (s, "1,x", -1, NULL), -1);
    check_encode (s, IDSET_FLAG_RANGE, "1-2,4-10,100");
    idset_destroy (s);
}

/* Every operation against the same on plain arrays of bool. */
enum { WIDTH = 20000 };

struct model {
    struct idset *s;
    bool in[WIDTH];
};

static uint32_t rnd_state = 42;

static uint32_t rnd (uint32_t n)
{
    rnd_state = rnd_state * 1664525 + 1013904223;
    return (rnd_state >> 8) % n;
}

static void mutate (struct model *m)
{
    for (int n = 0; n < 60; n++) {
        unsigned int lo = rnd (WIDTH);
        unsigned int len = rnd (3) ? rnd (100) : rnd (10000);
        unsigned int hi = lo + len < WIDTH ? lo + len : WIDTH - 1;
        bool value = rnd (2);
        if (rnd (3) == 0)
            hi = lo;
        if (lo == hi)
            assert_int_equal (value ? idset_set (m->s, lo)
                                    : idset_clear (m->s, lo), 0);
        else
            assert_int_equal (value ? idset_range_set (m->s, lo, hi)
                                    : idset_range_clear (m->s, lo, hi), 0);
        for (unsigned int i = lo; i <= hi; i++)
            m->in[i] = value;
    }
}

static void check_model (const struct idset *s, const bool *in)
{
    size_t count = 0;
    unsigned int next = idset_first (s);

    for (unsigned int i = 0; i < WIDTH; i++) {
        if (idset_test (s, i) != in[i])
            fail_msg ("id %u is %d", i, !in[i]);
        if (in[i]) {
            count++;
            assert_int_equal (next, i);
            next = idset_next (s, i);
        }
    }
    assert_true (next == IDSET_INVALID_ID);
    assert_int_equal (idset_count (s), count);
}

static void check_pair (struct model *a, struct model *b)
{
    static bool in[3][WIDTH];
    struct idset *u = idset_union (a->s, b->s);
    struct idset *d = idset_difference (a->s, b->s);
    struct idset *x = idset_intersect (a->s, b->s);
    bool meet = false;

    for (int i = 0; i < WIDTH; i++) {
        in[0][i] = a->in[i] || b->in[i];
        in[1][i] = a->in[i] && !b->in[i];
        in[2][i] = a->in[i] && b->in[i];
        meet = meet || in[2][i];
    }
    check_model (u, in[0]);
    check_model (d, in[1]);
    check_model (x, in[2]);
    assert_int_equal (idset_has_intersection (a->s, b->s), meet);
    assert_false (idset_has_intersection (d, b->s));
    assert_int_equal (idset_add (d, x), 0);
    assert_true (idset_equal (d, a->s));
    idset_destroy (u);
    idset_destroy (d);
    idset_destroy (x);
}

static void test_against_model (void **state)
{
    static struct model a, b;

    a.s = idset_create (0, IDSET_FLAG_AUTOGROW);
    b.s = idset_create (WIDTH, 0);
    for (int round = 0; round < 30; round++) {
        mutate (&a);
        if (round % 5 == 0)
            mutate (&b);
        check_model (a.s, a.in);
        check_pair (&a, &b);
        check_pair (&b, &a);

        char *s = idset_encode (a.s, IDSET_FLAG_RANGE);
        struct idset *back = idset_decode (s);
        assert_true (idset_equal (a.s, back));
        free (s);
        idset_destroy (back);
        struct idset *cpy = idset_copy (a.s);
        assert_true (idset_equal (a.s, cpy));
        assert_int_equal (idset_subtract (cpy, a.s), 0);
        assert_true (idset_empty (cpy));
        idset_destroy (cpy);
    }
    assert_int_equal (idset_subtract (a.s, a.s), 0);
    assert_true (idset_empty (a.s));
    idset_destroy (a.s);
    idset_destroy (b.s);
}

/* Trees of different height */
static void test_heights (void **state)
{
    struct idset *low = decode ("0-63");
    struct idset *high = decode ("0-63,5000000");
    struct idset *r;

    assert_false (idset_equal (low, high));
    assert_true (idset_has_intersection (low, high));
    r = idset_intersect (low, high);
    assert_true (idset_equal (r, low));
    assert_true (idset_equal (low, r));
    idset_destroy (r);
    r = idset_difference (high, low);
    check_encode (r, 0, "5000000");
    idset_destroy (r);
    r = idset_difference (low, high);
    assert_true (idset_empty (r));
    idset_destroy (r);
    assert_int_equal (idset_clear (high, 5000000), 0);
    assert_true (idset_equal (low, high));
    assert_true (idset_equal (high, low));
    assert_int_equal (idset_subtract (low, high), 0);
    assert_true (idset_empty (low));
    assert_int_equal (idset_add (low, high), 0);
    check_encode (low, IDSET_FLAG_RANGE, "0-63");
    idset_destroy (low);
    idset_destroy (high);
}

static void test_range_order (void **state)
{
    struct idset *s = idset_create (100, 0);

    assert_int_equal (idset_range_set (s, 20, 10), 0);
    check_encode (s, IDSET_FLAG_RANGE, "10-20");
    assert_int_equal (idset_range_clear (s, 15, 12), 0);
    check_encode (s, IDSET_FLAG_RANGE, "10-11,16-20");
    assert_int_equal (idset_range_set (s, 99, 100), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (idset_count (s), 7);
    idset_destroy (s);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_create),
        cmocka_unit_test (test_bad_arguments),
        cmocka_unit_test (test_autogrow),
        cmocka_unit_test (test_memory),
        cmocka_unit_test (test_iterate),
        cmocka_unit_test (test_alloc),
        cmocka_unit_test (test_encode),
        cmocka_unit_test (test_decode_bad),
        cmocka_unit_test (test_decode_ex),
        cmocka_unit_test (test_against_model),
        cmocka_unit_test (test_heights),
        cmocka_unit_test (test_range_order),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
