/* module.c - flux module (flux-module(1)); services module.* of the broker
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/module.h"
#include "cmd/trace.h"

static int usage (optparse_t *p)
{
    optparse_print_usage (p);
    return 1;
}

static bool has_suffix (const char *s, const char *suffix)
{
    size_t n = strlen (s), k = strlen (suffix);

    return n > k && strcmp (s + n - k, suffix) == 0;
}

/* The path of a module: built in, a file, or NAME.so, NAME.py on FLUX_MODULE_PATH. */
static char *find_in_path (const char *name)
{
    char *copy = strdup (getenv ("FLUX_MODULE_PATH") ? getenv ("FLUX_MODULE_PATH") : "");
    char *save = NULL;
    char *path = NULL;

    for (char *d = copy ? strtok_r (copy, ":", &save) : NULL; d; d = strtok_r (NULL, ":", &save)) {
        for (int i = 0; i < 2 && !path; i++) {
            if (asprintf (&path, "%s/%s%s", d, name, i ? ".py" : ".so") < 0)
                cmd_die (1, "out of memory");
            if (access (path, R_OK) < 0) {
                free (path);
                path = NULL;
            }
        }
        if (path)
            break;
    }
    free (copy);
    return path;
}

static bool is_name (const char *arg)
{
    return !strchr (arg, '/') && !strstr (arg, ".so") && !has_suffix (arg, ".py");
}

/* What "module.load" wants as path: absolute, as the broker may be elsewhere. */
static char *module_path (const char *arg)
{
    char *path;

    if (is_name (arg))
        return (path = find_in_path (arg)) ? path : strdup (arg);
    if (!(path = realpath (arg, NULL)))
        cmd_die (1, "%s: %s", arg, strerror (errno));
    return path;
}

static void load (flux_t *h, optparse_t *p, int argc, char **argv)
{
    const char *name = optparse_get_str (p, "name", NULL);
    const char *given = optparse_get_str (p, "loader", NULL);
    char *path = module_path (argv[0]);
    char *loader = given ? realpath (given, NULL) : NULL;
    json_t *args = json_array ();
    json_t *req;
    flux_future_t *f;

    if (given && is_name (argv[0]))
        cmd_die (1, "%s: --loader: give the path of the module, not its name", argv[0]);
    if (given && !loader)
        cmd_die (1, "--loader=%s: %s", given, strerror (errno));

    for (int i = 1; i < argc; i++)
        json_array_append_new (args, json_string (argv[i]));
    req = json_pack ("{s:s s:o s:s* s:b s:s*}", "path", path, "args", args, "name", name,
                     "exec", optparse_hasopt (p, "exec"), "loader", loader);
    f = req ? flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "o", req) : NULL;
    cmd_check (f, argv[0]);
    flux_future_destroy (f);
    free (loader);
    free (path);
}

/* Module name of an argument: given, or the base name of the file. */
static char *module_name (optparse_t *p, const char *arg)
{
    const char *name = optparse_get_str (p, "name", NULL);
    const char *slash = strrchr (arg, '/');
    char *copy = strdup (name ? name : slash ? slash + 1 : arg);

    if (!copy)
        cmd_die (1, "out of memory");
    if (!name && (has_suffix (copy, ".so") || has_suffix (copy, ".py")))
        copy[strlen (copy) - 3] = '\0';
    return copy;
}

static void unload (flux_t *h, const char *name, bool reload, bool cancel, bool force)
{
    flux_future_t *f = flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s s:b s:b}",
                                      "name", name, "reload", reload, "cancel", cancel);

    if (!(f && flux_future_get (f, NULL) < 0 && errno == ENOENT && force))
        cmd_check (f, name);
    flux_future_destroy (f);
}

static int module_load (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;

    if (n == argc)
        return usage (p);
    h = cmd_open ();
    load (h, p, argc - n, argv + n);
    flux_close (h);
    return 0;
}

static int module_reload (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char *name;
    flux_t *h;

    if (n == argc)
        return usage (p);
    name = module_name (p, argv[n]);
    h = cmd_open ();
    unload (h, name, true, false, optparse_hasopt (p, "force"));
    load (h, p, argc - n, argv + n);
    free (name);
    flux_close (h);
    return 0;
}

static int module_remove (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;

    if (n != argc - 1)
        return usage (p);
    h = cmd_open ();
    unload (h, argv[n], false, optparse_hasopt (p, "cancel"), optparse_hasopt (p, "force"));
    flux_close (h);
    return 0;
}

/* list */

static char *join (json_t *services, const char *name)
{
    struct buf b = BUF_INIT;
    json_t *s;
    size_t i;

    json_array_foreach (services, i, s) {
        const char *str = json_string_value (s);
        if (str && strcmp (str, name) != 0)
            buf_addf (&b, "%s%s", b.len ? "," : "", str);
    }
    return buf_take (&b);
}

