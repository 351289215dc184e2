/* dso_lua.h - the parts of shelllua.so
 */
#ifndef SHELL_DSO_LUA_H
#define SHELL_DSO_LUA_H

#include <lauxlib.h>
#include <lua.h>

#include "shell/lua.h"

struct luarc {
    lua_State *L;
    flux_shell_t *shell;
    const struct shell_lua_host *host;
    int nplugins;                /* names for those that have none */
};

/* The one that belongs to a state. */
struct luarc *luarc_get (lua_State *L);

/* dso_lua_json.c: values.  luajson_push() pushes one value; JSON null is nil.
 * luajson_take() makes JSON of the value at 'index': a table with element 1, and no
 * other kind of key, is an array.  It raises an error for what has no form in JSON. */
void luajson_push (lua_State *L, const json_t *o);
json_t *luajson_take (lua_State *L, int index);
/* Push decoded text, which is freed. */
void luajson_push_text (lua_State *L, char *text);

/* dso_lua_shell.c: the tables shell and task */
void luashell_open (lua_State *L);
/* dso_lua_plugin.c: the table plugin */
void luaplugin_open (lua_State *L);

/* What is written in Lua itself. */
extern const char luarc_prelude[];

#endif /* !SHELL_DSO_LUA_H */
