/* kvs_txn.h - a transaction (man3 flux_kvs_txn_create)
 *
 * Operations that flux_kvs_commit() does together, in order.  What is in the way
 * of a key, itself or as a part of it, is replaced.  The functions return 0, or
 * -1 with errno: EINVAL (a key or argument that cannot be, the root where only a
 * directory can be), ENAMETOOLONG (a key of more than 65535 bytes), ENOMEM; then
 * the transaction is as before.  flags: 0, or FLUX_KVS_APPEND for values.
 */
#ifndef _FLUX_CORE_KVS_TXN_H
#define _FLUX_CORE_KVS_TXN_H

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

typedef struct flux_kvs_txn flux_kvs_txn_t;

/* Forget all operations. */
int flux_kvs_txn_clear (flux_kvs_txn_t *txn);

/* NULL with ENOMEM. */
flux_kvs_txn_t *flux_kvs_txn_create (void);

void flux_kvs_txn_destroy (flux_kvs_txn_t *txn);

bool flux_kvs_txn_is_empty (flux_kvs_txn_t *txn);

/* An empty directory. */
int flux_kvs_txn_mkdir (flux_kvs_txn_t *txn, int flags, const char *key);

/* A value that is JSON text, by json_pack() format. */
int flux_kvs_txn_pack (flux_kvs_txn_t *txn,
                       int flags,
                       const char *key,
                       const char *fmt,
                       ...);

/* A string, without its NUL; NULL is the empty value. */
int flux_kvs_txn_put (flux_kvs_txn_t *txn,
                      int flags,
                      const char *key,
                      const char *value);

int flux_kvs_txn_put_raw (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const void *data,
                          size_t len);

/* An RFC 11 object in JSON.  Only the instance owner may refer to content. */
int flux_kvs_txn_put_treeobj (flux_kvs_txn_t *txn,
                              int flags,
                              const char *key,
                              const char *treeobj);

/* A symbolic link to target, in ns or (NULL) the same namespace. */
int flux_kvs_txn_symlink (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const char *ns,
                          const char *target);

/* Remove the key and all below it, if it is there. */
int flux_kvs_txn_unlink (flux_kvs_txn_t *txn, int flags, const char *key);

int flux_kvs_txn_vpack (flux_kvs_txn_t *txn,
                        int flags,
                        const char *key,
                        const char *fmt,
                        va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_TXN_H */
