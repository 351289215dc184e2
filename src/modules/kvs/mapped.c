/* mapped.c - see mapped.h */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blobref.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "modules/kvs/content.h"
#include "modules/kvs/mapped.h"

struct file {
    char *tag;
    int refs;               /* of its regions */
    char path[];
};

struct region {
    struct file *file;
    off_t off;
    size_t size;
};

struct mapped {
    struct hash *regions;   /* by blobref */
};

static void file_unref (struct file *f)
{
    if (f && --f->refs == 0) {
        free (f->tag);
        free (f);
    }
}

static void region_free (void *arg)
{
    struct region *r = arg;
    if (r) {
        file_unref (r->file);
        free (r);
    }
}

struct mapped *mapped_new (void)
{
    struct mapped *m = calloc (1, sizeof (*m));
    if (m && !(m->regions = hash_new (region_free))) {
        free (m);
        m = NULL;
    }
    return m;
}

void mapped_free (struct mapped *m)
{
    if (m) {
        hash_free (m->regions);
        free (m);
    }
}

static struct file *file_new (const char *path, const char *tag)
{
    struct file *f = malloc (sizeof (*f) + strlen (path) + 1);
    if (f) {
        memcpy (f->path, path, strlen (path) + 1);
        f->refs = 1;
        if (!(f->tag = strdup (tag))) {
            free (f);
            f = NULL;
        }
    }
    return f;
}

static int add_region (struct mapped *m, struct file *f, json_int_t off, json_int_t size,
                       const char *ref)
{
    struct region *r = malloc (sizeof (*r));
    if (!r)
        return -ENOMEM;
    *r = (struct region){ .file = f, .off = off, .size = size };
    f->refs++;
    int rc = hash_set (m->regions, ref, r);
    if (rc < 0)
        region_free (r);
    return rc;
}

static int check_file (const char *path, off_t *sizep, flux_error_t *err)
{
    struct stat sb;
    if (path[0] != '/')
        return errmsg (err, -EINVAL, "%s: want an absolute path", path);
    if (access (path, R_OK) < 0 || stat (path, &sb) < 0)
        return errmsg (err, -errno, "%s: %s", path, strerror (errno));
    if (!S_ISREG (sb.st_mode))
        return errmsg (err, -EINVAL, "%s: not a regular file", path);
    *sizep = sb.st_size;
    return 0;
}

static int unpack_region (json_t *o, json_int_t *off, json_int_t *size, const char **ref)
{
    if (json_unpack (o, "[I,I,s!]", off, size, ref) < 0 || *off < 0 || *size <= 0
        || *size > (json_int_t)CONTENT_BLOB_MAX || !blobref_valid (*ref))
        return -EINVAL;
    return 0;
}

int mapped_add (struct mapped *m, const char *path, const char *tag, json_t *blobvec,
                flux_error_t *err)
{
    json_int_t off, size;
    const char *ref;
    off_t len = 0;
    size_t i;
    json_t *o;
    int rc = check_file (path, &len, err);
    if (rc < 0)
        return rc;
    if (!json_is_array (blobvec))
        return errmsg (err, -EINVAL, "%s: malformed list of regions", path);
    json_array_foreach (blobvec, i, o)
        if (unpack_region (o, &off, &size, &ref) < 0 || off + size > len)
            return errmsg (err, -EINVAL, "%s: malformed region %zu", path, i);
    struct file *f = file_new (path, tag);
    if (!f)
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach (blobvec, i, o)
        if (rc == 0 && (rc = unpack_region (o, &off, &size, &ref)) == 0)
            rc = add_region (m, f, off, size, ref);
    file_unref (f);
    return rc < 0 ? errmsg (err, rc, "%s: %s", path, strerror (-rc)) : 0;
}

void mapped_remove (struct mapped *m, const char *tag)
{
    const char *ref;
    struct region *r;
    for (size_t pos = 0; (r = hash_next (m->regions, &pos, &ref));)
        if (strcmp (r->file->tag, tag) == 0)
            hash_del (m->regions, ref);
}

bool mapped_has (const struct mapped *m, const char *ref)
{
    return hash_get (m->regions, ref) != NULL;
}

size_t mapped_count (const struct mapped *m)
{
    return hash_count (m->regions);
}

static int read_region (const struct region *r, char *data)
{
    int fd = open (r->file->path, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    if (fd < 0)
        return -ENOENT;
    while (got < r->size) {
        ssize_t n = pread (fd, data + got, r->size - got, r->off + got);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    close (fd);
    return got == r->size ? 0 : -ENOENT;
}

int mapped_load (const struct mapped *m, const char *hashtype, const char *ref, struct buf *out)
{
    const struct region *r = hash_get (m->regions, ref);
    char now[BLOBREF_MAX_STRING];
    int rc;
    if (!r)
        return -ENOENT;
    if (buf_reserve (out, r->size) < 0)
        return -ENOMEM;
    char *data = out->data + out->len;
    if ((rc = read_region (r, data)) == 0
        && (rc = blobref_hash (hashtype, data, r->size, now)) == 0
        && strcmp (now, ref) != 0)
        rc = -ENOENT;
    if (rc == 0)
        out->len += r->size;
    out->data[out->len] = '\0';
    return rc;
}
