/* hostmap.h - ranks and host names of the inventory
 */
#ifndef RESOURCE_HOSTMAP_H
#define RESOURCE_HOSTMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core/types.h>

struct rset;
struct idset;
struct hostmap;

/* Of the ranks and hosts of r.  NULL: ENOMEM. */
struct hostmap *hostmap_new (const struct rset *r);
void hostmap_free (struct hostmap *m);

/* TARGETS of flux-resource(1), an idset of ranks or a host list, to ranks; a
 * host stands for all its ranks.  0, or -EINVAL / -ENOENT with err->text naming
 * what does not exist. */
int hostmap_targets (const struct hostmap *m, const char *text,
                     struct idset **ranks, flux_error_t *err);
/* Host list of ranks, in rank order; the caller frees.  NULL: ENOMEM. */
char *hostmap_hosts (const struct hostmap *m, const struct idset *ranks);
/* Which rank is meant by 'rank' on 'host' in an event of an earlier life of the
 * instance (RFC 44): the same, or the first of that host, or -1. */
int64_t hostmap_resolve (const struct hostmap *m, uint32_t rank, const char *host);

#endif /* !RESOURCE_HOSTMAP_H */
