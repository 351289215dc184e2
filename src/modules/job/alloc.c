/* alloc.c - the job manager's side of RFC 27
 *
 *   scheduler                       job manager
 *      sched-hello  ───────────────►  one response for each job that has R,
 *                  ◄───────────────   ENODATA
 *      sched-ready  ───────────────►  from here on (a streaming one hears ENOSYS
 *                                     when the job manager goes):
 *                  ◄── sched.alloc    for jobs in SCHED, best first
 *      0 success (R) ──────────────►  R + alloc event in one commit
 *      1 annotate, 2 deny, 3 cancel
 *                  ◄── sched.free     no answer; of a part, if partial-ok was said
 *
 * A job waits in 'queue'; when its request is sent it moves to 'sent'.  In
 * limited mode a better job pushes out the worst that was sent.
 *
 * A job whose request is not wanted any more does not wait for the scheduler:
 * its id is remembered in 'orphans' until the answer comes, and what is
 * allocated in spite of the cancel is freed.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <syslog.h>

#include <flux/idset.h>
#include <flux/schedutil.h>

#include "base/errmsg.h"
#include "modules/job/housekeeping.h"
#include "modules/job/mgr.h"
#include "spec/rset.h"

struct alloc {
    struct mgr *m;
    struct tree queue;
    struct tree sent;
    struct idhash *orphans;
    bool ready;
    int limit;                 /* 0: unlimited */
    char *sender;              /* uuid of the scheduler */
    const flux_msg_t *streaming;    /* its sched-ready, if it waits for more */
    flux_watcher_t *kick;      /* prepare: send what the limit allows */
};

static void kick (struct alloc *a)
{
    if (a->ready && a->queue.count > 0)
        flux_watcher_start (a->kick);
}

bool alloc_ready (const struct mgr *m)
{
    return m->alloc->ready;
}

int alloc_outstanding (const struct mgr *m)
{
    return (int)m->alloc->sent.count;
}

static struct job *node_job (struct tree_node *n)
{
    return tree_entry (n, struct active, allocq)->job;
}

/* Send with a message flag, or 0.  Answers have no matchtag, but the job id. */
static int send_text (struct mgr *m, const char *topic, const char *text, int flag)
{
    flux_msg_t *msg = flux_request_encode (topic, text);
    int rc = -1;

    if (msg && (!flag || flux_msg_set_flag (msg, flag) == 0)
        && flux_send_new (m->h, &msg, 0) == 0)
        rc = 0;
    flux_msg_destroy (msg);
    if (rc < 0)
        flux_log_error (m->h, "cannot send %s", topic);
    return rc;
}

static int send_alloc (struct mgr *m, struct job *job)
{
    struct buf b = BUF_INIT;
    const char *jobspec;
    size_t n;
    int rc = -1;

    jobspec = jobdoc_brief (job->a->doc, &n);
    buf_reserve (&b, n + 160);
    buf_addf (&b, "{\"id\":%" PRIu64 ",\"priority\":%" PRIi64 ",\"userid\":%" PRIu32
              ",\"t_submit\":%.6f,\"jobspec\":", job->id, job->st.priority,
              job->st.userid, job->st.t_submit);
    buf_add (&b, jobspec, n);
    buf_addc (&b, '}');
    if (!b.failed)
        rc = send_text (m, "sched.alloc", b.data, FLUX_MSGFLAG_STREAMING);
    buf_release (&b);
    return rc;
}

static void send_cancel (struct mgr *m, flux_jobid_t id)
{
    char text[40];

    snprintf (text, sizeof (text), "{\"id\":%" PRIu64 "}", id);
    send_text (m, "sched.cancel", text, FLUX_MSGFLAG_NORESPONSE);
}

/* In limited mode: the worst of the sent gives way to the best that waits, one
 * at a time. */
static void make_room (struct alloc *a)
{
    struct tree_node *worst = tree_last (&a->sent), *best = tree_first (&a->queue);
    struct active *act = worst ? node_job (worst)->a : NULL;

    if (act && best && !act->alloc_canceling && job_allocq_cmp (best, worst) < 0) {
        act->alloc_canceling = true;
        send_cancel (a->m, act->job->id);
    }
}

