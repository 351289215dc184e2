/* sched_simple.c - the scheduler service: RFC 27 towards the job manager,
 * RFC 28 towards the resource service
 *
 *   resource.acquire ─► first answer ─► sched-hello ─► R of running jobs from
 *   the KVS ─► sched-ready ─► sched.alloc, sched.free, ...
 */
#include "modules/sched-simple/sched_simple.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>
#include <flux/schedutil.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/tree.h"
#include "modules/sched-simple/rpool.h"
#include "spec/jobspec.h"
#include "spec/rset.h"

#define QUEUE_DEPTH 8
#define SPECS_MAX 1024
#define AGAIN_SECONDS 0.05
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

/* Thousands of requests may differ only in their job: their jobspec is decoded
 * once. */
struct known_spec {
    size_t len;
    struct jobspec *js;
    char text[];
};

struct hello_lookup {
    struct list_node node;
    struct sched *s;
    uint64_t id;
    struct idset *freed;       /* or NULL */
    flux_future_t *f;
};

struct sched {
    flux_t *h;
    flux_msg_handler_t **handlers;
    struct rpool *pool;        /* NULL: resources are not known yet */
    enum rpool_mode mode;
    int limit;                 /* 0: unlimited */
    struct tree queue;
    struct idhash *jobs;       /* id -> struct pending */
    struct idhash *allocated;  /* ids that have resources */
    struct idhash *specs;      /* hash of the text -> struct known_spec */
    flux_future_t *f_acquire;
    flux_future_t *f_hello;
    flux_future_t *f_ready;
    struct list_node lookups;
    bool hello_done;
    bool ready;                /* sched-ready is on its way, or there */
    flux_watcher_t *again;     /* look for a peer that has gone */
    struct flux_msglist *early;     /* feasibility.check, resource-status */
    struct flux_msglist *frees;     /* that came while hello was answered */
    flux_watcher_t *prep;      /* schedule at the end of the turn */
    flux_watcher_t *reason;    /* tell the head why it waits */
    uint64_t passes, allocs;
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

static void kick (struct sched *s)
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

static uint64_t text_hash (const char *s, size_t len)
{
    uint64_t h = 0x9e3779b97f4a7c15ull ^ len, w;

    for (; len >= 8; s += 8, len -= 8) {
        memcpy (&w, s, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    w = 0;
    memcpy (&w, s, len);
    h = (h ^ w) * 0xc4ceb9fe1a85ec53ull;
    return h ^ h >> 29;
}

static void known_free (void *arg)
{
    struct known_spec *k = arg;

    jobspec_unref (k->js);
    free (k);
}

static void remember (struct sched *s, uint64_t hash, const char *text, size_t len,
                      struct jobspec *js)
{
    struct known_spec *k;
    uint64_t key;
    size_t pos = 0;

    if (idhash_count (s->specs) >= SPECS_MAX) {
        while (idhash_next (s->specs, &pos, &key))
            idhash_del (s->specs, key);
    }
    if (!(k = malloc (sizeof (*k) + len)))
        return;
    k->len = len;
    k->js = jobspec_ref (js);
    memcpy (k->text, text, len);
    if (idhash_set (s->specs, hash, k) < 0)
        known_free (k);
}

/* The requests of our job manager have the jobspec last: then its text can be had
 * without decoding.  NULL: another form. */
static const char *spec_text (const char *s, json_int_t *id, json_int_t *priority,
                              size_t *len)
{
    const char *p = s ? strstr (s, ",\"jobspec\":") : NULL;
    size_t n = p ? strlen (p) : 0;

    if (n < 16 || p[n - 1] != '}' || sscanf (s, "{\"id\":%lld,\"priority\":%lld,", id,
                                             priority) != 2)
        return NULL;
    *len = n - 12;
    return p + 11;
}

/* Returns a new reference, or NULL with the reason in err. */
static struct jobspec *decode_alloc (struct sched *s, const flux_msg_t *msg, json_int_t *id,
                                     json_int_t *priority, flux_error_t *err)
{
    struct known_spec *k;
    const char *payload, *text = NULL;
    struct jobspec *js;
    uint64_t hash = 0;
    size_t len;
    json_t *o;

    if (flux_request_decode (msg, NULL, &payload) == 0
        && (text = spec_text (payload, id, priority, &len))) {
        hash = text_hash (text, len);
        if ((k = idhash_get (s->specs, hash)) && k->len == len
            && !memcmp (k->text, text, len))
            return jobspec_ref (k->js);
    }
    if (flux_request_unpack (msg, NULL, "{s:I s:I s:o}", "id", id, "priority", priority,
                             "jobspec", &o) < 0) {
        *id = -1;
        errmsg (err, 0, "malformed request");
        return NULL;
    }
    if ((js = jobspec_from_json (o, err)) && text)
        remember (s, hash, text, len, js);
    return js;
}

static void alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    json_int_t id = -1, priority;
    struct jobspec *js;
    struct pending *job;
    flux_error_t err;

    if (!s->ready)
        return;            /* from before hello: it will come again */
    if (!(js = decode_alloc (s, msg, &id, &priority, &err))) {
        if (id == -1)
            flux_respond_error (h, msg, EPROTO, err.text);
        else
            deny (s, msg, id, err.text);
        return;
    }
    if (!jobspec_request (js)->simple) {
        deny (s, msg, id, "sched-simple handles only requests of the form "
              "[node >] slot > core [, gpu]");
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
    kick (s);
    return;
nomem:
    deny (s, msg, id, "the scheduler is out of memory");
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
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
        kick (s);
    }
}

static void prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
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
    kick (s);
}

/* What a job named by hello frees before its R is known. */
static bool free_early (struct sched *s, uint64_t id, const struct rset *r, bool final);

static void free_now (struct sched *s, const flux_msg_t *msg)
{
    flux_t *h = s->h;
    struct rset *r;
    json_int_t id;
    json_t *o;
    int final = 0;
    flux_error_t err;

    if (flux_request_unpack (msg, NULL, "{s:I s:o s?b}", "id", &id, "R", &o,
                             "final", &final) < 0) {
        flux_log (h, LOG_ERR, "sched.free: malformed request");
        return;
    }
    if (!(r = rset_from_json (o, &err))) {
        flux_log (h, LOG_ERR, "sched.free: job %jd: %s", (intmax_t)id, err.text);
        return;
    }
    if (s->pool && !free_early (s, id, r, final))
        rpool_give (s->pool, r);
    rset_free (r);
    if (final)
        idhash_del (s->allocated, id);
    kick (s);
}

/* A request may overtake the last answers to hello in our own queue. */
static void free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (s->hello_done)
        free_now (s, msg);
    else if (s->f_hello && flux_msglist_append (s->frees, msg) < 0)
        flux_log_error (h, "sched.free");
}

