/* rpool.h - the resources of sched-simple: what is free, and where to place a
 * request
 *
 * A node is a rank with its cores and gpus.  Nodes that are up are kept in an
 * order that answers the mode in O(log n): by free cores (best-fit, worst-fit)
 * or by place, with the greatest number of free cores below each point of a
 * binary tree (first-fit).  Placing n slots costs O(n log nodes); a request with
 * constraints walks the candidates in order until it is satisfied.
 *
 * No messages here.  One thread.
 */
#ifndef SCHED_SIMPLE_RPOOL_H
#define SCHED_SIMPLE_RPOOL_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core/types.h>

struct rpool;
struct rset;
struct idset;
struct jobspec_request;

enum rpool_mode {
    RPOOL_WORST_FIT,   /* the node with the most free cores first: spreads out */
    RPOOL_BEST_FIT,    /* the node with the fewest that suffice: packs */
    RPOOL_FIRST_FIT,   /* the lowest rank that suffices */
};

/* All nodes are down and free.  NULL: no memory.  'all' is copied. */
struct rpool *rpool_new (const struct rset *all, enum rpool_mode mode);
void rpool_free (struct rpool *p);

/* Ranks that are not there are ignored. */
void rpool_set_up (struct rpool *p, const struct idset *ranks, bool up);
/* Remove ranks for good. */
void rpool_shrink (struct rpool *p, const struct idset *ranks);
/* {"name": "idset", ...}.  0, -EINVAL, -ENOMEM. */
int rpool_properties (struct rpool *p, const json_t *properties, bool add);
void rpool_set_expiration (struct rpool *p, double expiration);
double rpool_expiration (const struct rpool *p);

/* Take what r says, as allocated before.  -EEXIST if some of it is not free
 * (then nothing is changed); ranks that are not there are ignored. */
int rpool_take (struct rpool *p, const struct rset *r);
/* Give it back.  What is free already is ignored. */
void rpool_give (struct rpool *p, const struct rset *r);

/* Place a request: the resources in *rp, without times.  0; -ENOSPC: not now,
 * 'err' says what it waits for; -ENOMEM; -EINVAL (constraint). */
int rpool_alloc (struct rpool *p, const struct jobspec_request *req, struct rset **rp,
                 flux_error_t *err);
/* Could it ever be placed, with all nodes up and free?  0, -EINVAL with
 * err->text, -ENOMEM. */
int rpool_check (struct rpool *p, const struct jobspec_request *req, flux_error_t *err);

/* Sets for sched.resource-status; the caller frees. */
struct rset *rpool_all (const struct rpool *p);
struct rset *rpool_down (const struct rpool *p);
struct rset *rpool_allocated (const struct rpool *p);

#endif /* !SCHED_SIMPLE_RPOOL_H */
