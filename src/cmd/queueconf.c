/* queueconf.c - the queues as configured
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/queueconf.h"
#include "spec/rset.h"

struct queueconf {
    json_t *queues;      /* {} if there are none */
    json_t *policy;
};

flux_future_t *queueconf_ask (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0);

    if (!f)
        cmd_die (1, "config.get: %s", flux_strerror (errno));
    return f;
}

static json_t *object_or_new (json_t *o)
{
    return json_is_object (o) ? json_incref (o) : json_object ();
}

struct queueconf *queueconf_get (flux_future_t *f)
{
    struct queueconf *qc = calloc (1, sizeof (*qc));
    json_t *queues = NULL;
    json_t *policy = NULL;

    cmd_check (f, "cannot get the configuration");
    if (flux_rpc_get_unpack (f, "{s?o s?o}", "queues", &queues, "policy", &policy) < 0)
        cmd_die (1, "config.get: %s", flux_strerror (errno));
    if (!qc || !(qc->queues = object_or_new (queues)) || !(qc->policy = object_or_new (policy)))
        cmd_die (1, "out of memory");
    flux_future_destroy (f);
    return qc;
}

void queueconf_free (struct queueconf *qc)
{
    if (qc) {
        json_decref (qc->queues);
        json_decref (qc->policy);
        free (qc);
    }
}

bool queueconf_named (const struct queueconf *qc)
{
    return json_object_size (qc->queues) > 0;
}

bool queueconf_exists (const struct queueconf *qc, const char *name)
{
    return json_object_get (qc->queues, name) != NULL;
}

const char *queueconf_parent (const struct queueconf *qc, const char *name)
{
    return json_string_value (json_object_get (json_object_get (qc->queues, name), "parent"));
}

static const json_t *path_get (const json_t *o, const char *path)
{
    char part[64];

    while (o && *path) {
        size_t n = strcspn (path, ".");
        if (n >= sizeof (part))
            return NULL;
        memcpy (part, path, n);
        part[n] = '\0';
        o = json_object_get (o, part);
        path += n + (path[n] == '.');
    }
    return o;
}

const char *queueconf_default (const struct queueconf *qc)
{
    return json_string_value (path_get (qc->policy, "jobspec.defaults.system.queue"));
}

static const json_t *own_policy (const struct queueconf *qc, const char *name, const char *path)
{
    return path_get (json_object_get (json_object_get (qc->queues, name), "policy"), path);
}

const json_t *queueconf_policy (const struct queueconf *qc, const char *name, const char *path)
{
    const char *parent = queueconf_parent (qc, name);
    const json_t *o = own_policy (qc, name, path);

    if (!o && parent)
        o = own_policy (qc, parent, path);
    return o ? o : path_get (qc->policy, path);
}

const char *queueconf_next (const struct queueconf *qc, size_t *pos)
{
    void *it = json_object_iter (qc->queues);

    for (size_t i = 0; it && i < *pos; i++)
        it = json_object_iter_next (qc->queues, it);
    if (!it)
        return NULL;
    (*pos)++;
    return json_object_iter_key (it);
}

json_t *queueconf_properties (const struct queueconf *qc, const char *name)
{
    const char *parent = queueconf_parent (qc, name);
    const char *owner = parent ? parent : name;
    json_t *conf = json_object_get (qc->queues, owner);
    json_t *requires = json_object_get (conf, "requires");
    json_t *a = json_is_array (requires) ? json_copy (requires) : json_array ();
    const char *hosts = json_string_value (json_object_get (conf, "hosts"));

    if (!a || (hosts && json_array_append_new (a, json_sprintf ("+%s", owner)) < 0))
        cmd_die (1, "out of memory");
    return a;
}

struct rset *queueconf_filter (const struct queueconf *qc, const char *name,
                               const struct rset *r)
{
    json_t *constraint = json_pack ("{s:o}", "properties", queueconf_properties (qc, name));
    struct rset *sub;
    flux_error_t err;

    if (!(sub = rset_copy_constraint (r, constraint, &err)))
        cmd_die (1, "queue %s: %s", name, err.text);
    json_decref (constraint);
    return sub;
}

json_t *queueconf_option (const struct queueconf *qc, const char *list)
{
    json_t *names = json_array ();
    char *copy;
    char *save = NULL;

    if (!list) {
        json_decref (names);
        return NULL;
    }
    if (!(copy = strdup (list)) || !names)
        cmd_die (1, "out of memory");
    for (char *s = strtok_r (copy, ",", &save); s; s = strtok_r (NULL, ",", &save)) {
        if (!queueconf_exists (qc, s))
            cmd_die (1, "--queue=%s: there is no such queue (flux queue list shows them)", s);
        json_array_append_new (names, json_string (s));
    }
    free (copy);
    return names;
}
