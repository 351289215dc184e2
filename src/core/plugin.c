/* plugin.c - loadable plugins: callbacks by topic, configuration, aux items
 */
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>

#include "core/aux.h"
#include "core/userlib.h"
#include "base/errmsg.h"
#include "base/list.h"
#include "core/uuid.h"

struct handler {
    struct list_node node;
    flux_plugin_f cb;
    void *data;
    bool glob;                 /* topic is a pattern */
    char topic[];
};

struct flux_plugin {
    char *path;
    char *name;
    void *dso;
    int flags;
    json_t *conf;
    char *conf_str;            /* cache of flux_plugin_get_conf() */
    struct aux_item *aux;
    struct list_node handlers; /* in order of registration */
    flux_error_t error;
    char uuid[UUID_SIZE];
};

static int plugin_fail (flux_plugin_t *p, int errnum, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

static int plugin_fail (flux_plugin_t *p, int errnum, const char *fmt, ...)
{
    char text[sizeof (p->error.text)];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    errmsg (&p->error, -errnum, "%s", text);
    errno = errnum;
    return -1;
}

static void handlers_clear (flux_plugin_t *p)
{
    list_foreach (&p->handlers, n) {
        list_del (n);
        free (list_entry (n, struct handler, node));
    }
}

flux_plugin_t *flux_plugin_create (void)
{
    flux_plugin_t *p;

    if (!(p = calloc (1, sizeof (*p))))
        return NULL;
    list_init (&p->handlers);
    p->flags = FLUX_PLUGIN_RTLD_LAZY;
    return p;
}

void flux_plugin_destroy (flux_plugin_t *p)
{
    int saved_errno = errno;

    if (!p)
        return;
    aux_clear (&p->aux); // destructors may be code of the DSO
    handlers_clear (p);
    json_decref (p->conf);
    free (p->conf_str);
    free (p->name);
    free (p->path);
    if (p->dso)
        dlclose (p->dso);
    free (p);
    errno = saved_errno;
}

const char *flux_plugin_strerror (flux_plugin_t *p)
{
    return p ? p->error.text : "no plugin";
}

const char *flux_plugin_get_name (flux_plugin_t *p)
{
    return p ? p->name : NULL;
}

const char *flux_plugin_get_path (flux_plugin_t *p)
{
    return p ? p->path : NULL;
}

/* Few ask for it. */
const char *flux_plugin_get_uuid (flux_plugin_t *p)
{
    int rc;

    if (p && !p->uuid[0] && (rc = uuid_generate (p->uuid)) < 0) {
        errno = -rc;
        return NULL;
    }
    return p ? p->uuid : NULL;
}

int flux_plugin_get_flags (flux_plugin_t *p)
{
    return p ? p->flags : 0;
}

static int set_string (flux_plugin_t *p, char **slot, const char *s)
{
    char *cpy = strdup (s);

    if (!cpy)
        return plugin_fail (p, ENOMEM, "out of memory");
    free (*slot);
    *slot = cpy;
    return 0;
}

int flux_plugin_set_name (flux_plugin_t *p, const char *name)
{
    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if (!name)
        return plugin_fail (p, EINVAL, "no plugin name");
    return set_string (p, &p->name, name);
}

int flux_plugin_set_flags (flux_plugin_t *p, int flags)
{
    const int valid = FLUX_PLUGIN_RTLD_LAZY | FLUX_PLUGIN_RTLD_NOW
        | FLUX_PLUGIN_RTLD_GLOBAL | FLUX_PLUGIN_RTLD_DEEPBIND;

    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if ((flags & ~valid))
        return plugin_fail (p, EINVAL, "invalid plugin flags 0x%x", flags);
    p->flags = flags;
    return 0;
}

/*
 * Aux items
 */

int flux_plugin_aux_set (flux_plugin_t *p, const char *key, void *val, flux_free_f free_fn)
{
    int rc;

    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if ((rc = aux_set (&p->aux, key, val, free_fn)) < 0)
        return plugin_fail (p, -rc, "aux item %s: %s", key ? key : "(anonymous)",
                            flux_strerror (-rc));
    return 0;
}

void *flux_plugin_aux_get (flux_plugin_t *p, const char *key)
{
    void *val;

    if (!p || !key) {
        errno = EINVAL;
        return NULL;
    }
    if (!(val = aux_get (p->aux, key)))
        errno = ENOENT;
    return val;
}

void flux_plugin_aux_delete_value (flux_plugin_t *p, const void *val)
{
    if (p)
        aux_delete_value (&p->aux, val);
}

/*
 * Configuration
 */

int flux_plugin_set_conf (flux_plugin_t *p, const char *json_str)
{
    json_error_t err;
    json_t *o = NULL;

    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if (json_str && !(o = json_loads (json_str, JSON_DECODE_ANY, &err)))
        return plugin_fail (p, EINVAL, "parse error: col %d: %s", err.column, err.text);
    json_decref (p->conf);
    p->conf = o;
    free (p->conf_str);
    p->conf_str = NULL;
    return 0;
}

const char *flux_plugin_get_conf (flux_plugin_t *p)
{
    if (!p) {
        errno = EINVAL;
        return NULL;
    }
    if (!p->conf) {
        plugin_fail (p, ENOENT, "No plugin conf set");
        return NULL;
    }
    if (!p->conf_str
        && !(p->conf_str = json_dumps (p->conf, JSON_COMPACT | JSON_ENCODE_ANY)))
        plugin_fail (p, ENOMEM, "encoding the plugin conf failed");
    return p->conf_str;
}

int flux_plugin_conf_unpack (flux_plugin_t *p, const char *fmt, ...)
{
    json_error_t err;
    va_list ap;
    int rc;

    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if (!fmt)
        return plugin_fail (p, EINVAL, "no format");
    if (!p->conf)
        return plugin_fail (p, ENOENT, "No plugin conf set");
    va_start (ap, fmt);
    rc = json_vunpack_ex (p->conf, &err, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        return plugin_fail (p, EINVAL, "unpack error: %s", err.text);
    return 0;
}

/*
 * Handlers
 */

static struct handler *handler_find (flux_plugin_t *p, const char *topic)
{
    list_foreach (&p->handlers, n) {
        struct handler *hnd = list_entry (n, struct handler, node);
        if (strcmp (hnd->topic, topic) == 0)
            return hnd;
    }
    return NULL;
}

static struct handler *handler_match (flux_plugin_t *p, const char *topic)
{
    list_foreach (&p->handlers, n) {
        struct handler *hnd = list_entry (n, struct handler, node);
        if (hnd->glob ? fnmatch (hnd->topic, topic, 0) == 0 : strcmp (hnd->topic, topic) == 0)
            return hnd;
    }
    return NULL;
}

int flux_plugin_remove_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *hnd;

    if (!p || !topic) {
        errno = EINVAL;
        return -1;
    }
    if ((hnd = handler_find (p, topic))) {
        list_del (&hnd->node);
        free (hnd);
    }
    return 0;
}

int flux_plugin_add_handler (flux_plugin_t *p, const char *topic, flux_plugin_f cb, void *arg)
{
    struct handler *hnd;

    if (!p || !topic) {
        errno = EINVAL;
        return -1;
    }
    if (!cb)
        return flux_plugin_remove_handler (p, topic);
    if (!(hnd = handler_find (p, topic))) {
        size_t len = strlen (topic) + 1;

        if (!(hnd = calloc (1, sizeof (*hnd) + len)))
            return plugin_fail (p, ENOMEM, "out of memory");
        memcpy (hnd->topic, topic, len);
        hnd->glob = strpbrk (topic, "*?[\\") != NULL;
        list_append (&p->handlers, &hnd->node);
    }
    hnd->cb = cb;
    hnd->data = arg;
    return 0;
}

flux_plugin_f flux_plugin_get_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *hnd;

    if (!p || !topic) {
        errno = EINVAL;
        return NULL;
    }
    hnd = handler_find (p, topic);
    return hnd ? hnd->cb : NULL;
}

