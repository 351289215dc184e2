/* watcher.h - event watchers (man3 flux_fd_watcher_create and following)
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

typedef double (*flux_reschedule_f) (flux_watcher_t *w, double now, void *arg);
typedef void (*flux_watcher_f) (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

flux_watcher_t *flux_check_watcher_create (flux_reactor_t *r,
                                           flux_watcher_f cb,
                                           void *arg);

flux_watcher_t *flux_fd_watcher_create (flux_reactor_t *r,
                                        int fd,
                                        int events,
                                        flux_watcher_f cb,
                                        void *arg);

int flux_fd_watcher_get_fd (flux_watcher_t *w);

flux_watcher_t *flux_handle_watcher_create (flux_reactor_t *r,
                                            flux_t *h,
                                            int events,
                                            flux_watcher_f cb,
                                            void *arg);

flux_t *flux_handle_watcher_get_flux (flux_watcher_t *w);

flux_watcher_t *flux_idle_watcher_create (flux_reactor_t *r,
                                          flux_watcher_f cb,
                                          void *arg);

flux_watcher_t *flux_periodic_watcher_create (flux_reactor_t *r,
                                              double offset,
                                              double interval,
                                              flux_reschedule_f reschedule_cb,
                                              flux_watcher_f cb,
                                              void *arg);

void flux_periodic_watcher_reset (flux_watcher_t *w,
                                  double next_wakeup,
                                  double interval,
                                  flux_reschedule_f reschedule_cb);

flux_watcher_t *flux_prepare_watcher_create (flux_reactor_t *r,
                                             flux_watcher_f cb,
                                             void *arg);

flux_watcher_t *flux_signal_watcher_create (flux_reactor_t *r,
                                            int signum,
                                            flux_watcher_f cb,
                                            void *arg);

int flux_signal_watcher_get_signum (flux_watcher_t *w);

flux_watcher_t *flux_stat_watcher_create (flux_reactor_t *r,
                                          const char *path,
                                          double interval,
                                          flux_watcher_f cb,
                                          void *arg);

int flux_stat_watcher_get_rstat (flux_watcher_t *w,
                                 struct stat *stat,
                                 struct stat *prev);

void flux_timer_watcher_again (flux_watcher_t *w);

flux_watcher_t *flux_timer_watcher_create (flux_reactor_t *r,
                                           double after,
                                           double repeat,
                                           flux_watcher_f cb,
                                           void *arg);

void flux_timer_watcher_reset (flux_watcher_t *w, double after, double repeat);

void flux_watcher_destroy (flux_watcher_t *w);

bool flux_watcher_is_active (flux_watcher_t *w);

bool flux_watcher_is_referenced (flux_watcher_t *w);

double flux_watcher_next_wakeup (flux_watcher_t *w);

void flux_watcher_ref (flux_watcher_t *w);

void flux_watcher_set_priority (flux_watcher_t *w, int priority);

void flux_watcher_start (flux_watcher_t *w);

void flux_watcher_stop (flux_watcher_t *w);

void flux_watcher_unref (flux_watcher_t *w);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_WATCHER_H */
