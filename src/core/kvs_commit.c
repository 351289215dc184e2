/* kvs_commit.c - committing a transaction, and what its answer tells */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "core/kvs_proto.h"

struct commit_ctx {
    char *ns;
    char *rootref;
    char *treeobj;
};

static const char ctx_name[] = "flux::kvs_commit";

static void ctx_free (void *arg)
{
    struct commit_ctx *ctx = arg;
    if (ctx) {
        int saved_errno = errno;
        free (ctx->ns);
        free (ctx->rootref);
        free (ctx->treeobj);
        free (ctx);
        errno = saved_errno;
    }
}

static int ctx_attach (flux_future_t *f, const char *ns)
{
    struct commit_ctx *ctx = calloc (1, sizeof (*ctx));
    if (!ctx || !(ctx->ns = strdup (ns))
        || flux_future_aux_set (f, ctx_name, ctx, ctx_free) < 0) {
        ctx_free (ctx);
        return -1;
    }
    return 0;
}

static int encode (struct buf *b, const char *ns, int flags,
                   const flux_kvs_txn_t *txn)
{
    uint64_t count;
    const struct buf *ops = kvs_txn_ops (txn, &count);
    struct buf compact = BUF_INIT;
    int rc = 0;

    if ((flags & FLUX_KVS_TXN_COMPACT) && count > 1) {
        rc = kvs_txn_compact (txn, &compact, &count);
        ops = &compact;
    }
    buf_reserve (b, ops->len + 64);
    kvs_put_commit (b, flags & ~FLUX_KVS_TXN_COMPACT, ns, count);
    if (ops->len > 0)
        buf_add (b, ops->data, ops->len);
    buf_release (&compact);
    return rc < 0 || b->failed ? -ENOMEM : 0;
}

flux_future_t *flux_kvs_commit (flux_t *h, const char *ns, int flags,
                                flux_kvs_txn_t *txn)
{
    const int known = FLUX_KVS_NO_MERGE | FLUX_KVS_TXN_COMPACT | FLUX_KVS_SYNC
                      | KVS_COMMIT_NOREF;
    ns = kvs_namespace_default (ns);
    if (!h || !txn || (flags & ~known) || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    struct buf b = BUF_INIT;
    flux_future_t *f = NULL;
    int rc = encode (&b, ns, flags, txn);
    if (rc < 0)
        errno = -rc;
    else if ((f = flux_rpc_raw (h, "kvs.commit", b.data, b.len,
                                FLUX_NODEID_ANY, 0))
             && ctx_attach (f, ns) < 0) {
        flux_future_destroy (f);
        f = NULL;
    }
    int saved_errno = errno;
    buf_release (&b);
    errno = saved_errno;
    return f;
}

int flux_kvs_commit_get_sequence (flux_future_t *f, int *rootseq)
{
    return flux_rpc_get_unpack (f, "{s:i}", "rootseq", rootseq);
}

/* The service computes a root's reference only for who wants to know it. */
static struct commit_ctx *fetch_rootref (flux_future_t *f)
{
    struct commit_ctx *ctx = f ? flux_future_aux_get (f, ctx_name) : NULL;
    if (!ctx) {
        errno = EINVAL;
        return NULL;
    }
    if (ctx->rootref)
        return ctx;
    int seq;
    const char *ref;
    if (flux_kvs_commit_get_sequence (f, &seq) < 0)
        return NULL;
    flux_future_t *f2 = flux_rpc_pack (flux_future_get_flux (f), "kvs.rootref",
                                       FLUX_NODEID_ANY, 0, "{s:s s:i}",
                                       "namespace", ctx->ns, "rootseq", seq);
    if (f2 && flux_rpc_get_unpack (f2, "{s:s}", "rootref", &ref) == 0)
        ctx->rootref = strdup (ref);
    flux_future_destroy (f2);
    return ctx->rootref ? ctx : NULL;
}

int flux_kvs_commit_get_rootref (flux_future_t *f, const char **rootref)
{
    struct commit_ctx *ctx = fetch_rootref (f);
    if (!ctx)
        return -1;
    if (rootref)
        *rootref = ctx->rootref;
    return 0;
}

int flux_kvs_commit_get_treeobj (flux_future_t *f, const char **treeobj)
{
    struct commit_ctx *ctx = fetch_rootref (f);
    if (!ctx)
        return -1;
    if (!ctx->treeobj
        && asprintf (&ctx->treeobj,
                     "{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}",
                     ctx->rootref) < 0) {
        ctx->treeobj = NULL;
        errno = ENOMEM;
        return -1;
    }
    if (treeobj)
        *treeobj = ctx->treeobj;
    return 0;
}
