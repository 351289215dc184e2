/* spawn.c - start a child process without copying the parent
 *
 * The child is a clone that shares our memory and runs, on a stack of its own,
 * while the calling thread is suspended, until it has called exec.  It must
 * therefore touch nothing but its arguments: no malloc, no stdio, no locks.
 * All that needs memory is prepared by the parent.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"

#define STACK_SIZE (64 * 1024)

enum stage {
    STAGE_START,
    STAGE_SESSION,
    STAGE_AFFINITY,
    STAGE_CWD,
    STAGE_FD,
    STAGE_CTTY,
    STAGE_EXEC,
};

/* What the child works from, and how it reports what failed */
struct plan {
    const struct spawn_args *args;
    char *const *argv;
    char *const *envp;
    char **paths;      /* to try, NULL terminated */
    char **sh_argv;    /* for a script without "#!": [1] is set by the child */
    int *tmp_fds;      /* one for each of args->fds */
    enum stage stage;
    int error;
    int index;         /* STAGE_FD: which */
};

extern char **environ;

#ifdef __SANITIZE_THREAD__
/* The thread sanitizer takes clone() for a fork() of its runtime, which this is
 * not; it does not know clone()'s other name. */
int __clone (int (*fn) (void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* ---- in the child ---- */

static int child_session (const struct spawn_args *args)
{
    if (args->setsid && setsid () < 0)
        return -1;
    if (args->setpgrp && !args->setsid && setpgid (0, 0) < 0)
        return -1;
    return 0;
}

/* First out of the way of one another, then each to its number.  dup2() is the kernel's
 * own: a sanitizer's notes the descriptor in memory, which is the parent's too. */
static int child_fds (struct plan *p)
{
    const struct spawn_args *args = p->args;
    int above = STDERR_FILENO + 1;

    for (int i = 0; i < args->nfds; i++)
        if (args->fds[i].child_fd >= above)
            above = args->fds[i].child_fd + 1;
    for (p->index = 0; p->index < args->nfds; p->index++) {
        int fd = args->fds[p->index].parent_fd;
        p->tmp_fds[p->index] = fcntl (fd, F_DUPFD_CLOEXEC, above);
        if (p->tmp_fds[p->index] < 0)
            return -1;
    }
    for (p->index = 0; p->index < args->nfds; p->index++)
        if (syscall (SYS_dup3, p->tmp_fds[p->index], args->fds[p->index].child_fd, 0) < 0)
            return -1;
    return 0;
}

/* Make all descriptors above 2 that are not in args->fds close on exec.  A
 * kernel that cannot leaves it to their own flags. */
static void child_close_others (const struct spawn_args *args)
{
    unsigned int from = STDERR_FILENO + 1;

    for (;;) {
        unsigned int next = UINT_MAX; /* lowest child_fd from there on */
        for (int i = 0; i < args->nfds; i++) {
            unsigned int fd = (unsigned int)args->fds[i].child_fd;
            if (fd >= from && fd < next)
                next = fd;
        }
        unsigned int to = next == UINT_MAX ? UINT_MAX : next - 1;
        if (next > from)
            syscall (SYS_close_range, from, to, CLOSE_RANGE_CLOEXEC);
        if (next == UINT_MAX)
            return;
        from = next + 1;
    }
}

/* The call of the kernel itself: that of a library (a sanitizer's) may note the
 * change in memory, which is the parent's too. */
static void child_signals (void)
{
    static const unsigned long dfl[16];   /* its struct sigaction, all zero: SIG_DFL */
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            (void)syscall (SYS_rt_sigaction, sig, dfl, NULL, 8);
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
}

/* As execvpe() does: the first that can be run, or else the error that says
 * most. */
static void child_exec (struct plan *p)
{
    int error = ENOENT;

    for (char **path = p->paths; *path; path++) {
        execve (*path, p->argv, p->envp);
        if (errno == ENOEXEC) {
            p->sh_argv[1] = *path;
            execve (p->sh_argv[0], p->sh_argv, p->envp);
        }
        if (errno == EACCES)
            error = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE) {
            error = errno;
            break;
        }
    }
    errno = error;
}

static int child_main (void *arg)
{
    struct plan *p = arg;
    const struct spawn_args *args = p->args;

    p->stage = STAGE_SESSION;
    if (child_session (args) < 0)
        goto error;
    p->stage = STAGE_AFFINITY;
    if (args->affinity
        && sched_setaffinity (0, args->affinity_size, args->affinity) < 0)
        goto error;
    p->stage = STAGE_CWD;
    if (args->cwd && chdir (args->cwd) < 0)
        goto error;
    p->stage = STAGE_FD;
    if (child_fds (p) < 0)
        goto error;
    p->stage = STAGE_CTTY;
    if (args->setsid && args->ctty_fd >= 0
        && ioctl (args->ctty_fd, TIOCSCTTY, 0) < 0)
        goto error;
    child_close_others (args);
    child_signals ();
    p->stage = STAGE_EXEC;
    child_exec (p);
error:
    p->error = errno;
    return 127; /* clone() makes it the exit status */
}

/* ---- in the parent ---- */

static const char *path_of (char *const *envp)
{
    for (; *envp; envp++)
        if (strncmp (*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return "/bin:/usr/bin";
}

/* All places to look for a program: one block, pointers first. */
static char **find_paths (const char *name, char *const *envp)
{
    const char *dirs = strchr (name, '/') || *name == '\0' ? NULL
                                                           : path_of (envp);
    size_t n = 1;
    size_t len = strlen (name);
    size_t text = len + 1;

    if (dirs) {
        for (const char *p = dirs; *p; p++)
            n += *p == ':';
        text = strlen (dirs) + n * (len + 3);
    }
    char **paths = malloc ((n + 1) * sizeof (char *) + text);
    if (!paths)
        return NULL;
    char *out = (char *)(paths + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t dlen = dirs ? strcspn (dirs, ":") : 0;
        paths[i] = out;
        if (dlen > 0) {
            memcpy (out, dirs, dlen);
            out += dlen;
            *out++ = '/';
        }
        else if (dirs) { /* an empty entry is the current directory */
            *out++ = '.';
            *out++ = '/';
        }
        memcpy (out, name, len + 1);
        out += len + 1;
        if (dirs)
            dirs += dlen + (dirs[dlen] == ':');
    }
    paths[n] = NULL;
    return paths;
}

static int prepare (struct plan *p, char *const *argv, const char *const *deflt)
{
    size_t argc = 0;

    p->argv = argv ? argv : (char *const *)deflt;
    p->envp = p->args->envp ? p->args->envp : environ;
    while (p->argv[argc])
        argc++;
    p->paths = find_paths (p->args->path, p->envp);
    p->sh_argv = calloc (argc + 3, sizeof (char *));
    p->tmp_fds = calloc ((size_t)p->args->nfds + 1, sizeof (int));
    if (!p->paths || !p->sh_argv || !p->tmp_fds)
        return -ENOMEM;
    p->sh_argv[0] = (char *)"/bin/sh";
    for (size_t i = 1; i < argc; i++)
        p->sh_argv[i + 1] = p->argv[i];
    return 0;
}

static void release (struct plan *p)
{
    free (p->paths);
    free (p->sh_argv);
    free (p->tmp_fds);
}

/* With all signals blocked, so that none of our handlers runs in the child. */
static pid_t start (struct plan *p)
{
    char *stack = malloc (STACK_SIZE);
    sigset_t all, old;
    pid_t pid;

    if (!stack)
        return -ENOMEM;
    uintptr_t top = ((uintptr_t)stack + STACK_SIZE) & ~(uintptr_t)15;
    sigfillset (&all);
    pthread_sigmask (SIG_BLOCK, &all, &old);
    pid = clone (child_main, (void *)top, CLONE_VM | CLONE_VFORK | SIGCHLD, p);
    if (pid < 0)
        pid = -errno;
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    free (stack);
    return pid;
}

/* The interpreter that a script names in its first line.  false if it is no script. */
static bool get_interpreter (const struct spawn_args *args, char *buf, size_t size)
{
    int dir = args->cwd ? open (args->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
    int fd = strchr (args->path, '/') ? openat (dir, args->path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read (fd, buf, size - 1) : -1;

    if (fd >= 0)
        close (fd);
    if (dir >= 0)
        close (dir);
    if (n < 2 || buf[0] != '#' || buf[1] != '!')
        return false;
    buf[n] = '\0';
    n = 2 + strspn (buf + 2, " \t");
    memmove (buf, buf + n, strlen (buf + n) + 1);
    buf[strcspn (buf, " \t\n")] = '\0';
    return true;
}

/* ENOENT of a script is mostly about its first line. */
static int report_exec (const struct plan *p, flux_error_t *err)
{
    char interp[128];
    size_t n;

    if (p->error != ENOENT || !get_interpreter (p->args, interp, sizeof (interp)))
        return errmsg (err, -p->error, "cannot execute '%s': %s", p->args->path,
                       strerror (p->error));
    n = strlen (interp);
    if (n > 0 && interp[n - 1] == '\r')
        return errmsg (err, -p->error, "cannot execute '%s': its first line ends with a carriage"
                       " return", p->args->path);
    return errmsg (err, -p->error, "cannot execute '%s': there is no interpreter '%s'",
                   p->args->path, interp);
}

static int report (const struct plan *p, flux_error_t *err)
{
    const struct spawn_args *args = p->args;
    const char *why = strerror (p->error);

    switch (p->stage) {
        case STAGE_CWD:
            return errmsg (err, -p->error, "cannot change directory to '%s': %s",
                           args->cwd, why);
        case STAGE_FD:
            return errmsg (err, -p->error,
                           "cannot pass descriptor %d as %d: %s",
                           args->fds[p->index].parent_fd,
                           args->fds[p->index].child_fd, why);
        case STAGE_SESSION:
            return errmsg (err, -p->error, "cannot start a session: %s", why);
        case STAGE_AFFINITY:
            return errmsg (err, -p->error, "cannot set the CPU affinity: %s",
                           why);
        case STAGE_CTTY:
            return errmsg (err, -p->error,
                           "cannot make descriptor %d the terminal: %s",
                           args->ctty_fd, why);
        default:
            return report_exec (p, err);
    }
}

static int check (const struct spawn_args *args, flux_error_t *err)
{
    if (!args || !args->path || args->nfds < 0 || (args->nfds > 0 && !args->fds))
        return errmsg (err, -EINVAL, "cannot start a process: invalid argument");
    for (int i = 0; i < args->nfds; i++) {
        if (args->fds[i].child_fd < 0 || args->fds[i].parent_fd < 0)
            return errmsg (err, -EBADF, "cannot pass descriptor %d as %d: %s",
                           args->fds[i].parent_fd, args->fds[i].child_fd,
                           strerror (EBADF));
    }
    return 0;
}

pid_t spawn_child (const struct spawn_args *args, flux_error_t *err)
{
    struct plan p = {.args = args};
    pid_t pid;
    int rc;

    if ((rc = check (args, err)) < 0)
        return rc;
    const char *deflt[] = {args->path, NULL};
    if ((rc = prepare (&p, args->argv, deflt)) < 0) {
        release (&p);
        return errmsg (err, rc, "cannot start '%s': out of memory", args->path);
    }
    if ((pid = start (&p)) < 0)
        pid = errmsg (err, pid, "cannot start '%s': %s", args->path,
                      strerror (-pid));
    else if (p.error != 0) {
        while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
            ;
        pid = report (&p, err);
    }
    release (&p);
    return pid;
}
