/* connector.h - how a transport becomes a handle (RFC 6)
 */
#ifndef _FLUX_CORE_CONNECTOR_H
#define _FLUX_CORE_CONNECTOR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef flux_t *(connector_init_f) (const char *uri, int flags, flux_error_t *errp);

struct flux_handle_ops {
    int (*setopt) (void *impl, const char *option, const void *val, size_t len);
    int (*getopt) (void *impl, const char *option, void *val, size_t len);
    int (*pollfd) (void *impl);
    int (*pollevents) (void *impl);
    int (*send) (void *impl, const flux_msg_t *msg, int flags);
    flux_msg_t *(*recv) (void *impl, int flags);
    int (*reconnect) (void *impl);
    void (*impl_destroy) (void *impl);
    int (*send_new) (void *impl, flux_msg_t **msg, int flags);
    void *_pad[4];
};

flux_t *flux_handle_create (void *impl,
                            const struct flux_handle_ops *ops,
                            int flags);

void flux_handle_destroy (flux_t *hp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONNECTOR_H */
