/* modhost.c - which modules there are
 */
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/modhold.h"
#include "broker/modhost.h"
#include "broker/modproc.h"
#include "broker/modrun.h"
#include "core/userlib.h"

/* A series of loads or removals in progress. */
struct series {
    modhost_done_f done;
    void *arg;
    int pending;
    int rc;
    char text[sizeof (flux_error_t)];
};

struct modhost {
    struct modhost_args args;
    struct modrun *run;
    struct modhold *hold;
    struct list_node modules;     /* in load order */
    struct list_node core;        /* BUILTIN_CORE ones: never listed */
    struct series loads;
    struct series removes;
    bool starting;
    void (*on_new) (struct module *m, void *arg);
    void *on_new_arg;
};

static void remove_next (struct modhost *mh);
static void start_waiting (struct modhost *mh);

/* --- series --- */

static void series_begin (struct series *s, modhost_done_f done, void *arg)
{
    memset (s, 0, sizeof (*s));
    s->done = done;
    s->arg = arg;
    s->pending = 1;              /* held by who begins it */
}

static void series_end_one (struct series *s, int rc, const char *text)
{
    modhost_done_f done = s->done;

    if (!done)
        return;
    if (rc < 0 && s->rc == 0) {
        s->rc = rc;
        snprintf (s->text, sizeof (s->text), "%s", text);
    }
    if (--s->pending > 0)
        return;
    s->done = NULL;
    done (s->arg, s->rc, s->text);
}

/* --- answers to module.load and module.remove --- */

static void answer_all (struct modhost *mh, struct flux_msglist *l, int errnum,
                        const char *text)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (l))) {
        if (errnum)
            flux_respond_error (mh->args.h, msg, errnum, text);
        else
            flux_respond (mh->args.h, msg, NULL);
        flux_msg_decref (msg);
    }
}

void modhost_set_status (struct modhost *mh, struct module *m,
                         enum module_status status)
{
    if (status <= m->status)
        return;
    if (status == MODULE_RUNNING) {
        m->ran = true;
        m->t_running = module_clock ();
        answer_all (mh, m->loaders, 0, NULL);
        if (m->in_series)
            series_end_one (&mh->loads, 0, NULL);
        m->in_series = false;
        m->status = status;
        start_waiting (mh);
    }
    if (status == MODULE_FINALIZING)
        endpoint_close (m->ep);
    m->status = status;
}

static void running (struct module *m, void *arg)
{
    modhost_set_status (arg, m, MODULE_RUNNING);
}

static void panic (struct modhost *mh, struct module *m)
{
    char text[256];

    snprintf (text, sizeof (text), "module %s exited with error: %s", m->name,
              m->error.text[0] ? m->error.text : strerror (m->errnum));
    if (attrs_get (mh->args.attrs, "broker.module-nopanic", NULL)
        || attrs_get (mh->args.attrs, "broker.recovery-mode", NULL))
        flux_log (mh->args.h, 2, "%s", text);
    else
        mh->args.panic (mh->args.arg, text);
}

/* The module has ended: pass on its last words, answer who waits, free it. */
static void exited (struct module *m, void *arg)
{
    struct modhost *mh = arg;
    bool was_loading = !m->ran;
    bool spurious = m->errnum && !was_loading && !m->removing;
    void (*on_exit) (struct module *m, void *arg) = m->on_exit;
    void *on_exit_arg = m->on_exit_arg;

    module_drain (m);
    pubsub_endpoint_gone (mh->args.pubsub, m->ep);
    m->status = MODULE_EXITED;
    if (spurious)
        panic (mh, m);
    if (was_loading) {
        int e = m->errnum ? m->errnum : ECONNRESET;
        flux_error_t err = m->error;
        if (err.text[0] == '\0' && m->removing)
            errmsg (&err, -e, "module %s was removed by another request before it was loaded:"
                    " load it again", m->name);
        else if (err.text[0] == '\0')
            errmsg (&err, -e, "module %s: %s", m->name, strerror (e));
        answer_all (mh, m->loaders, e, err.text);
        if (m->in_series)
            series_end_one (&mh->loads, -e, err.text);
    }
    answer_all (mh, m->removers, 0, NULL);
    if (m->untaken)
        modhold_put_back (mh->hold, m->name, m->untaken);
    if (on_exit)
        on_exit (m, on_exit_arg);
    if (m->dso)
        dlclose (m->dso);
    module_free (m);
    start_waiting (mh);
    remove_next (mh);
}

