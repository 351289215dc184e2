/* content.c - see content.h; content_service.c has its messages */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/blobref.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/mapped.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/state.h"
#include "spec/treeobj.h"

struct blob {
    uint64_t epoch;
    size_t len;
    char data[];
};

struct pin {
    struct tnode *node;
    size_t piece;       /* of a value */
    uint64_t epoch;
};

struct content {
    struct kvs *kvs;
    struct hash *blobs;
    struct hash *pins;
    struct mapped *mapped;
    size_t bytes;
};

static void pin_free (void *arg)
{
    struct pin *p = arg;
    if (p) {
        tnode_unref (p->node);
        free (p);
    }
}

struct content *content_new (struct kvs *kvs)
{
    struct content *c = calloc (1, sizeof (*c));
    if (!c)
        return NULL;
    c->kvs = kvs;
    if (!(c->blobs = hash_new (free)) || !(c->pins = hash_new (pin_free))
        || !(c->mapped = mapped_new ())) {
        content_free (c);
        return NULL;
    }
    return c;
}

void content_free (struct content *c)
{
    if (c) {
        hash_free (c->blobs);
        hash_free (c->pins);
        mapped_free (c->mapped);
        free (c);
    }
}

void content_stats (const struct content *c, size_t *blobs, size_t *bytes,
                    size_t *pins)
{
    *blobs = hash_count (c->blobs);
    *bytes = c->bytes;
    *pins = hash_count (c->pins);
}

/* -- pins ------------------------------------------------------------------ */

static int pin_add (struct content *c, const char *ref, const struct tnode *n,
                    size_t piece)
{
    struct pin *p = hash_get (c->pins, ref);
    if (p) {
        p->epoch = gc_epoch (c->kvs->gc);
        return 0;
    }
    if (!(p = malloc (sizeof (*p))))
        return -ENOMEM;
    p->node = tnode_ref (n);
    p->piece = piece;
    p->epoch = gc_epoch (c->kvs->gc);
    int rc = hash_set (c->pins, ref, p);
    if (rc < 0)
        pin_free (p);
    return rc;
}

