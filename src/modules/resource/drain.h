/* drain.h - which ranks are drained, since when and why
 *
 * Pure.  The table is what the drain and undrain events (RFC 44) of the resource
 * eventlog add up to.
 */
#ifndef RESOURCE_DRAIN_H
#define RESOURCE_DRAIN_H

#include <jansson.h>
#include <flux/core/types.h>

struct idset;
struct hostmap;
struct drain;

/* What an event does to ranks that are drained already ("overwrite", RFC 44). */
enum drain_overwrite {
    DRAIN_KEEP = 0,
    DRAIN_REASON = 1,
    DRAIN_ALL = 2,       /* reason and time stamp */
};

struct drain *drain_new (void);
void drain_free (struct drain *d);

/* 'reason' may be NULL.  0 or -ENOMEM. */
int drain_set (struct drain *d, const struct idset *ranks, double timestamp,
               const char *reason, int overwrite);
int drain_clear (struct drain *d, const struct idset *ranks);
const struct idset *drain_ranks (const struct drain *d);

/* Apply one entry of the eventlog, with its ranks found again by their host
 * names; what is no longer there is passed over, as are other events.  0, or
 * -EINVAL (malformed), -ENOMEM. */
int drain_replay (struct drain *d, const json_t *entry, const struct hostmap *m);

/* {"0-3": {"timestamp": 1.2, "reason": "..."}, ...}: a new reference.  An
 * unset reason is "". */
json_t *drain_to_json (const struct drain *d);

#endif /* !RESOURCE_DRAIN_H */
