/* unpack.c - see unpack.h
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/errmsg.h"
#include "core/blob.h"
#include "core/unpack.h"

enum { WINDOW = 16 };       /* blobs asked for at a time */

/* Paths */

bool unpack_path_is_safe (const char *path)
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

static int make_parents (struct unpack *u, const char *path, flux_error_t *err)
{
    char *copy = strdup (path);
    int rc = copy ? 0 : -ENOMEM;

    for (char *s = copy ? strchr (copy, '/') : NULL; s && rc == 0; s = strchr (s + 1, '/')) {
        *s = '\0';
        if (json_object_get (u->links, copy))
            rc = errmsg (err, -ELOOP, "leads through '%s', a symbolic link of the same archive",
                         copy);
        else if (mkdirat (u->dirfd, copy, 0777) < 0 && errno != EEXIST)
            rc = -errno;
        *s = '/';
    }
    free (copy);
    return rc;
}

/* Content */

static int write_all (int fd, const char *data, size_t len, off_t off)
{
    while (len > 0) {
        ssize_t n = pwrite (fd, data, len, off);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            len -= n;
            off += n;
        }
    }
    return 0;
}

static int write_json (int fd, const json_t *data)
{
    char *s = json_dumps (data, JSON_ENCODE_ANY | JSON_COMPACT);
    int rc = s ? write_all (fd, s, strlen (s), 0) : -ENOMEM;

    free (s);
    return rc;
}

static int write_base64 (int fd, const char *s, size_t slen)
{
    char *mem = malloc (base64_decoded_size (slen) + 1);
    size_t len;
    int rc = mem ? base64_decode (s, slen, mem, &len) : -ENOMEM;

    if (rc == 0)
        rc = write_all (fd, mem, len, 0);
    free (mem);
    return rc;
}

struct region {
    json_int_t off;
    json_int_t size;
    const char *ref;
};

static int region_get (const json_t *vec, size_t i, struct region *r)
{
    json_t *o = json_array_get (vec, i);

    if (json_unpack (o, "[I,I,s!]", &r->off, &r->size, &r->ref) < 0 || r->off < 0 || r->size < 0)
        return -EINVAL;
    return 0;
}

static int write_region (int fd, const struct region *r, flux_future_t *f, flux_error_t *err)
{
    const void *data;
    size_t len;

    if (!f)
        return errmsg (err, -errno, "%s: %s", r->ref, strerror (errno));
    if (blob_load_get (f, &data, &len) < 0)
        return errmsg (err, -errno, "%s", future_strerror (f, errno));
    if ((json_int_t)len != r->size)
        return errmsg (err, -EINVAL, "%s: has %zu bytes, not %jd", r->ref, len, (intmax_t)r->size);
    return write_all (fd, data, len, r->off);
}

/* Some requests are ahead of what is written. */
static int write_blobvec (flux_t *h, int fd, const json_t *vec, flux_error_t *err)
{
    flux_future_t *window[WINDOW] = { NULL };
    size_t count = json_array_size (vec);
    size_t sent = 0;
    struct region r;
    int rc = h && json_is_array (vec) ? 0 : -EINVAL;

    for (size_t i = 0; i < count && rc == 0; i++) {
        for (; rc == 0 && sent < count && sent < i + WINDOW; sent++) {
            if ((rc = region_get (vec, sent, &r)) == 0)
                window[sent % WINDOW] = blob_load (h, r.ref, false);
        }
        if (rc == 0 && (rc = region_get (vec, i, &r)) == 0)
            rc = write_region (fd, &r, window[i % WINDOW], err);
        flux_future_destroy (window[i % WINDOW]);
        window[i % WINDOW] = NULL;
    }
    for (int i = 0; i < WINDOW; i++)
        flux_future_destroy (window[i]);
    return rc;
}

static int write_content (struct unpack *u, int fd, const json_t *o, flux_error_t *err)
{
    const json_t *data = json_object_get (o, "data");
    const char *encoding = json_string_value (json_object_get (o, "encoding"));
    const json_t *size = json_object_get (o, "size");

    if (size && (!json_is_integer (size) || json_integer_value (size) < 0))
        return -EINVAL;
    if (data && !encoding)
        return write_json (fd, data);
    if (size && ftruncate (fd, json_integer_value (size)) < 0)
        return -errno;
    if (!data)
        return 0;
    if (strcmp (encoding, "blobvec") == 0)
        return write_blobvec (u->h, fd, data, err);
    if (!json_is_string (data))
        return -EINVAL;
    if (strcmp (encoding, "base64") == 0)
        return write_base64 (fd, json_string_value (data), json_string_length (data));
    if (strcmp (encoding, "utf-8") == 0)
        return write_all (fd, json_string_value (data), json_string_length (data), 0);
    return errmsg (err, -EINVAL, "unknown encoding '%.40s'", encoding);
}

