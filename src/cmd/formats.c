/* formats.c - named output formats
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dso.h"
#include "base/errmsg.h"
#include "base/toml.h"
#include "cmd/cmd.h"
#include "cmd/formats.h"

typedef json_t *(*yaml_to_json_f) (const char *s, size_t len, flux_error_t *err);

static int wrong_argument = 1;   /* exit code */

void formats_set_exit (int code)
{
    wrong_argument = code;
}

/* Formats are merged by name, everything else is replaced. */
static void merge (json_t *all, const json_t *o)
{
    json_t *formats = json_object_get (all, "formats");
    const char *key;
    json_t *val;

    json_object_foreach ((json_t *)o, key, val) {
        if (strcmp (key, "formats") == 0 && formats)
            json_object_update (formats, val);
        else
            json_object_set (all, key, val);
    }
}

/* libyaml is in a shared object of ours: few have such a file. */
static json_t *parse_yaml_file (const char *path, flux_error_t *err)
{
    yaml_to_json_f fun = (yaml_to_json_f)dso_symbol ("yaml", "yaml_to_json", err);
    struct buf b = BUF_INIT;
    char part[4096];
    FILE *f = fun ? fopen (path, "r") : NULL;
    json_t *o = NULL;
    size_t n;

    if (fun && !f)
        errmsg (err, -errno, "%s", strerror (errno));
    while (f && (n = fread (part, 1, sizeof (part), f)) > 0)
        buf_add (&b, part, n);
    if (f && ferror (f))
        errmsg (err, -errno, "%s", strerror (errno));
    else if (f)
        o = fun (b.data, b.len, err);
    if (f)
        fclose (f);
    buf_release (&b);
    return o;
}

static json_t *parse_json_file (const char *path, flux_error_t *err)
{
    json_error_t e;
    json_t *o = json_load_file (path, 0, &e);

    if (!o)
        errmsg (err, -EINVAL, "line %d, column %d: %s", e.line, e.column, e.text);
    return o;
}

/* The files DIR/flux/COMMAND.{json,toml,yaml} */
static void load_dir (json_t *all, const char *dir, const char *sub, const char *command,
                      const char *table)
{
    static const struct {
        const char *ext;
        json_t *(*parse) (const char *path, flux_error_t *err);
    } kinds[] = { { "json", parse_json_file }, { "toml", toml_parse_file },
                  { "yaml", parse_yaml_file } };

    for (int i = 0; i < 3; i++) {
        char *path = NULL;
        flux_error_t err;
        json_t *o;
        if (asprintf (&path, "%s%s/flux/%s.%s", dir, sub, command, kinds[i].ext) < 0)
            cmd_die (1, "out of memory");
        if (access (path, R_OK) == 0) {
            if (!(o = kinds[i].parse (path, &err)))
                cmd_die (1, "%s: %s", path, err.text);
            merge (all, table ? json_object_get (o, table) : o);
            json_decref (o);
        }
        free (path);
    }
}

/* The first of XDG_CONFIG_DIRS has the last word of them. */
static void load_dirs_reversed (json_t *all, char *dirs, const char *command,
                                const char *table)
{
    char *colon = strchr (dirs, ':');

    if (colon) {
        *colon = '\0';
        load_dirs_reversed (all, colon + 1, command, table);
    }
    load_dir (all, dirs, "", command, table);
}

json_t *formats_config (const char *command, const char *table)
{
    const char *dirs = getenv ("XDG_CONFIG_DIRS");
    const char *home = getenv ("XDG_CONFIG_HOME");
    char *copy = strdup (dirs && *dirs ? dirs : "/etc/xdg");
    json_t *all = json_object ();

    if (!copy || !all)
        cmd_die (1, "out of memory");
    load_dirs_reversed (all, copy, command, table);
    if (home && *home)
        load_dir (all, home, "", command, table);
    else if (getenv ("HOME"))
        load_dir (all, getenv ("HOME"), "/.config", command, table);
    free (copy);
    return all;
}

static const struct named_format *find_builtin (const struct named_format *b, const char *name)
{
    for (; b->name; b++) {
        if (strcmp (b->name, name) == 0)
            return b;
    }
    return NULL;
}

static void print_help (const char *command, const struct named_format *builtin, json_t *config)
{
    const char *name;
    json_t *o;

    printf ("Configured %s output formats:\n\n", command);
    for (const struct named_format *b = builtin; b->name; b++)
        printf ("  %-12s %s\n", b->name, b->description);
    json_object_foreach (config, name, o) {
        const char *d = json_string_value (json_object_get (o, "description"));
        printf ("  %-12s %s\n", name, d ? d : "");
    }
    exit (0);
}

static const char *find_format (const struct named_format *builtin, json_t *config, const char *name)
{
    const struct named_format *b = find_builtin (builtin, name);

    if (b)
        return b->format;
    return json_string_value (json_object_get (json_object_get (config, name), "format"));
}

static void print_config (const struct named_format *builtin, json_t *config, const char *table,
                          const char *name)
{
    const char *fmt = find_format (builtin, config, name);

    if (!fmt)
        cmd_die (wrong_argument, "--format: no format named '%s'", name);
    printf ("[%s%sformats.%s]\nformat = \"%s\"\n", table ? table : "", table ? "." : "", name, fmt);
    exit (0);
}

struct format *formats_get_table (const char *command, const char *table,
                                  const struct named_format *builtin, const char *arg,
                                  const char *env, format_heading_f heading, void *harg)
{
    json_t *all = formats_config (command, table);
    json_t *config = json_object_get (all, "formats");
    const char *text;
    struct format *f;
    flux_error_t err;
    const char *name;
    json_t *o;

    json_object_foreach (config, name, o) {
        if (find_builtin (builtin, name))
            cmd_die (1, "%s: the format '%s' of the configuration is built in and cannot be"
                     " redefined", command, name);
    }
    if (!arg && env)
        arg = getenv (env);
    if (!arg)
        arg = "default";
    if (strcmp (arg, "help") == 0)
        print_help (command, builtin, config);
    if (strncmp (arg, "get-config=", 11) == 0)
        print_config (builtin, config, table, arg + 11);
    text = find_format (builtin, config, arg);
    if (!text && !strchr (arg, '{'))
        cmd_die (wrong_argument, "--format: no format named '%s' (see --format=help)", arg);
    if (!(f = format_parse (text ? text : arg, heading, harg, &err)))
        cmd_die (wrong_argument, "--format: %s", err.text);
    json_decref (all);
    return f;
}

struct format *formats_get (const char *command, const struct named_format *builtin,
                            const char *arg, const char *env, format_heading_f heading, void *harg)
{
    return formats_get_table (command, NULL, builtin, arg, env, heading, harg);
}
