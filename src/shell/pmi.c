/* pmi.c - PMI-1 server of the job (RFC 13; shell option pmi)
 *
 *   task ◄─PMI_FD─► its shell: put, get, barrier
 *
 *   barrier over several shells, a tree of fanout k (default 2):
 *      child ──pmi-exchange {new keys below}──► parent ──► ... ──► leader
 *      child ◄────────── {all new keys} ─────── parent ◄── ... ◄── leader
 */
#define FLUX_SHELL_PLUGIN_NAME "pmi-simple"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "pmi/server.h"
#include "shell/builtins.h"
#include "shell/internal.h"

#define CHANNEL "PMI_FD"

struct pmi {
    flux_shell_t *shell;
    struct pmi_server *server;
    struct shell_task **clients;      /* by local id */
    int fanout;
    int nchildren;                    /* shells below this one in the tree */
    json_t *gathered;                 /* keys of this barrier, here and below */
    bool local_in;                    /* all local clients are in the barrier */
    struct flux_msglist *children;    /* exchange requests waiting for an answer */
    bool lost;                        /* a shell of the job is: no exchange can end */
};

/* The exchange */

static void finish_exchange (struct pmi *pmi, json_t *all, int rc)
{
    const char *key;
    json_t *val;
    const flux_msg_t *msg;

    json_object_foreach (all, key, val)
        pmi_server_set (pmi->server, key, json_string_value (val));
    while ((msg = flux_msglist_pop (pmi->children))) {
        if (rc == 0)
            flux_respond_pack (pmi->shell->h, msg, "{s:O}", "kvs", all);
        else
            flux_respond_error (pmi->shell->h, msg, -rc, NULL);
        flux_msg_decref (msg);
    }
    json_object_clear (pmi->gathered);
    if (!pmi->local_in)
        return;
    pmi->local_in = false;
    if (pmi_server_barrier_done (pmi->server, rc) < 0)
        shell_log_error ("cannot answer the PMI barrier");
}

static void exchange_cb (flux_future_t *f, void *arg)
{
    struct pmi *pmi = arg;
    json_t *all;

    if (flux_rpc_get_unpack (f, "{s:o}", "kvs", &all) < 0) {
        shell_log_error ("PMI exchange failed: %s", future_strerror (f, errno));
        finish_exchange (pmi, NULL, -EIO);
    }
    else
        finish_exchange (pmi, all, 0);
    flux_future_destroy (f);
}

/* Go on once this shell's clients and all shells below are in. */
static void try_exchange (struct pmi *pmi)
{
    int rank = pmi->shell->info.shell_rank;
    flux_future_t *f;

    if (pmi->lost) {
        finish_exchange (pmi, NULL, -EHOSTUNREACH);
        return;
    }
    if (!pmi->local_in || flux_msglist_count (pmi->children) < pmi->nchildren)
        return;
    if (rank == 0) {
        json_t *all = json_copy (pmi->gathered);
        finish_exchange (pmi, all, all ? 0 : -ENOMEM);
        json_decref (all);
        return;
    }
    f = flux_shell_rpc_pack (pmi->shell, "pmi-exchange", (rank - 1) / pmi->fanout, 0, "{s:O}",
                             "kvs", pmi->gathered);
    if (!f || shell_then (pmi->shell, f, exchange_cb, pmi) < 0) {
        flux_future_destroy (f);
        finish_exchange (pmi, NULL, -errno);
    }
}

