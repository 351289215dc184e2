/* local.c - clients on this host: the local:// socket
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "broker/access.h"
#include "broker/local.h"
#include "core/stream.h"

#define MESSAGES_PER_TURN 64
#define ACCEPT_PAUSE 0.1           /* seconds, when there are no descriptors */

struct client {
    struct list_node node;
    struct local *local;
    struct stream *stream;
    struct endpoint *ep;
    flux_watcher_t *in;
    flux_watcher_t *out;
    size_t queue_max;
    bool dead;
};

struct local {
    flux_t *h;
    struct router *router;
    struct pubsub *pubsub;
    const flux_conf_t *(*conf) (void *arg);
    void *conf_arg;
    int fd;
    bool bound;
    flux_watcher_t *w;
    flux_watcher_t *resume;        /* starts w again */
    bool out_of_fds;               /* and it has been said */
    char path[sizeof (((struct sockaddr_un *)0)->sun_path)];
    struct list_node clients;
    struct list_node dead;
    flux_watcher_t *reaper;        /* frees the dead from the loop */
    flux_msg_handler_t **handlers;
};

/* --- one client --- */

static void client_free (struct client *c)
{
    list_del (&c->node);
    if (c->ep) {
        pubsub_endpoint_gone (c->local->pubsub, c->ep);
        endpoint_free (c->ep);
    }
    flux_watcher_destroy (c->in);
    flux_watcher_destroy (c->out);
    stream_free (c->stream);
    free (c);
}

/* It may be in use further up the stack, so it is freed later. */
static void client_die (struct client *c)
{
    if (c->dead)
        return;
    c->dead = true;
    flux_watcher_stop (c->in);
    flux_watcher_stop (c->out);
    endpoint_close (c->ep);
    list_del (&c->node);
    list_append (&c->local->dead, &c->node);
    flux_timer_watcher_reset (c->local->reaper, 0, 0);
    flux_watcher_start (c->local->reaper);
}

static void reap (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct local *l = arg;

    list_foreach (&l->dead, n)
        client_free (list_entry (n, struct client, node));
}

static void on_writable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client *c = arg;
    int rc = stream_flush (c->stream);

    if (rc == 0)
        flux_watcher_stop (c->out);
    else if (rc != -EAGAIN)
        client_die (c);
}

static void cut_off (struct client *c)
{
    size_t n = stream_queued (c->stream);

    client_die (c);
    flux_log (c->local->h, LOG_ERR, "a client that does not read is disconnected: %zu bytes"
              " wait for it, access.client-queue-max is %zu", n, c->queue_max);
}

static size_t limit (const struct local *l, const char *name, json_int_t n)
{
    (void)flux_conf_unpack (l->conf (l->conf_arg), NULL, "{s?{s?I}}", "access", name, &n);
    return n;
}

/* What waited before this message counts, so one that is larger than the limit itself
 * reaches a client that reads. */
static int deliver (void *arg, flux_msg_t *msg)
{
    struct client *c = arg;
    int rc = -ECONNRESET;

    if (!c->dead && stream_queued (c->stream) > c->queue_max)
        cut_off (c);
    if (!c->dead)
        rc = stream_send (c->stream, msg, 0);
    flux_msg_destroy (msg);
    if (c->dead)
        return rc;
    if (rc < 0 && rc != -EMSGSIZE && rc != -ENOMEM)
        client_die (c);
    else if (stream_queued (c->stream) > 0)
        flux_watcher_start (c->out);
    return rc;
}

static void on_readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client *c = arg;
    flux_msg_t *msg;
    int rc = -EAGAIN;

    /* Beyond a turn's share, what has been read already is still handled: the
     * descriptor would not tell of it again. */
    for (int n = 0; !c->dead; n++) {
        if (n >= MESSAGES_PER_TURN && !(stream_ready (c->stream) & FLUX_POLLIN))
            break;
        if ((rc = stream_recv (c->stream, &msg)) < 0)
            break;
        if (rc == 0)
            endpoint_recv (c->ep, msg);
        else
            endpoint_recv_large (c->ep, msg, stream_skipped (c->stream));
    }
    if (rc < 0 && rc != -EAGAIN)
        client_die (c);
}

static int client_watch (struct client *c, flux_reactor_t *r)
{
    int fd = stream_fd (c->stream);

    if (!(c->in = flux_fd_watcher_create (r, fd, FLUX_POLLIN, on_readable, c))
        || !(c->out = flux_fd_watcher_create (r, fd, FLUX_POLLOUT, on_writable, c)))
        return -errno;
    flux_watcher_start (c->in);
    return 0;
}

