/* subprocess_local.c - a child of this process
 *
 * Output and standard input are pipes (a program may open /dev/stdout again,
 * which it cannot do with a socket), auxiliary channels are socketpairs.  The
 * child's end is waited for by a pidfd, so nothing here needs SIGCHLD, except
 * to hear of children that stop.
 *
 * A process that the user has destroyed before it ended becomes an orphan: it
 * goes on, and is reaped when it ends, without keeping the reactor alive.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/spawn.h"
#include "core/command_private.h"
#include "core/pidwatch.h"
#include "core/subprocess_private.h"

#define READ_CHUNK 32768

struct local {
    int pidfd;
    flux_watcher_t *pid_w;
    struct sp_stopwatch *stop_w;
    struct sp_msgchan **msgchans;
    size_t nmsgchans;
};

struct orphan {
    struct list_node node;
    pid_t pid;
    int pidfd;
    flux_watcher_t *w;
};

/* Those of this thread: the program may end before they do. */
static __thread struct list_node orphans;

/* Descriptors for the child: what it gets, and what we close once it has it. */
struct fdplan {
    struct spawn_fd *fds;
    int *mine;        /* parent_fd to close after the start, or -1 */
    int count;
    int next;         /* next free number in the child */
};

static void close_fd (int *fd)
{
    if (*fd >= 0) {
        (void)close (*fd);
        *fd = -1;
    }
}

/* Input */

/* Write without SIGPIPE, which a pipe has no flag for. */
static ssize_t write_nosig (int fd, const char *buf, size_t len)
{
    static const struct timespec zero;
    struct sigaction sa;
    sigset_t pipeset, old;
    ssize_t n;

    n = send (fd, buf, len, MSG_NOSIGNAL);
    if (n >= 0 || errno != ENOTSOCK)
        return n;
    if (sigaction (SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
        return write (fd, buf, len);
    sigemptyset (&pipeset);
    sigaddset (&pipeset, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &pipeset, &old);
    n = write (fd, buf, len);
    if (n < 0 && errno == EPIPE) {
        if (!sigismember (&old, SIGPIPE))
            (void)sigtimedwait (&pipeset, NULL, &zero);
        errno = EPIPE;
    }
    int saved_errno = errno;
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    errno = saved_errno;
    return n;
}

static void input_finish (struct sp_channel *ch)
{
    ch->closed = true;
    flux_watcher_destroy (ch->in_w);
    ch->in_w = NULL;
    iobuf_release (&ch->in);
    if (ch->aux && !ch->eof)
        (void)shutdown (ch->fd, SHUT_WR);
    else
        close_fd (&ch->fd);
}

/* Bytes written now, or a negative errno (not EAGAIN). */
static ssize_t input_try (struct sp_channel *ch, const char *buf, size_t len)
{
    ssize_t n;

    do {
        n = write_nosig (ch->fd, buf, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    return n;
}

static void input_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sp_channel *ch = arg;
    ssize_t n = input_try (ch, iobuf_peek (&ch->in), iobuf_len (&ch->in));

    if (n < 0) {
        input_finish (ch); /* nobody reads it any more */
        return;
    }
    iobuf_consume (&ch->in, n);
    sp_channel_credit (ch, n);
    if (iobuf_len (&ch->in) == 0) {
        flux_watcher_stop (w);
        if (ch->closing)
            input_finish (ch);
    }
}

static int local_write (flux_subprocess_t *p, struct sp_channel *ch,
                        const char *buf, size_t len)
{
    ssize_t n = 0;
    int rc;

    if (len > iobuf_space (&ch->in))
        return -ENOSPC;
    if (iobuf_len (&ch->in) == 0
        && (n = input_try (ch, buf, len)) < 0) {
        input_finish (ch);
        return n;
    }
    if ((size_t)n < len) {
        if (!ch->in_w
            && !(ch->in_w = flux_fd_watcher_create (p->reactor, ch->fd,
                                                    FLUX_POLLOUT, input_cb, ch)))
            return -errno;
        if ((rc = iobuf_add (&ch->in, buf + n, len - n)) < 0)
            return rc;
        flux_watcher_start (ch->in_w);
    }
    sp_channel_credit (ch, n);
    return 0;
}

static int local_close (flux_subprocess_t *p, struct sp_channel *ch)
{
    ch->closing = true;
    if (iobuf_len (&ch->in) == 0)
        input_finish (ch);
    return 0;
}

/* Output */

static void output_eof (struct sp_channel *ch)
{
    ch->eof = true;
    flux_watcher_destroy (ch->out_w);
    ch->out_w = NULL;
    if (!ch->aux || ch->closed)
        close_fd (&ch->fd);
    sp_channel_deliver (ch);
}

static void output_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sp_channel *ch = arg;
    flux_subprocess_t *p = sp_incref (ch->p);
    char buf[READ_CHUNK];
    size_t space = iobuf_space (&ch->out);
    ssize_t n;

    n = read (ch->fd, buf, space < sizeof (buf) ? space : sizeof (buf));
    if (n > 0) {
        if (iobuf_add (&ch->out, buf, n) < 0)
            sp_log (p, LOG_ERR, "%s: out of memory, output is lost", ch->name);
        sp_channel_deliver (ch);
        if (!p->dead && iobuf_space (&ch->out) == 0) {
            ch->paused = true;
            p->method->flow (ch);
        }
    }
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        output_eof (ch);
    sp_decref (p);
}

static void local_flow (struct sp_channel *ch)
{
    if (!ch->out_w)
        return;
    if (ch->stopped || ch->paused)
        flux_watcher_stop (ch->out_w);
    else
        flux_watcher_start (ch->out_w);
}

static int output_start (flux_subprocess_t *p)
{
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (ch->output_f) {
            ch->out_w = flux_fd_watcher_create (p->reactor, ch->fd,
                                                FLUX_POLLIN, output_cb, ch);
            if (!ch->out_w)
                return -errno;
            local_flow (ch);
        }
        if (ch->writable)
            sp_channel_credit (ch, (int)ch->in.max);
    }
    return 0;
}

/* State */

static void exited_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_subprocess_t *p = arg;
    struct local *l = p->impl;
    struct sp_channel *ch;
    int status;
    pid_t rc;

    do {
        rc = waitpid (p->pid, &status, WNOHANG);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return;
    flux_watcher_destroy (l->pid_w);
    l->pid_w = NULL;
    close_fd (&l->pidfd);
    if ((ch = sp_channel_find (p, "stdin")) && !ch->closed)
        input_finish (ch);
    if (rc < 0)
        sp_set_failed (p, errno, "waitpid: %s", strerror (errno));
    else
        sp_set_exited (p, status);
}

/* Children that are stopped, without taking their exit status. */
static void stopped_cb (void *arg)
{
    flux_subprocess_t *p = arg;
    siginfo_t si = { 0 };

    if (!flux_subprocess_active (p)
        || p->pid < 0
        || waitid (P_PID, p->pid, &si, WSTOPPED | WCONTINUED | WNOHANG) < 0
        || si.si_pid != p->pid)
        return;
    sp_set_stopped (p, si.si_code != CLD_CONTINUED);
}

static flux_future_t *local_kill (flux_subprocess_t *p, int signum)
{
    bool group = !(p->flags & FLUX_SUBPROCESS_FLAGS_NO_SETPGRP);
    flux_future_t *f;

    if (!(f = flux_future_create (NULL, NULL)))
        return NULL;
    flux_future_set_reactor (f, p->reactor);
    if (kill (group ? -p->pid : p->pid, signum) < 0)
        flux_future_fulfill_error (f, errno, NULL);
    else
        flux_future_fulfill (f, NULL, NULL);
    return f;
}

static void orphan_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct orphan *o = arg;

    if (waitpid (o->pid, NULL, WNOHANG) == 0)
        return;
    list_del (&o->node);
    flux_watcher_destroy (o->w);
    close_fd (&o->pidfd);
    free (o);
}

