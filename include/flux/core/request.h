/* request.h - decoding of requests (man3 flux_request_decode)
 *
 * Strings and data returned by decoding are borrowed from the message.  Errors:
 * EINVAL (bad argument), EPROTO (not a request, no topic, payload of another kind).
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

/* topic and s may be NULL; *s is NULL if there is no payload. */
int flux_request_decode (const flux_msg_t *msg,
                         const char **topic,
                         const char **s);

/* *data is NULL and *len 0 if there is no payload. */
int flux_request_decode_raw (const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len);

/* A new request with payload s, or none if s is NULL. */
flux_msg_t *flux_request_encode (const char *topic, const char *s);

/* A new request with len bytes of data, or none if data is NULL. */
flux_msg_t *flux_request_encode_raw (const char *topic,
                                     const void *data,
                                     size_t len);

/* Decode a JSON payload, json_unpack() style; there must be one. */
int flux_request_unpack (const flux_msg_t *msg,
                         const char **topic,
                         const char *fmt,
                         ...);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REQUEST_H */
