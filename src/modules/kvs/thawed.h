/* thawed.h - the frozen directories that were read back last
 *
 * Who looks at one key of a finished job looks at others.
 */
#ifndef KVS_THAWED_H
#define KVS_THAWED_H

#include "modules/kvs/tree.h"

enum { THAWED_MAX = 8 };

/* A plain value: { 0 } is empty. */
struct thawed {
    struct {
        uint64_t id;
        struct tnode *dir;
    } entry[THAWED_MAX];
    unsigned int next;
};

/* A new reference, or NULL. */
struct tnode *thawed_get (const struct thawed *t, uint64_t id);
void thawed_put (struct thawed *t, uint64_t id, const struct tnode *dir);
void thawed_forget (struct thawed *t, uint64_t id);
void thawed_release (struct thawed *t);

#endif /* !KVS_THAWED_H */
