/* main.c - the life of a job shell (flux-shell(1))
 *
 *   open ─ info ─ plugins ─ task map ─ shell.init ─┬ barrier ┬─ shell.post-init
 *                                                  └ if > 1 ─┘
 *   task.init, spawn, task.fork for each ─ shell.start ─ reactor ─ task.exit ...
 *   all tasks done ─ shell.finish ─ references gone ─ shell.exit ─ last commit
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
#include <flux/taskmap.h>
#include <flux/idset.h>

#include "base/fluid.h"
#include "base/forkserver.h"
#include "base/hash.h"
#include "core/aux.h"
#include "shell/cpus.h"
#include "shell/internal.h"
#include "shell/lua.h"
#include "spec/eventlog.h"
#include "spec/jobspec.h"

#define EVENT_DELAY 0.01   /* seconds that an exec event may wait for company */
#define START_AGAIN 0.05    /* seconds */
#define HEAP_ROOM (512 * 1024)
#define FEW_TASKS 16

static void usage (FILE *f)
{
    fprintf (f, "Usage: flux-shell [OPTIONS] JOBID\n"
                "Run the tasks of a job on this node (started by the execution service)\n"
                "  -h, --help         Display this message.\n"
                "      --reconnect    Attempt to reconnect if broker connection is lost.\n");
}

/* Opening */

/* Where a socket that was inherited can be connected anew. */
static const char *again_path (const flux_shell_t *shell)
{
    const char *uri = shell->reconnect ? getenv ("FLUX_URI") : NULL;

    return uri && strncmp (uri, "local://", 8) == 0 ? uri + 8 : NULL;
}

static flux_t *open_handle (flux_shell_t *shell)
{
    const char *fd = getenv ("FLUX_SHELL_FD");
    const char *again = again_path (shell);
    char uri[256];
    flux_error_t err;
    flux_t *h;

    if (fd)
        snprintf (uri, sizeof (uri), "fd://%s%s%s", fd, again ? "+" : "", again ? again : "");
    if (!(h = flux_open_ex (fd ? uri : NULL, shell->reconnect ? FLUX_O_RPCTRACK : 0, &err)))
        shell_die (1, "cannot reach the broker: %s", err.text);
    unsetenv ("FLUX_SHELL_FD");
    return h;
}

/* The broker that has started it may be followed by another that takes it over. */
static void init_patience (flux_shell_t *shell)
{
    const char *s = getenv ("FLUX_SHELL_RECONNECT");
    double seconds = s ? strtod (s, NULL) : 0.;

    if (seconds > 0. && !shell->reconnect) {
        shell->patience = seconds;
        shell->reconnect = true;
        shell->ppid = getppid ();
    }
    unsetenv ("FLUX_SHELL_RECONNECT");
}

static void set_job_env (flux_shell_t *shell)
{
    static const char *inherit[] = {
        "FLUX_URI", "FLUX_KVS_NAMESPACE", "FLUX_JOB_ID_PATH", "FLUX_ENCLOSING_ID", NULL,
    };
    /* a job that a task has submitted brings that task's */
    static const char *drop[] = {
        "PMI_FD", "PMI_RANK", "PMI_SIZE", "PMI_SPAWNED", "FLUX_PMI_LIBRARY_PATH", NULL,
    };
    const struct shell_info *info = &shell->info;

    for (int i = 0; drop[i]; i++)
        flux_shell_unsetenv (shell, drop[i]);
    for (int i = 0; inherit[i]; i++) {
        const char *val = getenv (inherit[i]);
        if (val)
            flux_shell_setenvf (shell, 1, inherit[i], "%s", val);
        else
            flux_shell_unsetenv (shell, inherit[i]);
    }
    flux_shell_setenvf (shell, 1, "FLUX_JOB_ID", "%s", info->idf58);
    flux_shell_setenvf (shell, 1, "FLUX_JOB_SIZE", "%d", info->total_ntasks);
    flux_shell_setenvf (shell, 1, "FLUX_JOB_NNODES", "%d", info->nshells);
}

static int init_objects (flux_shell_t *shell)
{
    const json_t *options = jobspec_attr (shell->info.jobspec, "system.shell.options");
    const json_t *env = jobspec_environment (shell->info.jobspec);

    shell->options = options ? json_deep_copy (options) : json_object ();
    shell->env = env ? json_copy ((json_t *)env) : json_object ();
    if (!shell->options || !shell->env || shell_options_init (shell) < 0)
        return -ENOMEM;
    if (!(shell->kvslog = kvslog_new (shell))
        || !(shell->plugstack = plugstack_new (shell)))
        return -ENOMEM;
    return shell_svc_init (shell);
}

