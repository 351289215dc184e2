/* shellplugin.c - a shell plugin, as a user would write one, for tests
 *
 * Built into build/tests/shellplugin.so; also compiled by t-shell-initrc.bats against
 * the installed headers.
 */
#define FLUX_SHELL_PLUGIN_NAME "testplugin"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include <flux/core.h>
#include <flux/shell.h>

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *o;

    if (flux_request_unpack (msg, NULL, "o", &o) < 0
        || flux_respond_pack (h, msg, "{s:O}", "echo", o) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static int init_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    int rank, size, ntasks;
    const char *word = "none";
    char *s = NULL;

    if (flux_shell_info_unpack (shell, "{s:i s:i s:i}", "rank", &rank, "size", &size, "ntasks",
                                &ntasks) < 0
        || flux_shell_getopt_unpack (shell, "testplugin", "{s?s}", "word", &word) < 0)
        return -1;
    if (flux_shell_getopt (shell, "testplugin.fail", &s) == 1) {
        free (s);
        shell_log_error ("told to fail");
        return -1;
    }
    shell_log ("shell %d of %d, %d tasks, word=%s, conf=%s", rank, size, ntasks, word,
               flux_plugin_get_conf (p) ? flux_plugin_get_conf (p) : "none");
    if (flux_shell_service_register (shell, "echo", echo_cb, NULL) < 0
        || flux_shell_add_event_context (shell, "shell.init", 0, "{s:s}", "testplugin", "here") < 0)
        return -1;
    return 0;
}

static int task_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_task_t *task = flux_shell_current_task (flux_plugin_get_shell (p));
    int rank, localid;

    if (flux_shell_task_info_unpack (task, "{s:i s:i}", "rank", &rank, "localid", &localid) < 0)
        return -1;
    return flux_cmd_setenvf (flux_shell_task_cmd (task), 1, "TESTPLUGIN", "%d.%d", rank, localid);
}

static int exec_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    /* in the child: what it inherits can be changed, and the shell is not */
    umask (0123);
    return 0;
}

static int map_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "taskmap",
                                 "[[1,1,1,1],[0,1,1,1]]");
}

static int tag_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "result", "rendered");
}

static int complete_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    shell_log ("all tasks are done");
    return 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", init_cb, NULL },
    { "task.init", task_cb, NULL },
    { "task.exec", exec_cb, NULL },
    { "taskmap.swap", map_cb, NULL },
    { "mustache.render.testtag", tag_cb, NULL },
    { "shell.tasks-complete", complete_cb, NULL },
    { NULL, NULL, NULL },
};

int flux_plugin_init (flux_plugin_t *p)
{
    return flux_plugin_register (p, FLUX_SHELL_PLUGIN_NAME, handlers);
}
