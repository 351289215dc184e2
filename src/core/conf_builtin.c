/* conf_builtin.c - paths: of the installation, or of the build tree we run in
 *
 * A value is a template.  $B is the build directory, $S the source directory,
 * and the rest the directories that the build was configured with.  All values
 * are expanded once, at the first call, and live as long as the process.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/buf.h"
#include "conf_paths.h" // made by meson.build

struct builtin_value {
    const char *key;
    const char *installed;
    const char *intree;
};

static const struct builtin_value table[] = {
    { "bindir", "$bin", "$B" },
    { "broker_path", "$libexec/flux-broker", "$B/flux-broker" },
    { "cmdhelp_pattern", "$data/help.d/*.json", "$B/help.d/*.json" },
    { "confdir", "$conf", "$S/etc" },
    { "connector_path", "$lib/connectors", "$B/lib/connectors" },
    { "datadir", "$data", "$S" },
    { "exec_path", "$libexec/cmd", "$B" },
    { "jobtap_pluginpath", "$lib/job-manager/plugins", "$B/lib/job-manager/plugins" },
    { "keydir", "$conf/system", "$B" },
    { "libexecdir", "$libexec", "$B" },
    { "lua_cpath_add", "$lib/lua/?.so", "$B/lib/lua/?.so" },
    { "lua_path_add", "$data/lua/?.lua", "$S/bindings/lua/?.lua" },
    { "man_path", "$man", "$B/docs" },
    { "module_path", "$lib/modules", "$B/lib/modules" },
    { "no_docs_path", "$data/.nodocs", "$B/docs/.nodocs" },
    { "pmi_library_path", "$lib/libpmi.so", "$B/lib/libpmi.so" },
    { "private_path", "$lib/private", "$B/lib/private" },
    { "python_path", "$lib/python", "$S/bindings/python" },
    { "rc1_path", "flux modprobe rc1", "flux modprobe rc1" },
    { "rc3_path", "flux modprobe rc3", "flux modprobe rc3" },
    { "rundir", "$run", "$run" },
    { "shell_initrc", "$conf/shell/initrc.lua", "$S/etc/shell/initrc.lua" },
    { "shell_path", "$libexec/flux-shell", "$B/flux-shell" },
    { "shell_pluginpath", "$lib/shell/plugins", "$B/lib/shell/plugins" },
    { "upmi_pluginpath", "$lib/upmi/plugins", "$B/lib/upmi/plugins" },
};

enum { NVALUES = sizeof (table) / sizeof (table[0]) };

/* Written once, under 'once'. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char *installed_values[NVALUES];
static char *intree_values[NVALUES];
static char *build_dir; /* NULL: not in tree */

static const char *variable (const char *name, size_t len)
{
    static const struct { const char *name; const char *val; } vars[] = {
        { "bin", FLUX_BINDIR },
        { "conf", FLUX_CONFDIR },
        { "data", FLUX_DATADIR },
        { "lib", FLUX_LIBDIR },
        { "libexec", FLUX_LIBEXECDIR },
        { "man", FLUX_MANDIR },
        { "run", FLUX_RUNDIR },
        { "S", FLUX_SOURCE_DIR },
    };

    if (len == 1 && *name == 'B')
        return build_dir ? build_dir : FLUX_BUILD_DIR;
    for (size_t i = 0; i < sizeof (vars) / sizeof (vars[0]); i++) {
        if (strlen (vars[i].name) == len && strncmp (vars[i].name, name, len) == 0)
            return vars[i].val;
    }
    return "";
}

static char *expand (const char *s)
{
    struct buf b = BUF_INIT;

    while (*s) {
        size_t n = strcspn (s, "$");

        (void)buf_add (&b, s, n);
        s += n;
        if (*s == '$') {
            n = strspn (++s, "abcdefghijklmnopqrstuvwxyzBS");
            (void)buf_adds (&b, variable (s, n));
            s += n;
        }
    }
    return buf_take (&b);
}

/* Reduce path to its parent.  False at the root. */
static bool chop (char *path)
{
    char *slash = strrchr (path, '/');

    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static bool has_entry (const char *dir, const char *name)
{
    char path[4096];

    return snprintf (path, sizeof (path), "%s/%s", dir, name) < (int)sizeof (path)
        && access (path, F_OK) == 0;
}

/* The build directory this executable is in, some levels up, or NULL. */
static char *find_build_dir (void)
{
    char path[4096];
    ssize_t n = readlink ("/proc/self/exe", path, sizeof (path) - 1);

    if (n <= 0)
        return NULL;
    path[n] = '\0';
    for (int level = 0; level < 4 && chop (path); level++) {
        if (has_entry (path, "meson-private") || has_entry (path, "build.ninja"))
            return strdup (path);
    }
    return NULL;
}

static void expand_all (void)
{
    build_dir = find_build_dir ();
    for (int i = 0; i < NVALUES; i++) {
        installed_values[i] = expand (table[i].installed);
        intree_values[i] = expand (table[i].intree);
    }
}

const char *flux_conf_builtin_get (const char *key, enum flux_conf_builtin_hint hint)
{
    bool intree;

    if (!key)
        return NULL;
    pthread_once (&once, expand_all);
    intree = hint == FLUX_CONF_INTREE || (hint == FLUX_CONF_AUTO && build_dir);
    for (int i = 0; i < NVALUES; i++) {
        if (strcmp (table[i].key, key) == 0)
            return intree ? intree_values[i] : installed_values[i];
    }
    return NULL;
}
