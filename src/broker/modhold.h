/* modhold.h - requests that wait while a module is reloaded
 *
 *   module.remove {reload}   begin: what comes for its services is kept
 *   it has ended             put_back: what it had not taken from its channel
 *   module.load              end: kept requests are routed, in their order
 *
 * So a client does not see that a module was away.  After 5 seconds nobody waits
 * any longer: what was kept is answered with ENOSYS.
 */
#ifndef BROKER_MODHOLD_H
#define BROKER_MODHOLD_H

#include <flux/core.h>
#include "broker/router.h"

struct modhold;

/* Asks the router for the requests that it would refuse (router_set_keeper()). */
struct modhold *modhold_new (struct router *r, flux_reactor_t *reactor);
/* What is kept is lost. */
void modhold_free (struct modhold *mh);

/* Keep requests for the services that the module of this name has at 'ep'.  0 or a
 * negative errno. */
int modhold_begin (struct modhold *mh, const char *module, struct endpoint *ep);
/* Put these before all that is kept for the module; answer them if nothing is kept for
 * it.  The list is empty then. */
void modhold_put_back (struct modhold *mh, const char *module, struct flux_msglist *msgs);
/* Route what is kept for the module (NULL: for all). */
void modhold_end (struct modhold *mh, const char *module);

#endif /* !BROKER_MODHOLD_H */
