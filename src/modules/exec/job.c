/* job.c - a job on rank 0
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/fluid.h"
#include "base/hash.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"
#include "modules/exec/recover.h"
#include "modules/exec/state.h"
#include "spec/rset.h"

struct response {
    struct list_node node;
    char *type;
    char *data;
};

static void response_free (struct response *rsp)
{
    list_del (&rsp->node);
    free (rsp->type);
    free (rsp->data);
    free (rsp);
}

void execjob_free (struct job *job)
{
    if (!job)
        return;
    int saved_errno = errno;
    list_del (&job->reap_node);
    if (idhash_get (job->ctx->jobs, job->id) == job)
        idhash_del (job->ctx->jobs, job->id);
    flux_msg_decref (job->req);
    list_foreach (&job->backlog, n)
        response_free (list_entry (n, struct response, node));
    flux_future_destroy (job->f_J);
    part_release (job->part);
    perrank_free (job->perrank);
    mock_free (job->mock);
    recovery_free (job->recovery);
    guest_free (job->guest);
    ending_release (&job->ending);
    flux_watcher_destroy (job->expiration_w);
    flux_watcher_destroy (job->leader_w);
    flux_watcher_destroy (job->barrier_w);
    hash_free (job->barriers);
    idset_destroy (job->ranks);
    idset_destroy (job->active);
    idset_destroy (job->critical);
    idset_destroy (job->lost);
    free (job);
    errno = saved_errno;
}

/* Responses */

static void backlog_add (struct job *job, const char *type, const char *data)
{
    struct response *rsp = calloc (1, sizeof (*rsp));

    if (!rsp)
        return;
    list_append (&job->backlog, &rsp->node);
    rsp->type = strdup (type);
    rsp->data = strdup (data);
    if (!rsp->type || !rsp->data)
        response_free (rsp);
}

void job_respond (struct job *job, const char *type, const char *data)
{
    if (!job->req)
        backlog_add (job, type, data);
    else if (jobexec_respond (job->ctx, job->req,
                              "{\"id\":%" PRIu64 ",\"type\":\"%s\",\"data\":%s}",
                              job->id, type, data) < 0)
        flux_log (job->ctx->h, LOG_ERR, "%s: out of memory", job->idf58);
}

void job_raise_data (struct job *job, int severity, const char *type, json_t *data)
{
    char *s = data ? json_dumps (data, JSON_COMPACT) : NULL;

    if (s)
        job_respond (job, "exception", s);
    free (s);
    json_decref (data);
    if (severity == 0)
        execjob_end (job, type);
}

void job_raise (struct job *job, int severity, const char *type, const char *fmt, ...)
{
    flux_error_t note;
    va_list ap;

    va_start (ap, fmt);
    (void)vsnprintf (note.text, sizeof (note.text), fmt, ap);
    va_end (ap);
    if (job->fatal && severity == 0)
        return; /* the first is the cause, more are noise */
    job_raise_data (job, severity, type,
                json_pack ("{s:i s:s s:s}", "severity", severity, "type", type,
                           "note", note.text));
}

const char *job_host (struct job *job, uint32_t rank, char *buf, size_t size)
{
    struct rset *rset = NULL;
    const char *host = NULL;
    json_t *R;

    if (job->req && flux_request_unpack (job->req, NULL, "{s:o}", "R", &R) == 0
        && (rset = rset_from_json (R, NULL)))
        host = rset_host (rset, rank);
    (void)snprintf (buf, size, "%s", host ? host : "(unknown host)");
    rset_free (rset);
    return buf;
}

/* The end */

static void job_reap (struct job *job)
{
    struct jobexec *ctx = job->ctx;

    idhash_del (ctx->jobs, job->id);
    if (!job->mock)
        execstate_done (parts_state (ctx->parts), job->id);
    list_append (&ctx->reap, &job->reap_node);
    jobexec_kick (ctx);
}

