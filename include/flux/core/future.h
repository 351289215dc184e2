/* future.h - futures and their composition (man3 flux_future_create, flux_future_get, flux_future_and_then)
 *
 * A future stands for a result that will exist later.  It is fulfilled by
 * whoever made it, and read by whoever asked for it: with a continuation
 * (flux_future_then) or by blocking (flux_future_get, flux_future_wait_for).
 *
 * Results queue up: each fulfilment adds one, flux_future_reset() drops the
 * current one.  A fatal error hides them all.  Continuations run from the
 * reactor, never from within a call of this interface, and may destroy or reset
 * the future.  All functions accept a NULL future and report EINVAL, or do
 * nothing if they return void.  A future belongs to one thread.
 */
#ifndef _FLUX_CORE_FUTURE_H
#define _FLUX_CORE_FUTURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/handle.h>
#include <flux/core/msg_handler.h>

#ifdef __cplusplus
extern "C" {
#endif

#define future_strerror(__f, __errno) \
    (flux_future_error_string ((__f)) ? flux_future_error_string ((__f)) \
                                      : flux_strerror ((__errno)))

typedef void (*flux_continuation_f) (flux_future_t *f, void *arg);
typedef void (*flux_future_init_f) (flux_future_t *f, void *arg);

/* Sequential composition.  Return "next", a future that is fulfilled after cb
 * has run on f: with what cb continues it with, or with f's own result.  cb is
 * called if f succeeds; an error of f goes to next (or to the or_then callback).
 * Nothing happens before next is waited for or has a continuation.
 *
 * The callback that is called owns f and destroys it (or resets it, for a
 * stream).  Where none is called, next destroys f.  One next per f: and_then and
 * or_then of the same f return the same future. */
flux_future_t *flux_future_and_then (flux_future_t *f,
                                     flux_continuation_f cb,
                                     void *arg);

/* An item of f, or of the future that fulfilled it.  NULL with ENOENT. */
void *flux_future_aux_get (flux_future_t *f, const char *name);

/* Attach an item, see flux_aux_set(). */
int flux_future_aux_set (flux_future_t *f,
                         const char *name,
                         void *aux,
                         flux_free_f destroy);

/* In such a callback: fulfil prev's next with f when f is fulfilled.  next owns
 * f.  With f NULL, next is left alone (flux_future_fulfill_next later). */
int flux_future_continue (flux_future_t *prev, flux_future_t *f);

/* In such a callback: fulfil prev's next with an error. */
void flux_future_continue_error (flux_future_t *prev,
                                 int errnum,
                                 const char *errstr);

/* A future of a class: cb is called when a continuation is registered (once per
 * reactor) and when the future is first waited for, unless it is fulfilled.  It
 * arranges for fulfilment with what flux_future_get_reactor() and
 * flux_future_get_flux() return at that moment, and may fulfil at once. */
flux_future_t *flux_future_create (flux_future_init_f cb, void *arg);

/* The same as flux_future_destroy(). */
void flux_future_decref (flux_future_t *f);

/* Drop a reference.  Destruction does not cancel what goes on elsewhere. */
void flux_future_destroy (flux_future_t *f);

/* Text of the current error: that of the fulfilment, or flux_strerror().
 * NULL if there is no error. */
const char *flux_future_error_string (flux_future_t *f);

/* Fulfil with an error that stays, before all other results.  Once. */
void flux_future_fatal_error (flux_future_t *f, int errnum, const char *errstr);

/* Names of the children, in order of pushing; NULL at the end. */
const char *flux_future_first_child (flux_future_t *cf);

/* Add a result; free_fn (may be NULL) is called on it when it is dropped. */
void flux_future_fulfill (flux_future_t *f, void *result, flux_free_f free_fn);

/* Add an error.  errstr may be NULL and is copied. */
void flux_future_fulfill_error (flux_future_t *f,
                                int errnum,
                                const char *errstr);

/* Fulfil prev's next with a result.  EINVAL if prev has no next. */
int flux_future_fulfill_next (flux_future_t *prev,
                              void *result,
                              flux_free_f free_fn);

/* Add p's current result or error, shared, to f; f holds a reference to p and
 * finds p's aux items.  EAGAIN if p is not fulfilled, EEXIST if f was fulfilled
 * with another future before. */
int flux_future_fulfill_with (flux_future_t *f, flux_future_t *p);

/* The current result, borrowed: valid until reset or destruction.  -1 with errno
 * if it is an error.  Blocks if the future is not fulfilled. */
int flux_future_get (flux_future_t *f, const void **result);

/* The child of this name, borrowed.  NULL with ENOENT. */
flux_future_t *flux_future_get_child (flux_future_t *cf, const char *name);

/* The handle to use in the present context: while the future is waited for, a
 * clone on the temporary reactor. */
flux_t *flux_future_get_flux (flux_future_t *f);

/* The reactor to use in the present context, see flux_future_get_flux(). */
flux_reactor_t *flux_future_get_reactor (flux_future_t *f);

/* Fulfilled with an error. */
bool flux_future_has_error (flux_future_t *f);

/* Take a reference; drop it with flux_future_decref(). */
void flux_future_incref (flux_future_t *f);

/* Fulfilled, with a result or an error. */
bool flux_future_is_ready (flux_future_t *f);

const char *flux_future_next_child (flux_future_t *cf);

/* The same, but cb is called if f fails. */
flux_future_t *flux_future_or_then (flux_future_t *f,
                                    flux_continuation_f cb,
                                    void *arg);

/* Add a child, which the group then owns.  It takes the group's handle and
 * reactor, and lends its own if the group has none.  A NULL name is replaced by
 * one made up.  EEXIST if the name is taken; f is then still the caller's. */
int flux_future_push (flux_future_t *cf, const char *name, flux_future_t *f);

/* Drop the current result.  The continuation stays, a timeout restarts, and if
 * another result is queued the continuation is called for it. */
void flux_future_reset (flux_future_t *f);

/* The handle, of which a reference is held.  Its reactor is the default one.
 */
void flux_future_set_flux (flux_future_t *f, flux_t *h);

/* The reactor for continuations, of which a reference is held. */
void flux_future_set_reactor (flux_future_t *f, flux_reactor_t *r);

/* Call cb once the future is fulfilled, also for each fulfilment after a reset.
 * If timeout >= 0 seconds pass first, the future is fulfilled with ETIMEDOUT.
 * Needs a reactor or handle (EINVAL).  A second call replaces the continuation.
 */
int flux_future_then (flux_future_t *f,
                      double timeout,
                      flux_continuation_f cb,
                      void *arg);

/* Parallel composition.  A group, fulfilled when all its children are: with the
 * error of the first that failed, if any.  Without children: at once. */
flux_future_t *flux_future_wait_all_create (void);

/* A group, fulfilled when any of its children is. */
flux_future_t *flux_future_wait_any_create (void);

/* Block until fulfilled, or ETIMEDOUT after timeout seconds (< 0: never, 0: at
 * once) with the future as it was.  Only the future's own events are processed.
 * EDEADLOCK if nothing can fulfil it. */
int flux_future_wait_for (flux_future_t *f, double timeout);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_FUTURE_H */
