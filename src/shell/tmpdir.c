/* tmpdir.c - the job's temporary directory, and files that come in jobspec
 *
 * FLUX_JOB_TMPDIR is made before anything uses it and removed, with all that is
 * in it, as the shell exits.  attributes.system.files (RFC 37, dictionary form)
 * is unpacked there: the script of a batch job is one of them.
 */
#define FLUX_SHELL_PLUGIN_NAME "tmpdir"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fluid.h"
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

/* Files */

static bool safe_path (const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return false;
    for (const char *s = path; s; s = strchr (s, '/')) {
        s += *s == '/';
        size_t n = strcspn (s, "/");
        if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
            return false;
    }
    return true;
}

static int make_parents (int dirfd, const char *path)
{
    char *copy = strdup (path);
    int rc = copy ? 0 : -1;

    for (char *s = copy ? strchr (copy, '/') : NULL; s && rc == 0; s = strchr (s + 1, '/')) {
        *s = '\0';
        if (mkdirat (dirfd, copy, 0700) < 0 && errno != EEXIST)
            rc = -1;
        *s = '/';
    }
    free (copy);
    return rc;
}

/* The bytes of a regular file; *memp is to be freed. */
static int file_content (json_t *file, const char **datap, size_t *lenp, void **memp)
{
    json_t *data = json_object_get (file, "data");
    const char *encoding = json_string_value (json_object_get (file, "encoding"));

    *memp = NULL;
    *datap = "";
    *lenp = 0;
    if (!data)
        return 0;
    if (!encoding) {
        if (!(*memp = json_dumps (data, JSON_ENCODE_ANY | JSON_COMPACT)))
            return -ENOMEM;
        *datap = *memp;
        *lenp = strlen (*datap);
        return 0;
    }
    if (!json_is_string (data))
        return -ENOTSUP;
    if (strcmp (encoding, "base64") == 0) {
        size_t n = json_string_length (data);
        if (!(*memp = malloc (base64_decoded_size (n) + 1)))
            return -ENOMEM;
        *datap = *memp;
        return base64_decode (json_string_value (data), n, *memp, lenp);
    }
    if (strcmp (encoding, "utf-8") != 0)
        return -ENOTSUP;
    *datap = json_string_value (data);
    *lenp = json_string_length (data);
    return 0;
}

static int write_file (int dirfd, const char *path, int mode, const char *data, size_t len)
{
    int fd = openat (dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);

    if (fd < 0)
        return -errno;
    while (len > 0) {
        ssize_t n = write (fd, data, len);
        if (n < 0 && errno != EINTR) {
            int rc = -errno;
            close (fd);
            return rc;
        }
        if (n > 0) {
            data += n;
            len -= n;
        }
    }
    return close (fd) < 0 ? -errno : 0;
}

static int unpack_file (int dirfd, const char *path, json_t *file)
{
    int mode = json_integer_value (json_object_get (file, "mode"));
    const char *data;
    void *mem;
    size_t len;
    int rc;

    if (!safe_path (path))
        return -EINVAL;
    if (make_parents (dirfd, path) < 0)
        return -errno;
    if (S_ISDIR (mode))
        return mkdirat (dirfd, path, mode & 0777) < 0 && errno != EEXIST ? -errno : 0;
    if (S_ISLNK (mode)) {
        const char *target = json_string_value (json_object_get (file, "data"));
        if (!target)
            return -EINVAL;
        return symlinkat (target, dirfd, path) < 0 ? -errno : 0;
    }
    if ((rc = file_content (file, &data, &len, &mem)) == 0)
        rc = write_file (dirfd, path, mode, data, len);
    free (mem);
    return rc;
}

static int unpack_files (const char *dir, const json_t *files)
{
    int dirfd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *path;
    json_t *file;
    int rc = dirfd < 0 ? -errno : 0;

    json_object_foreach ((json_t *)files, path, file) {
        if (rc == 0 && (rc = unpack_file (dirfd, path, file)) < 0)
            shell_log_error ("file '%s' of the jobspec: %s", path,
                             rc == -EINVAL ? "not a path below the temporary directory"
                                           : strerror (-rc));
    }
    if (dirfd >= 0)
        close (dirfd);
    return rc;
}

/* The plugin */

static int make_tmpdir (flux_shell_t *shell, char **dirp)
{
    const char *base = getenv ("TMPDIR");
    char id[32];

    if (fluid_encode (shell->info.jobid, FLUID_F58_PLAIN, id, sizeof (id)) < 0
        || asprintf (dirp, "%s/jobtmp-%d-%s-XXXXXX", base ? base : "/tmp",
                     shell->info.shell_rank, id) < 0)
        return -1;
    if (!mkdtemp (*dirp)) {
        shell_log_errno ("cannot create %s", *dirp);
        free (*dirp);
        return -1;
    }
    return 0;
}

static void tmpdir_free (void *arg)
{
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
    return files ? unpack_files (dir, files) : 0;
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