/* Takes the descriptor in all cases.  0 or a negative errno. */
static int client_new (struct local *l, int fd, struct flux_msg_cred cred)
{
    struct client *c = calloc (1, sizeof (*c));
    struct endpoint_args args = {
        .cred = cred,
        .trusted = (cred.rolemask & FLUX_ROLE_OWNER) != 0,
        .track = true,
        .max = limit (l, "message-max", ACCESS_MESSAGE_MAX),
        .send = deliver,
        .arg = c,
    };
    int rc;

    if (!c) {
        close (fd);
        return -ENOMEM;
    }
    list_init (&c->node);
    c->local = l;
    c->queue_max = limit (l, "client-queue-max", ACCESS_QUEUE_MAX);
    if ((rc = stream_new (fd, &c->stream)) < 0) {
        free (c);
        return rc;
    }
    stream_set_max (c->stream, args.max);
    stream_set_skip (c->stream, true);
    stream_set_level (c->stream, true);
    if ((rc = client_watch (c, flux_get_reactor (l->h))) < 0
        || !(c->ep = endpoint_new (l->router, &args))) {
        client_free (c);
        return rc < 0 ? rc : -ENOMEM;
    }
    list_append (&l->clients, &c->node);
    return 0;
}

/* --- connections --- */

static int peer_uid (int fd, uid_t *uidp)
{
    struct ucred uc;
    socklen_t len = sizeof (uc);

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) < 0)
        return -errno;
    *uidp = uc.uid;
    return 0;
}

static int judge (struct local *l, int fd, struct flux_msg_cred *cred)
{
    struct access_policy policy;
    flux_error_t err;
    uid_t uid = 0;
    int rc;

    if ((rc = peer_uid (fd, &uid)) < 0)
        return rc;
    if ((rc = access_read (&policy, l->conf (l->conf_arg), &err)) < 0) {
        flux_log (l->h, LOG_ERR, "connection refused: %s", err.text);
        return uid == getuid () ? 0 : rc;
    }
    return access_check (&policy, uid, cred);
}

/* The first byte is the verdict: 0 or an errno (RFC 3). */
static void welcome (struct local *l, int fd)
{
    struct flux_msg_cred cred = { .userid = getuid (),
                                  .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };
    int rc = judge (l, fd, &cred);
    unsigned char verdict = rc < 0 ? -rc : 0;

    if (write (fd, &verdict, 1) != 1 || rc < 0) {
        close (fd);
        return;
    }
    if ((rc = client_new (l, fd, cred)) < 0)
        flux_log (l->h, LOG_ERR, "local client: %s", strerror (-rc));
}

static void resume (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct local *l = arg;

    flux_watcher_start (l->w);
}

/* Who wants to connect waits: without a pause the loop would come back at once. */
static void wait_for_fds (struct local *l)
{
    if (!l->out_of_fds)
        flux_log (l->h, LOG_ERR, "no more clients can connect: %s: let some end, or raise the"
                  " limit of open files before the broker is started", strerror (errno));
    l->out_of_fds = true;
    flux_watcher_stop (l->w);
    flux_timer_watcher_reset (l->resume, ACCEPT_PAUSE, 0);
    flux_watcher_start (l->resume);
}

static void on_connection (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct local *l = arg;
    int fd;

    for (int n = 0; n < 16; n++) {
        if ((fd = accept4 (l->fd, NULL, NULL, SOCK_CLOEXEC)) < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                wait_for_fds (l);
            return;
        }
        l->out_of_fds = false;
        welcome (l, fd);
    }
}

/* Only from within the process: a number of ours means nothing elsewhere. */
static void attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct local *l = arg;
    struct flux_msg_cred cred = { .userid = getuid (),
                                  .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };
    const char *id = flux_msg_route_last (msg);
    int fd, rc;

    if (flux_request_unpack (msg, NULL, "{s:i}", "fd", &fd) < 0)
        goto error;
    list_foreach (&l->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        if (id && !strcmp (endpoint_uuid (c->ep), id)) {
            errno = EPERM;
            goto error;
        }
    }
    if (!flux_msg_is_local (msg) || fcntl (fd, F_GETFD) < 0) {
        errno = EINVAL;
        goto error;
    }
    if ((rc = client_new (l, fd, cred)) < 0) {
        errno = -rc;
        goto error;
    }
    flux_respond (h, msg, NULL);
    return;