static void job_done (struct job *job)
{
    char *ranks = idset_encode (job->ranks, IDSET_FLAG_RANGE);
    struct buf b = BUF_INIT;

    if (job->nstarted > 0 || job->recovered) {
        buf_addf (&b, "{\"status\":%d}", job->status);
        job_respond (job, "finish", b.data);
        buf_clear (&b);
    }
    buf_addf (&b, "{\"ranks\":\"%s\",\"final\":true}", ranks ? ranks : "");
    job_respond (job, "release", b.data);
    buf_release (&b);
    free (ranks);
    if (job->req)
        job_reap (job);
    /* else: it waits for the job manager to come back for it */
}

static int final_status (struct job *job)
{
    int s = job->exception_status;

    if (s < 0)
        return job->status;
    return WIFSIGNALED (s) ? (128 + WTERMSIG (s)) << 8 : s & 0xff00;
}

void job_check_done (struct job *job)
{
    char context[64];

    if (job->finalizing || job->f_J || !idset_empty (job->active))
        return;
    job->finalizing = true;
    job->status = final_status (job);
    ending_release (&job->ending);
    flux_watcher_destroy (job->expiration_w);
    flux_watcher_destroy (job->leader_w);
    flux_watcher_destroy (job->barrier_w);
    job->expiration_w = job->leader_w = job->barrier_w = NULL;
    if (job->guest && (job->nstarted > 0 || job->recovered) && !job->complete_told) {
        (void)snprintf (context, sizeof (context), "{\"status\":%d}", job->status);
        guest_event (job->guest, "complete", context);
    }
    if (job->guest)
        guest_finish (job->guest);
    job_done (job);
}

void job_signal (struct job *job, int signum, bool kill)
{
    if (job->mock)
        mock_signal (job, signum);
    else if (job->part)
        part_signal (job->part, signum, kill);
    else if (job->perrank)
        perrank_signal (job, signum, kill);
}

/* Time limit */

static void expiration_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    job_raise (arg, 0, "timeout", "resource allocation expired");
}

void job_set_expiration (struct job *job, double expiration)
{
    double left = expiration - flux_reactor_time ();

    flux_watcher_destroy (job->expiration_w);
    job->expiration_w = NULL;
    job->expiration = expiration;
    if (expiration <= 0. || job->finalizing)
        return;
    job->expiration_w = flux_timer_watcher_create (job->ctx->r, left > 0. ? left : 0.,
                                                   0., expiration_cb, job);
    if (job->expiration_w)
        flux_watcher_start (job->expiration_w);
    else
        flux_log_error (job->ctx->h, "%s: time limit", job->idf58);
}

/* A short job that was started late gets its time. */
static void init_expiration (struct job *job, const struct rset *rset)
{
    double start = rset_starttime (rset), end = rset_expiration (rset);
    double delay = start > 0. ? flux_reactor_time () - start : 0.;

    if (end <= 0.)
        return;
    if (!job->reattach && delay > 0. && end > start
        && delay > (end - start) * job->ctx->conf.start_delay_percent / 100.)
        end += delay;
    job_set_expiration (job, end);
}

/* Start */

static void guest_failed (void *arg, int rc)
{
    struct job *job = arg;

    job_raise (job, 0, "exec", "cannot create the job's KVS namespace: %s",
               strerror (-rc));
}

/* The start request with the key J added: what the IMP of a guest's shell reads. */
static char *with_J (const char *text, const char *J)
{
    struct buf b = BUF_INIT;

    text += strspn (text, " \t\r\n");
    if (*text != '{')
        return NULL;
    buf_addf (&b, "{\"J\":\"%s\",%s", J, text + 1);
    return buf_take (&b);
}

/* How long shells may be without a broker: they must be able to find the one that
 * comes back, and it must know the job. */
static double reconnect_time (const struct job *job)
{
    const struct jobexec *ctx = job->ctx;

    return execstate_keeps (parts_state (ctx->parts)) && job->userid == ctx->owner
               ? ctx->conf.reconnect_timeout : 0.;
}

