/* modconf.c - which modules to load, with what arguments, in what order
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/toml.h"
#include "broker/modconf.h"

#define DEFAULT_PRIORITY 100

struct modconf {
    struct modconf_args args;
    json_t *modules;          /* name -> entry, in order of definition */
    json_t *alternatives;     /* service -> name, as configured */
};

/* --- what an entry may say --- */

enum kind { STRING, STRINGS, INTEGER, BOOLEAN };

static const struct {
    const char *key;
    enum kind kind;
} keys[] = {
    { "name", STRING }, { "module", STRING }, { "provides", STRINGS },
    { "priority", INTEGER }, { "args", STRINGS }, { "exec", BOOLEAN },
    { "ranks", STRING }, { "disabled", BOOLEAN }, { "requires", STRINGS },
    { "after", STRINGS }, { "needs", STRINGS }, { "needs-config", STRINGS },
    { "needs-attrs", STRINGS }, { "needs-env", STRINGS },
};

static bool all_strings (json_t *a)
{
    json_t *o;
    size_t i;

    json_array_foreach (a, i, o)
        if (!json_is_string (o))
            return false;
    return json_is_array (a);
}

static bool is_kind (json_t *o, enum kind kind)
{
    switch (kind) {
    case STRING: return json_is_string (o);
    case STRINGS: return all_strings (o);
    case INTEGER: return json_is_integer (o);
    default: return json_is_boolean (o);
    }
}

static int check_key (const char *name, const char *key, json_t *o, flux_error_t *err)
{
    static const char *const kinds[] = { "a string", "an array of strings", "an integer",
                                         "true or false" };

    for (size_t i = 0; i < sizeof (keys) / sizeof (keys[0]); i++) {
        if (strcmp (key, keys[i].key) != 0)
            continue;
        if (is_kind (o, keys[i].kind))
            return 0;
        return errmsg (err, -EINVAL, "modules.%s.%s: must be %s", name, key,
                       kinds[keys[i].kind]);
    }
    return errmsg (err, -EINVAL, "modules.%s.%s: no such key: see flux-modprobe(1)", name,
                   key);
}

/* ">N", "<N", "all" or an idset */
static int in_ranks (const char *s, uint32_t rank)
{
    struct idset *ids;
    char *end;
    unsigned long n;
    bool in;

    if (*s == '>' || *s == '<') {
        errno = 0;
        n = strtoul (s + 1, &end, 10);
        if (errno || end == s + 1 || *end || n > UINT32_MAX || s[1] == '-')
            return -EINVAL;
        return *s == '>' ? rank > n : rank < n;
    }
    if (!strcmp (s, "all"))
        return 1;
    if (!(ids = idset_decode (s)))
        return -EINVAL;
    in = idset_test (ids, rank);
    idset_destroy (ids);
    return in;
}

static int check_entry (const char *name, json_t *entry, flux_error_t *err)
{
    const char *key, *ranks;
    json_t *o;
    int rc;

    if (!json_is_object (entry))
        return errmsg (err, -EINVAL, "modules.%s: must be a table", name);
    json_object_foreach (entry, key, o)
        if ((rc = check_key (name, key, o, err)) < 0)
            return rc;
    ranks = json_string_value (json_object_get (entry, "ranks"));
    if (ranks && in_ranks (ranks, 0) < 0)
        return errmsg (err, -EINVAL, "modules.%s.ranks: '%s' is neither an idset nor >N"
                       " or <N", name, ranks);
    return 0;
}

/* --- definitions --- */

static const char *str (json_t *entry, const char *key)
{
    return json_string_value (json_object_get (entry, key));
}

static bool flag (json_t *entry, const char *key)
{
    return json_is_true (json_object_get (entry, key));
}

static json_t *entry_new (const char *name, json_t *provides)
{
    return json_pack ("{s:s s:s s:o*}", "name", name, "module", name, "provides", provides);
}

static json_t *words (const char *s)
{
    json_t *a = json_array ();

    while (s && *(s += strspn (s, " "))) {
        size_t n = strcspn (s, " ");
        json_array_append_new (a, json_stringn (s, n));
        s += n;
    }
    return a;
}

