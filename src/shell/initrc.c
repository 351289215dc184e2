/* initrc.c - plugins and scripts at the start (flux-shell-initrc(5))
 *
 * A site's initrc is a script; where there is none the shell does what the default
 * one (initrc.lua) would, and loads Lua only if there is a file for it.
 */
#define FLUX_SHELL_PLUGIN_NAME "initrc"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dso.h"
#include "base/errmsg.h"
#include "shell/internal.h"
#include "shell/lua.h"

struct initrc {
    flux_shell_t *shell;
    struct shell_lua_host host;
    char *dir;
};

const char *shell_broker_attr (flux_shell_t *shell, const char *env, const char *attr)
{
    const char *val = getenv (env);

    return val || !shell->looked_up ? val : flux_attr_get (shell->h, attr);
}

static const char *setting (flux_shell_t *shell, const char *env, const char *attr,
                            const char *builtin)
{
    const char *val = shell_broker_attr (shell, env, attr);

    return val && *val ? val : flux_conf_builtin_get (builtin, FLUX_CONF_AUTO);
}

static int host_load (flux_shell_t *shell, const char *pattern, const char *conf,
                      const char *searchpath, flux_error_t *err)
{
    return plugstack_load (shell->plugstack, pattern, conf, searchpath, err);
}

static flux_plugin_t *host_new_plugin (flux_shell_t *shell)
{
    return plugstack_new_plugin (shell->plugstack);
}

static int host_push (flux_shell_t *shell, flux_plugin_t *p)
{
    return plugstack_push (shell->plugstack, p);
}

static json_t *host_options (flux_shell_t *shell)
{
    shell_options_claim_all (shell);
    return shell->options;
}

static int run (struct initrc *rc, const char *path)
{
    flux_error_t err;
    shell_lua_run_f lua_run = (shell_lua_run_f)dso_symbol ("shelllua", "shell_lua_run", &err);

    if (!lua_run || lua_run (rc->shell, &rc->host, path, &err) < 0) {
        shell_log_error ("%s", err.text);
        return -1;
    }
    return 0;
}

/* Run what is there; a directory or file that is not is no error. */
static int run_glob (struct initrc *rc, const char *dir, const char *sub, const char *pattern)
{
    char *path = NULL;
    glob_t g;
    int rval = 0;

    if (asprintf (&path, "%s%s/%s", dir, sub, pattern) < 0)
        return -1;
    if (glob (path, 0, NULL, &g) == 0) {
        for (size_t i = 0; i < g.gl_pathc && rval == 0; i++)
            rval = run (rc, g.gl_pathv[i]);
        globfree (&g);
    }
    free (path);
    return rval;
}

/* ... beside the initrc, in 'sub', and in FLUX_SHELL_RC_PATH, in 'more'. */
static int run_rcpath (struct initrc *rc, const char *sub, const char *more, const char *pattern)
{
    const char *env = flux_shell_getenv (rc->shell, "FLUX_SHELL_RC_PATH");
    char *copy = NULL;
    char *save = NULL;
    int rval = run_glob (rc, rc->dir, sub, pattern);

    if (rval < 0 || !env)
        return rval;
    if (!(copy = strdup (env)))
        return -1;
    for (char *d = strtok_r (copy, ":", &save); d && rval == 0; d = strtok_r (NULL, ":", &save))
        rval = run_glob (rc, d, more, pattern);
    free (copy);
    return rval;
}

static int run_mpi (struct initrc *rc)
{
    const char *mpi = json_string_value (shell_option (rc->shell, "mpi"));
    char *pattern = NULL;
    int rval;

    if (!mpi)
        return 0;
    if (asprintf (&pattern, "%s.lua", mpi) < 0)
        return -1;
    rval = run_rcpath (rc, "/mpi", "/mpi", pattern);
    free (pattern);
    return rval;
}

static int run_default (struct initrc *rc)
{
    const json_t *userrc = shell_option (rc->shell, "userrc");
    flux_error_t err;

    if (plugstack_load (rc->shell->plugstack, "*.so", NULL, rc->host.pluginpath, &err) < 0) {
        shell_log_error ("%s", err.text);
        return -1;
    }
    if (run_rcpath (rc, "/lua.d", "", "*.lua") < 0 || run_mpi (rc) < 0)
        return -1;
    if (!userrc)
        return 0;
    if (!json_is_string (userrc)) {
        shell_log_error ("userrc: want the path of a file");
        return -1;
    }
    return run (rc, json_string_value (userrc));
}

static void initrc_free (void *arg)
{
    struct initrc *rc = arg;

    free (rc->dir);
    free (rc);
}

static struct initrc *initrc_new (flux_shell_t *shell, const char *path)
{
    struct initrc *rc = calloc (1, sizeof (*rc));
    const char *slash = strrchr (path, '/');

    if (!rc || !(rc->dir = slash ? strndup (path, slash - path) : strdup ("."))
        || flux_shell_aux_set (shell, "flux::initrc", rc, initrc_free) < 0) {
        free (rc);
        return NULL;
    }
    rc->shell = shell;
    rc->host = (struct shell_lua_host){
        .rcpath = rc->dir,
        .pluginpath = setting (shell, "FLUX_SHELL_PLUGINPATH", "conf.shell_pluginpath",
                               "shell_pluginpath"),
        .verbose = shell->verbose, .load = host_load, .new_plugin = host_new_plugin,
        .push = host_push, .options = host_options,
    };
    return rc;
}

int shell_initrc (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "initrc");
    const char *path = setting (shell, "FLUX_SHELL_INITRC", "conf.shell_initrc", "shell_initrc");
    bool attr = strcmp (path, flux_conf_builtin_get ("shell_initrc", FLUX_CONF_AUTO)) != 0;
    struct initrc *rc;

    if (o && !(path = json_string_value (o))) {
        shell_log_error ("initrc: want the path of a file");
        return -1;
    }
    if (!(rc = initrc_new (shell, path))) {
        shell_log_error ("out of memory");
        return -1;
    }
    /* one that is asked for must be there */
    if (o || attr || access (path, R_OK) == 0)
        return run (rc, path);
    return run_default (rc);
}
