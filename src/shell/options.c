/* options.c - shell options by name (flux-shell-options(7))
 *
 * Each plugin checks the values of its own.  A name that no built-in plugin has may be
 * one of a plugin that comes later, or a mistake: it is mentioned if the user asked
 * for messages.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shell/internal.h"

static const char *const known[] = {
    "coprocess", "coprocess-kill-timeout", "cpu-affinity", "exit-on-error", "exit-timeout",
    "gpu-affinity", "hwloc", "initrc", "input", "mpi", "nosetpgrp", "oom", "output",
    "per-resource", "pmi", "pmi-simple", "pty", "rexec", "rexec-shutdown-timeout", "rlimit",
    "signal", "stage-in", "stop-tasks-in-exec", "sysmon", "taskmap", "userrc", "verbose",
};

static bool is_known (const char *name)
{
    for (size_t i = 0; i < sizeof (known) / sizeof (known[0]); i++) {
        if (strcmp (known[i], name) == 0)
            return true;
    }
    return false;
}

/* Names of the option pmi; plugins may have more, each under its own name. */
static const char *const pmis[] = { "simple", "pmi1", "pmi2", "pmix", "off", "none" };

/* Word i of the list of the option pmi.  False: there are not so many. */
static bool pmi_word (flux_shell_t *shell, int i, char *buf, size_t size)
{
    const json_t *o = shell_option (shell, "pmi");
    const char *s = o ? json_string_value (o) : "simple";

    for (; s && i > 0; i--)
        s = (s = strchr (s, ',')) ? s + 1 : NULL;
    if (!s)
        return false;
    snprintf (buf, size, "%.*s", (int)strcspn (s, ","), s);
    return true;
}

bool shell_pmi_wanted (flux_shell_t *shell, const char *name)
{
    char word[64];

    for (int i = 0; pmi_word (shell, i, word, sizeof (word)); i++) {
        if (strcmp (word, name) == 0)
            return true;
    }
    return false;
}

static bool is_pmi (flux_shell_t *shell, const char *name)
{
    for (size_t i = 0; i < sizeof (pmis) / sizeof (pmis[0]); i++) {
        if (strcmp (pmis[i], name) == 0)
            return true;
    }
    return plugstack_has (shell->plugstack, name);
}

static void check_pmi (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "pmi");
    char word[64];

    if (o && !json_is_string (o))
        shell_die (1, "option pmi: want a list of simple, pmix, off, or a plugin's name");
    for (int i = 0; pmi_word (shell, i, word, sizeof (word)); i++) {
        if (!is_pmi (shell, word))
            shell_die (1, "option pmi: there is no PMI '%s': want simple (also pmi1, pmi2), pmix,"
                          " off, or the name of a plugin that the initrc loads", word);
    }
}

void shell_options_check (flux_shell_t *shell)
{
    const char *name;
    json_t *val;

    check_pmi (shell);
    if (shell->verbose < 1)
        return;
    json_object_foreach (shell->options, name, val) {
        if (!is_known (name))
            shell_debug ("option '%s' is of no built-in plugin", name);
    }
}
