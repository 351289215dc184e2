/* test_kvs_proto.c - keys, look-up flags, and commits on the wire */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"

static void key_is (const char *in, int rc, const char *want)
{
    char out[64] = "?";
    assert_int_equal (kvs_key_normalize (in, out), rc);
    if (rc == 0)
        assert_string_equal (out, want);
}

static void test_key (void **state)
{
    (void)state;
    key_is ("a", 0, "a");
    key_is ("a.b.c", 0, "a.b.c");
    key_is (".", 0, ".");
    key_is ("..", 0, ".");
    key_is ("....", 0, ".");
    key_is (".a", 0, "a");
    key_is ("a.", 0, "a");
    key_is ("a..b", 0, "a.b");
    key_is ("..a...b..", 0, "a.b");
    key_is ("sp ace/slash", 0, "sp ace/slash");
    key_is ("\xc6\x92" "2M", 0, "\xc6\x92" "2M");
    key_is ("", -EINVAL, NULL);
    key_is (NULL, -EINVAL, NULL);
    key_is ("a\xff" "b", -EINVAL, NULL);
    key_is ("\xc0\x80", -EINVAL, NULL);         /* overlong NUL */
    key_is ("\xed\xa0\x80", -EINVAL, NULL);     /* surrogate */
    key_is ("\xf4\x90\x80\x80", -EINVAL, NULL); /* above U+10FFFF */
    key_is ("\xc6", -EINVAL, NULL);
    char *big = malloc (KVS_KEY_MAX + 3), *out = malloc (KVS_KEY_MAX + 3);
    memset (big, 'a', KVS_KEY_MAX + 1);
    big[KVS_KEY_MAX + 1] = '\0';
    assert_int_equal (kvs_key_normalize (big, out), -ENAMETOOLONG);
    big[KVS_KEY_MAX] = '\0';
    assert_int_equal (kvs_key_normalize (big, out), 0);
    free (big);
    free (out);
}

static void test_namespace (void **state)
{
    (void)state;
    char big[300];
    memset (big, 'n', sizeof (big));
    big[256] = '\0';
    assert_false (kvs_namespace_valid (big));
    big[255] = '\0';
    assert_true (kvs_namespace_valid (big));
    assert_true (kvs_namespace_valid ("job-12"));
    assert_false (kvs_namespace_valid (""));
    assert_false (kvs_namespace_valid (NULL));
    assert_false (kvs_namespace_valid ("a b"));
    unsetenv ("FLUX_KVS_NAMESPACE");
    assert_string_equal (kvs_namespace_default (NULL), "primary");
    setenv ("FLUX_KVS_NAMESPACE", "other", 1);
    assert_string_equal (kvs_namespace_default (NULL), "other");
    assert_string_equal (kvs_namespace_default ("x"), "x");
    unsetenv ("FLUX_KVS_NAMESPACE");
}

static void test_flags (void **state)
{
    (void)state;
    const int good[] = {
        0,
        FLUX_KVS_READDIR,
        FLUX_KVS_READLINK,
        FLUX_KVS_TREEOBJ,
        FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE,
        FLUX_KVS_WATCH | FLUX_KVS_READDIR | FLUX_KVS_WATCH_FULL,
        FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND | FLUX_KVS_WATCH_INITIAL_SENTINEL,
        FLUX_KVS_STREAM | FLUX_KVS_WAITCREATE,
        FLUX_KVS_READDIR | KVS_LOOKUP_DIROBJ,
    };
    const int bad[] = {
        1 << 20,
        -1,
        FLUX_KVS_APPEND,
        FLUX_KVS_READDIR | FLUX_KVS_READLINK,
        FLUX_KVS_READDIR | FLUX_KVS_TREEOBJ,
        FLUX_KVS_WATCH_FULL,
        FLUX_KVS_WATCH | FLUX_KVS_WATCH_FULL | FLUX_KVS_WATCH_UNIQ,
        FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND | FLUX_KVS_READDIR,
        FLUX_KVS_WATCH | FLUX_KVS_WATCH_INITIAL_SENTINEL,
        FLUX_KVS_WATCH | FLUX_KVS_STREAM,
        FLUX_KVS_STREAM | FLUX_KVS_READDIR,
        KVS_LOOKUP_DIROBJ,
    };
    for (size_t i = 0; i < sizeof (good) / sizeof (good[0]); i++)
        assert_int_equal (kvs_lookup_flags_check (good[i]), 0);
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (kvs_lookup_flags_check (bad[i]), -EINVAL);
}

static void test_varint (void **state)
{
    (void)state;
    const uint64_t n[] = { 0, 1, 127, 128, 300, UINT32_MAX, INT64_MAX };
    for (size_t i = 0; i < sizeof (n) / sizeof (n[0]); i++) {
        struct buf b = BUF_INIT;
        uint64_t x;
        kvs_put_varint (&b, n[i]);
        const char *p = b.data;
        assert_int_equal (kvs_get_varint (&p, b.data + b.len, &x), 0);
        assert_true (x == n[i] && p == b.data + b.len);
        for (size_t cut = 0; cut < b.len; cut++) {
            p = b.data;
            assert_int_equal (kvs_get_varint (&p, b.data + cut, &x), -EPROTO);
            assert_ptr_equal (p, b.data);
        }
        buf_release (&b);
    }
    const char *p = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    uint64_t x;
    assert_int_equal (kvs_get_varint (&p, p + 11, &x), -EPROTO);
}

