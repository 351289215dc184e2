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

typedef struct flux_jobspec1 flux_jobspec1_t;
typedef flux_error_t flux_jobspec1_error_t;

int flux_jobspec1_attr_check (flux_jobspec1_t *jobspec,
                              flux_jobspec1_error_t *error);

int flux_jobspec1_attr_del (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_attr_pack (flux_jobspec1_t *jobspec,
                             const char *path,
                             const char *fmt,
                             ...);

int flux_jobspec1_attr_unpack (flux_jobspec1_t *jobspec,
                               const char *path,
                               const char *fmt,
                               ...);

int flux_jobspec1_check (flux_jobspec1_t *jobspec,
                         flux_jobspec1_error_t *error);

flux_jobspec1_t *flux_jobspec1_decode (const char *s,
                                       flux_jobspec1_error_t *error);

void flux_jobspec1_destroy (flux_jobspec1_t *jobspec);

char *flux_jobspec1_encode (flux_jobspec1_t *jobspec, size_t flags);

flux_jobspec1_t *flux_jobspec1_from_command (int argc,
                                             char **argv,
                                             char **env,
                                             int ntasks,
                                             int cores_per_task,
                                             int gpus_per_task,
                                             int nnodes,
                                             double duration);

int flux_jobspec1_set_cwd (flux_jobspec1_t *jobspec, const char *cwd);

int flux_jobspec1_set_stderr (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_set_stdin (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_set_stdout (flux_jobspec1_t *jobspec, const char *path);

int flux_jobspec1_setenv (flux_jobspec1_t *jobspec,
                          const char *name,
                          const char *value,
                          int overwrite);

int flux_jobspec1_unsetenv (flux_jobspec1_t *jobspec, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_JOBSPEC1_H */
