/* drain.c - waiting for the queues to become empty, or idle
 *
 * Empty: no active job.  Idle: no job in RUN or CLEANUP and no request with the
 * scheduler.
 */
#include <errno.h>

#include "modules/job/mgr.h"

struct drains {
    struct flux_msglist *drain;
    struct flux_msglist *idle;
};

struct drains *drains_new (struct mgr *m)
{
    struct drains *d = calloc (1, sizeof (*d));

    if (d && (!(d->drain = flux_msglist_create ()) || !(d->idle = flux_msglist_create ()))) {
        drains_free (d);
        d = NULL;
    }
    return d;
}

void drains_free (struct drains *d)
{
    if (d) {
        flux_msglist_destroy (d->drain);
        flux_msglist_destroy (d->idle);
        free (d);
    }
}

static int active (const struct mgr *m)
{
    return m->t->counts.state[state_index (FLUX_JOB_STATE_NEW)]
           + m->t->counts.state[state_index (FLUX_JOB_STATE_DEPEND)]
           + m->t->counts.state[state_index (FLUX_JOB_STATE_PRIORITY)]
           + m->t->counts.state[state_index (FLUX_JOB_STATE_SCHED)];
}

static int running (const struct mgr *m)
{
    return m->t->counts.state[state_index (FLUX_JOB_STATE_RUN)]
           + m->t->counts.state[state_index (FLUX_JOB_STATE_CLEANUP)];
}

static bool is_idle (const struct mgr *m)
{
    return running (m) == 0 && alloc_outstanding (m) == 0;
}

static bool is_empty (const struct mgr *m)
{
    return running (m) == 0 && active (m) == 0;
}

static void answer_all (struct mgr *m, struct flux_msglist *l)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (l))) {
        mgr_respond (m, msg, json_pack ("{s:i s:i}", "pending", active (m),
                                    "running", running (m)));
        flux_msg_decref (msg);
    }
}

void drains_check (struct mgr *m)
{
    struct drains *d = m->drains;

    if (!d)
        return;
    if (flux_msglist_count (d->drain) > 0 && is_empty (m))
        answer_all (m, d->drain);
    if (flux_msglist_count (d->idle) > 0 && is_idle (m))
        answer_all (m, d->idle);
}

static void add (struct mgr *m, struct flux_msglist *l, const flux_msg_t *msg)
{
    if (flux_msglist_append (l, msg) < 0)
        mgr_respond_error (m, msg, errno, NULL);
    else
        drains_check (m);
}

void drain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    add (m, m->drains->drain, msg);
}

void idle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    add (m, m->drains->idle, msg);
}

void drains_disconnect (struct mgr *m, const flux_msg_t *msg)
{
    (void)flux_msglist_disconnect (m->drains->drain, msg);
    (void)flux_msglist_disconnect (m->drains->idle, msg);
}
