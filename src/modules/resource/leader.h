/* leader.h - the resource service of rank 0
 *
 *   inventory ──R──────┐
 *   monitor ──online───┤──► what is up ──► acquire (the scheduler)
 *   drain, exclude ────┘              └──► status
 *
 * Requests that come before R is known wait for it.
 */
#ifndef RESOURCE_LEADER_H
#define RESOURCE_LEADER_H

#include <stdbool.h>
#include <flux/core.h>

#include "modules/resource/rconfig.h"

struct leader;
struct rset;

struct leader_args {
    flux_t *h;
    uint32_t size;
    const struct rconfig *config;   /* stays */
    bool force_up;                  /* take every rank for online */
    bool first;                     /* first load in the life of this broker */
    void (*discover) (void *arg);   /* have this rank tell what it has */
    void *arg;
};

/* NULL with errno and err->text. */
struct leader *leader_new (const struct leader_args *args, flux_error_t *err);
void leader_free (struct leader *l);

/* What ranks discovered. */
void leader_found (struct leader *l, const struct rset *found);
void leader_set_journal_max (struct leader *l, int journal_max);

#endif /* !RESOURCE_LEADER_H */
