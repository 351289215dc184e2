/* gpubind.c - show each task its gpus, by the ids of R (shell option gpu-affinity)
 */
#define FLUX_SHELL_PLUGIN_NAME "gpu-affinity"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "shell/builtins.h"
#include "shell/cpus.h"
#include "shell/internal.h"

static char *ids_text (const struct idset *gpus, int first, int count)
{
    struct buf b = BUF_INIT;
    int place = 0;

    for (unsigned int id = idset_first (gpus); id != IDSET_INVALID_ID;
         id = idset_next (gpus, id), place++) {
        if (place >= first && place < first + count)
            buf_addf (&b, "%s%u", b.len ? "," : "", id);
    }
    return buf_take (&b);
}

static char *share_of_task (flux_shell_t *shell, const char *opt, int i)
{
    const struct shell_node *n = &shell->info.nodes[shell->info.shell_rank];
    int first = (long)i * n->ngpus / shell->info.ntasks;
    int next = (long)(i + 1) * n->ngpus / shell->info.ntasks;

    if (strncmp (opt, "map:", 4) == 0) {
        char *entry = cpus_map_entry (opt + 4, i);
        struct idset *ids = entry ? idset_decode (entry) : NULL;
        char *s = ids ? ids_text (ids, 0, idset_count (ids)) : NULL;
        if (!s)
            shell_log_error ("map: '%s' is not a list like 0-1", entry ? entry : "");
        idset_destroy (ids);
        free (entry);
        return s;
    }
    if (strcmp (opt, "per-task") == 0)
        return ids_text (n->gpus, first, next > first ? next - first : 1);
    return ids_text (n->gpus, 0, n->ngpus);
}

static int gpu_task (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct shell_task *task = flux_shell_current_task (shell);
    const json_t *o = shell_option (shell, "gpu-affinity");
    char *s = share_of_task (shell, json_is_string (o) ? json_string_value (o) : "on", task->localid);
    int rc;

    if (!s)
        return -1;
    rc = flux_cmd_setenvf (task->cmd, 1, "CUDA_VISIBLE_DEVICES", "%s", s);
    free (s);
    return rc < 0 ? rc : flux_cmd_setenvf (task->cmd, 0, "CUDA_DEVICE_ORDER", "PCI_BUS_ID") < 0
                         && errno != EEXIST ? -1 : 0;
}

static int gpu_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const json_t *o = shell_option (flux_plugin_get_shell (p), "gpu-affinity");
    const char *s = o ? json_string_value (o) : "on";

    if (s && (strcmp (s, "on") == 0 || strcmp (s, "per-task") == 0 || strncmp (s, "map:", 4) == 0))
        return 0;
    shell_log_error ("there are on, off, per-task, map:LIST");
    return -1;
}

static bool gpu_wanted (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "gpu-affinity");

    if (json_is_string (o) && strcmp (json_string_value (o), "off") == 0)
        return false;
    return o || shell->info.nodes[shell->info.shell_rank].ngpus > 0;
}

static const struct flux_plugin_handler gpu_handlers[] = {
    { "shell.init", gpu_init, NULL },
    { "task.init", gpu_task, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin gpubind_builtin = { "gpu-affinity", gpu_wanted, gpu_handlers };