/* --- load --- */

static const struct builtin *find_builtin (struct modhost *mh, const char *name)
{
    for (const struct builtin *const *b = mh->args.builtins; b && *b; b++)
        if (!strcmp ((*b)->name, name))
            return *b;
    return NULL;
}

static int add_services (struct modhost *mh, struct module *m, flux_error_t *err)
{
    const char *p = m->builtin ? m->builtin->services : NULL;
    int rc;

    if ((rc = router_service_add (mh->args.router, m->name, m->ep)) < 0)
        return errmsg (err, rc, "module %s: service %s: %s", m->name, m->name,
                       strerror (-rc));
    while (p && *(p += strspn (p, " "))) {
        char name[80];
        size_t len = strcspn (p, " ");
        snprintf (name, sizeof (name), "%.*s", (int)len, p);
        p += len;
        if ((rc = router_service_add (mh->args.router, name, m->ep)) < 0)
            return errmsg (err, rc, "module %s: service %s: %s", m->name, name,
                           rc == -EEXIST ? "another module provides it"
                           : strerror (-rc));
    }
    return 0;
}

/* Make the module known, so that requests for it are queued. */
static struct module *create (struct modhost *mh, const char *name, const char *path,
                              const struct builtin *b, void *dso, int argc,
                              char **argv, flux_error_t *err)
{
    struct module *m = module_new (mh, mh->args.router,
                                   flux_get_reactor (mh->args.h), name, path, b, argc,
                                   argv, err);
    int rc;

    if (!m)
        return NULL;
    m->dso = dso;
    if ((rc = add_services (mh, m, err)) < 0) {
        flux_close (m->far);
        module_free (m);
        errno = -rc;
        return NULL;
    }
    if (b && (b->flags & BUILTIN_CORE))
        list_append (&mh->core, &m->node);
    else
        list_append (&mh->modules, &m->node);
    if (mh->on_new)
        mh->on_new (m, mh->on_new_arg);
    modhold_end (mh->hold, m->name);
    return m;
}

/* The module is freed if it does not start. */
static int start (struct modhost *mh, struct module *m, flux_error_t *err)
{
    int e;

    m->started = true;
    m->t_start = module_clock ();
    if (modrun_start (mh->run, m) == 0)
        return 0;
    e = m->errnum ? m->errnum : EINVAL;
    if (m->error.text[0])
        errmsg (err, -e, "%s", m->error.text);
    else
        errmsg (err, -e, "module %s: %s", m->name, strerror (e));
    module_drain (m);
    pubsub_endpoint_gone (mh->args.pubsub, m->ep);
    module_free (m);
    errno = e;
    return -1;
}

static char *search_path (const char *name)
{
    const char *p = getenv ("FLUX_MODULE_PATH");
    char *path;

    while (p && *p) {
        size_t len = strcspn (p, ":");
        for (int i = 0; i < 2; i++) {
            if (asprintf (&path, "%.*s/%s%s", (int)len, p, name, i ? ".py" : ".so") < 0)
                return NULL;
            if (access (path, R_OK) == 0)
                return path;
            free (path);
        }
        p += len + (p[len] == ':');
    }
    errno = ENOENT;
    return NULL;
}

static bool is_python (const char *path)
{
    size_t n = strlen (path);

    return n > 3 && !strcmp (path + n - 3, ".py");
}

/* "dir/foo.so.1" -> "foo" */
static char *name_of (const char *path)
{
    const char *base = strrchr (path, '/');
    char *name = strdup (base ? base + 1 : path);
    char *dot = !name ? NULL : is_python (name) ? strrchr (name, '.') : strstr (name, ".so");

    if (dot)
        *dot = '\0';
    return name;
}

