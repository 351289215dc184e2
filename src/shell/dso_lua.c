/* dso_lua.c - shelllua.so: runs the initrc of a shell (flux-shell-initrc(5))
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <lualib.h>

#include "shell/dso_lua.h"

#define LUARC_AUX "flux::luarc"

struct luarc *luarc_get (lua_State *L)
{
    return *(struct luarc **)lua_getextraspace (L);
}

/* What needs no C.  FLUX_SHELL_RC_PATH is that of the user's environment. */
const char luarc_prelude[] =
    "coprocess = {}\n"
    "local function rcdirs ()\n"
    "  local dirs = { { shell.rcpath, '/lua.d' } }\n"
    "  local more = shell.getenv ('FLUX_SHELL_RC_PATH') or os.getenv ('FLUX_SHELL_RC_PATH') or ''\n"
    "  for d in more:gmatch ('[^:]+') do dirs[#dirs + 1] = { d, '' } end\n"
    "  return dirs\n"
    "end\n"
    "function shell.source_rcpath (pattern)\n"
    "  for _, d in ipairs (rcdirs ()) do source_if_exists (d[1] .. d[2] .. '/' .. pattern) end\n"
    "end\n"
    "function shell.getopt_with_version (name)\n"
    "  local val = shell.options[name]\n"
    "  if type (val) ~= 'string' then return val end\n"
    "  local base, version = val:match ('^(.-)@(.*)$')\n"
    "  if base then return base, version end\n"
    "  return val\n"
    "end\n"
    "function shell.source_rcpath_option (opt)\n"
    "  local val, version = shell.getopt_with_version (opt)\n"
    "  if type (val) ~= 'string' then return end\n"
    "  if version then val = val .. '@' .. version end\n"
    "  for _, d in ipairs (rcdirs ()) do\n"
    "    source_if_exists (d[1] .. '/' .. opt .. '/' .. val .. '.lua')\n"
    "  end\n"
    "end\n"
    "function shell.prepend_path (name, path)\n"
    "  local old = shell.getenv (name)\n"
    "  shell.setenv (name, (old and old ~= '') and path .. ':' .. old or path)\n"
    "end\n"
    "function shell.env_strip (...)\n"
    "  for name in pairs (shell.getenv ()) do\n"
    "    for _, pattern in ipairs { ... } do\n"
    "      if name:match (pattern) then shell.unsetenv (name) break end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function coprocess.define (spec)\n"
    "  if type (spec) ~= 'table' or type (spec.name) ~= 'string' then\n"
    "    error ('coprocess.define: a table with the key name is needed', 2)\n"
    "  end\n"
    "  local opt = shell.options[spec.name]\n"
    "  if opt == nil or opt == false or opt == 0 then return end\n"
    "  local def = {}\n"
    "  for k, v in pairs (spec) do if k ~= 'name' then def[k] = v end end\n"
    "  if type (opt) == 'table' then for k, v in pairs (opt) do def[k] = v end end\n"
    "  local all = shell.options.coprocess or {}\n"
    "  all[spec.name] = def\n"
    "  shell.options.coprocess = all\n"
    "end\n";

/* Run each file that the glob names.  Raises errors. */
static int source (lua_State *L, const char *pattern, bool must_exist)
{
    glob_t g;
    int rc = glob (pattern, 0, NULL, &g);

    if (rc == GLOB_NOMATCH && must_exist && !strpbrk (pattern, "*?["))
        return luaL_error (L, "%s: %s", pattern, strerror (ENOENT));
    if (rc != 0)
        return 0;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        if (luaL_loadfile (L, g.gl_pathv[i]) != LUA_OK || lua_pcall (L, 0, 0, 0) != LUA_OK) {
            globfree (&g);
            return lua_error (L);
        }
    }
    globfree (&g);
    return 0;
}

static int l_source (lua_State *L)
{
    return source (L, luaL_checkstring (L, 1), true);
}

static int l_source_if_exists (lua_State *L)
{
    return source (L, luaL_checkstring (L, 1), false);
}

static int open_all (lua_State *L)
{
    luaL_openlibs (L);
    lua_register (L, "source", l_source);
    lua_register (L, "source_if_exists", l_source_if_exists);
    luashell_open (L);
    luaplugin_open (L);
    if (luaL_loadbuffer (L, luarc_prelude, strlen (luarc_prelude), "=initrc") != LUA_OK)
        return lua_error (L);
    lua_call (L, 0, 0);
    return 0;
}

static void luarc_free (void *arg)
{
    struct luarc *rc = arg;

    if (rc->L)
        lua_close (rc->L);
    free (rc);
}

static int failed (struct luarc *rc, flux_error_t *err)
{
    const char *s = lua_tostring (rc->L, -1);

    snprintf (err->text, sizeof (err->text), "%s", s ? s : "unknown error");
    lua_settop (rc->L, 0);
    return -1;
}

static struct luarc *luarc_new (flux_shell_t *shell, const struct shell_lua_host *host,
                                flux_error_t *err)
{
    struct luarc *rc = calloc (1, sizeof (*rc));

    if (!rc || !(rc->L = luaL_newstate ()))
        snprintf (err->text, sizeof (err->text), "out of memory");
    else {
        rc->shell = shell;
        rc->host = host;
        *(struct luarc **)lua_getextraspace (rc->L) = rc;
        lua_pushcfunction (rc->L, open_all);
        if (lua_pcall (rc->L, 0, 0, 0) == LUA_OK
            && flux_shell_aux_set (shell, LUARC_AUX, rc, luarc_free) == 0)
            return rc;
        (void)failed (rc, err);
    }
    if (rc)
        luarc_free (rc);
    return NULL;
}

int shell_lua_run (flux_shell_t *shell, const struct shell_lua_host *host, const char *path,
                   flux_error_t *err)
{
    struct luarc *rc = flux_shell_aux_get (shell, LUARC_AUX);

    if (!rc && !(rc = luarc_new (shell, host, err)))
        return -1;
    lua_pushcfunction (rc->L, l_source);
    lua_pushstring (rc->L, path);
    if (lua_pcall (rc->L, 1, 0, 0) != LUA_OK)
        return failed (rc, err);
    return 0;
}
