/* test_rfc11.c - trees as RFC 11 objects, packed, and as redo records
 *
 * The digests were computed with another program.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"
#include "spec/treeobj.h"

static const char dir_text[] =
    "{\"data\":{\"a\":{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1},"
    "\"l\":{\"data\":{\"namespace\":\"n\",\"target\":\"t\"},\"type\":\"symlink\","
    "\"ver\":1}},\"type\":\"dir\",\"ver\":1}";
static const char dir_sha1[] = "sha1-4e6eb57715238dee2e4756b25c9d979504c48e0c";
static const char dir_sha256[] =
    "sha256-98051a06df327ee03492733c77423884abee510ec42d867aae2813beca92d198";
static const char outer_sha1[] = "sha1-c556e93e22d8ee4008c17d2fe7bb6e5c96296134";
static const char mega_sha1[] = "sha1-e37f4d5be56713044d62525e406d250a722647d6";
static const char rest_sha1[] = "sha1-50e483690ec481f4af7f6fb524b2b99eb1716565";

static void set (struct tnode *dir, const char *name, struct tnode *n)
{
    assert_int_equal (tdir_set (dir, name, strlen (name), n), 0);
    tnode_unref (n);
}

static struct tnode *small_dir (void)
{
    struct tnode *dir = tdir_new ();
    set (dir, "l", tlink_new ("n", "t"));
    set (dir, "a", tval_new ("1", 1, 1));
    return dir;
}

static void dir_is (const struct tnode *dir, const char *want)
{
    struct buf b = BUF_INIT;
    assert_int_equal (rfc11_dir (dir, "sha1", &b), 0);
    assert_string_equal (b.data, want);
    buf_release (&b);
}

static void test_dir (void **state)
{
    (void)state;
    char room[72];
    struct tnode *dir = small_dir (), *outer = tdir_new ();
    dir_is (dir, dir_text);
    assert_int_equal (rfc11_compute ("sha256", dir), 0);
    assert_string_equal (rfc11_dir_ref (dir, "sha256", room), dir_sha256);
    assert_int_equal (tdir_own (&dir), 0);  /* forgets it */
    assert_null (rfc11_dir_ref (dir, "sha1", room));
    set (outer, "d", tnode_ref (dir));
    struct buf b = BUF_INIT;
    assert_int_equal (rfc11_dir (outer, "sha1", &b), -EINVAL);
    buf_release (&b);
    assert_int_equal (rfc11_compute ("sha1", outer), 0);
    assert_string_equal (rfc11_dir_ref (dir, "sha1", room), dir_sha1);
    assert_string_equal (rfc11_dir_ref (outer, "sha1", room), outer_sha1);
    tnode_unref (dir);
    tnode_unref (outer);
}

static void test_cold (void **state)
{
    (void)state;
    char room[72];
    unsigned char digest[20];
    struct tnode *dir = small_dir (), *outer = tdir_new ();
    struct tnode *cold = tcold_new (3, dir, NULL);
    set (outer, "d", tnode_ref (cold));
    assert_int_equal (rfc11_compute ("sha1", outer), 0);
    assert_string_equal (rfc11_dir_ref (outer, "sha1", room), outer_sha1);
    for (int i = 0; i < 20; i++) {
        unsigned int byte;
        sscanf (dir_sha1 + 5 + 2 * i, "%2x", &byte);
        digest[i] = byte;
    }
    tcold_set_stored (cold, digest, 20);
    assert_string_equal (rfc11_dir_ref (cold, "sha1", room), dir_sha1);
    assert_int_equal (tdir_own (&outer), 0);
    assert_int_equal (rfc11_compute ("sha1", outer), 0);
    assert_string_equal (rfc11_dir_ref (outer, "sha1", room), outer_sha1);
    tnode_unref (cold);
    tnode_unref (outer);
    tnode_unref (dir);
}

static void test_large_value (void **state)
{
    (void)state;
    size_t len = RFC11_BLOB_MAX + 100;
    char *data = malloc (len), ref[72];
    memset (data, 'x', len);
    struct tnode *n = tval_new (data, len, 1);
    assert_int_equal (rfc11_val_blobs (n), 2);
    assert_int_equal (rfc11_val_ref (n, 0, ref), -ENOENT);
    assert_int_equal (rfc11_compute ("sha1", n), 0);
    assert_int_equal (rfc11_val_ref (n, 0, ref), 0);
    assert_string_equal (ref, mega_sha1);
    assert_int_equal (rfc11_val_ref (n, 1, ref), 0);
    assert_string_equal (ref, rest_sha1);
    assert_int_equal (rfc11_val_ref (n, 2, ref), -ENOENT);
    struct buf b = BUF_INIT;
    assert_int_equal (rfc11_entry (n, "sha1", &b), 0);
    json_t *o = treeobj_decode (b.data, b.len);
    assert_non_null (o);
    assert_true (treeobj_is (o, "valref"));
    size_t count;
    assert_int_equal (treeobj_refs (o, &count), 0);
    assert_int_equal (count, 2);
    assert_string_equal (treeobj_ref (o, 1), rest_sha1);
    json_decref (o);
    buf_release (&b);
    tnode_unref (n);
    n = tval_new (data, RFC11_VAL_MAX, 1);
    assert_int_equal (rfc11_val_blobs (n), 0);
    tnode_unref (n);
    free (data);
}

