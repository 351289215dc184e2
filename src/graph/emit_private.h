/* emit_private.h - between emit.c and emit_jgf.c */
#ifndef GRAPH_EMIT_PRIVATE_H
#define GRAPH_EMIT_PRIVATE_H

#include "graph/emit.h"

/* {"graph": ...} of the parts; 'shorthand': nothing below what is exclusive. */
json_t *emit_jgf (const struct graph *g, const struct job_part *part, size_t n,
                  bool shorthand);

#endif /* !GRAPH_EMIT_PRIVATE_H */
