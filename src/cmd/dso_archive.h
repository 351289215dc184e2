/* dso_archive.h - the interface of private/archive.so, the only part that links
 * libarchive
 *
 * Include it for the types; the table is looked up with
 * dso_symbol ("archive", "archive_ops").  Functions return 0 or a negative errno, with
 * err filled.
 */
#ifndef CMD_DSO_ARCHIVE_H
#define CMD_DSO_ARCHIVE_H

#include <stddef.h>
#include <time.h>
#include <flux/core/types.h>

struct ar;

/* A regular file, or a symlink if 'link' is set.  Strings of a member that was read
 * live until the next is. */
struct ar_member {
    const char *path;
    const char *link;
    size_t size;
    time_t mtime;
};

struct archive_ops {
    /* The format is that of the name's extension; "-": tar to standard output. */
    int (*create) (struct ar **arp, const char *path, flux_error_t *err);
    int (*write) (struct ar *ar, const struct ar_member *m, const void *data,
                  flux_error_t *err);
    /* Any format; "-": standard input. */
    int (*open) (struct ar **arp, const char *path, flux_error_t *err);
    /* 1: *m is set, 0: the end.  What is neither file nor symlink is passed over. */
    int (*next) (struct ar *ar, struct ar_member *m, flux_error_t *err);
    /* All of the member's bytes, m->size of them. */
    int (*read) (struct ar *ar, void *data, size_t len, flux_error_t *err);
    /* Also ends what was written; NULL is ignored. */
    int (*close) (struct ar *ar, flux_error_t *err);
};

extern const struct archive_ops archive_ops;

#endif /* !CMD_DSO_ARCHIVE_H */