static void make_orphan (flux_subprocess_t *p, struct local *l)
{
    struct orphan *o;

    if (!(o = calloc (1, sizeof (*o))))
        return;
    list_init (&o->node);
    o->pid = p->pid;
    if (!(o->w = pidwatch_start (p->reactor, o->pid, &o->pidfd, orphan_cb, o))) {
        free (o);
        return;
    }
    flux_watcher_unref (o->w);
    if (!orphans.next)
        list_init (&orphans);
    list_append (&orphans, &o->node);
}

static void local_quit (flux_subprocess_t *p)
{
    struct local *l = p->impl;

    if (l->pid_w) {
        flux_watcher_destroy (l->pid_w);
        l->pid_w = NULL;
        make_orphan (p, l);
    }
    close_fd (&l->pidfd);
    sp_stopwatch_free (l->stop_w);
    l->stop_w = NULL;
    for (size_t i = 0; i < l->nmsgchans; i++)
        sp_msgchan_free (l->msgchans[i]);
    l->nmsgchans = 0;
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        flux_watcher_destroy (ch->out_w);
        flux_watcher_destroy (ch->in_w);
        ch->out_w = ch->in_w = NULL;
        close_fd (&ch->fd);
    }
}

static void local_free (flux_subprocess_t *p)
{
    struct local *l = p->impl;

    local_quit (p);
    free (l->msgchans);
    free (l);
}

static const struct sp_method local_method = {
    .write = local_write,
    .close = local_close,
    .kill = local_kill,
    .flow = local_flow,
    .quit = local_quit,
    .free = local_free,
};

