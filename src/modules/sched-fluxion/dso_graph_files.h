/* dso_graph_files.h - readers that need libexpat or libyaml, as a private object
 *
 * dso_symbol ("graph_files", NAME): what the calls of those names in graph/read_grug.h,
 * readers.h and read_yaml.h do.
 */
#ifndef SCHED_FLUXION_DSO_GRAPH_FILES_H
#define SCHED_FLUXION_DSO_GRAPH_FILES_H

#include <stddef.h>
#include <jansson.h>
#include <flux/core/types.h>

struct graph;

/* 'format': "grug" or "hwloc"; 'allow' as for read_hwloc(). */
struct graph *graph_files_read (const char *s, size_t len, const char *format,
                                const char *allow, flux_error_t *err);
json_t *graph_files_yaml (const char *s, size_t len, flux_error_t *err);

#endif /* !SCHED_FLUXION_DSO_GRAPH_FILES_H */
