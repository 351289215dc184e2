/* test_hash.c - tests of hash.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/hash.h"

static int freed;

static void count_free (void *val)
{
    (void)val;
    freed++;
}

static void test_string_basics (void **state)
{
    struct hash *h = hash_new (NULL);
    int a, b;

    assert_non_null (h);
    assert_null (hash_get (h, "a"));
    assert_null (hash_take (h, "a"));
    hash_del (h, "a");
    assert_int_equal (hash_set (h, "a", &a), 0);
    assert_int_equal (hash_set (h, "", &b), 0);
    assert_ptr_equal (hash_get (h, "a"), &a);
    assert_ptr_equal (hash_get (h, ""), &b);
    assert_int_equal (hash_count (h), 2);
    assert_int_equal (hash_set (h, "a", &b), 0);
    assert_ptr_equal (hash_get (h, "a"), &b);
    assert_int_equal (hash_count (h), 2);
    assert_ptr_equal (hash_take (h, "a"), &b);
    assert_null (hash_get (h, "a"));
    assert_int_equal (hash_count (h), 1);
    assert_int_equal (hash_set (h, "null", NULL), -EINVAL);
    assert_int_equal (hash_count (h), 1);
    hash_free (h);
    hash_free (NULL);

    struct idhash *ih = idhash_new (NULL);
    assert_int_equal (idhash_set (ih, 1, NULL), -EINVAL);
    assert_int_equal (idhash_count (ih), 0);
    idhash_free (ih);
    idhash_free (NULL);
}

static void test_destructor (void **state)
{
    struct hash *h = hash_new (count_free);
    struct idhash *ih = idhash_new (count_free);
    int a, b;

    freed = 0;
    hash_set (h, "x", &a);
    hash_set (h, "x", &a);
    assert_int_equal (freed, 0);
    hash_set (h, "x", &b);
    assert_int_equal (freed, 1);
    hash_take (h, "x");
    assert_int_equal (freed, 1);
    hash_set (h, "x", &b);
    hash_del (h, "x");
    assert_int_equal (freed, 2);
    hash_set (h, "y", &b);
    hash_free (h);
    assert_int_equal (freed, 3);

    freed = 0;
    idhash_set (ih, 1, &a);
    idhash_set (ih, 1, &a);
    assert_int_equal (freed, 0);
    idhash_set (ih, 1, &b);
    assert_int_equal (freed, 1);
    assert_ptr_equal (idhash_take (ih, 1), &b);
    assert_int_equal (freed, 1);
    idhash_set (ih, 2, &b);
    idhash_set (ih, UINT64_MAX, &b);
    idhash_del (ih, 2);
    assert_int_equal (freed, 2);
    idhash_free (ih);
    assert_int_equal (freed, 3);
}

static void test_many_strings (void **state)
{
    enum { N = 20000 };
    static char val[N];
    struct hash *h = hash_new (NULL);
    char key[64];

    for (int i = 0; i < N; i++) {
        snprintf (key, sizeof (key), "key-%*d", i % 20, i);
        assert_int_equal (hash_set (h, key, &val[i]), 0);
    }
    assert_int_equal (hash_count (h), N);
    for (int i = 0; i < N; i += 2) {
        snprintf (key, sizeof (key), "key-%*d", i % 20, i);
        hash_del (h, key);
    }
    assert_int_equal (hash_count (h), N / 2);
    for (int i = 0; i < N; i++) {
        snprintf (key, sizeof (key), "key-%*d", i % 20, i);
        assert_ptr_equal (hash_get (h, key), i % 2 ? &val[i] : NULL);
    }
    hash_free (h);
}

/* Against a plain array: random set, take and get in a small key space, so
 * that tombs and wrap-around occur. */
static void test_random_ids (void **state)
{
    enum { KEYS = 300 };
    static char val[KEYS];
    bool in[KEYS] = {false};
    struct idhash *h = idhash_new (NULL);
    size_t count = 0;
    uint32_t r = 12345;

    for (int n = 0; n < 200000; n++) {
        r = r * 1664525 + 1013904223;
        uint64_t k = (r >> 8) % KEYS;
        uint64_t key = k << 40;
        switch ((r >> 24) % 3) {
            case 0:
                assert_int_equal (idhash_set (h, key, &val[k]), 0);
                count += !in[k];
                in[k] = true;
                break;
            case 1:
                assert_ptr_equal (idhash_take (h, key), in[k] ? &val[k] : NULL);
                count -= in[k];
                in[k] = false;
                break;
            default:
                assert_ptr_equal (idhash_get (h, key), in[k] ? &val[k] : NULL);
        }
        assert_int_equal (idhash_count (h), count);
    }
    idhash_free (h);
}

static void test_delete_while_iterating (void **state)
{
    enum { N = 1000 };
    static char val[N];
    struct hash *h = hash_new (NULL);
    struct idhash *ih = idhash_new (NULL);
    const char *key;
    uint64_t id;
    size_t pos = 0;
    int seen = 0;
    char *v;

    for (int i = 0; i < N; i++) {
        char buf[16];
        snprintf (buf, sizeof (buf), "%d", i);
        hash_set (h, buf, &val[i]);
        idhash_set (ih, (uint64_t)i, &val[i]);
    }
    while (hash_next (h, &pos, &key)) {
        seen++;
        hash_del (h, key);
    }
    assert_int_equal (seen, N);
    assert_int_equal (hash_count (h), 0);
    pos = 0;
    while ((v = idhash_next (ih, &pos, &id))) {
        assert_ptr_equal (v, &val[id]);
        val[id]++;
        if (id % 3)
            idhash_del (ih, id);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal (val[i], 1);
    assert_int_equal (idhash_count (ih), (N + 2) / 3);
    hash_free (h);
    idhash_free (ih);
}

/* A queue (insert at one end, delete at the other) must not grow. */
static void test_queue (void **state)
{
    struct idhash *h = idhash_new (NULL);
    int v;

    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal (idhash_set (h, i, &v), 0);
        if (i >= 10)
            assert_ptr_equal (idhash_take (h, i - 10), &v);
    }
    size_t pos = 0;
    while (idhash_next (h, &pos, NULL))
        ;
    assert_true (pos <= 64); /* the number of slots */
    idhash_free (h);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_string_basics),
        cmocka_unit_test (test_destructor),
        cmocka_unit_test (test_many_strings),
        cmocka_unit_test (test_random_ids),
        cmocka_unit_test (test_delete_while_iterating),
        cmocka_unit_test (test_queue),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
