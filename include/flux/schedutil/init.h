/* init.h - set-up of a scheduler
 */
#ifndef _FLUX_SCHEDUTIL_INIT_H
#define _FLUX_SCHEDUTIL_INIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>
#include <flux/schedutil/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ops->free() is called without R. */
#define SCHEDUTIL_FREE_NOLOOKUP 1
/* ops->hello() looks at the ranks that are freed already (key "free"). */
#define SCHEDUTIL_HELLO_PARTIAL_OK 2

typedef struct schedutil_ctx schedutil_t;

/* Register the service "sched" and call ops for its requests; ops must stay.  Blocks until the
 * broker has registered it.  NULL: errno. */
schedutil_t *schedutil_create (flux_t *h,
                               int flags,
                               const struct schedutil_ops *ops,
                               void *arg);

/* Accepts NULL; keeps errno. */
void schedutil_destroy (schedutil_t *ctx);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SCHEDUTIL_INIT_H */
