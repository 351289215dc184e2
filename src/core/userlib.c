/* userlib.c - open a shared object that a user built
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <flux/core.h>

#include "core/userlib.h"

static const struct {
    const char *file;
    const char *in_tree;    /* folder below the build root */
} libs[] = {
    { "libflux-core.so.2", "src/core" },
    { "libflux-idset.so.1", "src/base" },
    { "libflux-hostlist.so.1", "src/base" },
    { "libflux-optparse.so.1", "src/base" },
    { "libflux-taskmap.so.2", "src/core" },
    { "libflux-schedutil.so.1", "src/core" },
};

/* One that is not found here may still be where the loader looks. */
static void open_libs (void)
{
    const char *lib = flux_conf_builtin_get ("private_path", FLUX_CONF_AUTO);
    char path[4096];

    for (size_t i = 0; lib && i < sizeof (libs) / sizeof (libs[0]); i++) {
        /* LIBDIR/flux/private or BUILD/lib/private */
        snprintf (path, sizeof (path), "%s/../../%s", lib, libs[i].file);
        if (dlopen (path, RTLD_LAZY | RTLD_LOCAL))
            continue;
        snprintf (path, sizeof (path), "%s/../../%s/%s", lib, libs[i].in_tree, libs[i].file);
        (void)dlopen (path, RTLD_LAZY | RTLD_LOCAL);
    }
}

void *userlib_open (const char *path, int flags)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once (&once, open_libs);
    return dlopen (path, flags);
}
