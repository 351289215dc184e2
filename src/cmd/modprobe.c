/* modprobe.c - flux modprobe (flux-modprobe(1))
 *
 *   load, rc1 ──module.probe──► broker: loads and answers what
 *   show, list-dependencies ──module.config──► broker
 *   remove, rc3 ──module.list, module.config, module.remove...──► broker
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/modprobe.h"

static int usage (optparse_t *p)
{
    optparse_print_usage (p);
    return 1;
}

static json_t *ask (flux_t *h, flux_future_t **fp, const char *topic)
{
    json_t *o;

    *fp = flux_rpc (h, topic, "{}", FLUX_NODEID_ANY, 0);
    cmd_check (*fp, topic);
    if (flux_rpc_get_unpack (*fp, "o", &o) < 0)
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    return o;
}

static const char *name_of (json_t *entry)
{
    const char *name = json_string_value (json_object_get (entry, "name"));

    return name ? name : "?";
}

/* --- load --- */

/* The answer to module.probe, a new reference. */
static json_t *probe (flux_t *h, json_t *names, bool dry_run)
{
    json_t *req = json_pack ("{s:b s:o*}", "dry-run", dry_run, "names", names);
    flux_future_t *f;
    json_t *o;

    if (!req)
        cmd_die (1, "out of memory");
    f = flux_rpc_pack (h, "module.probe", FLUX_NODEID_ANY, 0, "o", req);
    if (!f || flux_rpc_get_unpack (f, "O", &o) < 0)
        cmd_die (1, "%s", future_strerror (f, errno));
    flux_future_destroy (f);
    return o;
}

static void print_loads (json_t *modules)
{
    json_t *e;
    size_t i;

    json_array_foreach (modules, i, e)
        printf ("load %s\n", name_of (e));
}

static json_t *free_arguments (optparse_t *p, int argc, char **argv)
{
    json_t *names = json_array ();

    for (int i = optparse_option_index (p); i < argc; i++)
        if (json_array_append_new (names, json_string (argv[i])) < 0)
            cmd_die (1, "'%s' is not UTF-8", argv[i]);
    return names;
}

static int modprobe_load (optparse_t *p, int argc, char **argv)
{
    bool dry_run = optparse_hasopt (p, "dry-run");
    json_t *o, *modules;
    flux_t *h;

    if (optparse_option_index (p) == argc)
        return usage (p);
    h = cmd_open ();
    o = probe (h, free_arguments (p, argc, argv), dry_run);
    modules = json_object_get (o, "modules");
    if (json_array_size (modules) == 0)
        printf ("flux-modprobe: all modules and their dependencies are loaded\n");
    if (dry_run)
        print_loads (modules);
    json_decref (o);
    flux_close (h);
    return 0;
}

/* The entry of the module that a name stands for, or NULL. */
static json_t *entry_of (json_t *config, const char *name)
{
    const char *chosen = json_string_value (json_object_get (json_object_get (config,
                                                             "services"), name));

    return json_object_get (json_object_get (config, "modules"), chosen ? chosen : name);
}

/* As a dictionary of Python: {'kvs': ['content'], ...} */
static void print_deps (json_t *deps)
{
    const char *name, *sep = "{";
    json_t *list, *o;
    size_t i;

    json_object_foreach (deps, name, list) {
        printf ("%s'%s': [", sep, name);
        json_array_foreach (list, i, o)
            printf ("%s'%s'", i ? ", " : "", json_string_value (o));
        printf ("]");
        sep = ", ";
    }
    printf ("%s}\n", json_object_size (deps) == 0 ? sep : "");
}

static void add_dep (json_t *deps, const char *task, const char *before)
{
    json_t *list = json_object_get (deps, task);

    if (!list)
        json_object_set_new (deps, task, list = json_array ());
    if (before && json_array_append_new (list, json_string (before)) < 0)
        cmd_die (1, "out of memory");
}

/* What is to be loaded, with what must run before it. */
static void show_load_deps (flux_t *h, json_t *plan)
{
    json_t *deps = json_object (), *config, *e, *o;
    flux_future_t *f;
    size_t i, k;

    config = ask (h, &f, "module.config");
    json_array_foreach (plan, i, e)
        add_dep (deps, name_of (e), NULL);
    json_array_foreach (plan, i, e)
        json_array_foreach (json_object_get (e, "after"), k, o) {
            json_t *before = entry_of (config, json_string_value (o));
            if (before && json_object_get (deps, name_of (before)))
                add_dep (deps, name_of (e), name_of (before));
        }
    print_deps (deps);
    json_decref (deps);
    flux_future_destroy (f);
}

