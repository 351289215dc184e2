/* doom.c - what happens to a job when its first task exits (shell options
 * exit-timeout and exit-on-error)
 *
 *   shell of the first task to exit ──doom──► leader: starts the timer
 */
#define FLUX_SHELL_PLUGIN_NAME "doom"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <flux/taskmap.h>

#include "base/duration.h"
#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/jobspec.h"

#define DEFAULT_TIMEOUT 30.

struct doom {
    flux_shell_t *shell;
    flux_watcher_t *timer;
    double timeout;        /* < 0: none */
    bool on_error;
    bool told;             /* a task of this shell exited */
    bool counting;         /* leader: some task exited */
    int first_rank;
    int first_status;
};

static void doom_free (void *arg)
{
    struct doom *d = arg;

    flux_watcher_destroy (d->timer);
    free (d);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct doom *d = arg;
    char text[64];
    const json_t *o = shell_option (d->shell, "exit-timeout");

    if (json_is_string (o))
        snprintf (text, sizeof (text), "%s", json_string_value (o));
    else
        duration_format (d->timeout, text, sizeof (text));
    if (d->first_status != 0)
        flux_shell_raise_exit_status (d->first_status,
                                      "task %d exited and exit-timeout=%s has expired",
                                      d->first_rank, text);
    else  /* the job's status is that of the others, which are killed */
        flux_shell_raise ("exec", 0, "task %d exited and exit-timeout=%s has expired",
                          d->first_rank, text);
}

/* At the leader: the first task of the job has exited. */
static void first_exit (struct doom *d, int rank, int status)
{
    const char *host;
    int node;

    if (d->counting)
        return;
    d->counting = true;
    d->first_rank = rank;
    d->first_status = status;
    node = taskmap_nodeid (d->shell->info.taskmap, rank);
    host = node >= 0 && node < d->shell->info.nshells ? d->shell->info.nodes[node].host : "?";
    if (d->on_error && status != 0) {
        if (WIFSIGNALED (status))
            flux_shell_raise_exit_status (status, "task %d (host %s): %s", rank, host,
                                          strsignal (WTERMSIG (status)));
        else
            flux_shell_raise_exit_status (status, "task %d (host %s) exited with exit code %d",
                                          rank, host, WEXITSTATUS (status));
        return;
    }
    if (d->timeout >= 0 && d->shell->info.total_ntasks > 1) {
        flux_timer_watcher_reset (d->timer, d->timeout, 0.);
        flux_watcher_start (d->timer);
        flux_watcher_unref (d->timer);
    }
}

static void doom_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rank;
    int status;

    if (flux_request_unpack (msg, NULL, "{s:i s:i}", "rank", &rank, "status", &status) == 0)
        first_exit (arg, rank, status);
    shell_got_told (h, msg);
}

static int doom_exit (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct doom *d = flux_plugin_aux_get (p, "doom");
    struct shell_task *task = flux_shell_current_task (d->shell);

    if (d->told)
        return 0;
    d->told = true;
    if (d->shell->info.shell_rank == 0) {
        first_exit (d, task->rank, task->wait_status);
        return 0;
    }
    shell_tell (d->shell, "doom", 0,
                json_pack ("{s:i s:i}", "rank", task->rank, "status", task->wait_status));
    return 0;
}

static int parse_timeout (struct doom *d, const json_t *o)
{
    const char *s = json_string_value (o);

    if (!o)
        return 0;
    if (s && strcmp (s, "none") == 0)
        d->timeout = -1;
    else if (s) {
        if (duration_parse (s, &d->timeout) < 0)
            return -1;
        if (isinf (d->timeout))
            d->timeout = -1;
    }
    else if (json_is_number (o) && json_number_value (o) >= 0)
        d->timeout = json_number_value (o);
    else
        return -1;
    return 0;
}

static int doom_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct doom *d = calloc (1, sizeof (*d));
    const json_t *o = shell_option (shell, "exit-on-error");

    if (!d || flux_plugin_aux_set (p, "doom", d, doom_free) < 0) {
        free (d);
        return -1;
    }
    d->shell = shell;
    d->timeout = DEFAULT_TIMEOUT;
    d->on_error = o && !json_is_false (o) && !(json_is_integer (o) && json_integer_value (o) == 0);
    if (parse_timeout (d, shell_option (shell, "exit-timeout")) < 0) {
        shell_log_error ("exit-timeout: want a duration, as 30s, or none");
        return -1;
    }
    if (!(d->timer = flux_timer_watcher_create (shell->r, 0., 0., timer_cb, d)))
        return -1;
    if (shell->info.shell_rank == 0 && shell->info.nshells > 1)
        return flux_shell_service_register (shell, "doom", doom_cb, d);
    return 0;
}

static bool doom_wanted (flux_shell_t *shell)
{
    return shell->info.nshells > 1 || jobspec_ntasks (shell->info.jobspec) != 1
           || shell_option (shell, "exit-on-error") || shell_option (shell, "exit-timeout");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", doom_init, NULL },
    { "task.exit", doom_exit, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin doom_builtin = { "doom", doom_wanted, handlers };