static void kick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct alloc *a = arg;
    struct tree_node *n, *next;

    flux_watcher_stop (w);
    for (n = tree_first (&a->queue); a->ready && n; n = next) {
        struct job *job = node_job (n);
        next = tree_next (n);
        if (a->limit > 0 && a->sent.count >= (size_t)a->limit) {
            make_room (a);
            break;
        }
        tree_remove (&a->queue, n);
        if (send_alloc (a->m, job) < 0) {
            tree_insert (&a->queue, n);
            break;
        }
        job->a->alloc_sent = true;
        tree_insert (&a->sent, n);
        event_debug (a->m, job, "alloc-request");
    }
}

/* What the scheduler said of a request that it did not fulfil; memos of the user
 * stay. */
static void discard_annotations (struct mgr *m, struct job *job)
{
    json_t *ann = job->a->annotations;

    if (json_object_del (ann, "sched") < 0)
        return;
    if (json_object_size (ann) == 0) {
        json_decref (ann);
        job->a->annotations = NULL;
    }
    journal_annotations (m, job);
}

/* ---- from the state machine ---- */

void alloc_enqueue (struct mgr *m, struct job *job)
{
    struct alloc *a = m->alloc;

    if (tree_node_linked (&job->a->allocq) || job->st.priority <= 0
        || !queues_started (m, job))
        return;
    tree_insert (&a->queue, &job->a->allocq);
    kick (a);
}

bool alloc_unlink (struct mgr *m, struct job *job)
{
    struct active *act = job->a;

    if (!act || !tree_node_linked (&act->allocq))
        return false;
    tree_remove (act->alloc_sent ? &m->alloc->sent : &m->alloc->queue, &act->allocq);
    return true;
}

void alloc_link (struct mgr *m, struct job *job)
{
    struct active *act = job->a;

    tree_insert (act->alloc_sent ? &m->alloc->sent : &m->alloc->queue, &act->allocq);
    kick (m->alloc);
}

static void send_prioritize (struct job *job, void *arg)
{
    struct mgr *m = arg;
    char text[80];

    if (!job->a || !job->a->alloc_sent)
        return;
    snprintf (text, sizeof (text), "{\"jobs\":[[%" PRIu64 ",%" PRIi64 "]]}", job->id,
              job->st.priority);
    send_text (m, "sched.prioritize", text, FLUX_MSGFLAG_NORESPONSE);
}

/* The job came back to SCHED with a new priority, or another jobspec. */
void alloc_reprioritized (struct mgr *m, struct job *job)
{
    struct active *act = job->a;

    if (!tree_node_linked (&act->allocq))
        return;
    if (act->alloc_sent) {
        if (job->st.priority > 0 && !act->alloc_stale)
            turn_hold (m->turn, send_prioritize, job, m);
        else if (!act->alloc_canceling) {
            act->alloc_canceling = true;
            send_cancel (m, job->id);
        }
    }
    else if (job->st.priority <= 0)
        tree_remove (&m->alloc->queue, &act->allocq);
}

void alloc_cancel (struct mgr *m, struct job *job)
{
    struct active *act = job->a;
    bool sent = act->alloc_sent;

    alloc_unlink (m, job);
    act->alloc_sent = act->alloc_canceling = false;
    if (!sent)
        return;
    discard_annotations (m, job);
    if (idhash_set (m->alloc->orphans, job->id, m->alloc) < 0)
        flux_log (m->h, LOG_ERR, "out of memory: answer of the scheduler is lost");
    send_cancel (m, job->id);
}

/* Jobs of queues that are stopped are on no queue here, so that an idle queue
 * of a million jobs costs nothing. */
