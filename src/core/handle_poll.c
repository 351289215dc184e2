/* handle_poll.c - when is a handle ready?
 *
 * Two ways to wait.  Inside, a handle watcher or a blocking call uses
 * handle_prepare() and handle_check() around its sleep: a message in memory is
 * found without a system call.  Outside, flux_pollfd() and flux_pollevents()
 * give an edge-triggered descriptor for other event loops, made at first use:
 *
 *   pollfd (epoll) <-- edge --+-- descriptor of the connector
 *                             +-- queue_fd: eventfd, written when the handle's
 *                                 own queue becomes non-empty
 */
#include "core/handle_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Inside */

/* A connector from a DSO has only the public operations. */
static int foreign_events (struct conn *c)
{
    int events = c->ops->pollevents ? c->ops->pollevents (c->impl) : 0;
    return events < 0 ? FLUX_POLLERR : events;
}

static int conn_prepare (struct conn *c, int *fd, int *want)
{
    int ready;

    *want = FLUX_POLLIN;
    if (c->ext) {
        ready = c->ext->prepare (c->impl, want);
        *fd = c->ext->fd (c->impl);
    } else {
        ready = foreign_events (c);
        *fd = c->ops->pollfd ? c->ops->pollfd (c->impl) : -1;
    }
    return ready;
}

static int conn_check (struct conn *c, int revents)
{
    return c->ext ? c->ext->check (c->impl, revents) : foreign_events (c);
}

int handle_prepare (flux_t *h, int *fd, int *want)
{
    int ready = conn_prepare (h->conn, fd, want);

    return h->conn->queue.count > 0 ? ready | FLUX_POLLIN : ready;
}

bool handle_can_attach (const flux_t *h)
{
    return h->conn->ext && h->conn->ext->attach;
}

int handle_attach (flux_t *h, struct waker *w)
{
    int ready = h->conn->ext->attach (h->conn->impl, w);

    return h->conn->queue.count > 0 ? ready | FLUX_POLLIN : ready;
}

int handle_check (flux_t *h, int revents)
{
    int ready = conn_check (h->conn, revents);

    return h->conn->queue.count > 0 ? ready | FLUX_POLLIN : ready;
}

/* FLUX_POLL* of a descriptor, 0 if the time is up, -1 with errno. */
static int poll_fd (int fd, int want, int timeout_ms)
{
    struct pollfd pfd = {
        .fd = fd,
        .events = ((want & FLUX_POLLIN) ? POLLIN : 0)
                  | ((want & FLUX_POLLOUT) ? POLLOUT : 0),
    };

    if (poll (&pfd, 1, timeout_ms) < 0)
        return -1;
    return ((pfd.revents & (POLLIN | POLLHUP | POLLERR)) ? FLUX_POLLIN : 0)
           | ((pfd.revents & POLLOUT) ? FLUX_POLLOUT : 0);
}

int handle_wait (flux_t *h, int events, int timeout_ms)
{
    int fd, want, revents;

    events |= FLUX_POLLERR;
    for (;;) {
        if ((conn_prepare (h->conn, &fd, &want) & events))
            return 0;
        if (fd < 0 && timeout_ms < 0) {
            errno = EDEADLK; /* nobody but this thread could make it ready */
            return -1;
        }
        if ((revents = poll_fd (fd, want, timeout_ms)) < 0) {
            if (errno == EINTR && timeout_ms < 0)
                continue;
            return errno == EINTR ? 0 : -1;
        }
        if ((conn_check (h->conn, revents) & events) || timeout_ms >= 0)
            return 0;
    }
}

/* Outside */

void conn_poll_notify (struct conn *c)
{
    if (c->queue_fd >= 0)
        (void)eventfd_write (c->queue_fd, 1);
}

void conn_poll_release (struct conn *c)
{
    if (c->pollfd >= 0)
        close (c->pollfd);
    if (c->queue_fd >= 0)
        close (c->queue_fd);
    c->pollfd = c->queue_fd = -1;
}

/* A connector whose descriptor is not just a signal that becomes readable (a
 * socket) says so by this option. */
static int watch_connector (struct conn *c)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLET };
    int events;
    int fd;

    if (!c->ops->pollfd)
        return 0;
    if ((fd = c->ops->pollfd (c->impl)) < 0)
        return -1;
    if (c->ops->getopt
        && c->ops->getopt (c->impl, FLUX_OPT_POLLFD_EVENTS, &events,
                           sizeof (events)) == 0
        && (events & POLLOUT))
        e.events |= EPOLLOUT;
    return epoll_ctl (c->pollfd, EPOLL_CTL_ADD, fd, &e);
}

/* The old descriptor left the epoll set when it was closed. */
int conn_poll_reconnected (struct conn *c)
{
    if (c->pollfd < 0)
        return 0;
    if (watch_connector (c) < 0)
        return errno == EEXIST ? 0 : -1;
    return 0;
}

int flux_pollfd (flux_t *h)
{
    struct conn *c;
    struct epoll_event e = { .events = EPOLLIN | EPOLLET };

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    c = h->conn;
    if (c->pollfd >= 0)
        return c->pollfd;
    if ((c->pollfd = epoll_create1 (EPOLL_CLOEXEC)) < 0
        || (c->queue_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0
        || epoll_ctl (c->pollfd, EPOLL_CTL_ADD, c->queue_fd, &e) < 0
        || watch_connector (c) < 0) {
        int saved_errno = errno;
        conn_poll_release (c);
        errno = saved_errno;
        return -1;
    }
    if (c->queue.count > 0)
        conn_poll_notify (c);
    return c->pollfd;
}

int flux_pollevents (flux_t *h)
{
    struct epoll_event e[2];
    struct conn *c;
    int events = 0;
    eventfd_t n;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    c = h->conn;
    if (c->pollfd >= 0) {
        (void)epoll_wait (c->pollfd, e, 2, 0);
        (void)eventfd_read (c->queue_fd, &n);
    }
    if (c->ops->pollevents && (events = c->ops->pollevents (c->impl)) < 0)
        return -1;
    if (c->queue.count > 0)
        events |= FLUX_POLLIN;
    return events;
}
