/* open.c - flux_open(): from a URI, or a path among ancestors, to a handle
 */
#include "core/connector_private.h"
#include "core/handle_private.h"
#include "core/userlib.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/core/attr.h>
#include <flux/core/conf_builtin.h>

#include "base/errmsg.h"

enum {
    OPEN_FLAGS = FLUX_O_TRACE | FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG
                 | FLUX_O_TEST_NOSUB | FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE,
    ANCESTORS_MAX = 1000,
};

static const struct {
    const char *scheme;
    connector_init_f *init;
} builtin[] = {
    { "local", connector_local_init },
    { "fd", connector_fd_init },
    { "loop", connector_loop_init },
    { "ssh", connector_ssh_init },
};

/* NULL with errno set to a positive error, from a negative one. */
static flux_t *fail (int rc)
{
    errno = -rc;
    return NULL;
}

/* Connectors from shared objects: SCHEME.so with "connector_init".  They stay
 * loaded, as handles refer to their code. */

static connector_init_f *load_connector (const char *dir, size_t dirlen,
                                         const char *scheme, flux_error_t *err)
{
    char path[PATH_MAX];
    connector_init_f *init;
    void *dso;
    int n = snprintf (path, sizeof (path), "%.*s/%s.so", (int)dirlen, dir,
                      scheme);

    if (n < 0 || n >= (int)sizeof (path) || access (path, R_OK) < 0)
        return NULL;
    if (!(dso = userlib_open (path, RTLD_NOW | RTLD_LOCAL))
        || !(init = (connector_init_f *)dlsym (dso, "connector_init"))) {
        (void)errmsg (err, -EINVAL, "%s", dlerror ());
        if (dso)
            dlclose (dso);
        return NULL;
    }
    return init;
}

static connector_init_f *find_on_path (const char *scheme, flux_error_t *err)
{
    const char *p = getenv ("FLUX_CONNECTOR_PATH");
    connector_init_f *init = NULL;

    (void)errmsg (err, -ENOENT, "no connector for %s:// (looked for %s.so on "
                  "FLUX_CONNECTOR_PATH)", scheme, scheme);
    if (!p || !*p)
        p = flux_conf_builtin_get ("connector_path", FLUX_CONF_AUTO);
    while (p && *p && !init) {
        size_t len = strcspn (p, ":");
        if (len > 0)
            init = load_connector (p, len, scheme, err);
        p += len + (p[len] == ':');
    }
    return init;
}

static connector_init_f *find_connector (const char *scheme, flux_error_t *err)
{
    for (size_t i = 0; i < sizeof (builtin) / sizeof (builtin[0]); i++) {
        if (!strcmp (scheme, builtin[i].scheme))
            return builtin[i].init;
    }
    return find_on_path (scheme, err);
}

/* Split SCHEME://PATH. */
static int split_uri (const char *uri, char *scheme, size_t size,
                      const char **pathp, flux_error_t *err)
{
    const char *sep = strstr (uri, "://");
    size_t len = sep ? (size_t)(sep - uri) : 0;

    if (len == 0 || len >= size)
        goto bad;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum ((unsigned char)uri[i]) && !strchr ("+-.", uri[i]))
            goto bad;
    }
    memcpy (scheme, uri, len);
    scheme[len] = '\0';
    *pathp = sep + 3;
    return 0;
bad:
    return errmsg (err, -EINVAL, "'%s' is not a URI such as "
                   "local:///run/flux/local", uri);
}

/* Environment */

static int env_u32 (const char *name, int base, uint32_t *valp,
                    flux_error_t *err)
{
    const char *s = getenv (name);
    unsigned long long val;
    char *end;

    if (!s)
        return 0;
    errno = 0;
    val = strtoull (s, &end, base);
    if (errno != 0 || end == s || *end != '\0' || val > UINT32_MAX
        || strchr (s, '-'))
        return errmsg (err, -EINVAL, "%s=%s is not a number from 0 to %u", name,
                       s, UINT32_MAX);
    *valp = (uint32_t)val;
    return 1;
}

