/* subprocess.c - state, callbacks and life of a flux_subprocess_t
 *
 *   INIT ─► RUNNING ◄─► STOPPED          FAILED: could not start, or the
 *              └──────────┴─► EXITED             server was lost
 *                               └─► completion, once all output is read
 *
 * The user may destroy the object in any of its callbacks.  So whoever makes
 * one holds a reference across it, and looks at p->dead before the next.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <flux/core.h>

#include "core/command_private.h"
#include "core/subprocess_private.h"

static void run_due (struct due *d);

flux_subprocess_t *sp_create (flux_reactor_t *r, int flags,
                              const flux_cmd_t *cmd,
                              const flux_subprocess_ops_t *ops)
{
    flux_subprocess_t *p;

    if (!(p = calloc (1, sizeof (*p))))
        return NULL;
    p->refcount = 1;
    p->flags = flags;
    p->rank = -1;
    p->pid = -1;
    p->state = FLUX_SUBPROCESS_INIT;
    list_init (&p->channels);
    due_init (&p->due, run_due);
    if (ops)
        p->ops = *ops;
    if (r) {
        flux_reactor_incref (r);
        p->reactor = r;
    }
    if (cmd && !(p->cmd = flux_cmd_copy (cmd))) {
        sp_decref (p);
        return NULL;
    }
    return p;
}

flux_subprocess_t *sp_incref (flux_subprocess_t *p)
{
    if (p)
        p->refcount++;
    return p;
}

void sp_decref (flux_subprocess_t *p)
{
    if (!p || --p->refcount > 0)
        return;
    int saved_errno = errno;
    aux_clear (&p->aux);
    due_cancel (&p->due);
    if (p->method)
        p->method->free (p);
    list_foreach (&p->channels, n)
        sp_channel_free (list_entry (n, struct sp_channel, node));
    flux_cmd_destroy (p->cmd);
    flux_reactor_decref (p->reactor);
    free (p);
    errno = saved_errno;
}

void flux_subprocess_destroy (flux_subprocess_t *p)
{
    if (!p || p->dead)
        return;
    int saved_errno = errno;
    p->dead = true;
    due_cancel (&p->due);
    if (p->method)
        p->method->quit (p);
    sp_decref (p);
    errno = saved_errno;
}

void sp_log (flux_subprocess_t *p, int level, const char *fmt, ...)
{
    va_list ap;

    if (!p->log_fn)
        return;
    va_start (ap, fmt);
    p->log_fn (p->log_data, __FILE__, __LINE__, __func__, "subprocess",
               level, fmt, ap);
    va_end (ap);
}

static void set_state (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    p->state = state;
    if (p->ops.on_state_change && !p->dead)
        p->ops.on_state_change (p, state);
}

/* Whatever happens to a process is told after RUNNING. */
static void tell_running (flux_subprocess_t *p)
{
    if (p->running_told)
        return;
    p->running_told = true;
    if (p->state == FLUX_SUBPROCESS_RUNNING)
        set_state (p, FLUX_SUBPROCESS_RUNNING);
}

void sp_set_running (flux_subprocess_t *p, pid_t pid)
{
    p->pid = pid;
    p->state = FLUX_SUBPROCESS_RUNNING;
    if (p->ops.on_state_change || p->ops.on_credit)
        sp_kick (p);
    else
        p->running_told = true;
}

void sp_set_stopped (flux_subprocess_t *p, bool stopped)
{
    sp_incref (p);
    tell_running (p);
    if (!stopped && p->state == FLUX_SUBPROCESS_STOPPED)
        p->state = FLUX_SUBPROCESS_RUNNING;
    else if (stopped && p->state == FLUX_SUBPROCESS_RUNNING)
        set_state (p, FLUX_SUBPROCESS_STOPPED);
    sp_decref (p);
}

void sp_set_exited (flux_subprocess_t *p, int status)
{
    sp_incref (p);
    tell_running (p);
    p->status = status;
    set_state (p, FLUX_SUBPROCESS_EXITED);
    sp_check_completed (p);
    sp_decref (p);
}

void sp_set_failed (flux_subprocess_t *p, int errnum, const char *fmt, ...)
{
    va_list ap;

    if (p->state == FLUX_SUBPROCESS_FAILED || p->completed)
        return;
    va_start (ap, fmt);
    (void)vsnprintf (p->fail_error.text, sizeof (p->fail_error.text), fmt, ap);
    va_end (ap);
    p->fail_errno = errnum;
    sp_incref (p);
    set_state (p, FLUX_SUBPROCESS_FAILED);
    sp_decref (p);
}

