/* shell.c - one job shell, a child of this broker
 *
 *   broker                               flux-shell fID
 *     memfd ─────── FLUX_SHELL_INFO_FD ──► job, R, which shell it is
 *     socketpair ── FLUX_SHELL_FD ───────► its connection
 *        └─ connector-local.attach
 *     pipes ◄─────── stdout, stderr ────── what goes wrong early
 *     pidfd ◄────────────────────────────── wait status
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/fluid.h"
#include "base/forkserver.h"
#include "base/spawn.h"
#include "core/builtin.h"
#include "core/iobuf.h"
#include "core/pidwatch.h"
#include "modules/exec/reap.h"
#include "modules/exec/shell.h"

#define LINE_MAX_LEN 4096
#define CHILD_SOCK 3
#define CHILD_INFO 4

struct output {
    struct shell *sh;
    const char *name;
    int fd;
    flux_watcher_t *w;
    struct iobuf buf;
};

struct shell {
    pid_t pid;
    int pidfd;
    bool imp;
    bool adopted;    /* it is no child of this process */
    int status;      /* ... so it says how it will end */
    flux_watcher_t *w;
    struct output out[2];
    const struct shell_ops *ops;
    void *arg;
    bool busy;       /* a callback is being made */
    bool freed;      /* ... in which shell_free() was called */
};

/* What shell_start() makes and the child gets. */
struct wiring {
    int sock[2];     /* the broker's, the child's */
    int info;
    int in;
    int out[2][2];   /* read end, write end */
    struct spawn_fd fds[5];
    int nfds;
};

static void close_fd (int *fd)
{
    if (*fd >= 0) {
        (void)close (*fd);
        *fd = -1;
    }
}

static void shell_destroy (struct shell *sh)
{
    flux_watcher_destroy (sh->w);
    close_fd (&sh->pidfd);
    for (int i = 0; i < 2; i++) {
        flux_watcher_destroy (sh->out[i].w);
        close_fd (&sh->out[i].fd);
        iobuf_release (&sh->out[i].buf);
    }
    free (sh);
}

void shell_free (struct shell *sh)
{
    if (!sh)
        return;
    if (sh->busy)
        sh->freed = true;
    else
        shell_destroy (sh);
}

/* Output */

static void deliver (struct output *o, bool all)
{
    struct shell *sh = o->sh;
    size_t n;

    while (!sh->freed && iobuf_len (&o->buf) > 0) {
        if ((n = iobuf_line (&o->buf)) == 0) {
            if (!all && iobuf_space (&o->buf) > 0)
                break;
            n = iobuf_len (&o->buf);
        }
        const char *s = iobuf_take (&o->buf, n);
        size_t len = s[n - 1] == '\n' ? n - 1 : n;
        sh->ops->output (sh, o->name, s, len, sh->arg);
    }
}

/* False at the end of the stream, or when there is no more for now. */
static bool read_some (struct output *o, bool *eof)
{
    char buf[LINE_MAX_LEN];
    size_t space = iobuf_space (&o->buf);
    ssize_t n = read (o->fd, buf, space < sizeof (buf) ? space : sizeof (buf));

    if (n > 0 && iobuf_add (&o->buf, buf, n) == 0) {
        deliver (o, false);
        return true;
    }
    if (n >= 0 || (errno != EAGAIN && errno != EINTR))
        *eof = true;
    return false;
}

static void output_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct output *o = arg;
    struct shell *sh = o->sh;
    bool eof = false;

    sh->busy = true;
    (void)read_some (o, &eof);
    if (eof && !sh->freed) {
        flux_watcher_stop (w);
        deliver (o, true);
    }
    sh->busy = false;
    if (sh->freed)
        shell_destroy (sh);
}

/* The shell has ended: read what it left, but do not wait for the end of the
 * stream, which a daemon that it started may hold open. */
static void drain (struct output *o)
{
    bool eof = false;

    while (!o->sh->freed && read_some (o, &eof))
        ;
    deliver (o, true);
}

