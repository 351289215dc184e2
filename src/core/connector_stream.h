/* connector_stream.h - a handle over a stream socket
 */
#ifndef CORE_CONNECTOR_STREAM_H
#define CORE_CONNECTOR_STREAM_H

#include <flux/core/handle.h>

struct stream_link {
    int fd;          /* connected socket */
    pid_t pid;       /* child process that carries the connection, or 0 */
};

/* Make the connection.  0, or a negative errno with err filled.  Called again by
 * flux_reconnect(). */
typedef int (*stream_connect_f) (const char *path, struct stream_link *link,
                                 flux_error_t *err);

/* A handle that sends and receives over 'link', which it owns (also if this
 * fails): when it is done it closes the descriptor, and then waits for the child,
 * which it terminates if that takes long.  'connect' may be NULL: then the handle
 * cannot be reconnected.  NULL with errno. */
flux_t *connector_stream_new (const struct stream_link *link, const char *path,
                              stream_connect_f connect, int flags);

#endif /* !CORE_CONNECTOR_STREAM_H */
