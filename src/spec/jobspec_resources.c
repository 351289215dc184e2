/* jobspec_resources.c - the resources of a jobspec, and the flat request
 */
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/count.h"
#include "spec/jobspec_impl.h"

#define MAX_DEPTH 64

/* -- labels -- */

static struct label *label_find (struct decoder *d, const char *text)
{
    for (size_t i = 0; i < d->nlabels; i++) {
        if (strcmp (d->labels[i].text, text) == 0)
            return &d->labels[i];
    }
    return NULL;
}

const json_t *jobspec_vertex_by_label (struct decoder *d, const char *text)
{
    struct label *l = label_find (d, text);

    return l ? l->slot : d->more ? hash_get (d->more, text) : NULL;
}

bool jobspec_is_slot (const json_t *vertex)
{
    const char *type = json_string_value (json_object_get (vertex, "type"));

    return type && strcmp (type, "slot") == 0;
}

static int label_add (struct decoder *d, const struct path *p, const char *text,
                      const json_t *vertex)
{
    if (jobspec_vertex_by_label (d, text))
        return jobspec_bad (d, p, "label '%s' is used twice", text);
    if (d->nlabels < JOBSPEC_INLINE_LABELS) {
        d->labels[d->nlabels++] = (struct label){ text, vertex };
        return 0;
    }
    if ((!d->more && !(d->more = hash_new (NULL)))
        || hash_set (d->more, text, (void *)vertex) < 0)
        return errmsg (d->err, -ENOMEM, "out of memory");
    return 0;
}

/* -- resources -- */

struct vertex {
    const char *type;
    struct count count;
    const json_t *with;
    const char *label;
    const json_t *exclusive;
    bool has_id;
};

static int decode_count (struct decoder *d, const struct path *p,
                         const json_t *value, struct count *c)
{
    flux_error_t err;

    if (d->js->version == 1 && !json_is_integer (value))
        return jobspec_bad (d, path_key (p, "count"), "must be an integer in version 1");
    if (count_decode (value, c, &err) < 0)
        return jobspec_bad (d, path_key (p, "count"), "%s", err.text);
    return 0;
}

static int decode_vertex_key (struct decoder *d, const struct path *p,
                              const char *key, const json_t *value,
                              struct vertex *v)
{
    if (strcmp (key, "type") == 0)
        return jobspec_decode_string (d, p, key, value, &v->type);
    if (strcmp (key, "count") == 0)
        return decode_count (d, p, value, &v->count);
    if (strcmp (key, "label") == 0)
        return jobspec_decode_string (d, p, key, value, &v->label);
    if (strcmp (key, "unit") == 0)
        return jobspec_decode_string (d, p, key, value, NULL);
    if (strcmp (key, "id") == 0) {
        v->has_id = true;
        return jobspec_decode_string (d, p, key, value, NULL);
    }
    if (strcmp (key, "with") == 0) {
        if (json_array_size (value) == 0)
            return jobspec_bad (d, path_key (p, key), "must be an array of at least one "
                        "resource");
        v->with = value;
        return 0;
    }
    if (strcmp (key, "exclusive") == 0) {
        if (!json_is_boolean (value))
            return jobspec_bad (d, path_key (p, key), "must be true or false");
        v->exclusive = value;
        return 0;
    }
    return jobspec_unknown_key (d, p, key, "type, count, unit, exclusive, with, label or id");
}

/* RFC 25: node > slot > core [gpu].  RFC 14 has a slot of whole nodes under
 * version 1 among its examples, so that is let through too. */
static int check_v1_vertex (struct decoder *d, const struct path *p,
                            const struct vertex *v, const char *parent)
{
    static const struct {
        const char *type;
        const char *parents[3];
    } rules[] = {
        {"node", {"", "slot"}},
        {"slot", {"", "node"}},
        {"core", {"slot"}},
        {"gpu", {"slot"}},
    };
    bool known = false;

    for (size_t i = 0; i < sizeof (rules) / sizeof (rules[0]); i++) {
        if (strcmp (rules[i].type, v->type) != 0)
            continue;
        known = true;
        for (int j = 0; rules[i].parents[j]; j++) {
            if (strcmp (rules[i].parents[j], parent) == 0)
                return v->has_id ? jobspec_bad (d, path_key (p, "id"), "is not allowed in "
                                        "version 1")
                                 : 0;
        }
    }
    if (!known)
        return jobspec_bad (d, path_key (p, "type"), "'%s' is not one of node, slot, core, "
                    "gpu, which version 1 allows", v->type);
    if (!parent[0])
        return jobspec_bad (d, path_key (p, "type"), "'%s' cannot be the outermost resource "
                    "in version 1: expected node or slot", v->type);
    return jobspec_bad (d, path_key (p, "type"), "version 1 does not allow %s in %s",
                v->type, parent);
}

static int decode_vertex (struct decoder *d, const struct path *p, const json_t *o,
                          const char *parent, int depth, struct vertex *v);

static int decode_children (struct decoder *d, const struct path *p,
                            const struct vertex *v, int depth)
{
    const struct path *with = path_key (p, "with");
    size_t index;
    json_t *o;
    int rc;

    json_array_foreach ((json_t *)v->with, index, o) {
        struct vertex child = {0};

        if ((rc = decode_vertex (d, path_index (with, index), o, v->type,
                                 depth + 1, &child)) < 0)
            return rc;
    }
    return 0;
}

