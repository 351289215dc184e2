/* supply.h - a scheduler's side of resource.acquire (RFC 28)
 *
 * When the resource service goes, the next one is asked.  One thread.
 */
#ifndef SCHED_SUPPLY_H
#define SCHED_SUPPLY_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core.h>

struct supply;
struct idset;

/* Those that return int: 0, or a negative errno (resources: with err->text), after
 * which no more is asked for. */
struct supply_ops {
    /* The first answer: all there is.  All of it is down. */
    int (*resources) (void *arg, json_t *R, flux_error_t *err);
    void (*set_up) (void *arg, const struct idset *ranks, bool up);
    void (*shrink) (void *arg, const struct idset *ranks);
    /* {"name": "ranks", ...} */
    int (*properties) (void *arg, const json_t *properties, bool add);
    void (*expiration) (void *arg, double expiration);
    /* After all of an answer was told. */
    void (*changed) (void *arg);
    /* The service has gone; what there is will be told anew. */
    void (*gone) (void *arg);
};

/* NULL: no memory. */
struct supply *supply_new (flux_t *h, const struct supply_ops *ops, void *arg);
void supply_destroy (struct supply *a);
/* Begin.  0 or a negative errno. */
int supply_begin (struct supply *a);

#endif /* !SCHED_SUPPLY_H */
