/* debug.c - for debuggers: stop tasks in exec (shell option stop-tasks-in-exec), and say
 * where they are
 *
 *   tool ──proctable {}──► leader ──proctable──► its children ──proctable──► theirs
 *        ◄── {"tasks":[[rank, host, pid, executable], ...], "stopped"}
 *
 * in order of ranks, without those that have ended.  The shells are a tree: each says
 * what it and those below it have.
 */
#define FLUX_SHELL_PLUGIN_NAME "debug"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/builtins.h"
#include "shell/internal.h"

#define FANOUT 2

/* In the child: it will stop at the first instruction of the program. */
static int stop_exec (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0 ? -1 : 0;
}

/* It has stopped there: leave it so, for whoever attaches. */
static int stop_fork (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct shell_task *task = flux_shell_current_task (flux_plugin_get_shell (p));
    pid_t pid = flux_subprocess_pid (task->proc);
    siginfo_t info;
    int status;
    pid_t rc;

    do {
        rc = waitpid (pid, &status, WUNTRACED);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 || !WIFSTOPPED (status)
        || ptrace (PTRACE_DETACH, pid, NULL, (void *)(intptr_t)SIGSTOP) < 0) {
        shell_log_errno ("task %d does not stop in exec", task->rank);
        return -1;
    }
    /* now it is on its way from one stop to the other: who is told of it is to find it there */
    while (waitid (P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    return 0;
}

static bool stop_wanted (flux_shell_t *shell)
{
    return shell_option_true (shell, "stop-tasks-in-exec");
}

static const struct flux_plugin_handler stop_handlers[] = {
    { "task.exec", stop_exec, NULL },
    { "task.fork", stop_fork, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin stop_builtin = { "stop-tasks-in-exec", stop_wanted, stop_handlers };

/* The table of processes */

struct query {
    flux_shell_t *shell;
    const flux_msg_t *msg;
    json_t *tasks;
    int left;
    int errnum;
};

/* Where it can be found: the name may be relative, or of a script's first line. */
static const char *executable (struct shell_task *task, char *buf, size_t size)
{
    char link[64];
    ssize_t n;

    snprintf (link, sizeof (link), "/proc/%d/exe", (int)flux_subprocess_pid (task->proc));
    if ((n = readlink (link, buf, size - 1)) < 0)
        return flux_cmd_arg (task->cmd, 0);
    buf[n] = '\0';
    return buf;
}

static int add_local (flux_shell_t *shell, json_t *tasks)
{
    char exe[PATH_MAX];

    list_foreach (&shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (task->proc && !task->exited
            && json_array_append_new (tasks, json_pack (
                   "[i s i s]", task->rank, shell->info.nodes[shell->info.shell_rank].host,
                   (int)flux_subprocess_pid (task->proc), executable (task, exe, sizeof (exe)))) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int by_rank (const void *a, const void *b)
{
    json_int_t x = json_integer_value (json_array_get (*(json_t *const *)a, 0));
    json_int_t y = json_integer_value (json_array_get (*(json_t *const *)b, 0));

    return (x > y) - (x < y);
}

/* In place; without memory they stay in the order of shells. */
static json_t *sort_tasks (json_t *tasks)
{
    size_t n = json_array_size (tasks);
    json_t **v = calloc (n + 1, sizeof (*v));

    for (size_t i = 0; v && i < n; i++)
        v[i] = json_incref (json_array_get (tasks, i));
    if (v) {
        qsort (v, n, sizeof (*v), by_rank);
        json_array_clear (tasks);
        for (size_t i = 0; i < n; i++)
            json_array_append_new (tasks, v[i]);
    }
    free (v);
    return tasks;
}

static void answer (struct query *q)
{
    flux_t *h = q->shell->h;
    int rc;

    if (--q->left > 0)
        return;
    if (q->errnum)
        rc = flux_respond_error (h, q->msg, q->errnum, NULL);
    else
        rc = flux_respond_pack (h, q->msg, "{s:O s:b}", "tasks", sort_tasks (q->tasks), "stopped",
                                stop_wanted (q->shell));
    if (rc < 0)
        shell_log_errno ("proctable");
    flux_msg_decref (q->msg);
    json_decref (q->tasks);
    free (q);
}

static void gathered_cb (flux_future_t *f, void *arg)
{
    struct query *q = arg;
    json_t *tasks;

    if (flux_rpc_get_unpack (f, "{s:o}", "tasks", &tasks) < 0
        || json_array_extend (q->tasks, tasks) < 0)
        q->errnum = errno ? errno : ENOMEM;
    flux_future_destroy (f);
    answer (q);
}

static void gather (struct query *q)
{
    int first = q->shell->info.shell_rank * FANOUT + 1;

    for (int i = first; i < first + FANOUT && i < q->shell->info.nshells; i++) {
        flux_future_t *f = flux_shell_rpc_pack (q->shell, "proctable", i, 0, "{}");
        q->left++;
        if (!f || flux_future_then (f, -1., gathered_cb, q) < 0) {
            flux_future_destroy (f);
            q->errnum = errno;
            q->left--;
        }
    }
}

static void proctable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_shell_t *shell = arg;
    struct query *q = calloc (1, sizeof (*q));

    if (!q || !(q->tasks = json_array ()) || add_local (shell, q->tasks) < 0) {
        if (q)
            json_decref (q->tasks);
        free (q);
        if (flux_respond_error (h, msg, ENOMEM, NULL) < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    q->shell = shell;
    q->msg = flux_msg_incref (msg);
    q->left = 1;
    gather (q);
    answer (q);
}

int shell_proctable_init (flux_shell_t *shell)
{
    return flux_shell_service_register (shell, "proctable", proctable_cb, shell);
}