/* Start */

static int plan_init (struct fdplan *plan, flux_subprocess_t *p)
{
    size_t n = 3;

    while (cmd_channel (p->cmd, n - 3))
        n++;
    for (size_t i = 0; cmd_msgchan (p->cmd, i, NULL); i++)
        n++;
    plan->fds = calloc (n, sizeof (plan->fds[0]));
    plan->mine = calloc (n, sizeof (plan->mine[0]));
    plan->count = 0;
    plan->next = 3;
    return plan->fds && plan->mine ? 0 : -ENOMEM;
}

static void plan_release (struct fdplan *plan)
{
    for (int i = 0; i < plan->count; i++)
        close_fd (&plan->mine[i]);
    free (plan->fds);
    free (plan->mine);
}

static void plan_add (struct fdplan *plan, int fd, int child_fd, bool mine)
{
    plan->fds[plan->count] = (struct spawn_fd){ .parent_fd = fd,
                                                .child_fd = child_fd };
    plan->mine[plan->count++] = mine ? fd : -1;
}

static int set_nonblock (int fd)
{
    int on = 1;

    return ioctl (fd, FIONBIO, &on) < 0 ? -errno : 0;
}

/* Pipe for a standard stream, or /dev/null if there is no channel for it. */
static int plan_stdio (flux_subprocess_t *p, struct fdplan *plan,
                       const char *name, int child_fd)
{
    struct sp_channel *ch = sp_channel_find (p, name);
    int ours = child_fd == 0 ? 1 : 0;
    int fd[2];

    if (p->stdio.fd[child_fd] >= 0) {
        plan_add (plan, p->stdio.fd[child_fd], child_fd, false);
        return 0;
    }
    if (!ch) {
        if ((fd[0] = open ("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
            return -errno;
        plan_add (plan, fd[0], child_fd, true);
        return 0;
    }
    if (pipe2 (fd, O_CLOEXEC) < 0)
        return -errno;
    ch->fd = fd[ours];
    plan_add (plan, fd[1 - ours], child_fd, true);
    return set_nonblock (ch->fd);
}

static int plan_aux (flux_subprocess_t *p, struct fdplan *plan,
                     struct sp_channel *ch)
{
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -errno;
    ch->fd = fd[0];
    if (flux_cmd_setenvf (p->cmd, 1, ch->name, "%d", plan->next) < 0) {
        (void)close (fd[1]);
        return -errno;
    }
    plan_add (plan, fd[1], plan->next++, true);
    return set_nonblock (ch->fd);
}

static int plan_msgchans (flux_subprocess_t *p, struct fdplan *plan,
                          flux_error_t *err)
{
    struct local *l = p->impl;
    const char *name, *uri;
    size_t n = 0;
    int fd;

    while (cmd_msgchan (p->cmd, n, NULL))
        n++;
    if (n > 0 && !(l->msgchans = calloc (n, sizeof (l->msgchans[0]))))
        return -ENOMEM;
    for (size_t i = 0; (name = cmd_msgchan (p->cmd, i, &uri)); i++) {
        if (!(l->msgchans[i] = sp_msgchan_new (p->reactor, uri, &fd, err)))
            return -errno;
        l->nmsgchans = i + 1;
        plan_add (plan, fd, plan->next, true);
        if (flux_cmd_setenvf (p->cmd, 1, name, "fd://%d", plan->next++) < 0)
            return -errno;
    }
    return 0;
}

/* Inherited streams: those that are open. */
static void plan_fallthrough (struct fdplan *plan)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl (fd, F_GETFD) >= 0)
            plan_add (plan, fd, fd, false);
    }
}

static int plan_make (flux_subprocess_t *p, struct fdplan *plan, flux_error_t *err)
{
    int rc;

    if ((rc = plan_init (plan, p)) < 0)
        return rc;
    if ((p->flags & FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH))
        plan_fallthrough (plan);
    else if ((rc = plan_stdio (p, plan, "stdin", 0)) < 0
             || (rc = plan_stdio (p, plan, "stdout", 1)) < 0
             || (rc = plan_stdio (p, plan, "stderr", 2)) < 0)
        return errmsg (err, rc, "pipe: %s", strerror (-rc));
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (ch->aux && (rc = plan_aux (p, plan, ch)) < 0)
            return errmsg (err, rc, "channel %s: %s", ch->name, strerror (-rc));
    }
    return plan_msgchans (p, plan, err);
}

