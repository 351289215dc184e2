/* fluxion.h - the graph scheduler: three modules under Fluxion's names
 *
 *   sched-fluxion-resource      has the graph of resources; RFC 28
 *   sched-fluxion-qmanager      has the queues over it; service sched (RFC 27)
 *   sched-fluxion-feasibility   service feasibility (RFC 27)
 *
 * On rank 0 they share the graph.  On other ranks only feasibility may
 * be loaded; there it asks the next one upstream.
 */
#ifndef SCHED_FLUXION_FLUXION_H
#define SCHED_FLUXION_FLUXION_H

#include "core/builtin.h"

extern const struct builtin fluxion_resource_builtin;
extern const struct builtin fluxion_qmanager_builtin;
extern const struct builtin fluxion_feasibility_builtin;
extern const struct builtin_data fluxion_builtin_data;

#endif /* !SCHED_FLUXION_FLUXION_H */
