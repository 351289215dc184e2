/* kvstree.h - a directory tree put together here, stored as content
 *
 * It begins empty, or with a root whose directories are loaded as they are changed.
 * Blobs are stored with up to 'maxreqs' requests under way; their references are known
 * before that, as they are hashes.  All functions exit 1 with the cause if they fail.
 */
#ifndef CMD_KVSTREE_H
#define CMD_KVSTREE_H

#include <flux/core.h>
#include <jansson.h>

#include "base/blobref.h"

struct kvstree;

/* rootref: a blobref, or NULL. */
struct kvstree *kvstree_new (flux_t *h, int maxreqs, bool bypass, const char *rootref);
void kvstree_free (struct kvstree *t);

/* A val or valref of these bytes; a new reference. */
json_t *kvstree_value (struct kvstree *t, const void *data, size_t len);
/* Put an RFC 11 object at a key, in place of what is there; takes o. */
void kvstree_put (struct kvstree *t, const char *key, json_t *o);
/* Remove a key; its object (the caller's), or NULL if there is none. */
json_t *kvstree_take (struct kvstree *t, const char *key);
/* Store what changed; when all is stored, the reference of the root. */
void kvstree_store (struct kvstree *t, char rootref[BLOBREF_MAX_STRING]);

#endif /* !CMD_KVSTREE_H */
