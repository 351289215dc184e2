/* tmpdir.c - the job's temporary directory, and files that come in jobspec
 *
 * FLUX_JOB_TMPDIR is made before anything uses it and removed, with all that is
 * in it, as the shell exits.  An empty one is not removed, but renamed to a place
 * in the broker's own directory and taken from there by a later shell: making and
 * removing a directory may take a file system a millisecond, two of the few that a
 * short job takes.  attributes.system.files (RFC 37, dictionary form)
 * is unpacked there: the script of a batch job is one of them.
 */
#define FLUX_SHELL_PLUGIN_NAME "tmpdir"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fluid.h"
#include "core/unpack.h"
#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/jobspec.h"

/* Removal */

static int remove_tree_at (int dirfd, const char *name)
{
    int fd;
    struct dirent *d;
    DIR *dir;

    if (unlinkat (dirfd, name, AT_REMOVEDIR) == 0)     /* most are empty */
        return 0;
    fd = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return unlinkat (dirfd, name, 0);
    if (!(dir = fdopendir (fd))) {
        close (fd);
        return -1;
    }
    while ((d = readdir (dir))) {
        if (strcmp (d->d_name, ".") != 0 && strcmp (d->d_name, "..") != 0)
            remove_tree_at (fd, d->d_name);
    }
    closedir (dir);
    return unlinkat (dirfd, name, AT_REMOVEDIR);
}

/* Directories that are used again */

enum { SPARES = 4 };

static bool has_entries (DIR *dir)
{
    struct dirent *d;

    while ((d = readdir (dir))) {
        if (strcmp (d->d_name, ".") != 0 && strcmp (d->d_name, "..") != 0)
            return true;
    }
    return false;
}

/* It is ours, empty, and as a new one would be. */
static bool like_new (const char *path)
{
    int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir (fd);
    struct stat st;
    bool ok;

    if (!dir) {
        if (fd >= 0)
            close (fd);
        return false;
    }
    ok = fstat (fd, &st) == 0 && st.st_uid == geteuid () && !has_entries (dir)
         && ((st.st_mode & 07777) == 0700 || fchmod (fd, 0700) == 0);
    closedir (dir);
    return ok;
}

static int spare_path (char *buf, size_t size, int i)
{
    const char *dir = getenv ("FLUX_SHELL_SPARE_DIR");

    return dir && snprintf (buf, size, "%s/jobtmp-%d", dir, i) < (int)size ? 0 : -1;
}

/* Rename one to 'path', which does not exist. */
static bool take_spare (const char *path)
{
    char spare[PATH_MAX];

    for (int i = 0; i < SPARES && spare_path (spare, sizeof (spare), i) == 0; i++) {
        if (renameat2 (AT_FDCWD, spare, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
            if (like_new (path))
                return true;
            remove_tree_at (AT_FDCWD, path);
        }
        else if (errno != ENOENT)
            break;
    }
    return false;
}

static bool leave_spare (const char *path)
{
    char spare[PATH_MAX];

    if (spare_path (spare, sizeof (spare), 0) < 0 || !like_new (path))
        return false;
    for (int i = 0; i < SPARES && spare_path (spare, sizeof (spare), i) == 0; i++) {
        if (renameat2 (AT_FDCWD, path, AT_FDCWD, spare, RENAME_NOREPLACE) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    return false;
}

/* Files */

static int unpack_files (flux_shell_t *shell, const char *dir, const json_t *files)
{
    int dirfd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct unpack u;
    const char *path;
    json_t *file;
    flux_error_t err;
    int rc = dirfd < 0 ? -errno : 0;

    unpack_init (&u, shell->h, dirfd, 0);
    json_object_foreach ((json_t *)files, path, file) {
        if (rc == 0 && (rc = unpack_object (&u, path, file, &err)) < 0)
            shell_log_error ("file '%s' of the jobspec: %s", path, err.text);
    }
    unpack_finish (&u);
    if (dirfd >= 0)
        close (dirfd);
    return rc;
}

/* The plugin */

/* What mkdtemp() would put in place of the X. */
static bool random_suffix (char *path)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char r[6];
    char *x = path + strlen (path) - sizeof (r);

    if (getrandom (r, sizeof (r), GRND_NONBLOCK) != sizeof (r))
        return false;
    for (size_t i = 0; i < sizeof (r); i++)
        x[i] = set[r[i] % (sizeof (set) - 1)];
    return true;
}

static bool reuse_tmpdir (const char *template, char **dirp)
{
    char *dir = strdup (template);

    if (dir && random_suffix (dir) && take_spare (dir)) {
        free (*dirp);
        *dirp = dir;
        return true;
    }
    free (dir);
    return false;
}

static int make_tmpdir (flux_shell_t *shell, char **dirp)
{
    const char *base = getenv ("TMPDIR");
    char id[32];

    if (fluid_encode (shell->info.jobid, FLUID_F58_PLAIN, id, sizeof (id)) < 0
        || asprintf (dirp, "%s/jobtmp-%d-%s-XXXXXX", base ? base : "/tmp",
                     shell->info.shell_rank, id) < 0)
        return -1;
    if (!reuse_tmpdir (*dirp, dirp) && !mkdtemp (*dirp)) {
        shell_log_errno ("cannot create %s", *dirp);
        free (*dirp);
        return -1;
    }
    return 0;
}

static void tmpdir_free (void *arg)
{
    if (!leave_spare (arg))
        remove_tree_at (AT_FDCWD, arg);
    free (arg);
}

static int tmpdir_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *files = jobspec_attr (shell->info.jobspec, "system.files");
    char *dir;

    if (make_tmpdir (shell, &dir) < 0)
        return -1;
    if (flux_shell_aux_set (shell, "tmpdir", dir, tmpdir_free) < 0) {
        tmpdir_free (dir);
        return -1;
    }
    if (flux_shell_setenvf (shell, 1, "FLUX_JOB_TMPDIR", "%s", dir) < 0)
        return -1;
    return files ? unpack_files (shell, dir, files) : 0;
}

static int tmpdir_render (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const char *dir = flux_shell_aux_get (flux_plugin_get_shell (p), "tmpdir");

    if (!dir)
        return 0;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "result", dir);
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", tmpdir_init, NULL },
    { "mustache.render.tmpdir", tmpdir_render, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin tmpdir_builtin = { "tmpdir", NULL, handlers };
