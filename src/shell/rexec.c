/* rexec.c - the subprocess server of the job (RFC 42): UID-shell-JOBID.rexec, for
 * flux exec --jobid and tools that start daemons beside the tasks
 *
 * What still runs when the local tasks have ended is asked to end, and killed after
 * rexec-shutdown-timeout.
 */
#define FLUX_SHELL_PLUGIN_NAME "rexec"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/subprocess_server.h"
#include "shell/builtins.h"
#include "shell/internal.h"

#define SHUTDOWN_TIMEOUT 60.

struct rexec {
    flux_shell_t *shell;
    struct subprocess_server *server;
    double timeout;
    flux_watcher_t *timer;
    flux_future_t *ending;
};

static void rexec_free (void *arg)
{
    struct rexec *rx = arg;

    flux_future_destroy (rx->ending);
    flux_watcher_destroy (rx->timer);
    subprocess_server_destroy (rx->server);
    free (rx);
}

static int rexec_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *required = shell_option (shell, "rexec.sign-required");
    struct rexec *rx = calloc (1, sizeof (*rx));
    char name[128];

    if (!rx || flux_plugin_aux_set (p, "rexec", rx, rexec_free) < 0) {
        free (rx);
        return -1;
    }
    rx->shell = shell;
    rx->timeout = SHUTDOWN_TIMEOUT;
    if (shell_option_duration (shell, "rexec-shutdown-timeout", &rx->timeout) < 0) {
        shell_log_error ("rexec-shutdown-timeout: want a duration, as 60s");
        return -1;
    }
    if (json_is_true (required) || json_integer_value (required) != 0) {
        shell_log_error ("sign-required: this version does not check signatures of requests: "
                         "only the job's owner and the instance owner are served");
        return -1;
    }
    snprintf (name, sizeof (name), "%s.rexec", shell->service);
    rx->server = subprocess_server_create (shell->h, name, getenv ("FLUX_URI"), flux_llog, shell->h);
    if (!rx->server)
        return -1;
    subprocess_server_allow_user (rx->server, shell->info.userid);
    return 0;
}

static void ended_cb (flux_future_t *f, void *arg)
{
    struct rexec *rx = arg;

    flux_watcher_stop (rx->timer);
    flux_shell_remove_completion_ref (rx->shell, "rexec");
}

static void killed_cb (flux_future_t *f, void *arg)
{
    flux_future_destroy (f);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *rx = arg;
    flux_future_t *f = subprocess_server_shutdown (rx->server, SIGKILL);

    if (f && flux_future_then (f, -1., killed_cb, NULL) < 0)
        flux_future_destroy (f);
}

static int rexec_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct rexec *rx = flux_plugin_aux_get (p, "rexec");

    if (subprocess_server_count (rx->server) == 0 || rx->ending)
        return 0;
    if (!(rx->timer = flux_timer_watcher_create (rx->shell->r, rx->timeout, 0., timer_cb, rx))
        || !(rx->ending = subprocess_server_shutdown (rx->server, SIGTERM))
        || flux_future_then (rx->ending, -1., ended_cb, rx) < 0)
        return -1;
    if (!isinf (rx->timeout))
        flux_watcher_start (rx->timer);
    return flux_shell_add_completion_ref (rx->shell, "rexec") < 0 ? -1 : 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", rexec_init, NULL },
    { "shell.finish", rexec_finish, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin rexec_builtin = { "rexec", NULL, handlers };
