/* test_kvs_watch.c - watches, waits, streams, and what becomes of them */

#include "modules/kvs/test_services.h"

static void test_watch (void **state)
{
    struct fixture *x = *state;
    flux_t *hs[] = { x->h, x->h1 };
    for (int i = 0; i < 2; i++) {
        flux_t *h = hs[i];
        flux_kvs_txn_t *txn = flux_kvs_txn_create ();
        flux_kvs_txn_unlink (txn, 0, "w");
        commit (h, NULL, 0, txn);
        fails (flux_kvs_lookup (h, NULL, FLUX_KVS_WATCH, "w.a"), ENOENT);
        put (h, NULL, 0, "w.a", "1");
        flux_future_t *f = flux_kvs_lookup (h, NULL, FLUX_KVS_WATCH, "w.a");
        flux_future_t *u = flux_kvs_lookup (
            h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WATCH_UNIQ, "w.a");
        flux_future_t *full = flux_kvs_lookup (
            h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WATCH_FULL, "w.a");
        next_is (f, "1");
        next_is (u, "1");
        next_is (full, "1");
        put (h, NULL, 0, "w.a", "1");
        put (h, NULL, 0, "w.b", "other");
        put (h, NULL, 0, "w.a", "2");
        next_is (f, "1");
        next_is (f, "2");
        next_is (u, "2");
        next_is (full, "2");
        /* the parent changes: only 'full' sees it */
        put (h, NULL, 0, "w2.a", "3");
        flux_future_t *c = flux_kvs_copy (h, NULL, "w2", NULL, "w", 0);
        ready (c);
        flux_future_destroy (c);
        next_is (full, "3");
        put (h, NULL, 0, "w.a", "4");
        next_is (f, "4");
        next_is (u, "4");
        next_is (full, "4");
        OK (flux_kvs_lookup_cancel (f));
        ends_with (f, ENODATA);
        txn = flux_kvs_txn_create ();
        flux_kvs_txn_unlink (txn, 0, "w.a");
        commit (h, NULL, 0, txn);
        ends_with (u, ENOENT);
        ends_with (full, ENOENT);
    }
}

static void test_waitcreate (void **state)
{
    struct fixture *x = *state;
    flux_t *hs[] = { x->h, x->h1 };
    for (int i = 0; i < 2; i++) {
        flux_t *h = hs[i];
        flux_kvs_txn_t *txn = flux_kvs_txn_create ();
        flux_kvs_txn_unlink (txn, 0, "wc");
        flux_kvs_txn_put (txn, 0, "wc.v", "in the way");
        commit (h, NULL, 0, txn);
        const int flags = FLUX_KVS_WAITCREATE;
        flux_future_t *a = flux_kvs_lookup (h, NULL, flags, "wc.a.b.c");
        flux_future_t *b = flux_kvs_lookup (h, NULL, flags, "wc.v.x");
        flux_future_t *c = flux_kvs_lookup (h, NULL, flags | FLUX_KVS_WATCH,
                                            "wc.a.b.c");
        flux_future_t *d = flux_kvs_lookup (h, NULL, flags | FLUX_KVS_READDIR,
                                            "wc.a.b");
        flux_future_t *e = flux_kvs_lookup (h, "wcns", flags, "q");
        flux_future_t *g = flux_kvs_lookup (h, NULL, flags, "wc.link.q");
        put (h, NULL, 0, "wc.a.b.c", "1");
        next_is (a, "1");
        next_is (c, "1");
        ready (d);
        OK (flux_kvs_lookup_get_dir (d, NULL));
        put (h, NULL, 0, "wc.v.x", "2");
        next_is (b, "2");
        txn = flux_kvs_txn_create ();
        flux_kvs_txn_symlink (txn, 0, "wc.link", "wcns", ".");
        commit (h, NULL, 0, txn);
        flux_future_t *n = flux_kvs_namespace_create (h, "wcns", 1, 0);
        ready (n);
        flux_future_destroy (n);
        put (h, "wcns", 0, "q", "3");
        next_is (e, "3");
        next_is (g, "3");
        n = flux_kvs_namespace_remove (h, "wcns");
        ready (n);
        flux_future_destroy (n);
        put (h, NULL, 0, "wc.a.b.c", "5");
        next_is (c, "5");
        flux_future_destroy (a);
        flux_future_destroy (b);
        flux_future_destroy (d);
        flux_future_destroy (e);
        flux_future_destroy (g);
        OK (flux_kvs_lookup_cancel (c));
        ends_with (c, ENODATA);
        a = flux_kvs_lookup (h, NULL, flags, "wc.never");
        OK (flux_kvs_lookup_cancel (a));
        ends_with (a, ENODATA);
    }
}

static void test_append (void **state)
{
    struct fixture *x = *state;
    flux_t *hs[] = { x->h, x->h1 };
    const int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND;
    for (int i = 0; i < 2; i++) {
        flux_t *h = hs[i];
        put (h, NULL, 0, "ap.log", "1\n");
        flux_future_t *f = flux_kvs_lookup (h, NULL, flags, "ap.log");
        flux_future_t *s = flux_kvs_lookup (
            h, NULL, flags | FLUX_KVS_WATCH_INITIAL_SENTINEL, "ap.log");
        next_is (f, "1\n");
        next_is (s, "1\n");
        next_is (s, NULL);
        put (h, NULL, FLUX_KVS_APPEND, "ap.log", "2\n");
        put (h, NULL, FLUX_KVS_APPEND, "ap.log", "");
        flux_kvs_txn_t *txn = flux_kvs_txn_create ();
        flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "ap.log", "3\n");
        flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "ap.log", "4\n");
        commit (h, NULL, FLUX_KVS_TXN_COMPACT, txn);
        next_is (f, "2\n");
        next_is (f, "3\n4\n");
        next_is (s, "2\n");
        put (h, NULL, 0, "ap.log", "1\n2\n3\n4\n5\n");
        ends_with (f, EINVAL);
        next_is (s, "3\n4\n");
        ends_with (s, EINVAL);
    }
}

