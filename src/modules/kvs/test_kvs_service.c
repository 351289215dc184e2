/* test_kvs_service.c - the services with the client library: look-ups, commits,
 * namespaces, what guests may do
 */

#include "modules/kvs/test_services.h"

/* -- tests ----------------------------------------------------------------------- */

static void test_put_get (void **state)
{
    struct fixture *x = *state;
    flux_t *hs[] = { x->h, x->h1 };
    for (int i = 0; i < 2; i++) {
        flux_t *h = hs[i];
        assert_true (put (h, NULL, 0, "pg.a", "1") > 0);
        get_is (h, NULL, "pg.a", "1");
        get_is (h, NULL, "pg..a.", "1");
        put (h, NULL, FLUX_KVS_APPEND, "pg.a", "2");
        get_is (h, NULL, "pg.a", "12");
        put (h, NULL, 0, "pg.empty", NULL);
        get_is (h, NULL, "pg.empty", NULL);
        fails (flux_kvs_lookup (h, NULL, 0, "pg.none"), ENOENT);
        fails (flux_kvs_lookup (h, NULL, 0, "pg.a.b"), ENOTDIR);
        fails (flux_kvs_lookup (h, NULL, 0, "pg"), EISDIR);
        fails (flux_kvs_lookup (h, NULL, FLUX_KVS_READDIR, "pg.a"), ENOTDIR);
        fails (flux_kvs_lookup (h, NULL, FLUX_KVS_READLINK, "pg.a"), EINVAL);
        fails (flux_kvs_lookup (h, "nope", 0, "pg.a"), ENOTSUP);
        assert_null (flux_kvs_lookup (h, NULL, 0, "pg\xff"));
        assert_int_equal (errno, EINVAL);
        assert_int_equal (put (h, "nope", 0, "pg.a", "1"), -ENOTSUP);
        assert_int_equal (put (h, NULL, FLUX_KVS_APPEND, "pg", "1"), -EISDIR);
    }
    /* an error names the key */
    flux_future_t *f = flux_kvs_lookup (x->h, NULL, 0, "pg.none");
    ready (f);
    assert_non_null (strstr (flux_future_error_string (f), "pg.none"));
    flux_future_destroy (f);
}

static void test_json_raw (void **state)
{
    struct fixture *x = *state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_pack (txn, 0, "jr.o", "{s:i s:s}", "n", 42, "s", "t");
    flux_kvs_txn_put_raw (txn, 0, "jr.raw", "\0\1\377", 3);
    flux_kvs_txn_pack (txn, 0, "jr.i", "i", 7);
    assert_true (commit (x->h, NULL, 0, txn) > 0);
    flux_future_t *f = flux_kvs_lookup (x->h1, NULL, 0, "jr.o");
    int n;
    const char *s;
    ready (f);
    OK (flux_kvs_lookup_get_unpack (f, "{s:i s:s}", "n", &n, "s",
                                                  &s));
    assert_int_equal (n, 42);
    assert_string_equal (s, "t");
    assert_int_equal (flux_kvs_lookup_get_unpack (f, "{s:i}", "x", &n), -1);
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);
    f = flux_kvs_lookup (x->h, NULL, 0, "jr.raw");
    const void *data;
    size_t len;
    ready (f);
    OK (flux_kvs_lookup_get_raw (f, &data, &len));
    assert_int_equal (len, 3);
    assert_memory_equal (data, "\0\1\377", 3);
    assert_int_equal (flux_kvs_lookup_get_unpack (f, "i", &n), -1);
    const char *treeobj;
    OK (flux_kvs_lookup_get_treeobj (f, &treeobj));
    assert_string_equal (treeobj,
                         "{\"data\":\"AAH/\",\"type\":\"val\",\"ver\":1}");
    assert_int_equal (flux_kvs_lookup_get_dir (f, NULL), -1);
    assert_int_equal (errno, ENOTDIR);
    assert_int_equal (flux_kvs_lookup_get_symlink (f, NULL, NULL), -1);
    flux_future_destroy (f);
}

