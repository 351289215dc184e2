/* reactor_private.h - the inside of a reactor and of its watchers
 *
 * A reactor is a libev loop of its own plus one poller, which serves what needs
 * no file descriptor to become ready: handles with messages in memory, and
 * functions that are due (core/due.h).  One turn of the loop:
 *
 *   prepare   is a handle ready, or something due?  then do not sleep
 *   (sleep)   epoll_wait
 *   check     passes: due functions, then each ready handle's callback, again
 *             while a pass made more ready (up to a limit: a message that hops
 *             between services of one thread costs no system call)
 *   ...       callbacks of descriptors, timers, signals
 *
 * Each active, referenced watcher counts one in the loop's reference count, as
 * does a non-empty list of due functions; the poller's own libev watchers do
 * not count.
 */
#ifndef CORE_REACTOR_PRIVATE_H
#define CORE_REACTOR_PRIVATE_H

#include <ev.h>
#include <flux/core/reactor.h>
#include <flux/core/watcher.h>

#include "base/list.h"

/* What the poller asks of a handle watcher. */
struct pollee {
    struct list_node node;
    unsigned int pass;                   /* the last pass that served it */
    bool (*prepare) (struct pollee *p);  /* about to sleep: is it ready? */
    void (*check) (struct pollee *p);    /* serve it if it is ready; may destroy
                                          * it or any other */
};

struct flux_reactor {
    struct ev_loop *loop;
    int refs;
    bool failed;
    bool stopped;
    bool polling;                        /* the poller has been started */
    bool due_counted;
    unsigned int pass;
    struct list_node pollees;
    struct list_node due;
    ev_prepare prepare;
    ev_check check;
    ev_idle idle;
    struct waker *waker;                 /* or NULL */
    ev_io waker_io;
};

void reactor_poll_add (flux_reactor_t *r, struct pollee *p);
void reactor_poll_del (struct pollee *p);
/* It is armed while the loop sleeps; or NULL, if there is no descriptor for it. */
struct waker *reactor_waker (flux_reactor_t *r);

struct watcher_ops {
    void (*start) (flux_watcher_t *w);
    void (*stop) (flux_watcher_t *w);
    bool (*is_active) (flux_watcher_t *w);
    void (*destroy) (flux_watcher_t *w);               /* may be NULL */
    void (*set_priority) (flux_watcher_t *w, int pri); /* may be NULL */
    double (*next_wakeup) (flux_watcher_t *w);         /* may be NULL */
};

/* First member of each kind of watcher. */
struct flux_watcher {
    flux_reactor_t *r;
    const struct watcher_ops *ops;
    flux_watcher_f cb;
    void *arg;
    bool unreferenced;
    bool discounted;      /* an ev_unref() of ours is in effect */
};

/* Allocate 'size' bytes, zeroed, and fill the common part.  NULL with errno. */
void *watcher_new (size_t size, flux_reactor_t *r,
                   const struct watcher_ops *ops, flux_watcher_f cb, void *arg);

/* To be called when a watcher became active, is about to become inactive, or
 * was found stopped by libev. */
void watcher_started (flux_watcher_t *w);
void watcher_stopped (flux_watcher_t *w);

static inline void watcher_call (flux_watcher_t *w, int revents)
{
    if (w->cb)
        w->cb (w->r, w, revents, w->arg);
}

#endif /* !CORE_REACTOR_PRIVATE_H */
