/* modrun.c - how a module runs
 *
 *   loop            start() and stop() are called here and now.
 *   named thread    they are posted to the thread's mailbox; the thread posts
 *                   what came of it to the loop's.
 *   shared object   has a thread of its own, which runs mod_main() and ends.
 *   process         has its messages passed on by the loop.
 *
 * A module's end of the channel ('far') is used only where the module runs, and
 * closed there.  Other fields of struct module belong to the loop; what a thread
 * needs is read before the loop can change it, and results travel in a report.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "broker/mailbox.h"
#include "broker/modproc.h"
#include "broker/modrun.h"
#include "core/future_class.h"

typedef int (*mod_main_f) (flux_t *h, int argc, char **argv);

/* A thread that services share, or that of one shared object. */
struct modthread {
    struct list_node node;
    struct modrun *mr;
    char *name;
    pthread_t tid;
    struct mailbox *mb;       /* named threads only */
    flux_reactor_t *reactor;
    bool quit;               /* set in the thread itself */
};

struct shared {
    const struct builtin_data *desc;
    void *data;
    struct modthread *thread; /* where it was created */
};

struct modrun {
    struct modrun_args args;
    struct mailbox *mb;              /* the loop's */
    struct list_node threads;
    pthread_mutex_t shared_lock;
    struct hash *shared;
    struct builtin_attrs live;       /* attributes, for services on the loop */
};

/* What a thread tells the loop.  A service whose start fails while the order to stop it
 * is under way is reported on twice; it is there until the second. */
struct report {
    struct modrun *mr;
    struct module *m;
    bool exited;
    bool again;               /* if the order to stop was given */
    int errnum;
    flux_error_t error;
};

static void report_arrives (void *arg)
{
    struct report *rep = arg;
    struct module *m = rep->m;

    if (rep->exited) {
        if (m->errnum == 0) {
            m->errnum = rep->errnum;
            m->error = rep->error;
        }
        if (rep->again && m->stopping) {
            free (rep);
            return;
        }
        if (!m->builtin) {
            pthread_join (m->thread->tid, NULL);
            free (m->thread->name);
            free (m->thread);
            m->thread = NULL;
        }
        rep->mr->args.exited (m, rep->mr->args.arg);
    }
    else
        rep->mr->args.running (m, rep->mr->args.arg);
    free (rep);
}

static void report (struct module *m, struct modrun *mr, bool exited, int errnum,
                    const flux_error_t *error)
{
    struct report *rep = calloc (1, sizeof (*rep));

    if (!rep)
        abort ();   /* the loop would wait for ever */
    rep->mr = mr;
    rep->m = m;
    rep->exited = exited;
    rep->again = exited && errnum && m->builtin;
    rep->errnum = errnum;
    if (error)
        rep->error = *error;
    if (mailbox_post (mr->mb, report_arrives, rep) < 0)
        abort ();
}

/* --- the module's handle --- */

static const struct builtin_data *find_data (struct modrun *mr, const char *name)
{
    for (const struct builtin_data *const *d = mr->args.data; *d; d++)
        if (!strcmp ((*d)->name, name))
            return *d;
    return NULL;
}

static struct shared *shared_new (struct modrun *mr, struct modthread *t,
                                  const char *name)
{
    const struct builtin_data *d = find_data (mr, name);
    struct shared *s = d ? calloc (1, sizeof (*s)) : NULL;

    if (!s)
        return NULL;
    s->desc = d;
    s->thread = t;
    if (!(s->data = d->create ()) || hash_set (mr->shared, name, s) < 0) {
        if (s->data)
            d->destroy (s->data);
        free (s);
        return NULL;
    }
    return s;
}

static void *shared_data (struct modrun *mr, struct modthread *t, const char *name)
{
    struct shared *s;

    pthread_mutex_lock (&mr->shared_lock);
    if (!(s = hash_get (mr->shared, name)))
        s = shared_new (mr, t, name);
    pthread_mutex_unlock (&mr->shared_lock);
    return s ? s->data : NULL;
}

static int cache_attrs (struct modrun *mr, flux_t *h)
{
    size_t pos = 0;
    const char *name, *value;
    int flags;

    while ((name = attrs_next (mr->args.attrs, &pos, &value, &flags)))
        if ((flags & ATTR_IMMUTABLE) && flux_attr_set_cacheonly (h, name, value) < 0)
            return -1;
    return 0;
}

/* A copy: a configuration object belongs to one thread. */
static int give_conf (flux_t *h, const flux_conf_t *conf)
{
    flux_conf_t *cpy = flux_conf_copy (conf);

    if (!cpy || flux_set_conf_new (h, cpy) < 0) {
        flux_conf_decref (cpy);
        return -1;
    }
    return 0;
}

