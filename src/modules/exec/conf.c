/* conf.c - configuration of the job execution system
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/exec/conf.h"

#define BACKOFF_MAX 300.

void execconf_release (struct execconf *c)
{
    free (c->imp);
    free (c->job_shell);
    free (c->service);
    memset (c, 0, sizeof (*c));
}

int signal_parse (const char *s)
{
    char *end;
    long n = strtol (s, &end, 10);

    if (end != s && !*end)
        return n > 0 && n < NSIG ? (int)n : -EINVAL;
    if (!strncmp (s, "SIG", 3))
        s += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *abbrev = sigabbrev_np (i);
        if (abbrev && !strcmp (abbrev, s))
            return i;
    }
    return -EINVAL;
}

const char *signal_name (int signum, char *buf, size_t size)
{
    const char *abbrev = sigabbrev_np (signum);

    if (abbrev)
        (void)snprintf (buf, size, "SIG%s", abbrev);
    else
        (void)snprintf (buf, size, "%d", signum);
    return buf;
}

static int set_string (char **sp, const char *val)
{
    char *cpy = strdup (val);

    if (!cpy)
        return -ENOMEM;
    free (*sp);
    *sp = cpy;
    return 0;
}

static int set_duration (double *dp, const char *key, const char *val,
                         flux_error_t *err)
{
    double d;

    if (duration_parse (val, &d) < 0)
        return errmsg (err, -EINVAL, "exec.%s: '%s' is not a duration such as"
                       " \"5s\" or \"30m\"", key, val);
    *dp = d;
    return 0;
}

static int set_signal (int *sp, const char *key, const char *val,
                       flux_error_t *err)
{
    int signum = signal_parse (val);

    if (signum < 0)
        return errmsg (err, -EINVAL, "exec.%s: '%s' is not a signal such as"
                       " \"SIGTERM\"", key, val);
    *sp = signum;
    return 0;
}

/* Keys whose value is text; also accepted as arguments. */
static int set_text_key (struct execconf *c, const char *key, const char *val,
                         flux_error_t *err)
{
    if (!strcmp (key, "imp"))
        return set_string (&c->imp, val);
    if (!strcmp (key, "job-shell"))
        return set_string (&c->job_shell, val);
    if (!strcmp (key, "service"))
        return set_string (&c->service, val);
    if (!strcmp (key, "kill-timeout"))
        return set_duration (&c->kill_timeout, key, val, err);
    if (!strcmp (key, "max-kill-timeout"))
        return set_duration (&c->max_kill_timeout, key, val, err);
    if (!strcmp (key, "barrier-timeout"))
        return set_duration (&c->barrier_timeout, key, val, err);
    if (!strcmp (key, "reconnect-timeout")) {
        if (strcmp (val, "none") != 0)
            return set_duration (&c->reconnect_timeout, key, val, err);
        c->reconnect_timeout = 0.;
        return 0;
    }
    if (!strcmp (key, "shell-exit-timeout")) {
        if (strcmp (val, "none") != 0)
            return set_duration (&c->shell_exit_timeout, key, val, err);
        c->shell_exit_timeout = -1.;
        return 0;
    }
    if (!strcmp (key, "term-signal"))
        return set_signal (&c->term_signal, key, val, err);
    if (!strcmp (key, "kill-signal"))
        return set_signal (&c->kill_signal, key, val, err);
    if (!strcmp (key, "method")) {
        if (!strcmp (val, "bulk-exec"))
            return 0;
        return errmsg (err, -EINVAL, "exec.method: '%s' is not supported, use"
                       " \"bulk-exec\"", val);
    }
    return -ENOENT;
}

static int set_testexec (struct execconf *c, json_t *o, flux_error_t *err)
{
    int allow = 0;
    int rc = tablekeys_check (o, "exec.testexec", "allow-guests:b", err);

    if (rc < 0)
        return rc;
    (void)json_unpack (o, "{s?b}", "allow-guests", &allow);
    c->testexec_allow_guests = allow;
    return 0;
}

/* They are for the service sdexec: checked here, and told by the statistics. */
static int set_sdexec_key (struct execconf *c, const char *key, json_t *val, flux_error_t *err)
{
    json_int_t n = json_is_integer (val) ? json_integer_value (val) : -1;
    const char *name;
    json_t *o;

    if (!strcmp (key, "sdexec-constrain-resources"))
        return json_is_boolean (val) ? 0
               : errmsg (err, -EINVAL, "exec.%s: want true or false", key);
    if (!strcmp (key, "sdexec-stop-timer-sec") && n >= 0 && n <= INT32_MAX) {
        c->sdexec_stop_sec = n;
        return 0;
    }
    if (!strcmp (key, "sdexec-stop-timer-signal") && n >= 1 && n < NSIG) {
        c->sdexec_stop_signal = (int)n;
        return 0;
    }
    if (strcmp (key, "sdexec-properties") != 0 || !json_is_object (val))
        return errmsg (err, -EINVAL, "exec.%s: unknown key, or a value that cannot be"
                       " (flux-config-exec(5))", key);
    json_object_foreach (val, name, o)
        if (!json_is_string (o))
            return errmsg (err, -EINVAL, "exec.sdexec-properties.%s: want a string", name);
    return 0;
}

