/* connector_loop.c - loop://: what is sent is received by the same handle
 *
 * For tests of clients and services in one process.  It stands in for a broker
 * of which the caller is the owner: a message without a credential gets the
 * owner's.
 */
#include "core/connector_private.h"
#include "core/handle_private.h"
#include "core/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    struct msgq queue;
    uint32_t userid;
    int fd;                /* eventfd for flux_pollfd(), or -1 */
};

static int loop_send_new (void *impl, flux_msg_t **msgp, int flags)
{
    struct loop *l = impl;
    flux_msg_t *msg = *msgp;

    if (msg->userid == FLUX_USERID_UNKNOWN) {
        msg->userid = l->userid;
        msg->rolemask = FLUX_ROLE_OWNER;
    }
    msg_detach (msg);
    if (msgq_append (&l->queue, msg) < 0) {
        errno = ENOMEM;
        return -1;
    }
    if (l->fd >= 0)
        (void)eventfd_write (l->fd, 1);
    *msgp = NULL;
    return 0;
}

static int loop_send (void *impl, const flux_msg_t *msg, int flags)
{
    flux_msg_t *copy;

    if (!(copy = flux_msg_copy (msg, true)))
        return -1;
    if (loop_send_new (impl, &copy, flags) < 0) {
        flux_msg_destroy (copy);
        return -1;
    }
    return 0;
}

static flux_msg_t *loop_recv (void *impl, int flags)
{
    struct loop *l = impl;
    const flux_msg_t *msg;

    if (!(msg = msgq_pop (&l->queue)))
        errno = EAGAIN;
    return (flux_msg_t *)msg;
}

static int loop_ready (struct loop *l)
{
    return FLUX_POLLOUT | (l->queue.count > 0 ? FLUX_POLLIN : 0);
}

static int loop_ext_fd (void *impl)
{
    return -1;
}

static int loop_ext_prepare (void *impl, int *want)
{
    *want = 0;
    return loop_ready (impl);
}

static int loop_ext_check (void *impl, int revents)
{
    return loop_ready (impl);
}

static const struct handle_ext loop_ext = {
    .fd = loop_ext_fd,
    .prepare = loop_ext_prepare,
    .check = loop_ext_check,
};

static int loop_pollfd (void *impl)
{
    struct loop *l = impl;

    if (l->fd < 0 && (l->fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0)
        (void)eventfd_write (l->fd, 1);
    return l->fd;
}

static int loop_pollevents (void *impl)
{
    struct loop *l = impl;
    eventfd_t n;

    if (l->fd >= 0)
        (void)eventfd_read (l->fd, &n);
    return loop_ready (l);
}

static int loop_getopt (void *impl, const char *option, void *val, size_t len)
{
    struct loop *l = impl;

    if ((strcmp (option, FLUX_OPT_RECV_QUEUE_COUNT) != 0
         && strcmp (option, FLUX_OPT_SEND_QUEUE_COUNT) != 0)
        || len != sizeof (l->queue.count)) {
        errno = EINVAL;
        return -1;
    }
    memcpy (val, &l->queue.count, len);
    return 0;
}

static void loop_destroy (void *impl)
{
    struct loop *l = impl;

    msgq_release (&l->queue);
    if (l->fd >= 0)
        close (l->fd);
    free (l);
}

static const struct flux_handle_ops loop_ops = {
    .getopt = loop_getopt,
    .pollfd = loop_pollfd,
    .pollevents = loop_pollevents,
    .send = loop_send,
    .send_new = loop_send_new,
    .recv = loop_recv,
    .impl_destroy = loop_destroy,
};

flux_t *connector_loop_init (const char *path, int flags, flux_error_t *err)
{
    struct loop *l = calloc (1, sizeof (*l));
    flux_t *h;

    if (!l) {
        errno = ENOMEM;
        return NULL;
    }
    l->userid = geteuid ();
    l->fd = -1;
    if (!(h = handle_create_ext (l, &loop_ops, &loop_ext, flags)))
        loop_destroy (l);
    return h;
}
