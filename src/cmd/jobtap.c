/* jobtap.c - flux jobtap load, remove, list, query (flux-jobtap(1))
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/jobopts.h"
#include "cmd/jobtap.h"
#include "cmd/subs.h"

/* "key=val ..." as an object; NULL: there are none. */
static json_t *config (int argc, char **argv)
{
    json_t *conf = argc > 0 ? json_object () : NULL;

    for (int i = 0; i < argc; i++) {
        const char *eq = strchr (argv[i], '=');
        char *key = eq ? strndup (argv[i], eq - argv[i]) : NULL;
        if (!eq || eq == argv[i])
            cmd_die (1, "'%s': want key=val", argv[i]);
        if (!key || jobopts_set_path (conf, key, jobopts_value (eq + 1)) < 0)
            cmd_die (1, "'%s': a part of the key is a value already", argv[i]);
        free (key);
    }
    return conf;
}

/* The job manager runs in another directory; a name without a slash is searched. */
static char *plugin_path (const char *file)
{
    char *path = strchr (file, '/') ? realpath (file, NULL) : strdup (file);

    if (!path)
        cmd_die (1, "%s: %s", file, strerror (errno));
    return path;
}

static void request (flux_t *h, json_t *o)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.jobtap", FLUX_NODEID_ANY, 0, "o", o);

    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

static int jobtap_load (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *remove = optparse_get_str (p, "remove", NULL);
    json_t *conf;
    char *path;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    path = plugin_path (argv[n]);
    conf = config (argc - n - 1, argv + n + 1);
    h = cmd_open ();
    request (h, json_pack ("{s:s s:s* s:o*}", "load", path, "remove", remove, "conf", conf));
    free (path);
    flux_close (h);
    return 0;
}

static int jobtap_remove (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    request (h, json_pack ("{s:s}", "remove", argv[n]));
    flux_close (h);
    return 0;
}

static int jobtap_list (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    json_t *plugins, *o;
    size_t i;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.jobtap", FLUX_NODEID_ANY, 0, "{s:b}", "query_only", 1);
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "plugins", &plugins) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    json_array_foreach (plugins, i, o) {
        const char *name = json_string_value (o);
        if (name && (*name != '.' || optparse_hasopt (p, "all")))
            printf ("%s\n", name);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int jobtap_query (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    const char *s;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.jobtap-query", FLUX_NODEID_ANY, 0, "{s:s}", "plugin",
                       argv[n]);
    if (!f || flux_rpc_get (f, &s) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    printf ("%s\n", s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static struct optparse_option load_opts[] = {
    { .name = "remove", .key = 'r', .has_arg = 1, .arginfo = "NAME",
      .usage = "Remove plugin NAME before loading the new one" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option list_opts[] = {
    { .name = "all", .key = 'a', .usage = "List builtin plugins too" },
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "load", jobtap_load, "[OPTIONS] PLUGIN [key=val...]", "Load a plugin", 0, load_opts },
    { "remove", jobtap_remove, "PLUGIN", "Remove plugins", 0, NULL },
    { "list", jobtap_list, "[OPTIONS]", "List plugins", 0, list_opts },
    { "query", jobtap_query, "PLUGIN", "Show the state of a plugin", 0, NULL },
    OPTPARSE_SUBCMD_END,
};

int cmd_jobtap (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