static int job_launch (struct job *job, const json_t *jobspec, const char *J,
                       flux_error_t *err)
{
    struct jobexec *ctx = job->ctx;
    const char *text;
    char *mine = NULL;
    int rc;

    if ((rc = execstate_launch (parts_state (ctx->parts), job->id)) < 0)
        return errmsg (err, rc, "cannot record the launch in the state directory: %s",
                       strerror (-rc));
    if (!(job->guest = guest_create (ctx, job->id, job->userid, guest_failed, job)))
        return errmsg (err, -errno, "cannot create the job's KVS namespace: %s",
                       flux_strerror (errno));
    guest_event (job->guest, "init", NULL);
    guest_event (job->guest, "starting", NULL);
    if (strcmp (ctx->conf.service, "rexec") != 0)
        return perrank_start (job, jobspec, err);
    if (flux_request_decode (job->req, NULL, &text) < 0
        || (J && !(text = mine = with_J (text, J)))
        || !(job->part = part_launch (ctx->parts, job->id, job->userid, job->ranks,
                                      text, jobspec, J, reconnect_time (job),
                                      job_update, job)))
        rc = errmsg (err, -errno, "cannot launch job shells: %s", flux_strerror (errno));
    free (mine);
    return rc;
}

static void start_failed (struct job *job, const flux_error_t *err)
{
    if (!job->part)
        idset_clear_all (job->active);
    job_raise (job, 0, "exec", "%s", err->text);
    job_check_done (job);
}

static void J_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    flux_error_t err = { "" };
    const char *J;
    json_t *jobspec;
    int rc;

    job->f_J = NULL;
    if (flux_kvs_lookup_get (f, &J) < 0)
        rc = errmsg (&err, -errno, "cannot look up J: %s", flux_strerror (errno));
    else if (job->fatal)
        rc = -ECANCELED; /* canceled meanwhile */
    else if (flux_request_unpack (job->req, NULL, "{s:o}", "jobspec", &jobspec) < 0)
        rc = errmsg (&err, -errno, "%s", flux_strerror (errno));
    else
        rc = job_launch (job, jobspec, J, &err);
    flux_future_destroy (f);
    if (rc < 0)
        start_failed (job, &err);
}

/* A guest's job: the IMP wants what the guest has signed. */
static int lookup_J (struct job *job, flux_error_t *err)
{
    char key[64];

    if (!job->ctx->conf.imp)
        return errmsg (err, -EPERM, "jobs of guests cannot be executed:"
                       " exec.imp is not configured");
    if (flux_job_kvs_key (key, sizeof (key), job->id, "J") < 0
        || !(job->f_J = flux_kvs_lookup (job->ctx->h, NULL, 0, key))
        || flux_future_then (job->f_J, -1., J_cb, job) < 0)
        return errmsg (err, -errno, "cannot look up J: %s", flux_strerror (errno));
    return 0;
}

static int job_recover (struct job *job, flux_error_t *err)
{
    struct part *part = parts_get (job->ctx->parts, job->id);

    if (!part)
        return recovery_start (job, err);
    if (!(job->guest = guest_recover (job->ctx, job->id)))
        return errmsg (err, -errno, "out of memory");
    guest_event (job->guest, "reattach", NULL);
    job->part = part;
    job->barrier_passed = part->barrier_passed;
    job->recoverable = part->recoverable;
    return part_adopt (part, job_update, job);
}

int job_take_over (struct job *job, const struct idset *active, int status,
                   flux_error_t *err)
{
    struct jobexec *ctx = job->ctx;

    if (!(job->guest = guest_recover (ctx, job->id)))
        return errmsg (err, -errno, "out of memory");
    guest_event (job->guest, "reattach", NULL);
    idset_clear_all (job->active);
    if (idset_add (job->active, active) < 0)
        return errmsg (err, -errno, "out of memory");
    job->nstarted = job->nranks - idset_count (active);
    job->status = status;
    job->recoverable = job->recovered = job->barrier_passed = true;
    job->part = part_recover (ctx->parts, job->id, job->userid, job->leader, active,
                              ctx->conf.reconnect_timeout, job_update, job);
    if (!job->part)
        return errmsg (err, -errno, "cannot take its shells over: %s", flux_strerror (errno));
    if (!idset_test (active, job->leader))
        job_limit_others (job);
    return 0;
}

