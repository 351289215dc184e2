/* commit.c - see commit.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "core/kvs_proto.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/commit.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/ttxn.h"
#include "spec/treeobj.h"

struct committer {
    struct kvs *kvs;
    struct kvsns *ns;
    struct kvs_walker walker;   /* sees the heads, as the user */
    struct ttxn *txn;
    struct change *change;
    bool record;                /* somebody wants to know of changes */
    struct buf key, text;       /* of the operation, NUL terminated */
};

static bool may_reshape (const struct tnode *n)
{
    return n && tnode_kind (n) != TNODE_VAL;
}

static void changed (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    struct committer *c = arg;
    if (batcher_durable (c->kvs->batcher))
        redo_change (&c->change->redo, c->ns->id, what, path, len, old, node,
                     from);
    if (!c->record || what == TTXN_THAW)
        return;
    bool below = may_reshape (old) || (what != TTXN_DEL && may_reshape (node));
    if (len == 0)
        change_touch (c->change, c->ns, ".", 1, TOUCH_BELOW);
    else
        change_touch (c->change, c->ns, path, len, below ? TOUCH_BELOW : 0);
}

/* -- operations ---------------------------------------------------------------- */

static int op_set (struct committer *c, struct tnode *n)
{
    int rc = n ? ttxn_set (c->txn, c->key.data, n) : -ENOMEM;
    tnode_unref (n);
    return rc;
}

static int op_symlink (struct committer *c, const struct kvs_txnop *op)
{
    buf_clear (&c->text);
    buf_add (&c->text, op->ns, op->nslen);
    buf_addc (&c->text, '\0');
    size_t at = c->text.len;
    if (buf_add (&c->text, op->data, op->len) < 0 || c->text.failed)
        return -ENOMEM;
    return op_set (c, tlink_new (op->nslen > 0 ? c->text.data : NULL,
                                 c->text.data + at));
}

/* A guest's tree object may not refer to content: a reference is as good as
 * reading what it refers to, and that may be anybody's. */
static int keep_references (struct committer *c, const json_t *o)
{
    const char *name;
    json_t *entry;
    size_t count = 0;
    int rc = 0;
    if (treeobj_is (o, "valref") || treeobj_is (o, "dirref")) {
        if (!kvs_is_owner (c->walker.cred))
            return -EPERM;
        (void)treeobj_refs (o, &count);
        for (size_t i = 0; i < count; i++)
            gc_keep (c->kvs->gc, treeobj_ref (o, i), &c->change->redo);
    }
    else if (treeobj_is (o, "dir"))
        json_object_foreach (json_object_get (o, "data"), name, entry)
            if ((rc = keep_references (c, entry)) < 0)
                return rc;
    return c->change->redo.failed ? -ENOMEM : 0;
}

static int op_treeobj (struct committer *c, const struct kvs_txnop *op)
{
    int rc = 0;
    json_t *o = treeobj_decode (op->data, op->len);
    if (!o)
        return -EINVAL;
    struct tnode *n = NULL;
    if ((rc = keep_references (c, o)) == 0)
        n = rfc11_parse (o, ++c->kvs->lineage, &rc);
    json_decref (o);
    if (!n)
        return rc;
    const struct tnode *pinned;
    if (tnode_kind (n) == TNODE_REF && tnode_is_dir (n) && tref_count (n) == 1
        && (pinned = content_pinned_dir (c->kvs->content, tref_get (n, 0)))) {
        tnode_unref (n);
        n = tnode_ref (pinned);
    }
    if (!strcmp (c->key.data, ".") && tnode_kind (n) == TNODE_REF
        && tnode_is_dir (n)) {
        struct tnode *dir = content_load_node (c->kvs->content, n, &rc);
        tnode_unref (n);
        n = dir;
    }
    return n ? op_set (c, n) : rc;
}

static int op_copy (struct committer *c, const struct kvs_txnop *op)
{
    struct twalk_place place = TWALK_PLACE_INIT;
    int rc = 0;
    buf_clear (&c->text);
    buf_add (&c->text, op->ns, op->nslen);
    buf_addc (&c->text, '\0');
    size_t at = c->text.len;
    if (buf_add (&c->text, op->data, op->len) < 0 || c->text.failed)
        return -ENOMEM;
    const struct tnode *root =
        c->walker.env.root (c->walker.env.arg, c->text.data, &rc);
    if (!root)
        return rc;
    rc = twalk (&c->walker.env, root, c->text.data + at, false, &place);
    if (rc == 0)
        rc = op_set (c, tnode_ref (place.node));
    twalk_place_release (&place);
    return rc;
}

