/* kvs_getroot.h - the root of a namespace (man3 flux_kvs_getroot)
 *
 * A reference that was given out can be loaded and looked up at for as long as
 * the instance runs.  Computing it takes time in proportion to what has changed
 * since the last time: for the version alone, flux_kvs_get_version() is cheaper.
 */
#ifndef _FLUX_CORE_KVS_GETROOT_H
#define _FLUX_CORE_KVS_GETROOT_H

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

/* flags: 0. */
flux_future_t *flux_kvs_getroot (flux_t *h, const char *ns, int flags);

/* 0, or -1 with errno; they block until the answer is there.  Strings live as long
 * as the future. */
int flux_kvs_getroot_get_blobref (flux_future_t *f, const char **blobref);

int flux_kvs_getroot_get_owner (flux_future_t *f, uint32_t *owner);

int flux_kvs_getroot_get_sequence (flux_future_t *f, int *seq);

int flux_kvs_getroot_get_treeobj (flux_future_t *f, const char **treeobj);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_GETROOT_H */
