/* ttxn.c - see ttxn.h
 *
 * An edit walks down from the root and owns each directory on its way, so that
 * what it changes is its own.  It ends at a spot: a directory that exists and the
 * first component in it that is to change; what follows is new.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/kvs/ttxn.h"

struct undo {
    char *path;          /* without links; "" is the root */
    struct tnode *old;   /* a reference; NULL: there was nothing */
};

struct ttxn {
    struct tnode **rootp;
    const char *ns;
    const struct twalk_env *env;
    ttxn_changed_f changed;
    void *arg;
    struct undo *undo;
    size_t count, size;
};

struct spot {
    struct tnode *dir;       /* owned by the tree, may be changed */
    struct tnode *old;       /* borrowed: what is there, or NULL */
    struct buf path;         /* of the entry */
    const char *name;
    size_t len;
    const char *rest;        /* components below the entry, "" if none */
    struct buf key;          /* the key with links followed, if there was one */
};

struct ttxn *ttxn_new (struct tnode **rootp, const char *ns,
                               const struct twalk_env *env,
                               ttxn_changed_f changed, void *arg)
{
    struct ttxn *t = calloc (1, sizeof (*t));
    if (t) {
        t->rootp = rootp;
        t->ns = ns;
        t->env = env;
        t->changed = changed;
        t->arg = arg;
    }
    return t;
}

void ttxn_commit (struct ttxn *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++) {
        free (t->undo[i].path);
        tnode_unref (t->undo[i].old);
    }
    free (t->undo);
    free (t);
}

static int undo_one (struct ttxn *t, const struct undo *u)
{
    struct tnode **slot = t->rootp;
    const char *p = u->path;
    int rc;

    if (!*p) {
        tnode_unref (*slot);
        *slot = tnode_ref (u->old);
        return 0;
    }
    for (;;) {
        if ((rc = tdir_own (slot)) < 0)
            return rc;
        const char *dot = strchrnul (p, '.');
        if (!*dot)
            return u->old ? tdir_set (*slot, p, dot - p, u->old)
                          : tdir_del (*slot, p, dot - p);
        if (!(slot = tdir_slot (*slot, p, dot - p, &rc)))
            return rc;
        p = dot + 1;
    }
}

int ttxn_abort (struct ttxn *t)
{
    int rc = 0;
    if (!t)
        return 0;
    for (size_t i = t->count; i-- > 0;) {
        int rc2 = undo_one (t, &t->undo[i]);
        rc = rc < 0 ? rc : rc2;
    }
    ttxn_commit (t);
    return rc;
}

/* Room for one record, so that after a change nothing can fail. */
static struct undo *undo_prepare (struct ttxn *t, const char *path)
{
    if (t->count == t->size) {
        size_t size = t->size ? 2 * t->size : 4;
        struct undo *x = realloc (t->undo, size * sizeof (*x));
        if (!x)
            return NULL;
        t->undo = x;
        t->size = size;
    }
    struct undo *u = &t->undo[t->count];
    u->old = NULL;
    return (u->path = strdup (path)) ? u : NULL;
}

/* -- finding the spot -------------------------------------------------- */

static void spot_release (struct spot *s)
{
    buf_release (&s->path);
    buf_release (&s->key);
}

/* The link s->old is in the way: start again at its target. */
static int spot_follow (struct ttxn *t, struct spot *s)
{
    const char *ns = tlink_ns (s->old);
    struct buf next = BUF_INIT;
    if (ns && strcmp (ns, t->ns) != 0)
        return -EINVAL;
    int rc = twalk_join (tlink_target (s->old), s->rest, strlen (s->rest),
                             &next);
    if (rc < 0) {
        buf_release (&next);
        return rc;
    }
    buf_release (&s->key);
    s->key = next;
    buf_clear (&s->path);
    return 0;
}

/* Put what the stub at 'slot' stands for in its place. */
static int spot_thaw (struct ttxn *t, struct spot *s, struct tnode **slot)
{
    int rc = 0;
    struct undo *u = undo_prepare (t, s->path.data);
    if (!u)
        return -ENOMEM;
    struct tnode *n = t->env->load (t->env->arg, *slot, &rc);
    if (!n || tnode_kind (n) != TNODE_DIR) {
        tnode_unref (n);
        free (u->path);
        return rc < 0 ? rc : -EIO;
    }
    u->old = *slot;
    *slot = n;
    t->count++;
    t->changed (t->arg, TTXN_THAW, s->path.data, s->path.len, u->old, n, 0);
    return 0;
}

static int spot_add (struct spot *s)
{
    if (s->path.len > 0)
        buf_addc (&s->path, '.');
    return buf_add (&s->path, s->name, s->len) < 0 || s->path.failed ? -ENOMEM
                                                                     : 0;
}

