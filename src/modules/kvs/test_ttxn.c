/* test_ttxn.c - walks and transactions: random ones against a flat model */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "modules/kvs/ttxn.h"

static unsigned int seed = 4711;
static unsigned int rnd (unsigned int n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

/* -- the environment: cold node 1 is a directory, "other" a namespace ------ */

static struct tnode *cold_dir;
static struct tnode *other_root;

static struct tnode *load (void *arg, const struct tnode *n, int *rc)
{
    (void)arg;
    if (tnode_kind (n) == TNODE_COLD && tcold_id (n) == 1)
        return tnode_ref (cold_dir);
    *rc = -EIO;
    return NULL;
}

static const struct tnode *ns_root (void *arg, const char *ns, int *rc)
{
    (void)arg;
    if (!strcmp (ns, "other"))
        return other_root;
    *rc = -ENOTSUP;
    return NULL;
}

static const struct twalk_env env = { .load = load, .root = ns_root };

static int setup (void **state)
{
    (void)state;
    struct tnode *v = tval_new ("frost", 5, 1);
    cold_dir = tdir_new ();
    tdir_set (cold_dir, "x", 1, v);
    other_root = tdir_new ();
    tdir_set (other_root, "o", 1, v);
    tnode_unref (v);
    return 0;
}

static int teardown (void **state)
{
    (void)state;
    tnode_unref (cold_dir);
    tnode_unref (other_root);
    return 0;
}

/* -- what was told about changes ------------------------------------------ */

static struct buf told = BUF_INIT;

static void changed (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    (void)arg;
    assert_int_equal (strlen (path), len);
    assert_non_null (node);
    if (what == TTXN_APPEND)
        assert_int_equal (from, tval_len (old));
    buf_addf (&told, "%c%s%s ", "SADT"[what], path, old ? "!" : "");
}

static void told_is (const char *s)
{
    assert_string_equal (told.data, s);
    buf_release (&told);
}

static struct tnode *root;

static struct ttxn *begin (void)
{
    struct ttxn *t = ttxn_new (&root, "primary", &env, changed, NULL);
    assert_non_null (t);
    return t;
}

static int put (struct ttxn *t, const char *key, const char *s)
{
    struct tnode *n = tval_new (s, strlen (s), 1);
    int rc = ttxn_set (t, key, n);
    tnode_unref (n);
    return rc;
}

static int mklink (struct ttxn *t, const char *key, const char *ns,
                   const char *target)
{
    struct tnode *n = tlink_new (ns, target);
    int rc = ttxn_set (t, key, n);
    tnode_unref (n);
    return rc;
}

static void get_is (const char *key, int want, const char *s)
{
    struct twalk_place p = TWALK_PLACE_INIT;
    int rc = twalk (&env, root, key, true, &p);
    assert_int_equal (rc, want);
    if (rc == 0 && s) {
        char buf[64];
        assert_int_equal (tnode_kind (p.node), TNODE_VAL);
        assert_int_equal (tval_len (p.node), strlen (s));
        tval_read (p.node, 0, strlen (s), buf);
        assert_memory_equal (buf, s, strlen (s));
    }
    twalk_place_release (&p);
}

static void place_is (const char *key, const char *ns, const char *canonical)
{
    struct twalk_place p = TWALK_PLACE_INIT;
    twalk (&env, root, key, true, &p);
    assert_string_equal (p.ns.data, ns);
    assert_string_equal (p.key.data, canonical);
    twalk_place_release (&p);
}

static void test_simple (void **state)
{
    (void)state;
    root = tdir_new ();
    struct ttxn *t = begin ();
    assert_int_equal (put (t, "a.b.c", "1"), 0);
    assert_int_equal (put (t, "a.b.d", "2"), 0);
    assert_int_equal (ttxn_append (t, "a.b.d", "3", 1, 9), 0);
    assert_int_equal (ttxn_append (t, "a.e.f", "4", 1, 9), 0);
    assert_int_equal (ttxn_unlink (t, "a.nope"), 0);
    assert_int_equal (ttxn_unlink (t, "a.b.c"), 0);
    ttxn_commit (t);
    told_is ("Sa Sa.b.d Aa.b.d! Sa.e Da.b.c! ");
    get_is ("a.b.d", 0, "23");
    get_is ("a.e.f", 0, "4");
    get_is ("a.b.c", -ENOENT, NULL);
    get_is ("a.b.d.x", -ENOTDIR, NULL);
    get_is ("a", 0, NULL);
    get_is (".", 0, NULL);
    place_is ("a.z.y.x", "", "a.z.y.x");

    /* values in the way are replaced, also by nothing */
    t = begin ();
    assert_int_equal (put (t, "a.b.d.e.f", "5"), 0);
    assert_int_equal (ttxn_append (t, "a.b", "x", 1, 9), -EISDIR);
    assert_int_equal (ttxn_append (t, ".", "x", 1, 9), -EISDIR);
    assert_int_equal (ttxn_unlink (t, "."), -EINVAL);
    assert_int_equal (put (t, ".", "x"), -EINVAL);
    assert_int_equal (put (t, "a.e", "6"), 0);
    ttxn_commit (t);
    told_is ("Sa.b.d! Sa.e! ");
    get_is ("a.b.d.e.f", 0, "5");
    get_is ("a.e", 0, "6");

    t = begin ();
    struct tnode *dir = tdir_new ();
    assert_int_equal (ttxn_set (t, ".", dir), 0);
    assert_int_equal (put (t, "q", "7"), 0);
    get_is ("q", 0, "7");
    assert_int_equal (ttxn_abort (t), 0);
    told_is ("S! Sq ");
    assert_int_equal (tdir_count (dir), 0);
    tnode_unref (dir);
    get_is ("a.e", 0, "6");
    tnode_unref (root);
}

static void test_links (void **state)
{
    (void)state;
    root = tdir_new ();
    struct ttxn *t = begin ();
    assert_int_equal (put (t, "a.b", "1"), 0);
    assert_int_equal (mklink (t, "l", NULL, "a"), 0);
    assert_int_equal (mklink (t, "m", NULL, "l.b"), 0);
    assert_int_equal (mklink (t, "loop", NULL, "pool"), 0);
    assert_int_equal (mklink (t, "pool", NULL, "loop"), 0);
    assert_int_equal (mklink (t, "self", NULL, "self.x"), 0);
    assert_int_equal (mklink (t, "far", "other", "."), 0);
    assert_int_equal (mklink (t, "gone", "nowhere", "x"), 0);
    assert_int_equal (mklink (t, "top", NULL, "."), 0);
    assert_int_equal (mklink (t, "same", "primary", "a"), 0);
    assert_int_equal (put (t, "l.c", "2"), 0);
    assert_int_equal (put (t, "top.l.d", "3"), 0);
    assert_int_equal (put (t, "same.e", "4"), 0);
    assert_int_equal (ttxn_append (t, "l.c", "!", 1, 1), 0);
    assert_int_equal (ttxn_append (t, "l", "!", 1, 1), -EOPNOTSUPP);
    assert_int_equal (put (t, "loop.x", "2"), -ELOOP);
    assert_int_equal (put (t, "self.x", "2"), -ELOOP);
    assert_int_equal (put (t, "far.x", "2"), -EINVAL);
    assert_int_equal (put (t, "gone.x", "2"), -EINVAL);
    ttxn_commit (t);
    told_is ("Sa Sl Sm Sloop Spool Sself Sfar Sgone Stop Ssame "
             "Sa.c Sa.d Sa.e Aa.c! ");
    get_is ("m", 0, "1");
    get_is ("a.c", 0, "2!");
    get_is ("top.top.top.l.d", 0, "3");
    get_is ("a.e", 0, "4");
    get_is ("loop", -ELOOP, NULL);
    get_is ("self", -ELOOP, NULL);
    get_is ("far.o", 0, "frost");
    get_is ("far.none", -ENOENT, NULL);
    get_is ("gone", -ENOTSUP, NULL);
    place_is ("far.o", "other", "o");
    place_is ("far.none.x", "other", "none.x");
    place_is ("top.l.d", "", "a.d");
    place_is ("top", "", ".");

    struct twalk_place p = TWALK_PLACE_INIT;
    assert_int_equal (twalk (&env, root, "m", false, &p), 0);
    assert_int_equal (tnode_kind (p.node), TNODE_LINK);
    assert_false (p.linked);
    twalk_place_release (&p);
    tnode_unref (root);
}

static void test_cold (void **state)
{
    (void)state;
    root = tdir_new ();
    struct tnode *cold = tcold_new (1, NULL, NULL), *bad = tcold_new (2, NULL, NULL);
    struct ttxn *t = begin ();
    assert_int_equal (ttxn_set (t, "job.1", cold), 0);
    assert_int_equal (ttxn_set (t, "job.2", bad), 0);
    ttxn_commit (t);
    told_is ("Sjob Sjob.2 ");
    get_is ("job.1.x", 0, "frost");
    get_is ("job.2.x", -EIO, NULL);
    get_is ("job.1.y", -ENOENT, NULL);

    t = begin ();
    assert_int_equal (put (t, "job.2.x", "z"), -EIO);
    assert_int_equal (put (t, "job.1.y", "z"), 0);
    ttxn_abort (t);
    told_is ("Tjob.1! Sjob.1.y ");
    get_is ("job.1.y", -ENOENT, NULL);
    assert_null (tdir_get (cold_dir, "y", 1));
    struct twalk_place p = TWALK_PLACE_INIT;
    assert_int_equal (twalk (&env, root, "job.1", true, &p), 0);
    assert_int_equal (tnode_kind (p.node), TNODE_COLD);
    twalk_place_release (&p);

    t = begin ();
    assert_int_equal (ttxn_append (t, "job.1.x", "ed", 2, 1), 0);
    ttxn_commit (t);
    told_is ("Tjob.1! Ajob.1.x! ");
    get_is ("job.1.x", 0, "frosted");
    tnode_unref (cold);
    tnode_unref (bad);
    tnode_unref (root);
}

static void test_deep (void **state)
{
    (void)state;
    enum { N = 30000 };
    char *key = malloc (2 * N + 16);
    for (int i = 0; i < N; i++)
        memcpy (key + 2 * i, "a.", 2);
    memcpy (key + 2 * N, "end", 4);
    root = tdir_new ();
    struct ttxn *t = begin ();
    assert_int_equal (put (t, key, "1"), 0);
    assert_int_equal (ttxn_append (t, key, "2", 1, 1), 0);
    ttxn_commit (t);
    get_is (key, 0, "12");
    buf_release (&told);
    free (key);
    tnode_unref (root);
}

/* -- random ----------------------------------------------------------------
 *
 * The model is a set of (path, value), value NULL for a directory; a parent is
 * always there.
 */

struct entry {
    char path[32];
    char *value;
};

struct model {
    struct entry *e;
    size_t n;
};

static void model_free (struct model *m)
{
    for (size_t i = 0; i < m->n; i++)
        free (m->e[i].value);
    free (m->e);
    *m = (struct model){ 0 };
}

static struct model model_copy (const struct model *m)
{
    struct model x = { .e = calloc (m->n + 1, sizeof (*m->e)), .n = m->n };
    for (size_t i = 0; i < m->n; i++) {
        x.e[i] = m->e[i];
        x.e[i].value = m->e[i].value ? strdup (m->e[i].value) : NULL;
    }
    return x;
}

static struct entry *model_find (struct model *m, const char *path)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp (m->e[i].path, path))
            return &m->e[i];
    return NULL;
}

