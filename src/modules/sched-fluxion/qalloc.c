/* qalloc.c - the requests for resources: sched.alloc, cancel, prioritize
 *
 *   sched.alloc ─► queues_submit() ─► end of the turn: queues_run() ─► start, deny or
 *   pending ─► response
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <flux/schedutil.h>

#include "base/errmsg.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/qmanager_private.h"
#include "spec/rset.h"

/* What a jobspec asks of the scheduler. */
struct spec {
    int refs;
    struct request *request;
    char *queue;               /* or NULL */
    char *queue_json;          /* the same, as a JSON string */
};

struct waiting {
    uint64_t id;
    const flux_msg_t *msg;
    struct spec *spec;
    bool named;                /* the queue was told */
    bool reason;               /* a reason was told, an estimate */
    bool estimate;
};

static void spec_unref (void *arg)
{
    struct spec *s = arg;

    if (s && --s->refs == 0) {
        request_free (s->request);
        free (s->queue);
        free (s->queue_json);
        free (s);
    }
}

static void *spec_ref (void *arg)
{
    struct spec *s = arg;

    s->refs++;
    return s;
}

/* Only what matters here, so that the rest is not kept. */
static json_t *essence (json_t *jobspec)
{
    json_t *sys = json_object_get (json_object_get (jobspec, "attributes"), "system");

    return json_pack ("{s:O* s:{s:{s:O* s:O*}}}", "resources",
                      json_object_get (jobspec, "resources"), "attributes", "system",
                      "duration", json_object_get (sys, "duration"),
                      "constraints", json_object_get (sys, "constraints"));
}

static void *spec_decode (void *arg, json_t *jobspec, flux_error_t *err)
{
    struct qmanager *qm = arg;
    json_t *sys = json_object_get (json_object_get (jobspec, "attributes"), "system");
    json_t *queue = json_object_get (sys, "queue"), *o = essence (jobspec);
    struct spec *s = calloc (1, sizeof (*s));

    if (s)
        s->refs = 1;
    if (s && o && (!json_is_string (queue)
                   || ((s->queue = strdup (json_string_value (queue)))
                       && (s->queue_json = json_dumps (queue, JSON_ENCODE_ANY)))))
        s->request = fluxion_request (qm->fx, o, err);
    else
        errmsg (err, 0, "the scheduler is out of memory");
    json_decref (o);
    if (!s || !s->request) {
        spec_unref (s);
        return NULL;
    }
    return s;
}

static const struct specs_ops specs_ops = { spec_decode, spec_ref, spec_unref };

static void waiting_free (void *arg)
{
    struct waiting *w = arg;

    flux_msg_decref (w->msg);
    spec_unref (w->spec);
    free (w);
}

/* ---- responses ---- */

static void respond (struct qmanager *qm, const flux_msg_t *msg, uint64_t id, int type,
                     const char *note)
{
    if (flux_respond_pack (qm->h, msg, note ? "{s:I s:i s:s}" : "{s:I s:i}",
                           "id", (json_int_t)id, "type", type, "note", note) < 0)
        flux_log_error (qm->h, "sched.alloc response");
}

/* The scheduling key of formats that have one. */
static int add_graph (struct qmanager *qm, const struct job *j, struct rset *r)
{
    struct buf b = BUF_INIT;
    json_t *R = NULL;
    int rc;

    if (qm->fx->format == EMIT_RV1_NOSCHED)
        return 0;
    if ((rc = emit_job (qm->fx->graph, j, qm->fx->format, &b)) == 0) {
        R = json_loadb (b.data, b.len, 0, NULL);
        rc = R ? rset_set_scheduling (r, json_object_get (R, "scheduling")) : -ENOMEM;
    }
    json_decref (R);
    buf_release (&b);
    return rc;
}

static void set_times (struct qmanager *qm, struct rset *r, double duration)
{
    double now = flux_reactor_time (), end = qm->fx->expiration;

    if (duration > 0. && (end == 0. || now + duration < end))
        end = now + duration;
    rset_set_starttime (r, now);
    rset_set_expiration (r, end);
}

static struct rset *make_R (struct qmanager *qm, const struct waiting *w, const struct job *j,
                            flux_error_t *err)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);
    struct rset *r = parts_to_rset (qm->fx->graph, part, n, err);
    int rc;

    if (!r)
        return NULL;
    set_times (qm, r, w->spec->request->duration);
    rset_set_nslots (r, job_nslots (j));
    if ((rc = add_graph (qm, j, r)) < 0) {
        errno = -errmsg (err, rc, "out of memory");
        rset_free (r);
        return NULL;
    }
    return r;
}