void alloc_queues_changed (struct mgr *m)
{
    struct alloc *a = m->alloc;
    struct tree_node *n, *next;

    for (n = tree_first (&a->queue); n; n = next) {
        next = tree_next (n);
        if (!queues_started (m, node_job (n)))
            tree_remove (&a->queue, n);
    }
    for (n = tree_first (&a->sent); n; n = tree_next (n)) {
        struct job *job = node_job (n);
        if (!job->a->alloc_canceling && !queues_started (m, job)) {
            job->a->alloc_canceling = true;
            send_cancel (m, job->id);
        }
    }
    for (n = tree_first (&m->t->pending); n; n = tree_next (n)) {
        struct job *job = tree_entry (n, struct active, pending)->job;
        if (job->st.state == FLUX_JOB_STATE_SCHED)
            alloc_enqueue (m, job);
    }
}

/* ---- free ---- */

bool alloc_partial (const struct mgr *m)
{
    return m->t->partial_ok;
}

static void send_free_text (struct mgr *m, flux_jobid_t id, const char *R, bool final)
{
    char *s;

    if (!m->alloc->sender)
        return;    /* hello of the next scheduler will not name it */
    if (asprintf (&s, "{\"id\":%" PRIu64 ",\"R\":%s,\"final\":%s}", id, R,
                  final ? "true" : "false") < 0)
        return;
    send_text (m, "sched.free", s, 0);
    free (s);
}

void alloc_send_free_rset (struct mgr *m, flux_jobid_t id, const struct rset *r, bool final)
{
    char *s = rset_encode (r);

    if (s)
        send_free_text (m, id, s, final);
    free (s);
}

void alloc_send_free (struct mgr *m, struct job *job)
{
    struct active *act = job->a;
    struct rset *rest;

    if (!act || !act->R)
        return;
    if (!act->released || !m->t->partial_ok) {
        send_free_text (m, job->id, act->R, true);
        return;
    }
    if ((rest = rset_copy (act->rset)) && rset_remove_ranks (rest, act->released) == 0)
        alloc_send_free_rset (m, job->id, rest, true);
    rset_free (rest);
}

void alloc_send_free_ranks (struct mgr *m, struct job *job, const struct idset *ranks)
{
    struct rset *part;

    if (job->a->alloc_bypass || !m->t->partial_ok)
        return;
    if ((part = rset_copy_ranks (job->a->rset, ranks)))
        alloc_send_free_rset (m, job->id, part, false);
    rset_free (part);
}

/* ---- the scheduler goes ---- */

static void end_stream (struct alloc *a, int errnum)
{
    if (a->streaming && flux_respond_error (a->m->h, a->streaming, errnum, NULL) < 0)
        flux_log_error (a->m->h, "sched-ready");
    flux_msg_decref (a->streaming);
    a->streaming = NULL;
}

static void suspend (struct mgr *m, const char *why)
{
    struct alloc *a = m->alloc;
    struct tree_node *n;

    if (a->ready)
        flux_log (m->h, LOG_DEBUG, "scheduling is suspended: %s", why);
    a->ready = false;
    end_stream (a, ENODATA);
    free (a->sender);
    a->sender = NULL;
    flux_watcher_stop (a->kick);
    while ((n = tree_first (&a->sent))) {
        struct job *job = node_job (n);
        tree_remove (&a->sent, n);
        job->a->alloc_sent = job->a->alloc_canceling = job->a->alloc_stale = false;
        discard_annotations (m, job);
        if (job->st.state == FLUX_JOB_STATE_SCHED)
            alloc_enqueue (m, job);
    }
    idhash_free (a->orphans);
    if (!(a->orphans = idhash_new (NULL)))
        flux_log (m->h, LOG_CRIT, "out of memory");
    drains_check (m);
}

void alloc_disconnect (struct mgr *m, const flux_msg_t *msg)
{
    const char *sender = flux_msg_route_first (msg);

    if (m->alloc->sender && sender && !strcmp (sender, m->alloc->sender))
        suspend (m, "the scheduler is gone");
}

/* ---- requests of the scheduler ---- */

