/* pmi.c - PMI-1 server of the job (RFC 13; shell option pmi)
 *
 *   task ◄─PMI_FD─► its shell: put, get, barrier ◄─exchange.h─► other shells
 *
 * A barrier exchanges what has been put since the last one.  A task that ends between
 * init and finalize breaks it, so that no other waits for ever.
 */
#define FLUX_SHELL_PLUGIN_NAME "pmi-simple"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "pmi/server.h"
#include "shell/builtins.h"
#include "shell/exchange.h"
#include "shell/internal.h"

#define CHANNEL "PMI_FD"
#define DEFAULT_FANOUT 2

struct pmi {
    flux_shell_t *shell;
    struct pmi_server *server;
    struct shell_task **clients;      /* by local id */
    struct exchange *exchange;
    bool aborted;                     /* by a task: the job ends */
    char gone[128];                   /* the first task that has closed its connection */
};

/* All shells are in, or one has broken it. */
static void exchange_cb (void *arg, const char *all, const char *why)
{
    struct pmi *pmi = arg;
    const char *twin = NULL;
    int rc = all ? pmi_server_add (pmi->server, all, &twin) : -EIO;

    if (all && rc < 0)
        shell_log_error ("the keys of other nodes: %s", strerror (-rc));
    if (twin && pmi->shell->info.shell_rank == 0)
        shell_warn ("key '%s' has been put by tasks of two nodes: one is lost", twin);
    if (pmi_server_barrier_done (pmi->server, rc) < 0)
        shell_log_error ("cannot answer the PMI barrier");
}

/* The server's callbacks */

void shell_raise_abort (int rank, int exit_code, const char *msg)
{
    int code = exit_code > 0 && exit_code < 256 ? exit_code : 1;

    flux_shell_raise_exit_status (code << 8, "task %d called MPI_Abort%s%s", rank,
                                  msg && *msg ? ": " : "", msg ? msg : "");
}

static int send_cb (void *arg, int client, const char *buf, size_t len)
{
    struct pmi *pmi = arg;
    int n = flux_subprocess_write (pmi->clients[client]->proc, CHANNEL, buf, len);

    return n < 0 || (size_t)n < len ? -EIO : 0;
}

static void barrier_cb (void *arg)
{
    struct pmi *pmi = arg;
    char *new = pmi_server_take_new (pmi->server);

    if (!new)
        shell_die (1, "out of memory");
    exchange_enter (pmi->exchange, new);
    free (new);
}

static void failed_cb (void *arg, int count)
{
    struct pmi *pmi = arg;

    if (!pmi->aborted && !pmi->shell->killed)
        exchange_break (pmi->exchange, EXCHANGE_TELL | EXCHANGE_FAILED, pmi->gone);
}

static void refused_cb (void *arg, int client, int version)
{
    struct pmi *pmi = arg;

    shell_warn ("task %d speaks PMI version %d, and there is version 1: is its libpmi2.so that"
                " of Slurm?  That of Flux is beside %s", pmi->clients[client]->rank, version,
                flux_conf_builtin_get ("pmi_library_path", FLUX_CONF_AUTO));
}

static void abort_cb (void *arg, int client, int exit_code, const char *msg)
{
    struct pmi *pmi = arg;

    pmi->aborted = true;
    shell_raise_abort (pmi->clients[client]->rank, exit_code, msg);
}

static void trace_cb (void *arg, int client, char dir, const char *line)
{
    struct pmi *pmi = arg;

    shell_trace ("%d: %c: %s", pmi->clients[client]->rank, dir, line);
}

static const struct pmi_server_ops ops = {
    .send = send_cb,
    .barrier = barrier_cb,
    .failed = failed_cb,
    .refused = refused_cb,
    .abort = abort_cb,
    .trace = trace_cb,
};

/* The task has closed the connection, most likely by its end. */
static void hangup (struct pmi *pmi, struct shell_task *task)
{
    bool active = pmi_server_active (pmi->server, task->localid);

    if (pmi->gone[0] == '\0')
        snprintf (pmi->gone, sizeof (pmi->gone), "task %d (host %s) has ended%s", task->rank,
                  pmi->shell->info.nodes[pmi->shell->info.shell_rank].host,
                  active ? " before PMI_Finalize" : "");
    pmi_server_hangup (pmi->server, task->localid);
    if (active && !pmi->aborted && !pmi->shell->killed)
        exchange_break (pmi->exchange, EXCHANGE_TELL, pmi->gone);
}

static void input_cb (struct shell_task *task, const char *channel, void *arg)
{
    struct pmi *pmi = arg;
    const char *data;
    int n = flux_subprocess_read (task->proc, channel, &data);

    if (n == 0)
        hangup (pmi, task);
    else if (n > 0 && pmi_server_input (pmi->server, task->localid, data, n) < 0) {
        flux_subprocess_close (task->proc, channel);
        flux_shell_raise_exit_status (1 << 8, "task %d breaks the PMI protocol", task->rank);
    }
}

/* Set-up */

static int preset_keys (struct pmi *pmi)
{
    const char *hint = shell_broker_attr (pmi->shell, "FLUX_SHELL_INTERFACE_HINT",
                                          "tbon.interface-hint");
    char *map = taskmap_encode (pmi->shell->info.taskmap, 0);
    char *mpi = taskmap_encode (pmi->shell->info.taskmap, TASKMAP_ENCODE_PMI);
    int rc = 0;

    /* one that is too long for the values of old clients is unknown (RFC 13) */
    if (!map || !mpi)
        rc = -ENOMEM;
    if (rc == 0 && strlen (map) < 1024)
        rc = pmi_server_set (pmi->server, "flux.taskmap", map);
    if (rc == 0)
        rc = pmi_server_set (pmi->server, "PMI_process_mapping", strlen (mpi) < 1024 ? mpi : "");
    if (rc == 0 && hint && strlen (hint) < 1024)
        rc = pmi_server_set (pmi->server, "flux.tbon-interface-hint", hint);
    free (map);
    free (mpi);
    return rc;
}

