/* watcher.h - event watchers (man3 flux_fd_watcher_create and following)
 *
 * A watcher is created stopped.  Creators return NULL with EINVAL (also for a
 * negative time) or ENOMEM.  A watcher may be started, stopped and destroyed
 * within any callback, its own included.
 */
#ifndef _FLUX_CORE_WATCHER_H
#define _FLUX_CORE_WATCHER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

struct stat;

#ifdef __cplusplus
extern "C" {
#endif

/* Next time at which a periodic watcher is to run; may not touch the reactor.  A
 * time before 'now' stops the watcher. */
typedef double (*flux_reschedule_f) (flux_watcher_t *w, double now, void *arg);
/* 'revents' is only meaningful for watchers of descriptors and handles. */
typedef void (*flux_watcher_f) (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

/*
 * All watchers
 */

/* No-ops on one that is active, or is not. */
void flux_watcher_start (flux_watcher_t *w);
void flux_watcher_stop (flux_watcher_t *w);

bool flux_watcher_is_active (flux_watcher_t *w);

/* Stops it first.  Accepts NULL. */
void flux_watcher_destroy (flux_watcher_t *w);

/* An unreferenced watcher works, but does not keep flux_reactor_run() running. */
void flux_watcher_ref (flux_watcher_t *w);
void flux_watcher_unref (flux_watcher_t *w);
bool flux_watcher_is_referenced (flux_watcher_t *w);

/* From -2 to 2, clamped; higher ones first.  Only for check watchers. */
void flux_watcher_set_priority (flux_watcher_t *w, int priority);

/* When a timer or periodic watcher will run, in seconds since the epoch; -1 with
 * EINVAL for other kinds. */
double flux_watcher_next_wakeup (flux_watcher_t *w);

/*
 * Descriptors and handles
 */

/* Level-triggered.  'events' and 'revents' are FLUX_POLLIN and FLUX_POLLOUT;
 * FLUX_POLLERR may be in 'revents'. */
flux_watcher_t *flux_fd_watcher_create (flux_reactor_t *r,
                                        int fd,
                                        int events,
                                        flux_watcher_f cb,
                                        void *arg);
int flux_fd_watcher_get_fd (flux_watcher_t *w);

/* The same for a handle, which must outlive the watcher. */
flux_watcher_t *flux_handle_watcher_create (flux_reactor_t *r,
                                            flux_t *h,
                                            int events,
                                            flux_watcher_f cb,
                                            void *arg);
flux_t *flux_handle_watcher_get_flux (flux_watcher_t *w);

/*
 * Time, in seconds
 */

/* Run after 'after' seconds, then, unless it is 0, every 'repeat' seconds. */
flux_watcher_t *flux_timer_watcher_create (flux_reactor_t *r,
                                           double after,
                                           double repeat,
                                           flux_watcher_f cb,
                                           void *arg);

/* Change both; an active timer starts over.  One that has run out must be started. */
void flux_timer_watcher_reset (flux_watcher_t *w, double after, double repeat);

/* Start over with 'repeat' as the time, or stop if that is 0. */
void flux_timer_watcher_again (flux_watcher_t *w);

/* Run at wall clock time 'offset', then every 'interval' seconds unless it is 0; or
 * if there is a reschedule callback, whenever it says. */
flux_watcher_t *flux_periodic_watcher_create (flux_reactor_t *r,
                                              double offset,
                                              double interval,
                                              flux_reschedule_f reschedule_cb,
                                              flux_watcher_f cb,
                                              void *arg);

/* Change these, and start. */
void flux_periodic_watcher_reset (flux_watcher_t *w,
                                  double next_wakeup,
                                  double interval,
                                  flux_reschedule_f reschedule_cb);

/*
 * Turns of the loop
 */

/* Before the loop sleeps, after it has slept, and when there is nothing else to do
 * (while active, the loop does not sleep). */
flux_watcher_t *flux_prepare_watcher_create (flux_reactor_t *r,
                                             flux_watcher_f cb,
                                             void *arg);
flux_watcher_t *flux_check_watcher_create (flux_reactor_t *r,
                                           flux_watcher_f cb,
                                           void *arg);
flux_watcher_t *flux_idle_watcher_create (flux_reactor_t *r,
                                          flux_watcher_f cb,
                                          void *arg);

/*
 * Signals and files
 */

/* A signal may be watched by one reactor at a time; best by the main thread's. */
flux_watcher_t *flux_signal_watcher_create (flux_reactor_t *r,
                                            int signum,
                                            flux_watcher_f cb,
                                            void *arg);
int flux_signal_watcher_get_signum (flux_watcher_t *w);

/* Changes of what stat(2) says of 'path', also that it appears or vanishes.  Looks
 * every 'interval' seconds (0: the default) where inotify cannot be used. */
flux_watcher_t *flux_stat_watcher_create (flux_reactor_t *r,
                                          const char *path,
                                          double interval,
                                          flux_watcher_f cb,
                                          void *arg);

/* Status now and before; either may be NULL.  st_nlink is 0 if there is no such
 * file. */
int flux_stat_watcher_get_rstat (flux_watcher_t *w,
                                 struct stat *stat,
                                 struct stat *prev);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_WATCHER_H */
