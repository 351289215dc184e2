/* test_kvs_content.c - blobs, the tree as content, checkpoints */

#include "modules/kvs/content.h"
#include "modules/kvs/test_world.h"

static void ref_bytes (const char *ref, unsigned char digest[20])
{
    for (int i = 0; i < 20; i++) {
        unsigned int byte;
        assert_int_equal (sscanf (ref + 5 + 2 * i, "%2x", &byte), 1);
        digest[i] = byte;
    }
}

static int load_blob (struct world *w, const char *topic,
                      const unsigned char digest[20], struct buf *out)
{
    const void *data;
    size_t len;
    flux_future_t *f = flux_rpc_raw (w->h, topic, digest, 20, 0, 0);
    wait_for (w, f);
    int rc = flux_rpc_get_raw (f, &data, &len) < 0 ? -errno : 0;
    if (rc == 0 && out)
        buf_add (out, data, len);
    flux_future_destroy (f);
    return rc;
}

static int store_blob (struct world *w, const void *data, size_t len,
                       unsigned char digest[20])
{
    const void *reply;
    size_t n;
    flux_future_t *f = flux_rpc_raw (w->h, "content.store", data, len, 0, 0);
    wait_for (w, f);
    int rc = flux_rpc_get_raw (f, &reply, &n) < 0 ? -errno : 0;
    if (rc == 0) {
        assert_int_equal (n, 20);
        memcpy (digest, reply, 20);
    }
    flux_future_destroy (f);
    return rc;
}

static void check_blobs (struct world *w)
{
    unsigned char foo[20], empty[20], none[20] = { 1 }, digest[20];
    struct buf b = BUF_INIT;
    ref_bytes ("sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15", foo);
    ref_bytes ("sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709", empty);
    assert_int_equal (load_blob (w, "content.load", foo, NULL), -ENOENT);
    assert_int_equal (store_blob (w, "foo\n", 4, digest), 0);
    assert_memory_equal (digest, foo, 20);
    assert_int_equal (store_blob (w, "foo\n", 4, digest), 0);
    assert_int_equal (store_blob (w, NULL, 0, digest), 0);
    assert_memory_equal (digest, empty, 20);
    for (int i = 0; i < 2; i++) {
        buf_clear (&b);
        assert_int_equal (load_blob (w, "content.load", foo, &b), 0);
        assert_string_equal (b.data, "foo\n");
        assert_int_equal (load_blob (w, "content-backing.load", foo, NULL), 0);
        assert_int_equal (load_blob (w, "content.validate", foo, NULL), 0);
        assert_int_equal (load_blob (w, "content.load", empty, NULL), 0);
        assert_int_equal (load_blob (w, "content.validate", none, NULL), -ENOENT);
        assert_int_equal (result (w, flux_rpc (w->h, "content.flush", NULL, 0, 0)),
                          0);
        assert_int_equal (result (w, flux_rpc (w->h, "content.dropcache", NULL, 0,
                                               0)), 0);
    }
    assert_int_equal (result (w, flux_rpc_raw (w->h, "content.load", "x", 1, 0,
                                               0)), -EPROTO);
    buf_release (&b);
}

/* Follow the references of the tree from its root, as flux dump does. */
static void walk_content (struct world *w, const char *ref, int *vals)
{
    unsigned char digest[20];
    struct buf b = BUF_INIT;
    ref_bytes (ref, digest);
    assert_int_equal (load_blob (w, "content.load", digest, &b), 0);
    json_t *o = json_loadb (b.data, b.len, 0, NULL), *entry;
    const char *name;
    assert_non_null (o);
    json_object_foreach (json_object_get (o, "data"), name, entry) {
        const char *type = json_string_value (json_object_get (entry, "type"));
        json_t *data = json_object_get (entry, "data");
        if (!strcmp (type, "dirref"))
            walk_content (w, json_string_value (json_array_get (data, 0)), vals);
        else if (!strcmp (type, "valref")) {
            for (size_t i = 0; i < json_array_size (data); i++) {
                ref_bytes (json_string_value (json_array_get (data, i)), digest);
                assert_int_equal (load_blob (w, "content.load", digest, NULL), 0);
            }
            (*vals)++;
        }
        else
            (*vals)++;
    }
    json_decref (o);
    buf_release (&b);
}

