/* test_kvs_service.c - the services over in-process handles, with the client
 * library: the services run in a thread, the test blocks
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>

#include "core/kvs_proto.h"
#include "core/test_hub.h"
#include "modules/kvs/kvs.h"

struct fixture {
    struct hub *hub;
    flux_reactor_t *r;
    pthread_t thread;
    flux_t *h;            /* client on rank 0 */
    flux_t *h1;           /* client on rank 1 */
    flux_t *guest;        /* of user 4000, on rank 0 */
    flux_t *guest1;       /* the same on rank 1 */
    flux_t *ctl;
};

enum { NSERVICES = 4 };

struct started {
    const struct builtin *b;
    void *ctx;
};

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    (void)mh;
    (void)arg;
    flux_respond (h, msg, NULL);
    flux_reactor_stop (flux_get_reactor (h));
}

static void drop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct fixture *x = arg;
    const char *name;
    (void)mh;
    flux_request_unpack (msg, NULL, "{s:s}", "name", &name);
    hub_disconnect (x->hub, name, "kvs");
    hub_disconnect (x->hub, name, "kvs-watch");
    flux_respond (h, msg, NULL);
}

static void start (struct started *s, const struct builtin *b, flux_t *h,
                   void *data)
{
    flux_error_t err;
    flux_aux_set (h, BUILTIN_DATA_AUX, data, NULL);
    s->b = b;
    if (b->start (h, 0, NULL, &s->ctx, &err) < 0) {
        fprintf (stderr, "%s: %s\n", b->name, err.text);
        abort ();
    }
}

struct thread_args {
    struct fixture *x;
    sem_t ready;
};

static void *service_thread (void *arg)
{
    struct thread_args *a = arg;
    struct fixture *x = a->x;
    struct started s[NSERVICES];
    struct hub *hub = x->hub = hub_new (x->r, 2);
    void *data = kvs_builtin_data.create ();
    flux_t *ctl = hub_add (hub, "ctl", 0, "ctl");

    start (&s[0], &kvs_builtin, hub_add (hub, "kvs-0", 0, "kvs"), data);
    start (&s[1], &kvs_watch_builtin, hub_add (hub, "kvs-watch-0", 0, "kvs-watch"),
           data);
    start (&s[2], &kvs_builtin, hub_add (hub, "kvs-1", 1, "kvs"), NULL);
    start (&s[3], &kvs_watch_builtin,
           hub_add (hub, "kvs-watch-1", 1, "kvs-watch"), NULL);
    x->h = hub_add (hub, "client-0", 0, "");
    x->h1 = hub_add (hub, "client-1", 1, "");
    x->guest = hub_add (hub, "guest-0", 0, "");
    hub_set_guest (hub, "guest-0", 4000);
    x->guest1 = hub_add (hub, "guest-1", 1, "");
    hub_set_guest (hub, "guest-1", 4000);
    const struct flux_msg_handler_spec htab[] = {
        { FLUX_MSGTYPE_REQUEST, "stop", stop_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "drop", drop_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **handlers;
    flux_msg_handler_addvec_ex (ctl, "ctl", htab, x, &handlers);
    sem_post (&a->ready);
    flux_reactor_run (x->r, 0);
    flux_msg_handler_delvec (handlers);
    for (int i = NSERVICES; i-- > 0;)
        s[i].b->stop (s[i].ctx);
    kvs_builtin_data.destroy (data);
    return NULL;
}

static int setup (void **state)
{
    struct fixture *x = calloc (1, sizeof (*x));
    struct thread_args a = { .x = x };
    sem_init (&a.ready, 0, 0);
    x->r = flux_reactor_create (0);
    pthread_create (&x->thread, NULL, service_thread, &a);
    sem_wait (&a.ready);
    *state = x;
    return 0;
}

static int teardown (void **state)
{
    struct fixture *x = *state;
    flux_future_t *f = flux_rpc (x->h, "ctl.stop", NULL, FLUX_NODEID_ANY,
                                 FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    pthread_join (x->thread, NULL);
    hub_free (x->hub);  /* here, where the clients' ends were used */
    flux_reactor_destroy (x->r);
    free (x);
    return 0;
}

/* -- helpers ------------------------------------------------------------------ */

#define TIMEOUT 20.

#define OK(expr) \
    do { \
        if ((expr) < 0) { \
            print_error ("%s: %s\n", #expr, strerror (errno)); \
            fail (); \
        } \
    } while (0)

static void ready (flux_future_t *f)
{
    assert_non_null (f);
    OK (flux_future_wait_for (f, TIMEOUT));
}

static void fails (flux_future_t *f, int errnum)
{
    ready (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, errnum);
    flux_future_destroy (f);
}

static int commit (flux_t *h, const char *ns, int flags, flux_kvs_txn_t *txn)
{
    int seq = -1;
    flux_future_t *f = flux_kvs_commit (h, ns, flags, txn);
    ready (f);
    if (flux_kvs_commit_get_sequence (f, &seq) < 0)
        seq = -errno;
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    return seq;
}

static int put (flux_t *h, const char *ns, int flags, const char *key,
                const char *value)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    OK (flux_kvs_txn_put (txn, flags, key, value));
    return commit (h, ns, 0, txn);
}

static void get_is (flux_t *h, const char *ns, const char *key,
                    const char *want)
{
    const char *value;
    flux_future_t *f = flux_kvs_lookup (h, ns, 0, key);
    ready (f);
    OK (flux_kvs_lookup_get (f, &value));
    if (want)
        assert_string_equal (value, want);
    else
        assert_null (value);
    assert_string_equal (flux_kvs_lookup_get_key (f), key);
    flux_future_destroy (f);
}

static void next_is (flux_future_t *f, const char *want)
{
    const char *value;
    ready (f);
    OK (flux_kvs_lookup_get (f, &value));
    if (want) {
        assert_non_null (value);
        assert_string_equal (value, want);
    }
    else
        assert_null (value);
    flux_future_reset (f);
}

static void ends_with (flux_future_t *f, int errnum)
{
    fails (f, errnum);
}

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
        cmocka_unit_test (test_watch),
        cmocka_unit_test (test_waitcreate),
        cmocka_unit_test (test_append),
        cmocka_unit_test (test_stream),
        cmocka_unit_test (test_graft),
        cmocka_unit_test (test_disconnect),
        cmocka_unit_test (test_large),
        cmocka_unit_test (test_malformed),
        cmocka_unit_test (test_symlinks),
        cmocka_unit_test (test_guest),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
