/* job_request.c - requests and events about a job, on rank 0
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/hash.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"

void job_exception_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    const char *type;
    json_int_t id;
    int severity, wait_status = -1;

    if (flux_event_unpack (msg, NULL, "{s:I s:s s:i s?i}", "id", &id, "type", &type,
                           "severity", &severity, "wait_status", &wait_status) < 0) {
        flux_log_error (h, "malformed job-exception event");
        return;
    }
    if (severity != 0 || !(job = idhash_get (ctx->jobs, id)))
        return;
    if (!job->fatal && wait_status >= 0 && wait_status <= 0xffff)
        job->exception_status = wait_status;
    execjob_end (job, type);
}

static void respond (flux_t *h, const flux_msg_t *msg, int rc, const char *errstr)
{
    if (flux_msg_is_noresponse (msg))
        return;
    if ((rc < 0 ? flux_respond_error (h, msg, -rc, errstr)
                : flux_respond (h, msg, NULL)) < 0)
        FLUX_LOG_ERROR (h);
}

void job_kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    json_int_t id;
    int signum;

    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "signum", &signum) < 0)
        respond (h, msg, -EPROTO, NULL);
    else if (signum <= 0 || signum >= NSIG)
        respond (h, msg, -EINVAL, "invalid signal number");
    else if (!(job = idhash_get (ctx->jobs, id)))
        respond (h, msg, -ENOENT, "job is not running");
    else {
        job_signal (job, signum, false);
        respond (h, msg, 0, NULL);
    }
}

/* "shell-<id>.kill": the job manager's order to signal a job (flux-job(1)). */
void job_kill_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    const char *topic;
    char *end;
    uint64_t id;
    int signum;

    if (flux_event_unpack (msg, &topic, "{s:i}", "signum", &signum) < 0
        || signum <= 0 || signum >= NSIG)
        return;
    errno = 0;
    id = strtoull (topic + strlen ("shell-"), &end, 10);
    if (errno == 0 && !strcmp (end, ".kill") && (job = idhash_get (ctx->jobs, id)))
        job_signal (job, signum, false);
}

void job_expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    json_int_t id;
    double expiration;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id,
                             "expiration", &expiration) < 0
        || expiration < 0.)
        respond (h, msg, -EPROTO, NULL);
    else if (!(job = idhash_get (ctx->jobs, id)))
        respond (h, msg, -ENOENT, "job is not running");
    else {
        job_set_expiration (job, expiration);
        respond (h, msg, 0, NULL);
    }
}

static void note_critical (struct job *job)
{
    char *s = idset_encode (job->critical, IDSET_FLAG_RANGE);
    struct buf b = BUF_INIT;

    if (s && job->part && job->part->reconnect > 0. && buf_addf (&b, "{\"ranks\":\"%s\"}", s) == 0)
        guest_event (job->guest, CRITICAL_EVENT, b.data);
    buf_release (&b);
    free (s);
}

void job_critical_ranks_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    struct idset *shells = NULL, *ranks = NULL;
    const char *s;
    json_int_t id;
    int i = 0, rc = 0;

    if (flux_request_unpack (msg, NULL, "{s:I s:s}", "id", &id, "ranks", &s) < 0
        || !(shells = idset_decode (s)))
        rc = -EPROTO;
    else if (!(job = idhash_get (ctx->jobs, id)))
        rc = -ENOENT;
    else if (flux_msg_authorize (msg, job->userid) < 0)
        rc = -EPERM;
    else if (!(ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        rc = -ENOMEM;
    else {
        /* the job counts its own ranks from 0 */
        for (unsigned int r = idset_first (job->ranks); r != IDSET_INVALID_ID;
             r = idset_next (job->ranks, r)) {
            if (idset_test (shells, i++) && idset_set (ranks, r) < 0)
                rc = -ENOMEM;
        }
        idset_destroy (job->critical);
        job->critical = ranks;
        note_critical (job);
    }
    idset_destroy (shells);
    respond (h, msg, rc, NULL);
}

bool jobs_disconnect (struct jobexec *ctx, const flux_msg_t *msg)
{
    struct job *job;
    size_t pos = 0;
    bool found = false;

    while ((job = idhash_next (ctx->jobs, &pos, NULL))) {
        if (job->req && flux_disconnect_match (job->req, msg)) {
            jobexec_forget (ctx, job->req);
            flux_msg_decref (job->req);
            job->req = NULL;
            found = true;
        }
    }
    return found;
}

static const char *method_name (const struct job *job)
{
    return job->mock ? "testexec" : "bulk-exec";
}

static json_t *job_stats (struct job *job)
{
    char *critical = idset_encode (job->critical ? job->critical : job->ranks,
                                   IDSET_FLAG_RANGE);
    char *active = idset_encode (job->active, IDSET_FLAG_RANGE);
    const char *ns = job->guest ? guest_namespace (job->guest) : NULL;
    json_t *o;

    o = json_pack ("{s:s s:s s:s s:i s:i s:i s:i s:i s:i s:f s:i s:i s:i s:i s:s}",
                   "implementation", method_name (job),
                   "ns", ns ? ns : "",
                   "critical_ranks", critical ? critical : "",
                   "multiuser", job->userid != job->ctx->owner,
                   "has_namespace", ns != NULL,
                   "exception_in_progress", job->fatal,
                   "started", job->nstarted == job->nranks,
                   "running", job->start_told && !job->finalizing,
                   "finalizing", job->finalizing,
                   "kill_timeout", job->ctx->conf.kill_timeout,
                   "kill_count", job->ending.kill_count,
                   "kill_shell_count", job->ending.kill_shell_count,
                   "total_shells", job->mock ? 0 : (int)job->nranks,
                   "active_shells", job->mock ? 0 : (int)idset_count (job->active),
                   "active_ranks", active ? active : "");
    free (critical);
    free (active);
    return o;
}

json_t *jobs_stats (struct jobexec *ctx)
{
    json_t *o = json_object ();
    struct job *job;
    size_t pos = 0;

    while (o && (job = idhash_next (ctx->jobs, &pos, NULL)))
        (void)json_object_set_new (o, job->idf58, job_stats (job));
    return o;
}
