/* rlimit.c - soft resource limits of the tasks (shell option rlimit)
 *
 * Set on the shell itself before tasks start; they inherit them.
 */
#define FLUX_SHELL_PLUGIN_NAME "rlimit"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "shell/builtins.h"
#include "shell/internal.h"

static const struct {
    const char *name;
    int resource;
} limits[] = {
    { "cpu", RLIMIT_CPU }, { "fsize", RLIMIT_FSIZE }, { "data", RLIMIT_DATA },
    { "stack", RLIMIT_STACK }, { "core", RLIMIT_CORE }, { "rss", RLIMIT_RSS },
    { "nproc", RLIMIT_NPROC }, { "nofile", RLIMIT_NOFILE }, { "ofile", RLIMIT_NOFILE },
    { "memlock", RLIMIT_MEMLOCK }, { "as", RLIMIT_AS }, { "locks", RLIMIT_LOCKS },
    { "sigpending", RLIMIT_SIGPENDING }, { "msgqueue", RLIMIT_MSGQUEUE },
    { "nice", RLIMIT_NICE }, { "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME },
};

static int find_limit (const char *name)
{
    for (size_t i = 0; i < sizeof (limits) / sizeof (limits[0]); i++) {
        if (strcmp (limits[i].name, name) == 0)
            return limits[i].resource;
    }
    return -1;
}

static int set_limit (const char *name, json_t *val)
{
    int resource = find_limit (name);
    struct rlimit rl;
    rlim_t want;

    if (resource < 0 || !json_is_integer (val)) {
        shell_log_error ("rlimit.%s: %s", name,
                         resource < 0 ? "no such limit" : "want an integer");
        return -1;
    }
    want = json_integer_value (val) < 0 ? RLIM_INFINITY : (rlim_t)json_integer_value (val);
    if (getrlimit (resource, &rl) < 0)
        return -1;
    if (rl.rlim_max != RLIM_INFINITY && (want == RLIM_INFINITY || want > rl.rlim_max)) {
        shell_debug ("rlimit.%s: lowered to the hard limit", name);
        want = rl.rlim_max;
    }
    if (rl.rlim_cur == want)
        return 0;
    rl.rlim_cur = want;
    if (setrlimit (resource, &rl) < 0) {
        shell_log_errno ("rlimit.%s", name);
        return -1;
    }
    return 0;
}

static int rlimit_post_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const json_t *o = shell_option (flux_plugin_get_shell (p), "rlimit");
    const char *name;
    json_t *val;

    json_object_foreach ((json_t *)o, name, val) {
        if (set_limit (name, val) < 0)
            return -1;
    }
    return 0;
}

static bool rlimit_wanted (flux_shell_t *shell)
{
    return shell_option (shell, "rlimit") != NULL;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.post-init", rlimit_post_init, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin rlimit_builtin = { "rlimit", rlimit_wanted, handlers };
