/* fit.h - when could so many of something fit into the nodes?
 *
 * The sums of the whole graph say when there are 16 cores free, but not when there are 16
 * on one node.  For one request that failed at such times, this counts, node by node,
 * how many times its part that must lie within a node would fit, over time:
 *
 *      node0   2 2 0 0 0 3 3 3        each as the least of (free / needed) of all types
 *      node1   0 0 0 1 1 1 1 1
 *      sum     2 2 0 1 1 4 4 4        a request for 4 of them cannot start before here
 *
 * It is made from the jobs as they are, for one search, and says only when it is of no
 * use to try: within a node there may be other reasons.
 */
#ifndef GRAPH_FIT_H
#define GRAPH_FIT_H

#include <stdbool.h>
#include <stdint.h>

struct ctx;
struct fit;
struct req;

/* For times from 'from' on.  *fitp NULL: nothing can be said of this request.
 * 0 or -ENOMEM. */
int fit_new (struct ctx *c, int64_t from, int64_t duration, struct fit **fitp);
void fit_free (struct fit *f);
/* The first time >= t (and >= from) that may do, or -1. */
int64_t fit_earliest (const struct fit *f, int64_t t);
/* May an instance of r fit into this node (place in its type's list) in [at, end)? */
bool fit_in_node (const struct fit *f, const struct req *r, uint32_t pos, int64_t at,
                  int64_t end);

#endif /* !GRAPH_FIT_H */