static int apply_op (struct committer *c, const struct kvs_txnop *op)
{
    buf_clear (&c->key);
    if (buf_add (&c->key, op->key, op->keylen) < 0)
        return -ENOMEM;
    if (c->record)
        change_touch (c->change, c->ns, op->key, op->keylen, TOUCH_NAMED);
    switch (op->type) {
    case 'p':
        return op_set (c, tval_new (op->data, op->len, ++c->kvs->lineage));
    case 'a':
        return ttxn_append (c->txn, c->key.data, op->data, op->len,
                            ++c->kvs->lineage);
    case 'd':
        return op_set (c, tdir_new ());
    case 'u':
        return ttxn_unlink (c->txn, c->key.data);
    case 'l':
        return op_symlink (c, op);
    case 't':
        return op_treeobj (c, op);
    default:
        return op_copy (c, op);
    }
}

static int explain_op (const struct kvs_txnop *op, int rc, flux_error_t *err)
{
    static const char *const names[] = {
        ['p'] = "put", ['a'] = "append to", ['d'] = "make directory",
        ['u'] = "unlink", ['l'] = "link", ['t'] = "put tree object at",
        ['c'] = "copy to",
    };
    const char *why = strerror (-rc);
    if (rc == -EINVAL && op->type == 't')
        why = "not an RFC 11 tree object, or not a directory for the root";
    else if (rc == -EINVAL)
        why = "a symbolic link to another namespace is in the way,"
              " or the root was meant";
    else if (rc == -EPERM)
        why = "only the instance owner may refer to content or to another"
              " user's namespace";
    else if (rc == -EOPNOTSUPP)
        why = "it is a symbolic link";
    else if (rc == -ENOENT && op->type == 'c')
        why = "the source does not exist";
    else if (rc == -ENOTSUP)
        why = "the source's namespace does not exist";
    return errmsg (err, rc, "cannot %s %.*s: %s", names[(int)op->type],
                   op->keylen > 60 ? 60 : (int)op->keylen, op->key, why);
}

/* All operations, or none. */
static int apply (struct committer *c, struct kvs_commit *com,
                  flux_error_t *err)
{
    struct kvs_txnop op;
    int rc;

    c->txn = ttxn_new (&c->ns->head, c->ns->name, &c->walker.env, changed, c);
    if (!c->txn)
        return -ENOMEM;
    while ((rc = kvs_commit_next (com, &op)) == 1) {
        rc = apply_op (c, &op);
        if (rc == 0 && c->change->failed)
            rc = -ENOMEM;
        if (rc < 0) {
            explain_op (&op, rc, err);
            break;
        }
        c->kvs->stats.ops++;
    }
    if (rc == -EPROTO)
        errmsg (err, rc, "malformed transaction");
    if (rc == 0)
        ttxn_commit (c->txn);
    else if (ttxn_abort (c->txn) < 0)
        flux_log (c->kvs->h, LOG_CRIT, "out of memory while taking back a"
                  " failed commit: part of it remains");
    return rc;
}

static int decode (struct kvs *kvs, const flux_msg_t *msg,
                   struct kvs_commit *com, struct flux_msg_cred *cred,
                   struct kvsns **nsp, flux_error_t *err)
{
    const void *data;
    size_t len;
    char name[KVS_NAMESPACE_MAX + 1];
    struct kvsns *ns;
    int rc;

    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0
        || flux_msg_get_cred (msg, cred) < 0)
        return -errno;
    if (kvs_commit_begin (com, data, len) < 0)
        return errmsg (err, -EPROTO, "malformed transaction");
    memcpy (name, com->ns, com->nslen);
    name[com->nslen] = '\0';
    if (!(ns = kvsns_find (kvs, name, true)))
        return errmsg (err, -ENOTSUP, "namespace %.100s does not exist", name);
    if ((rc = kvsns_authorize (ns, *cred)) < 0)
        return errmsg (err, rc, "namespace %.100s belongs to another user",
                       name);
    *nsp = ns;
    return 0;
}