void alloc_tell_hello (struct mgr *m, const flux_msg_t *msg, flux_jobid_t id, int64_t priority,
                       uint32_t userid, double t_submit, const char *freed)
{
    mgr_respond (m, msg, json_pack ("{s:I s:I s:I s:f s:s*}", "id", (json_int_t)id,
                                    "priority", (json_int_t)priority,
                                    "userid", (json_int_t)userid,
                                    "t_submit", t_submit, "free", freed));
}

static void hello_one (struct mgr *m, const flux_msg_t *msg, struct job *job)
{
    char *ranks = NULL;

    if (!job->a || !job->st.has_resources || job->a->alloc_bypass
        || housekeeping_holds (m, job->id))
        return;
    if (job->a->released && m->t->partial_ok)
        ranks = idset_encode (job->a->released, IDSET_FLAG_RANGE);
    alloc_tell_hello (m, msg, job->id, job->st.priority, job->st.userid, job->st.t_submit,
                      ranks);
    free (ranks);
}

void alloc_hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    int partial = 0;

    if (!flux_msg_is_streaming (msg)) {
        mgr_respond_error (m, msg, EPROTO, "sched-hello is a streaming RPC");
        return;
    }
    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?b}", "partial-ok", &partial) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (m->alloc->sender)
        suspend (m, "another scheduler says hello");
    m->t->partial_ok = partial;
    if (flux_msg_route_first (msg))
        m->alloc->sender = strdup (flux_msg_route_first (msg));
    /* An allocation that the KVS has and hello did not tell would be lost:
     * has_resources is set with the event, before its commit.  The answers go out
     * after that commit, as the scheduler looks for R in the KVS. */
    list_foreach (&m->t->running, pos)
        hello_one (m, msg, list_entry (pos, struct job, place));
    housekeeping_hello (m, msg);
    turn_respond_error (m->turn, h, msg, ENODATA, NULL);
}

static int parse_mode (const flux_msg_t *msg, int *limit)
{
    const char *mode;
    json_int_t n = 0;

    if (flux_request_unpack (msg, NULL, "{s:s s?I}", "mode", &mode, "limit", &n) < 0)
        return -EPROTO;
    *limit = 0;
    if (!strcmp (mode, "unlimited"))
        return 0;
    if (strcmp (mode, "limited") != 0 || n < 1 || n > INT_MAX)
        return -EPROTO;
    *limit = (int)n;
    return 0;
}

/* Requests that waited for a reload may be of a scheduler that another has followed. */
static bool is_superseded (struct alloc *a, const flux_msg_t *msg)
{
    const char *sender = flux_msg_route_first (msg);

    return a->sender && sender && strcmp (a->sender, sender) != 0;
}

void alloc_ready_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    int limit;

    if (parse_mode (msg, &limit) < 0) {
        mgr_respond_error (m, msg, EPROTO,
                       "mode must be unlimited, or limited with a limit of at least 1");
        return;
    }
    if (is_superseded (m->alloc, msg)) {
        mgr_respond_error (m, msg, ENODATA, NULL);
        return;
    }
    if (!m->alloc->sender && flux_msg_route_first (msg))
        m->alloc->sender = strdup (flux_msg_route_first (msg));  /* hello was before a reload */
    end_stream (m->alloc, ENODATA);
    m->alloc->limit = limit;
    m->alloc->ready = true;
    if (flux_respond_pack (h, msg, "{s:i}", "count", (int)m->alloc->queue.count) < 0)
        flux_log_error (h, "sched-ready");
    else if (flux_msg_is_streaming (msg))
        m->alloc->streaming = flux_msg_incref (msg);
    feasibility_changed (m->t);
    kick (m->alloc);
}

void alloc_query_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    int running = 0;

    list_foreach (&m->t->running, pos)
        running++;
    mgr_respond (m, msg, json_pack ("{s:i s:i s:i s:i}",
                                "queue_length", (int)m->alloc->queue.count,
                                "alloc_requests", (int)m->alloc->sent.count,
                                "alloc_pending", (int)m->alloc->sent.count,
                                "running", running));
}

/* ---- responses ---- */

