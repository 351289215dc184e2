/* jobspec_tasks.c - the tasks of a jobspec
 */
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "spec/jobspec_impl.h"

static int decode_command (struct decoder *d, const struct path *p,
                           const json_t *value, bool first)
{
    size_t index;
    json_t *o;

    if (json_is_string (value) && d->js->version == 1) {
        if (!(d->js->command_array = json_pack ("[O]", value)))
            return errmsg (d->err, -ENOMEM, "out of memory");
        value = d->js->command_array;
    }
    if (json_array_size (value) == 0)
        return jobspec_bad (d, p, "must be an array of at least one string");
    json_array_foreach ((json_t *)value, index, o) {
        if (!json_is_string (o))
            return jobspec_bad (d, path_index (p, index), "must be a string");
    }
    if (first)
        d->js->command = value;
    return 0;
}

static int decode_per_resource (struct decoder *d, const struct path *p,
                                const json_t *o)
{
    int count;

    if (d->js->version == 1)
        return jobspec_bad (d, p, "is not allowed in version 1: expected per_slot or total");
    if (!json_is_object (o))
        return jobspec_bad (d, p, "must be an object");
    if (!json_is_string (json_object_get (o, "type")))
        return jobspec_bad (d, path_key (p, "type"), "must be a string");
    return jobspec_decode_positive (d, path_key (p, "count"), json_object_get (o, "count"), &count);
}

static int check_v1_tasks (struct decoder *d, const struct path *p, int per_slot,
                           int total)
{
    if (per_slot > 1)
        return jobspec_bad (d, path_key (p, "per_slot"), "must be 1 in version 1");
    if (total > 0 && total < d->js->req.nnodes)
        return jobspec_bad (d, path_key (p, "total"), "%d tasks are fewer than the %d nodes "
                    "requested", total, d->js->req.nnodes);
    return 0;
}

static int decode_task_count (struct decoder *d, const struct path *p,
                              const json_t *o, bool first)
{
    int per_slot = 0, total = 0, rc;
    const char *key;
    json_t *value;

    if (json_object_size (o) != 1)
        return jobspec_bad (d, p, "must be an object with one key: per_slot, per_resource or "
                    "total");
    json_object_foreach ((json_t *)o, key, value) {
        const struct path *kp = path_key (p, key);

        if (strcmp (key, "per_slot") == 0)
            rc = jobspec_decode_positive (d, kp, value, &per_slot);
        else if (strcmp (key, "total") == 0)
            rc = jobspec_decode_positive (d, kp, value, &total);
        else if (strcmp (key, "per_resource") == 0)
            rc = decode_per_resource (d, kp, value);
        else
            rc = jobspec_unknown_key (d, p, key, "per_slot, per_resource or total");
        if (rc < 0)
            return rc;
    }
    if (d->js->version == 1 && (rc = check_v1_tasks (d, p, per_slot, total)) < 0)
        return rc;
    if (first) {
        d->js->per_slot = per_slot;
        d->js->total = total;
    }
    return 0;
}

static int decode_task_slot (struct decoder *d, const struct path *p,
                             const json_t *o, bool first)
{
    const char *label = json_string_value (o);

    if (!label)
        return jobspec_bad (d, p, "must be a string");
    if (!jobspec_is_slot (jobspec_vertex_by_label (d, label)))
        return jobspec_bad (d, p, "no slot in resources has the label '%s'", label);
    if (first)
        d->js->slot_label = label;
    return 0;
}

static int decode_task_attributes (struct decoder *d, const struct path *p,
                                   const json_t *o)
{
    const json_t *env = json_object_get (o, "environment");

    if (!json_is_object (o))
        return jobspec_bad (d, p, "must be an object");
    return env ? jobspec_decode_environment (d, path_key (p, "environment"), env) : 0;
}

static int decode_task_key (struct decoder *d, const struct path *p,
                            const char *key, const json_t *value, bool first)
{
    const struct path *kp = path_key (p, key);

    if (strcmp (key, "command") == 0)
        return decode_command (d, kp, value, first);
    if (strcmp (key, "slot") == 0)
        return decode_task_slot (d, kp, value, first);
    if (strcmp (key, "count") == 0)
        return decode_task_count (d, kp, value, first);
    if (d->js->version != 1) {
        if (strcmp (key, "distribution") == 0)
            return jobspec_decode_string (d, p, key, value, NULL);
        if (strcmp (key, "attributes") == 0)
            return decode_task_attributes (d, kp, value);
    }
    return jobspec_unknown_key (d, p, key, d->js->version == 1
                        ? "command, slot or count"
                        : "command, slot, count, distribution or attributes");
}

/* A per_resource type must be named in the task's slot. */
static bool has_type (const json_t *vertex, const char *type)
{
    const char *t = json_string_value (json_object_get (vertex, "type"));
    size_t index;
    json_t *o;

    if (strcmp (t, type) == 0)
        return true;
    json_array_foreach (json_object_get (vertex, "with"), index, o) {
        if (has_type (o, type))
            return true;
    }
    return false;
}

static int check_per_resource (struct decoder *d, const struct path *p,
                               const json_t *task)
{
    const json_t *count = json_object_get (task, "count");
    const json_t *per = json_object_get (count, "per_resource");
    const char *type = json_string_value (json_object_get (per, "type"));
    const char *label = json_string_value (json_object_get (task, "slot"));

    if (per && !has_type (jobspec_vertex_by_label (d, label), type))
        return jobspec_bad (d, path_key (path_key (path_key (p, "count"), "per_resource"),
                                 "type"),
                    "slot '%s' has no resource of type '%s'", label, type);
    return 0;
}

static int decode_task (struct decoder *d, const struct path *p, const json_t *o,
                        bool first)
{
    static const char *const required[] = { "command", "slot", "count" };
    const char *key;
    json_t *value;
    int rc;

    if (!json_is_object (o))
        return jobspec_bad (d, p, "a task must be an object");
    json_object_foreach ((json_t *)o, key, value) {
        if ((rc = decode_task_key (d, p, key, value, first)) < 0)
            return rc;
    }
    for (int i = 0; i < 3; i++) {
        if (!json_object_get (o, required[i]))
            return jobspec_missing (d, p, required[i]);
    }
    return d->js->version == 1 ? 0 : check_per_resource (d, p, o);
}

int jobspec_decode_tasks (struct decoder *d, const json_t *tasks)
{
    const struct path *p = path_key (NULL, "tasks");
    size_t index;
    json_t *o;
    int rc;

    if (json_array_size (tasks) == 0)
        return jobspec_bad (d, p, "must be an array of at least one task");
    if (d->js->version == 1 && json_array_size (tasks) != 1)
        return jobspec_bad (d, p, "must have exactly one element in version 1");
    json_array_foreach ((json_t *)tasks, index, o) {
        if ((rc = decode_task (d, path_index (p, index), o, index == 0)) < 0)
            return rc;
    }
    return 0;
}
