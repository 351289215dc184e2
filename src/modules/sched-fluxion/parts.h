/* parts.h - what jobs have in the graph, and R (RFC 20), one from the other
 */
#ifndef SCHED_FLUXION_PARTS_H
#define SCHED_FLUXION_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "graph/match.h"
#include "modules/sched-fluxion/shared.h"

struct rset;
struct idset;

/* Nodes with the cores and gpus among the parts, and their properties; of a node that
 * was taken alone, all it has.  No times.  NULL with errno: EINVAL (err->text: no node
 * with a rank is among them), ENOMEM. */
struct rset *parts_to_rset (const struct graph *g, const struct job_part *part, size_t n,
                            flux_error_t *err);
/* The vertices that R names, without those of the ranks 'freed' (may be NULL): by its
 * scheduling key if that is of this graph, else by ranks and ids.  Caller frees *part. */
int parts_from_rset (const struct graph *g, const struct rset *R, const struct idset *freed,
                     struct job_part **part, size_t *n, flux_error_t *err);
/* The nodes of R; *v to be freed.  Ranks that are not there are left out. */
int parts_nodes (const struct graph *g, const struct rset *R, uint32_t **v, size_t *n);

/* All nodes with a rank, as parts_to_rset(); none: an empty set.  NULL: no memory. */
struct rset *parts_whole (const struct graph *g);

/* What all allocated jobs have; what is down.  NULL: no memory. */
struct rset *parts_allocated (const struct fluxion *fx);
struct rset *parts_down (const struct fluxion *fx);

#endif /* !SCHED_FLUXION_PARTS_H */