static int job_start (struct job *job, const json_t *jobspec, flux_error_t *err)
{
    if (job->nranks == 0)
        return errmsg (err, -EINVAL, "R of the job has no ranks");
    if (mock_attr (jobspec))
        return mock_start (job, jobspec, err);
    if (execstate_known (parts_state (job->ctx->parts), job->id)
        || parts_get (job->ctx->parts, job->id))
        job->reattach = true;   /* it was launched, and that was not recorded */
    if (job->reattach)
        return job_recover (job, err);
    if (job->userid != job->ctx->owner)
        return lookup_J (job, err);
    return job_launch (job, jobspec, NULL, err);
}

static struct job *job_new (struct jobexec *ctx, uint64_t id, uint32_t userid,
                            const struct rset *rset, const flux_msg_t *msg)
{
    struct job *job = calloc (1, sizeof (*job));

    if (!job)
        return NULL;
    list_init (&job->reap_node);
    list_init (&job->backlog);
    job->ctx = ctx;
    job->id = id;
    job->userid = userid;
    job->exception_status = -1;
    job->req = flux_msg_incref (msg);
    job->leader = idset_first (rset_ranks (rset));
    job->nranks = rset_nnodes (rset);
    if (fluid_encode (id, FLUID_F58, job->idf58, sizeof (job->idf58)) < 0
        || !(job->ranks = idset_copy (rset_ranks (rset)))
        || !(job->active = idset_copy (rset_ranks (rset)))
        || idhash_set (ctx->jobs, id, job) < 0) {
        execjob_free (job);
        return NULL;
    }
    return job;
}

/* The job manager was reloaded, and asks again for what it does not know. */
static void job_readopt (struct job *job, const flux_msg_t *msg)
{
    flux_msg_decref (job->req);
    job->req = flux_msg_incref (msg);
    if (job->start_told)
        job_respond (job, "reattached", "{}");
    job->reattach = true;
    list_foreach (&job->backlog, n) {
        struct response *rsp = list_entry (n, struct response, node);
        job_respond (job, rsp->type, rsp->data);
        if (!strcmp (rsp->type, "release"))
            job_reap (job);
        response_free (rsp);
    }
}

static int start_new (struct jobexec *ctx, const struct start_request *rq,
                      const flux_msg_t *msg)
{
    struct rset *rset;
    struct job *job;
    flux_error_t err = { "" };
    int rc;

    if (!(rset = rset_from_json (rq->R, &err))) {
        /* without ranks there is nothing to start, and nothing to release */
        flux_log (ctx->h, LOG_ERR, "job %ju: R: %s", (uintmax_t)rq->id, err.text);
        return -EPROTO;
    }
    if (!(job = job_new (ctx, rq->id, rq->userid, rset, msg))) {
        rset_free (rset);
        return -ENOMEM;
    }
    job->reattach = rq->reattach;
    if ((rc = job_start (job, rq->jobspec, &err)) < 0)
        start_failed (job, &err);
    else
        init_expiration (job, rset);
    rset_free (rset);
    return 0;
}

static int do_start (struct jobexec *ctx, const flux_msg_t *msg)
{
    struct start_request rq;
    struct job *job;
    int rc;

    if ((rc = start_request_decode (&ctx->lastspec, msg, &rq)) < 0)
        return rc;
    if ((job = idhash_get (ctx->jobs, rq.id)))
        job_readopt (job, msg);
    else
        rc = start_new (ctx, &rq, msg);
    start_request_release (&rq);
    return rc;
}

void job_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rc = do_start (arg, msg);

    if (rc < 0 && flux_respond_error (h, msg, -rc, NULL) < 0)
        FLUX_LOG_ERROR (h);
}
