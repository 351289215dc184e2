/* archive_create.c - flux archive create
 *
 *   each file ─► small: in its object; larger: content.store, a region each
 *                       (or --mmap: content.mmap-add, where they are in the file)
 *   at the end ─► kvs.commit of archive.NAME
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/blobref.h"
#include "base/buf.h"
#include "cmd/archive.h"
#include "cmd/cmd.h"
#include "cmd/size.h"
#include "cmd/subs.h"
#include "core/blob.h"
#include "spec/treeobj.h"

enum { WINDOW = 16 };       /* blobs on their way at a time */

struct create {
    flux_t *h;
    optparse_t *p;
    size_t chunk;
    size_t small;
    bool mmap;
    char hash[16];
    struct buf text;                  /* the archive's value */
    json_t *blobs;                    /* --preserve: a valref, or NULL */
    flux_future_t *window[WINDOW];
    int pos;
};

static json_t *must (json_t *o)
{
    if (!o)
        cmd_die (1, "out of memory");
    return o;
}

/* Content */

static void wait_slot (struct create *c, int i)
{
    if (c->window[i] && flux_future_get (c->window[i], NULL) < 0)
        cmd_die (1, "store: %s", future_strerror (c->window[i], errno));
    flux_future_destroy (c->window[i]);
    c->window[i] = NULL;
}

/* [off, len, blobref]; the reference is known before the answer, as it is a hash. */
static json_t *store_region (struct create *c, const char *map, off_t off, size_t len)
{
    char ref[BLOBREF_MAX_STRING];
    int rc = blobref_hash (c->hash, map + off, len, ref);

    if (rc < 0)
        cmd_die (1, "cannot hash with %s: %s", c->hash, strerror (-rc));
    if (!c->mmap) {
        wait_slot (c, c->pos);
        if (!(c->window[c->pos] = blob_store (c->h, map + off, len, false)))
            cmd_die (1, "store: %s", flux_strerror (errno));
        c->pos = (c->pos + 1) % WINDOW;
    }
    if (c->blobs && treeobj_add_ref (c->blobs, ref) < 0)
        cmd_die (1, "out of memory");
    return must (json_pack ("[I,I,s]", (json_int_t)off, (json_int_t)len, ref));
}

static void store_data (struct create *c, json_t *vec, const char *map, off_t off, off_t end)
{
    while (off < end) {
        size_t n = end - off;
        if (c->chunk > 0 && n > c->chunk)
            n = c->chunk;
        if (json_array_append_new (vec, store_region (c, map, off, n)) < 0)
            cmd_die (1, "out of memory");
        off += n;
    }
}

/* Holes are left out. */
static json_t *store_file (struct create *c, const char *path, int fd, off_t size)
{
    json_t *vec = must (json_array ());
    char *map = mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    off_t off = 0;

    if (map == MAP_FAILED)
        cmd_die (1, "%s: %s", path, strerror (errno));
    while (off < size) {
        off_t data = lseek (fd, off, SEEK_DATA);
        off_t hole;
        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0)
            data = off;         /* the file system does not tell */
        hole = lseek (fd, data, SEEK_HOLE);
        if (hole < 0 || hole > size)
            hole = size;
        store_data (c, vec, map, data, hole);
        off = hole;
    }
    munmap (map, size);
    return vec;
}

