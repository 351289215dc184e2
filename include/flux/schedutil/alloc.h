/* alloc.h - responses to sched.alloc (RFC 27)
 */
#ifndef _FLUX_SCHEDUTIL_ALLOC_H
#define _FLUX_SCHEDUTIL_ALLOC_H

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

enum {
    FLUX_SCHED_ALLOC_SUCCESS = 0,
    FLUX_SCHED_ALLOC_ANNOTATE = 1,
    FLUX_SCHED_ALLOC_DENY = 2,
    FLUX_SCHED_ALLOC_CANCEL = 3,
};

/* Annotate the pending job; fmt makes the annotations (RFC 27).  msg is the sched.alloc
 * request.  0, or -1 with errno; so for the functions below. */
int schedutil_alloc_respond_annotate_pack (schedutil_t *util,
                                           const flux_msg_t *msg,
                                           const char *fmt,
                                           ...);

/* The request is withdrawn, as it was asked. */
int schedutil_alloc_respond_cancel (schedutil_t *util, const flux_msg_t *msg);

/* The request can never be satisfied; note (may be NULL) says why. */
int schedutil_alloc_respond_deny (schedutil_t *util,
                                  const flux_msg_t *msg,
                                  const char *note);

/* Write R to the KVS and then respond, when the reactor runs.  fmt makes the annotations, NULL:
 * none. */
int schedutil_alloc_respond_success_pack (schedutil_t *util,
                                          const flux_msg_t *msg,
                                          const char *R,
                                          const char *fmt,
                                          ...);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_ALLOC_H */