static const struct kvs_txnop ops[] = {
    { 'p', "a.b", 3, NULL, 0, "value", 5 },
    { 'a', "a", 1, NULL, 0, "", 0 },
    { 'd', ".", 1, NULL, 0, NULL, 0 },
    { 'u', "x.y.z", 5, NULL, 0, NULL, 0 },
    { 'l', "l", 1, "ns", 2, "..t..", 5 },
    { 'l', "l", 1, "", 0, "t", 1 },
    { 't', "t", 1, NULL, 0, "{}", 2 },
    { 'c', "c", 1, "primary", 7, "src", 3 },
};
enum { NOPS = sizeof (ops) / sizeof (ops[0]) };

static void test_commit (void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct kvs_commit c;
    struct kvs_txnop op;
    kvs_put_commit (&b, FLUX_KVS_SYNC, "primary", NOPS);
    for (int i = 0; i < NOPS; i++)
        kvs_put_op (&b, &ops[i]);
    assert_false (b.failed);
    assert_int_equal (kvs_commit_begin (&c, b.data, b.len), 0);
    assert_int_equal (c.flags, FLUX_KVS_SYNC);
    assert_int_equal (c.nslen, 7);
    assert_memory_equal (c.ns, "primary", 7);
    for (int i = 0; i < NOPS; i++) {
        assert_int_equal (kvs_commit_next (&c, &op), 1);
        assert_int_equal (op.type, ops[i].type);
        assert_int_equal (op.keylen, ops[i].keylen);
        assert_memory_equal (op.key, ops[i].key, op.keylen);
        assert_int_equal (op.nslen, ops[i].nslen);
        assert_int_equal (op.len, ops[i].len);
        if (op.len > 0)
            assert_memory_equal (op.data, ops[i].data, op.len);
    }
    assert_int_equal (kvs_commit_next (&c, &op), 0);

    /* every cut is noticed, none is read beyond */
    for (size_t cut = 0; cut < b.len; cut++) {
        char *part = malloc (cut + 1);
        memcpy (part, b.data, cut);
        int rc = kvs_commit_begin (&c, part, cut);
        if (rc == 0)
            while ((rc = kvs_commit_next (&c, &op)) == 1)
                ;
        assert_int_equal (rc, -EPROTO);
        free (part);
    }
    buf_addc (&b, 'x');
    assert_int_equal (kvs_commit_begin (&c, b.data, b.len), 0);
    int rc;
    while ((rc = kvs_commit_next (&c, &op)) == 1)
        ;
    assert_int_equal (rc, -EPROTO);
    buf_release (&b);
}

static void bad_op (struct kvs_txnop x)
{
    struct buf b = BUF_INIT;
    struct kvs_commit c;
    struct kvs_txnop op;
    kvs_put_commit (&b, 0, "primary", 1);
    kvs_put_op (&b, &x);
    assert_int_equal (kvs_commit_begin (&c, b.data, b.len), 0);
    assert_int_equal (kvs_commit_next (&c, &op), -EPROTO);
    buf_release (&b);
}

static void test_bad (void **state)
{
    (void)state;
    bad_op ((struct kvs_txnop){ 'p', "a..b", 4, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'p', "a.", 2, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'p', ".a", 2, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'p', "", 0, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'p', "a\0b", 3, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'p', "a\xc6", 2, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'z', "a", 1, NULL, 0, "x", 1 });
    bad_op ((struct kvs_txnop){ 'l', "a", 1, "n\0s", 3, "x", 1 });
    bad_op ((struct kvs_txnop){ 'l', "a", 1, "n", 1, "", 0 });
    bad_op ((struct kvs_txnop){ 'c', "a", 1, "n", 1, "x..y", 4 });
    struct kvs_commit c;
    assert_int_equal (kvs_commit_begin (&c, NULL, 0), -EPROTO);
    assert_int_equal (kvs_commit_begin (&c, "K\2\0\0\0", 5), -EPROTO);
    assert_int_equal (kvs_commit_begin (&c, "{}", 2), -EPROTO);
}

static void test_dirent (void **state)
{
    (void)state;
    const char *p = "v\001ad\002bbl\001c", *name;
    const char *end = p + 10;
    char type;
    size_t len;
    assert_int_equal (kvs_get_dirent (&p, end, &type, &name, &len), 1);
    assert_int_equal (type, 'v');
    assert_int_equal (kvs_get_dirent (&p, end, &type, &name, &len), 1);
    assert_int_equal (type, 'd');
    assert_int_equal (len, 2);
    assert_int_equal (kvs_get_dirent (&p, end, &type, &name, &len), 1);
    assert_int_equal (kvs_get_dirent (&p, end, &type, &name, &len), 0);
    p = "q\001a";
    assert_int_equal (kvs_get_dirent (&p, p + 3, &type, &name, &len), -EPROTO);
    p = "v\009a";
    assert_int_equal (kvs_get_dirent (&p, p + 3, &type, &name, &len), -EPROTO);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_key),
        cmocka_unit_test (test_namespace),
        cmocka_unit_test (test_flags),
        cmocka_unit_test (test_varint),
        cmocka_unit_test (test_commit),
        cmocka_unit_test (test_bad),
        cmocka_unit_test (test_dirent),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