static void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct sched *s = arg;
    json_int_t id;
    double expiration, limit = s->pool ? rpool_expiration (s->pool) : 0.;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id,
                             "expiration", &expiration) < 0 || expiration < 0.)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if (!idhash_get (s->allocated, id))
        flux_respond_error (h, msg, ENOENT, "the job has no allocation");
    else if (limit > 0. && (expiration == 0. || expiration > limit))
        flux_respond_error (h, msg, EINVAL, "the instance ends before that");
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "sched.expiration");
}

/* ---- questions ---- */

static void respond_status (struct sched *s, const flux_msg_t *msg)
{
    struct rset *r[3] = { rpool_all (s->pool), rpool_down (s->pool),
                          rpool_allocated (s->pool) };
    json_t *o[3];

    for (int i = 0; i < 3; i++) {
        o[i] = r[i] ? rset_to_json (r[i]) : NULL;
        rset_free (r[i]);
    }
    if (flux_respond_pack (s->h, msg, "{s:o s:o s:o}", "all", o[0], "down", o[1],
                           "allocated", o[2]) < 0)
        flux_respond_error (s->h, msg, errno, NULL);
}

static void respond_feasible (struct sched *s, const flux_msg_t *msg)
{
    struct jobspec *js = NULL;
    flux_error_t err;
    json_t *o;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobspec", &o) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else if (!(js = jobspec_from_json (o, &err)))
        rc = -EINVAL;
    else if (!jobspec_request (js)->simple)
        rc = errmsg (&err, -EINVAL, "sched-simple handles only requests of the form "
                     "[node >] slot > core [, gpu]");
    else
        rc = rpool_check (s->pool, jobspec_request (js), &err);
    jobspec_unref (js);
    if (rc < 0)
        flux_respond_error (s->h, msg, -rc, err.text);
    else if (flux_respond (s->h, msg, NULL) < 0)
        flux_log_error (s->h, "feasibility.check");
}

