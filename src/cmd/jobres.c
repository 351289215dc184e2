/* jobres.c - how much a job wants (flux-submit(1), JOB PARAMETERS)
 *
 *   [node:N >] slot:S label=task > core:C [gpu:G]
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/jobopts.h"
#include "cmd/jobres.h"

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option task_options[] = {
    OPT ("nodes", 'N', "N", "Number of nodes to allocate"),
    OPT ("exclusive", 'x', NULL, "With -N, --nodes, allocate nodes exclusively"),
    OPT ("ntasks", 'n', "N", "Number of tasks to start"),
    OPT ("cores-per-task", 'c', "N", "Number of cores to allocate per task"),
    OPT ("gpus-per-task", 'g', "N", "Number of GPUs to allocate per task"),
    OPT ("cores", 0, "N", "Request a total number of cores"),
    OPT ("tasks-per-node", 0, "N", "Force number of tasks per node"),
    OPT ("tasks-per-core", 0, "N", "Force number of tasks per core"),
    OPT ("gpus-per-node", 0, "N", "Request N GPUs per node with --nodes"),
    OPT ("taskmap", 0, "SCHEME[:VALUE]", "Select the scheme for mapping task ids to nodes"),
    OPTPARSE_TABLE_END,
};

static const struct optparse_option slot_options[] = {
    OPT ("nslots", 'n', "N", "Number of total resource slots requested"),
    OPT ("cores-per-slot", 'c', "N", "Number of cores to allocate per slot"),
    OPT ("gpus-per-slot", 'g', "N", "Number of GPUs to allocate per slot"),
    OPT ("nodes", 'N', "N", "Distribute allocated resource slots across N individual nodes"),
    OPT ("exclusive", 'x', NULL, "With -N, --nodes, allocate nodes exclusively"),
    OPTPARSE_TABLE_END,
};

const struct optparse_option *jobres_options (enum jobopts_kind kind)
{
    return kind == JOBOPTS_TASKS ? task_options : slot_options;
}

/* Option value in [min, INT_MAX], or 'def' if it is not given. */
static int number (optparse_t *p, const char *name, int min, int def)
{
    const char *s = optparse_get_str (p, name, NULL);
    char *end;
    long n;

    if (!s)
        return def;
    errno = 0;
    n = strtol (s, &end, 10);
    if (*end || end == s || errno || n > INT_MAX)
        cmd_die (1, "--%s=%s: want an integer of at most %d", name, s, INT_MAX);
    if (n < min)
        cmd_die (1, "--%s=%s: want at least %d", name, s, min);
    return n;
}

static json_t *make_slot (int count, int cores, int gpus)
{
    json_t *with = json_pack ("[{s:s s:i}]", "type", "core", "count", cores);

    if (gpus > 0)
        json_array_append_new (with, json_pack ("{s:s s:i}", "type", "gpu", "count", gpus));
    return json_pack ("{s:s s:i s:o s:s}", "type", "slot", "count", count, "with", with,
                      "label", "task");
}

static json_t *make_resources (int nodes, bool exclusive, json_t *slot)
{
    json_t *node;

    if (nodes == 0)
        return json_pack ("[o]", slot);
    node = json_pack ("{s:s s:i s:[o]}", "type", "node", "count", nodes, "with", slot);
    if (exclusive)
        json_object_set_new (node, "exclusive", json_true ());
    return json_pack ("[o]", node);
}

/* n slots of so many cores, on 'nodes' nodes if that is not 0. */
static json_t *per_task (int nodes, bool exclusive, int n, int cores, int gpus, json_t **countp)
{
    int slots = nodes > 0 ? (n + nodes - 1) / nodes : n;

    if (nodes > 0 && n % nodes != 0)
        *countp = json_pack ("{s:i}", "total", n);
    else
        *countp = json_pack ("{s:i}", "per_slot", 1);
    return make_resources (nodes, exclusive, make_slot (slots, cores, gpus));
}

static bool any_option (optparse_t *p, const char *const *names, const char **which)
{
    for (; *names; names++) {
        if (optparse_hasopt (p, *names)) {
            *which = *names;
            return true;
        }
    }
    return false;
}

