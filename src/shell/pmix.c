/* pmix.c - a PMIx server for the tasks (shell option pmi=pmix)
 *
 *   task ◄─PMIx─► libpmix in this process (pmixlib.h) ─fence─► exchange.h ◄─► other shells
 *                                     ─fence of some──► gather.h ◄─► shells of those tasks
 *                                                  ─get───► pmix-modex ──► shell of that task
 *
 * Fences of tasks of one node do not come here.
 */
#define FLUX_SHELL_PLUGIN_NAME "pmix"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/dso.h"
#include "shell/builtins.h"
#include "shell/exchange.h"
#include "shell/gather.h"
#include "shell/internal.h"
#include "shell/pmixlib.h"

#define FANOUT 2

struct pmix {
    flux_shell_t *shell;
    const struct shell_pmix_lib *lib;
    struct shell_pmix *server;
    flux_watcher_t *w;
    struct exchange *exchange;
    struct gather *gather;
    bool *active;                /* by local id: between init and finalize */
    bool aborted;
};

/* Fences: each shell gives a line of base64 */

static char *encode_line (const void *data, size_t len)
{
    char *line = malloc (base64_encoded_size (len) + 1);

    if (!line)
        shell_die (1, "out of memory");
    memcpy (line + base64_encode (data, len, line), "\n", 2);
    return line;
}

static void fence_cb (void *arg, const void *data, size_t len)
{
    struct pmix *px = arg;
    char *line = encode_line (data, len);

    exchange_enter (px->exchange, line);
    free (line);
}

/* What the lines hold, one after the other. */
static int decode_lines (const char *all, struct buf *out)
{
    for (const char *end; (end = strchr (all, '\n')); all = end + 1) {
        size_t n;
        if (buf_reserve (out, base64_decoded_size (end - all)) < 0
            || base64_decode (all, end - all, out->data + out->len, &n) < 0)
            return -1;
        out->len += n;
    }
    return 0;
}

static void exchange_cb (void *arg, const char *all, const char *why)
{
    struct pmix *px = arg;
    struct buf b = BUF_INIT;

    if (all && decode_lines (all, &b) == 0)
        px->lib->fence_done (px->server, b.data, b.len);
    else
        px->lib->fence_done (px->server, NULL, 0);
    buf_release (&b);
}

/* Operations of some tasks: fences, connections, groups */

static void gather_cb (void *arg, const char *what, const int *ranks, size_t nranks, const void *data, size_t len,
                       void *token)
{
    struct pmix *px = arg;
    struct idset *tasks = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct idset *shells = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *line = encode_line (data, len);
    char *set = NULL;
    char *key;

    for (size_t i = 0; tasks && shells && i < nranks; i++) {
        if (idset_set (tasks, ranks[i]) < 0
            || idset_set (shells, taskmap_nodeid (px->shell->info.taskmap, ranks[i])) < 0)
            shell_die (1, "out of memory");
    }
    if (!tasks || !shells || !(set = idset_encode (tasks, IDSET_FLAG_RANGE))
        || asprintf (&key, "%s %s", what, set) < 0)
        shell_die (1, "out of memory");
    shell_trace ("%s of tasks %s", what, set);
    gather_enter (px->gather, shells, key, line, token);
    free (key);
    free (set);
    free (line);
    idset_destroy (tasks);
    idset_destroy (shells);
}

static void gathered_cb (void *arg, void *token, const char *all)
{
    struct pmix *px = arg;
    struct buf b = BUF_INIT;

    if (all && decode_lines (all, &b) == 0)
        px->lib->gather_done (px->server, token, b.data, b.len);
    else
        px->lib->gather_done (px->server, token, NULL, 0);
    buf_release (&b);
}

/* What a task of another node has put: asked for there */

struct question {
    struct pmix *px;
    void *token;
};

static void modex_rpc_cb (flux_future_t *f, void *arg)
{
    struct question *q = arg;
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        data = NULL;
    q->px->lib->modex_done (q->px->server, q->token, data, len);
    flux_future_destroy (f);
    free (q);
}

