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

void job_free (struct job *job)
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
    guest_free (job->guest);
    ending_release (&job->ending);
    flux_watcher_destroy (job->expiration_w);
    flux_watcher_destroy (job->leader_w);
    flux_watcher_destroy (job->barrier_w);
    hash_free (job->barriers);
    idset_destroy (job->ranks);
    idset_destroy (job->active);
    idset_destroy (job->critical);
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

/* Takes 'data'. */
static void raise_data (struct job *job, int severity, const char *type, json_t *data)
{
    char *s = data ? json_dumps (data, JSON_COMPACT) : NULL;

    if (s)
        job_respond (job, "exception", s);
    free (s);
    json_decref (data);
    if (severity == 0)
        job_end (job, type);
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
    raise_data (job, severity, type,
                json_pack ("{s:i s:s s:s}", "severity", severity, "type", type,
                           "note", note.text));
}

static const char *job_host (struct job *job, uint32_t rank, char *buf, size_t size)
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
    list_append (&ctx->reap, &job->reap_node);
    jobexec_kick (ctx);
}

static void job_done (struct job *job)
{
    char *ranks = idset_encode (job->ranks, IDSET_FLAG_RANGE);
    struct buf b = BUF_INIT;

    if (job->nstarted > 0) {
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
    if (job->guest && job->nstarted > 0) {
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

/* News of shells */

static void on_started (struct job *job, const struct idset *ranks)
{
    job->nstarted += idset_count (ranks);
    if (job->nstarted < job->nranks || job->start_told || job->fatal)
        return;
    job->start_told = true;
    job_respond (job, job->reattach ? "reattached" : "start", "{}");
}

static void leader_timeout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                               void *arg)
{
    struct job *job = arg;
    char *ranks = idset_encode (job->active, IDSET_FLAG_RANGE);

    job_raise (job, 0, "exec", "%zu of %zu job shells are still active (rank%s %s)"
               " after the leader shell has exited",
               idset_count (job->active), job->nranks,
               idset_count (job->active) > 1 ? "s" : "", ranks ? ranks : "");
    free (ranks);
}

static void leader_exited (struct job *job, int status)
{
    double timeout = job->ctx->conf.shell_exit_timeout;
    char *active = idset_encode (job->active, IDSET_FLAG_RANGE);
    struct buf b = BUF_INIT;

    buf_addf (&b, "{\"rank\":%" PRIu32 ",\"wait_status\":%d", job->leader, status);
    if (active && *active)
        buf_addf (&b, ",\"active_ranks\":\"%s\"", active);
    buf_addc (&b, '}');
    if (job->guest && !job->mock)
        guest_event (job->guest, "shell-exit", b.data);
    buf_release (&b);
    free (active);
    if (!WIFEXITED (status) || job->fatal || idset_empty (job->active) || timeout < 0.)
        return;
    job->leader_w = flux_timer_watcher_create (job->ctx->r, timeout, 0.,
                                               leader_timeout_cb, job);
    if (job->leader_w)
        flux_watcher_start (job->leader_w);
}

static bool is_critical (const struct job *job, uint32_t rank)
{
    return rank == job->leader || !job->critical || idset_test (job->critical, rank);
}

static int shell_rank (const struct job *job, uint32_t rank)
{
    int i = 0;

    for (unsigned int r = idset_first (job->ranks);
         r != rank && r != IDSET_INVALID_ID; r = idset_next (job->ranks, r))
        i++;
    return i;
}

static void raise_lost (struct job *job, uint32_t rank, const char *what)
{
    int severity = is_critical (job, rank) ? 0 : 2;
    char host[256], note[400];

    if (job->fatal && severity == 0)
        return;
    (void)snprintf (note, sizeof (note), "%s on %s (rank %" PRIu32 ")%s%s",
                    *what ? "lost job shell" : "lost contact with job shell",
                    job_host (job, rank, host, sizeof (host)), rank,
                    *what ? ": " : "", what);
    raise_data (job, severity, "lost-shell",
                json_pack ("{s:i s:s s:s s:i}", "severity", severity,
                           "type", "lost-shell", "note", note,
                           "shell_rank", shell_rank (job, rank)));
}

/* A shell that has ended will not come to a barrier that others wait in.  (One
 * that is not flux-shell may know nothing of barriers.) */
static void break_barriers (struct job *job, uint32_t rank, bool failed)
{
    const char *name;
    size_t pos = 0;
    char host[256];
    bool waiting = job->barriers && hash_count (job->barriers) > 0;

    if (job->nranks == 1 || job->barrier_passed)
        return;
    while (waiting && hash_next (job->barriers, &pos, &name)) {
        if (job->part)
            barrier_release (job->part, name, EPIPE, "a shell of this job has ended");
        else if (job->perrank)
            perrank_release_barrier (job, name, EPIPE);
        hash_del (job->barriers, name);
    }
    if (!job->fatal && (waiting || failed))
        job_raise (job, 0, "start", "%s (rank %" PRIu32 "): job shell has ended"
                   " before all shells of the job were ready",
                   job_host (job, rank, host, sizeof (host)), rank);
}

static void on_exited (struct job *job, int status, const struct idset *ranks)
{
    unsigned int r;
    char host[256];

    if (status > job->status)
        job->status = status;
    idset_subtract (job->active, ranks);
    if (job->mock)
        return;
    if (idset_test (ranks, job->leader))
        leader_exited (job, status);
    break_barriers (job, idset_first (ranks), status != 0);
    if (!WIFSIGNALED (status) || job->fatal)
        return;
    for (r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        if (r == job->leader)
            job_raise (job, 0, "exec", "shell rank 0 (on %s): %s",
                       job_host (job, r, host, sizeof (host)),
                       strsignal (WTERMSIG (status)));
        else
            raise_lost (job, r, strsignal (WTERMSIG (status)));
    }
}

static void on_lost (struct job *job, const struct idset *ranks)
{
    unsigned int r;

    idset_subtract (job->active, ranks);
    for (r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r))
        raise_lost (job, r, "");
    break_barriers (job, idset_first (ranks), false);
}

static void on_failed (struct job *job, const json_t *o)
{
    uint32_t rank = json_integer_value (json_object_get (o, "rank"));
    const char *text = json_string_value (json_object_get (o, "text"));
    char host[256];

    idset_clear (job->active, rank);
    job_raise (job, 0, "exec", "cannot start job shell on %s (rank %" PRIu32 "): %s",
               job_host (job, rank, host, sizeof (host)), rank, text);
}

static void on_log (struct job *job, const json_t *o)
{
    const char *stream = json_string_value (json_object_get (o, "stream"));
    const char *data = json_string_value (json_object_get (o, "data"));
    json_int_t rank = json_integer_value (json_object_get (o, "rank"));
    char ranks[24], *s = NULL;
    json_t *context;

    if (!stream || !data)
        return;
    flux_log (job->ctx->h, !strcmp (stream, "stderr") ? LOG_ERR : LOG_INFO,
              "%s: flux-shell[%d]: %s: %s", job->idf58,
              shell_rank (job, rank), stream, data);
    (void)snprintf (ranks, sizeof (ranks), "%" JSON_INTEGER_FORMAT, rank);
    context = json_pack ("{s:s s:s s:s s:s}", "component", "flux-shell",
                         "stream", stream, "rank", ranks, "data", data);
    if (context && job->guest && (s = json_dumps (context, JSON_COMPACT)))
        guest_event (job->guest, "log", s);
    free (s);
    json_decref (context);
}

void job_update (struct update *u, void *arg)
{
    struct job *job = arg;
    struct idset *ranks;
    const char *name;
    size_t i;
    json_t *o;

    json_array_foreach (u->log, i, o)
        on_log (job, o);
    if (u->started)
        on_started (job, u->started);
    json_array_foreach (u->failed, i, o)
        on_failed (job, o);
    for (i = 0; i < u->nexits; i++)
        on_exited (job, u->exits[i].status, u->exits[i].ranks);
    if (u->lost)
        on_lost (job, u->lost);
    json_object_foreach (u->barrier, name, o) {
        if ((ranks = idset_decode (json_string_value (o))))
            job_barrier (job, name, ranks);
        idset_destroy (ranks);
    }
    job_check_done (job);
}

/* Barriers */

static void drain_ranks (struct job *job, const struct idset *ranks)
{
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    char reason[128];
    flux_future_t *f = NULL;

    (void)snprintf (reason, sizeof (reason),
                    "job %s start timeout: possible node hang", job->idf58);
    if (s)
        f = flux_rpc_pack (job->ctx->h, "resource.drain", 0, 0, "{s:s s:s s:s}",
                           "targets", s, "mode", "update", "reason", reason);
    jobexec_log_future (job->ctx, f, "resource.drain");
    free (s);
}

static void barrier_timeout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                                void *arg)
{
    struct job *job = arg;
    struct idset *missing;
    size_t pos = 0;
    struct idset *in = hash_next (job->barriers, &pos, NULL);
    char *s;

    if (!in || !(missing = idset_difference (job->ranks, in)))
        return;
    s = idset_encode (missing, IDSET_FLAG_RANGE);
    drain_ranks (job, missing);
    job_raise (job, 0, "exec", "start barrier timeout waiting for %zu/%zu nodes"
               " (rank%s %s)", idset_count (missing), job->nranks,
               idset_count (missing) > 1 ? "s" : "", s ? s : "");
    free (s);
    idset_destroy (missing);
}

