/* handle.h - the handle: a message endpoint (man3 flux_open, flux_send, flux_recv,
 * flux_requeue, flux_pollevents)
 *
 * A handle and its clones belong to one thread.  Unless said otherwise functions
 * return 0, or -1 (NULL) with errno; EINVAL is a wrong argument.
 */
#ifndef _FLUX_CORE_HANDLE_H
#define _FLUX_CORE_HANDLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/message.h>
#include <flux/core/conf.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_O_TRACE = 1,       /* print each message to stderr */
    FLUX_O_CLONE = 2,       /* this is a clone: not for flux_open() */
    FLUX_O_NONBLOCK = 4,    /* fail with EAGAIN rather than wait */
    FLUX_O_MATCHDEBUG = 8,  /* say on stderr if matchtags leak */
    FLUX_O_TEST_NOSUB = 16, /* subscribing does nothing */
    FLUX_O_RPCTRACK = 32,   /* flux_reconnect() answers pending RPCs with
                             * ECONNRESET; only for flux_open() */
    FLUX_O_NOREQUEUE = 64,  /* flux_recv() drops what does not match */
    FLUX_POLLERR = 4,
    FLUX_POLLIN = 1,
    FLUX_POLLOUT = 2,
    FLUX_RQ_HEAD = 1,
    FLUX_RQ_TAIL = 2,
};

/* Options of flux_opt_set() and flux_opt_get():
 *   POLLFD_EVENTS       get int: POLLIN, POLLOUT to poll the connector's descriptor
 *                       for, where that is not just POLLIN
 *   RECV_QUEUE_COUNT,
 *   SEND_QUEUE_COUNT    get size_t: messages waiting in the connector
 *   ROUTER_NAME         set and get a name for one end of an in-process pair
 *   TESTING_ROLEMASK,
 *   TESTING_USERID      set and get uint32_t: what is sent carries this credential
 *                       (believed only of the instance owner).  A userid alone
 *                       comes with FLUX_ROLE_USER, or FLUX_ROLE_OWNER if it is
 *                       the caller's; a rolemask alone with the caller's userid
 */
#define FLUX_OPT_POLLFD_EVENTS "flux::pollfd_events"
#define FLUX_OPT_RECV_QUEUE_COUNT "flux::recv_queue_count"
#define FLUX_OPT_ROUTER_NAME "flux::router_name"
#define FLUX_OPT_SEND_QUEUE_COUNT "flux::send_queue_count"
#define FLUX_OPT_TESTING_ROLEMASK "flux::testing_rolemask"
#define FLUX_OPT_TESTING_USERID "flux::testing_userid"

/* See flux_comms_error_set(). */
typedef int (*flux_comms_error_f) (flux_t *h, void *arg);

typedef struct {
    int request_tx;
    int request_rx;
    int response_tx;
    int response_rx;
    int event_tx;
    int event_rx;
    int control_tx;
    int control_rx;
} flux_msgcounters_t;

/*
 * Life cycle
 */

/* Connect.  'uri' is SCHEME://PATH (local, fd, loop, or SCHEME.so on
 * FLUX_CONNECTOR_PATH), or the way to an ancestor instance: ".", "..", "../..", "/".
 * NULL is FLUX_URI, or else the system instance.  'error' may be NULL. */
flux_t *flux_open_ex (const char *uri, int flags, flux_error_t *error);
flux_t *flux_open (const char *uri, int flags);

/* Another handle on the same connection and queue, with its own flags, aux items,
 * reactor and message handlers. */
flux_t *flux_clone (flux_t *orig);

/* References.  flux_close() drops one, as flux_decref() does: when the last is gone
 * the handle is destroyed, and with its last clone the connection.  A connection that
 * has output left waits a second for it to go. */
void flux_close (flux_t *h);
flux_t *flux_incref (flux_t *h);
void flux_decref (flux_t *h);

/* Connect anew.  Messages in the queue stay.  ENOSYS if the connector cannot. */
int flux_reconnect (flux_t *h);

