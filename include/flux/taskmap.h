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

#include <flux/core/types.h>
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

/* Deal the next nnodes * ppn tasks: ppn to each of nodeid .. nodeid+nnodes-1.
 * Adjacent blocks are folded.  0, or -1 with EINVAL, ENOMEM. */
int taskmap_append (struct taskmap *map, int nodeid, int nnodes, int ppn);

/* Do 'a' (expected) and 'b' have as many nodes, and as many tasks in all?  0, or -1 with
 * EINVAL and *errp saying where they differ. */
int taskmap_check (const struct taskmap *a,
                   const struct taskmap *b,
                   flux_error_t *errp);

/* An empty map means "mapping unknown". */
struct taskmap *taskmap_create (void);

/* Decode a JSON array, the wrapped object, a PMI-1 "(vector,...)" string or a
 * raw map "0-1;2-3".  NULL with errno and *errp on error; the caller destroys. */
struct taskmap *taskmap_decode (const char *map, flux_error_t *errp);

void taskmap_destroy (struct taskmap *map);

/* flags: 0 (JSON array) or one of enum taskmap_flags.  The caller frees. */
char *taskmap_encode (const struct taskmap *map, int flags);

/* -1 with EINVAL if the map is unknown. */
int taskmap_nnodes (const struct taskmap *map);

/* The node of a task; -1 with EINVAL, or ENOENT if there is no such task. */
int taskmap_nodeid (const struct taskmap *map, int taskid);

/* Tasks on a node; -1 with EINVAL, ENOENT. */
int taskmap_ntasks (const struct taskmap *map, int nodeid);

/* Task ids on a node, owned by the map until it changes. */
const struct idset *taskmap_taskids (const struct taskmap *map, int nodeid);

int taskmap_total_ntasks (const struct taskmap *map);

bool taskmap_unknown (const struct taskmap *map);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_TASKMAP_H */
