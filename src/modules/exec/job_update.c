/* job_update.c - news of a job's shells, on rank 0
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
#include "base/hash.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"

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

/* The other shells may wait for something from it. */
static void tell_lost (struct job *job, uint32_t rank, int severity)
{
    char args[64];

    (void)snprintf (args, sizeof (args), "{\"shell_rank\":%d,\"severity\":%d}",
                    shell_rank (job, rank), severity);
    if (job->part)
        part_ask_shells (job->part, "lost", args);
    else if (job->perrank)
        perrank_ask_shells (job, "lost", args);
}

/* Once a job (RFC 50) */
static void set_recoverable (struct job *job)
{
    if (job->recoverable || !job->part || job->part->reconnect <= 0.)
        return;
    job->recoverable = true;
    guest_event (job->guest, "recoverable", NULL);
}

/* A shell that was taken over has missed what was told meanwhile. */
static void tell_again (struct job *job)
{
    unsigned int r;

    for (r = job->lost ? idset_first (job->lost) : IDSET_INVALID_ID; r != IDSET_INVALID_ID;
         r = idset_next (job->lost, r))
        tell_lost (job, r, is_critical (job, r) ? 0 : 2);
    if (job->ending.active)
        job_signal (job, job->ending.signum, false);
}

static void on_started (struct job *job, const struct idset *ranks)
{
    job->nstarted += idset_count (ranks);
    if (job->nranks == 1)
        set_recoverable (job);
    if (job->recoverable)
        tell_again (job);
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
    if (WIFEXITED (status))
        job_limit_others (job);
}

void job_limit_others (struct job *job)
{
    double timeout = job->ctx->conf.shell_exit_timeout;

    if (job->fatal || idset_empty (job->active) || timeout < 0.)
        return;
    job->leader_w = flux_timer_watcher_create (job->ctx->r, timeout, 0.,
                                               leader_timeout_cb, job);
    if (job->leader_w)
        flux_watcher_start (job->leader_w);
}

static void raise_lost (struct job *job, uint32_t rank, const char *what)
{
    int severity = is_critical (job, rank) ? 0 : 2;
    char host[256], note[400];

    if (job->lost || (job->lost = idset_create (0, IDSET_FLAG_AUTOGROW)))
        (void)idset_set (job->lost, rank);

    tell_lost (job, rank, severity);
    if (job->fatal && severity == 0)
        return;
    (void)snprintf (note, sizeof (note), "%s on %s (rank %" PRIu32 ")%s%s",
                    *what ? "lost job shell" : "lost contact with job shell",
                    job_host (job, rank, host, sizeof (host)), rank,
                    *what ? ": " : "", what);
    job_raise_data (job, severity, "lost-shell",
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

    while (waiting && hash_next (job->barriers, &pos, &name)) {
        if (job->part)
            barrier_release (job->part, name, EPIPE, "a shell of this job has ended");
        else if (job->perrank)
            perrank_release_barrier (job, name, EPIPE);
        hash_del (job->barriers, name);
    }
    if (!job->fatal && !job->barrier_passed && job->nranks > 1 && (waiting || failed))
        job_raise (job, 0, "start", "%s (rank %" PRIu32 "): job shell has ended"
                   " before all shells of the job were ready",
                   job_host (job, rank, host, sizeof (host)), rank);
}

/* For after a restart: these are not to be looked for.  'status' -1: lost. */
static void note_exit (struct job *job, const struct idset *ranks, int status)
{
    char *s;
    struct buf b = BUF_INIT;

    if (!job->recoverable || idset_empty (job->active)
        || !(s = idset_encode (ranks, IDSET_FLAG_RANGE)))
        return;
    buf_addf (&b, "{\"ranks\":\"%s\"", s);
    if (status >= 0)
        buf_addf (&b, ",\"wait_status\":%d", status);
    buf_addc (&b, '}');
    guest_event (job->guest, RANK_EXIT_EVENT, b.data);
    buf_release (&b);
    free (s);
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
    note_exit (job, ranks, status);
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

static void drain_ranks (struct job *job, const struct idset *ranks, const char *fmt)
{
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    char reason[128];
    flux_future_t *f = NULL;

    (void)snprintf (reason, sizeof (reason), fmt, job->idf58);
    if (s)
        f = flux_rpc_pack (job->ctx->h, "resource.drain", 0, 0, "{s:s s:s s:s}",
                           "targets", s, "mode", "update", "reason", reason);
    jobexec_log_future (job->ctx, f, "resource.drain");
    free (s);
}

static void note_loss (struct job *job, uint32_t rank)
{
    if (is_critical (job, rank) && job->status < SIGKILL)
        job->status = SIGKILL;
}

/* What is lost has no wait status.  To a job that cannot go on without it, it is as if
 * it had been killed: such a job must not finish with 0. */
static void on_lost (struct job *job, const struct idset *ranks)
{
    unsigned int r;

    idset_subtract (job->active, ranks);
    for (r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        note_loss (job, r);
        raise_lost (job, r, "");
    }
    if (job->recovered)
        drain_ranks (job, ranks, "processes of job %s may be left from before a restart");
    note_exit (job, ranks, -1);
    break_barriers (job, idset_first (ranks), false);
}

/* It was not there any more when its broker was back. */
static void on_gone (struct job *job, uint32_t rank, const char *text)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    note_loss (job, rank);
    if (rank == job->leader)
        job_raise (job, 0, "exec", "%s", text);
    else
        raise_lost (job, rank, text);
    if (ranks && idset_set (ranks, rank) == 0)
        note_exit (job, ranks, -1);
    idset_destroy (ranks);
    break_barriers (job, rank, false);
}

static void on_failed (struct job *job, const json_t *o)
{
    uint32_t rank = json_integer_value (json_object_get (o, "rank"));
    const char *text = json_string_value (json_object_get (o, "text"));
    char host[256];

    idset_clear (job->active, rank);
    if (job->recoverable && json_integer_value (json_object_get (o, "errnum")) == ESRCH) {
        on_gone (job, rank, text);
        return;
    }
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
    drain_ranks (job, missing, "job %s start timeout: possible node hang");
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
    if (errnum == 0 && !strcmp (name, BARRIER_START))
        set_recoverable (job);
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

    if (job->recoverable) {     /* the answer did not reach it before its broker went */
        barrier_complete (job, name, 0);
        return;
    }
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