static void test_stream (void **state)
{
    struct fixture *x = *state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 300000; i++)
        buf_addf (&b, "line %d\n", i);
    put (x->h, NULL, 0, "st.big", b.data);
    flux_future_t *f = flux_kvs_lookup (x->h1, NULL, FLUX_KVS_STREAM, "st.big");
    size_t off = 0;
    int pieces = 0;
    for (;;) {
        const void *data;
        size_t len;
        ready (f);
        if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
            break;
        assert_memory_equal (data, b.data + off, len);
        assert_int_equal (((const char *)data)[len - 1], '\n');
        off += len;
        pieces++;
        flux_future_reset (f);
    }
    assert_int_equal (errno, ENODATA);
    assert_int_equal (off, b.len);
    assert_true (pieces > 1);
    flux_future_destroy (f);
    buf_release (&b);
    fails (flux_kvs_lookup (x->h, NULL, FLUX_KVS_STREAM, "st.none"), ENOENT);
}

static void graft (flux_t *h, const char *ns, const char *dst)
{
    flux_future_t *f = flux_rpc_pack (h, "kvs.namespace-graft", FLUX_NODEID_ANY,
                                      0, "{s:s s:s}", "namespace", ns, "dst",
                                      dst);
    ready (f);
    OK (flux_future_get (f, NULL));
    flux_future_destroy (f);
}

/* what happens to a job's guest namespace */
static void test_graft (void **state)
{
    struct fixture *x = *state;
    const int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND
                      | FLUX_KVS_WAITCREATE;
    flux_future_t *by_link =
        flux_kvs_lookup (x->h1, NULL, flags, "job.1.guest.exec.eventlog");
    flux_future_t *f = flux_kvs_namespace_create (x->h, "job-1", 99, 0);
    ready (f);
    flux_future_destroy (f);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_symlink (txn, 0, "job.1.guest", "job-1", ".");
    commit (x->h, NULL, 0, txn);
    flux_future_t *direct =
        flux_kvs_lookup (x->h1, "job-1", flags, "exec.eventlog");
    flux_future_t *never =
        flux_kvs_lookup (x->h, "job-1", FLUX_KVS_WAITCREATE, "never");
    put (x->h, "job-1", FLUX_KVS_APPEND, "exec.eventlog", "1\n");
    next_is (by_link, "1\n");
    next_is (direct, "1\n");
    put (x->h, "job-1", FLUX_KVS_APPEND, "exec.eventlog", "2\n");
    next_is (by_link, "2\n");
    get_is (x->h1, NULL, "job.1.guest.exec.eventlog", "1\n2\n");
    graft (x->h, "job-1", "job.1.guest");
    next_is (direct, "2\n");
    ends_with (direct, ENOTSUP);
    ends_with (never, ENOTSUP);
    get_is (x->h1, NULL, "job.1.guest.exec.eventlog", "1\n2\n");
    fails (flux_kvs_lookup (x->h, "job-1", 0, "exec.eventlog"), ENOTSUP);
    put (x->h, NULL, FLUX_KVS_APPEND, "job.1.guest.exec.eventlog", "3\n");
    next_is (by_link, "3\n");
    OK (flux_kvs_lookup_cancel (by_link));
    ends_with (by_link, ENODATA);
    fails (flux_rpc_pack (x->h, "kvs.namespace-graft", FLUX_NODEID_ANY, 0,
                          "{s:s s:s}", "namespace", "none", "dst", "a"),
           ENOTSUP);
}

static int watchers (flux_t *h)
{
    int n;
    flux_future_t *f =
        flux_rpc (h, "kvs-watch.stats-get", NULL, 0, 0);
    ready (f);
    OK (flux_rpc_get_unpack (f, "{s:i}", "watchers", &n));
    flux_future_destroy (f);
    return n;
}

static void test_disconnect (void **state)
{
    struct fixture *x = *state;
    assert_int_equal (watchers (x->h), 0);
    put (x->h, NULL, 0, "dc.a", "1");
    flux_future_t *f[4];
    for (int i = 0; i < 4; i++) {
        f[i] = flux_kvs_lookup (i < 2 ? x->h : x->h1, NULL, FLUX_KVS_WATCH,
                                "dc.a");
        next_is (f[i], "1");
    }
    assert_int_equal (watchers (x->h), 4);
    for (int i = 0; i < 2; i++) {
        flux_future_t *d = flux_rpc_pack (x->h, "ctl.drop", 0, 0, "{s:s}",
                                          "name", i ? "client-1" : "client-0");
        ready (d);
        flux_future_destroy (d);
        /* what was sent before is done before */
        put (x->h1, NULL, 0, "dc.b", "1");
    }
    put (x->h1, NULL, 0, "dc.c", "1");
    assert_int_equal (watchers (x->h), 0);
    for (int i = 0; i < 4; i++)
        flux_future_destroy (f[i]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_watch),
        cmocka_unit_test (test_waitcreate),
        cmocka_unit_test (test_append),
        cmocka_unit_test (test_stream),
        cmocka_unit_test (test_graft),
        cmocka_unit_test (test_disconnect),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