void commit_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct kvs_commit com;
    struct flux_msg_cred cred;
    flux_error_t err = { { 0 } };
    struct change ch = CHANGE_INIT;
    struct committer c = {
        .kvs = kvs, .change = &ch, .key = BUF_INIT, .text = BUF_INIT,
    };
    int rc = decode (kvs, msg, &com, &cred, &c.ns, &err);
    if (rc == 0) {
        bool empty = com.count == 0;
        kvs_walker_init (&c.walker, kvs, cred, true);
        c.record = batcher_durable (kvs->batcher) || watches_any (kvs->watches);
        ch.nomerge = kvs->nomerge || (com.flags & FLUX_KVS_NO_MERGE) != 0;
        batcher_begin (kvs->batcher, c.ns, ch.nomerge);
        rc = apply (&c, &com, &err);
        if (rc < 0)
            batcher_abort (kvs->batcher, c.ns);
        else {
            c.ns->seq += !empty;
            ch.ns = c.ns;
            ch.seq = c.ns->seq;
            ch.sync = (com.flags & FLUX_KVS_SYNC) != 0;
            if (ch.sync)
                gc_checkpoint (kvs->gc, &ch.redo);
            ch.keep_root = !(com.flags & KVS_COMMIT_NOREF) && !empty;
            kvs->stats.commits++;
            batcher_submit (kvs->batcher, &ch, h, msg, commit_request);
        }
    }
    if (rc < 0) {
        kvs->stats.failed++;
        kvs_respond_error (h, msg, rc, err.text);
    }
    change_release (&ch);
    buf_release (&c.key);
    buf_release (&c.text);
}

/* -- freezing ----------------------------------------------------------------- */

struct freezer {
    struct committer c;         /* first: changed() gets it */
    uint64_t id;
    struct buf packed;
    char *key;
};

static void frozen (void *arg, enum ttxn_change what, const char *path,
                    size_t len, const struct tnode *old,
                    const struct tnode *node, size_t from)
{
    struct freezer *f = arg;
    if (what != TTXN_SET)
        changed (arg, what, path, len, old, node, from);
    else if (batcher_durable (f->c.kvs->batcher))
        redo_freeze (&f->c.change->redo, f->c.ns->id, path, f->id, &f->packed);
    else
        redo_frozen_row (&f->c.change->redo, f->id, &f->packed);
}

/* 0, 1 if it is frozen already. */
static int find_freezable (struct kvs *kvs, const char *key,
                           struct twalk_place *place)
{
    int rc = twalk (&kvs->env, kvs->primary->head, key, false, place);
    if (rc < 0)
        return rc;
    if (place->linked || !strcmp (key, "."))
        return -EINVAL;
    if (tnode_kind (place->node) == TNODE_COLD && !tcold_mem (place->node))
        return 1;
    if (tnode_kind (place->node) == TNODE_COLD) {
        /* on its way, or it could not be written: then this is the next try */
        struct tnode *dir = tnode_ref (tcold_mem (place->node));
        tnode_unref (place->node);
        place->node = dir;
    }
    return tnode_kind (place->node) == TNODE_DIR ? 0 : -ENOTDIR;
}

static int freeze_dir (struct freezer *f, const struct tnode *dir)
{
    struct kvs *kvs = f->c.kvs;
    int rc = pack_dir (&kvs->env, dir, &f->packed);
    struct tnode *cold = rc == 0 ? batcher_new_cold (kvs->batcher, dir) : NULL;
    if (!cold)
        return rc < 0 ? rc : -ENOMEM;
    f->id = tcold_id (cold);
    batcher_begin (kvs->batcher, f->c.ns, false);
    f->c.txn = ttxn_new (&f->c.ns->head, f->c.ns->name, &kvs->env, frozen, f);
    rc = f->c.txn ? ttxn_set (f->c.txn, f->key, cold) : -ENOMEM;
    if (rc == 0 && f->c.change->redo.failed)
        rc = -ENOMEM;
    if (rc == 0) {
        ttxn_commit (f->c.txn);
        f->c.change->frozen = tnode_ref (cold);
        f->c.change->frozen_in = f->c.ns;
    }
    else {
        ttxn_abort (f->c.txn);
        batcher_abort (kvs->batcher, f->c.ns);
    }
    tnode_unref (cold);
    return rc;
}

