/* test_kvs_store.c - what is kept: restarts, kill -9, full disks, frozen
 * directories
 */

#include "modules/kvs/test_world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* -- tests ------------------------------------------------------------------------- */

static void test_restart (void **state)
{
    (void)state;
    struct world w;
    char ref[72], ref2[72], nref[72], nref2[72];
    up (&w, true);
    assert_int_equal (put (&w, NULL, 0, "a.b", "1"), 0);
    assert_int_equal (put (&w, NULL, 0, "a.gone.x", "1"), 0);
    assert_int_equal (put (&w, NULL, 0, "a.gone.y.z", "1"), 0);
    assert_int_equal (put (&w, NULL, 0, "a.gone2", "1"), 0);
    assert_int_equal (put (&w, NULL, 0, "a.empty", NULL), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal (put (&w, NULL, FLUX_KVS_APPEND, "log", "line\n"), 0);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_mkdir (txn, 0, "d.e");
    flux_kvs_txn_symlink (txn, 0, "l", NULL, "a.b");
    flux_kvs_txn_symlink (txn, 0, "m", "n1", "x");
    flux_kvs_txn_unlink (txn, 0, "a.gone");
    flux_kvs_txn_put_raw (txn, 0, "raw", "\0\1\377", 3);
    flux_kvs_txn_put (txn, 0, "over.x", "1");
    flux_kvs_txn_put (txn, 0, "over", "value");
    flux_kvs_txn_put (txn, 0, "under", "value");
    flux_kvs_txn_put (txn, 0, "under.x", "2");
    flux_kvs_txn_put (txn, 0, "last.one", "1");
    flux_kvs_txn_unlink (txn, 0, "last.one");
    flux_kvs_txn_unlink (txn, 0, "a.gone2");
    flux_kvs_txn_put_treeobj (txn, 0, "ref",
        "{\"ver\":1,\"type\":\"valref\",\"data\":"
        "[\"sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15\"]}");
    assert_int_equal (commit (&w, NULL, txn), 0);
    assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "n1", 77, 0)),
                      0);
    assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "n2", 77, 0)),
                      0);
    assert_int_equal (put (&w, "n1", 0, "x", "n"), 0);
    assert_int_equal (put (&w, "n2", 0, "x", "n"), 0);
    assert_int_equal (result (&w, flux_kvs_namespace_remove (w.h, "n2")), 0);
    assert_int_equal (result (&w, flux_kvs_copy (w.h, NULL, "a", NULL, "a2", 0)),
                      0);
    rootref (&w, NULL, ref);
    rootref (&w, "n1", nref);
    int seq = version (&w, "primary");
    down (&w, true);

    up (&w, true);
    rootref (&w, NULL, ref2);
    rootref (&w, "n1", nref2);
    assert_string_equal (ref, ref2);
    assert_string_equal (nref, nref2);
    assert_int_equal (version (&w, "primary"), seq);
    assert_int_equal (version (&w, "n1"), 1);
    get_is (&w, NULL, "l", "1");
    get_is (&w, NULL, "m", "n");
    get_is (&w, NULL, "a.empty", NULL);
    get_is (&w, NULL, "under.x", "2");
    assert_int_equal (get_rc (&w, NULL, 0, "a.gone.x"), -ENOENT);
    assert_int_equal (get_rc (&w, NULL, FLUX_KVS_READDIR, "d.e"), 0);
    assert_int_equal (get_rc (&w, NULL, FLUX_KVS_READDIR, "last"), 0);
    assert_int_equal (get_rc (&w, "n2", 0, "x"), -ENOTSUP);
    assert_int_equal (put (&w, NULL, FLUX_KVS_APPEND, "log", "more\n"), 0);
    assert_int_equal (put (&w, NULL, FLUX_KVS_APPEND, "a.empty", "full"), 0);
    assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "n3", 7, 0)),
                      0);
    assert_int_equal (put (&w, "n3", 0, "x", "3"), 0);
    rootref (&w, NULL, ref);
    down (&w, true);

    up (&w, true);
    rootref (&w, NULL, ref2);
    assert_string_equal (ref, ref2);
    get_is (&w, NULL, "a.empty", "full");
    get_is (&w, "n3", "x", "3");
    get_is (&w, "n1", "x", "n");
    down (&w, true);
}

static void test_in_use (void **state)
{
    (void)state;
    struct world w, w2;
    flux_error_t err;
    up (&w, true);
    assert_int_equal (try_up (&w2, true, &err), -EBUSY);
    assert_non_null (strstr (err.text, "in use"));
    down (&w2, false);
    down (&w, true);
}

