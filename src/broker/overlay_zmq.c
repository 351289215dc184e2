/* overlay_zmq.c - messages between brokers over ZeroMQ
 *
 *   children --> ROUTER [identity, blob]      DEALER [blob] --> parent
 *   ZAP requests (who may connect) come to a REP socket that we serve ourselves
 *   monitors tell of connections that end: ROUTER's by descriptor, which a
 *   message's "__fd" property links to a child
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/overlay_zmq.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define LINGER_MS 2000

/* Events that make a difference. */
#define ROUTER_NEWS ZMQ_EVENT_DISCONNECTED
#define DEALER_NEWS (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL \
                     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)

struct keylist {
    struct keylist *next;
    uint8_t key[32];
};

struct transport {
    void *ctx;
    void *router;
    void *dealer;
    void *zap;
    void *router_monitor;
    void *dealer_monitor;
    struct transport_msg news;     /* of a monitor, to be told after the messages */
    char public_key[TRANSPORT_KEY_SIZE];
    char secret_key[TRANSPORT_KEY_SIZE];
    struct transport_args args;
    char uuid[TRANSPORT_ID_SIZE];
    struct keylist *allowed;
    char *socket_file;            /* of a bound ipc:// endpoint: ZeroMQ leaves it */
    zmq_msg_t in;                 /* what next() handed out */
};

static int fail (flux_error_t *err, const char *what, const char *arg)
{
    int e = errno;

    if (err)
        snprintf (err->text, sizeof (err->text), "overlay: %s %.80s: %s", what, arg,
                  zmq_strerror (e));
    return -e;
}

static int set_int (void *sock, int option, int value)
{
    return zmq_setsockopt (sock, option, &value, sizeof (value));
}

static int common_options (struct transport *t, void *sock)
{
    if (set_int (sock, ZMQ_LINGER, LINGER_MS) < 0
        || set_int (sock, ZMQ_SNDHWM, 0) < 0
        || set_int (sock, ZMQ_IPV6, t->args.ipv6) < 0
        || zmq_setsockopt (sock, ZMQ_CURVE_SECRETKEY, t->secret_key,
                           TRANSPORT_KEY_SIZE) < 0)
        return -1;
    if (t->args.tcp_user_timeout_ms > 0
        && set_int (sock, ZMQ_TCP_MAXRT, t->args.tcp_user_timeout_ms) < 0)
        return -1;
    if (t->args.connect_timeout_ms > 0
        && set_int (sock, ZMQ_CONNECT_TIMEOUT, t->args.connect_timeout_ms) < 0)
        return -1;
    return 0;
}

/* With a trace, of all events. */
static void *monitor (struct transport *t, void *sock, const char *endpoint, int events)
{
    void *m;

    if (zmq_socket_monitor (sock, endpoint, t->args.trace ? ZMQ_EVENT_ALL : events) < 0
        || !(m = zmq_socket (t->ctx, ZMQ_PAIR)))
        return NULL;
    if (zmq_connect (m, endpoint) < 0) {
        zmq_close (m);
        return NULL;
    }
    return m;
}

/* --- set up --- */

static void transport_close (struct transport *t)
{
    struct keylist *k;

    if (!t)
        return;
    zmq_msg_close (&t->in);
    if (t->router) {
        zmq_socket_monitor (t->router, NULL, 0);
        zmq_close (t->router);
    }
    if (t->dealer) {
        zmq_socket_monitor (t->dealer, NULL, 0);
        zmq_close (t->dealer);
    }
    if (t->router_monitor)
        zmq_close (t->router_monitor);
    if (t->dealer_monitor)
        zmq_close (t->dealer_monitor);
    if (t->zap)
        zmq_close (t->zap);
    while (t->ctx && zmq_ctx_term (t->ctx) < 0 && errno == EINTR)
        ;   /* by a signal: its threads are not joined yet */
    if (t->socket_file)
        (void)unlink (t->socket_file);
    free (t->socket_file);
    while ((k = t->allowed)) {
        t->allowed = k->next;
        free (k);
    }
    free (t);
}

static int make_keys (struct transport *t, const struct transport_args *args)
{
    if (!args->secret_key)
        return zmq_curve_keypair (t->public_key, t->secret_key);
    snprintf (t->public_key, sizeof (t->public_key), "%s", args->public_key);
    snprintf (t->secret_key, sizeof (t->secret_key), "%s", args->secret_key);
    return 0;
}

