/* builtins.h - the built-in plugins of the shell, one line each
 */
#ifndef SHELL_BUILTINS_H
#define SHELL_BUILTINS_H

#include "shell/internal.h"

extern const struct shell_builtin affinity_builtin;
extern const struct shell_builtin coprocess_builtin;
extern const struct shell_builtin doom_builtin;
extern const struct shell_builtin exception_builtin;
extern const struct shell_builtin gpubind_builtin;
extern const struct shell_builtin hwloc_builtin;
extern const struct shell_builtin input_builtin;
extern const struct shell_builtin mpi_builtin;
extern const struct shell_builtin oom_builtin;
extern const struct shell_builtin output_builtin;
extern const struct shell_builtin pmi_builtin;
extern const struct shell_builtin pmix_builtin;
extern const struct shell_builtin pty_builtin;
extern const struct shell_builtin rexec_builtin;
extern const struct shell_builtin rlimit_builtin;
extern const struct shell_builtin stagein_builtin;
extern const struct shell_builtin stop_builtin;
extern const struct shell_builtin sysmon_builtin;
extern const struct shell_builtin taskmaps_builtin;
extern const struct shell_builtin timesignal_builtin;
extern const struct shell_builtin tmpdir_builtin;

#endif /* !SHELL_BUILTINS_H */
