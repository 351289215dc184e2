/* fuzz_kvs_commit.c - any bytes as the payload of kvs.commit
 *
 * What is read is written back as the same bytes.  It is applied to a tree as a
 * commit is, once to be taken back and once to stay: the first must leave the
 * tree as it was.  What the tree then is must survive being packed.
 */
#include <errno.h>
#include <stdint.h>

#include "core/kvs_proto.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/ttxn.h"
#include "tests/fuzz/fuzz.h"

static struct tnode *no_load (void *arg, const struct tnode *n, int *rc)
{
    (void)arg;
    (void)n;
    *rc = -EIO;
    return NULL;
}

static const struct tnode *no_root (void *arg, const char *ns, int *rc)
{
    (void)arg;
    (void)ns;
    *rc = -ENOTSUP;
    return NULL;
}

static const struct twalk_env env = { no_load, no_root, NULL };

static void changed (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    (void)arg;
    (void)what;
    (void)old;
    (void)from;
    FUZZ_CHECK (strlen (path) == len && node != NULL);
}

static struct tnode *node_of (const struct kvs_txnop *op, uint64_t lineage)
{
    if (op->type == 'd')
        return tdir_new ();
    if (op->type != 'l')
        return tval_new (op->data, op->len, lineage);
    char *target = strndup (op->data, op->len);
    char *ns = op->nslen > 0 ? strndup (op->ns, op->nslen) : NULL;
    struct tnode *n = target ? tlink_new (ns, target) : NULL;
    free (target);
    free (ns);
    return n;
}

static void apply (struct ttxn *t, struct kvs_commit c)
{
    struct kvs_txnop op;
    uint64_t lineage = 0;
    while (kvs_commit_next (&c, &op) == 1) {
        char *key = strndup (op.key, op.keylen);
        FUZZ_CHECK (key != NULL);
        if (op.type == 'a')
            (void)ttxn_append (t, key, op.data, op.len, ++lineage);
        else if (op.type == 'u')
            (void)ttxn_unlink (t, key);
        else {
            struct tnode *n = node_of (&op, ++lineage);
            FUZZ_CHECK (n != NULL);
            (void)ttxn_set (t, key, n);
            tnode_unref (n);
        }
        free (key);
    }
}

static struct buf packed (const struct tnode *root)
{
    struct buf b = BUF_INIT;
    FUZZ_CHECK (pack_dir (&env, root, &b) == 0);
    return b;
}

static bool same (const struct buf *a, const struct buf *b)
{
    return a->len == b->len && !memcmp (a->data, b->data, a->len);
}

static void write_back (struct kvs_commit c, const uint8_t *data, size_t size)
{
    struct buf b = BUF_INIT;
    struct kvs_txnop op;
    char ns[KVS_NAMESPACE_MAX + 1];
    int rc;
    memcpy (ns, c.ns, c.nslen);
    ns[c.nslen] = '\0';
    kvs_put_commit (&b, (int)c.flags, ns, c.count);
    while ((rc = kvs_commit_next (&c, &op)) == 1)
        kvs_put_op (&b, &op);
    /* numbers may come with more bytes than they need */
    FUZZ_CHECK (rc != 0 || b.len <= size);
    if (rc == 0 && b.len == size)
        FUZZ_CHECK (!memcmp (b.data, data, size));
    buf_release (&b);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct kvs_commit c;
    if (kvs_commit_begin (&c, data, size) < 0)
        return 0;
    write_back (c, data, size);

    struct tnode *root = tdir_new ();
    FUZZ_CHECK (root != NULL);
    struct ttxn *t = ttxn_new (&root, "primary", &env, changed, NULL);
    apply (t, c);
    FUZZ_CHECK (ttxn_abort (t) == 0);
    FUZZ_CHECK (tdir_count (root) == 0);

    t = ttxn_new (&root, "primary", &env, changed, NULL);
    apply (t, c);
    ttxn_commit (t);
    struct buf before = packed (root);
    t = ttxn_new (&root, "primary", &env, changed, NULL);
    apply (t, c);
    FUZZ_CHECK (ttxn_abort (t) == 0);
    struct buf after = packed (root);
    FUZZ_CHECK (same (&before, &after));

    int rc;
    struct tnode *back = unpack_dir (before.data, before.len, &rc);
    FUZZ_CHECK (back != NULL);
    struct buf again = packed (back);
    FUZZ_CHECK (same (&before, &again));
    tnode_unref (back);
    tnode_unref (root);
    buf_release (&before);
    buf_release (&after);
    buf_release (&again);

    /* and any bytes as what is packed */
    if ((back = unpack_dir (data, size, &rc)))
        tnode_unref (back);
    return 0;
}