static void random_key (unsigned int *seed, char *key)
{
    int depth = 1 + rand_r (seed) % 4, o = 0;
    for (int i = 0; i < depth; i++) {
        if (i > 0)
            key[o++] = '.';
        key[o++] = 'a' + rand_r (seed) % 3;
    }
    key[o] = '\0';
}

static void random_txn (unsigned int *seed, flux_kvs_txn_t *txn)
{
    char key[32], key2[32], val[16];
    for (int n = rand_r (seed) % 5; n >= 0; n--) {
        random_key (seed, key);
        random_key (seed, key2);
        snprintf (val, sizeof (val), "%d,", rand_r (seed) % 1000);
        switch (rand_r (seed) % 9) {
        case 0: case 1: case 2:
            flux_kvs_txn_put (txn, 0, key, val);
            break;
        case 3: case 4:
            flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key, val);
            break;
        case 5:
            flux_kvs_txn_mkdir (txn, 0, key);
            break;
        case 6:
            (void)kvs_txn_copy (txn, "primary", key2, key);
            break;
        default:
            flux_kvs_txn_unlink (txn, 0, key);
        }
    }
}

/* what the rows say is what the tree was, whatever was done to it */
static void test_random (void **state)
{
    (void)state;
    struct world w;
    char ref[72], ref2[72], key[32];
    unsigned int seed = 99;
    for (int round = 0; round < 12; round++) {
        up (&w, true);
        if (round > 0) {
            rootref (&w, NULL, ref2);
            assert_string_equal (ref, ref2);
        }
        flux_future_t *f[40] = { 0 };
        for (int i = 0; i < 200; i++) {
            /* several in flight, so that some share a transaction */
            int j = i % 40;
            if (f[j])
                (void)result (&w, f[j]);
            flux_kvs_txn_t *txn = flux_kvs_txn_create ();
            random_txn (&seed, txn);
            f[j] = flux_kvs_commit (w.h, NULL, i % 7 == 0 ? FLUX_KVS_NO_MERGE : 0,
                                    txn);
            flux_kvs_txn_destroy (txn);
            sent (f[j]);
            if (i % 10 == 0) {
                random_key (&seed, key);
                (void)freeze (&w, key);
            }
            if (i % 50 == 0)
                rootref (&w, NULL, ref);
        }
        for (int j = 0; j < 40; j++)
            (void)result (&w, f[j]);
        rootref (&w, NULL, ref);
        down (&w, true);
    }
}

static void test_graft (void **state)
{
    (void)state;
    struct world w;
    char ref[72], ref2[72];
    up (&w, true);
    assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "job-1", 7, 0)),
                      0);
    assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "job-2", 7, 0)),
                      0);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_symlink (txn, 0, "job.1.guest", "job-1", ".");
    flux_kvs_txn_symlink (txn, 0, "job.2.guest", "job-2", ".");
    assert_int_equal (commit (&w, NULL, txn), 0);
    assert_int_equal (put (&w, "job-1", 0, "exec.eventlog", "1\n"), 0);
    assert_int_equal (put (&w, "job-1", FLUX_KVS_APPEND, "exec.eventlog", "2\n"),
                      0);
    assert_int_equal (put (&w, "job-1", 0, "output", "o"), 0);
    graft (&w, "job-1", "job.1.guest");
    graft (&w, "job-2", "job.2.guest");
    assert_int_equal (put (&w, NULL, FLUX_KVS_APPEND,
                           "job.1.guest.exec.eventlog", "3\n"), 0);
    rootref (&w, NULL, ref);
    down (&w, true);
    up (&w, true);
    rootref (&w, NULL, ref2);
    assert_string_equal (ref, ref2);
    get_is (&w, NULL, "job.1.guest.exec.eventlog", "1\n2\n3\n");
    assert_int_equal (get_rc (&w, NULL, FLUX_KVS_READDIR, "job.2.guest"), 0);
    assert_int_equal (get_rc (&w, "job-1", 0, "output"), -ENOTSUP);
    down (&w, true);
}

static const struct tnode *node_at (struct world *w, const char *job)
{
    const struct tnode *n = tdir_get (w->kvs->primary->head, "job", 3);
    return tdir_get (n, job, strlen (job));
}