/* On the loop, before anything else runs on 'far': attributes and configuration
 * are the loop's to read. */
static int prepare (struct modrun *mr, struct module *m)
{
    flux_t *h = m->far;
    const flux_conf_t *conf = mr->args.conf (mr->args.conf_arg);

    if (cache_attrs (mr, h) < 0
        || (conf && give_conf (h, conf) < 0)
        || flux_aux_set (h, "flux::name", m->name, NULL) < 0
        || flux_aux_set (h, "flux::uuid", (char *)endpoint_uuid (m->ep), NULL) < 0
        || (m->builtin && !m->builtin->thread
            && flux_aux_set (h, BUILTIN_ATTRS_AUX, &mr->live, NULL) < 0))
        return errmsg (&m->error, -1, "module %s: %s", m->name, strerror (errno));
    flux_log_set_appname (h, m->name);
    return 0;
}

static int give_data (struct modrun *mr, struct module *m, struct modthread *t,
                      flux_error_t *err)
{
    void *data;

    if (!m->builtin->data)
        return 0;
    if (!(data = shared_data (mr, t, m->builtin->data))
        || flux_aux_set (m->far, BUILTIN_DATA_AUX, data, NULL) < 0)
        return errmsg (err, -ENOMEM, "module %s: no shared data '%s'", m->name,
                       m->builtin->data);
    return 0;
}

/* The default method stops the reactor, which is not the service's own. */
static void shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg)
{
    if (!flux_msg_is_noresponse (msg))
        flux_respond_error (h, msg, ENOTSUP, "use module.remove");
}

static const struct flux_msg_handler_spec service_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "shutdown", shutdown_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void remove_defaults (struct module *m)
{
    flux_msg_handler_delvec (m->overrides);
    flux_msg_handler_delvec (m->defaults);
    m->overrides = m->defaults = NULL;
}

static int start_service (struct modrun *mr, struct module *m, struct modthread *t,
                          flux_error_t *err)
{
    int rc;

    if ((rc = give_data (mr, m, t, err)) < 0)
        return rc;
    if (flux_register_default_methods (m->far, m->name, &m->defaults) < 0
        || flux_msg_handler_addvec_ex (m->far, m->name, service_htab, NULL,
                                       &m->overrides) < 0) {
        rc = errmsg (err, -errno, "module %s: %s", m->name, strerror (errno));
        remove_defaults (m);
        return rc;
    }
    err->text[0] = '\0';
    rc = m->builtin->start (m->far, m->argc, m->argv, &m->ctx, err);
    if (rc < 0) {
        remove_defaults (m);
        if (err->text[0] == '\0')
            errmsg (err, rc, "module %s: %s", m->name, strerror (-rc));
    }
    return rc;
}

static void close_service (struct module *m)
{
    module_refuse_queued (m);
    remove_defaults (m);
    flux_close (m->far);
    m->far = NULL;
}

static void stop_service (struct module *m)
{
    m->builtin->stop (m->ctx);
    m->ctx = NULL;
    close_service (m);
}

/* --- named threads --- */

struct order {
    struct modrun *mr;
    struct module *m;
    struct modthread *t;
};

static void thread_start_service (void *arg)
{
    struct order *o = arg;
    flux_error_t err = { 0 };
    int rc;

    flux_set_reactor (o->m->far, o->t->reactor);
    if ((rc = start_service (o->mr, o->m, o->t, &err)) < 0) {
        close_service (o->m);
        report (o->m, o->mr, true, -rc, &err);
    }
    else if (!(o->m->builtin->flags & BUILTIN_ASYNC_READY))
        report (o->m, o->mr, false, 0, NULL);
    free (o);
}

static void thread_stop_service (void *arg)
{
    struct order *o = arg;

    if (o->m->far)            /* else its start has failed */
        stop_service (o->m);
    report (o->m, o->mr, true, 0, NULL);
    free (o);
}

static void thread_destroy_shared (void *arg)
{
    struct modthread *t = arg;
    size_t pos = 0;
    struct shared *s;

    while ((s = hash_next (t->mr->shared, &pos, NULL))) {
        if (s->thread == t && s->data) {
            s->desc->destroy (s->data);
            s->data = NULL;
        }
    }
}

static void thread_quit (void *arg)
{
    struct modthread *t = arg;

    thread_destroy_shared (t);
    t->quit = true;
    flux_reactor_stop (t->reactor);
}

