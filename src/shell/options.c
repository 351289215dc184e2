/* options.c - shell options by name (flux-shell-options(7))
 *
 * Each plugin checks the values of its own.  A name that no built-in plugin has may be
 * one of a plugin that comes later, or a mistake: it is mentioned if the user asked
 * for messages.
 */
#include <stddef.h>
#include <string.h>

#include "shell/internal.h"

static const char *const known[] = {
    "coprocess", "coprocess-kill-timeout", "cpu-affinity", "exit-on-error", "exit-timeout",
    "gpu-affinity", "hwloc", "initrc", "input", "mpi", "nosetpgrp", "oom", "output",
    "per-resource", "pmi", "pmi-simple", "pty", "rexec", "rexec-shutdown-timeout", "rlimit",
    "signal", "stop-tasks-in-exec", "sysmon", "taskmap", "userrc", "verbose",
};

static bool is_known (const char *name)
{
    for (size_t i = 0; i < sizeof (known) / sizeof (known[0]); i++) {
        if (strcmp (known[i], name) == 0)
            return true;
    }
    return false;
}

void shell_options_check (flux_shell_t *shell)
{
    const char *name;
    json_t *val;

    if (shell_option (shell, "stage-in"))
        shell_die (1, "option stage-in is not supported: there are no archives (flux-archive(1))"
                      " in this version");
    if (shell->verbose < 1)
        return;
    json_object_foreach (shell->options, name, val) {
        if (!is_known (name))
            shell_debug ("option '%s' is of no built-in plugin", name);
    }
}
