/* kvs_commit.h - committing a transaction (man3 flux_kvs_commit)
 *
 * All operations of the transaction are done, in order, or none.  With a state
 * directory an answered commit survives the death of any process.
 */
#ifndef _FLUX_CORE_KVS_COMMIT_H
#define _FLUX_CORE_KVS_COMMIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <flux/core/kvs_txn.h>

#include <flux/core/types.h>
#include <flux/core/kvs_txn.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kvs_commit_flags {
    FLUX_KVS_NO_MERGE = 1,    /* watchers see this commit by itself */
    FLUX_KVS_TXN_COMPACT = 2, /* join neighbouring appends to one key */
    FLUX_KVS_SYNC = 4,        /* answer when it is on the disk */
};

/* The transaction is only read; destroy it when you like.  The future's errors:
 * ENOTSUP no such namespace, EPERM it is another user's, EISDIR append to a
 * directory, EOPNOTSUPP append to a symlink, EINVAL a symlink into another
 * namespace is in the way, ELOOP, ENOSPC, ... */
flux_future_t *flux_kvs_commit (flux_t *h,
                                const char *ns,
                                int flags,
                                flux_kvs_txn_t *txn);

/* About the root that the commit made.  Each returns 0, or -1 with errno; they
 * block until the commit is answered.  The reference is computed when it is asked
 * for, by a further request; it can be had while the version is among the last
 * ones.  Strings live as long as the future. */
int flux_kvs_commit_get_rootref (flux_future_t *f, const char **rootref);

int flux_kvs_commit_get_sequence (flux_future_t *f, int *rootseq);

int flux_kvs_commit_get_treeobj (flux_future_t *f, const char **treeobj);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_COMMIT_H */
