/* command.h - the description of a subprocess to run (RFC 42 command object)
 */
#ifndef _FLUX_CORE_COMMAND_H
#define _FLUX_CORE_COMMAND_H

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

typedef struct flux_command flux_cmd_t;

int flux_cmd_add_channel (flux_cmd_t *cmd, const char *name);

int flux_cmd_add_message_channel (flux_cmd_t *cmd,
                                  const char *name,
                                  const char *uri);

const char *flux_cmd_arg (const flux_cmd_t *cmd, int n);

int flux_cmd_argc (const flux_cmd_t *cmd);

int flux_cmd_argv_append (flux_cmd_t *cmd, const char *arg);

int flux_cmd_argv_appendf (flux_cmd_t *cmd, const char *fmt, ...);

int flux_cmd_argv_delete (flux_cmd_t *cmd, int n);

int flux_cmd_argv_insert (flux_cmd_t *cmd, int n, const char *arg);

flux_cmd_t *flux_cmd_copy (const flux_cmd_t *cmd);

flux_cmd_t *flux_cmd_create (int argc, char *argv[], char **env);

void flux_cmd_destroy (flux_cmd_t *cmd);

int flux_cmd_env_replace (flux_cmd_t *cmd, char **env);

const char *flux_cmd_get_label (flux_cmd_t *cmd);

const char *flux_cmd_getcwd (const flux_cmd_t *cmd);

const char *flux_cmd_getenv (const flux_cmd_t *cmd, const char *name);

const char *flux_cmd_getopt (flux_cmd_t *cmd, const char *var);

int flux_cmd_set_label (flux_cmd_t *cmd, const char *label);

int flux_cmd_setcwd (flux_cmd_t *cmd, const char *cwd);

int flux_cmd_setenvf (flux_cmd_t *cmd,
                      int overwrite,
                      const char *name,
                      const char *fmt,
                      ...);

int flux_cmd_setopt (flux_cmd_t *cmd, const char *var, const char *val);

char *flux_cmd_stringify (const flux_cmd_t *cmd);

void flux_cmd_unsetenv (flux_cmd_t *cmd, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_COMMAND_H */
