/* due.h - call a function in the next turn of a reactor
 *
 * A struct due is embedded in the object that wants to be called.  Posting
 * allocates nothing and costs no system call; everything posted before or
 * during a turn runs once in the next one, in order, so that a callback that
 * posts again cannot starve file descriptors and timers.  While something is
 * due the reactor neither sleeps nor ends.
 *
 * One thread: that of the reactor.
 */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include <flux/core/types.h>

#include "base/list.h"

struct due {
    struct list_node node;
    void (*fn) (struct due *d);
};

static inline void due_init (struct due *d, void (*fn) (struct due *d))
{
    list_init (&d->node);
    d->fn = fn;
}

/* No-op if it is already posted.  0 or -ENOMEM. */
int due_post (flux_reactor_t *r, struct due *d);
/* No-op if it is not posted.  fn may call it on any struct due. */
void due_cancel (struct due *d);

static inline bool due_posted (const struct due *d)
{
    return !list_empty (&d->node);
}

#endif /* !CORE_DUE_H */
