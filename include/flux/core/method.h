/* method.h - standard service methods
 */
#ifndef _FLUX_CORE_METHOD_H
#define _FLUX_CORE_METHOD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/msg_handler.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Register service_name.{ping,stats-get,stats-clear,rusage,debug,config-reload,
 * shutdown} and the event service_name.stats-clear (RFC 5).  Handlers that the
 * service registers later take precedence.  Undo with flux_msg_handler_delvec().
 */
int flux_register_default_methods (flux_t *h,
                                   const char *service_name,
                                   flux_msg_handler_t **msg_handlers[]);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_METHOD_H */
