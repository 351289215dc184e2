/* test_treeobj.c - KVS tree objects against RFC 11
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/treeobj.h"

#define REF "sha1-0123456789abcdef0123456789abcdef01234567"
#define REF2 "sha1-0123456789abcdef0123456789abcdef01234568"

static void check (json_t *o, const char *expect)
{
    char *s = treeobj_encode (o);

    assert_non_null (s);
    assert_string_equal (s, expect);
    assert_int_equal (treeobj_validate (o), 0);
    json_decref (o);
    assert_non_null ((o = treeobj_decode (s, strlen (s))));
    json_decref (o);
    free (s);
}

static void test_create (void **state)
{
    check (treeobj_val ("422\n", 4), "{\"data\":\"NDIyCg==\",\"type\":\"val\",\"ver\":1}");
    check (treeobj_val (NULL, 0), "{\"data\":\"\",\"type\":\"val\",\"ver\":1}");
    check (treeobj_valref (NULL), "{\"data\":[],\"type\":\"valref\",\"ver\":1}");
    check (treeobj_valref (REF), "{\"data\":[\"" REF "\"],\"type\":\"valref\",\"ver\":1}");
    check (treeobj_dirref (REF), "{\"data\":[\"" REF "\"],\"type\":\"dirref\",\"ver\":1}");
    check (treeobj_dir (), "{\"data\":{},\"type\":\"dir\",\"ver\":1}");
    check (treeobj_symlink (NULL, "a.a"),
           "{\"data\":{\"target\":\"a.a\"},\"type\":\"symlink\",\"ver\":1}");
    check (treeobj_symlink ("n", "a.a"), "{\"data\":{\"namespace\":\"n\",\"target\":"
                                         "\"a.a\"},\"type\":\"symlink\",\"ver\":1}");
}

static void test_val (void **state)
{
    json_t *o = treeobj_val ("a\0b", 3);
    void *data = NULL;
    size_t len = 0;

    assert_true (treeobj_is (o, "val"));
    assert_int_equal (treeobj_val_decode (o, &data, &len), 0);
    assert_int_equal (len, 3);
    assert_memory_equal (data, "a\0b\0", 4);
    free (data);
    json_decref (o);
    o = treeobj_dir ();
    assert_int_equal (treeobj_val_decode (o, &data, &len), -EINVAL);
    json_decref (o);
    assert_int_equal (treeobj_val_decode (NULL, &data, &len), -EINVAL);
}

static void test_refs (void **state)
{
    json_t *o = treeobj_valref (REF);
    size_t count;

    assert_int_equal (treeobj_add_ref (o, REF2), 0);
    assert_int_equal (treeobj_refs (o, &count), 0);
    assert_int_equal (count, 2);
    assert_string_equal (treeobj_ref (o, 1), REF2);
    assert_null (treeobj_ref (o, 2));
    assert_int_equal (treeobj_validate (o), 0);
    assert_int_equal (treeobj_add_ref (o, NULL), -EINVAL);
    json_decref (o);
    o = treeobj_dir ();
    assert_int_equal (treeobj_refs (o, &count), -EINVAL);
    assert_null (treeobj_ref (o, 0));
    assert_int_equal (treeobj_add_ref (o, REF), -EINVAL);
    json_decref (o);
}

static void test_dir (void **state)
{
    json_t *dir = treeobj_dir ();
    json_t *val = treeobj_val ("x", 1);

    assert_int_equal (treeobj_dir_set (dir, "b", val), 0);
    assert_int_equal (treeobj_dir_set (dir, "a", val), 0);
    assert_int_equal (treeobj_dir_set (dir, "", val), -EINVAL);
    assert_int_equal (treeobj_dir_set (val, "a", dir), -EINVAL);
    assert_ptr_equal (treeobj_dir_get (dir, "a"), val);
    assert_null (treeobj_dir_get (dir, "c"));
    assert_int_equal (treeobj_dir_del (dir, "a"), 0);
    assert_int_equal (treeobj_dir_del (dir, "a"), -ENOENT);
    assert_int_equal (treeobj_dir_del (val, "a"), -EINVAL);
    json_decref (val);
    check (dir, "{\"data\":{\"b\":{\"data\":\"eA==\",\"type\":\"val\",\"ver\":1}},"
                "\"type\":\"dir\",\"ver\":1}");
}

static void test_symlink (void **state)
{
    json_t *o = treeobj_symlink ("n", "t");
    const char *ns, *target;

    assert_int_equal (treeobj_symlink_parse (o, &ns, &target), 0);
    assert_string_equal (ns, "n");
    assert_string_equal (target, "t");
    json_decref (o);
    o = treeobj_symlink (NULL, "t");
    assert_int_equal (treeobj_symlink_parse (o, &ns, NULL), 0);
    assert_null (ns);
    json_decref (o);
    o = treeobj_dir ();
    assert_int_equal (treeobj_symlink_parse (o, &ns, &target), -EINVAL);
    json_decref (o);
}

static void test_invalid (void **state)
{
    const char *bad[] = {
        "", "1", "[]", "{}",
        "{\"ver\":2,\"type\":\"dir\",\"data\":{}}",
        "{\"ver\":1,\"type\":\"foo\",\"data\":{}}",
        "{\"ver\":1,\"type\":\"dir\"}",
        "{\"ver\":1,\"type\":\"dir\",\"data\":[]}",
        "{\"ver\":1,\"type\":\"dir\",\"data\":{\"a\":1}}",
        "{\"ver\":1,\"type\":\"dir\",\"data\":{\"\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}}",
        "{\"ver\":1,\"type\":\"val\",\"data\":1}",
        "{\"ver\":1,\"type\":\"val\",\"data\":\"abc\"}",
        "{\"ver\":1,\"type\":\"val\",\"data\":\"a===\"}",
        "{\"ver\":1,\"type\":\"val\",\"data\":\"ab c\"}",
        "{\"ver\":1,\"type\":\"valref\",\"data\":\"x\"}",
        "{\"ver\":1,\"type\":\"valref\",\"data\":[1]}",
        "{\"ver\":1,\"type\":\"valref\",\"data\":[\"sha1-xyz\"]}",
        "{\"ver\":1,\"type\":\"dirref\",\"data\":[]}",
        "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"" REF "\",\"" REF "\"]}",
        "{\"ver\":1,\"type\":\"symlink\",\"data\":\"a\"}",
        "{\"ver\":1,\"type\":\"symlink\",\"data\":{}}",
        "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"a\",\"namespace\":1}}",
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        errno = 0;
        if (treeobj_decode (bad[i], strlen (bad[i])))
            fail_msg ("accepted: %s", bad[i]);
        assert_int_equal (errno, EINVAL);
    }
    assert_int_equal (treeobj_validate (NULL), -EINVAL);
    assert_null (treeobj_encode (NULL));
    assert_null (treeobj_type (NULL));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_create),
        cmocka_unit_test (test_val),
        cmocka_unit_test (test_refs),
        cmocka_unit_test (test_dir),
        cmocka_unit_test (test_symlink),
        cmocka_unit_test (test_invalid),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
