/* msg_handler.h - dispatch of messages to callbacks (man3 flux_msg_handler_create,
 * flux_msg_handler_addvec)
 *
 * While a handler of a handle is started, its reactor receives all of the handle's
 * messages and gives them away:
 *
 *   request    to one handler: with exactly this topic, or else by wildcard.  None:
 *              an ENOSYS response.  Sender lacks a role: an EPERM response.
 *   response   to the RPC or handler with its matchtag, or else to one handler that
 *              matches
 *   other      to all handlers that match
 *
 * The most recently created handler goes first.  A limited number of messages is
 * processed before other watchers have their turn.  A connection error stops the
 * reactor (flux_reactor_stop_error).
 */
#ifndef _FLUX_CORE_MSG_HANDLER_H
#define _FLUX_CORE_MSG_HANDLER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_MSGHANDLER_TABLE_END { 0, NULL, NULL, 0 }

typedef struct flux_msg_handler flux_msg_handler_t;
/* 'msg' is borrowed: flux_msg_incref() to keep it.  The callback may create, stop
 * and destroy handlers, itself included, and close the handle. */
typedef void (*flux_msg_handler_f) (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* One handler of a table, which ends with FLUX_MSGHANDLER_TABLE_END. */
struct flux_msg_handler_spec {
    int typemask;            /* FLUX_MSGTYPE_*, or'ed; 0: all */
    const char *topic_glob;  /* NULL: all */
    flux_msg_handler_f cb;
    uint32_t rolemask;       /* allowed besides the owner */
};

/* A stopped handler.  'match' is copied.  NULL with EINVAL or ENOMEM. */
flux_msg_handler_t *flux_msg_handler_create (flux_t *h,
                                             const struct flux_match match,
                                             flux_msg_handler_f cb,
                                             void *arg);

/* No-ops on one that is started, or is not. */
void flux_msg_handler_start (flux_msg_handler_t *mh);
void flux_msg_handler_stop (flux_msg_handler_t *mh);

/* Stops it first.  Accepts NULL; may be called after the handle is closed. */
void flux_msg_handler_destroy (flux_msg_handler_t *mh);

/* Add or remove roles (FLUX_ROLE_*) from which messages are accepted (RFC 12).  The
 * instance owner always is, and at first is the only one. */
void flux_msg_handler_allow_rolemask (flux_msg_handler_t *mh,
                                      uint32_t rolemask);
void flux_msg_handler_deny_rolemask (flux_msg_handler_t *mh, uint32_t rolemask);

/* Create and start all handlers of a table.  *msg_handlers is for
 * flux_msg_handler_delvec().  0, or -1 with errno and nothing created. */
int flux_msg_handler_addvec (flux_t *h,
                             const struct flux_msg_handler_spec tab[],
                             void *arg,
                             flux_msg_handler_t **msg_handlers[]);

/* The same, with the topics of requests in the table being methods of a service:
 * "SERVICE_NAME." is put before them. */
int flux_msg_handler_addvec_ex (flux_t *h,
                                const char *service_name,
                                const struct flux_msg_handler_spec tab[],
                                void *arg,
                                flux_msg_handler_t **hp[]);

/* Destroy them.  Accepts NULL. */
void flux_msg_handler_delvec (flux_msg_handler_t *msg_handlers[]);

/* The watcher that receives the messages, for flux_watcher_unref(). */
flux_watcher_t *flux_get_handle_watcher (flux_t *h);

/* Put what a clone's handlers did not want back in front of the handle's queue, in
 * order.  No-op unless 'h' is a clone. */
int flux_dispatch_requeue (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSG_HANDLER_H */
