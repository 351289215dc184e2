/* disconnect.h - matching of requests with disconnect and cancel requests (RFC 6)
 */
#ifndef _FLUX_CORE_DISCONNECT_H
#define _FLUX_CORE_DISCONNECT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/message.h>

struct flux_msglist;

#ifdef __cplusplus
extern "C" {
#endif

bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

int flux_msglist_cancel (flux_t *h,
                         struct flux_msglist *l,
                         const flux_msg_t *msg);

int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_DISCONNECT_H */