static void model_del (struct model *m, const char *path)
{
    size_t len = strlen (path), o = 0;
    for (size_t i = 0; i < m->n; i++) {
        const char *p = m->e[i].path;
        if (!strncmp (p, path, len) && (p[len] == '\0' || p[len] == '.'))
            free (m->e[i].value);
        else
            m->e[o++] = m->e[i];
    }
    m->n = o;
}

static void model_add (struct model *m, const char *path, const char *value)
{
    m->e = realloc (m->e, (m->n + 1) * sizeof (*m->e));
    struct entry *e = &m->e[m->n++];
    snprintf (e->path, sizeof (e->path), "%s", path);
    e->value = value ? strdup (value) : NULL;
}

static void model_parents (struct model *m, const char *path)
{
    char p[32];
    snprintf (p, sizeof (p), "%s", path);
    for (char *dot = p; (dot = strchr (dot, '.')); dot++) {
        *dot = '\0';
        struct entry *e = model_find (m, p);
        if (e && e->value)
            model_del (m, p);
        if (!e || !model_find (m, p))
            model_add (m, p, NULL);
        *dot = '.';
    }
}

static void model_set (struct model *m, const char *path, const char *value)
{
    model_parents (m, path);
    model_del (m, path);
    model_add (m, path, value);
}

