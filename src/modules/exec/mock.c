/* mock.c - jobs that are only simulated (flux-config-exec(5), TESTEXEC)
 *
 * Jobspec attributes.system.exec.test:
 *   run_duration    FSD text or seconds; default: the job's duration, else 0
 *   wait_status     wait status at the end (default 0)
 *   mock_exception  "init": an exception instead of a start; "run": after it
 *   override        true: "job-exec.override" requests say when it starts and
 *                   finishes
 * There is no shell: a timer, and nothing in a namespace.
 *
 * Durations are often shorter than the millisecond that the reactor's timers
 * can tell, so the jobs wait on a heap of their own, with one timerfd for the
 * first.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/heap.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"

struct mock {
    struct job *job;
    double duration;
    int wait_status;
    bool exception_init;
    bool exception_run;
    bool override;
    bool started;
    size_t place;         /* on mocks.heap */
    int64_t end;          /* ns, CLOCK_MONOTONIC */
};

/* Of one job-exec. */
struct mocks {
    struct heap *heap;
    int fd;
    flux_watcher_t *w;
};

#define LONGEST 1e9       /* seconds; what is longer ends when it is killed */

json_t *mock_attr (const json_t *jobspec)
{
    static const char *keys[] = { "attributes", "system", "exec", "test" };
    const json_t *o = jobspec;

    for (size_t i = 0; o && i < 4; i++)
        o = json_object_get (o, keys[i]);
    return (json_t *)o;
}

static double job_duration (const json_t *jobspec)
{
    const json_t *o = json_object_get (jobspec, "attributes");

    o = json_object_get (json_object_get (o, "system"), "duration");
    return json_is_number (o) ? json_number_value (o) : 0.;
}

static int parse_duration (const json_t *o, double *dp)
{
    double d;

    if (!o)
        return 0;
    if (json_is_number (o))
        d = json_number_value (o);
    else if (!json_is_string (o) || duration_parse (json_string_value (o), &d) < 0)
        return -EINVAL;
    if (d < 0. || isnan (d))
        return -EINVAL;
    *dp = d;
    return 0;
}

static int parse_exception (struct mock *m, const char *s)
{
    if (!s)
        return 0;
    if (!strcmp (s, "init") || !strcmp (s, "starting"))
        m->exception_init = true;
    else if (!strcmp (s, "run"))
        m->exception_run = true;
    else
        return -EINVAL;
    return 0;
}

static int mock_parse (struct mock *m, json_t *test, const json_t *jobspec,
                       flux_error_t *err)
{
    json_t *run_duration = NULL, *override = NULL;
    const char *exception = NULL;
    json_error_t jerr;

    if (json_unpack_ex (test, &jerr, 0, "{s?o s?i s?s s?o}",
                        "run_duration", &run_duration,
                        "wait_status", &m->wait_status,
                        "mock_exception", &exception,
                        "override", &override) < 0)
        return errmsg (err, -EINVAL, "exec.test: %s", jerr.text);
    m->override = json_is_true (override) || json_integer_value (override) != 0;
    m->duration = job_duration (jobspec);
    if (parse_duration (run_duration, &m->duration) < 0)
        return errmsg (err, -EINVAL, "exec.test.run_duration: want a duration");
    if (parse_exception (m, exception) < 0)
        return errmsg (err, -EINVAL, "exec.test.mock_exception: want \"init\""
                       " or \"run\"");
    if (m->wait_status < 0 || m->wait_status > 0xffff)
        return errmsg (err, -EINVAL, "exec.test.wait_status: out of range");
    return 0;
}

