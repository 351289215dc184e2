/* method_plugin.c - methods that are not ours
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include <flux/pmi_client.h>

#include "base/errmsg.h"
#include "pmi/method_plugin.h"

struct plugin {
    const struct flux_pmi_client *calls;
    void *data;
};

/* What a call of the plugin gave, as one of ours does. */
static int result (int rc, flux_error_t *err)
{
    int e = errno ? errno : EIO;

    if (rc == 0)
        return 0;
    if (err && !err->text[0])
        errmsg (err, -e, "%s", strerror (e));
    return -e;
}

/* The first DIR/NAME.so that is there. */
static bool find_in (const char *dirs, const char *name, char *file, size_t size)
{
    for (const char *s = dirs; s && *s; s += strcspn (s, ":"), s += *s == ':') {
        int len = strcspn (s, ":");
        if (len > 0 && snprintf (file, size, "%.*s/%s.so", len, s, name) < (int)size
            && access (file, F_OK) == 0)
            return true;
    }
    return false;
}

static const struct flux_pmi_client *load (const char *file, flux_error_t *err)
{
    void *dso = dlopen (file, RTLD_NOW | RTLD_LOCAL);
    const struct flux_pmi_client *c;

    if (!dso)
        errmsg (err, -EINVAL, "%s", dlerror ());
    else if (!(c = dlsym (dso, "flux_pmi_client")))
        errmsg (err, -EINVAL, "%s has no flux_pmi_client", file);
    else if (c->version != FLUX_PMI_CLIENT_VERSION)
        errmsg (err, -EINVAL, "%s is of version %d, want %d: compile it again", file,
                c->version, FLUX_PMI_CLIENT_VERSION);
    else if (!c->open || !c->put || !c->get || !c->barrier || !c->finalize || !c->close)
        errmsg (err, -EINVAL, "%s: a call of flux_pmi_client is missing", file);
    else
        return c;
    return NULL;
}

int method_plugin_open (const char *name, const char *path, const char *dirs, void **datap,
                        struct pmi_place *place, flux_error_t *err)
{
    const struct flux_pmi_client *calls;
    struct flux_pmi_place where = { .size = 1 };
    char file[PATH_MAX];
    struct plugin *p;
    int rc;

    if (strchr (name, '/')
        || (!find_in (getenv ("FLUX_PMI_CLIENT_SEARCHPATH"), name, file, sizeof (file))
            && !find_in (dirs, name, file, sizeof (file))))
        return -ENOENT;
    if (!(calls = load (file, err)))
        return -EINVAL;
    if (!(p = calloc (1, sizeof (*p))))
        return errmsg (err, -ENOMEM, "out of memory");
    p->calls = calls;
    errno = 0;
    if ((rc = result (calls->open (path, &p->data, &where, err), err)) < 0) {
        free (p);
        return rc;
    }
    place->rank = where.rank;
    place->size = where.size;
    snprintf (place->name, sizeof (place->name), "%.*s", (int)sizeof (where.name) - 1, where.name);
    *datap = p;
    return 0;
}

static int plugin_put (void *data, const char *key, const char *value, flux_error_t *err)
{
    struct plugin *p = data;

    errno = 0;
    return result (p->calls->put (p->data, key, value, err), err);
}

static int plugin_get (void *data, const char *key, const char **valuep, flux_error_t *err)
{
    struct plugin *p = data;

    errno = 0;
    return result (p->calls->get (p->data, key, valuep, err), err);
}

static int plugin_barrier (void *data, flux_error_t *err)
{
    struct plugin *p = data;

    errno = 0;
    return result (p->calls->barrier (p->data, err), err);
}

static int plugin_finalize (void *data, flux_error_t *err)
{
    struct plugin *p = data;

    errno = 0;
    return result (p->calls->finalize (p->data, err), err);
}

static void plugin_abort (void *data, int exit_code, const char *msg)
{
    struct plugin *p = data;

    if (p->calls->abort)
        p->calls->abort (p->data, exit_code, msg);
}

static void plugin_close (void *data)
{
    struct plugin *p = data;

    p->calls->close (p->data);
    free (p);
}

const struct pmi_method method_plugin = {
    .scheme = "plugin",
    .put = plugin_put,
    .get = plugin_get,
    .barrier = plugin_barrier,
    .finalize = plugin_finalize,
    .abort = plugin_abort,
    .close = plugin_close,
};
