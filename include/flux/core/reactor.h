/* reactor.h - the event loop (man3 flux_reactor_create, flux_reactor_now)
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

flux_reactor_t *flux_reactor_create (int flags);

void flux_reactor_decref (flux_reactor_t *r);

void flux_reactor_destroy (flux_reactor_t *r);

void flux_reactor_incref (flux_reactor_t *r);

double flux_reactor_now (flux_reactor_t *r);

void flux_reactor_now_update (flux_reactor_t *r);

int flux_reactor_run (flux_reactor_t *r, int flags);

void flux_reactor_stop (flux_reactor_t *r);

void flux_reactor_stop_error (flux_reactor_t *r);

double flux_reactor_time (void);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REACTOR_H */
