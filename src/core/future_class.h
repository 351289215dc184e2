/* future_class.h - futures of a kind: private state without a further malloc
 *
 * For use in this folder and by the broker.  A class is a static const struct;
 * flux_future_create() makes futures of no class.
 */
#ifndef CORE_FUTURE_CLASS_H
#define CORE_FUTURE_CLASS_H

#include <stddef.h>
#include <flux/core.h>

struct future_class {
    size_t size; /* of the private state, zeroed at creation */

    /* Called when a continuation is registered and the future is not fulfilled,
     * once for each reactor: arrange for fulfilment on
     * flux_future_get_flux()/get_reactor().  May fulfil at once.  May be NULL. */
    void (*start) (flux_future_t *f, void *priv);

    /* Block until the future is fulfilled, without a reactor; timeout < 0 is
     * forever.  Returns 0, or a negative errno (-ETIMEDOUT) and leaves the
     * future unfulfilled.  NULL: a temporary reactor and start() are used. */
    int (*wait) (flux_future_t *f, void *priv, double timeout);

    /* The last reference is gone. */
    void (*destroy) (flux_future_t *f, void *priv);
};

/* NULL with errno on failure. */
flux_future_t *future_create_class (const struct future_class *cls);

/* The private state of f, or of the future that fulfilled f by
 * flux_future_fulfill_with(), if it is of class cls.  Else NULL. */
void *future_priv (flux_future_t *f, const struct future_class *cls);

/* Set a function that is called, in this thread, each time a future is about to
 * block it.  The broker's loop uses it to find calls that must not be made.
 * NULL unsets.  This is thread local state. */
void future_set_wait_hook (void (*hook) (flux_future_t *f));
/* True if a hook is set: calls that may do without waiting then do
 * (flux_event_subscribe() sends its request with FLUX_RPC_NORESPONSE). */
bool future_wait_is_forbidden (void);

#endif /* !CORE_FUTURE_CLASS_H */
