/* module.c - one module and its message channel
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/module.h"
#include "core/inproc.h"

#define MESSAGES_PER_TURN 64   /* so that one module cannot starve the others */

double module_clock (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

static int deliver (void *arg, flux_msg_t *msg)
{
    return module_send (arg, msg);
}

int module_send (struct module *m, flux_msg_t *msg)
{
    if (flux_send_new (m->near, &msg, 0) < 0) {
        flux_msg_destroy (msg);
        return -errno;
    }
    return 0;
}

static void pass_on (struct module *m, flux_msg_t *msg)
{
    m->last_sent = flux_reactor_now (flux_get_reactor (m->near));
    if (m->defer) {
        if (flux_msglist_append (m->deferred, msg) == 0) {
            flux_msg_decref (msg);
            return;
        }
    }
    endpoint_recv (m->ep, msg);
}

static int pass_on_some (struct module *m, int max)
{
    flux_msg_t *msg;
    int n = 0;

    while (n < max && (msg = flux_recv (m->near, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        pass_on (m, msg);
        n++;
    }
    return n;
}

static void on_readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;

    if (pass_on_some (m, MESSAGES_PER_TURN) == 0 && (revents & FLUX_POLLERR))
        flux_watcher_stop (w);
}

void module_drain (struct module *m)
{
    module_defer (m, false);
    while (pass_on_some (m, MESSAGES_PER_TURN) > 0)
        ;
}

void module_defer (struct module *m, bool defer)
{
    const flux_msg_t *msg;

    m->defer = defer;
    while (!defer && (msg = flux_msglist_pop (m->deferred))) {
        flux_msg_t *cpy = flux_msg_copy (msg, true);
        flux_msg_decref (msg);
        if (cpy)
            endpoint_recv (m->ep, cpy);
    }
}

void module_refuse_queued (struct module *m)
{
    flux_msg_t *msg;

    while ((msg = flux_recv (m->far, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK))) {
        if ((!m->untaken || flux_msglist_append (m->untaken, msg) < 0)
            && !flux_msg_is_noresponse (msg))
            (void)flux_respond_error (m->far, msg, ENOSYS, "the module is being removed");
        flux_msg_decref (msg);
    }
}

static int copy_args (struct module *m, int argc, char **argv)
{
    if (!(m->argv = calloc (argc + 1, sizeof (char *))))
        return -1;
    for (; m->argc < argc; m->argc++)
        if (!(m->argv[m->argc] = strdup (argv[m->argc])))
            return -1;
    return 0;
}

static int open_channel (struct module *m, struct router *r, flux_reactor_t *reactor)
{
    struct endpoint_args args = {
        .cred = { .userid = getuid (), .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL },
        .trusted = true,
        .track = m->builtin == NULL,
        .send = deliver,
        .arg = m,
    };
    flux_t *pair[2];
    int rc;

    if ((rc = inproc_pair (pair)) < 0) {
        errno = -rc;
        return -1;
    }
    m->near = pair[0];
    m->far = pair[1];
    if (flux_set_reactor (m->near, reactor) < 0
        || !(m->w = flux_handle_watcher_create (reactor, m->near, FLUX_POLLIN,
                                                on_readable, m))
        || !(m->ep = endpoint_new (r, &args)))
        return -1;
    flux_watcher_start (m->w);
    return 0;
}

struct module *module_new (struct modhost *host, struct router *r,
                           flux_reactor_t *reactor, const char *name,
                           const char *path, const struct builtin *builtin,
                           int argc, char **argv, flux_error_t *err)
{
    struct module *m = calloc (1, sizeof (*m));

    if (!m)
        goto error;
    list_init (&m->node);
    m->host = host;
    m->builtin = builtin;
    if (!(m->name = strdup (name)) || !(m->path = strdup (path))
        || copy_args (m, argc, argv) < 0
        || !(m->deferred = flux_msglist_create ())
        || !(m->loaders = flux_msglist_create ())
        || !(m->removers = flux_msglist_create ())
        || open_channel (m, r, reactor) < 0)
        goto error;
    m->last_sent = flux_reactor_now (reactor);
    return m;
error:
    errmsg (err, -errno, "module %s: %s", name, strerror (errno));
    if (m)
        flux_close (m->far);
    module_free (m);
    return NULL;
}

void module_free (struct module *m)
{
    if (!m)
        return;
    int saved_errno = errno;
    list_del (&m->node);
    endpoint_free (m->ep);
    flux_watcher_destroy (m->w);
    flux_close (m->near);
    flux_msglist_destroy (m->deferred);
    flux_msglist_destroy (m->loaders);
    flux_msglist_destroy (m->removers);
    flux_msglist_destroy (m->untaken);
    for (int i = 0; i < m->argc; i++)
        free (m->argv[i]);
    free (m->argv);
    json_decref (m->after);
    free (m->loader);
    free (m->name);
    free (m->path);
    free (m);
    errno = saved_errno;
}
