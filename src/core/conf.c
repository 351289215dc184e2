/* conf.c - configuration objects
 */
#include <errno.h>
#include <stdlib.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "core/conf_private.h"

flux_conf_t *conf_new_take (json_t *obj)
{
    flux_conf_t *conf;

    if (!obj) {
        errno = ENOMEM;
        return NULL;
    }
    if (!(conf = calloc (1, sizeof (*conf)))) {
        json_decref (obj);
        return NULL;
    }
    conf->obj = obj;
    conf->refcount = 1;
    return conf;
}

flux_conf_t *flux_conf_create (void)
{
    return conf_new_take (json_object ());
}

const flux_conf_t *flux_conf_incref (const flux_conf_t *conf)
{
    if (conf)
        ((flux_conf_t *)conf)->refcount++;
    return conf;
}

void flux_conf_decref (const flux_conf_t *conf)
{
    flux_conf_t *c = (flux_conf_t *)conf;

    if (c && --c->refcount == 0) {
        int saved_errno = errno;
        json_decref (c->obj);
        free (c);
        errno = saved_errno;
    }
}

flux_conf_t *flux_conf_copy (const flux_conf_t *conf)
{
    if (!conf) {
        errno = EINVAL;
        return NULL;
    }
    return conf_new_take (json_deep_copy (conf->obj));
}

flux_conf_t *flux_conf_vpack (const char *fmt, va_list ap)
{
    json_error_t err;
    json_t *o = fmt ? json_vpack_ex (&err, 0, fmt, ap) : NULL;

    if (!json_is_object (o)) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    return conf_new_take (o);
}

flux_conf_t *flux_conf_pack (const char *fmt, ...)
{
    flux_conf_t *conf;
    va_list ap;

    va_start (ap, fmt);
    conf = flux_conf_vpack (fmt, ap);
    va_end (ap);
    return conf;
}

int flux_conf_vunpack (const flux_conf_t *conf,
                       flux_error_t *error,
                       const char *fmt,
                       va_list ap)
{
    json_error_t err;

    if (!conf || !fmt || *fmt == '\0') {
        errmsg (error, -EINVAL, "no configuration or no format");
        errno = EINVAL;
        return -1;
    }
    if (json_vunpack_ex (conf->obj, &err, 0, fmt, ap) < 0) {
        errmsg (error, -EINVAL, "%s", err.text);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int flux_conf_unpack (const flux_conf_t *conf, flux_error_t *error, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_conf_vunpack (conf, error, fmt, ap);
    va_end (ap);
    return rc;
}
