/* watcher.c - what all watchers have in common
 */
#include "core/reactor_private.h"

#include <errno.h>
#include <stdlib.h>

void *watcher_new (size_t size, flux_reactor_t *r,
                   const struct watcher_ops *ops, flux_watcher_f cb, void *arg)
{
    flux_watcher_t *w;

    if (!r) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = calloc (1, size))) {
        errno = ENOMEM;
        return NULL;
    }
    flux_reactor_incref (r);
    w->r = r;
    w->ops = ops;
    w->cb = cb;
    w->arg = arg;
    return w;
}

static void discount (flux_watcher_t *w, bool yes)
{
    if (w->discounted == yes)
        return;
    w->discounted = yes;
    if (yes)
        ev_unref (w->r->loop);
    else
        ev_ref (w->r->loop);
}

void watcher_started (flux_watcher_t *w)
{
    discount (w, w->unreferenced);
}

void watcher_stopped (flux_watcher_t *w)
{
    discount (w, false);
}

void flux_watcher_start (flux_watcher_t *w)
{
    if (!w || w->ops->is_active (w))
        return;
    watcher_stopped (w); /* it may have run out without being told */
    w->ops->start (w);
    if (w->ops->is_active (w))
        watcher_started (w);
}

void flux_watcher_stop (flux_watcher_t *w)
{
    if (!w)
        return;
    watcher_stopped (w);
    w->ops->stop (w);
}

bool flux_watcher_is_active (flux_watcher_t *w)
{
    return w && w->ops->is_active (w);
}

void flux_watcher_ref (flux_watcher_t *w)
{
    if (w) {
        w->unreferenced = false;
        discount (w, false);
    }
}

void flux_watcher_unref (flux_watcher_t *w)
{
    if (w) {
        w->unreferenced = true;
        if (w->ops->is_active (w))
            discount (w, true);
    }
}

bool flux_watcher_is_referenced (flux_watcher_t *w)
{
    return w && !w->unreferenced;
}

void flux_watcher_destroy (flux_watcher_t *w)
{
    int saved_errno = errno;

    if (!w)
        return;
    flux_watcher_stop (w);
    if (w->ops->destroy)
        w->ops->destroy (w);
    flux_reactor_decref (w->r);
    free (w);
    errno = saved_errno;
}

void flux_watcher_set_priority (flux_watcher_t *w, int priority)
{
    if (!w || !w->ops->set_priority)
        return;
    if (priority < EV_MINPRI)
        priority = EV_MINPRI;
    if (priority > EV_MAXPRI)
        priority = EV_MAXPRI;
    w->ops->set_priority (w, priority);
}

double flux_watcher_next_wakeup (flux_watcher_t *w)
{
    if (!w || !w->ops->next_wakeup) {
        errno = EINVAL;
        return -1.;
    }
    return w->ops->next_wakeup (w);
}