static void set_verbosity (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "verbose");

    shell->verbose = json_is_integer (o) ? json_integer_value (o) : json_is_true (o);
    if (shell->verbose > FLUX_SHELL_TRACE - FLUX_SHELL_NOTICE)
        shell->verbose = FLUX_SHELL_TRACE - FLUX_SHELL_NOTICE;
    if (shell->verbose > 0)
        shell_set_verbose (shell->verbose);
}

/* Task map */

static int call_taskmap_plugin (flux_shell_t *shell, const char *scheme, const char *value)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    char *def = taskmap_encode (shell->info.taskmap, TASKMAP_ENCODE_WRAPPED);
    char topic[128];
    const char *result = NULL;
    json_t *obj = NULL;
    char *text = NULL;
    flux_error_t err;
    struct taskmap *map = NULL;
    int rc = -1;

    snprintf (topic, sizeof (topic), "taskmap.%s", scheme);
    if (!args || !def
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:s s:s s:s}", "taskmap", def,
                                 "scheme", scheme, "value", value ? value : "") < 0)
        goto out;
    if (plugstack_call (shell->plugstack, topic, args) < 0)
        goto out;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "taskmap", &result) < 0
        && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:o}", "taskmap", &obj) < 0) {
        shell_log_error ("no plugin maps tasks by '%s' (there are block, cyclic, hostfile, manual)",
                         scheme);
        goto out;
    }
    if (obj && (text = json_dumps (obj, JSON_COMPACT)))
        result = text;
    if (!(map = taskmap_decode (result, &err))
        || taskmap_check (shell->info.taskmap, map, &err) < 0) {
        shell_log_error ("task map '%s': %s", scheme, err.text);
        taskmap_destroy (map);
        goto out;
    }
    rc = shell_info_set_taskmap (&shell->info, map);
out:
    free (text);
    free (def);
    flux_plugin_arg_destroy (args);
    return rc;
}

static void map_default (flux_shell_t *shell)
{
    flux_error_t err;

    if (shell_info_map_tasks (&shell->info, shell_option (shell, "per-resource"), &err) < 0)
        shell_die (1, "%s", err.text);
}

static int map_tasks (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "taskmap");
    const char *scheme;
    const char *value = NULL;

    if (!o)
        return 0;
    if (json_unpack ((json_t *)o, "{s:s s?s}", "scheme", &scheme, "value", &value) < 0) {
        shell_log_error ("taskmap option: want {\"scheme\":, \"value\":}");
        return -1;
    }
    if (strcmp (scheme, "block") == 0 && (!value || !*value))
        return 0;
    if (strcmp (scheme, "block") == 0) {
        shell_log_error ("task map 'block' takes no value, '%.60s'", value);
        return -1;
    }
    return call_taskmap_plugin (shell, scheme, value);
}

/* Events and barriers */

int shell_event (flux_shell_t *shell, const char *name, json_t *context)
{
    json_t *extra = json_object_get (shell->event_context, name);
    char *text = NULL;
    char *line = NULL;
    int rc = -ENOMEM;

    if (!context)
        context = json_object ();
    if (context && extra)
        json_object_update (context, extra);
    if (context && (json_object_size (context) == 0 || (text = json_dumps (context, JSON_COMPACT)))
        && (line = eventlog_line (0, name, text)))
        rc = kvslog_append (shell->kvslog, "exec.eventlog", line, EVENT_DELAY);
    json_decref (context);
    free (text);
    free (line);
    return rc;
}

static void barrier_cb (flux_future_t *f, void *arg)
{
}

static flux_future_t *barrier (flux_shell_t *shell, const char *name)
{
    return flux_rpc_pack (shell->h, "job-exec.barrier", FLUX_NODEID_ANY, 0, "{s:I s:s}",
                          "id", shell->info.jobid, "name", name);
}

/* The reactor runs meanwhile: others may be through already and send requests, and a
 * signal must end the wait. */
