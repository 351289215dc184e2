/* redo.c - see redo.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"

static void put_head (struct buf *b, char type, uint64_t ns)
{
    buf_addc (b, type);
    kvs_put_varint (b, ns);
}

static void put_key (struct buf *b, char type, uint64_t ns, const char *key,
                     size_t len)
{
    put_head (b, type, ns);
    kvs_put_str (b, key, len);
}

static void put_bytes (struct buf *b, const struct tnode *n, size_t off,
                       size_t len)
{
    kvs_put_varint (b, len);
    if (buf_reserve (b, len) < 0) {
        b->failed = true;
        return;
    }
    tval_read (n, off, len, b->data + b->len);
    b->len += len;
}

/* One node that is not a directory in memory. */
static void put_leaf (struct buf *b, int ns, const char *key, size_t len,
                      const struct tnode *n)
{
    struct buf text = BUF_INIT;
    switch (tnode_kind (n)) {
    case TNODE_VAL:
        put_key (b, 'V', ns, key, len);
        put_bytes (b, n, 0, tval_len (n));
        break;
    case TNODE_LINK:
        buf_add (&text, tlink_target (n), strlen (tlink_target (n)) + 1);
        buf_adds (&text, tlink_ns (n) ? tlink_ns (n) : "");
        put_key (b, 'L', ns, key, len);
        kvs_put_str (b, text.data, text.len);
        break;
    case TNODE_REF:
        rfc11_entry (n, "", &text);
        put_key (b, 'R', ns, key, len);
        kvs_put_str (b, text.data, text.len);
        break;
    default:
        put_key (b, 'F', ns, key, len);
        kvs_put_varint (b, tcold_id (n));
    }
    b->failed |= text.failed;
    buf_release (&text);
}

struct level {
    struct tdir_iter it;
    size_t pathlen;
};

struct climber {
    struct level *level;
    size_t depth, size;
    struct buf path;
};

static int climb (struct climber *c, const struct tnode *dir)
{
    if (c->depth == c->size) {
        size_t size = c->size ? 2 * c->size : 8;
        struct level *x = realloc (c->level, size * sizeof (*x));
        if (!x)
            return -ENOMEM;
        c->level = x;
        c->size = size;
    }
    struct level *l = &c->level[c->depth++];
    tdir_iter_init (&l->it, dir);
    l->pathlen = c->path.len;
    return 0;
}

void redo_tree (struct buf *b, int ns, const char *path, size_t len,
                const struct tnode *n)
{
    struct climber c = { .path = BUF_INIT };
    const char *name;
    size_t nlen;

    buf_add (&c.path, path, len);
    for (;;) {
        if (n && tnode_kind (n) == TNODE_DIR) {
            if (tdir_count (n) == 0 && c.path.len > 0)
                put_key (b, 'E', ns, c.path.data, c.path.len);
            if (climb (&c, n) < 0) {
                b->failed = true;
                break;
            }
        }
        else if (n)
            put_leaf (b, ns, c.path.data, c.path.len, n);
        if (c.depth == 0)
            break;
        struct level *l = &c.level[c.depth - 1];
        c.path.len = l->pathlen;
        if (!(n = tdir_iter_next (&l->it, &name, &nlen))) {
            c.depth--;
            continue;
        }
        if (c.path.len > 0)
            buf_addc (&c.path, '.');
        buf_add (&c.path, name, nlen);
    }
    b->failed |= c.path.failed;
    buf_release (&c.path);
    free (c.level);
}

static void put_delete (struct buf *b, int ns, const char *path, size_t len,
                        const struct tnode *old)
{
    if (old)
        put_key (b, tnode_kind (old) == TNODE_DIR ? 'D' : 'X', ns, path, len);
}

void redo_change (struct buf *b, int ns, enum ttxn_change what,
                  const char *path, size_t len, const struct tnode *old,
                  const struct tnode *node, size_t from)
{
    switch (what) {
    case TTXN_APPEND:
        if (tval_len (node) == from)
            return;
        put_key (b, 'A', ns, path, len);
        kvs_put_varint (b, from);
        put_bytes (b, node, from, tval_len (node) - from);
        break;
    case TTXN_DEL: {
        put_delete (b, ns, path, len, old);
        const char *dot = memrchr (path, '.', len);
        if (dot && tdir_count (node) == 0)
            put_key (b, 'E', ns, path, dot - path);
        break;
    }
    default:
        put_delete (b, ns, path, len, old);
        redo_tree (b, ns, path, len, node);
    }
}

