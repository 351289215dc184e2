/* modsvc.h - module.* and service.* requests (RFC 5; flux-module(1))
 */
#ifndef BROKER_MODSVC_H
#define BROKER_MODSVC_H

#include "broker/modhost.h"

struct modsvc;

struct modsvc *modsvc_new (flux_t *h, struct modhost *mh);
void modsvc_free (struct modsvc *ms);

#endif /* !BROKER_MODSVC_H */