static void put_timing (flux_t *h, json_t *timing)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;
    char key[64];
    uint32_t rank;

    if (flux_get_rank (h, &rank) < 0)
        cmd_die (1, "--timing: %s", strerror (errno));
    snprintf (key, sizeof (key), "admin.modprobe.rc1.%u", rank);
    if (!txn || flux_kvs_txn_pack (txn, 0, key, "O", timing) < 0
        || !(f = flux_kvs_commit (h, NULL, 0, txn)))
        cmd_die (1, "--timing: %s", strerror (errno));
    cmd_check (f, "--timing");
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

static int modprobe_rc1 (optparse_t *p, int argc, char **argv)
{
    bool show = optparse_hasopt (p, "show-deps");
    bool dry_run = show || optparse_hasopt (p, "dry-run");
    json_t *o, *modules;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return usage (p);
    h = cmd_open ();
    o = probe (h, NULL, dry_run);
    modules = json_object_get (o, "modules");
    if (show)
        show_load_deps (h, modules);
    else if (dry_run || optparse_hasopt (p, "verbose"))
        print_loads (modules);
    if (optparse_hasopt (p, "timing") && !dry_run)
        put_timing (h, json_object_get (o, "timing"));
    json_decref (o);
    flux_close (h);
    return 0;
}

/* --- remove --- */

static bool has (json_t *array, const char *s)
{
    json_t *o;
    size_t i;

    json_array_foreach (array, i, o)
        if (json_is_string (o) && !strcmp (json_string_value (o), s))
            return true;
    return false;
}

/* Does the entry name the module, or a service that it is the chosen one for? */
static bool requires (json_t *config, json_t *entry, const char *name)
{
    json_t *services = json_object_get (config, "services");
    json_t *o;
    size_t i;

    json_array_foreach (json_object_get (entry, "requires"), i, o) {
        const char *s = json_string_value (o);
        const char *chosen = s ? json_string_value (json_object_get (services, s)) : NULL;
        if (s && (!strcmp (s, name) || (chosen && !strcmp (chosen, name))))
            return true;
    }
    return false;
}

/* A loaded module that is not among the targets and requires 'name', or NULL. */
static const char *user_of (json_t *config, json_t *loaded, json_t *targets, const char *name)
{
    json_t *modules = json_object_get (config, "modules");
    json_t *m;
    size_t i;

    json_array_foreach (loaded, i, m) {
        const char *user = name_of (m);
        if (!has (targets, user) && requires (config, json_object_get (modules, user), name))
            return user;
    }
    return NULL;
}

static bool is_loaded (json_t *loaded, const char *name)
{
    json_t *m;
    size_t i;

    json_array_foreach (loaded, i, m)
        if (!strcmp (name_of (m), name))
            return true;
    return false;
}

/* The names of what is to be removed, services replaced by the modules that provide them;
 * a new reference. */
static json_t *find_targets (json_t *config, json_t *loaded, json_t *names)
{
    json_t *targets = json_array (), *o, *e;
    const char *user;
    size_t i;

    json_array_foreach (names, i, o) {
        const char *name = json_string_value (o);
        if (!is_loaded (loaded, name) && (e = entry_of (config, name)))
            name = name_of (e);
        if (!is_loaded (loaded, name))
            cmd_die (1, "module %s is not loaded", json_string_value (o));
        if (!has (targets, name))
            json_array_append_new (targets, json_string (name));
    }
    json_array_foreach (targets, i, o)
        if ((user = user_of (config, loaded, targets, json_string_value (o))))
            cmd_die (1, "module %s is in use by %s: remove that first", json_string_value (o),
                     user);
    return targets;
}

/* Add what targets require and nothing else that is loaded does. */
static void add_unused (json_t *config, json_t *loaded, json_t *targets)
{
    for (size_t i = 0; i < json_array_size (targets); i++) {
        json_t *entry = entry_of (config, json_string_value (json_array_get (targets, i)));
        json_t *o;
        size_t k;
        json_array_foreach (json_object_get (entry, "requires"), k, o) {
            json_t *e = entry_of (config, json_string_value (o));
            const char *name = e ? name_of (e) : json_string_value (o);
            if (is_loaded (loaded, name) && !has (targets, name)
                && !user_of (config, loaded, targets, name))
                json_array_append_new (targets, json_string (name));
        }
    }
}

