/* future_wait.c - block until a future is fulfilled
 *
 * Only the future's own events run while it is waited for: its class may have a
 * wait function that needs no reactor (rpc has), else it is started a second
 * time on a temporary reactor with a clone of its handle, and what arrives there
 * for others is put back into the handle.  The temporary reactor lives as long
 * as the future since watchers of the first wait serve later ones.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/future_private.h"

static __thread void (*wait_hook) (flux_future_t *f);

void future_set_wait_hook (void (*hook) (flux_future_t *f))
{
    wait_hook = hook;
}

bool future_wait_is_forbidden (void)
{
    return wait_hook != NULL;
}

void future_now_destroy (struct future_now *now)
{
    if (!now)
        return;
    if (now->h)
        flux_decref (now->h);
    if (now->r)
        flux_reactor_decref (now->r);
    free (now);
}

static struct future_now *now_create (flux_future_t *f)
{
    struct future_now *now;

    if (!(now = calloc (1, sizeof (*now))))
        return NULL;
    if (!(now->r = flux_reactor_create (0)))
        goto error;
    if (f->h) {
        if (!(now->h = flux_clone (f->h))
            || flux_set_reactor (now->h, now->r) < 0)
            goto error;
    }
    return now;
error:
    future_now_destroy (now);
    return NULL;
}

static void expired_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    bool *expired = arg;

    *expired = true;
    flux_reactor_stop (r);
}

static int now_run (flux_future_t *f, double timeout)
{
    flux_watcher_t *timer = NULL;
    bool expired = false;
    int rc;

    if (timeout > 0) {
        flux_reactor_now_update (f->now->r);
        if (!(timer = flux_timer_watcher_create (f->now->r, timeout, 0.,
                                                 expired_cb, &expired)))
            return -1;
        flux_watcher_start (timer);
    }
    rc = flux_reactor_run (f->now->r, 0);
    flux_watcher_destroy (timer);
    if (flux_future_is_ready (f))
        return 0;
    if (rc < 0)
        return -1;
    errno = expired ? ETIMEDOUT : EDEADLOCK;
    return -1;
}

static int wait_on_reactor (flux_future_t *f, double timeout)
{
    int rc = 0;

    if (!f->now && !(f->now = now_create (f)))
        return -1;
    f->now->active = true;
    if (!f->now->started) {
        f->now->started = true;
        future_call_init (f);
    }
    if (!flux_future_is_ready (f))
        rc = now_run (f, timeout);
    if (f->now->h && flux_dispatch_requeue (f->now->h) < 0)
        rc = -1;
    f->now->active = false;
    // The parts of a chain or group were moved here: back to the continuation's
    // reactor with them.
    if (f->started && (f->link || f->group)) {
        int saved_errno = errno;
        future_call_init (f);
        errno = saved_errno;
    }
    return rc;
}

int flux_future_wait_for (flux_future_t *f, double timeout)
{
    int rc;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_future_is_ready (f))
        return 0;
    if (timeout == 0.) {
        errno = ETIMEDOUT;
        return -1;
    }
    if (wait_hook)
        wait_hook (f);
    if (!f->cls || !f->cls->wait)
        return wait_on_reactor (f, timeout);
    if ((rc = f->cls->wait (f, f->priv, timeout)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}
