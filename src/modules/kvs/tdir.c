/* tdir.c - directories: B+trees of slots that share blocks
 *
 * Every change goes down once.  A block on the way that is shared is copied, a
 * full one is split before it is entered, so a failed malloc leaves a tree that
 * means the same.  Blocks are not merged when they get small, only removed when
 * they are empty: directories here grow, and are removed whole.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/kvs/tree_private.h"

static struct tname *name_new (const char *s, size_t len)
{
    struct tname *name = tmem_alloc (tname_size (len));
    if (name) {
        name->refs = 1;
        name->len = len;
        memcpy (name->s, s, len);
    }
    return name;
}

static int name_cmp (const struct tname *a, const char *s, size_t len)
{
    int rc = memcmp (a->s, s, a->len < len ? a->len : len);
    return rc ? rc : a->len < len ? -1 : a->len > len;
}

static struct tblock *block_new (bool leaf, size_t cap)
{
    struct tblock *b = tmem_alloc (tblock_size (cap));
    if (b) {
        b->hd = (struct thead){ .refs = 1, .kind = TBLOCK };
        b->cap = cap;
        b->leaf = leaf;
    }
    return b;
}

/* Make *bp a block of our own with room for 'extra' more slots. */
static int block_own (struct tblock **bp, int extra)
{
    struct tblock *b = *bp;
    int need = b->count + extra;
    if (b->hd.refs == 1 && need <= b->cap)
        return 0;
    size_t cap = b->cap;
    while ((int)cap < need)
        cap *= 2;
    struct tblock *x = block_new (b->leaf, cap);
    if (!x)
        return -ENOMEM;
    *bp = x;
    x->count = b->count;
    memcpy (x->slot, b->slot, b->count * sizeof (b->slot[0]));
    if (b->hd.refs == 1) {
        tblock_free (b);
        return 0;
    }
    for (int i = 0; i < x->count; i++) {
        if (x->slot[i].name)
            x->slot[i].name->refs++;
        ((struct thead *)x->slot[i].p)->refs++;
    }
    b->hd.refs--;
    return 0;
}

/* In a leaf: the first slot not below the name; *found if it is equal.
 * In an inner block: the slot to go down. */
static int block_find (const struct tblock *b, const char *s, size_t len,
                       bool *found)
{
    int lo = b->leaf ? 0 : 1, hi = b->count;
    *found = false;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        int rc = name_cmp (b->slot[mid].name, s, len);
        if (b->leaf && rc == 0) {
            *found = true;
            return mid;
        }
        if (rc < 0 || (rc == 0 && !b->leaf))
            lo = mid + 1;
        else
            hi = mid;
    }
    return b->leaf ? lo : lo - 1;
}

static void block_insert (struct tblock *b, int i, struct tname *name, void *p)
{
    memmove (b->slot + i + 1, b->slot + i,
             (b->count - i) * sizeof (b->slot[0]));
    b->slot[i] = (struct tslot){ name, p };
    b->count++;
}

static void block_remove (struct tblock *b, int i)
{
    tname_unref (b->slot[i].name);
    b->count--;
    memmove (b->slot + i, b->slot + i + 1,
             (b->count - i) * sizeof (b->slot[0]));
}

/* Move the upper half of the full block at slot i of 'parent', which has room
 * and is ours, to a new one.  Appending in order (job ids) should leave full
 * blocks behind, so the last block of a parent is split at its end. */
static int block_split (struct tblock *parent, int i)
{
    struct tblock **bp = (struct tblock **)&parent->slot[i].p;
    int rc = block_own (bp, 0);
    if (rc < 0)
        return rc;
    struct tblock *b = *bp;
    int keep = i == parent->count - 1 ? b->count - 2 : b->count / 2;
    struct tblock *x = block_new (b->leaf, TBLOCK_MAX);
    if (!x)
        return -ENOMEM;
    struct tname *sep = b->slot[keep].name;
    sep->refs++;
    x->count = b->count - keep;
    memcpy (x->slot, b->slot + keep, x->count * sizeof (b->slot[0]));
    b->count = keep;
    block_insert (parent, i + 1, sep, x);
    return 0;
}

static int split_root (struct tdir *d)
{
    struct tblock *top = block_new (false, 4);
    if (!top)
        return -ENOMEM;
    block_insert (top, 0, NULL, d->root);
    int rc = block_split (top, 0);
    if (rc < 0) {
        d->root = top->slot[0].p;
        tblock_free (top);
        return rc;
    }
    d->root = top;
    return 0;
}

/* The leaf for the name, every block down to it ours.  With 'extra', the leaf
 * has room for one more. */
static int leaf_own (struct tdir *d, const char *s, size_t len, bool extra,
                     struct tblock **leafp)
{
    int rc;
    bool found;
    if (extra && d->root->count == TBLOCK_MAX && (rc = split_root (d)) < 0)
        return rc;
    struct tblock **bp = &d->root;
    for (;;) {
        if ((rc = block_own (bp, extra ? 1 : 0)) < 0)
            return rc;
        struct tblock *b = *bp;
        if (b->leaf) {
            *leafp = b;
            return 0;
        }
        int i = block_find (b, s, len, &found);
        struct tblock *child = b->slot[i].p;
        if (extra && child->count == TBLOCK_MAX) {
            if ((rc = block_split (b, i)) < 0)
                return rc;
            i = block_find (b, s, len, &found);
        }
        bp = (struct tblock **)&b->slot[i].p;
    }
}