error:
    flux_respond_error (h, msg, errno, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "connector-local.attach", attach_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* --- the socket --- */

static int set_path (struct local *l, const char *uri, flux_error_t *err)
{
    const char *path = uri + 8;

    if (strncmp (uri, "local://", 8) != 0 || path[0] != '/')
        return errmsg (err, -EINVAL, "local-uri '%s' is not of the form"
                       " local:///PATH", uri);
    if (strlen (path) >= sizeof (l->path))
        return errmsg (err, -ENAMETOOLONG, "local-uri: the path of the socket has %zu"
                       " bytes, more than the limit of %zu: set a shorter rundir or"
                       " TMPDIR", strlen (path), sizeof (l->path) - 1);
    snprintf (l->path, sizeof (l->path), "%s", path);
    return 0;
}

static int make_socket (void)
{
    return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Remove what a broker left that is no more: nobody listens. */
static int remove_stale (const struct sockaddr_un *sa)
{
    int fd = make_socket ();
    bool stale;

    if (fd < 0)
        return -errno;
    stale = connect (fd, (const struct sockaddr *)sa, sizeof (*sa)) < 0
            && (errno == ECONNREFUSED || errno == ENOENT);
    close (fd);
    if (!stale)
        return -EADDRINUSE;
    return unlink (sa->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Anyone may try to connect: who gets in is decided by access policy. */
static int bind_socket (struct local *l)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int rc;

    memcpy (sa.sun_path, l->path, sizeof (sa.sun_path));
    if ((rc = remove_stale (&sa)) < 0)
        return rc;
    if ((l->fd = make_socket ()) < 0 || bind (l->fd, (struct sockaddr *)&sa, sizeof (sa)) < 0)
        return -errno;
    l->bound = true;
    return chmod (l->path, 0777) < 0 || listen (l->fd, 1024) < 0 ? -errno : 0;
}

/* Of two brokers that want one path at once, the lock on its folder lets the first
 * begin to listen before the second looks. */
static int open_socket (struct local *l, flux_error_t *err)
{
    char dir[sizeof (l->path)];
    int lock, rc;

    snprintf (dir, sizeof (dir), "%.*s", (int)(strrchr (l->path, '/') - l->path), l->path);
    if ((lock = open (dir[0] ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return errmsg (err, -errno, "local socket %s: %s", l->path, strerror (errno));
    rc = flock (lock, LOCK_EX) < 0 ? -errno : bind_socket (l);
    close (lock);
    if (rc == -EADDRINUSE)
        return errmsg (err, rc, "another broker listens at %s: shut it down, or set another"
                       " rundir and local-uri", l->path);
    return rc < 0 ? errmsg (err, rc, "local socket %s: %s", l->path, strerror (-rc)) : 0;
}

struct local *local_new (flux_t *h, struct router *r, struct pubsub *ps,
                         const char *uri,
                         const flux_conf_t *(*conf) (void *arg), void *arg,
                         flux_error_t *err)
{
    struct local *l = calloc (1, sizeof (*l));
    flux_reactor_t *reactor = flux_get_reactor (h);
    int rc;

    if (!l) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    l->h = h;
    l->router = r;
    l->pubsub = ps;
    l->conf = conf;
    l->conf_arg = arg;
    l->fd = -1;
    list_init (&l->clients);
    list_init (&l->dead);
    if ((rc = set_path (l, uri, err)) < 0 || (rc = open_socket (l, err)) < 0)
        goto error;
    rc = -ENOMEM;
    if (!(l->w = flux_fd_watcher_create (reactor, l->fd, FLUX_POLLIN, on_connection, l))
        || !(l->reaper = flux_timer_watcher_create (reactor, 0, 0, reap, l))
        || !(l->resume = flux_timer_watcher_create (reactor, 0, 0, resume, l))
        || flux_msg_handler_addvec (h, htab, l, &l->handlers) < 0) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    flux_watcher_start (l->w);
    return l;
error:
    local_free (l);
    errno = -rc;
    return NULL;
}

void local_free (struct local *l)
{
    if (!l)
        return;
    flux_msg_handler_delvec (l->handlers);
    list_foreach (&l->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        (void)stream_drain (c->stream, 100);
        client_free (c);
    }
    list_foreach (&l->dead, n)
        client_free (list_entry (n, struct client, node));
    flux_watcher_destroy (l->w);
    flux_watcher_destroy (l->reaper);
    flux_watcher_destroy (l->resume);
    if (l->bound)
        (void)unlink (l->path);
    if (l->fd >= 0)
        close (l->fd);
    free (l);
}
