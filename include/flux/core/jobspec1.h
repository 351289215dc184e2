/* jobspec1.h - building of V1 jobspec (RFC 25)
 */
#ifndef _FLUX_CORE_JOBSPEC1_H
#define _FLUX_CORE_JOBSPEC1_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A V1 jobspec that is being built.  Paths of attributes are period-delimited: "system.x" and
 * "user.x" are below attributes, and all else is below attributes.system. */
typedef struct flux_jobspec1 flux_jobspec1_t;
typedef flux_error_t flux_jobspec1_error_t;

/* Check the attributes only.  0, or -1 with errno EINVAL and error->text. */
int flux_jobspec1_attr_check (flux_jobspec1_t *jobspec,
                              flux_jobspec1_error_t *error);

/* Delete an attribute; it is no error if it is not there.  0, or -1 with errno EINVAL. */
int flux_jobspec1_attr_del (flux_jobspec1_t *jobspec, const char *path);

/* Set an attribute to what the jansson format makes; missing objects on the way are made.  0,
 * or -1 with errno. */
int flux_jobspec1_attr_pack (flux_jobspec1_t *jobspec,
                             const char *path,
                             const char *fmt,
                             ...);

/* 0, or -1 with errno: ENOENT if there is no such attribute, EINVAL if it is of another form. */
int flux_jobspec1_attr_unpack (flux_jobspec1_t *jobspec,
                               const char *path,
                               const char *fmt,
                               ...);

/* Check it against RFC 14 and 25.  0, or -1 with errno EINVAL and error->text. */
int flux_jobspec1_check (flux_jobspec1_t *jobspec,
                         flux_jobspec1_error_t *error);

/* From JSON text, of which only that it is an object is checked.  NULL: errno, error->text
 * (may be NULL). */
flux_jobspec1_t *flux_jobspec1_decode (const char *s,
                                       flux_jobspec1_error_t *error);

/* Accepts NULL; keeps errno. */
void flux_jobspec1_destroy (flux_jobspec1_t *jobspec);

/* JSON text by jansson flags (0: compact); the caller frees.  NULL: errno. */
char *flux_jobspec1_encode (flux_jobspec1_t *jobspec, size_t flags);

/* ntasks tasks of a command, over nnodes nodes (0: wherever there is room), without a limit if
 * duration is 0.  env is a list of NAME=VALUE, or NULL.  NULL: errno (EINVAL: fewer tasks than nodes,
 * or a count or a duration below what makes sense). */
flux_jobspec1_t *flux_jobspec1_from_command (int argc,
                                             char **argv,
                                             char **env,
                                             int ntasks,
                                             int cores_per_task,
                                             int gpus_per_task,
                                             int nnodes,
                                             double duration);

/* 0, or -1 with errno; so for the functions below. */
int flux_jobspec1_set_cwd (flux_jobspec1_t *jobspec, const char *cwd);

/* Files for the standard streams of all tasks. */
int flux_jobspec1_set_stderr (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_set_stdin (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_set_stdout (flux_jobspec1_t *jobspec, const char *path);

/* A variable of the tasks' environment; kept as it is unless overwrite. */
int flux_jobspec1_setenv (flux_jobspec1_t *jobspec,
                          const char *name,
                          const char *value,
                          int overwrite);

/* No error if it is not set. */
int flux_jobspec1_unsetenv (flux_jobspec1_t *jobspec, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_JOBSPEC1_H */