struct tnode *tdir_new (void)
{
    return tnode_alloc (TNODE_DIR, sizeof (struct thead) + sizeof (struct tdir));
}

size_t tdir_count (const struct tnode *dir)
{
    return dir->dir.count;
}

struct tnode *tdir_get (const struct tnode *dir, const char *name, size_t len)
{
    const struct tblock *b = dir->dir.root;
    bool found;
    while (b) {
        int i = block_find (b, name, len, &found);
        if (b->leaf)
            return found ? b->slot[i].p : NULL;
        b = b->slot[i].p;
    }
    return NULL;
}

int tdir_own (struct tnode **dirp)
{
    struct tnode *dir = *dirp;
    if (dir->hd.refs > 1) {
        struct tnode *x = tdir_new ();
        if (!x)
            return -ENOMEM;
        x->dir.root = dir->dir.root;
        x->dir.count = dir->dir.count;
        if (x->dir.root)
            x->dir.root->hd.refs++;
        dir->hd.refs--;
        *dirp = x;
        return 0;
    }
    free (dir->dir.ref);
    dir->dir.ref = NULL;
    return 0;
}

int tdir_set (struct tnode *dir, const char *s, size_t len,
              const struct tnode *n)
{
    struct tdir *d = &dir->dir;
    struct tblock *leaf;
    bool found;
    int rc;

    bool fresh = !d->root;
    if (fresh && !(d->root = block_new (true, 2)))
        return -ENOMEM;
    bool have = !fresh && tdir_get (dir, s, len) != NULL;
    if ((rc = leaf_own (d, s, len, !have, &leaf)) < 0)
        return rc;
    int i = block_find (leaf, s, len, &found);
    if (found) {
        struct tnode *old = leaf->slot[i].p;
        leaf->slot[i].p = tnode_ref (n);
        tnode_unref (old);
        return 0;
    }
    struct tname *name = name_new (s, len);
    if (!name) {
        if (fresh) {
            tblock_free (d->root);
            d->root = NULL;
        }
        return -ENOMEM;
    }
    block_insert (leaf, i, name, tnode_ref (n));
    d->count++;
    return 0;
}

struct tnode **tdir_slot (struct tnode *dir, const char *s, size_t len, int *rcp)
{
    struct tblock *leaf;
    bool found;
    if (!tdir_get (dir, s, len)) {
        *rcp = -ENOENT;
        return NULL;
    }
    if ((*rcp = leaf_own (&dir->dir, s, len, false, &leaf)) < 0)
        return NULL;
    int i = block_find (leaf, s, len, &found);
    return (struct tnode **)&leaf->slot[i].p;
}

/* Go down again to the block above 'empty', which has lost its last slot. */
static void remove_block (struct tdir *d, const char *s, size_t len,
                          struct tblock *empty)
{
    bool found;
    while (d->root != empty) {
        struct tblock *b = d->root;
        int i;
        for (;;) {
            i = block_find (b, s, len, &found);
            if (b->slot[i].p == empty)
                break;
            b = b->slot[i].p;
        }
        block_remove (b, i);
        tblock_free (empty);
        if (b->count > 0) {
            if (i == 0) {  /* the first slot's name is never looked at */
                tname_unref (b->slot[0].name);
                b->slot[0].name = NULL;
            }
            return;
        }
        empty = b;
    }
    tblock_free (empty);
    d->root = NULL;
}

int tdir_del (struct tnode *dir, const char *s, size_t len)
{
    struct tdir *d = &dir->dir;
    struct tblock *leaf;
    bool found;
    int rc;

    if (!tdir_get (dir, s, len))
        return -ENOENT;
    if ((rc = leaf_own (d, s, len, false, &leaf)) < 0)
        return rc;
    int i = block_find (leaf, s, len, &found);
    struct tnode *old = leaf->slot[i].p;
    block_remove (leaf, i);
    if (leaf->count == 0)
        remove_block (d, s, len, leaf);
    d->count--;
    /* A chain of inner blocks with one child each is a waste of steps. */
    while (d->root && !d->root->leaf && d->root->count == 1
           && d->root->hd.refs == 1) {
        struct tblock *top = d->root;
        d->root = top->slot[0].p;
        tname_unref (top->slot[0].name);
        tblock_free (top);
    }
    tnode_unref (old);
    return 0;
}

void tdir_iter_init (struct tdir_iter *it, const struct tnode *dir)
{
    it->depth = 0;
    for (const struct tblock *b = dir->dir.root; b;
         b = b->leaf ? NULL : b->slot[0].p) {
        it->block[it->depth] = b;
        it->pos[it->depth] = 0;
        it->depth++;
    }
}

struct tnode *tdir_iter_next (struct tdir_iter *it, const char **name,
                              size_t *len)
{
    while (it->depth > 0) {
        int d = it->depth - 1;
        const struct tblock *b = it->block[d];
        if (it->pos[d] == b->count) {
            it->depth--;
            if (it->depth > 0)
                it->pos[it->depth - 1]++;
            continue;
        }
        const struct tslot *slot = &b->slot[it->pos[d]];
        if (b->leaf) {
            it->pos[d]++;
            *name = slot->name->s;
            *len = slot->name->len;
            return slot->p;
        }
        it->block[it->depth] = slot->p;
        it->pos[it->depth] = 0;
        it->depth++;
    }
    return NULL;
}
