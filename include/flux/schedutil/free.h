/* free.h - responses to sched.free (RFC 27)
 */
#ifndef _FLUX_SCHEDUTIL_FREE_H
#define _FLUX_SCHEDUTIL_FREE_H

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

/* RFC 27 has no response to sched.free any more: does nothing.  0, or -1 with errno. */
int schedutil_free_respond (schedutil_t *util, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_FREE_H */
