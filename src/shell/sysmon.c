/* sysmon.c - what the job has used on this node (shell option sysmon)
 *
 * Of the shell's cgroup, if it has one with these controllers; else of its children
 * that have ended.
 */
#define FLUX_SHELL_PLUGIN_NAME "sysmon"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shell/builtins.h"
#include "shell/internal.h"
#include "shell/textfile.h"

#define DEFAULT_PERIOD 2.    /* as the heartbeat */

struct sysmon {
    flux_shell_t *shell;
    char cgroup[512];        /* "" if there is none */
    double t0;
    double cpu0;
    double t_last;
    double cpu_last;
    double peak;
    flux_watcher_t *timer;
};

static void sysmon_free (void *arg)
{
    struct sysmon *m = arg;

    flux_watcher_destroy (m->timer);
    free (m);
}

/* The number after 'key' in a file of the cgroup; -1 if it is not there. */
static double cgroup_value (const struct sysmon *m, const char *name, const char *key)
{
    char path[600];
    char buf[4096];
    const char *s = buf;

    if (!m->cgroup[0])
        return -1;
    snprintf (path, sizeof (path), "%s/%s", m->cgroup, name);
    if (textfile_read (path, buf, sizeof (buf)) < 0 || (*key && !(s = strstr (buf, key))))
        return -1;
    return strtod (s + strlen (key), NULL);
}

static void find_cgroup (struct sysmon *m)
{
    char buf[1024];
    char *s;

    if (textfile_read ("/proc/self/cgroup", buf, sizeof (buf)) < 0 || !(s = strstr (buf, "0::")))
        return;
    s[strcspn (s, "\n")] = '\0';
    snprintf (m->cgroup, sizeof (m->cgroup), "/sys/fs/cgroup%s", s + 3);
    if (cgroup_value (m, "memory.current", "") < 0)
        m->cgroup[0] = '\0';
}

/* Seconds of processor time so far. */
static double cpu_time (const struct sysmon *m)
{
    double us = cgroup_value (m, "cpu.stat", "usage_usec ");
    struct rusage ru;

    if (us >= 0)
        return us / 1e6;
    if (getrusage (RUSAGE_CHILDREN, &ru) < 0)
        return 0;
    return ru.ru_utime.tv_sec + ru.ru_stime.tv_sec
           + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static double peak_memory (struct sysmon *m)
{
    double peak = cgroup_value (m, "memory.peak", "");
    struct rusage ru;

    if (peak < 0)
        peak = m->peak;
    if (!m->cgroup[0] && getrusage (RUSAGE_CHILDREN, &ru) == 0)
        peak = ru.ru_maxrss * 1024.;
    return peak;
}

static const char *size_text (double n, char *buf, size_t size)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
    int i = 0;

    for (; n >= 1024 && i < 4; i++)
        n /= 1024;
    snprintf (buf, size, i == 0 ? "%.0f%s" : "%.4g%s", n, units[i]);
    return buf;
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sysmon *m = arg;
    double now = flux_reactor_time ();
    double cpu = cpu_time (m);
    double mem = cgroup_value (m, "memory.current", "");
    char buf[32];

    if (mem > m->peak)
        m->peak = mem;
    if (mem >= 0)
        shell_trace ("memory.current=%s", size_text (mem, buf, sizeof (buf)));
    if (now > m->t_last)
        shell_trace ("loadavg=%.2f", (cpu - m->cpu_last) / (now - m->t_last));
    m->t_last = now;
    m->cpu_last = cpu;
}

static int sysmon_start (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct sysmon *m = flux_plugin_aux_get (p, "sysmon");
    double period = DEFAULT_PERIOD;

    (void)shell_option_duration (shell, "sysmon.period", &period);
    m->t0 = m->t_last = flux_reactor_time ();
    m->cpu0 = m->cpu_last = cpu_time (m);
    if (!(m->timer = flux_timer_watcher_create (shell->r, period, period, timer_cb, m)))
        return -1;
    flux_watcher_start (m->timer);
    flux_watcher_unref (m->timer);
    return 0;
}

static int sysmon_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct sysmon *m = flux_plugin_aux_get (p, "sysmon");
    double elapsed = flux_reactor_time () - m->t0;
    char buf[32];

    if (m->t0 == 0)     /* tasks have not started */
        return 0;
    flux_watcher_stop (m->timer);
    shell_log ("memory.peak=%s", size_text (peak_memory (m), buf, sizeof (buf)));
    if (elapsed > 0)
        shell_log ("loadavg-overall=%.2f", (cpu_time (m) - m->cpu0) / elapsed);
    return 0;
}

static int sysmon_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct sysmon *m = calloc (1, sizeof (*m));
    double period = DEFAULT_PERIOD;

    if (!m || flux_plugin_aux_set (p, "sysmon", m, sysmon_free) < 0) {
        free (m);
        return -1;
    }
    m->shell = flux_plugin_get_shell (p);
    if (shell_option_duration (m->shell, "sysmon.period", &period) < 0 || !(period > 0)
        || isinf (period)) {
        shell_log_error ("sysmon.period: want a duration, as 5s");
        return -1;
    }
    find_cgroup (m);
    return 0;
}

static bool sysmon_wanted (flux_shell_t *shell)
{
    return json_is_object (shell_option (shell, "sysmon")) || shell_option_true (shell, "sysmon");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", sysmon_init, NULL },
    { "shell.start", sysmon_start, NULL },
    { "shell.finish", sysmon_finish, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin sysmon_builtin = { "sysmon", sysmon_wanted, handlers };
