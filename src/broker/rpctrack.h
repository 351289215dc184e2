/* rpctrack.h - requests that went one way and have not been answered
 *
 * Keeps an envelope without payload for each request that wants an answer, until
 * the response that ends it comes back: an error, or one that is not of a stream
 * (RFC 6).  Requests without a matchtag cannot be told apart and are not kept.
 */
#ifndef BROKER_RPCTRACK_H
#define BROKER_RPCTRACK_H

#include <stddef.h>
#include <flux/core.h>

struct rpctrack;

struct rpctrack *rpctrack_new (void);
void rpctrack_free (struct rpctrack *rt);

/* Note a request that passes.  0 or -ENOMEM. */
int rpctrack_request (struct rpctrack *rt, const flux_msg_t *msg);
/* Forget the request that a response ends. */
void rpctrack_response (struct rpctrack *rt, const flux_msg_t *msg);
size_t rpctrack_count (const struct rpctrack *rt);
/* Call 'fun' for each request and forget it. */
typedef void (*rpctrack_f) (const flux_msg_t *head, void *arg);
void rpctrack_purge (struct rpctrack *rt, rpctrack_f fun, void *arg);

#endif /* !BROKER_RPCTRACK_H */
