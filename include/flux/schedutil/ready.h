/* ready.h - the ready handshake (RFC 27)
 */
#ifndef _FLUX_SCHEDUTIL_READY_H
#define _FLUX_SCHEDUTIL_READY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>
#include <flux/schedutil/init.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tell the job manager to send requests: mode is "unlimited" or "limited=N".  queue_depth (may
 * be NULL) is how many jobs wait.  Blocks: before the reactor runs.  0, or -1 with errno. */
int schedutil_ready (schedutil_t *util, const char *mode, int *queue_depth);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_READY_H */