/* Go down as far as there are directories.  'key' is not ".". */
static int spot_find (struct ttxn *t, const char *key, struct spot *s)
{
    struct tnode **slot = t->rootp;
    int links = 0, rc;
    for (;;) {
        if (tnode_kind (*slot) != TNODE_DIR && (rc = spot_thaw (t, s, slot)) < 0)
            return rc;
        if ((rc = tdir_own (slot)) < 0)
            return rc;
        s->dir = *slot;
        const char *dot = strchrnul (key, '.');
        s->name = key;
        s->len = dot - key;
        s->rest = *dot ? dot + 1 : dot;
        s->old = tdir_get (s->dir, s->name, s->len);
        if ((rc = spot_add (s)) < 0)
            return rc;
        if (!*dot || !s->old)
            return 0;
        if (tnode_kind (s->old) == TNODE_LINK) {
            if (++links > TWALK_MAXLINKS)
                return -ELOOP;
            if ((rc = spot_follow (t, s)) < 0)
                return rc;
            if (!strcmp (key = s->key.data, "."))
                return -EINVAL;
            slot = t->rootp;
            continue;
        }
        if (!tnode_is_dir (s->old))
            return 0;
        if (!(slot = tdir_slot (s->dir, s->name, s->len, &rc)))
            return rc;
        key = s->rest;
    }
}

/* -- edits ------------------------------------------------------------- */

/* n below directories for the components of 'rest'; consumes n, NULL on ENOMEM */
static struct tnode *wrap (struct tnode *n, const char *rest)
{
    size_t end = strlen (rest);
    while (n && end > 0) {
        size_t start = end;
        while (start > 0 && rest[start - 1] != '.')
            start--;
        struct tnode *dir = tdir_new ();
        if (dir && tdir_set (dir, rest + start, end - start, n) < 0) {
            tnode_unref (dir);
            dir = NULL;
        }
        tnode_unref (n);
        n = dir;
        end = start > 0 ? start - 1 : 0;
    }
    return n;
}

/* Make n (NULL: nothing) the entry at the spot. */
static int replace (struct ttxn *t, struct spot *s, enum ttxn_change what,
                    const struct tnode *n, size_t from)
{
    struct undo *u = undo_prepare (t, s->path.data);
    if (!u)
        return -ENOMEM;
    struct tnode *old = tnode_ref (s->old);
    int rc = n ? tdir_set (s->dir, s->name, s->len, n)
               : tdir_del (s->dir, s->name, s->len);
    if (rc < 0) {
        tnode_unref (old);
        free (u->path);
        return rc;
    }
    u->old = old;
    t->count++;
    t->changed (t->arg, what, s->path.data, s->path.len, old, n ? n : s->dir,
                from);
    return 0;
}

static int set_root (struct ttxn *t, const struct tnode *n)
{
    if (!tnode_is_dir (n))
        return -EINVAL;
    struct undo *u = undo_prepare (t, "");
    if (!u)
        return -ENOMEM;
    u->old = *t->rootp;
    *t->rootp = tnode_ref (n);
    t->count++;
    t->changed (t->arg, TTXN_SET, "", 0, u->old, n, 0);
    return 0;
}

int ttxn_set (struct ttxn *t, const char *key, const struct tnode *n)
{
    if (!strcmp (key, "."))
        return set_root (t, n);
    struct spot s = { .path = BUF_INIT, .key = BUF_INIT };
    int rc = spot_find (t, key, &s);
    if (rc == 0) {
        struct tnode *x = wrap (tnode_ref (n), s.rest);
        rc = x ? replace (t, &s, TTXN_SET, x, 0) : -ENOMEM;
        tnode_unref (x);
    }
    spot_release (&s);
    return rc;
}

static int append_at (struct ttxn *t, struct spot *s, const void *data,
                      size_t len)
{
    int rc = 0;
    struct tnode *n;
    if (tnode_is_dir (s->old))
        return -EISDIR;
    if (tnode_kind (s->old) == TNODE_LINK)
        return -EOPNOTSUPP;
    bool loaded = tnode_kind (s->old) != TNODE_VAL;
    n = loaded ? t->env->load (t->env->arg, s->old, &rc) : tnode_ref (s->old);
    if (!n)
        return rc < 0 ? rc : -EIO;
    size_t from = tval_len (n);
    if ((rc = tval_append (&n, data, len)) == 0)
        rc = replace (t, s, loaded ? TTXN_SET : TTXN_APPEND, n, from);
    tnode_unref (n);
    return rc;
}

int ttxn_append (struct ttxn *t, const char *key, const void *data,
                     size_t len, uint64_t lineage)
{
    struct spot s = { .path = BUF_INIT, .key = BUF_INIT };
    int rc = !strcmp (key, ".") ? -EISDIR : spot_find (t, key, &s);
    if (rc == 0 && s.old && !*s.rest)
        rc = append_at (t, &s, data, len);
    else if (rc == 0) {
        struct tnode *n = tval_new (data, len, lineage);
        n = n ? wrap (n, s.rest) : NULL;
        rc = n ? replace (t, &s, TTXN_SET, n, 0) : -ENOMEM;
        tnode_unref (n);
    }
    spot_release (&s);
    return rc;
}

int ttxn_unlink (struct ttxn *t, const char *key)
{
    if (!strcmp (key, "."))
        return -EINVAL;
    struct spot s = { .path = BUF_INIT, .key = BUF_INIT };
    int rc = spot_find (t, key, &s);
    if (rc == 0 && s.old && !*s.rest)
        rc = replace (t, &s, TTXN_DEL, NULL, 0);
    spot_release (&s);
    return rc;
}
