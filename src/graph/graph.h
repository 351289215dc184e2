/* graph.h - resources as a graph: what there is, and who has it
 *
 * The vertices of a tree are numbered depth first, so that everything below a
 * vertex is the range after it:
 *
 *    0 cluster0                     v:   0  1  2  3  4  5  6  7
 *    +- 1 node0                     end: 8  5  3  4  5  8  7  8
 *    |  +- 2 core0
 *    |  +- 3 core1                  below 1 are 2, 3, 4: up to end - 1
 *    |  '- 4 memory0 (16 GB)
 *    '- 5 node1 ...
 *
 * The first tree is the containment of hardware, the one that is matched on;
 * vertices of other subsystems (power, network, ...) form trees of their own
 * behind it, and edges between trees are a list.
 *
 * For each type the vertices are kept in order, with bits for "may have something
 * free now" and "nobody uses it now"; each inner vertex knows how much of each
 * type is below it, in total and free now.  "Now" means with regard to jobs that
 * are allocated and not cancelled, whether or not their time is up.  What holds at
 * other times is in the spans of each vertex, and in sum in a planner per type.
 *
 * Life: graph_new, graph_intern + graph_add for each vertex (parents first),
 * graph_finish; from then on the graph may be matched on (match.h).  Vertex
 * numbers are those that graph_finish() gives.  A graph belongs to one thread.
 *
 * Functions return 0 or a negative errno, with the graph unchanged on failure.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

#define GRAPH_NONE UINT32_MAX
#define GRAPH_MAX_VTX (64u << 20)

struct graph;

struct graph *graph_new (void);
void graph_free (struct graph *g);

/* Strings are kept once: 0 or a number for each (0 also if memory runs out, see
 * graph_failed(); "" is 0). */
uint32_t graph_intern (struct graph *g, const char *s);
const char *graph_str (const struct graph *g, uint32_t n);

struct vtx_spec {
    uint32_t parent;        /* number of an added vertex, or GRAPH_NONE: a root */
    uint32_t type;          /* interned; required */
    uint32_t basename;      /* interned; 0: the type */
    uint32_t name;          /* interned; 0: basename and id */
    uint32_t unit;          /* interned */
    uint32_t subsystem;     /* interned; 0: containment */
    int64_t id;             /* -1: none */
    int64_t size;           /* at least 1 */
    int64_t uniq;           /* -1: the number of the vertex */
    int32_t rank;           /* execution target; -1: none */
    bool down;
};

/* The number of the new vertex, or GRAPH_NONE with errno: EINVAL (parent, type or
 * size), ENOMEM, EOVERFLOW (GRAPH_MAX_VTX). */
uint32_t graph_add (struct graph *g, const struct vtx_spec *spec);
/* An edge that is not between a parent and a child. */
int graph_add_edge (struct graph *g, uint32_t src, uint32_t dst,
                    uint32_t subsystem, uint32_t relation);
/* What parent and child edges of a subsystem are called in JGF ("contains"). */
int graph_set_relation (struct graph *g, uint32_t child, uint32_t relation);
/* Another name than basename and id; before graph_finish(). */
int graph_set_name (struct graph *g, uint32_t v, uint32_t name);
/* Number depth first and build the tables.  If 'map' is not NULL, *map is an
 * array old number -> new number, to be freed (NULL: they are the same).
 * -EINVAL: no vertex, or the first root is not of the containment. */
int graph_finish (struct graph *g, uint32_t **map);

/* A new graph whose tree is another subsystem of g: its root, and what is reached from there
 * by edges of that subsystem, each vertex once (as at first reached, depth first) with its
 * state and properties.  It is matched on as if that were the containment.  Of the n subsystems
 * in 'aux' what leads to any of these comes along, for graph_use_aux().  NULL with errno
 * and err->text: ENOENT (no such subsystem), EINVAL (several roots), ELOOP (more than 250
 * levels), ENOMEM. */
struct graph *graph_view (const struct graph *g, const char *subsystem,
                          const char *const *aux, size_t n, flux_error_t *err);