static void init_barrier (flux_shell_t *shell)
{
    flux_future_t *f;

    if (shell->info.nshells == 1)
        return;
    if (!(f = barrier (shell, "init")) || flux_future_then (f, -1., barrier_cb, NULL) < 0)
        shell_die_errno (1, "init barrier");
    while (!flux_future_is_ready (f) && !shell->signaled) {
        if (flux_reactor_run (shell->r, FLUX_REACTOR_ONCE) < 0)
            shell_die_errno (1, "reactor");
    }
    if (shell->signaled)
        shell_die (128 + shell->signaled, "%s while waiting for the other shells of this job",
                   strsignal (shell->signaled));
    if (flux_future_get (f, NULL) < 0)
        shell_die (1, "the shells of this job did not all start: %s", future_strerror (f, errno));
    flux_future_destroy (f);
}

static void post_init_event (flux_shell_t *shell)
{
    if (shell->info.shell_rank == 0)
        shell_event (shell, "shell.init",
                     json_pack ("{s:s s:i s:i}", "service", shell->service, "leader-rank",
                                (int)shell->info.broker_rank, "size", shell->info.nshells));
}

static void post_start_event (flux_shell_t *shell)
{
    char *map;

    if (shell->info.shell_rank != 0)
        return;
    map = taskmap_encode (shell->info.taskmap, TASKMAP_ENCODE_WRAPPED);
    shell_event (shell, "shell.start",
                 json_pack ("{s:o?}", "taskmap", map ? json_loads (map, 0, NULL) : NULL));
    free (map);
}

static int join_start_barrier (flux_shell_t *shell);

static void start_again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_watcher_destroy (w);
    if (join_start_barrier (arg) < 0)
        flux_shell_remove_completion_ref (arg, "start-barrier");
}

/* The broker was lost with the answer. */
static bool start_again (flux_shell_t *shell, int errnum)
{
    flux_watcher_t *w;

    if (!shell_may_retry (shell, &shell->start_retry, errnum)
        || !(w = flux_timer_watcher_create (shell->r, START_AGAIN, 0., start_again_cb, shell)))
        return false;
    flux_watcher_start (w);
    return true;
}

static void start_barrier_cb (flux_future_t *f, void *arg)
{
    flux_shell_t *shell = arg;
    int rc = flux_future_get (f, NULL);

    if (rc < 0 && start_again (shell, errno)) {
        flux_future_destroy (f);
        return;
    }
    if (rc < 0)
        shell_warn ("start barrier: %s", future_strerror (f, errno));
    else
        post_start_event (shell);
    flux_future_destroy (f);
    flux_shell_remove_completion_ref (shell, "start-barrier");
}

static int join_start_barrier (flux_shell_t *shell)
{
    flux_future_t *f = barrier (shell, "start");

    if (!f || flux_future_then (f, -1., start_barrier_cb, shell) < 0) {
        shell_warn ("start barrier: %s", strerror (errno));
        flux_future_destroy (f);
        return -1;
    }
    return 0;
}

static void enter_start_barrier (flux_shell_t *shell)
{
    if (shell->info.nshells == 1)
        post_start_event (shell);
    else if (join_start_barrier (shell) == 0) {
        shell->met = true;
        flux_shell_add_completion_ref (shell, "start-barrier");
    }
}

/* Tasks */

static void note_exit (flux_shell_t *shell, int status)
{
    int code = WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);

    if (code > shell->rc)
        shell->rc = code;
}

static void call_with_task (flux_shell_t *shell, struct shell_task *task, const char *topic)
{
    shell->current_task = task;
    if (plugstack_call (shell->plugstack, topic, NULL) < 0 && strcmp (topic, "task.init") == 0)
        shell_die (1, "task.init failed for task %d", task->rank);
    shell->current_task = NULL;
}

void shell_task_exited (struct shell_task *task)
{
    note_exit (task->shell, task->wait_status);
    call_with_task (task->shell, task, "task.exit");
}

void shell_task_done (struct shell_task *task)
{
    flux_shell_t *shell = task->shell;

    if (--shell->tasks_running == 0 && plugstack_call (shell->plugstack, "shell.finish", NULL) < 0)
        shell_log_error ("shell.finish failed");
    flux_shell_remove_completion_ref (shell, "task%d", task->rank);
}

/* A task that cannot be started ends the job: no other may be left waiting. */
static void start_failed (struct shell_task *task, const flux_error_t *err)
{
    flux_shell_t *shell = task->shell;

    note_exit (shell, task->wait_status >= 0 ? task->wait_status : 1 << 8);
    flux_shell_raise_exit_status (task->wait_status, "%s", err->text);
    flux_shell_killall (shell, SIGKILL);
    task->exited = true;
    task->done = true;
    shell_task_done (task);
}