static int model_append (struct model *m, const char *path, const char *s)
{
    struct entry *e = model_find (m, path);
    if (!e)
        model_set (m, path, s);
    else if (!e->value)
        return -EISDIR;
    else {
        char *x;
        assert_true (asprintf (&x, "%s%s", e->value, s) >= 0);
        free (e->value);
        e->value = x;
    }
    return 0;
}

static int entry_cmp (const void *a, const void *b)
{
    return strcmp (((const struct entry *)a)->path,
                   ((const struct entry *)b)->path);
}

static void model_from_tree (struct model *m, const struct tnode *dir,
                             const char *prefix)
{
    struct tdir_iter it;
    const struct tnode *n;
    const char *name;
    size_t len;
    tdir_iter_init (&it, dir);
    while ((n = tdir_iter_next (&it, &name, &len))) {
        char path[32];
        snprintf (path, sizeof (path), "%s%s%.*s", prefix, *prefix ? "." : "",
                  (int)len, name);
        if (tnode_kind (n) == TNODE_DIR) {
            model_add (m, path, NULL);
            model_from_tree (m, n, path);
        }
        else {
            char *s = calloc (1, tval_len (n) + 1);
            tval_read (n, 0, tval_len (n), s);
            model_add (m, path, s);
            free (s);
        }
    }
}

