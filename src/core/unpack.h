/* unpack.h - file system objects of RFC 37, made again in a directory
 *
 *   struct unpack u;
 *   unpack_init (&u, h, dirfd, 0);
 *   unpack_object (&u, path, object, &err);      // any number of times
 *   unpack_finish (&u);
 *
 * Objects may be regular files in each encoding, directories and symbolic links.  A path
 * that would lead out of the directory by its text, or through a symbolic link made here
 * before, is refused; other symbolic links that are there are followed.  Missing
 * directories on the way are made.  Directories get their mode at the end, so that one without write permission can be
 * filled.
 */
#ifndef CORE_UNPACK_H
#define CORE_UNPACK_H

#include <flux/core.h>
#include <jansson.h>

enum {
    UNPACK_OVERWRITE = 1,   /* replace a file that is there; otherwise EEXIST */
};

struct unpack {
    flux_t *h;              /* for content by reference; may be NULL: EINVAL then */
    int dirfd;
    int flags;
    json_t *dirs;           /* {path: mode} */
    json_t *links;          /* {path: true} */
};

void unpack_init (struct unpack *u, flux_t *h, int dirfd, int flags);
/* 0 or a negative errno with err->text, which does not name the path. */
int unpack_object (struct unpack *u, const char *path, const json_t *object, flux_error_t *err);
void unpack_finish (struct unpack *u);

/* Relative, and without "." and ".." in it (RFC 37)? */
bool unpack_path_is_safe (const char *path);

/* An archive as it is in the KVS under "archive.NAME": RFC 37 objects with a path, in
 * JSON, one a line.  'fun' is called for each, with its path; a negative result ends
 * that, and is returned.  -EINVAL with err->text: not such an archive. */
typedef int (*unpack_each_f) (void *arg, const char *path, json_t *object);
int unpack_each (const char *text, size_t len, unpack_each_f fun, void *arg,
                 flux_error_t *err);

#endif /* !CORE_UNPACK_H */
