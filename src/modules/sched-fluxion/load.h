/* load.h - the graph of an instance, from R (RFC 20, RFC 40)
 */
#ifndef SCHED_FLUXION_LOAD_H
#define SCHED_FLUXION_LOAD_H

#include <jansson.h>
#include <flux/core/types.h>

struct graph;
struct rset;

/* From R as resource.acquire tells it; 'all' is the same, decoded.  If it has a graph
 * in its scheduling key, that, with the ranks of this instance: R of an enclosing
 * instance names those of its own brokers, and may leave out what is below nodes that
 * were given whole.  NULL with errno and err->text. */
struct graph *load_R (const json_t *R, const struct rset *all, flux_error_t *err);
/* From a file, in the format rv1exec (or rv1exec_force), jgf, grug or hwloc ('allow': types to load of
 * the last, or NULL). */
struct graph *load_file (const char *path, const char *format, const char *allow,
                         flux_error_t *err);

#endif /* !SCHED_FLUXION_LOAD_H */
