/* test_hostlist.c - tests of hostlist.c and hostrun.c */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <flux/hostlist.h>

#include "base/buf.h"

static struct hostlist *decode (const char *s)
{
    struct hostlist *hl = hostlist_decode (s);
    if (!hl)
        fail_msg ("cannot decode '%s'", s);
    return hl;
}

static void check (struct hostlist *hl, const char *expect)
{
    char *s = hostlist_encode (hl);
    assert_non_null (s);
    assert_string_equal (s, expect);
    free (s);
}

/* The names one by one, with commas */
static char *expand (struct hostlist *hl)
{
    struct buf b = BUF_INIT;
    const char *name;

    for (name = hostlist_first (hl); name; name = hostlist_next (hl))
        buf_addf (&b, "%s%s", b.len > 0 ? "," : "", name);
    return buf_take (&b);
}

static void test_vectors (void **state)
{
    static const struct {
        const char *in;
        const char *names;
        const char *encoded;
    } v[] = {
        /* RFC 29 */
        {"", "", ""},
        {"foox,fooy,fooz", "foox,fooy,fooz", "foox,fooy,fooz"},
        {"[1-3,5-6]", "1,2,3,5,6", "[1-3,5-6]"},
        {"foo[1-5]", "foo1,foo2,foo3,foo4,foo5", "foo[1-5]"},
        {"foo[0-4]-eth2",
         "foo0-eth2,foo1-eth2,foo2-eth2,foo3-eth2,foo4-eth2",
         "foo0-eth2,foo1-eth2,foo2-eth2,foo3-eth2,foo4-eth2"},
        {"foo1,foo1,foo1", "foo1,foo1,foo1", "foo[1,1,1]"},
        {"[00-02]", "00,01,02", "[00-02]"},
        {"[00-2]", "00,01,02", "[00-02]"},
        {"foo[1,1,2,1]", "foo1,foo1,foo2,foo1", "foo[1,1-2,1]"},
        {"[005,4,11-13]", "005,004,011,012,013", "[005,004,011-013]"},
        /* ours */
        {",,foo,", "foo", "foo"},
        {"foo0", "foo0", "foo0"},
        {"foo00,foo01", "foo00,foo01", "foo[00-01]"},
        {"foo9,foo10,foo11", "foo9,foo10,foo11", "foo[9-11]"},
        {"foo09,foo10,foo11", "foo09,foo10,foo11", "foo[09-11]"},
        {"foo10,foo09", "foo10,foo09", "foo10,foo09"},
        {"foo[8-11]", "foo8,foo9,foo10,foo11", "foo[8-11]"},
        {"foo[098-101]", "foo098,foo099,foo100,foo101", "foo[098-101]"},
        {"foo1[8-11]", "foo18,foo19,foo110,foo111", "foo[18-19,110-111]"},
        {"foo0[0-2]", "foo00,foo01,foo02", "foo[00-02]"},
        {"n[1-2].a.b", "n1.a.b,n2.a.b", "n[1-2].a.b"},
        {"n1.a.b,n2.a.b,n2", "n1.a.b,n2.a.b,n2", "n[1-2].a.b,n2"},
        {"foo,foo1", "foo,foo1", "foo,foo1"},
        {"foo[01],foo2", "foo01,foo2", "foo01,foo2"},
        {"foo[01,2]", "foo01,foo02", "foo[01-02]"},
        {"foo[2,01]", "foo2,foo01", "foo2,foo01"},
        {"h123456789012345678901,h123456789012345678902",
         "h123456789012345678901,h123456789012345678902",
         "h123[456789012345678901-456789012345678902]"},
    };

    for (size_t i = 0; i < sizeof (v) / sizeof (v[0]); i++) {
        struct hostlist *hl = decode (v[i].in);
        char *names = expand (hl);
        assert_string_equal (names, v[i].names);
        check (hl, v[i].encoded);
        struct hostlist *back = decode (v[i].encoded);
        char *again = expand (back);
        assert_string_equal (again, v[i].names);
        free (names);
        free (again);
        hostlist_destroy (hl);
        hostlist_destroy (back);
    }
}

