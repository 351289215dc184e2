/* attr.h - broker attributes (man3 flux_attr_get, flux-broker-attributes(7))
 *
 * Strings returned are owned by the handle.  Those of immutable attributes are
 * cached and stay valid as long as the handle; others until the next
 * flux_attr_get() of the same name.
 */
#ifndef _FLUX_CORE_ATTR_H
#define _FLUX_CORE_ATTR_H

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

/* Names in the cache, in no order; NULL at the end. */
const char *flux_attr_cache_first (flux_t *h);

const char *flux_attr_cache_next (flux_t *h);

/* NULL with ENOENT if the broker has no such attribute. */
const char *flux_attr_get (flux_t *h, const char *name);

/* Set, create, or (val NULL) unset an attribute of the local broker.  EPERM if it
 * may not be changed. */
int flux_attr_set (flux_t *h, const char *name, const char *val);

/* Put a value into the cache of this handle, or (val NULL) remove it. */
int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val);

/* With force, protections are bypassed.  error (may be NULL) has the reason.
 */
int flux_attr_set_ex (flux_t *h,
                      const char *name,
                      const char *val,
                      bool force,
                      flux_error_t *errp);

/* When the leader broker started, seconds since 1970. */
int flux_get_instance_starttime (flux_t *h, double *starttime);

/* The rank of the local broker. */
int flux_get_rank (flux_t *h, uint32_t *rank);

/* The number of brokers. */
int flux_get_size (flux_t *h, uint32_t *size);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_ATTR_H */
