/* extend.c - the instance may stay longer: so may jobs that were to end with it
 *
 *   resource.expiration {"old", "expiration"} ─► of each such job: sched.expiration
 *      ─► resource-update event ─► SERVICE.expiration
 *
 * flux-update(1).  Jobs are told more time only; an instance that has to end sooner ends
 * with its jobs.
 */
#include <errno.h>
#include <syslog.h>

#include "modules/job/info.h"
#include "modules/job/mgr.h"
#include "modules/job/tap.h"
#include "spec/rset.h"

struct extension {
    struct list_node node;
    struct mgr *m;
    struct job *job;           /* reference */
    double expiration;
    flux_future_t *f;
};

struct extensions {
    struct list_node pending;  /* that wait for the scheduler */
    flux_msg_handler_t **handlers;
};

static void extension_free (struct extension *e)
{
    list_del (&e->node);
    flux_future_destroy (e->f);
    job_unref (e->m->t, e->job);
    free (e);
}

static void apply (struct extension *e)
{
    struct mgr *m = e->m;
    struct job *job = e->job;

    if (!job->a || job->st.state != FLUX_JOB_STATE_RUN)
        return;
    event_post_pack (m, job, "resource-update", "{s:f}", "expiration", e->expiration);
    update_exec_expiration (m, job);
    tap_notify (m, job, "job.update");
    info_updated (m->t, job);
}

/* A scheduler without sched.expiration agrees to all. */
static void continuation (flux_future_t *f, void *arg)
{
    struct extension *e = arg;
    char id[32];

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS) {
        (void)flux_job_id_encode (e->job->id, "f58", id, sizeof (id));
        flux_log (e->m->h, LOG_ERR, "%s: the instance has more time, the job has not: %s", id,
                  future_strerror (f, errno));
    }
    else
        apply (e);
    extension_free (e);
}

static void extend (struct extensions *x, struct mgr *m, struct job *job, double expiration)
{
    struct extension *e = calloc (1, sizeof (*e));

    if (!e)
        return;
    *e = (struct extension){ .m = m, .job = job_ref (job), .expiration = expiration };
    list_append (&x->pending, &e->node);
    if (!(e->f = alloc_expiration (m, job, expiration))
        || flux_future_then (e->f, -1., continuation, e) < 0) {
        flux_log_error (m->h, "sched.expiration");
        extension_free (e);
    }
}

/* When it may end, if it may stay until 'limit' (0: no limit). */
static double new_end (const struct job *job, double limit)
{
    double start = rset_starttime (job->a->rset), d = job->attrs->duration;

    if (start <= 0.)
        start = job->st.t_run;
    return d > 0. && (limit <= 0. || start + d < limit) ? start + d : limit;
}

static void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    double old, expiration;

    if (flux_event_unpack (msg, NULL, "{s:F s:F}", "old", &old, "expiration", &expiration) < 0
        || old <= 0. || (expiration > 0. && expiration <= old))
        return;
    list_foreach (&m->t->running, pos) {
        struct job *job = list_entry (pos, struct job, place);
        if (job->a && job->a->rset && job->st.state == FLUX_JOB_STATE_RUN
            && job->expiration >= old && job->expiration <= old)
            extend (m->extensions, m, job, new_end (job, expiration));
    }
}

static const struct flux_msg_handler_spec events[] = {
    { FLUX_MSGTYPE_EVENT, "resource.expiration", expiration_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct extensions *extensions_new (struct mgr *m)
{
    struct extensions *x = calloc (1, sizeof (*x));
    flux_future_t *f;

    if (!x)
        return NULL;
    list_init (&x->pending);
    f = flux_event_subscribe_ex (m->h, "resource.expiration", FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    if (!f || flux_msg_handler_addvec (m->h, events, m, &x->handlers) < 0) {
        free (x);
        return NULL;
    }
    return x;
}

void extensions_free (struct extensions *x)
{
    if (x) {
        flux_msg_handler_delvec (x->handlers);
        list_foreach (&x->pending, pos)
            extension_free (list_entry (pos, struct extension, node));
        free (x);
    }
}