static int by_name (const void *a, const void *b)
{
    json_t *x = *(json_t *const *)a;
    json_t *y = *(json_t *const *)b;

    return strcmp (json_string_value (json_object_get (x, "name")),
                   json_string_value (json_object_get (y, "name")));
}

static void print_module (json_t *mod, bool longform)
{
    static const char states[] = "IRFE";
    const char *name;
    const char *path;
    json_t *services = NULL;
    double idle = 0;
    int status;
    int sendq = 0;
    int recvq = 0;
    char idlestr[16];
    char *svc;

    if (json_unpack (mod, "{s:s s:s s:F s:i s?o s?i s?i}", "name", &name, "path", &path,
                     "idle", &idle, "status", &status, "services", &services,
                     "sendqueue", &sendq, "recvqueue", &recvq) < 0)
        cmd_die (1, "module.list: malformed answer");
    if (idle < 100)
        snprintf (idlestr, sizeof (idlestr), "%d", (int)idle);
    else
        snprintf (idlestr, sizeof (idlestr), "idle");
    svc = join (services, name);
    printf ("%-24s %4s  %c %5d %5d %s", name, idlestr,
            status >= 0 && status < 4 ? states[status] : '?', sendq, recvq, svc ? svc : "");
    if (longform)
        printf (" %s", path);
    putchar ('\n');
    free (svc);
}

