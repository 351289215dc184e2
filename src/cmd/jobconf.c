/* jobconf.c - the configuration of a new instance, built on the command line
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/toml.h"
#include "cmd/cmd.h"
#include "cmd/jobconf.h"
#include "cmd/jobopts.h"

static bool ends_with (const char *s, const char *suffix)
{
    size_t n = strlen (s);
    size_t m = strlen (suffix);

    return n >= m && strcmp (s + n - m, suffix) == 0;
}

static json_t *from_file (const char *path)
{
    flux_error_t err;
    json_error_t error;
    char *text;
    size_t len;
    json_t *o;

    if (ends_with (path, ".toml")) {
        if (!(o = toml_parse_file (path, &err)))
            cmd_die (1, "--conf: %s", err.text);
        return o;
    }
    text = jobopts_read_file (path, &len);
    if (!(o = json_loadb (text, len, 0, &error)))
        cmd_die (1, "--conf: %s:%d:%d: %s", path, error.line, error.column, error.text);
    free (text);
    return o;
}

static json_t *from_text (const char *text)
{
    json_t *o = json_loads (text, 0, NULL);
    flux_error_t err;

    if (!o && !(o = toml_parse (text, strlen (text), &err)))
        cmd_die (1, "--conf: neither JSON nor TOML: %s", err.text);
    return o;
}

static json_t *from_key_value (const char *arg)
{
    const char *eq = strchr (arg, '=');
    char *key = strndup (arg, eq - arg);
    json_t *o = json_object ();

    if (!key || !o || jobopts_set_path (o, key, jobopts_value (eq + 1)) < 0)
        cmd_die (1, "--conf=%s: bad key '%s'", arg, key ? key : "");
    free (key);
    return o;
}

/* DIR/flux/config/NAME.toml or .json */
static json_t *try_dir (const char *dir, const char *sub, const char *name)
{
    static const char *const ext[] = { "toml", "json" };
    json_t *o = NULL;

    for (int i = 0; i < 2 && !o; i++) {
        char *path = NULL;
        if (asprintf (&path, "%s%s/flux/config/%s.%s", dir, sub, name, ext[i]) < 0)
            cmd_die (1, "out of memory");
        if (access (path, R_OK) == 0)
            o = from_file (path);
        free (path);
    }
    return o;
}

static json_t *from_name (const char *name)
{
    const char *home = getenv ("XDG_CONFIG_HOME");
    const char *dirs = getenv ("XDG_CONFIG_DIRS");
    char *copy = strdup (dirs && *dirs ? dirs : "/etc/xdg");
    char *save = NULL;
    json_t *o = NULL;

    if (home && *home)
        o = try_dir (home, "", name);
    else if (getenv ("HOME"))
        o = try_dir (getenv ("HOME"), "/.config", name);
    for (char *d = strtok_r (copy, ":", &save); d && !o; d = strtok_r (NULL, ":", &save))
        o = try_dir (d, "", name);
    free (copy);
    if (!o)
        cmd_die (1, "--conf=%s: no %s.toml or %s.json in flux/config of XDG_CONFIG_HOME or"
                 " XDG_CONFIG_DIRS, and it is not KEY=VAL", name, name, name);
    return o;
}

json_t *jobconf_make (optparse_t *p)
{
    json_t *conf = NULL;
    const char *arg;

    optparse_getopt_iterator_reset (p, "conf");
    while ((arg = optparse_getopt_next (p, "conf"))) {
        json_t *o;
        if (strchr (arg, '\n'))
            o = from_text (arg);
        else if (strchr (arg, '='))
            o = from_key_value (arg);
        else if (ends_with (arg, ".toml") || ends_with (arg, ".json"))
            o = from_file (arg);
        else
            o = from_name (arg);
        if (!json_is_object (o))
            cmd_die (1, "--conf=%s: want a table", arg);
        if (!conf)
            conf = o;
        else if (json_object_update_recursive (conf, o) < 0)
            cmd_die (1, "out of memory");
        else
            json_decref (o);
    }
    return conf;
}
