/* timesignal.c - warn tasks before the time limit (shell option signal)
 */
#define FLUX_SHELL_PLUGIN_NAME "signal"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/rset.h"

struct timesignal {
    flux_shell_t *shell;
    flux_watcher_t *timer;
    int signum;
    double timeleft;
};

static void timesignal_free (void *arg)
{
    struct timesignal *ts = arg;

    flux_watcher_destroy (ts->timer);
    free (ts);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct timesignal *ts = arg;

    shell_log ("Will expire in less than %.1fs, sending SIG%s to tasks", ts->timeleft,
               sigabbrev_np (ts->signum) ? sigabbrev_np (ts->signum) : "?");
    flux_shell_killall (ts->shell, ts->signum);
}

static void set_timer (struct timesignal *ts, double expiration)
{
    double after = expiration - ts->timeleft - flux_reactor_time ();

    flux_watcher_stop (ts->timer);
    if (expiration <= 0)
        return;
    flux_timer_watcher_reset (ts->timer, after > 0 ? after : 0, 0.);
    flux_watcher_start (ts->timer);
    flux_watcher_unref (ts->timer);
}

static int parse (struct timesignal *ts, const json_t *o)
{
    const json_t *left = json_object_get (o, "timeleft");
    const json_t *signum = json_object_get (o, "signum");

    ts->signum = SIGUSR1;
    ts->timeleft = 60;
    if (json_is_string (o) || json_is_array (o))
        return -1;
    if (signum && (!json_is_integer (signum) || (ts->signum = json_integer_value (signum)) < 1
                   || ts->signum >= NSIG))
        return -1;
    if (json_is_number (left))
        ts->timeleft = json_number_value (left);
    else if (left && (!json_is_string (left)
                      || duration_parse (json_string_value (left), &ts->timeleft) < 0))
        return -1;
    return ts->timeleft >= 0 ? 0 : -1;
}

static int signal_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct timesignal *ts = calloc (1, sizeof (*ts));

    if (!ts || flux_plugin_aux_set (p, "signal", ts, timesignal_free) < 0) {
        free (ts);
        return -1;
    }
    ts->shell = shell;
    if (parse (ts, shell_option (shell, "signal")) < 0) {
        shell_log_error ("want {\"signum\": NUMBER, \"timeleft\": DURATION}");
        return -1;
    }
    if (!(ts->timer = flux_timer_watcher_create (shell->r, 0., 0., timer_cb, ts)))
        return -1;
    return 0;
}

static int signal_start (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct timesignal *ts = flux_plugin_aux_get (p, "signal");

    set_timer (ts, rset_expiration (ts->shell->info.R));
    return 0;
}

static int signal_update (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    double expiration;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:F}", "expiration", &expiration) == 0)
        set_timer (flux_plugin_aux_get (p, "signal"), expiration);
    return 0;
}

static bool signal_wanted (flux_shell_t *shell)
{
    return shell_option (shell, "signal") != NULL;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", signal_init, NULL },
    { "shell.start", signal_start, NULL },
    { "shell.resource-update", signal_update, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin timesignal_builtin = { "signal", signal_wanted, handlers };
