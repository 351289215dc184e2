/* watcher_handle.c - a watcher of a handle
 *
 * Served by the reactor's poller; its libev watcher of the handle's descriptor
 * only wakes the loop and notes what woke it.
 */
#include "core/reactor_private.h"
#include "core/handle_private.h"

#include <errno.h>

struct handle_watcher {
    flux_watcher_t w;
    flux_t *h;
    int events;
    int revents;            /* on the descriptor, since the last check */
    bool active;
    struct pollee pollee;
    ev_io io;
};

static int to_ev (int events)
{
    return ((events & FLUX_POLLIN) ? EV_READ : 0)
           | ((events & FLUX_POLLOUT) ? EV_WRITE : 0);
}

/* The descriptor's watcher does not count: the handle's watcher does. */
static void io_stop (struct handle_watcher *hw)
{
    if (ev_is_active (&hw->io) || ev_is_pending (&hw->io)) {
        ev_ref (hw->w.r->loop);
        ev_io_stop (hw->w.r->loop, &hw->io);
    }
}

static void io_watch (struct handle_watcher *hw, int fd, int events)
{
    if (fd < 0 || events == 0) {
        io_stop (hw);
        return;
    }
    if (ev_is_active (&hw->io)) {
        if (hw->io.fd == fd && (hw->io.events & (EV_READ | EV_WRITE)) == events)
            return;
        io_stop (hw);
    }
    ev_io_set (&hw->io, fd, events);
    ev_io_start (hw->w.r->loop, &hw->io);
    ev_unref (hw->w.r->loop);
}

/* Called before the check callbacks, because of its priority.  A stopped watcher
 * leaves its descriptor's watcher on until an event shows that it is in the way:
 * one that is started again soon, as for each RPC of a client, costs no system
 * calls. */
static void io_cb (struct ev_loop *loop, ev_io *ev, int revents)
{
    struct handle_watcher *hw = ev->data;

    // libev stops it if it finds that the descriptor is invalid
    if (!ev_is_active (ev))
        ev_ref (loop);
    if (!hw->active) {
        io_stop (hw);
        return;
    }
    if ((revents & (EV_READ | EV_ERROR)))
        hw->revents |= FLUX_POLLIN;
    if ((revents & EV_WRITE))
        hw->revents |= FLUX_POLLOUT;
}

/* Wait for what the user wants, and for room if the handle has output left. */
static bool hw_prepare (struct pollee *p)
{
    struct handle_watcher *hw = list_entry (p, struct handle_watcher, pollee);
    struct waker *waker = handle_can_attach (hw->h) ? reactor_waker (hw->w.r) : NULL;
    int ready, fd, want;

    if (waker) {
        ready = handle_attach (hw->h, waker);
        io_stop (hw);
    }
    else {
        ready = handle_prepare (hw->h, &fd, &want);
        io_watch (hw, fd, to_ev (want & (hw->events | FLUX_POLLOUT)));
    }
    return (ready & (hw->events | FLUX_POLLERR)) != 0;
}

static void hw_check (struct pollee *p)
{
    struct handle_watcher *hw = list_entry (p, struct handle_watcher, pollee);
    int revents = hw->revents;
    int ready;

    hw->revents = 0;
    ready = handle_check (hw->h, revents) & (hw->events | FLUX_POLLERR);
    if (ready)
        watcher_call (&hw->w, ready);
}

static void hw_start (flux_watcher_t *w)
{
    struct handle_watcher *hw = (struct handle_watcher *)w;

    hw->active = true;
    hw->revents = 0;
    reactor_poll_add (w->r, &hw->pollee);
    ev_ref (w->r->loop);
}

static void hw_stop (flux_watcher_t *w)
{
    struct handle_watcher *hw = (struct handle_watcher *)w;

    if (!hw->active)
        return;
    hw->active = false;
    ev_unref (w->r->loop);
    reactor_poll_del (&hw->pollee);
}

static void hw_destroy (flux_watcher_t *w)
{
    io_stop ((struct handle_watcher *)w);
}

static bool hw_is_active (flux_watcher_t *w)
{
    return ((struct handle_watcher *)w)->active;
}

static const struct watcher_ops handle_ops = {
    .start = hw_start,
    .stop = hw_stop,
    .is_active = hw_is_active,
    .destroy = hw_destroy,
};

flux_watcher_t *flux_handle_watcher_create (flux_reactor_t *r, flux_t *h,
                                            int events, flux_watcher_f cb,
                                            void *arg)
{
    struct handle_watcher *hw;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!(hw = watcher_new (sizeof (*hw), r, &handle_ops, cb, arg)))
        return NULL;
    hw->h = h;
    hw->events = events & (FLUX_POLLIN | FLUX_POLLOUT);
    list_init (&hw->pollee.node);
    hw->pollee.prepare = hw_prepare;
    hw->pollee.check = hw_check;
    ev_init (&hw->io, io_cb);
    ev_set_priority (&hw->io, EV_MAXPRI);
    hw->io.data = hw;
    return &hw->w;
}

flux_t *flux_handle_watcher_get_flux (flux_watcher_t *w)
{
    if (!w || w->ops != &handle_ops) {
        errno = EINVAL;
        return NULL;
    }
    return ((struct handle_watcher *)w)->h;
}