static int add_builtins (struct modconf *mc)
{
    for (const struct builtin *const *p = mc->args.builtins; p && *p; p++) {
        const struct builtin *b = *p;
        json_t *e;
        if (b->flags & BUILTIN_CORE)
            continue;
        if (!(e = entry_new (b->name, words (b->services))))
            return -ENOMEM;
        if (b->needs)
            json_object_set_new (e, "needs", words (b->needs));
        if (b->requires)
            json_object_set_new (e, "requires", words (b->requires));
        if (b->flags & BUILTIN_RANK0)
            json_object_set_new (e, "ranks", json_string ("0"));
        if (b->flags & BUILTIN_NODEFAULT)
            json_object_set_new (e, "disabled", json_true ());
        if (json_object_set_new (mc->modules, b->name, e) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool on_module_path (const char *name)
{
    const char *p = getenv ("FLUX_MODULE_PATH");
    bool found = false;
    char *file;

    while (!found && p && *p) {
        size_t len = strcspn (p, ":");
        for (int i = 0; i < 2 && !found; i++) {
            if (asprintf (&file, "%.*s/%s%s", (int)len, p, name, i ? ".py" : ".so") < 0)
                return false;
            found = access (file, R_OK) == 0;
            free (file);
        }
        p += len + (p[len] == ':');
    }
    return found;
}

/* An entry that is not there yet is made if 'name' can be loaded. */
static json_t *get_or_add (struct modconf *mc, const char *name, json_t *update)
{
    json_t *e = json_object_get (mc->modules, name);

    if (e || (!json_object_get (update, "module") && !on_module_path (name)
              && !flag (update, "disabled")))
        return e;
    if (!(e = entry_new (name, NULL)) || json_object_set_new (mc->modules, name, e) < 0)
        return NULL;
    return e;
}

static int update_entry (struct modconf *mc, const char *name, json_t *update,
                         flux_error_t *err)
{
    int rc = check_entry (name, update, err);
    json_t *e;

    if (rc < 0)
        return rc;
    if (!(e = get_or_add (mc, name, update)))
        return errmsg (err, -ENOENT, "modules.%s: there is no built-in service and no %s.so"
                       " in FLUX_MODULE_PATH: name a file with modules.%s.module", name,
                       name, name);
    return json_object_update (e, update) < 0 ? errmsg (err, -ENOMEM, "out of memory") : 0;
}

static bool lists (json_t *entry, const char *key, const char *value)
{
    json_t *o;
    size_t i;

    json_array_foreach (json_object_get (entry, key), i, o)
        if (!strcmp (json_string_value (o), value))
            return true;
    return false;
}

static void add_service (json_t *entry, const char *service)
{
    json_t *a = json_object_get (entry, "provides");

    if (!a) {
        a = json_array ();
        json_object_set_new (entry, "provides", a);
    }
    json_array_append_new (a, json_string (service));
}

/* A module that is chosen for one service is so for all that it provides, but those for
 * which another is named. */
static int spread_alternatives (struct modconf *mc, json_t *table)
{
    const char *service;
    json_t *name, *o;
    size_t i;

    json_object_foreach (table, service, name) {
        json_t *e = json_object_get (mc->modules, json_string_value (name));
        json_array_foreach (json_object_get (e, "provides"), i, o)
            if (!json_object_get (table, json_string_value (o))
                && json_object_set (mc->alternatives, json_string_value (o), name) < 0)
                return -ENOMEM;
    }
    return 0;
}

/* A module that is chosen is wanted. */
static int set_alternatives (struct modconf *mc, json_t *table, flux_error_t *err)
{
    const char *service, *name;
    json_t *o, *e;

    if (!json_is_object (table))
        return errmsg (err, -EINVAL, "modules.alternatives: must be a table");
    json_object_foreach (table, service, o) {
        if (!(name = json_string_value (o)))
            return errmsg (err, -EINVAL, "modules.alternatives.%s: must be a string",
                           service);
        if (!(e = get_or_add (mc, name, NULL)))
            return errmsg (err, -ENOENT, "modules.alternatives.%s: there is no built-in"
                           " service %s and no %s.so in FLUX_MODULE_PATH", service, name,
                           name);
        json_object_set_new (e, "disabled", json_false ());
        if (!lists (e, "provides", service))
            add_service (e, service);
        if (json_object_set (mc->alternatives, service, o) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    return spread_alternatives (mc, table) < 0 ? errmsg (err, -ENOMEM, "out of memory") : 0;
}

static json_t *resolve (struct modconf *mc, const char *service, int depth);

/* An update of whatever provides a service: "feasibility.ranks". */
static bool names_service (struct modconf *mc, const char *name, json_t *update)
{
    const char *key;
    json_t *e;

    if (json_object_get (mc->modules, name) || json_object_get (update, "module")
        || on_module_path (name))
        return false;
    json_object_foreach (mc->modules, key, e)
        if (lists (e, "provides", name))
            return true;
    return false;
}

static int update_services (struct modconf *mc, json_t *table, flux_error_t *err)
{
    uint32_t rank = mc->args.rank;
    const char *name;
    json_t *o, *e;
    int rc = 0;

    json_object_foreach (table, name, o) {
        if (rc < 0 || !strcmp (name, "alternatives") || !names_service (mc, name, o))
            continue;
        mc->args.rank = 0;              /* the same one on all ranks */
        e = resolve (mc, name, 0);
        mc->args.rank = rank;
        if (e)
            rc = update_entry (mc, str (e, "name"), o, err);
    }
    return rc;
}

/* {"alternatives":{...}, NAME:{...}} */
static int add_updates (struct modconf *mc, json_t *table, flux_error_t *err)
{
    json_t *alternatives = json_object_get (table, "alternatives");
    const char *name;
    json_t *o;
    int rc;

    if (table && !json_is_object (table))
        return errmsg (err, -EINVAL, "modules: must be a table");
    json_object_foreach (table, name, o)
        if (strcmp (name, "alternatives") != 0 && !names_service (mc, name, o)
            && (rc = update_entry (mc, name, o, err)) < 0)
            return rc;
    if (alternatives && (rc = set_alternatives (mc, alternatives, err)) < 0)
        return rc;
    return update_services (mc, table, err);
}

/* An entry of the array "modules" of a file. */
static int define (struct modconf *mc, json_t *def, flux_error_t *err)
{
    const char *name = json_is_object (def) ? str (def, "name") : NULL;
    int rc;
    json_t *e;

    if (!name || !*name)
        return errmsg (err, -EINVAL, "modules: each entry must be a table with a name");
    if ((rc = check_entry (name, def, err)) < 0)
        return rc;
    /* one of the name of a built-in service has its place and services */
    if (json_object_get (mc->modules, name))
        return update_entry (mc, name, def, err);
    if (!(e = entry_new (name, NULL)) || json_object_update (e, def) < 0
        || json_object_set_new (mc->modules, name, e) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

static int add_file (struct modconf *mc, const char *path, flux_error_t *err)
{
    json_t *top = toml_parse_file (path, err);
    json_t *o;
    size_t i;
    int rc = 0;
    flux_error_t why;

    if (!top)
        return -errno;
    json_array_foreach (json_object_get (top, "modules"), i, o)
        if ((rc = define (mc, o, &why)) < 0)
            break;
    if (rc == 0) {
        json_object_del (top, "modules");
        rc = add_updates (mc, top, &why);
    }
    json_decref (top);
    return rc < 0 ? errmsg (err, rc, "%s: %s", path, why.text) : 0;
}

static int is_toml (const struct dirent *d)
{
    size_t n = strlen (d->d_name);

    return n > 5 && !strcmp (d->d_name + n - 5, ".toml");
}

static int add_folder (struct modconf *mc, const char *folder, flux_error_t *err)
{
    char path[PATH_MAX];
    struct dirent **names;
    int n, rc = 0;

    snprintf (path, sizeof (path), "%s/modprobe.toml", folder);
    if (access (path, F_OK) == 0 && (rc = add_file (mc, path, err)) < 0)
        return rc;
    snprintf (path, sizeof (path), "%s/modprobe.d", folder);
    if ((n = scandir (path, &names, is_toml, alphasort)) < 0)
        return 0;
    for (int i = 0; i < n; i++) {
        snprintf (path, sizeof (path), "%s/modprobe.d/%s", folder, names[i]->d_name);
        if (rc == 0)
            rc = add_file (mc, path, err);
        free (names[i]);
    }
    free (names);
    return rc;
}

static int add_folders (struct modconf *mc, const char *path, flux_error_t *err)
{
    char *folder;
    int rc = 0;

    while (rc == 0 && path && *path) {
        size_t len = strcspn (path, ":");
        if (!(folder = strndup (path, len)))
            return errmsg (err, -ENOMEM, "out of memory");
        if (len > 0)
            rc = add_folder (mc, folder, err);
        free (folder);
        path += len + (path[len] == ':');
    }
    return rc;
}

static int add_files (struct modconf *mc, flux_error_t *err)
{
    const char *conf = flux_conf_builtin_get ("confdir", FLUX_CONF_AUTO);
    char folder[PATH_MAX];
    int rc;

    if (mc->args.path)
        rc = add_folders (mc, mc->args.path, err);
    else {
        const char *data = flux_conf_builtin_get ("datadir", FLUX_CONF_AUTO);
        snprintf (folder, sizeof (folder), "%s/modprobe", data ? data : "/usr/share/flux");
        if ((rc = add_folder (mc, folder, err)) == 0) {
            snprintf (folder, sizeof (folder), "%s/modprobe", conf ? conf : "/etc/flux");
            rc = add_folder (mc, folder, err);
        }
    }
    return rc < 0 ? rc : add_folders (mc, getenv ("FLUX_MODPROBE_PATH_APPEND"), err);
}

/* --- choices --- */

static json_int_t priority (json_t *entry)
{
    json_t *o = json_object_get (entry, "priority");

    return o ? json_integer_value (o) : DEFAULT_PRIORITY;
}

static bool enabled (struct modconf *mc, json_t *entry, int depth);

/* The entry that provides a service, or has that name: of those that are enabled
 * the one of highest priority, the last of equals.  NULL: none. */
static json_t *resolve (struct modconf *mc, const char *service, int depth)
{
    const char *name = json_string_value (json_object_get (mc->alternatives, service));
    json_t *best = NULL, *e;

    if (name)
        return json_object_get (mc->modules, name);
    if ((e = json_object_get (mc->modules, service)))
        return e;
    json_object_foreach (mc->modules, name, e)
        if (lists (e, "provides", service) && enabled (mc, e, depth)
            && (!best || priority (e) >= priority (best)))
            best = e;
    return best;
}

static bool has_config (struct modconf *mc, const char *key)
{
    json_t *o;
    char *copy, *save = NULL, *p;

    if (!mc->args.conf || flux_conf_unpack (mc->args.conf, NULL, "o", &o) < 0
        || !(copy = strdup (key)))
        return false;
    for (p = strtok_r (copy, ".", &save); p && o; p = strtok_r (NULL, ".", &save))
        o = json_object_get (o, p);
    free (copy);
    return o != NULL;
}

/* The lowest rank that an entry is for. */
static uint32_t lowest_rank (struct modconf *mc, json_t *entry)
{
    const char *ranks = str (entry, "ranks");
    struct idset *ids;
    uint32_t rank = 0;

    if (!ranks || !strcmp (ranks, "all") || *ranks == '<')
        return ranks && *ranks == '<' ? 0 : mc->args.rank;
    if (*ranks == '>')
        return (uint32_t)strtoul (ranks + 1, NULL, 10) + 1;
    if ((ids = idset_decode (ranks)) && !idset_empty (ids))
        rank = idset_first (ids);
    idset_destroy (ids);
    return rank;
}

static bool by_default (struct modconf *mc, json_t *entry, int depth);

/* What is needed may be on another rank: then it is reached by its service. */
static bool is_there (struct modconf *mc, json_t *entry, int depth)
{
    uint32_t rank = mc->args.rank;
    bool yes;

    mc->args.rank = lowest_rank (mc, entry);
    yes = by_default (mc, entry, depth);
    mc->args.rank = rank;
    return yes;
}

/* Is what the entry needs there? */
static bool needs_met (struct modconf *mc, json_t *entry, int depth)
{
    json_t *o;
    size_t i;

    json_array_foreach (json_object_get (entry, "needs-config"), i, o)
        if (!has_config (mc, json_string_value (o)))
            return false;
    json_array_foreach (json_object_get (entry, "needs-attrs"), i, o)
        if (!attrs_get (mc->args.attrs, json_string_value (o), NULL))
            return false;
    json_array_foreach (json_object_get (entry, "needs-env"), i, o)
        if (!getenv (json_string_value (o)))
            return false;
    json_array_foreach (json_object_get (entry, "needs"), i, o) {
        json_t *e = resolve (mc, json_string_value (o), depth + 1);
        if (!e || !is_there (mc, e, depth + 1))
            return false;
    }
    return true;
}

static bool enabled (struct modconf *mc, json_t *entry, int depth)
{
    const char *ranks = str (entry, "ranks");

    return !flag (entry, "disabled")
           && (!ranks || in_ranks (ranks, mc->args.rank) == 1)
           && depth <= (int)json_object_size (mc->modules)   /* needs itself */
           && needs_met (mc, entry, depth);
}

/* Enabled, and not passed over for another that provides some of the same. */
static bool by_default (struct modconf *mc, json_t *entry, int depth)
{
    json_t *provides = json_object_get (entry, "provides");
    json_t *o;
    size_t i;

    if (!enabled (mc, entry, depth))
        return false;
    json_array_foreach (provides, i, o)
        if (resolve (mc, json_string_value (o), depth) != entry)
            return false;
    return true;
}

/* --- the plan --- */

struct plan {
    struct modconf *mc;
    json_t *wanted;    /* name -> true */
    json_t *state;     /* name -> true: in order; false: on the way */
    json_t *order;
};

static int want (struct plan *p, json_t *entry, flux_error_t *err)
{
    const char *name = str (entry, "name");
    json_t *o;
    size_t i;
    int rc;

    if (json_object_get (p->wanted, name))
        return 0;
    if (json_object_set_new (p->wanted, name, json_true ()) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach (json_object_get (entry, "requires"), i, o) {
        json_t *e = resolve (p->mc, json_string_value (o), 0);
        if (!e)
            return errmsg (err, -ENOENT, "module %s requires %s, which no module provides",
                           name, json_string_value (o));
        if ((rc = want (p, e, err)) < 0)
            return rc;
    }
    return 0;
}

static int put_in_order (struct plan *p, json_t *entry, flux_error_t *err)
{
    const char *name = str (entry, "name");
    json_t *state = json_object_get (p->state, name);
    json_t *o;
    size_t i;
    int rc;

    if (json_is_true (state))
        return 0;
    if (state)
        return errmsg (err, -ELOOP, "module %s must come after itself", name);
    json_object_set_new (p->state, name, json_false ());
    json_array_foreach (json_object_get (entry, "after"), i, o) {
        json_t *e = resolve (p->mc, json_string_value (o), 0);
        if (e && json_object_get (p->wanted, str (e, "name"))
            && (rc = put_in_order (p, e, err)) < 0)
            return rc;
    }
    if (json_object_set_new (p->state, name, json_true ()) < 0
        || json_array_append (p->order, entry) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

static int want_all (struct plan *p, const char *const *names, flux_error_t *err)
{
    const char *name;
    json_t *e;
    int rc = 0;

    if (!names) {
        json_object_foreach (p->mc->modules, name, e)
            if (by_default (p->mc, e, 0) && (rc = want (p, e, err)) < 0)
                return rc;
        return 0;
    }
    for (; *names && rc == 0; names++) {
        if (!(e = resolve (p->mc, *names, 0)))
            return errmsg (err, -ENOENT, "no module is called %s or provides it", *names);
        rc = want (p, e, err);
    }
    return rc;
}

json_t *modconf_plan (struct modconf *mc, const char *const *names, flux_error_t *err)
{
    struct plan p = { mc, json_object (), json_object (), json_array () };
    const char *name;
    json_t *e;
    int rc = -ENOMEM;

    if (!p.wanted || !p.state || !p.order)
        errmsg (err, rc, "out of memory");
    else if ((rc = want_all (&p, names, err)) == 0) {
        json_object_foreach (mc->modules, name, e)
            if (rc == 0 && json_object_get (p.wanted, name))
                rc = put_in_order (&p, e, err);
    }
    json_decref (p.wanted);
    json_decref (p.state);
    if (rc < 0) {
        json_decref (p.order);
        errno = -rc;
        return NULL;
    }
    return p.order;
}

json_t *modconf_dump (struct modconf *mc)
{
    json_t *services = json_object ();
    const char *name;
    json_t *e, *o, *r;
    size_t i;

    json_object_foreach (mc->modules, name, e)
        json_array_foreach (json_object_get (e, "provides"), i, o)
            if ((r = resolve (mc, json_string_value (o), 0)))
                json_object_set (services, json_string_value (o), json_object_get (r, "name"));
    return json_pack ("{s:O s:o}", "modules", mc->modules, "services", services);
}

struct modconf *modconf_new (const struct modconf_args *args, flux_error_t *err)
{
    struct modconf *mc = calloc (1, sizeof (*mc));
    json_t *table = NULL;
    int rc = -ENOMEM;

    if (mc) {
        mc->args = *args;
        mc->modules = json_object ();
        mc->alternatives = json_object ();
    }
    if (!mc || !mc->modules || !mc->alternatives || (rc = add_builtins (mc)) < 0)
        errmsg (err, rc, "out of memory");
    else if ((rc = add_files (mc, err)) == 0) {
        if (args->conf)
            (void)flux_conf_unpack (args->conf, NULL, "{s?o}", "modules", &table);
        rc = add_updates (mc, table, err);
    }
    if (rc < 0) {
        modconf_free (mc);
        errno = -rc;
        return NULL;
    }
    return mc;
}

void modconf_free (struct modconf *mc)
{
    if (mc) {
        json_decref (mc->modules);
        json_decref (mc->alternatives);
        free (mc);
    }
}
