/* dispatch.h - how a handle's messages find their callback
 *
 * One dispatcher a handle, made at first use by the message handlers of
 * flux/core/msg_handler.h and by RPCs.  It owns the handle's one handle watcher,
 * which runs while there is at least one started handler or pending RPC, so a
 * reactor with nothing else to do returns when the last is gone.
 *
 * A clone (flux_clone) has a dispatcher of its own, which keeps messages that
 * match nothing aside until flux_dispatch_requeue().
 */
#ifndef CORE_DISPATCH_H
#define CORE_DISPATCH_H

#include <flux/core/types.h>
#include <flux/core/message.h>
#include <flux/core/handle.h>

/* 'msg' is borrowed: flux_msg_incref() it to keep it.  The callback may add
 * and delete entries (its own too), and may close the handle. */
typedef void (*dispatch_rpc_f) (flux_t *h, const flux_msg_t *msg, void *arg);

/* Call 'cb' for each response whose matchtag is 'matchtag' (never
 * FLUX_MATCHTAG_NONE; normally from flux_matchtag_alloc(), as the table is an
 * array indexed by matchtag) until the entry is deleted.  O(1), no allocation
 * once the table has grown.  There is no check of roles: the matchtag is the
 * right to answer.  0, -EEXIST if the matchtag has an entry, -EINVAL, -ENOMEM.
 *
 * The entry does not free the matchtag; who allocated it does that, after the
 * terminating response.  A response to a matchtag without an entry is dropped
 * and, if it terminates its RPC (it has an errnum, or does not have
 * FLUX_MSGFLAG_STREAMING), the dispatcher returns the matchtag to the pool:
 * so an RPC destroyed early just deletes its entry. */
int dispatch_rpc_add (flux_t *h, uint32_t matchtag, dispatch_rpc_f cb,
                      void *arg);

/* No-op if there is no such entry, or the handle is gone. */
void dispatch_rpc_del (flux_t *h, uint32_t matchtag);

#endif /* !CORE_DISPATCH_H */
