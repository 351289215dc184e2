/* config.c - flux config (flux-config(1)); services config.* of the broker
 *
 *   get             config ──config.get──► broker
 *   set, unset      the same, then ──config.load {all of it, changed}──►
 *   load, reload    ──config.load──►, ──config.reload──►
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/toml.h"
#include "cmd/cmd.h"
#include "cmd/config.h"
#include "cmd/subs.h"

/* The table of 'root' that has the last part of 'name', which goes to *lastp; with
 * 'create', tables on the way are made.  NULL if there is none. */
static json_t *parent_of (json_t *root, const char *name, bool create, const char **lastp)
{
    const char *dot;
    json_t *o = root;

    while (o && (dot = strchr (name, '.'))) {
        char *key = strndup (name, dot - name);
        json_t *next = key ? json_object_get (o, key) : NULL;
        if (!key)
            cmd_die (1, "out of memory");
        if (!next && create && json_object_set_new (o, key, json_object ()) == 0)
            next = json_object_get (o, key);
        free (key);
        o = next;
        name = dot + 1;
    }
    *lastp = name;
    return json_is_object (o) ? o : NULL;
}

static json_t *lookup (json_t *root, const char *name)
{
    const char *last;
    json_t *o = parent_of (root, name, false, &last);

    return json_object_get (o, last);
}

/* Types */

static const char *const type_names[] = {
    "string", "integer", "real", "boolean", "object", "array", "fsd", "fsd-integer", "fsd-real",
};
enum type { T_STRING, T_INTEGER, T_REAL, T_BOOLEAN, T_OBJECT, T_ARRAY, T_FSD, T_FSD_INTEGER,
            T_FSD_REAL, T_NONE };

static enum type get_type (optparse_t *p, bool set)
{
    const char *s = optparse_get_str (p, "type", NULL);

    if (!s)
        return T_NONE;
    for (int i = 0; i < (set ? T_FSD_INTEGER : T_NONE); i++) {
        if (strcmp (type_names[i], s) == 0)
            return i;
    }
    cmd_die (1, "--type=%s: there are string, integer, real, boolean, object, array, fsd%s", s,
             set ? "" : ", fsd-integer, fsd-real");
}

static enum type type_of (const json_t *o)
{
    switch (json_typeof (o)) {
        case JSON_STRING:
            return T_STRING;
        case JSON_INTEGER:
            return T_INTEGER;
        case JSON_REAL:
            return T_REAL;
        case JSON_TRUE:
        case JSON_FALSE:
            return T_BOOLEAN;
        case JSON_OBJECT:
            return T_OBJECT;
        case JSON_ARRAY:
            return T_ARRAY;
        default:
            return T_NONE;
    }
}

static void check_type (const char *name, const json_t *o, enum type want)
{
    enum type is = type_of (o);
    bool fsd = want >= T_FSD && want <= T_FSD_REAL;

    if (want == T_NONE || is == want || (fsd && is == T_STRING))
        return;
    cmd_die (1, "%s is of type %s, not %s", name, is == T_NONE ? "null" : type_names[is],
             type_names[want]);
}

static double check_fsd (const char *name, const char *s)
{
    double d;

    if (duration_parse (s, &d) < 0)
        cmd_die (1, "%s: '%s' is not a duration in Flux Standard Duration form", name, s);
    return d;
}

/* get */

static void print_real (double d)
{
    json_t *o = json_real (d);
    char *s = json_dumps (o, JSON_ENCODE_ANY | JSON_REAL_PRECISION (15));

    printf ("%s\n", s ? s : "inf");    /* JSON has no infinity */
    free (s);
    json_decref (o);
}

static void print_value (const char *name, const json_t *o, enum type type)
{
    char *s;

    check_type (name, o, type);
    if (type >= T_FSD && type <= T_FSD_REAL) {
        double d = check_fsd (name, json_string_value (o));
        if (type == T_FSD_INTEGER)
            printf ("%.0f\n", trunc (d));
        else if (type == T_FSD_REAL)
            print_real (d);
        else
            printf ("%s\n", json_string_value (o));
        return;
    }
    if (json_is_string (o)) {
        printf ("%s\n", json_string_value (o));
        return;
    }
    s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
    printf ("%s\n", s ? s : "");
    free (s);
}