void redo_create (struct buf *b, const struct kvsns *ns,
                  const struct tnode *root)
{
    put_head (b, 'N', ns->id);
    kvs_put_varint (b, ns->owner);
    kvs_put_str (b, ns->name, strlen (ns->name));
    redo_tree (b, ns->id, "", 0, root);
}

void redo_remove (struct buf *b, int ns)
{
    put_head (b, 'n', ns);
}

void redo_graft (struct buf *b, int ns, const char *path, size_t len,
                 const struct tnode *old, const struct tnode *node,
                 const struct kvsns *from)
{
    struct buf dst = BUF_INIT;
    buf_add (&dst, path, len);
    while (node != from->head) {
        struct tdir_iter it;
        const char *name;
        size_t nlen;
        tdir_iter_init (&it, node);
        if (!(node = tdir_iter_next (&it, &name, &nlen)))
            break;
        buf_addc (&dst, '.');
        buf_add (&dst, name, nlen);
    }
    put_delete (b, ns, path, len, old);
    if (tdir_count (from->head) == 0)
        put_key (b, 'E', ns, dst.data, dst.len);
    put_key (b, 'G', ns, dst.data, dst.len);
    kvs_put_varint (b, from->id);
    put_head (b, 'n', from->id);
    b->failed |= dst.failed;
    buf_release (&dst);
}

void redo_seq (struct buf *b, int ns, uint64_t seq)
{
    put_head (b, 'S', ns);
    kvs_put_varint (b, seq);
}

void redo_frozen_row (struct buf *b, uint64_t id, const struct buf *packed)
{
    put_head (b, 'Z', id);
    kvs_put_str (b, packed->data, packed->len);
}

void redo_freeze (struct buf *b, int ns, const char *path, uint64_t id,
                  const struct buf *packed)
{
    redo_frozen_row (b, id, packed);
    put_key (b, 'D', ns, path, strlen (path));
    put_key (b, 'F', ns, path, strlen (path));
    kvs_put_varint (b, id);
}

void redo_drop_frozen (struct buf *b, uint64_t id)
{
    put_head (b, 'z', id);
}

void redo_blob (struct buf *b, const char *ref, uint64_t epoch, const void *data,
                size_t len)
{
    put_key (b, 'B', epoch, ref, strlen (ref));
    kvs_put_str (b, data, len);
}

void redo_touch_blob (struct buf *b, const char *ref, uint64_t epoch)
{
    put_key (b, 'T', epoch, ref, strlen (ref));
}

void redo_del_blob (struct buf *b, int64_t id, uint64_t epoch)
{
    put_head (b, 'b', epoch);
    kvs_put_varint (b, (uint64_t)id);
}

void redo_checkpoint (struct buf *b, const char *json)
{
    put_head (b, 'C', 0);
    kvs_put_str (b, json, strlen (json));
}

void redo_meta (struct buf *b, const char *name, const char *value)
{
    put_key (b, 'M', 0, name, strlen (name));
    kvs_put_str (b, value, strlen (value));
}

/* -- reading -------------------------------------------------------------------- */

int redo_next (const char **p, const char *end, struct redo_op *op)
{
    if (*p == end)
        return 0;
    struct redo_op x = { .type = *(*p)++ };
    if (!memchr ("XDVAELRFNnSGZzBTbCM", x.type, 19)
        || kvs_get_varint (p, end, &x.ns) < 0)
        return -EPROTO;
    if (strchr ("XDVAELRFGBTM", x.type)
        && kvs_get_str (p, end, &x.key, &x.keylen) < 0)
        return -EPROTO;
    if (strchr ("AFNSGb", x.type) && kvs_get_varint (p, end, &x.num) < 0)
        return -EPROTO;
    if (x.type == 'N' && kvs_get_str (p, end, &x.key, &x.keylen) < 0)
        return -EPROTO;
    if (strchr ("VALRZBCM", x.type)
        && kvs_get_str (p, end, &x.data, &x.len) < 0)
        return -EPROTO;
    *op = x;
    return 1;
}
