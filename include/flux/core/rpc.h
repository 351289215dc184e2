/* rpc.h - remote procedure calls (RFC 6; man3 flux_rpc)
 *
 * The future of a call is fulfilled by each response: one, or for a streaming
 * call any number, the last of which is an error (ENODATA: success).  The get
 * functions block like flux_future_get() and fail with the error of the response,
 * whose text is flux_future_error_string().  What they return is borrowed from the
 * future.
 *
 * A future destroyed before its response gives no sign to the server; its matchtag
 * stays out of use until the response has come.
 */
#ifndef _FLUX_CORE_RPC_H
#define _FLUX_CORE_RPC_H

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

enum {
    FLUX_RPC_NORESPONSE = 1,
    FLUX_RPC_STREAMING = 2,
};

/* Send a request with s (may be NULL) as payload.  nodeid is a rank,
 * FLUX_NODEID_ANY or FLUX_NODEID_UPSTREAM.  NULL with errno: EINVAL, or what
 * flux_send() says. */
flux_future_t *flux_rpc (flux_t *h,
                         const char *topic,
                         const char *s,
                         uint32_t nodeid,
                         int flags);

/* The payload as a string, NULL if there is none.  EPROTO if it is not one. */
int flux_rpc_get (flux_future_t *f, const char **s);

/* FLUX_MATCHTAG_NONE if no response is expected (any more), or f is no RPC. */
uint32_t flux_rpc_get_matchtag (flux_future_t *f);

/* As it was given. */
uint32_t flux_rpc_get_nodeid (flux_future_t *f);

/* The payload; NULL and 0 if there is none. */
int flux_rpc_get_raw (flux_future_t *f, const void **data, size_t *len);

/* Decode the payload, a JSON object, json_unpack() style.  EPROTO. */
int flux_rpc_get_unpack (flux_future_t *f, const char *fmt, ...);

/* The same with a copy of a request, whose nodeid and matchtag are set. */
flux_future_t *flux_rpc_message (flux_t *h,
                                 const flux_msg_t *msg,
                                 uint32_t nodeid,
                                 int flags);

/* The same with a JSON object, json_pack() style. */
flux_future_t *flux_rpc_pack (flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              ...);

/* The same with len bytes of data; NULL for none. */
flux_future_t *flux_rpc_raw (flux_t *h,
                             const char *topic,
                             const void *data,
                             size_t len,
                             uint32_t nodeid,
                             int flags);

flux_future_t *flux_rpc_vpack (flux_t *h,
                               const char *topic,
                               uint32_t nodeid,
                               int flags,
                               const char *fmt,
                               va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_RPC_H */
