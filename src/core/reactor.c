/* reactor.c - the event loop, and its poller
 */
#include "core/reactor_private.h"
#include "core/due.h"
#include "core/waker.h"

#include <errno.h>
#include <stdlib.h>

/* How often one turn of the loop looks again at handles and due functions
 * before descriptors and timers have their turn. */
enum { PASS_MAX = 8 };

static void prepare_cb (struct ev_loop *loop, ev_prepare *ev, int revents);
static void check_cb (struct ev_loop *loop, ev_check *ev, int revents);
static void idle_cb (struct ev_loop *loop, ev_idle *ev, int revents);
static void waker_cb (struct ev_loop *loop, ev_io *ev, int revents);

flux_reactor_t *flux_reactor_create (int flags)
{
    flux_reactor_t *r;

    if (flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(r = calloc (1, sizeof (*r))))
        goto nomem;
    if (!(r->loop = ev_loop_new (EVFLAG_AUTO))) {
        free (r);
        goto nomem;
    }
    r->refs = 1;
    list_init (&r->pollees);
    list_init (&r->due);
    // the last of the prepare callbacks: what the others send or post must be seen
    ev_prepare_init (&r->prepare, prepare_cb);
    ev_set_priority (&r->prepare, EV_MINPRI);
    ev_check_init (&r->check, check_cb);
    ev_idle_init (&r->idle, idle_cb);
    r->prepare.data = r->check.data = r;
    return r;
nomem:
    errno = ENOMEM;
    return NULL;
}

void flux_reactor_incref (flux_reactor_t *r)
{
    if (r)
        r->refs++;
}

void flux_reactor_decref (flux_reactor_t *r)
{
    int saved_errno = errno;

    if (!r || --r->refs > 0)
        return;
    while (!list_empty (&r->due))
        list_del (r->due.next);
    ev_loop_destroy (r->loop);
    waker_unref (r->waker);
    free (r);
    errno = saved_errno;
}

void flux_reactor_destroy (flux_reactor_t *r)
{
    flux_reactor_decref (r);
}

int flux_reactor_run (flux_reactor_t *r, int flags)
{
    int ev_flags = 0;
    int count;

    if (!r || (flags & ~(FLUX_REACTOR_NOWAIT | FLUX_REACTOR_ONCE))
        || flags == (FLUX_REACTOR_NOWAIT | FLUX_REACTOR_ONCE)) {
        errno = EINVAL;
        return -1;
    }
    if ((flags & FLUX_REACTOR_NOWAIT))
        ev_flags = EVRUN_NOWAIT;
    if ((flags & FLUX_REACTOR_ONCE))
        ev_flags = EVRUN_ONCE;
    r->failed = r->stopped = false;
    flux_reactor_incref (r);
    count = ev_run (r->loop, ev_flags);
    if (r->failed)
        count = -1;
    flux_reactor_decref (r);
    return count;
}

void flux_reactor_stop (flux_reactor_t *r)
{
    if (!r)
        return;
    r->failed = false;
    r->stopped = true;
    ev_break (r->loop, EVBREAK_ALL);
}

void flux_reactor_stop_error (flux_reactor_t *r)
{
    if (!r)
        return;
    r->failed = true;
    r->stopped = true;
    ev_break (r->loop, EVBREAK_ALL);
}

double flux_reactor_now (flux_reactor_t *r)
{
    return r ? ev_now (r->loop) : ev_time ();
}

void flux_reactor_now_update (flux_reactor_t *r)
{
    if (r)
        ev_now_update (r->loop);
}

double flux_reactor_time (void)
{
    return ev_time ();
}

/* The poller */

static void poller_start (flux_reactor_t *r)
{
    if (r->polling)
        return;
    ev_prepare_start (r->loop, &r->prepare);
    ev_check_start (r->loop, &r->check);
    ev_unref (r->loop);
    ev_unref (r->loop);
    r->polling = true;
}

static void poller_keep_awake (flux_reactor_t *r, bool awake)
{
    if (awake == (bool)ev_is_active (&r->idle))
        return;
    if (awake) {
        ev_idle_start (r->loop, &r->idle);
        ev_unref (r->loop);
    } else {
        ev_ref (r->loop);
        ev_idle_stop (r->loop, &r->idle);
    }
}