static int set_key (struct execconf *c, const char *key, json_t *val,
                    flux_error_t *err)
{
    int rc = -ENOENT;

    if (json_is_string (val))
        rc = set_text_key (c, key, json_string_value (val), err);
    else if (!strcmp (key, "max-kill-count") && json_is_integer (val)) {
        if (json_integer_value (val) < 1 || json_integer_value (val) > 1000000)
            return errmsg (err, -EINVAL, "exec.max-kill-count: must be at least 1");
        c->max_kill_count = json_integer_value (val);
        return 0;
    }
    else if (!strcmp (key, "max-start-delay-percent") && json_is_number (val)) {
        if (json_number_value (val) < 0.)
            return errmsg (err, -EINVAL,
                           "exec.max-start-delay-percent: must not be negative");
        c->start_delay_percent = json_number_value (val);
        return 0;
    }
    else if (!strcmp (key, "testexec"))
        return set_testexec (c, val, err);
    if (rc == -ENOENT)
        return errmsg (err, -EINVAL, "exec.%s: unknown key, or a value of the"
                       " wrong type (flux-config-exec(5))", key);
    return rc;
}

static int set_defaults (struct execconf *c)
{
    const char *shell = flux_conf_builtin_get ("shell_path", FLUX_CONF_AUTO);

    memset (c, 0, sizeof (*c));
    c->kill_timeout = 5.;
    c->shell_exit_timeout = 30.;
    c->barrier_timeout = 1800.;
    c->reconnect_timeout = 30.;
    c->max_kill_timeout = -1.;
    c->start_delay_percent = 25.;
    c->sdexec_stop_sec = -1;
    c->sdexec_stop_signal = SIGUSR1;
    c->max_kill_count = 8;
    c->term_signal = SIGTERM;
    c->kill_signal = SIGKILL;
    if (set_string (&c->job_shell, shell ? shell : "flux-shell") < 0
        || set_string (&c->service, "rexec") < 0)
        return -ENOMEM;
    return 0;
}

static int parse_table (struct execconf *c, const flux_conf_t *conf,
                        flux_error_t *err)
{
    json_t *table = NULL, *val;
    const char *key;
    int rc;

    if (!conf || flux_conf_unpack (conf, NULL, "{s?o}", "exec", &table) < 0
        || !table)
        return 0;
    if (!json_is_object (table))
        return errmsg (err, -EINVAL, "exec: must be a table");
    json_object_foreach (table, key, val) {
        if (!strncmp (key, "sdexec-", 7)) {
            if ((rc = set_sdexec_key (c, key, val, err)) < 0)
                return rc;
            continue;
        }
        if ((rc = set_key (c, key, val, err)) < 0)
            return rc;
    }
    return 0;
}

/* Its services are not there: jobs that were to run by them would not. */
static int check_systemd (const flux_conf_t *conf, flux_error_t *err)
{
    json_t *table = NULL;
    int rc;

    if (conf && flux_conf_unpack (conf, err, "{s?o}", "systemd", &table) < 0)
        return -EINVAL;
    if (table && (rc = tablekeys_check (table, "systemd", "enable:b sdbus-debug:b sdexec-debug:b",
                                        err)) < 0)
        return rc;
    if (json_is_true (json_object_get (table, "enable")))
        return errmsg (err, -ENOTSUP, "systemd.enable: this build has no sdbus and sdexec: remove"
                       " the key, and leave exec.service at \"rexec\"");
    return 0;
}

static int parse_arg (struct execconf *c, const char *arg, flux_error_t *err)
{
    const char *eq = strchr (arg, '=');
    char *key;
    int rc;

    if (!eq)
        return errmsg (err, -EINVAL, "'%s': want KEY=VALUE", arg);
    if (!(key = strndup (arg, eq - arg)))
        return errmsg (err, -ENOMEM, "out of memory");
    rc = set_text_key (c, key, eq + 1, err);
    if (rc == -ENOENT)
        rc = errmsg (err, -EINVAL, "unknown option '%s'", key);
    free (key);
    return rc;
}

int execconf_parse (struct execconf *c, const flux_conf_t *conf,
                    int argc, char **argv, flux_error_t *err)
{
    struct execconf new;
    int rc;

    if ((rc = set_defaults (&new)) < 0)
        errmsg (err, rc, "out of memory");
    else if ((rc = check_systemd (conf, err)) == 0)
        rc = parse_table (&new, conf, err);
    for (int i = 0; rc == 0 && i < argc; i++)
        rc = parse_arg (&new, argv[i], err);
    if (rc < 0) {
        execconf_release (&new);
        return rc;
    }
    *c = new;
    return 0;
}

/* Shells are killed at 5 times the timeout, then in doubling intervals. */
double execconf_effective_max_kill_timeout (const struct execconf *c)
{
    double t = 5. * c->kill_timeout;
    double backoff = c->kill_timeout;

    if (c->max_kill_timeout >= 0.)
        return c->max_kill_timeout;
    for (int i = 1; i < c->max_kill_count; i++) {
        t += backoff;
        backoff = fmin (backoff * 2., BACKOFF_MAX);
    }
    return t;
}