static void answer_question (struct sched *s, const flux_msg_t *msg)
{
    const char *topic = "";

    (void)flux_msg_get_topic (msg, &topic);
    if (!strcmp (topic, "feasibility.check"))
        respond_feasible (s, msg);
    else
        respond_status (s, msg);
}

/* Answered when the resources are known. */
static void question_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (s->pool)
        answer_question (s, msg);
    else if (flux_msglist_append (s->early, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (flux_respond_pack (h, msg, "{s:I s:I s:i s:i}",
                           "sched_passes", (json_int_t)s->passes,
                           "allocations", (json_int_t)s->allocs,
                           "pending_jobs", (int)s->queue.count,
                           "allocated_jobs", (int)idhash_count (s->allocated)) < 0)
        flux_log_error (h, "stats-get");
}

/* ---- handshake ---- */

static void fatal (struct sched *s, const char *what, flux_future_t *f)
{
    flux_log (s->h, LOG_ERR, "%s: %s: not scheduling", what,
              f ? future_strerror (f, errno) : flux_strerror (errno));
}

/* The job manager or the resource service has gone; another may come. */
static void look_again (struct sched *s)
{
    flux_future_destroy (s->f_hello);
    flux_future_destroy (s->f_ready);
    s->f_hello = s->f_ready = NULL;
    s->ready = s->hello_done = false;
    flux_timer_watcher_reset (s->again, AGAIN_SECONDS, 0.);
    flux_watcher_start (s->again);
}

/* The request is a streaming one: it hears when the job manager goes. */
static void ready_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    int count;

    if (flux_rpc_get_unpack (f, "{s:i}", "count", &count) == 0) {
        flux_log (s->h, LOG_DEBUG, "ready: %d jobs wait", count);
        flux_future_reset (f);
    }
    else if (errno == ENOSYS)
        look_again (s);
    else {
        if (errno != ENODATA)
            fatal (s, "job-manager.sched-ready", f);
        flux_future_destroy (f);
        s->f_ready = NULL;
    }
}

static void ready_check (struct sched *s)
{
    if (!s->hello_done || s->ready || !list_empty (&s->lookups))
        return;
    s->ready = true;
    if (s->limit > 0)
        s->f_ready = flux_rpc_pack (s->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s s:i}", "mode", "limited", "limit", s->limit);
    else
        s->f_ready = flux_rpc_pack (s->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s}", "mode", "unlimited");
    if (!s->f_ready || flux_future_then (s->f_ready, -1., ready_continuation, s) < 0)
        fatal (s, "job-manager.sched-ready", NULL);
}

static void lookup_free (struct hello_lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    idset_destroy (l->freed);
    free (l);
}

static bool free_early (struct sched *s, uint64_t id, const struct rset *r, bool final)
{
    list_foreach (&s->lookups, n) {
        struct hello_lookup *l = list_entry (n, struct hello_lookup, node);
        size_t pos = 0;
        uint32_t rank;
        if (l->id != id)
            continue;
        while (l->freed && rset_node_next (r, &pos, &rank, NULL, NULL, NULL))
            (void)idset_set (l->freed, rank);
        if (final) {
            lookup_free (l);
            ready_check (s);
        }
        return true;
    }
    return false;
}

