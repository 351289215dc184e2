/* tree.c - nodes and values; tdir.c has the directories */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "modules/kvs/tree_private.h"

enum { CHUNK_MIN = 256, CHUNK_MAX = 64 * 1024 };

/* A tree belongs to one thread.  What it is made of is small and may stay for as
 * long as the instance runs: among the memory of messages it would keep all of it. */
static _Thread_local struct slab *pool;

void *tmem_alloc (size_t size)
{
    if (!pool && !(pool = slab_new ()))
        return NULL;
    return slab_alloc (pool, size);
}

void tmem_free (void *p, size_t size)
{
    slab_free (pool, p, size);
}

void tree_thread_ends (void)
{
    slab_destroy (pool);
    pool = NULL;
}

enum tnode_kind tnode_kind (const struct tnode *n)
{
    return n->hd.kind;
}

struct tnode *tnode_ref (const struct tnode *n)
{
    struct tnode *x = (struct tnode *)n;
    if (x)
        x->hd.refs++;
    return x;
}

bool tnode_shared (const struct tnode *n)
{
    return n->hd.refs > 1;
}

bool tnode_is_dir (const struct tnode *n)
{
    return n->hd.kind == TNODE_DIR || n->hd.kind == TNODE_COLD
           || (n->hd.kind == TNODE_REF && n->ref.dir);
}

/* Drop a reference; if it was the last, put hd on the list of the dead. */
static void drop (struct thead *hd, struct thead **dead)
{
    if (hd && --hd->refs == 0) {
        hd->link = *dead;
        *dead = hd;
    }
}

static size_t chunk_size (size_t cap)
{
    return sizeof (struct tchunk) + cap;
}

static void chunks_unref (struct tchunk *c)
{
    while (c && --c->refs == 0) {
        struct tchunk *prev = c->prev;
        tmem_free (c, chunk_size (c->cap));
        c = prev;
    }
}

static void bury_block (struct tblock *b, struct thead **dead)
{
    for (int i = 0; i < b->count; i++) {
        tname_unref (b->slot[i].name);
        drop (b->slot[i].p, dead);
    }
    tblock_free (b);
}

static size_t inline_size (size_t len)
{
    size_t size = offsetof (struct tnode, val.data) + len;
    size_t min = sizeof (struct thead) + sizeof (struct tval);
    return size < min ? min : size;
}

static size_t link_size (size_t tlen, size_t nlen)
{
    return offsetof (struct tnode, lnk.text) + tlen + nlen;
}

static size_t ref_size (size_t len)
{
    return offsetof (struct tnode, ref.text) + len + 1;
}

/* As it was allocated. */
static size_t node_size (const struct tnode *n)
{
    size_t len;
    switch (n->hd.kind) {
    case TNODE_DIR:
        return sizeof (struct thead) + sizeof (struct tdir);
    case TNODE_COLD:
        return sizeof (struct thead) + sizeof (struct tcold);
    case TNODE_LINK:
        len = strlen (n->lnk.text) + 1;
        return link_size (len, n->lnk.ns ? strlen (n->lnk.text + len) + 1 : 0);
    case TNODE_REF:
        return ref_size (tref_get (n, n->ref.count) - n->ref.text);
    default:
        return inline_size (n->val.is_inline ? n->val.len : 0);
    }
}

static void bury_node (struct tnode *n, struct thead **dead)
{
    switch (n->hd.kind) {
    case TNODE_DIR:
        drop ((struct thead *)n->dir.root, dead);
        free (n->dir.ref);
        break;
    case TNODE_VAL:
        if (!n->val.is_inline)
            chunks_unref (n->val.tail);
        free (n->val.ref);
        break;
    case TNODE_COLD:
        drop ((struct thead *)n->cold.mem, dead);
        if (n->cold.owner)
            n->cold.owner->gone (n->cold.owner, n->cold.id);
        break;
    }
    tmem_free (n, node_size (n));
}

/* Depth must not cost stack: what dies is queued. */
void thead_unref (struct thead *hd)
{
    struct thead *dead = NULL;
    drop (hd, &dead);
    while (dead) {
        struct thead *x = dead;
        dead = x->link;
        if (x->kind == TBLOCK)
            bury_block ((struct tblock *)x, &dead);
        else
            bury_node ((struct tnode *)x, &dead);
    }
}

void tnode_unref (struct tnode *n)
{
    if (n)
        thead_unref (&n->hd);
}

struct tnode *tnode_alloc (int kind, size_t size)
{
    struct tnode *n = tmem_alloc (size);
    if (n) {
        n->hd.refs = 1;
        n->hd.kind = kind;
    }
    return n;
}

