/* orphan.c - what a shell does when its broker is gone
 *
 * Nobody can tell the job's user anything any more, nor end the job: the shell
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

/* Called from within any call that sends or receives, so it does not return:
 * what it interrupts would only report errors. */
static int broker_lost (flux_t *h, void *arg)
{
    flux_shell_t *shell = arg;
    const struct timespec look = { 0, LOOK_MS * 1000000L };

    flux_shell_killall (shell, SIGTERM);
    flux_shell_killall (shell, SIGCONT);
    for (int ms = 0; ms < GRACE_MS && any_lives (shell); ms += LOOK_MS)
        (void)nanosleep (&look, NULL);
    flux_shell_killall (shell, SIGKILL);
    _exit (1);
}

int shell_orphan_init (flux_shell_t *shell)
{
    const char *tag = getenv ("FLUX_EXEC_TAG");

    flux_comms_error_set (shell->h, broker_lost, shell);
    return tag ? flux_shell_setenvf (shell, 1, "FLUX_EXEC_TAG", "%s", tag)
               : flux_shell_unsetenv (shell, "FLUX_EXEC_TAG") < 0 && errno != ENOENT ? -1 : 0;
}