flux_plugin_f flux_plugin_match_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *hnd;

    if (!p || !topic) {
        errno = EINVAL;
        return NULL;
    }
    hnd = handler_match (p, topic);
    return hnd ? hnd->cb : NULL;
}

int flux_plugin_register (flux_plugin_t *p, const char *name,
                          const struct flux_plugin_handler t[])
{
    if (!p || (!name && !t)) {
        errno = EINVAL;
        return -1;
    }
    if (name && flux_plugin_set_name (p, name) < 0)
        return -1;
    for (; t && t->topic; t++) {
        if (flux_plugin_add_handler (p, t->topic, t->cb, t->data) < 0)
            return -1;
    }
    return 0;
}

int flux_plugin_call (flux_plugin_t *p, const char *name, flux_plugin_arg_t *args)
{
    struct handler *hnd;

    if (!p || !name) {
        errno = EINVAL;
        return -1;
    }
    p->error.text[0] = '\0';
    if (!(hnd = handler_match (p, name)))
        return 0;
    return hnd->cb (p, name, args, hnd->data) < 0 ? -1 : 1;
}

/*
 * Loading
 */

static int dlopen_flags (int flags)
{
    int mode = (flags & FLUX_PLUGIN_RTLD_NOW) ? RTLD_NOW : RTLD_LAZY;

    if ((flags & FLUX_PLUGIN_RTLD_GLOBAL))
        mode |= RTLD_GLOBAL;
    if ((flags & FLUX_PLUGIN_RTLD_DEEPBIND))
        mode |= RTLD_DEEPBIND;
    return mode;
}

/* "/a/b/name.so" -> "name" */
static int name_from_path (flux_plugin_t *p, const char *path)
{
    const char *base = strrchr (path, '/');
    size_t len;
    char *name;

    base = base ? base + 1 : path;
    len = strlen (base);
    if (len > 3 && strcmp (base + len - 3, ".so") == 0)
        len -= 3;
    if (!(name = strndup (base, len)))
        return plugin_fail (p, ENOMEM, "out of memory");
    free (p->name);
    p->name = name;
    return 0;
}

int flux_plugin_load_dso (flux_plugin_t *p, const char *path)
{
    char real[PATH_MAX];
    flux_plugin_init_f init;

    if (!p || !path) {
        errno = EINVAL;
        return -1;
    }
    if (p->dso)
        return plugin_fail (p, EEXIST, "%s: a plugin is already loaded", p->path);
    if (!realpath (path, real))
        return plugin_fail (p, errno, "%s: %s", path, flux_strerror (errno));
    dlerror ();
    if (!(p->dso = userlib_open (real, dlopen_flags (p->flags))))
        return plugin_fail (p, ENOENT, "dlopen: %s", dlerror ());
    if (set_string (p, &p->path, real) < 0
        || (!p->name && name_from_path (p, real) < 0))
        return -1;
    if (!(init = (flux_plugin_init_f)dlsym (p->dso, "flux_plugin_init")))
        return 0; // the caller may look for handlers of its own kind
    errno = 0;
    if (init (p) < 0)
        return plugin_fail (p, errno ? errno : EINVAL, "%s: flux_plugin_init failed", path);
    return 0;
}
