/* event.h - event messages (RFC 3; man3 flux_event_publish, flux_event_subscribe, flux_event_decode)
 *
 * Decoding borrows from the message, see request.h.  An event is published through
 * the broker, which gives it a sequence number; it reaches those who have
 * subscribed, each at most once.
 */
#ifndef _FLUX_CORE_EVENT_H
#define _FLUX_CORE_EVENT_H

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

enum event_flags {
    FLUX_EVENT_PRIVATE = 1,
};

/* topic and s may be NULL; *s is NULL if there is no payload. */
int flux_event_decode (const flux_msg_t *msg,
                       const char **topic,
                       const char **s);

/* *data is NULL and *len 0 if there is no payload. */
int flux_event_decode_raw (const flux_msg_t *msg,
                           const char **topic,
                           const void **data,
                           size_t *len);

/* A new event with payload s, or none if s is NULL. */
flux_msg_t *flux_event_encode (const char *topic, const char *s);

/* A new event with len bytes of data, or none if data is NULL. */
flux_msg_t *flux_event_encode_raw (const char *topic,
                                   const void *data,
                                   size_t len);

/* A new event with a JSON object, json_pack() style. */
flux_msg_t *flux_event_pack (const char *topic, const char *fmt, ...);

/* Publish.  flags is 0 or FLUX_MSGFLAG_PRIVATE (FLUX_EVENT_PRIVATE means the
 * same): only the sender and the instance owner see it.  The future is fulfilled
 * when the event has its sequence number. */
flux_future_t *flux_event_publish (flux_t *h,
                                   const char *topic,
                                   int flags,
                                   const char *s);

/* That number. */
int flux_event_publish_get_seq (flux_future_t *f, int *seq);

flux_future_t *flux_event_publish_pack (flux_t *h,
                                        const char *topic,
                                        int flags,
                                        const char *fmt,
                                        ...);

flux_future_t *flux_event_publish_raw (flux_t *h,
                                       const char *topic,
                                       int flags,
                                       const void *data,
                                       size_t len);

/* Receive events whose topic starts with this.  Waits until the instance has
 * recorded it.  Duplicates count: each wants its own unsubscribe.  A no-op on a
 * handle opened with FLUX_O_TEST_NOSUB. */
int flux_event_subscribe (flux_t *h, const char *topic);

/* The same without waiting; flags is 0 or FLUX_RPC_NORESPONSE. */
flux_future_t *flux_event_subscribe_ex (flux_t *h,
                                        const char *topic,
                                        int flags);

/* Decode a JSON payload, json_unpack() style; there must be one. */
int flux_event_unpack (const flux_msg_t *msg,
                       const char **topic,
                       const char *fmt,
                       ...);

/* The topic must be exactly that of the subscription. */
int flux_event_unsubscribe (flux_t *h, const char *topic);

flux_future_t *flux_event_unsubscribe_ex (flux_t *h,
                                          const char *topic,
                                          int flags);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_EVENT_H */
