/* proxy_hub.c - a local:// socket whose clients share one connection
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "cmd/proxy_hub.h"
#include "core/stream.h"
#include "core/uuid.h"

#define MESSAGES_PER_TURN 64
#define QUEUE_MAX ((size_t)512 << 20)   /* a client that does not read is cut off */

struct client {
    struct list_node node;
    struct hub *hub;
    char uuid[UUID_SIZE];
    struct stream *stream;
    flux_watcher_t *in;
    flux_watcher_t *out;
    struct hash *topics;      /* subscriptions: prefix -> count */
    struct hash *used;        /* "SERVICE NODEID FLAGS" -> disconnect to send, a message */
    struct idhash *pending;   /* matchtag -> ECONNRESET response, in case */
    bool dead;
};

struct hub {
    flux_t *h;
    flux_reactor_t *r;
    void (*lost) (void *arg);
    void *arg;
    bool is_lost;
    char dir[sizeof (((struct sockaddr_un *)0)->sun_path) - 16];
    char uri[sizeof (((struct sockaddr_un *)0)->sun_path) + 16];
    int fd;
    flux_watcher_t *accept_w;
    flux_watcher_t *handle_w;
    flux_watcher_t *reaper;
    struct list_node clients;
    struct list_node dead;
    struct hash *by_uuid;     /* uuid -> client */
    struct hash *services;    /* name -> client */
};

static void msg_free (void *arg)
{
    flux_msg_destroy (arg);
}

/* To the broker */

/* 'msg' is destroyed. */
static void to_broker (struct hub *hub, flux_msg_t *msg)
{
    if (!hub->is_lost)
        (void)flux_send (hub->h, msg, 0);
    flux_msg_destroy (msg);
}

/* A request of the hub itself that nobody waits for. */
static void tell_broker (struct hub *hub, const char *method, const char *key, const char *val)
{
    flux_future_t *f;

    if (hub->is_lost)
        return;
    f = flux_rpc_pack (hub->h, method, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:s}", key, val);
    flux_future_destroy (f);
}

/* Clients */

static void client_die (struct client *c)
{
    if (c->dead)
        return;
    c->dead = true;
    flux_watcher_stop (c->in);
    flux_watcher_stop (c->out);
    list_del (&c->node);
    list_append (&c->hub->dead, &c->node);
    flux_timer_watcher_reset (c->hub->reaper, 0, 0);
    flux_watcher_start (c->hub->reaper);
}

static void to_client (struct client *c, const flux_msg_t *msg)
{
    int rc;

    if (c->dead)
        return;
    if (stream_queued (c->stream) > QUEUE_MAX) {
        client_die (c);
        return;
    }
    rc = stream_send (c->stream, msg, 0);
    if (rc < 0 && rc != -EMSGSIZE && rc != -ENOMEM)
        client_die (c);
    else if (stream_queued (c->stream) > 0)
        flux_watcher_start (c->out);
}

static void forget_services (struct client *c, bool tell)
{
    const char *name;
    size_t pos = 0;
    void *owner;

    while ((owner = hash_next (c->hub->services, &pos, &name))) {
        if (owner != c)
            continue;
        if (tell)
            tell_broker (c->hub, "service.remove", "service", name);
        hash_del (c->hub->services, name);
    }
}

/* Give up all that the client had with the broker. */
static void client_leave (struct client *c)
{
    const char *topic;
    flux_msg_t *msg;
    size_t pos = 0;
    void *count;

    while (c->topics && (count = hash_next (c->topics, &pos, &topic))) {
        for (intptr_t i = (intptr_t)count; i > 0; i--)
            tell_broker (c->hub, "event.unsubscribe", "topic", topic);
    }
    forget_services (c, true);
    for (pos = 0; c->used && (msg = hash_next (c->used, &pos, NULL));) {
        if (!c->hub->is_lost)
            (void)flux_send (c->hub->h, msg, 0);
    }
}

static void client_free (struct client *c)
{
    client_leave (c);
    hash_del (c->hub->by_uuid, c->uuid);
    list_del (&c->node);
    flux_watcher_destroy (c->in);
    flux_watcher_destroy (c->out);
    stream_free (c->stream);
    hash_free (c->topics);
    hash_free (c->used);
    idhash_free (c->pending);
    free (c);
}

static void reap (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hub *hub = arg;

    list_foreach (&hub->dead, n)
        client_free (list_entry (n, struct client, node));
}