static void test_names (void **state)
{
    (void)state;
    struct tnode *dir = tdir_new ();
    set (dir, "q\"b\\c\n\x01", tval_new (NULL, 0, 1));
    set (dir, "\xc6\x92", tval_new (NULL, 0, 1));
    struct buf b = BUF_INIT;
    assert_int_equal (rfc11_dir (dir, "sha1", &b), 0);
    json_t *o = treeobj_decode (b.data, b.len);
    assert_non_null (o);
    assert_non_null (treeobj_dir_get (o, "q\"b\\c\n\x01"));
    assert_non_null (treeobj_dir_get (o, "\xc6\x92"));
    json_decref (o);
    buf_release (&b);
    tnode_unref (dir);
}

static struct tnode *parse (const char *s, int *rc)
{
    json_t *o = json_loads (s, 0, NULL);
    assert_non_null (o);
    struct tnode *n = rfc11_parse (o, 5, rc);
    json_decref (o);
    return n;
}

static void test_parse (void **state)
{
    (void)state;
    int rc;
    struct tnode *n = parse (dir_text, &rc);
    assert_non_null (n);
    dir_is (n, dir_text);
    tnode_unref (n);
    n = parse ("{\"ver\":1,\"type\":\"dirref\",\"data\":[\"sha1-"
               "f1d2d2f924e986ac86fdf7b36c94bcdf32beec15\"]}", &rc);
    assert_true (tnode_is_dir (n));
    assert_int_equal (tref_count (n), 1);
    tnode_unref (n);
    /* names that no key could reach */
    assert_null (parse ("{\"ver\":1,\"type\":\"dir\",\"data\":{\"a.b\":{\"ver\":1,"
                        "\"type\":\"val\",\"data\":\"\"}}}", &rc));
    assert_int_equal (rc, -EINVAL);
    assert_null (parse ("{\"ver\":1,\"type\":\"dir\",\"data\":{\"\":{\"ver\":1,"
                        "\"type\":\"val\",\"data\":\"\"}}}", &rc));
    assert_int_equal (rc, -EINVAL);
}

/* hashing gives way, and goes on where it was */
static void test_slices (void **state)
{
    (void)state;
    char room[72], room2[72], name[16];
    struct tnode *a = tdir_new (), *b = tdir_new ();
    for (int i = 0; i < 3000; i++) {
        snprintf (name, sizeof (name), "%d", i);
        set (a, name, small_dir ());
        set (b, name, small_dir ());
    }
    assert_int_equal (rfc11_compute ("sha1", a), 0);
    struct rfc11_job *job = rfc11_job_new ("sha1", b);
    int rc, slices = 0;
    while ((rc = rfc11_job_step (job, 1)) == 1)
        slices++;
    assert_int_equal (rc, 0);
    assert_true (slices > 3);
    rfc11_job_free (job);
    assert_string_equal (rfc11_dir_ref (a, "sha1", room),
                         rfc11_dir_ref (b, "sha1", room2));
    tnode_unref (a);
    tnode_unref (b);
}

/* -- packed ------------------------------------------------------------------------- */

/* References are there, what is frozen is not. */
static struct tnode *load_refs (void *arg, const struct tnode *n, int *rc)
{
    (void)arg;
    if (tnode_kind (n) == TNODE_REF)
        return tnode_is_dir (n) ? small_dir () : tval_new ("referred", 8, 0);
    *rc = -EIO;
    return NULL;
}

static const struct twalk_env env = { .load = load_refs };

static void test_pack (void **state)
{
    (void)state;
    struct tnode *dir = small_dir ();
    const char *refs[] = { "sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15" };
    int rc;
    set (dir, "d", small_dir ());
    set (dir, "e", tdir_new ());
    set (dir, "r", tref_new (false, refs, 1));
    set (dir, "s", tref_new (true, refs, 1));
    struct buf b = BUF_INIT, b2 = BUF_INIT;
    assert_int_equal (pack_dir (&env, dir, &b), 0);
    struct tnode *back = unpack_dir (b.data, b.len, &rc);
    assert_non_null (back);
    struct tnode *r = tdir_get (back, "r", 1);
    assert_int_equal (tnode_kind (r), TNODE_VAL);
    assert_int_equal (tval_len (r), 8);
    assert_int_equal (tnode_kind (tdir_get (back, "s", 1)), TNODE_DIR);
    assert_int_equal (pack_dir (&env, back, &b2), 0);
    assert_int_equal (b.len, b2.len);
    assert_memory_equal (b.data, b2.data, b.len);
    for (size_t cut = 0; cut < b.len; cut++) {
        char *part = malloc (cut + 1);
        memcpy (part, b.data, cut);
        assert_null (unpack_dir (part, cut, &rc));
        assert_int_equal (rc, -EPROTO);
        free (part);
    }
    buf_addc (&b, 'e');
    assert_null (unpack_dir (b.data, b.len, &rc));
    set (dir, "c", tcold_new (1, NULL, NULL));
    assert_int_equal (pack_dir (&env, dir, &b2), -EIO);
    /* references that were packed once are read */
    static const char json[] = "{\"data\":[\"sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15\"],"
                               "\"type\":\"valref\",\"ver\":1}";
    buf_clear (&b);
    buf_addc (&b, 'r');
    kvs_put_str (&b, "old", 3);
    kvs_put_str (&b, json, strlen (json));
    buf_addc (&b, 'e');
    tnode_unref (back);
    assert_non_null (back = unpack_dir (b.data, b.len, &rc));
    assert_int_equal (tnode_kind (tdir_get (back, "old", 3)), TNODE_REF);
    buf_release (&b);
    buf_release (&b2);
    tnode_unref (back);
    tnode_unref (dir);
}

