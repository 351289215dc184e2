/* response.h - responses (man3 flux_respond, flux_response_decode)
 *
 * Responding copies topic, matchtag, routes and the streaming flag from the
 * request.  A request that wants no response gets none, and that is no error.
 */
#ifndef _FLUX_CORE_RESPONSE_H
#define _FLUX_CORE_RESPONSE_H

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

/* Respond with payload s, or none if s is NULL. */
int flux_respond (flux_t *h, const flux_msg_t *request, const char *s);

/* Respond with an error (EINVAL if errnum is 0), and a text for the person who
 * asked if errstr is not NULL. */
int flux_respond_error (flux_t *h,
                        const flux_msg_t *request,
                        int errnum,
                        const char *errstr);

/* Respond with a JSON object, json_pack() style. */
int flux_respond_pack (flux_t *h,
                       const flux_msg_t *request,
                       const char *fmt,
                       ...);

/* Respond with len bytes of data, or none if data is NULL. */
int flux_respond_raw (flux_t *h,
                      const flux_msg_t *request,
                      const void *data,
                      int len);

/* Decode a response; the string is borrowed, NULL if there is no payload.  If
 * it is an error response, -1 and errno is that error. */
int flux_response_decode (const flux_msg_t *msg,
                          const char **topic,
                          const char **s);

/* The text of an error response.  ENOENT if there is none. */
int flux_response_decode_error (const flux_msg_t *msg, const char **errstr);

/* The same; *data is NULL and *len 0 if there is no payload. */
int flux_response_decode_raw (const flux_msg_t *msg,
                              const char **topic,
                              const void **data,
                              size_t *len);

/* A response to a request, without payload.  The caller sends it. */
flux_msg_t *flux_response_derive (const flux_msg_t *request, int errnum);

/* A new response that answers no request in particular. */
flux_msg_t *flux_response_encode (const char *topic, const char *s);

flux_msg_t *flux_response_encode_error (const char *topic,
                                        int errnum,
                                        const char *errstr);

flux_msg_t *flux_response_encode_raw (const char *topic,
                                      const void *data,
                                      size_t len);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_RESPONSE_H */
