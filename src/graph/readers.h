/* readers.h - a graph from R, JGF or hwloc XML, and the vertices those name
 *
 * Each returns a finished graph, or NULL with errno and err->text: the JSON path or
 * line, and the cause.
 */
#ifndef GRAPH_READERS_H
#define GRAPH_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <flux/core/types.h>

#include "graph/match.h"

struct graph;

/* R (RFC 20): cluster > node > core, gpu.  With a scheduling key of RFC 40 and
 * 'use_graph', the graph in it. */
struct graph *read_R (const json_t *R, bool use_graph, flux_error_t *err);
/* {"graph":{"nodes","edges"}} (RFC 40). */
struct graph *read_jgf (const json_t *o, flux_error_t *err);
/* The XML of "lstopo --of xml": one node.  'allow' is a comma separated list of types
 * to load: node, socket, numanode, l1cache, l2cache, l3cache, core, pu, gpu, storage, memory
 * (of each NUMA node, in MB); NULL: node, core, gpu. */
struct graph *read_hwloc (const char *s, size_t len, const char *allow,
                          flux_error_t *err);

/* The parts of g that R or JGF name, to be freed with free().  0, -EINVAL (with
 * err->text: bad, or not in g), -ENOMEM. */
int R_parts (const struct graph *g, const json_t *R, struct job_part **part, size_t *n,
             flux_error_t *err);
/* 'shorthand': what is exclusive stands for all that is below it, too. */
int jgf_parts (const struct graph *g, const json_t *o, bool shorthand,
               struct job_part **part, size_t *n, flux_error_t *err);

#endif /* !GRAPH_READERS_H */