void reactor_poll_add (flux_reactor_t *r, struct pollee *p)
{
    poller_start (r);
    p->pass = r->pass;
    list_append (&r->pollees, &p->node);
}

void reactor_poll_del (struct pollee *p)
{
    list_del (&p->node);
}

int due_post (flux_reactor_t *r, struct due *d)
{
    if (due_posted (d))
        return 0;
    poller_start (r);
    list_append (&r->due, &d->node);
    if (!r->due_counted) {
        ev_ref (r->loop);
        r->due_counted = true;
    }
    return 0;
}

void due_cancel (struct due *d)
{
    list_del (&d->node);
}

/* due_cancel() does not know the reactor, so the count follows the list here. */
static bool due_update (flux_reactor_t *r)
{
    bool due = !list_empty (&r->due);

    if (r->due_counted && !due) {
        ev_unref (r->loop);
        r->due_counted = false;
    }
    return due;
}

static void waker_cb (struct ev_loop *loop, ev_io *ev, int revents)
{
    flux_reactor_t *r = ev->data;

    waker_take (r->waker);
}

struct waker *reactor_waker (flux_reactor_t *r)
{
    if (r->waker || !(r->waker = waker_new ()))
        return r->waker;
    ev_io_init (&r->waker_io, waker_cb, waker_fd (r->waker), EV_READ);
    ev_set_priority (&r->waker_io, EV_MAXPRI);
    r->waker_io.data = r;
    ev_io_start (r->loop, &r->waker_io);
    ev_unref (r->loop);
    waker_arm (r->waker);      /* we are about to sleep, or will look again */
    return r->waker;
}

/* All pollees are asked, as asking is also what makes one wake us up. */
static void prepare_cb (struct ev_loop *loop, ev_prepare *ev, int revents)
{
    flux_reactor_t *r = ev->data;
    bool awake = due_update (r);

    if (r->waker)
        waker_arm (r->waker);
    list_foreach (&r->pollees, n)
    {
        struct pollee *p = list_entry (n, struct pollee, node);
        if (p->prepare (p))
            awake = true;
    }
    if (awake && r->waker)
        waker_disarm (r->waker);
    poller_keep_awake (r, awake);
}

/* Run what is on the list now.  The mark shows where that ends; a nested run
 * of the loop takes it off, and then nothing is left for us. */
static void run_due (flux_reactor_t *r)
{
    struct due mark;

    due_init (&mark, NULL);
    list_append (&r->due, &mark.node);
    while (due_posted (&mark)) {
        struct due *d = list_entry (r->due.next, struct due, node);
        list_del (&d->node);
        if (d->fn && !r->stopped)
            d->fn (d);
        else if (d->fn) {
            list_prepend (&r->due, &d->node);
            list_del (&mark.node);
        }
    }
}

/* Each pollee once: served ones go to the end of the list with the number of
 * this pass, so the order is fair and callbacks may change the list. */
static void run_pollees (flux_reactor_t *r)
{
    unsigned int pass = ++r->pass;

    while (!list_empty (&r->pollees) && !r->stopped) {
        struct pollee *p = list_entry (r->pollees.next, struct pollee, node);
        if (p->pass == pass)
            break;
        p->pass = pass;
        list_del (&p->node);
        list_append (&r->pollees, &p->node);
        p->check (p);
    }
}

static bool more_to_do (flux_reactor_t *r)
{
    if (!list_empty (&r->due))
        return true;
    list_foreach (&r->pollees, n)
    {
        struct pollee *p = list_entry (n, struct pollee, node);
        if (p->prepare (p))
            return true;
    }
    return false;
}

static void check_cb (struct ev_loop *loop, ev_check *ev, int revents)
{
    flux_reactor_t *r = ev->data;

    poller_keep_awake (r, false);
    if (r->waker)
        waker_disarm (r->waker);
    for (int i = 0; i < PASS_MAX && !r->stopped; i++) {
        if (!list_empty (&r->due))
            run_due (r);
        run_pollees (r);
        if (!more_to_do (r))
            break;
    }
    due_update (r);
}

static void idle_cb (struct ev_loop *loop, ev_idle *ev, int revents)
{
}