static void barrier_timer (struct job *job)
{
    double timeout = job->ctx->conf.barrier_timeout;

    if (job->barrier_w || job->barrier_passed || timeout <= 0.)
        return;
    job->barrier_w = flux_timer_watcher_create (job->ctx->r, timeout, 0.,
                                                barrier_timeout_cb, job);
    if (job->barrier_w)
        flux_watcher_start (job->barrier_w);
}

static void barrier_complete (struct job *job, const char *name, int errnum)
{
    if (errnum == 0) {
        job->barrier_passed = true; /* only the first is timed */
        flux_watcher_destroy (job->barrier_w);
        job->barrier_w = NULL;
    }
    if (job->part)
        barrier_release (job->part, name, errnum, "a shell of this job has ended");
    else if (job->perrank)
        perrank_release_barrier (job, name, errnum);
}

static void free_idset (void *arg)
{
    idset_destroy (arg);
}

void job_barrier (struct job *job, const char *name, const struct idset *ranks)
{
    struct idset *in;

    if (!job->barriers && !(job->barriers = hash_new (free_idset)))
        return;
    if (!(in = hash_get (job->barriers, name))) {
        if (!(in = idset_create (0, IDSET_FLAG_AUTOGROW))
            || hash_set (job->barriers, name, in) < 0) {
            idset_destroy (in);
            return;
        }
        barrier_timer (job);
    }
    (void)idset_add (in, ranks);
    if (idset_equal (in, job->ranks)) {
        hash_del (job->barriers, name);
        barrier_complete (job, name, 0);
    }
    else if (!idset_equal (job->active, job->ranks)) {
        hash_del (job->barriers, name); /* one will never come */
        barrier_complete (job, name, EPIPE);
    }
}