/* The services of a thread share it. */
static void must_not_wait (flux_future_t *f)
{
    fprintf (stderr, "flux-broker: a built-in service waited for a future\n");
    abort ();
}

static void *thread_main (void *arg)
{
    struct modthread *t = arg;

    future_set_wait_hook (must_not_wait);
    do {
        int n = flux_reactor_run (t->reactor, 0);
        if (!t->quit)
            fprintf (stderr, "flux-broker: the loop of thread %s ended by itself (%d)\n", t->name, n);
    } while (!t->quit);
    mailbox_unserve (t->mb);
    flux_reactor_destroy (t->reactor);
    return NULL;
}

static void thread_free (struct modthread *t)
{
    mailbox_free (t->mb);
    free (t->name);
    free (t);
}

static void name_thread (struct modthread *t)
{
    char name[16];

    snprintf (name, sizeof (name), "%.15s", t->name);
    pthread_setname_np (t->tid, name);
}

static struct modthread *thread_new (struct modrun *mr, const char *name)
{
    struct modthread *t = calloc (1, sizeof (*t));

    if (!t)
        return NULL;
    list_init (&t->node);
    t->mr = mr;
    if (!(t->name = strdup (name)) || !(t->mb = mailbox_new ())
        || !(t->reactor = flux_reactor_create (0)))
        goto error;
    if (mailbox_serve (t->mb, t->reactor) < 0)
        goto error;
    if (pthread_create (&t->tid, NULL, thread_main, t) != 0) {
        mailbox_unserve (t->mb);
        goto error;
    }
    name_thread (t);
    list_append (&mr->threads, &t->node);
    return t;
error:
    if (t->reactor)
        flux_reactor_destroy (t->reactor);
    thread_free (t);
    errno = ENOMEM;
    return NULL;
}

static struct modthread *thread_get (struct modrun *mr, const char *name)
{
    list_foreach (&mr->threads, n) {
        struct modthread *t = list_entry (n, struct modthread, node);
        if (!strcmp (t->name, name))
            return t;
    }
    return thread_new (mr, name);
}

static int give_order (struct modrun *mr, struct module *m, mailbox_f fun)
{
    struct order *o = calloc (1, sizeof (*o));

    if (!o)
        return -ENOMEM;
    o->mr = mr;
    o->m = m;
    o->t = m->thread;
    if (mailbox_post (m->thread->mb, fun, o) < 0) {
        free (o);
        return -ENOMEM;
    }
    return 0;
}

/* --- shared objects --- */

struct user_module {
    struct modrun *mr;
    struct module *m;
    mod_main_f main;
    int errnum;
    flux_error_t error;
};

static void user_module_ends (void *arg)
{
    struct user_module *u = arg;

    /* a cancel that comes this late would leave the loop without the report */
    (void)pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
    (void)flux_module_finalize (u->m->far, u->errnum, NULL);
    flux_close (u->m->far);
    u->m->far = NULL;
    report (u->m, u->mr, true, u->errnum, &u->error);
    free (u);
}

static void *user_module_main (void *arg)
{
    struct user_module *u = arg;
    struct module *m = u->m;

    u->errnum = ECANCELED;    /* if it is cancelled, this is how it ends */
    pthread_cleanup_push (user_module_ends, u);
    if (flux_module_register_handlers (m->far, &u->error) < 0)
        u->errnum = errno;
    else {
        errno = 0;
        if (u->main (m->far, m->argc, m->argv) < 0)
            u->errnum = errno ? errno : ECONNRESET;
        else
            u->errnum = 0;
    }
    pthread_cleanup_pop (1);
    return NULL;
}

static int start_user_module (struct modrun *mr, struct module *m)
{
    struct user_module *u = calloc (1, sizeof (*u));
    struct modthread *t = calloc (1, sizeof (*t));
    int e = ENOMEM;

    if (!u || !t || !(t->name = strdup (m->name)))
        goto error;
    list_init (&t->node);
    u->mr = mr;
    u->m = m;
    u->main = (mod_main_f)dlsym (m->dso, "mod_main");
    if (!u->main) {
        e = EINVAL;
        errmsg (&m->error, -e, "%s has no mod_main()", m->path);
        goto error;
    }
    m->thread = t;
    if ((e = pthread_create (&t->tid, NULL, user_module_main, u)) != 0) {
        m->thread = NULL;
        goto error;
    }
    name_thread (t);
    return 0;
error:
    if (m->error.text[0] == '\0')
        errmsg (&m->error, -e, "module %s: %s", m->name, strerror (e));
    m->errnum = e;
    if (t)
        free (t->name);
    free (t);
    free (u);
    return -1;
}