static int respond_success (struct qmanager *qm, const struct waiting *w, const char *R,
                            const char *summary)
{
    char *text = NULL;
    int rc = 0;

    if (asprintf (&text, "{\"id\":%" PRIu64 ",\"type\":%d,\"R\":%s,\"annotations\":{"
                  "\"sched\":{%s%s%s%s%s\"selection_type\":\"%s\",\"resource_summary\":"
                  "\"%s\"}}}", w->id,
                  FLUX_SCHED_ALLOC_SUCCESS, R, w->reason ? "\"reason_pending\":null," : "",
                  w->estimate ? "\"t_estimate\":null," : "", w->spec->queue ? "\"queue\":" : "",
                  w->spec->queue ? w->spec->queue_json : "", w->spec->queue ? "," : "",
                  queues_selection (qm->q), summary) < 0)
        return -ENOMEM;
    if (flux_respond (qm->h, w->msg, text) < 0)
        rc = -errno;
    free (text);
    return rc;
}

/* ---- from the queues ---- */

static int start (void *arg, int64_t id, const struct job *j)
{
    struct qmanager *qm = arg;
    struct waiting *w = idhash_get (qm->jobs, (uint64_t)id);
    flux_error_t err;
    struct rset *r;
    char *R, *summary;
    int rc = -ENOMEM;

    if (!w)
        return -ENOENT;
    if (!(r = make_R (qm, w, j, &err))) {
        rc = -errno;
        if (rc == -EINVAL && idhash_set (qm->refused, w->id, qm) == 0) {
            respond (qm, w->msg, w->id, FLUX_SCHED_ALLOC_DENY, err.text);
            idhash_del (qm->jobs, w->id);
        }
        return rc;
    }
    R = rset_encode (r);
    summary = rset_dumps (r);
    rset_free (r);
    if (R && summary && idhash_set (qm->allocated, w->id, qm) == 0
        && (rc = respond_success (qm, w, R, summary)) < 0)
        idhash_del (qm->allocated, w->id);
    if (rc == 0) {
        idhash_del (qm->jobs, w->id);
        qm->starts++;
    }
    free (R);
    free (summary);
    return rc;
}

void qalloc_drop (struct qmanager *qm)
{
    uint64_t id;
    size_t pos = 0;

    while (idhash_next (qm->refused, &pos, &id)) {
        (void)queues_cancel (qm->q, (int64_t)id);
        idhash_del (qm->refused, id);
    }
}

static void deny (void *arg, int64_t id, const char *why)
{
    struct qmanager *qm = arg;
    struct waiting *w = idhash_get (qm->jobs, (uint64_t)id);

    if (w) {
        respond (qm, w->msg, w->id, FLUX_SCHED_ALLOC_DENY, why);
        idhash_del (qm->jobs, w->id);
    }
}

/* "; first free at 14:02", with the day if it is not in the next 12 hours */
static void add_time (char *buf, size_t size, int64_t t)
{
    size_t n = strlen (buf);
    time_t when = (time_t)t;
    struct tm tm;

    if (localtime_r (&when, &tm))
        strftime (buf + n, size - n, (double)t - flux_reactor_time () < 12. * 3600
                  ? "; first free at %H:%M" : "; first free at %b %e %H:%M", &tm);
}

static void pending (void *arg, int64_t id, int64_t t_estimate, const char *why)
{
    struct qmanager *qm = arg;
    struct waiting *w = idhash_get (qm->jobs, (uint64_t)id);
    char reason[512];
    json_t *sched;

    if (!w || !(sched = json_object ()))
        return;
    snprintf (reason, sizeof (reason), "%.400s", why);
    if (t_estimate >= 0) {
        add_time (reason, sizeof (reason), t_estimate);
        json_object_set_new (sched, "t_estimate", json_real ((double)t_estimate));
    }
    else if (w->estimate)
        json_object_set_new (sched, "t_estimate", json_null ());
    json_object_set_new (sched, "reason_pending", json_string (reason));
    if (w->spec->queue && !w->named)
        json_object_set_new (sched, "queue", json_string (w->spec->queue));
    w->named = w->reason = true;
    w->estimate = t_estimate >= 0;
    if (flux_respond_pack (qm->h, w->msg, "{s:I s:i s:{s:o}}", "id", (json_int_t)id,
                           "type", FLUX_SCHED_ALLOC_ANNOTATE, "annotations",
                           "sched", sched) < 0)
        flux_log_error (qm->h, "sched.alloc response");
}

