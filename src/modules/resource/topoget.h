/* topoget.h - resource.topo-get: the local topology as hwloc XML
 */
#ifndef RESOURCE_TOPOGET_H
#define RESOURCE_TOPOGET_H

#include <stdbool.h>
#include <flux/core.h>

struct topoget;

struct topoget *topoget_new (flux_t *h, bool norestrict);   /* NULL: errno */
void topoget_free (struct topoget *t);
/* Answered with the XML as a string; made when it is first asked for. */
void topoget_request (struct topoget *t, const flux_msg_t *msg);
void topoget_disconnect (struct topoget *t, const flux_msg_t *msg);

#endif /* !RESOURCE_TOPOGET_H */
