/* jobspec.c - the one decoder of jobspec (RFC 14, RFC 25)
 *
 * One pass over the tree.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/constraint.h"
#include "spec/dependency.h"
#include "spec/jobspec_impl.h"

static void path_print (struct buf *b, const struct path *p)
{
    if (!p)
        return;
    path_print (b, p->up);
    if (p->key)
        buf_addf (b, "%s%s", p->up ? "." : "", p->key);
    else
        buf_addf (b, "[%zu]", p->index);
}

int jobspec_bad (struct decoder *d, const struct path *p, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;

    path_print (&b, p);
    if (p)
        buf_adds (&b, ": ");
    va_start (ap, fmt);
    buf_vaddf (&b, fmt, ap);
    va_end (ap);
    errmsg (d->err, -EINVAL, "%s", b.data);
    buf_release (&b);
    return -EINVAL;
}

int jobspec_unknown_key (struct decoder *d, const struct path *p, const char *key,
                        const char *allowed)
{
    return jobspec_bad (d, path_key (p, key), "unknown key; expected %s", allowed);
}

int jobspec_missing (struct decoder *d, const struct path *p, const char *key)
{
    return jobspec_bad (d, path_key (p, key), "required key is missing");
}

int jobspec_decode_string (struct decoder *d, const struct path *p, const char *key,
                          const json_t *value, const char **sp)
{
    if (!json_is_string (value))
        return jobspec_bad (d, path_key (p, key), "must be a string");
    if (sp)
        *sp = json_string_value (value);
    return 0;
}

int jobspec_decode_positive (struct decoder *d, const struct path *p, const json_t *o,
                     int *valp)
{
    if (!json_is_integer (o) || json_integer_value (o) < 1
        || json_integer_value (o) > INT32_MAX)
        return jobspec_bad (d, p, "must be an integer from 1 to %d", INT32_MAX);
    *valp = (int)json_integer_value (o);
    return 0;
}

int jobspec_decode_environment (struct decoder *d, const struct path *p,
                               const json_t *o)
{
    const char *key;
    json_t *value;

    if (!json_is_object (o))
        return jobspec_bad (d, p, "must be an object");
    json_object_foreach ((json_t *)o, key, value) {
        if (!json_is_string (value) && !json_is_null (value))
            return jobspec_bad (d, path_key (p, key), "must be a string or null");
    }
    return 0;
}

/* -- attributes -- */

static int decode_duration (struct decoder *d, const struct path *p,
                            const json_t *o, double *valp)
{
    double val = json_number_value (o);

    if (!json_is_number (o) || !isfinite (val) || val < 0.)
        return jobspec_bad (d, p, "must be a number of seconds that is not negative");
    if (valp)
        *valp = val;
    return 0;
}

static int decode_dependencies (struct decoder *d, const struct path *p,
                                const json_t *o)
{
    flux_error_t err;
    size_t index;
    json_t *dep;

    if (!json_is_array (o))
        return jobspec_bad (d, p, "must be an array");
    json_array_foreach ((json_t *)o, index, dep) {
        if (dependency_validate (dep, &err) < 0)
            return jobspec_bad (d, path_index (p, index), "%s", err.text);
    }
    d->js->dependencies = o;
    return 0;
}

static int decode_constraints (struct decoder *d, const struct path *p,
                               const json_t *o)
{
    flux_error_t err;

    if (constraint_validate (o, &err) < 0)
        return jobspec_bad (d, p, "%s", err.text);
    d->js->req.constraints = o;
    return 0;
}

static int decode_job (struct decoder *d, const struct path *p, const json_t *o)
{
    const char *key;
    json_t *value;

    if (!json_is_object (o))
        return jobspec_bad (d, p, "must be an object");
    json_object_foreach ((json_t *)o, key, value) {
        if (!json_is_string (value))
            return jobspec_bad (d, path_key (p, key), "must be a string");
    }
    d->js->name = json_string_value (json_object_get (o, "name"));
    return 0;
}

static int decode_shell (struct decoder *d, const struct path *p, const json_t *o)
{
    const json_t *options = json_object_get (o, "options");

    if (!json_is_object (o))
        return jobspec_bad (d, p, "must be an object");
    if (options && !json_is_object (options))
        return jobspec_bad (d, path_key (p, "options"), "must be an object");
    return 0;
}

static int decode_system_key (struct decoder *d, const struct path *p,
                              const char *key, const json_t *value)
{
    const struct path *kp = path_key (p, key);
    int rc;

    if (strcmp (key, "duration") == 0)
        return decode_duration (d, kp, value, &d->js->req.duration);
    if (strcmp (key, "preemptible-after") == 0)
        return decode_duration (d, kp, value, NULL);
    if (strcmp (key, "environment") == 0) {
        if ((rc = jobspec_decode_environment (d, kp, value)) == 0)
            d->js->environment = value;
        return rc;
    }
    if (strcmp (key, "cwd") == 0)
        return jobspec_decode_string (d, p, key, value, &d->js->cwd);
    if (strcmp (key, "queue") == 0)
        return jobspec_decode_string (d, p, key, value, &d->js->queue);
    if (strcmp (key, "bank") == 0 || strcmp (key, "project") == 0)
        return jobspec_decode_string (d, p, key, value, NULL);
    if (strcmp (key, "dependencies") == 0)
        return decode_dependencies (d, kp, value);
    if (strcmp (key, "constraints") == 0)
        return decode_constraints (d, kp, value);
    if (strcmp (key, "job") == 0)
        return decode_job (d, kp, value);
    if (strcmp (key, "shell") == 0)
        return decode_shell (d, kp, value);
    if (strcmp (key, "files") == 0 && !json_is_object (value))
        return jobspec_bad (d, kp, "must be an object");
    return 0;
}

