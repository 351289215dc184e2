/* options.c - shell options by name (flux-shell-options(7))
 *
 * Each plugin checks the values of its own.  A name that no built-in plugin has may be
 * one of a site's plugin or script: then that asks for it until the tasks have been
 * started.  What nobody has asked for by then is likely a mistake, and the user is told.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/similar.h"
#include "shell/internal.h"

/* Those with keys of their own that nobody else checks are listed with each. */
static const char *const known[] = {
    "coprocess", "coprocess-kill-timeout", "cpu-affinity", "exit-on-error", "exit-timeout",
    "gpu-affinity", "hwloc.restrict", "hwloc.xmlfile", "initrc", "input.batch-timeout",
    "input.limit", "input.stdin.path", "input.stdin.type", "mpi", "nosetpgrp", "oom.adjust",
    "output.batch-timeout", "output.client.hwm", "output.client.lwm", "output.limit",
    "output.mode", "output.stderr.buffer.type", "output.stderr.label", "output.stderr.path",
    "output.stderr.type", "output.stdout.buffer.type", "output.stdout.label",
    "output.stdout.path", "output.stdout.type", "per-resource", "pmi", "pmi-simple.exchange.k",
    "pmi-simple.nomap", "pty", "pty.capture", "pty.interactive", "pty.ranks",
    "rexec.sign-required", "rexec-shutdown-timeout", "rlimit", "signal", "signal.signum",
    "signal.timeleft", "stage-in", "stop-tasks-in-exec", "sysmon", "sysmon.period", "taskmap",
    "userrc", "verbose", NULL,
};

/* Is 'path' what 'deep' is, or is below? */
static bool holds (const char *path, const char *deep)
{
    size_t n = strlen (path);

    return strncmp (path, deep, n) == 0 && (deep[n] == '\0' || deep[n] == '.');
}

static bool is_known (const char *path)
{
    for (size_t i = 0; known[i]; i++) {
        if (strcmp (known[i], path) == 0)
            return true;
    }
    return false;
}

static bool has_keys (const char *path)
{
    for (size_t i = 0; known[i]; i++) {
        if (holds (path, known[i]) && strcmp (known[i], path) != 0)
            return true;
    }
    return false;
}

static int note (flux_shell_t *shell, const char *path, json_t *val)
{
    const char *name;
    json_t *v;
    int rc = 0;

    if (!json_is_object (val) || !has_keys (path)) {
        if (!is_known (path)
            && ((!shell->unclaimed && !(shell->unclaimed = json_object ()))
                || json_object_set (shell->unclaimed, path, val) < 0))
            rc = -ENOMEM;
        return rc;
    }
    json_object_foreach (val, name, v) {
        char deep[128];
        snprintf (deep, sizeof (deep), "%s.%s", path, name);
        if ((rc = note (shell, deep, v)) < 0)
            return rc;
    }
    return 0;
}

int shell_options_init (flux_shell_t *shell)
{
    const char *name;
    json_t *val;
    int rc = 0;

    json_object_foreach (shell->options, name, val) {
        if ((rc = note (shell, name, val)) < 0)
            return rc;
    }
    return 0;
}

/* With "a.b" for a, too: a plugin that has one key of an option has the option. */
void shell_option_claim (flux_shell_t *shell, const char *path)
{
    const char *name;
    void *next;
    json_t *val;

    json_object_foreach_safe (shell->unclaimed, next, name, val) {
        if (holds (path, name) || holds (name, path))
            json_object_del (shell->unclaimed, name);
    }
}

void shell_options_claim_all (flux_shell_t *shell)
{
    json_object_clear (shell->unclaimed);
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

static void check_verbose (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "verbose");

    if (o && !json_is_boolean (o) && !(json_is_integer (o) && json_integer_value (o) >= 0))
        shell_die (1, "option verbose: want a number: 0, 1, 2");
}

/* It is read only where there are coprocesses. */
static void check_kill_timeout (flux_shell_t *shell)
{
    double t;

    if (shell_option_duration (shell, "coprocess-kill-timeout", &t) < 0)
        shell_die (1, "option coprocess-kill-timeout: want a duration, as 10s");
}

void shell_options_check (flux_shell_t *shell)
{
    check_verbose (shell);
    check_kill_timeout (shell);
    check_pmi (shell);
}

void shell_options_warn (flux_shell_t *shell)
{
    const char *name;
    json_t *val;

    if (shell->info.shell_rank > 0)
        return;
    json_object_foreach (shell->unclaimed, name, val) {
        const char *near = similar_nearest (name, known);
        if (plugstack_has (shell->plugstack, name))
            continue;
        shell_warn ("option '%s' is not known, and no plugin asks for it%s%s%s"
                    " (flux-shell-options(7) has those that there are)",
                    name, near ? ": is '" : "", near ? near : "", near ? "' meant?" : "");
    }
}
