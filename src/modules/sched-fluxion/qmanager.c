/* qmanager.c - the module sched-fluxion-qmanager: its queues, its peers, its life
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/sched-fluxion/fluxion.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/qmanager_private.h"
#include "modules/sched/reconf.h"
#include "spec/rset.h"

#define BUDGET_US 100         /* of a pass, before other messages have their turn */
#define STARTS 8              /* jobs to start before the job manager has caught up */

static int64_t seconds (void)
{
    return (int64_t)flux_reactor_time ();
}

/* When something ends, in the graph's whole seconds. */
static int64_t end_of (double t)
{
    return t > 0. ? (int64_t)ceil (t) : PLANNER_END;
}

/* ---- passes ---- */

void qmanager_kick (struct qmanager *qm)
{
    if (qm->q)
        flux_watcher_start (qm->prep);
}

static void set_timer (struct qmanager *qm)
{
    int64_t next = queues_next (qm->q);
    double after = (double)next - flux_reactor_time ();

    flux_watcher_stop (qm->timer);
    if (next >= 0) {
        flux_timer_watcher_reset (qm->timer, after > 0.001 ? after : 0.001, 0.);
        flux_watcher_start (qm->timer);
    }
}

static void caught_up (flux_future_t *f, void *arg)
{
    struct qmanager *qm = arg;

    flux_future_destroy (f);
    qm->f_pace = NULL;
    qmanager_kick (qm);
}

/* A thousand jobs that start at once would keep everybody else waiting.  The answer comes
 * behind what the job manager does for those that were started. */
static bool must_wait (struct qmanager *qm)
{
    if (qm->f_pace)
        return true;
    if (qm->starts < STARTS)
        return false;
    qm->starts = 0;
    qm->f_pace = flux_rpc (qm->h, "job-manager.ping", "{}", FLUX_NODEID_ANY, 0);
    if (qm->f_pace && flux_future_then (qm->f_pace, -1., caught_up, qm) == 0)
        return true;
    flux_future_destroy (qm->f_pace);
    qm->f_pace = NULL;
    return false;
}

/* Queues that are not configured any more stay as long as jobs wait in them. */
static void drop_queues (struct qmanager *qm)
{
    const char *name;
    size_t i = 0;

    qm->stale = false;
    while ((name = queues_name (qm->q, i))) {
        const char *real = hash_get (qm->names, name);
        if (real && !strcmp (real, name))
            i++;
        else if (queues_remove (qm->q, name) < 0) {
            qm->stale = true;
            i++;
        }
    }
}

static void prep_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct qmanager *qm = arg;
    int rc;

    if (must_wait (qm)) {
        flux_watcher_stop (qm->idle);
        flux_watcher_stop (w);
        return;
    }
    rc = queues_run (qm->q, seconds (), BUDGET_US);
    qalloc_drop (qm);
    if (rc == 1) {
        flux_watcher_start (qm->idle);
        return;
    }
    flux_watcher_stop (qm->idle);
    flux_watcher_stop (w);
    if (qm->stale)
        drop_queues (qm);
    if (rc < 0)
        flux_log (qm->h, LOG_ERR, "a pass over the queues: %s", flux_strerror (-rc));
    set_timer (qm);
}

static void idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    qmanager_kick (arg);
}

static void stop_passes (struct qmanager *qm)
{
    flux_future_destroy (qm->f_pace);
    qm->f_pace = NULL;
    flux_watcher_stop (qm->prep);
    flux_watcher_stop (qm->idle);
    flux_watcher_stop (qm->timer);
}

/* ---- the job manager ---- */

static int add_queue (struct qmanager *qm, const char *name)
{
    struct queue_conf c;

    qmanager_conf_queue (qm->conf, name, &c);
    return queues_add (qm->q, name, &c);
}

static int add_queues (struct qmanager *qm)
{
    const char *key, *real;
    size_t pos = 0;
    int rc = 0;

    while (rc == 0 && (real = hash_next (qm->names, &pos, &key)))
        if (!strcmp (real, key))
            rc = add_queue (qm, key);
    return rc;
}

