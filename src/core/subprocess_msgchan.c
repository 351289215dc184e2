/* subprocess_msgchan.c - message channels of a local child (RFC 42)
 *
 *   process ◄─ socketpair ─► handle "fd://" ◄─ messages ─► handle 'uri'
 *
 * Messages are passed on as they come, both ways, until one side is gone.  The welcome
 * of a broker's socket is not waited for: it may be the socket of this process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "core/connector_private.h"
#include "core/subprocess_private.h"

struct sp_msgchan {
    flux_t *child;
    flux_t *peer;
    flux_watcher_t *child_w;
    flux_watcher_t *peer_w;
    flux_watcher_t *welcome_w;
    int peer_fd;                /* not welcomed yet, or -1 */
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
    flux_watcher_destroy (mc->welcome_w);
    if (mc->peer_fd >= 0)
        (void)close (mc->peer_fd);
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

static flux_t *open_fd (int fd, flux_error_t *err)
{
    char uri[32];

    (void)snprintf (uri, sizeof (uri), "fd://%d", fd);
    return flux_open_ex (uri, 0, err);
}

static int watch_both (struct sp_msgchan *mc, flux_reactor_t *r)
{
    if (!(mc->child_w = watch (r, mc->child, child_cb, mc))
        || !(mc->peer_w = watch (r, mc->peer, peer_cb, mc)))
        return -1;
    return 0;
}

/* One that is refused hears the end of its channel. */
static void welcome_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sp_msgchan *mc = arg;

    flux_watcher_stop (w);
    if (connector_read_welcome (mc->peer_fd) == 0
        && (mc->peer = open_fd (mc->peer_fd, NULL))) {
        mc->peer_fd = -1;
        if (watch_both (mc, r) == 0)
            return;
    }
    flux_watcher_destroy (mc->child_w);
    mc->child_w = NULL;
    flux_close (mc->child);
    mc->child = NULL;
}

static int connect_peer (struct sp_msgchan *mc, flux_reactor_t *r, const char *uri,
                         flux_error_t *err)
{
    if (strncmp (uri, "local://", 8) != 0)
        return (mc->peer = flux_open_ex (uri, 0, err)) ? watch_both (mc, r) : -1;
    if ((mc->peer_fd = connector_local_begin (uri + 8, err)) < 0) {
        errno = -mc->peer_fd;
        return -1;
    }
    if (!(mc->welcome_w = flux_fd_watcher_create (r, mc->peer_fd, FLUX_POLLIN, welcome_cb, mc)))
        return -1;
    flux_watcher_start (mc->welcome_w);
    flux_watcher_unref (mc->welcome_w);
    return 0;
}

struct sp_msgchan *sp_msgchan_new (flux_reactor_t *r, const char *uri,
                                   int *child_fd, flux_error_t *err)
{
    struct sp_msgchan *mc;
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
        errmsg (err, -errno, "socketpair: %s", strerror (errno));
        return NULL;
    }
    if (!(mc = calloc (1, sizeof (*mc))))
        goto error;
    mc->peer_fd = -1;
    if (!(mc->child = open_fd (fd[0], err)))
        goto error;
    fd[0] = -1; /* the handle's now */
    if (connect_peer (mc, r, uri, err) < 0)
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
