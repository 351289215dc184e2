/* jobspec.h - the one decoder of jobspec (RFC 14, RFC 25)
 *
 * A struct jobspec is immutable and reference counted (not thread safe: a
 * jobspec belongs to one thread).  It keeps the decoded JSON tree; everything
 * returned as 'const' is borrowed from it.
 */
#ifndef SPEC_JOBSPEC_H
#define SPEC_JOBSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

struct jobspec;

/* Decode and validate against RFC 14 (any version) and, where version is 1,
 * RFC 25.  On error returns NULL, errno = EINVAL, and err->text names the key
 * (as a JSON path, "resources[0].count"), what is wrong, and what is allowed.
 * Keys under attributes that RFC 14 does not name are kept.
 */
struct jobspec *jobspec_decode (const char *s, size_t len, flux_error_t *err);
struct jobspec *jobspec_from_json (json_t *o, flux_error_t *err); /* takes a ref */
struct jobspec *jobspec_ref (struct jobspec *js);
void jobspec_unref (struct jobspec *js);

const json_t *jobspec_json (const struct jobspec *js);
int jobspec_version (const struct jobspec *js);

/* The request, flattened, for every jobspec of the form RFC 25 allows
 * ([node >] slot > core [gpu]).  'simple' is false if the resources are of
 * another form (RFC 14 proper): then only the graph scheduler can read them.
 */
struct jobspec_request {
    bool simple;
    bool node_exclusive;
    int nnodes;            /* 0: no node level; any number of nodes */
    int nslots;            /* total if nnodes == 0, else a node's */
    int slots_total;       /* nslots * max (nnodes, 1) */
    int cores_per_slot;
    int gpus_per_slot;
    double duration;       /* seconds; 0 = not set (unlimited) */
    const json_t *constraints; /* attributes.system.constraints or NULL */
};
const struct jobspec_request *jobspec_request (const struct jobspec *js);

/* Tasks: per_slot or total (RFC 14 tasks[0].count).  Total number of tasks for
 * a request with 'slots_total' slots, or -1 if 'per_resource' decides. */
int jobspec_ntasks (const struct jobspec *js);
const char *jobspec_slot_label (const struct jobspec *js);
const json_t *jobspec_command (const struct jobspec *js);   /* array of string */

const char *jobspec_cwd (const struct jobspec *js);          /* or NULL */
const json_t *jobspec_environment (const struct jobspec *js);/* object or NULL */
const char *jobspec_queue (const struct jobspec *js);        /* or NULL */
/* attributes.system.job.name, else basename of command[0] (RFC 41 of names) */
const char *jobspec_name (const struct jobspec *js);
const json_t *jobspec_dependencies (const struct jobspec *js); /* array or NULL */
/* Look up "system.shell.options.pty" under attributes; NULL if absent. */
const json_t *jobspec_attr (const struct jobspec *js, const char *path);

#endif /* !SPEC_JOBSPEC_H */
