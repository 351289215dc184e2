/* hello.h - the hello handshake (RFC 27)
 */
#ifndef _FLUX_SCHEDUTIL_HELLO_H
#define _FLUX_SCHEDUTIL_HELLO_H

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

/* Ask the job manager for the jobs that have resources, and call ops->hello() for each.
 * Blocks: before the reactor runs.  0, or -1 with errno. */
int schedutil_hello (schedutil_t *util);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_HELLO_H */