static void remove_one (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                                      name);

    cmd_check (f, name);
    flux_future_destroy (f);
}

/* In the reverse of the order in which they were loaded; "names" NULL: all. */
static void remove_modules (flux_t *h, json_t *names, bool dry_run, bool verbose)
{
    flux_future_t *f, *fc;
    json_t *loaded = json_object_get (ask (h, &f, "module.list"), "mods");
    json_t *config = ask (h, &fc, "module.config");
    json_t *targets = names ? find_targets (config, loaded, names) : NULL;

    add_unused (config, loaded, targets);
    for (size_t i = json_array_size (loaded); i > 0; i--) {
        const char *name = name_of (json_array_get (loaded, i - 1));
        if (targets && !has (targets, name))
            continue;
        if (dry_run || verbose)
            printf ("remove %s\n", name);
        if (!dry_run)
            remove_one (h, name);
    }
    json_decref (targets);
    flux_future_destroy (f);
    flux_future_destroy (fc);
}

/* One is removed after the other. */
static void show_remove_deps (flux_t *h)
{
    flux_future_t *f;
    json_t *loaded = json_object_get (ask (h, &f, "module.list"), "mods");
    json_t *deps = json_object ();
    const char *before = NULL;

    for (size_t i = json_array_size (loaded); i > 0; i--) {
        const char *name = name_of (json_array_get (loaded, i - 1));
        add_dep (deps, name, before);
        before = name;
    }
    print_deps (deps);
    json_decref (deps);
    flux_future_destroy (f);
}

static int modprobe_remove (optparse_t *p, int argc, char **argv)
{
    json_t *names = free_arguments (p, argc, argv);
    flux_t *h;

    if (json_array_size (names) == 0)
        return usage (p);
    h = cmd_open ();
    remove_modules (h, has (names, "all") ? NULL : names, optparse_hasopt (p, "dry-run"), false);
    json_decref (names);
    flux_close (h);
    return 0;
}

static int modprobe_rc3 (optparse_t *p, int argc, char **argv)
{
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return usage (p);
    h = cmd_open ();
    if (optparse_hasopt (p, "show-deps"))
        show_remove_deps (h);
    else
        remove_modules (h, NULL, optparse_hasopt (p, "dry-run"), optparse_hasopt (p, "verbose"));
    flux_close (h);
    return 0;
}

/* --- look --- */

static json_t *find (json_t *config, const char *name)
{
    json_t *e = entry_of (config, name);

    if (!e)
        cmd_die (1, "no module is called %s or provides it", name);
    return e;
}

static void set_alternative (json_t *config, const char *arg)
{
    const char *eq = strchr (arg, '=');
    char *service = eq ? strndup (arg, eq - arg) : NULL;

    if (!eq || eq == arg || !eq[1])
        cmd_die (1, "--set-alternative=%s: want NAME=MODULE", arg);
    if (!json_object_get (json_object_get (config, "modules"), eq + 1))
        cmd_die (1, "--set-alternative=%s: no module is called %s", arg, eq + 1);
    if (!service
        || json_object_set_new (json_object_get (config, "services"), service,
                                json_string (eq + 1)) < 0)
        cmd_die (1, "out of memory");
    free (service);
}

/* A disabled module is not there; another that provides its service is. */
static void disable (json_t *config, const char *name)
{
    json_t *modules = json_object_get (config, "modules");
    json_t *services = json_object_get (config, "services");
    json_t *entry = json_incref (json_object_get (modules, name));
    json_t *service, *other, *o;
    const char *other_name;
    size_t i, k;

    if (!entry)
        cmd_die (1, "--disable=%s: no module is called that", name);
    json_object_del (modules, name);
    json_array_foreach (json_object_get (entry, "provides"), i, service) {
        const char *s = json_string_value (service);
        const char *chosen = json_string_value (json_object_get (services, s));
        if (!chosen || strcmp (chosen, name) != 0)
            continue;
        json_object_del (services, s);
        json_object_foreach (modules, other_name, other) {
            json_array_foreach (json_object_get (other, "provides"), k, o) {
                if (json_equal (o, service))
                    json_object_set_new (services, s, json_string (other_name));
            }
        }
    }
    json_decref (entry);
}

