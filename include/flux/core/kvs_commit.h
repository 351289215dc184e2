/* kvs_commit.h - committing a transaction (man3 flux_kvs_commit)
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
    FLUX_KVS_NO_MERGE = 1,
    FLUX_KVS_TXN_COMPACT = 2,
    FLUX_KVS_SYNC = 4,
};

flux_future_t *flux_kvs_commit (flux_t *h,
                                const char *ns,
                                int flags,
                                flux_kvs_txn_t *txn);

int flux_kvs_commit_get_rootref (flux_future_t *f, const char **rootref);

int flux_kvs_commit_get_sequence (flux_future_t *f, int *rootseq);

int flux_kvs_commit_get_treeobj (flux_future_t *f, const char **treeobj);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_COMMIT_H */