static void start_tasks (flux_shell_t *shell)
{
    bool failed = false;

    list_foreach (&shell->tasks, n) {
        shell->tasks_running++;
        flux_shell_add_completion_ref (shell, "task%d",
                                       list_entry (n, struct shell_task, node)->rank);
    }
    shell->started = true;
    list_foreach (&shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        flux_error_t err;
        if (failed) {
            task->done = true;
            shell_task_done (task);
            continue;
        }
        if (shell_task_prepare (task) < 0)
            shell_die_errno (1, "task %d: environment", task->rank);
        call_with_task (shell, task, "task.init");
        if (shell_task_start (task, &err) < 0) {
            start_failed (task, &err);
            failed = true;
            continue;
        }
        call_with_task (shell, task, "task.fork");
    }
}

static void change_directory (flux_shell_t *shell)
{
    const char *cwd = jobspec_cwd (shell->info.jobspec);

    if (!cwd || chdir (cwd) == 0)
        return;
    shell_log_error ("host %s: cannot change to directory %s: %s. Going to /tmp instead",
                     shell->info.nodes[shell->info.shell_rank].host, cwd, strerror (errno));
    if (chdir ("/tmp") < 0)
        shell_die_errno (1, "cannot change to /tmp either");
}

/* Signals */

static void signal_tasks (flux_shell_t *shell, int sig)
{
    shell_debug ("forwarding signal %d to tasks", sig);
    if (sig == SIGTERM || sig == SIGKILL || sig == SIGINT)
        shell->killed = true;
    if (shell->started)
        flux_shell_killall (shell, sig);
    else
        shell->signaled = sig;
}

static void signal_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    int sig = flux_signal_watcher_get_signum (w);

    signal_tasks (arg, sig);
}

/* job-exec passes any other signal on by a request. */
static void kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int sig;

    if (flux_request_unpack (msg, NULL, "{s:i}", "signum", &sig) < 0 || sig < 1 || sig >= NSIG) {
        if (flux_respond_error (h, msg, EPROTO, NULL) < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    signal_tasks (arg, sig);
    if (!flux_msg_is_noresponse (msg) && flux_respond (h, msg, NULL) < 0)
        shell_log_errno ("flux_respond");
}

static int catch_signals (flux_shell_t *shell)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGALRM };

    signal (SIGPIPE, SIG_IGN);
    for (int i = 0; i < 3; i++) {
        flux_watcher_t *w = flux_signal_watcher_create (shell->r, signals[i], signal_cb, shell);
        if (!w)
            return -1;
        flux_watcher_unref (w);
        flux_watcher_start (w);
    }
    if (shell_proctable_init (shell) < 0)
        return -1;
    return flux_shell_service_register (shell, "kill", kill_cb, shell);
}

/* A job of few tasks is cheaper to serve by poll(2). */
static int init_reactor (flux_shell_t *shell)
{
    int ntasks = jobspec_ntasks (shell->info.jobspec);

    if (ntasks >= 1 && ntasks / shell->info.nshells < FEW_TASKS)
        (void)setenv ("LIBEV_FLAGS", "2", 0);
    shell->r = flux_get_reactor (shell->h);
    unsetenv ("LIBEV_FLAGS");
    return shell->r ? 0 : -1;
}

/* The whole */

static char *ids_text (const struct idset *ids)
{
    return ids ? idset_encode (ids, IDSET_FLAG_RANGE) : strdup ("");
}

/* For -o verbose: what the job is, and what of it is here. */
static void log_share (flux_shell_t *shell)
{
    const struct shell_info *info = &shell->info;
    const struct shell_node *n = &info->nodes[info->shell_rank];
    char *map = taskmap_encode (info->taskmap, 0);
    char *cores = ids_text (n->cores);
    char *gpus = ids_text (n->gpus);

    if (map && cores && gpus) {
        if (info->shell_rank == 0)
            shell_debug ("job %s: %d tasks on %d nodes, task map %s", info->idf58,
                         info->total_ntasks, info->nshells, map);
        shell_debug ("on %s: %d tasks, cores [%s], gpus [%s]", n->host, info->ntasks, cores,
                     gpus);
    }
    free (map);
    free (cores);
    free (gpus);
}

