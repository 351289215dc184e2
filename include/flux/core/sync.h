/* sync.h - synchronisation with the heartbeat (man3 flux_sync_create)
 */
#ifndef _FLUX_CORE_SYNC_H
#define _FLUX_CORE_SYNC_H

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

/* A future fulfilled by the heartbeat, at most once in minimum seconds (<= 0: by
 * each).  Reset it to wait for the next; a timeout of flux_future_then() is the
 * longest time between two. */
flux_future_t *flux_sync_create (flux_t *h, double minimum);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SYNC_H */
