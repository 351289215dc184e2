/* attr_service.h - attr.get, attr.set, attr.rm, attr.list
 */
#ifndef BROKER_ATTR_SERVICE_H
#define BROKER_ATTR_SERVICE_H

#include <flux/core.h>
#include "broker/attr.h"

struct attr_service;

struct attr_service *attr_service_new (flux_t *h, struct attrs *attrs);
void attr_service_free (struct attr_service *as);

#endif /* !BROKER_ATTR_SERVICE_H */