/* Notes on what passes from a client */

static void note_topic (struct client *c, const char *topic, int step)
{
    intptr_t n = (intptr_t)hash_get (c->topics, topic) + step;

    if (n > 0)
        (void)hash_set (c->topics, topic, (void *)n);
    else
        hash_del (c->topics, topic);
}

/* Only requests without hops are the client's own; matchtags of others could clash. */
static void note_pending (struct client *c, const flux_msg_t *msg)
{
    flux_msg_t *resp;
    uint32_t tag;

    if (flux_msg_is_noresponse (msg) || flux_msg_route_count (msg) > 1
        || flux_msg_get_matchtag (msg, &tag) < 0 || tag == FLUX_MATCHTAG_NONE
        || !(resp = flux_response_derive (msg, ECONNRESET)))
        return;
    if (idhash_set (c->pending, tag, resp) < 0)
        flux_msg_destroy (resp);
}

static void note_answer (struct client *c, const flux_msg_t *msg)
{
    uint32_t tag;
    int errnum = 0;

    if (flux_msg_route_count (msg) > 0 || flux_msg_get_matchtag (msg, &tag) < 0)
        return;
    if (!flux_msg_is_streaming (msg)
        || (flux_msg_get_errnum (msg, &errnum) == 0 && errnum != 0))
        idhash_del (c->pending, tag);
}

/* The disconnect that the service of this request is to get one day. */
static void note_used (struct client *c, const flux_msg_t *msg, const char *topic)
{
    size_t len = strcspn (topic, ".");
    bool upstream = flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    char name[128];
    char key[160];
    flux_msg_t *bye;
    uint32_t nodeid;

    if (len > 80 || flux_msg_get_nodeid (msg, &nodeid) < 0)
        return;
    snprintf (key, sizeof (key), "%.*s %u %d", (int)len, topic, nodeid, upstream);
    if (hash_get (c->used, key))
        return;
    snprintf (name, sizeof (name), "%.*s.disconnect", (int)len, topic);
    if (!(bye = flux_request_encode (name, NULL)))
        return;
    flux_msg_route_enable (bye);
    if (flux_msg_set_noresponse (bye) < 0 || flux_msg_set_nodeid (bye, nodeid) < 0
        || (upstream && flux_msg_set_flag (bye, FLUX_MSGFLAG_UPSTREAM) < 0)
        || flux_msg_route_push (bye, c->uuid) < 0 || hash_set (c->used, key, bye) < 0)
        flux_msg_destroy (bye);
}

/* The broker answers these; what the answer will be is assumed to be yes, as the
 * hub must have it noted when the first event or request comes. */
static void note_registration (struct client *c, const flux_msg_t *msg, const char *topic)
{
    const char *s;

    if (strcmp (topic, "event.subscribe") == 0
        && flux_request_unpack (msg, NULL, "{s:s}", "topic", &s) == 0)
        note_topic (c, s, 1);
    else if (strcmp (topic, "event.unsubscribe") == 0
             && flux_request_unpack (msg, NULL, "{s:s}", "topic", &s) == 0)
        note_topic (c, s, -1);
    else if (strcmp (topic, "service.add") == 0
             && flux_request_unpack (msg, NULL, "{s:s}", "service", &s) == 0
             && !hash_get (c->hub->services, s))
        (void)hash_set (c->hub->services, s, c);
    else if (strcmp (topic, "service.remove") == 0
             && flux_request_unpack (msg, NULL, "{s:s}", "service", &s) == 0
             && hash_get (c->hub->services, s) == c)
        hash_del (c->hub->services, s);
}

static void from_client (struct client *c, flux_msg_t *msg)
{
    const char *topic;
    int type;

    if (flux_msg_get_type (msg, &type) < 0) {
        flux_msg_destroy (msg);
        return;
    }
    if (type == FLUX_MSGTYPE_REQUEST) {
        flux_msg_route_enable (msg);
        if (flux_msg_get_topic (msg, &topic) < 0 || flux_msg_route_push (msg, c->uuid) < 0) {
            flux_msg_destroy (msg);
            return;
        }
        note_registration (c, msg, topic);
        note_pending (c, msg);
        note_used (c, msg, topic);
    }
    to_broker (c->hub, msg);
}

/* Watchers of a client */