static json_t *fetch (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    json_t *o;

    cmd_check (f, "cannot get the configuration");
    if (flux_rpc_get_unpack (f, "O", &o) < 0)
        cmd_die (1, "config.get: %s", flux_strerror (errno));
    flux_future_destroy (f);
    return o;
}

static json_t *read_path (const char *path)
{
    static const char *const names[] = { "system", "security", "imp" };
    char *full = NULL;
    flux_conf_t *conf;
    flux_error_t err;
    json_t *o;

    for (int i = 0; i < 3; i++) {
        if (strcmp (path, names[i]) == 0
            && asprintf (&full, "%s/%s/conf.d", cmd_builtin ("confdir"), path) < 0)
            cmd_die (1, "out of memory");
    }
    if (!(conf = flux_conf_parse (full ? full : path, &err)))
        cmd_die (1, "%s", err.text);
    if (flux_conf_unpack (conf, &err, "O", &o) < 0)
        cmd_die (1, "%s", err.text);
    flux_conf_decref (conf);
    free (full);
    return o;
}

static json_t *get_all (optparse_t *p)
{
    const char *path = optparse_get_str (p, "config-path", NULL);
    json_t *o;
    flux_t *h;

    if (path)
        return read_path (path);
    h = cmd_open ();
    o = fetch (h);
    flux_close (h);
    return o;
}

static int config_get (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *name = n < argc ? argv[n] : NULL;
    const char *def = optparse_get_str (p, "default", NULL);
    enum type type = get_type (p, false);
    json_t *all;
    json_t *val;

    if (n < argc - 1)
        return cmd_usage (p);
    all = get_all (p);
    val = name ? lookup (all, name) : all;
    if (val)
        print_value (name ? name : "the configuration", val, type);
    else if (def)
        printf ("%s\n", def);
    else if (optparse_hasopt (p, "quiet"))
        return 1;
    else
        cmd_die (1, "%s is not set in the configuration (--default=VALUE gives it one)", name);
    json_decref (all);
    return 0;
}

/* set, unset */

static json_t *parse_json (const char *name, const char *s, enum type type)
{
    json_error_t err;
    json_t *o = json_loads (s, JSON_DECODE_ANY, &err);

    if (!o)
        cmd_die (1, "%s: '%s' is not a valid %s: %s", name, s, type_names[type], err.text);
    if (type == T_REAL && json_is_integer (o)) {
        json_t *real = json_real (json_integer_value (o));
        json_decref (o);
        return real;
    }
    check_type (s, o, type);
    return o;
}

/* Without a type, that of the value that is replaced; without one, JSON if it is
 * that and else a string. */
static json_t *make_value (const char *name, const char *s, enum type type, const json_t *old)
{
    json_t *o;

    if (type == T_NONE && old)
        type = type_of (old);
    if (type == T_NONE) {
        o = json_loads (s, JSON_DECODE_ANY, NULL);
        return o ? o : json_string (s);
    }
    if (type == T_FSD)
        check_fsd (name, s);
    if (type == T_FSD || type == T_STRING)
        return json_string (s);
    return parse_json (name, s, type);
}

static void send_config (flux_t *h, json_t *o, const char *what)
{
    flux_future_t *f = flux_rpc_pack (h, "config.load", FLUX_NODEID_ANY, 0, "O", o);

    cmd_check (f, what);
    flux_future_destroy (f);
}

static int config_set (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    enum type type = get_type (p, true);
    const char *last;
    json_t *all;
    json_t *o;
    json_t *val;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    h = cmd_open ();
    all = fetch (h);
    if (!(o = parent_of (all, argv[n], true, &last)) || *last == '\0')
        cmd_die (1, "%s: a part of the path before the last is not a table", argv[n]);
    val = make_value (argv[n], argv[n + 1], type, json_object_get (o, last));
    if (!val || json_object_set_new (o, last, val) < 0)
        cmd_die (1, "out of memory, or %s is not UTF-8", argv[n]);
    send_config (h, all, argv[n]);
    json_decref (all);
    flux_close (h);
    return 0;
}