static void test_atomic (void **state)
{
    struct fixture *x = *state;
    put (x->h, NULL, 0, "at.dir.x", "1");
    int seq, seq2;
    flux_kvs_get_version (x->h, NULL, &seq);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_put (txn, 0, "at.new", "1");
    flux_kvs_txn_unlink (txn, 0, "at.dir.x");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "at.dir", "1");
    assert_int_equal (commit (x->h, NULL, 0, txn), -EISDIR);
    fails (flux_kvs_lookup (x->h, NULL, 0, "at.new"), ENOENT);
    get_is (x->h, NULL, "at.dir.x", "1");
    flux_kvs_get_version (x->h1, NULL, &seq2);
    assert_int_equal (seq, seq2);
    /* nothing to do is no change */
    assert_int_equal (commit (x->h, NULL, FLUX_KVS_SYNC, flux_kvs_txn_create ()),
                      seq);
    assert_int_equal (put (x->h, NULL, 0, "at.new", "2"), seq + 1);
    OK (flux_kvs_wait_version (x->h1, NULL, seq + 1));
    get_is (x->h1, NULL, "at.new", "2");
}

static void test_dir (void **state)
{
    struct fixture *x = *state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_put (txn, 0, "dir.v", "1");
    flux_kvs_txn_mkdir (txn, 0, "dir.d");
    flux_kvs_txn_symlink (txn, 0, "dir.l", NULL, "dir.v");
    flux_kvs_txn_symlink (txn, 0, "dir.m", "ns", "x.y");
    commit (x->h, NULL, 0, txn);
    flux_future_t *f = flux_kvs_lookup (x->h1, NULL, FLUX_KVS_READDIR, "dir");
    const flux_kvsdir_t *dir;
    ready (f);
    OK (flux_kvs_lookup_get_dir (f, &dir));
    assert_int_equal (flux_kvsdir_get_size (dir), 4);
    assert_true (flux_kvsdir_isdir (dir, "d"));
    assert_true (flux_kvsdir_issymlink (dir, "l"));
    assert_false (flux_kvsdir_isdir (dir, "v"));
    const char *treeobj;
    OK (flux_kvs_lookup_get_treeobj (f, &treeobj));
    assert_non_null (strstr (treeobj, "\"d\":{\"data\":[\"sha1-"));
    assert_int_equal (flux_kvs_lookup_get (f, NULL), -1);
    assert_int_equal (errno, EISDIR);
    flux_future_destroy (f);
    f = flux_kvs_lookup (x->h, NULL, FLUX_KVS_READLINK, "dir.l");
    const char *ns, *target;
    ready (f);
    OK (flux_kvs_lookup_get_symlink (f, &ns, &target));
    assert_null (ns);
    assert_string_equal (target, "dir.v");
    flux_future_destroy (f);
    f = flux_kvs_lookup (x->h, NULL, FLUX_KVS_READLINK, "dir.m");
    ready (f);
    OK (flux_kvs_lookup_get_symlink (f, &ns, &target));
    assert_string_equal (ns, "ns");
    assert_string_equal (target, "x.y");
    flux_future_destroy (f);
    get_is (x->h, NULL, "dir.l", "1");
    fails (flux_kvs_lookup (x->h, NULL, 0, "dir.m"), ENOTSUP);
}

