/* shellapi.c - a shell plugin that holds the functions of flux/shell.h to their manual
 * pages, for tests
 *
 * Built into build/tests/shellapi.so.  Says what does not hold as an error, and at the end
 * of each topic how many statements were tried.
 */
#define FLUX_SHELL_PLUGIN_NAME "shellapi"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>
#include <flux/hostlist.h>
#include <flux/shell.h>
#include <flux/taskmap.h>

static int tried;
static int freed;

static void check (bool ok, const char *what, int line)
{
    tried++;
    if (!ok)
        shell_log_error ("line %d: %s does not hold (errno %s)", line, what, strerror (errno));
}

#define HOLDS(x)                                                                         \
    do {                                                                                 \
        errno = 0;                                                                       \
        check ((x), #x, __LINE__);                                                       \
    } while (0)
#define FAILS(x, errnum) HOLDS ((x) && errno == (errnum))

static void count_free (void *arg)
{
    freed++;
}

static void no_message (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
}

/* The text of an object has these keys, and no other. */
static bool has_keys (char *text, const char *keys)
{
    json_t *o = text ? json_loads (text, 0, NULL) : NULL;
    size_t count = 0;
    bool ok = o != NULL;

    for (const char *s = keys; *s && ok; count++) {
        size_t n = strcspn (s, " ");
        if (!(ok = json_object_getn (o, s, n) != NULL))
            shell_log_error ("%.*s is missing in %s", (int)n, s, text);
        s += n + (s[n] == ' ');
    }
    if (ok && json_object_size (o) != count) {
        shell_log_error ("%s has other keys than %s", text, keys);
        ok = false;
    }
    json_decref (o);
    free (text);
    return ok;
}

static void try_aux (flux_shell_t *shell)
{
    int val;

    FAILS (flux_shell_aux_set (NULL, "a", &val, NULL) < 0, EINVAL);
    FAILS (flux_shell_aux_set (shell, NULL, NULL, NULL) < 0, EINVAL);
    FAILS (flux_shell_aux_set (shell, "a", NULL, count_free) < 0, EINVAL);
    FAILS (flux_shell_aux_set (shell, NULL, &val, NULL) < 0, EINVAL);
    FAILS (flux_shell_aux_get (shell, "test::none") == NULL, ENOENT);
    FAILS (flux_shell_aux_get (NULL, "a") == NULL, EINVAL);
    HOLDS (flux_shell_aux_get (shell, NULL) == NULL && errno);
    HOLDS (flux_shell_aux_set (shell, "test::a", &val, count_free) == 0);
    HOLDS (flux_shell_aux_get (shell, "test::a") == &val);
    HOLDS (flux_shell_aux_set (shell, "test::a", &freed, count_free) == 0 && freed == 1);
    HOLDS (flux_shell_aux_get (shell, "test::a") == &freed);
    HOLDS (flux_shell_aux_set (shell, "test::a", NULL, NULL) == 0 && freed == 2);
    FAILS (flux_shell_aux_get (shell, "test::a") == NULL, ENOENT);
    HOLDS (flux_shell_aux_set (shell, NULL, &val, count_free) == 0);
}

static void try_options (flux_shell_t *shell)
{
    char *s = NULL;
    int i = 0;

    FAILS (flux_shell_getopt (NULL, "a", &s) < 0, EINVAL);
    FAILS (flux_shell_getopt (shell, NULL, &s) < 0, EINVAL);
    FAILS (flux_shell_getopt_unpack (NULL, "a", "i", &i) < 0, EINVAL);
    FAILS (flux_shell_getopt_unpack (shell, NULL, "i", &i) < 0, EINVAL);
    FAILS (flux_shell_getopt_unpack (shell, "a", NULL) < 0, EINVAL);
    FAILS (flux_shell_setopt (NULL, "a", "1") < 0, EINVAL);
    FAILS (flux_shell_setopt (shell, NULL, "1") < 0, EINVAL);
    FAILS (flux_shell_setopt (shell, "a", "{") < 0, EINVAL);
    FAILS (flux_shell_setopt_pack (NULL, "a", "i", 1) < 0, EINVAL);
    FAILS (flux_shell_setopt_pack (shell, NULL, "i", 1) < 0, EINVAL);
    FAILS (flux_shell_setopt_pack (shell, "a", NULL) < 0, EINVAL);
    HOLDS (flux_shell_getopt (shell, "unset", &s) == 0);
    HOLDS (flux_shell_getopt_unpack (shell, "unset", "i", &i) == 0);
    HOLDS (flux_shell_getopt (shell, "shellapi", NULL) == 1);
    HOLDS (flux_shell_getopt (shell, "shellapi", &s) == 1 && !strcmp (s, "{\"a\":7}"));
    free (s);
    HOLDS (flux_shell_getopt_unpack (shell, "shellapi", "{s:i}", "a", &i) == 1 && i == 7);
    HOLDS (flux_shell_getopt_unpack (shell, "shellapi.a", "i", &i) == 1 && i == 7);
    HOLDS (flux_shell_getopt_unpack (shell, "shellapi", "i", &i) < 0);
    HOLDS (flux_shell_setopt (shell, "set", "[1]") == 0);
    HOLDS (flux_shell_getopt (shell, "set", &s) == 1 && !strcmp (s, "[1]"));
    free (s);
    HOLDS (flux_shell_setopt_pack (shell, "set", "{s:s}", "x", "y") == 0);
    HOLDS (flux_shell_getopt (shell, "set", &s) == 1 && !strcmp (s, "{\"x\":\"y\"}"));
    free (s);
    HOLDS (flux_shell_setopt (shell, "set.x", "1") == 0);
    HOLDS (flux_shell_setopt_pack (shell, "set.y.z", "i", 2) == 0);
    HOLDS (flux_shell_getopt (shell, "set", &s) == 1
           && !strcmp (s, "{\"x\":1,\"y\":{\"z\":2}}"));
    free (s);
    HOLDS (flux_shell_getopt_unpack (shell, "set.y.z", "i", &i) == 1 && i == 2);
    FAILS (flux_shell_setopt (shell, "set.x.w", "1") < 0, EINVAL);
    HOLDS (flux_shell_setopt (shell, "set.y.z", NULL) == 0);
    HOLDS (flux_shell_getopt (shell, "set.y.z", &s) == 0);
    HOLDS (flux_shell_setopt (shell, "set", NULL) == 0);
    HOLDS (flux_shell_getopt (shell, "set", &s) == 0);
}

static void try_environment (flux_shell_t *shell)
{
    char *s = NULL;
    json_t *o;

    HOLDS (flux_shell_getenv (NULL, "A") == NULL);
    HOLDS (flux_shell_getenv (shell, NULL) == NULL);
    HOLDS (flux_shell_getenv (shell, "SHELLAPI_NONE") == NULL);
    FAILS (flux_shell_get_environ (NULL, &s) < 0, EINVAL);
    FAILS (flux_shell_get_environ (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_setenvf (NULL, 1, "A", "x") < 0, EINVAL);
    FAILS (flux_shell_setenvf (shell, 1, NULL, "x") < 0, EINVAL);
    FAILS (flux_shell_setenvf (shell, 1, "A", NULL) < 0, EINVAL);
    FAILS (flux_shell_unsetenv (NULL, "A") < 0, EINVAL);
    FAILS (flux_shell_unsetenv (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_unsetenv (shell, "SHELLAPI_NONE") < 0, ENOENT);
    HOLDS (flux_shell_setenvf (shell, 0, "SHELLAPI", "%d-%s", 1, "x") == 0);
    HOLDS (!strcmp (flux_shell_getenv (shell, "SHELLAPI"), "1-x"));
    FAILS (flux_shell_setenvf (shell, 0, "SHELLAPI", "y") < 0, EEXIST);
    HOLDS (flux_shell_setenvf (shell, 1, "SHELLAPI", "y") == 0);
    HOLDS (flux_shell_get_environ (shell, &s) == 0 && (o = json_loads (s, 0, NULL)));
    HOLDS (!strcmp (json_string_value (json_object_get (o, "SHELLAPI")), "y"));
    json_decref (o);
    free (s);
    HOLDS (flux_shell_unsetenv (shell, "SHELLAPI") == 0);
    HOLDS (flux_shell_getenv (shell, "SHELLAPI") == NULL);
}

static void try_info (flux_shell_t *shell)
{
    char *s = NULL;
    int i = -1;

    FAILS (flux_shell_get_info (NULL, &s) < 0, EINVAL);
    FAILS (flux_shell_get_info (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_info_unpack (NULL, "{s:i}", "rank", &i) < 0, EINVAL);
    FAILS (flux_shell_info_unpack (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_get_rank_info (NULL, 0, &s) < 0, EINVAL);
    FAILS (flux_shell_get_rank_info (shell, 0, NULL) < 0, EINVAL);
    FAILS (flux_shell_get_rank_info (shell, -2, &s) < 0, EINVAL);
    FAILS (flux_shell_get_rank_info (shell, 99, &s) < 0, EINVAL);
    FAILS (flux_shell_rank_info_unpack (NULL, 0, "{s:i}", "id", &i) < 0, EINVAL);
    FAILS (flux_shell_rank_info_unpack (shell, 0, NULL) < 0, EINVAL);
    FAILS (flux_shell_rank_info_unpack (shell, -2, "{s:i}", "id", &i) < 0, EINVAL);
    FAILS (flux_shell_get_jobspec_info (NULL, &s) < 0, EINVAL);
    FAILS (flux_shell_get_jobspec_info (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_jobspec_info_unpack (NULL, "{s:i}", "version", &i) < 0, EINVAL);
    FAILS (flux_shell_jobspec_info_unpack (shell, NULL) < 0, EINVAL);
    HOLDS (flux_shell_get_info (shell, &s) == 0
           && has_keys (s, "jobid instance_owner rank size ntasks service options jobspec R"));
    HOLDS (flux_shell_get_rank_info (shell, -1, &s) == 0
           && has_keys (s, "id name broker_rank ntasks taskids resources"));
    HOLDS (flux_shell_get_jobspec_info (shell, &s) == 0
           && has_keys (s, "version ntasks nslots cores_per_slot gpus_per_slot nnodes "
                        "slots_per_node node_exclusive"));
    HOLDS (flux_shell_rank_info_unpack (shell, -1, "{s:i}", "id", &i) == 0 && i == 0);
    HOLDS (flux_shell_rank_info_unpack (shell, 0, "{s:{s:i}}", "resources", "ncores", &i) == 0
           && i == 1);
    HOLDS (flux_shell_jobspec_info_unpack (shell, "{s:i}", "nnodes", &i) == 0 && i == -1);
    HOLDS (flux_shell_jobspec_info_unpack (shell, "{s:i}", "slots_per_node", &i) == 0 && i == -1);
}

static void try_maps (flux_shell_t *shell)
{
    const char *xml = NULL;

    FAILS (flux_shell_get_hostlist (NULL) == NULL, EINVAL);
    FAILS (flux_shell_get_taskmap (NULL) == NULL, EINVAL);
    FAILS (flux_shell_get_hwloc_xml (NULL, &xml) < 0, EINVAL);
    FAILS (flux_shell_get_hwloc_xml (shell, NULL) < 0, EINVAL);
    HOLDS (hostlist_count ((struct hostlist *)flux_shell_get_hostlist (shell)) == 1);
    HOLDS (taskmap_total_ntasks (flux_shell_get_taskmap (shell)) == 1);
    HOLDS (flux_shell_get_hwloc_xml (shell, &xml) == 0 && strstr (xml, "<topology"));
}

static void try_services (flux_shell_t *shell)
{
    FAILS (flux_shell_add_event_handler (NULL, "x", no_message, NULL) < 0, EINVAL);
    FAILS (flux_shell_add_event_handler (shell, NULL, no_message, NULL) < 0, EINVAL);
    FAILS (flux_shell_add_event_handler (shell, "x", NULL, NULL) < 0, EINVAL);
    HOLDS (flux_shell_add_event_handler (shell, "x", no_message, NULL) == 0);
    FAILS (flux_shell_add_event_context (NULL, "shell.init", 0, "{s:i}", "a", 1) < 0, EINVAL);
    FAILS (flux_shell_add_event_context (shell, NULL, 0, "{s:i}", "a", 1) < 0, EINVAL);
    FAILS (flux_shell_add_event_context (shell, "shell.init", 0, NULL) < 0, EINVAL);
    FAILS (flux_shell_service_register (NULL, "x", no_message, NULL) < 0, EINVAL);
    FAILS (flux_shell_service_register (shell, NULL, no_message, NULL) < 0, EINVAL);
    FAILS (flux_shell_service_register (shell, "x", NULL, NULL) < 0, EINVAL);
    HOLDS (flux_shell_service_register (shell, "x", no_message, NULL) == 0);
    FAILS (flux_shell_rpc_pack (NULL, "x", 0, 0, "{}") == NULL, EINVAL);
    FAILS (flux_shell_rpc_pack (shell, NULL, 0, 0, "{}") == NULL, EINVAL);
    FAILS (flux_shell_rpc_pack (shell, "x", -1, 0, "{}") == NULL, EINVAL);
    FAILS (flux_shell_rpc_pack (shell, "x", 99, 0, "{}") == NULL, EINVAL);
    FAILS (flux_shell_rpc_pack (shell, "x", 0, 0, NULL) == NULL, EINVAL);
    FAILS (flux_shell_plugstack_call (NULL, "x", NULL) < 0, EINVAL);
    FAILS (flux_shell_plugstack_call (shell, NULL, NULL) < 0, EINVAL);
    HOLDS (flux_shell_plugstack_call (shell, "shellapi.nobody", NULL) == 0);
    FAILS (flux_shell_add_completion_ref (NULL, "x") < 0, EINVAL);
    FAILS (flux_shell_add_completion_ref (shell, NULL) < 0, EINVAL);
    FAILS (flux_shell_remove_completion_ref (NULL, "x") < 0, EINVAL);
    FAILS (flux_shell_remove_completion_ref (shell, NULL) < 0, EINVAL);
    HOLDS (flux_shell_remove_completion_ref (shell, "none") < 0);
    HOLDS (flux_shell_add_completion_ref (shell, "r%d", 1) == 1);
    HOLDS (flux_shell_add_completion_ref (shell, "r1") == 2);
    HOLDS (flux_shell_add_completion_ref (shell, "r2") == 1);
    HOLDS (flux_shell_remove_completion_ref (shell, "r%d", 1) == 0);
    HOLDS (flux_shell_remove_completion_ref (shell, "r1") == 0);
    HOLDS (flux_shell_remove_completion_ref (shell, "r1") < 0);
    HOLDS (flux_shell_remove_completion_ref (shell, "r2") == 0);
}

static void try_log (flux_shell_t *shell)
{
    FAILS (flux_shell_err (NULL, __FILE__, __LINE__, ENOENT, "this is an error to see") == -1,
           ENOENT);
    FAILS (shell_log_errn (EPERM, "this is another error to see") == -1, EPERM);
    FAILS (flux_shell_log_setlevel (99, NULL) < 0, EINVAL);
    FAILS (flux_shell_log_setlevel (-99, NULL) < 0, EINVAL);
    FAILS (flux_shell_log_setlevel (FLUX_SHELL_NOTICE, "nosuch") < 0, EINVAL);
    HOLDS (shell_set_verbose (1) == 0);
    HOLDS (shell_set_verbose (0) == 0);
    flux_shell_killall (NULL, SIGTERM);
    flux_shell_killall (shell, 0);
    flux_shell_killall (shell, -1);
}

static void try_mustache (flux_shell_t *shell)
{
    char *s;

    FAILS (flux_shell_mustache_render (NULL, "x") == NULL, EINVAL);
    FAILS (flux_shell_mustache_render (shell, NULL) == NULL, EINVAL);
    FAILS (flux_shell_rank_mustache_render (NULL, 0, "x") == NULL, EINVAL);
    FAILS (flux_shell_rank_mustache_render (shell, 0, NULL) == NULL, EINVAL);
    FAILS (flux_shell_rank_mustache_render (shell, 99, "x") == NULL, EINVAL);
    FAILS (flux_shell_task_mustache_render (shell, NULL, "x") == NULL, EINVAL);
    FAILS (!flux_shell_mustache_is_per_rank (NULL, "x"), EINVAL);
    FAILS (!flux_shell_mustache_is_per_rank (shell, NULL), EINVAL);
    HOLDS (!flux_shell_mustache_is_per_rank (shell, "x") && errno == 0);
    HOLDS (!flux_shell_mustache_is_per_rank (shell, "{{id}} {{size}}"));
    HOLDS (flux_shell_mustache_is_per_rank (shell, "a{{node.id}}"));
    HOLDS (flux_shell_mustache_is_per_rank (shell, "{{node.name}}"));
    HOLDS (flux_shell_mustache_is_per_rank (shell, "{{task.id}}"));
    HOLDS (flux_shell_mustache_is_per_rank (shell, "{{tmpdir}}"));
    HOLDS ((s = flux_shell_mustache_render (shell, "{{size}}-{{node.id}}"))
           && !strcmp (s, "1-0"));
    free (s);
}

static int init_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);

    FAILS (flux_plugin_get_shell (NULL) == NULL, EINVAL);
    FAILS (flux_shell_get_flux (NULL) == NULL, EINVAL);
    HOLDS (flux_shell_get_flux (shell) != NULL);
    try_aux (shell);
    try_options (shell);
    try_environment (shell);
    try_info (shell);
    try_maps (shell);
    try_services (shell);
    try_log (shell);
    try_mustache (shell);
    FAILS (flux_shell_current_task (NULL) == NULL, EINVAL);
    FAILS (flux_shell_task_first (NULL) == NULL, EINVAL);
    FAILS (flux_shell_task_next (NULL) == NULL, EINVAL);
    HOLDS (flux_shell_current_task (shell) == NULL);
    shell_log ("%s: %d statements", topic, tried);
    return 0;
}

static void output_cb (flux_shell_task_t *task, const char *stream, void *arg)
{
}

static int task_init_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    flux_shell_task_t *task = flux_shell_current_task (shell);
    char *s = NULL;
    int i = -1;

    HOLDS (task != NULL);
    FAILS (flux_shell_task_get_info (NULL, &s) < 0, EINVAL);
    FAILS (flux_shell_task_get_info (task, NULL) < 0, EINVAL);
    FAILS (flux_shell_task_info_unpack (NULL, "{s:i}", "rank", &i) < 0, EINVAL);
    FAILS (flux_shell_task_info_unpack (task, NULL) < 0, EINVAL);
    FAILS (flux_shell_task_subprocess (NULL) == NULL, EINVAL);
    FAILS (flux_shell_task_cmd (NULL) == NULL, EINVAL);
    HOLDS (flux_shell_task_cmd (task) != NULL);
    HOLDS (flux_shell_task_info_unpack (task, "{s:i s:s}", "localid", &i, "state", &s) == 0
           && i == 0 && !strcmp (s, "Init"));
    FAILS (flux_shell_task_channel_subscribe (NULL, "CH", output_cb, NULL) < 0, EINVAL);
    FAILS (flux_shell_task_channel_subscribe (task, NULL, output_cb, NULL) < 0, EINVAL);
    FAILS (flux_shell_task_channel_subscribe (task, "CH", NULL, NULL) < 0, EINVAL);
    HOLDS (flux_cmd_add_channel (flux_shell_task_cmd (task), "CH") == 0);
    HOLDS (flux_shell_task_channel_subscribe (task, "CH", output_cb, NULL) == 0);
    FAILS (flux_shell_task_channel_subscribe (task, "CH", output_cb, NULL) < 0, EEXIST);
    HOLDS ((s = flux_shell_task_mustache_render (shell, task, "t{{task.id}}")) && !strcmp (s, "t0"));
    free (s);
    shell_log ("%s: %d statements", topic, tried);
    return 0;
}

static int task_fork_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    flux_shell_task_t *task = flux_shell_current_task (shell);
    json_int_t pid = 0;
    char *s = NULL;

    HOLDS (flux_shell_task_first (shell) == task && flux_shell_task_next (shell) == NULL);
    HOLDS (flux_shell_task_subprocess (task) != NULL);
    HOLDS (flux_shell_task_info_unpack (task, "{s:I s:s}", "pid", &pid, "state", &s) == 0
           && pid > 0 && !strcmp (s, "Running"));
    shell_log ("%s: %d statements", topic, tried);
    return 0;
}

static int task_exit_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    flux_shell_task_t *task = flux_shell_current_task (shell);
    int status = -1, code = -1;
    char *s = NULL;

    HOLDS (flux_shell_task_subprocess (task) != NULL);
    HOLDS (flux_shell_task_info_unpack (task, "{s:i s:i s:s}", "wait_status", &status, "exitcode",
                                        &code, "state", &s) == 0
           && status == 3 << 8 && code == 3 && !strcmp (s, "Exited"));
    HOLDS (flux_shell_task_get_info (task, &s) == 0
           && has_keys (s, "localid rank state pid wait_status exitcode signaled"));
    shell_log ("%s: %d statements", topic, tried);
    return 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", init_cb, NULL },
    { "task.init", task_init_cb, NULL },
    { "task.fork", task_fork_cb, NULL },
    { "task.exit", task_exit_cb, NULL },
    { NULL, NULL, NULL },
};

/* What there is before the tasks are, and what the built-in plugins make of an option. */
int flux_plugin_init (flux_plugin_t *p)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    int rank = -1, ncores = 0, a = 0;
    json_t *jobspec = NULL, *R = NULL;

    HOLDS (shell != NULL);
    HOLDS (flux_shell_info_unpack (shell, "{s:i s:o s:o}", "rank", &rank, "jobspec", &jobspec,
                                   "R", &R) == 0);
    HOLDS (rank == 0 && json_is_object (jobspec) && json_is_object (R));
    HOLDS (flux_shell_rank_info_unpack (shell, -1, "{s:{s:i}}", "resources", "ncores",
                                        &ncores) == 0 && ncores == 1);
    HOLDS (flux_shell_getopt_unpack (shell, "shellapi.a", "i", &a) == 1 && a == 7);
    HOLDS (flux_shell_get_hostlist (shell) != NULL);
    HOLDS (flux_shell_setopt_pack (shell, "output.stdout.label", "b", 1) == 0);
    return flux_plugin_register (p, FLUX_SHELL_PLUGIN_NAME, handlers);
}