void sp_check_completed (flux_subprocess_t *p)
{
    if (p->completed
        || p->dead
        || p->state != FLUX_SUBPROCESS_EXITED
        || !sp_channels_done (p))
        return;
    p->completed = true;
    if (p->ops.on_completion) {
        sp_incref (p);
        p->ops.on_completion (p);
        sp_decref (p);
    }
}

void sp_kick (flux_subprocess_t *p)
{
    if (!p->dead)
        (void)due_post (p->reactor, &p->due);
}

static void run_due (struct due *d)
{
    flux_subprocess_t *p = list_entry (d, flux_subprocess_t, due);

    sp_incref (p);
    tell_running (p);
    if (!p->dead)
        sp_channels_run_due (p);
    sp_check_completed (p);
    sp_decref (p);
}

flux_future_t *flux_subprocess_kill (flux_subprocess_t *p, int signum)
{
    if (!p || signum <= 0 || signum >= NSIG) {
        errno = EINVAL;
        return NULL;
    }
    if (!flux_subprocess_active (p)) {
        errno = ESRCH;
        return NULL;
    }
    return p->method->kill (p, signum);
}

bool flux_subprocess_active (flux_subprocess_t *p)
{
    return p && (p->state == FLUX_SUBPROCESS_INIT
                 || p->state == FLUX_SUBPROCESS_RUNNING
                 || p->state == FLUX_SUBPROCESS_STOPPED);
}

flux_subprocess_state_t flux_subprocess_state (flux_subprocess_t *p)
{
    if (!p) {
        errno = EINVAL;
        return (flux_subprocess_state_t)-1;
    }
    return p->state;
}

const char *flux_subprocess_state_string (flux_subprocess_state_t state)
{
    switch (state) {
        case FLUX_SUBPROCESS_INIT:
            return "Init";
        case FLUX_SUBPROCESS_RUNNING:
            return "Running";
        case FLUX_SUBPROCESS_EXITED:
            return "Exited";
        case FLUX_SUBPROCESS_FAILED:
            return "Failed";
        case FLUX_SUBPROCESS_STOPPED:
            return "Stopped";
    }
    return NULL;
}

int flux_subprocess_status (flux_subprocess_t *p)
{
    if (!p || p->state != FLUX_SUBPROCESS_EXITED) {
        errno = EINVAL;
        return -1;
    }
    return p->status;
}

int flux_subprocess_exit_code (flux_subprocess_t *p)
{
    if (flux_subprocess_status (p) < 0)
        return -1;
    if (!WIFEXITED (p->status)) {
        errno = EINVAL;
        return -1;
    }
    return WEXITSTATUS (p->status);
}

int flux_subprocess_signaled (flux_subprocess_t *p)
{
    if (flux_subprocess_status (p) < 0)
        return -1;
    if (!WIFSIGNALED (p->status)) {
        errno = EINVAL;
        return -1;
    }
    return WTERMSIG (p->status);
}

int flux_subprocess_fail_errno (flux_subprocess_t *p)
{
    if (!p || p->state != FLUX_SUBPROCESS_FAILED) {
        errno = EINVAL;
        return -1;
    }
    return p->fail_errno;
}

const char *flux_subprocess_fail_error (flux_subprocess_t *p)
{
    if (!p || p->state != FLUX_SUBPROCESS_FAILED)
        return "no error";
    return p->fail_error.text[0] ? p->fail_error.text
                                 : flux_strerror (p->fail_errno);
}

pid_t flux_subprocess_pid (flux_subprocess_t *p)
{
    if (!p || p->pid < 0) {
        errno = EINVAL;
        return -1;
    }
    return p->pid;
}

int flux_subprocess_rank (flux_subprocess_t *p)
{
    if (!p || !p->h) {
        errno = EINVAL;
        return -1;
    }
    return p->rank;
}

flux_cmd_t *flux_subprocess_get_cmd (flux_subprocess_t *p)
{
    if (!p) {
        errno = EINVAL;
        return NULL;
    }
    return p->cmd;
}

flux_reactor_t *flux_subprocess_get_reactor (flux_subprocess_t *p)
{
    if (!p) {
        errno = EINVAL;
        return NULL;
    }
    return p->reactor;
}

int flux_subprocess_aux_set (flux_subprocess_t *p,
                             const char *name,
                             void *ctx,
                             flux_free_f free_fn)
{
    int rc;

    if (!p) {
        errno = EINVAL;
        return -1;
    }
    if ((rc = aux_set (&p->aux, name, ctx, free_fn)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

void *flux_subprocess_aux_get (flux_subprocess_t *p, const char *name)
{
    return p ? aux_get (p->aux, name) : NULL;
}
