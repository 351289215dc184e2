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

#endif /* !CORE_CONNECTOR_PRIVATE_H */