static int set_instance_level (struct pmi *pmi)
{
    const char *path = getenv ("FLUX_JOB_ID_PATH");
    char level[16];
    int n = 0;

    for (; path && *path; path++)
        n += *path == '/';
    snprintf (level, sizeof (level), "%d", n > 0 ? n : 1);
    return pmi_server_set (pmi->server, "flux.instance-level", level);
}

static int make_server (struct pmi *pmi)
{
    const struct shell_info *info = &pmi->shell->info;
    const struct idset *ids = taskmap_taskids (info->taskmap, info->shell_rank);
    int *ranks = calloc (info->ntasks + 1, sizeof (*ranks));
    char kvsname[32];
    struct pmi_server_args args = {
        .size = info->total_ntasks, .nclients = info->ntasks, .ranks = ranks, .kvsname = kvsname,
    };
    int i = 0;

    if (!ranks)
        return -1;
    snprintf (kvsname, sizeof (kvsname), "%ju", (uintmax_t)info->jobid);
    for (unsigned int t = idset_first (ids); t != IDSET_INVALID_ID; t = idset_next (ids, t))
        ranks[i++] = t;
    pmi->server = pmi_server_new (&args, &ops, pmi);
    free (ranks);
    return pmi->server ? 0 : -1;
}

static void pmi_free (void *arg)
{
    struct pmi *pmi = arg;

    pmi_server_free (pmi->server);
    exchange_free (pmi->exchange);
    free (pmi->clients);
    free (pmi);
}

static struct pmi *pmi_new (flux_shell_t *shell)
{
    struct pmi *pmi = calloc (1, sizeof (*pmi));

    if (!pmi)
        return NULL;
    pmi->shell = shell;
    if (!(pmi->clients = calloc (shell->info.ntasks + 1, sizeof (pmi->clients[0])))
        || make_server (pmi) < 0) {
        pmi_free (pmi);
        return NULL;
    }
    return pmi;
}

/* Programs that link libpmi.so.0 or libpmi2.so.0 are to find ours first. */
static int prepend_library_path (flux_shell_t *shell, const char *dir, int len)
{
    const char *old = flux_shell_getenv (shell, "LD_LIBRARY_PATH");

    if (!old || !*old)
        return flux_shell_setenvf (shell, 1, "LD_LIBRARY_PATH", "%.*s", len, dir);
    if (strncmp (old, dir, len) == 0 && (old[len] == '\0' || old[len] == ':'))
        return 0;
    return flux_shell_setenvf (shell, 1, "LD_LIBRARY_PATH", "%.*s:%s", len, dir, old);
}

static int set_task_env (flux_shell_t *shell)
{
    const char *lib = flux_conf_builtin_get ("pmi_library_path", FLUX_CONF_AUTO);
    const char *slash = strrchr (lib, '/');

    if (slash && prepend_library_path (shell, lib, slash - lib) < 0)
        return -1;
    return flux_shell_setenvf (shell, 1, "FLUX_PMI_LIBRARY_PATH", "%s", lib);
}

static int pmi_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *o = shell_option (shell, "pmi-simple.exchange.k");
    json_int_t k = o ? json_integer_value (o) : DEFAULT_FANOUT;
    struct pmi *pmi;

    if (shell->info.ntasks == 0)
        return 0;
    if (!(pmi = pmi_new (shell)) || flux_plugin_aux_set (p, "pmi", pmi, pmi_free) < 0)
        return -1;
    if (k < 1 || k > INT_MAX) {
        shell_log_error ("pmi-simple.exchange.k: want a positive integer");
        return -1;
    }
    if (!(pmi->exchange = exchange_new (shell, "pmi-exchange", (int)k, exchange_cb, pmi)))
        return -1;
    if (!shell_option (shell, "pmi-simple.nomap") && preset_keys (pmi) < 0)
        return -1;
    return set_instance_level (pmi) < 0 || set_task_env (shell) < 0 ? -1 : 0;
}

static int pmi_task (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmi *pmi = flux_plugin_aux_get (p, "pmi");
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct shell_task *task = flux_shell_current_task (shell);

    pmi->clients[task->localid] = task;
    if (flux_cmd_add_channel (task->cmd, CHANNEL) < 0
        || flux_cmd_setopt (task->cmd, CHANNEL "_LINE_BUFFER", "false") < 0   /* a line may never end */
        || flux_cmd_setenvf (task->cmd, 1, "PMI_RANK", "%d", task->rank) < 0
        || flux_cmd_setenvf (task->cmd, 1, "PMI_SIZE", "%d", shell->info.total_ntasks) < 0)
        return -1;
    return flux_shell_task_channel_subscribe (task, CHANNEL, input_cb, pmi);
}

static int pmi_lost (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmi *pmi = flux_plugin_aux_get (p, "pmi");

    if (pmi)
        exchange_break (pmi->exchange, 0, "a node of this job is lost");
    return 0;
}

static bool pmi_wanted (flux_shell_t *shell)
{
    return shell_pmi_wanted (shell, "simple") || shell_pmi_wanted (shell, "pmi1")
           || shell_pmi_wanted (shell, "pmi2");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", pmi_init, NULL },
    { "task.init", pmi_task, NULL },
    { "shell.lost", pmi_lost, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin pmi_builtin = { "pmi-simple", pmi_wanted, handlers };