static void modex_cb (void *arg, int rank, void *token)
{
    struct pmix *px = arg;
    int node = taskmap_nodeid (px->shell->info.taskmap, rank);
    struct question *q = malloc (sizeof (*q));
    flux_future_t *f;

    if (!q)
        shell_die (1, "out of memory");
    *q = (struct question){ px, token };
    shell_trace ("modex of task %d, on shell %d", rank, node);
    f = flux_shell_rpc_pack (px->shell, "pmix-modex", node, 0, "{s:i}", "rank", rank);
    if (!f || shell_then (px->shell, f, modex_rpc_cb, q) < 0) {
        flux_future_destroy (f);
        px->lib->modex_done (px->server, token, NULL, 0);
        free (q);
    }
}

static void modex_request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pmix *px = arg;
    int rank;

    if (flux_request_unpack (msg, NULL, "{s:i}", "rank", &rank) == 0
        && taskmap_nodeid (px->shell->info.taskmap, rank) == px->shell->info.shell_rank) {
        if (px->lib->modex_request (px->server, rank, (void *)flux_msg_incref (msg)) == 0)
            return;
        flux_msg_decref (msg);
    }
    if (flux_respond_error (h, msg, ENOENT, NULL) < 0)
        shell_log_errno ("flux_respond_error");
}

static void modex_answer_cb (void *arg, void *request, const void *data, size_t len)
{
    struct pmix *px = arg;
    const flux_msg_t *msg = request;
    int rc = data ? flux_respond_raw (px->shell->h, msg, data, len)
                  : flux_respond_error (px->shell->h, msg, ENOENT, NULL);

    if (rc < 0)
        shell_log_errno ("pmix-modex");
    flux_msg_decref (msg);
}

/* Tasks */

static struct shell_task *find_task (struct pmix *px, int rank)
{
    list_foreach (&px->shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (task->rank == rank)
            return task;
    }
    return NULL;
}

static void set_active (struct pmix *px, int rank, bool val)
{
    struct shell_task *task = find_task (px, rank);

    if (task)
        px->active[task->localid] = val;
}

static void connected_cb (void *arg, int rank)
{
    set_active (arg, rank, true);
}

static void finalized_cb (void *arg, int rank)
{
    set_active (arg, rank, false);
}

static void abort_cb (void *arg, int rank, int code, const char *msg)
{
    struct pmix *px = arg;

    px->aborted = true;
    shell_raise_abort (rank, code, msg);
}

static const struct shell_pmix_host host = {
    .fence = fence_cb,
    .gather = gather_cb,
    .modex = modex_cb,
    .modex_answer = modex_answer_cb,
    .abort = abort_cb,
    .connected = connected_cb,
    .finalized = finalized_cb,
};

/* Set-up */

static void pmix_free (void *arg)
{
    struct pmix *px = arg;

    flux_watcher_destroy (px->w);
    if (px->server)
        px->lib->stop (px->server);
    exchange_free (px->exchange);
    gather_free (px->gather);
    free (px->active);
    free (px);
}

/* A test instance has several nodes of one name. */
static char **unique_hosts (const struct shell_info *info)
{
    char **hosts = calloc (info->nshells + 1, sizeof (*hosts));

    for (int i = 0; hosts && i < info->nshells; i++) {
        bool twin = false;
        for (int j = 0; j < info->nshells && !twin; j++)
            twin = j != i && strcmp (info->nodes[i].host, info->nodes[j].host) == 0;
        if (asprintf (&hosts[i], twin ? "%s.%d" : "%s", info->nodes[i].host, i) < 0)
            shell_die (1, "out of memory");
    }
    return hosts;
}

static int start_server (struct pmix *px)
{
    const struct shell_info *info = &px->shell->info;
    char **hosts = unique_hosts (info);
    int *node = calloc (info->total_ntasks, sizeof (*node));
    char nspace[64];
    struct shell_pmix_job job = {
        .nspace = nspace, .tmpdir = flux_shell_getenv (px->shell, "FLUX_JOB_TMPDIR"),
        .shell_rank = info->shell_rank, .nshells = info->nshells,
        .hosts = (const char *const *)hosts, .ntasks = info->total_ntasks, .node = node,
        .uid = getuid (), .gid = getgid (),
    };
    flux_error_t err = { "out of memory" };

    snprintf (nspace, sizeof (nspace), "flux-%ju", (uintmax_t)info->jobid);
    for (int t = 0; node && t < info->total_ntasks; t++)
        node[t] = taskmap_nodeid (info->taskmap, t);
    if (hosts && node && job.tmpdir)
        px->server = px->lib->start (&job, &host, px, &err);
    for (int i = 0; hosts && hosts[i]; i++)
        free (hosts[i]);
    free (hosts);
    free (node);
    if (!px->server)
        shell_log_error ("%s", err.text);
    return px->server ? 0 : -1;
}

