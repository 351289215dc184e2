/* builtins.c - the built-in plugins, in the order they are loaded
 */
#include "shell/builtins.h"
#include "shell/internal.h"

const struct shell_builtin *const shell_builtins[] = {
    &taskmaps_builtin,
    &mpi_builtin,           /* before there is a folder of the job */
    &tmpdir_builtin,
    &stagein_builtin,
    &pty_builtin,
    &output_builtin,
    &input_builtin,
    &pmi_builtin,
    &pmix_builtin,
    &rexec_builtin,
    &rlimit_builtin,
    &hwloc_builtin,         /* before this process is bound */
    &affinity_builtin,
    &gpubind_builtin,
    &oom_builtin,
    &timesignal_builtin,
    &doom_builtin,
    &stop_builtin,
    &sysmon_builtin,
    &coprocess_builtin,
    &exception_builtin,     /* last: it looks at what the others handle */
    NULL,
};
