/* outfile.c - files that task output goes to
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "shell/outfile.h"

struct outfile {
    int fd;
    bool mid_line;      /* the last byte written was no newline */
};

struct outfiles {
    struct hash *by_path;
};

static void outfile_free (void *arg)
{
    struct outfile *f = arg;

    if (f->fd >= 0)
        close (f->fd);
    free (f);
}

struct outfiles *outfiles_new (void)
{
    struct outfiles *set = calloc (1, sizeof (*set));

    if (set && !(set->by_path = hash_new (outfile_free))) {
        free (set);
        return NULL;
    }
    return set;
}

void outfiles_free (struct outfiles *set)
{
    if (!set)
        return;
    hash_free (set->by_path);
    free (set);
}

struct outfile *outfiles_open (struct outfiles *set, const char *path, bool append,
                               flux_error_t *err)
{
    struct outfile *f = hash_get (set->by_path, path);
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC);

    if (f)
        return f;
    if (!(f = calloc (1, sizeof (*f)))) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    if ((f->fd = open (path, flags, 0666)) < 0) {
        errmsg (err, -errno, "cannot open %s: %s", path, strerror (errno));
        outfile_free (f);
        return NULL;
    }
    if (hash_set (set->by_path, path, f) < 0) {
        errmsg (err, -ENOMEM, "out of memory");
        outfile_free (f);
        return NULL;
    }
    return f;
}

static int write_all (int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, data, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            len -= n;
        }
    }
    return 0;
}

int outfile_write (struct outfile *f, const char *prefix, const char *data, size_t len)
{
    int rc = 0;

    if (!prefix)
        return write_all (f->fd, data, len);
    while (len > 0 && rc == 0) {
        const char *nl = memchr (data, '\n', len);
        size_t n = nl ? (size_t)(nl + 1 - data) : len;
        if (!f->mid_line)
            rc = write_all (f->fd, prefix, strlen (prefix));
        if (rc == 0)
            rc = write_all (f->fd, data, n);
        f->mid_line = !nl;
        data += n;
        len -= n;
    }
    return rc;
}
