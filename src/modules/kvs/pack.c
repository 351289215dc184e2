/* pack.c - see pack.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/rfc11.h"
#include "spec/treeobj.h"

struct level {
    struct tnode *dir;     /* a reference */
    struct tdir_iter it;   /* packing */
    const char *name;      /* unpacking: of dir in its parent */
    size_t len;
};

struct stack {
    struct level *level;
    size_t depth, size;
};

static struct level *stack_push (struct stack *s, struct tnode *dir)
{
    if (s->depth == s->size) {
        size_t size = s->size ? 2 * s->size : 8;
        struct level *x = realloc (s->level, size * sizeof (*x));
        if (!x) {
            tnode_unref (dir);
            return NULL;
        }
        s->level = x;
        s->size = size;
    }
    struct level *l = &s->level[s->depth++];
    l->dir = dir;
    return l;
}

static void stack_free (struct stack *s)
{
    while (s->depth > 0)
        tnode_unref (s->level[--s->depth].dir);
    free (s->level);
}

static int pack_leaf (const struct tnode *n, const char *name, size_t len,
                      struct buf *out)
{
    enum tnode_kind kind = tnode_kind (n);
    buf_addc (out, kind == TNODE_VAL ? 'v' : 'l');
    kvs_put_str (out, name, len);
    if (kind == TNODE_LINK) {
        const char *ns = tlink_ns (n);
        kvs_put_str (out, tlink_target (n), strlen (tlink_target (n)));
        kvs_put_str (out, ns, ns ? strlen (ns) : 0);
    }
    else {
        size_t size = tval_len (n);
        kvs_put_varint (out, size);
        if (buf_reserve (out, size) < 0)
            return -ENOMEM;
        tval_read (n, 0, size, out->data + out->len);
        out->len += size;
    }
    return out->failed ? -ENOMEM : 0;
}

/* A packed directory refers to nothing: what it needs is with it (gc.h). */
static int pack_ref (const struct twalk_env *env, const struct tnode *n,
                     const char *name, size_t len, struct buf *out)
{
    int rc = 0;
    struct tnode *val = env->load (env->arg, n, &rc);
    if (val)
        rc = pack_leaf (val, name, len, out);
    tnode_unref (val);
    return val || rc < 0 ? rc : -EIO;
}

static int pack_enter (struct stack *s, const struct twalk_env *env,
                       const struct tnode *n, const char *name, size_t len,
                       struct buf *out)
{
    int rc = 0;
    struct tnode *dir = tnode_kind (n) == TNODE_DIR
                            ? tnode_ref (n)
                            : env->load (env->arg, n, &rc);
    if (!dir)
        return rc < 0 ? rc : -EIO;
    struct level *l = stack_push (s, dir);
    if (!l)
        return -ENOMEM;
    tdir_iter_init (&l->it, dir);
    if (s->depth > 1) {
        buf_addc (out, 'd');
        kvs_put_str (out, name, len);
    }
    return 0;
}

int pack_dir (const struct twalk_env *env, const struct tnode *dir,
              struct buf *out)
{
    struct stack s = { 0 };
    const char *name;
    size_t len;
    int rc = pack_enter (&s, env, dir, NULL, 0, out);

    while (rc == 0 && s.depth > 0) {
        struct level *l = &s.level[s.depth - 1];
        struct tnode *n = tdir_iter_next (&l->it, &name, &len);
        if (!n) {
            buf_addc (out, 'e');
            tnode_unref (l->dir);
            s.depth--;
        }
        else if (tnode_is_dir (n))
            rc = pack_enter (&s, env, n, name, len, out);
        else if (tnode_kind (n) == TNODE_REF)
            rc = pack_ref (env, n, name, len, out);
        else
            rc = pack_leaf (n, name, len, out);
    }
    stack_free (&s);
    return rc == 0 && out->failed ? -ENOMEM : rc;
}

/* -- unpacking ---------------------------------------------------------------- */

static struct tnode *unpack_link (const char **p, const char *end, int *rc)
{
    const char *target, *ns;
    size_t tlen, nlen;
    char *t = NULL, *n = NULL;
    struct tnode *node = NULL;
    if (kvs_get_str (p, end, &target, &tlen) < 0
        || kvs_get_str (p, end, &ns, &nlen) < 0 || tlen == 0) {
        *rc = -EPROTO;
        return NULL;
    }
    t = strndup (target, tlen);
    n = nlen > 0 ? strndup (ns, nlen) : NULL;
    if (t && (n || nlen == 0))
        node = tlink_new (n, t);
    free (t);
    free (n);
    return node;
}

static struct tnode *unpack_ref (const char *data, size_t len, int *rc)
{
    json_t *o = treeobj_decode (data, len);
    struct tnode *n = NULL;
    if (o)
        n = rfc11_parse (o, 0, rc);
    else
        *rc = -EPROTO;
    json_decref (o);
    return n;
}

static struct tnode *unpack_leaf (char kind, const char **p, const char *end,
                                  int *rc)
{
    const char *data;
    size_t len;
    if (kind == 'l')
        return unpack_link (p, end, rc);
    if ((kind != 'v' && kind != 'r') || kvs_get_str (p, end, &data, &len) < 0) {
        *rc = -EPROTO;
        return NULL;
    }
    return kind == 'v' ? tval_new (data, len, 0) : unpack_ref (data, len, rc);
}

/* 'e': the directory on top is complete.  NULL, or the outermost one. */
static struct tnode *unpack_leave (struct stack *s, int *rc)
{
    struct level l = s->level[--s->depth];
    if (s->depth == 0)
        return l.dir;
    if (tdir_set (s->level[s->depth - 1].dir, l.name, l.len, l.dir) < 0)
        *rc = -ENOMEM;
    tnode_unref (l.dir);
    return NULL;
}

static void unpack_entry (struct stack *s, char kind, const char **p,
                          const char *end, int *rc)
{
    const char *name;
    size_t len;
    if (kvs_get_str (p, end, &name, &len) < 0 || len == 0
        || memchr (name, '.', len)) {
        *rc = -EPROTO;
        return;
    }
    struct tnode *n = kind == 'd' ? tdir_new () : unpack_leaf (kind, p, end, rc);
    if (!n) {
        *rc = *rc < 0 ? *rc : -ENOMEM;
        return;
    }
    if (kind == 'd') {
        struct level *l = stack_push (s, n);
        if (l) {
            l->name = name;
            l->len = len;
        }
        else
            *rc = -ENOMEM;
        return;
    }
    if (tdir_set (s->level[s->depth - 1].dir, name, len, n) < 0)
        *rc = -ENOMEM;
    tnode_unref (n);
}

struct tnode *unpack_dir (const void *data, size_t len, int *rc)
{
    const char *p = data, *end = p + len;
    struct stack s = { 0 };
    struct tnode *top = NULL, *dir = tdir_new ();

    *rc = dir && stack_push (&s, dir) ? 0 : -ENOMEM;
    while (*rc == 0 && !top) {
        if (p == end)
            *rc = -EPROTO;
        else if (*p == 'e') {
            p++;
            top = unpack_leave (&s, rc);
        }
        else {
            char kind = *p++;
            unpack_entry (&s, kind, &p, end, rc);
        }
    }
    stack_free (&s);
    if (top && p != end) {
        *rc = -EPROTO;
        tnode_unref (top);
        top = NULL;
    }
    return top;
}
