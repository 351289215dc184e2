/* handle.h - the handle: a message endpoint (man3 flux_open, flux_send, flux_recv, flux_requeue, flux_pollevents)
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
    FLUX_O_TRACE = 1,
    FLUX_O_CLONE = 2,
    FLUX_O_NONBLOCK = 4,
    FLUX_O_MATCHDEBUG = 8,
    FLUX_O_TEST_NOSUB = 16,
    FLUX_O_RPCTRACK = 32,
    FLUX_O_NOREQUEUE = 64,
    FLUX_POLLERR = 4,
    FLUX_POLLIN = 1,
    FLUX_POLLOUT = 2,
    FLUX_RQ_HEAD = 1,
    FLUX_RQ_TAIL = 2,
};

#define FLUX_OPT_POLLFD_EVENTS "flux::pollfd_events"
#define FLUX_OPT_RECV_QUEUE_COUNT "flux::recv_queue_count"
#define FLUX_OPT_ROUTER_NAME "flux::router_name"
#define FLUX_OPT_SEND_QUEUE_COUNT "flux::send_queue_count"
#define FLUX_OPT_TESTING_ROLEMASK "flux::testing_rolemask"
#define FLUX_OPT_TESTING_USERID "flux::testing_userid"

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

void *flux_aux_get (flux_t *h, const char *name);

int flux_aux_set (flux_t *h, const char *name, void *aux, flux_free_f destroy);

flux_t *flux_clone (flux_t *orig);

void flux_close (flux_t *h);

void flux_clr_msgcounters (flux_t *h);

void flux_comms_error_set (flux_t *h, flux_comms_error_f fun, void *arg);

void flux_decref (flux_t *h);

int flux_flags_get (flux_t *h);

void flux_flags_set (flux_t *h, int flags);

void flux_flags_unset (flux_t *h, int flags);

const flux_conf_t *flux_get_conf (flux_t *h);

void flux_get_msgcounters (flux_t *h, flux_msgcounters_t *mcs);

flux_reactor_t *flux_get_reactor (flux_t *h);

flux_t *flux_incref (flux_t *h);

uint32_t flux_matchtag_alloc (flux_t *h);

uint32_t flux_matchtag_avail (flux_t *h);

void flux_matchtag_free (flux_t *h, uint32_t matchtag);

flux_t *flux_open (const char *uri, int flags);

flux_t *flux_open_ex (const char *uri, int flags, flux_error_t *error);

int flux_opt_get (flux_t *h, const char *option, void *val, size_t len);

int flux_opt_set (flux_t *h, const char *option, const void *val, size_t len);

int flux_pollevents (flux_t *h);

int flux_pollfd (flux_t *h);

int flux_reconnect (flux_t *h);

flux_msg_t *flux_recv (flux_t *h, struct flux_match match, int flags);

int flux_requeue (flux_t *h, const flux_msg_t *msg, int flags);

int flux_send (flux_t *h, const flux_msg_t *msg, int flags);

int flux_send_new (flux_t *h, flux_msg_t **msg, int flags);

int flux_set_conf_new (flux_t *h, const flux_conf_t *conf);

int flux_set_reactor (flux_t *h, flux_reactor_t *r);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HANDLE_H */
