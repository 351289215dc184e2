/* refq.h - computing references without keeping the loop from its work
 *
 * What is asked for is done in order, a millisecond a turn of the loop.
 */
#ifndef KVS_REFQ_H
#define KVS_REFQ_H

#include "modules/kvs/tree.h"

struct kvs;
struct refq;

/* rc: 0 or a negative errno. */
typedef void (*refq_f) (struct kvs *kvs, int rc, void *arg);

struct refq *refq_new (struct kvs *kvs);
void refq_free (struct refq *q);
/* What was queued for an owner (NULL: all) is told -ENOSYS. */
void refq_flush (struct refq *q, const void *owner);

/* Compute the references of n and of all below, then call fun: at once, if that
 * takes little.  n is kept until then.  0, or -ENOMEM: fun is not called. */
int refq_compute (struct refq *q, const struct tnode *n, const void *owner,
                  refq_f fun, void *arg);

#endif /* !KVS_REFQ_H */
