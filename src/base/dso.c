/* dso.c - our own shared objects, loaded at first use
 *
 * State of the process: the table of what is loaded, under a lock.
 */
#include "base/dso.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "dso_paths.h" /* made by meson.build */

struct loaded {
    struct loaded *next;
    void *handle;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct loaded *loaded;

/* Cut the last component off.  False at the root. */
static bool chop (char *path)
{
    char *slash = strrchr (path, '/');

    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static bool exists (const char *dir, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf (path, sizeof (path), "%s/%s", dir, name);

    return n > 0 && n < (int)sizeof (path) && access (path, F_OK) == 0;
}

/* Make path, that of a file, the directory 'lib/private' of the build tree
 * that the file is in. */
static bool find_in_tree (char path[PATH_MAX])
{
    static const char sub[] = "/lib/private";

    for (int level = 0; level < 5 && chop (path); level++) {
        if (exists (path, "build.ninja")) {
            size_t len = strlen (path);
            if (len + sizeof (sub) > PATH_MAX)
                return false;
            memcpy (path + len, sub, sizeof (sub));
            return true;
        }
    }
    return false;
}

/* The directory of our objects: of the build tree that holds the executable,
 * or the library that this code is in; otherwise where they are installed. */
static void find_dir (char path[PATH_MAX])
{
    Dl_info info;
    ssize_t n = readlink ("/proc/self/exe", path, PATH_MAX - 1);

    if (n > 0) {
        path[n] = '\0';
        if (find_in_tree (path))
            return;
    }
    if (dladdr (&loaded, &info) != 0 && info.dli_fname
        && realpath (info.dli_fname, path) && find_in_tree (path))
        return;
    snprintf (path, PATH_MAX, "%s", DSO_INSTALL_DIR);
}

#if defined(__SANITIZE_ADDRESS__)
#define APART 0
#else
#define APART RTLD_DEEPBIND
#endif

static struct loaded *load (const char *name, int flags, flux_error_t *err)
{
    char dir[PATH_MAX];
    char path[PATH_MAX];
    struct loaded *l;
    size_t size = strlen (name) + 1;

    find_dir (dir);
    if (strchr (name, '/')
        || snprintf (path, sizeof (path), "%s/%s.so", dir, name)
               >= (int)sizeof (path)) {
        errmsg (err, -EINVAL, "cannot load '%s': invalid name", name);
        return NULL;
    }
    if (!(l = malloc (sizeof (*l) + size))) {
        errmsg (err, -ENOMEM, "cannot load '%s': out of memory", name);
        return NULL;
    }
    if (!(l->handle = dlopen (path, RTLD_NOW | RTLD_LOCAL | flags))) {
        errmsg (err, -ENOENT, "cannot load '%s': %s", name, dlerror ());
        free (l);
        return NULL;
    }
    memcpy (l->name, name, size);
    l->next = loaded;
    loaded = l;
    return l;
}

static void *find_symbol (const char *name, const char *symbol, int flags, flux_error_t *err)
{
    struct loaded *l;
    void *sym = NULL;

    pthread_mutex_lock (&lock);
    for (l = loaded; l; l = l->next)
        if (strcmp (l->name, name) == 0)
            break;
    if (!l)
        l = load (name, flags, err);
    if (l && !(sym = dlsym (l->handle, symbol)))
        errmsg (err, -ENOENT, "'%s' has no symbol '%s'", name, symbol);
    pthread_mutex_unlock (&lock);
    return sym;
}

void *dso_symbol (const char *name, const char *symbol, flux_error_t *err)
{
    return find_symbol (name, symbol, 0, err);
}

void *dso_symbol_apart (const char *name, const char *symbol, flux_error_t *err)
{
    return find_symbol (name, symbol, APART, err);
}
