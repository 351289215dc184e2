/* kvs.h - the key value store (RFC 11; man3 flux_kvs_namespace_create)
 */
#ifndef _FLUX_CORE_KVS_H
#define _FLUX_CORE_KVS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kvs_op {
    FLUX_KVS_READDIR = 1,
    FLUX_KVS_READLINK = 2,
    FLUX_KVS_WATCH = 4,
    FLUX_KVS_WAITCREATE = 8,
    FLUX_KVS_TREEOBJ = 16,
    FLUX_KVS_APPEND = 32,
    FLUX_KVS_WATCH_FULL = 64,
    FLUX_KVS_WATCH_UNIQ = 128,
    FLUX_KVS_WATCH_APPEND = 256,
    FLUX_KVS_STREAM = 512,
    FLUX_KVS_WATCH_INITIAL_SENTINEL = 1024,
};

#define KVS_PRIMARY_NAMESPACE "primary"

int flux_kvs_get_version (flux_t *h, const char *ns, int *versionp);

flux_future_t *flux_kvs_namespace_create (flux_t *h,
                                          const char *ns,
                                          uint32_t owner,
                                          int flags);

flux_future_t *flux_kvs_namespace_create_with (flux_t *h,
                                               const char *ns,
                                               const char *rootref,
                                               uint32_t owner,
                                               int flags);

flux_future_t *flux_kvs_namespace_remove (flux_t *h, const char *ns);

int flux_kvs_wait_version (flux_t *h, const char *ns, int version);

#ifdef __cplusplus
}
#endif

#include <flux/core/kvs_dir.h>
#include <flux/core/kvs_lookup.h>
#include <flux/core/kvs_getroot.h>
#include <flux/core/kvs_txn.h>
#include <flux/core/kvs_commit.h>
#include <flux/core/kvs_copy.h>

#endif /* !_FLUX_CORE_KVS_H */
