/* read_grug.h - a graph from a recipe in GraphML (GRUG)
 *
 * The recipe's nodes are kinds of vertices, its edges say how many of a kind there
 * are below one of another (MULTIPLY), or which vertices of another subsystem an
 * existing one belongs to (ASSOCIATE_IN, ASSOCIATE_BY_PATH_IN).  The containment
 * is made first, the other subsystems in the order of their roots in the file.
 */
#ifndef GRAPH_READ_GRUG_H
#define GRAPH_READ_GRUG_H

#include <stddef.h>
#include <flux/core/types.h>

struct graph;

/* A finished graph, or NULL with errno (EINVAL, ENOMEM, EOVERFLOW: more vertices
 * than a graph may have) and err->text: line and cause. */
struct graph *read_grug (const char *s, size_t len, flux_error_t *err);

#endif /* !GRAPH_READ_GRUG_H */
