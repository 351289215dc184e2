/* connector.h - how a transport becomes a handle
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

/* What a connector defines: "connector_init" in SCHEME.so.  'uri' is what follows
 * SCHEME://.  Returns a handle made by flux_handle_create(), or NULL with errno
 * and, if there is something to say, errp->text. */
typedef flux_t *(connector_init_f) (const char *uri, int flags, flux_error_t *errp);

/* Operations on 'impl'.  Each may be NULL.  They return as the functions of
 * handle.h that call them do.  recv() is called with FLUX_O_NONBLOCK and fails
 * with EAGAIN; pollfd() and pollevents() are what the handle waits with, and are
 * edge-triggered.  send() leaves the message to the caller; send_new() takes it. */
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

/* A handle over 'impl', which ops->impl_destroy() frees with the last clone; on
 * failure (NULL with errno) it stays the caller's.  'ops' must outlive the handle. */
flux_t *flux_handle_create (void *impl,
                            const struct flux_handle_ops *ops,
                            int flags);

/* What flux_close() does. */
void flux_handle_destroy (flux_t *hp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONNECTOR_H */