/* -- redo records ----------------------------------------------------------------------- */

static void redo_is (struct buf *b, const char *want)
{
    const char *p = b->data, *end = p + b->len;
    struct buf s = BUF_INIT;
    struct redo_op op;
    int rc;
    while ((rc = redo_next (&p, end, &op)) == 1) {
        buf_addf (&s, "%c%d", op.type, (int)op.ns);
        if (op.key)
            buf_addf (&s, " %.*s", (int)op.keylen, op.key);
        if (strchr ("AFNSGb", op.type))
            buf_addf (&s, " %d", (int)op.num);
        if (op.data)
            buf_addf (&s, " =%.*s", (int)strnlen (op.data, op.len), op.data);
        buf_adds (&s, "; ");
    }
    assert_int_equal (rc, 0);
    assert_string_equal (s.data, want);
    for (size_t cut = 1; cut < b->len; cut++) {
        char *part = malloc (cut);
        memcpy (part, b->data, cut);
        for (p = part; (rc = redo_next (&p, part + cut, &op)) == 1;)
            ;
        assert_true (rc == 0 || rc == -EPROTO);
        free (part);
    }
    buf_release (&s);
    buf_release (b);
}

static void test_redo (void **state)
{
    (void)state;
    struct buf b = BUF_INIT, packed = BUF_INIT;
    struct tnode *dir = small_dir (), *empty = tdir_new ();
    struct tnode *val = tval_new ("abc", 3, 1), *more = tnode_ref (val);
    struct tnode *cold = tcold_new (9, NULL, NULL);
    set (dir, "e", tdir_new ());
    set (dir, "f", tnode_ref (cold));
    tval_append (&more, "def", 3);
    redo_change (&b, 2, TTXN_SET, "x.y", 3, NULL, dir, 0);
    redo_is (&b, "V2 x.y.a =1; E2 x.y.e; F2 x.y.f 9; L2 x.y.l =t; ");
    redo_change (&b, 0, TTXN_SET, "v", 1, dir, val, 0);
    redo_is (&b, "D0 v; V0 v =abc; ");
    redo_change (&b, 0, TTXN_APPEND, "v", 1, val, more, 3);
    redo_is (&b, "A0 v 3 =def; ");
    redo_change (&b, 0, TTXN_APPEND, "v", 1, val, val, 3);
    redo_is (&b, "");
    redo_change (&b, 0, TTXN_DEL, "v.w", 3, val, empty, 0);
    redo_is (&b, "X0 v.w; E0 v; ");
    redo_change (&b, 0, TTXN_DEL, "w", 1, dir, empty, 0);
    redo_is (&b, "D0 w; ");
    redo_change (&b, 0, TTXN_THAW, "f", 1, cold, dir, 0);
    redo_is (&b, "X0 f; V0 f.a =1; E0 f.e; F0 f.f 9; L0 f.l =t; ");
    redo_change (&b, 0, TTXN_SET, "", 0, dir, dir, 0);
    redo_is (&b, "D0 ; V0 a =1; E0 e; F0 f 9; L0 l =t; ");
    buf_adds (&packed, "e");
    redo_freeze (&b, 0, "j", 7, &packed);
    redo_seq (&b, 0, 12);
    redo_is (&b, "Z7 =e; D0 j; F0 j 7; S0 12; ");
    redo_blob (&b, "sha1-00", 3, "xyz", 3);
    redo_touch_blob (&b, "sha1-00", 4);
    redo_del_blob (&b, 17, 5);
    redo_is (&b, "B3 sha1-00 =xyz; T4 sha1-00; b5 17; ");
    buf_release (&packed);
    tnode_unref (dir);
    tnode_unref (empty);
    tnode_unref (val);
    tnode_unref (more);
    tnode_unref (cold);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_dir),
        cmocka_unit_test (test_cold),
        cmocka_unit_test (test_large_value),
        cmocka_unit_test (test_names),
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_slices),
        cmocka_unit_test (test_pack),
        cmocka_unit_test (test_redo),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
