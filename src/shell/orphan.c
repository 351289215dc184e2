/* orphan.c - what a shell does when its broker is gone
 *
 * Without --reconnect: nobody can tell the job's user anything any more, nor end the job: the shell
 * ends its tasks and itself.  A broker that comes back kills what is left, and
 * needs FLUX_EXEC_TAG in the environment of the tasks to find it
 * (modules/exec/reap.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/internal.h"

#define GRACE_MS 1000   /* from SIGTERM to SIGKILL */
#define LOOK_MS 10
#define RECONNECT_MS 100

static bool task_lives (const struct shell_task *task)
{
    pid_t pid = task->proc ? flux_subprocess_pid (task->proc) : -1;

    if (pid <= 0 || task->done)
        return false;
    (void)waitpid (pid, NULL, WNOHANG);
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

static void kill_all (flux_shell_t *shell)
{
    const struct timespec look = { 0, LOOK_MS * 1000000L };

    flux_shell_killall (shell, SIGTERM);
    flux_shell_killall (shell, SIGCONT);
    for (int ms = 0; ms < GRACE_MS && any_lives (shell); ms += LOOK_MS)
        (void)nanosleep (&look, NULL);
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
    shell_warn ("reconnected to the broker");
}

/* Until the broker is back, or all tasks have ended: then there is nobody to do it
 * for. */
static int wait_for_broker (flux_shell_t *shell)
{
    const struct timespec look = { 0, RECONNECT_MS * 1000000L };

    while (flux_reconnect (shell->h) < 0) {
        if (!any_lives (shell))
            return -1;
        (void)nanosleep (&look, NULL);
    }
    flux_watcher_start (flux_shell_aux_get (shell, "flux::reconnected"));
    return 0;
}

/* Called from within any call that sends or receives, so without --reconnect it does
 * not return: what it interrupts would only report errors. */
static int broker_lost (flux_t *h, void *arg)
{
    flux_shell_t *shell = arg;

    if (shell->reconnect && wait_for_broker (shell) == 0)
        return 0;
    kill_all (shell);
    _exit (1);
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