static struct module *create_dso (struct modhost *mh, const char *path,
                                  const char *name, int argc, char **argv,
                                  flux_error_t *err)
{
    char *own_name = NULL;
    const char **mod_name;
    void *dso;
    struct module *m = NULL;

    if (!(dso = userlib_open (path, RTLD_NOW | RTLD_LOCAL))) {
        const char *why = dlerror ();
        errno = -errmsg (err, access (path, R_OK) < 0 ? -errno : -ENOEXEC, "module %s: %s",
                         name ? name : path, why);
        return NULL;
    }
    if (!dlsym (dso, "mod_main")) {
        errno = -errmsg (err, -EINVAL, "%s has no mod_main()", path);
        goto done;
    }
    if (!name && (mod_name = dlsym (dso, "mod_name")) && *mod_name)
        name = *mod_name;
    if (!name && !(name = own_name = name_of (path))) {
        errmsg (err, -ENOMEM, "out of memory");
        goto done;
    }
    if (modhost_find (mh, name))
        errno = -errmsg (err, -EEXIST, "module %s is already loaded", name);
    else
        m = create (mh, name, path, NULL, dso, argc, argv, err);
done:
    if (!m) {
        int saved_errno = errno;
        dlclose (dso);
        errno = saved_errno;
    }
    free (own_name);
    return m;
}

/* The file is opened in the process only: there its faults stay. */
static struct module *create_process (struct modhost *mh, const char *path, const char *name,
                                      const struct modhost_how *how, int argc, char **argv,
                                      flux_error_t *err)
{
    char *own_name = NULL, *loader = NULL;
    struct module *m = NULL;

    if (access (path, R_OK) < 0)
        errno = -errmsg (err, -errno, "module %s: %s", path, strerror (errno));
    else if (!name && !(name = own_name = name_of (path)))
        errmsg (err, -ENOMEM, "out of memory");
    else if (modhost_find (mh, name))
        errno = -errmsg (err, -EEXIST, "module %s is already loaded", name);
    else if ((loader = modproc_loader (path, how->loader, err))
             && (m = create (mh, name, path, NULL, NULL, argc, argv, err))) {
        m->loader = loader;
        loader = NULL;
    }
    free (loader);
    free (own_name);
    return m;
}

static struct module *create_file (struct modhost *mh, const char *path, const char *name,
                                   const struct modhost_how *how, int argc, char **argv,
                                   flux_error_t *err)
{
    if (how->exec || how->loader || is_python (path))
        return create_process (mh, path, name, how, argc, argv, err);
    return create_dso (mh, path, name, argc, argv, err);
}

static struct module *create_builtin (struct modhost *mh, const struct builtin *b,
                                      const char *name, int argc, char **argv,
                                      flux_error_t *err)
{
    if (strcmp (name, b->name) != 0) {
        errno = -errmsg (err, -ENOTSUP, "%s is built in and keeps its name", b->name);
        return NULL;
    }
    if (modhost_find (mh, name)) {
        errno = -errmsg (err, -EEXIST, "module %s is already loaded", name);
        return NULL;
    }
    return create (mh, name, "builtin", b, NULL, argc, argv, err);
}

/* Find what 'path' names and make it known, without starting it. */
static struct module *create_any (struct modhost *mh, const char *path, const char *name,
                                  const struct modhost_how *how, int argc, char **argv,
                                  flux_error_t *err)
{
    const struct builtin *b;
    struct module *m;
    char *found;

    if (strchr (path, '/'))
        return create_file (mh, path, name, how, argc, argv, err);
    if (how->loader) {
        errno = -errmsg (err, -EINVAL, "module %s: a loader needs the module's path", path);
        return NULL;
    }
    if ((found = search_path (path))) {
        m = create_file (mh, found, name ? name : path, how, argc, argv, err);
        free (found);
        return m;
    }
    b = find_builtin (mh, path);
    if (!b || (b->flags & BUILTIN_CORE)) {
        errno = -errmsg (err, -ENOENT, "module %s: no shared object in"
                         " FLUX_MODULE_PATH and no built-in service of this name",
                         path);
        return NULL;
    }
    if (how->exec) {
        errno = -errmsg (err, -ENOTSUP, "%s is built in: it runs in the broker, not in a"
                         " process of its own", path);
        return NULL;
    }
    return create_builtin (mh, b, name ? name : path, argc, argv, err);
}

