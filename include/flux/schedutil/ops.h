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
