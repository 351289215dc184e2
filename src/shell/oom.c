/* oom.c - tasks that the kernel kills for want of memory: why they died (the cgroup's
 * counter), and how likely they are to be taken (shell option oom.adjust)
 *
 * The counter is that of the cgroup which this shell is in, with its tasks and, unless
 * the site gives each job its own, with other jobs: so only what is new when a task of
 * this job fails is told.
 */
#define FLUX_SHELL_PLUGIN_NAME "oom"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/builtins.h"
#include "shell/internal.h"
#include "shell/textfile.h"

/* Of this process and its copies: see shell_oom_warm_up (). */
static char events[PATH_MAX];    /* the file with the counter, or "" */

/* How many processes have been killed in the cgroup; -1 if it does not say. */
static long killed_so_far (void)
{
    char buf[512];
    char *s;

    if (!events[0] || textfile_read (events, buf, sizeof (buf)) < 0 || !(s = strstr (buf, "oom_kill ")))
        return -1;
    return strtol (s + strlen ("oom_kill "), NULL, 10);
}

/* The path after 'key' in the list of cgroups; NULL if there is none. */
static const char *find (char *list, const char *key, size_t *lenp)
{
    char *s = strstr (list, key);

    if (!s)
        return NULL;
    s += strlen (key);
    *lenp = strcspn (s, "\n");
    return s;
}

/* Version 1 has the controller in a tree of its own. */
void shell_oom_warm_up (void)
{
    char list[4096];
    const char *s;
    size_t n;

    if (textfile_read ("/proc/self/cgroup", list, sizeof (list)) < 0)
        return;
    if ((s = find (list, ":memory:", &n)))
        snprintf (events, sizeof (events), "/sys/fs/cgroup/memory%.*s/memory.oom_control", (int)n, s);
    else if ((s = find (list, "0::", &n)))
        snprintf (events, sizeof (events), "/sys/fs/cgroup%.*s/memory.events", (int)n, s);
    if (killed_so_far () < 0)
        events[0] = '\0';
}

/* The plugin */

struct oom {
    long count;      /* what has been told, or was there before */
};

static int set_score (const json_t *o)
{
    int val = json_integer_value (o);
    char text[16];
    int fd;
    ssize_t n;

    if (!json_is_integer (o) || val < -1000 || val > 1000) {
        shell_log_error ("oom.adjust: want -1000 to 1000");
        return -1;
    }
    n = snprintf (text, sizeof (text), "%d", val);
    if ((fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)) < 0
        || write (fd, text, n) != n)
        shell_warn ("oom.adjust=%d: %s", val, strerror (errno));
    if (fd >= 0)
        close (fd);
    return 0;
}

/* Tasks inherit the score of the shell. */
static int oom_post_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const json_t *o = shell_option (flux_plugin_get_shell (p), "oom.adjust");
    struct oom *oom = calloc (1, sizeof (*oom));

    if (!oom || flux_plugin_aux_set (p, "oom", oom, free) < 0) {
        free (oom);
        return -1;
    }
    oom->count = killed_so_far ();
    return o ? set_score (o) : 0;
}

static int oom_exit (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct shell_task *task = flux_shell_current_task (shell);
    struct oom *oom = flux_plugin_aux_get (p, "oom");
    long count;

    if (task->wait_status == 0 || !oom || oom->count < 0 || (count = killed_so_far ()) <= oom->count)
        return 0;
    shell_log_error ("task %d (host %s): out of memory: the kernel has killed %ld process%s in the"
                     " cgroup of this job", task->rank,
                     shell->info.nodes[shell->info.shell_rank].host, count - oom->count,
                     count - oom->count > 1 ? "es" : "");
    oom->count = count;
    return 0;
}

static bool oom_wanted (flux_shell_t *shell)
{
    return events[0] || shell_option (shell, "oom.adjust");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.post-init", oom_post_init, NULL },
    { "task.exit", oom_exit, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin oom_builtin = { "oom", oom_wanted, handlers };
