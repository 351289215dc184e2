/* pubsub.h - publish and subscribe (RFC 3; event.*)
 *
 * Rank 0 gives each event its sequence number and sends it down; each broker
 * passes it to the endpoints here and the children whose subtree subscribed.
 * A subscription is answered when every broker up to rank 0 has recorded it.
 */
#ifndef BROKER_PUBSUB_H
#define BROKER_PUBSUB_H

#include <flux/core.h>
#include "broker/router.h"

struct pubsub;

/* 'h' is the broker's own handle; services "event" and "overlay" are its.
 * NULL and errno on error. */
struct pubsub *pubsub_new (struct router *r, flux_t *h);
void pubsub_free (struct pubsub *ps);

/* Drop what an endpoint or a lost child had subscribed to. */
void pubsub_endpoint_gone (struct pubsub *ps, struct endpoint *ep);
void pubsub_child_gone (struct pubsub *ps, uint32_t child);

#endif /* !BROKER_PUBSUB_H */
