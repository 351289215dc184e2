/* connector_private.h - the connectors that are built in
 *
 * Each is what flux_open() calls for its scheme, with the URI as given.  NULL
 * with errno and, if there is something to say, err->text.
 */
#ifndef CORE_CONNECTOR_PRIVATE_H
#define CORE_CONNECTOR_PRIVATE_H

#include <flux/core/connector.h>

connector_init_f connector_local_init;
connector_init_f connector_fd_init;
connector_init_f connector_loop_init;
connector_init_f connector_ssh_init;

/* Connect to a broker's socket: the descriptor, from which the welcome is still to be
 * read, or a negative errno with err filled.  Does not wait for the broker. */
int connector_local_begin (const char *path, flux_error_t *err);
/* Connect to a broker's socket and be welcomed: the descriptor, or a negative
 * errno with err filled. */
int connector_local_connect (const char *path, flux_error_t *err);

struct stream_link;
/* The same, for connector_stream_new(). */
int connector_local_link (const char *path, struct stream_link *link, flux_error_t *err);

/* How many milliseconds the broker has to welcome who connects from this thread; -1: as long
 * as it takes, which is the default. */
void connector_set_patience (int ms);

/* Read the byte that the other side sends first: 0, or the negative errno that it
 * sent, or of the failure to read it. */
int connector_read_welcome (int fd);

#endif /* !CORE_CONNECTOR_PRIVATE_H */
