/* msg_handler.h - dispatch of messages to callbacks (man3 flux_msg_handler_create, flux_msg_handler_addvec)
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
typedef void (*flux_msg_handler_f) (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

struct flux_msg_handler_spec {
    int typemask;
    const char *topic_glob;
    flux_msg_handler_f cb;
    uint32_t rolemask;
};

int flux_dispatch_requeue (flux_t *h);

flux_watcher_t *flux_get_handle_watcher (flux_t *h);

int flux_msg_handler_addvec (flux_t *h,
                             const struct flux_msg_handler_spec tab[],
                             void *arg,
                             flux_msg_handler_t **msg_handlers[]);

int flux_msg_handler_addvec_ex (flux_t *h,
                                const char *service_name,
                                const struct flux_msg_handler_spec tab[],
                                void *arg,
                                flux_msg_handler_t **hp[]);

void flux_msg_handler_allow_rolemask (flux_msg_handler_t *mh,
                                      uint32_t rolemask);

flux_msg_handler_t *flux_msg_handler_create (flux_t *h,
                                             const struct flux_match match,
                                             flux_msg_handler_f cb,
                                             void *arg);

void flux_msg_handler_delvec (flux_msg_handler_t *msg_handlers[]);

void flux_msg_handler_deny_rolemask (flux_msg_handler_t *mh, uint32_t rolemask);

void flux_msg_handler_destroy (flux_msg_handler_t *mh);

void flux_msg_handler_start (flux_msg_handler_t *mh);

void flux_msg_handler_stop (flux_msg_handler_t *mh);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSG_HANDLER_H */
