/* task.c - one task: its command, process and output channels
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "shell/internal.h"
#include "spec/jobspec.h"

#define TASK_AUX "flux::shell_task"

struct subscriber {
    flux_shell_task_io_f cb;
    void *arg;
};

/* The command of any task: argv of the jobspec. */
static flux_cmd_t *make_template (flux_shell_t *shell)
{
    const json_t *argv = jobspec_command (shell->info.jobspec);
    flux_cmd_t *cmd = flux_cmd_create (0, NULL, NULL);
    json_t *val;
    size_t i;

    json_array_foreach ((json_t *)argv, i, val) {
        if (!cmd || flux_cmd_argv_append (cmd, json_string_value (val)) < 0) {
            flux_cmd_destroy (cmd);
            return NULL;
        }
    }
    return cmd;
}

static int render_args (struct shell_task *task)
{
    for (int i = 0; i < flux_cmd_argc (task->cmd); i++) {
        const char *arg = flux_cmd_arg (task->cmd, i);
        char *s;
        int rc = 0;
        if (!strstr (arg, "{{"))
            continue;
        if (!(s = flux_shell_task_mustache_render (task->shell, task, arg)))
            return -1;
        if (strcmp (s, arg) != 0
            && (flux_cmd_argv_delete (task->cmd, i) < 0
                || flux_cmd_argv_insert (task->cmd, i, s) < 0))
            rc = -1;
        free (s);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Environment and templates are final only now: plugins change them until
 * shell.init is over.  What a plugin set on the task itself stays. */
int shell_task_prepare (struct shell_task *task)
{
    const char *key;
    json_t *val;

    json_object_foreach (task->shell->env, key, val) {
        const char *value = json_string_value (val);
        char *s = NULL;
        int rc;
        if (strstr (value, "{{"))
            value = s = flux_shell_task_mustache_render (task->shell, task, value);
        rc = value ? flux_cmd_setenvf (task->cmd, 0, key, "%s", value) : -1;
        free (s);
        if (rc < 0 && errno != EEXIST)
            return -errno;
    }
    return render_args (task) < 0 ? -errno : 0;
}

static void close_stdio (struct shell_task *task)
{
    for (int i = 0; i < 3; i++) {
        int fd = task->stdio.fd[i];
        for (int j = i; fd >= 0 && j < 3; j++) {   /* one may be there more than once */
            if (task->stdio.fd[j] == fd)
                task->stdio.fd[j] = -1;
        }
        if (fd >= 0)
            close (fd);
    }
}

void shell_task_free (struct shell_task *task)
{
    if (!task)
        return;
    list_del (&task->node);
    close_stdio (task);
    flux_subprocess_destroy (task->proc);
    flux_cmd_destroy (task->cmd);
    hash_free (task->subscribers);
    free (task);
}

static struct shell_task *task_new (flux_shell_t *shell, flux_cmd_t *template, int rank, int localid)
{
    struct shell_task *task = calloc (1, sizeof (*task));

    if (!task)
        return NULL;
    list_init (&task->node);
    task->shell = shell;
    task->rank = rank;
    task->localid = localid;
    task->wait_status = -1;
    task->stdio = (struct sp_stdio)SP_STDIO_INIT;
    if (!(task->cmd = flux_cmd_copy (template))
        || !(task->subscribers = hash_new (free))
        || flux_cmd_setenvf (task->cmd, 1, "FLUX_TASK_RANK", "%d", rank) < 0
        || flux_cmd_setenvf (task->cmd, 1, "FLUX_TASK_LOCAL_ID", "%d", localid) < 0) {
        shell_task_free (task);
        return NULL;
    }
    return task;
}

int shell_tasks_create (flux_shell_t *shell, flux_error_t *err)
{
    const struct idset *ids;
    flux_cmd_t *template;
    int localid = 0;

    if (shell->info.ntasks == 0)
        return 0;
    if (!(ids = taskmap_taskids (shell->info.taskmap, shell->info.shell_rank))
        || !(template = make_template (shell)))
        return errmsg (err, -ENOMEM, "out of memory");
    for (unsigned int t = idset_first (ids); t != IDSET_INVALID_ID; t = idset_next (ids, t)) {
        struct shell_task *task = task_new (shell, template, t, localid++);
        if (!task) {
            flux_cmd_destroy (template);
            return errmsg (err, -ENOMEM, "out of memory");
        }
        list_append (&shell->tasks, &task->node);
    }
    flux_cmd_destroy (template);
    return 0;
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct shell_task *task = flux_subprocess_aux_get (p, TASK_AUX);
    struct subscriber *sub = hash_get (task->subscribers, stream);
    const char *data;

    if (sub)
        sub->cb (task, stream, sub->arg);
    else /* nobody wants it: read it away */
        flux_subprocess_read (p, stream, &data);
}

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct shell_task *task = flux_subprocess_aux_get (p, TASK_AUX);

    if (state == FLUX_SUBPROCESS_EXITED && !task->exited) {
        task->exited = true;
        task->wait_status = flux_subprocess_status (p);
        shell_task_exited (task);
    }
}

static void completion_cb (flux_subprocess_t *p)
{
    struct shell_task *task = flux_subprocess_aux_get (p, TASK_AUX);

    if (!task->done) {
        task->done = true;
        shell_task_done (task);
    }
}

static void credit_cb (flux_subprocess_t *p, const char *stream, int bytes)
{
    struct shell_task *task = flux_subprocess_aux_get (p, TASK_AUX);

    if (task->credit_cb && strcmp (stream, "stdin") == 0)
        task->credit_cb (task, task->credit_arg);
}

static const flux_subprocess_ops_t ops = {
    .on_completion = completion_cb,
    .on_state_change = state_cb,
    .on_channel_out = output_cb,
    .on_stdout = output_cb,
    .on_stderr = output_cb,
    .on_credit = credit_cb,
};

/* In the child, between fork and exec; only if a plugin handles task.exec. */
static void pre_exec_hook (flux_subprocess_t *p, void *arg)
{
    struct shell_task *task = arg;

    task->shell->current_task = task;
    if (plugstack_call (task->shell->plugstack, "task.exec", NULL) < 0)
        _exit (1);
}

static void log_cb (void *arg, const char *file, int line, const char *func,
                    const char *subsys, int level, const char *fmt, va_list ap)
{
    char text[512];

    vsnprintf (text, sizeof (text), fmt, ap);
    flux_shell_log (subsys, level, file, line, "%s", text);
}

/* A failed exec is an ordinary end of a task: 127 not found, 126 not runnable. */
static int failed_exec (struct shell_task *task, int errnum, flux_error_t *err)
{
    int code = errnum == ENOENT ? 127 : 126;

    shell_log_error ("task %d: %s: %s", task->rank, flux_cmd_arg (task->cmd, 0), strerror (errnum));
    task->wait_status = code << 8;
    return errmsg (err, -errnum, "task %d (host %s): start failed: %s: %s", task->rank,
                   task->shell->info.nodes[task->shell->info.shell_rank].host,
                   flux_cmd_arg (task->cmd, 0), strerror (errnum));
}

int shell_task_start (struct shell_task *task, flux_error_t *err)
{
    flux_shell_t *shell = task->shell;
    flux_subprocess_hooks_t hooks = { .pre_exec = pre_exec_hook, .pre_exec_arg = task };
    bool want_hook = plugstack_handles (shell->plugstack, "task.exec");
    int flags = SP_FLAG_NO_STOPPED | (want_hook ? FLUX_SUBPROCESS_FLAGS_FORK_EXEC : 0);

    if (shell_option (shell, "nosetpgrp"))
        flags |= FLUX_SUBPROCESS_FLAGS_NO_SETPGRP;
    task->proc = sp_local_exec (shell->r, flags, task->cmd, &ops, want_hook ? &hooks : NULL,
                                &task->stdio, log_cb, NULL);
    close_stdio (task);
    if (!task->proc)
        return failed_exec (task, errno, err);
    if (flux_subprocess_aux_set (task->proc, TASK_AUX, task, NULL) < 0)
        return errmsg (err, -errno, "out of memory");
    return 0;
}

/* Public calls */

flux_shell_task_t *flux_shell_current_task (flux_shell_t *shell)
{
    if (!shell) {
        errno = EINVAL;
        return NULL;
    }
    return shell->current_task;
}

flux_shell_task_t *flux_shell_task_first (flux_shell_t *shell)
{
    if (!shell) {
        errno = EINVAL;
        return NULL;
    }
    shell->task_iter = shell->tasks.next;
    if (shell->task_iter == &shell->tasks) {
        errno = EAGAIN;
        return NULL;
    }
    return list_entry (shell->task_iter, struct shell_task, node);
}

flux_shell_task_t *flux_shell_task_next (flux_shell_t *shell)
{
    if (!shell) {
        errno = EINVAL;
        return NULL;
    }
    if (!shell->task_iter || shell->task_iter == &shell->tasks)
        return NULL;
    shell->task_iter = shell->task_iter->next;
    if (shell->task_iter == &shell->tasks)
        return NULL;
    return list_entry (shell->task_iter, struct shell_task, node);
}

flux_cmd_t *flux_shell_task_cmd (flux_shell_task_t *task)
{
    if (!task) {
        errno = EINVAL;
        return NULL;
    }
    return task->cmd;
}

flux_subprocess_t *flux_shell_task_subprocess (flux_shell_task_t *task)
{
    if (!task || !task->proc) {
        errno = EINVAL;
        return NULL;
    }
    return task->proc;
}

int flux_shell_task_channel_subscribe (flux_shell_task_t *task, const char *channel,
                                       flux_shell_task_io_f cb, void *arg)
{
    struct subscriber *sub;

    if (!task || !channel || !cb) {
        errno = EINVAL;
        return -1;
    }
    if (hash_get (task->subscribers, channel)) {
        errno = EEXIST;
        return -1;
    }
    if (!(sub = malloc (sizeof (*sub))))
        return -1;
    *sub = (struct subscriber){ cb, arg };
    if (hash_set (task->subscribers, channel, sub) < 0) {
        free (sub);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

static json_t *task_object (struct shell_task *task)
{
    json_t *o = json_pack ("{s:i s:i s:s}", "localid", task->localid, "rank", task->rank, "state",
                           task->exited ? "Exited" : task->proc ? "Running" : "Init");

    if (o && task->proc)
        json_object_set_new (o, "pid", json_integer (flux_subprocess_pid (task->proc)));
    if (o && task->wait_status >= 0) {
        int status = task->wait_status;
        int sig = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
        json_object_set_new (o, "wait_status", json_integer (status));
        json_object_set_new (o, "exitcode", json_integer (sig ? 128 + sig : WEXITSTATUS (status)));
        json_object_set_new (o, "signaled", json_integer (sig));
    }
    return o;
}

int flux_shell_task_get_info (flux_shell_task_t *task, char **json_str)
{
    json_t *o;
    char *s;

    if (!task || !json_str) {
        errno = EINVAL;
        return -1;
    }
    o = task_object (task);
    s = o ? json_dumps (o, JSON_COMPACT) : NULL;
    json_decref (o);
    if (!s) {
        errno = ENOMEM;
        return -1;
    }
    *json_str = s;
    return 0;
}

int flux_shell_task_info_unpack (flux_shell_task_t *task, const char *fmt, ...)
{
    va_list ap;
    json_t *o;
    int rc;

    if (!task || !fmt) {
        errno = EINVAL;
        return -1;
    }
    if (!(o = task_object (task)))
        return -1;
    /* what the caller unpacks is borrowed from the object: keep it */
    if (json_equal (o, task->info))
        json_decref (o);
    else if (flux_shell_aux_set (task->shell, NULL, o, (flux_free_f)json_decref) == 0)
        task->info = o;
    else {
        json_decref (o);
        return -1;
    }
    va_start (ap, fmt);
    rc = json_vunpack_ex (task->info, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        errno = EINVAL;
    return rc;
}

/* A task whose process has ended, but not its output, has left children behind:
 * its process group is theirs. */
static void signal_task (struct shell_task *task, int sig)
{
    pid_t pid = flux_subprocess_pid (task->proc);
    bool group = !shell_option (task->shell, "nosetpgrp");

    if (pid > 0 && (group || !task->exited))
        (void)kill (group ? -pid : pid, sig);
}

void flux_shell_killall (flux_shell_t *shell, int sig)
{
    if (!shell || sig <= 0)
        return;
    list_foreach (&shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (task->proc && !task->done)
            signal_task (task, sig);
    }
}