static void start (flux_shell_t *shell, flux_jobid_t id)
{
    char rank[16];
    flux_error_t err;

    shell->looked_up = !getenv ("FLUX_SHELL_INFO_FD");
    init_patience (shell);
    shell->h = open_handle (shell);
    if (shell_info_init (&shell->info, shell->h, id, &err) < 0)
        shell_die (1, "%s", err.text);
    if (init_reactor (shell) < 0)
        shell_die_errno (1, "reactor");
    snprintf (rank, sizeof (rank), "%u", shell->info.broker_rank);
    if (flux_attr_set_cacheonly (shell->h, "rank", rank) < 0)    /* it need not be asked for */
        shell_die_errno (1, "rank");
    if (init_objects (shell) < 0 || catch_signals (shell) < 0)
        shell_die (1, "out of memory");
    set_verbosity (shell);
    map_default (shell);      /* scripts and plugins may look at it */
    if (shell_initrc (shell) < 0)
        shell_die (1, "the initrc failed");
    if (plugstack_load_builtins (shell->plugstack) < 0)
        shell_die (1, "cannot load built-in plugins");
    shell_options_check (shell);
    if (map_tasks (shell) < 0)
        shell_die (1, "tasks cannot be mapped");
    set_job_env (shell);
    if (shell_orphan_init (shell) < 0)
        shell_die (1, "out of memory");
    if (shell_tasks_create (shell, &err) < 0)
        shell_die (1, "%s", err.text);
    if (shell->verbose > 0)
        log_share (shell);
    if (plugstack_call (shell->plugstack, "shell.init", NULL) < 0)
        shell_die (1, "shell.init failed");
    if (shell->info.shell_rank == 0)
        shell_log_start (shell);
    change_directory (shell);
    init_barrier (shell);
    if (shell->info.shell_rank > 0)    /* from here on the leader takes messages */
        shell_log_start (shell);
    post_init_event (shell);
    if (plugstack_call (shell->plugstack, "shell.post-init", NULL) < 0)
        shell_die (1, "shell.post-init failed");
    start_tasks (shell);
    if (plugstack_call (shell->plugstack, "shell.start", NULL) < 0)
        shell_die (1, "shell.start failed");
    shell_options_warn (shell);
    enter_start_barrier (shell);
}

static void finish (flux_shell_t *shell)
{
    flux_error_t err;

    plugstack_call (shell->plugstack, "shell.exit", NULL);
    shell_output_end (shell);
    if (kvslog_sync (shell->kvslog, &err) < 0) {
        fprintf (stderr, "flux-shell: the last output was lost: %s\n", err.text);
        if (shell->rc == 0)
            shell->rc = 1;
    }
}

/* Plugins may have something to put away; the rest goes with the process. */
static void release (flux_shell_t *shell)
{
    shell_log_fini ();
    plugstack_free (shell->plugstack);
    aux_clear (&shell->aux);
    shell_goodbye (shell);
    flux_close (shell->h);       /* sends what is queued */
    fflush (NULL);
}

/* Otherwise jansson opens /dev/urandom. */
static void seed_hashes (void)
{
    const void *random = (const void *)getauxval (AT_RANDOM);   /* not aligned */
    size_t seed;

    if (random) {
        memcpy (&seed, random, sizeof (seed));
        json_object_seed (seed | 1);
    }
}

/* What is the same in all shells of a broker. */
static void warm_up (void)
{
    (void)mallopt (M_TOP_PAD, HEAP_ROOM);
    (void)flux_conf_builtin_get ("shell_initrc", FLUX_CONF_AUTO);
    (void)cpus_warm_up ();
    shell_oom_warm_up ();
}

int main (int argc, char **argv)
{
    flux_shell_t shell = { 0 };
    uint64_t id;

    seed_hashes ();
    if (forkserver_wanted ())
        warm_up ();
    else
        shell_oom_warm_up ();
    forkserver_serve (argc, argv);
    if (argc > 1 && (strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "--help") == 0)) {
        usage (stdout);
        return 0;
    }
    if (argc > 1 && strcmp (argv[1], "--reconnect") == 0) {
        shell.reconnect = true;
        argc--;
        argv++;
    }
    if (argc != 2 || fluid_parse (argv[1], &id) < 0) {
        usage (stderr);
        return 1;
    }
    list_init (&shell.tasks);
    shell.info.shell_rank = -1;
    shell.refs = hash_new (NULL);
    shell.event_context = json_object ();
    if (!shell.refs || !shell.event_context)
        shell_die (1, "out of memory");
    shell_log_init (&shell);
    start (&shell, id);
    if (shell.refcount > 0 && flux_reactor_run (shell.r, 0) < 0)
        shell_die_errno (1, "reactor");
    finish (&shell);
    release (&shell);
    _exit (shell.rc);
}
