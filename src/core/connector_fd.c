/* connector_fd.c - fd://N[+PATH], a connected socket that the process inherited
 *
 * Framed as local://, but without the welcome byte.  The handle owns the
 * descriptor.  With PATH, flux_reconnect() connects to that socket, as local://PATH
 * does; without, it fails.
 */
#include "core/connector_private.h"
#include "core/connector_stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/errmsg.h"

static int parse_fd (const char *s, flux_error_t *err)
{
    struct stat st;
    char *end;
    long n;

    errno = 0;
    n = s ? strtol (s, &end, 10) : -1;
    if (n < 0 || n > INT_MAX || errno != 0 || end == s || (*end != '\0' && *end != '+'))
        return errmsg (err, -EINVAL, "fd://%s: not a file descriptor number",
                       s ? s : "");
    if (fstat ((int)n, &st) < 0)
        return errmsg (err, -errno, "fd://%s: %s", s, strerror (errno));
    if (!S_ISSOCK (st.st_mode))
        return errmsg (err, -ENOTSOCK, "fd://%s: not a socket", s);
    return (int)n;
}

flux_t *connector_fd_init (const char *path, int flags, flux_error_t *err)
{
    int fd = parse_fd (path, err);
    const char *again = path ? strchr (path, '+') : NULL;

    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    return connector_stream_new (&(struct stream_link){ .fd = fd }, again ? again + 1 : path,
                                 again ? connector_local_link : NULL, flags);
}
