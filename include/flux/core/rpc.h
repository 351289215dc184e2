/* rpc.h - remote procedure calls (RFC 6; man3 flux_rpc)
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

flux_future_t *flux_rpc (flux_t *h,
                         const char *topic,
                         const char *s,
                         uint32_t nodeid,
                         int flags);

int flux_rpc_get (flux_future_t *f, const char **s);

uint32_t flux_rpc_get_matchtag (flux_future_t *f);

uint32_t flux_rpc_get_nodeid (flux_future_t *f);

int flux_rpc_get_raw (flux_future_t *f, const void **data, size_t *len);

int flux_rpc_get_unpack (flux_future_t *f, const char *fmt, ...);

flux_future_t *flux_rpc_message (flux_t *h,
                                 const flux_msg_t *msg,
                                 uint32_t nodeid,
                                 int flags);

flux_future_t *flux_rpc_pack (flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              ...);

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
