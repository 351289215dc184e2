/* dso_lua_plugin.c - the table "plugin" of an initrc: load plugins, or write one here
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shell/dso_lua.h"

static int load_failed (lua_State *L, const flux_error_t *err)
{
    return luaL_error (L, "plugin.load: %s", err->text);
}

/* plugin.load (PATTERN), or {file = PATTERN, conf = TABLE} */
static int l_load (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    const char *searchpath;
    const char *file;
    char *conf = NULL;
    flux_error_t err;
    int rval;

    if (lua_istable (L, 1)) {
        lua_getfield (L, 1, "conf");
        if (!lua_isnil (L, -1)) {
            json_t *o;
            luaL_argcheck (L, lua_istable (L, -1), 1, "conf must be a table");
            o = luajson_take (L, -1);
            /* an empty table is an object here */
            conf = json_dumps (o, JSON_COMPACT);
            json_decref (o);
        }
        lua_getfield (L, 1, "file");
        if (!(file = lua_tostring (L, -1))) {
            free (conf);
            return luaL_error (L, "plugin.load: a table needs the key file");
        }
    }
    else
        file = luaL_checkstring (L, 1);
    lua_getfield (L, LUA_REGISTRYINDEX, "searchpath");
    searchpath = lua_tostring (L, -1);
    rval = rc->host->load (rc->shell, file, conf, searchpath, &err);
    free (conf);
    return rval < 0 ? load_failed (L, &err) : 0;
}

/* A handler of a plugin that is written in Lua. */
struct handler {
    struct luarc *rc;
    int fn;                      /* reference in the registry */
};

static int call_handler (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct handler *hd = data;
    lua_State *L = hd->rc->L;
    int top = lua_gettop (L);
    int rval = 0;

    lua_rawgeti (L, LUA_REGISTRYINDEX, hd->fn);
    lua_pushstring (L, topic);
    if (lua_pcall (L, 1, 1, 0) != LUA_OK) {
        if (strncmp (topic, "shell.log", 9) != 0)
            flux_shell_log (flux_plugin_get_name (p), FLUX_SHELL_ERROR, "initrc", 0, "%s: %s",
                            topic, lua_tostring (L, -1));
        rval = -1;
    }
    else if (lua_isinteger (L, -1) && lua_tointeger (L, -1) < 0)
        rval = -1;
    lua_settop (L, top);
    return rval;
}

/* The handler at the top of the stack, {topic =, fn =}. */
static int add_handler (lua_State *L, flux_plugin_t *p)
{
    struct handler *hd;
    const char *topic;

    if (!lua_istable (L, -1))
        return -1;
    lua_getfield (L, -1, "topic");
    topic = lua_tostring (L, -1);
    lua_getfield (L, -2, "fn");
    if (!topic || !lua_isfunction (L, -1) || !(hd = malloc (sizeof (*hd)))) {
        lua_pop (L, 2);
        return -1;
    }
    hd->rc = luarc_get (L);
    hd->fn = luaL_ref (L, LUA_REGISTRYINDEX);
    if (flux_plugin_aux_set (p, NULL, hd, free) < 0
        || flux_plugin_add_handler (p, topic, call_handler, hd) < 0)
        return -1;
    lua_pop (L, 1);
    return 0;
}

static int add_handlers (lua_State *L, flux_plugin_t *p)
{
    lua_Integer n;

    lua_getfield (L, 1, "handlers");
    if (!lua_istable (L, -1))
        return -1;
    n = lua_rawlen (L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti (L, -1, i);
        if (add_handler (L, p) < 0)
            return -1;
        lua_pop (L, 1);
    }
    return 0;
}

static int set_name (lua_State *L, struct luarc *rc, flux_plugin_t *p)
{
    char name[32];

    lua_getfield (L, 1, "name");
    if (lua_isstring (L, -1))
        return flux_plugin_set_name (p, lua_tostring (L, -1));
    snprintf (name, sizeof (name), "lua-%d", ++rc->nplugins);
    return flux_plugin_set_name (p, name);
}

/* plugin.register {name =, handlers = {{topic =, fn =}, ...}} */
static int l_register (lua_State *L)
{
    struct luarc *rc = luarc_get (L);
    flux_plugin_t *p;

    luaL_checktype (L, 1, LUA_TTABLE);
    if (!(p = rc->host->new_plugin (rc->shell)))
        return luaL_error (L, "plugin.register: out of memory");
    if (set_name (L, rc, p) < 0 || add_handlers (L, p) < 0) {
        flux_plugin_destroy (p);
        return luaL_error (L, "plugin.register: want {name = STRING, handlers = "
                              "{{topic = STRING, fn = FUNCTION}, ...}}");
    }
    if (rc->host->push (rc->shell, p) < 0) {
        flux_plugin_destroy (p);
        return luaL_error (L, "plugin.register: out of memory");
    }
    return 0;
}

static int plugin_index (lua_State *L)
{
    const char *key = lua_tostring (L, 2);

    if (key && strcmp (key, "searchpath") == 0)
        lua_getfield (L, LUA_REGISTRYINDEX, "searchpath");
    else
        lua_pushnil (L);
    return 1;
}

static int plugin_newindex (lua_State *L)
{
    const char *key = lua_tostring (L, 2);

    if (key && strcmp (key, "searchpath") == 0) {
        luaL_argcheck (L, lua_isstring (L, 3), 3, "plugin.searchpath is a string");
        lua_pushvalue (L, 3);
        lua_setfield (L, LUA_REGISTRYINDEX, "searchpath");
        return 0;
    }
    lua_rawset (L, 1);
    return 0;
}

void luaplugin_open (lua_State *L)
{
    lua_pushstring (L, luarc_get (L)->host->pluginpath);
    lua_setfield (L, LUA_REGISTRYINDEX, "searchpath");
    lua_newtable (L);
    lua_pushcfunction (L, l_load);
    lua_setfield (L, -2, "load");
    lua_pushcfunction (L, l_register);
    lua_setfield (L, -2, "register");
    lua_newtable (L);
    lua_pushcfunction (L, plugin_index);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, plugin_newindex);
    lua_setfield (L, -2, "__newindex");
    lua_setmetatable (L, -2);
    lua_setglobal (L, "plugin");
}
