/* dso_lua_shell.c - the tables "shell" and "task" of an initrc
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shell/dso_lua.h"

/* Environment */

static int l_getenv (lua_State *L)
{
    flux_shell_t *shell = luarc_get (L)->shell;
    char *text;

    if (lua_isnoneornil (L, 1)) {
        if (flux_shell_get_environ (shell, &text) < 0)
            return luaL_error (L, "getenv: %s", strerror (errno));
        luajson_push_text (L, text);
        return 1;
    }
    lua_pushstring (L, flux_shell_getenv (shell, luaL_checkstring (L, 1)));
    return 1;
}

/* true, or nil and a message */
static int result (lua_State *L, int rc)
{
    if (rc < 0) {
        lua_pushnil (L);
        lua_pushstring (L, strerror (errno));
        return 2;
    }
    lua_pushboolean (L, 1);
    return 1;
}

static int overwrite_arg (lua_State *L, int i)
{
    return lua_isnoneornil (L, i) || (lua_isnumber (L, i) ? lua_tointeger (L, i) != 0
                                                           : lua_toboolean (L, i));
}

static int l_setenv (lua_State *L)
{
    const char *name = luaL_checkstring (L, 1);
    const char *val = luaL_checkstring (L, 2);

    return result (L, flux_shell_setenvf (luarc_get (L)->shell, overwrite_arg (L, 3), name, "%s", val));
}

static int l_unsetenv (lua_State *L)
{
    return result (L, flux_shell_unsetenv (luarc_get (L)->shell, luaL_checkstring (L, 1)));
}

/* Logging */

static int do_log (lua_State *L, int level)
{
    const char *msg = luaL_checkstring (L, 1);
    lua_Debug ar = { .currentline = 0 };
    const char *file = "initrc";

    if (lua_getstack (L, 1, &ar) && lua_getinfo (L, "Sl", &ar))
        file = ar.short_src;
    flux_shell_log (NULL, level, file, ar.currentline, "%s", msg);
    return 0;
}

static int l_log (lua_State *L)
{
    return do_log (L, FLUX_SHELL_NOTICE);
}

static int l_debug (lua_State *L)
{
    return do_log (L, FLUX_SHELL_DEBUG);
}

static int l_log_error (lua_State *L)
{
    return do_log (L, FLUX_SHELL_ERROR);
}

static int l_die (lua_State *L)
{
    const char *msg = luaL_checkstring (L, 1);

    flux_shell_fatal (NULL, "initrc", 0, 0, 1, "%s", msg);
    return 0;
}

/* Information */

static void push_info (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    char id[32];
    char *text;
    json_int_t jobid;

    if (flux_shell_get_info (rc->shell, &text) < 0
        || flux_shell_info_unpack (rc->shell, "{s:I}", "jobid", &jobid) < 0)
        luaL_error (L, "shell.info: %s", strerror (errno));
    luajson_push_text (L, text);
    snprintf (id, sizeof (id), "%" JSON_INTEGER_FORMAT, jobid);
    lua_pushstring (L, id);
    lua_setfield (L, -2, "jobid");
    luajson_push (L, rc->host->options (rc->shell));
    lua_setfield (L, -2, "options");
}

static void push_rankinfo (lua_State *L, int rank)
{
    char *text;

    if (flux_shell_get_rank_info (luarc_get (L)->shell, rank, &text) < 0)
        luaL_error (L, "there is no shell rank %d", rank);
    luajson_push_text (L, text);
}

static int l_get_rankinfo (lua_State *L)
{
    push_rankinfo (L, luaL_optinteger (L, 1, -1));
    return 1;
}

/* shell.options */

static int options_index (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    const char *name = luaL_checkstring (L, 2);
    char *text = NULL;

    if (strcmp (name, "verbose") == 0)
        lua_pushinteger (L, rc->host->verbose);
    else if (flux_shell_getopt (rc->shell, name, &text) < 0)
        return luaL_error (L, "shell.options.%s: %s", name, strerror (errno));
    else
        luajson_push_text (L, text);
    return 1;
}

static int options_newindex (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    const char *name = luaL_checkstring (L, 2);
    char *text = NULL;
    int rval;

    if (strcmp (name, "verbose") == 0)
        return luaL_error (L, "shell.options.verbose is read-only");
    if (!lua_isnil (L, 3)) {
        json_t *o = luajson_take (L, 3);
        text = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref (o);
        if (!text)
            return luaL_error (L, "out of memory");
    }
    rval = flux_shell_setopt (rc->shell, name, text);
    free (text);
    if (rval < 0)
        return luaL_error (L, "shell.options.%s: %s", name, strerror (errno));
    return 0;
}

