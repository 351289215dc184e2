/* sched_simple.h - the scheduler sched-simple, for the table of built-ins
 *
 * First come, first served within priority; nodes are placed first-fit, best-fit
 * or worst-fit.  Speaks RFC 27 and RFC 28 and knows nothing else of its peers.
 */
#ifndef SCHED_SIMPLE_SCHED_SIMPLE_H
#define SCHED_SIMPLE_SCHED_SIMPLE_H

#include "core/builtin.h"

extern const struct builtin sched_simple_builtin;

#endif /* !SCHED_SIMPLE_SCHED_SIMPLE_H */
