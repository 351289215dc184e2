/* content_cache.h - content.load on ranks other than 0
 *
 *   load ──► here? in the making? ──► answer
 *            else, a few at a time: content.load ──► the parent, which does the same
 *
 * So a blob that all nodes want goes once over each connection of the tree, and what a broker
 * has in hand does not grow with the number of nodes below it.  What has not been asked for
 * during a few seconds is forgotten.
 */
#ifndef KVS_CONTENT_CACHE_H
#define KVS_CONTENT_CACHE_H

#include <flux/core.h>

struct content_cache;

struct content_cache_stats {
    size_t count;            /* blobs here */
    size_t bytes;
    size_t loads;            /* that the parent was asked */
    size_t hits;             /* requests that were answered without asking it again */
};

struct content_cache *content_cache_new (flux_t *h, flux_error_t *err);
/* Pending requests are answered with ENOSYS. */
void content_cache_free (struct content_cache *c);
/* Answer a request, now or later. */
void content_cache_load (struct content_cache *c, const flux_msg_t *msg);
void content_cache_drop (struct content_cache *c);
void content_cache_get_stats (const struct content_cache *c, struct content_cache_stats *st);

#endif /* !KVS_CONTENT_CACHE_H */