static pid_t launch (flux_subprocess_t *p, flux_error_t *err)
{
    struct fdplan plan = { 0 };
    struct spawn_args args = { 0 };
    pid_t pid;

    if ((pid = plan_make (p, &plan, err)) == 0) {
        args.path = flux_cmd_arg (p->cmd, 0);
        args.argv = cmd_argv (p->cmd);
        args.envp = cmd_env (p->cmd);
        args.cwd = flux_cmd_getcwd (p->cmd);
        args.fds = plan.fds;
        args.nfds = plan.count;
        args.setpgrp = !(p->flags & FLUX_SUBPROCESS_FLAGS_NO_SETPGRP);
        args.setsid = p->stdio.terminal;
        args.ctty_fd = p->stdio.terminal ? 1 : -1;
        if ((p->flags & FLUX_SUBPROCESS_FLAGS_FORK_EXEC)
            || p->hooks.pre_exec || p->hooks.post_fork)
            pid = sp_fork_child (p, &args, err);
        else
            pid = spawn_child (&args, err);
    }
    plan_release (&plan);
    return pid;
}

static int watch_exit (flux_subprocess_t *p)
{
    struct local *l = p->impl;

    l->pid_w = pidwatch_start (p->reactor, p->pid, &l->pidfd, exited_cb, p);
    return l->pid_w ? 0 : -errno;
}

static int local_start (flux_subprocess_t *p, flux_error_t *err)
{
    bool stdio = !(p->flags & FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH);
    struct local *l = p->impl;
    pid_t pid;
    int rc;

    const int *fd = p->stdio.fd;

    if ((rc = sp_channels_create (p, stdio && fd[0] < 0 && !(p->flags & SP_FLAG_STDIN_NULL),
                                  stdio && fd[1] < 0 && p->ops.on_stdout,
                                  stdio && fd[2] < 0 && p->ops.on_stderr)) < 0)
        return errmsg (err, rc, "%s", strerror (-rc));
    /* before the start: it may stop at once.  NULL if that cannot be heard of. */
    if (!(p->flags & SP_FLAG_NO_STOPPED))
        l->stop_w = sp_stopwatch_new (p->reactor, stopped_cb, p);
    if ((pid = launch (p, err)) < 0)
        return pid;
    sp_set_running (p, pid);
    if ((rc = watch_exit (p)) < 0 || (rc = output_start (p)) < 0) {
        (void)kill (pid, SIGKILL);
        (void)waitpid (pid, NULL, 0);
        return errmsg (err, rc, "watching the process: %s", strerror (-rc));
    }
    return 0;
}

flux_subprocess_t *sp_local_exec (flux_reactor_t *r, int flags, const flux_cmd_t *cmd,
                                  const flux_subprocess_ops_t *ops,
                                  const flux_subprocess_hooks_t *hooks,
                                  const struct sp_stdio *stdio,
                                  subprocess_log_f log_fn, void *log_data)
{
    const int valid = FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH
                      | FLUX_SUBPROCESS_FLAGS_NO_SETPGRP
                      | FLUX_SUBPROCESS_FLAGS_FORK_EXEC
                      | FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF
                      | SP_FLAG_STDIN_NULL | SP_FLAG_NO_STOPPED;
    flux_subprocess_t *p;
    flux_error_t err = { "" };
    int rc;

    if (!r || !cmd || flux_cmd_argc (cmd) == 0 || (flags & ~valid)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(p = sp_create (r, flags, cmd, ops)))
        return NULL;
    p->log_fn = log_fn;
    p->log_data = log_data;
    p->stdio = *stdio;
    if (hooks)
        p->hooks = *hooks;
    if (!(p->impl = calloc (1, sizeof (struct local)))) {
        sp_decref (p);
        errno = ENOMEM;
        return NULL;
    }
    ((struct local *)p->impl)->pidfd = -1;
    p->method = &local_method;
    if ((rc = local_start (p, &err)) < 0) {
        sp_log (p, LOG_DEBUG, "%s", err.text);
        p->dead = true;
        if (((struct local *)p->impl)->pid_w) { /* reaped by local_start */
            flux_watcher_destroy (((struct local *)p->impl)->pid_w);
            ((struct local *)p->impl)->pid_w = NULL;
        }
        sp_decref (p);
        errno = -rc;
        return NULL;
    }
    return p;
}

flux_subprocess_t *flux_local_exec_ex (flux_reactor_t *r,
                                       int flags,
                                       const flux_cmd_t *cmd,
                                       const flux_subprocess_ops_t *ops,
                                       const flux_subprocess_hooks_t *hooks,
                                       subprocess_log_f log_fn,
                                       void *log_data)
{
    static const struct sp_stdio usual = SP_STDIO_INIT;

    return sp_local_exec (r, flags, cmd, ops, hooks, &usual, log_fn, log_data);
}

flux_subprocess_t *flux_local_exec (flux_reactor_t *r,
                                    int flags,
                                    const flux_cmd_t *cmd,
                                    const flux_subprocess_ops_t *ops)
{
    return flux_local_exec_ex (r, flags, cmd, ops, NULL, NULL, NULL);
}