static int make_queues (struct qmanager *qm)
{
    struct fluxion *fx = qm->fx;
    int rc = -ENOMEM;

    if ((qm->q = queues_new (fx->graph, &fx->policy, &qalloc_queue_ops, qm))
        && (rc = add_queues (qm)) == 0)
        rc = queues_set_expiration (qm->q, fx->expiration > 0. ? end_of (fx->expiration) : 0);
    if (rc < 0) {
        queues_free (qm->q);
        qm->q = NULL;
    }
    return rc;
}

/* What jobs have, and what they ask for. */
static void forget_jobs (struct qmanager *qm)
{
    uint64_t id;
    size_t pos = 0;

    stop_passes (qm);
    queues_free (qm->q);
    qm->q = NULL;
    while (idhash_next (qm->allocated, &pos, &id)) {
        if (qm->fx->graph)
            (void)graph_cancel (qm->fx->graph, (int64_t)id);
        idhash_del (qm->allocated, id);
    }
    qalloc_clear (qm);
}

static void begin (void *arg)
{
    struct qmanager *qm = arg;
    int rc;

    forget_jobs (qm);
    if ((rc = make_queues (qm)) < 0)
        flux_log (qm->h, LOG_ERR, "queues: %s: not scheduling", flux_strerror (-rc));
}

/* What a job still has: brokers that were lost are not among the resources any more.
 * A graph of a file may have no ranks. */
static int parts_left (const struct fluxion *fx, const struct rset *R, const struct idset *freed,
                       struct job_part **part, size_t *n, flux_error_t *err)
{
    bool ranks = !idset_empty (rset_ranks (fx->all));
    struct idset *left = ranks ? idset_intersect (rset_ranks (R), rset_ranks (fx->all)) : NULL;
    struct rset *r = NULL;
    int rc;

    if (left && idset_count (left) < idset_count (rset_ranks (R)))
        r = rset_copy_ranks (R, left);
    rc = parts_from_rset (fx->graph, r ? r : R, freed, part, n, err);
    rset_free (r);
    idset_destroy (left);
    return rc;
}

static int take_job (void *arg, uint64_t id, const struct rset *R, const struct idset *freed,
                     flux_error_t *err)
{
    struct qmanager *qm = arg;
    struct job_part *part;
    int64_t start = (int64_t)rset_starttime (R), end = end_of (rset_expiration (R));
    size_t n;
    int rc;

    if (!qm->q)
        return errmsg (err, -EAGAIN, "there are no queues");
    if ((rc = parts_left (qm->fx, R, freed, &part, &n, err)) < 0)
        return rc;
    if (end <= start)
        end = start + 1;
    rc = n > 0 ? queues_hello (qm->q, (int64_t)id, start, end, seconds (), part, n,
                               rset_nslots (R)) : 0;
    free (part);
    if (rc == -EBUSY)
        errmsg (err, rc, "some of its resources are in use by another job");
    else if (rc < 0)
        errmsg (err, rc, "%s", flux_strerror (-rc));
    else
        (void)idhash_set (qm->allocated, id, qm);
    return rc;
}

static void give_part (struct qmanager *qm, uint64_t id, const struct rset *R)
{
    uint32_t *v;
    size_t n;
    bool empty;
    int rc = parts_nodes (qm->fx->graph, R, &v, &n);

    if (rc == 0) {
        rc = n > 0 ? queues_free_part (qm->q, (int64_t)id, v, n, &empty) : 0;
        free (v);
    }
    if (rc < 0 && rc != -ENOENT)
        flux_log (qm->h, LOG_ERR, "sched.free: %s", flux_strerror (-rc));
}

static void give (void *arg, uint64_t id, const struct rset *R, bool final)
{
    struct qmanager *qm = arg;

    if (qm->q && final)
        (void)queues_free_job (qm->q, (int64_t)id);
    else if (qm->q)
        give_part (qm, id, R);
    if (final)
        idhash_del (qm->allocated, id);
    qmanager_kick (qm);
}

