/* forkserver.c - start copies of a program that is ready to run
 */
#include "base/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errmsg.h"

#define ENV_NAME "FLUX_FORKSERVER_FD"
#define ENV_SETTING ENV_NAME "=3"
#define SOCK_FD 3
#define ROOM_NAME "FLUX_FORKSERVER_ROOM"
#define ROOM_SIZE 2048
#define REQUEST_MAX (ROOM_SIZE + 256)
#define REPLY_MSEC 5000
/* argv[1] of the server: as long as any argument, which takes its place.  Likewise
 * settings of the environment go where the server has the variable ROOM_NAME.  So
 * /proc/PID/cmdline and environ say of a copy what they say of any process. */
#define TITLE "waiting-for-jobs                "

/* In front of a request's strings: arg, and settings of the environment. */
struct head {
    int32_t nfds;
    int32_t child_fd[FORKSERVER_FDS];
};

struct forkserver {
    const char *path;
    char *const *envp;
    pid_t pid;
    int sock;
    bool ready;
    unsigned int calls;   /* since the server was started, or could not be */
};

/* Descriptors sent along with a message */
union control {
    char buf[CMSG_SPACE (sizeof (int) * FORKSERVER_FDS)];
    struct cmsghdr align;
};

/* ---- client ---- */

struct forkserver *forkserver_new (const char *path, char *const *envp)
{
    struct forkserver *fs = calloc (1, sizeof (*fs));

    if (fs) {
        fs->path = path;
        fs->envp = envp;
        fs->pid = -1;
        fs->sock = -1;
    }
    return fs;
}