/* Have 'fun' called when sending or receiving fails for a reason other than the
 * arguments, with errno set.  If it returns 0, it has mended the connection (say, by
 * flux_reconnect()) and the operation is tried again; if -1, the error is returned. */
void flux_comms_error_set (flux_t *h, flux_comms_error_f fun, void *arg);

/*
 * Messages
 */

/* Send.  Without FLUX_O_NONBLOCK it may wait until the connection takes the message.
 * 'flags': FLUX_O_TRACE, FLUX_O_NONBLOCK, in addition to the handle's.  ENOSYS,
 * EAGAIN, EMSGSIZE, or an error of the connection. */
int flux_send (flux_t *h, const flux_msg_t *msg, int flags);

/* The same, but *msg is handed over and set to NULL on success; it must have no
 * other reference (EINVAL).  Saves a copy of the envelope. */
int flux_send_new (flux_t *h, flux_msg_t **msg, int flags);

/* Receive the first message that matches, which the caller owns.  Others stay
 * queued, in order.  EAGAIN with FLUX_O_NONBLOCK; ECONNRESET when the connection has
 * ended; EDEADLK on a handle that only this thread sends to. */
flux_msg_t *flux_recv (flux_t *h, struct flux_match match, int flags);

/* Put a message (of which a reference is taken) at FLUX_RQ_HEAD or FLUX_RQ_TAIL of
 * the handle's queue, which is received before anything from the connection. */
int flux_requeue (flux_t *h, const flux_msg_t *msg, int flags);

/* Of both kinds, since flux_open() or flux_clr_msgcounters().  All 0 without a handle. */
void flux_get_msgcounters (flux_t *h, flux_msgcounters_t *mcs);
void flux_clr_msgcounters (flux_t *h);

/*
 * Readiness, for event loops other than the reactor
 */

/* A descriptor that becomes readable when the handle becomes ready: edge-triggered,
 * only to be polled. */
int flux_pollfd (flux_t *h);

/* FLUX_POLLIN, FLUX_POLLOUT, FLUX_POLLERR, or'ed; resets flux_pollfd().  Receive
 * until EAGAIN before sleeping again. */
int flux_pollevents (flux_t *h);

/*
 * Associations
 */

/* Data under a name, destroyed with the handle or when replaced; a NULL name cannot
 * be looked up, a NULL 'aux' deletes.  ENOENT if there is none.  Names that start with
 * "flux::" are the library's. */
int flux_aux_set (flux_t *h, const char *name, void *aux, flux_free_f destroy);
void *flux_aux_get (flux_t *h, const char *name);

/* The handle's reactor, made at first use. */
flux_reactor_t *flux_get_reactor (flux_t *h);

/* Use 'r', of which a reference is taken.  EEXIST if the handle has one: call it
 * right after opening. */
int flux_set_reactor (flux_t *h, flux_reactor_t *r);

/* The configuration that goes with the handle; empty unless it was set. */
const flux_conf_t *flux_get_conf (flux_t *h);

/* Takes the caller's reference. */
int flux_set_conf_new (flux_t *h, const flux_conf_t *conf);

/*
 * Flags, options, matchtags
 */

/* FLUX_O_RPCTRACK and FLUX_O_CLONE cannot be changed.  Without a handle nothing is set,
 * and there are no flags. */
void flux_flags_set (flux_t *h, int flags);
void flux_flags_unset (flux_t *h, int flags);
int flux_flags_get (flux_t *h);

/* FLUX_OPT_*.  EINVAL for an option that the handle does not have, or a wrong size. */
int flux_opt_set (flux_t *h, const char *option, const void *val, size_t len);
int flux_opt_get (flux_t *h, const char *option, void *val, size_t len);

/* A matchtag that no pending RPC of the connection has; FLUX_MATCHTAG_NONE with
 * ENOMEM.  Small integers, used again once freed. */
uint32_t flux_matchtag_alloc (flux_t *h);
void flux_matchtag_free (flux_t *h, uint32_t matchtag);

/* How many could be allocated. */
uint32_t flux_matchtag_avail (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HANDLE_H */
