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
        if (*line && hostlist_append (hl, line) < 0) {
            shell_log_error ("taskmap hostfile: %s: '%s' is not a hostlist", path, line);
            hostlist_destroy (hl);
            hl = NULL;
            break;
        }
    }
    free (line);
    fclose (f);
    return hl;
}

/* The node of each host in the file that is one of this job's, in their order; all of the
 * job's must be there.  *countp of them; NULL with a message. */
static int *nodes_of_hosts (struct hostlist *hl, const struct hostlist *nodes, const char *path,
                            int *countp)
{
    int *list = calloc (hostlist_count (hl) + 1, sizeof (*list));
    int n = 0;

    for (const char *h = hostlist_first (hl); list && h; h = hostlist_next (hl)) {
        int node = hostlist_find ((struct hostlist *)nodes, h);
        if (node >= 0)
            list[n++] = node;
    }
    for (int i = 0; list && i < hostlist_count ((struct hostlist *)nodes); i++) {
        const char *h = hostlist_nth ((struct hostlist *)nodes, i);
        if (hostlist_find (hl, h) < 0) {
            shell_log_error ("taskmap hostfile: host '%s' of this job is not in %s", h, path);
            free (list);
            return NULL;
        }
    }
    *countp = n;
    return list;
}

/* Tasks go to the hosts in the order of the file, again from its top when it ends. */
static struct taskmap *map_hosts (const int *list, int count, const struct taskmap *def)
{
    int total = taskmap_total_ntasks (def);
    struct taskmap *map = taskmap_create ();

    for (int i = 0; map && i < total; i++) {
        if (taskmap_append (map, list[i % count], 1, 1) < 0) {
            taskmap_destroy (map);
            return NULL;
        }
    }
    return map;
}

static int hostfile_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const char *path = get_value (args);
    struct hostlist *hl = read_hostfile (path);
    int count = 0;
    int *list = hl ? nodes_of_hosts (hl, flux_shell_get_hostlist (shell), path, &count) : NULL;
    int rc = -1;

    if (list)
        rc = give_map (args, map_hosts (list, count, flux_shell_get_taskmap (shell)));
    free (list);
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