int content_pin (struct content *c, const struct tnode *n)
{
    char room[BLOBREF_MAX_STRING];
    if (tnode_kind (n) == TNODE_DIR || tnode_kind (n) == TNODE_COLD) {
        const char *ref = rfc11_dir_ref (n, c->kvs->hashtype, room);
        return ref ? pin_add (c, ref, n, 0) : 0;
    }
    if (tnode_kind (n) != TNODE_VAL)
        return 0;
    size_t count = rfc11_val_blobs (n);
    for (size_t i = 0; i < count; i++) {
        int rc = rfc11_val_ref (n, i, room);
        if (rc == 0)
            rc = pin_add (c, room, n, i);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int content_pin_entries (struct content *c, const struct tnode *dir)
{
    struct tdir_iter it;
    const struct tnode *n;
    const char *name;
    size_t len;
    tdir_iter_init (&it, dir);
    while ((n = tdir_iter_next (&it, &name, &len))) {
        int rc = content_pin (c, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}

const struct tnode *content_pinned_dir (struct content *c, const char *ref)
{
    struct pin *p = hash_get (c->pins, ref);
    return p && tnode_is_dir (p->node) ? p->node : NULL;
}

static int pin_load (struct content *c, const struct pin *p, struct buf *out)
{
    int rc = 0;
    if (tnode_kind (p->node) == TNODE_VAL) {
        size_t off = p->piece * RFC11_BLOB_MAX;
        size_t len = tval_len (p->node) - off;
        if (len > RFC11_BLOB_MAX)
            len = RFC11_BLOB_MAX;
        if (buf_reserve (out, len) < 0)
            return -ENOMEM;
        tval_read (p->node, off, len, out->data + out->len);
        out->len += len;
        out->data[out->len] = '\0';
        return 0;
    }
    struct tnode *dir = tnode_kind (p->node) == TNODE_DIR
                            ? tnode_ref (p->node)
                            : content_load_node (c, p->node, &rc);
    if (!dir)
        return rc;
    /* what was cold comes back without the references below it */
    if ((rc = rfc11_compute (c->kvs->hashtype, dir)) == 0
        && (rc = rfc11_dir (dir, c->kvs->hashtype, out)) == 0)
        rc = content_pin_entries (c, dir);
    tnode_unref (dir);
    return rc;
}

/* -- blobs ----------------------------------------------------------------- */

bool content_has (struct content *c, const char *ref)
{
    return hash_get (c->blobs, ref) || hash_get (c->pins, ref)
           || mapped_has (c->mapped, ref) || batcher_has_blob (c->kvs->batcher, ref);
}

int content_load (struct content *c, const char *ref, struct buf *out)
{
    struct blob *blob = hash_get (c->blobs, ref);
    if (blob)
        return blob->len > 0 ? buf_add (out, blob->data, blob->len) : 0;
    struct pin *p = hash_get (c->pins, ref);
    if (p)
        return pin_load (c, p, out);
    int rc = batcher_load_blob (c->kvs->batcher, ref, out);
    return rc == -ENOENT ? mapped_load (c->mapped, c->kvs->hashtype, ref, out) : rc;
}

struct mapped *content_mapped (struct content *c)
{
    return c->mapped;
}

int content_store (struct content *c, const void *data, size_t len,
                   char ref[72])
{
    if (len > CONTENT_BLOB_MAX)
        return -EFBIG;
    int rc = blobref_hash (c->kvs->hashtype, len > 0 ? data : "", len, ref);
    if (rc < 0)
        return rc;
    /* a pin goes with the broker, a file when it is removed */
    bool pinned = !batcher_durable (c->kvs->batcher) && hash_get (c->pins, ref);
    if (pinned || hash_get (c->blobs, ref) || batcher_has_blob (c->kvs->batcher, ref)) {
        content_mark (c, ref, gc_epoch (c->kvs->gc));
        return 1;
    }
    struct blob *blob = malloc (sizeof (*blob) + len);
    if (!blob)
        return -ENOMEM;
    blob->epoch = gc_epoch (c->kvs->gc);
    blob->len = len;
    if (len > 0)
        memcpy (blob->data, data, len);
    if ((rc = hash_set (c->blobs, ref, blob)) < 0) {
        free (blob);
        return rc;
    }
    c->bytes += len;
    return 0;
}

void content_mark (struct content *c, const char *ref, uint64_t epoch)
{
    struct blob *blob = hash_get (c->blobs, ref);
    struct pin *p = hash_get (c->pins, ref);
    if (blob && blob->epoch < epoch)
        blob->epoch = epoch;
    if (p && p->epoch < epoch)
        p->epoch = epoch;
}

static void sweep_blob (struct content *c, const char *ref, const struct blob *blob,
                        struct content_sweep *s)
{
    if (blob->epoch >= s->epoch)
        return;
    /* what the store has too is counted there */
    s->deleted += !batcher_has_blob (c->kvs->batcher, ref);
    content_drop_blob (c, ref);
}

static void sweep_pin (struct content *c, const char *ref, const struct pin *p,
                       struct content_sweep *s)
{
    if (p->epoch >= s->epoch)
        return;
    s->deleted++;
    hash_del (c->pins, ref);
}

bool content_sweep (struct content *c, struct content_sweep *s)
{
    const char *ref;
    void *x;
    if (!s->pins && !(x = hash_next (c->blobs, &s->pos, &ref))) {
        s->pins = true;
        s->pos = 0;
    }
    else if (!s->pins)
        sweep_blob (c, ref, x, s);
    else if ((x = hash_next (c->pins, &s->pos, &ref)))
        sweep_pin (c, ref, x, s);
    else
        return false;
    return true;
}

void content_drop_blob (struct content *c, const char *ref)
{
    struct blob *blob = hash_get (c->blobs, ref);
    if (blob) {
        c->bytes -= blob->len;
        hash_del (c->blobs, ref);
    }
}

int content_redo_dirty (struct content *c, struct buf *redo)
{
    struct blob *blob;
    const char *ref;
    for (size_t pos = 0; (blob = hash_next (c->blobs, &pos, &ref));)
        if (!batcher_has_blob (c->kvs->batcher, ref))
            redo_blob (redo, ref, blob->epoch, blob->data, blob->len);
    return redo->failed ? -ENOMEM : 0;
}

void content_drop_clean (struct content *c)
{
    struct blob *blob;
    const char *ref;
    for (size_t pos = 0; (blob = hash_next (c->blobs, &pos, &ref));) {
        if (batcher_has_blob (c->kvs->batcher, ref)) {
            c->bytes -= blob->len;
            hash_del (c->blobs, ref);
        }
    }
}

/* -- nodes that are not in memory ------------------------------------------- */

static struct tnode *load_dir_ref (struct content *c, const struct tnode *n,
                                   int *rc)
{
    const struct tnode *pinned;
    if (tref_count (n) == 1
        && (pinned = content_pinned_dir (c, tref_get (n, 0))))
        return tnode_kind (pinned) == TNODE_DIR ? tnode_ref (pinned)
                                                : content_load_node (c, pinned, rc);
    struct buf b = BUF_INIT;
    struct tnode *dir = NULL;
    json_t *o = NULL;
    *rc = 0;
    for (size_t i = 0; *rc == 0 && i < tref_count (n); i++)
        *rc = content_load (c, tref_get (n, i), &b);
    if (*rc == 0) {
        o = treeobj_decode (b.data, b.len);
        if (!o || !treeobj_is (o, "dir"))
            *rc = -EIO;
        else
            dir = rfc11_parse (o, 0, rc);
    }
    json_decref (o);
    buf_release (&b);
    return dir;
}

static struct tnode *load_val_ref (struct content *c, const struct tnode *n,
                                   int *rc)
{
    struct buf b = BUF_INIT;
    struct tnode *val = NULL;
    *rc = 0;
    for (size_t i = 0; *rc == 0 && i < tref_count (n); i++)
        *rc = content_load (c, tref_get (n, i), &b);
    if (*rc == 0 && !(val = tval_new (b.data, b.len, 0)))
        *rc = -ENOMEM;
    buf_release (&b);
    return val;
}

static const char *describe (const struct tnode *n, char *s, size_t size)
{
    if (tnode_kind (n) == TNODE_COLD)
        snprintf (s, size, "frozen directory %llu",
                  (unsigned long long)tcold_id (n));
    else
        snprintf (s, size, "content %s",
                  tref_count (n) > 0 ? tref_get (n, 0) : "(empty)");
    return s;
}

struct tnode *content_load_node (struct content *c, const struct tnode *n,
                                 int *rc)
{
    struct tnode *x;
    if (tnode_kind (n) == TNODE_COLD && tcold_mem (n))
        return tnode_ref (tcold_mem (n));
    if (tnode_kind (n) == TNODE_COLD)
        x = batcher_load_cold (c->kvs->batcher, n, rc);
    else
        x = tnode_is_dir (n) ? load_dir_ref (c, n, rc) : load_val_ref (c, n, rc);
    if (!x && *rc != -ENOMEM) {
        char s[128];
        if (c->kvs->h)
            flux_log (c->kvs->h, LOG_ERR, "cannot load %s: %s",
                      describe (n, s, sizeof (s)), strerror (-*rc));
        *rc = -EIO;
    }
    return x;
}
