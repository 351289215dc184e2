/* test_world.h - the services and a client on one reactor, for tests of what is
 * kept
 */
#ifndef KVS_TEST_WORLD_H
#define KVS_TEST_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>

#include "core/kvs_proto.h"
#include "core/test_hub.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/state.h"

/* The service and its client on one reactor: the test runs it while it waits. */
struct world {
    flux_reactor_t *r;
    struct hub *hub;
    flux_t *svc, *wsvc, *csvc, *h;
    struct kvs *kvs;
    void *ctx, *wctx, *cctx, *bctx;
};

static char dir[64];

static inline void remove_dir (void)
{
    DIR *d = opendir (dir);
    struct dirent *e;
    while (d && (e = readdir (d)))
        (void)unlinkat (dirfd (d), e->d_name, 0);
    if (d)
        closedir (d);
    (void)rmdir (dir);
}

static inline int setup (void **state)
{
    (void)state;
    snprintf (dir, sizeof (dir), "/tmp/test_kvs_store.XXXXXX");
    assert_non_null (mkdtemp (dir));
    return 0;
}

static inline int teardown (void **state)
{
    (void)state;
    remove_dir ();
    return 0;
}

static inline int try_up (struct world *w, bool durable, flux_error_t *err)
{
    w->r = flux_reactor_create (0);
    w->hub = hub_new (w->r, 1);
    w->svc = hub_add (w->hub, "kvs", 0, "kvs");
    w->wsvc = hub_add (w->hub, "kvs-watch", 0, "kvs-watch");
    w->h = hub_add (w->hub, "client", 0, "");
    w->kvs = kvs_builtin_data.create ();
    assert_non_null (w->kvs);
    if (durable)
        flux_attr_set_cacheonly (w->svc, "statedir", dir);
    flux_aux_set (w->svc, BUILTIN_DATA_AUX, w->kvs, NULL);
    flux_aux_set (w->wsvc, BUILTIN_DATA_AUX, w->kvs, NULL);
    w->csvc = NULL;
    int rc = kvs_builtin.start (w->svc, 0, NULL, &w->ctx, err);
    if (rc == 0)
        assert_int_equal (kvs_watch_builtin.start (w->wsvc, 0, NULL, &w->wctx,
                                                   err), 0);
    return rc;
}

static inline void down (struct world *w, bool started)
{
    if (started) {
        kvs_watch_builtin.stop (w->wctx);
        kvs_builtin.stop (w->ctx);
    }
    if (w->csvc) {
        content_sqlite_builtin.stop (w->bctx);
        content_builtin.stop (w->cctx);
    }
    kvs_builtin_data.destroy (w->kvs);
    hub_free (w->hub);
    flux_reactor_destroy (w->r);
}

static inline void up (struct world *w, bool durable)
{
    flux_error_t err;
    if (try_up (w, durable, &err) < 0) {
        print_error ("%s\n", err.text);
        fail ();
    }
}

static inline void ready_cb (flux_future_t *f, void *arg)
{
    (void)f;
    (void)arg;
}

/* An answer that comes while the reactor runs for another is not lost. */
static inline flux_future_t *sent (flux_future_t *f)
{
    assert_non_null (f);
    assert_int_equal (flux_future_then (f, -1., ready_cb, NULL), 0);
    return f;
}

/* Run the reactor until f has an answer. */
static inline flux_future_t *wait_for (struct world *w, flux_future_t *f)
{
    sent (f);
    while (!flux_future_is_ready (f))
        flux_reactor_run (w->r, FLUX_REACTOR_ONCE);
    return f;
}

static inline int result (struct world *w, flux_future_t *f)
{
    wait_for (w, f);
    int rc = flux_future_get (f, NULL) < 0 ? -errno : 0;
    flux_future_destroy (f);
    return rc;
}

static inline flux_future_t *send_put (struct world *w, const char *ns, int cflags,
                                int flags, const char *key, const char *value)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_kvs_txn_put (txn, flags, key, value);
    flux_future_t *f = flux_kvs_commit (w->h, ns, cflags, txn);
    flux_kvs_txn_destroy (txn);
    return sent (f);
}

static inline int put (struct world *w, const char *ns, int flags, const char *key,
                const char *value)
{
    return result (w, send_put (w, ns, 0, flags, key, value));
}

static inline int commit (struct world *w, const char *ns, flux_kvs_txn_t *txn)
{
    flux_future_t *f = flux_kvs_commit (w->h, ns, 0, txn);
    flux_kvs_txn_destroy (txn);
    return result (w, f);
}

static inline int get_rc (struct world *w, const char *ns, int flags, const char *key)
{
    return result (w, flux_kvs_lookup (w->h, ns, flags, key));
}

static inline void get_is (struct world *w, const char *ns, const char *key,
                    const char *want)
{
    const char *value;
    flux_future_t *f = flux_kvs_lookup (w->h, ns, 0, key);
    wait_for (w, f);
    assert_int_equal (flux_kvs_lookup_get (f, &value), 0);
    if (want)
        assert_string_equal (value, want);
    else
        assert_null (value);
    flux_future_destroy (f);
}

static inline int version (struct world *w, const char *ns)
{
    int seq;
    flux_future_t *f = flux_rpc_pack (w->h, "kvs.version", 0, 0, "{s:s}",
                                      "namespace", ns);
    wait_for (w, f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "rootseq", &seq), 0);
    flux_future_destroy (f);
    return seq;
}

/* The reference of a root says all about a tree. */
static inline void rootref (struct world *w, const char *ns, char ref[72])
{
    const char *s;
    flux_future_t *f = flux_kvs_getroot (w->h, ns, 0);
    wait_for (w, f);
    assert_int_equal (flux_kvs_getroot_get_blobref (f, &s), 0);
    snprintf (ref, 72, "%s", s);
    flux_future_destroy (f);
}

static inline void graft (struct world *w, const char *ns, const char *dst)
{
    assert_int_equal (result (w, flux_rpc_pack (w->h, "kvs.namespace-graft", 0,
                                                0, "{s:s s:s}", "namespace", ns,
                                                "dst", dst)), 0);
}

static inline int freeze (struct world *w, const char *key)
{
    return result (w, flux_rpc_pack (w->h, "kvs.freeze", 0, 0, "{s:s}", "key",
                                     key));
}

static inline void make_job (struct world *w, int i)
{
    char key[64];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    snprintf (key, sizeof (key), "job.%d.eventlog", i);
    flux_kvs_txn_put (txn, 0, key, "submit\nclean\n");
    snprintf (key, sizeof (key), "job.%d.guest.output", i);
    flux_kvs_txn_put (txn, 0, key, "hello");
    snprintf (key, sizeof (key), "job.%d.guest.input", i);
    flux_kvs_txn_symlink (txn, 0, key, NULL, "somewhere");
    assert_int_equal (commit (w, NULL, txn), 0);
}

static inline void up_content (struct world *w)
{
    flux_error_t err;
    flux_t *b = hub_add (w->hub, "content-sqlite", 0,
                         "content-sqlite content-backing");
    w->csvc = hub_add (w->hub, "content", 0, "content");
    flux_aux_set (w->csvc, BUILTIN_DATA_AUX, w->kvs, NULL);
    flux_aux_set (b, BUILTIN_DATA_AUX, w->kvs, NULL);
    assert_int_equal (content_builtin.start (w->csvc, 0, NULL, &w->cctx, &err), 0);
    assert_int_equal (content_sqlite_builtin.start (b, 0, NULL, &w->bctx, &err),
                      0);
}

#endif /* !KVS_TEST_WORLD_H */