static void settled (void *arg);

static const struct hello_ops hello_ops = { begin, take_job, give, settled };

static void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct qmanager *qm = arg;
    double expiration, limit = qm->fx->expiration;
    json_int_t id;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id,
                             "expiration", &expiration) < 0 || expiration < 0.)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if (!qm->q || !idhash_get (qm->allocated, id))
        flux_respond_error (h, msg, ENOENT, "the job has no allocation");
    else if (limit > 0. && (expiration == 0. || expiration > limit))
        flux_respond_error (h, msg, EINVAL, "the instance ends before that");
    /* -ENOENT: it lost all it had, and is about to end */
    else if ((rc = queues_set_end (qm->q, id, end_of (expiration))) < 0 && rc != -ENOENT)
        flux_respond_error (h, msg, -rc, rc == -EINVAL ? "the job starts after that" : NULL);
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "sched.expiration");
    qmanager_kick (qm);
}

/* ---- the graph ---- */

static void respond_status (struct qmanager *qm, const flux_msg_t *msg)
{
    struct rset *down = parts_down (qm->fx), *allocated = parts_allocated (qm->fx);

    if (flux_respond_pack (qm->h, msg, "{s:o s:o s:o}", "all", rset_to_json (qm->fx->all),
                           "down", down ? rset_to_json (down) : NULL, "allocated",
                           allocated ? rset_to_json (allocated) : NULL) < 0)
        flux_respond_error (qm->h, msg, errno, NULL);
    rset_free (down);
    rset_free (allocated);
}

static void settled (void *arg)
{
    struct qmanager *qm = arg;
    const flux_msg_t *msg;

    while (qm->fx->graph && (msg = flux_msglist_pop (qm->early))) {
        respond_status (qm, msg);
        flux_msg_decref (msg);
    }
}

