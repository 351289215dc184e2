/* connector_stream.h - a handle over a stream socket
 */
#ifndef CORE_CONNECTOR_STREAM_H
#define CORE_CONNECTOR_STREAM_H

#include <flux/core/handle.h>

/* Make the connection: a connected socket, or a negative errno with err
 * filled.  Called again by flux_reconnect(). */
typedef int (*stream_connect_f) (const char *path, flux_error_t *err);

/* A handle that sends and receives over 'fd', which it owns (also if this
 * fails).  'connect' may be NULL: then the handle cannot be reconnected.
 * NULL with errno. */
flux_t *connector_stream_new (int fd, const char *path,
                              stream_connect_f connect, int flags);

#endif /* !CORE_CONNECTOR_STREAM_H */
