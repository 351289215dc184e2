/* start.c - the job manager's side of RFC 32
 *
 *   execution service               job manager
 *      exec-hello {service} ──────►
 *                  ◄── SERVICE.start {id, userid, jobspec, R, reattach}
 *      start | reattached ────────►  start event
 *      exception ─────────────────►  exception event
 *      finish {status} ───────────►  finish event
 *      release {ranks, final} ────►  release event; the last one frees R
 *
 * A fatal exception of a job whose shells run is published as the event
 * message "job-exception" {id, type, severity, wait_status}, which the execution service
 * takes as the order to end the job.
 */
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include <flux/idset.h>

#include "modules/job/housekeeping.h"
#include "modules/job/mgr.h"

struct start {
    flux_t *h;
    char *service;             /* NULL: none has said hello */
    char *sender;
    const flux_msg_t *hello;   /* a streaming one: it hears when we go */
    flux_msg_handler_t *mh;
};

static int send_start (struct mgr *m, struct job *job, const char *R)
{
    struct buf b = BUF_INIT;
    struct jobdoc *doc = job->a->doc;
    const char *redacted;
    size_t len;
    char topic[128];
    flux_msg_t *msg = NULL;
    int rc = -1;

    snprintf (topic, sizeof (topic), "%s.start", m->start->service);
    redacted = jobdoc_redacted (doc, &len);
    buf_reserve (&b, len + strlen (R) + 128);
    buf_addf (&b, "{\"id\":%" PRIu64 ",\"userid\":%" PRIu32 ",\"reattach\":%s,\"R\":%s,"
              "\"jobspec\":", job->id, job->st.userid, job->a->reattach ? "true" : "false",
              R);
    if (jobdoc_is_simulated (doc))
        buf_add (&b, redacted, len);     /* nobody will see its environment */
    else
        jobdoc_add_text (doc, &b);
    buf_addc (&b, '}');
    if (!b.failed && (msg = flux_request_encode (topic, b.data))
        && flux_msg_set_streaming (msg) == 0)    /* it is answered several times */
        rc = flux_send_new (m->h, &msg, 0);
    flux_msg_destroy (msg);
    buf_release (&b);
    return rc;
}

void start_send (struct mgr *m, struct job *job)
{
    struct active *a = job->a;
    char *R;

    if (!m->start->service || !a || a->exec_pending)
        return;                /* hello sends it */
    if (!(R = job_get_R (job))) {
        event_raise (m, job, "start", 0, m->owner, "R is not known");
        return;
    }
    if (job->st.start_seen)
        a->reattach = true;
    if (send_start (m, job, R) < 0)
        flux_log_error (m->h, "cannot send %s.start", m->start->service);
    else
        a->exec_pending = true;
    free (R);
}

/* ---- cancel ---- */

void start_cancel (struct mgr *m, struct job *job)
{
    flux_future_t *f;

    if (!job->a->exec_pending)
        return;
    f = flux_event_publish_pack (m->h, "job-exception", FLUX_EVENT_PRIVATE,
                                 "{s:I s:s s:i s:i}", "id", (json_int_t)job->id,
                                 "type", job->st.exception_type,
                                 "severity", job->st.exception_severity,
                                 "wait_status", job->st.exception_wait_status);
    if (!f)
        flux_log_error (m->h, "cannot publish job-exception");
    flux_future_destroy (f);
}

/* ---- responses ---- */

static void release_ranks (struct mgr *m, struct job *job, const char *ranks)
{
    struct idset *ids = idset_decode (ranks);

    if (ids && job->a->released && job->st.epilog_count == 0
        && !housekeeping_take (m, job, ids))
        alloc_send_free_ranks (m, job, ids);
    idset_destroy (ids);
}

static int on_release (struct mgr *m, struct job *job, json_t *data)
{
    const char *ranks;
    int final;

    if (json_unpack (data, "{s:s s:b}", "ranks", &ranks, "final", &final) < 0)
        return -EPROTO;
    if (final)
        job->a->exec_pending = false;
    if (!job->st.has_resources)
        return 0;
    event_post_pack (m, job, "release", "{s:s s:b}", "ranks", ranks, "final", final);
    if (!final && job->a)
        release_ranks (m, job, ranks);
    return 0;
}

static int on_finish (struct mgr *m, struct job *job, json_t *data)
{
    int status;

    if (json_unpack (data, "{s:i}", "status", &status) < 0)
        return -EPROTO;
    return event_post_pack (m, job, "finish", "{s:i}", "status", status);
}

static int on_exception (struct mgr *m, struct job *job, json_t *data)
{
    const char *type, *note = "";
    int severity;
    json_t *context;

    if (json_unpack (data, "{s:i s:s s?s}", "severity", &severity, "type", &type,
                     "note", &note) < 0)
        return -EPROTO;
    /* keys that the service adds (wait_status) are kept */
    if (!(context = json_copy (data)))
        return -ENOMEM;
    if (!json_object_get (context, "note"))
        (void)json_object_set_new (context, "note", json_string (note));
    return event_post (m, job, "exception", context, NULL);
}

