/* kvs_copy.c - copy and move are transactions of operations by reference
 *
 * Within one namespace a move is one transaction.  Between two it is a commit
 * to each, the unlink second.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "core/kvs_proto.h"

static flux_kvs_txn_t *copy_txn (const char *srcns, const char *srckey,
                                 const char *dstkey)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    if (!txn)
        return NULL;
    int rc = kvs_txn_copy (txn, srcns, srckey, dstkey);
    if (rc < 0) {
        flux_kvs_txn_destroy (txn);
        errno = -rc;
        return NULL;
    }
    return txn;
}

flux_future_t *flux_kvs_copy (flux_t *h, const char *srcns, const char *srckey,
                              const char *dstns, const char *dstkey,
                              int commit_flags)
{
    if (!h || !srckey || !dstkey) {
        errno = EINVAL;
        return NULL;
    }
    flux_kvs_txn_t *txn =
        copy_txn (kvs_namespace_default (srcns), srckey, dstkey);
    if (!txn)
        return NULL;
    flux_future_t *f = flux_kvs_commit (h, dstns, commit_flags, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

struct unlink_later {
    char *ns;
    char *key;
    int flags;
};

static void unlink_later_free (void *arg)
{
    struct unlink_later *u = arg;
    if (u) {
        free (u->ns);
        free (u->key);
        free (u);
    }
}

static flux_future_t *commit_unlink (flux_t *h, const struct unlink_later *u)
{
    flux_future_t *f = NULL;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    if (txn && flux_kvs_txn_unlink (txn, 0, u->key) == 0)
        f = flux_kvs_commit (h, u->ns, u->flags, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static void copy_done (flux_future_t *f, void *arg)
{
    struct unlink_later *u = arg;
    flux_future_t *f2;
    if (!(f2 = commit_unlink (flux_future_get_flux (f), u))
        || flux_future_continue (f, f2) < 0) {
        flux_future_continue_error (f, errno, NULL);
        flux_future_destroy (f2);
    }
    flux_future_destroy (f);
}

static flux_future_t *move_across (flux_t *h, const char *srcns,
                                   const char *srckey, const char *dstns,
                                   const char *dstkey, int flags)
{
    struct unlink_later *u = calloc (1, sizeof (*u));
    flux_future_t *f = NULL, *chain = NULL;

    if (!u)
        return NULL;
    u->flags = flags;
    if (!(u->ns = strdup (srcns)) || !(u->key = strdup (srckey))
        || !(f = flux_kvs_copy (h, srcns, srckey, dstns, dstkey, flags))
        || flux_future_aux_set (f, NULL, u, unlink_later_free) < 0) {
        unlink_later_free (u);
        flux_future_destroy (f);
        return NULL;
    }
    if (!(chain = flux_future_and_then (f, copy_done, u)))
        flux_future_destroy (f);
    return chain;
}

flux_future_t *flux_kvs_move (flux_t *h, const char *srcns, const char *srckey,
                              const char *dstns, const char *dstkey,
                              int commit_flags)
{
    if (!h || !srckey || !dstkey) {
        errno = EINVAL;
        return NULL;
    }
    srcns = kvs_namespace_default (srcns);
    dstns = kvs_namespace_default (dstns);
    if (strcmp (srcns, dstns) != 0)
        return move_across (h, srcns, srckey, dstns, dstkey, commit_flags);

    flux_kvs_txn_t *txn = copy_txn (srcns, srckey, dstkey);
    if (!txn)
        return NULL;
    flux_future_t *f = NULL;
    if (flux_kvs_txn_unlink (txn, 0, srckey) == 0)
        f = flux_kvs_commit (h, srcns, commit_flags, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}