/* Look at other subsystems, too, when matching (n = 0: no more).  A vertex to which edges of one
 * lead can be used only if one of its ways up, against these edges, to where none leads any more,
 * is up and not held exclusively.  And what a request wants in a vertex and is never below such
 * in the tree is taken from pools on its ways up, or from those that what is there leads to, if
 * those of its type lead nowhere: of the power of the panel, so much for the node.
 * What is wanted exclusively must feed nothing that another job has.  It holds until called
 * again, also when the graph grows.  -ENOENT, -EINVAL (more than 8), -ENOMEM with err->text, and
 * then none are looked at. */
int graph_use_aux (struct graph *g, const char *const *name, size_t n, flux_error_t *err);

/* Ask.  All of this is constant time, unless said otherwise. */
uint32_t graph_count (const struct graph *g);       /* vertices, all trees */
uint32_t graph_root (const struct graph *g);        /* of the containment: 0 */
uint32_t graph_parent (const struct graph *g, uint32_t v);
uint32_t graph_end (const struct graph *g, uint32_t v);
const char *graph_type (const struct graph *g, uint32_t v);
const char *graph_basename (const struct graph *g, uint32_t v);
const char *graph_unit (const struct graph *g, uint32_t v);
const char *graph_subsystem (const struct graph *g, uint32_t v);
const char *graph_relation (const struct graph *g, uint32_t v);
int64_t graph_id (const struct graph *g, uint32_t v);
int64_t graph_size (const struct graph *g, uint32_t v);
int64_t graph_uniq (const struct graph *g, uint32_t v);
/* Its own rank, or that of the nearest vertex above that has one; or -1. */
int32_t graph_rank (const struct graph *g, uint32_t v);
int32_t graph_own_rank (const struct graph *g, uint32_t v);
int graph_level (const struct graph *g, uint32_t v);
uint32_t graph_edges (const struct graph *g);
void graph_edge (const struct graph *g, uint32_t i, uint32_t *src, uint32_t *dst,
                 const char **subsystem, const char **relation);
/* Name ("core3") and path ("/tiny0/rack0/node1") into buf; the length as
 * snprintf() returns it. */
int graph_name (const struct graph *g, uint32_t v, char *buf, size_t size);
int graph_path (const struct graph *g, uint32_t v, char *buf, size_t size);
/* GRAPH_NONE if there is none.  By path it is O(children on the way), or O(levels) where ids
 * of children are in a row. */
uint32_t graph_by_path (const struct graph *g, const char *path);
uint32_t graph_by_rank (const struct graph *g, int32_t rank);
/* Vertices of a type: how many, and the i'th in order of number. */
uint32_t graph_type_count (const struct graph *g, const char *type);
uint32_t graph_type_nth (const struct graph *g, const char *type, uint32_t i);
/* Units of a type below v: in total, and free now: those that no job has, and none at all
 * if a job has v, or what v is in, exclusively.  That is O(levels). */
int64_t graph_total (const struct graph *g, uint32_t v, const char *type);
int64_t graph_free_now (const struct graph *g, uint32_t v, const char *type);

/* Up and down.  A vertex is usable if it and all above it are up. */
bool graph_is_up (const struct graph *g, uint32_t v);
bool graph_usable (const struct graph *g, uint32_t v);
int graph_set_status (struct graph *g, uint32_t v, bool up);

/* Properties: an object of strings, or NULL.  Borrowed. */
const json_t *graph_properties (const struct graph *g, uint32_t v);
int graph_set_property (struct graph *g, uint32_t v, const char *key,
                        const char *value);
int graph_remove_property (struct graph *g, uint32_t v, const char *key);

/* Add vertices to a finished graph, or take the subtree of v out, while jobs are
 * there.  Numbers of vertices change; jobs keep what they have.  Costs as much as
 * graph_finish().  'parent' of a spec is the number of a vertex as it is now, or
 * that of the i'th spec plus graph_count().
 * -EBUSY: a job has resources in what is to be removed.  -EINVAL: a bad spec, or
 * the root.  -ENOMEM: the graph can only be freed. */
int graph_grow (struct graph *g, const struct vtx_spec *spec, size_t n);
int graph_shrink (struct graph *g, uint32_t v);

#endif /* !GRAPH_GRAPH_H */
