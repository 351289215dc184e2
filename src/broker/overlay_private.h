/* overlay_private.h - what the files of the overlay share
 *
 *   overlay.c         peers: messages to and from, joining, losing
 *   overlay_join.c    hello, and who is refused
 *   overlay_keepalive.c  peers that are silent
 *   overlay_boot.c    addresses, keys and names: the exchange before all that
 *   overlay_config.c  the same, for an instance that the configuration describes
 *   overlay_health.c  requests about the tree (overlay.*)
 */
#ifndef BROKER_OVERLAY_PRIVATE_H
#define BROKER_OVERLAY_PRIVATE_H

#include "broker/overlay.h"
#include "broker/overlay_zmq.h"
#include "broker/rpctrack.h"
#include "broker/tracer.h"
#include "spec/topo.h"

enum subtree {
    SUBTREE_FULL,
    SUBTREE_PARTIAL,
    SUBTREE_DEGRADED,
    SUBTREE_LOST,
    SUBTREE_OFFLINE,
};

/* Control messages between peers (RFC 3): type, and what 'status' is. */
enum overlay_control {
    OVERLAY_HEARTBEAT = 0,      /* unused */
    OVERLAY_STATUS = 1,         /* enum subtree of the sender */
    OVERLAY_DISCONNECT = 2,     /* to a child: go away; unused */
    OVERLAY_GOODBYE = 3,        /* from a child that leaves; unused */
};

struct peer {
    uint32_t rank;
    char uuid[TRANSPORT_ID_SIZE];
    char hostname[256];
    bool connected;
    int fd;                     /* its connection, while it is a child */
    enum subtree status;
    double since;               /* in this status */
    double last_recv;
    bool torpid;
    char error[128];            /* why it is lost */
    struct rpctrack *sent;      /* requests that it owes an answer */
    struct rpctrack *received;  /* requests that it waits for */
};

struct overlay {
    struct overlay_args args;
    flux_reactor_t *reactor;
    struct topo *topo;
    const struct transport_ops *tp;
    struct transport *t;
    struct peer *children;
    uint32_t nchildren;
    struct hash *by_uuid;       /* connected peers */
    struct peer parent;
    bool has_parent;
    char *parent_uri;
    char parent_key[TRANSPORT_KEY_SIZE];
    char *cert_name;            /* of the certificate that all share, or NULL */
    int failed_handshakes;      /* with the parent, in a row */
    bool joined;                /* root, or the parent has answered */
    bool accepting;
    bool leaving;
    struct flux_msglist *hellos;  /* that came before we had joined */
    char *hostlist;
    enum subtree status;        /* of the subtree from here */
    double since;
    double last_send;           /* to the parent */
    bool torpid_min_fixed;     /* by the attribute, not the configuration */
    bool torpid_max_fixed;
    double torpid_min;
    double torpid_max;
    flux_watcher_t *fds[TRANSPORT_MAX_FDS];
    flux_watcher_t *prepare;
    flux_watcher_t *check;
    flux_watcher_t *idle;
    flux_watcher_t *keepalive;  /* our own idle time towards the parent */
    flux_watcher_t *watchdog;   /* idle time of the children */
    flux_msg_handler_t **handlers;
    flux_msg_handler_t **defaults;
    struct tracer *tracer;
};

/* overlay.c */
double overlay_now (const struct overlay *ov);
struct peer *overlay_child (struct overlay *ov, uint32_t rank);
void overlay_drop_child (struct overlay *ov, struct peer *p, enum subtree status,
                         const char *why);
int overlay_send_control (struct overlay *ov, struct peer *p, int type, int status);
void overlay_lose_parent (struct overlay *ov, const char *why);
/* Poll the sockets that there are now. */
int overlay_watch_sockets (struct overlay *ov);

/* To a child by identity, or the parent if NULL.  0 or a negative errno. */
int overlay_send_to (struct overlay *ov, const char *id, const flux_msg_t *msg);
void overlay_set_child_status (struct overlay *ov, struct peer *p, enum subtree status);

/* overlay_join.c */
/* A child's hello, now or once we have joined. */
void overlay_hello (struct overlay *ov, const char *id, int fd, const flux_msg_t *msg);
void overlay_hello_later (struct overlay *ov, const char *id, int fd, flux_msg_t *msg);
/* Of the parent: its answer, the end of a connection, a failed handshake. */
void overlay_hello_answered (struct overlay *ov, const flux_msg_t *msg);
void overlay_parent_closed (struct overlay *ov);
void overlay_parent_refused (struct overlay *ov);

/* overlay_boot.c */
int overlay_read_settings (struct overlay *ov, struct transport_args *ta,
                           flux_error_t *err);

/* Listen at 'uri'; where that is in the end is written to 'bound'. */
int overlay_bind (struct overlay *ov, const char *uri, char *bound, size_t size,
                  flux_error_t *err);
int overlay_set_parent (struct overlay *ov, const char *hostname, const char *uri,
                        const char *key, flux_error_t *err);

/* overlay_config.c */
int overlay_configure (struct overlay *ov, struct boot_config *place, flux_error_t *err);

/* overlay_keepalive.c */
int overlay_keepalive_init (struct overlay *ov);
/* Begin to watch, or go on with other times, or with a parent. */
void overlay_keepalive_start (struct overlay *ov);

/* overlay_health.c */
const char *subtree_name (enum subtree status);
int overlay_health_init (struct overlay *ov);
void overlay_health_fini (struct overlay *ov);

#endif /* !BROKER_OVERLAY_PRIVATE_H */
