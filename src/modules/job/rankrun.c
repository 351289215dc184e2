/* rankrun.c - an administrator's command on each of some ranks
 */
#include "modules/job/rankrun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/idset.h>

#include "base/list.h"

#define MAX_WORDS 62

struct proc {
    struct list_node node;
    struct rankrun *r;
    flux_subprocess_t *p;
    int rank;
    int signum;              /* to be sent when it has started; 0: none */
};

struct rankrun {
    flux_t *h;
    const struct rankrun_ops *ops;
    void *arg;
    struct list_node procs;  /* those that have not ended */
};

const char *rankrun_id (flux_jobid_t id)
{
    static _Thread_local char buf[64];

    if (flux_job_id_encode (id, "f58", buf, sizeof (buf)) < 0)
        snprintf (buf, sizeof (buf), "%ju", (uintmax_t)id);
    return buf;
}

bool rankrun_is_command (const json_t *words)
{
    json_t *word;
    size_t i;

    json_array_foreach ((json_t *)words, i, word) {
        if (!json_is_string (word))
            return false;
    }
    return json_array_size (words) > 0 && json_array_size (words) <= MAX_WORDS;
}

/* ---- the command ---- */

static int set_env (flux_cmd_t *cmd, flux_jobid_t id, uint32_t userid, const char *ranks)
{
    static const char *const kept[] = {
        "FLUX_MODULE_PATH", "FLUX_EXEC_PATH", "FLUX_CONNECTOR_PATH", "USER", "HOME", NULL,
    };
    const char *path = getenv ("PATH");

    if (flux_cmd_setenvf (cmd, 1, "FLUX_JOB_ID", "%s", rankrun_id (id)) < 0
        || flux_cmd_setenvf (cmd, 1, "FLUX_JOB_USERID", "%ju", (uintmax_t)userid) < 0
        || flux_cmd_setenvf (cmd, 1, "FLUX_OWNER_USERID", "%ju", (uintmax_t)getuid ()) < 0
        || (ranks && flux_cmd_setenvf (cmd, 1, "FLUX_JOB_RANKS", "%s", ranks) < 0)
        || flux_cmd_setenvf (cmd, 1, "PATH", "%s", path ? path : "/usr/bin:/bin") < 0)
        return -1;
    for (int i = 0; kept[i]; i++) {
        const char *s = getenv (kept[i]);
        if (s && flux_cmd_setenvf (cmd, 1, kept[i], "%s", s) < 0)
            return -1;
    }
    return 0;
}

flux_cmd_t *rankrun_command (json_t *words, flux_jobid_t id, uint32_t userid, const char *ranks)
{
    char *argv[MAX_WORDS + 1];
    size_t n = json_array_size (words);
    flux_cmd_t *cmd;

    if (!rankrun_is_command (words)) {
        errno = EINVAL;
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        argv[i] = (char *)json_string_value (json_array_get (words, i));
    if (!(cmd = flux_cmd_create ((int)n, argv, NULL)))
        return NULL;
    if (flux_cmd_setcwd (cmd, "/") < 0 || set_env (cmd, id, userid, ranks) < 0) {
        flux_cmd_destroy (cmd);
        return NULL;
    }
    return cmd;
}

/* ---- processes ---- */

static void proc_free (struct proc *proc)
{
    list_del (&proc->node);
    flux_subprocess_destroy (proc->p);
    free (proc);
}

static void ended (struct proc *proc, int status, const char *error)
{
    struct rankrun *r = proc->r;

    list_del (&proc->node);
    r->ops->ended (r->arg, proc->rank, status, error);    /* may free r */
    proc_free (proc);
}

static struct proc *proc_of (flux_subprocess_t *p)
{
    return flux_subprocess_aux_get (p, "rankrun");
}

static void on_completion (flux_subprocess_t *p)
{
    ended (proc_of (p), flux_subprocess_status (p), NULL);
}

static void on_state (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct proc *proc = proc_of (p);
    int errnum;

    if (state == FLUX_SUBPROCESS_RUNNING && proc->signum) {
        flux_future_destroy (flux_subprocess_kill (p, proc->signum));
        proc->signum = 0;
    }
    if (state != FLUX_SUBPROCESS_FAILED)
        return;
    errnum = flux_subprocess_fail_errno (p);
    ended (proc, (errnum == EPERM || errnum == EACCES ? 126 : 127) << 8,
           flux_subprocess_fail_error (p));
}

static void on_output (flux_subprocess_t *p, const char *stream)
{
    struct proc *proc = proc_of (p);
    const char *line;
    int n = flux_subprocess_getline (p, stream, &line);

    if (n <= 0)
        return;
    if (line[n - 1] == '\n')
        n--;
    proc->r->ops->line (proc->r->arg, proc->rank, stream, line, n);
}

static int start_one (struct rankrun *r, const flux_cmd_t *cmd, int rank)
{
    static const flux_subprocess_ops_t ops = {
        .on_completion = on_completion,
        .on_state_change = on_state,
        .on_stdout = on_output,
        .on_stderr = on_output,
    };
    struct proc *proc = calloc (1, sizeof (*proc));

    if (!proc)
        return -1;
    list_init (&proc->node);
    proc->r = r;
    proc->rank = rank;
    if (!(proc->p = flux_rexec (r->h, rank, 0, cmd, &ops))
        || flux_subprocess_aux_set (proc->p, "rankrun", proc, NULL) < 0) {
        int saved = errno;
        proc_free (proc);
        errno = saved;
        return -1;
    }
    list_append (&r->procs, &proc->node);
    return 0;
}

int rankrun_start (struct rankrun *r, const flux_cmd_t *cmd, const struct idset *ranks)
{
    unsigned int rank;

    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID; rank = idset_next (ranks, rank)) {
        if (start_one (r, cmd, (int)rank) < 0)
            return -1;
    }
    return 0;
}

int rankrun_kill (struct rankrun *r, const struct idset *ranks, int signum)
{
    int count = 0;

    list_foreach (&r->procs, n) {
        struct proc *proc = list_entry (n, struct proc, node);
        if (ranks && !idset_test (ranks, (unsigned int)proc->rank))
            continue;
        count++;
        if (flux_subprocess_state (proc->p) == FLUX_SUBPROCESS_INIT)
            proc->signum = signum;
        else
            flux_future_destroy (flux_subprocess_kill (proc->p, signum));
    }
    return count;
}

struct idset *rankrun_active (const struct rankrun *r)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    list_foreach (&r->procs, n) {
        if (ids)
            (void)idset_set (ids, (unsigned int)list_entry (n, struct proc, node)->rank);
    }
    return ids;
}

/* ---- life ---- */

struct rankrun *rankrun_new (flux_t *h, const struct rankrun_ops *ops, void *arg)
{
    struct rankrun *r = calloc (1, sizeof (*r));

    if (r) {
        r->h = h;
        r->ops = ops;
        r->arg = arg;
        list_init (&r->procs);
    }
    return r;
}

void rankrun_free (struct rankrun *r)
{
    if (!r)
        return;
    list_foreach (&r->procs, n)
        proc_free (list_entry (n, struct proc, node));
    free (r);
}
