/* queue.c - the requests for resources, in the order of their priority
 *
 *   sched.alloc ─► queue ─► end of the turn: placed from the head on ─► response
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <flux/schedutil.h>

#include "base/errmsg.h"
#include "modules/sched-simple/sched_private.h"
#include "spec/rset.h"

#define REASON_SECONDS 0.1     /* a head that waits longer is told why */

struct pending {
    struct tree_node node;     /* sched.queue */
    uint64_t id;
    int64_t priority;
    const flux_msg_t *msg;
    struct jobspec *js;
    bool annotated;
    bool feasible;             /* was checked, with the resources there are */
    char reason[160];
};

static int queue_cmp (const struct tree_node *a, const struct tree_node *b)
{
    const struct pending *x = tree_entry (a, struct pending, node);
    const struct pending *y = tree_entry (b, struct pending, node);

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void pending_free (void *arg)
{
    struct pending *job = arg;

    flux_msg_decref (job->msg);
    jobspec_unref (job->js);
    free (job);
}

static void pending_remove (struct sched *s, struct pending *job)
{
    tree_remove (&s->queue, &job->node);
    idhash_del (s->jobs, job->id);
}

void queue_kick (struct sched *s)
{
    if (s->pool && s->queue.count > 0)
        flux_watcher_start (s->prep);
}

/* ---- responses ---- */

static void respond_simple (struct sched *s, struct pending *job, int type,
                            const char *note)
{
    if (flux_respond_pack (s->h, job->msg, note ? "{s:I s:i s:s}" : "{s:I s:i}",
                           "id", (json_int_t)job->id, "type", type, "note", note) < 0)
        flux_log_error (s->h, "sched.alloc response");
}

static void respond_success (struct sched *s, struct pending *job, const char *R,
                             const char *summary)
{
    char *text = NULL;

    if (asprintf (&text, "{\"id\":%" PRIu64 ",\"type\":%d,\"R\":%s,\"annotations\":{"
                  "\"sched\":{%s\"resource_summary\":\"%s\"}}}", job->id,
                  FLUX_SCHED_ALLOC_SUCCESS, R,
                  job->annotated ? "\"reason_pending\":null," : "", summary) < 0
        || flux_respond (s->h, job->msg, text) < 0)
        flux_log_error (s->h, "sched.alloc response");
    free (text);
}

static void annotate_head (struct sched *s, struct pending *job)
{
    if (flux_respond_pack (s->h, job->msg, "{s:I s:i s:{s:{s:s}}}",
                           "id", (json_int_t)job->id, "type", FLUX_SCHED_ALLOC_ANNOTATE,
                           "annotations", "sched", "reason_pending", job->reason) < 0)
        flux_log_error (s->h, "sched.alloc response");
    job->annotated = true;
}

/* ---- scheduling ---- */

static void set_times (struct sched *s, struct rset *r, double duration)
{
    double now = flux_reactor_time (), end = rpool_expiration (s->pool);

    rset_set_starttime (r, now);
    rset_set_expiration (r, duration > 0. ? now + duration : end);
}

static int grant (struct sched *s, struct pending *job, struct rset *r)
{
    char *R, *summary;
    int rc = -ENOMEM;

    set_times (s, r, jobspec_request (job->js)->duration);
    R = rset_encode (r);
    summary = rset_dumps (r);
    if (R && summary && idhash_set (s->allocated, job->id, s) == 0) {
        respond_success (s, job, R, summary);
        s->allocs++;
        rc = 0;
    }
    free (R);
    free (summary);
    return rc;
}

/* Returns false if the head must wait, and all behind it; *why tells why. */
static bool try_head (struct sched *s, struct pending *job, flux_error_t *why)
{
    const struct jobspec_request *req = jobspec_request (job->js);
    flux_error_t never;
    struct rset *r;
    int rc;

    if ((rc = rpool_alloc (s->pool, req, &r, why)) == 0) {
        if ((rc = grant (s, job, r)) < 0) {
            rpool_give (s->pool, r);
            errmsg (why, rc, "the scheduler is out of memory");
        }
        rset_free (r);
        return rc == 0;
    }
    if (rc == -ENOSPC && !job->feasible && (rc = rpool_check (s->pool, req, &never)) < 0)
        *why = never;
    if (rc == 0 || rc == -ENOSPC || rc == -ENOMEM) {
        job->feasible = true;
        return false;
    }
    respond_simple (s, job, FLUX_SCHED_ALLOC_DENY, why->text);
    return true;
}

static void head_waits (struct sched *s, struct pending *job, const char *reason)
{
    if (strcmp (job->reason, reason) != 0) {
        snprintf (job->reason, sizeof (job->reason), "%s", reason);
        if (!flux_watcher_is_active (s->reason)) {
            flux_timer_watcher_reset (s->reason, REASON_SECONDS, 0.);
            flux_watcher_start (s->reason);
        }
    }
}

static void prep_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sched *s = arg;
    struct tree_node *n;

    flux_watcher_stop (w);
    s->passes++;
    while ((n = tree_first (&s->queue))) {
        struct pending *job = tree_entry (n, struct pending, node);
        flux_error_t why;
        if (!try_head (s, job, &why)) {
            head_waits (s, job, why.text);
            break;
        }
        pending_remove (s, job);
    }
}

