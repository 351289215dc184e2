/* dispatch_private.h - the inside of a dispatcher
 *
 *   topics: hash, exact topic -> handlers, newest first  (requests, events)
 *   globs:  handlers with a wildcard, no topic, or a matchtag, newest first
 *   rpcs:   array indexed by matchtag
 *
 * Only started handlers are on a list.
 */
#ifndef CORE_DISPATCH_PRIVATE_H
#define CORE_DISPATCH_PRIVATE_H

#include <flux/core/msg_handler.h>

#include "base/hash.h"
#include "base/list.h"
#include "core/dispatch.h"
#include "core/msgq.h"

struct rpc_slot {
    dispatch_rpc_f cb;          /* NULL: free */
    void *arg;
};

struct topic_entry {
    struct list_node handlers;
    int refs;                   /* handlers that have this topic */
};

struct dispatch {
    flux_t *h;                  /* NULL once the handle is gone */
    flux_watcher_t *w;
    int refs;                   /* the handle, and each handler */
    size_t active;              /* started handlers and pending RPCs */
    uint64_t last_seq;
    struct hash *topics;        /* -> struct topic_entry */
    struct list_node globs;
    struct rpc_slot *rpcs;
    size_t nrpcs;
    struct msgq unmatched;      /* of a clone */
};

struct flux_msg_handler {
    struct dispatch *d;
    struct list_node node;
    struct topic_entry *topic;  /* exact topic, or NULL: on d->globs */
    struct flux_match match;    /* owns topic_glob */
    uint64_t seq;               /* order of creation */
    uint32_t rolemask;
    int refs;
    bool running;
    flux_msg_handler_f cb;
    void *arg;
};

/* The handle's dispatcher, made if necessary.  NULL with errno. */
struct dispatch *dispatch_get (flux_t *h);
void dispatch_unref (struct dispatch *d);
/* Something became active or inactive: run the handle watcher or not. */
void dispatch_activate (struct dispatch *d);
void dispatch_deactivate (struct dispatch *d);

void msg_handler_unref (flux_msg_handler_t *mh);

#endif /* !CORE_DISPATCH_PRIVATE_H */
