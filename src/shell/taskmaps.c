/* taskmaps.c - the task map schemes cyclic, hostfile and manual (flux-submit(1)
 * --taskmap)
 */
#define FLUX_SHELL_PLUGIN_NAME "taskmap"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/hostlist.h>
#include <flux/taskmap.h>

#include "shell/builtins.h"
#include "shell/internal.h"

/* Hand the result on; takes 'map'. */
static int give_map (flux_plugin_arg_t *args, struct taskmap *map)
{
    char *s = map ? taskmap_encode (map, TASKMAP_ENCODE_WRAPPED) : NULL;
    int rc = s ? flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "taskmap", s) : -1;

    free (s);
    taskmap_destroy (map);
    return rc;
}

static const char *get_value (flux_plugin_arg_t *args)
{
    const char *value = "";

    flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:s}", "value", &value);
    return value;
}

/* Deal 'stride' tasks to each node in turn until each has as many as in 'def'. */
static struct taskmap *make_cyclic (const struct taskmap *def, int stride)
{
    int nnodes = taskmap_nnodes (def);
    int *left = calloc (nnodes, sizeof (*left));
    struct taskmap *map = taskmap_create ();
    int todo = taskmap_total_ntasks (def);

    for (int i = 0; left && i < nnodes; i++)
        left[i] = taskmap_ntasks (def, i);
    while (left && map && todo > 0) {
        for (int i = 0; i < nnodes; i++) {
            int n = left[i] < stride ? left[i] : stride;
            if (n > 0 && taskmap_append (map, i, 1, n) < 0)
                todo = 0;
            left[i] -= n;
            todo -= n;
        }
    }
    free (left);
    return map;
}

static int cyclic_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const char *value = get_value (args);
    char *end;
    long stride = *value ? strtol (value, &end, 10) : 1;

    if (*value && (*end || stride < 1 || stride > 1000000)) {
        shell_log_error ("taskmap cyclic: stride '%s' is not a positive integer", value);
        return -1;
    }
    return give_map (args, make_cyclic (flux_shell_get_taskmap (flux_plugin_get_shell (p)), stride));
}

static int manual_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_error_t err;
    struct taskmap *map = taskmap_decode (get_value (args), &err);

    if (!map) {
        shell_log_error ("taskmap manual: %s", err.text);
        return -1;
    }
    return give_map (args, map);
}

/* One host a line; the file may hold hostlists. */
static struct hostlist *read_hostfile (const char *path)
{
    struct hostlist *hl = hostlist_create ();
    FILE *f = fopen (path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    if (!f || !hl) {
        shell_log_errno ("taskmap hostfile: %s", path);
        hostlist_destroy (hl);
        if (f)
            fclose (f);
        return NULL;
    }
    while ((n = getline (&line, &size, f)) > 0) {
        line[strcspn (line, "\r\n")] = '\0';
        if (*line && hostlist_append (hl, line) < 0)
            shell_log_error ("taskmap hostfile: %s: '%s' is not a hostlist", path, line);
    }
    free (line);
    fclose (f);
    return hl;
}

/* Tasks go to the hosts in the order of the file, again from its top while a
 * host has room. */
static struct taskmap *map_hosts (struct hostlist *hl, const struct hostlist *nodes,
                                  const struct taskmap *def)
{
    int total = taskmap_total_ntasks (def);
    struct taskmap *map = taskmap_create ();
    const char *host = hostlist_first (hl);

    for (int i = 0; map && i < total; i++) {
        int node = host ? hostlist_find ((struct hostlist *)nodes, host) : -1;
        if (node < 0) {
            shell_log_error ("taskmap hostfile: host '%s' is not in this job", host ? host : "");
            taskmap_destroy (map);
            return NULL;
        }
        if (taskmap_append (map, node, 1, 1) < 0) {
            taskmap_destroy (map);
            return NULL;
        }
        if (!(host = hostlist_next (hl)))
            host = hostlist_first (hl);
    }
    return map;
}

static int hostfile_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct hostlist *hl = read_hostfile (get_value (args));
    int rc;

    if (!hl)
        return -1;
    rc = give_map (args, map_hosts (hl, flux_shell_get_hostlist (shell),
                                    flux_shell_get_taskmap (shell)));
    hostlist_destroy (hl);
    return rc;
}

static bool taskmaps_wanted (flux_shell_t *shell)
{
    return shell_option (shell, "taskmap") != NULL;
}

static const struct flux_plugin_handler handlers[] = {
    { "taskmap.cyclic", cyclic_cb, NULL },
    { "taskmap.manual", manual_cb, NULL },
    { "taskmap.hostfile", hostfile_cb, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin taskmaps_builtin = { "taskmap", taskmaps_wanted, handlers };