/* True if it has ended. */
static bool take_status (struct shell *sh, int *status)
{
    pid_t rc;

    if (sh->adopted) {
        *status = sh->status;
        return sh->pidfd >= 0 || kill (sh->pid, 0) < 0;
    }
    do {
        rc = waitpid (sh->pid, status, WNOHANG);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        *status = 1 << 8; /* somebody else has taken it */
    return rc != 0;
}

static void exited_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct shell *sh = arg;
    int status = 0;

    if (!take_status (sh, &status))
        return;
    sh->busy = true;
    flux_watcher_stop (w);
    for (int i = 0; i < 2; i++) {
        if (sh->out[i].fd >= 0)
            drain (&sh->out[i]);
    }
    sh->pid = -1;
    if (!sh->freed)
        sh->ops->exited (sh, status, sh->arg);
    sh->busy = false;
    if (sh->freed)
        shell_destroy (sh);
}

/* Start */

/* A memfd with the text, positioned at its start. */
static int text_fd (const char *name, const char *a, size_t alen, const char *b,
                    size_t blen, const char *c, size_t clen)
{
    struct iovec {
        const char *s;
        size_t len;
    } part[3] = { { a, alen }, { b, blen }, { c, clen } };
    int fd = memfd_create (name, MFD_CLOEXEC);

    for (int i = 0; fd >= 0 && i < 3; i++) {
        while (part[i].len > 0) {
            ssize_t n = write (fd, part[i].s, part[i].len);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0) {
                close_fd (&fd);
                break;
            }
            part[i].s += n;
            part[i].len -= n;
        }
    }
    if (fd >= 0 && lseek (fd, 0, SEEK_SET) < 0)
        close_fd (&fd);
    return fd;
}

static void wiring_init (struct wiring *wi)
{
    memset (wi, 0, sizeof (*wi));
    wi->sock[0] = wi->sock[1] = wi->info = wi->in = -1;
    for (int i = 0; i < 2; i++)
        wi->out[i][0] = wi->out[i][1] = -1;
}

static void wiring_close (struct wiring *wi)
{
    close_fd (&wi->sock[0]);
    close_fd (&wi->sock[1]);
    close_fd (&wi->info);
    close_fd (&wi->in);
    for (int i = 0; i < 2; i++) {
        close_fd (&wi->out[i][0]);
        close_fd (&wi->out[i][1]);
    }
}

static void wiring_add (struct wiring *wi, int fd, int child_fd)
{
    wi->fds[wi->nfds++] = (struct spawn_fd){ .parent_fd = fd, .child_fd = child_fd };
}

