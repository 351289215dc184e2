/* types.h - types that all headers share
 */
#ifndef _FLUX_CORE_TYPES_H
#define _FLUX_CORE_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef FLUX_DEPRECATED
#define FLUX_DEPRECATED(...) __VA_ARGS__ __attribute__ ((deprecated))
#endif

typedef struct flux_future flux_future_t;
typedef struct flux_msg flux_msg_t;
typedef struct flux_reactor flux_reactor_t;
typedef struct flux_handle flux_t;
typedef struct flux_watcher flux_watcher_t;
/* Frees data that was handed over, e.g. by flux_aux_set(). */
typedef void (*flux_free_f) (void *arg);

/* Filled with the cause, and the cure if there is one, by functions that take a
 * pointer to it; it may be NULL. */
typedef struct {
    char text[160];
} flux_error_t;

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_TYPES_H */
