/* kvs_lookup.h - look-ups and watches (man3 flux_kvs_lookup)
 */
#ifndef _FLUX_CORE_KVS_LOOKUP_H
#define _FLUX_CORE_KVS_LOOKUP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/kvs_dir.h>

#ifdef __cplusplus
extern "C" {
#endif

flux_future_t *flux_kvs_lookup (flux_t *h,
                                const char *ns,
                                int flags,
                                const char *key);

int flux_kvs_lookup_cancel (flux_future_t *f);

int flux_kvs_lookup_get (flux_future_t *f, const char **value);

int flux_kvs_lookup_get_dir (flux_future_t *f, const flux_kvsdir_t **dir);

const char *flux_kvs_lookup_get_key (flux_future_t *f);

int flux_kvs_lookup_get_raw (flux_future_t *f, const void **data, size_t *len);

int flux_kvs_lookup_get_symlink (flux_future_t *f,
                                 const char **ns,
                                 const char **target);

int flux_kvs_lookup_get_treeobj (flux_future_t *f, const char **treeobj);

int flux_kvs_lookup_get_unpack (flux_future_t *f, const char *fmt, ...);

flux_future_t *flux_kvs_lookupat (flux_t *h,
                                  int flags,
                                  const char *key,
                                  const char *treeobj);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_LOOKUP_H */
