/* future_chain.c - sequential composition: and_then, or_then, continue
 *
 *            and_then (prev, cb)                      continue (prev, f)
 *
 *     prev ──chain──► struct future_chain ──next──► next ◄──fulfils── cont (f)
 *      ▲                                             │
 *      └────────── started when next is ─────────────┘
 *
 * Nothing happens until next has a continuation or is waited for.
 *
 * Who destroys prev: until a callback has run on it, next does (also where the
 * outcome has no callback and goes straight to next).  The callback, if there
 * is one for the outcome, owns prev from then on; flux_future_reset (prev) gives
 * it back.  next owns the future it is continued with.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/future_private.h"

struct future_chain {
    flux_future_t *prev;          /* NULL when destroyed */
    flux_future_t *next;          /* NULL when destroyed */
    flux_future_t *cont;          /* continues next; owned */
    flux_continuation_f and_cb;
    void *and_arg;
    flux_continuation_f or_cb;
    void *or_arg;
    bool ran;                     /* a callback ran on prev, which owns it now */
    bool propagated;              /* next has the current result of prev or cont */
    bool continued;               /* the callback decided about next */
};

static void chain_release (struct future_chain *chain)
{
    if (!chain->prev && !chain->next)
        free (chain);
}

void future_chain_prev_destroyed (struct future_chain *chain)
{
    chain->prev = NULL;
    chain_release (chain);
}

void future_chain_next_destroyed (struct future_chain *chain)
{
    flux_future_t *cont = chain->cont;

    chain->cont = NULL;
    flux_future_decref (cont);
    if (chain->prev && !chain->ran) {
        flux_future_t *prev = chain->prev;

        chain->next = NULL;
        chain->ran = true;
        flux_future_decref (prev); // may free the chain
        return;
    }
    chain->next = NULL;
    chain_release (chain);
}

void future_chain_prev_reset (struct future_chain *chain)
{
    chain->ran = false;
    chain->propagated = false;
}

/* The next result of next, if any, comes from where this one came from. */
void future_chain_next_reset (struct future_chain *chain)
{
    if (!chain->propagated)
        return;
    chain->propagated = false;
    if (chain->cont)
        flux_future_reset (chain->cont);
    else if (chain->prev)
        flux_future_reset (chain->prev);
}

/* f is cont, or prev */
static void cont_cb (flux_future_t *f, void *arg)
{
    struct future_chain *chain = arg;

    chain->propagated = true;
    if (flux_future_fulfill_with (chain->next, f) < 0)
        flux_future_fatal_error (chain->next, errno, NULL);
}

/* parent lends its context: prev when continuing, next when next is started */
static int cont_start (struct future_chain *chain, flux_future_t *parent)
{
    if (future_adopt_context (parent, chain->cont) < 0)
        return -1;
    return flux_future_then (chain->cont, -1., cont_cb, chain);
}

static void prev_cb (flux_future_t *prev, void *arg)
{
    struct future_chain *chain = arg;
    flux_future_t *next = chain->next;
    bool ok = flux_future_get (prev, NULL) == 0;
    flux_continuation_f cb = ok ? chain->and_cb : chain->or_cb;

    if (!next) // destroyed; prev is its callback's
        return;
    if (!cb) {
        cont_cb (prev, chain);
        return;
    }
    // Either may be destroyed by the callback.
    flux_future_incref (prev);
    flux_future_incref (next);
    chain->ran = true;
    chain->continued = false;
    cb (prev, ok ? chain->and_arg : chain->or_arg);
    if (!chain->continued && chain->next && flux_future_is_ready (prev))
        cont_cb (prev, chain);
    flux_future_decref (next);
    flux_future_decref (prev);
}

static void next_init (flux_future_t *next, void *arg)
{
    struct future_chain *chain = arg;
    int rc;

    if (flux_future_is_ready (next))
        return;
    if (chain->cont)
        rc = cont_start (chain, next);
    else if (!chain->prev) {
        errno = ECANCELED;
        rc = -1;
    }
    else if (chain->ran)
        return;
    else if ((rc = future_adopt_context (next, chain->prev)) == 0)
        rc = flux_future_then (chain->prev, -1., prev_cb, chain);
    if (rc < 0)
        flux_future_fulfill_error (next, errno, NULL);
}

static struct future_chain *chain_get (flux_future_t *f)
{
    struct future_chain *chain;

    if (f->chain)
        return f->chain;
    if (!(chain = calloc (1, sizeof (*chain)))
        || !(chain->next = flux_future_create (next_init, chain))) {
        free (chain);
        return NULL;
    }
    chain->prev = f;
    chain->next->link = chain;
    f->chain = chain;
    flux_future_set_reactor (chain->next, f->r);
    flux_future_set_flux (chain->next, f->origin);
    return chain;
}

flux_future_t *flux_future_and_then (flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct future_chain *chain;

    if (!f || !cb) {
        errno = EINVAL;
        return NULL;
    }
    if (!(chain = chain_get (f)))
        return NULL;
    chain->and_cb = cb;
    chain->and_arg = arg;
    return chain->next;
}

flux_future_t *flux_future_or_then (flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct future_chain *chain;

    if (!f || !cb) {
        errno = EINVAL;
        return NULL;
    }
    if (!(chain = chain_get (f)))
        return NULL;
    chain->or_cb = cb;
    chain->or_arg = arg;
    return chain->next;
}

int flux_future_continue (flux_future_t *prev, flux_future_t *f)
{
    struct future_chain *chain = prev ? prev->chain : NULL;

    if (!chain || !chain->next || (f && f != prev && chain->cont)) {
        errno = EINVAL;
        return -1;
    }
    if (f == prev)
        return flux_future_fulfill_with (chain->next, prev);
    if (f) {
        chain->cont = f;
        if (cont_start (chain, prev) < 0) {
            chain->cont = NULL;
            return -1;
        }
    }
    chain->continued = true;
    return 0;
}

void flux_future_continue_error (flux_future_t *prev, int errnum, const char *errstr)
{
    struct future_chain *chain = prev ? prev->chain : NULL;

    if (chain && chain->next) {
        chain->continued = true;
        flux_future_fulfill_error (chain->next, errnum, errstr);
    }
}

int flux_future_fulfill_next (flux_future_t *prev, void *result, flux_free_f free_fn)
{
    struct future_chain *chain = prev ? prev->chain : NULL;

    if (!chain || !chain->next) {
        errno = EINVAL;
        return -1;
    }
    chain->continued = true;
    flux_future_fulfill (chain->next, result, free_fn);
    return 0;
}
