/* change.h - what one request did to the heads
 */
#ifndef KVS_CHANGE_H
#define KVS_CHANGE_H

#include "base/buf.h"
#include "modules/kvs/state.h"
#include "modules/kvs/watch.h"

#define CHANGE_REPLY_MAX 64

struct change {
    struct kvsns *ns;        /* whose version it advanced, or NULL */
    uint64_t seq;
    struct touch *touch;     /* key owned */
    size_t count, size;
    struct buf redo;         /* redo.h; empty if nothing goes to the store */
    struct kvsns *created;
    struct kvsns *removed;
    struct kvsns *frozen_in; /* whose head has a frozen directory now */
    struct tnode *frozen;    /* a reference to the cold node, or NULL */
    unsigned char reply[CHANGE_REPLY_MAX]; /* a raw answer, if reply_len > 0 */
    size_t reply_len;
    char blob[72];           /* stored by this: its bytes need not stay in memory */
    bool nomerge;
    bool sync;
    bool keep_root;
    bool failed;             /* no memory for touch or redo */
};
#define CHANGE_INIT { .redo = BUF_INIT }

/* Joined with the touch before if it is the same place. */
void change_touch (struct change *ch, struct kvsns *ns, const char *key,
                   size_t len, int flags);
void change_release (struct change *ch);

/* A growing array of touches.  0 or -ENOMEM. */
int touch_add (struct touch **touch, size_t *count, size_t *size,
               struct touch t);
void touch_free (struct touch *touch, size_t count);

#endif /* !KVS_CHANGE_H */
