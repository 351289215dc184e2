/* acquire.h - the resource.acquire stream towards the scheduler (RFC 28)
 */
#ifndef RESOURCE_ACQUIRE_H
#define RESOURCE_ACQUIRE_H

#include <stdbool.h>
#include <flux/core.h>

struct acquire;
struct rset;
struct idset;

struct acquire *acquire_new (flux_t *h);    /* NULL: errno */
void acquire_free (struct acquire *a);      /* the scheduler gets ENOSYS */

/* Start the stream: 'resources' is the inventory without what is excluded.
 * One scheduler at a time: EBUSY to the second. */
void acquire_request (struct acquire *a, const flux_msg_t *msg,
                      const struct rset *resources, const struct idset *up);
/* Tell what went up and down since, and what will never be back: 'lost' is not up. */
void acquire_update (struct acquire *a, const struct idset *up, const struct idset *lost);
void acquire_expiration (struct acquire *a, double expiration);
/* Tell nothing any more (the instance is shutting down). */
void acquire_mute (struct acquire *a);
bool acquire_muted (const struct acquire *a);
void acquire_cancel (struct acquire *a, const flux_msg_t *msg);
void acquire_disconnect (struct acquire *a, const flux_msg_t *msg);

/* Pure: what is in 'now' and not in 'before', and the other way round, among
 * 'ranks'.  0 or -ENOMEM. */
int acquire_diff (const struct idset *before, const struct idset *now,
                  const struct idset *ranks, struct idset **up, struct idset **down);

#endif /* !RESOURCE_ACQUIRE_H */