static int take_R (struct sched *s, struct hello_lookup *l, const char *R, flux_error_t *err)
{
    struct rset *r = rset_decode (R, strlen (R), err);
    int rc = -EINVAL;

    if (!r)
        return rc;
    if (l->freed)
        (void)rset_remove_ranks (r, l->freed);
    if ((rc = rpool_take (s->pool, r)) < 0)
        errmsg (err, rc, "some of its resources are in use by another job");
    rset_free (r);
    return rc;
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct hello_lookup *l = arg;
    struct sched *s = l->s;
    flux_error_t err;
    const char *R;

    if (flux_kvs_lookup_get (f, &R) < 0 || !R)
        flux_log (s->h, LOG_ERR, "hello: job %" PRIu64 ": looking up R: %s", l->id,
                  future_strerror (f, errno));
    else if (take_R (s, l, R, &err) < 0)
        flux_log (s->h, LOG_ERR, "hello: job %" PRIu64 ": %s", l->id, err.text);
    else
        (void)idhash_set (s->allocated, l->id, s);
    lookup_free (l);
    ready_check (s);
}

static int hello_job (struct sched *s, uint64_t id, const char *freed)
{
    struct hello_lookup *l = calloc (1, sizeof (*l));
    char key[64];

    if (!l)
        return -ENOMEM;
    list_init (&l->node);
    l->s = s;
    l->id = id;
    flux_job_kvs_key (key, sizeof (key), id, "R");
    if (!(l->freed = freed ? idset_decode (freed) : idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->f = flux_kvs_lookup (s->h, KVS_PRIMARY_NAMESPACE, 0, key))
        || flux_future_then (l->f, -1., lookup_continuation, l) < 0) {
        lookup_free (l);
        return -errno;
    }
    list_append (&s->lookups, &l->node);
    return 0;
}

static void free_those_kept (struct sched *s)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (s->frees))) {
        free_now (s, msg);
        flux_msg_decref (msg);
    }
}

static void hello_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    const char *freed = NULL;
    json_int_t id;
    int rc;

    if (flux_rpc_get_unpack (f, "{s:I s?s}", "id", &id, "free", &freed) < 0) {
        int e = errno;
        if (e != ENODATA && e != ENOSYS)
            fatal (s, "job-manager.sched-hello", f);
        flux_future_destroy (f);
        s->f_hello = NULL;
        if (e == ENOSYS)
            look_again (s);
        else if (e == ENODATA) {
            s->hello_done = true;
            free_those_kept (s);
            ready_check (s);
        }
        return;
    }
    if ((rc = hello_job (s, id, freed)) < 0)
        flux_log (s->h, LOG_ERR, "hello: job %jd: %s", (intmax_t)id, flux_strerror (-rc));
    flux_future_reset (f);
}

/* Hello tells all that is asked and allocated, so it begins with nothing. */
static void forget (struct sched *s)
{
    struct rset *r = rpool_allocated (s->pool);
    const flux_msg_t *msg;
    struct tree_node *n;
    uint64_t id;
    size_t pos = 0;

    if (r)
        rpool_give (s->pool, r);
    rset_free (r);
    while ((n = tree_first (&s->queue)))
        pending_remove (s, tree_entry (n, struct pending, node));
    while (idhash_next (s->allocated, &pos, &id))
        idhash_del (s->allocated, id);
    list_foreach (&s->lookups, l)
        lookup_free (list_entry (l, struct hello_lookup, node));
    while ((msg = flux_msglist_pop (s->frees)))
        flux_msg_decref (msg);
}

static void hello (struct sched *s)
{
    forget (s);
    s->f_hello = flux_rpc_pack (s->h, "job-manager.sched-hello", FLUX_NODEID_ANY,
                                FLUX_RPC_STREAMING, "{s:b}", "partial-ok", 1);
    if (!s->f_hello || flux_future_then (s->f_hello, -1., hello_continuation, s) < 0)
        fatal (s, "job-manager.sched-hello", NULL);
}

/* ---- resources ---- */

static int set_ranks (struct sched *s, const char *text, bool up)
{
    struct idset *ids;

    if (!text)
        return 0;
    if (!(ids = idset_decode (text)))
        return -EINVAL;
    rpool_set_up (s->pool, ids, up);
    idset_destroy (ids);
    return 0;
}

