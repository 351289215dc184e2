/* commit.h - the requests that change the KVS
 *
 * Each does what it asks to the heads, or nothing, and hands over to batch.h.
 */
#ifndef KVS_COMMIT_H
#define KVS_COMMIT_H

#include "modules/kvs/state.h"

void commit_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);
void namespace_create_request (struct kvs *kvs, flux_t *h,
                               const flux_msg_t *msg);
void namespace_remove_request (struct kvs *kvs, flux_t *h,
                               const flux_msg_t *msg);
/* Put the root of a namespace at a key of the primary one, and remove it. */
void namespace_graft_request (struct kvs *kvs, flux_t *h,
                              const flux_msg_t *msg);

/* A directory of the primary namespace that will hardly be read goes to the
 * store; what is read of it is read back, what changes it brings it back.
 * Answered when its memory is free. */
void freeze_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);

#endif /* !KVS_COMMIT_H */
