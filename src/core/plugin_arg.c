/* plugin_arg.c - arguments of plugin callbacks: one JSON object in, one out
 */
#include <errno.h>
#include <stdlib.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/errmsg.h"

struct flux_plugin_arg {
    json_t *in;
    json_t *out;
    flux_error_t error;
};

static int arg_fail (flux_plugin_arg_t *args, int errnum, const char *text)
{
    if (args)
        errmsg (&args->error, -errnum, "%s", text);
    errno = errnum;
    return -1;
}

flux_plugin_arg_t *flux_plugin_arg_create (void)
{
    return calloc (1, sizeof (flux_plugin_arg_t));
}

void flux_plugin_arg_destroy (flux_plugin_arg_t *args)
{
    if (args) {
        int saved_errno = errno;
        json_decref (args->in);
        json_decref (args->out);
        free (args);
        errno = saved_errno;
    }
}

const char *flux_plugin_arg_strerror (flux_plugin_arg_t *args)
{
    if (!args)
        return flux_strerror (errno);
    return args->error.text;
}

static json_t **slot (flux_plugin_arg_t *args, int flags)
{
    return (flags & FLUX_PLUGIN_ARG_OUT) ? &args->out : &args->in;
}

static bool flags_valid (int flags)
{
    return (flags & ~(FLUX_PLUGIN_ARG_OUT | FLUX_PLUGIN_ARG_REPLACE)) == 0;
}

/* Takes o.  Keys of o replace or, where both are objects, are merged into what
 * is there, unless FLUX_PLUGIN_ARG_REPLACE asks for o alone. */
static int arg_put (flux_plugin_arg_t *args, int flags, json_t *o)
{
    json_t **op = slot (args, flags);
    int rc;

    if (!*op || !o || (flags & FLUX_PLUGIN_ARG_REPLACE)) {
        json_decref (*op);
        *op = o;
        return 0;
    }
    rc = json_object_update_recursive (*op, o);
    json_decref (o);
    return rc < 0 ? arg_fail (args, ENOMEM, "out of memory") : 0;
}

int flux_plugin_arg_set (flux_plugin_arg_t *args, int flags, const char *json_str)
{
    json_error_t err;
    json_t *o = NULL;

    if (!args || !flags_valid (flags))
        return arg_fail (args, EINVAL, "invalid argument");
    if (json_str && !(o = json_loads (json_str, 0, &err)))
        return arg_fail (args, EINVAL, err.text);
    if (o && !json_is_object (o)) {
        json_decref (o);
        return arg_fail (args, EINVAL, "arguments are not a JSON object");
    }
    return arg_put (args, flags, o);
}

int flux_plugin_arg_get (flux_plugin_arg_t *args, int flags, char **json_str)
{
    json_t *o;
    char *s;

    if (!args || !json_str || !flags_valid (flags))
        return arg_fail (args, EINVAL, "invalid argument");
    if (!(o = *slot (args, flags)))
        return arg_fail (args, ENOENT, "No args currently set");
    if (!(s = json_dumps (o, JSON_COMPACT)))
        return arg_fail (args, ENOMEM, "out of memory");
    *json_str = s;
    return 0;
}

int flux_plugin_arg_vpack (flux_plugin_arg_t *args, int flags, const char *fmt, va_list ap)
{
    json_error_t err;
    json_t *o;

    if (!args || !fmt || !flags_valid (flags))
        return arg_fail (args, EINVAL, "invalid argument");
    if (!(o = json_vpack_ex (&err, 0, fmt, ap)))
        return arg_fail (args, EINVAL, err.text);
    if (!json_is_object (o)) {
        json_decref (o);
        return arg_fail (args, EINVAL, "arguments are not a JSON object");
    }
    return arg_put (args, flags, o);
}

int flux_plugin_arg_pack (flux_plugin_arg_t *args, int flags, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_plugin_arg_vpack (args, flags, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_plugin_arg_vunpack (flux_plugin_arg_t *args, int flags, const char *fmt, va_list ap)
{
    json_error_t err;
    json_t *o;

    if (!args || !fmt || !flags_valid (flags))
        return arg_fail (args, EINVAL, "invalid argument");
    if (!(o = *slot (args, flags)))
        return arg_fail (args, ENOENT, "No args currently set");
    if (json_vunpack_ex (o, &err, 0, fmt, ap) < 0)
        return arg_fail (args, EINVAL, err.text);
    return 0;
}

int flux_plugin_arg_unpack (flux_plugin_arg_t *args, int flags, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_plugin_arg_vunpack (args, flags, fmt, ap);
    va_end (ap);
    return rc;
}
