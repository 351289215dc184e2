/* service.h - dynamic services (man3 flux_service_register)
 */
#ifndef _FLUX_CORE_SERVICE_H
#define _FLUX_CORE_SERVICE_H

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

/* Have requests for name.* routed to this handle.  The future is fulfilled when
 * they are, or with EEXIST if the service is registered already. */
flux_future_t *flux_service_register (flux_t *h, const char *name);

/* Undo it.  ENOENT if the service is not registered by this handle. */
flux_future_t *flux_service_unregister (flux_t *h, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SERVICE_H */