struct module *modhost_load (struct modhost *mh, const char *path, const char *name,
                             const struct modhost_how *how, int argc, char **argv,
                             flux_error_t *err)
{
    struct module *m = create_any (mh, path, name, how, argc, argv, err);

    if (!m)
        modhold_end (mh->hold, NULL);   /* it may be what was to come back */
    return m && start (mh, m, err) == 0 ? m : NULL;
}

/* --- default start-up --- */

int modhost_start_core (struct modhost *mh, flux_error_t *err)
{
    struct module *m;

    for (const struct builtin *const *p = mh->args.builtins; p && *p; p++) {
        const struct builtin *b = *p;
        if (!(b->flags & BUILTIN_CORE))
            continue;
        if (!(m = create (mh, b->name, "builtin", b, NULL, 0, NULL, err))
            || start (mh, m, err) < 0)
            return -errno;
    }
    return 0;
}

static char **argv_of (json_t *args, int *argcp)
{
    size_t n = json_array_size (args);
    char **argv = calloc (n + 1, sizeof (*argv));

    for (size_t i = 0; argv && i < n; i++)
        argv[i] = (char *)json_string_value (json_array_get (args, i));
    *argcp = n;
    return argv;
}

/* An entry of modconf_plan(). */
static struct module *create_planned (struct modhost *mh, json_t *entry, flux_error_t *err)
{
    json_t *args = json_object_get (entry, "args");
    struct modhost_how how = { .exec = json_is_true (json_object_get (entry, "exec")) };
    const char *name, *path;
    struct module *m;
    char **argv;
    int argc;

    if (json_unpack (entry, "{s:s s:s}", "name", &name, "module", &path) < 0
        || !(argv = argv_of (args, &argc))) {
        errno = -errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    m = create_any (mh, path, name, &how, argc, argv, err);
    free (argv);
    if (m)
        m->after = json_incref (json_object_get (entry, "after"));
    return m;
}

/* Built-in services may ask one another as soon as their names are there; a shared
 * object registers services only as it runs. */
static bool may_start (struct modhost *mh, struct module *m)
{
    json_t *o;
    size_t i;

    json_array_foreach (m->after, i, o) {
        struct module *before = modhost_find (mh, json_string_value (o));
        if (before && !before->builtin && before->status < MODULE_RUNNING)
            return false;
    }
    return true;
}

static void start_waiting (struct modhost *mh)
{
    flux_error_t err;

    if (mh->starting)
        return;             /* from a module that is being started */
    mh->starting = true;
    /* after a start that fails the list may be another: begin again */
    for (struct list_node *n = mh->modules.next; n != &mh->modules; n = n->next) {
        struct module *m = list_entry (n, struct module, node);
        bool in_series = m->in_series;
        if (m->started || m->removing || !may_start (mh, m))
            continue;
        if (start (mh, m, &err) < 0) {
            if (in_series)
                series_end_one (&mh->loads, -errno, err.text);
            n = &mh->modules;
        }
    }
    mh->starting = false;
}

void modhost_load_plan (struct modhost *mh, json_t *plan, modhost_done_f done, void *arg)
{
    struct module *m;
    flux_error_t err;
    json_t *entry;
    size_t i;

    series_begin (&mh->loads, done, arg);
    json_array_foreach (plan, i, entry) {
        if (modhost_find (mh, json_string_value (json_object_get (entry, "name"))))
            continue;
        mh->loads.pending++;
        if ((m = create_planned (mh, entry, &err)))
            m->in_series = true;
        else
            series_end_one (&mh->loads, -errno, err.text);
    }
    /* After a failure the others still start: in recovery mode they count, else
     * they are removed again at once. */
    start_waiting (mh);
    series_end_one (&mh->loads, 0, NULL);
}

bool modhost_is_loading (const struct modhost *mh)
{
    return mh->loads.done != NULL;
}

struct modconf *modhost_conf (struct modhost *mh, flux_error_t *err)
{
    struct modconf_args args = {
        .builtins = mh->args.builtins,
        .conf = mh->args.conf (mh->args.conf_arg),
        .attrs = mh->args.attrs,
        .path = getenv ("FLUX_MODPROBE_PATH"),
        .rank = router_rank (mh->args.router),
    };