static void same (struct model *m, const struct tnode *dir)
{
    struct model x = { 0 };
    model_from_tree (&x, dir, "");
    qsort (x.e, x.n, sizeof (*x.e), entry_cmp);
    qsort (m->e, m->n, sizeof (*m->e), entry_cmp);
    assert_int_equal (x.n, m->n);
    for (size_t i = 0; i < x.n; i++) {
        assert_string_equal (x.e[i].path, m->e[i].path);
        assert_int_equal (!x.e[i].value, !m->e[i].value);
        if (x.e[i].value)
            assert_string_equal (x.e[i].value, m->e[i].value);
    }
    model_free (&x);
}

static void random_key (char *key)
{
    int depth = 1 + rnd (4), o = 0;
    for (int i = 0; i < depth; i++) {
        if (i > 0)
            key[o++] = '.';
        key[o++] = 'a' + rnd (3);
    }
    key[o] = '\0';
}

static void random_op (struct ttxn *t, struct model *m)
{
    char key[32], val[16];
    random_key (key);
    snprintf (val, sizeof (val), "%u,", rnd (1000));
    switch (rnd (8)) {
    case 0: case 1: case 2:
        assert_int_equal (put (t, key, val), 0);
        model_set (m, key, val);
        break;
    case 3: case 4: {
        int rc = ttxn_append (t, key, val, strlen (val), 1);
        assert_int_equal (rc, model_append (m, key, val));
        break;
    }
    case 5: {
        struct tnode *dir = tdir_new ();
        assert_int_equal (ttxn_set (t, key, dir), 0);
        model_set (m, key, NULL);
        tnode_unref (dir);
        break;
    }
    default:
        assert_int_equal (ttxn_unlink (t, key), 0);
        model_del (m, key);
    }
}

static void test_random (void **state)
{
    (void)state;
    struct model m = { 0 }, old = { 0 }, snap_m = { 0 };
    struct tnode *snap = NULL;
    root = tdir_new ();
    for (int round = 0; round < 8000; round++) {
        struct ttxn *t = begin ();
        old = model_copy (&m);
        for (int n = rnd (6); n >= 0; n--)
            random_op (t, &m);
        buf_release (&told);
        if (rnd (3) == 0) {
            assert_int_equal (ttxn_abort (t), 0);
            model_free (&m);
            m = old;
        }
        else {
            ttxn_commit (t);
            model_free (&old);
        }
        if (rnd (10) == 0)
            same (&m, root);
        if (rnd (50) == 0) {
            if (snap)
                same (&snap_m, snap);
            tnode_unref (snap);
            model_free (&snap_m);
            snap = tnode_ref (root);
            snap_m = model_copy (&m);
        }
    }
    same (&m, root);
    model_free (&m);
    model_free (&snap_m);
    tnode_unref (snap);
    tnode_unref (root);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_simple),
        cmocka_unit_test (test_links),
        cmocka_unit_test (test_cold),
        cmocka_unit_test (test_deep),
        cmocka_unit_test (test_random),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
