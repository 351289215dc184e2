/* command_private.h - what the subprocess code needs of a flux_cmd_t
 *
 * A command keeps its arguments and environment in the form execve(2) takes
 * them, so that starting it copies nothing.
 */
#ifndef CORE_COMMAND_PRIVATE_H
#define CORE_COMMAND_PRIVATE_H

#include <jansson.h>
#include <flux/core/types.h>
#include <flux/core/command.h>

/* NULL-terminated, borrowed, valid until the command is changed. */
char **cmd_argv (const flux_cmd_t *cmd);
char **cmd_env (const flux_cmd_t *cmd);

/* Walk the channels: NULL past the end. */
const char *cmd_channel (const flux_cmd_t *cmd, size_t n);
/* Walk the message channels: NULL past the end. */
const char *cmd_msgchan (const flux_cmd_t *cmd, size_t n, const char **uri);

/* The RFC 42 command object.  New reference, or NULL with errno. */
json_t *cmd_to_json (const flux_cmd_t *cmd);
/* Decode it.  NULL with errno = EPROTO and err->text naming the key. */
flux_cmd_t *cmd_from_json (const json_t *o, flux_error_t *err);

/* The option STREAM_NAME, e.g. "stdout" and "LINE_BUFFER", or NULL. */
const char *cmd_stream_opt (const flux_cmd_t *cmd, const char *stream,
                            const char *name);

#endif /* !CORE_COMMAND_PRIVATE_H */