static int decode_vertex (struct decoder *d, const struct path *p, const json_t *o,
                          const char *parent, int depth, struct vertex *v)
{
    const char *key;
    json_t *value;
    int rc;

    if (!json_is_object (o))
        return jobspec_bad (d, p, "a resource must be an object");
    if (depth > MAX_DEPTH)
        return jobspec_bad (d, p, "resources are nested deeper than %d", MAX_DEPTH);
    json_object_foreach ((json_t *)o, key, value) {
        if ((rc = decode_vertex_key (d, p, key, value, v)) < 0)
            return rc;
    }
    if (!v->type)
        return jobspec_missing (d, p, "type");
    if (v->count.min == 0)
        return jobspec_missing (d, p, "count");
    if (strcmp (v->type, "slot") == 0 && !v->label)
        return jobspec_missing (d, p, "label");
    if (strcmp (v->type, "slot") == 0 && !v->with)
        return jobspec_missing (d, p, "with");
    if (v->label
        && (rc = label_add (d, path_key (p, "label"), v->label, o)) < 0)
        return rc;
    if (d->js->version == 1 && (rc = check_v1_vertex (d, p, v, parent)) < 0)
        return rc;
    return decode_children (d, p, v, depth);
}

int jobspec_decode_resources (struct decoder *d, const json_t *resources)
{
    const struct path *p = path_key (NULL, "resources");
    size_t index;
    json_t *o;
    int rc;

    if (json_array_size (resources) == 0)
        return jobspec_bad (d, p, "must be an array of at least one resource");
    if (d->js->version == 1 && json_array_size (resources) != 1)
        return jobspec_bad (d, p, "must have exactly one element in version 1");
    json_array_foreach ((json_t *)resources, index, o) {
        struct vertex v = {0};

        if ((rc = decode_vertex (d, path_index (p, index), o, "", 1, &v)) < 0)
            return rc;
    }
    return 0;
}

/* -- the flat request -- */

static bool simple_vertex (const json_t *o, const char *type, bool v1, int *countp,
                           const json_t **withp)
{
    const char *t = json_string_value (json_object_get (o, "type"));
    const json_t *count = json_object_get (o, "count");

    if (!t || strcmp (t, type) != 0 || !json_is_integer (count)
        || json_object_get (o, "id") || (!v1 && json_object_get (o, "unit")))
        return false;
    *countp = (int)json_integer_value (count);
    *withp = json_object_get (o, "with");
    return true;
}

/* What is in the slot: cores, and perhaps GPUs. */
static bool simple_slot (const json_t *with, bool v1, struct jobspec_request *req)
{
    size_t index;
    json_t *o;

    json_array_foreach ((json_t *)with, index, o) {
        const json_t *below;
        int count;

        if (simple_vertex (o, "core", v1, &count, &below) && req->cores_per_slot == 0)
            req->cores_per_slot = count;
        else if (simple_vertex (o, "gpu", v1, &count, &below) && req->gpus_per_slot == 0)
            req->gpus_per_slot = count;
        else
            return false;
        if (below || json_object_get (o, "exclusive"))
            return false;
    }
    return req->cores_per_slot > 0;
}

/* 'v1': units are of no account. */
static bool flatten (const json_t *resources, bool v1, struct jobspec_request *req)
{
    const json_t *o = json_array_get (resources, 0);
    const json_t *with;

    if (json_array_size (resources) != 1)
        return false;
    if (simple_vertex (o, "node", v1, &req->nnodes, &with)) {
        if (json_array_size (with) != 1)
            return false;
        req->node_exclusive = json_is_true (json_object_get (o, "exclusive"));
        o = json_array_get (with, 0);
    }
    if (!simple_vertex (o, "slot", v1, &req->nslots, &with)
        || json_is_false (json_object_get (o, "exclusive"))
        || !simple_slot (with, v1, req))
        return false;
    return true;
}

int jobspec_decode_request (struct decoder *d, const json_t *resources)
{
    struct jobspec_request req = {0};
    const struct path *p = path_key (NULL, "resources");

    if (flatten (resources, d->js->version == 1, &req)) {
        int64_t slots = (int64_t)req.nslots * (req.nnodes ? req.nnodes : 1);

        if (slots > INT32_MAX || slots * req.cores_per_slot > INT32_MAX
            || slots * req.gpus_per_slot > INT32_MAX)
            return jobspec_bad (d, p, "the counts multiply to more than %d", INT32_MAX);
        req.slots_total = (int)slots;
        req.simple = true;
    }
    else {
        const json_t *v = json_array_get (resources, 0);

        if (d->js->version == 1 && jobspec_is_slot (v)) {
            const json_t *child = json_array_get (json_object_get (v, "with"), 0);
            const char *type = json_string_value (json_object_get (child, "type"));

            if (strcmp (type, "node") != 0)
                return jobspec_bad (d, path_key (path_index (p, 0), "with"), "version 1 "
                            "wants one core, and at most one gpu, in a slot");
        }
        else if (d->js->version == 1)
            return jobspec_bad (d, path_key (path_index (p, 0), "with"), "version 1 wants "
                        "one slot in a node, and in it one core and at most one gpu");
        memset (&req, 0, sizeof (req));
    }
    d->js->req = req;
    return 0;
}
