/* kvs_list.c - flux kvs dir, ls: what is in directories
 *
 *   dir ──kvs.lookup READDIR──► a directory; then its values, all at once
 *
 * Far down, keys are long, and a look-up walks all of its key: then what is looked up is
 * the rest of the key, at a directory on the way:
 *
 *   a.b.c ... x  .  y.z ... t
 *   └─ base ───┘    └─ key ─┘    a base is a tree object; the next is looked up at the last
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
        e->is_dir = flux_kvsdir_isdir (dir, name);
        e->is_link = flux_kvsdir_issymlink (dir, name);
        if (!e->name)
            cmd_die (1, "out of memory");
    }
    flux_kvsitr_destroy (itr);
    qsort (es->v, es->n, sizeof (*es->v), by_name);
}

/* The way down to the directory that is read. */
struct path {
    optparse_t *p;
    flux_t *h;
    struct buf key;
    bool no_base;       /* may not look up at a tree object */
};

/* Where look-ups are made: at a tree object, without the first 'skip' characters of the
 * key; NULL: in the namespace. */
struct base {
    const char *at;
    size_t skip;
};

enum { REST_MAX = 512 };    /* a key longer than that gets a base of its own */

static void path_init (struct path *path, optparse_t *p, flux_t *h, const char *key)
{
    *path = (struct path){ .p = p, .h = h, .key = BUF_INIT };
    if (buf_adds (&path->key, key) < 0)
        cmd_die (1, "out of memory");
}

/* To an entry of the directory; returns what path_up() wants to come back. */
static size_t path_down (struct path *path, const char *name)
{
    size_t len = strcmp (path->key.data, ".") == 0 ? 0 : path->key.len;

    if (len == 0)
        buf_clear (&path->key);
    else
        buf_addc (&path->key, '.');
    buf_adds (&path->key, name);
    if (path->key.failed)
        cmd_die (1, "out of memory");
    return len;
}

static void path_up (struct path *path, size_t len)
{
    path->key.len = len;
    path->key.data[len] = '\0';
    if (len == 0)
        buf_addc (&path->key, '.');     /* there was room for it */
}

static flux_future_t *look_up (const struct path *path, const struct base *base, int flags)
{
    const char *key = path->key.data + base->skip;

    return base->at ? flux_kvs_lookupat (path->h, flags, key, base->at)
                    : flux_kvs_lookup (path->h, kvs_ns (path->p), flags, key);
}

/* A guest may not, and goes on with whole keys. */
static bool may_look_up_at (flux_t *h, const char *at)
{
    flux_future_t *f = flux_kvs_lookupat (h, FLUX_KVS_TREEOBJ, ".", at);
    bool may = f && flux_kvs_lookup_get_treeobj (f, NULL) == 0;

    flux_future_destroy (f);
    return may;
}

static bool is_dir_object (const char *treeobj)
{
    json_t *o = treeobj_decode (treeobj, strlen (treeobj));
    bool dir = treeobj_is (o, "dir") || treeobj_is (o, "dirref");

    json_decref (o);
    return dir;
}

/* The base for what is below the directory; *fp, if it is set, keeps it. */
static struct base base_below (struct path *path, const struct base *base, flux_future_t **fp)
{
    const char *s;

    *fp = NULL;
    if (path->key.len - base->skip <= REST_MAX || path->no_base)
        return *base;
    *fp = look_up (path, base, FLUX_KVS_TREEOBJ);
    if (!*fp || flux_kvs_lookup_get_treeobj (*fp, &s) < 0)
        kvs_die (*fp, path->key.data);
    if (!is_dir_object (s))        /* a link to one, by which the listing began */
        return *base;
    if (!base->at && !may_look_up_at (path->h, s)) {
        path->no_base = true;
        return *base;
    }
    return (struct base){ s, path->key.len + 1 };
}

/* One directory, or NULL with errno; *fp keeps it. */
static const flux_kvsdir_t *read_dir (const struct path *path, const struct base *base,
                                      flux_future_t **fp)
{
    const flux_kvsdir_t *dir;

    *fp = look_up (path, base, FLUX_KVS_READDIR);
    return *fp && flux_kvs_lookup_get_dir (*fp, &dir) == 0 ? dir : NULL;
}

static void die_dir (flux_future_t *f, const char *key, const char *at)
{
    if (!f && at && errno == EINVAL)
        cmd_die (1, "--at=%s: not a tree object (RFC 11)", at);
    kvs_die (f, key);
}