static void status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct qmanager *qm = arg;

    if (qm->fx->graph && hello_is_settled (qm->hello))
        respond_status (qm, msg);
    else if (flux_msglist_append (qm->early, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static void known (void *arg)
{
    struct qmanager *qm = arg;

    hello_begin (qm->hello);
}

static void changed (void *arg)
{
    struct qmanager *qm = arg;
    struct fluxion *fx = qm->fx;

    if (!qm->q)
        return;
    queues_changed (qm->q);
    if (queues_set_match (qm->q, &fx->policy) < 0
        || queues_set_expiration (qm->q, fx->expiration > 0. ? end_of (fx->expiration) : 0) < 0)
        flux_log (qm->h, LOG_ERR, "out of memory");
    qmanager_kick (qm);
}

static void gone (void *arg)
{
    struct qmanager *qm = arg;

    hello_stop (qm->hello);
    forget_jobs (qm);
}

/* ---- the module ---- */

static int configure (struct qmanager *qm, const flux_conf_t *conf, flux_error_t *err)
{
    json_t *table = NULL, *queues = NULL;
    struct qmanager_conf *c;
    struct hash *names;

    (void)flux_conf_unpack (conf, NULL, "{s?o s?o}", "sched-fluxion-qmanager", &table,
                            "queues", &queues);
    if (!(c = qmanager_conf_new (table, qm->args.argc, qm->args.argv, err)))
        return -errno;
    if (qmanager_conf_check (c, queues, err) < 0) {
        qmanager_conf_free (c);
        return -EINVAL;
    }
    if (!(names = names_new (queues))) {
        qmanager_conf_free (c);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    qmanager_conf_free (qm->conf);
    hash_free (qm->names);
    qm->conf = c;
    qm->names = names;
    return 0;
}

static int update_queues (struct qmanager *qm)
{
    drop_queues (qm);
    return add_queues (qm);
}

static int reconfigure (void *arg, const flux_conf_t *conf, flux_error_t *err)
{
    struct qmanager *qm = arg;
    int rc = configure (qm, conf, err);

    if (rc == 0 && qm->q && (rc = update_queues (qm)) < 0)
        errmsg (err, rc, "queues: %s", flux_strerror (-rc));
    qmanager_kick (qm);
    return rc;
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    reconf (h, msg, reconfigure, arg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.alloc", qalloc_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.cancel", qalloc_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.prioritize", qalloc_prioritize_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.expiration", expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.resource-status", status_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-fluxion-qmanager.config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched-fluxion-qmanager.stats-get", qstats_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-fluxion-qmanager.stats-clear", qstats_clear_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "sched-fluxion-qmanager.stats-clear", qstats_clear_event_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void qmanager_free (struct qmanager *qm)
{
    const flux_msg_t *msg;

    flux_msg_handler_delvec (qm->handlers);
    if (qm->jobs && qm->allocated)
        forget_jobs (qm);
    hello_destroy (qm->hello);
    qalloc_release (qm);
    while (qm->early && (msg = flux_msglist_pop (qm->early))) {
        flux_respond_error (qm->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (qm->early);
    flux_watcher_destroy (qm->prep);
    flux_watcher_destroy (qm->idle);
    flux_watcher_destroy (qm->timer);
    qmanager_conf_free (qm->conf);
    conf_args_release (&qm->args);
    hash_free (qm->names);
    free (qm);
}

static int init (struct qmanager *qm)
{
    flux_reactor_t *r = flux_get_reactor (qm->h);
    flux_future_t *f;

    if (qalloc_init (qm) < 0 || !(qm->early = flux_msglist_create ())
        || !(qm->prep = flux_prepare_watcher_create (r, prep_cb, qm))
        || !(qm->idle = flux_idle_watcher_create (r, idle_cb, qm))
        || !(qm->timer = flux_timer_watcher_create (r, 1., 0., timer_cb, qm))
        || !(qm->hello = hello_new (qm->h, 0, &hello_ops, qm))
        || flux_msg_handler_addvec (qm->h, handlers, qm, &qm->handlers) < 0
        || !(f = flux_event_subscribe_ex (qm->h, "sched-fluxion-qmanager.stats-clear",
                                          FLUX_RPC_NORESPONSE)))
        return -ENOMEM;
    flux_future_destroy (f);
    return 0;
}

static void qmanager_stop (void *ctx)
{
    struct qmanager *qm = ctx;

    if (qm) {
        fluxion_unlisten (&qm->listener);
        qalloc_refuse (qm);
        qmanager_free (qm);
    }
}

static int qmanager_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct qmanager *qm = calloc (1, sizeof (*qm));
    int rc;

    if (!qm)
        return errmsg (err, -ENOMEM, "out of memory");
    qm->h = h;
    qm->fx = builtin_data (h);
    if (!qm->fx->loaded)
        rc = errmsg (err, -ENOENT, "it needs sched-fluxion-resource: load that first, or use"
                     " flux modprobe load sched-fluxion-qmanager");
    else if ((rc = conf_args_copy (&qm->args, argc, argv)) < 0)
        errmsg (err, rc, "out of memory");
    else if ((rc = configure (qm, flux_get_conf (h), err)) == 0 && (rc = init (qm)) < 0)
        errmsg (err, rc, "out of memory");
    if (rc < 0) {
        qmanager_free (qm);
        return rc;
    }
    qm->listener = (struct listener){ .known = known, .changed = changed, .gone = gone,
                                      .arg = qm };
    flux_log (qm->h, LOG_INFO, "version %s", FLUX_CORE_VERSION_STRING);
    fluxion_listen (qm->fx, &qm->listener);
    *ctxp = qm;
    return 0;
}

const struct builtin fluxion_qmanager_builtin = {
    .name = "sched-fluxion-qmanager",
    .data = "fluxion",
    .flags = BUILTIN_RANK0,
    .services = "sched",
    .requires = "sched-fluxion-resource",
    .start = qmanager_start,
    .stop = qmanager_stop,
};