static int freeze (struct kvs *kvs, const flux_msg_t *msg, struct change *ch,
                   flux_error_t *err)
{
    struct freezer f = {
        .c = { .kvs = kvs, .ns = kvs->primary, .change = ch },
        .packed = BUF_INIT,
    };
    struct twalk_place place = TWALK_PLACE_INIT;
    const char *key;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s}", "key", &key) < 0)
        return -errno;
    if (!(f.key = malloc (strlen (key) + 2)))
        return -ENOMEM;
    if ((rc = kvs_key_normalize (key, f.key)) == 0
        && (rc = batcher_need_store (kvs->batcher, err)) == 0
        && (rc = find_freezable (kvs, f.key, &place)) == 0)
        rc = freeze_dir (&f, place.node);
    twalk_place_release (&place);
    buf_release (&f.packed);
    free (f.key);
    if (rc < 0 && !err->text[0])
        errmsg (err, rc, "cannot freeze %.100s: %s", key, strerror (-rc));
    return rc;
}

void freeze_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    int rc = freeze (kvs, msg, &ch, &err);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text);
    else
        batcher_submit (kvs->batcher, &ch, h, msg, freeze_request);
    change_release (&ch);
}

/* -- namespaces ----------------------------------------------------------------- */

/* rootref: a blobref or a tree object; NULL: an empty directory. */
static int initial_root (struct kvs *kvs, const char *rootref,
                         struct tnode **rootp)
{
    struct tnode *n = NULL;
    int rc = 0;
    if (!rootref)
        n = tdir_new ();
    else if (rootref[0] == '{') {
        json_t *o = treeobj_decode (rootref, strlen (rootref));
        n = o ? rfc11_parse (o, ++kvs->lineage, &rc) : NULL;
        rc = o ? rc : -EINVAL;
        json_decref (o);
    }
    else
        n = tref_new (true, &rootref, 1);
    if (n && tnode_kind (n) == TNODE_REF && tnode_is_dir (n)) {
        struct tnode *dir = content_load_node (kvs->content, n, &rc);
        tnode_unref (n);
        n = dir;
    }
    if (n && tnode_kind (n) != TNODE_DIR) {
        tnode_unref (n);
        return -EINVAL;
    }
    *rootp = n;
    return n ? 0 : rc < 0 ? rc : -ENOMEM;
}

static int create (struct kvs *kvs, const flux_msg_t *msg, struct change *ch,
                   flux_error_t *err)
{
    const char *name, *rootref = NULL;
    json_int_t owner = FLUX_USERID_UNKNOWN;
    struct tnode *root;
    int flags, rc;

    if (flux_request_unpack (msg, NULL, "{s:s s?s s:I s:i}", "namespace", &name,
                             "rootref", &rootref, "owner", &owner, "flags",
                             &flags) < 0)
        return -errno;
    if (!kvs_namespace_valid (name))
        return errmsg (err, -EINVAL, "invalid namespace name");
    if (owner < 0 || owner > UINT32_MAX || flags != 0)
        return errmsg (err, -EINVAL, "invalid owner or flags");
    if (owner == FLUX_USERID_UNKNOWN)
        owner = kvs->owner;
    if ((rc = initial_root (kvs, rootref, &root)) < 0)
        return errmsg (err, rc, "rootref is not a directory that can be loaded:"
                       " %s", strerror (-rc));
    rc = kvsns_create (kvs, name, (uint32_t)owner, root, &ch->created);
    if (rc == 0 && batcher_durable (kvs->batcher))
        redo_create (&ch->redo, ch->created, root);
    tnode_unref (root);
    if (rc == -EEXIST)
        errmsg (err, rc, "namespace %.100s exists already", name);
    return rc;
}

static void finish (struct kvs *kvs, flux_t *h, const flux_msg_t *msg,
                    struct change *ch, int rc, const char *text,
                    request_f again)
{
    if (rc == 0)
        batcher_submit (kvs->batcher, ch, h, msg, again);
    else if (rc == -EAGAIN)
        batcher_later (kvs->batcher, h, msg, again);
    else
        kvs_respond_error (h, msg, rc, text);
    change_release (ch);
}

