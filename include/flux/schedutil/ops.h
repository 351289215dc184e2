/* ops.h - callbacks of a scheduler
 */
#ifndef _FLUX_SCHEDUTIL_OPS_H
#define _FLUX_SCHEDUTIL_OPS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* hello: mark R as allocated; -1 with errno ends schedutil_hello().  alloc: answer msg by a
 * schedutil_alloc_respond function, now or later (take a reference).  free: R is free again.
 * cancel: if the request for the job in msg is pending, answer that with
 * schedutil_alloc_respond_cancel().  prioritize: msg has new priorities (RFC 27).  The last two may
 * be NULL. */
struct schedutil_ops {
    int (*hello) (flux_t *h, const flux_msg_t *msg, const char *R, void *arg);
    void (*alloc) (flux_t *h, const flux_msg_t *msg, void *arg);
    void (*free) (flux_t *h, const flux_msg_t *msg, const char *R, void *arg);
    void (*cancel) (flux_t *h, const flux_msg_t *msg, void *arg);
    void (*prioritize) (flux_t *h, const flux_msg_t *msg, void *arg);
};

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_OPS_H */
