/* rfc11.c - see rfc11.h
 *
 * The reference cached on a directory is its blobref.  On a large value it is
 * the blobrefs of its pieces, joined by ','.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/blobref.h"
#include "modules/kvs/rfc11.h"
#include "spec/treeobj.h"

struct frame {
    const struct tnode *dir;
    struct tdir_iter it;
};

struct rfc11_job {
    const char *hashtype;
    struct tnode *root;
    struct frame *stack;
    size_t depth, size;
};

static void print_digest (const unsigned char *digest, size_t len,
                         const char *hashtype, char room[72])
{
    static const char hex[] = "0123456789abcdef";
    size_t n = strlen (hashtype);
    memcpy (room, hashtype, n);
    room[n++] = '-';
    for (size_t i = 0; i < len && n + 2 < 72; i++) {
        room[n++] = hex[digest[i] >> 4];
        room[n++] = hex[digest[i] & 15];
    }
    room[n] = '\0';
}

const char *rfc11_dir_ref (const struct tnode *n, const char *hashtype,
                           char room[72])
{
    if (tnode_kind (n) == TNODE_COLD) {
        size_t len;
        const unsigned char *digest = tcold_digest (n, &len);
        if (digest) {
            print_digest (digest, len, hashtype, room);
            return room;
        }
        return tcold_mem (n) ? tnode_cached_ref (tcold_mem (n)) : NULL;
    }
    if (tnode_kind (n) == TNODE_REF)
        return tref_count (n) == 1 ? tref_get (n, 0) : NULL;
    return tnode_cached_ref (n);
}

size_t rfc11_val_blobs (const struct tnode *n)
{
    size_t len = tval_len (n);
    if (len <= RFC11_VAL_MAX)
        return 0;
    return (len + RFC11_BLOB_MAX - 1) / RFC11_BLOB_MAX;
}

int rfc11_val_ref (const struct tnode *n, size_t i, char ref[72])
{
    const char *s = tnode_cached_ref (n);
    if (!s)
        return -ENOENT;
    while (i-- > 0) {
        if (!(s = strchr (s, ',')))
            return -ENOENT;
        s++;
    }
    size_t len = strchrnul (s, ',') - s;
    if (len >= 72)
        return -EINVAL;
    memcpy (ref, s, len);
    ref[len] = '\0';
    return 0;
}

static int hash_value (const char *hashtype, const struct tnode *n)
{
    size_t count = rfc11_val_blobs (n), total = tval_len (n);
    struct buf refs = BUF_INIT;
    char ref[BLOBREF_MAX_STRING];
    int rc = 0;

    if (count == 0 || tnode_cached_ref (n))
        return 0;
    size_t most = total < RFC11_BLOB_MAX ? total : RFC11_BLOB_MAX;
    char *piece = malloc (most);
    if (!piece)
        return -ENOMEM;
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t off = i * RFC11_BLOB_MAX;
        size_t len = total - off < most ? total - off : most;
        tval_read (n, off, len, piece);
        rc = blobref_hash (hashtype, piece, len, ref);
        if (rc == 0)
            buf_addf (&refs, "%s%s", i > 0 ? "," : "", ref);
    }
    free (piece);
    char *s = rc == 0 ? buf_take (&refs) : NULL;
    if (rc == 0 && !s)
        rc = -ENOMEM;
    buf_release (&refs);
    if (s)
        tnode_cache_ref (n, s);
    return rc;
}

static int hash_dir (const char *hashtype, const struct tnode *dir)
{
    struct buf b = BUF_INIT;
    char ref[BLOBREF_MAX_STRING];
    int rc = rfc11_dir (dir, hashtype, &b);
    if (rc == 0)
        rc = blobref_hash (hashtype, b.data, b.len, ref);
    buf_release (&b);
    if (rc < 0)
        return rc;
    char *s = strdup (ref);
    if (!s)
        return -ENOMEM;
    tnode_cache_ref (dir, s);
    return 0;
}

/* Go down into n, if there is something to do. */
static int job_push (struct rfc11_job *job, const struct tnode *n)
{
    if (tnode_kind (n) == TNODE_COLD && tcold_mem (n))
        n = tcold_mem (n);
    if (tnode_kind (n) == TNODE_VAL)
        return hash_value (job->hashtype, n);
    if (tnode_kind (n) != TNODE_DIR || tnode_cached_ref (n))
        return 0;
    if (job->depth == job->size) {
        size_t size = job->size ? 2 * job->size : 8;
        struct frame *x = realloc (job->stack, size * sizeof (*x));
        if (!x)
            return -ENOMEM;
        job->stack = x;
        job->size = size;
    }
    struct frame *f = &job->stack[job->depth++];
    f->dir = n;
    tdir_iter_init (&f->it, n);
    return 0;
}