/* pairs (shell.options): of a copy */
static int options_pairs (lua_State *L)
{
    struct luarc *rc = luarc_get (L);

    lua_getglobal (L, "next");
    luajson_push (L, rc->host->options (rc->shell));
    lua_pushnil (L);
    return 3;
}

/* shell */

static int shell_index (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    const char *key = lua_tostring (L, 2);

    if (key && strcmp (key, "info") == 0)
        push_info (L);
    else if (key && strcmp (key, "rankinfo") == 0)
        push_rankinfo (L, -1);
    else if (key && strcmp (key, "rcpath") == 0)
        lua_pushstring (L, rc->host->rcpath);
    else if (key && strcmp (key, "verbose") == 0)
        lua_pushinteger (L, rc->host->verbose);
    else
        lua_pushnil (L);
    return 1;
}

static int shell_newindex (lua_State *L)
{
    static const char *const fixed[] = { "info", "rankinfo", "verbose", NULL };
    const char *key = lua_tostring (L, 2);

    for (int i = 0; key && fixed[i]; i++) {
        if (strcmp (key, fixed[i]) == 0)
            return luaL_error (L, "shell.%s is read-only", key);
    }
    lua_rawset (L, 1);
    return 0;
}

static const luaL_Reg shell_functions[] = {
    { "getenv", l_getenv },
    { "setenv", l_setenv },
    { "unsetenv", l_unsetenv },
    { "log", l_log },
    { "debug", l_debug },
    { "log_error", l_log_error },
    { "die", l_die },
    { "get_rankinfo", l_get_rankinfo },
    { NULL, NULL },
};

/* task: only while a task.* callback runs */

static flux_shell_task_t *current_task (lua_State *L)
{
    flux_shell_task_t *task = flux_shell_current_task (luarc_get (L)->shell);

    if (!task)
        luaL_error (L, "task is only there in the callbacks task.init, task.exec, task.fork"
                       " and task.exit");
    return task;
}

static void push_task_info (lua_State *L)
{
    char *text;

    if (flux_shell_task_get_info (current_task (L), &text) < 0)
        luaL_error (L, "task.info: %s", strerror (errno));
    luajson_push_text (L, text);
    /* 0 is true in Lua */
    lua_getfield (L, -1, "signaled");
    if (lua_tointeger (L, -1) == 0) {
        lua_pushnil (L);
        lua_setfield (L, -3, "signaled");
    }
    lua_pop (L, 1);
}

static int t_getenv (lua_State *L)
{
    flux_cmd_t *cmd = flux_shell_task_cmd (current_task (L));

    lua_pushstring (L, flux_cmd_getenv (cmd, luaL_checkstring (L, 1)));
    return 1;
}

static int t_setenv (lua_State *L)
{
    flux_cmd_t *cmd = flux_shell_task_cmd (current_task (L));
    const char *name = luaL_checkstring (L, 1);
    const char *val = luaL_checkstring (L, 2);

    return result (L, flux_cmd_setenvf (cmd, overwrite_arg (L, 3), name, "%s", val));
}

static int t_unsetenv (lua_State *L)
{
    flux_cmd_unsetenv (flux_shell_task_cmd (current_task (L)), luaL_checkstring (L, 1));
    return 0;
}

static int task_index (lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "getenv", t_getenv }, { "setenv", t_setenv }, { "unsetenv", t_unsetenv },
    };
    const char *key = luaL_checkstring (L, 2);

    (void)current_task (L);
    if (strcmp (key, "info") == 0) {
        push_task_info (L);
        return 1;
    }
    for (size_t i = 0; i < sizeof (functions) / sizeof (functions[0]); i++) {
        if (strcmp (key, functions[i].name) == 0) {
            lua_pushcfunction (L, functions[i].func);
            return 1;
        }
    }
    lua_pushnil (L);
    return 1;
}

/* An empty table with these metamethods; left on the stack. */
static void new_proxy (lua_State *L, lua_CFunction index, lua_CFunction newindex,
                       lua_CFunction pairs)
{
    lua_newtable (L);
    lua_newtable (L);
    lua_pushcfunction (L, index);
    lua_setfield (L, -2, "__index");
    if (newindex) {
        lua_pushcfunction (L, newindex);
        lua_setfield (L, -2, "__newindex");
    }
    if (pairs) {
        lua_pushcfunction (L, pairs);
        lua_setfield (L, -2, "__pairs");
    }
    lua_setmetatable (L, -2);
}

void luashell_open (lua_State *L)
{
    new_proxy (L, shell_index, shell_newindex, NULL);
    luaL_setfuncs (L, shell_functions, 0);
    new_proxy (L, options_index, options_newindex, options_pairs);
    lua_pushstring (L, "options");
    lua_insert (L, -2);
    lua_rawset (L, -3);
    lua_setglobal (L, "shell");
    new_proxy (L, task_index, NULL, NULL);
    lua_setglobal (L, "task");
}
