/* life_signal.c - signals, a shutdown that is asked for, and what cannot go on
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "broker/life_private.h"

#define SAME_SIGNAL 0.3       /* one to us and one to our group are one */
#define RC1_PATIENCE 1.0      /* how long start-up may go on after a signal */

/* While the initial program runs, it is told first, and its end is what takes
 * the broker out of run state. */
static void begin_shutdown (struct life *l)
{
    if (statemachine_get (l->sm) == RUNLEVEL_RUN && l->proc) {
        proc_kill (l->proc, l->shutdown_asked ? SIGKILL : SIGHUP);
        proc_kill (l->proc, SIGCONT);
    }
    else
        statemachine_post (l->sm, "shutdown");
    l->shutdown_asked = true;
}

void life_shutdown (struct life *l)
{
    l->final_code = lifelimits_exit_code (l->args.attrs, "broker.exit-norestart");
    begin_shutdown (l);
}

/* The first signal ends what the state is about, in good order. */
static void end_state (struct life *l, int signum)
{
    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_INIT:
        if (l->proc)
            proc_kill (l->proc, signum);
        else
            life_arm (l->timeout, RC1_PATIENCE, 0);
        begin_shutdown (l);
        break;
    case RUNLEVEL_CLEANUP:
        if (l->proc)
            proc_kill (l->proc, signum);
        life_arm (l->timeout, l->limits.cleanup_timeout, 0);
        break;
    case RUNLEVEL_FINALIZE:
        if (l->proc)
            proc_kill (l->proc, signum);
        break;
    case RUNLEVEL_GOODBYE:
        statemachine_post (l->sm, "goodbye");
        break;
    default:
        begin_shutdown (l);
    }
    l->goodbye_forced = true;
}

/* Each further one ends it by force. */
static void force_state (struct life *l)
{
    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_INIT:
        if (l->proc)
            proc_kill (l->proc, SIGKILL);
        else
            statemachine_post (l->sm, "rc1-fail");
        break;
    case RUNLEVEL_CLEANUP:
        life_stop_cleanup (l);
        break;
    case RUNLEVEL_SHUTDOWN:
        statemachine_post (l->sm, "children-timeout");
        break;
    case RUNLEVEL_FINALIZE:
        if (l->proc)
            proc_kill (l->proc, SIGKILL);
        else
            life_give_up_modules (l);
        break;
    case RUNLEVEL_GOODBYE:
        statemachine_post (l->sm, "goodbye");
        break;
    default:
        begin_shutdown (l);
    }
}

/* The exit code of a program that is not going to run must not be 0. */
static void note_no_program (struct life *l, int signum)
{
    if (l->args.rank == 0 && statemachine_get (l->sm) < RUNLEVEL_RUN && l->exit_code == 0
        && !attrs_get (l->args.attrs, "broker.rc2_none", NULL))
        l->exit_code = 128 + signum;
}

void life_signal (struct life *l, int signum)
{
    flux_reactor_t *r = flux_get_reactor (l->args.h);

    broker_logf (l->args.log, LOG_INFO, "signal %d (%s)", signum, strsignal (signum));
    flux_reactor_now_update (r);
    if (l->signals > 0 && flux_reactor_now (r) - l->signal_time < SAME_SIGNAL)
        return;
    l->signal_time = flux_reactor_now (r);
    note_no_program (l, signum);
    if (l->signals++ == 0)
        end_state (l, signum);
    else
        force_state (l);
}

static void forwarded (flux_future_t *f, void *arg)
{
    struct life *l = arg;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS)
        broker_logf (l->args.log, LOG_ERR, "a signal was not passed on to jobs: %s",
                     future_strerror (f, errno));
    flux_future_destroy (f);
}

void life_forward_signal (struct life *l, int signum)
{
    flux_future_t *f;

    if (l->args.rank > 0 || statemachine_get (l->sm) != RUNLEVEL_RUN)
        return;
    broker_logf (l->args.log, LOG_INFO, "signal %d (%s): to all jobs", signum, strsignal (signum));
    f = flux_rpc_pack (l->args.h, "job-manager.killall", 0, 0, "{s:b s:i s:i}", "dry_run", 0,
                       "userid", -1, "signum", signum);
    if (!f || flux_future_then (f, -1., forwarded, l) < 0) {
        broker_logf (l->args.log, LOG_ERR, "a signal was not passed on to jobs: %s",
                     flux_strerror (errno));
        flux_future_destroy (f);
    }
}

void life_panic (struct life *l, const char *text)
{
    broker_logf (l->args.log, LOG_CRIT, "%s", text);
    if (l->exit_code == 0)
        l->exit_code = 1;
    if (l->proc && statemachine_get (l->sm) == RUNLEVEL_RUN)
        begin_shutdown (l);
    else
        statemachine_post (l->sm, "panic");
}
