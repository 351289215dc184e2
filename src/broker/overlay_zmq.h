/* overlay_zmq.h - messages between brokers over ZeroMQ
 *
 * Lives in lib/private/overlay.so, which only a broker with peers loads.  It
 * moves blobs: a DEALER socket to the parent, a ROUTER socket for the children,
 * both encrypted and authenticated with CURVE; only children whose public key
 * was allowed get in.
 *
 * Everything runs in the caller's thread.  ZeroMQ tells of news by edges of
 * descriptors, so the caller polls them, and before it sleeps asks pending().
 */
#ifndef BROKER_OVERLAY_ZMQ_H
#define BROKER_OVERLAY_ZMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core/types.h>

#define TRANSPORT_KEY_SIZE 41     /* Z85 text of a public key, with NUL */
#define TRANSPORT_ID_SIZE 40      /* identity of a child: its uuid */
#define TRANSPORT_MAX_FDS 5

struct transport;

struct transport_args {
    const char *uuid;             /* how the parent knows us */
    int io_threads;
    int child_rcvhwm;
    int tcp_user_timeout_ms;      /* 0: the system's */
    int connect_timeout_ms;       /* 0: the system's */
    bool ipv6;
    const char *public_key;       /* Z85; NULL: make a pair */
    const char *secret_key;
    /* NULL, or called from within next() for all that happens to connections: "parent" or
     * "child", what, and where. */
    void (*trace) (void *arg, const char *socket, const char *event, const char *endpoint);
    void *arg;
};

enum transport_event {
    TRANSPORT_NONE,               /* nothing now */
    TRANSPORT_CHILD,              /* message from a child */
    TRANSPORT_PARENT,             /* message from the parent */
    TRANSPORT_CHILD_LOST,         /* a connection was closed: see 'fd' */
    TRANSPORT_PARENT_LOST,
    TRANSPORT_PARENT_REFUSED,     /* it broke off the handshake: other keys, no broker */
};

struct transport_msg {
    enum transport_event event;
    char id[TRANSPORT_ID_SIZE];   /* the child's uuid (CHILD) */
    int fd;                       /* its connection (CHILD, CHILD_LOST) */
    const void *data;             /* valid until the next call */
    size_t len;
};

/* Fill 'buf' with the 'len' bytes of a message.  0 or -1. */
typedef int (*transport_fill_f) (void *arg, void *buf, size_t len);

struct transport_ops {
    struct transport *(*open) (const struct transport_args *args, flux_error_t *err);
    void (*close) (struct transport *t);
    const char *(*public_key) (struct transport *t);
    /* 'uri' may end in a wildcard port; what it became is in 'bound'. */
    int (*bind) (struct transport *t, const char *uri, char *bound, size_t size,
                 flux_error_t *err);
    int (*allow) (struct transport *t, const char *public_key);
    int (*connect) (struct transport *t, const char *uri, const char *server_key,
                    flux_error_t *err);
    int (*send_parent) (struct transport *t, size_t len, transport_fill_f fill,
                        void *arg);
    /* -EHOSTUNREACH if no child with this uuid is connected. */
    int (*send_child) (struct transport *t, const char *id, size_t len,
                       transport_fill_f fill, void *arg);
    int (*fds) (struct transport *t, int fds[TRANSPORT_MAX_FDS]);
    bool (*pending) (struct transport *t);
    /* The next piece of news; serves authentication requests on the way. */
    void (*next) (struct transport *t, struct transport_msg *msg);
    /* Close the connection to the parent, after what was sent has gone. */
    void (*disconnect) (struct transport *t);
};

/* The symbol that dso_symbol ("overlay", ...) looks up. */
#define TRANSPORT_SYMBOL "overlay_transport"
extern const struct transport_ops overlay_transport;

#endif /* !BROKER_OVERLAY_ZMQ_H */