static int first_resources (struct sched *s, json_t *resources, flux_error_t *err)
{
    struct rset *all = rset_from_json (resources, err);
    const flux_msg_t *msg;

    if (!all)
        return -errno;
    s->pool = rpool_new (all, s->mode);
    rset_free (all);
    if (!s->pool)
        return errmsg (err, -ENOMEM, "out of memory");
    while ((msg = flux_msglist_pop (s->early))) {
        answer_question (s, msg);
        flux_msg_decref (msg);
    }
    hello (s);
    return 0;
}

static int shrink (struct sched *s, const char *text)
{
    struct idset *ids = idset_decode (text);

    if (!ids)
        return -EINVAL;
    rpool_shrink (s->pool, ids);
    idset_destroy (ids);
    for (struct tree_node *n = tree_first (&s->queue); n; n = tree_next (n))
        tree_entry (n, struct pending, node)->feasible = false;
    return 0;
}

static int update_resources (struct sched *s, flux_future_t *f, flux_error_t *err)
{
    json_t *resources = NULL, *add = NULL, *rm = NULL;
    const char *up = NULL, *down = NULL, *gone = NULL;
    double expiration = -1.;
    int rc;

    if (flux_rpc_get_unpack (f, "{s?o s?s s?s s?s s?o s?o s?F}", "resources", &resources,
                             "up", &up, "down", &down, "shrink", &gone,
                             "property-add", &add, "property-remove", &rm,
                             "expiration", &expiration) < 0)
        return errmsg (err, -errno, "%s", future_strerror (f, errno));
    if (!s->pool) {
        if (!resources)
            return errmsg (err, -EPROTO, "the first response has no resources");
        if ((rc = first_resources (s, resources, err)) < 0)
            return rc;
    }
    if (set_ranks (s, up, true) < 0 || set_ranks (s, down, false) < 0
        || (gone && shrink (s, gone) < 0)
        || (add && rpool_properties (s->pool, add, true) < 0)
        || (rm && rpool_properties (s->pool, rm, false) < 0))
        return errmsg (err, -EPROTO, "malformed response");
    if (expiration >= 0.)
        rpool_set_expiration (s->pool, expiration);
    return 0;
}

static void acquire_failed (struct sched *s, int rc, const char *text)
{
    flux_future_destroy (s->f_acquire);
    s->f_acquire = NULL;
    if (rc == -ENOSYS) {
        rpool_free (s->pool);
        s->pool = NULL;
        flux_watcher_stop (s->prep);
        look_again (s);
    }
    else
        flux_log (s->h, LOG_ERR, "resource.acquire: %s: not scheduling", text);
}

static void acquire_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    flux_error_t err;
    int rc;

    if ((rc = update_resources (s, f, &err)) < 0) {
        acquire_failed (s, rc, err.text);
        return;
    }
    kick (s);
    flux_future_reset (f);
}

static int acquire (struct sched *s)
{
    s->f_acquire = flux_rpc (s->h, "resource.acquire", NULL, FLUX_NODEID_ANY,
                             FLUX_RPC_STREAMING);
    if (!s->f_acquire || flux_future_then (s->f_acquire, -1., acquire_continuation, s) < 0)
        return -errno;
    return 0;
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sched *s = arg;

    if (s->pool)
        hello (s);
    else if (!s->f_acquire && acquire (s) < 0)
        fatal (s, "resource.acquire", NULL);
}

/* ---- the service ---- */

static const struct flux_msg_handler_spec sched_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.alloc", alloc_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.free", free_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.cancel", cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.prioritize", prioritize_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.expiration", expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.resource-status", question_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "feasibility.check", question_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-simple.stats-get", stats_get_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_mode (struct sched *s, const char *val)
{
    if (!strcmp (val, "first-fit"))
        s->mode = RPOOL_FIRST_FIT;
    else if (!strcmp (val, "best-fit"))
        s->mode = RPOOL_BEST_FIT;
    else if (!strcmp (val, "worst-fit"))
        s->mode = RPOOL_WORST_FIT;
    else
        return -EINVAL;
    return 0;
}

static int parse_depth (struct sched *s, const char *val)
{
    char *end;
    long n;

    if (!strcmp (val, "unlimited")) {
        s->limit = 0;
        return 0;
    }
    errno = 0;
    n = strtol (val, &end, 10);
    if (errno || end == val || *end || n < 1 || n > INT_MAX)
        return -EINVAL;
    s->limit = (int)n;
    return 0;
}

