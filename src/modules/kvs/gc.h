/* gc.h - getting rid of blobs that nothing refers to (flux-gc(1))
 *
 * A blob, and a reference of the tree that was given out (a pin, content.h), is of the
 * epoch in which it was last stored, given out or marked.  An epoch ends with a
 * checkpoint.  Who collects freezes an epoch H, marks all that can be reached, and has the
 * rest deleted that is from before H:
 *
 *   gc-info ──► H        what comes from now on is of H or later
 *   gc-roots             pins of the tree are marked here; the tree's own references to
 *                        blobs, and the checkpoints, are for the client to follow
 *   mark, mark, ...      what it finds
 *   sweep, sweep, ...    from before H: deleted, a few at a time
 *
 * A client that goes away, or a second one, does no harm: nothing is deleted but by a
 * sweep, and that deletes only what is from before its H.
 */
#ifndef KVS_GC_H
#define KVS_GC_H

#include <flux/core.h>

#include "base/buf.h"

struct gc;
struct kvs;

struct gc *gc_new (struct kvs *kvs);
/* Requests under way are answered with ENOSYS: of one handle, or (NULL) all. */
void gc_flush (struct gc *gc, const flux_t *h);
void gc_free (struct gc *gc);

uint64_t gc_epoch (const struct gc *gc);
/* The epoch ends.  The record goes with the change that is the reason. */
void gc_checkpoint (struct gc *gc, struct buf *redo);
/* End it each so many seconds in which something was committed, and bring that to the disk;
 * 0: do not. */
int gc_set_period (struct gc *gc, double seconds);
/* The epoch that a store had when its broker ended, as text. */
void gc_restarted (struct gc *gc, const char *epoch);
/* A blob is referred to by what is committed now. */
void gc_keep (struct gc *gc, const char *ref, struct buf *redo);

/* {} → {"current_epoch":i,"high_water":i}: no blob of now has a larger id */
void gc_info_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);
/* {"epoch":i} → {"dirrefs":[s],"valrefs":[s],"checkpoints":[s],"marked":i}: each once;
 * marked is the count of directories, and of pieces of large values, that are here */
void gc_roots_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);
/* {"epoch":i,"blobrefs":[s]} → empty, when it is safe */
void gc_mark_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);
/* {"epoch":i,"cursor":i,"high_water":i,"delete_cap":i,"window":i} →
 * {"cursor":i,"deleted":i}.  Ids from cursor on, 'window' of them, until 'delete_cap' are
 * deleted; 0 begins.  The end is high_water, and of the epoch. */
void gc_sweep_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg);

#endif /* !KVS_GC_H */
