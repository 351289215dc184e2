/* topics.h - what a set of handles has subscribed to
 *
 * A topic here is a prefix (man3 flux_event_subscribe); each may be held many
 * times.  One table is used for each endpoint, for each child (what its subtree
 * wants), and for the broker as a whole (what it must ask of its parent).
 */
#ifndef BROKER_TOPICS_H
#define BROKER_TOPICS_H

#include <stdbool.h>
#include <jansson.h>

struct topics;

struct topics *topics_new (void);
void topics_free (struct topics *t);
/* Returns how often the prefix is held now, or a negative errno (-ENOENT from
 * topics_del() if it is not held). */
int topics_add (struct topics *t, const char *prefix);
int topics_del (struct topics *t, const char *prefix);
bool topics_match (const struct topics *t, const char *topic);
/* Each prefix once, start with *pos = 0; *countp is how often it is held. */
const char *topics_next (const struct topics *t, size_t *pos, int *countp);

#endif /* !BROKER_TOPICS_H */
