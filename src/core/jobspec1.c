/* jobspec1.c - building of V1 jobspec (RFC 25)
 */
#include <flux/core.h>

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "base/errmsg.h"
#include "spec/jobspec.h"

struct flux_jobspec1 {
    json_t *o;
};

/* The path of an attribute below the top of the document: "attributes.",
 * "attributes.system." are implied as flux-update(1) has it.  The caller frees. */
static char *full_path (const char *path)
{
    const char *prefix = "attributes.system.";
    char *s;

    if (!strncmp (path, "attributes.", 11))
        prefix = "";
    else if (!strncmp (path, "system.", 7) || !strncmp (path, "user.", 5)
             || !strcmp (path, "system") || !strcmp (path, "user"))
        prefix = "attributes.";
    if (asprintf (&s, "%s%s", prefix, path) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return s;
}

/* The object that holds the last component of 'path', which is moved there.
 * Missing objects are made if 'create'.  Borrowed, or NULL with errno. */
static json_t *path_parent (json_t *o, char *path, bool create, const char **last)
{
    char *dot;

    while ((dot = strchr (path, '.'))) {
        json_t *next;
        *dot = '\0';
        if (!*path || !json_is_object (o))
            goto inval;
        if (!(next = json_object_get (o, path))) {
            if (!create) {
                errno = ENOENT;
                return NULL;
            }
            if (json_object_set_new (o, path, (next = json_object ())) < 0) {
                errno = ENOMEM;
                return NULL;
            }
        }
        o = next;
        path = dot + 1;
    }
    if (!*path || !json_is_object (o))
        goto inval;
    *last = path;
    return o;
inval:
    errno = EINVAL;
    return NULL;
}

/* Takes val, also on failure. */
static int attr_set (flux_jobspec1_t *jobspec, const char *path, json_t *val)
{
    char *s = NULL;
    const char *last;
    json_t *parent;
    int rc = -1;

    if (!jobspec || !path || !*path) {
        errno = EINVAL;
        goto done;
    }
    if (!val || !(s = full_path (path))
        || !(parent = path_parent (jobspec->o, s, true, &last)))
        goto done;
    if (json_object_set (parent, last, val) < 0) {
        errno = ENOMEM;
        goto done;
    }
    rc = 0;
done:
    json_decref (val);
    free (s);
    return rc;
}

int flux_jobspec1_attr_del (flux_jobspec1_t *jobspec, const char *path)
{
    const char *last;
    json_t *parent;
    char *s;

    if (!jobspec || !path) {
        errno = EINVAL;
        return -1;
    }
    if (!(s = full_path (path)))
        return -1;
    parent = path_parent (jobspec->o, s, false, &last);
    if (parent)
        (void)json_object_del (parent, last);
    free (s);
    /* deleting what is not there is a success */
    return parent || errno == ENOENT ? 0 : -1;
}

int flux_jobspec1_attr_pack (flux_jobspec1_t *jobspec, const char *path,
                             const char *fmt, ...)
{
    va_list ap;
    json_t *val;

    if (!jobspec || !path || !fmt) {
        errno = EINVAL;
        return -1;
    }
    va_start (ap, fmt);
    val = json_vpack_ex (NULL, JSON_ENCODE_ANY, fmt, ap);
    va_end (ap);
    if (!val) {
        errno = EINVAL;
        return -1;
    }
    return attr_set (jobspec, path, val);
}

int flux_jobspec1_attr_unpack (flux_jobspec1_t *jobspec, const char *path,
                               const char *fmt, ...)
{
    const char *last;
    json_t *parent, *val;
    va_list ap;
    char *s;
    int rc;

    if (!jobspec || !path || !fmt) {
        errno = EINVAL;
        return -1;
    }
    if (!(s = full_path (path)))
        return -1;
    parent = path_parent (jobspec->o, s, false, &last);
    val = parent ? json_object_get (parent, last) : NULL;
    free (s);
    if (!val) {
        errno = ENOENT;
        return -1;
    }
    va_start (ap, fmt);
    rc = json_vunpack_ex (val, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        errno = EINVAL;
    return rc;
}

static int check_environment (const json_t *env, flux_error_t *error)
{
    const char *key;
    json_t *val;

    if (env && !json_is_object (env))
        return errmsg (error, -EINVAL, "attributes.system.environment: not an object");
    json_object_foreach ((json_t *)env, key, val) {
        if (!json_is_string (val) && !json_is_null (val))
            return errmsg (error, -EINVAL,
                           "attributes.system.environment.%s: not a string", key);
    }
    return 0;
}

static int check_attributes (const json_t *attr, flux_error_t *error)
{
    const json_t *sys = json_object_get (attr, "system"), *val;

    if (!json_is_object (attr))
        return errmsg (error, -EINVAL, "attributes: not an object");
    if (!json_is_object (sys))
        return errmsg (error, -EINVAL, "attributes.system: not an object");
    if ((val = json_object_get (attr, "user")) && !json_is_object (val))
        return errmsg (error, -EINVAL, "attributes.user: not an object");
    val = json_object_get (sys, "duration");
    if (!json_is_number (val) || json_number_value (val) < 0)
        return errmsg (error, -EINVAL,
                       "attributes.system.duration: not a number of at least 0");
    if ((val = json_object_get (sys, "cwd")) && !json_is_string (val))
        return errmsg (error, -EINVAL, "attributes.system.cwd: not a string");
    if ((val = json_object_get (sys, "queue")) && !json_is_string (val))
        return errmsg (error, -EINVAL, "attributes.system.queue: not a string");
    if ((val = json_object_get (sys, "dependencies")) && !json_is_array (val))
        return errmsg (error, -EINVAL, "attributes.system.dependencies: not an array");
    if ((val = json_object_get (sys, "constraints")) && !json_is_object (val))
        return errmsg (error, -EINVAL, "attributes.system.constraints: not an object");
    if ((val = json_object_get (sys, "shell")) && !json_is_object (val))
        return errmsg (error, -EINVAL, "attributes.system.shell: not an object");
    return check_environment (json_object_get (sys, "environment"), error);
}

int flux_jobspec1_attr_check (flux_jobspec1_t *jobspec, flux_jobspec1_error_t *error)
{
    if (!jobspec) {
        errmsg (error, 0, "no jobspec");
        errno = EINVAL;
        return -1;
    }
    if (check_attributes (json_object_get (jobspec->o, "attributes"), error) < 0) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int flux_jobspec1_check (flux_jobspec1_t *jobspec, flux_jobspec1_error_t *error)
{
    struct jobspec *js;
    int version;

    if (!jobspec) {
        errmsg (error, 0, "no jobspec");
        errno = EINVAL;
        return -1;
    }
    if (!(js = jobspec_from_json (jobspec->o, error)))
        return -1;
    version = jobspec_version (js);
    jobspec_unref (js);
    if (version != 1) {
        errmsg (error, 0, "version: %d is not 1", version);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

void flux_jobspec1_destroy (flux_jobspec1_t *jobspec)
{
    if (jobspec) {
        int saved = errno;
        json_decref (jobspec->o);
        free (jobspec);
        errno = saved;
    }
}

/* Takes o. */
static flux_jobspec1_t *jobspec_new (json_t *o)
{
    flux_jobspec1_t *jobspec = calloc (1, sizeof (*jobspec));

    if (!jobspec)
        json_decref (o);
    else
        jobspec->o = o;
    return jobspec;
}

flux_jobspec1_t *flux_jobspec1_decode (const char *s, flux_jobspec1_error_t *error)
{
    json_error_t jerr;
    json_t *o;

    if (!s) {
        errmsg (error, 0, "no jobspec");
        errno = EINVAL;
        return NULL;
    }
    if (!(o = json_loads (s, JSON_REJECT_DUPLICATES, &jerr))) {
        errmsg (error, 0, "not JSON: line %d: %s", jerr.line, jerr.text);
        errno = EINVAL;
        return NULL;
    }
    if (!json_is_object (o)) {
        json_decref (o);
        errmsg (error, 0, "not a JSON object");
        errno = EINVAL;
        return NULL;
    }
    return jobspec_new (o);
}

char *flux_jobspec1_encode (flux_jobspec1_t *jobspec, size_t flags)
{
    char *s;

    if (!jobspec) {
        errno = EINVAL;
        return NULL;
    }
    if (!(s = json_dumps (jobspec->o, flags ? flags : JSON_COMPACT)))
        errno = ENOMEM;
    return s;
}

static json_t *make_resources (int ntasks, int cores, int gpus, int nnodes)
{
    int nslots = nnodes > 0 ? (ntasks + nnodes - 1) / nnodes : ntasks;
    json_t *slot, *with = json_pack ("[{s:s s:i}]", "type", "core", "count", cores);

    if (gpus > 0 && with
        && json_array_append_new (with, json_pack ("{s:s s:i}", "type", "gpu",
                                                   "count", gpus)) < 0) {
        json_decref (with);
        return NULL;
    }
    slot = json_pack ("{s:s s:i s:o s:s}", "type", "slot", "count", nslots,
                      "with", with, "label", "task");
    if (nnodes > 0)
        return json_pack ("[{s:s s:i s:[o]}]", "type", "node", "count", nnodes,
                          "with", slot);
    return json_pack ("[o]", slot);
}

static json_t *make_strings (int argc, char **argv)
{
    json_t *a = json_array ();

    for (int i = 0; a && i < argc; i++) {
        if (json_array_append_new (a, json_string (argv[i])) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}

static json_t *make_environment (char **env)
{
    json_t *o = json_object ();

    for (; o && env && *env; env++) {
        char *eq = strchr (*env, '='), *key;
        int rc;
        if (!eq)
            continue;
        if (!(key = strndup (*env, eq - *env)))
            goto error;
        rc = json_object_set_new (o, key, json_string (eq + 1));
        free (key);
        if (rc < 0)
            goto error;
    }
    return o;
error:
    json_decref (o);
    return NULL;
}

flux_jobspec1_t *flux_jobspec1_from_command (int argc, char **argv, char **env,
                                             int ntasks, int cores_per_task,
                                             int gpus_per_task, int nnodes,
                                             double duration)
{
    json_t *o;

    if (argc < 1 || !argv || ntasks < 1 || cores_per_task < 1 || gpus_per_task < 0
        || nnodes < 0 || nnodes > ntasks || !(duration >= 0.) || isinf (duration)) {
        errno = EINVAL;
        return NULL;
    }
    o = json_pack ("{s:o s:[{s:o s:s s:o}] s:{s:{s:f s:o}} s:i}",
                   "resources",
                   make_resources (ntasks, cores_per_task, gpus_per_task, nnodes),
                   "tasks",
                   "command", make_strings (argc, argv),
                   "slot", "task",
                   "count", nnodes > 0 ? json_pack ("{s:i}", "total", ntasks)
                                       : json_pack ("{s:i}", "per_slot", 1),
                   "attributes",
                   "system",
                   "duration", duration,
                   "environment", make_environment (env),
                   "version", 1);
    if (!o) {
        errno = ENOMEM;
        return NULL;
    }
    return jobspec_new (o);
}

static json_t *environment (flux_jobspec1_t *jobspec)
{
    json_t *sys, *env;

    if (json_unpack (jobspec->o, "{s:{s:o}}", "attributes", "system", &sys) < 0
        || !json_is_object (sys)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(env = json_object_get (sys, "environment"))) {
        if (json_object_set_new (sys, "environment", (env = json_object ())) < 0) {
            errno = ENOMEM;
            return NULL;
        }
    }
    return env;
}

int flux_jobspec1_setenv (flux_jobspec1_t *jobspec, const char *name,
                          const char *value, int overwrite)
{
    json_t *env;

    if (!jobspec || !name || !*name || strchr (name, '=') || !value) {
        errno = EINVAL;
        return -1;
    }
    if (!(env = environment (jobspec)))
        return -1;
    if (!overwrite && json_object_get (env, name))
        return 0;
    if (json_object_set_new (env, name, json_string (value)) < 0) {
        errno = EINVAL;   /* not UTF-8, or env is no object */
        return -1;
    }
    return 0;
}

int flux_jobspec1_unsetenv (flux_jobspec1_t *jobspec, const char *name)
{
    json_t *env;

    if (!jobspec || !name) {
        errno = EINVAL;
        return -1;
    }
    if (!(env = environment (jobspec)))
        return -1;
    (void)json_object_del (env, name);
    return 0;
}

int flux_jobspec1_set_cwd (flux_jobspec1_t *jobspec, const char *cwd)
{
    if (!cwd) {
        errno = EINVAL;
        return -1;
    }
    return flux_jobspec1_attr_pack (jobspec, "system.cwd", "s", cwd);
}

static int set_file (flux_jobspec1_t *jobspec, const char *dir, const char *stream,
                     const char *path)
{
    char key[64];

    if (!path) {
        errno = EINVAL;
        return -1;
    }
    snprintf (key, sizeof (key), "system.shell.options.%s.%s", dir, stream);
    return flux_jobspec1_attr_pack (jobspec, key, "{s:s s:s}", "type", "file",
                                    "path", path);
}

int flux_jobspec1_set_stdin (flux_jobspec1_t *jobspec, const char *path)
{
    return set_file (jobspec, "input", "stdin", path);
}

int flux_jobspec1_set_stdout (flux_jobspec1_t *jobspec, const char *path)
{
    return set_file (jobspec, "output", "stdout", path);
}

int flux_jobspec1_set_stderr (flux_jobspec1_t *jobspec, const char *path)
{
    return set_file (jobspec, "output", "stderr", path);
}