static int mock_from_env (flux_t *h, flux_error_t *err)
{
    uint32_t val;
    int rc;

    if ((rc = env_u32 ("FLUX_HANDLE_USERID", 10, &val, err)) < 0)
        return rc;
    if (rc > 0
        && flux_opt_set (h, FLUX_OPT_TESTING_USERID, &val, sizeof (val)) < 0)
        return -errno;
    if ((rc = env_u32 ("FLUX_HANDLE_ROLEMASK", 0, &val, err)) < 0)
        return rc;
    if (rc > 0
        && flux_opt_set (h, FLUX_OPT_TESTING_ROLEMASK, &val, sizeof (val)) < 0)
        return -errno;
    return 0;
}

static int flags_from_env (int flags)
{
    if (getenv ("FLUX_HANDLE_TRACE"))
        flags |= FLUX_O_TRACE;
    if (getenv ("FLUX_HANDLE_MATCHDEBUG"))
        flags |= FLUX_O_MATCHDEBUG;
    return flags;
}

static flux_t *open_uri (const char *uri, int flags, flux_error_t *err)
{
    char scheme[32];
    const char *path = NULL;
    connector_init_f *init;
    flux_t *h;
    int rc;

    if ((rc = split_uri (uri, scheme, sizeof (scheme), &path, err)) < 0)
        return fail (rc);
    if (!(init = find_connector (scheme, err)))
        return fail (-ENOENT);
    if (!(h = init (path, flags_from_env (flags), err)))
        return NULL;
    if ((rc = mock_from_env (h, err)) < 0) {
        flux_close (h);
        return fail (rc);
    }
    return h;
}

static flux_t *open_default (int flags, flux_error_t *err)
{
    const char *uri = getenv ("FLUX_URI");
    const char *rundir;
    char buf[PATH_MAX];
    int n;

    if (uri && *uri)
        return open_uri (uri, flags, err);
    if (!(rundir = flux_conf_builtin_get ("rundir", FLUX_CONF_AUTO)))
        return fail (errmsg (err, -EINVAL, "FLUX_URI is not set"));
    n = snprintf (buf, sizeof (buf), "local://%s/local", rundir);
    if (n < 0 || n >= (int)sizeof (buf))
        return fail (errmsg (err, -ENAMETOOLONG, "rundir is too long"));
    return open_uri (buf, flags, err);
}

/* Ancestors */

/* How many levels up: ".", "..", "../..", or "/" for all.  -1: not a path. */
static int count_levels (const char *path)
{
    int levels = 0;

    if (!strcmp (path, "/"))
        return ANCESTORS_MAX;
    while (*path) {
        size_t len = strcspn (path, "/");
        if (len == 2 && !strncmp (path, "..", 2))
            levels++;
        else if (len != 0 && !(len == 1 && *path == '.'))
            return -1;
        path += len;
        path += strspn (path, "/");
    }
    return levels < ANCESTORS_MAX ? levels : ANCESTORS_MAX;
}

/* Going up from the root instance is staying there. */
static flux_t *open_ancestor (int levels, int flags, flux_error_t *err)
{
    flux_t *h = open_default (flags, err);

    while (h && levels-- > 0) {
        const char *uri = flux_attr_get (h, "parent-uri");
        flux_t *parent;
        if (!uri && errno != ENOENT) {
            int rc = errmsg (err, -errno, "cannot get the parent's URI: %s",
                             strerror (errno));
            flux_close (h);
            return fail (rc);
        }
        if (!uri)
            break;
        parent = open_uri (uri, flags, err);
        flux_close (h);
        h = parent;
    }
    return h;
}

flux_t *flux_open_ex (const char *uri, int flags, flux_error_t *err)
{
    flux_t *h;
    int levels;

    if (err)
        err->text[0] = '\0';
    if ((flags & ~OPEN_FLAGS))
        return fail (errmsg (err, -EINVAL, "unknown flag"));
    if (!uri)
        h = open_default (flags, err);
    else if (*uri && (levels = count_levels (uri)) >= 0)
        h = open_ancestor (levels, flags, err);
    else
        h = open_uri (uri, flags, err);
    if (!h && err && !err->text[0])
        (void)errmsg (err, -errno, "%s", strerror (errno));
    return h;
}

flux_t *flux_open (const char *uri, int flags)
{
    return flux_open_ex (uri, flags, NULL);
}