static void check_tree_content (struct world *w)
{
    char ref[72];
    int vals = 0;
    char *big = malloc (2500001);
    memset (big, 'b', 2500000);
    big[2500000] = '\0';
    assert_int_equal (put (w, NULL, 0, "tc.big", big), 0);
    free (big);
    make_job (w, 7);
    make_job (w, 8);
    rootref (w, NULL, ref);
    assert_int_equal (freeze (w, "job.7"), 0);
    assert_int_equal (put (w, NULL, 0, "tc.big", "small now"), 0);
    walk_content (w, ref, &vals);
    assert_int_equal (vals, 1 + 2 * 3);
    rootref (w, NULL, ref);
    vals = 0;
    walk_content (w, ref, &vals);
    assert_int_equal (vals, 1 + 2 * 3);
}

static void test_content (void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world w;
        up (&w, durable);
        up_content (&w);
        check_blobs (&w);
        check_tree_content (&w);
        down (&w, true);
    }
    struct world w;
    unsigned char foo[20];
    ref_bytes ("sha1-f1d2d2f924e986ac86fdf7b36c94bcdf32beec15", foo);
    up (&w, true);
    up_content (&w);
    assert_int_equal (load_blob (&w, "content.load", foo, NULL), 0);
    down (&w, true);
}

/* many blobs do not stay in memory, with or without a state directory */
static void test_spill (void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world w;
        size_t len = 8 * 1024 * 1024, blobs, bytes, pins;
        unsigned char digest[16][20];
        char *data = malloc (len);
        memset (data, 's', len);
        up (&w, durable);
        up_content (&w);
        for (int i = 0; i < 16; i++) {
            data[0] = i;
            assert_int_equal (store_blob (&w, data, len, digest[i]), 0);
        }
        content_stats (w.kvs->content, &blobs, &bytes, &pins);
        assert_true (bytes <= CONTENT_MEMORY_MAX + len);
        for (int i = 0; i < 16; i++)
            assert_int_equal (load_blob (&w, "content.load", digest[i], NULL), 0);
        down (&w, true);
        free (data);
    }
}

static void checkpoint_get (struct world *w, char ref[72])
{
    json_t *a;
    const char *s;
    flux_future_t *f = flux_rpc (w->h, "content.checkpoint-get", "{}", 0, 0);
    wait_for (w, f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "value", &a), 0);
    assert_int_equal (json_unpack (json_array_get (a, 0), "{s:s}", "rootref", &s),
                      0);
    snprintf (ref, 72, "%s", s);
    flux_future_destroy (f);
}

static void test_checkpoint (void **state)
{
    (void)state;
    struct world w;
    flux_error_t err;
    char ref[72], ref2[72], now[72];
    int vals = 0;
    up (&w, true);
    up_content (&w);
    assert_int_equal (put (&w, NULL, 0, "c.a", "1"), 0);
    rootref (&w, NULL, ref);
    assert_int_equal (put (&w, NULL, 0, "c.a", "2"), 0);
    rootref (&w, NULL, now);
    checkpoint_get (&w, ref2);
    assert_string_equal (ref2, now);
    /* what a dump wrote is restored when kvs is loaded again */
    unsigned char digest[20];
    const char *dir_text = "{\"data\":{\"x\":{\"data\":\"MQ==\",\"type\":"
                           "\"val\",\"ver\":1}},\"type\":\"dir\",\"ver\":1}";
    assert_int_equal (store_blob (&w, dir_text, strlen (dir_text), digest), 0);
    for (int i = 0, n = snprintf (ref, 72, "sha1-"); i < 20; i++)
        n += snprintf (ref + n, 72 - n, "%02x", digest[i]);
    kvs_builtin.stop (w.ctx);
    assert_int_equal (result (&w, flux_rpc_pack (w.h, "content.checkpoint-put", 0,
                                                 0, "{s:{s:i s:s s:i}}", "value",
                                                 "version", 1, "rootref", ref,
                                                 "sequence", 77)), 0);
    assert_int_equal (result (&w, flux_rpc_pack (w.h, "content.checkpoint-put", 0,
                                                 0, "{s:{s:i s:s}}", "value",
                                                 "version", 1, "rootref", "x")),
                      -EINVAL);
    checkpoint_get (&w, ref2);
    assert_string_equal (ref2, ref);
    assert_int_equal (kvs_builtin.start (w.svc, 0, NULL, &w.ctx, &err), 0);
    assert_int_equal (put (&w, NULL, 0, "y", "2"), 0);
    get_is (&w, NULL, "x", "1");
    assert_int_equal (get_rc (&w, NULL, 0, "c.a"), -ENOENT);
    assert_int_equal (version (&w, "primary"), 78);
    rootref (&w, NULL, ref);
    down (&w, true);
    /* and remains; the root of before the restart can be loaded */
    up (&w, true);
    up_content (&w);
    get_is (&w, NULL, "x", "1");
    walk_content (&w, ref, &vals);
    assert_int_equal (vals, 2);
    down (&w, true);
}

