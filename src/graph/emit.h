/* emit.h - the resources of a job, or the whole graph, as text
 */
#ifndef GRAPH_EMIT_H
#define GRAPH_EMIT_H

#include <stdbool.h>
#include <jansson.h>

#include "base/buf.h"
#include "graph/filters.h"
#include "graph/match.h"
#include "graph/planner.h"

enum emit_format {
    EMIT_SIMPLE,            /* a line a vertex, children first */
    EMIT_PRETTY_SIMPLE,     /* the same, parents first, with words */
    EMIT_RLITE,             /* [{"rank","node","children"}] */
    EMIT_RV1,               /* R with the graph as its scheduling key */
    EMIT_RV1_NOSCHED,       /* R */
    EMIT_RV1_SHORTHAND,     /* R with the graph down to what is exclusive */
    EMIT_JGF,               /* {"graph":{"nodes","edges"}} (RFC 40) */
    EMIT_JGF_SHORTHAND,     /* the same down to what is exclusive */
};

int emit_parse_format (const char *s, enum emit_format *f);    /* or -EINVAL */
/* Append, with a newline at the end.  0 or -ENOMEM. */
int emit_parts (const struct graph *g, const struct job_part *part, size_t n,
                int64_t start, int64_t end, int nslots, enum emit_format f,
                struct buf *b);
/* The same of what was found: without a time, and with the sums of 'sums' (NULL: none)
 * where the format has a place for them: core=2/36 (used, total) at the end of a line, or
 * "agfilter" in the metadata of JGF. */
int emit_found (const struct graph *g, const struct job_part *part, size_t n,
                const struct filters *sums, enum emit_format f, struct buf *b);
int emit_job (const struct graph *g, const struct job *j, enum emit_format f,
              struct buf *b);
/* R of a job (RFC 20), with the graph (RFC 40) if 'graph'; or NULL. */
json_t *emit_R (const struct graph *g, const struct job *j, bool graph);
/* The whole graph, all subsystems; or NULL. */
json_t *emit_graph (const struct graph *g);
/* The same in the language of dot (names and relations), and as GraphML (all that a vertex
 * has but its properties).  0 or -ENOMEM. */
int emit_graph_dot (const struct graph *g, struct buf *b);
int emit_graph_graphml (const struct graph *g, struct buf *b);

#endif /* !GRAPH_EMIT_H */
