/* gather.h - what each rank discovered, up the tree to rank 0
 *
 *   rank r ──resource.gather {R}──► parent ──resource.gather {R}──► ... rank 0
 *
 * R has the ranks at and below the sender; what arrives in one turn of the loop
 * goes on in one message.
 */
#ifndef RESOURCE_GATHER_H
#define RESOURCE_GATHER_H

#include <flux/core.h>

struct gather;
struct rset;

/* On rank 0 'found' is called with what arrives. */
typedef void (*gather_f) (const struct rset *found, void *arg);

struct gather *gather_new (flux_t *h, uint32_t rank, gather_f found, void *arg);
void gather_free (struct gather *g);
/* Our own resources. */
void gather_add (struct gather *g, const struct rset *found);
/* The request of a child. */
void gather_request (struct gather *g, const flux_msg_t *msg);

#endif /* !RESOURCE_GATHER_H */
