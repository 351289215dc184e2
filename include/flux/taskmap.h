/* taskmap.h - which task runs on which node (RFC 34)
 */
#ifndef _FLUX_TASKMAP_H
#define _FLUX_TASKMAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>
#include <flux/idset.h>

struct taskmap;

#ifdef __cplusplus
extern "C" {
#endif

enum taskmap_flags {
    TASKMAP_ENCODE_WRAPPED = 1,
    TASKMAP_ENCODE_PMI = 2,
    TASKMAP_ENCODE_RAW = 4,
    TASKMAP_ENCODE_RAW_DERANGED = 8,
};

int taskmap_append (struct taskmap *map, int nodeid, int nnodes, int ppn);

int taskmap_check (const struct taskmap *a,
                   const struct taskmap *b,
                   flux_error_t *errp);

struct taskmap *taskmap_create (void);

struct taskmap *taskmap_decode (const char *map, flux_error_t *errp);

void taskmap_destroy (struct taskmap *map);

char *taskmap_encode (const struct taskmap *map, int flags);

int taskmap_nnodes (const struct taskmap *map);

int taskmap_nodeid (const struct taskmap *map, int taskid);

int taskmap_ntasks (const struct taskmap *map, int nodeid);

const struct idset *taskmap_taskids (const struct taskmap *map, int nodeid);

int taskmap_total_ntasks (const struct taskmap *map);

bool taskmap_unknown (const struct taskmap *map);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_TASKMAP_H */
