/* emit_private.h - between emit.c and emit_jgf.c */
#ifndef GRAPH_EMIT_PRIVATE_H
#define GRAPH_EMIT_PRIVATE_H

#include "graph/emit.h"

/* {"graph": ...} of the parts; 'shorthand': nothing below what is exclusive; 'sums': NULL, or
 * what "agfilter" is to say. */
json_t *emit_jgf (const struct graph *g, const struct job_part *part, size_t n,
                  bool shorthand, const struct filters *sums);

/* Call fn for each edge: of the trees, then the others. */
typedef void (*emit_edge_f) (void *arg, const struct graph *g, uint32_t src, uint32_t dst,
                             const char *subsystem, const char *relation);
void emit_each_edge (const struct graph *g, emit_edge_f fn, void *arg);

#endif /* !GRAPH_EMIT_PRIVATE_H */
