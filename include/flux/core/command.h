/* command.h - the description of a subprocess to run (RFC 42 command object)
 *
 * A command is a plain value: arguments, environment, working directory,
 * options, I/O channels and an optional label.  It is not thread safe.
 * Functions that return int return 0, or -1 with errno set (EINVAL for a bad
 * argument, ENOMEM, and what is noted below).  Strings that are returned as
 * 'const' belong to the command and are valid until it is changed.
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

/* Name an auxiliary I/O channel: the process finds the number of its end of a
 * socketpair in the environment variable of that name.  EEXIST if the name is
 * in use; stdin, stdout and stderr cannot be used. */
int flux_cmd_add_channel (flux_cmd_t *cmd, const char *name);

/* Name a message channel: the process finds a URI for flux_open(3) in the
 * environment variable of that name.  Messages pass between it and 'uri', which
 * is opened where the process runs. */
int flux_cmd_add_message_channel (flux_cmd_t *cmd,
                                  const char *name,
                                  const char *uri);

/* Argument n, or NULL with EINVAL if there is none. */
const char *flux_cmd_arg (const flux_cmd_t *cmd, int n);

int flux_cmd_argc (const flux_cmd_t *cmd);

int flux_cmd_argv_append (flux_cmd_t *cmd, const char *arg);

int flux_cmd_argv_appendf (flux_cmd_t *cmd, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));

int flux_cmd_argv_delete (flux_cmd_t *cmd, int n);

/* Insert before argument n; n == argc appends. */
int flux_cmd_argv_insert (flux_cmd_t *cmd, int n, const char *arg);

flux_cmd_t *flux_cmd_copy (const flux_cmd_t *cmd);

/* 'argv' (argc strings) and 'env' ("NAME=VALUE" strings up to a NULL) are
 * copied; a NULL 'env' makes the environment empty.  NULL with errno on error. */
flux_cmd_t *flux_cmd_create (int argc, char *argv[], char **env);

void flux_cmd_destroy (flux_cmd_t *cmd);

/* Replace the whole environment. */
int flux_cmd_env_replace (flux_cmd_t *cmd, char **env);

/* The label, by which a server lets the process be found (RFC 42), or NULL. */
const char *flux_cmd_get_label (flux_cmd_t *cmd);

/* NULL if not set: the process starts in the directory of the server. */
const char *flux_cmd_getcwd (const flux_cmd_t *cmd);

const char *flux_cmd_getenv (const flux_cmd_t *cmd, const char *name);

const char *flux_cmd_getopt (flux_cmd_t *cmd, const char *var);

/* NULL clears the label; the empty string is EINVAL. */
int flux_cmd_set_label (flux_cmd_t *cmd, const char *label);

int flux_cmd_setcwd (flux_cmd_t *cmd, const char *cwd);

/* EEXIST if the variable exists and 'overwrite' is zero. */
int flux_cmd_setenvf (flux_cmd_t *cmd,
                      int overwrite,
                      const char *name,
                      const char *fmt,
                      ...)
    __attribute__ ((format (printf, 4, 5)));

/* Options for the subprocess.  NAME is a stream: stdin, stdout, stderr, or a
 * channel.
 *   NAME_BUFSIZE      bytes buffered at most (suffix k, M, G); default 4M
 *   NAME_LINE_BUFFER  "true" (default): output callbacks wait for whole lines;
 *                     "false": they get data as it comes
 *   NAME_STREAM_STOP  "true": do not read output until
 *                     flux_subprocess_stream_start() is called (local only)
 * Others are kept and passed on. */
int flux_cmd_setopt (flux_cmd_t *cmd, const char *var, const char *val);

/* The arguments with spaces between them, for messages; the caller frees. */
char *flux_cmd_stringify (const flux_cmd_t *cmd);

void flux_cmd_unsetenv (flux_cmd_t *cmd, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_COMMAND_H */
