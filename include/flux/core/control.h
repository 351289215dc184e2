/* control.h - control messages (RFC 3)
 *
 * Control messages go between direct peers only and carry two integers.
 */
#ifndef _FLUX_CORE_CONTROL_H
#define _FLUX_CORE_CONTROL_H

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

/* type and status may be NULL.  EPROTO if it is another message. */
int flux_control_decode (const flux_msg_t *msg, int *type, int *status);

flux_msg_t *flux_control_encode (int type, int status);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONTROL_H */