const char *tnode_cached_ref (const struct tnode *n)
{
    return n->hd.kind == TNODE_DIR   ? n->dir.ref
           : n->hd.kind == TNODE_VAL ? n->val.ref
                                     : NULL;
}

void tnode_cache_ref (const struct tnode *cn, char *ref)
{
    struct tnode *n = (struct tnode *)cn;
    char **p = n->hd.kind == TNODE_DIR   ? &n->dir.ref
               : n->hd.kind == TNODE_VAL ? &n->val.ref
                                         : NULL;
    if (p) {
        free (*p);
        *p = ref;
    }
    else
        free (ref);
}

/* -- values ------------------------------------------------------------ */

struct tnode *tval_new (const void *data, size_t len, uint64_t lineage)
{
    struct tnode *n = len > SIZE_MAX / 2 ? NULL
                                         : tnode_alloc (TNODE_VAL, inline_size (len));
    if (!n)
        return NULL;
    n->val.len = len;
    n->val.lineage = lineage;
    n->val.is_inline = true;
    if (len > 0)
        memcpy (n->val.data, data, len);
    return n;
}

static struct tchunk *chunk_new (struct tchunk *prev, size_t prev_len,
                                 size_t cap)
{
    struct tchunk *c = tmem_alloc (chunk_size (cap));
    if (c) {
        c->refs = 1;
        c->prev = prev;
        c->prev_len = prev_len;
        c->cap = cap;
    }
    return c;
}

/* Room for what is there and as much again, within reason. */
static size_t chunk_cap (size_t total, size_t len)
{
    size_t cap = total < CHUNK_MIN ? CHUNK_MIN : total;
    if (cap > CHUNK_MAX)
        cap = CHUNK_MAX;
    return cap < len ? len : cap;
}

static void chunk_fill (struct tchunk *c, const void *data, size_t len)
{
    memcpy (c->data + c->used, data, len);
    c->used += len;
}

/* The chunk where a value of n's bytes and len more ends: n's own last chunk if
 * nobody wrote behind it and it has room.  Takes a reference for the caller. */
static struct tchunk *chunk_for_append (struct tnode *n, size_t len)
{
    size_t total = n->val.len + len;
    struct tchunk *c;
    if (n->val.is_inline) {
        c = chunk_new (NULL, 0, chunk_cap (2 * total, total));
        if (c)
            chunk_fill (c, n->val.data, n->val.len);
        return c;
    }
    struct tchunk *tail = n->val.tail;
    if (n->val.in_tail == tail->used && tail->cap - tail->used >= len) {
        tail->refs++;
        return tail;
    }
    /* What another value appended behind our end hides the rest of the tail
     * from us, so a new chunk must start with our part of it. */
    size_t keep = n->val.in_tail == tail->used ? 0 : n->val.in_tail;
    struct tchunk *prev = keep > 0 ? tail->prev : tail;
    size_t prev_len = keep > 0 ? tail->prev_len : n->val.in_tail;
    c = chunk_new (prev, prev_len, chunk_cap (total, keep + len));
    if (!c)
        return NULL;
    if (keep > 0)
        chunk_fill (c, tail->data, keep);
    if (prev)
        prev->refs++;
    return c;
}

int tval_append (struct tnode **np, const void *data, size_t len)
{
    struct tnode *n = *np;
    if (len == 0)
        return 0;
    if (len > SIZE_MAX / 4 - n->val.len)
        return -ENOMEM;
    struct tchunk *c = chunk_for_append (n, len);
    if (!c)
        return -ENOMEM;
    struct tnode *x = n;
    if (n->hd.refs > 1 || n->val.is_inline) {
        x = tnode_alloc (TNODE_VAL, sizeof (struct thead) + sizeof (struct tval));
        if (!x) {
            chunks_unref (c);
            return -ENOMEM;
        }
        x->val.lineage = n->val.lineage;
    }
    else {
        chunks_unref (x->val.tail);
        free (x->val.ref);
        x->val.ref = NULL;
    }
    size_t total = n->val.len + len;
    chunk_fill (c, data, len);
    x->val.tail = c;
    x->val.in_tail = c->used;
    x->val.len = total;
    if (x != n) {
        tnode_unref (n);
        *np = x;
    }
    return 0;
}

size_t tval_len (const struct tnode *n)
{
    return n->val.len;
}

uint64_t tval_lineage (const struct tnode *n)
{
    return n->val.lineage;
}

/* The piece of the value that ends at 'end': its data and its start. */
struct cursor {
    const struct tchunk *c;
    const char *data;
    size_t start, end;
};

static void cursor_last (struct cursor *cur, const struct tnode *n)
{
    cur->end = n->val.len;
    if (n->val.is_inline) {
        cur->c = NULL;
        cur->data = n->val.data;
        cur->start = 0;
        return;
    }
    cur->c = n->val.tail;
    cur->data = cur->c->data;
    cur->start = cur->end - n->val.in_tail;
}

