/* kvs_txn.c - transactions are built in the form in which they are sent */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>

#include "core/kvs_proto.h"
#include "spec/treeobj.h"

enum { KEEP_MAX = 1024 * 1024 };  /* what is kept for the next one */

struct flux_kvs_txn {
    struct buf ops;
    uint64_t count;
};

flux_kvs_txn_t *flux_kvs_txn_create (void)
{
    flux_kvs_txn_t *txn = calloc (1, sizeof (*txn));
    if (txn)
        txn->ops = (struct buf)BUF_INIT;
    return txn;
}

void flux_kvs_txn_destroy (flux_kvs_txn_t *txn)
{
    if (txn) {
        int saved_errno = errno;
        buf_release (&txn->ops);
        free (txn);
        errno = saved_errno;
    }
}

int flux_kvs_txn_clear (flux_kvs_txn_t *txn)
{
    if (!txn) {
        errno = EINVAL;
        return -1;
    }
    if (txn->ops.size > KEEP_MAX)
        buf_release (&txn->ops);
    buf_clear (&txn->ops);
    txn->count = 0;
    return 0;
}

bool flux_kvs_txn_is_empty (flux_kvs_txn_t *txn)
{
    return !txn || txn->count == 0;
}

const struct buf *kvs_txn_ops (const flux_kvs_txn_t *txn, uint64_t *count)
{
    *count = txn->count;
    return &txn->ops;
}

/* Add op under 'key', which is not normalized yet.  Only a tree object may
 * replace the root directory, and mkdir empty it. */
static int txn_add (flux_kvs_txn_t *txn, const char *key, struct kvs_txnop op)
{
    if (!txn || !key)
        return -EINVAL;
    char small[256];
    size_t size = strlen (key) + 2;
    char *norm = size <= sizeof (small) ? small : malloc (size);
    if (!norm)
        return -ENOMEM;
    int rc = kvs_key_normalize (key, norm);
    if (rc == 0 && !strcmp (norm, ".") && op.type != 't' && op.type != 'd'
        && op.type != 'c')
        rc = -EINVAL;
    if (rc == 0) {
        size_t before = txn->ops.len;
        op.key = norm;
        op.keylen = strlen (norm);
        kvs_put_op (&txn->ops, &op);
        if (txn->ops.failed) {
            txn->ops.len = before;
            txn->ops.failed = false;
            rc = -ENOMEM;
        }
        else
            txn->count++;
    }
    if (norm != small)
        free (norm);
    return rc;
}

static int result (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

int flux_kvs_txn_put_raw (flux_kvs_txn_t *txn, int flags, const char *key,
                          const void *data, size_t len)
{
    if ((flags & ~FLUX_KVS_APPEND) || (len > 0 && !data))
        return result (-EINVAL);
    struct kvs_txnop op = {
        .type = (flags & FLUX_KVS_APPEND) ? 'a' : 'p',
        .data = data,
        .len = len,
    };
    return result (txn_add (txn, key, op));
}

int flux_kvs_txn_put (flux_kvs_txn_t *txn, int flags, const char *key,
                      const char *value)
{
    return flux_kvs_txn_put_raw (txn, flags, key, value,
                                 value ? strlen (value) : 0);
}

int flux_kvs_txn_vpack (flux_kvs_txn_t *txn, int flags, const char *key,
                        const char *fmt, va_list ap)
{
    if (!txn || !key || !fmt)
        return result (-EINVAL);
    json_t *o = json_vpack_ex (NULL, 0, fmt, ap);
    if (!o)
        return result (-EINVAL);
    char *s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref (o);
    if (!s)
        return result (-ENOMEM);
    int rc = flux_kvs_txn_put (txn, flags, key, s);
    int saved_errno = errno;
    free (s);
    errno = saved_errno;
    return rc;
}

int flux_kvs_txn_pack (flux_kvs_txn_t *txn, int flags, const char *key,
                       const char *fmt, ...)
{
    va_list ap;
    va_start (ap, fmt);
    int rc = flux_kvs_txn_vpack (txn, flags, key, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_kvs_txn_mkdir (flux_kvs_txn_t *txn, int flags, const char *key)
{
    if (flags)
        return result (-EINVAL);
    return result (txn_add (txn, key, (struct kvs_txnop){ .type = 'd' }));
}

int flux_kvs_txn_unlink (flux_kvs_txn_t *txn, int flags, const char *key)
{
    if (flags)
        return result (-EINVAL);
    return result (txn_add (txn, key, (struct kvs_txnop){ .type = 'u' }));
}

int flux_kvs_txn_symlink (flux_kvs_txn_t *txn, int flags, const char *key,
                          const char *ns, const char *target)
{
    if (flags || !target || !*target || strlen (target) > KVS_KEY_MAX
        || (ns && !kvs_namespace_valid (ns)))
        return result (-EINVAL);
    struct kvs_txnop op = {
        .type = 'l',
        .ns = ns ? ns : "",
        .nslen = ns ? strlen (ns) : 0,
        .data = target,
        .len = strlen (target),
    };
    return result (txn_add (txn, key, op));
}

int flux_kvs_txn_put_treeobj (flux_kvs_txn_t *txn, int flags, const char *key,
                              const char *treeobj)
{
    if (flags || !treeobj)
        return result (-EINVAL);
    json_t *o = treeobj_decode (treeobj, strlen (treeobj));
    if (!o)
        return result (-EINVAL);
    json_decref (o);
    struct kvs_txnop op = {
        .type = 't',
        .data = treeobj,
        .len = strlen (treeobj),
    };
    return result (txn_add (txn, key, op));
}

int kvs_txn_copy (flux_kvs_txn_t *txn, const char *ns, const char *source,
                  const char *key)
{
    if (!kvs_namespace_valid (ns) || !source)
        return -EINVAL;
    char *norm = malloc (strlen (source) + 2);
    if (!norm)
        return -ENOMEM;
    int rc = kvs_key_normalize (source, norm);
    if (rc == 0) {
        struct kvs_txnop op = {
            .type = 'c',
            .ns = ns,
            .nslen = strlen (ns),
            .data = norm,
            .len = strlen (norm),
        };
        rc = txn_add (txn, key, op);
    }
    free (norm);
    return rc;
}

/* Only neighbours are joined: an operation in between may name the same place
 * through a symlink, or replace a parent. */
int kvs_txn_compact (const flux_kvs_txn_t *txn, struct buf *out, uint64_t *count)
{
    struct kvs_commit c = {
        .p = txn->ops.data,
        .end = txn->ops.data + txn->ops.len,
        .count = txn->count,
    };
    struct kvs_txnop op, held = { 0 };
    struct buf joined = BUF_INIT;
    uint64_t n = 0;

    while (kvs_commit_next (&c, &op) == 1) {
        if (op.type == 'a' && (held.type == 'a' || held.type == 'p')
            && op.keylen == held.keylen
            && !memcmp (op.key, held.key, op.keylen)) {
            if (held.data != joined.data) {
                buf_clear (&joined);
                buf_add (&joined, held.data, held.len);
            }
            buf_add (&joined, op.data, op.len);
            held.data = joined.data;
            held.len = joined.len;
            continue;
        }
        if (held.type) {
            kvs_put_op (out, &held);
            n++;
        }
        held = op;
    }
    if (held.type) {
        kvs_put_op (out, &held);
        n++;
    }
    int rc = joined.failed || out->failed ? -ENOMEM : 0;
    buf_release (&joined);
    *count = n;
    return rc;
}
