/* attr.h - broker attributes (man3 flux_attr_get, flux-broker-attributes(7))
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

const char *flux_attr_cache_first (flux_t *h);

const char *flux_attr_cache_next (flux_t *h);

const char *flux_attr_get (flux_t *h, const char *name);

int flux_attr_set (flux_t *h, const char *name, const char *val);

int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val);

int flux_attr_set_ex (flux_t *h,
                      const char *name,
                      const char *val,
                      bool force,
                      flux_error_t *errp);

int flux_get_instance_starttime (flux_t *h, double *starttime);

int flux_get_rank (flux_t *h, uint32_t *rank);

int flux_get_size (flux_t *h, uint32_t *size);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_ATTR_H */