/* -- garbage ----------------------------------------------------------------- */

static void store_ref (struct world *w, const char *s, char ref[72])
{
    unsigned char digest[20];
    assert_int_equal (store_blob (w, s, strlen (s), digest), 0);
    for (int i = 0, n = snprintf (ref, 72, "sha1-"); i < 20; i++)
        n += snprintf (ref + n, 72 - n, "%02x", digest[i]);
}

static int has_ref (struct world *w, const char *ref)
{
    unsigned char digest[20];
    ref_bytes (ref, digest);
    return load_blob (w, "content.load", digest, NULL);
}

static void put_ref (struct world *w, const char *key, const char *type, const char *ref)
{
    char *s;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    assert_true (asprintf (&s, "{\"data\":[\"%s\"],\"type\":\"%s\",\"ver\":1}", ref, type)
                 > 0);
    assert_int_equal (flux_kvs_txn_put_treeobj (txn, 0, key, s), 0);
    assert_int_equal (commit (w, NULL, txn), 0);
    free (s);
}

static json_int_t get_epoch (struct world *w, json_int_t *high)
{
    json_int_t epoch;
    flux_future_t *f = flux_rpc (w->h, "content-backing.gc-info", NULL, 0, 0);
    wait_for (w, f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:I s:I}", "current_epoch", &epoch,
                                           "high_water", high), 0);
    flux_future_destroy (f);
    return epoch;
}

static void end_epoch (struct world *w)
{
    json_int_t high, before = get_epoch (w, &high);
    assert_int_equal (result (w, send_put (w, NULL, FLUX_KVS_SYNC, 0, "gc.sync", "1")), 0);
    assert_int_equal (get_epoch (w, &high), before + 1);
}

static int sweep (struct world *w, json_int_t epoch, json_int_t high, int cap, int window)
{
    json_int_t cursor = 0, last, deleted;
    int total = 0;
    while (cursor < high) {
        flux_future_t *f =
            flux_rpc_pack (w->h, "content-backing.sweep", 0, 0, "{s:I s:I s:I s:i s:i}",
                           "epoch", epoch, "cursor", cursor, "high_water", high,
                           "delete_cap", cap, "window", window);
        wait_for (w, f);
        last = cursor;
        assert_int_equal (flux_rpc_get_unpack (f, "{s:I s:I}", "cursor", &cursor, "deleted",
                                               &deleted), 0);
        assert_true (cursor > last && cursor <= high);
        total += deleted;
        flux_future_destroy (f);
    }
    return total;
}

/* A run that marks what the roots name, and 'more'.  How many were deleted. */
static int collect (struct world *w, const char *more, int dirs, int vals, int cap, int window)
{
    json_int_t high, marked, epoch = get_epoch (w, &high);
    json_t *d, *v, *c;
    flux_future_t *f = flux_rpc_pack (w->h, "content-backing.gc-roots", 0, 0, "{s:I}",
                                      "epoch", epoch);
    wait_for (w, f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o s:o s:o s:I}", "dirrefs", &d, "valrefs",
                                           &v, "checkpoints", &c, "marked", &marked), 0);
    assert_int_equal (json_array_size (d), dirs);
    assert_int_equal (json_array_size (v), vals);
    json_t *all = json_array ();
    json_array_extend (all, d);
    json_array_extend (all, v);
    if (more)
        json_array_append_new (all, json_string (more));
    assert_int_equal (result (w, flux_rpc_pack (w->h, "content-backing.mark", 0, 0,
                                                "{s:I s:o}", "epoch", epoch, "blobrefs",
                                                all)), 0);
    flux_future_destroy (f);
    return sweep (w, epoch, high, cap, window);
}