/* queue-depth=N|unlimited, alloc-mode=limited=N|unlimited (the older name), mode=FIT */
static int parse_args (struct sched *s, int argc, char **argv, flux_error_t *err)
{
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        int rc = -EINVAL;
        if (!strncmp (arg, "queue-depth=", 12))
            rc = parse_depth (s, arg + 12);
        else if (!strncmp (arg, "alloc-mode=limited=", 19))
            rc = parse_depth (s, arg + 19);
        else if (!strcmp (arg, "alloc-mode=unlimited"))
            rc = parse_depth (s, "unlimited");
        else if (!strncmp (arg, "mode=", 5))
            rc = parse_mode (s, arg + 5);
        if (rc < 0)
            return errmsg (err, rc, "%s: expected queue-depth=N|unlimited or "
                           "mode=worst-fit|best-fit|first-fit", arg);
    }
    return 0;
}

static void sched_free (struct sched *s)
{
    const flux_msg_t *msg;

    if (!s)
        return;
    flux_msg_handler_delvec (s->handlers);
    flux_future_destroy (s->f_acquire);
    flux_future_destroy (s->f_hello);
    flux_future_destroy (s->f_ready);
    list_foreach (&s->lookups, pos)
        lookup_free (list_entry (pos, struct hello_lookup, node));
    while (s->early && (msg = flux_msglist_pop (s->early))) {
        flux_respond_error (s->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (s->early);
    flux_msglist_destroy (s->frees);
    flux_watcher_destroy (s->prep);
    flux_watcher_destroy (s->reason);
    flux_watcher_destroy (s->again);
    idhash_free (s->jobs);
    idhash_free (s->allocated);
    idhash_free (s->specs);
    rpool_free (s->pool);
    free (s);
}

/* Pending alloc requests get ENOSYS, so that the job manager stops sending. */
static void sched_simple_stop (void *ctx)
{
    struct sched *s = ctx;
    struct pending *job;
    size_t pos = 0;

    while (s && (job = idhash_next (s->jobs, &pos, NULL)))
        flux_respond_error (s->h, job->msg, ENOSYS, NULL);
    sched_free (s);
}

static bool create_parts (struct sched *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    return (s->jobs = idhash_new (pending_free))
        && (s->allocated = idhash_new (NULL))
        && (s->specs = idhash_new (known_free))
        && (s->early = flux_msglist_create ())
        && (s->frees = flux_msglist_create ())
        && (s->prep = flux_prepare_watcher_create (r, prep_cb, s))
        && (s->again = flux_timer_watcher_create (r, AGAIN_SECONDS, 0., again_cb, s))
        && (s->reason = flux_timer_watcher_create (r, REASON_SECONDS, 0., reason_cb, s));
}

static int sched_simple_start (flux_t *h, int argc, char **argv, void **ctxp,
                               flux_error_t *err)
{
    struct sched *s = calloc (1, sizeof (*s));
    int rc = -ENOMEM;

    if (!s)
        return errmsg (err, rc, "out of memory");
    s->h = h;
    s->limit = QUEUE_DEPTH;
    s->mode = RPOOL_WORST_FIT;
    tree_init (&s->queue, queue_cmp);
    list_init (&s->lookups);
    if (!create_parts (s)) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    if ((rc = parse_args (s, argc, argv, err)) < 0)
        goto error;
    if (flux_msg_handler_addvec (h, sched_handlers, s, &s->handlers) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        goto error;
    }
    if ((rc = acquire (s)) < 0) {
        errmsg (err, rc, "resource.acquire: %s", flux_strerror (-rc));
        goto error;
    }
    *ctxp = s;
    return 0;
error:
    sched_free (s);
    return rc;
}

const struct builtin sched_simple_builtin = {
    .name = "sched-simple",
    .thread = "sched",
    .flags = BUILTIN_RANK0,
    .services = "sched feasibility",
    .start = sched_simple_start,
    .stop = sched_simple_stop,
};
