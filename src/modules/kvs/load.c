/* load.c - see load.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "modules/kvs/checkpoint.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/load.h"
#include "modules/kvs/rfc11.h"
#include "spec/treeobj.h"

struct loader {
    struct kvs *kvs;
    struct tcold_owner *owner;
    struct kvsns *ns;
    struct tnode *val;     /* whose parts are being read, or NULL */
    char *key;             /* its key */
    size_t keylen, keysize;
    struct kvsns **list;
    size_t count;
};

/* Make n the entry at key, and directories above it. */
static int put_at (struct tnode **slot, const char *key, size_t len,
                   const struct tnode *n)
{
    const char *end = key + len;
    int rc;
    for (;;) {
        const char *dot = memchr (key, '.', end - key);
        size_t clen = (dot ? dot : end) - key;
        if ((rc = tdir_own (slot)) < 0)
            return rc;
        if (!dot)
            return tdir_set (*slot, key, clen, n);
        struct tnode *e = tdir_get (*slot, key, clen);
        if (!e || tnode_kind (e) != TNODE_DIR) {
            struct tnode *dir = tdir_new ();
            rc = dir ? tdir_set (*slot, key, clen, dir) : -ENOMEM;
            tnode_unref (dir);
            if (rc < 0)
                return rc;
        }
        if (!(slot = tdir_slot (*slot, key, clen, &rc)))
            return rc;
        key = dot + 1;
    }
}

static int end_val (struct loader *l)
{
    int rc = 0;
    if (l->val) {
        rc = put_at (&l->ns->head, l->key, l->keylen, l->val);
        tnode_unref (l->val);
        l->val = NULL;
    }
    return rc;
}

static int begin_val (struct loader *l, const struct storedb_row *row)
{
    if (row->keylen > l->keysize) {
        char *x = realloc (l->key, row->keylen);
        if (!x)
            return -ENOMEM;
        l->key = x;
        l->keysize = row->keylen;
    }
    memcpy (l->key, row->key, row->keylen);
    l->keylen = row->keylen;
    l->val = tval_new (row->data, row->len, ++l->kvs->lineage);
    return l->val ? 0 : -ENOMEM;
}

static bool is_dir_at (const struct tnode *n, const char *key, size_t len)
{
    const char *end = key + len;
    while (n && tnode_kind (n) == TNODE_DIR) {
        const char *dot = memchr (key, '.', end - key);
        n = tdir_get (n, key, (dot ? dot : end) - key);
        if (!dot)
            return n && tnode_kind (n) == TNODE_DIR;
        key = dot + 1;
    }
    return false;
}

static struct tnode *make_link (const struct storedb_row *row)
{
    const char *s = row->data;
    const char *nul = row->len > 0 ? memchr (s, '\0', row->len) : NULL;
    if (!nul)
        return NULL;
    size_t nlen = s + row->len - (nul + 1);
    char *ns = nlen > 0 ? strndup (nul + 1, nlen) : NULL;
    struct tnode *n = tlink_new (ns, s);
    free (ns);
    return n;
}

static struct tnode *make_ref (const struct storedb_row *row)
{
    int rc;
    json_t *o = treeobj_decode (row->data, row->len);
    struct tnode *n = o ? rfc11_parse (o, 0, &rc) : NULL;
    json_decref (o);
    return n;
}

static struct tnode *make_cold (struct loader *l, const struct storedb_row *row)
{
    struct tnode *n = tcold_new ((uint64_t)row->part, NULL, l->owner);
    if (n)
        tcold_set_stored (n, row->data, row->len);
    return n;
}

static int load_row (const struct storedb_row *row, void *arg)
{
    struct loader *l = arg;
    struct tnode *n = NULL;
    int rc = 0;

    if (row->keylen == 0)
        return -EINVAL;
    if (row->type == 'A') {
        if (!l->val || l->keylen != row->keylen
            || memcmp (l->key, row->key, row->keylen) != 0)
            return -EINVAL;
        return tval_append (&l->val, row->data, row->len);
    }
    if ((rc = end_val (l)) < 0)
        return rc;
    if (row->type == 'V')
        return begin_val (l, row);
    if (row->type == 'E' && is_dir_at (l->ns->head, row->key, row->keylen))
        return 0;
    n = row->type == 'E'   ? tdir_new ()
        : row->type == 'L' ? make_link (row)
        : row->type == 'R' ? make_ref (row)
        : row->type == 'F' ? make_cold (l, row)
                           : NULL;
    if (!n)
        return -EINVAL;
    rc = put_at (&l->ns->head, row->key, row->keylen, n);
    tnode_unref (n);
    return rc;
}

