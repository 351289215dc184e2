/* history.h - dropping old entries of the resource eventlog (resource.history)
 *
 * Pure.  What is dropped is replaced by as many drain events as are needed to
 * come to the same drained nodes.
 */
#ifndef RESOURCE_HISTORY_H
#define RESOURCE_HISTORY_H

#include <jansson.h>

struct hostmap;

/* Entries that are older than 'cutoff' (seconds since the Epoch) are dropped.
 * *out is set to the new log, a new reference, or to NULL if nothing would be
 * gained.  0 or -ENOMEM. */
int history_truncate (const json_t *entries, double cutoff,
                      const struct hostmap *m, json_t **out);

#endif /* !RESOURCE_HISTORY_H */