/* The broker reads the regions from the file when they are loaded. */
static void map_file (struct create *c, const char *path, json_t *vec)
{
    char *full = realpath (path, NULL);
    flux_future_t *f;

    if (!full)
        cmd_die (1, "%s: %s", path, strerror (errno));
    f = flux_rpc_pack (c->h, "content.mmap-add", 0, 0, "{s:s s:s s:O}", "path", full, "tag",
                       archive_name (c->p), "blobvec", vec);
    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die (1, "--mmap: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    free (full);
}

static void set (json_t *o, const char *key, json_t *val)
{
    if (json_object_set_new (o, key, must (val)) < 0)
        cmd_die (1, "out of memory");
}

static void set_small (json_t *o, const char *path, int fd, size_t size)
{
    char *data = malloc (size + 1);
    char *b64;
    json_t *text;

    if (!data)
        cmd_die (1, "out of memory");
    if (pread (fd, data, size, 0) != (ssize_t)size)
        cmd_die (1, "%s: it changed while it was read", path);
    if (!memchr (data, '\0', size) && (text = json_stringn (data, size))) {
        set (o, "encoding", json_string ("utf-8"));
        set (o, "data", text);
    }
    else {
        if (!(b64 = malloc (base64_encoded_size (size))))
            cmd_die (1, "out of memory");
        base64_encode (data, size, b64);
        set (o, "encoding", json_string ("base64"));
        set (o, "data", json_string (b64));
        free (b64);
    }
    free (data);
}

static void set_content (struct create *c, json_t *o, const char *path, const char *access_path,
                         const struct stat *sb)
{
    int fd = open (access_path, O_RDONLY | O_CLOEXEC);
    json_t *vec;

    if (fd < 0)
        cmd_die (1, "%s: %s", path, strerror (errno));
    set (o, "size", json_integer (sb->st_size));
    if (sb->st_size > 0 && (size_t)sb->st_size <= c->small)
        set_small (o, path, fd, sb->st_size);
    else if (sb->st_size > 0) {
        vec = store_file (c, path, fd, sb->st_size);
        if (c->mmap)
            map_file (c, access_path, vec);
        if (json_array_size (vec) > 0) {
            set (o, "encoding", json_string ("blobvec"));
            set (o, "data", vec);
        }
        else
            json_decref (vec);
    }
    close (fd);
}

static void set_link (json_t *o, const char *path, const char *access_path)
{
    char target[4096];
    ssize_t n = readlink (access_path, target, sizeof (target) - 1);
    json_t *s;

    if (n < 0)
        cmd_die (1, "%s: %s", path, strerror (errno));
    if (!(s = json_stringn (target, n)))
        cmd_die (1, "%s: its target is not UTF-8", path);
    set (o, "data", s);
}

/* Files */

/* As the archive has it: relative, without "./" before it.  NULL: the directory itself. */
static const char *member_path (const char *path)
{
    for (;;) {
        if (path[0] == '/')
            path++;
        else if (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
            path++;
        else
            break;
    }
    return *path ? path : NULL;
}

static bool has_dotdot (const char *path)
{
    for (const char *s = path; (s = strstr (s, "..")); s += 2) {
        if ((s == path || s[-1] == '/') && (s[2] == '/' || s[2] == '\0'))
            return true;
    }
    return false;
}

static void add (struct create *c, const char *path, const char *access_path, const struct stat *sb)
{
    const char *member = member_path (path);
    json_t *s, *o;
    char *text;

    if (!member)
        return;
    if (!S_ISREG (sb->st_mode) && !S_ISDIR (sb->st_mode) && !S_ISLNK (sb->st_mode))
        cmd_die (1, "%s: neither a regular file, nor a directory, nor a symbolic link", path);
    if (!(s = json_string (member)))
        cmd_die (1, "%s: its name is not UTF-8", path);
    o = must (json_pack ("{s:o s:i s:I s:I}", "path", s, "mode", (int)sb->st_mode, "mtime",
                         (json_int_t)sb->st_mtime, "ctime", (json_int_t)sb->st_ctime));
    if (S_ISREG (sb->st_mode))
        set_content (c, o, path, access_path, sb);
    else if (S_ISLNK (sb->st_mode))
        set_link (o, path, access_path);
    if (!(text = json_dumps (o, JSON_COMPACT)))
        cmd_die (1, "out of memory");
    buf_addf (&c->text, "%s\n", text);
    if (cmd_verbosity (c->p) > 0)
        fprintf (stderr, "%s\n", member);
    free (text);
    json_decref (o);
}

static int by_name (const FTSENT **a, const FTSENT **b)
{
    return strcmp ((*a)->fts_name, (*b)->fts_name);
}

static void add_tree (struct create *c, char *path)
{
    char *const paths[] = { path, NULL };
    FTS *fts = fts_open (paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    FTSENT *e;

    if (!fts)
        cmd_die (1, "%s: %s", path, strerror (errno));
    while ((e = fts_read (fts))) {
        if (e->fts_info == FTS_DP)
            continue;
        if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
            cmd_die (1, "%s: %s", e->fts_path, strerror (e->fts_errno));
        add (c, e->fts_path, e->fts_accpath, e->fts_statp);
    }
    fts_close (fts);
}

/* The KVS */

static bool exists (struct create *c, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (c->h, archive_ns (c->p), FLUX_KVS_TREEOBJ, key);
    bool yes = f && flux_future_get (f, NULL) == 0;

    if (!yes && errno != ENOENT)
        cmd_die (1, "%s: %s", key, f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    return yes;
}

static void put_blobs (struct create *c, flux_kvs_txn_t *txn)
{
    char *key = archive_key (c->p, "_blobs");
    char *s = treeobj_encode (c->blobs);

    if (!s || flux_kvs_txn_put_treeobj (txn, 0, key, s) < 0)
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    free (s);
    free (key);
}

static void commit (struct create *c, const char *key, bool append)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;

    if (!txn || c->text.failed)
        cmd_die (1, "out of memory");
    if (!append && optparse_hasopt (c->p, "overwrite"))
        archive_txn_remove (c->p, txn);
    if (flux_kvs_txn_put_raw (txn, append ? FLUX_KVS_APPEND : 0, key, c->text.data, c->text.len) < 0)
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    if (c->blobs)
        put_blobs (c, txn);
    f = flux_kvs_commit (c->h, archive_ns (c->p), 0, txn);
    cmd_check (f, key);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

/* With --append: what was there is kept, too. */
static json_t *known_blobs (struct create *c, bool append)
{
    char *key = archive_key (c->p, "_blobs");
    flux_future_t *f = append ? flux_kvs_lookup (c->h, archive_ns (c->p), FLUX_KVS_TREEOBJ, key)
                              : NULL;
    const char *s;
    json_t *o = NULL;

    if (f && flux_kvs_lookup_get_treeobj (f, &s) == 0)
        o = treeobj_decode (s, strlen (s));
    if (o && !treeobj_is (o, "valref")) {
        json_decref (o);
        o = NULL;
    }
    flux_future_destroy (f);
    free (key);
    return o ? o : must (treeobj_valref (NULL));
}

static void check_options (optparse_t *p)
{
    bool map = optparse_hasopt (p, "mmap");

    if (optparse_hasopt (p, "append") && optparse_hasopt (p, "overwrite"))
        cmd_die (1, "--append and --overwrite exclude each other");
    if (map && (optparse_hasopt (p, "preserve") || optparse_hasopt (p, "no-force-primary")))
        cmd_die (1, "--mmap works with neither --preserve nor --no-force-primary");
}

/* The files must be where the first broker is. */
static void check_rank (struct create *c)
{
    uint32_t rank;

    if (flux_get_rank (c->h, &rank) < 0 || rank != 0)
        cmd_die (1, "--mmap works on rank 0 only, where the content is");
}

static void init (struct create *c, optparse_t *p)
{
    const char *dir = optparse_get_str (p, "directory", NULL);
    const char *hash;

    *c = (struct create){
        .p = p,
        .chunk = size_option (p, "chunksize", 1048576),
        .small = size_option (p, "small-file-threshold", 1024),
        .mmap = optparse_hasopt (p, "mmap"),
        .text = BUF_INIT,
    };
    check_options (p);
    if (dir && chdir (dir) < 0)
        cmd_die (1, "%s: %s", dir, strerror (errno));
    c->h = cmd_open ();
    if (c->mmap)
        check_rank (c);
    hash = flux_attr_get (c->h, "content.hash");
    snprintf (c->hash, sizeof (c->hash), "%s", hash ? hash : "sha1");
}

int archive_create (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct create c;
    char *key = archive_key (p, "");
    bool append;

    if (n == argc)
        return cmd_usage (p);
    init (&c, p);
    append = exists (&c, key);
    if (append && !optparse_hasopt (p, "append") && !optparse_hasopt (p, "overwrite"))
        cmd_die (1, "%s: it exists: want --overwrite or --append, or another --name", key);
    append = append && optparse_hasopt (p, "append");
    if (optparse_hasopt (p, "overwrite") && !optparse_hasopt (p, "no-force-primary"))
        archive_unmap (c.h, archive_name (p));
    if (optparse_hasopt (p, "preserve"))
        c.blobs = known_blobs (&c, append);
    for (; n < argc; n++) {
        if (has_dotdot (argv[n]))
            cmd_die (1, "%s: '..' cannot be in an archive: use --directory", argv[n]);
        add_tree (&c, argv[n]);
    }
    for (int i = 0; i < WINDOW; i++)
        wait_slot (&c, i);
    commit (&c, key, append);
    buf_release (&c.text);
    json_decref (c.blobs);
    free (key);
    flux_close (c.h);
    return 0;
}