static int load_ns (const struct storedb_ns *row, void *arg)
{
    struct loader *l = arg;
    struct kvs *kvs = l->kvs;
    struct kvsns *ns = kvs->primary;
    if (row->id != 0) {
        struct tnode *root = tdir_new ();
        int rc = root ? kvsns_create (kvs, row->name, (uint32_t)row->owner, root,
                                      &ns) : -ENOMEM;
        tnode_unref (root);
        if (rc < 0)
            return rc;
        ns->id = (int)row->id;
        ns->visible = true;
        if (ns->id >= kvs->next_id)
            kvs->next_id = ns->id + 1;
    }
    ns->seq = (uint64_t)row->seq;
    struct kvsns **x = realloc (l->list, (l->count + 1) * sizeof (*x));
    if (!x)
        return -ENOMEM;
    l->list = x;
    l->list[l->count++] = ns;
    return 0;
}

static int check_hash (struct kvs *kvs, const struct storedb_ops *ops,
                       struct storedb *db, flux_error_t *err)
{
    char *hash = NULL;
    int rc = ops->get_meta (db, "hash", &hash);
    if (rc == -ENOENT)
        return ops->put_meta (db, "hash", kvs->hashtype);
    if (rc == 0 && strcmp (hash, kvs->hashtype) != 0)
        rc = errmsg (err, -EINVAL, "content.hash is %s, but statedir was written"
                     " with %s: set content.hash=%s", kvs->hashtype, hash, hash);
    free (hash);
    return rc;
}

/* The primary namespace has a row for its version from the beginning. */
static int add_primary (struct kvs *kvs, const struct storedb_ops *ops,
                        struct storedb *db)
{
    struct storedb_ns row = { 0, kvs->primary->name, kvs->owner, 0 };
    return ops->put_ns (db, &row);
}

static int load_checkpoint (int64_t id, const char *json, void *arg)
{
    (void)id;
    return checkpoint_remember (arg, json ? json : "");
}

static int load_checkpoints (struct kvs *kvs, const struct storedb_ops *ops,
                             struct storedb *db)
{
    char *restore = NULL, *epoch = NULL;
    int rc = ops->checkpoints (db, load_checkpoint, kvs);
    if (rc == 0 && (rc = ops->get_meta (db, "epoch", &epoch)) == 0)
        gc_restarted (kvs->gc, epoch);
    free (epoch);
    if (rc == -ENOENT)
        rc = 0;
    if (rc == 0)
        rc = ops->get_meta (db, "restore", &restore);
    if (rc == 0 && *restore) {
        kvs->restore = restore;
        restore = NULL;
    }
    free (restore);
    return rc == -ENOENT ? 0 : rc;
}

int load_all (struct kvs *kvs, struct store *s, struct tcold_owner *owner,
              uint64_t *cold_id, flux_error_t *err)
{
    struct loader l = { .kvs = kvs, .owner = owner };
    struct storedb *db;
    const struct storedb_ops *ops = store_db (s, &db);
    int64_t max = 0;
    err->text[0] = '\0';
    int rc = check_hash (kvs, ops, db, err);

    if (rc == 0)
        rc = ops->each_ns (db, load_ns, &l);
    if (rc == 0 && l.count == 0)
        rc = add_primary (kvs, ops, db);
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        l.ns = l.list[i];
        rc = ops->each_row (db, l.ns->id, load_row, &l);
        if (rc == 0)
            rc = end_val (&l);
    }
    if (rc == 0)
        rc = load_checkpoints (kvs, ops, db);
    if (rc == 0)
        rc = ops->max_cold (db, &max);
    if (rc == 0)
        *cold_id = (uint64_t)max;
    tnode_unref (l.val);
    free (l.key);
    free (l.list);
    if (rc < 0 && !err->text[0])
        errmsg (err, rc, "cannot load the KVS from statedir: %s",
                strerror (-rc));
    return rc;
}
