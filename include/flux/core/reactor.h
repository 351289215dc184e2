/* reactor.h - the event loop (man3 flux_reactor_create, flux_reactor_now)
 *
 * A reactor and its watchers belong to one thread at a time.  Any number of
 * reactors may exist.  Callbacks may do anything, also run the reactor again,
 * and drop the last reference to it.
 */
#ifndef _FLUX_CORE_REACTOR_H
#define _FLUX_CORE_REACTOR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_REACTOR_NOWAIT = 1,
    FLUX_REACTOR_ONCE = 2,
};

/* 'flags' must be 0.  NULL with EINVAL or ENOMEM. */
flux_reactor_t *flux_reactor_create (int flags);

/* References; each watcher has one.  flux_reactor_destroy() is
 * flux_reactor_decref(). */
void flux_reactor_incref (flux_reactor_t *r);
void flux_reactor_decref (flux_reactor_t *r);
void flux_reactor_destroy (flux_reactor_t *r);

/* Run callbacks until no active, referenced watcher is left, or the reactor is
 * stopped; with FLUX_REACTOR_NOWAIT one turn without waiting, with FLUX_REACTOR_ONCE
 * one turn that waits for an event.  Returns the number of active, referenced
 * watchers, or -1 with errno after flux_reactor_stop_error(). */
int flux_reactor_run (flux_reactor_t *r, int flags);

/* Make flux_reactor_run() return after the current callback.  For _stop_error() set
 * errno first. */
void flux_reactor_stop (flux_reactor_t *r);
void flux_reactor_stop_error (flux_reactor_t *r);

/* When the current turn began, in seconds since the epoch.  Timers count from there:
 * update it after work that took long.  Without a reactor it is flux_reactor_time(). */
double flux_reactor_now (flux_reactor_t *r);
void flux_reactor_now_update (flux_reactor_t *r);

/* The time. */
double flux_reactor_time (void);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REACTOR_H */
