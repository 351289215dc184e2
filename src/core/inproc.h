/* inproc.h - a pair of handles within one process
 *
 * Two ends, each an ordinary flux_t: what one sends the other receives, without
 * serialising.  Each end may live in a thread of its own.  The message body
 * (topic, payload) is shared, reference-counted atomically and immutable; the
 * envelope is copied when it is shared.  A JSON tree that one end decoded is
 * not visible to the other.
 */
#ifndef CORE_INPROC_H
#define CORE_INPROC_H

#include <flux/core.h>

/* Create both ends.  0 or a negative errno.  When one end is closed the other
 * gets POLLIN and its receive fails with ECONNRESET after what was queued is
 * read.  The pollfd of an end is written only when its queue goes from empty to
 * non-empty. */
int inproc_pair (flux_t *pair[2]);

#endif /* !CORE_INPROC_H */
