/* self.h - the broker's own handle
 *
 * The services that are part of the broker (attr, log, config, ...) share one
 * handle, joined to the router like that of a module.
 */
#ifndef BROKER_SELF_H
#define BROKER_SELF_H

#include <flux/core.h>
#include "broker/router.h"

struct self;

/* NULL and errno on error. */
struct self *self_new (struct router *r, flux_reactor_t *reactor);
void self_free (struct self *s);
flux_t *self_handle (struct self *s);
struct endpoint *self_endpoint (struct self *s);
/* Names (space separated) that the handle serves.  0 or a negative errno. */
int self_add_services (struct self *s, const char *names);

#endif /* !BROKER_SELF_H */
