/* groups.h - named sets of broker ranks (groups.*)
 *
 * A rank is in a group while a client of its broker has joined it.  Changes are
 * summed up on the way to rank 0, which knows all members and streams them to
 * whoever asked with groups.get.
 */
#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#include <flux/core.h>
#include <flux/idset.h>

struct groups;

struct groups *groups_new (flux_t *h, uint32_t rank);
void groups_free (struct groups *g);

/* The broker itself joins or leaves.  0 or a negative errno. */
int groups_join (struct groups *g, const char *name);
int groups_leave (struct groups *g, const char *name);
/* Set or clear other ranks (torpid children). */
int groups_set (struct groups *g, const char *name, uint32_t rank, bool member);
/* The ranks of a lost subtree leave every group. */
void groups_lost (struct groups *g, const struct idset *ranks);

/* On rank 0: call 'fun' now and after each change. */
typedef void (*groups_watch_f) (void *arg, const struct idset *members);
int groups_watch (struct groups *g, const char *name, groups_watch_f fun, void *arg);

#endif /* !BROKER_GROUPS_H */