static void stop (struct forkserver *fs)
{
    if (fs->sock >= 0)
        (void)close (fs->sock);
    fs->sock = -1;
    fs->ready = false;
    if (fs->pid > 0) {
        (void)kill (fs->pid, SIGKILL);
        while (waitpid (fs->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    fs->pid = -1;
}

void forkserver_free (struct forkserver *fs)
{
    if (fs) {
        stop (fs);
        free (fs);
    }
}

const char *forkserver_path (const struct forkserver *fs)
{
    return fs->path;
}

static void start (struct forkserver *fs)
{
    char *argv[] = { (char *)fs->path, (char *)TITLE, NULL };
    struct spawn_fd fd = { .child_fd = SOCK_FD };
    struct spawn_args args = { .path = fs->path, .argv = argv, .fds = &fd, .nfds = 1,
                               .setpgrp = true, .ctty_fd = -1 };
    size_t n = 0;
    int sock[2];

    while (fs->envp[n])
        n++;
    char **envp = calloc (n + 4, sizeof (envp[0]));
    char room[ROOM_SIZE + 1];
    if (!envp)
        return;
    memset (room, 'x', ROOM_SIZE);
    memcpy (room, ROOM_NAME "=", strlen (ROOM_NAME "="));
    room[ROOM_SIZE] = '\0';
    memcpy (envp, fs->envp, n * sizeof (envp[0]));
    envp[n++] = room;
    envp[n++] = (char *)ENV_SETTING;
    envp[n] = (char *)"LD_BIND_NOW=1"; /* once, not in each copy */
    args.envp = envp;
    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) == 0) {
        fd.parent_fd = sock[1];
        fs->pid = spawn_child (&args, NULL);
        (void)close (sock[1]);
        fs->sock = sock[0];
        if (fs->pid < 0)
            stop (fs);
    }
    free (envp);
}

/* True if the server has said that it is waiting. */
static bool is_ready (struct forkserver *fs)
{
    char c;

    if (fs->ready || fs->sock < 0)
        return fs->ready;
    ssize_t n = recv (fs->sock, &c, 1, MSG_DONTWAIT);
    if (n == 1)
        fs->ready = true;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        stop (fs);
    return fs->ready;
}

static bool add (char *buf, size_t *len, const char *s)
{
    size_t n = strlen (s) + 1;

    if (n > REQUEST_MAX - *len)
        return false;
    memcpy (buf + *len, s, n);
    *len += n;
    return true;
}

/* The request's length, or 0 if it has no room. */
static size_t encode (char *buf, const char *arg, char *const *env,
                      const struct spawn_fd *fds, int nfds)
{
    struct head head = { .nfds = nfds };
    size_t len = sizeof (head);

    if (nfds < 1 || nfds > FORKSERVER_FDS || strlen (arg) >= sizeof (TITLE))
        return 0;
    for (int i = 0; i < nfds; i++)
        head.child_fd[i] = fds[i].child_fd;
    memcpy (buf, &head, sizeof (head));
    if (!add (buf, &len, arg))
        return 0;
    size_t start = len;
    for (; *env; env++)
        if (!add (buf, &len, *env) || len - start > ROOM_SIZE)
            return 0;
    return len;
}

static int send_request (int sock, char *buf, size_t len, const struct spawn_fd *fds,
                         int nfds)
{
    struct iovec iov = { .iov_base = buf, .iov_len = len };
    union control control;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
                          .msg_controllen = CMSG_SPACE (sizeof (int) * nfds) };
    struct cmsghdr *c;
    ssize_t n;

    memset (&control, 0, sizeof (control));
    c = CMSG_FIRSTHDR (&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN (sizeof (int) * nfds);
    for (int i = 0; i < nfds; i++)
        memcpy (CMSG_DATA (c) + i * sizeof (int), &fds[i].parent_fd, sizeof (int));
    do {
        n = sendmsg (sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* The pid, or a negative errno.  The server answers as soon as it has forked, so
 * this takes no longer than to fork here; unless somebody has stopped it. */
static int get_reply (int sock)
{
    struct pollfd pfd = { .fd = sock, .events = POLLIN };
    int32_t pid;
    int rc;

    do {
        rc = poll (&pfd, 1, REPLY_MSEC);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return -ETIMEDOUT;
    if (rc < 0 || recv (sock, &pid, sizeof (pid), 0) != sizeof (pid))
        return -EPIPE;
    return pid;
}

pid_t forkserver_spawn (struct forkserver *fs, const char *arg, char *const *env,
                        const struct spawn_fd *fds, int nfds, flux_error_t *err)
{
    char buf[REQUEST_MAX];
    size_t len;
    int rc;

    if (++fs->calls == 2)
        start (fs);
    if (!is_ready (fs) || (len = encode (buf, arg, env, fds, nfds)) == 0)
        return -EAGAIN;
    if ((rc = send_request (fs->sock, buf, len, fds, nfds)) < 0) {
        stop (fs); /* it has been killed: the next call starts another */
        fs->calls = 1;
        return -EAGAIN;
    }
    rc = get_reply (fs->sock);
    if (rc == -ETIMEDOUT || rc == -EPIPE) {
        stop (fs);
        fs->calls = 1;
        return errmsg (err, rc, "the fork server of '%s' does not answer: %s", fs->path,
                       strerror (-rc));
    }
    if (rc < 0) { /* this system cannot do it */
        stop (fs);
        return -EAGAIN;
    }
    (void)setpgid (rc, rc); /* as the copy does: whoever is first */
    return rc;
}

/* ---- server ---- */

struct request {
    char buf[REQUEST_MAX];
    size_t len;
    int fds[FORKSERVER_FDS];
    int nfds;
};

static void close_fds (struct request *q)
{
    for (int i = 0; i < q->nfds; i++)
        (void)close (q->fds[i]);
    q->nfds = 0;
}

/* False at the end, or if what comes is not a request. */
static bool receive (struct request *q)
{
    struct iovec iov = { .iov_base = q->buf, .iov_len = sizeof (q->buf) };
    union control control;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
                          .msg_controllen = sizeof (control.buf) };
    struct head head;
    struct cmsghdr *c;
    ssize_t n;

    do {
        n = recvmsg (SOCK_FD, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    c = n > 0 ? CMSG_FIRSTHDR (&msg) : NULL;
    if (!c || c->cmsg_type != SCM_RIGHTS || n <= sizeof (head) || q->buf[n - 1] != '\0')
        return false;
    q->len = n;
    q->nfds = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
    memcpy (q->fds, CMSG_DATA (c), q->nfds * sizeof (int));
    memcpy (&head, q->buf, sizeof (head));
    return head.nfds == q->nfds;
}

/* First out of the way of one another, then each to its number. */
static bool place_fds (struct request *q)
{
    struct head head;
    int above = SOCK_FD + 1;

    memcpy (&head, q->buf, sizeof (head));
    for (int i = 0; i < q->nfds; i++)
        if (head.child_fd[i] >= above)
            above = head.child_fd[i] + 1;
    for (int i = 0; i < q->nfds; i++) {
        if (q->fds[i] >= above)
            continue;
        int fd = fcntl (q->fds[i], F_DUPFD_CLOEXEC, above);
        if (fd < 0)
            return false;
        (void)close (q->fds[i]);
        q->fds[i] = fd;
    }
    for (int i = 0; i < q->nfds; i++)
        if (dup2 (q->fds[i], head.child_fd[i]) < 0)
            return false;
    return true;
}

/* Settings, from s to end, become part of the environment. */
static bool set_env (char *room, const char *s, const char *end)
{
    size_t len = end - s;

    if (len > ROOM_SIZE)
        return false;
    memset (room, 0, ROOM_SIZE);
    memcpy (room, s, len);
    for (char *p = room; p < room + len; p += strlen (p) + 1)
        if (putenv (p) != 0)
            return false;
    return true;
}

static bool set_up_copy (struct request *q, char **argv, char *room)
{
    const char *s = q->buf + sizeof (struct head);
    const char *end = q->buf + q->len;

    (void)setpgid (0, 0);
    (void)close (SOCK_FD);
    if (!place_fds (q) || strlen (s) >= sizeof (TITLE))
        return false;
    close_fds (q);
    memset (argv[1], 0, sizeof (TITLE));
    memcpy (argv[1], s, strlen (s));
    return set_env (room, s + strlen (s) + 1, end);
}

/* What fork() does, but for the parent: that is our own.  The C library keeps the
 * thread's id where 'tid' points; the kernel puts the new one there. */
static pid_t copy (int *tid)
{
    struct clone_args args = {
        .flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
        .child_tid = (uintptr_t)tid,
    };
    long rc = syscall (SYS_clone3, &args, sizeof (args));

    return rc < 0 ? -errno : rc;
}

bool forkserver_wanted (void)
{
    return getenv (ROOM_NAME) && getenv (ENV_NAME);
}

void forkserver_serve (int argc, char **argv)
{
    char *room = getenv (ROOM_NAME);
    struct request q;
    int *tid = NULL;
    void *robust = NULL;
    size_t robust_len = 0;

    if (!room || !getenv (ENV_NAME) || argc != 2 || strcmp (argv[1], TITLE) != 0)
        return;
    room -= strlen (ROOM_NAME "=");
    if (strlen (room) != ROOM_SIZE)
        return;
    unsetenv (ROOM_NAME);
    unsetenv (ENV_NAME);
    unsetenv ("LD_BIND_NOW");
    if (prctl (PR_GET_TID_ADDRESS, &tid) < 0 || !tid || *tid != getpid ()
        || fcntl (SOCK_FD, F_SETFD, FD_CLOEXEC) < 0
        || send (SOCK_FD, "", 1, MSG_NOSIGNAL) != 1)
        _exit (1);
    (void)syscall (SYS_get_robust_list, 0, &robust, &robust_len);
    while (receive (&q)) {
        int32_t pid = copy (tid);
        if (pid == 0) {
            if (robust)
                (void)syscall (SYS_set_robust_list, robust, robust_len);
            if (!set_up_copy (&q, argv, room))
                _exit (127);
            return;
        }
        close_fds (&q);
        if (send (SOCK_FD, &pid, sizeof (pid), MSG_NOSIGNAL) < 0)
            break;
    }
    _exit (0);
}
