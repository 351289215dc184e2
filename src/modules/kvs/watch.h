/* watch.h - look-ups that go on (kvs-watch)
 *
 * A watcher is registered at the places that decide about its answer:
 *
 *   at    its key, and where the key leads if there are links in it
 *   below each parent of those, and each link on the way; only watchers that
 *         wait for their key, want the full truth, or go through links
 *
 * A commit touches places.  It finds who must look again by one hash look-up a
 * place, whatever the number of watchers.
 */
#ifndef KVS_WATCH_H
#define KVS_WATCH_H

#include "modules/kvs/state.h"

struct watches;

enum touch_flags {
    TOUCH_NAMED = 1,  /* the transaction names this key */
    TOUCH_BELOW = 2,  /* what is below may be another now */
};

struct touch {
    struct kvsns *ns;
    char *key;
    int flags;
};

struct watches *watches_new (struct kvs *kvs);
void watches_free (struct watches *w);
bool watches_any (const struct watches *w);
size_t watches_count (const struct watches *w);

/* These places were touched by what has become visible. */
void watches_touched (struct watches *w, const struct touch *t, size_t count);
void watches_ns_created (struct watches *w, const char *ns);
/* Called when the namespace is no longer found. */
void watches_ns_removed (struct watches *w, const char *ns);

/* The requests of the service.  h is where they came from. */
void watch_request (struct watches *w, flux_t *h, const flux_msg_t *msg);
void watch_cancel (struct watches *w, const flux_msg_t *msg);
void watch_disconnect (struct watches *w, const flux_msg_t *msg);
/* Answer all with ENOSYS. */
void watches_flush (struct watches *w);

#endif /* !KVS_WATCH_H */
