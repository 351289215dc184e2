/* connector_stream.c - a handle over a stream socket
 *
 * A handle that may block sends all before flux_send() returns; one that may not
 * leaves what the socket does not take in the stream's queue, up to a limit.
 * While a blocking send waits for room, it reads: otherwise two peers with full
 * sockets could wait for each other for ever.
 */
#include "core/connector_stream.h"
#include "core/handle_private.h"
#include "core/stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    QUEUE_MAX = 1 << 20,  /* bytes queued by a handle that may not block */
    CLOSE_MS = 1000,      /* how long closing waits for queued output */
};

struct conn_stream {
    struct stream *s;
    pid_t pid;            /* struct stream_link */
    struct msgq in;       /* received while a send was waiting */
    char *path;
    stream_connect_f connect;
    bool polled;          /* the descriptor was given out, for edge triggering */
};

static int result (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

static int receive_pending (struct conn_stream *c)
{
    flux_msg_t *msg;
    int rc;

    while ((rc = stream_recv (c->s, &msg)) == 0) {
        if ((rc = msgq_append (&c->in, msg)) < 0) {
            flux_msg_destroy (msg);
            return rc;
        }
    }
    return rc == -EAGAIN ? 0 : rc;
}

static int send_all (struct conn_stream *c)
{
    int rc;

    while ((rc = stream_flush (c->s)) == -EAGAIN) {
        struct pollfd pfd = { .fd = stream_fd (c->s),
                              .events = POLLIN | POLLOUT };
        if (poll (&pfd, 1, -1) < 0) {
            if (errno != EINTR)
                return -errno;
            continue;
        }
        if ((pfd.revents & POLLIN) && (rc = receive_pending (c)) < 0)
            return rc;
    }
    return rc;
}

static int cs_send (void *impl, const flux_msg_t *msg, int flags)
{
    struct conn_stream *c = impl;
    bool nonblock = (flags & FLUX_O_NONBLOCK);
    int rc;

    if (nonblock && stream_queued (c->s) >= QUEUE_MAX
        && (rc = stream_flush (c->s)) < 0)
        return result (rc);
    if ((rc = stream_send (c->s, msg, 0)) == 0 && !nonblock
        && stream_queued (c->s) > 0)
        rc = send_all (c);
    return result (rc);
}

static flux_msg_t *cs_recv (void *impl, int flags)
{
    struct conn_stream *c = impl;
    const flux_msg_t *queued = msgq_pop (&c->in);
    flux_msg_t *msg;

    if (queued)
        return (flux_msg_t *)queued;
    return result (stream_recv (c->s, &msg)) < 0 ? NULL : msg;
}

static int queued_events (struct conn_stream *c)
{
    return c->in.count > 0 ? FLUX_POLLIN : 0;
}

static int cs_fd (void *impl)
{
    return stream_fd (((struct conn_stream *)impl)->s);
}

static int cs_prepare (void *impl, int *want)
{
    struct conn_stream *c = impl;

    *want = stream_want (c->s);
    return stream_ready (c->s) | queued_events (c);
}

static int cs_check (void *impl, int revents)
{
    struct conn_stream *c = impl;

    if ((revents & FLUX_POLLOUT))
        (void)stream_flush (c->s);
    return stream_ready (c->s) | queued_events (c) | (revents & FLUX_POLLIN);
}

static const struct handle_ext cs_ext = {
    .fd = cs_fd,
    .prepare = cs_prepare,
    .check = cs_check,
};

static int cs_pollfd (void *impl)
{
    struct conn_stream *c = impl;

    c->polled = true;
    stream_set_level (c->s, false);
    return stream_fd (c->s);
}

static int cs_pollevents (void *impl)
{
    struct conn_stream *c = impl;
    return stream_pollevents (c->s) | queued_events (c);
}

static int cs_getopt (void *impl, const char *option, void *val, size_t len)
{
    struct conn_stream *c = impl;
    const int events = POLLIN | POLLOUT;
    size_t count;

    if (!strcmp (option, FLUX_OPT_POLLFD_EVENTS) && len == sizeof (events)) {
        memcpy (val, &events, len);
        return 0;
    }
    if (len != sizeof (count))
        return result (-EINVAL);
    if (!strcmp (option, FLUX_OPT_RECV_QUEUE_COUNT))
        count = c->in.count;
    else if (!strcmp (option, FLUX_OPT_SEND_QUEUE_COUNT))
        count = stream_queued_msgs (c->s);
    else
        return result (-EINVAL);
    memcpy (val, &count, len);
    return 0;
}

/* The child ends by itself when its socket is closed, unless it hangs. */
static void reap (pid_t pid)
{
    struct pollfd pfd = { .events = POLLIN };

    if (pid <= 0)
        return;
    pfd.fd = (int)syscall (SYS_pidfd_open, pid, 0);
    if (pfd.fd < 0 || poll (&pfd, 1, CLOSE_MS) != 1)
        (void)kill (pid, SIGTERM);
    if (pfd.fd >= 0)
        close (pfd.fd);
    while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Takes the descriptor, and on success the child. */
static int use_link (struct conn_stream *c, const struct stream_link *link)
{
    struct stream *s;
    int rc;

    if ((rc = stream_new (link->fd, &s)) < 0)
        return rc;
    stream_free (c->s);
    reap (c->pid);
    c->s = s;
    c->pid = link->pid;
    stream_set_level (s, !c->polled);
    return 0;
}

/* What was received whole over the old connection stays in the queue. */
static int cs_reconnect (void *impl)
{
    struct conn_stream *c = impl;
    struct stream_link link = { .fd = -1 };
    int rc;

    if (!c->connect)
        return result (-ENOSYS);
    if ((rc = c->connect (c->path, &link, NULL)) < 0)
        return result (rc);
    if ((rc = use_link (c, &link)) < 0)
        reap (link.pid);
    return result (rc);
}

static void cs_destroy (void *impl)
{
    struct conn_stream *c = impl;

    if (c->s)
        (void)stream_drain (c->s, CLOSE_MS);
    stream_free (c->s);
    reap (c->pid);
    msgq_release (&c->in);
    free (c->path);
    free (c);
}

static const struct flux_handle_ops cs_ops = {
    .getopt = cs_getopt,
    .pollfd = cs_pollfd,
    .pollevents = cs_pollevents,
    .send = cs_send,
    .recv = cs_recv,
    .reconnect = cs_reconnect,
    .impl_destroy = cs_destroy,
};

flux_t *connector_stream_new (const struct stream_link *link, const char *path,
                              stream_connect_f connect, int flags)
{
    struct conn_stream *c = calloc (1, sizeof (*c));
    flux_t *h;
    int rc;

    if (!c || !(c->path = strdup (path))) {
        close (link->fd);
        rc = -ENOMEM;
        goto error;
    }
    c->connect = connect;
    if ((rc = use_link (c, link)) < 0)
        goto error;
    if (!(h = handle_create_ext (c, &cs_ops, &cs_ext, flags)))
        cs_destroy (c);
    return h;
error:
    reap (link->pid);
    free (c ? c->path : NULL);
    free (c);
    errno = -rc;
    return NULL;
}