/* --cores, --tasks-per-node, --tasks-per-core, --gpus-per-node */
static json_t *per_resource (optparse_t *p, json_t **countp, json_t *options)
{
    int nodes = number (p, "nodes", 1, 0);
    int cores = number (p, "cores", 1, 0);
    int per_node = number (p, "tasks-per-node", 1, 0);
    int per_core = number (p, "tasks-per-core", 1, 0);
    int gpus = number (p, "gpus-per-node", 0, 0);
    bool exclusive = optparse_hasopt (p, "exclusive") || (nodes > 0 && cores == 0);
    json_t *o;

    if (nodes == 0 && cores == 0)
        cmd_die (1, "--tasks-per-node, --tasks-per-core and --gpus-per-node need --nodes or --cores");
    if (gpus > 0 && nodes == 0)
        cmd_die (1, "--gpus-per-node needs --nodes");
    if (per_node > 0 && per_core > 0)
        cmd_die (1, "--tasks-per-node and --tasks-per-core exclude one another");
    if (nodes > 0 && cores > 0 && cores % nodes != 0)
        cmd_die (1, "--cores=%d is not a multiple of --nodes=%d", cores, nodes);
    o = per_node > 0 ? json_pack ("{s:s s:i}", "type", "node", "count", per_node)
                     : json_pack ("{s:s s:i}", "type", "core", "count", per_core > 0 ? per_core : 1);
    json_object_set_new (options, "per-resource", o);
    *countp = json_pack ("{s:i}", "per_slot", 1);
    if (nodes == 0)
        return make_resources (0, false, make_slot (cores, 1, 0));
    return make_resources (nodes, exclusive,
                           make_slot (1, cores > 0 ? cores / nodes : 1, gpus));
}

static json_t *task_resources (optparse_t *p, json_t **countp, json_t *options)
{
    static const char *const resource_names[] = {
        "cores", "tasks-per-node", "tasks-per-core", "gpus-per-node", NULL,
    };
    static const char *const task_names[] = { "ntasks", "cores-per-task", "gpus-per-task", NULL };
    int nodes = number (p, "nodes", 1, 0);
    bool exclusive = optparse_hasopt (p, "exclusive");
    const char *a;
    const char *b;
    int n;

    if (exclusive && nodes == 0)
        cmd_die (1, "--exclusive needs --nodes");
    if (any_option (p, resource_names, &a)) {
        if (any_option (p, task_names, &b))
            cmd_die (1, "--%s (per resource) and --%s (per task) exclude one another", a, b);
        return per_resource (p, countp, options);
    }
    if (nodes > 0 && !optparse_hasopt (p, "ntasks"))
        exclusive = true;
    n = number (p, "ntasks", 1, nodes > 0 ? nodes : 1);
    if (nodes > n)
        cmd_die (1, "--nodes=%d is more than --ntasks=%d: a node without a task", nodes, n);
    return per_task (nodes, exclusive, n, number (p, "cores-per-task", 1, 1),
                     number (p, "gpus-per-task", 0, 0), countp);
}

static json_t *slot_resources (optparse_t *p, json_t **countp, json_t *options)
{
    int nodes = number (p, "nodes", 1, 0);
    int slots = number (p, "nslots", 1, 0);
    bool exclusive = optparse_hasopt (p, "exclusive");
    json_t *o;

    if (slots == 0 && nodes == 0)
        cmd_die (1, "Number of slots to allocate must be specified: give --nslots or --nodes");
    if (exclusive && nodes == 0)
        cmd_die (1, "--exclusive needs --nodes");
    if (slots == 0) {
        slots = nodes;
        exclusive = true;
    }
    if (nodes > slots)
        cmd_die (1, "--nodes=%d is more than --nslots=%d", nodes, slots);
    o = per_task (nodes, exclusive, slots, number (p, "cores-per-slot", 1, 1),
                  number (p, "gpus-per-slot", 0, 0), countp);
    json_object_set_new (options, "per-resource", json_pack ("{s:s}", "type", "node"));
    json_object_set_new (options, "exit-timeout", json_string ("none"));
    json_object_set_new (options, "mpi", json_string ("none"));
    return o;
}

json_t *jobres_make (optparse_t *p, enum jobopts_kind kind, json_t **countp, json_t *options)
{
    return kind == JOBOPTS_TASKS ? task_resources (p, countp, options)
                                 : slot_resources (p, countp, options);
}
