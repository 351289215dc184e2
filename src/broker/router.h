/* router.h - where each message goes (RFC 3, RFC 12)
 *
 * The router joins endpoints (in-process handles of services and modules, local
 * clients) and, through struct router_tree, the broker's parent and children.
 *
 *   endpoint --endpoint_recv()--> router --ops->send()--> endpoint
 *   peer ----router_recv_peer()-> router --tree->send()--> peer
 *
 * A request gets the sender's uuid pushed on its route stack when it comes in;
 * the response finds its way by popping.  Nothing here allocates a copy of a
 * body, and nothing is encoded.  All runs on the broker's loop; a send callback
 * must not call back into the router before it returns.
 *
 * When an endpoint goes, what it was asked and had not answered is answered with
 * ENOSYS (if it is one that is not sure to do that itself: 'track'), every service it has sent a request to gets a
 * SERVICE.disconnect request in its name (RFC 6), its services and
 * subscriptions are dropped.
 */
#ifndef BROKER_ROUTER_H
#define BROKER_ROUTER_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

struct router;
struct endpoint;

/* Takes the message in all cases; 0 or a negative errno. */
typedef int (*endpoint_send_f) (void *arg, flux_msg_t *msg);

struct endpoint_args {
    const char *uuid;            /* NULL: the router makes one */
    struct flux_msg_cred cred;   /* of messages that come from it */
    bool trusted;                /* it may set the credential itself (owner) */
    bool track;                  /* answer what it leaves unanswered when it goes */
    size_t max;                  /* bytes of a message to it, framed; 0: no limit */
    endpoint_send_f send;        /* deliver to it */
    void *arg;
};

/* The tree of brokers.  A peer is the parent or a child, by rank. */
struct router_tree_ops {
    /* The peer through which 'rank' is reached: a child, or the parent.
     * FLUX_NODEID_ANY if there is none. */
    uint32_t (*route) (void *arg, uint32_t rank);
    /* The rank of the peer whose uuid this is, or FLUX_NODEID_ANY. */
    uint32_t (*peer) (void *arg, const char *uuid);
    /* Takes the message.  0, -EHOSTUNREACH (not connected) or another. */
    int (*send) (void *arg, uint32_t peer, flux_msg_t *msg);
};

struct router *router_new (uint32_t rank, uint32_t size, const char *uuid);
void router_free (struct router *r);    /* after all its endpoints */
/* A router without a tree is that of an instance of size 1. */
void router_set_tree (struct router *r, const struct router_tree_ops *ops,
                      void *arg, uint32_t parent);
const char *router_uuid (const struct router *r);
uint32_t router_rank (const struct router *r);

/* NULL and errno on error. */
struct endpoint *endpoint_new (struct router *r, const struct endpoint_args *args);
void endpoint_free (struct endpoint *ep);
const char *endpoint_uuid (const struct endpoint *ep);
struct endpoint *router_endpoint (struct router *r, const char *uuid);
/* A message from the endpoint; taken in all cases. */
void endpoint_recv (struct endpoint *ep, flux_msg_t *msg);
/* The same for a message whose payload was left out, as it has 'size' bytes, framed, more than
 * 'max': a request is answered with EMSGSIZE, a response made that error, others dropped.  So
 * is what is too large to be sent to the endpoint. */
void endpoint_recv_large (struct endpoint *ep, flux_msg_t *msg, size_t size);
/* Answer what comes for it from now on with ENOSYS (it is being removed). */
void endpoint_close (struct endpoint *ep);
/* See what passes: 'rx' is true for what the endpoint receives. */
typedef void (*endpoint_trace_f) (const flux_msg_t *msg, bool rx, void *arg);
void endpoint_trace (struct endpoint *ep, endpoint_trace_f fun, void *arg);

/* A message from a peer whose uuid this is; taken in all cases. */
void router_recv_peer (struct router *r, uint32_t peer, const char *uuid,
                       flux_msg_t *msg);

/* 0, -EEXIST, -EINVAL (not a single word), -ENOMEM. */
int router_service_add (struct router *r, const char *name, struct endpoint *ep);
/* 0 or -ENOENT (it is not the endpoint's). */
int router_service_remove (struct router *r, const char *name, struct endpoint *ep);
struct endpoint *router_service (struct router *r, const char *name);
/* Each service of an endpoint (any if NULL): start with *pos = 0. */
const char *router_service_next (struct router *r, size_t *pos, struct endpoint *ep);

/* Send a request on to the parent as if it had not matched here: the response
 * goes to its sender directly.  0 or a negative errno (not answered). */
int router_forward (struct router *r, const flux_msg_t *msg);
/* Route a request that the broker itself makes up (a disconnect, an error for a
 * lost peer): as it is, without a push.  Taken. */
void router_inject (struct router *r, flux_msg_t *msg);
/* Called with a request that is about to be answered with ENOSYS, as nobody here serves
 * 'service'.  True: it is kept, and comes back by router_inject(). */
typedef bool (*router_keep_f) (void *arg, const char *service, const flux_msg_t *msg);
void router_set_keeper (struct router *r, router_keep_f keep, void *arg);
/* Straight to a peer, taken: 0 or a negative errno. */
int router_send_peer (struct router *r, uint32_t peer, flux_msg_t *msg);
/* The rank of the peer with this uuid, or FLUX_NODEID_ANY. */
uint32_t router_peer (struct router *r, const char *uuid);
/* Answer a request that stops here. */
void router_respond_error (struct router *r, const flux_msg_t *msg, int errnum,
                           const char *text);

/* An event that is to be published reaches rank 0 through here. */
typedef void (*router_publish_f) (void *arg, flux_msg_t *msg);
/* 'deliver' is called for each event that has a sequence number, to pass it to
 * subscribers here and below; 'publish' on rank 0 for those that have none. */
void router_set_events (struct router *r, router_publish_f publish,
                        router_publish_f deliver, void *arg);
/* Give an event to an endpoint, with RFC 12's rule for private events. */
void endpoint_send_event (struct endpoint *ep, const flux_msg_t *msg);
/* Iterate endpoints: start with *pos = 0. */
struct endpoint *router_next (struct router *r, size_t *pos);
/* The endpoint's subscriptions. */
struct topics *endpoint_topics (struct endpoint *ep);

#endif /* !BROKER_ROUTER_H */
