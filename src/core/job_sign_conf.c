/* job_sign_conf.c - how a site signs jobs: the table [sign] of security/conf.d
 */
#include <flux/core.h>

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "core/job_sign.h"

#define TWO_WEEKS (14 * 86400)

static int check_type (const char *key, const char *type, flux_error_t *err)
{
    if (type && (!strcmp (type, "none") || !strcmp (type, "munge")))
        return 0;
    return errmsg (err, -EINVAL, "sign.%s: '%s' is not a mechanism: there are none and munge",
                   key, type ? type : "");
}

static int read_types (struct job_sign_conf *conf, json_t *types, flux_error_t *err)
{
    size_t i;
    json_t *o;
    int rc;

    if (!types)
        return 0;
    if (!json_is_array (types))
        return errmsg (err, -EINVAL, "sign.allowed-types: not an array");
    conf->allow_none = conf->allow_munge = false;
    json_array_foreach (types, i, o) {
        const char *type = json_string_value (o);
        if ((rc = check_type ("allowed-types", type, err)) < 0)
            return rc;
        if (!strcmp (type, "none"))
            conf->allow_none = true;
        else
            conf->allow_munge = true;
    }
    return 0;
}

static int read_table (struct job_sign_conf *conf, const flux_conf_t *files, flux_error_t *err)
{
    const char *type = NULL;
    json_t *types = NULL;
    int rc;

    if (flux_conf_unpack (files, err, "{s?{s?s s?o s?i}}", "sign", "default-type", &type,
                          "allowed-types", &types, "max-ttl", &conf->max_ttl) < 0)
        return -errno;
    if (conf->max_ttl < 1)
        return errmsg (err, -EINVAL, "sign.max-ttl: must be at least 1 second");
    if (type && (rc = check_type ("default-type", type, err)) < 0)
        return rc;
    conf->munge = type && !strcmp (type, "munge");
    return read_types (conf, types, err);
}

int job_sign_read_conf (struct job_sign_conf *conf, flux_error_t *err)
{
    const char *dir = flux_conf_builtin_get ("confdir", FLUX_CONF_AUTO);
    struct job_sign_conf c = { .allow_none = true, .allow_munge = true, .max_ttl = TWO_WEEKS };
    char path[PATH_MAX];
    flux_conf_t *files;
    flux_error_t why;
    int rc = 0;

    if (!dir || snprintf (path, sizeof (path), "%s/security/conf.d", dir) >= PATH_MAX)
        return errmsg (err, -ENAMETOOLONG, "the path of security/conf.d is too long");
    if (access (path, F_OK) == 0) {
        if (!(files = flux_conf_parse (path, &why)))
            rc = -errno;
        else
            rc = read_table (&c, files, &why);
        flux_conf_decref (files);
    }
    if (rc < 0)
        return errmsg (err, rc, "%s: %s", path, why.text);
    *conf = c;
    return 0;
}