/* Time limit */

static void expiration_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    job_raise (arg, 0, "timeout", "resource allocation expired");
}

static void set_expiration (struct job *job, double expiration)
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
    set_expiration (job, end);
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

static int job_launch (struct job *job, const json_t *jobspec, const char *J,
                       flux_error_t *err)
{
    struct jobexec *ctx = job->ctx;
    const char *text;
    char *mine = NULL;
    int rc = 0;

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
                                      text, jobspec, J, job_update, job)))
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
        return errmsg (err, -ENOENT, "the shells of this job have not survived"
                       " a restart of the execution service");
    if (!(job->guest = guest_recover (job->ctx, job->id)))
        return errmsg (err, -errno, "out of memory");
    guest_event (job->guest, "reattach", NULL);
    job->part = part;
    return part_adopt (part, job_update, job);
}

static int job_start (struct job *job, const json_t *jobspec, flux_error_t *err)
{
    if (job->nranks == 0)
        return errmsg (err, -EINVAL, "R of the job has no ranks");
    if (mock_attr (jobspec))
        return mock_start (job, jobspec, err);
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
        job_free (job);
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

static int do_start (struct jobexec *ctx, const flux_msg_t *msg)
{
    json_int_t id, userid;
    json_t *jobspec, *R;
    int reattach;
    struct rset *rset;
    struct job *job;
    flux_error_t err = { "" };
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:I s:o s:o s:b}", "id", &id,
                             "userid", &userid, "jobspec", &jobspec, "R", &R,
                             "reattach", &reattach) < 0
        || id < 0 || userid < 0 || userid > UINT32_MAX)
        return -EPROTO;
    if ((job = idhash_get (ctx->jobs, id))) {
        job_readopt (job, msg);
        return 0;
    }
    if (!(rset = rset_from_json (R, &err))) {
        /* without ranks there is nothing to start, and nothing to release */
        flux_log (ctx->h, LOG_ERR, "job %ju: R: %s", (uintmax_t)id, err.text);
        return -EPROTO;
    }
    if (!(job = job_new (ctx, id, userid, rset, msg))) {
        rset_free (rset);
        return -ENOMEM;
    }
    job->reattach = reattach;
    if ((rc = job_start (job, jobspec, &err)) < 0)
        start_failed (job, &err);
    else
        init_expiration (job, rset);
    rset_free (rset);
    return 0;
}

void job_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rc = do_start (arg, msg);

    if (rc < 0 && flux_respond_error (h, msg, -rc, NULL) < 0)
        FLUX_LOG_ERROR (h);
}

/* Other requests */

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
    job_end (job, type);
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
        set_expiration (job, expiration);
        respond (h, msg, 0, NULL);
    }
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