static void reason_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sched *s = arg;
    struct tree_node *n = tree_first (&s->queue);
    struct pending *job = n ? tree_entry (n, struct pending, node) : NULL;

    if (job && job->reason[0])
        annotate_head (s, job);
}

/* ---- requests of the job manager ---- */

static void deny (struct sched *s, const flux_msg_t *msg, uint64_t id, const char *note)
{
    struct pending job = { .id = id, .msg = msg };

    respond_simple (s, &job, FLUX_SCHED_ALLOC_DENY, note);
}

void alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    json_int_t id = -1, priority;
    struct jobspec *js;
    struct pending *job;
    flux_error_t err;

    if (!hello_is_ready (s->hello))
        return;            /* from before hello: it will come again */
    if (!(js = specs_request (s->specs, msg, &id, &priority, &err))) {
        if (id == -1)
            flux_respond_error (h, msg, EPROTO, err.text);
        else
            deny (s, msg, id, err.text);
        return;
    }
    if (!jobspec_request (js)->simple) {
        deny (s, msg, id, ONLY_SIMPLE);
        jobspec_unref (js);
        return;
    }
    if (!(job = calloc (1, sizeof (*job)))) {
        jobspec_unref (js);
        goto nomem;
    }
    job->id = id;
    job->priority = priority;
    job->msg = flux_msg_incref (msg);
    job->js = js;
    tree_node_init (&job->node);
    if (idhash_set (s->jobs, id, job) < 0) {
        pending_free (job);
        goto nomem;
    }
    tree_insert (&s->queue, &job->node);
    queue_kick (s);
    return;
nomem:
    deny (s, msg, id, "the scheduler is out of memory");
}

void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    struct pending *job;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0) {
        flux_log (h, LOG_ERR, "sched.cancel: malformed request");
        return;
    }
    if ((job = idhash_get (s->jobs, id))) {
        respond_simple (s, job, FLUX_SCHED_ALLOC_CANCEL, NULL);
        pending_remove (s, job);
        queue_kick (s);
    }
}

void prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    json_t *jobs, *val;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobs", &jobs) < 0) {
        flux_log (h, LOG_ERR, "sched.prioritize: malformed request");
        return;
    }
    json_array_foreach (jobs, i, val) {
        json_int_t id, priority;
        struct pending *job;
        if (json_unpack (val, "[I,I]", &id, &priority) < 0
            || !(job = idhash_get (s->jobs, id)))
            continue;
        tree_remove (&s->queue, &job->node);
        job->priority = priority;
        tree_insert (&s->queue, &job->node);
    }
    queue_kick (s);
}

/* ---- life ---- */

static void *spec_decode (void *arg, json_t *o, flux_error_t *err)
{
    return jobspec_from_json (o, err);
}

static void *spec_ref (void *spec)
{
    return jobspec_ref (spec);
}

static void spec_unref (void *spec)
{
    jobspec_unref (spec);
}

static const struct specs_ops specs_ops = { spec_decode, spec_ref, spec_unref };

int queue_init (struct sched *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    tree_init (&s->queue, queue_cmp);
    if (!(s->jobs = idhash_new (pending_free))
        || !(s->specs = specs_new (&specs_ops, NULL))
        || !(s->prep = flux_prepare_watcher_create (r, prep_cb, s))
        || !(s->reason = flux_timer_watcher_create (r, REASON_SECONDS, 0., reason_cb, s)))
        return -ENOMEM;
    return 0;
}

void queue_release (struct sched *s)
{
    flux_watcher_destroy (s->prep);
    flux_watcher_destroy (s->reason);
    idhash_free (s->jobs);
    specs_free (s->specs);
}

void queue_clear (struct sched *s)
{
    struct tree_node *n;

    while ((n = tree_first (&s->queue)))
        pending_remove (s, tree_entry (n, struct pending, node));
}

void queue_recheck (struct sched *s)
{
    for (struct tree_node *n = tree_first (&s->queue); n; n = tree_next (n))
        tree_entry (n, struct pending, node)->feasible = false;
}

void queue_refuse (struct sched *s)
{
    struct pending *job;
    size_t pos = 0;

    while ((job = idhash_next (s->jobs, &pos, NULL)))
        flux_respond_error (s->h, job->msg, ENOSYS, NULL);
}
