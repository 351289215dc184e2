/* dso_archive.c - private/archive.so, see dso_archive.h */
#include "cmd/dso_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errmsg.h"

struct ar {
    struct archive *a;
    struct archive_entry *entry;   /* for writing */
    int writing;
};

static int fail (struct ar *ar, flux_error_t *err)
{
    const char *text = ar->a ? archive_error_string (ar->a) : NULL;
    int errnum = ar->a ? archive_errno (ar->a) : ENOMEM;

    /* libarchive has numbers of its own for what is wrong in a file */
    if (errnum <= 0 || errnum >= 200)
        return errmsg (err, -EINVAL, "%s", text ? text : "not an archive");
    return errmsg (err, -errnum, "%s%s%s", text ? text : "", text ? ": " : "", strerror (errnum));
}

static int ar_free (struct ar *ar)
{
    int rc = ARCHIVE_OK;

    if (!ar)
        return 0;
    archive_entry_free (ar->entry);
    if (ar->a)
        rc = ar->writing ? archive_write_free (ar->a) : archive_read_free (ar->a);
    free (ar);
    return rc;
}

static int ar_new (struct ar **arp, int writing, flux_error_t *err)
{
    struct ar *ar = calloc (1, sizeof (*ar));

    if (ar && (ar->writing = writing)) {
        ar->a = archive_write_new ();
        ar->entry = archive_entry_new ();
    }
    else if (ar)
        ar->a = archive_read_new ();
    if (!ar || !ar->a || (writing && !ar->entry)) {
        ar_free (ar);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    *arp = ar;
    return 0;
}

static int set_format (struct ar *ar, const char *path)
{
    if (strcmp (path, "-") == 0)
        return archive_write_set_format_pax_restricted (ar->a);
    return archive_write_set_format_filter_by_ext (ar->a, path);
}

static int create (struct ar **arp, const char *path, flux_error_t *err)
{
    struct ar *ar;
    int rc = ar_new (&ar, 1, err);

    if (rc < 0)
        return rc;
    if (set_format (ar, path) != ARCHIVE_OK) {
        rc = errmsg (err, -EINVAL, "%s: no archive format for this extension: use one of .tar"
                     " .tgz .tar.gz .tar.bz2 .tar.xz .zip .cpio .iso, or -", path);
        ar_free (ar);
        return rc;
    }
    if (strcmp (path, "-") == 0)
        rc = archive_write_open_fd (ar->a, STDOUT_FILENO);
    else
        rc = archive_write_open_filename (ar->a, path);
    if (rc != ARCHIVE_OK) {
        rc = fail (ar, err);
        ar_free (ar);
        return rc;
    }
    *arp = ar;
    return 0;
}

static int write_member (struct ar *ar, const struct ar_member *m, const void *data,
                         flux_error_t *err)
{
    struct archive_entry *e = archive_entry_clear (ar->entry);

    archive_entry_update_pathname_utf8 (e, m->path);
    archive_entry_set_mode (e, (m->link ? S_IFLNK : S_IFREG) | 0644);
    archive_entry_set_uid (e, getuid ());
    archive_entry_set_gid (e, getgid ());
    archive_entry_set_mtime (e, m->mtime, 0);
    archive_entry_set_size (e, m->link ? 0 : m->size);
    if (m->link)
        archive_entry_update_symlink_utf8 (e, m->link);
    if (archive_write_header (ar->a, e) != ARCHIVE_OK)
        return fail (ar, err);
    if (!m->link && m->size > 0
        && archive_write_data (ar->a, data, m->size) != (la_ssize_t)m->size)
        return fail (ar, err);
    return 0;
}

/* Not all of libarchive's: it takes any text for an "mtree" with nothing in it. */
static int support_formats (struct archive *a)
{
    return archive_read_support_format_tar (a) != ARCHIVE_OK
           || archive_read_support_format_cpio (a) != ARCHIVE_OK
           || archive_read_support_format_zip (a) != ARCHIVE_OK
           || archive_read_support_format_iso9660 (a) != ARCHIVE_OK
           || archive_read_support_format_7zip (a) != ARCHIVE_OK
           || archive_read_support_format_xar (a) < ARCHIVE_WARN
           || archive_read_support_filter_all (a) < ARCHIVE_WARN;
}

static int open_archive (struct ar **arp, const char *path, flux_error_t *err)
{
    struct ar *ar;
    int rc = ar_new (&ar, 0, err);

    if (rc < 0)
        return rc;
    if (support_formats (ar->a)
        || archive_read_open_filename (ar->a, strcmp (path, "-") == 0 ? NULL : path, 65536)
               != ARCHIVE_OK) {
        rc = fail (ar, err);
        ar_free (ar);
        return rc;
    }
    *arp = ar;
    return 0;
}

static int next_member (struct ar *ar, struct ar_member *m, flux_error_t *err)
{
    struct archive_entry *e;
    int rc;

    while ((rc = archive_read_next_header (ar->a, &e)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        mode_t type = archive_entry_filetype (e);
        if (type != AE_IFREG && type != AE_IFLNK)
            continue;
        m->path = archive_entry_pathname (e);
        m->link = type == AE_IFLNK ? archive_entry_symlink (e) : NULL;
        m->size = archive_entry_size (e) > 0 ? archive_entry_size (e) : 0;
        m->mtime = archive_entry_mtime (e);
        if (!m->path || (type == AE_IFLNK && !m->link))
            return errmsg (err, -EINVAL, "a name in the archive is not UTF-8");
        return 1;
    }
    return rc == ARCHIVE_EOF ? 0 : fail (ar, err);
}

static int read_member (struct ar *ar, void *data, size_t len, flux_error_t *err)
{
    size_t got = 0;

    while (got < len) {
        la_ssize_t n = archive_read_data (ar->a, (char *)data + got, len - got);
        if (n < 0)
            return fail (ar, err);
        if (n == 0)
            return errmsg (err, -EINVAL, "truncated archive");
        got += n;
    }
    return 0;
}

static int close_archive (struct ar *ar, flux_error_t *err)
{
    int rc = 0;

    if (ar && ar->writing && archive_write_close (ar->a) != ARCHIVE_OK)
        rc = fail (ar, err);
    ar_free (ar);
    return rc;
}

const struct archive_ops archive_ops = {
    .create = create,
    .write = write_member,
    .open = open_archive,
    .next = next_member,
    .read = read_member,
    .close = close_archive,
};
