/* watcher_ev.c - watchers that are a libev watcher each
 */
#include "core/reactor_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <flux/core/handle.h>

struct io_watcher {
    flux_watcher_t w;
    ev_io ev;
};

struct timer_watcher {
    flux_watcher_t w;
    ev_timer ev;
};

struct signal_watcher {
    flux_watcher_t w;
    ev_signal ev;
};

struct prepare_watcher {
    flux_watcher_t w;
    ev_prepare ev;
};

struct check_watcher {
    flux_watcher_t w;
    ev_check ev;
};

struct idle_watcher {
    flux_watcher_t w;
    ev_idle ev;
};

struct stat_watcher {
    flux_watcher_t w;
    char *path;
    ev_stat ev;
};

struct periodic_watcher {
    flux_watcher_t w;
    flux_reschedule_f reschedule;
    ev_prepare stopper;
    ev_periodic ev;
};

/* The functions of struct watcher_ops for a kind. */
#define DEFINE_OPS(kind)                                               \
    static void kind##_start (flux_watcher_t *w)                       \
    {                                                                  \
        ev_##kind##_start (w->r->loop, &((struct kind##_watcher *)w)->ev); \
    }                                                                  \
    static void kind##_stop (flux_watcher_t *w)                        \
    {                                                                  \
        ev_##kind##_stop (w->r->loop, &((struct kind##_watcher *)w)->ev);  \
    }                                                                  \
    static bool kind##_is_active (flux_watcher_t *w)                   \
    {                                                                  \
        return ev_is_active (&((struct kind##_watcher *)w)->ev);       \
    }

DEFINE_OPS (io)
DEFINE_OPS (timer)
DEFINE_OPS (signal)
DEFINE_OPS (prepare)
DEFINE_OPS (check)
DEFINE_OPS (idle)
DEFINE_OPS (stat)

#define COMMON_OPS(kind) \
    .start = kind##_start, .stop = kind##_stop, .is_active = kind##_is_active

/* The right kind of watcher, or EINVAL. */
static bool is_kind (flux_watcher_t *w, const struct watcher_ops *ops)
{
    if (w && w->ops == ops)
        return true;
    errno = EINVAL;
    return false;
}

/* File descriptors */

static int from_ev (int events)
{
    return ((events & EV_READ) ? FLUX_POLLIN : 0)
           | ((events & EV_WRITE) ? FLUX_POLLOUT : 0)
           | ((events & EV_ERROR) ? FLUX_POLLERR : 0);
}

static int to_ev (int events)
{
    return ((events & FLUX_POLLIN) ? EV_READ : 0)
           | ((events & FLUX_POLLOUT) ? EV_WRITE : 0);
}

/* libev stops a watcher whose descriptor it finds to be invalid. */
static void io_cb (struct ev_loop *loop, ev_io *ev, int revents)
{
    flux_watcher_t *w = ev->data;

    if (!ev_is_active (ev))
        watcher_stopped (w);
    watcher_call (w, from_ev (revents));
}

static const struct watcher_ops io_ops = { COMMON_OPS (io) };

flux_watcher_t *flux_fd_watcher_create (flux_reactor_t *r, int fd, int events,
                                        flux_watcher_f cb, void *arg)
{
    struct io_watcher *iw;

    if (fd < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(iw = watcher_new (sizeof (*iw), r, &io_ops, cb, arg)))
        return NULL;
    ev_io_init (&iw->ev, io_cb, fd, to_ev (events));
    iw->ev.data = iw;
    return &iw->w;
}

int flux_fd_watcher_get_fd (flux_watcher_t *w)
{
    if (!is_kind (w, &io_ops))
        return -1;
    return ((struct io_watcher *)w)->ev.fd;
}

/* Timers.  One that does not repeat has been stopped by libev when its
 * callback runs. */

static void timer_cb (struct ev_loop *loop, ev_timer *ev, int revents)
{
    flux_watcher_t *w = ev->data;

    if (!ev_is_active (ev))
        watcher_stopped (w);
    watcher_call (w, 0);
}

static double timer_next_wakeup (flux_watcher_t *w)
{
    struct timer_watcher *tw = (struct timer_watcher *)w;
    return ev_now (w->r->loop) + ev_timer_remaining (w->r->loop, &tw->ev);
}

static const struct watcher_ops timer_ops = {
    COMMON_OPS (timer),
    .next_wakeup = timer_next_wakeup,
};

flux_watcher_t *flux_timer_watcher_create (flux_reactor_t *r, double after,
                                           double repeat, flux_watcher_f cb,
                                           void *arg)
{
    struct timer_watcher *tw;

    if (!(after >= 0.) || !(repeat >= 0.)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(tw = watcher_new (sizeof (*tw), r, &timer_ops, cb, arg)))
        return NULL;
    ev_timer_init (&tw->ev, timer_cb, after, repeat);
    tw->ev.data = tw;
    return &tw->w;
}

void flux_timer_watcher_reset (flux_watcher_t *w, double after, double repeat)
{
    struct timer_watcher *tw = (struct timer_watcher *)w;
    bool active;

    if (!is_kind (w, &timer_ops) || !(after >= 0.) || !(repeat >= 0.))
        return;
    if ((active = ev_is_active (&tw->ev)))
        flux_watcher_stop (w);
    ev_timer_set (&tw->ev, after, repeat);
    if (active)
        flux_watcher_start (w);
}

void flux_timer_watcher_again (flux_watcher_t *w)
{
    struct timer_watcher *tw = (struct timer_watcher *)w;

    if (!is_kind (w, &timer_ops))
        return;
    watcher_stopped (w);
    ev_timer_again (w->r->loop, &tw->ev);
    if (ev_is_active (&tw->ev))
        watcher_started (w);
}

/* Periodic: by the wall clock */

static void stopper_cb (struct ev_loop *loop, ev_prepare *ev, int revents)
{
    struct periodic_watcher *pw = ev->data;
    flux_watcher_stop (&pw->w);
}

/* libev allows a reschedule callback to change nothing in the loop but to start
 * an ev_prepare; the next time it returns may not be in the past. */
static ev_tstamp reschedule_cb (ev_periodic *ev, ev_tstamp now)
{
    struct periodic_watcher *pw = ev->data;
    double next = pw->reschedule (&pw->w, now, pw->w.arg);

    if (next >= now)
        return next;
    if (!ev_is_active (&pw->stopper)) {
        ev_prepare_start (pw->w.r->loop, &pw->stopper);
        ev_unref (pw->w.r->loop);
    }
    return now + 1e30;
}

static void periodic_cb (struct ev_loop *loop, ev_periodic *ev, int revents)
{
    flux_watcher_t *w = ev->data;

    if (!ev_is_active (ev))
        watcher_stopped (w);
    watcher_call (w, 0);
}

static void periodic_start (flux_watcher_t *w)
{
    ev_periodic_start (w->r->loop, &((struct periodic_watcher *)w)->ev);
}

static void periodic_stop (flux_watcher_t *w)
{
    struct periodic_watcher *pw = (struct periodic_watcher *)w;

    if (ev_is_active (&pw->stopper)) {
        ev_ref (w->r->loop);
        ev_prepare_stop (w->r->loop, &pw->stopper);
    }
    ev_periodic_stop (w->r->loop, &pw->ev);
}

static bool periodic_is_active (flux_watcher_t *w)
{
    struct periodic_watcher *pw = (struct periodic_watcher *)w;
    return ev_is_active (&pw->ev) && !ev_is_active (&pw->stopper);
}

static double periodic_next_wakeup (flux_watcher_t *w)
{
    return ev_periodic_at (&((struct periodic_watcher *)w)->ev);
}

static const struct watcher_ops periodic_ops = {
    COMMON_OPS (periodic),
    .next_wakeup = periodic_next_wakeup,
};

static void periodic_set (struct periodic_watcher *pw, double offset,
                          double interval, flux_reschedule_f reschedule)
{
    pw->reschedule = reschedule;
    ev_periodic_set (&pw->ev, offset, interval,
                     reschedule ? reschedule_cb : NULL);
}

flux_watcher_t *flux_periodic_watcher_create (flux_reactor_t *r, double offset,
                                              double interval,
                                              flux_reschedule_f reschedule,
                                              flux_watcher_f cb, void *arg)
{
    struct periodic_watcher *pw;

    if (!(offset >= 0.) || !(interval >= 0.)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(pw = watcher_new (sizeof (*pw), r, &periodic_ops, cb, arg)))
        return NULL;
    ev_init (&pw->ev, periodic_cb);
    ev_prepare_init (&pw->stopper, stopper_cb);
    pw->ev.data = pw->stopper.data = pw;
    periodic_set (pw, offset, interval, reschedule);
    return &pw->w;
}

void flux_periodic_watcher_reset (flux_watcher_t *w, double next_wakeup,
                                  double interval,
                                  flux_reschedule_f reschedule)
{
    struct periodic_watcher *pw = (struct periodic_watcher *)w;

    if (!is_kind (w, &periodic_ops) || !(next_wakeup >= 0.)
        || !(interval >= 0.))
        return;
    flux_watcher_stop (w);
    periodic_set (pw, next_wakeup, interval, reschedule);
    flux_watcher_start (w);
}

/* Prepare, check, idle */

static void prepare_cb (struct ev_loop *loop, ev_prepare *ev, int revents)
{
    watcher_call (ev->data, 0);
}

static void check_cb (struct ev_loop *loop, ev_check *ev, int revents)
{
    watcher_call (ev->data, 0);
}

static void idle_cb (struct ev_loop *loop, ev_idle *ev, int revents)
{
    watcher_call (ev->data, 0);
}

/* libev wants a watcher to be stopped while its priority changes. */
static void check_set_priority (flux_watcher_t *w, int priority)
{
    struct check_watcher *cw = (struct check_watcher *)w;
    bool active = ev_is_active (&cw->ev);

    if (active)
        flux_watcher_stop (w);
    ev_set_priority (&cw->ev, priority);
    if (active)
        flux_watcher_start (w);
}

static const struct watcher_ops prepare_ops = { COMMON_OPS (prepare) };
static const struct watcher_ops idle_ops = { COMMON_OPS (idle) };
static const struct watcher_ops check_ops = {
    COMMON_OPS (check),
    .set_priority = check_set_priority,
};

flux_watcher_t *flux_prepare_watcher_create (flux_reactor_t *r,
                                             flux_watcher_f cb, void *arg)
{
    struct prepare_watcher *pw;

    if (!(pw = watcher_new (sizeof (*pw), r, &prepare_ops, cb, arg)))
        return NULL;
    ev_prepare_init (&pw->ev, prepare_cb);
    pw->ev.data = pw;
    return &pw->w;
}

flux_watcher_t *flux_check_watcher_create (flux_reactor_t *r,
                                           flux_watcher_f cb, void *arg)
{
    struct check_watcher *cw;

    if (!(cw = watcher_new (sizeof (*cw), r, &check_ops, cb, arg)))
        return NULL;
    ev_check_init (&cw->ev, check_cb);
    cw->ev.data = cw;
    return &cw->w;
}

flux_watcher_t *flux_idle_watcher_create (flux_reactor_t *r, flux_watcher_f cb,
                                          void *arg)
{
    struct idle_watcher *iw;

    if (!(iw = watcher_new (sizeof (*iw), r, &idle_ops, cb, arg)))
        return NULL;
    ev_idle_init (&iw->ev, idle_cb);
    iw->ev.data = iw;
    return &iw->w;
}

/* Signals */

static void signal_cb (struct ev_loop *loop, ev_signal *ev, int revents)
{
    watcher_call (ev->data, 0);
}

static const struct watcher_ops signal_ops = { COMMON_OPS (signal) };

flux_watcher_t *flux_signal_watcher_create (flux_reactor_t *r, int signum,
                                            flux_watcher_f cb, void *arg)
{
    struct signal_watcher *sw;

    if (signum <= 0 || signum >= NSIG) {
        errno = EINVAL;
        return NULL;
    }
    if (!(sw = watcher_new (sizeof (*sw), r, &signal_ops, cb, arg)))
        return NULL;
    ev_signal_init (&sw->ev, signal_cb, signum);
    sw->ev.data = sw;
    return &sw->w;
}

int flux_signal_watcher_get_signum (flux_watcher_t *w)
{
    if (!is_kind (w, &signal_ops))
        return -1;
    return ((struct signal_watcher *)w)->ev.signum;
}

/* File status */

static void stat_cb (struct ev_loop *loop, ev_stat *ev, int revents)
{
    watcher_call (ev->data, 0);
}

static void stat_destroy (flux_watcher_t *w)
{
    free (((struct stat_watcher *)w)->path);
}

static const struct watcher_ops stat_ops = {
    COMMON_OPS (stat),
    .destroy = stat_destroy,
};

flux_watcher_t *flux_stat_watcher_create (flux_reactor_t *r, const char *path,
                                          double interval, flux_watcher_f cb,
                                          void *arg)
{
    struct stat_watcher *sw;

    if (!path || !(interval >= 0.)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(sw = watcher_new (sizeof (*sw), r, &stat_ops, cb, arg)))
        return NULL;
    if (!(sw->path = strdup (path))) {
        flux_watcher_destroy (&sw->w);
        errno = ENOMEM;
        return NULL;
    }
    ev_stat_init (&sw->ev, stat_cb, sw->path, interval);
    sw->ev.data = sw;
    return &sw->w;
}

int flux_stat_watcher_get_rstat (flux_watcher_t *w, struct stat *stat,
                                 struct stat *prev)
{
    struct stat_watcher *sw = (struct stat_watcher *)w;

    if (!is_kind (w, &stat_ops))
        return -1;
    if (stat)
        *stat = sw->ev.attr;
    if (prev)
        *prev = sw->ev.prev;
    return 0;
}
