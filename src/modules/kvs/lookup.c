/* lookup.c - see lookup.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "core/kvs_proto.h"
#include "modules/kvs/content.h"
#include "modules/kvs/lookup.h"
#include "modules/kvs/rfc11.h"
#include "spec/treeobj.h"

enum { FORMS = FLUX_KVS_READDIR | FLUX_KVS_READLINK | FLUX_KVS_TREEOBJ };

static int explain (const struct lookup_args *args, int rc, flux_error_t *err)
{
    const char *s = NULL;
    switch (rc) {
    case -ENOENT:
        s = "no such key";
        break;
    case -ENOTDIR:
        s = (args->flags & FLUX_KVS_READDIR) ? "not a directory"
                                             : "part of the key is a value,"
                                               " not a directory";
        break;
    case -EISDIR:
        s = "is a directory";
        break;
    case -ELOOP:
        s = "too many symbolic links";
        break;
    case -ENOTSUP:
        s = "a link leads to a namespace that does not exist";
        break;
    case -EPERM:
        s = "a link leads to a namespace of another user";
        break;
    case -EIO:
        s = "its content could not be loaded";
        break;
    }
    return s ? errmsg (err, rc, "%.100s: %s", args->key, s) : rc;
}

/* Is what was found what was asked for?  Loads it if the answer is its inside. */
static int check_kind (struct kvs *kvs, int flags, struct twalk_place *place)
{
    enum tnode_kind kind = tnode_kind (place->node);
    bool dir = tnode_is_dir (place->node);
    int rc = 0;

    if (flags & FLUX_KVS_TREEOBJ)
        return 0;
    if (flags & FLUX_KVS_READLINK)
        return kind == TNODE_LINK ? 0 : -EINVAL;
    if ((flags & FLUX_KVS_READDIR) && !dir)
        return -ENOTDIR;
    if (!(flags & FLUX_KVS_READDIR) && dir)
        return -EISDIR;
    if (kind == TNODE_COLD || kind == TNODE_REF) {
        struct tnode *n = content_load_node (kvs->content, place->node, &rc);
        if (!n)
            return rc;
        tnode_unref (place->node);
        place->node = n;
    }
    return 0;
}

/* The root of lookupat: a tree object that a client holds. */
static int root_at (struct kvs *kvs, const char *at, struct tnode **rootp)
{
    int rc = 0;
    json_t *o = treeobj_decode (at, strlen (at));
    if (!o)
        return -EINVAL;
    struct tnode *n = rfc11_parse (o, 0, &rc);
    json_decref (o);
    if (!n)
        return rc;
    if (tnode_kind (n) == TNODE_REF && tnode_is_dir (n)) {
        struct tnode *dir = content_load_node (kvs->content, n, &rc);
        tnode_unref (n);
        n = dir;
    }
    if (!n)
        return rc;
    *rootp = n;
    return 0;
}

static int find_root (struct kvs *kvs, const struct lookup_args *args,
                      struct tnode **rootp, flux_error_t *err)
{
    int rc;
    if (args->at) {
        if (!kvs_is_owner (args->cred))
            return errmsg (err, -EPERM,
                           "only the instance owner may look up by reference");
        if ((rc = root_at (kvs, args->at, rootp)) < 0)
            return errmsg (err, rc, "cannot look up at this tree object: %s",
                           strerror (-rc));
        return 0;
    }
    struct kvsns *ns = kvsns_find (kvs, args->ns, false);
    if (!ns)
        return errmsg (err, -ENOTSUP, "namespace %.100s does not exist",
                       args->ns);
    if ((rc = kvsns_authorize (ns, args->cred)) < 0)
        return errmsg (err, rc, "namespace %.100s belongs to another user",
                       args->ns);
    *rootp = tnode_ref (kvsns_root (ns));
    return 0;
}