/* The table as the options would have it. */
static void apply_options (optparse_t *p, json_t *config)
{
    const char *arg;

    optparse_getopt_iterator_reset (p, "set-alternative");
    while ((arg = optparse_getopt_next (p, "set-alternative")))
        set_alternative (config, arg);
    optparse_getopt_iterator_reset (p, "disable");
    while ((arg = optparse_getopt_next (p, "disable")))
        disable (config, arg);
}

static int modprobe_show (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    json_t *config;
    flux_t *h;
    char *s;

    if (n != argc - 1)
        return usage (p);
    h = cmd_open ();
    config = ask (h, &f, "module.config");
    apply_options (p, config);
    if (!(s = json_dumps (find (config, argv[n]), JSON_INDENT (1))))
        cmd_die (1, "out of memory");
    printf ("%s\n", s);
    free (s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static void print_tree (json_t *config, json_t *entry, int depth, bool full, json_t *seen)
{
    json_t *o;
    size_t i;

    if (!full && json_object_get (seen, name_of (entry)))
        return;
    if (depth > (int)json_object_size (json_object_get (config, "modules")))
        cmd_die (1, "module %s requires itself", name_of (entry));
    printf ("%*s%s\n", depth * 2, "", name_of (entry));
    json_object_set_new (seen, name_of (entry), json_true ());
    json_array_foreach (json_object_get (entry, "requires"), i, o)
        print_tree (config, find (config, json_string_value (o)), depth + 1, full, seen);
}

static int modprobe_dependencies (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    json_t *seen = json_object ();
    flux_future_t *f;
    json_t *config;
    flux_t *h;

    if (n != argc - 1)
        return usage (p);
    h = cmd_open ();
    config = ask (h, &f, "module.config");
    apply_options (p, config);
    print_tree (config, find (config, argv[n]), 0, optparse_hasopt (p, "full"), seen);
    json_decref (seen);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* No interpreter runs in a broker's start. */
static int modprobe_run (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n != argc - 1)
        return usage (p);
    cmd_die (1, "%s: rc files are programs in Python, which this build does not run: put modules"
             " into modprobe.toml, or commands into broker.rc1_path", argv[n]);
}

#define OPT(NAME, KEY, USAGE) { .name = NAME, .key = KEY, .usage = USAGE }

static struct optparse_option dry_opts[] = {
    OPT ("dry-run", 0, "Print what would be done, and do nothing"),
    OPTPARSE_TABLE_END,
};

#define RC_OPTS                                                        \
    OPT ("dry-run", 0, "Print what would be done, and do nothing"),    \
    OPT ("verbose", 'v', "Print each module"),                         \
    OPT ("show-deps", 0, "Print which module comes after which, and do nothing")

static struct optparse_option rc1_opts[] = {
    RC_OPTS,
    OPT ("timing", 0, "Put into the KVS how long each module took"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option rc3_opts[] = { RC_OPTS, OPTPARSE_TABLE_END };

#define TABLE_OPTS                                                                    \
    { .name = "set-alternative", .key = 'S', .has_arg = 1, .arginfo = "NAME=MODULE",  \
      .usage = "Let MODULE provide service NAME" },                                   \
    { .name = "disable", .key = 'D', .has_arg = 1, .arginfo = "NAME",                 \
      .usage = "Do without module NAME" }

static struct optparse_option show_opts[] = { TABLE_OPTS, OPTPARSE_TABLE_END };

static struct optparse_option tree_opts[] = {
    TABLE_OPTS,
    OPT ("full", 'f', "Show duplicates too"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "load", modprobe_load, "[--dry-run] MODULE...", "Load modules and what they require", 0,
      dry_opts },
    { "remove", modprobe_remove, "[--dry-run] MODULE...|all", "Unload modules", 0, dry_opts },
    { "show", modprobe_show, "[OPTIONS] MODULE", "Show the configuration of a module or service", 0,
      show_opts },
    { "run", modprobe_run, "FILE", "Refused: rc files are programs in Python", 0, NULL },
    { "list-dependencies", modprobe_dependencies, "[OPTIONS] MODULE",
      "Show what a module or service requires", 0, tree_opts },
    { "rc1", modprobe_rc1, "[OPTIONS]", "Load the modules of this broker", 0, rc1_opts },
    { "rc3", modprobe_rc3, "[OPTIONS]", "Unload all modules", 0, rc3_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_modprobe (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