static void set_mtime (int fd, const json_t *o)
{
    const json_t *mtime = json_object_get (o, "mtime");
    struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = json_integer_value (mtime) } };

    if (json_is_integer (mtime))
        (void)futimens (fd, ts);
}

/* Objects */

static int unpack_file (struct unpack *u, const char *path, int mode, const json_t *o,
                        flux_error_t *err)
{
    int fd = openat (u->dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return -errno;
    if ((rc = write_content (u, fd, o, err)) == 0 && fchmod (fd, mode & 07777) < 0)
        rc = -errno;
    set_mtime (fd, o);
    if (close (fd) < 0 && rc == 0)
        rc = -errno;
    if (rc < 0)
        (void)unlinkat (u->dirfd, path, 0);
    return rc;
}

static int unpack_dir (struct unpack *u, const char *path, int mode)
{
    if (json_object_get (u->links, path))
        return -EEXIST;
    if (mkdirat (u->dirfd, path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (!u->dirs && !(u->dirs = json_object ()))
        return -ENOMEM;
    return json_object_set_new (u->dirs, path, json_integer (mode & 07777)) < 0 ? -ENOMEM : 0;
}

static int unpack_symlink (struct unpack *u, const char *path, const json_t *o)
{
    const char *target = json_string_value (json_object_get (o, "data"));

    if (!target)
        return -EINVAL;
    if (symlinkat (target, u->dirfd, path) < 0)
        return -errno;
    if (!u->links && !(u->links = json_object ()))
        return -ENOMEM;
    return json_object_set_new (u->links, path, json_true ()) < 0 ? -ENOMEM : 0;
}

void unpack_init (struct unpack *u, flux_t *h, int dirfd, int flags)
{
    *u = (struct unpack){ .h = h, .dirfd = dirfd, .flags = flags };
}

int unpack_object (struct unpack *u, const char *path, const json_t *o, flux_error_t *err)
{
    const json_t *m = json_object_get (o, "mode");
    int mode = json_integer_value (m);
    int rc;

    errmsg (err, 0, "%s", "");
    if (!json_is_integer (m) || !(S_ISREG (mode) || S_ISDIR (mode) || S_ISLNK (mode)))
        return errmsg (err, -EINVAL, "not a file, directory or symbolic link (RFC 37)");
    if (!unpack_path_is_safe (path))
        return errmsg (err, -EINVAL, "not a path below the directory");
    if (!S_ISDIR (mode) && (u->flags & UNPACK_OVERWRITE))
        (void)unlinkat (u->dirfd, path, 0);
    if ((rc = make_parents (u, path, err)) == 0) {
        if (S_ISDIR (mode))
            rc = unpack_dir (u, path, mode);
        else if (S_ISLNK (mode))
            rc = unpack_symlink (u, path, o);
        else
            rc = unpack_file (u, path, mode, o, err);
    }
    if (rc < 0 && err && err->text[0] == '\0')
        errmsg (err, rc, "%s", rc == -EINVAL ? "malformed file object (RFC 37)" : strerror (-rc));
    return rc;
}

void unpack_finish (struct unpack *u)
{
    const char *path;
    json_t *mode;

    json_object_foreach (u->dirs, path, mode)
        (void)fchmodat (u->dirfd, path, json_integer_value (mode), 0);
    json_decref (u->dirs);
    json_decref (u->links);
    u->dirs = u->links = NULL;
}

/* Archives */

int unpack_each (const char *text, size_t len, unpack_each_f fun, void *arg, flux_error_t *err)
{
    const char *end = text + len;
    int line = 0;
    int rc = 0;

    while (text < end && rc >= 0) {
        const char *nl = memchr (text, '\n', end - text);
        size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);
        json_t *o = json_loadb (text, n, 0, NULL);
        const char *path = json_string_value (json_object_get (o, "path"));
        line++;
        rc = path ? fun (arg, path, o)
                  : errmsg (err, -EINVAL, "line %d is no file object with a path (RFC 37)", line);
        json_decref (o);
        text += n + 1;
    }
    return rc;
}