static void stop_user_module (struct module *m, bool cancel)
{
    char topic[128];
    flux_msg_t *msg;

    if (cancel && m->proc) {
        m->errnum = ECANCELED;
        modproc_kill (m->proc);
        return;
    }
    if (cancel) {
        pthread_cancel (m->thread->tid);
        return;
    }
    snprintf (topic, sizeof (topic), "%s.shutdown", m->name);
    if ((msg = flux_request_encode (topic, NULL))) {
        struct flux_msg_cred cred = { .userid = 0, .rolemask = FLUX_ROLE_OWNER };
        (void)flux_msg_set_noresponse (msg);
        (void)flux_msg_set_cred (msg, cred);
        (void)module_send (m, msg);
    }
}

/* --- processes --- */

static void process_exited (struct module *m, void *arg)
{
    struct modrun *mr = arg;

    mr->args.exited (m, mr->args.arg);
}

static int start_process (struct modrun *mr, struct module *m)
{
    if (flux_set_reactor (m->far, mr->args.reactor) < 0) {
        m->errnum = errno;
        return -1;
    }
    m->proc = modproc_start (m, process_exited, mr, &m->error);
    return m->proc ? 0 : -1;
}

/* --- start and stop --- */

static int start_on_loop (struct modrun *mr, struct module *m)
{
    flux_error_t err;
    int rc;

    if (flux_set_reactor (m->far, mr->args.reactor) < 0) {
        m->errnum = errno;
        return -1;
    }
    if ((rc = start_service (mr, m, NULL, &err)) < 0) {
        m->errnum = -rc;
        m->error = err;
        return -1;
    }
    if (!(m->builtin->flags & BUILTIN_ASYNC_READY))
        mr->args.running (m, mr->args.arg);
    return 0;
}

static int start_in_thread (struct modrun *mr, struct module *m)
{
    if (!(m->thread = thread_get (mr, m->builtin->thread))
        || give_order (mr, m, thread_start_service) < 0) {
        m->thread = NULL;
        m->errnum = ENOMEM;
        errmsg (&m->error, -1, "module %s: could not start thread", m->name);
        return -1;
    }
    return 0;
}

int modrun_start (struct modrun *mr, struct module *m)
{
    int rc;

    if (prepare (mr, m) < 0) {
        m->errnum = errno;
        rc = -1;
    }
    else if (m->loader)
        rc = start_process (mr, m);
    else if (!m->builtin)
        rc = start_user_module (mr, m);
    else if (m->builtin->thread)
        rc = start_in_thread (mr, m);
    else
        rc = start_on_loop (mr, m);
    if (rc < 0) {
        module_refuse_queued (m);
        flux_close (m->far);
        m->far = NULL;
    }
    return rc;
}

void modrun_stop (struct modrun *mr, struct module *m, bool cancel)
{
    if (!m->builtin)
        stop_user_module (m, cancel);
    else if (m->thread) {
        m->stopping = true;
        if (give_order (mr, m, thread_stop_service) < 0)
            abort ();
    }
    else {
        stop_service (m);
        mr->args.exited (m, mr->args.arg);
    }
}

static void shared_free (void *arg)
{
    struct shared *s = arg;

    if (s && s->data)
        s->desc->destroy (s->data);
    free (s);
}

static const char *live_attr (void *arg, const char *name)
{
    return attrs_get (arg, name, NULL);
}

struct modrun *modrun_new (const struct modrun_args *args)
{
    struct modrun *mr = calloc (1, sizeof (*mr));

    if (!mr)
        return NULL;
    mr->args = *args;
    mr->live = (struct builtin_attrs){ .get = live_attr, .arg = args->attrs };
    list_init (&mr->threads);
    pthread_mutex_init (&mr->shared_lock, NULL);
    if (!(mr->shared = hash_new (shared_free)) || !(mr->mb = mailbox_new ())
        || mailbox_serve (mr->mb, args->reactor) < 0) {
        modrun_free (mr);
        return NULL;
    }
    return mr;
}

void modrun_free (struct modrun *mr)
{
    if (!mr)
        return;
    list_foreach (&mr->threads, n) {
        struct modthread *t = list_entry (n, struct modthread, node);
        list_del (&t->node);
        if (mailbox_post (t->mb, thread_quit, t) == 0)
            pthread_join (t->tid, NULL);
        thread_free (t);
    }
    hash_free (mr->shared);
    mailbox_free (mr->mb);
    pthread_mutex_destroy (&mr->shared_lock);
    free (mr);
}