/* Takes R; 'o' is the same, decoded, or NULL. */
static void finish_alloc (struct mgr *m, struct job *job, char *R, const json_t *o,
                          json_t *annotations)
{
    flux_error_t err;

    if (annotations)
        (void)annotations_update (job, annotations);
    if (job_set_R (m->t, job, R, o, &err) < 0) {
        event_raise (m, job, "alloc", 0, m->owner, "R of the scheduler: %s", err.text);
        return;
    }
    if (job->a->annotations)
        event_post_pack (m, job, "alloc", "{s:O}", "annotations", job->a->annotations);
    else
        event_post (m, job, "alloc", NULL, NULL);
}

/* What was allocated for a job that does not want it (any more). */
static void give_back (struct mgr *m, flux_jobid_t id, const char *R)
{
    send_free_text (m, id, R, true);
}

struct lookup {
    struct mgr *m;
    flux_jobid_t id;
    json_t *annotations;
    bool orphan;
};

static void lookup_free (void *arg)
{
    struct lookup *l = arg;

    json_decref (l->annotations);
    free (l);
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct job *job = jobtab_get (l->m->t, l->id);
    const char *R;

    if (flux_kvs_lookup_get (f, &R) < 0 || !R) {
        if (job && job->a && !l->orphan)
            event_raise (l->m, job, "alloc", 0, l->m->owner,
                         "the scheduler allocated resources but R is not in the KVS");
    }
    else if (l->orphan || !job || !job->a
             || job->st.state != FLUX_JOB_STATE_SCHED)
        give_back (l->m, l->id, R);
    else {
        char *cpy = strdup (R);
        if (cpy)
            finish_alloc (l->m, job, cpy, NULL, l->annotations);
    }
    flux_future_destroy (f);
}

/* A scheduler that is not ours put R into the KVS before it answered. */
static void lookup_R (struct mgr *m, flux_jobid_t id, json_t *annotations, bool orphan)
{
    struct lookup *l = calloc (1, sizeof (*l));
    flux_future_t *f = NULL;
    char key[64];

    flux_job_kvs_key (key, sizeof (key), id, "R");
    if (!l || !(f = flux_kvs_lookup (m->h, KVS_PRIMARY_NAMESPACE, 0, key)))
        goto error;
    *l = (struct lookup){ .m = m, .id = id, .annotations = json_incref (annotations),
                          .orphan = orphan };
    if (flux_future_aux_set (f, NULL, l, lookup_free) < 0)
        goto error;
    if (flux_future_then (f, -1., lookup_continuation, l) == 0)
        return;
    l = NULL;
error:
    flux_log_error (m->h, "cannot look up R of job %" PRIu64, id);
    free (l);
    flux_future_destroy (f);
}

static void alloc_success (struct mgr *m, flux_jobid_t id, struct job *job, json_t *R,
                           json_t *annotations)
{
    char *text;

    if (!R) {
        lookup_R (m, id, annotations, !job);
        return;
    }
    if (!(text = json_dumps (R, JSON_COMPACT))) {
        flux_log (m->h, LOG_ERR, "out of memory: R of job %" PRIu64 " is lost", id);
        return;
    }
    if (!job || job->st.state != FLUX_JOB_STATE_SCHED) {
        give_back (m, id, text);
        free (text);
        return;
    }
    job->a->put_R = true;
    finish_alloc (m, job, text, R, annotations);
}

static void alloc_annotate (struct mgr *m, struct job *job, json_t *annotations)
{
    if (annotations && annotations_update (job, annotations) == 0)
        journal_annotations (m, job);
}

/* Retire the request; the job may be asked for again. */
static void retire_request (struct mgr *m, struct job *job)
{
    tree_remove (&m->alloc->sent, &job->a->allocq);
    job->a->alloc_sent = job->a->alloc_canceling = job->a->alloc_stale = false;
    kick (m->alloc);
}

static void alloc_canceled (struct mgr *m, struct job *job)
{
    discard_annotations (m, job);
    if (job->st.state == FLUX_JOB_STATE_SCHED)
        alloc_enqueue (m, job);
}