static void ready_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct pmix *px = arg;

    px->lib->dispatch (px->server);
}

static int watch (struct pmix *px)
{
    px->w = flux_fd_watcher_create (px->shell->r, px->lib->fd (px->server), FLUX_POLLIN, ready_cb, px);
    if (!px->w)
        return -1;
    flux_watcher_start (px->w);
    flux_watcher_unref (px->w);          /* it keeps no shell from ending */
    return 0;
}

static struct pmix *pmix_new (flux_shell_t *shell)
{
    struct pmix *px = calloc (1, sizeof (*px));

    if (!px)
        return NULL;
    px->shell = shell;
    if (!(px->active = calloc (shell->info.ntasks, sizeof (px->active[0])))
        || !(px->exchange = exchange_new (shell, "pmix-exchange", FANOUT, exchange_cb, px))
        || !(px->gather = gather_new (shell, "pmix-gather", gathered_cb, px))
        || (shell->info.nshells > 1
            && flux_shell_service_register (shell, "pmix-modex", modex_request_cb, px) < 0)) {
        pmix_free (px);
        return NULL;
    }
    return px;
}

static int pmix_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    flux_error_t err;
    const struct shell_pmix_lib *lib = dso_symbol_apart ("shellpmix", "shell_pmix_lib", &err);
    struct pmix *px;

    if (!lib) {
        shell_log_error ("option pmi=pmix: this Flux was built without libpmix-dev, or libpmix2 is"
                         " not installed: %s", err.text);
        return -1;
    }
    if (shell->info.ntasks == 0)
        return 0;
    if (!(px = pmix_new (shell)) || flux_plugin_aux_set (p, "pmix", px, pmix_free) < 0)
        return -1;
    px->lib = lib;
    return start_server (px) < 0 || watch (px) < 0 ? -1 : 0;
}

static int set_pair (void *arg, const char *pair)
{
    struct shell_task *task = arg;
    const char *eq = strchr (pair, '=');
    char *name = eq ? strndup (pair, eq - pair) : NULL;
    int rc = name ? flux_cmd_setenvf (task->cmd, 1, name, "%s", eq + 1) : -1;

    free (name);
    return rc;
}

static int pmix_task (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmix *px = flux_plugin_aux_get (p, "pmix");
    struct shell_task *task = flux_shell_current_task (px->shell);

    return px->lib->environment (px->server, task->rank, set_pair, task);
}

/* One that ends between init and finalize leaves others waiting. */
static int pmix_exit (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmix *px = flux_plugin_aux_get (p, "pmix");
    struct shell_task *task = flux_shell_current_task (px->shell);
    char why[128];

    px->lib->dispatch (px->server);
    if (px->aborted || px->shell->killed || !px->active[task->localid])
        return 0;
    snprintf (why, sizeof (why), "task %d (host %s) has ended before PMIx_Finalize", task->rank,
              px->shell->info.nodes[px->shell->info.shell_rank].host);
    exchange_break (px->exchange, EXCHANGE_TELL, why);
    return 0;
}

static int pmix_lost (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct pmix *px = flux_plugin_aux_get (p, "pmix");

    if (px) {
        exchange_break (px->exchange, 0, "a node of this job is lost");
        gather_break (px->gather);
    }
    return 0;
}

static bool pmix_wanted (flux_shell_t *shell)
{
    return shell_pmi_wanted (shell, "pmix");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", pmix_init, NULL },
    { "task.init", pmix_task, NULL },
    { "task.exit", pmix_exit, NULL },
    { "shell.lost", pmix_lost, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin pmix_builtin = { "pmix", pmix_wanted, handlers };
