/* subprocess_fork.c - start a child by fork(2), for hooks
 *
 *   parent                         child
 *   fork                           own process group, descriptors, directory
 *   post_fork hook                 waits for "go"
 *   go ───────────────────────────►pre_exec hook
 *   reads "failed" until EOF ◄─────exec (closes it), or writes errno
 *
 * So post_fork is done before the program runs, and a failure of exec is
 * reported by the call that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/spawn.h"
#include "core/command_private.h"
#include "core/subprocess_private.h"

struct failure {
    int errnum;
    int what;  /* enum step */
};

enum step { STEP_FD, STEP_CWD, STEP_EXEC };

static void reset_signals (void)
{
    struct sigaction sa = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        (void)sigaction (i, &sa, NULL);
    sigemptyset (&none);
    (void)sigprocmask (SIG_SETMASK, &none, NULL);
}

/* Sources are first moved above every target, so that none is overwritten. */
static int move_fds (const struct spawn_args *args)
{
    int high = 3, fd[args->nfds > 0 ? args->nfds : 1];

    for (int i = 0; i < args->nfds; i++) {
        if (args->fds[i].child_fd >= high)
            high = args->fds[i].child_fd + 1;
    }
    for (int i = 0; i < args->nfds; i++) {
        fd[i] = fcntl (args->fds[i].parent_fd, F_DUPFD_CLOEXEC, high);
        if (fd[i] < 0)
            return -1;
    }
    for (int i = 0; i < args->nfds; i++) {
        if (dup2 (fd[i], args->fds[i].child_fd) < 0)
            return -1;
        (void)close (fd[i]);
    }
    return 0;
}

static void child_fail (int fd, enum step what)
{
    struct failure f = { .errnum = errno, .what = what };

    while (write (fd, &f, sizeof (f)) < 0 && errno == EINTR)
        ;
    _exit (127);
}

static void child_main (flux_subprocess_t *p, const struct spawn_args *args,
                        int go, int failed)
{
    char c;

    if (args->setsid)
        (void)setsid ();
    else if (args->setpgrp)
        (void)setpgid (0, 0);
    reset_signals ();
    while (read (go, &c, 1) < 0 && errno == EINTR)
        ;
    if (args->cwd && chdir (args->cwd) < 0)
        child_fail (failed, STEP_CWD);
    /* the pipe is close-on-exec, but must not be in the way of a target */
    if ((failed = fcntl (failed, F_DUPFD_CLOEXEC, args->nfds + 64)) < 0)
        _exit (127);
    if (move_fds (args) < 0)
        child_fail (failed, STEP_FD);
    if (args->setsid && args->ctty_fd >= 0 && ioctl (args->ctty_fd, TIOCSCTTY, 0) < 0)
        child_fail (failed, STEP_FD);
    if (p->hooks.pre_exec)
        p->hooks.pre_exec (p, p->hooks.pre_exec_arg);
    environ = cmd_env (p->cmd);
    (void)execvp (flux_cmd_arg (p->cmd, 0), cmd_argv (p->cmd));
    child_fail (failed, STEP_EXEC);
}

static int explain (const struct failure *f, const struct spawn_args *args,
                    flux_error_t *err)
{
    switch (f->what) {
        case STEP_CWD:
            return errmsg (err, -f->errnum, "cannot change directory to %s: %s",
                           args->cwd, strerror (f->errnum));
        case STEP_FD:
            return errmsg (err, -f->errnum, "cannot set up descriptors: %s",
                           strerror (f->errnum));
        default:
            return errmsg (err, -f->errnum, "cannot execute %s: %s",
                           args->path, strerror (f->errnum));
    }
}

static int parent_main (flux_subprocess_t *p, const struct spawn_args *args,
                        int go, int failed, flux_error_t *err)
{
    struct failure f;
    ssize_t n;

    if (args->setpgrp && !args->setsid)
        (void)setpgid (p->pid, p->pid); /* whoever comes first */
    if (p->hooks.post_fork)
        p->hooks.post_fork (p, p->hooks.post_fork_arg);
    (void)close (go);  /* EOF is the go */
    do {
        n = read (failed, &f, sizeof (f));
    } while (n < 0 && errno == EINTR);
    if (n != sizeof (f))
        return 0;
    (void)waitpid (p->pid, NULL, 0);
    p->pid = -1;
    return explain (&f, args, err);
}

pid_t sp_fork_child (flux_subprocess_t *p, const struct spawn_args *args,
                     flux_error_t *err)
{
    int go[2], failed[2];
    int rc = 0;

    if (pipe2 (go, O_CLOEXEC) < 0)
        return errmsg (err, -errno, "pipe: %s", strerror (errno));
    if (pipe2 (failed, O_CLOEXEC) < 0) {
        rc = errmsg (err, -errno, "pipe: %s", strerror (errno));
        (void)close (go[0]);
        (void)close (go[1]);
        return rc;
    }
    if ((p->pid = fork ()) == 0) {
        (void)close (go[1]);
        child_main (p, args, go[0], failed[1]);
    }
    if (p->pid < 0)
        rc = errmsg (err, -errno, "fork: %s", strerror (errno));
    (void)close (go[0]);
    (void)close (failed[1]);
    if (p->pid > 0)
        rc = parent_main (p, args, go[1], failed[0], err);
    else
        (void)close (go[1]);
    (void)close (failed[0]);
    return rc < 0 ? rc : p->pid;
}