static void exchange_request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pmi *pmi = arg;
    json_t *kvs;

    if (flux_request_unpack (msg, NULL, "{s:o}", "kvs", &kvs) < 0
        || json_object_update (pmi->gathered, kvs) < 0
        || flux_msglist_append (pmi->children, msg) < 0) {
        if (flux_respond_error (h, msg, errno ? errno : ENOMEM, NULL) < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    try_exchange (pmi);
}

/* The server's callbacks */

static int send_cb (void *arg, int client, const char *buf, size_t len)
{
    struct pmi *pmi = arg;
    int n = flux_subprocess_write (pmi->clients[client]->proc, CHANNEL, buf, len);

    return n < 0 || (size_t)n < len ? -EIO : 0;
}

static void barrier_cb (void *arg)
{
    struct pmi *pmi = arg;
    json_t *new = pmi_server_take_new (pmi->server);

    if (!new || json_object_update (pmi->gathered, new) < 0)
        shell_die (1, "out of memory");
    json_decref (new);
    pmi->local_in = true;
    try_exchange (pmi);
}

static void abort_cb (void *arg, int client, int exit_code, const char *msg)
{
    struct pmi *pmi = arg;
    int code = exit_code > 0 && exit_code < 256 ? exit_code : 1;

    flux_shell_raise_exit_status (code << 8, "task %d called MPI_Abort%s%s",
                                  pmi->clients[client]->rank,
                                  msg && *msg ? ": " : "", msg ? msg : "");
}

static void trace_cb (void *arg, int client, char dir, const char *line)
{
    struct pmi *pmi = arg;

    shell_trace ("%d: %c: %s", pmi->clients[client]->rank, dir, line);
}

static const struct pmi_server_ops ops = {
    .send = send_cb,
    .barrier = barrier_cb,
    .abort = abort_cb,
    .trace = trace_cb,
};

static void input_cb (struct shell_task *task, const char *channel, void *arg)
{
    struct pmi *pmi = arg;
    const char *data;
    int n = flux_subprocess_read (task->proc, channel, &data);

    if (n > 0 && pmi_server_input (pmi->server, task->localid, data, n) < 0) {
        flux_subprocess_close (task->proc, channel);
        flux_shell_raise ("exec", 0, "task %d breaks the PMI protocol", task->rank);
    }
}

/* Set-up */

static int preset_keys (struct pmi *pmi)
{
    const char *hint = getenv ("FLUX_INTERFACE_HINT");   /* from the broker */
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

static int count_children (struct pmi *pmi)
{
    int rank = pmi->shell->info.shell_rank;
    int n = 0;

    for (int i = 1; i <= pmi->fanout; i++)
        n += rank * pmi->fanout + i < pmi->shell->info.nshells;
    return n;
}

static void pmi_free (void *arg)
{
    struct pmi *pmi = arg;

    pmi_server_free (pmi->server);
    flux_msglist_destroy (pmi->children);
    json_decref (pmi->gathered);
    free (pmi->clients);
    free (pmi);
}

static struct pmi *pmi_new (flux_shell_t *shell)
{
    struct pmi *pmi = calloc (1, sizeof (*pmi));

    if (!pmi)
        return NULL;
    pmi->shell = shell;
    pmi->fanout = 2;
    if (!(pmi->clients = calloc (shell->info.ntasks + 1, sizeof (pmi->clients[0])))
        || !(pmi->gathered = json_object ())
        || !(pmi->children = flux_msglist_create ())
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
    const json_t *k = shell_option (shell, "pmi-simple.exchange.k");
    struct pmi *pmi;

    if (shell->info.ntasks == 0)
        return 0;
    if (!(pmi = pmi_new (shell)) || flux_plugin_aux_set (p, "pmi", pmi, pmi_free) < 0)
        return -1;
    if (k && (!json_is_integer (k) || (pmi->fanout = json_integer_value (k)) < 1)) {
        shell_log_error ("pmi-simple.exchange.k: want a positive integer");
        return -1;
    }
    pmi->nchildren = count_children (pmi);
    if (shell->info.nshells > 1
        && flux_shell_service_register (shell, "pmi-exchange", exchange_request_cb, pmi) < 0)
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
        || flux_cmd_setenvf (task->cmd, 1, "PMI_RANK", "%d", task->rank) < 0
        || flux_cmd_setenvf (task->cmd, 1, "PMI_SIZE", "%d", shell->info.total_ntasks) < 0)
        return -1;
    return flux_shell_task_channel_subscribe (task, CHANNEL, input_cb, pmi);
}

static int pmi_lost (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmi *pmi = flux_plugin_aux_get (p, "pmi");

    if (pmi) {
        pmi->lost = true;
        if (pmi->local_in || flux_msglist_count (pmi->children) > 0)
            try_exchange (pmi);
    }
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
