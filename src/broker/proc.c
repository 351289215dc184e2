/* proc.c - one child process of the broker
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/spawn.h"
#include "broker/proc.h"
#include "core/pidwatch.h"

struct stream {
    struct proc *p;
    int fd;
    bool is_stderr;
    flux_watcher_t *w;
    struct buf line;
};

struct proc {
    pid_t pid;
    int pidfd;
    flux_watcher_t *w;
    bool own_group;
    bool own_terminal;
    proc_exit_f on_exit;
    proc_output_f output;
    void *arg;
    struct stream out;
    struct stream err;
};

/* --- output --- */

static void lines_out (struct stream *s, bool rest)
{
    char *nl;

    while ((nl = memchr (s->line.data, '\n', s->line.len))) {
        size_t used = nl - s->line.data + 1;
        *nl = '\0';
        s->p->output (s->p->arg, s->is_stderr, s->line.data);
        buf_consume (&s->line, used);
    }
    if (rest && s->line.len > 0) {
        s->p->output (s->p->arg, s->is_stderr, s->line.data);
        buf_clear (&s->line);
    }
}

/* 0 at end of file, 1 if there may be more later. */
static int read_some (struct stream *s)
{
    char data[4096];
    ssize_t n;

    while ((n = read (s->fd, data, sizeof (data))) > 0) {
        (void)buf_add (&s->line, data, n);
        lines_out (s, s->line.len > 65536);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_output (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct stream *s = arg;

    if (read_some (s) == 0) {
        lines_out (s, true);
        flux_watcher_stop (w);
    }
}

static int stream_open (struct stream *s, struct proc *p, flux_reactor_t *r,
                        bool is_stderr, int *child_fd)
{
    int fd[2];

    if (pipe2 (fd, O_CLOEXEC) < 0)
        return -errno;
    s->p = p;
    s->fd = fd[0];
    s->is_stderr = is_stderr;
    *child_fd = fd[1];
    if (fcntl (fd[0], F_SETFL, O_NONBLOCK) < 0
        || !(s->w = flux_fd_watcher_create (r, fd[0], FLUX_POLLIN, on_output, s)))
        return -errno;
    flux_watcher_start (s->w);
    return 0;
}

static void stream_close (struct stream *s)
{
    flux_watcher_destroy (s->w);
    if (s->fd >= 0)
        close (s->fd);
    buf_release (&s->line);
}

/* --- exit --- */

static void take_back_terminal (struct proc *p)
{
    sigset_t ttou, old;

    if (!p->own_terminal)
        return;
    sigemptyset (&ttou);
    sigaddset (&ttou, SIGTTOU);
    pthread_sigmask (SIG_BLOCK, &ttou, &old);
    (void)tcsetpgrp (STDIN_FILENO, getpgrp ());
    pthread_sigmask (SIG_SETMASK, &old, NULL);
}

static void on_pidfd (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct proc *p = arg;
    int status;
    pid_t pid = waitpid (p->pid, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    if (pid < 0)
        status = 1 << 8;
    flux_watcher_stop (w);
    take_back_terminal (p);
    if (p->output) {
        (void)read_some (&p->out);
        (void)read_some (&p->err);
        lines_out (&p->out, true);
        lines_out (&p->err, true);
    }
    p->on_exit (p->arg, status);
    proc_free (p);
}

void proc_free (struct proc *p)
{
    if (!p)
        return;
    flux_watcher_destroy (p->w);
    if (p->pidfd >= 0)
        close (p->pidfd);
    stream_close (&p->out);
    stream_close (&p->err);
    free (p);
}

int proc_kill (struct proc *p, int signum)
{
    return kill (p->own_group ? -p->pid : p->pid, signum) < 0 ? -errno : 0;
}

/* --- start --- */

static bool is_program (const char *path)
{
    struct stat sb;

    return stat (path, &sb) == 0 && S_ISREG (sb.st_mode) && access (path, X_OK) == 0;
}

static bool in_path (const char *name, const char *path)
{
    char *file;
    bool found = false;

    while (path && *path && !found) {
        size_t len = strcspn (path, ":");
        if (asprintf (&file, "%.*s/%s", (int)len, path, name) < 0)
            return false;
        found = is_program (file);
        free (file);
        path += len + (path[len] == ':');
    }
    return found;
}

static pid_t spawn (const struct proc_args *args, const struct spawn_fd fds[3],
                    flux_error_t *err)
{
    char *here = NULL;
    struct spawn_args sa = {
        .path = args->argv[0],
        .argv = args->argv,
        .envp = args->envp,
        .fds = fds,
        .nfds = 3,
        .setpgrp = args->setpgrp,
        .ctty_fd = -1,
    };
    pid_t pid;

    if (!strchr (sa.path, '/') && is_program (sa.path)) {
        if (asprintf (&here, "./%s", sa.path) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
        sa.path = here;
    }
    pid = spawn_child (&sa, err);
    free (here);
    return pid;
}

static void give_terminal (struct proc *p)
{
    if (isatty (STDIN_FILENO) && tcgetpgrp (STDIN_FILENO) == getpgrp ()
        && tcsetpgrp (STDIN_FILENO, p->pid) == 0)
        p->own_terminal = true;
}

static int open_streams (struct proc *p, flux_reactor_t *r, const struct proc_args *args,
                         struct spawn_fd fds[3])
{
    int rc;

    for (int i = 0; i < 3; i++)
        fds[i].parent_fd = fds[i].child_fd = i;
    if (!args->output)
        return 0;
    if ((rc = stream_open (&p->out, p, r, false, &fds[1].parent_fd)) < 0
        || (rc = stream_open (&p->err, p, r, true, &fds[2].parent_fd)) < 0)
        return rc;
    return 0;
}

static int watch_exit (struct proc *p, flux_reactor_t *r)
{
    p->w = pidwatch_start (r, p->pid, &p->pidfd, on_pidfd, p);
    return p->w ? 0 : -errno;
}

struct proc *proc_start (flux_reactor_t *r, const struct proc_args *args,
                         flux_error_t *err)
{
    struct proc *p = calloc (1, sizeof (*p));
    struct spawn_fd fds[3];
    int rc;

    if (!p) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    p->pidfd = p->out.fd = p->err.fd = -1;
    p->out.line = p->err.line = (struct buf)BUF_INIT;
    p->on_exit = args->on_exit;
    p->output = args->output;
    p->arg = args->arg;
    p->own_group = args->setpgrp;
    if ((rc = open_streams (p, r, args, fds)) < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    else
        rc = p->pid = spawn (args, fds, err);
    for (int i = 1; i < 3; i++)
        if (fds[i].parent_fd > 2)
            close (fds[i].parent_fd);
    if (rc >= 0 && args->setpgrp && args->foreground)
        give_terminal (p);
    if (rc >= 0 && (rc = watch_exit (p, r)) < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    if (rc < 0) {
        proc_free (p);
        errno = -rc;
        return NULL;
    }
    return p;
}

/* --- words --- */

void free_argv (char **argv)
{
    for (char **p = argv; p && *p; p++)
        free (*p);
    free (argv);
}

static char **copy_argv (int argc, char *const *argv)
{
    char **cpy = calloc (argc + 1, sizeof (*cpy));

    for (int i = 0; cpy && i < argc; i++) {
        if (!(cpy[i] = strdup (argv[i]))) {
            free_argv (cpy);
            return NULL;
        }
    }
    return cpy;
}

char **proc_command_argv (const char *command)
{
    const char *shell = getenv ("SHELL");
    char *argv[] = { (char *)(shell && *shell ? shell : "/bin/sh"), "-c",
                     (char *)command };

    return copy_argv (3, argv);
}

char **proc_shell_argv (int argc, char *const *argv)
{
    struct buf b = BUF_INIT;
    char **res;

    if (argc < 1)
        return NULL;
    if (is_program (argv[0])
        || (!strchr (argv[0], '/') && in_path (argv[0], getenv ("PATH"))))
        return copy_argv (argc, argv);
    for (int i = 0; i < argc; i++)
        (void)buf_addf (&b, "%s%s", i > 0 ? " " : "", argv[i]);
    res = b.failed ? NULL : proc_command_argv (b.data);
    buf_release (&b);
    return res;
}

int proc_exit_code (int status)
{
    if (WIFSIGNALED (status))
        return 128 + WTERMSIG (status);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 1;
}