static void test_copy_move (void **state)
{
    struct fixture *x = *state;
    put (x->h, NULL, 0, "cm.a.x", "1");
    put (x->h, NULL, 0, "cm.a.y", "2");
    flux_future_t *f = flux_kvs_copy (x->h, NULL, "cm.a", NULL, "cm.b", 0);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
    put (x->h, NULL, 0, "cm.a.x", "3");
    get_is (x->h, NULL, "cm.b.x", "1");
    get_is (x->h, NULL, "cm.a.x", "3");
    f = flux_kvs_move (x->h, NULL, "cm.a", NULL, "cm.c", 0);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
    get_is (x->h, NULL, "cm.c.x", "3");
    fails (flux_kvs_lookup (x->h, NULL, FLUX_KVS_READDIR, "cm.a"), ENOENT);
    fails (flux_kvs_copy (x->h, NULL, "cm.none", NULL, "cm.d", 0), ENOENT);
    fails (flux_kvs_copy (x->h, "none", "cm.c", NULL, "cm.d", 0), ENOTSUP);

    f = flux_kvs_namespace_create (x->h, "cmns", FLUX_USERID_UNKNOWN, 0);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
    f = flux_kvs_move (x->h1, NULL, "cm.c", "cmns", "z", 0);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
    get_is (x->h, "cmns", "z.x", "3");
    fails (flux_kvs_lookup (x->h, NULL, FLUX_KVS_READDIR, "cm.c"), ENOENT);
}

static void test_roots (void **state)
{
    struct fixture *x = *state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_put (txn, 0, "rt.a.b", "old");
    char *big = malloc (3000001);
    memset (big, 'B', 3000000);
    big[3000000] = '\0';
    flux_kvs_txn_put (txn, 0, "rt.big", big);
    flux_future_t *f = flux_kvs_commit (x->h1, NULL, 0, txn);
    flux_kvs_txn_destroy (txn);
    ready (f);
    put (x->h, NULL, 0, "rt.a.b", "new");
    const char *ref, *obj;
    OK (flux_kvs_commit_get_rootref (f, &ref));
    assert_int_equal (strncmp (ref, "sha1-", 5), 0);
    OK (flux_kvs_commit_get_treeobj (f, &obj));
    flux_future_t *f2 = flux_kvs_lookupat (x->h1, 0, "rt.a.b", obj);
    const char *value;
    ready (f2);
    OK (flux_kvs_lookup_get (f2, &value));
    assert_string_equal (value, "old");
    flux_future_destroy (f2);

    /* getroot: the same content has the same reference */
    f2 = flux_kvs_getroot (x->h1, NULL, 0);
    ready (f2);
    const char *ref2, *ref3, *obj2;
    int seq, seq2;
    uint32_t owner;
    OK (flux_kvs_getroot_get_blobref (f2, &ref2));
    OK (flux_kvs_getroot_get_sequence (f2, &seq2));
    OK (flux_kvs_getroot_get_owner (f2, &owner));
    OK (flux_kvs_getroot_get_treeobj (f2, &obj2));
    assert_int_equal (owner, getuid ());
    OK (flux_kvs_commit_get_sequence (f, &seq));
    assert_true (seq2 > seq);
    assert_string_not_equal (ref, ref2);
    put (x->h, NULL, 0, "rt.a.b", "old");
    flux_future_t *f3 = flux_kvs_getroot (x->h, NULL, 0);
    ready (f3);
    OK (flux_kvs_getroot_get_blobref (f3, &ref3));
    assert_string_equal (ref, ref3);
    flux_future_destroy (f3);

    /* tree objects put back are the same tree */
    txn = flux_kvs_txn_create ();
    flux_kvs_txn_put_treeobj (txn, 0, "rt.snap", obj2);
    commit (x->h, NULL, 0, txn);
    get_is (x->h, NULL, "rt.snap.rt.a.b", "new");
    f3 = flux_kvs_lookup (x->h, NULL, FLUX_KVS_TREEOBJ, "rt.big");
    ready (f3);
    OK (flux_kvs_lookup_get_treeobj (f3, &obj));
    assert_non_null (strstr (obj, "valref"));
    txn = flux_kvs_txn_create ();
    flux_kvs_txn_put_treeobj (txn, 0, "rt.big2", obj);
    commit (x->h, NULL, 0, txn);
    get_is (x->h1, NULL, "rt.big2", big);
    assert_int_equal (flux_kvs_lookup_get (f3, &value), -1);
    assert_int_equal (errno, EINVAL);
    flux_future_destroy (f3);

    /* a namespace that begins as a snapshot */
    f3 = flux_kvs_namespace_create_with (x->h, "rtns", ref, 1234, 0);
    ready (f3);
    OK (flux_future_get (f3, NULL));
    flux_future_destroy (f3);
    get_is (x->h, "rtns", "rt.a.b", "old");
    fails (flux_kvs_namespace_create_with (x->h, "rtns2",
        "sha1-0000000000000000000000000000000000000000", 1234, 0), EIO);
    fails (flux_kvs_namespace_create_with (x->h, "rtns2", "x", 1234, 0), EIO);
    fails (flux_kvs_lookupat (x->h, 0, "a",
        "{\"data\":[\"sha1-0000000000000000000000000000000000000000\"],"
        "\"type\":\"dirref\",\"ver\":1}"), EIO);
    flux_future_destroy (f);
    flux_future_destroy (f2);
    free (big);
}

