/* inventory.h - the resources of the instance: where R comes from (rank 0)
 *
 *   [fake-resources]  ──────────────────────────────┐ "kvs"
 *   [resource] path, config ────────────────────────┤ "configuration"
 *   resource.R in the KVS, put there by a person    │
 *     or by an earlier life with the same hosts ────┼──► R
 *   R of the job that we are (inherit.h) ───────────┤ "job-info"
 *   what each rank discovers (gather.h) ────────────┘ "dynamic-discovery"
 *
 * The first that applies.
 */
#ifndef RESOURCE_INVENTORY_H
#define RESOURCE_INVENTORY_H

#include <stdbool.h>
#include <flux/core.h>
#include <jansson.h>

#include "modules/resource/rconfig.h"

struct inventory;
struct rset;

struct inventory_args {
    flux_t *h;
    uint32_t size;
    const struct rconfig *config;
    bool first;              /* first load in the life of this broker */
    /* Before anything else: the eventlog of earlier lives. */
    void (*history) (const json_t *entries, void *arg);
    /* This rank, too, has to tell what it has. */
    void (*discover) (void *arg);
    /* R is known, or it cannot be ('text' not NULL). */
    void (*ready) (const char *text, void *arg);
    void (*expiration) (double expiration, void *arg);
    /* What rank discovered is not what R says. */
    void (*mismatch) (uint32_t rank, const char *text, void *arg);
    void *arg;
};

struct inventory *inventory_new (const struct inventory_args *args); /* NULL: errno */
void inventory_free (struct inventory *inv);

/* NULL until 'ready'. */
const struct rset *inventory_R (const struct inventory *inv);
const char *inventory_method (const struct inventory *inv);
/* Are ranks beyond the size of the instance to be taken for real? */
bool inventory_fake (const struct inventory *inv);
/* Do the other ranks have to tell what they have?  Right once 'method' is
 * known. */
bool inventory_wants_discovery (const struct inventory *inv);
/* Asked before 'method' is known on a rank that may depend on it. */
void inventory_method_request (struct inventory *inv, const flux_msg_t *msg);

/* What ranks discovered. */
void inventory_found (struct inventory *inv, const struct rset *found);
/* Another R (flux resource reload), taken. */
void inventory_replace (struct inventory *inv, struct rset *R);
void inventory_set_expiration (struct inventory *inv, double expiration);

/* Does this configuration call for discovery on every rank?  1 yes, 0 no, -1:
 * ask rank 0 (resource.method). */
int inventory_discovery_needed (const struct rconfig *c, bool job);

#endif /* !RESOURCE_INVENTORY_H */
