/* plugstack.c - the stack of shell plugins (flux-shell-plugins(7))
 *
 * In load order; a plugin replaces an earlier one of its name.
 */
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "shell/internal.h"

#define SHELL_AUX "flux::shell"

struct entry {
    struct list_node node;
    flux_plugin_t *plugin;
};

struct plugstack {
    flux_shell_t *shell;
    struct list_node entries;
    int depth;               /* calls under way: no entry is freed then */
};

struct plugstack *plugstack_new (flux_shell_t *shell)
{
    struct plugstack *ps = calloc (1, sizeof (*ps));

    if (ps) {
        ps->shell = shell;
        list_init (&ps->entries);
    }
    return ps;
}

static void entry_free (struct entry *e)
{
    list_del (&e->node);
    flux_plugin_destroy (e->plugin);
    free (e);
}

void plugstack_free (struct plugstack *ps)
{
    if (!ps)
        return;
    list_foreach (&ps->entries, n)
        entry_free (list_entry (n, struct entry, node));
    free (ps);
}

static struct entry *find (struct plugstack *ps, const char *name)
{
    list_foreach (&ps->entries, n) {
        struct entry *e = list_entry (n, struct entry, node);
        const char *have = flux_plugin_get_name (e->plugin);
        if (have && name && strcmp (have, name) == 0)
            return e;
    }
    return NULL;
}

int plugstack_push (struct plugstack *ps, flux_plugin_t *p)
{
    struct entry *old = find (ps, flux_plugin_get_name (p));
    struct entry *e = calloc (1, sizeof (*e));

    if (!e)
        return -ENOMEM;
    e->plugin = p;
    if (old && ps->depth == 0)
        entry_free (old);
    list_append (&ps->entries, &e->node);
    return 0;
}

flux_shell_t *flux_plugin_get_shell (flux_plugin_t *p)
{
    return flux_plugin_aux_get (p, SHELL_AUX);
}

flux_plugin_t *plugstack_new_plugin (struct plugstack *ps)
{
    flux_plugin_t *p = flux_plugin_create ();

    if (p && flux_plugin_aux_set (p, SHELL_AUX, ps->shell, NULL) < 0) {
        flux_plugin_destroy (p);
        return NULL;
    }
    return p;
}

/* After *pos. */
static int load_builtin (struct plugstack *ps, const struct shell_builtin *b,
                         struct list_node **pos)
{
    flux_plugin_t *p = plugstack_new_plugin (ps);
    struct entry *e;

    if (!p)
        return -ENOMEM;
    if (flux_plugin_register (p, b->name, b->handlers) < 0 || !(e = calloc (1, sizeof (*e)))) {
        flux_plugin_destroy (p);
        return -ENOMEM;
    }
    e->plugin = p;
    list_insert_after (*pos, &e->node);
    *pos = &e->node;
    return 0;
}

int plugstack_load_builtins (struct plugstack *ps)
{
    struct list_node *pos = &ps->entries;

    for (int i = 0; shell_builtins[i]; i++) {
        const struct shell_builtin *b = shell_builtins[i];
        if ((b->wanted && !b->wanted (ps->shell)) || find (ps, b->name))
            continue;
        int rc = load_builtin (ps, b, &pos);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int plugstack_call (struct plugstack *ps, const char *topic, flux_plugin_arg_t *args)
{
    int rc = 0;

    ps->depth++;
    list_foreach (&ps->entries, n) {
        struct entry *e = list_entry (n, struct entry, node);
        unsigned int errors = shell_log_errors ();
        if (flux_plugin_call (e->plugin, topic, args) < 0) {
            /* most say themselves what is wrong */
            if (strncmp (topic, "shell.log", 9) != 0 && shell_log_errors () == errors)
                shell_log_error ("plugin '%s': %s failed", flux_plugin_get_name (e->plugin), topic);
            rc = -1;
        }
    }
    ps->depth--;
    return rc;
}

bool plugstack_has (struct plugstack *ps, const char *name)
{
    return find (ps, name) != NULL;
}

bool plugstack_handles (struct plugstack *ps, const char *topic)
{
    list_foreach (&ps->entries, n) {
        if (flux_plugin_match_handler (list_entry (n, struct entry, node)->plugin, topic))
            return true;
    }
    return false;
}

int flux_shell_plugstack_call (flux_shell_t *shell, const char *topic, flux_plugin_arg_t *args)
{
    if (!shell || !topic) {
        errno = EINVAL;
        return -1;
    }
    return plugstack_call (shell->plugstack, topic, args);
}

/* What a plugin attached to the shell or its handle is destroyed after the plugin, by
 * functions of the plugin. */
static void keep_mapped (const char *path)
{
    (void)dlopen (path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static int load_file (struct plugstack *ps, const char *path, const char *conf, flux_error_t *err)
{
    flux_plugin_t *p = plugstack_new_plugin (ps);

    if (!p)
        return errmsg (err, -ENOMEM, "out of memory");
    flux_plugin_set_flags (p, FLUX_PLUGIN_RTLD_NOW);
    if ((conf && flux_plugin_set_conf (p, conf) < 0) || flux_plugin_load_dso (p, path) < 0) {
        errmsg (err, -EINVAL, "%s: %s", path, flux_plugin_strerror (p));
        flux_plugin_destroy (p);
        return -EINVAL;
    }
    keep_mapped (path);
    return plugstack_push (ps, p);
}

static int load_glob (struct plugstack *ps, const char *pattern, const char *conf,
                      int *count, flux_error_t *err)
{
    glob_t g;
    int rc = 0;

    if (glob (pattern, 0, NULL, &g) != 0)
        return 0;
    for (size_t i = 0; i < g.gl_pathc && rc == 0; i++) {
        if ((rc = load_file (ps, g.gl_pathv[i], conf, err)) == 0)
            (*count)++;
    }
    globfree (&g);
    return rc;
}

int plugstack_load (struct plugstack *ps, const char *pattern, const char *conf,
                    const char *searchpath, flux_error_t *err)
{
    char *copy;
    char *save = NULL;
    int count = 0;
    int rc = 0;

    if (pattern[0] == '/')
        rc = load_glob (ps, pattern, conf, &count, err);
    else {
        if (!(copy = strdup (searchpath ? searchpath : "")))
            return errmsg (err, -ENOMEM, "out of memory");
        for (char *d = strtok_r (copy, ":", &save); d && rc == 0; d = strtok_r (NULL, ":", &save)) {
            char *full = NULL;
            if (asprintf (&full, "%s/%s", d, pattern) < 0)
                rc = errmsg (err, -ENOMEM, "out of memory");
            else
                rc = load_glob (ps, full, conf, &count, err);
            free (full);
        }
        free (copy);
    }
    if (rc == 0 && count == 0 && !strpbrk (pattern, "*?["))
        return errmsg (err, -ENOENT, "%s: no such shell plugin", pattern);
    return rc;
}