static int decode_attributes (struct decoder *d, const json_t *attributes)
{
    const struct path *p = path_key (NULL, "attributes");
    const char *key;
    json_t *value;
    int rc;

    if (json_is_null (attributes))
        return 0;
    if (!json_is_object (attributes))
        return jobspec_bad (d, p, "must be an object");
    json_object_foreach ((json_t *)attributes, key, value) {
        if (strcmp (key, "system") != 0 && strcmp (key, "user") != 0)
            return jobspec_unknown_key (d, p, key, "system or user");
        if (!json_is_object (value))
            return jobspec_bad (d, path_key (p, key), "must be an object");
    }
    d->js->attributes = attributes;
    d->js->sys = json_object_get (attributes, "system");
    p = path_key (p, "system");
    json_object_foreach ((json_t *)d->js->sys, key, value) {
        if ((rc = decode_system_key (d, p, key, value)) < 0)
            return rc;
    }
    return 0;
}

/* -- the whole -- */

static int decode_root (struct decoder *d)
{
    static const char *const required[] = { "version", "resources", "tasks",
                                            "attributes" };
    const json_t *root = d->js->root;
    int rc;

    if (!json_is_object (root))
        return jobspec_bad (d, NULL, "jobspec must be an object");
    for (int i = 0; i < 4; i++) {
        if (!json_object_get (root, required[i]))
            return jobspec_missing (d, NULL, required[i]);
    }
    if ((rc = jobspec_decode_positive (d, path_key (NULL, "version"),
                        json_object_get (root, "version"), &d->js->version)) < 0
        || (rc = jobspec_decode_resources (d, json_object_get (root, "resources"))) < 0
        || (rc = jobspec_decode_request (d, json_object_get (root, "resources"))) < 0
        || (rc = jobspec_decode_tasks (d, json_object_get (root, "tasks"))) < 0
        || (rc = decode_attributes (d, json_object_get (root, "attributes"))) < 0)
        return rc;
    if (!d->js->name) {
        const char *argv0 = json_string_value (json_array_get (d->js->command, 0));
        const char *slash = strrchr (argv0, '/');

        d->js->name = slash && slash[1] ? slash + 1 : argv0;
    }
    return 0;
}

struct jobspec *jobspec_from_json (json_t *o, flux_error_t *err)
{
    struct decoder d = { .err = err };
    int rc;

    if (!(d.js = calloc (1, sizeof (*d.js)))) {
        errmsg (err, -ENOMEM, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    d.js->refcount = 1;
    d.js->root = json_incref (o);
    rc = decode_root (&d);
    hash_free (d.more);
    if (rc < 0) {
        jobspec_unref (d.js);
        errno = -rc;
        return NULL;
    }
    return d.js;
}

struct jobspec *jobspec_decode (const char *s, size_t len, flux_error_t *err)
{
    struct jobspec *js;
    json_error_t jerr;
    json_t *o = json_loadb (s, len, 0, &jerr);

    if (!o) {
        errmsg (err, -EINVAL, "jobspec is not JSON: line %d: %s", jerr.line, jerr.text);
        errno = EINVAL;
        return NULL;
    }
    js = jobspec_from_json (o, err);
    json_decref (o);
    return js;
}

struct jobspec *jobspec_ref (struct jobspec *js)
{
    if (js)
        js->refcount++;
    return js;
}

void jobspec_unref (struct jobspec *js)
{
    if (js && --js->refcount == 0) {
        json_decref (js->root);
        json_decref (js->command_array);
        free (js);
    }
}

const json_t *jobspec_json (const struct jobspec *js)
{
    return js->root;
}

int jobspec_version (const struct jobspec *js)
{
    return js->version;
}

const struct jobspec_request *jobspec_request (const struct jobspec *js)
{
    return &js->req;
}

int jobspec_ntasks (const struct jobspec *js)
{
    int64_t n = (int64_t)js->per_slot * js->req.slots_total;

    if (js->total > 0)
        return js->total;
    return n > 0 && n <= INT32_MAX ? (int)n : -1;
}

const char *jobspec_slot_label (const struct jobspec *js)
{
    return js->slot_label;
}

const json_t *jobspec_command (const struct jobspec *js)
{
    return js->command;
}

const char *jobspec_cwd (const struct jobspec *js)
{
    return js->cwd;
}

const json_t *jobspec_environment (const struct jobspec *js)
{
    return js->environment;
}

const char *jobspec_queue (const struct jobspec *js)
{
    return js->queue;
}

const char *jobspec_name (const struct jobspec *js)
{
    return js->name;
}

const json_t *jobspec_dependencies (const struct jobspec *js)
{
    return js->dependencies;
}

const json_t *jobspec_attr (const struct jobspec *js, const char *path)
{
    const json_t *o = js->attributes;

    while (o && *path) {
        size_t len = strcspn (path, ".");

        o = json_object_getn (o, path, len);
        path += len;
        if (*path == '.')
            path++;
    }
    return o;
}
