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

int schedutil_free_respond (schedutil_t *util, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_FREE_H */