static void test_namespace (void **state)
{
    struct fixture *x = *state;
    flux_future_t *f;
    f = flux_kvs_namespace_create (x->h1, "n1", 4321, 0);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
    fails (flux_kvs_namespace_create (x->h, "n1", 1, 0), EEXIST);
    fails (flux_kvs_namespace_create (x->h, "primary", 1, 0), EEXIST);
    assert_int_equal (put (x->h, "n1", 0, "a.b", "1"), 1);
    get_is (x->h1, "n1", "a.b", "1");
    f = flux_kvs_getroot (x->h, "n1", 0);
    uint32_t owner;
    ready (f);
    OK (flux_kvs_getroot_get_owner (f, &owner));
    assert_int_equal (owner, 4321);
    flux_future_destroy (f);
    f = flux_rpc (x->h, "kvs.namespace-list", NULL, FLUX_NODEID_ANY, 0);
    json_t *a;
    ready (f);
    OK (flux_rpc_get_unpack (f, "{s:o}", "namespaces", &a));
    assert_true (json_array_size (a) >= 2);
    flux_future_destroy (f);
    /* a version that does not come */
    f = flux_rpc_pack (x->h, "kvs.wait-version", FLUX_NODEID_ANY, 0,
                       "{s:s s:i}", "namespace", "n1", "rootseq", 99);
    flux_future_t *f2 = flux_kvs_namespace_remove (x->h, "n1");
    ready (f2);
    OK (flux_future_get (f2, NULL));
    flux_future_destroy (f2);
    fails (f, ENOTSUP);
    fails (flux_kvs_lookup (x->h, "n1", 0, "a.b"), ENOTSUP);
    fails (flux_kvs_namespace_remove (x->h, "n1"), ENOTSUP);
    fails (flux_kvs_namespace_remove (x->h, "primary"), ENOTSUP);
}

static void test_large (void **state)
{
    struct fixture *x = *state;
    size_t size = 100 * 1024 * 1024;
    char *big = malloc (size + 1);
    memset (big, 'x', size);
    big[size] = '\0';
    assert_true (put (x->h, NULL, 0, "large.v", big) > 0);
    flux_future_t *f = flux_kvs_lookup (x->h, NULL, 0, "large.v");
    const void *data;
    size_t len;
    ready (f);
    OK (flux_kvs_lookup_get_raw (f, &data, &len));
    assert_int_equal (len, size);
    assert_int_equal (((const char *)data)[size - 1], 'x');
    flux_future_destroy (f);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_unlink (txn, 0, "large.v");
    commit (x->h, NULL, 0, txn);
    memset (big, 'k', 1024 * 1024);
    big[1024 * 1024] = '\0';
    fails (flux_kvs_lookup (x->h, NULL, 0, big), ENAMETOOLONG);
    for (int i = 0; i < 20001; i++)
        big[i] = i % 2 ? '.' : 'd';
    big[20001] = '\0';
    assert_true (put (x->h, NULL, 0, big, "deep") > 0);
    get_is (x->h1, NULL, big, "deep");
    big[1999] = '\0';
    f = flux_kvs_lookup (x->h, NULL, FLUX_KVS_TREEOBJ, big);
    ready (f);
    OK (flux_kvs_lookup_get_treeobj (f, NULL));
    flux_future_destroy (f);
    free (big);
}