static void test_bad (void **state)
{
    static const char *bad[] = {
        "foo[", "foo]", "foo[]", "foo[1", "foo1]", "[[1]]", "foo[1-]",
        "foo[-1]", "foo[1,]", "foo[,1]", "foo[2-1]", "foo[1-2-3]", "foo[a]",
        "foo[1 ]", "foo 1", "foo\t", " foo", "a[1]b[2]", "a[1][2]", "\xc3\xa9",
        "foo[1--2]", "foo[1,,2]",
    };
    static const char *range[] = {
        "foo[0-99999999999]", "foo[1-1000000000000000000]",
        "foo[9999999999999999999]", "foo[0-9999999]-1", "foo[0-39999]-1,foo[0-39999]-1",
        "foo[0-2000000000],foo[0-2000000000]",
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        if (hostlist_decode (bad[i]))
            fail_msg ("'%s' was accepted", bad[i]);
        assert_int_equal (errno, EINVAL);
    }
    for (size_t i = 0; i < sizeof (range) / sizeof (range[0]); i++) {
        if (hostlist_decode (range[i]))
            fail_msg ("'%s' was accepted", range[i]);
        assert_int_equal (errno, ERANGE);
    }
    assert_null (hostlist_decode (NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (hostlist_encode (NULL));
    assert_null (hostlist_copy (NULL));
    assert_int_equal (hostlist_count (NULL), 0);
    assert_int_equal (hostlist_append (NULL, "foo"), -1);
    assert_null (hostlist_first (NULL));
    assert_null (hostlist_last (NULL));
    assert_null (hostlist_next (NULL));
    assert_null (hostlist_current (NULL));
    assert_null (hostlist_nth (NULL, 0));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (hostlist_find (NULL, "x"), -1);
    assert_int_equal (hostlist_delete (NULL, "x"), -1);
    assert_int_equal (hostlist_remove_current (NULL), -1);
    assert_null (hostlist_hostname_create (NULL));
    hostlist_sort (NULL);
    hostlist_uniq (NULL);
    hostlist_destroy (NULL);
    hostlist_hostname_destroy (NULL);
}

static void test_append (void **state)
{
    struct hostlist *hl = hostlist_create ();
    struct hostlist *hl2 = decode ("foo[6-7],bar");

    assert_int_equal (hostlist_count (hl), 0);
    assert_null (hostlist_first (hl));
    assert_int_equal (errno, ENOENT);
    assert_int_equal (hostlist_append (hl, "foo[0-4]"), 5);
    assert_int_equal (hostlist_append (hl, "foo5"), 1);
    assert_int_equal (hostlist_append (hl, ""), 0);
    assert_int_equal (hostlist_append (hl, "foo6,bad["), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (hostlist_append (hl, NULL), -1);
    check (hl, "foo[0-5]");
    assert_int_equal (hostlist_append_list (hl, hl2), 3);
    check (hl, "foo[0-7],bar");
    assert_int_equal (hostlist_append_list (hl2, hl2), 3);
    check (hl2, "foo[6-7],bar,foo[6-7],bar");
    assert_int_equal (hostlist_append_list (hl, NULL), -1);
    hostlist_destroy (hl2);
    check (hl, "foo[0-7],bar");
    hostlist_destroy (hl);
}

static void test_append_undone (void **state)
{
    struct hostlist *hl = decode ("foo[0-1999999999]");

    assert_int_equal (hostlist_append (hl, "foo[2000000000-2000000009],"
                                           "a[0-999999999]"), -1);
    assert_int_equal (errno, ERANGE);
    check (hl, "foo[0-1999999999]");
    assert_int_equal (hostlist_count (hl), 2000000000);
    hostlist_destroy (hl);
}

static void test_cursor (void **state)
{
    struct hostlist *hl = decode ("a,foo[1-3],b");

    assert_string_equal (hostlist_current (hl), "a");
    assert_string_equal (hostlist_next (hl), "foo1");
    assert_string_equal (hostlist_nth (hl, 4), "b");
    assert_null (hostlist_next (hl));
    assert_null (hostlist_current (hl));
    assert_null (hostlist_next (hl));
    assert_string_equal (hostlist_last (hl), "b");
    assert_string_equal (hostlist_nth (hl, 2), "foo2");
    assert_null (hostlist_nth (hl, 5));
    assert_int_equal (errno, ENOENT);
    assert_null (hostlist_nth (hl, -1));
    assert_string_equal (hostlist_current (hl), "foo2");
    assert_int_equal (hostlist_find (hl, "foo3"), 3);
    assert_string_equal (hostlist_current (hl), "foo3");
    assert_int_equal (hostlist_find (hl, "foo03"), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (hostlist_find (hl, "foo"), -1);
    assert_int_equal (hostlist_find (hl, ""), -1);
    assert_int_equal (hostlist_find (hl, "foo[1-2]"), -1);

    struct hostlist_hostname *hn = hostlist_hostname_create ("foo2");
    assert_int_equal (hostlist_find_hostname (hl, hn), 2);
    assert_int_equal (hostlist_find_hostname (hl, NULL), -1);
    hostlist_hostname_destroy (hn);

    struct hostlist *cpy = hostlist_copy (hl);
    hostlist_destroy (hl);
    assert_string_equal (hostlist_current (cpy), "foo2");
    check (cpy, "a,foo[1-3],b");
    hostlist_destroy (cpy);
}

static void test_remove_current (void **state)
{
    struct hostlist *hl = decode ("foo[1-5]");

    hostlist_nth (hl, 2);
    assert_int_equal (hostlist_remove_current (hl), 1);
    check (hl, "foo[1-2,4-5]");
    assert_string_equal (hostlist_current (hl), "foo4");
    hostlist_first (hl);
    assert_int_equal (hostlist_remove_current (hl), 1);
    check (hl, "foo[2,4-5]");
    hostlist_last (hl);
    assert_int_equal (hostlist_remove_current (hl), 1);
    assert_null (hostlist_current (hl));
    assert_int_equal (hostlist_remove_current (hl), 0);
    check (hl, "foo[2,4]");
    hostlist_first (hl);
    assert_int_equal (hostlist_remove_current (hl), 1);
    assert_int_equal (hostlist_remove_current (hl), 1);
    assert_int_equal (hostlist_count (hl), 0);
    check (hl, "");
    hostlist_destroy (hl);
}

static void test_delete (void **state)
{
    static const struct {
        const char *from;
        const char *del;
        int count;
        const char *left;
    } v[] = {
        {"foo[1-5]", "foo3", 1, "foo[1-2,4-5]"},
        {"foo[1-5]", "foo[2-3,5]", 3, "foo[1,4]"},
        {"foo[1-5]", "foo[0-9]", 5, ""},
        {"foo[1-5]", "bar[1-5]", 0, "foo[1-5]"},
        {"foo[1-5]", "foo[01-05]", 0, "foo[1-5]"},
        {"foo[1-5]", "", 0, "foo[1-5]"},
        {"a,b,a", "a", 2, "b"},
        {"foo[10-15]", "foo1[0-3]", 4, "foo[14-15]"},
        {"foo[005-120]", "foo[050-110]", 61, "foo[005-049,111-120]"},
        {"foo[1-3],bar,foo[2-4]", "foo[3,2,2-3]", 4, "foo1,bar,foo4"},
        {"n[1-3].x,n[1-3]", "n2.x,n1", 2, "n[1,3].x,n[2-3]"},
    };

    for (size_t i = 0; i < sizeof (v) / sizeof (v[0]); i++) {
        struct hostlist *hl = decode (v[i].from);
        assert_int_equal (hostlist_delete (hl, v[i].del), v[i].count);
        check (hl, v[i].left);
        hostlist_destroy (hl);
    }
}

static void test_delete_cursor (void **state)
{
    struct hostlist *hl = decode ("foo[1-9]");

    hostlist_find (hl, "foo5");
    assert_int_equal (hostlist_delete (hl, "foo[1-2,8]"), 3);
    assert_string_equal (hostlist_current (hl), "foo5");
    assert_int_equal (hostlist_delete (hl, "foo[4-6]"), 3);
    assert_string_equal (hostlist_current (hl), "foo7");
    assert_int_equal (hostlist_delete (hl, "foo["), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (hostlist_delete (hl, "foo[7-9]"), 2);
    assert_null (hostlist_current (hl));
    check (hl, "foo3");
    hostlist_destroy (hl);
}

static void test_sort_uniq (void **state)
{
    static const struct {
        const char *in;
        const char *sorted;
        const char *uniq;
    } v[] = {
        {"", "", ""},
        {"foo[5,4,3]", "foo[3-5]", "foo[3-5]"},
        {"foo10,foo9,bar", "bar,foo[9-10]", "bar,foo[9-10]"},
        {"b,a,b,a", "a,a,b,b", "a,b"},
        {"foo[1-5],foo[3-7]", "foo[1-3,3-4,4-5,5-7]", "foo[1-7]"},
        {"foo[1-9],foo[2-3],foo2", "foo[1-2,2,2-3,3-9]", "foo[1-9]"},
        {"foo[3-7],foo[1-9]", "foo[1-3,3-4,4-5,5-6,6-7,7-9]", "foo[1-9]"},
        {"foo[100-101],foo[001-005]", "foo[001-005,100-101]",
         "foo[001-005,100-101]"},
        {"foo2,foo02,foo1,foo2", "foo[1-2,2],foo02", "foo[1-2],foo02"},
        {"foo1,foo", "foo,foo1", "foo,foo1"},
        {"foo[1-2].b,foo[1-2].a,foo1", "foo1,foo[1-2].a,foo[1-2].b",
         "foo1,foo[1-2].a,foo[1-2].b"},
    };

    for (size_t i = 0; i < sizeof (v) / sizeof (v[0]); i++) {
        struct hostlist *hl = decode (v[i].in);
        int count = hostlist_count (hl);
        hostlist_sort (hl);
        check (hl, v[i].sorted);
        assert_int_equal (hostlist_count (hl), count);
        hostlist_uniq (hl);
        check (hl, v[i].uniq);
        hostlist_destroy (hl);
    }
}

static void test_million (void **state)
{
    struct hostlist *hl = decode ("node[0-999999]");

    assert_int_equal (hostlist_count (hl), 1000000);
    for (int i = 0; i < 1000000; i += 997) {
        char name[32];
        snprintf (name, sizeof (name), "node%d", i);
        assert_string_equal (hostlist_nth (hl, i), name);
        assert_int_equal (hostlist_find (hl, name), i);
    }
    assert_int_equal (hostlist_delete (hl, "node[100-999998]"), 999899);
    assert_int_equal (hostlist_append (hl, "node[0-999999]"), 1000000);
    hostlist_uniq (hl);
    check (hl, "node[0-999999]");
    hostlist_destroy (hl);
}

/* At the limits of hostrun.h, and one beyond */
static void test_limits (void **state)
{
    struct hostlist *hl = decode ("n[0-2147483646]");

    assert_int_equal (hostlist_count (hl), INT_MAX);
    assert_string_equal (hostlist_nth (hl, INT_MAX - 1), "n2147483646");
    assert_int_equal (hostlist_append (hl, "x"), -1);
    assert_int_equal (errno, ERANGE);
    assert_int_equal (hostlist_append_list (hl, hl), -1);
    assert_int_equal (errno, ERANGE);
    assert_int_equal (hostlist_count (hl), INT_MAX);
    hostlist_destroy (hl);
    assert_null (hostlist_decode ("n[0-2147483647]"));
    assert_int_equal (errno, ERANGE);
    /* numbers have 18 digits */
    hl = decode ("n[999999999999999998-999999999999999999]");
    assert_string_equal (hostlist_nth (hl, 1), "n999999999999999999");
    hostlist_destroy (hl);
    assert_null (hostlist_decode ("n[1000000000000000000]"));
    assert_int_equal (errno, ERANGE);
    /* before a suffix with digits each name is made */
    hl = decode ("n[0-65535]x1");
    assert_int_equal (hostlist_count (hl), 65536);
    hostlist_destroy (hl);
    assert_null (hostlist_decode ("n[0-65536]x1"));
    assert_int_equal (errno, ERANGE);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors),
        cmocka_unit_test (test_bad),
        cmocka_unit_test (test_limits),
        cmocka_unit_test (test_append),
        cmocka_unit_test (test_append_undone),
        cmocka_unit_test (test_cursor),
        cmocka_unit_test (test_remove_current),
        cmocka_unit_test (test_delete),
        cmocka_unit_test (test_delete_cursor),
        cmocka_unit_test (test_sort_uniq),
        cmocka_unit_test (test_million),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