static struct transport *transport_open (const struct transport_args *args,
                                         flux_error_t *err)
{
    struct transport *t = calloc (1, sizeof (*t));

    if (!t) {
        fail (err, "out of memory", "");
        return NULL;
    }
    t->args = *args;
    t->args.public_key = t->args.secret_key = NULL;
    snprintf (t->uuid, sizeof (t->uuid), "%s", args->uuid);
    zmq_msg_init (&t->in);
    if (!(t->ctx = zmq_ctx_new ())
        || zmq_ctx_set (t->ctx, ZMQ_IO_THREADS, args->io_threads) < 0
        || zmq_ctx_set (t->ctx, ZMQ_MAX_SOCKETS, 16) < 0
        || make_keys (t, args) < 0) {
        fail (err, "ZeroMQ", "");
        transport_close (t);
        return NULL;
    }
    return t;
}

static const char *transport_public_key (struct transport *t)
{
    return t->public_key;
}

/* The ZAP socket must be there before the first child connects. */
static int open_router (struct transport *t)
{
    if (!(t->zap = zmq_socket (t->ctx, ZMQ_REP)) || zmq_bind (t->zap, ZAP_ENDPOINT) < 0
        || !(t->router = zmq_socket (t->ctx, ZMQ_ROUTER))
        || common_options (t, t->router) < 0
        || set_int (t->router, ZMQ_ROUTER_MANDATORY, 1) < 0
        || set_int (t->router, ZMQ_ROUTER_HANDOVER, 1) < 0
        || set_int (t->router, ZMQ_RCVHWM, t->args.child_rcvhwm) < 0
        || set_int (t->router, ZMQ_CURVE_SERVER, 1) < 0
        || zmq_setsockopt (t->router, ZMQ_ZAP_DOMAIN, "flux", 4) < 0
        || !(t->router_monitor = monitor (t, t->router, "inproc://monitor-router",
                                          ROUTER_NEWS)))
        return -1;
    return 0;
}

static int transport_bind (struct transport *t, const char *uri, char *bound,
                           size_t size, flux_error_t *err)
{
    if (!t->router && open_router (t) < 0)
        return fail (err, "socket for", uri);
    if (zmq_bind (t->router, uri) < 0)
        return fail (err, "bind", uri);
    if (zmq_getsockopt (t->router, ZMQ_LAST_ENDPOINT, bound, &size) < 0)
        return fail (err, "bind", uri);
    if (!strncmp (bound, "ipc:///", 7) && !(t->socket_file = strdup (bound + 6)))
        return fail (err, "bind", uri);
    return 0;
}

static int transport_allow (struct transport *t, const char *public_key)
{
    struct keylist *k = calloc (1, sizeof (*k));

    if (!k)
        return -ENOMEM;
    if (strlen (public_key) != TRANSPORT_KEY_SIZE - 1
        || !zmq_z85_decode (k->key, public_key)) {
        free (k);
        return -EINVAL;
    }
    k->next = t->allowed;
    t->allowed = k;
    return 0;
}

static int transport_connect (struct transport *t, const char *uri,
                              const char *server_key, flux_error_t *err)
{
    if (!(t->dealer = zmq_socket (t->ctx, ZMQ_DEALER))
        || common_options (t, t->dealer) < 0
        || set_int (t->dealer, ZMQ_RCVHWM, 0) < 0
        || set_int (t->dealer, ZMQ_RECONNECT_IVL, 20) < 0
        || set_int (t->dealer, ZMQ_RECONNECT_IVL_MAX, 2000) < 0
        || zmq_setsockopt (t->dealer, ZMQ_ROUTING_ID, t->uuid, strlen (t->uuid)) < 0
        || zmq_setsockopt (t->dealer, ZMQ_CURVE_PUBLICKEY, t->public_key,
                           TRANSPORT_KEY_SIZE) < 0
        || zmq_setsockopt (t->dealer, ZMQ_CURVE_SERVERKEY, server_key,
                           TRANSPORT_KEY_SIZE) < 0
        || !(t->dealer_monitor = monitor (t, t->dealer, "inproc://monitor-dealer",
                                          DEALER_NEWS)))
        return fail (err, "socket for", uri);
    if (zmq_connect (t->dealer, uri) < 0)
        return fail (err, "connect to", uri);
    return 0;
}

/* --- send --- */

static int send_blob (void *sock, size_t len, transport_fill_f fill, void *arg)
{
    zmq_msg_t msg;

    if (zmq_msg_init_size (&msg, len) < 0)
        return -ENOMEM;
    if (fill (arg, zmq_msg_data (&msg), len) < 0) {
        zmq_msg_close (&msg);
        return -EPROTO;
    }
    if (zmq_msg_send (&msg, sock, ZMQ_DONTWAIT) < 0) {
        int e = errno;
        zmq_msg_close (&msg);
        return -e;
    }
    return 0;
}

