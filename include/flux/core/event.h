/* event.h - event messages (RFC 3; man3 flux_event_publish, flux_event_subscribe, flux_event_decode)
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

int flux_event_decode (const flux_msg_t *msg,
                       const char **topic,
                       const char **s);

int flux_event_decode_raw (const flux_msg_t *msg,
                           const char **topic,
                           const void **data,
                           size_t *len);

flux_msg_t *flux_event_encode (const char *topic, const char *s);

flux_msg_t *flux_event_encode_raw (const char *topic,
                                   const void *data,
                                   size_t len);

flux_msg_t *flux_event_pack (const char *topic, const char *fmt, ...);

flux_future_t *flux_event_publish (flux_t *h,
                                   const char *topic,
                                   int flags,
                                   const char *s);

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

int flux_event_subscribe (flux_t *h, const char *topic);

flux_future_t *flux_event_subscribe_ex (flux_t *h,
                                        const char *topic,
                                        int flags);

int flux_event_unpack (const flux_msg_t *msg,
                       const char **topic,
                       const char *fmt,
                       ...);

int flux_event_unsubscribe (flux_t *h, const char *topic);

flux_future_t *flux_event_unsubscribe_ex (flux_t *h,
                                          const char *topic,
                                          int flags);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_EVENT_H */