static int config_unset (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *last;
    json_t *all;
    json_t *o;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    all = fetch (h);
    if (!(o = parent_of (all, argv[n], false, &last)) || json_object_del (o, last) < 0)
        cmd_die (1, "%s is not set in the configuration", argv[n]);
    send_config (h, all, argv[n]);
    json_decref (all);
    flux_close (h);
    return 0;
}

/* builtin */

static int config_builtin (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    enum flux_conf_builtin_hint hint = FLUX_CONF_AUTO;
    const char *val;

    if (n != argc - 1)
        return cmd_usage (p);
    if (optparse_hasopt (p, "intree"))
        hint = FLUX_CONF_INTREE;
    if (optparse_hasopt (p, "installed"))
        hint = FLUX_CONF_INSTALLED;
    if (!(val = flux_conf_builtin_get (argv[n], hint)))
        cmd_die (1, "%s is not the name of a builtin value (flux-config(1) lists them)", argv[n]);
    printf ("%s\n", val);
    return 0;
}

/* load, reload */

static json_t *read_stdin (void)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    json_error_t jerr;
    flux_error_t err;
    json_t *o;
    size_t n;

    while ((n = fread (chunk, 1, sizeof (chunk), stdin)) > 0)
        buf_add (&b, chunk, n);
    if (ferror (stdin) || b.failed)
        cmd_die (1, "cannot read the configuration from standard input: %s", strerror (errno));
    if (b.data[strspn (b.data, " \t\r\n")] == '{') {
        if (!(o = json_loadb (b.data, b.len, 0, &jerr)))
            cmd_die (1, "standard input, line %d: not JSON: %s", jerr.line, jerr.text);
    }
    else if (!(o = toml_parse (b.data, b.len, &err)))
        cmd_die (1, "standard input: not TOML: %s", err.text);
    buf_release (&b);
    return o;
}

static int config_load (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    json_t *o;
    flux_t *h;

    if (n < argc - 1)
        return cmd_usage (p);
    o = n < argc ? read_path (argv[n]) : read_stdin ();
    h = cmd_open ();
    send_config (h, o, "cannot load the configuration");
    json_decref (o);
    flux_close (h);
    return 0;
}

static int config_reload (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    uint32_t rank;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    if (optparse_hasopt (p, "follower-noop")) {
        if (flux_get_rank (h, &rank) < 0)
            cmd_die (1, "cannot get the rank of the broker: %s", flux_strerror (errno));
        if (rank > 0)
            return 0;
    }
    f = flux_rpc (h, "config.reload", NULL, FLUX_NODEID_ANY, 0);
    cmd_check (f, "cannot reload the configuration");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static struct optparse_option get_opts[] = {
    OPT ("default", 'd', "VALUE", "Use VALUE if NAME is not set"),
    OPT ("quiet", 'q', NULL, "Do not print an error if NAME is not set"),
    OPT ("type", 't', "TYPE", "Require the value to be of TYPE"),
    OPT ("config-path", 'c', "PATH",
         "Read the configuration from PATH, or system, security, imp, instead of the broker"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option set_opts[] = {
    OPT ("type", 't', "TYPE", "Type of VALUE"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option builtin_opts[] = {
    OPT ("intree", 0, NULL, "Force in-tree paths"),
    OPT ("installed", 0, NULL, "Force installed paths"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option reload_opts[] = {
    OPT ("follower-noop", 0, NULL, "Do nothing on a follower broker"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "get", config_get, "[OPTIONS] [NAME]", "Query the configuration", 0, get_opts },
    { "set", config_set, "[OPTIONS] NAME VALUE", "Set a configuration value", 0, set_opts },
    { "unset", config_unset, "NAME", "Remove a configuration value", 0, NULL },
    { "builtin", config_builtin, "[OPTIONS] NAME", "Print compiled-in values", 0, builtin_opts },
    { "load", config_load, "[PATH]", "Load the configuration from PATH or standard input", 0,
      NULL },
    { "reload", config_reload, "[OPTIONS]", "Reload the configuration from disk", 0, reload_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_config (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
