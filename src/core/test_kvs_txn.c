/* test_kvs_txn.c - building transactions, and directories */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"

#define FAILS(expr, err) \
    do { \
        errno = 0; \
        assert_int_equal ((expr), -1); \
        assert_int_equal (errno, (err)); \
    } while (0)

static void nth_is (flux_kvs_txn_t *txn, int n, char type, const char *key,
                    const char *data)
{
    uint64_t count;
    const struct buf *b = kvs_txn_ops (txn, &count);
    struct kvs_commit c = { .p = b->data, .end = b->data + b->len,
                            .count = count };
    struct kvs_txnop op = { 0 };
    for (int i = 0; i <= n; i++)
        assert_int_equal (kvs_commit_next (&c, &op), 1);
    assert_int_equal (op.type, type);
    assert_int_equal (op.keylen, strlen (key));
    assert_memory_equal (op.key, key, op.keylen);
    if (data) {
        assert_int_equal (op.len, strlen (data));
        assert_memory_equal (op.data, data, op.len);
    }
}

static void test_build (void **state)
{
    (void)state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    assert_true (flux_kvs_txn_is_empty (txn));
    assert_int_equal (flux_kvs_txn_put (txn, 0, "a..b.", "v"), 0);
    assert_int_equal (flux_kvs_txn_put (txn, 0, "n", NULL), 0);
    assert_int_equal (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "a", "w"), 0);
    assert_int_equal (flux_kvs_txn_pack (txn, 0, "j", "{s:i}", "x", 1), 0);
    assert_int_equal (flux_kvs_txn_pack (txn, 0, "k", "i", 42), 0);
    assert_int_equal (flux_kvs_txn_mkdir (txn, 0, "d"), 0);
    assert_int_equal (flux_kvs_txn_unlink (txn, 0, "u"), 0);
    assert_int_equal (flux_kvs_txn_symlink (txn, 0, "l", "ns", "t"), 0);
    assert_int_equal (flux_kvs_txn_put_raw (txn, 0, "r", "\0\1", 2), 0);
    assert_int_equal (flux_kvs_txn_put_treeobj (txn, 0, "t",
        "{\"ver\":1,\"type\":\"val\",\"data\":\"NDIyCg==\"}"), 0);
    assert_int_equal (kvs_txn_copy (txn, "primary", "..x", "y"), 0);
    assert_false (flux_kvs_txn_is_empty (txn));
    nth_is (txn, 0, 'p', "a.b", "v");
    nth_is (txn, 1, 'p', "n", "");
    nth_is (txn, 2, 'a', "a", "w");
    nth_is (txn, 3, 'p', "j", "{\"x\":1}");
    nth_is (txn, 4, 'p', "k", "42");
    nth_is (txn, 5, 'd', "d", NULL);
    nth_is (txn, 6, 'u', "u", NULL);
    nth_is (txn, 7, 'l', "l", "t");
    nth_is (txn, 10, 'c', "y", "x");
    assert_int_equal (flux_kvs_txn_clear (txn), 0);
    assert_true (flux_kvs_txn_is_empty (txn));
    flux_kvs_txn_destroy (txn);
    flux_kvs_txn_destroy (NULL);
}

static void test_bad (void **state)
{
    (void)state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    FAILS (flux_kvs_txn_put (NULL, 0, "a", "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, 0, NULL, "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, 0, "", "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, 0, ".", "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, 0, "..", "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, 0, "a\xff", "v"), EINVAL);
    FAILS (flux_kvs_txn_put (txn, FLUX_KVS_WATCH, "a", "v"), EINVAL);
    FAILS (flux_kvs_txn_put_raw (txn, 0, "a", NULL, 3), EINVAL);
    FAILS (flux_kvs_txn_pack (txn, 0, "a", "{s:", "x"), EINVAL);
    FAILS (flux_kvs_txn_pack (txn, 0, "a", NULL), EINVAL);
    FAILS (flux_kvs_txn_mkdir (txn, 1, "a"), EINVAL);
    FAILS (flux_kvs_txn_unlink (txn, 0, "."), EINVAL);
    FAILS (flux_kvs_txn_symlink (txn, 0, "a", NULL, NULL), EINVAL);
    FAILS (flux_kvs_txn_symlink (txn, 0, "a", "", "x"), EINVAL);
    FAILS (flux_kvs_txn_put_treeobj (txn, 0, "a", "{}"), EINVAL);
    FAILS (flux_kvs_txn_put_treeobj (txn, 0, "a", "nonsense"), EINVAL);
    FAILS (flux_kvs_txn_clear (NULL), EINVAL);
    assert_true (flux_kvs_txn_is_empty (txn));
    assert_true (flux_kvs_txn_is_empty (NULL));
    char *key = malloc (1024 * 1024 + 1);
    memset (key, 'k', 1024 * 1024);
    key[1024 * 1024] = '\0';
    FAILS (flux_kvs_txn_put (txn, 0, key, "v"), ENAMETOOLONG);
    free (key);
    flux_kvs_txn_destroy (txn);
    errno = 0;
    assert_null (flux_kvs_commit (NULL, NULL, 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_kvs_lookup (NULL, NULL, 0, "a"));
    assert_null (flux_kvs_lookup_get_key (NULL));
    FAILS (flux_kvs_lookup_cancel (NULL), EINVAL);
    FAILS (flux_kvs_lookup_get (NULL, NULL), EINVAL);
    FAILS (flux_kvs_commit_get_rootref (NULL, NULL), EINVAL);
}

static void test_compact (void **state)
{
    (void)state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_put (txn, 0, "a", "1");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "a", "2");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "a", "3");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "b", "4");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "b", "5");
    flux_kvs_txn_unlink (txn, 0, "b");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "b", "6");
    flux_kvs_txn_put (txn, 0, "b", "7");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "b", "");
    struct buf out = BUF_INIT;
    uint64_t count;
    assert_int_equal (kvs_txn_compact (txn, &out, &count), 0);
    assert_int_equal (count, 5);
    struct kvs_commit c = { .p = out.data, .end = out.data + out.len,
                            .count = count };
    const char *want[] = { "pa123", "ab45", "ub", "ab6", "pb7" };
    for (int i = 0; i < 5; i++) {
        struct kvs_txnop op;
        char s[16];
        assert_int_equal (kvs_commit_next (&c, &op), 1);
        snprintf (s, sizeof (s), "%c%.*s%.*s", op.type, (int)op.keylen, op.key,
                  (int)op.len, op.data ? op.data : "");
        assert_string_equal (s, want[i]);
    }
    buf_release (&out);
    flux_kvs_txn_destroy (txn);
}

