/* handle_private.h - what the parts of core share about a handle
 *
 *   flux_t (one a flux_open or flux_clone)       struct conn (shared by clones)
 *   +------------------------------------+      +-----------------------------+
 *   | flags, aux, reactor, dispatcher ---+----->| connector (ops, impl)       |
 *   +------------------------------------+      | requeued messages, matchtags|
 *                                               | counters, comms error fn    |
 *                                               +-----------------------------+
 */
#ifndef CORE_HANDLE_PRIVATE_H
#define CORE_HANDLE_PRIVATE_H

#include <stdbool.h>
#include <flux/core/handle.h>
#include <flux/core/connector.h>

#include "core/aux.h"
#include "core/matchtag.h"
#include "core/msgq.h"

struct waker;

/* What a built-in connector offers beyond flux_handle_ops, so that a reactor
 * waits on its descriptor directly and finds messages that are in memory
 * without a system call.  Events are FLUX_POLL*. */
struct handle_ext {
    /* The descriptor to wait on, or -1 if only this thread's own sends can
     * make the handle ready.  It may change at a reconnect. */
    int (*fd) (void *impl);
    /* About to sleep: what is ready already?  *want is what to wait for. */
    int (*prepare) (void *impl, int *want);
    /* Awake, with 'revents' on the descriptor: what is ready? */
    int (*check) (void *impl, int revents);
    /* NULL if the handle needs a descriptor.  Else, in a reactor that is about to
     * sleep: 'w' wakes it from now on when the handle becomes ready; what is
     * ready already? */
    int (*attach) (void *impl, struct waker *w);
};

struct idhash;
struct dispatch;

struct conn {
    int refs;
    void *impl;
    const struct flux_handle_ops *ops;
    const struct handle_ext *ext;    /* or NULL */
    struct msgq queue;               /* flux_requeue(), unmatched */
    struct matchtag_pool tags;
    struct idhash *tracked;          /* FLUX_O_RPCTRACK: matchtag -> request */
    flux_msgcounters_t counters;
    flux_comms_error_f comms_error;
    void *comms_error_arg;
    bool in_comms_error;
    bool mock_userid;                /* FLUX_OPT_TESTING_* were set */
    bool mock_rolemask;
    uint32_t userid;
    uint32_t rolemask;
    bool closing;
    int pollfd;                      /* flux_pollfd(): epoll of both, or -1 */
    int queue_fd;                    /* eventfd: the queue has messages */
};

struct flux_handle {
    int refs;
    int flags;
    struct conn *conn;
    struct aux_item *aux;
    flux_reactor_t *reactor;
    struct dispatch *dispatch;
};

/* flux_handle_create() for a connector with extensions. */
flux_t *handle_create_ext (void *impl, const struct flux_handle_ops *ops,
                           const struct handle_ext *ext, int flags);

/* For the handle watcher and blocking waits: as in struct handle_ext, for the
 * handle as a whole, with any connector. */
int handle_prepare (flux_t *h, int *fd, int *want);
bool handle_can_attach (const flux_t *h);
int handle_attach (flux_t *h, struct waker *w);
int handle_check (flux_t *h, int revents);
/* Block until the connector has an event of 'events' or FLUX_POLLERR, or for
 * timeout_ms (< 0: no limit); may return early.  Messages in the handle's queue do
 * not count: the caller has looked at them.  0 or -1 with errno. */
int handle_wait (flux_t *h, int events, int timeout_ms);

/* handle_poll.c: keep flux_pollfd() informed. */
void conn_poll_notify (struct conn *c);       /* the queue became non-empty */
int conn_poll_reconnected (struct conn *c);
void conn_poll_release (struct conn *c);

/* handle_track.c: FLUX_O_RPCTRACK */
/* *trackp: what to remember of a request, or NULL for any other message. */
int conn_track_prepare (const flux_msg_t *msg, flux_msg_t **trackp);
void conn_track_sent (struct conn *c, flux_msg_t *track); /* takes it */
void conn_track_received (struct conn *c, const flux_msg_t *msg);
int conn_track_reset (struct conn *c);        /* answer all with ECONNRESET */

/* dispatch.c */
void dispatch_destroy (struct dispatch *d);

#endif /* !CORE_HANDLE_PRIVATE_H */
