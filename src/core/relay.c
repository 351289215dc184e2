/* relay.c - the far end of an ssh:// connection
 */
#include "core/relay.h"
#include "core/connector_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"

/* Bytes on their way in one direction. */
struct flow {
    int from;
    int to;
    size_t start;
    size_t end;
    bool eof;
    char buf[65536];
};

static int set_nonblocking (int fd)
{
    int flags = fcntl (fd, F_GETFL);
    return flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static bool transient (void)
{
    return errno == EAGAIN || errno == EINTR;
}

static int flow_read (struct flow *f)
{
    ssize_t n = read (f->from, f->buf, sizeof (f->buf));

    if (n < 0)
        return transient () ? 0 : -errno;
    f->start = 0;
    f->end = n;
    f->eof = n == 0;
    return 0;
}

static int flow_write (struct flow *f)
{
    ssize_t n = write (f->to, f->buf + f->start, f->end - f->start);

    if (n < 0)
        return transient () ? 0 : -errno;
    f->start += n;
    return 0;
}

/* One step: write what is there, or else read more. */
static int flow_step (struct flow *f, const struct pollfd *pfd)
{
    if (!pfd->revents)
        return 0;
    return f->start < f->end ? flow_write (f) : flow_read (f);
}

static void flow_poll (const struct flow *f, struct pollfd *pfd)
{
    bool writing = f->start < f->end;

    pfd->fd = writing ? f->to : f->from;
    pfd->events = writing ? POLLOUT : POLLIN;
}

static int pump (struct flow *up, struct flow *down)
{
    struct pollfd pfd[2];
    int rc = 0;

    while (rc == 0 && !up->eof && !down->eof) {
        flow_poll (up, &pfd[0]);
        flow_poll (down, &pfd[1]);
        if (poll (pfd, 2, -1) < 0) {
            if (errno != EINTR)
                return -errno;
            continue;
        }
        if ((rc = flow_step (up, &pfd[0])) == 0)
            rc = flow_step (down, &pfd[1]);
    }
    return rc;
}

static int run_connected (int fd, int in, int out)
{
    struct flow *f = calloc (2, sizeof (*f));
    int rc;

    if (!f)
        return -ENOMEM;
    f[0].from = in;
    f[0].to = f[1].from = fd;
    f[1].to = out;
    if ((rc = set_nonblocking (fd)) == 0 && (rc = set_nonblocking (in)) == 0
        && (rc = set_nonblocking (out)) == 0)
        rc = pump (&f[0], &f[1]);
    free (f);
    return rc;
}

int relay_run (const char *path, int in, int out, flux_error_t *err)
{
    int fd = connector_local_connect (path, err);
    unsigned char welcome = fd < 0 ? (unsigned char)-fd : 0;
    int rc;

    if (write (out, &welcome, 1) != 1)
        rc = errmsg (err, -EPIPE, "the other side has gone");
    else if (fd < 0)
        rc = fd;
    else if ((rc = run_connected (fd, in, out)) < 0)
        (void)errmsg (err, rc, "%s", strerror (-rc));
    if (fd >= 0)
        close (fd);
    return rc;
}
