/* members.h - the hosts of queues as properties of R (RFC 33)
 */
#ifndef RESOURCE_MEMBERS_H
#define RESOURCE_MEMBERS_H

#include <jansson.h>
#include <flux/core/types.h>

struct rset;

/* For each [queues.NAME] with 'hosts' ("all" or a hostlist), give those hosts of R the
 * property "+NAME".  'queues' may be NULL.  0, or -EINVAL with err->text naming the
 * queue and what is wrong (then R may have some of the properties). */
int members_apply (struct rset *R, const json_t *queues, flux_error_t *err);

#endif /* !RESOURCE_MEMBERS_H */
