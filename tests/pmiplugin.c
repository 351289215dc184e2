/* pmiplugin.c - a PMI client plugin for tests: build/tests/files.so
 *
 * Method "files:DIR": rank and size are in the environment (FILES_RANK, FILES_SIZE), keys
 * are files of DIR, and so is who has come to which barrier.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <flux/pmi_client.h>

struct files {
    int dir;
    int rank;
    int size;
    int barriers;
    char value[4096];
};

static int fail (flux_error_t *err, int e, const char *what)
{
    if (err)
        snprintf (err->text, sizeof (err->text), "files: %s: %s", what, strerror (e));
    errno = e;
    return -1;
}

static int files_open (const char *path, void **datap, struct flux_pmi_place *place,
                       flux_error_t *err)
{
    const char *rank = getenv ("FILES_RANK");
    const char *size = getenv ("FILES_SIZE");
    struct files *f;

    if (!rank || !size)
        return fail (err, ENOENT, "FILES_RANK, FILES_SIZE");
    if (!(f = calloc (1, sizeof (*f))))
        return fail (err, ENOMEM, "open");
    if ((f->dir = open (path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        int e = errno;
        free (f);
        return fail (err, e == ENOENT ? EINVAL : e, path);
    }
    f->rank = place->rank = strtol (rank, NULL, 10);
    f->size = place->size = strtol (size, NULL, 10);
    snprintf (place->name, sizeof (place->name), "files");
    *datap = f;
    return 0;
}

static int files_put (void *data, const char *key, const char *value, flux_error_t *err)
{
    struct files *f = data;
    int fd = openat (f->dir, key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? -1 : write (fd, value, strlen (value));

    if (n < 0)
        return fail (err, errno, key);
    close (fd);
    return 0;
}

static int files_get (void *data, const char *key, const char **valuep, flux_error_t *err)
{
    struct files *f = data;
    int fd = openat (f->dir, key, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read (fd, f->value, sizeof (f->value) - 1);

    if (n < 0)
        return fail (err, errno, key);
    close (fd);
    f->value[n] = '\0';
    *valuep = f->value;
    return 0;
}

static int files_barrier (void *data, flux_error_t *err)
{
    struct files *f = data;
    struct timespec pause = { 0, 1000000 };
    char name[64];

    snprintf (name, sizeof (name), "barrier.%d.%d", ++f->barriers, f->rank);
    if (files_put (f, name, "", err) < 0)
        return -1;
    for (int i = 0; i < f->size; i++) {
        snprintf (name, sizeof (name), "barrier.%d.%d", f->barriers, i);
        while (faccessat (f->dir, name, F_OK, 0) < 0) {
            if (nanosleep (&pause, NULL) < 0)
                return fail (err, errno, "barrier");
        }
    }
    return 0;
}

static int files_finalize (void *data, flux_error_t *err)
{
    return 0;
}

static void files_close (void *data)
{
    struct files *f = data;

    close (f->dir);
    free (f);
}

extern const struct flux_pmi_client flux_pmi_client;
const struct flux_pmi_client flux_pmi_client = {
    .version = FLUX_PMI_CLIENT_VERSION, .open = files_open, .put = files_put, .get = files_get,
    .barrier = files_barrier, .finalize = files_finalize, .close = files_close,
};
