/* rpool_match.h - which nodes a constraint allows, remembered by its text
 */
#ifndef SCHED_SIMPLE_RPOOL_MATCH_H
#define SCHED_SIMPLE_RPOOL_MATCH_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core/types.h>

struct rset;
struct match;          /* a set of places among the nodes of an rset */
struct match_cache;

struct match_cache *match_cache_new (void);
void match_cache_free (struct match_cache *c);
/* Nodes or properties changed. */
void match_cache_clear (struct match_cache *c);
/* Borrowed from the cache until it is cleared, or another constraint is asked
 * about.  0, -EINVAL with err->text, -ENOMEM. */
int match_get (struct match_cache *c, const struct rset *all, const json_t *constraint,
               const struct match **mp, flux_error_t *err);
bool match_test (const struct match *m, unsigned index);

#endif /* !SCHED_SIMPLE_RPOOL_MATCH_H */
