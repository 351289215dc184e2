/* lua.h - between the shell and what runs its initrc (flux-shell-initrc(5))
 *
 * Lua is in a private object, lib/private/shelllua.so, that is loaded when there
 * is a script to run.  It uses the public calls of <flux/shell.h>, and what it is
 * handed here.
 */
#ifndef SHELL_LUA_H
#define SHELL_LUA_H

#include <jansson.h>
#include <flux/core.h>
#include <flux/shell.h>

struct shell_lua_host {
    const char *rcpath;          /* directory of the initrc */
    const char *pluginpath;      /* where plugins are looked for at first */
    int verbose;
    /* Load plugins; 0, or negative errno with err->text. */
    int (*load) (flux_shell_t *shell, const char *pattern, const char *conf_json,
                 const char *searchpath, flux_error_t *err);
    /* A plugin without handlers, and on top of the stack with it.  push() takes it. */
    flux_plugin_t *(*new_plugin) (flux_shell_t *shell);
    int (*push) (flux_shell_t *shell, flux_plugin_t *p);
    /* All options, borrowed. */
    json_t *(*options) (flux_shell_t *shell);
};

/* Run a file; the same state serves all calls and the plugins that scripts
 * register, and lives as long as the shell.  'host' must as well.  0, or -1 with
 * err->text. */
typedef int (*shell_lua_run_f) (flux_shell_t *shell, const struct shell_lua_host *host,
                                const char *path, flux_error_t *err);
int shell_lua_run (flux_shell_t *shell, const struct shell_lua_host *host, const char *path,
                   flux_error_t *err);

/* initrc.c: run the initrc, the userrc, or what they would do by default.  0 or -1,
 * with messages logged. */
int shell_initrc (flux_shell_t *shell);

#endif /* !SHELL_LUA_H */
