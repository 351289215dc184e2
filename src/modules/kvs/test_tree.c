/* test_tree.c - values and directories against naive models */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/kvs/tree.h"

static unsigned int seed = 12345;
static unsigned int rnd (unsigned int n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

static void check_val (const struct tnode *n, const char *s, size_t len)
{
    assert_int_equal (tval_len (n), len);
    char *out = malloc (len + 1);
    tval_read (n, 0, len, out);
    assert_memory_equal (out, s, len);
    free (out);
}

static void test_val (void **state)
{
    (void)state;
    struct tnode *a = tval_new ("abc", 3, 7);
    assert_int_equal (tnode_kind (a), TNODE_VAL);
    check_val (a, "abc", 3);
    struct tnode *b = tnode_ref (a);
    assert_int_equal (tval_append (&b, "def", 3), 0);
    assert_ptr_not_equal (a, b);
    check_val (a, "abc", 3);
    check_val (b, "abcdef", 6);
    assert_true (tval_extends (b, a));
    assert_false (tval_extends (a, b));
    assert_false (tval_equal (a, b));

    /* two that go on from the same place do not see one another */
    struct tnode *c = tnode_ref (b), *d = tnode_ref (b);
    assert_int_equal (tval_append (&c, "C", 1), 0);
    assert_int_equal (tval_append (&d, "DD", 2), 0);
    assert_int_equal (tval_append (&b, "x", 1), 0);
    check_val (c, "abcdefC", 7);
    check_val (d, "abcdefDD", 8);
    check_val (b, "abcdefx", 7);
    char part[4];
    tval_read (d, 5, 3, part);
    assert_memory_equal (part, "fDD", 3);

    struct tnode *e = tval_new ("abcdefC", 7, 0);
    assert_true (tval_equal (e, c));
    assert_true (tval_extends (c, e));
    assert_false (tval_extends (d, e));
    struct tnode *f = tval_new ("abc", 3, 8);
    assert_false (tval_extends (b, f)); /* same bytes, put anew */
    struct tnode *z = tval_new (NULL, 0, 9);
    assert_int_equal (tval_len (z), 0);
    assert_int_equal (tval_append (&z, NULL, 0), 0);
    assert_int_equal (tval_append (&z, "q", 1), 0);
    check_val (z, "q", 1);
    tnode_unref (a);
    tnode_unref (b);
    tnode_unref (c);
    tnode_unref (d);
    tnode_unref (e);
    tnode_unref (f);
    tnode_unref (z);
}

/* many versions of values that share chunks, each with a flat copy beside */
static void test_val_random (void **state)
{
    (void)state;
    enum { N = 24 };
    struct tnode *v[N];
    char *flat[N];
    size_t len[N];
    for (int i = 0; i < N; i++) {
        v[i] = tval_new ("", 0, 1);
        flat[i] = calloc (1, 1);
        len[i] = 0;
    }
    char data[3000];
    for (int round = 0; round < 6000; round++) {
        int i = rnd (N);
        if (rnd (4) == 0) { /* become a version of another */
            int j = rnd (N);
            if (i == j)
                continue;
            tnode_unref (v[i]);
            v[i] = tnode_ref (v[j]);
            flat[i] = realloc (flat[i], len[j] + 1);
            memcpy (flat[i], flat[j], len[j]);
            len[i] = len[j];
            continue;
        }
        size_t n = rnd (10) == 0 ? rnd (sizeof (data)) : rnd (60);
        for (size_t k = 0; k < n; k++)
            data[k] = (char)rnd (256);
        assert_int_equal (tval_append (&v[i], data, n), 0);
        flat[i] = realloc (flat[i], len[i] + n + 1);
        memcpy (flat[i] + len[i], data, n);
        len[i] += n;
        if (rnd (3) == 0) {
            check_val (v[i], flat[i], len[i]);
            size_t off = rnd (len[i] + 1), m = rnd (len[i] - off + 1);
            char *out = malloc (m + 1);
            tval_read (v[i], off, m, out);
            assert_memory_equal (out, flat[i] + off, m);
            free (out);
        }
    }
    for (int i = 0; i < N; i++) {
        check_val (v[i], flat[i], len[i]);
        for (int j = 0; j < N; j++) {
            bool eq = len[i] == len[j] && !memcmp (flat[i], flat[j], len[i]);
            assert_int_equal (tval_equal (v[i], v[j]), eq);
        }
    }
    for (int i = 0; i < N; i++) {
        tnode_unref (v[i]);
        free (flat[i]);
    }
}

static void test_links (void **state)
{
    (void)state;
    struct tnode *n = tlink_new (NULL, "a.b");
    assert_null (tlink_ns (n));
    assert_string_equal (tlink_target (n), "a.b");
    tnode_unref (n);
    n = tlink_new ("job-1", ".");
    assert_string_equal (tlink_ns (n), "job-1");
    assert_string_equal (tlink_target (n), ".");
    tnode_unref (n);
    const char *refs[] = { "sha1-a", "sha1-bb" };
    n = tref_new (false, refs, 2);
    assert_false (tnode_is_dir (n));
    assert_int_equal (tref_count (n), 2);
    assert_string_equal (tref_get (n, 1), "sha1-bb");
    tnode_unref (n);
    struct tnode *dir = tdir_new ();
    n = tcold_new (17, dir, NULL);
    assert_true (tnode_is_dir (n));
    assert_ptr_equal (tcold_mem (n), dir);
    tcold_set_stored (n, "01234567890123456789", 20);
    assert_null (tcold_mem (n));
    assert_int_equal (tcold_id (n), 17);
    tnode_unref (n);
    tnode_unref (dir);
}

/* -- directories against a sorted array ---------------------------------- */

enum { KEYS = 3000 };

struct model {
    struct tnode *dir;
    uint64_t have[KEYS];  /* 0: absent, else the value */
    size_t count;
};

static size_t key_name (int k, char *name, size_t size)
{
    return snprintf (name, size, "%x", k * 2654435761u >> (k % 3) * 4);
}

static void set (struct model *m, int k, uint64_t value)
{
    char name[32];
    size_t len = key_name (k, name, sizeof (name));
    struct tnode *n = tval_new (&value, sizeof (value), 1);
    assert_int_equal (tdir_own (&m->dir), 0);
    assert_int_equal (tdir_set (m->dir, name, len, n), 0);
    tnode_unref (n);
    m->count += m->have[k] == 0;
    m->have[k] = value;
}

static void del (struct model *m, int k)
{
    char name[32];
    size_t len = key_name (k, name, sizeof (name));
    assert_int_equal (tdir_own (&m->dir), 0);
    int rc = tdir_del (m->dir, name, len);
    assert_int_equal (rc, m->have[k] ? 0 : -ENOENT);
    m->count -= m->have[k] != 0;
    m->have[k] = 0;
}

static void check (const struct model *m, bool whole)
{
    assert_int_equal (tdir_count (m->dir), m->count);
    if (!whole)
        return;
    char name[32];
    for (int k = 0; k < KEYS; k++) {
        size_t len = key_name (k, name, sizeof (name));
        struct tnode *n = tdir_get (m->dir, name, len);
        if (!m->have[k])
            assert_null (n);
        else {
            uint64_t v;
            assert_non_null (n);
            tval_read (n, 0, sizeof (v), &v);
            assert_int_equal (v, m->have[k]);
        }
    }
    struct tdir_iter it;
    const char *s, *prev = NULL;
    size_t len, plen = 0, count = 0;
    tdir_iter_init (&it, m->dir);
    while (tdir_iter_next (&it, &s, &len)) {
        if (prev) {
            int rc = memcmp (prev, s, plen < len ? plen : len);
            assert_true (rc < 0 || (rc == 0 && plen < len));
        }
        prev = s;
        plen = len;
        count++;
    }
    assert_int_equal (count, m->count);
}

static void test_dir_random (void **state)
{
    (void)state;
    enum { VERSIONS = 6 };
    static struct model v[VERSIONS];
    memset (v, 0, sizeof (v));
    /* no two of our keys may have the same name for the model to hold */
    for (int i = 0; i < VERSIONS; i++)
        v[i].dir = tdir_new ();
    int grow = 1;
    for (int round = 0; round < 60000; round++) {
        int i = rnd (VERSIONS), k = rnd (KEYS);
        if (round % 8000 == 0)
            grow = !grow;
        if (rnd (2000) == 0) {
            int j = rnd (VERSIONS);
            if (i != j) {
                tnode_unref (v[i].dir);
                v[i] = v[j];
                tnode_ref (v[i].dir);
            }
        }
        else if (rnd (3) < (unsigned int)(grow ? 1 : 2))
            del (&v[i], k);
        else
            set (&v[i], k, round + 1);
        check (&v[i], rnd (3000) == 0);
    }
    for (int i = 0; i < VERSIONS; i++) {
        check (&v[i], true);
        for (int k = 0; k < KEYS; k++)
            if (v[i].have[k])
                del (&v[i], k);
        check (&v[i], true);
        tnode_unref (v[i].dir);
    }
}

static void test_dir_large (void **state)
{
    (void)state;
    enum { N = 200000 };
    struct tnode *dir = tdir_new (), *snap;
    char name[16];
    struct tnode *n = tval_new ("x", 1, 1);
    for (int i = 0; i < N; i++) {
        int len = snprintf (name, sizeof (name), "%08x", i);
        assert_int_equal (tdir_own (&dir), 0);
        assert_int_equal (tdir_set (dir, name, len, n), 0);
    }
    assert_int_equal (tdir_count (dir), N);
    /* a snapshot survives changes */
    snap = tnode_ref (dir);
    for (int i = 0; i < N; i += 2) {
        int len = snprintf (name, sizeof (name), "%08x", i);
        assert_int_equal (tdir_own (&dir), 0);
        assert_int_equal (tdir_del (dir, name, len), 0);
    }
    assert_int_equal (tdir_count (dir), N / 2);
    assert_int_equal (tdir_count (snap), N);
    assert_non_null (tdir_get (snap, "00000002", 8));
    assert_null (tdir_get (dir, "00000002", 8));
    int rc;
    assert_null (tdir_slot (dir, "00000002", 8, &rc));
    assert_int_equal (rc, -ENOENT);
    struct tnode **slot = tdir_slot (dir, "00000003", 8, &rc);
    assert_non_null (slot);
    assert_ptr_equal (*slot, n);
    tnode_unref (snap);
    tnode_unref (dir);
    tnode_unref (n);
}

/* a million levels deep must not need a million stack frames */
static void test_deep (void **state)
{
    (void)state;
    struct tnode *n = tval_new ("x", 1, 1);
    for (int i = 0; i < 1000000; i++) {
        struct tnode *dir = tdir_new ();
        assert_int_equal (tdir_set (dir, "a", 1, n), 0);
        tnode_unref (n);
        n = dir;
    }
    tnode_unref (n);
}

static void test_cached_ref (void **state)
{
    (void)state;
    struct tnode *dir = tdir_new (), *n = tval_new ("x", 1, 1);
    assert_null (tnode_cached_ref (dir));
    tnode_cache_ref (dir, strdup ("sha1-1"));
    assert_string_equal (tnode_cached_ref (dir), "sha1-1");
    struct tnode *snap = tnode_ref (dir);
    assert_int_equal (tdir_own (&dir), 0);
    assert_ptr_not_equal (snap, dir);
    assert_null (tnode_cached_ref (dir));
    assert_string_equal (tnode_cached_ref (snap), "sha1-1");
    tnode_cache_ref (dir, strdup ("sha1-2"));
    assert_int_equal (tdir_own (&dir), 0);
    assert_null (tnode_cached_ref (dir));
    tnode_unref (snap);
    tnode_unref (dir);
    tnode_unref (n);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_val),
        cmocka_unit_test (test_val_random),
        cmocka_unit_test (test_links),
        cmocka_unit_test (test_dir_random),
        cmocka_unit_test (test_dir_large),
        cmocka_unit_test (test_deep),
        cmocka_unit_test (test_cached_ref),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
