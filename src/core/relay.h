/* relay.h - the far end of an ssh:// connection ("flux relay PATH")
 */
#ifndef CORE_RELAY_H
#define CORE_RELAY_H

#include <flux/core/types.h>

/* Connect to the broker's socket at 'path', write the byte that says whether that
 * worked (0, or the errno) to 'out', then pass bytes from 'in' to the socket and
 * from the socket to 'out' until either 'in' or the socket ends.  Blocks.  0, or a
 * negative errno with err filled. */
int relay_run (const char *path, int in, int out, flux_error_t *err);

#endif /* !CORE_RELAY_H */