static void check_dir (const flux_kvsdir_t *dir)
{
    assert_int_equal (flux_kvsdir_get_size (dir), 3);
    assert_true (flux_kvsdir_exists (dir, "a"));
    assert_false (flux_kvsdir_exists (dir, "z"));
    assert_true (flux_kvsdir_isdir (dir, "d"));
    assert_false (flux_kvsdir_isdir (dir, "a"));
    assert_true (flux_kvsdir_issymlink (dir, "l"));
    assert_false (flux_kvsdir_issymlink (dir, "z"));
    assert_string_equal (flux_kvsdir_key (dir), "x.y");
    char *s = flux_kvsdir_key_at (dir, "a");
    assert_string_equal (s, "x.y.a");
    free (s);
    flux_kvsitr_t *itr = flux_kvsitr_create (dir);
    for (int i = 0; i < 2; i++) {
        assert_string_equal (flux_kvsitr_next (itr), "a");
        assert_string_equal (flux_kvsitr_next (itr), "d");
        assert_string_equal (flux_kvsitr_next (itr), "l");
        assert_null (flux_kvsitr_next (itr));
        flux_kvsitr_rewind (itr);
    }
    flux_kvsitr_destroy (itr);
}

static void test_dir (void **state)
{
    (void)state;
    flux_kvsdir_t *dir = kvsdir_from_listing (NULL, NULL, "x.y",
                                              "v\001ad\001dl\001l", 9);
    check_dir (dir);
    assert_null (flux_kvsdir_rootref (dir));
    flux_kvsdir_t *cpy = flux_kvsdir_copy (dir);
    flux_kvsdir_incref (dir);
    flux_kvsdir_destroy (dir);
    check_dir (dir);
    flux_kvsdir_destroy (dir);
    check_dir (cpy);
    flux_kvsdir_destroy (cpy);
    dir = flux_kvsdir_create (NULL, "ref", "x.y",
        "{\"ver\":1,\"type\":\"dir\",\"data\":{"
        "\"l\":{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"q\"}},"
        "\"d\":{\"ver\":1,\"type\":\"dirref\",\"data\":"
        "[\"sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15\"]},"
        "\"a\":{\"ver\":1,\"type\":\"val\",\"data\":\"NDIyCg==\"}}}");
    assert_non_null (dir);
    check_dir (dir);
    assert_string_equal (flux_kvsdir_rootref (dir), "ref");
    flux_kvsdir_destroy (dir);
    flux_kvsdir_destroy (NULL);
    errno = 0;
    assert_null (flux_kvsdir_create (NULL, NULL, "x", "{}"));
    assert_int_equal (errno, EINVAL);
    assert_null (kvsdir_from_listing (NULL, NULL, "x", "q\001a", 3));
    assert_int_equal (errno, EPROTO);
    dir = kvsdir_from_listing (NULL, NULL, ".", "", 0);
    assert_int_equal (flux_kvsdir_get_size (dir), 0);
    char *s = flux_kvsdir_key_at (dir, "a.b");
    assert_string_equal (s, "a.b");
    free (s);
    flux_kvsdir_destroy (dir);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_build),
        cmocka_unit_test (test_bad),
        cmocka_unit_test (test_compact),
        cmocka_unit_test (test_dir),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
