/* orphan.c - what a shell does when its broker is gone
 *
 *   the connection is lost
 *     │ may it be taken over (FLUX_SHELL_RECONNECT), or --reconnect?
 *     ├─ no:  tasks are ended, and the shell
 *     └─ yes: connect by FLUX_URI, again and again
 *               │ job-exec.reattach {id, pid}, on a connection of its own: answered
 *               │ when the execution system has the job again and has taken the shell
 *               ▼
 *             flux_reconnect ─► in the reactor: register again, shell.reconnect
 *
 * A broker that comes back and does not want the job kills what is left of it, and needs
 * FLUX_EXEC_TAG in the environment of the tasks to find it (modules/exec/reap.h).  After
 * being taken over the shell is no child of its broker, so it tells how it ends
 * (job-exec.goodbye).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/internal.h"

#define GRACE_MS 1000   /* from SIGTERM to SIGKILL */
#define LOOK_MS 10
#define RECONNECT_MS 100
#define ANNOUNCE_MS 20
#define SOON 50          /* looks that follow one another quickly */

/* One that has ended is left for its watcher to wait for. */
static bool task_lives (const struct shell_task *task)
{
    pid_t pid = task->proc ? flux_subprocess_pid (task->proc) : -1;
    siginfo_t si = { 0 };

    if (pid <= 0 || task->done)
        return false;
    if (waitid (P_PID, pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == pid)
        return false;
    return kill (-pid, 0) == 0 || errno == EPERM || kill (pid, 0) == 0;
}

static bool any_lives (flux_shell_t *shell)
{
    list_foreach (&shell->tasks, n) {
        if (task_lives (list_entry (n, struct shell_task, node)))
            return true;
    }
    return false;
}

static void nap (int ms)
{
    const struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

    (void)nanosleep (&ts, NULL);
}

static void kill_all (flux_shell_t *shell)
{
    flux_shell_killall (shell, SIGTERM);
    flux_shell_killall (shell, SIGCONT);
    for (int ms = 0; ms < GRACE_MS && any_lives (shell); ms += LOOK_MS)
        nap (LOOK_MS);
    flux_shell_killall (shell, SIGKILL);
    (void)flux_shell_aux_set (shell, "tmpdir", NULL, NULL);   /* removes it */
}

/* Once back in the reactor. */
static void reconnected_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_shell_t *shell = arg;

    flux_watcher_stop (w);
    if (shell_svc_register (shell) < 0)
        shell_log_errno ("the shell's service cannot be registered again");
    plugstack_call (shell->plugstack, "shell.reconnect", NULL);
    if (shell->patience > 0.)
        shell_debug ("taken over by a new broker");
    else
        shell_warn ("reconnected to the broker");
}

static double now (void)
{
    struct timespec ts;

    (void)clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

/* A broker that ended in an orderly way has removed what it made; nobody will listen
 * in a folder that is not there. */
static bool folder_is_gone (void)
{
    const char *uri = getenv ("FLUX_URI");
    char *dir = uri && strncmp (uri, "local://", 8) == 0 ? strdup (uri + 8) : NULL;
    char *slash = dir ? strrchr (dir, '/') : NULL;
    struct stat st;
    bool gone = false;

    if (slash && slash > dir) {
        *slash = '\0';
        gone = stat (dir, &st) < 0 && errno == ENOENT;
    }
    free (dir);
    return gone;
}

/* Be taken over by the broker of this rank: 0; -EAGAIN: try again; another negative errno: it is refused. */
static int announce (flux_shell_t *shell, double timeout)
{
    flux_t *h = flux_open (NULL, 0);
    flux_future_t *f = NULL;
    int rc = -EAGAIN;

    if (h
        && (f = flux_rpc_pack (h, "job-exec.reattach", shell->info.broker_rank, 0, "{s:I s:i}",
                               "id", shell->info.jobid, "pid", (int)getpid ()))
        && flux_future_wait_for (f, timeout) == 0)
        rc = flux_future_get (f, NULL) == 0 ? 0
             : errno == ENOENT || errno == EPERM || errno == ESRCH ? -errno : -EAGAIN;
    flux_future_destroy (f);
    flux_close (h);
    return rc;
}

static int be_taken_over (flux_shell_t *shell)
{
    double end = now () + shell->patience;
    double left;
    int rc, looks = 0;

    while ((left = end - now ()) > 0. && !folder_is_gone ()) {
        rc = announce (shell, left);
        if (rc == 0 && flux_reconnect (shell->h) == 0)
            return 0;
        if (rc < 0 && rc != -EAGAIN)
            return -1;
        nap (++looks < SOON ? 1 : ANNOUNCE_MS);
    }
    return -1;
}

/* Until the broker is back, or all tasks have ended: then there is nobody to do it
 * for. */
static int wait_for_broker (flux_shell_t *shell)
{
    while (flux_reconnect (shell->h) < 0) {
        if (!any_lives (shell))
            return -1;
        nap (RECONNECT_MS);
    }
    return 0;
}

/* While the shells of a job wait for one another they cannot be taken over: what one
 * has heard and another has not is lost with the broker. */
static bool may_reconnect (const flux_shell_t *shell)
{
    return shell->reconnect
           && (shell->patience == 0. || shell->info.nshells == 1 || shell->met);
}

/* Called from within any call that sends or receives, so without hope it does not
 * return: what it interrupts would only report errors. */
static int broker_lost (flux_t *h, void *arg)
{
    flux_shell_t *shell = arg;

    if (may_reconnect (shell)
        && (shell->patience > 0. ? be_taken_over (shell) : wait_for_broker (shell)) == 0) {
        shell->reconnects++;
        flux_watcher_start (flux_shell_aux_get (shell, "flux::reconnected"));
        return 0;
    }
    kill_all (shell);
    _exit (1);
}

/* It may have gone unnoticed that the broker did, if nothing was left to say. */
void shell_goodbye (flux_shell_t *shell)
{
    flux_future_t *f;
    int tries = 0, rc;

    if (shell->patience == 0. || (shell->reconnects == 0 && getppid () == shell->ppid))
        return;
    do {
        f = flux_rpc_pack (shell->h, "job-exec.goodbye", shell->info.broker_rank, 0, "{s:I s:i}",
                           "id", shell->info.jobid, "status", (shell->rc & 0xff) << 8);
        rc = f ? flux_future_get (f, NULL) : -1;
        flux_future_destroy (f);
    } while (rc < 0 && errno == ECONNRESET && ++tries < 5);
}

static int init_reconnect (flux_shell_t *shell)
{
    flux_watcher_t *w = flux_timer_watcher_create (shell->r, 0., 0., reconnected_cb, shell);

    if (!w || flux_shell_aux_set (shell, "flux::reconnected", w,
                                  (flux_free_f)flux_watcher_destroy) < 0) {
        flux_watcher_destroy (w);
        return -1;
    }
    return 0;
}

int shell_orphan_init (flux_shell_t *shell)
{
    const char *tag = getenv ("FLUX_EXEC_TAG");

    if (shell->reconnect && init_reconnect (shell) < 0)
        return -1;
    flux_comms_error_set (shell->h, broker_lost, shell);
    return tag ? flux_shell_setenvf (shell, 1, "FLUX_EXEC_TAG", "%s", tag)
               : flux_shell_unsetenv (shell, "FLUX_EXEC_TAG") < 0 && errno != ENOENT ? -1 : 0;
}