static void test_malformed (void **state)
{
    struct fixture *x = *state;
    static const char *const topics[] = {
        "kvs.commit", "kvs.lookup", "kvs-watch.lookup", "kvs.getroot",
        "kvs.rootref", "kvs.version", "kvs.wait-version",
        "kvs.namespace-create", "kvs.namespace-remove", "kvs.namespace-graft",
    };
    for (size_t i = 0; i < sizeof (topics) / sizeof (topics[0]); i++) {
        fails (flux_rpc (x->h, topics[i], NULL, FLUX_NODEID_ANY, 0), EPROTO);
        fails (flux_rpc (x->h1, topics[i], "{}", FLUX_NODEID_ANY, 0), EPROTO);
        fails (flux_rpc (x->h, topics[i], "[1]", FLUX_NODEID_ANY, 0), EPROTO);
    }
    fails (flux_rpc (x->h, "kvs-watch.lookup",
                     "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":4}",
                     FLUX_NODEID_ANY, 0), EPROTO);
    fails (flux_rpc (x->h, "kvs.lookup",
                     "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":-1}",
                     FLUX_NODEID_ANY, 0), EINVAL);
    fails (flux_rpc_raw (x->h, "kvs.commit", "K\1\0\7primary\1p\4a..b\1x", 18,
                         FLUX_NODEID_ANY, 0), EPROTO);
}

static void test_symlinks (void **state)
{
    struct fixture *x = *state;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_symlink (txn, 0, "sl.a", NULL, "sl.b");
    flux_kvs_txn_symlink (txn, 0, "sl.b", NULL, "sl.a");
    flux_kvs_txn_symlink (txn, 0, "sl.self", NULL, "sl.self.x");
    commit (x->h, NULL, 0, txn);
    fails (flux_kvs_lookup (x->h1, NULL, 0, "sl.a"), ELOOP);
    fails (flux_kvs_lookup (x->h1, NULL, 0, "sl.self"), ELOOP);
    assert_int_equal (put (x->h, NULL, 0, "sl.a.x", "1"), -ELOOP);
    fails (flux_kvs_lookup (x->h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE,
                            "sl.a"), ELOOP);
}

