/* stopjobs.c - end the jobs of an instance that ends
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/stopjobs.h"

#define AGAIN_AFTER 0.25

struct stopjobs {
    flux_t *h;
    stopjobs_done_f done;
    void *arg;
    flux_future_t *stop;
    flux_future_t *cancel;
    flux_future_t *idle;
    flux_watcher_t *again;
};

static void finish (struct stopjobs *s, int rc, const char *text)
{
    stopjobs_done_f done = s->done;

    flux_watcher_stop (s->again);
    if (!done)
        return;
    s->done = NULL;
    done (s->arg, rc, text);
}

/* ENOSYS: the job manager has gone, and with it who could say more. */
static void answered (flux_future_t *f, void *arg)
{
    struct stopjobs *s = arg;

    if (flux_future_get (f, NULL) < 0)
        finish (s, errno == ENOSYS ? 0 : -errno, flux_future_error_string (f));
    else if (f == s->idle)
        finish (s, 0, NULL);
}

static flux_future_t *watch (struct stopjobs *s, flux_future_t *f)
{
    if (f && flux_future_then (f, -1, answered, s) < 0) {
        flux_future_destroy (f);
        f = NULL;
    }
    return f;
}

static int cancel (struct stopjobs *s)
{
    flux_future_destroy (s->cancel);
    s->cancel = watch (s, flux_rpc_pack (s->h, "job-manager.raiseall", FLUX_NODEID_ANY, 0,
                                         "{s:b s:i s:i s:i s:s s:s}", "dry_run", 0,
                                         "userid", -1, "states", FLUX_JOB_STATE_RUN,
                                         "severity", 0, "type", "cancel", "note",
                                         "the instance is shutting down"));
    return s->cancel ? 0 : -1;
}

/* A job whose resources were on their way when the queues were stopped starts
 * after the first cancel. */
static void on_again (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct stopjobs *s = arg;

    if (cancel (s) < 0)
        finish (s, -errno, "out of memory");
}

struct stopjobs *stopjobs_begin (flux_t *h, stopjobs_done_f done, void *arg)
{
    struct stopjobs *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->h = h;
    s->done = done;
    s->arg = arg;
    s->stop = watch (s, flux_rpc_pack (h, "job-manager.queue-start", FLUX_NODEID_ANY, 0,
                                       "{s:b s:b s:b s:s}", "start", 0, "all", 1,
                                       "nocheckpoint", 1, "reason",
                                       "the instance is shutting down"));
    if (!s->stop || cancel (s) < 0
        || !(s->idle = watch (s, flux_rpc (h, "job-manager.idle", NULL, FLUX_NODEID_ANY, 0)))
        || !(s->again = flux_timer_watcher_create (flux_get_reactor (h), AGAIN_AFTER,
                                                   AGAIN_AFTER, on_again, s))) {
        stopjobs_free (s);
        return NULL;
    }
    flux_watcher_start (s->again);
    return s;
}

void stopjobs_free (struct stopjobs *s)
{
    if (!s)
        return;
    int saved_errno = errno;
    flux_future_destroy (s->stop);
    flux_future_destroy (s->cancel);
    flux_future_destroy (s->idle);
    flux_watcher_destroy (s->again);
    free (s);
    errno = saved_errno;
}
