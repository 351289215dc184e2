/* conf_parse.c - configuration objects from TOML, JSON and the command line
 */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/toml.h"
#include "core/conf_private.h"

static bool has_suffix (const char *s, const char *suffix)
{
    size_t n = strlen (s);
    size_t m = strlen (suffix);

    return n >= m && strcmp (s + n - m, suffix) == 0;
}

static json_t *require_object (json_t *o, const char *what, flux_error_t *error)
{
    if (!json_is_object (o)) {
        errmsg (error, -EINVAL, "%s: not a JSON object", what);
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    return o;
}

static json_t *load_json_file (const char *path, flux_error_t *error)
{
    json_error_t err;
    json_t *o;

    errno = 0;
    if (!(o = json_load_file (path, 0, &err))) {
        int errnum = errno && err.line <= 0 ? errno : EINVAL;
        if (err.line <= 0)
            errmsg (error, -errnum, "%s: %s", path, errnum == EINVAL ? err.text : strerror (errnum));
        else
            errmsg (error, -errnum, "%s:%d:%d: %s", path, err.line, err.column, err.text);
        errno = errnum;
        return NULL;
    }
    return require_object (o, path, error);
}

static json_t *load_file (const char *path, flux_error_t *error)
{
    if (has_suffix (path, ".json"))
        return load_json_file (path, error);
    return toml_parse_file (path, error);
}

static json_t *load_directory (const char *path, flux_error_t *error)
{
    char pattern[4096];
    glob_t gl = { 0 };
    json_t *obj = NULL;
    int rc;

    if (snprintf (pattern, sizeof (pattern), "%s/*.toml", path) >= (int)sizeof (pattern)) {
        errmsg (error, -ENAMETOOLONG, "%s: path is too long", path);
        errno = ENAMETOOLONG;
        return NULL;
    }
    errno = 0;
    rc = glob (pattern, GLOB_ERR, NULL, &gl);
    if (rc != 0 && rc != GLOB_NOMATCH) {
        int errnum = rc == GLOB_NOSPACE ? ENOMEM : (errno ? errno : EIO);
        errmsg (error, -errnum, "%s: %s", pattern, flux_strerror (errnum));
        errno = errnum;
        return NULL;
    }
    if (!(obj = json_object ()))
        errno = ENOMEM;
    for (size_t i = 0; obj && rc == 0 && i < gl.gl_pathc; i++) {
        json_t *o = toml_parse_file (gl.gl_pathv[i], error);
        int errnum = errno;

        if (!o || json_object_update_recursive (obj, o) < 0) {
            json_decref (obj);
            obj = NULL;
            errnum = o ? ENOMEM : errnum;
        }
        json_decref (o);
        errno = errnum;
    }
    globfree (&gl);
    return obj;
}

static json_t *load_path (const char *path, flux_error_t *error)
{
    struct stat sb;

    if (stat (path, &sb) < 0) {
        errmsg (error, -errno, "%s: %s", path, flux_strerror (errno));
        return NULL;
    }
    return S_ISDIR (sb.st_mode) ? load_directory (path, error)
                                : load_file (path, error);
}

flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error)
{
    json_t *o;

    if (!path) {
        errmsg (error, -EINVAL, "no configuration path");
        errno = EINVAL;
        return NULL;
    }
    if (!(o = load_path (path, error)))
        return NULL;
    return conf_new_take (o);
}

/*
 * Update
 */

/* The object at the dotted path of length len, made where missing. */
static json_t *make_path (json_t *o, const char *path, size_t len)
{
    while (len > 0) {
        size_t n = strcspn (path, ".");
        char key[256];
        json_t *child;

        if (n > len)
            n = len;
        if (n == 0 || n >= sizeof (key))
            return NULL;
        memcpy (key, path, n);
        key[n] = '\0';
        child = json_object_get (o, key);
        if (!child && json_object_set_new (o, key, json_object ()) == 0)
            child = json_object_get (o, key);
        if (!json_is_object (child))
            return NULL;
        o = child;
        path += n;
        len -= n;
        if (len > 0) {
            path++;
            if (--len == 0)
                return NULL; // "a..b"
        }
    }
    return o;
}

static int update_key (json_t *obj, const char *s, flux_error_t *error)
{
    const char *eq = strchr (s, '=');
    size_t len = eq - s;
    const char *dot = memrchr (s, '.', len);
    const char *last = dot ? dot + 1 : s;
    json_t *val = json_loads (eq + 1, JSON_DECODE_ANY, NULL);
    json_t *o = make_path (obj, s, dot ? dot - s : 0);
    char key[256];

    if (!val)
        val = json_string (eq + 1);
    if (!o || last == eq || (size_t)(eq - last) >= sizeof (key)) {
        json_decref (val);
        return errmsg (error, -EINVAL, "%.*s: not a key of a table", (int)len, s);
    }
    memcpy (key, last, eq - last);
    key[eq - last] = '\0';
    if (!val || json_object_set_new (o, key, val) < 0)
        return errmsg (error, -EINVAL, "%s: value is not valid UTF-8", key);
    return 0;
}

/* What value stands for, unless it is KEY=VAL. */
static json_t *update_load (const char *value, flux_error_t *error)
{
    json_error_t err;
    json_t *o;

    if (value[0] == '{') {
        if (!(o = json_loads (value, 0, &err))) {
            errmsg (error, -EINVAL, "JSON: %s", err.text);
            errno = EINVAL;
        }
        return o;
    }
    if (strchr (value, '\n'))
        return toml_parse (value, strlen (value), error);
    return load_file (value, error);
}

int flux_conf_update (flux_conf_t *conf, const char *value, flux_error_t *error)
{
    json_t *o;
    int rc = 0;

    if (!conf || !value || !*value) {
        errmsg (error, -EINVAL, "no configuration or no value");
        errno = EINVAL;
        return -1;
    }
    if (value[0] != '{' && !strchr (value, '\n') && strchr (value, '=')) {
        if (!(o = json_deep_copy (conf->obj)))
            rc = -ENOMEM;
        else if ((rc = update_key (o, value, error)) < 0)
            json_decref (o);
        else {
            json_decref (conf->obj);
            conf->obj = o;
        }
    }
    else {
        if (!(o = update_load (value, error)))
            return -1;
        if (json_object_update_recursive (conf->obj, o) < 0)
            rc = errmsg (error, -ENOMEM, "out of memory");
        json_decref (o);
    }
    if (rc < 0)
        errno = -rc;
    return rc < 0 ? -1 : 0;
}