static int find_key (struct kvs *kvs, const struct lookup_args *args,
                     const struct tnode *root, struct twalk_place *place)
{
    struct kvs_walker w;
    char small[256];
    size_t size = strlen (args->key) + 2;
    char *key = size <= sizeof (small) ? small : malloc (size);
    if (!key)
        return -ENOMEM;
    kvs_walker_init (&w, kvs, args->cred, false);
    bool follow = !(args->flags & (FLUX_KVS_READLINK | FLUX_KVS_TREEOBJ));
    int rc = kvs_key_normalize (args->key, key);
    if (rc == 0)
        rc = twalk (&w.env, root, key, follow, place);
    if (key != small)
        free (key);
    return rc;
}

int lookup_find (struct kvs *kvs, const struct lookup_args *args,
                 struct twalk_place *place, flux_error_t *err)
{
    struct tnode *root = NULL;
    int rc = kvs_lookup_flags_check (args->flags);
    if (rc < 0)
        return errmsg (err, rc, "these look-up flags do not go together: %#x",
                       args->flags);
    if ((rc = find_root (kvs, args, &root, err)) < 0)
        return rc;
    rc = find_key (kvs, args, root, place);
    if (rc == 0)
        rc = check_kind (kvs, args->flags, place);
    tnode_unref (root);
    if (rc == -EINVAL || rc == -ENAMETOOLONG)
        return errmsg (err, rc, "%.100s: %s", args->key,
                       (args->flags & FLUX_KVS_READLINK) && place->node
                           ? "not a symbolic link" : "invalid key");
    return explain (args, rc, err);
}

/* -- answers ----------------------------------------------------------------- */

static int encode_value (const struct tnode *n, struct buf *out)
{
    size_t len = tval_len (n);
    if (buf_reserve (out, len + 2) < 0)
        return -ENOMEM;
    buf_addc (out, 'v');
    tval_read (n, 0, len, out->data + out->len);
    out->len += len;
    return buf_addc (out, '\0');
}

static int encode_listing (const struct tnode *dir, struct buf *out)
{
    struct tdir_iter it;
    const struct tnode *n;
    const char *name;
    size_t len;
    buf_addc (out, 'd');
    tdir_iter_init (&it, dir);
    while ((n = tdir_iter_next (&it, &name, &len))) {
        buf_addc (out, tnode_is_dir (n)                  ? 'd'
                       : tnode_kind (n) == TNODE_LINK ? 'l'
                                                      : 'v');
        kvs_put_str (out, name, len);
    }
    buf_addc (out, '\0');
    return out->failed ? -ENOMEM : 0;
}

/* The references that the answer speaks of are there. */
static bool has_refs (struct kvs *kvs, const struct tnode *n)
{
    char room[72];
    if (tnode_kind (n) == TNODE_VAL)
        return rfc11_val_blobs (n) == 0 || tnode_cached_ref (n);
    if (tnode_kind (n) == TNODE_DIR || tnode_kind (n) == TNODE_COLD)
        return rfc11_dir_ref (n, kvs->hashtype, room) != NULL;
    return true;
}

static int encode_object (struct kvs *kvs, const struct tnode *n, bool dir,
                          struct buf *out)
{
    int rc;
    if (!has_refs (kvs, n))
        return -EAGAIN;
    buf_addc (out, 'j');
    if (dir)
        rc = rfc11_dir (n, kvs->hashtype, out);
    else
        rc = rfc11_entry (n, kvs->hashtype, out);
    if (rc == 0)
        rc = dir ? content_pin_entries (kvs->content, n)
                 : content_pin (kvs->content, n);
    return rc == 0 ? buf_addc (out, '\0') : rc;
}

int lookup_encode (struct kvs *kvs, const struct tnode *n, int flags,
                   struct buf *out)
{
    if (flags & KVS_LOOKUP_DIROBJ)
        return encode_object (kvs, n, true, out);
    if (flags & FLUX_KVS_READDIR)
        return encode_listing (n, out);
    if (flags & (FLUX_KVS_TREEOBJ | FLUX_KVS_READLINK))
        return encode_object (kvs, n, false, out);
    return encode_value (n, out);
}