static int wire_output (struct wiring *wi, int i)
{
    if (pipe2 (wi->out[i], O_CLOEXEC) < 0
        || fcntl (wi->out[i][0], F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    wiring_add (wi, wi->out[i][1], 1 + i);
    return 0;
}

/* J is base64 and periods: it needs no escaping in JSON. */
static int wire_imp (struct wiring *wi, const char *J)
{
    wi->in = text_fd ("imp-input", "{\"J\":\"", 6, J, strlen (J), "\"}", 2);
    return wi->in < 0 ? -errno : 0;
}

static int wire_direct (struct wiring *wi, const struct shell_args *args)
{
    if ((wi->in = open ("/dev/null", O_RDONLY | O_CLOEXEC)) < 0
        || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wi->sock) < 0
        || (wi->info = text_fd ("shell-info", args->info, args->info_len,
                                NULL, 0, NULL, 0)) < 0)
        return -errno;
    wiring_add (wi, wi->sock[1], CHILD_SOCK);
    wiring_add (wi, wi->info, CHILD_INFO);
    return 0;
}

static int wire (struct wiring *wi, const struct shell_args *args)
{
    int rc;

    if ((rc = args->imp ? wire_imp (wi, args->J) : wire_direct (wi, args)) < 0)
        return rc;
    wiring_add (wi, wi->in, 0);
    for (int i = 0; i < 2; i++) {
        if ((rc = wire_output (wi, i)) < 0)
            return rc;
    }
    return 0;
}

static void attach_cb (flux_future_t *f, void *arg)
{
    int fd = (int)(intptr_t)arg;

    if (flux_future_get (f, NULL) < 0) {
        flux_log (flux_future_get_flux (f), 3, "connector-local.attach: %s",
                  flux_strerror (errno));
        (void)close (fd); /* the shell sees that its connection is lost */
    }
    flux_future_destroy (f);
}

/* The broker takes over its end of the socket. */
static int attach (flux_t *h, int *fd)
{
    flux_future_t *f;

    f = flux_rpc_pack (h, "connector-local.attach", FLUX_NODEID_ANY, 0,
                       "{s:i}", "fd", *fd);
    if (!f || flux_future_then (f, -1., attach_cb, (void *)(intptr_t)*fd) < 0) {
        flux_future_destroy (f);
        return -errno;
    }
    *fd = -1;
    return 0;
}

/* FLUX_JOB_ID_PATH=/f1/f2/.../fID: where the job is in the tree of instances. */
static char *path_of_job (const struct shell_args *args)
{
    const char *outer = flux_attr_get (args->h, "jobid-path");
    char jobid[32], *s;

    if (!outer || strcmp (outer, "/") == 0)
        outer = "";
    if (fluid_encode (args->id, FLUID_F58, jobid, sizeof (jobid)) < 0
        || asprintf (&s, "FLUX_JOB_ID_PATH=%s/%s", outer, jobid) < 0)
        return NULL;
    return s;
}

/* The tag of the job, after those of the jobs that this broker is inside of. */
static char *tag_of_job (const struct shell_args *args)
{
    const char *outer = getenv (REAP_ENV);
    char *s;

    if (asprintf (&s, REAP_ENV "=%s%s%s", outer ? outer : "", outer ? " " : "",
                  args->tag) < 0)
        return NULL;
    return s;
}

/* Broker attributes that the shell would otherwise have to ask for. */
static const struct {
    const char *env;
    const char *attr;
} settings[] = {
    { "FLUX_SHELL_INITRC", "conf.shell_initrc" },
    { "FLUX_SHELL_PLUGINPATH", "conf.shell_pluginpath" },
    { "FLUX_SHELL_INTERFACE_HINT", "tbon.interface-hint" },
};

enum { SETTINGS = sizeof (settings) / sizeof (settings[0]) };

/* Each that has a value, for free(): their number. */
static size_t make_settings (const struct shell_args *args, char *out[SETTINGS])
{
    size_t n = 0;

    for (size_t i = 0; i < SETTINGS; i++) {
        const char *val = builtin_attr (args->h, settings[i].attr);
        if (val && asprintf (&out[n], "%s=%s", settings[i].env, val) >= 0)
            n++;
    }
    return n;
}

static void free_strings (char **v, size_t n)
{
    while (n > 0)
        free (v[--n]);
}

static pid_t spawn (const struct shell_args *args, struct wiring *wi,
                    flux_error_t *err)
{
    char jobid[32], ns[64], sockenv[] = "FLUX_SHELL_FD=3", reconnect[48];
    char *argv[5], **envp, *path, *tag;
    char *set[SETTINGS];
    size_t nset = args->imp ? 0 : make_settings (args, set);
    size_t nenv = 0, n = 0;
    struct spawn_args sa = { .argv = argv, .fds = wi->fds, .nfds = wi->nfds,
                             .setpgrp = true, .ctty_fd = -1 };
    pid_t pid;

    if (fluid_encode (args->id, FLUID_F58_PLAIN, jobid, sizeof (jobid)) < 0)
        return errmsg (err, -EINVAL, "bad job id");
    while (args->env[nenv])
        nenv++;
    path = path_of_job (args);
    tag = tag_of_job (args);
    if (!path || !tag || !(envp = malloc ((nenv + 7 + SETTINGS) * sizeof (envp[0])))) {
        free (path);
        free (tag);
        free_strings (set, nset);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    memcpy (envp, args->env, nenv * sizeof (envp[0]));
    char **added = envp + nenv; /* what is this job's */
    (void)snprintf (ns, sizeof (ns), "FLUX_KVS_NAMESPACE=%s", args->ns);
    envp[nenv++] = ns;
    envp[nenv++] = path;
    envp[nenv++] = tag;
    if (args->imp) {
        argv[n++] = (char *)args->imp;
        argv[n++] = "exec";
    }
    else {
        envp[nenv++] = sockenv;
        envp[nenv++] = "FLUX_SHELL_INFO_FD=4";
        if (args->reconnect > 0.) {
            (void)snprintf (reconnect, sizeof (reconnect), "FLUX_SHELL_RECONNECT=%g",
                            args->reconnect);
            envp[nenv++] = reconnect;
        }
        for (size_t i = 0; i < nset; i++)
            envp[nenv++] = set[i];
    }
    envp[nenv] = NULL;
    argv[n++] = (char *)args->path;
    argv[n++] = jobid;
    argv[n] = NULL;
    sa.path = argv[0];
    sa.envp = envp;
    pid = -EAGAIN;
    if (args->fs && !args->imp)
        pid = forkserver_spawn (args->fs, jobid, added, wi->fds, wi->nfds, err);
    if (pid == -EAGAIN)
        pid = spawn_child (&sa, err);
    free (path);
    free (tag);
    free_strings (set, nset);
    free (envp);
    return pid;
}

static int watch (struct shell *sh, flux_reactor_t *r)
{
    if (!(sh->w = pidwatch_start (r, sh->pid, &sh->pidfd, exited_cb, sh)))
        return -errno;
    for (int i = 0; i < 2; i++) {
        struct output *o = &sh->out[i];
        if (!(o->w = flux_fd_watcher_create (r, o->fd, FLUX_POLLIN, output_cb, o)))
            return -errno;
        flux_watcher_start (o->w);
    }
    return 0;
}

static struct shell *shell_new (struct wiring *wi, const struct shell_ops *ops,
                                void *arg)
{
    struct shell *sh = calloc (1, sizeof (*sh));

    if (!sh)
        return NULL;
    sh->pid = sh->pidfd = -1;
    sh->ops = ops;
    sh->arg = arg;
    for (int i = 0; i < 2; i++) {
        sh->out[i].sh = sh;
        sh->out[i].name = i == 0 ? "stdout" : "stderr";
        sh->out[i].fd = wi->out[i][0];
        wi->out[i][0] = -1;
        iobuf_init (&sh->out[i].buf, LINE_MAX_LEN);
    }
    return sh;
}

struct shell *shell_start (const struct shell_args *args,
                           const struct shell_ops *ops, void *arg,
                           flux_error_t *err)
{
    struct wiring wi;
    struct shell *sh = NULL;
    int rc;

    wiring_init (&wi);
    if ((rc = wire (&wi, args)) < 0) {
        errmsg (err, rc, "%s", strerror (-rc));
        goto error;
    }
    if (!(sh = shell_new (&wi, ops, arg))) {
        rc = errmsg (err, -ENOMEM, "out of memory");
        goto error;
    }
    sh->imp = args->imp != NULL;
    if ((rc = spawn (args, &wi, err)) < 0)
        goto error;
    sh->pid = rc;
    if ((rc = watch (sh, flux_get_reactor (args->h))) < 0
        || (!args->imp && (rc = attach (args->h, &wi.sock[0])) < 0)) {
        (void)kill (-sh->pid, SIGKILL);
        (void)waitpid (sh->pid, NULL, 0);
        errmsg (err, rc, "%s", strerror (-rc));
        goto error;
    }
    wiring_close (&wi);
    return sh;
error:
    wiring_close (&wi);
    shell_free (sh);
    errno = -rc;
    return NULL;
}

pid_t shell_pid (const struct shell *sh)
{
    return sh->pid;
}

struct shell *shell_adopt (flux_reactor_t *r, pid_t pid, const char *tag,
                           const struct shell_ops *ops, void *arg)
{
    struct wiring wi;
    struct shell *sh;
    int errnum;

    wiring_init (&wi);
    if (!(sh = shell_new (&wi, ops, arg)))
        return NULL;
    sh->pid = pid;
    sh->adopted = true;
    sh->status = SIGKILL;       /* unless it says otherwise */
    if (!(sh->w = pidwatch_start (r, pid, &sh->pidfd, exited_cb, sh))
        || !reap_is_tagged (pid, tag)) {
        errnum = sh->w ? ESRCH : errno;
        shell_free (sh);
        errno = errnum;
        return NULL;
    }
    return sh;
}

void shell_set_status (struct shell *sh, int status)
{
    sh->status = status;
}

static int do_kill (pid_t pid, int signum)
{
    return kill (pid, signum) < 0 ? -errno : 0;
}

int shell_signal (struct shell *sh, int signum)
{
    return sh->pid > 0 ? do_kill (sh->pid, signum) : -ESRCH;
}

/* The IMP is privileged: it takes SIGUSR1 for SIGKILL, and kills its job. */
int shell_kill (struct shell *sh, int signum)
{
    if (sh->pid <= 0)
        return -ESRCH;
    if (sh->imp)
        return do_kill (sh->pid, signum == SIGKILL ? SIGUSR1 : signum);
    return do_kill (-sh->pid, signum);
}