static int64_t now_ns (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void arm (struct mocks *ms)
{
    struct mock *m = heap_top (ms->heap);
    struct itimerspec its = { 0 };

    if (m) {
        its.it_value.tv_sec = m->end / 1000000000LL;
        its.it_value.tv_nsec = m->end % 1000000000LL;
    }
    (void)timerfd_settime (ms->fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void stop_timer (struct mock *m)
{
    if (m->place != HEAP_NOPLACE)
        heap_remove (m->job->ctx->mocks->heap, m);
}

void mock_free (struct mock *m)
{
    if (m) {
        stop_timer (m);
        free (m);
    }
}

static void finish (struct mock *m, int status)
{
    struct job *job = m->job;
    struct update u = { 0 };

    stop_timer (m);
    if (update_exited (&u, status, job->active) < 0)
        flux_log_error (job->ctx->h, "%s", job->idf58);
    job_update (&u, job);
    update_clear (&u);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct mocks *ms = arg;
    int64_t now = now_ns ();
    struct mock *m;
    uint64_t count;

    (void)!read (ms->fd, &count, sizeof (count));
    while ((m = heap_top (ms->heap)) && m->end <= now)
        finish (m, m->wait_status);
    arm (ms);
}

static int cmp_end (const void *a, const void *b)
{
    int64_t x = ((const struct mock *)a)->end, y = ((const struct mock *)b)->end;

    return x < y ? -1 : x > y;
}

void mocks_free (struct mocks *ms)
{
    if (ms) {
        flux_watcher_destroy (ms->w);
        if (ms->fd >= 0)
            (void)close (ms->fd);
        heap_free (ms->heap);
        free (ms);
    }
}

static struct mocks *mocks_get (struct jobexec *ctx)
{
    struct mocks *ms = ctx->mocks;

    if (ms)
        return ms;
    if (!(ms = calloc (1, sizeof (*ms))))
        return NULL;
    ms->fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (ms->fd < 0
        || !(ms->heap = heap_new (cmp_end, offsetof (struct mock, place)))
        || !(ms->w = flux_fd_watcher_create (ctx->r, ms->fd, FLUX_POLLIN,
                                             timer_cb, ms))) {
        mocks_free (ms);
        return NULL;
    }
    flux_watcher_start (ms->w);
    return ctx->mocks = ms;
}

static int start_timer (struct mock *m)
{
    struct mocks *ms = mocks_get (m->job->ctx);

    if (!ms)
        return -ENOMEM;
    m->end = now_ns () + (int64_t)(m->duration * 1e9);
    if (heap_push (ms->heap, m) < 0)
        return -ENOMEM;
    if (heap_top (ms->heap) == m)
        arm (ms);
    return 0;
}

static int run (struct mock *m)
{
    struct job *job = m->job;
    struct update u = { 0 };

    m->started = true;
    if (update_started (&u, job->ranks) < 0)
        return -ENOMEM;
    job_update (&u, job);
    update_clear (&u);
    if (m->exception_run) {
        job_raise (job, 0, "exec", "mock run exception generated");
        return 0;
    }
    if (m->override || m->duration > LONGEST)
        return 0;
    return start_timer (m);
}

static int check_allowed (struct job *job, flux_error_t *err)
{
    struct jobexec *ctx = job->ctx;

    if (job->userid != ctx->owner && !ctx->conf.testexec_allow_guests)
        return errmsg (err, -EPERM, "guests may not use simulated execution"
                       " (exec.testexec.allow-guests is not set)");
    return 0;
}

int mock_start (struct job *job, const json_t *jobspec, flux_error_t *err)
{
    struct mock *m;
    int rc;

    if ((rc = check_allowed (job, err)) < 0)
        return rc;
    if (!(job->mock = m = calloc (1, sizeof (*m))))
        return errmsg (err, -ENOMEM, "out of memory");
    m->job = job;
    m->place = HEAP_NOPLACE;
    if ((rc = mock_parse (m, mock_attr (jobspec), jobspec, err)) < 0)
        return rc;
    if (!(job->guest = guest_simulate (job->ctx, job->id)))
        return errmsg (err, -errno, "out of memory");
    /* of a short job the events are written together, at the end */
    guest_event_lazy (job->guest, job->reattach ? "reattach" : "init", NULL);
    if (m->exception_init)
        return errmsg (err, -EIO, "mock init exception generated");
    if (m->duration >= 1. || m->override)
        guest_event (job->guest, "starting", NULL);
    else
        guest_event_lazy (job->guest, "starting", NULL);
    if (!m->override && run (m) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

void mock_signal (struct job *job, int signum)
{
    if (signum == SIGTERM || signum == SIGKILL || signum == SIGALRM
        || signum == SIGINT || signum == job->ctx->conf.term_signal
        || signum == job->ctx->conf.kill_signal)
        finish (job->mock, signum);
}

static int override (struct jobexec *ctx, const flux_msg_t *msg, const char **errstr)
{
    struct job *job;
    json_int_t id;
    const char *event;

    if (flux_request_unpack (msg, NULL, "{s:I s:s}", "jobid", &id, "event", &event) < 0)
        return -EPROTO;
    if (!(job = idhash_get (ctx->jobs, id)) || !job->mock || !job->mock->override) {
        *errstr = "no such job that runs with override";
        return -ENOENT;
    }
    if (flux_msg_authorize (msg, job->userid) < 0)
        return -EPERM;
    if (!strcmp (event, "start") && !job->mock->started)
        return run (job->mock);
    if (!strcmp (event, "finish") && job->mock->started) {
        finish (job->mock, job->mock->wait_status);
        return 0;
    }
    *errstr = "event is neither start nor finish, or not possible now";
    return -EINVAL;
}

void mock_override_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    const char *errstr = NULL;
    int rc = override (arg, msg, &errstr);

    if ((rc < 0 ? flux_respond_error (h, msg, -rc, errstr)
                : flux_respond (h, msg, NULL)) < 0)
        FLUX_LOG_ERROR (h);
}
