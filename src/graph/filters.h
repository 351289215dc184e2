/* filters.h - prune filters: of which types, below which, sums are told
 *
 *   ALL:core,rack:node      of cores below every vertex, of nodes below racks
 *
 * A match needs none of it: the graph keeps the sums of the first types at all levels
 * (graph_private.h).  They say what find shows with agfilter=true.
 */
#ifndef GRAPH_FILTERS_H
#define GRAPH_FILTERS_H

#include <stdint.h>
#include <flux/core/types.h>

struct graph;
struct filters;

#define FILTERS_DEFAULT "ALL:core,ALL:node"

/* NULL with errno (EINVAL, ENOMEM) and err->text: what was expected, and where. */
struct filters *filters_parse (const char *s, flux_error_t *err);
void filters_free (struct filters *f);

/* Call fn for each type that is told of v and occurs below it, in the order of the filters:
 * how much of it is there, and how much of that jobs have now. */
typedef void (*filter_f) (void *arg, const char *type, int64_t used, int64_t total);
void filters_each (const struct filters *f, const struct graph *g, uint32_t v,
                   filter_f fn, void *arg);

#endif /* !GRAPH_FILTERS_H */
