/* topo.h - the shape of the tree of brokers (flux-broker-attributes(7) tbon.topo)
 *
 * Pure: parent and children of a rank for "kary:K" (K >= 0; kary:0 is flat),
 * "binomial", "custom" (parents from [bootstrap]) and "mincrit[:K]".
 */
#ifndef SPEC_TOPO_H
#define SPEC_TOPO_H

#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

#define TOPO_NORANK ((uint32_t)-1)

struct topo;

/* 'hosts' is the [bootstrap] hosts array (with "parent" keys) for custom, else
 * NULL.  NULL with err->text on error. */
struct topo *topo_new (const char *scheme, uint32_t size, const json_t *hosts,
                       flux_error_t *err);
void topo_free (struct topo *t);
uint32_t topo_size (const struct topo *t);
uint32_t topo_parent (const struct topo *t, uint32_t rank);   /* TOPO_NORANK for 0 */
/* Children in ascending order: returns their number; fills up to max. */
uint32_t topo_children (const struct topo *t, uint32_t rank, uint32_t *ranks, uint32_t max);
/* The child of 'rank' whose subtree has 'target', or TOPO_NORANK if target is
 * not below rank. */
uint32_t topo_child_route (const struct topo *t, uint32_t rank, uint32_t target);
uint32_t topo_level (const struct topo *t, uint32_t rank);
uint32_t topo_maxlevel (const struct topo *t);
uint32_t topo_descendants (const struct topo *t, uint32_t rank);

#endif /* !SPEC_TOPO_H */