static int transport_send_parent (struct transport *t, size_t len,
                                  transport_fill_f fill, void *arg)
{
    return t->dealer ? send_blob (t->dealer, len, fill, arg) : -EHOSTUNREACH;
}

static int transport_send_child (struct transport *t, const char *id, size_t len,
                                 transport_fill_f fill, void *arg)
{
    if (!t->router)
        return -EHOSTUNREACH;
    if (zmq_send (t->router, id, strlen (id), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -errno;
    return send_blob (t->router, len, fill, arg);
}

/* --- authentication --- */

static bool is_allowed (struct transport *t, const void *key, size_t len)
{
    for (struct keylist *k = t->allowed; k; k = k->next)
        if (len == sizeof (k->key) && !memcmp (k->key, key, len))
            return true;
    return false;
}

static void zap_reply (struct transport *t, const char *id, size_t id_len, bool ok)
{
    zmq_send (t->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send (t->zap, id, id_len, ZMQ_SNDMORE);
    zmq_send (t->zap, ok ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send (t->zap, ok ? "OK" : "unknown key", ok ? 2 : 11, ZMQ_SNDMORE);
    zmq_send (t->zap, "", 0, ZMQ_SNDMORE);
    zmq_send (t->zap, "", 0, 0);
}

/* Frames: version, request id, domain, address, identity, mechanism, key. */
static bool serve_zap (struct transport *t)
{
    char frame[7][256];
    size_t len[7] = { 0 };
    int n = 0;
    int more = 1;
    size_t more_size = sizeof (more);

    while (more) {
        char spare[256];
        int rc = zmq_recv (t->zap, n < 7 ? frame[n] : spare, 256, ZMQ_DONTWAIT);
        if (rc < 0)
            return false;
        if (n < 7)
            len[n++] = rc < 256 ? rc : 256;
        zmq_getsockopt (t->zap, ZMQ_RCVMORE, &more, &more_size);
    }
    zap_reply (t, frame[1], len[1],
               n == 7 && len[5] == 5 && !memcmp (frame[5], "CURVE", 5)
               && is_allowed (t, frame[6], len[6]));
    return true;
}

/* --- receive --- */

static bool next_of_router (struct transport *t, struct transport_msg *msg)
{
    const char *fd;
    int n;

    if (!t->router)
        return false;
    if ((n = zmq_recv (t->router, msg->id, sizeof (msg->id) - 1, ZMQ_DONTWAIT)) < 0)
        return false;
    msg->id[n < (int)sizeof (msg->id) ? n : (int)sizeof (msg->id) - 1] = '\0';
    if (zmq_msg_recv (&t->in, t->router, 0) < 0)
        return false;
    fd = zmq_msg_gets (&t->in, "__fd");
    msg->fd = fd ? (int)strtol (fd, NULL, 10) : -1;
    msg->event = TRANSPORT_CHILD;
    msg->data = zmq_msg_data (&t->in);
    msg->len = zmq_msg_size (&t->in);
    while (zmq_msg_more (&t->in)) {       /* none of ours: skip it */
        if (zmq_msg_recv (&t->in, t->router, 0) < 0)
            return false;
        msg->len = 0;
    }
    return true;
}

static bool next_of_dealer (struct transport *t, struct transport_msg *msg)
{
    if (!t->dealer || zmq_msg_recv (&t->in, t->dealer, ZMQ_DONTWAIT) < 0)
        return false;
    msg->event = TRANSPORT_PARENT;
    msg->data = zmq_msg_data (&t->in);
    msg->len = zmq_msg_size (&t->in);
    return true;
}

static const struct {
    int event;
    const char *name;
} event_names[] = {
    { ZMQ_EVENT_CONNECTED, "connected" },
    { ZMQ_EVENT_CONNECT_DELAYED, "connecting" },
    { ZMQ_EVENT_CONNECT_RETRIED, "connecting again" },
    { ZMQ_EVENT_LISTENING, "listening" },
    { ZMQ_EVENT_BIND_FAILED, "cannot listen" },
    { ZMQ_EVENT_ACCEPTED, "accepted" },
    { ZMQ_EVENT_ACCEPT_FAILED, "cannot accept" },
    { ZMQ_EVENT_CLOSED, "closed" },
    { ZMQ_EVENT_CLOSE_FAILED, "cannot close" },
    { ZMQ_EVENT_DISCONNECTED, "disconnected" },
    { ZMQ_EVENT_MONITOR_STOPPED, "no more events" },
    { ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "handshake succeeded" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, "handshake failed" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, "handshake failed: protocol error" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "handshake failed: not allowed" },
};

static void trace_event (struct transport *t, void *mon, int event, const char *endpoint)
{
    const char *name = "event of another version of ZeroMQ";

    if (!t->args.trace)
        return;
    for (size_t i = 0; i < sizeof (event_names) / sizeof (event_names[0]); i++)
        if (event_names[i].event == event)
            name = event_names[i].name;
    t->args.trace (t->args.arg, mon == t->dealer_monitor ? "parent" : "child", name, endpoint);
}

/* The next event of a monitor that is one of 'wanted': its number and value. */
static bool next_of_monitor (struct transport *t, void *mon, int wanted, uint16_t *event,
                             uint32_t *value)
{
    char head[6];
    char endpoint[256];
    int n;

    while (mon && zmq_recv (mon, head, sizeof (head), ZMQ_DONTWAIT) == sizeof (head)) {
        memcpy (event, head, 2);
        memcpy (value, head + 2, 4);
        n = zmq_recv (mon, endpoint, sizeof (endpoint) - 1, 0);
        endpoint[n < 0 ? 0 : n < (int)sizeof (endpoint) ? n : (int)sizeof (endpoint) - 1] = '\0';
        trace_event (t, mon, *event, endpoint);
        if (*event & wanted)
            return true;
    }
    return false;
}

/* The next piece of news becomes t->news, unless one waits there. */
static bool take_news (struct transport *t)
{
    uint16_t event;
    uint32_t value;

    if (t->news.event != TRANSPORT_NONE)
        return true;
    if (next_of_monitor (t, t->router_monitor, ROUTER_NEWS, &event, &value)) {
        t->news.event = TRANSPORT_CHILD_LOST;
        t->news.fd = (int)value;
    }
    else if (next_of_monitor (t, t->dealer_monitor, DEALER_NEWS, &event, &value))
        t->news.event = event == ZMQ_EVENT_DISCONNECTED ? TRANSPORT_PARENT_LOST
                                                        : TRANSPORT_PARENT_REFUSED;
    return t->news.event != TRANSPORT_NONE;
}

/* Messages go before the news that their connection has ended: those that were not there
 * yet when the news was, too, so they are looked for once more when it is taken. */
static void transport_next (struct transport *t, struct transport_msg *msg)
{
    memset (msg, 0, sizeof (*msg));
    msg->fd = -1;
    while (t->zap && serve_zap (t))
        ;
    if (next_of_router (t, msg) || next_of_dealer (t, msg) || !take_news (t)
        || next_of_router (t, msg) || next_of_dealer (t, msg))
        return;
    *msg = t->news;
    memset (&t->news, 0, sizeof (t->news));
}

static int sockets (struct transport *t, void *socks[TRANSPORT_MAX_FDS])
{
    void *all[] = { t->router, t->dealer, t->zap, t->router_monitor, t->dealer_monitor };
    int n = 0;

    for (size_t i = 0; i < sizeof (all) / sizeof (all[0]); i++)
        if (all[i])
            socks[n++] = all[i];
    return n;
}

static int transport_fds (struct transport *t, int fds[TRANSPORT_MAX_FDS])
{
    void *socks[TRANSPORT_MAX_FDS];
    int n = sockets (t, socks);

    for (int i = 0; i < n; i++) {
        size_t size = sizeof (fds[i]);
        if (zmq_getsockopt (socks[i], ZMQ_FD, &fds[i], &size) < 0)
            return -errno;
    }
    return n;
}

static bool transport_pending (struct transport *t)
{
    void *socks[TRANSPORT_MAX_FDS];
    int n = sockets (t, socks);

    if (t->news.event != TRANSPORT_NONE)
        return true;
    for (int i = 0; i < n; i++) {
        int events = 0;
        size_t size = sizeof (events);
        if (zmq_getsockopt (socks[i], ZMQ_EVENTS, &events, &size) == 0
            && (events & ZMQ_POLLIN))
            return true;
    }
    return false;
}

static void transport_disconnect (struct transport *t)
{
    if (!t->dealer)
        return;
    zmq_socket_monitor (t->dealer, NULL, 0);
    zmq_close (t->dealer);
    t->dealer = NULL;
}


const struct transport_ops overlay_transport = {
    .open = transport_open,
    .close = transport_close,
    .public_key = transport_public_key,
    .bind = transport_bind,
    .allow = transport_allow,
    .connect = transport_connect,
    .send_parent = transport_send_parent,
    .send_child = transport_send_child,
    .fds = transport_fds,
    .pending = transport_pending,
    .next = transport_next,
    .disconnect = transport_disconnect,
};