void namespace_create_request (struct kvs *kvs, flux_t *h,
                               const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    int rc = create (kvs, msg, &ch, &err);
    finish (kvs, h, msg, &ch, rc, err.text, namespace_create_request);
}

static int find_removable (struct kvs *kvs, const char *name,
                           struct kvsns **nsp, flux_error_t *err)
{
    struct kvsns *ns = kvsns_find (kvs, name, true);
    if (ns == kvs->primary)
        return errmsg (err, -ENOTSUP, "the primary namespace cannot be removed");
    if (!ns)
        return errmsg (err, -ENOTSUP, "namespace %.100s does not exist", name);
    *nsp = ns;
    return 0;
}

void namespace_remove_request (struct kvs *kvs, flux_t *h,
                               const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    const char *name;
    int rc;
    if (flux_request_unpack (msg, NULL, "{s:s}", "namespace", &name) < 0)
        rc = -errno;
    else if ((rc = find_removable (kvs, name, &ch.removed, &err)) == 0) {
        ch.removed->removed = true;
        if (batcher_durable (kvs->batcher))
            redo_remove (&ch.redo, ch.removed->id);
    }
    finish (kvs, h, msg, &ch, rc, err.text, namespace_remove_request);
}

/* The rows of the namespace move in the store, so the change at dst itself is
 * not recorded as one of all that is below. */
static void grafted (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    struct committer *c = arg;
    if (what == TTXN_SET && batcher_durable (c->kvs->batcher))
        redo_graft (&c->change->redo, c->ns->id, path, len, old, node,
                    c->change->removed);
    else if (batcher_durable (c->kvs->batcher))
        redo_change (&c->change->redo, c->ns->id, what, path, len, old, node,
                     from);
    if (what != TTXN_THAW)
        change_touch (c->change, c->ns, len > 0 ? path : ".", len > 0 ? len : 1,
                      TOUCH_BELOW);
}

static int graft (struct kvs *kvs, const flux_msg_t *msg, struct change *ch,
                  flux_error_t *err)
{
    const char *name, *dst;
    struct committer c = { .kvs = kvs, .ns = kvs->primary, .change = ch };
    struct flux_msg_cred cred;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s s:s}", "namespace", &name, "dst",
                             &dst) < 0
        || flux_msg_get_cred (msg, &cred) < 0)
        return -errno;
    if ((rc = find_removable (kvs, name, &ch->removed, err)) < 0)
        return rc;
    char *key = malloc (strlen (dst) + 2);
    if (!key)
        return -ENOMEM;
    if ((rc = kvs_key_normalize (dst, key)) < 0 || !strcmp (key, ".")) {
        free (key);
        return errmsg (err, -EINVAL, "invalid destination %.100s", dst);
    }
    kvs_walker_init (&c.walker, kvs, cred, true);
    change_touch (ch, c.ns, key, strlen (key), TOUCH_NAMED);
    batcher_begin (kvs->batcher, c.ns, false);
    c.txn = ttxn_new (&c.ns->head, c.ns->name, &c.walker.env, grafted, &c);
    rc = c.txn ? ttxn_set (c.txn, key, ch->removed->head) : -ENOMEM;
    if (rc == 0 && (ch->failed || ch->redo.failed))
        rc = -ENOMEM;
    if (rc == 0)
        ttxn_commit (c.txn);
    else {
        ttxn_abort (c.txn);
        batcher_abort (kvs->batcher, c.ns);
    }
    free (key);
    if (rc < 0)
        return errmsg (err, rc, "cannot put namespace %.60s at %.60s: %s", name,
                       dst, strerror (-rc));
    ch->removed->removed = true;
    ch->ns = c.ns;
    ch->seq = ++c.ns->seq;
    ch->keep_root = false;
    return 0;
}

void namespace_graft_request (struct kvs *kvs, flux_t *h,
                              const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    int rc = graft (kvs, msg, &ch, &err);
    finish (kvs, h, msg, &ch, rc, err.text, namespace_graft_request);
}
