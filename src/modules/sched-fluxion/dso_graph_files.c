/* dso_graph_files.c - readers that need libexpat or libyaml, as a private object
 */
#include "modules/sched-fluxion/dso_graph_files.h"

#include <string.h>

#include "graph/read_grug.h"
#include "graph/read_yaml.h"
#include "graph/readers.h"

struct graph *graph_files_read (const char *s, size_t len, const char *format,
                                const char *allow, flux_error_t *err)
{
    return !strcmp (format, "grug") ? read_grug (s, len, err) : read_hwloc (s, len, allow, err);
}

json_t *graph_files_yaml (const char *s, size_t len, flux_error_t *err)
{
    return yaml_to_json (s, len, err);
}