static void test_guest (void **state)
{
    struct fixture *x = *state;
    flux_t *g = x->guest;
    put (x->h, NULL, 0, "secret.a", "1");
    flux_future_t *f = flux_kvs_namespace_create (x->h, "mine", 4000, 0);
    ready (f);
    flux_future_destroy (f);
    f = flux_kvs_namespace_create (x->h, "theirs", 4001, 0);
    ready (f);
    flux_future_destroy (f);
    put (x->h, "theirs", 0, "a", "1");
    /* what is theirs is theirs */
    fails (flux_kvs_lookup (g, NULL, 0, "secret.a"), EPERM);
    fails (flux_kvs_lookup (g, "theirs", 0, "a"), EPERM);
    fails (flux_kvs_lookup (g, "theirs", FLUX_KVS_WATCH, "a"), EPERM);
    fails (flux_kvs_lookup (g, NULL, FLUX_KVS_WAITCREATE, "none"), EPERM);
    fails (flux_kvs_getroot (g, NULL, 0), EPERM);
    assert_int_equal (put (g, NULL, 0, "a", "1"), -EPERM);
    assert_int_equal (put (g, "theirs", 0, "a", "1"), -EPERM);
    fails (flux_kvs_namespace_create (g, "new", 4000, 0), EPERM);
    fails (flux_kvs_namespace_remove (g, "mine"), EPERM);
    fails (flux_rpc (g, "kvs.namespace-list", NULL, 0, 0), EPERM);
    fails (flux_rpc_pack (g, "kvs.freeze", 0, 0, "{s:s}", "key", "secret"),
           EPERM);
    int version;
    assert_int_equal (flux_kvs_get_version (g, NULL, &version), -1);
    assert_int_equal (errno, EPERM);
    /* what is mine is mine, and the owner's */
    assert_int_equal (put (g, "mine", 0, "a", "1"), 1);
    get_is (g, "mine", "a", "1");
    get_is (x->h, "mine", "a", "1");
    OK (flux_kvs_get_version (g, "mine", &version));
    f = flux_kvs_getroot (g, "mine", 0);
    ready (f);
    const char *treeobj;
    OK (flux_kvs_getroot_get_treeobj (f, &treeobj));
    /* no way round: links, copies, references */
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_symlink (txn, 0, "l", "primary", "secret");
    flux_kvs_txn_symlink (txn, 0, "m", "theirs", ".");
    assert_true (commit (g, "mine", 0, txn) > 0);
    fails (flux_kvs_lookup (g, "mine", 0, "l.a"), EPERM);
    fails (flux_kvs_lookup (g, "mine", FLUX_KVS_WATCH, "m.a"), EPERM);
    fails (flux_kvs_copy (g, NULL, "secret", "mine", "x", 0), EPERM);
    fails (flux_kvs_copy (g, "theirs", ".", "mine", "x", 0), EPERM);
    fails (flux_kvs_copy (g, "mine", "a", NULL, "x", 0), EPERM);
    fails (flux_kvs_lookupat (g, 0, "a", treeobj), EPERM);
    txn = flux_kvs_txn_create ();
    flux_kvs_txn_put_treeobj (txn, 0, "x", treeobj);
    assert_int_equal (commit (g, "mine", 0, txn), -EPERM);
    txn = flux_kvs_txn_create ();
    flux_kvs_txn_put_treeobj (txn, 0, "x",
        "{\"ver\":1,\"type\":\"dir\",\"data\":{\"y\":{\"ver\":1,\"type\":"
        "\"valref\",\"data\":[\"sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15\"]"
        "}}}");
    assert_int_equal (commit (g, "mine", 0, txn), -EPERM);
    txn = flux_kvs_txn_create ();
    flux_kvs_txn_put_treeobj (txn, 0, "x",
        "{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}");
    assert_true (commit (g, "mine", 0, txn) > 0);
    get_is (g, "mine", "x", "1");
    flux_future_destroy (f);
    /* credentials travel with what is relayed */
    get_is (x->guest1, "mine", "a", "1");
    fails (flux_kvs_lookup (x->guest1, NULL, 0, "secret.a"), EPERM);
    fails (flux_kvs_lookup (x->guest1, "theirs", FLUX_KVS_WATCH, "a"), EPERM);
    assert_int_equal (put (x->guest1, NULL, 0, "a", "1"), -EPERM);
    fails (flux_kvs_namespace_remove (x->guest1, "mine"), EPERM);
    f = flux_kvs_lookup (x->guest1, "mine", FLUX_KVS_WATCH, "a");
    next_is (f, "1");
    OK (flux_kvs_lookup_cancel (f));
    ends_with (f, ENODATA);
    /* the owner may follow the same links */
    get_is (x->h, "mine", "l.a", "1");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_put_get),
        cmocka_unit_test (test_json_raw),
        cmocka_unit_test (test_atomic),
        cmocka_unit_test (test_dir),
        cmocka_unit_test (test_copy_move),
        cmocka_unit_test (test_roots),
        cmocka_unit_test (test_namespace),
        cmocka_unit_test (test_large),
        cmocka_unit_test (test_malformed),
        cmocka_unit_test (test_symlinks),
        cmocka_unit_test (test_guest),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
