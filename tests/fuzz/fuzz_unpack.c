/* fuzz_unpack.c - archives of files (RFC 37): whatever is in them, each path that is
 * accepted stays below the directory, and only what is asked for is written
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unpack.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char dir[64];

static void clean (void)
{
    rmdir (dir);
}

/* Files have no name here, so that nothing else is made: a short one, removed at once. */
static int one (void *arg, const char *path, json_t *o)
{
    struct unpack *u = arg;
    flux_error_t err;

    if (unpack_path_is_safe (path) && (path[0] == '/' || strstr (path, "/../")))
        abort ();
    if (S_ISREG (json_integer_value (json_object_get (o, "mode")))
        && json_integer_value (json_object_get (o, "size")) < 1000000
        && unpack_object (u, "f", o, &err) == 0)
        unlinkat (u->dirfd, "f", 0);
    return 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static struct unpack u;
    flux_error_t err;

    if (!dir[0]) {
        snprintf (dir, sizeof (dir), "/tmp/fuzz_unpack-XXXXXX");
        if (!mkdtemp (dir))
            abort ();
        atexit (clean);
        unpack_init (&u, NULL, open (dir, O_RDONLY | O_DIRECTORY), 0);
    }
    (void)unpack_each ((const char *)data, size, one, &u, &err);
    return 0;
}
