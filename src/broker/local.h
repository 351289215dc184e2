/* local.h - clients on this host: the local:// socket (RFC 3, RFC 12)
 *
 * Each connection is an endpoint.  The service "connector-local" hands over a
 * connected descriptor from within the process (attach).
 */
#ifndef BROKER_LOCAL_H
#define BROKER_LOCAL_H

#include <flux/core.h>
#include "broker/pubsub.h"
#include "broker/router.h"

struct local;

/* Listen at 'uri' (local://PATH).  'conf' tells the configuration to judge a
 * new connection by.  NULL and errno with err->text. */
struct local *local_new (flux_t *h, struct router *r, struct pubsub *ps,
                         const char *uri,
                         const flux_conf_t *(*conf) (void *arg), void *arg,
                         flux_error_t *err);
/* Closes all connections and removes the socket. */
void local_free (struct local *l);

#endif /* !BROKER_LOCAL_H */
