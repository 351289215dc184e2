/* affinity.c - bind the shell and its tasks to the job's cores (shell option cpu-affinity)
 *
 * The shell binds itself, and tasks inherit that; per-task bindings go into the
 * task's command.
 */
#define FLUX_SHELL_PLUGIN_NAME "cpu-affinity"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "shell/builtins.h"
#include "shell/cpus.h"
#include "shell/internal.h"

struct affinity {
    cpu_set_t original;
    bool per_task;
    bool verbose;
    bool dry_run;
    char *map;              /* "0-1;2-3", or NULL */
};

static void affinity_free (void *arg)
{
    struct affinity *a = arg;

    free (a->map);
    free (a);
}

/* [verbose,|dry-run,]on|off|per-task|map:LIST.  1: bind, 0: off, -1: error. */
static int parse (struct affinity *a, const char *s)
{
    for (;;) {
        if (strncmp (s, "verbose,", 8) == 0) {
            a->verbose = true;
            s += 8;
        }
        else if (strncmp (s, "dry-run,", 8) == 0) {
            a->dry_run = a->verbose = true;
            s += 8;
        }
        else
            break;
    }
    if (strcmp (s, "verbose") == 0)
        a->verbose = true;
    else if (strcmp (s, "dry-run") == 0)
        a->dry_run = a->verbose = true;
    else if (strcmp (s, "off") == 0)
        return 0;
    else if (strcmp (s, "per-task") == 0)
        a->per_task = true;
    else if (strncmp (s, "map:", 4) == 0) {
        if (!(a->map = strdup (s + 4)))
            return -1;
    }
    else if (strcmp (s, "on") != 0) {
        shell_log_error ("'%s': there are on, off, per-task, map:LIST, after verbose, or dry-run,", s);
        return -1;
    }
    return 1;
}

/* {"verbose", "dry-run", "per-task": true, "map": LIST}: what dotted options make
 * (-o cpu-affinity.verbose).  As parse(). */
static int parse_object (struct affinity *a, const json_t *o)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)o, key, value) {
        bool on = json_is_true (value) || json_integer_value (value) != 0;
        bool flag = json_is_boolean (value) || json_is_integer (value);

        if (strcmp (key, "verbose") == 0 && flag)
            a->verbose |= on;
        else if (strcmp (key, "dry-run") == 0 && flag)
            a->dry_run = on;
        else if (strcmp (key, "per-task") == 0 && flag)
            a->per_task = on;
        else if (strcmp (key, "map") == 0 && json_is_string (value)) {
            free (a->map);
            if (!(a->map = strdup (json_string_value (value))))
                return -1;
        }
        else {
            shell_log_error ("%s: want a string (on, off, per-task, map:LIST), or an object "
                             "of verbose, dry-run, per-task (true), map (LIST)", key);
            return -1;
        }
    }
    a->verbose |= a->dry_run;
    return 1;
}

static void log_set (struct affinity *a, const char *what, int n, const cpu_set_t *set)
{
    char buf[256];

    if (!a->verbose)
        return;
    if (n < 0)
        shell_warn ("%s: cpuset: %s", what, cpus_format (set, buf, sizeof (buf)));
    else
        shell_warn ("%s %d: cpuset: %s", what, n, cpus_format (set, buf, sizeof (buf)));
}

static int bind_shell (struct affinity *a, flux_shell_t *shell)
{
    const struct shell_node *n = &shell->info.nodes[shell->info.shell_rank];
    cpu_set_t set;
    int rc;

    if (!n->cores || n->ncores == 0 || n->ncores == CPU_COUNT (&a->original)) {
        log_set (a, "shell", -1, &a->original);
        return 0;
    }
    if ((rc = cpus_of_cores (n->cores, &set)) == -ENOENT) {
        shell_debug ("this node has fewer cores than the job was given: no binding");
        a->per_task = false;
        return 0;
    }
    if (rc < 0)
        return rc;
    log_set (a, "shell", -1, &set);
    if (!a->dry_run && sched_setaffinity (0, sizeof (set), &set) < 0)
        return -errno;
    return 0;
}

static int affinity_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *o = shell_option (shell, "cpu-affinity");
    struct affinity *a = calloc (1, sizeof (*a));
    int rc;

    if (!a || flux_plugin_aux_set (p, "affinity", a, affinity_free) < 0) {
        free (a);
        return -1;
    }
    if (json_is_array (o)) {
        shell_log_error ("want a string: on, off, per-task, map:LIST");
        return -1;
    }
    if (sched_getaffinity (0, sizeof (a->original), &a->original) < 0)
        return -1;
    rc = json_is_object (o) ? parse_object (a, o)
                            : parse (a, json_is_string (o) ? json_string_value (o) : "on");
    if (rc <= 0)
        return rc;
    if (a->map) {
        log_set (a, "shell", -1, &a->original);
        return 0;
    }
    if ((rc = bind_shell (a, shell)) < 0) {
        shell_warn ("cannot bind to the cores of the job: %s", strerror (-rc));
        a->per_task = false;
    }
    return 0;
}

/* What one task is bound to.  1: to *set, 0: to what the shell is, -1: error. */
static int task_set (struct affinity *a, flux_shell_t *shell, int i, cpu_set_t *set)
{
    const struct shell_node *n = &shell->info.nodes[shell->info.shell_rank];
    char *entry;
    int rc;

    if (a->map) {
        if (!(entry = cpus_map_entry (a->map, i)))
            return -1;
        if ((rc = cpus_parse (entry, set)) < 0)
            shell_log_error ("map: '%s' is neither a list like 0-1 nor a mask like 0x3", entry);
        free (entry);
        return rc < 0 ? -1 : 1;
    }
    if (!a->per_task || !n->cores)
        return 0;
    return cpus_of_share (n->cores, i, shell->info.ntasks, set) < 0 ? 0 : 1;
}

/* The spawned child inherits the shell's mask at that moment: set it, and set it
 * back after (task.fork). */
static int affinity_task (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct affinity *a = flux_plugin_aux_get (p, "affinity");
    struct shell_task *task = flux_shell_current_task (shell);
    cpu_set_t set;
    int rc;

    if (!a->map && !a->per_task)
        return 0;
    sched_setaffinity (0, sizeof (a->original), &a->original);
    if ((rc = task_set (a, shell, task->localid, &set)) <= 0)
        return rc;
    log_set (a, "task", task->rank, &set);
    if (!a->dry_run && sched_setaffinity (0, sizeof (set), &set) < 0)
        shell_warn ("cannot bind task %d: %s", task->rank, strerror (errno));
    return 0;
}

static int affinity_start (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct affinity *a = flux_plugin_aux_get (p, "affinity");

    if (a->map || a->per_task)
        sched_setaffinity (0, sizeof (a->original), &a->original);
    return 0;
}

static bool affinity_wanted (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "cpu-affinity");
    const char *s = json_is_string (o) ? json_string_value (o) : "on";

    return strcmp (s, "off") != 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", affinity_init, NULL },
    { "task.init", affinity_task, NULL },
    { "shell.start", affinity_start, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin affinity_builtin = { "cpu-affinity", affinity_wanted, handlers };