static void alloc_response (struct mgr *m, flux_jobid_t id, int type, json_t *annotations,
                            json_t *R, const char *note)
{
    struct job *job = jobtab_get (m->t, id);
    bool orphan = idhash_get (m->alloc->orphans, id) != NULL;

    if (job && (!job->a || !job->a->alloc_sent))
        job = NULL;
    if (type != FLUX_SCHED_ALLOC_ANNOTATE) {
        idhash_del (m->alloc->orphans, id);
        if (job)
            retire_request (m, job);
    }
    if (!job) {
        if (type == FLUX_SCHED_ALLOC_SUCCESS)
            alloc_success (m, id, NULL, R, NULL);
        else if (!orphan)
            flux_log (m->h, LOG_DEBUG, "sched.alloc response for unknown job %" PRIu64, id);
        return;
    }
    if (type == FLUX_SCHED_ALLOC_SUCCESS)
        alloc_success (m, id, job, R, annotations);
    else if (type == FLUX_SCHED_ALLOC_ANNOTATE)
        alloc_annotate (m, job, annotations);
    else if (type == FLUX_SCHED_ALLOC_DENY) {
        discard_annotations (m, job);
        event_raise (m, job, "alloc", 0, m->owner, "%s", note ? note : "");
    }
    else
        alloc_canceled (m, job);
    drains_check (m);
}

void alloc_response_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_t *annotations = NULL, *R = NULL;
    const char *note = NULL;
    json_int_t id;
    int type;

    if (flux_response_decode (msg, NULL, NULL) < 0) {
        /* ENOSYS: it was unloaded, the next one says hello */
        if (m->alloc->ready)
            flux_log (h, errno == ENOSYS ? LOG_DEBUG : LOG_ERR, "sched.alloc: %s",
                      flux_strerror (errno));
        suspend (m, "sched.alloc was answered with an error");
        return;
    }
    if (flux_msg_unpack (msg, "{s:I s:i s?o s?o s?s}", "id", &id, "type", &type,
                         "annotations", &annotations, "R", &R, "note", &note) < 0
        || type < FLUX_SCHED_ALLOC_SUCCESS || type > FLUX_SCHED_ALLOC_CANCEL) {
        flux_log (h, LOG_ERR, "sched.alloc: malformed response");
        suspend (m, "sched.alloc was answered with a malformed response");
        return;
    }
    alloc_response (m, id, type, annotations, R, note);
}

/* sched.free is not answered, except with an error if there is no scheduler. */
void free_response_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    if (flux_response_decode (msg, NULL, NULL) < 0) {
        if (m->alloc->ready)
            flux_log (h, LOG_ERR, "sched.free: %s", flux_strerror (errno));
        suspend (m, "sched.free was answered with an error");
    }
}

flux_future_t *alloc_expiration (struct mgr *m, struct job *job, double expiration)
{
    return flux_rpc_pack (m->h, "sched.expiration", FLUX_NODEID_ANY, 0, "{s:I s:f}",
                          "id", (json_int_t)job->id, "expiration", expiration);
}

struct alloc *alloc_new (struct mgr *m)
{
    struct alloc *a = calloc (1, sizeof (*a));

    if (!a)
        return NULL;
    a->m = m;
    tree_init (&a->queue, job_allocq_cmp);
    tree_init (&a->sent, job_allocq_cmp);
    a->orphans = idhash_new (NULL);
    a->kick = flux_prepare_watcher_create (flux_get_reactor (m->h), kick_cb, a);
    if (!a->orphans || !a->kick) {
        alloc_free (a);
        return NULL;
    }
    return a;
}

static void empty (struct tree *t)
{
    struct tree_node *n;

    while ((n = tree_first (t))) {
        struct active *act = node_job (n)->a;
        act->alloc_sent = act->alloc_canceling = false;
        tree_remove (t, n);
    }
}

void alloc_free (struct alloc *a)
{
    if (a) {
        end_stream (a, ENOSYS);
        empty (&a->queue);
        empty (&a->sent);
        idhash_free (a->orphans);
        flux_watcher_destroy (a->kick);
        free (a->sender);
        free (a);
    }
}
