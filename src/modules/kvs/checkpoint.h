/* checkpoint.h - remembered roots
 *
 * The store always has the current root, so that is the first checkpoint of any
 * list.  What others put is remembered behind it; while "kvs" is not loaded it is
 * also the root to begin with when it is (flux restore --checkpoint).
 */
#ifndef KVS_CHECKPOINT_H
#define KVS_CHECKPOINT_H

#include <jansson.h>
#include "modules/kvs/state.h"

#define CHECKPOINT_KEEP 5

/* [{"version":1,"rootref":s,"sequence":i,"timestamp":f}, ...]: 'root', whose
 * reference is computed, and what was put.  NULL: no memory. */
json_t *checkpoint_list (struct kvs *kvs, const struct tnode *root,
                         uint64_t seq);
/* 0, -EINVAL, -ENOMEM. */
int checkpoint_put (struct kvs *kvs, json_t *o, struct buf *redo,
                    flux_error_t *err);
/* As it was read from the store. */
int checkpoint_remember (struct kvs *kvs, const char *json);

/* Begin with a root: a blobref, and its version.  Called when "kvs" is loaded.
 * 0 or a negative errno with err->text. */
int checkpoint_begin_with (struct kvs *kvs, const char *rootref, uint64_t seq,
                           flux_error_t *err);
/* The same with what is to be restored, if anything. */
int checkpoint_restore (struct kvs *kvs, flux_error_t *err);

#endif /* !KVS_CHECKPOINT_H */