static void on_readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client *c = arg;
    flux_msg_t *msg;
    int rc = -EAGAIN;

    /* what has been read already must be handled: the descriptor tells it no more */
    for (int n = 0; !c->dead; n++) {
        if (n >= MESSAGES_PER_TURN && !(stream_ready (c->stream) & FLUX_POLLIN))
            break;
        if ((rc = stream_recv (c->stream, &msg)) < 0)
            break;
        from_client (c, msg);
    }
    if (rc < 0 && rc != -EAGAIN)
        client_die (c);
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

/* Takes fd. */
static void client_new (struct hub *hub, int fd)
{
    struct client *c = calloc (1, sizeof (*c));

    if (!c) {
        close (fd);
        return;
    }
    list_init (&c->node);
    c->hub = hub;
    if (stream_new (fd, &c->stream) < 0) {
        free (c);
        return;
    }
    list_append (&hub->clients, &c->node);
    if (uuid_generate (c->uuid) < 0 || !(c->topics = hash_new (NULL))
        || !(c->used = hash_new (msg_free)) || !(c->pending = idhash_new (msg_free))
        || !(c->in = flux_fd_watcher_create (hub->r, fd, FLUX_POLLIN, on_readable, c))
        || !(c->out = flux_fd_watcher_create (hub->r, fd, FLUX_POLLOUT, on_writable, c))
        || hash_set (hub->by_uuid, c->uuid, c) < 0) {
        client_free (c);
        return;
    }
    if (!hub->is_lost)
        flux_watcher_start (c->in);
}

/* The first byte is the verdict: 0 or an errno (RFC 3).  Only the user who runs the
 * proxy may use it: all that passes has that user's credential. */
static void on_connection (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hub *hub = arg;
    struct ucred uc;
    socklen_t len = sizeof (uc);
    int fd = accept4 (hub->fd, NULL, NULL, SOCK_CLOEXEC);
    unsigned char verdict = EPERM;

    if (fd < 0)
        return;
    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) == 0 && uc.uid == getuid ())
        verdict = 0;
    if (write (fd, &verdict, 1) != 1 || verdict != 0)
        close (fd);
    else
        client_new (hub, fd);
}

/* From the broker */

static void respond_to (struct hub *hub, flux_msg_t *msg)
{
    const char *uuid = flux_msg_route_last (msg);
    struct client *c = uuid ? hash_get (hub->by_uuid, uuid) : NULL;

    if (!c || flux_msg_route_delete_last (msg) < 0)
        return;
    note_answer (c, msg);
    to_client (c, msg);
}

static void spread_event (struct hub *hub, const flux_msg_t *msg, const char *topic)
{
    list_foreach (&hub->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        const char *prefix;
        size_t pos = 0;
        while (hash_next (c->topics, &pos, &prefix)) {
            if (strncmp (topic, prefix, strlen (prefix)) == 0) {
                to_client (c, msg);
                break;
            }
        }
    }
}

static void pass_request (struct hub *hub, const flux_msg_t *msg, const char *topic)
{
    char *name = strndup (topic, strcspn (topic, "."));
    struct client *c = name ? hash_get (hub->services, name) : NULL;

    if (c)
        to_client (c, msg);
    else
        (void)flux_respond_error (hub->h, msg, ENOSYS, "the client that offered it is gone");
    free (name);
}

static void from_broker (struct hub *hub, flux_msg_t *msg)
{
    const char *topic;
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        return;
    if (type == FLUX_MSGTYPE_RESPONSE)
        respond_to (hub, msg);
    else if (type == FLUX_MSGTYPE_EVENT && flux_msg_get_topic (msg, &topic) == 0)
        spread_event (hub, msg, topic);
    else if (type == FLUX_MSGTYPE_REQUEST && flux_msg_get_topic (msg, &topic) == 0)
        pass_request (hub, msg, topic);
}

static void answer_pending (struct hub *hub)
{
    list_foreach (&hub->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        flux_msg_t *resp;
        uint64_t tag;
        size_t pos = 0;
        flux_watcher_stop (c->in);
        while ((resp = idhash_next (c->pending, &pos, &tag))) {
            if (flux_msg_route_delete_last (resp) == 0)
                to_client (c, resp);
            idhash_del (c->pending, tag);
        }
    }
}

static void connection_lost (struct hub *hub)
{
    hub->is_lost = true;
    flux_watcher_stop (hub->handle_w);
    answer_pending (hub);
    hub->lost (hub->arg);
}

