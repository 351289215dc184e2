/* units.h - counts of a request in the units of the pools they are for
 *
 * A jobspec may say "count: 4, unit: GB" of pools that the graph has in MB.  Units are a prefix
 * (k, M, G, T, P, E, or Ki, Mi, ...) and what is counted (B, W, Hz, B/s, ...).  A step of the
 * prefix is 1024 of what begins with B (bytes), and of Ki, Mi, ...; else 1000.
 */
#ifndef GRAPH_UNITS_H
#define GRAPH_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/count.h"

/* One 'from' is num / den of 'to'; of these one is 1.  false: they count different things. */
bool units_ratio (const char *from, const char *to, int64_t *num, int64_t *den);
/* The count in other units, rounded up (its largest number down).  false: it is above COUNT_MAX
 * then, or its numbers (an idset, powers) cannot be said in the other units. */
bool units_convert (struct count *c, int64_t num, int64_t den);

#endif /* !GRAPH_UNITS_H */
