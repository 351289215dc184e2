/* connector_local.c - local://PATH, the broker's UNIX domain socket
 *
 * The broker takes the peer's identity from the socket and answers with one
 * byte: 0, or the errno of why it refuses (RFC 3).
 */
#include "core/connector_private.h"
#include "core/connector_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/errmsg.h"

static int connect_path (int fd, const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (strlen (path) >= sizeof (sa.sun_path))
        return -ENAMETOOLONG;
    memcpy (sa.sun_path, path, strlen (path) + 1);
    while (connect (fd, (struct sockaddr *)&sa, sizeof (sa)) < 0) {
        if (errno == EISCONN)
            break;
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

static __thread int patience = -1;

void connector_set_patience (int ms)
{
    patience = ms;
}

int connector_read_welcome (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    unsigned char byte;
    ssize_t n;

    if (patience >= 0 && poll (&pfd, 1, patience) == 0)
        return -ETIMEDOUT;
    do {
        n = read (fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ECONNRESET;
    return -(int)byte;
}

static const char *cure (int errnum)
{
    switch (errnum) {
        case ENOENT:
        case ECONNREFUSED:
            return " (is the instance running?  FLUX_URI or the URI argument "
                   "names its socket)";
        default:
            return "";
    }
}

int connector_local_begin (const char *path, flux_error_t *err)
{
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return errmsg (err, -errno, "socket: %s", strerror (errno));
    if ((rc = connect_path (fd, path)) < 0) {
        close (fd);
        return errmsg (err, rc, "cannot connect to %s: %s%s", path,
                       strerror (-rc), cure (-rc));
    }
    return fd;
}

int connector_local_connect (const char *path, flux_error_t *err)
{
    int fd = connector_local_begin (path, err);
    int rc;

    if (fd < 0)
        return fd;
    if ((rc = connector_read_welcome (fd)) == -ETIMEDOUT)
        errmsg (err, rc, "the broker at %s does not answer", path);
    else if (rc < 0)
        rc = errmsg (err, rc, "refused by the broker at %s: %s", path,
                     strerror (-rc));
    if (rc < 0) {
        close (fd);
        return rc;
    }
    return fd;
}

int connector_local_link (const char *path, struct stream_link *link, flux_error_t *err)
{
    int fd = connector_local_connect (path, err);

    if (fd < 0)
        return fd;
    *link = (struct stream_link){ .fd = fd };
    return 0;
}

flux_t *connector_local_init (const char *path, int flags, flux_error_t *err)
{
    struct stream_link link;
    int rc;

    if (!path || !*path) {
        errno = -errmsg (err, -EINVAL, "local:// needs the path of a socket");
        return NULL;
    }
    if ((rc = connector_local_link (path, &link, err)) < 0) {
        errno = -rc;
        return NULL;
    }
    return connector_stream_new (&link, path, connector_local_link, flags);
}