const struct queue_ops qalloc_queue_ops = { start, deny, pending };

/* ---- requests of the job manager ---- */

/* Why a request is denied at once, or NULL. */
static const char *enqueue (struct qmanager *qm, struct waiting *w, int64_t priority,
                            char *buf, size_t size)
{
    const char *queue = w->spec->queue ? w->spec->queue : QMANAGER_DEFAULT;
    const char *real = hash_get (qm->names, queue);
    int rc;

    if (!real) {
        snprintf (buf, size, w->spec->queue ? "there is no queue '%s'"
                  : "it has no queue, and queues are configured", queue);
        return buf;
    }
    if ((rc = queues_submit (qm->q, real, (int64_t)w->id, priority, 0.,
                             w->spec->request)) == 0) {
        if (idhash_set (qm->jobs, w->id, w) == 0)
            return NULL;
        (void)queues_cancel (qm->q, (int64_t)w->id);
        rc = -ENOMEM;
    }
    snprintf (buf, size, "the scheduler cannot queue it: %s", flux_strerror (-rc));
    return buf;
}

void qalloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct qmanager *qm = arg;
    json_int_t id = -1, priority;
    const char *why = NULL;
    struct waiting *w;
    struct spec *spec;
    flux_error_t err;
    char text[256];

    if (!hello_is_ready (qm->hello))
        return;            /* from before hello: it will come again */
    if (!(spec = specs_request (qm->specs, msg, &id, &priority, &err))) {
        if (id == -1)
            flux_respond_error (h, msg, EPROTO, err.text);
        else
            respond (qm, msg, id, FLUX_SCHED_ALLOC_DENY, err.text);
        return;
    }
    if ((w = calloc (1, sizeof (*w)))) {
        w->id = id;
        w->msg = flux_msg_incref (msg);
        w->spec = spec;
        why = enqueue (qm, w, priority, text, sizeof (text));
    }
    else {
        spec_unref (spec);
        why = "the scheduler is out of memory";
    }
    if (why) {
        respond (qm, msg, id, FLUX_SCHED_ALLOC_DENY, why);
        if (w)
            waiting_free (w);
    }
    else
        qmanager_kick (qm);
}

void qalloc_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct qmanager *qm = arg;
    struct waiting *w;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0) {
        flux_log (h, LOG_ERR, "sched.cancel: malformed request");
        return;
    }
    if (!(w = idhash_get (qm->jobs, id)))
        return;
    respond (qm, w->msg, w->id, FLUX_SCHED_ALLOC_CANCEL, NULL);
    idhash_del (qm->jobs, id);
    if (qm->q) {
        (void)queues_cancel (qm->q, id);
        qmanager_kick (qm);
    }
}

void qalloc_prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct qmanager *qm = arg;
    json_t *jobs, *val;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobs", &jobs) < 0) {
        flux_log (h, LOG_ERR, "sched.prioritize: malformed request");
        return;
    }
    json_array_foreach (jobs, i, val) {
        json_int_t id, priority;
        if (qm->q && json_unpack (val, "[I,I]", &id, &priority) == 0)
            (void)queues_prioritize (qm->q, id, priority);
    }
    qmanager_kick (qm);
}

/* ---- life ---- */

int qalloc_init (struct qmanager *qm)
{
    if (!(qm->jobs = idhash_new (waiting_free)) || !(qm->allocated = idhash_new (NULL))
        || !(qm->refused = idhash_new (NULL))
        || !(qm->specs = specs_new (&specs_ops, qm)))
        return -ENOMEM;
    return 0;
}

void qalloc_release (struct qmanager *qm)
{
    idhash_free (qm->jobs);
    idhash_free (qm->allocated);
    idhash_free (qm->refused);
    specs_free (qm->specs);
}

void qalloc_clear (struct qmanager *qm)
{
    uint64_t id;
    size_t pos = 0;

    while (idhash_next (qm->jobs, &pos, &id))
        idhash_del (qm->jobs, id);
    specs_forget (qm->specs);
}

void qalloc_refuse (struct qmanager *qm)
{
    struct waiting *w;
    size_t pos = 0;

    while ((w = idhash_next (qm->jobs, &pos, NULL)))
        flux_respond_error (qm->h, w->msg, ENOSYS, NULL);
}
