/* waiter.h - requests that wait for a version of a namespace
 */
#ifndef KVS_WAITER_H
#define KVS_WAITER_H

#include "modules/kvs/state.h"

/* "kvs.wait-version" */
void waiter_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);
/* The namespace has a new visible version, or goes away (-ENOTSUP). */
void waiters_check (struct kvsns *ns);
void waiters_fail (struct kvsns *ns);
/* Their client is gone; their service is gone (-ENOSYS). */
void waiters_disconnect (struct kvs *kvs, const flux_msg_t *msg);
void waiters_flush (struct kvs *kvs);

#endif /* !KVS_WAITER_H */
