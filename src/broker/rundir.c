/* rundir.c - the directories of a broker
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/rundir.h"

static int make_temporary (struct attrs *attrs, const char *name, const char *parent,
                           flux_error_t *err)
{
    char *path;
    int rc = 0;

    if (asprintf (&path, "%s/flux-XXXXXX", parent) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if (!mkdtemp (path))
        rc = errmsg (err, -errno, "cannot create directory %s for %s: %s", path,
                     name, strerror (errno));
    else if (attrs_set (attrs, name, path, 0) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    free (path);
    return rc;
}

static int check_existing (const char *name, const char *path, const struct stat *sb,
                           flux_error_t *err)
{
    if (!S_ISDIR (sb->st_mode))
        return errmsg (err, -ENOTDIR, "%s %s is not a directory", name, path);
    if (sb->st_uid != getuid ())
        return errmsg (err, -EPERM, "%s %s is not owned by the instance owner", name,
                       path);
    if (!strcmp (name, "rundir") && (sb->st_mode & S_IRWXU) != S_IRWXU)
        return errmsg (err, -EPERM, "rundir %s: its owner must have all permissions",
                       path);
    return 0;
}

static int settle (struct attrs *attrs, const char *name, const char *path,
                   bool *removep, flux_error_t *err)
{
    struct stat sb;

    if (stat (path, &sb) == 0) {
        if (S_ISDIR (sb.st_mode) && (sb.st_mode & S_ISVTX)) {
            *removep = true;
            return make_temporary (attrs, name, path, err);
        }
        *removep = false;
        return check_existing (name, path, &sb, err);
    }
    if (mkdir (path, 0700) < 0)
        return errmsg (err, -errno, "cannot create %s %s: %s", name, path,
                       strerror (errno));
    *removep = true;
    return 0;
}

int rundir_create (struct attrs *attrs, const char *name, const char *tmpdir,
                   bool *removep, flux_error_t *err)
{
    const char *path = attrs_get (attrs, name, NULL);
    char *cpy = NULL;
    char cleanup[40];
    const char *s;
    int rc;

    if (path) {
        if (!(cpy = strdup (path)))
            return errmsg (err, -ENOMEM, "out of memory");
        rc = settle (attrs, name, cpy, removep, err);
        free (cpy);
    }
    else {
        rc = make_temporary (attrs, name, tmpdir, err);
        *removep = true;
    }
    if (rc < 0)
        return rc;
    snprintf (cleanup, sizeof (cleanup), "%s-cleanup", name);
    if ((s = attrs_get (attrs, cleanup, NULL)))
        *removep = strcmp (s, "0") != 0;
    return 0;
}

static void remove_at (int dirfd, const char *name, int depth)
{
    int fd;
    DIR *dir;
    struct dirent *d;

    if (unlinkat (dirfd, name, 0) == 0 || (errno != EISDIR && errno != EPERM)
        || depth > 32)
        return;
    fd = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!(dir = fdopendir (fd))) {
        close (fd);
        return;
    }
    while ((d = readdir (dir)))
        if (strcmp (d->d_name, ".") && strcmp (d->d_name, ".."))
            remove_at (fd, d->d_name, depth + 1);
    closedir (dir);
    (void)unlinkat (dirfd, name, AT_REMOVEDIR);
}

void rundir_remove (const char *path)
{
    remove_at (AT_FDCWD, path, 0);
}
