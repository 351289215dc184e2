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

/* The same for a cancel request, whose payload names msg2's matchtag. */
bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

/* msg1, a disconnect request, is from the sender of msg2 (the first route), and
 * its user may act for that of msg2. */
bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

/* Respond to the request that a cancel request names with ECANCELED, and drop it.
 * Returns 1, 0 if there is none, or -1 with errno. */
int flux_msglist_cancel (flux_t *h,
                         struct flux_msglist *l,
                         const flux_msg_t *msg);

/* Drop the requests that a disconnect request ends.  Returns their number. */
int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_DISCONNECT_H */
