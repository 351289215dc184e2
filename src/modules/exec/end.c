/* end.c - the termination sequence (flux-config-exec(5), JOB TERMINATION)
 *
 *   0        term-signal to tasks (SIGALRM if the time limit has passed)
 *   1-4 kt   kill-signal to tasks                  kt = kill-timeout
 *   5 kt     kill-signal to shells, again after kt, 2 kt, 4 kt ... (300s)
 *   at last  drain the nodes whose shells are still there
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"

#define BACKOFF_MAX 300.
#define TASK_PHASE 5      /* times kill-timeout */

void ending_release (struct ending *e)
{
    flux_watcher_destroy (e->w);
    e->w = NULL;
}

static void drain (struct job *job)
{
    struct jobexec *ctx = job->ctx;
    char *ranks = idset_encode (job->active, IDSET_FLAG_RANGE);
    char reason[128];
    flux_future_t *f = NULL;

    (void)snprintf (reason, sizeof (reason),
                    "unkillable user processes for job %s", job->idf58);
    if (ranks)
        f = flux_rpc_pack (ctx->h, "resource.drain", 0, 0, "{s:s s:s s:s}",
                           "targets", ranks, "mode", "update", "reason", reason);
    jobexec_log_future (ctx, f, "resource.drain");
    free (ranks);
}

static void again (struct ending *e, double seconds)
{
    flux_timer_watcher_reset (e->w, fmax (seconds, 0.001), 0.);
    flux_watcher_start (e->w);
}

/* True if nodes are to be drained; else arms the timer. */
static bool kill_shells (struct job *job, double elapsed)
{
    const struct execconf *conf = &job->ctx->conf;
    struct ending *e = &job->ending;
    double next = e->backoff;

    if (conf->max_kill_timeout >= 0. && elapsed >= conf->max_kill_timeout - 0.001)
        return true;
    job_signal (job, conf->kill_signal, true);
    e->kill_shell_count++;
    if (conf->max_kill_timeout >= 0.)
        next = fmin (next, conf->max_kill_timeout - elapsed);
    else if (e->kill_shell_count >= conf->max_kill_count)
        return true;
    e->backoff = fmin (e->backoff * 2., BACKOFF_MAX);
    again (e, next);
    return false;
}

static void end_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    struct ending *e = &job->ending;
    const struct execconf *conf = &job->ctx->conf;

    if (e->kill_count < TASK_PHASE - 1) {
        e->kill_count++;
        job_signal (job, conf->kill_signal, false);
        again (e, conf->kill_timeout);
    }
    else if (kill_shells (job, flux_reactor_now (r) - e->t0))
        drain (job);
}

void execjob_end (struct job *job, const char *type)
{
    const struct execconf *conf = &job->ctx->conf;
    struct ending *e = &job->ending;
    bool timeout = !strcmp (type, "timeout");

    job->fatal = true;
    if (e->active)
        return;
    e->active = true;
    e->t0 = flux_reactor_now (job->ctx->r);
    e->backoff = conf->kill_timeout;
    e->w = flux_timer_watcher_create (job->ctx->r, conf->kill_timeout, 0., end_cb, job);
    if (e->w)
        flux_watcher_start (e->w);
    else
        flux_log_error (job->ctx->h, "%s: termination timer", job->idf58);
    e->signum = timeout ? SIGALRM : conf->term_signal;
    job_signal (job, e->signum, false);
    job_check_done (job);
}
