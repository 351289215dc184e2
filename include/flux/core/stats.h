/* stats.h - metrics
 */
#ifndef _FLUX_CORE_STATS_H
#define _FLUX_CORE_STATS_H

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

void flux_stats_count (flux_t *h, const char *name, ssize_t count);

bool flux_stats_enabled (flux_t *h, const char *metric);

void flux_stats_gauge_inc (flux_t *h, const char *name, ssize_t inc);

void flux_stats_gauge_set (flux_t *h, const char *name, ssize_t value);

void flux_stats_set_period (flux_t *h, double period);

void flux_stats_set_prefix (flux_t *h, const char *fmt, ...);

void flux_stats_timing (flux_t *h, const char *name, double ms);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_STATS_H */