    return modconf_new (&args, err);
}

void modhost_load_defaults (struct modhost *mh, modhost_done_f done, void *arg)
{
    flux_error_t err;
    struct modconf *mc = modhost_conf (mh, &err);
    json_t *plan = mc ? modconf_plan (mc, NULL, &err) : NULL;

    if (plan)
        modhost_load_plan (mh, plan, done, arg);
    else
        done (arg, -errno, err.text);
    json_decref (plan);
    modconf_free (mc);
}

/* --- remove --- */

void modhost_remove (struct modhost *mh, struct module *m, bool cancel)
{
    if (m->removing && !cancel)
        return;
    m->removing = true;
    if (m->status < MODULE_FINALIZING)
        m->status = MODULE_FINALIZING;
    endpoint_close (m->ep);
    if (m->started)
        modrun_stop (mh->run, m, cancel);
    else {
        module_refuse_queued (m);
        flux_close (m->far);
        m->far = NULL;
        m->errnum = ECANCELED;
        exited (m, mh);
    }
}

void modhost_remove_for_reload (struct modhost *mh, struct module *m)
{
    if (!m->removing && (m->untaken = flux_msglist_create ()))
        (void)modhold_begin (mh->hold, m->name, m->ep);
    modhost_remove (mh, m, false);
}

static void remove_next (struct modhost *mh)
{
    struct module *m;

    if (!mh->removes.done)
        return;
    if (list_empty (&mh->modules)) {
        mh->removes.pending = 1;
        series_end_one (&mh->removes, 0, NULL);
        return;
    }
    m = list_entry (mh->modules.prev, struct module, node);
    modhost_remove (mh, m, false);
}

void modhost_remove_all (struct modhost *mh, modhost_done_f done, void *arg)
{
    series_begin (&mh->removes, done, arg);
    remove_next (mh);
}

void modhost_stop_core (struct modhost *mh)
{
    while (!list_empty (&mh->core)) {
        struct module *m = list_entry (mh->core.prev, struct module, node);
        modhost_remove (mh, m, false);
    }
}

void modhost_cache_attr (struct modhost *mh, const char *name, const char *value)
{
    list_foreach (&mh->core, n) {
        struct module *m = list_entry (n, struct module, node);
        if (!m->thread)
            (void)flux_attr_set_cacheonly (m->far, name, value);
    }
}

/* --- look-ups --- */

struct module *modhost_find (struct modhost *mh, const char *name)
{
    list_foreach (&mh->modules, n) {
        struct module *m = list_entry (n, struct module, node);
        if (!strcmp (m->name, name))
            return m;
    }
    return NULL;
}

struct module *modhost_find_uuid (struct modhost *mh, const char *uuid)
{
    list_foreach (&mh->modules, n) {
        struct module *m = list_entry (n, struct module, node);
        if (!strcmp (endpoint_uuid (m->ep), uuid))
            return m;
    }
    return NULL;
}

struct list_node *modhost_list (struct modhost *mh)
{
    return &mh->modules;
}

struct list_node *modhost_core_list (struct modhost *mh)
{
    return &mh->core;
}

struct router *modhost_router (struct modhost *mh)
{
    return mh->args.router;
}

void modhost_on_new (struct modhost *mh, void (*fun) (struct module *m, void *arg),
                     void *arg)
{
    mh->on_new = fun;
    mh->on_new_arg = arg;
}

struct modhost *modhost_new (const struct modhost_args *args)
{
    struct modhost *mh = calloc (1, sizeof (*mh));
    struct modrun_args ra = {
        .reactor = flux_get_reactor (args->h),
        .attrs = args->attrs,
        .conf = args->conf,
        .conf_arg = args->conf_arg,
        .data = args->data,
        .running = running,
        .exited = exited,
        .arg = mh,
    };

    if (!mh)
        return NULL;
    mh->args = *args;
    list_init (&mh->modules);
    list_init (&mh->core);
    if (!(mh->run = modrun_new (&ra))
        || !(mh->hold = modhold_new (args->router, ra.reactor))) {
        modhost_free (mh);
        return NULL;
    }
    return mh;
}

void modhost_free (struct modhost *mh)
{
    if (mh) {
        modrun_free (mh->run);
        modhold_free (mh->hold);
        free (mh);
    }
}