static void check_gc (struct world *w)
{
    char junk[3][72], val[72], below[72], dir[72], recent[72], text[256];
    for (int i = 0; i < 3; i++) {
        snprintf (text, sizeof (text), "junk %d", i);
        store_ref (w, text, junk[i]);
    }
    store_ref (w, "a value", val);
    store_ref (w, "a value below", below);
    snprintf (text, sizeof (text), "{\"data\":{\"x\":{\"data\":[\"%s\"],\"type\":\"valref\","
              "\"ver\":1}},\"type\":\"dir\",\"ver\":1}", below);
    store_ref (w, text, dir);
    put_ref (w, "gc.val", "valref", val);
    put_ref (w, "gc.dir", "dirref", dir);
    put_ref (w, "gc.dir2", "dirref", dir);
    /* of this epoch: nothing goes */
    assert_int_equal (collect (w, below, 1, 1, 100, 100), 0);
    assert_int_equal (has_ref (w, junk[0]), 0);
    store_ref (w, "junk 2", junk[2]);
    store_ref (w, "recent", recent);
    assert_int_equal (collect (w, below, 1, 1, 1, 2), 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal (has_ref (w, junk[i]), i < 2 ? -ENOENT : 0);
    assert_int_equal (has_ref (w, recent), 0);
    get_is (w, NULL, "gc.val", "a value");
    get_is (w, NULL, "gc.dir2.x", "a value below");
    /* what is swept can be stored again, and is kept when it is referred to again */
    store_ref (w, "junk 0", junk[0]);
    end_epoch (w);
    put_ref (w, "gc.again", "valref", junk[0]);
    json_int_t high, epoch = get_epoch (w, &high);
    /* nobody marked anything: all but that goes */
    assert_int_equal (sweep (w, epoch, high, 100, 100), 5);
    get_is (w, NULL, "gc.again", "junk 0");
    assert_int_equal (get_rc (w, NULL, 0, "gc.val"), -EIO);
}

static void test_gc (void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world w;
        up (&w, durable);
        up_content (&w);
        check_gc (&w);
        json_int_t high, epoch = get_epoch (&w, &high);
        down (&w, true);
        if (!durable)
            continue;
        up (&w, true);
        up_content (&w);
        assert_true (get_epoch (&w, &high) > epoch);
        get_is (&w, NULL, "gc.again", "junk 0");
        down (&w, true);
    }
}

/* References that were given out last while what they are of is there. */
static void test_gc_pins (void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world w;
        char old[72], now[72];
        int vals = 0;
        size_t blobs, bytes, before, after;
        up (&w, durable);
        up_content (&w);
        make_job (&w, 7);
        make_job (&w, 8);
        rootref (&w, NULL, old);
        walk_content (&w, old, &vals);
        assert_int_equal (freeze (&w, "job.7"), 0);
        assert_int_equal (result (&w, flux_kvs_namespace_create (w.h, "other", 0, 0)), 0);
        assert_int_equal (put (&w, "other", 0, "x.y", "1"), 0);
        rootref (&w, "other", now);
        end_epoch (&w);
        content_stats (w.kvs->content, &blobs, &bytes, &before);
        assert_int_equal (collect (&w, NULL, 0, 0, 100, 100), 1);
        content_stats (w.kvs->content, &blobs, &bytes, &after);
        assert_int_equal (before - after, 1);
        assert_int_equal (has_ref (&w, old), -ENOENT);
        assert_int_equal (has_ref (&w, now), 0);
        rootref (&w, NULL, now);
        vals = 0;
        walk_content (&w, now, &vals);
        end_epoch (&w);
        rootref (&w, NULL, old);
        /* all that is below the root, frozen or not, is still there */
        assert_int_equal (collect (&w, NULL, 0, 0, 100, 100), 0);
        int again = 0;
        walk_content (&w, old, &again);
        assert_int_equal (again, vals);
        assert_int_equal (result (&w, flux_kvs_namespace_remove (w.h, "other")), 0);
        down (&w, true);
        remove_dir ();
        assert_int_equal (mkdir (dir, 0700), 0);
    }
}