static int module_list (optparse_t *p, int argc, char **argv)
{
    bool longform = optparse_hasopt (p, "long");
    flux_future_t *f;
    json_t *mods;
    json_t **sorted;
    size_t n;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return usage (p);
    h = cmd_open ();
    f = flux_rpc (h, "module.list", "{}", FLUX_NODEID_ANY, 0);
    cmd_check (f, "module.list");
    if (flux_rpc_get_unpack (f, "{s:o}", "mods", &mods) < 0)
        cmd_die (1, "module.list: %s", flux_strerror (errno));
    n = json_array_size (mods);
    if (!(sorted = calloc (n + 1, sizeof (*sorted))))
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_array_get (mods, i);
    qsort (sorted, n, sizeof (*sorted), by_name);
    printf ("%-24s %4s  %s %5s %5s %s%s\n", "Module", "Idle", "S", "Sendq", "Recvq", "Service",
            longform ? " Path" : "");
    for (size_t i = 0; i < n; i++)
        print_module (sorted[i], longform);
    free (sorted);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* stats */

static json_t *walk (json_t *o, const char *path)
{
    char key[128];

    while (o && *path) {
        size_t n = strcspn (path, ".");
        if (n >= sizeof (key))
            return NULL;
        memcpy (key, path, n);
        key[n] = '\0';
        o = json_object_get (o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

static void print_stat (optparse_t *p, json_t *o)
{
    const char *type = optparse_get_str (p, "type", NULL);
    const char *scale = optparse_get_str (p, "scale", NULL);
    double mult = scale ? strtod (scale, NULL) : 1;
    char *s;

    if (type && strcmp (type, "int") != 0 && strcmp (type, "double") != 0)
        cmd_die (1, "--type=%s: there are int and double", type);
    if (json_is_number (o) && (type || scale)) {
        double v = json_number_value (o) * mult;
        if (type && strcmp (type, "double") == 0)
            printf ("%f\n", v);
        else if (type || json_is_integer (o))
            printf ("%lld\n", (long long)v);
        else
            printf ("%f\n", v);
        return;
    }
    s = json_dumps (o, JSON_INDENT (1) | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    printf ("%s\n", s ? s : "");
    free (s);
}

static int clear_stats (optparse_t *p, flux_t *h, const char *name)
{
    flux_future_t *f;
    char *topic = NULL;

    if (optparse_hasopt (p, "clear-all")) {
        if (asprintf (&topic, "%s.stats-clear", name) < 0)
            cmd_die (1, "out of memory");
        f = flux_event_publish (h, topic, 0, NULL);
    }
    else {
        if (asprintf (&topic, "%s.stats-clear", name) < 0)
            cmd_die (1, "out of memory");
        f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0);
    }
    cmd_check (f, topic);
    flux_future_destroy (f);
    free (topic);
    return 0;
}

static int module_stats (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *path = optparse_get_str (p, "parse", "");
    const char *who = NULL;
    flux_future_t *f;
    char *topic = NULL;
    json_t *o;
    flux_t *h;

    if (n != argc - 1)
        return usage (p);
    h = cmd_open ();
    if (optparse_hasopt (p, "clear") || optparse_hasopt (p, "clear-all"))
        return clear_stats (p, h, argv[n]);
    if (optparse_getopt (p, "rusage", &who) > 0) {
        if (asprintf (&topic, "%s.rusage", argv[n]) < 0)
            cmd_die (1, "out of memory");
        f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, 0, "{s:s}", "who", who ? who : "self");
    }
    else {
        if (asprintf (&topic, "%s.stats-get", argv[n]) < 0)
            cmd_die (1, "out of memory");
        f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0);
    }
    cmd_check (f, topic);
    if (flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    if (!(o = walk (o, path)))
        cmd_die (1, "--parse=%s: no such key in the statistics of %s", path, argv[n]);
    print_stat (p, o);
    flux_future_destroy (f);
    free (topic);
    flux_close (h);
    return 0;
}

/* debug */

static int module_debug (optparse_t *p, int argc, char **argv)
{
    static const struct {
        const char *option;
        const char *op;
    } ops[] = { { "set", "set" }, { "setbit", "setbit" }, { "clearbit", "clrbit" } };
    int n = optparse_option_index (p);
    const char *op = NULL;
    char *topic = NULL;
    flux_future_t *f;
    int flags = 0;
    flux_t *h;

    if (n != argc - 1)
        return usage (p);
    for (int i = 0; i < 3; i++) {
        const char *s = optparse_get_str (p, ops[i].option, NULL);
        char *end;
        if (!s)
            continue;
        op = ops[i].op;
        flags = strtol (s, &end, 0);
        if (*end || end == s)
            cmd_die (1, "--%s=%s: want a number", ops[i].option, s);
    }
    if (optparse_hasopt (p, "clear"))
        op = "clr";
    if (asprintf (&topic, "%s.debug", argv[n]) < 0)
        cmd_die (1, "out of memory");
    h = cmd_open ();
    f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, 0, "{s:s s:i}", "op", op ? op : "setbit",
                       "flags", flags);
    cmd_check (f, topic);
    if (!op && flux_rpc_get_unpack (f, "{s:i}", "flags", &flags) == 0)
        printf ("0x%x\n", flags);
    flux_future_destroy (f);
    free (topic);
    flux_close (h);
    return 0;
}

/* trace */

static int module_trace (optparse_t *p, int argc, char **argv)
{
    json_t *names = json_array ();
    flux_t *h;

    for (int i = optparse_option_index (p); i < argc; i++)
        json_array_append_new (names, json_string (argv[i]));
    h = cmd_open ();
    trace_run (p, h, "module.trace", json_pack ("{s:o s:s}", "names", names, "topic_glob",
                                                optparse_get_str (p, "topic", "*")));
    flux_close (h);
    return 0;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

#define PROCESS_OPTS                                                  \
    OPT ("exec", 0, NULL, "Run the module in a process of its own"), \
    OPT ("loader", 0, "PATH", "Load it with this program (implies --exec)")

static struct optparse_option load_opts[] = {
    OPT ("name", 'n', "NAME", "Override default module name"),
    PROCESS_OPTS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option reload_opts[] = {
    OPT ("name", 'n', "NAME", "Override default module name"),
    PROCESS_OPTS,
    OPT ("force", 'f', NULL, "Ignore nonexistent modules"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option remove_opts[] = {
    OPT ("force", 'f', NULL, "Ignore nonexistent modules"),
    OPT ("cancel", 0, NULL, "End its thread by pthread_cancel(3), its process by SIGKILL"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option list_opts[] = {
    OPT ("long", 'l', NULL, "Include full DSO path for each module"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option stats_opts[] = {
    OPT ("parse", 'p', "OBJNAME", "Parse object period-delimited object name"),
    OPT ("scale", 's', "N", "Scale numeric JSON value by N"),
    OPT ("type", 't', "int|double", "Convert JSON value to specified type"),
    { .name = "rusage", .key = 'R', .has_arg = 2, .arginfo = "self|children|thread",
      .usage = "Request rusage data instead of stats" },
    OPT ("clear", 'c', NULL, "Clear stats on target rank"),
    OPT ("clear-all", 'C', NULL, "Clear stats on all ranks"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option trace_opts[] = {
    OPT ("topic", 'T', "GLOB", "Filter output by topic string"),
    TRACE_OPTIONS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option debug_opts[] = {
    OPT ("clear", 'C', NULL, "Set debug flags to 0"),
    OPT ("set", 'S', "MASK", "Set debug flags to MASK"),
    OPT ("setbit", 's', "VAL", "Set one debug flag VAL to 1"),
    OPT ("clearbit", 'c', "VAL", "Set one debug flag VAL to 0"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "list", module_list, "[OPTIONS]", "List loaded modules", 0, list_opts },
    { "remove", module_remove, "[OPTIONS] module", "Unload module", 0, remove_opts },
    { "load", module_load, "[OPTIONS] module [args...]", "Load module", 0, load_opts },
    { "reload", module_reload, "[OPTIONS] module [args...]", "Reload module", 0, reload_opts },
    { "stats", module_stats, "[OPTIONS] module", "Display stats on module", 0, stats_opts },
    { "trace", module_trace, "[OPTIONS] [module...]", "Trace module messages", 0, trace_opts },
    { "debug", module_debug, "[OPTIONS] module", "Get/set module debug flags", 0, debug_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_module (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