struct rfc11_job *rfc11_job_new (const char *hashtype, const struct tnode *n)
{
    struct rfc11_job *job = calloc (1, sizeof (*job));
    if (!job)
        return NULL;
    job->hashtype = hashtype;
    job->root = tnode_ref (n);
    return job;
}

void rfc11_job_free (struct rfc11_job *job)
{
    if (job) {
        tnode_unref (job->root);
        free (job->stack);
        free (job);
    }
}

static uint64_t now_usec (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int rfc11_job_step (struct rfc11_job *job, unsigned int usec)
{
    uint64_t stop = usec > 0 ? now_usec () + usec : 0;
    const char *name;
    size_t len;
    int rc = 0;

    if (job->depth == 0 && (rc = job_push (job, job->root)) < 0)
        return rc;
    while (rc == 0 && job->depth > 0) {
        struct frame *f = &job->stack[job->depth - 1];
        const struct tnode *n = tdir_iter_next (&f->it, &name, &len);
        if (n)
            rc = job_push (job, n);
        else if ((rc = hash_dir (job->hashtype, f->dir)) == 0)
            job->depth--;
        if (stop && rc == 0 && job->depth > 0 && now_usec () >= stop)
            return 1;
    }
    return rc;
}

int rfc11_compute (const char *hashtype, const struct tnode *n)
{
    struct rfc11_job *job = rfc11_job_new (hashtype, n);
    if (!job)
        return -ENOMEM;
    int rc = rfc11_job_step (job, 0);
    rfc11_job_free (job);
    return rc;
}

/* -- JSON text ---------------------------------------------------------- */

static int add_val (const struct tnode *n, struct buf *out)
{
    size_t len = tval_len (n);
    size_t room = base64_encoded_size (len);
    char *data = malloc (len + 1);
    int rc = -ENOMEM;
    if (data && buf_reserve (out, room + 64) == 0) {
        tval_read (n, 0, len, data);
        buf_adds (out, "{\"data\":\"");
        out->len += base64_encode (data, len, out->data + out->len);
        buf_adds (out, "\",\"type\":\"val\",\"ver\":1}");
        rc = 0;
    }
    free (data);
    return rc;
}

static void add_refs (const struct tnode *n, struct buf *out)
{
    size_t count = tref_count (n);
    for (size_t i = 0; i < count; i++)
        buf_addf (out, "%s\"%s\"", i > 0 ? "," : "", tref_get (n, i));
}

static void add_valref (const struct tnode *n, struct buf *out)
{
    for (const char *s = tnode_cached_ref (n); s && *s;) {
        size_t len = strchrnul (s, ',') - s;
        buf_addc (out, '"');
        buf_add (out, s, len);
        buf_addc (out, '"');
        s += len;
        if (*s)
            buf_addc (out, *s++);
    }
}

int rfc11_entry (const struct tnode *n, const char *hashtype, struct buf *out)
{
    char room[72];
    if (tnode_kind (n) == TNODE_LINK) {
        buf_adds (out, "{\"data\":{");
        if (tlink_ns (n)) {
            buf_adds (out, "\"namespace\":");
            (void)buf_add_json (out, tlink_ns (n), strlen (tlink_ns (n)));
            buf_addc (out, ',');
        }
        buf_adds (out, "\"target\":");
        (void)buf_add_json (out, tlink_target (n), strlen (tlink_target (n)));
        buf_adds (out, "},\"type\":\"symlink\",\"ver\":1}");
    }
    else if (tnode_kind (n) == TNODE_VAL && rfc11_val_blobs (n) == 0) {
        int rc = add_val (n, out);
        if (rc < 0)
            return rc;
    }
    else {
        bool dir = tnode_is_dir (n);
        buf_adds (out, "{\"data\":[");
        if (tnode_kind (n) == TNODE_REF)
            add_refs (n, out);
        else if (dir) {
            const char *ref = rfc11_dir_ref (n, hashtype, room);
            if (!ref)
                return -EINVAL;
            buf_addf (out, "\"%s\"", ref);
        }
        else
            add_valref (n, out);
        buf_addf (out, "],\"type\":\"%s\",\"ver\":1}",
                  dir ? "dirref" : "valref");
    }
    return out->failed ? -ENOMEM : 0;
}

int rfc11_dir (const struct tnode *dir, const char *hashtype, struct buf *out)
{
    struct tdir_iter it;
    const struct tnode *n;
    const char *name;
    size_t len;
    bool first = true;

    buf_adds (out, "{\"data\":{");
    tdir_iter_init (&it, dir);
    while ((n = tdir_iter_next (&it, &name, &len))) {
        if (!first)
            buf_addc (out, ',');
        first = false;
        (void)buf_add_json (out, name, len);
        buf_addc (out, ':');
        int rc = rfc11_entry (n, hashtype, out);
        if (rc < 0)
            return rc;
    }
    buf_adds (out, "},\"type\":\"dir\",\"ver\":1}");
    return out->failed ? -ENOMEM : 0;
}

/* -- parsing ------------------------------------------------------------ */

static struct tnode *parse_refs (json_t *o, bool dir)
{
    size_t count = 0;
    if (treeobj_refs (o, &count) < 0)
        return NULL;
    const char **refs = calloc (count + 1, sizeof (*refs));
    if (!refs)
        return NULL;
    for (size_t i = 0; i < count; i++)
        refs[i] = treeobj_ref (o, i);
    struct tnode *n = tref_new (dir, refs, count);
    free (refs);
    return n;
}

static struct tnode *parse_dir (json_t *o, uint64_t lineage, int *rc)
{
    struct tnode *dir = tdir_new ();
    const char *name;
    json_t *entry;
    json_object_foreach (json_object_get (o, "data"), name, entry) {
        struct tnode *n = NULL;
        if (!*name || strchr (name, '.'))
            *rc = -EINVAL;
        else if (dir)
            n = rfc11_parse (entry, lineage, rc);
        if (!n || tdir_set (dir, name, strlen (name), n) < 0) {
            tnode_unref (n);
            tnode_unref (dir);
            return NULL;
        }
        tnode_unref (n);
    }
    return dir;
}

static struct tnode *parse (json_t *o, uint64_t lineage, int *rc)
{
    if (treeobj_is (o, "val")) {
        void *data;
        size_t len;
        if (treeobj_val_decode (o, &data, &len) < 0)
            return NULL;
        struct tnode *n = tval_new (data, len, lineage);
        free (data);
        return n;
    }
    if (treeobj_is (o, "symlink")) {
        const char *ns, *target;
        if (treeobj_symlink_parse (o, &ns, &target) < 0)
            return NULL;
        return tlink_new (ns, target);
    }
    if (treeobj_is (o, "dir"))
        return parse_dir (o, lineage, rc);
    return parse_refs (o, treeobj_is (o, "dirref"));
}

struct tnode *rfc11_parse (json_t *o, uint64_t lineage, int *rc)
{
    *rc = 0;
    struct tnode *n = parse (o, lineage, rc);
    if (!n && *rc == 0)
        *rc = -ENOMEM;
    return n;
}