static void test_gc_refuses (void **state)
{
    (void)state;
    struct world w;
    static const char *const bad[][2] = {
        { "content-backing.gc-roots", "{}" },
        { "content-backing.gc-roots", "{\"epoch\":-1}" },
        { "content-backing.mark", "{\"epoch\":1}" },
        { "content-backing.mark", "{\"epoch\":1,\"blobrefs\":{}}" },
        { "content-backing.sweep", "{\"epoch\":1}" },
        { "content-backing.sweep", "{\"epoch\":1,\"cursor\":2,\"high_water\":1,"
                                   "\"delete_cap\":1,\"window\":1}" },
        { "content-backing.sweep", "{\"epoch\":1,\"cursor\":0,\"high_water\":1,"
                                   "\"delete_cap\":0,\"window\":1}" },
    };
    up (&w, true);
    up_content (&w);
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (result (&w, flux_rpc (w.h, bad[i][0], bad[i][1], 0, 0)), -EPROTO);
    assert_int_equal (result (&w, flux_rpc (w.h, "content-backing.mark",
                                            "{\"epoch\":1,\"blobrefs\":[\"x\"]}", 0, 0)),
                      -EINVAL);
    down (&w, true);
}

/* Bytes beyond the limit are not looked at. */
static void test_blob_limit (void **state)
{
    struct world w;
    char ref[72];

    (void)state;
    up (&w, false);
    assert_int_equal (content_store (w.kvs->content, "", CONTENT_BLOB_MAX + 1, ref), -EFBIG);
    assert_int_equal (CONTENT_BLOB_MAX, 1073741824);   /* as the message says */
    down (&w, true);
}

/* The root of a commit can be asked for when many others have followed, for a minute. */
static void test_kept_roots (void **state)
{
    struct world w;
    struct kvsns *ns;
    size_t size;
    int seq;

    (void)state;
    up (&w, false);
    ns = w.kvs->primary;
    assert_int_equal (put (&w, NULL, 0, "k", "first"), 0);
    seq = (int)ns->seq;
    for (int i = 0; i < 1000; i++)
        assert_int_equal (put (&w, NULL, 0, "k", i % 2 ? "a" : "b"), 0);
    assert_non_null (kvsns_kept_root (ns, seq));
    assert_non_null (kvsns_kept_root (ns, seq + 500));
    assert_int_equal (ns->kept_count, 1001);
    size = ns->kept_size;
    for (size_t i = 0; i < ns->kept_count - 1; i++)
        ns->kept[i].when -= KVSNS_KEPT_SECONDS + 1;
    assert_int_equal (put (&w, NULL, 0, "k", "last"), 0);
    assert_null (kvsns_kept_root (ns, seq));
    assert_int_equal (ns->kept_count, 2);
    for (int i = 0; i < 3 * KVSNS_KEPT_MAX; i++)
        kvsns_keep_root (ns, i, ns->head);
    assert_int_equal (ns->kept_count, KVSNS_KEPT_MAX);
    assert_true (size < ns->kept_size && ns->kept_size == KVSNS_KEPT_MAX);
    assert_non_null (kvsns_kept_root (ns, 3 * KVSNS_KEPT_MAX - 1));
    assert_non_null (kvsns_kept_root (ns, 2 * KVSNS_KEPT_MAX));
    assert_null (kvsns_kept_root (ns, 2 * KVSNS_KEPT_MAX - 1));
    down (&w, true);
}

#define EACH(t) cmocka_unit_test_setup_teardown (t, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        EACH (test_content),
        EACH (test_spill),
        EACH (test_checkpoint),
        EACH (test_gc),
        EACH (test_gc_pins),
        EACH (test_gc_refuses),
        EACH (test_kept_roots),
        EACH (test_blob_limit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