static void freeze_and_use (struct world *w)
{
    char ref[72], ref2[72];
    make_job (w, 1);
    make_job (w, 2);
    rootref (w, NULL, ref);
    assert_int_equal (freeze (w, "job.1"), 0);
    assert_int_equal (freeze (w, "job.1"), 0);
    assert_int_equal (freeze (w, "job.none"), -ENOENT);
    assert_int_equal (freeze (w, "job.2.eventlog"), -ENOTDIR);
    assert_int_equal (freeze (w, "."), -EINVAL);
    const struct tnode *n = node_at (w, "1");
    assert_int_equal (tnode_kind (n), TNODE_COLD);
    assert_null (tcold_mem (n));
    get_is (w, NULL, "job.1.eventlog", "submit\nclean\n");
    get_is (w, NULL, "job.1.guest.output", "hello");
    assert_int_equal (get_rc (w, NULL, FLUX_KVS_READDIR, "job.1.guest"), 0);
    rootref (w, NULL, ref2);
    assert_string_equal (ref, ref2);
    /* a copy refers to the same row; it outlives the first */
    assert_int_equal (result (w, flux_kvs_copy (w->h, NULL, "job.1", NULL,
                                                "job.3", 0)), 0);
    assert_int_equal (tnode_kind (node_at (w, "3")), TNODE_COLD);
    assert_int_equal (put (w, NULL, FLUX_KVS_APPEND, "job.1.eventlog", "x\n"), 0);
    assert_int_equal (tnode_kind (node_at (w, "1")), TNODE_DIR);
    get_is (w, NULL, "job.1.eventlog", "submit\nclean\nx\n");
    get_is (w, NULL, "job.3.eventlog", "submit\nclean\n");
    /* frozen within frozen */
    assert_int_equal (freeze (w, "job.1"), 0);
    assert_int_equal (freeze (w, "job"), 0);
    get_is (w, NULL, "job.1.eventlog", "submit\nclean\nx\n");
    get_is (w, NULL, "job.3.eventlog", "submit\nclean\n");
    assert_int_equal (put (w, NULL, 0, "job.4.x", "y"), 0);
    get_is (w, NULL, "job.3.guest.output", "hello");
    assert_int_equal (freeze (w, "job.2"), 0);
    assert_int_equal (freeze (w, "job.3"), 0);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_unlink (txn, 0, "job.3");
    assert_int_equal (commit (w, NULL, txn), 0);
}

static void test_freeze (void **state)
{
    (void)state;
    struct world w;
    char ref[72], ref2[72];
    up (&w, true);
    freeze_and_use (&w);
    rootref (&w, NULL, ref);
    down (&w, true);
    up (&w, true);
    rootref (&w, NULL, ref2);
    assert_string_equal (ref, ref2);
    assert_int_equal (tnode_kind (node_at (&w, "2")), TNODE_COLD);
    get_is (&w, NULL, "job.2.eventlog", "submit\nclean\n");
    get_is (&w, NULL, "job.1.eventlog", "submit\nclean\nx\n");
    down (&w, true);
}

static void test_freeze_temporary (void **state)
{
    (void)state;
    struct world w;
    up (&w, false);
    assert_false (batcher_has_store (w.kvs->batcher));
    freeze_and_use (&w);
    assert_true (batcher_has_store (w.kvs->batcher));
    down (&w, true);
}

/* nothing is seen before it is safe, and watchers see every unmerged commit */
static void test_visibility (void **state)
{
    (void)state;
    struct world w;
    up (&w, true);
    assert_int_equal (put (&w, NULL, 0, "v", "0"), 0);
    flux_future_t *watch = flux_kvs_lookup (w.h, NULL, FLUX_KVS_WATCH, "v");
    wait_for (&w, watch);
    flux_future_reset (watch);
    flux_future_t *f1 = send_put (&w, NULL, FLUX_KVS_NO_MERGE, 0, "v", "1");
    flux_future_t *f2 = send_put (&w, NULL, FLUX_KVS_NO_MERGE, 0, "v", "2");
    flux_future_t *f3 = send_put (&w, NULL, 0, 0, "v", "3");
    flux_future_t *f4 = send_put (&w, NULL, 0, 0, "w", "4");
    flux_future_t *get = flux_kvs_lookup (w.h, NULL, 0, "v");
    const char *value;
    wait_for (&w, get);
    assert_int_equal (flux_kvs_lookup_get (get, &value), 0);
    assert_string_equal (value, "0");
    flux_future_destroy (get);
    const char *want[] = { "1", "2", "3" };
    for (int i = 0; i < 3; i++) {
        wait_for (&w, watch);
        assert_int_equal (flux_kvs_lookup_get (watch, &value), 0);
        assert_string_equal (value, want[i]);
        flux_future_reset (watch);
    }
    assert_int_equal (result (&w, f1), 0);
    assert_int_equal (result (&w, f2), 0);
    assert_int_equal (result (&w, f3), 0);
    assert_int_equal (result (&w, f4), 0);
    get_is (&w, NULL, "v", "3");
    flux_future_destroy (watch);
    assert_null (w.kvs->primary->root);
    assert_int_equal (w.kvs->primary->steps, 0);
    down (&w, true);
}

