/* twalk.c - see twalk.h */

#include <errno.h>
#include <string.h>

#include "core/kvs_proto.h"
#include "modules/kvs/twalk.h"

void twalk_place_release (struct twalk_place *p)
{
    tnode_unref (p->node);
    p->node = NULL;
    buf_release (&p->ns);
    buf_release (&p->key);
    buf_release (&p->via);
}

int twalk_join (const char *target, const char *rest, size_t restlen,
                    struct buf *out)
{
    size_t size = strlen (target) + 2;
    buf_clear (out);
    if (size + restlen > TWALK_MAXPATH)
        return -ENAMETOOLONG;
    if (buf_reserve (out, size + restlen + 1) < 0)
        return -ENOMEM;
    int rc = kvs_key_normalize (target, out->data);
    if (rc < 0)
        return rc;
    out->len = strlen (out->data);
    if (restlen == 0)
        return 0;
    if (!strcmp (out->data, "."))
        out->len = 0;
    else
        buf_addc (out, '.');
    return buf_add (out, rest, restlen);
}

struct walk {
    const struct twalk_env *env;
    struct twalk_place *place;
    struct tnode *cur;       /* a reference */
    const struct tnode *root;
    struct buf path;         /* what is still to go, if a link was followed */
    const char *p;           /* in the key or in path */
    int links;
};

static int walk_load (struct walk *w)
{
    int rc = 0;
    struct tnode *n = w->env->load (w->env->arg, w->cur, &rc);
    if (!n)
        return rc < 0 ? rc : -EIO;
    tnode_unref (w->cur);
    w->cur = n;
    return 0;
}

/* The link leads to 'key' in ns.  Also if that is not there, the place tells. */
static int walk_enter (struct walk *w, const char *ns, const struct buf *key)
{
    struct twalk_place *place = w->place;
    int rc = 0;
    place->linked = true;
    buf_clear (&place->key);
    buf_add (&place->key, key->data, key->len);
    if (place->key.failed)
        return -ENOMEM;
    if (!ns)
        return 0;
    buf_clear (&place->ns);
    if (buf_adds (&place->ns, ns) < 0)
        return -ENOMEM;
    const struct tnode *root = w->env->root (w->env->arg, ns, &rc);
    if (!root)
        return rc < 0 ? rc : -ENOTSUP;
    w->root = root;
    return 0;
}

/* Continue at the target of the link w->cur, with 'rest' behind it. */
static int walk_link (struct walk *w, const char *rest)
{
    const char *ns = tlink_ns (w->cur);
    struct buf next = BUF_INIT;
    int rc = 0;

    if (++w->links > TWALK_MAXLINKS)
        return -ELOOP;
    buf_add (&w->place->via, w->place->ns.data, w->place->ns.len + 1);
    if (buf_add (&w->place->via, w->place->key.data, w->place->key.len + 1) < 0)
        return -ENOMEM;
    rc = twalk_join (tlink_target (w->cur), rest, strlen (rest), &next);
    if (rc == 0)
        rc = walk_enter (w, ns, &next);
    if (rc < 0) {
        buf_release (&next);
        return rc;
    }
    buf_clear (&w->place->key);
    buf_release (&w->path);
    w->path = next;
    w->p = w->path.data;
    tnode_unref (w->cur);
    w->cur = tnode_ref (w->root);
    return 0;
}

/* Add a component, or everything that is left, to where we are. */
static int place_add (struct twalk_place *place, const char *s, size_t len)
{
    if (place->key.len > 0)
        buf_addc (&place->key, '.');
    return buf_add (&place->key, s, len) < 0 || place->key.failed ? -ENOMEM : 0;
}

static int walk_missing (struct walk *w, int rc)
{
    return place_add (w->place, w->p, strlen (w->p)) < 0 ? -ENOMEM : rc;
}

/* One component down from w->cur.  1: there is more to do, 0: arrived. */
static int walk_step (struct walk *w, bool follow_last)
{
    const char *dot = strchrnul (w->p, '.');
    size_t len = dot - w->p;
    int rc;

    if (tnode_kind (w->cur) != TNODE_DIR) {
        if (!tnode_is_dir (w->cur))
            return walk_missing (w, -ENOTDIR);
        if ((rc = walk_load (w)) < 0)
            return rc;
        if (tnode_kind (w->cur) != TNODE_DIR)
            return -EIO;
    }
    struct tnode *n = tdir_get (w->cur, w->p, len);
    if (!n)
        return walk_missing (w, -ENOENT);
    tnode_ref (n);
    tnode_unref (w->cur);
    w->cur = n;
    if ((rc = place_add (w->place, w->p, len)) < 0)
        return rc;
    if (tnode_kind (n) == TNODE_LINK && (*dot || follow_last)) {
        if ((rc = walk_link (w, *dot ? dot + 1 : dot)) < 0)
            return rc;
        return !strcmp (w->p, ".") ? 0 : 1;
    }
    w->p = dot + 1;
    return *dot ? 1 : 0;
}

int twalk (const struct twalk_env *env, const struct tnode *root,
               const char *key, bool follow_last, struct twalk_place *place)
{
    struct walk w = {
        .env = env,
        .place = place,
        .cur = tnode_ref (root),
        .root = root,
        .path = BUF_INIT,
        .p = key,
    };
    int rc = 1;
    if (!strcmp (key, "."))
        rc = 0;
    while (rc == 1)
        rc = walk_step (&w, follow_last);
    if (rc == 0 && place->key.len == 0)
        rc = buf_addc (&place->key, '.');
    if (rc == 0)
        place->node = w.cur;
    else
        tnode_unref (w.cur);
    buf_release (&w.path);
    return rc;
}
