/* subprocess_msgchan.c - message channels of a local child (RFC 42)
 *
 *   process ◄─ socketpair ─► handle "fd://" ◄─ messages ─► handle 'uri'
 *
 * Messages are passed on as they come, both ways, until one side is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "core/subprocess_private.h"

struct sp_msgchan {
    flux_t *child;
    flux_t *peer;
    flux_watcher_t *child_w;
    flux_watcher_t *peer_w;
};

static void forward (struct sp_msgchan *mc, flux_t *from, flux_t *to)
{
    flux_msg_t *msg;

    while ((msg = flux_recv (from, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        int rc = flux_send (to, msg, 0);
        flux_msg_destroy (msg);
        if (rc < 0)
            break;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        flux_watcher_stop (mc->child_w);
        flux_watcher_stop (mc->peer_w);
    }
}

static void child_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sp_msgchan *mc = arg;

    forward (mc, mc->child, mc->peer);
}

static void peer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sp_msgchan *mc = arg;

    forward (mc, mc->peer, mc->child);
}

void sp_msgchan_free (struct sp_msgchan *mc)
{
    if (!mc)
        return;
    int saved_errno = errno;
    flux_watcher_destroy (mc->child_w);
    flux_watcher_destroy (mc->peer_w);
    flux_close (mc->child);
    flux_close (mc->peer);
    free (mc);
    errno = saved_errno;
}

static flux_watcher_t *watch (flux_reactor_t *r, flux_t *h, flux_watcher_f cb,
                              struct sp_msgchan *mc)
{
    flux_watcher_t *w;

    if (flux_set_reactor (h, r) < 0
        || !(w = flux_handle_watcher_create (r, h, FLUX_POLLIN, cb, mc)))
        return NULL;
    flux_watcher_start (w);
    /* a child that holds its end open must not keep the reactor going */
    flux_watcher_unref (w);
    return w;
}

struct sp_msgchan *sp_msgchan_new (flux_reactor_t *r, const char *uri,
                                   int *child_fd, flux_error_t *err)
{
    struct sp_msgchan *mc;
    char ours[32];
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
        errmsg (err, -errno, "socketpair: %s", strerror (errno));
        return NULL;
    }
    (void)snprintf (ours, sizeof (ours), "fd://%d", fd[0]);
    if (!(mc = calloc (1, sizeof (*mc)))
        || !(mc->child = flux_open_ex (ours, 0, err)))
        goto error;
    fd[0] = -1; /* the handle's now */
    if (!(mc->peer = flux_open_ex (uri, 0, err))
        || !(mc->child_w = watch (r, mc->child, child_cb, mc))
        || !(mc->peer_w = watch (r, mc->peer, peer_cb, mc)))
        goto error;
    *child_fd = fd[1];
    return mc;
error:
    if (fd[0] >= 0)
        (void)close (fd[0]);
    (void)close (fd[1]);
    sp_msgchan_free (mc);
    return NULL;
}
