/* kvs_list.c - flux kvs dir, ls: what is in directories
 *
 *   dir ──kvs.lookup READDIR──► a directory; then its values, all at once, of the
 *                               same snapshot if the answer names one
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"
#include "spec/treeobj.h"

/* Entries of a directory, sorted by name. */
struct entry {
    char *name;
    char *key;          /* with the path */
    bool is_dir;
    bool is_link;
    flux_future_t *f;   /* look-up of the value */
};

struct entries {
    struct entry *v;
    size_t n;
};

static int by_name (const void *a, const void *b)
{
    return strcmp (((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void entries_release (struct entries *es)
{
    for (size_t i = 0; i < es->n; i++) {
        free (es->v[i].name);
        free (es->v[i].key);
        flux_future_destroy (es->v[i].f);
    }
    free (es->v);
}

static void read_entries (const flux_kvsdir_t *dir, struct entries *es)
{
    flux_kvsitr_t *itr = flux_kvsitr_create (dir);
    const char *name;

    es->n = 0;
    es->v = calloc (flux_kvsdir_get_size (dir) + 1, sizeof (*es->v));
    if (!itr || !es->v)
        cmd_die (1, "out of memory");
    while ((name = flux_kvsitr_next (itr))) {
        struct entry *e = &es->v[es->n++];
        e->name = strdup (name);
        e->key = flux_kvsdir_key_at (dir, name);
        e->is_dir = flux_kvsdir_isdir (dir, name);
        e->is_link = flux_kvsdir_issymlink (dir, name);
        if (!e->name || !e->key)
            cmd_die (1, "out of memory");
    }
    flux_kvsitr_destroy (itr);
    qsort (es->v, es->n, sizeof (*es->v), by_name);
}

/* One directory, or NULL with errno; *fp keeps it. */
static const flux_kvsdir_t *read_dir (optparse_t *p, flux_t *h, const char *key, const char *at,
                                      flux_future_t **fp)
{
    flux_future_t *f = at ? flux_kvs_lookupat (h, FLUX_KVS_READDIR, key, at)
                          : flux_kvs_lookup (h, kvs_ns (p), FLUX_KVS_READDIR, key);
    const flux_kvsdir_t *dir;

    *fp = f;
    return f && flux_kvs_lookup_get_dir (f, &dir) == 0 ? dir : NULL;
}

static void die_dir (flux_future_t *f, const char *key, const char *at)
{
    if (!f && at && errno == EINVAL)
        cmd_die (1, "--at=%s: not a tree object (RFC 11)", at);
    kvs_die (f, key);
}

/* dir */

struct dir_view {
    optparse_t *p;
    flux_t *h;
    const char *at;
    int width;
    bool values;
    bool recursive;
};

/* A line, cut at the width with "...".  Newlines in values are shown as \n. */
static void print_cut (const struct dir_view *v, const char *s)
{
    struct buf b = BUF_INIT;
    size_t limit = v->width > 3 ? v->width : 0;

    for (; *s && (!limit || b.len <= limit); s++)
        (void)(*s == '\n' ? buf_adds (&b, "\\n") : buf_addc (&b, *s));
    if (limit && b.len > limit) {
        size_t n = limit - 3;
        while (n > 0 && (b.data[n] & 0xc0) == 0x80)   /* not within a character */
            n--;
        printf ("%.*s...\n", (int)n, b.data);
    }
    else
        printf ("%s\n", b.data);
    buf_release (&b);
}

static void print_link (const struct dir_view *v, struct entry *e)
{
    struct buf b = BUF_INIT;
    const char *ns;
    const char *target;

    if (flux_kvs_lookup_get_symlink (e->f, &ns, &target) < 0)
        kvs_die (e->f, e->key);
    buf_addf (&b, "%s -> %s%s%s", e->key, ns ? ns : "", ns ? "::" : "", target);
    print_cut (v, b.data);
    buf_release (&b);
}

static void print_entry (const struct dir_view *v, struct entry *e)
{
    struct buf b = BUF_INIT;
    const void *data;
    size_t len;

    if (e->is_link) {
        print_link (v, e);
        return;
    }
    if (flux_kvs_lookup_get_raw (e->f, &data, &len) < 0)
        kvs_die (e->f, e->key);
    buf_addf (&b, "%s = ", e->key);
    buf_add (&b, data, len);
    print_cut (v, b.data);
    buf_release (&b);
}

static void ask_value (const struct dir_view *v, const char *rootref, struct entry *e)
{
    int flags = e->is_link ? FLUX_KVS_READLINK : 0;
    const char *at = rootref ? rootref : v->at;

    e->f = at ? flux_kvs_lookupat (v->h, flags, e->key, at)
              : flux_kvs_lookup (v->h, kvs_ns (v->p), flags, e->key);
    if (!e->f)
        cmd_die (1, "%s: %s", e->key, flux_strerror (errno));
}

static void show_dir (const struct dir_view *v, const char *key)
{
    flux_future_t *f;
    const flux_kvsdir_t *dir = read_dir (v->p, v->h, key, v->at, &f);
    struct entries es;

    if (!dir)
        die_dir (f, key, v->at);
    read_entries (dir, &es);
    for (size_t i = 0; i < es.n && v->values; i++) {
        if (!es.v[i].is_dir)
            ask_value (v, flux_kvsdir_rootref (dir), &es.v[i]);
    }
    for (size_t i = 0; i < es.n; i++) {
        struct entry *e = &es.v[i];
        if (e->is_dir && v->recursive)
            show_dir (v, e->key);
        else if (e->is_dir)
            printf ("%s.\n", e->key);
        else if (v->values)
            print_entry (v, e);
        else
            printf ("%s\n", e->key);
    }
    entries_release (&es);
    flux_future_destroy (f);
}

int kvs_dir (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct dir_view v = { .p = p, .at = optparse_get_str (p, "at", NULL), .width = kvs_width (p),
                          .values = !optparse_hasopt (p, "directory"),
                          .recursive = optparse_hasopt (p, "recursive") };

    if (n < argc - 1)
        return cmd_usage (p);
    v.h = cmd_open ();
    show_dir (&v, n < argc ? argv[n] : ".");
    flux_close (v.h);
    return 0;
}

/* ls */

struct ls {
    optparse_t *p;
    flux_t *h;
    int width;
    bool one;           /* an entry a line */
    bool classify;
    bool printed;       /* something; the next directory is set apart */
    int rc;
};

static char *shown_name (const struct ls *l, const char *name, bool is_dir, bool is_link)
{
    char *s;

    if (asprintf (&s, "%s%s", name, !l->classify ? "" : is_link ? "@" : is_dir ? "." : "") < 0)
        cmd_die (1, "out of memory");
    return s;
}

/* Down the columns, as ls(1) does. */
static void print_columns (const struct ls *l, char **names, size_t n)
{
    size_t longest = 0;
    size_t cols;
    size_t rows;

    for (size_t i = 0; i < n; i++) {
        if (strlen (names[i]) > longest)
            longest = strlen (names[i]);
    }
    cols = l->one ? 1 : l->width == 0 ? n : l->width / (longest + 2);
    if (cols == 0)
        cols = 1;
    rows = n ? (n + cols - 1) / cols : 0;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = r; i < n; i += rows) {
            if (i + rows < n)
                printf ("%-*s", (int)longest + 2, names[i]);
            else
                printf ("%s", names[i]);
        }
        putchar ('\n');
    }
}

static void list_dir (struct ls *l, const char *key, bool header)
{
    flux_future_t *f;
    const flux_kvsdir_t *dir = read_dir (l->p, l->h, key, NULL, &f);
    struct entries es;
    char **names;

    if (!dir)
        die_dir (f, key, NULL);
    read_entries (dir, &es);
    if (!(names = calloc (es.n + 1, sizeof (*names))))
        cmd_die (1, "out of memory");
    if (header)
        printf ("%s%s:\n", l->printed ? "\n" : "", key);
    for (size_t i = 0; i < es.n; i++)
        names[i] = shown_name (l, es.v[i].name, es.v[i].is_dir, es.v[i].is_link);
    print_columns (l, names, es.n);
    l->printed = true;
    for (size_t i = 0; i < es.n; i++) {
        free (names[i]);
        if (es.v[i].is_dir && optparse_hasopt (l->p, "recursive"))
            list_dir (l, es.v[i].key, true);
    }
    free (names);
    entries_release (&es);
    flux_future_destroy (f);
}

enum kind { KIND_NONE, KIND_VALUE, KIND_DIR, KIND_LINK };

static enum kind kind_of (struct ls *l, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (l->h, kvs_ns (l->p), FLUX_KVS_TREEOBJ, key);
    enum kind kind = KIND_NONE;
    const char *s;
    json_t *o;

    if (f && flux_kvs_lookup_get_treeobj (f, &s) == 0 && (o = treeobj_decode (s, strlen (s)))) {
        kind = treeobj_is (o, "dir") || treeobj_is (o, "dirref") ? KIND_DIR
               : treeobj_is (o, "symlink") ? KIND_LINK : KIND_VALUE;
        json_decref (o);
    }
    else {
        char text[1024];
        cmd_err ("cannot access %s", kvs_strerror (f, key, text, sizeof (text)));
        l->rc = 1;
    }
    flux_future_destroy (f);
    return kind;
}

/* What is no directory comes first, then directories with headings. */
static void list_keys (struct ls *l, int n, char **keys)
{
    enum kind *kinds = calloc (n, sizeof (*kinds));
    char **names = calloc (n, sizeof (*names));
    size_t nnames = 0;

    if (!kinds || !names)
        cmd_die (1, "out of memory");
    for (int i = 0; i < n; i++) {
        kinds[i] = kind_of (l, keys[i]);
        if (kinds[i] == KIND_DIR && optparse_hasopt (l->p, "directory"))
            names[nnames++] = shown_name (l, keys[i], strcmp (keys[i], ".") != 0, false);
        else if (kinds[i] == KIND_VALUE || kinds[i] == KIND_LINK)
            names[nnames++] = shown_name (l, keys[i], false, kinds[i] == KIND_LINK);
    }
    print_columns (l, names, nnames);
    l->printed = nnames > 0;
    for (int i = 0; i < n && !optparse_hasopt (l->p, "directory"); i++) {
        if (kinds[i] == KIND_DIR)
            list_dir (l, keys[i], n > 1 || optparse_hasopt (l->p, "recursive"));
    }
    for (size_t i = 0; i < nnames; i++)
        free (names[i]);
    free (names);
    free (kinds);
}

int kvs_ls (optparse_t *p, int argc, char **argv)
{
    static char root[] = ".";
    char *only_root[] = { root, NULL };
    int n = optparse_option_index (p);
    struct ls l = { .p = p, .width = kvs_width (p), .classify = optparse_hasopt (p, "classify") };

    l.one = optparse_hasopt (p, "1") || (l.width == 0 && !optparse_hasopt (p, "width"));
    l.h = cmd_open ();
    if (n == argc)
        list_keys (&l, 1, only_root);
    else
        list_keys (&l, argc - n, argv + n);
    flux_close (l.h);
    return l.rc;
}
