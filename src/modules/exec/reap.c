/* reap.c - the end of processes whose parent cannot end them any more
 *
 *   scan /proc ─► tagged: pidfd, SIGKILL ─► all pidfds readable ─► scan again
 *        └─ none: done
 *
 * The pidfd is opened before the environment is read, so that a pid which is
 * used again cannot be killed by mistake.  A second scan finds what was forked
 * during the first.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "modules/exec/reap.h"

#define RESCAN_SECONDS 0.02   /* where there are no pidfds */
#define SHELL_NAME "flux-shell"
#define ENV_MAX (4 << 20)

struct victim {
    struct list_node node;
    struct reap *rp;
    int pidfd;
    flux_watcher_t *w;
};

struct reap {
    flux_reactor_t *r;
    char *tag;
    reap_f fn;
    void *arg;
    int killed;
    struct list_node victims;
    flux_watcher_t *timer;
};

void reap_tag (char *buf, size_t size, const char *cookie, uint64_t id)
{
    (void)snprintf (buf, size, "%s/%" PRIu64, cookie, id);
}

static void victim_free (struct victim *v)
{
    list_del (&v->node);
    flux_watcher_destroy (v->w);
    if (v->pidfd >= 0)
        (void)close (v->pidfd);
    free (v);
}

void reap_free (struct reap *rp)
{
    if (!rp)
        return;
    int saved_errno = errno;
    list_foreach (&rp->victims, n)
        victim_free (list_entry (n, struct victim, node));
    flux_watcher_destroy (rp->timer);
    free (rp->tag);
    free (rp);
    errno = saved_errno;
}

static void scan_soon (struct reap *rp, double seconds)
{
    flux_timer_watcher_reset (rp->timer, seconds, 0.);
    flux_watcher_start (rp->timer);
}

/* Is 'tag' one of the words of s? */
static bool has_word (const char *s, const char *tag)
{
    size_t len = strlen (tag);

    for (const char *p = s; (p = strstr (p, tag)); p += len) {
        if ((p == s || p[-1] == ' ') && (p[len] == '\0' || p[len] == ' '))
            return true;
    }
    return false;
}

static bool env_has_tag (const struct buf *env, const char *tag)
{
    const size_t n = strlen (REAP_ENV "=");
    size_t pos = 0;

    while (pos < env->len) {
        const char *s = env->data + pos;   /* ends with a null, or the buffer's */
        if (!strncmp (s, REAP_ENV "=", n))
            return has_word (s + n, tag);
        pos += strlen (s) + 1;
    }
    return false;
}

/* False also for what has ended, or belongs to somebody else. */
static bool is_tagged (const char *pid, const char *tag)
{
    char path[64], chunk[16384];
    struct buf env = BUF_INIT;
    ssize_t n = -1;
    bool yes;
    int fd;

    (void)snprintf (path, sizeof (path), "/proc/%s/environ", pid);
    if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    while (env.len < ENV_MAX && (n = read (fd, chunk, sizeof (chunk))) > 0) {
        if (buf_add (&env, chunk, n) < 0)
            break;
    }
    (void)close (fd);
    yes = env_has_tag (&env, tag);
    buf_release (&env);
    return yes;
}

bool reap_is_tagged (pid_t pid, const char *tag)
{
    char name[24];

    (void)snprintf (name, sizeof (name), "%d", (int)pid);
    return is_tagged (name, tag);
}

static bool is_shell (const char *pid)
{
    char path[300], comm[16] = "";
    int fd;

    (void)snprintf (path, sizeof (path), "/proc/%s/comm", pid);
    if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    (void)!read (fd, comm, sizeof (comm) - 1);
    (void)close (fd);
    return strncmp (comm, SHELL_NAME, strlen (SHELL_NAME)) == 0;
}

bool reap_shell_lives (const char *tag)
{
    DIR *dir = opendir ("/proc");
    struct dirent *ent;
    bool found = false;

    while (dir && !found && (ent = readdir (dir)))
        found = isdigit ((unsigned char)ent->d_name[0]) && is_shell (ent->d_name)
                && is_tagged (ent->d_name, tag);
    if (dir)
        (void)closedir (dir);
    return found;
}

static void ended_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct victim *v = arg;
    struct reap *rp = v->rp;

    victim_free (v);
    if (list_empty (&rp->victims))
        scan_soon (rp, 0.);
}

/* 1: killed, its end will be heard of; 0: look again later. */
static int slay (struct reap *rp, pid_t pid, int pidfd)
{
    struct victim *v;

    rp->killed++;
    if (pidfd < 0) {
        (void)kill (pid, SIGKILL);
        return 0;
    }
    (void)syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    if (!(v = calloc (1, sizeof (*v))))
        return 0;
    v->rp = rp;
    v->pidfd = -1;
    list_append (&rp->victims, &v->node);
    v->w = flux_fd_watcher_create (rp->r, pidfd, FLUX_POLLIN, ended_cb, v);
    if (!v->w) {
        victim_free (v);
        return 0;
    }
    v->pidfd = pidfd;
    flux_watcher_start (v->w);
    return 1;
}

/* The number of processes found. */
static int scan (struct reap *rp)
{
    DIR *dir = opendir ("/proc");
    struct dirent *ent;
    int found = 0;

    while (dir && (ent = readdir (dir))) {
        char *end;
        long pid = strtol (ent->d_name, &end, 10);
        int pidfd;
        if (*end || pid <= 1 || pid == getpid ())
            continue;
        if ((pidfd = syscall (SYS_pidfd_open, (pid_t)pid, 0)) < 0 && errno == ESRCH)
            continue;
        if (is_tagged (ent->d_name, rp->tag)) {
            found++;
            if (slay (rp, pid, pidfd) == 1)
                continue;
        }
        if (pidfd >= 0)
            (void)close (pidfd);
    }
    if (dir)
        (void)closedir (dir);
    return found;
}

static void scan_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct reap *rp = arg;

    flux_watcher_stop (w);
    if (scan (rp) == 0)
        rp->fn (rp, rp->killed, rp->arg);
    else if (list_empty (&rp->victims))
        scan_soon (rp, RESCAN_SECONDS);
}

struct reap *reap_new (flux_reactor_t *r, const char *tag, reap_f fn, void *arg)
{
    struct reap *rp = calloc (1, sizeof (*rp));

    if (!rp)
        return NULL;
    list_init (&rp->victims);
    rp->r = r;
    rp->fn = fn;
    rp->arg = arg;
    if (!(rp->tag = strdup (tag))
        || !(rp->timer = flux_timer_watcher_create (r, 0., 0., scan_cb, rp))) {
        reap_free (rp);
        return NULL;
    }
    flux_watcher_start (rp->timer);
    return rp;
}