static void test_sync (void **state)
{
    (void)state;
    struct world w;
    up (&w, true);
    assert_int_equal (result (&w, send_put (&w, NULL, FLUX_KVS_SYNC, 0, "s",
                                            "1")), 0);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = flux_kvs_commit (w.h, NULL, FLUX_KVS_SYNC, txn);
    flux_kvs_txn_destroy (txn);
    assert_int_equal (result (&w, f), 0);
    down (&w, true);
}

/* The process is killed at any moment: what it said was committed is there. */
static void killed_child (int fd)
{
    struct world w;
    up (&w, true);
    for (int i = 0;; i++) {
        char key[64], s[16];
        snprintf (key, sizeof (key), "k.%d.%d", i % 16, i);
        snprintf (s, sizeof (s), "%d,", i);
        flux_kvs_txn_t *txn = flux_kvs_txn_create ();
        flux_kvs_txn_put (txn, 0, key, s);
        flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "log", s);
        if (commit (&w, NULL, txn) < 0)
            _exit (1);
        if (i % 5 == 4) {
            snprintf (key, sizeof (key), "k.%d", i % 16);
            if (freeze (&w, key) < 0)
                _exit (1);
        }
        if (write (fd, &i, sizeof (i)) != sizeof (i))
            _exit (1);
    }
}

static void test_kill (void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        int p[2], last = -1, n;
        remove_dir ();
        mkdir (dir, 0700);
        assert_int_equal (pipe (p), 0);
        pid_t pid = fork ();
        if (pid == 0) {
            close (p[0]);
            killed_child (p[1]);
            _exit (1);
        }
        close (p[1]);
        while (last < 100 + 77 * round
               && read (p[0], &n, sizeof (n)) == sizeof (n))
            last = n;
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
        while (read (p[0], &n, sizeof (n)) == sizeof (n))
            last = n;
        close (p[0]);
        assert_true (last >= 100);

        struct world w;
        up (&w, true);
        const char *log;
        flux_future_t *f = flux_kvs_lookup (w.h, NULL, 0, "log");
        wait_for (&w, f);
        assert_int_equal (flux_kvs_lookup_get (f, &log), 0);
        int count = 0;
        for (const char *s = log; *s; s = strchr (s, ',') + 1) {
            char key[64], val[16];
            assert_int_equal (strtol (s, NULL, 10), count);
            snprintf (key, sizeof (key), "k.%d.%d", count % 16, count);
            snprintf (val, sizeof (val), "%d,", count);
            get_is (&w, NULL, key, val);
            count++;
        }
        assert_true (count == last + 1 || count == last + 2);
        /* versions never go back, and not far ahead */
        assert_true (version (&w, "primary") >= count);
        assert_true (version (&w, "primary") <= count + 2000);
        flux_future_destroy (f);
        down (&w, true);
    }
}

/* A file that cannot grow is a disk that is full. */
static void test_full (void **state)
{
    (void)state;
    struct world w;
    struct rlimit old, lim;
    char ref[72], ref2[72];
    char *big = malloc (8 * 1024 * 1024 + 1);
    memset (big, 'x', 8 * 1024 * 1024);
    big[8 * 1024 * 1024] = '\0';
    signal (SIGXFSZ, SIG_IGN);
    up (&w, true);
    assert_int_equal (put (&w, NULL, 0, "before", "1"), 0);
    rootref (&w, NULL, ref);
    int seq = version (&w, "primary");
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &old), 0);
    lim = old;
    lim.rlim_cur = 2 * 1024 * 1024;
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &lim), 0);
    flux_future_t *f1 = send_put (&w, NULL, 0, 0, "big", big);
    flux_future_t *f2 = sent (flux_kvs_namespace_create (w.h, "full", 1, 0));
    assert_int_equal (result (&w, f1), -ENOSPC);
    int rc = result (&w, f2);
    assert_true (rc == -ENOSPC || rc == 0);
    assert_int_equal (get_rc (&w, NULL, 0, "big"), -ENOENT);
    rootref (&w, NULL, ref2);
    assert_string_equal (ref, ref2);
    assert_int_equal (version (&w, "primary"), seq);
    /* what fits can be written */
    assert_int_equal (put (&w, NULL, 0, "small", "1"), 0);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &old), 0);
    assert_int_equal (put (&w, NULL, 0, "big", big), 0);
    rootref (&w, NULL, ref);
    down (&w, true);
    up (&w, true);
    rootref (&w, NULL, ref2);
    assert_string_equal (ref, ref2);
    get_is (&w, NULL, "small", "1");
    down (&w, true);
    free (big);
}

#define EACH(t) cmocka_unit_test_setup_teardown (t, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        EACH (test_restart),
        EACH (test_in_use),
        EACH (test_random),
        EACH (test_graft),
        EACH (test_freeze),
        EACH (test_freeze_temporary),
        EACH (test_visibility),
        EACH (test_sync),
        EACH (test_kill),
        EACH (test_full),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