static void cursor_prev (struct cursor *cur)
{
    cur->end = cur->start;
    cur->start -= cur->c->prev_len;
    cur->c = cur->c->prev;
    cur->data = cur->c->data;
}

void tval_read (const struct tnode *n, size_t offset, size_t len, void *out)
{
    if (len == 0)
        return;
    struct cursor cur;
    size_t stop = offset + len;
    cursor_last (&cur, n);
    while (cur.start >= stop)
        cursor_prev (&cur);
    for (;;) {
        size_t from = cur.start > offset ? cur.start : offset;
        size_t to = cur.end < stop ? cur.end : stop;
        memcpy ((char *)out + (from - offset), cur.data + (from - cur.start),
                to - from);
        if (from == offset)
            break;
        cursor_prev (&cur);
    }
}

/* The first len bytes are the same. */
static bool prefix_equal (const struct tnode *a, const struct tnode *b,
                          size_t len)
{
    struct cursor x, y;
    cursor_last (&x, a);
    cursor_last (&y, b);
    size_t end = len;
    while (end > 0) {
        while (x.start >= end)
            cursor_prev (&x);
        while (y.start >= end)
            cursor_prev (&y);
        if (x.c && x.c == y.c && x.start == y.start)
            return true; /* shared from here to the front */
        size_t start = x.start > y.start ? x.start : y.start;
        if (memcmp (x.data + (start - x.start), y.data + (start - y.start),
                    end - start) != 0)
            return false;
        end = start;
    }
    return true;
}

bool tval_equal (const struct tnode *a, const struct tnode *b)
{
    return a == b
           || (a->val.len == b->val.len && prefix_equal (a, b, a->val.len));
}

bool tval_extends (const struct tnode *b, const struct tnode *a)
{
    if (b->val.len < a->val.len)
        return false;
    if (a->val.lineage && b->val.lineage)
        return a->val.lineage == b->val.lineage;
    return prefix_equal (a, b, a->val.len);
}

/* -- symlinks, references, cold directories ---------------------------- */

struct tnode *tlink_new (const char *ns, const char *target)
{
    size_t tlen = strlen (target) + 1;
    size_t nlen = ns ? strlen (ns) + 1 : 0;
    struct tnode *n = tnode_alloc (TNODE_LINK, link_size (tlen, nlen));
    if (n) {
        n->lnk.ns = nlen > 0 ? tlen : 0;
        memcpy (n->lnk.text, target, tlen);
        if (nlen > 0)
            memcpy (n->lnk.text + tlen, ns, nlen);
    }
    return n;
}

const char *tlink_ns (const struct tnode *n)
{
    return n->lnk.ns ? n->lnk.text + n->lnk.ns : NULL;
}

const char *tlink_target (const struct tnode *n)
{
    return n->lnk.text;
}

struct tnode *tref_new (bool dir, const char *const *refs, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen (refs[i]) + 1;
    struct tnode *n = tnode_alloc (TNODE_REF, ref_size (size));
    if (!n)
        return NULL;
    n->ref.dir = dir;
    n->ref.count = count;
    char *p = n->ref.text;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen (refs[i]) + 1;
        memcpy (p, refs[i], len);
        p += len;
    }
    return n;
}

size_t tref_count (const struct tnode *n)
{
    return n->ref.count;
}

const char *tref_get (const struct tnode *n, size_t i)
{
    const char *p = n->ref.text;
    while (i-- > 0)
        p += strlen (p) + 1;
    return p;
}

struct tnode *tcold_new (uint64_t id, const struct tnode *mem,
                         struct tcold_owner *owner)
{
    struct tnode *n = tnode_alloc (TNODE_COLD,
                                   sizeof (struct thead) + sizeof (struct tcold));
    if (n) {
        n->cold.id = id;
        n->cold.mem = tnode_ref (mem);
        n->cold.owner = owner;
    }
    return n;
}

uint64_t tcold_id (const struct tnode *n)
{
    return n->cold.id;
}

const struct tnode *tcold_mem (const struct tnode *n)
{
    return n->cold.mem;
}

void tcold_set_stored (struct tnode *n, const void *digest, size_t len)
{
    if (len > sizeof (n->cold.digest))
        return;
    memcpy (n->cold.digest, digest, len);
    n->cold.digest_len = len;
    tnode_unref (n->cold.mem);
    n->cold.mem = NULL;
}

const unsigned char *tcold_digest (const struct tnode *n, size_t *len)
{
    *len = n->cold.digest_len;
    return n->cold.digest_len > 0 ? n->cold.digest : NULL;
}