static int on_response (struct mgr *m, struct job *job, const char *type, json_t *data)
{
    if (!strcmp (type, "start"))
        return event_post (m, job, "start", NULL, NULL);
    if (!strcmp (type, "reattached")) {
        job->a->reattach = false;
        return job->st.start_seen ? 0 : event_post (m, job, "start", NULL, NULL);
    }
    if (!strcmp (type, "release"))
        return on_release (m, job, data);
    if (!strcmp (type, "finish"))
        return on_finish (m, job, data);
    if (!strcmp (type, "exception"))
        return on_exception (m, job, data);
    return -EPROTO;
}

static void end_hello (struct start *s, int errnum)
{
    if (s->hello && flux_respond_error (s->h, s->hello, errnum, NULL) < 0)
        flux_log_error (s->h, "exec-hello");
    flux_msg_decref (s->hello);
    s->hello = NULL;
}

static void lost (struct mgr *m, const char *why)
{
    end_hello (m->start, ENODATA);
    if (m->start->service)
        flux_log (m->h, LOG_DEBUG, "starting of jobs is suspended: %s", why);
    free (m->start->service);
    free (m->start->sender);
    m->start->service = m->start->sender = NULL;
    flux_msg_handler_destroy (m->start->mh);
    m->start->mh = NULL;
}

static void response_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct job *job;
    const char *type;
    json_t *data;
    json_int_t id;

    if (flux_response_decode (msg, NULL, NULL) < 0) {
        flux_log (h, LOG_ERR, "%s.start: %s", m->start->service, flux_strerror (errno));
        lost (m, "start was answered with an error");
        return;
    }
    if (flux_msg_unpack (msg, "{s:I s:s s:o}", "id", &id, "type", &type,
                         "data", &data) < 0) {
        flux_log (h, LOG_ERR, "%s.start: malformed response", m->start->service);
        return;
    }
    if (!(job = jobtab_get (m->t, id)) || !job->a || !job->a->exec_pending) {
        flux_log (h, LOG_ERR, "%s.start: %s response for unknown job %ju",
                  m->start->service, type, (uintmax_t)id);
        return;
    }
    job_ref (job);
    if (on_response (m, job, type, data) == -EPROTO)
        flux_log (h, LOG_ERR, "%s.start: malformed %s response for job %ju",
                  m->start->service, type, (uintmax_t)id);
    job_unref (m->t, job);
}

/* ---- hello ---- */

static int listen_service (struct mgr *m, const char *service, const flux_msg_t *msg)
{
    struct flux_match match = FLUX_MATCH_RESPONSE;
    const char *sender = flux_msg_route_first (msg);
    char topic[128];

    lost (m, "another execution service says hello");
    snprintf (topic, sizeof (topic), "%s.start", service);
    match.topic_glob = topic;
    m->start->service = strdup (service);
    m->start->sender = sender ? strdup (sender) : NULL;
    m->start->mh = flux_msg_handler_create (m->h, match, response_cb, m);
    if (!m->start->service || !m->start->mh) {
        lost (m, "out of memory");
        return -ENOMEM;
    }
    flux_msg_handler_start (m->start->mh);
    return 0;
}

/* Jobs that were with the earlier service are with this one now. */
static void hello_jobs (struct mgr *m)
{
    list_foreach (&m->t->running, pos) {
        struct job *job = list_entry (pos, struct job, place);
        if (!job->a)
            continue;
        if (job->a->exec_pending) {
            job->a->exec_pending = false;
            job->a->reattach = true;
        }
        job_ref (job);
        event_restart (m, job);
        job_unref (m->t, job);
    }
}

void start_hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    const char *service;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &service) < 0
        || strlen (service) > 100) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (listen_service (m, service, msg) < 0) {
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return;
    }
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "exec-hello");
    if (flux_msg_is_streaming (msg))
        m->start->hello = flux_msg_incref (msg);
    hello_jobs (m);
}

void start_disconnect (struct mgr *m, const flux_msg_t *msg)
{
    const char *sender = flux_msg_route_first (msg);

    if (m->start->sender && sender && !strcmp (sender, m->start->sender))
        lost (m, "the execution service is gone");
}

const char *start_service (const struct mgr *m)
{
    return m->start->service;
}

struct start *start_new (struct mgr *m)
{
    struct start *s = calloc (1, sizeof (*s));

    if (s)
        s->h = m->h;
    return s;
}

void start_free (struct start *s)
{
    if (s) {
        end_hello (s, ENOSYS);
        flux_msg_handler_destroy (s->mh);
        free (s->service);
        free (s->sender);
        free (s);
    }
}