static void on_handle (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hub *hub = arg;
    flux_msg_t *msg;

    for (int n = 0; n < MESSAGES_PER_TURN; n++) {
        if (!(msg = flux_recv (hub->h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                connection_lost (hub);
            return;
        }
        from_broker (hub, msg);
        flux_msg_destroy (msg);
    }
}

void hub_restore (struct hub *hub)
{
    const char *name;
    size_t pos = 0;

    hub->is_lost = false;
    list_foreach (&hub->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        void *count;
        for (pos = 0; (count = hash_next (c->topics, &pos, &name));) {
            for (intptr_t i = (intptr_t)count; i > 0; i--)
                tell_broker (hub, "event.subscribe", "topic", name);
        }
        flux_watcher_start (c->in);
    }
    for (pos = 0; hash_next (hub->services, &pos, &name);)
        tell_broker (hub, "service.add", "service", name);
    flux_watcher_start (hub->handle_w);
}

/* The socket */

static int make_dir (struct hub *hub, const char *tmpdir)
{
    int n = snprintf (hub->dir, sizeof (hub->dir), "%s/flux-proxy-XXXXXX", tmpdir);

    if (n >= (int)sizeof (hub->dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return mkdtemp (hub->dir) ? 0 : -1;
}

static int open_socket (struct hub *hub, flux_error_t *err)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    const char *tmpdir = getenv ("TMPDIR");

    if ((!tmpdir || !*tmpdir || make_dir (hub, tmpdir) < 0) && make_dir (hub, "/tmp") < 0) {
        hub->dir[0] = '\0';
        return errmsg (err, -errno, "cannot make a folder for the socket in /tmp: %s",
                       strerror (errno));
    }
    snprintf (sa.sun_path, sizeof (sa.sun_path), "%s/local", hub->dir);
    snprintf (hub->uri, sizeof (hub->uri), "local://%s", sa.sun_path);
    if ((hub->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0
        || bind (hub->fd, (struct sockaddr *)&sa, sizeof (sa)) < 0 || listen (hub->fd, 1024) < 0)
        return errmsg (err, -errno, "socket %s: %s", sa.sun_path, strerror (errno));
    return 0;
}

const char *hub_uri (const struct hub *hub)
{
    return hub->uri;
}

struct hub *hub_new (flux_t *h, void (*lost) (void *arg), void *arg, flux_error_t *err)
{
    struct hub *hub = calloc (1, sizeof (*hub));

    if (!hub) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    hub->h = h;
    hub->r = flux_get_reactor (h);
    hub->lost = lost;
    hub->arg = arg;
    hub->fd = -1;
    list_init (&hub->clients);
    list_init (&hub->dead);
    if (open_socket (hub, err) < 0) {
        hub_free (hub);
        return NULL;
    }
    if (!(hub->by_uuid = hash_new (NULL)) || !(hub->services = hash_new (NULL))
        || !(hub->accept_w = flux_fd_watcher_create (hub->r, hub->fd, FLUX_POLLIN, on_connection,
                                                     hub))
        || !(hub->handle_w = flux_handle_watcher_create (hub->r, h, FLUX_POLLIN | FLUX_POLLERR,
                                                         on_handle, hub))
        || !(hub->reaper = flux_timer_watcher_create (hub->r, 0, 0, reap, hub))) {
        errmsg (err, -ENOMEM, "out of memory");
        hub_free (hub);
        return NULL;
    }
    flux_watcher_start (hub->accept_w);
    flux_watcher_start (hub->handle_w);
    return hub;
}

void hub_free (struct hub *hub)
{
    if (!hub)
        return;
    list_foreach (&hub->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        (void)stream_drain (c->stream, 100);
        client_free (c);
    }
    list_foreach (&hub->dead, n)
        client_free (list_entry (n, struct client, node));
    flux_watcher_destroy (hub->accept_w);
    flux_watcher_destroy (hub->handle_w);
    flux_watcher_destroy (hub->reaper);
    if (hub->fd >= 0)
        close (hub->fd);
    if (*hub->uri)
        (void)unlink (hub->uri + strlen ("local://"));
    if (*hub->dir)
        (void)rmdir (hub->dir);
    hash_free (hub->by_uuid);
    hash_free (hub->services);
    free (hub);
}