/* dir */

struct dir_view {
    struct path path;
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
    const char *key = v->path.key.data;
    const char *ns;
    const char *target;

    if (flux_kvs_lookup_get_symlink (e->f, &ns, &target) < 0)
        kvs_die (e->f, key);
    buf_addf (&b, "%s -> %s%s%s", key, ns ? ns : "", ns ? "::" : "", target);
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
        kvs_die (e->f, v->path.key.data);
    buf_addf (&b, "%s = ", v->path.key.data);
    buf_add (&b, data, len);
    print_cut (v, b.data);
    buf_release (&b);
}

static void ask_value (struct dir_view *v, const struct base *base, struct entry *e)
{
    size_t up = path_down (&v->path, e->name);

    e->f = look_up (&v->path, base, e->is_link ? FLUX_KVS_READLINK : 0);
    if (!e->f)
        cmd_die (1, "%s: %s", v->path.key.data, flux_strerror (errno));
    path_up (&v->path, up);
}

static void show_dir (struct dir_view *v, const struct base *base);

static void show_entry (struct dir_view *v, const struct base *base, struct entry *e)
{
    size_t up = path_down (&v->path, e->name);

    if (e->is_dir && v->recursive)
        show_dir (v, base);
    else if (e->is_dir)
        printf ("%s.\n", v->path.key.data);
    else if (v->values)
        print_entry (v, e);
    else
        printf ("%s\n", v->path.key.data);
    path_up (&v->path, up);
}

static void show_dir (struct dir_view *v, const struct base *base)
{
    flux_future_t *f;
    const flux_kvsdir_t *dir = read_dir (&v->path, base, &f);
    struct entries es;
    struct base below;

    if (!dir)
        die_dir (f, v->path.key.data, v->at);
    read_entries (dir, &es);
    flux_future_destroy (f);
    below = base_below (&v->path, base, &f);
    for (size_t i = 0; i < es.n && v->values; i++) {
        if (!es.v[i].is_dir)
            ask_value (v, &below, &es.v[i]);
    }
    for (size_t i = 0; i < es.n; i++)
        show_entry (v, &below, &es.v[i]);
    entries_release (&es);
    flux_future_destroy (f);
}

int kvs_dir (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct dir_view v = { .at = optparse_get_str (p, "at", NULL), .width = kvs_width (p),
                          .values = !optparse_hasopt (p, "directory"),
                          .recursive = optparse_hasopt (p, "recursive") };
    struct base base = { .at = v.at };

    if (n < argc - 1)
        return cmd_usage (p);
    path_init (&v.path, p, cmd_open (), n < argc ? argv[n] : ".");
    show_dir (&v, &base);
    flux_close (v.path.h);
    buf_release (&v.path.key);
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

static void print_names (const struct ls *l, const struct entries *es)
{
    char **names = calloc (es->n + 1, sizeof (*names));

    if (!names)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < es->n; i++)
        names[i] = shown_name (l, es->v[i].name, es->v[i].is_dir, es->v[i].is_link);
    print_columns (l, names, es->n);
    for (size_t i = 0; i < es->n; i++)
        free (names[i]);
    free (names);
}

static void list_dir (struct ls *l, struct path *path, const struct base *base, bool header)
{
    flux_future_t *f;
    const flux_kvsdir_t *dir = read_dir (path, base, &f);
    struct entries es;
    struct base below;

    if (!dir)
        die_dir (f, path->key.data, NULL);
    read_entries (dir, &es);
    flux_future_destroy (f);
    if (header)
        printf ("%s%s:\n", l->printed ? "\n" : "", path->key.data);
    print_names (l, &es);
    l->printed = true;
    if (!optparse_hasopt (l->p, "recursive")) {
        entries_release (&es);
        return;
    }
    below = base_below (path, base, &f);
    for (size_t i = 0; i < es.n; i++) {
        size_t up = path_down (path, es.v[i].name);
        if (es.v[i].is_dir)
            list_dir (l, path, &below, true);
        path_up (path, up);
    }
    entries_release (&es);
    flux_future_destroy (f);
}

static void list_tree (struct ls *l, const char *key, bool header)
{
    const struct base base = { NULL, 0 };
    struct path path;

    path_init (&path, l->p, l->h, key);
    list_dir (l, &path, &base, header);
    buf_release (&path.key);
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
            list_tree (l, keys[i], n > 1 || optparse_hasopt (l->p, "recursive"));
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
