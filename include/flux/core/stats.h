/* stats.h - metrics
 *
 * Sent to a statsd server if FLUX_FRIPP_STATSD is set to HOST:PORT; else nothing
 * happens.  Losses are not reported.
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

/* Add to a counter. */
void flux_stats_count (flux_t *h, const char *name, ssize_t count);

/* There is a server. */
bool flux_stats_enabled (flux_t *h, const char *metric);

/* Change a gauge by a difference. */
void flux_stats_gauge_inc (flux_t *h, const char *name, ssize_t inc);

/* Set a gauge. */
void flux_stats_gauge_set (flux_t *h, const char *name, ssize_t value);

/* Seconds between datagrams (default 1); 0 sends each metric at once. */
void flux_stats_set_period (flux_t *h, double period);

/* Put "PREFIX." before each name. */
void flux_stats_set_prefix (flux_t *h, const char *fmt, ...);

/* Report a duration in milliseconds. */
void flux_stats_timing (flux_t *h, const char *name, double ms);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_STATS_H */
