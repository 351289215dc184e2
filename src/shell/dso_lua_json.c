/* dso_lua_json.c - JSON and Lua values
 */
#include <stdlib.h>

#include "shell/dso_lua.h"

#define DEPTH_MAX 50

static void push_object (lua_State *L, const json_t *o)
{
    const char *key;
    json_t *val;

    lua_newtable (L);
    json_object_foreach ((json_t *)o, key, val) {
        luajson_push (L, val);
        lua_setfield (L, -2, key);
    }
}

static void push_array (lua_State *L, const json_t *o)
{
    size_t i;
    json_t *val;

    lua_newtable (L);
    json_array_foreach ((json_t *)o, i, val) {
        luajson_push (L, val);
        lua_rawseti (L, -2, i + 1);
    }
}

void luajson_push (lua_State *L, const json_t *o)
{
    luaL_checkstack (L, 4, "JSON value");
    switch (o ? json_typeof (o) : JSON_NULL) {
        case JSON_OBJECT:
            push_object (L, o);
            break;
        case JSON_ARRAY:
            push_array (L, o);
            break;
        case JSON_STRING:
            lua_pushlstring (L, json_string_value (o), json_string_length (o));
            break;
        case JSON_INTEGER:
            lua_pushinteger (L, json_integer_value (o));
            break;
        case JSON_REAL:
            lua_pushnumber (L, json_real_value (o));
            break;
        case JSON_TRUE:
        case JSON_FALSE:
            lua_pushboolean (L, json_is_true (o));
            break;
        case JSON_NULL:
            lua_pushnil (L);
            break;
    }
}

void luajson_push_text (lua_State *L, char *text)
{
    json_t *o = text ? json_loads (text, JSON_DECODE_ANY, NULL) : NULL;

    free (text);
    luajson_push (L, o);
    json_decref (o);
}

/* Only keys 1 to n, and at least one. */
static bool is_array (lua_State *L, int index)
{
    lua_Integer n = lua_rawlen (L, index);
    lua_Integer count = 0;

    if (n == 0)
        return false;
    for (lua_pushnil (L); lua_next (L, index); lua_pop (L, 1)) {
        if (!lua_isinteger (L, -2)) {
            lua_pop (L, 2);
            return false;
        }
        count++;
    }
    return count == n;
}

static json_t *take (lua_State *L, int index, int depth);

static json_t *take_array (lua_State *L, int index, int depth)
{
    json_t *o = json_array ();
    lua_Integer n = lua_rawlen (L, index);

    for (lua_Integer i = 1; o && i <= n; i++) {
        json_t *val;
        lua_rawgeti (L, index, i);
        val = take (L, lua_gettop (L), depth + 1);
        lua_pop (L, 1);
        if (!val || json_array_append_new (o, val) < 0) {
            json_decref (o);
            return NULL;
        }
    }
    return o;
}

static json_t *take_object (lua_State *L, int index, int depth)
{
    json_t *o = json_object ();

    for (lua_pushnil (L); o && lua_next (L, index); lua_pop (L, 1)) {
        json_t *val = take (L, lua_gettop (L), depth + 1);
        const char *key;
        lua_pushvalue (L, -2);      /* lua_tostring would change the key itself */
        key = lua_tostring (L, -1);
        if (!key || !val || json_object_set_new (o, key, val) < 0) {
            json_decref (o);
            return NULL;
        }
        lua_pop (L, 1);
    }
    return o;
}

static json_t *take (lua_State *L, int index, int depth)
{
    size_t len;
    const char *s;

    if (depth > DEPTH_MAX || !lua_checkstack (L, 6))
        return NULL;
    switch (lua_type (L, index)) {
        case LUA_TNIL:
            return json_null ();
        case LUA_TBOOLEAN:
            return json_boolean (lua_toboolean (L, index));
        case LUA_TNUMBER:
            return lua_isinteger (L, index) ? json_integer (lua_tointeger (L, index))
                                            : json_real (lua_tonumber (L, index));
        case LUA_TSTRING:
            s = lua_tolstring (L, index, &len);
            return json_stringn (s, len);
        case LUA_TTABLE:
            return is_array (L, index) ? take_array (L, index, depth)
                                       : take_object (L, index, depth);
    }
    return NULL;
}

json_t *luajson_take (lua_State *L, int index)
{
    int top = lua_gettop (L);
    json_t *o = take (L, lua_absindex (L, index), 0);

    lua_settop (L, top);
    if (!o)
        luaL_error (L, "a value that is not a string, number, boolean or table of these"
                       " (or is not UTF-8) cannot be used here");
    return o;
}
