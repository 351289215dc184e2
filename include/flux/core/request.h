/* request.h - decoding of requests (man3 flux_request_decode)
 */
#ifndef _FLUX_CORE_REQUEST_H
#define _FLUX_CORE_REQUEST_H

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

int flux_request_decode (const flux_msg_t *msg,
                         const char **topic,
                         const char **s);

int flux_request_decode_raw (const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len);

flux_msg_t *flux_request_encode (const char *topic, const char *s);

flux_msg_t *flux_request_encode_raw (const char *topic,
                                     const void *data,
                                     size_t len);

int flux_request_unpack (const flux_msg_t *msg,
                         const char **topic,
                         const char *fmt,
                         ...);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REQUEST_H */
