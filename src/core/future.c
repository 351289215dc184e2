/* future.c - results, continuations and life of a future
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/future_private.h"

/*
 * Results
 */

void future_result_clear (struct future_result *res)
{
    if (res->shared) {
        struct shared_value *sv = res->shared;
        if (--sv->refcount == 0) {
            if (sv->free_fn)
                sv->free_fn (sv->value);
            free (sv);
        }
    }
    else if (res->free_fn)
        res->free_fn (res->value);
    free (res->errstr);
    memset (res, 0, sizeof (*res));
}

static struct future_result *result_new (flux_future_t *f)
{
    if (!f->first_used) {
        f->first_used = true;
        return &f->first;
    }
    return calloc (1, sizeof (struct future_result));
}

static void result_drop_head (flux_future_t *f)
{
    struct future_result *res = f->head;

    f->head = res->next;
    if (!f->head)
        f->tail = NULL;
    future_result_clear (res);
    if (res == &f->first)
        f->first_used = false;
    else
        free (res);
}

bool flux_future_is_ready (flux_future_t *f)
{
    return f && (f->has_fatal || f->head);
}

/* What happens each time the future goes from unfulfilled to fulfilled. */
static void announce (flux_future_t *f)
{
    if (f->timer)
        flux_watcher_stop (f->timer);
    if (future_now_active (f))
        flux_reactor_stop (f->now->r);
    if (f->then_cb)
        (void)due_post (f->then_r, &f->due);
}

static void set_fatal (flux_future_t *f, int errnum, const char *errstr)
{
    bool was_ready = flux_future_is_ready (f);

    if (f->has_fatal)
        return;
    f->has_fatal = true;
    f->fatal.errnum = errnum ? errnum : EINVAL;
    if (errstr)
        f->fatal.errstr = strdup (errstr); // without it flux_strerror() is used
    if (!was_ready)
        announce (f);
}

static void enqueue (flux_future_t *f, struct future_result *res)
{
    bool was_ready = flux_future_is_ready (f);

    if (f->tail)
        f->tail->next = res;
    else
        f->head = res;
    f->tail = res;
    if (!was_ready)
        announce (f);
}

void flux_future_fulfill (flux_future_t *f, void *result, flux_free_f free_fn)
{
    struct future_result *res;

    if (!f)
        return;
    if (f->has_fatal || !(res = result_new (f))) {
        if (free_fn)
            free_fn (result);
        set_fatal (f, ENOMEM, NULL);
        return;
    }
    res->value = result;
    res->free_fn = free_fn;
    enqueue (f, res);
}

void flux_future_fulfill_error (flux_future_t *f, int errnum, const char *errstr)
{
    struct future_result *res;

    if (!f || f->has_fatal)
        return;
    if (!(res = result_new (f))) {
        set_fatal (f, ENOMEM, NULL);
        return;
    }
    res->errnum = errnum ? errnum : EINVAL;
    if (errstr)
        res->errstr = strdup (errstr);
    enqueue (f, res);
}

void flux_future_fatal_error (flux_future_t *f, int errnum, const char *errstr)
{
    if (f)
        set_fatal (f, errnum, errstr);
}

/* Make the value of res one that several results may refer to. */
static int result_share (struct future_result *res)
{
    struct shared_value *sv;

    if (res->shared || !res->free_fn)
        return 0;
    if (!(sv = calloc (1, sizeof (*sv))))
        return -1;
    sv->refcount = 1;
    sv->value = res->value;
    sv->free_fn = res->free_fn;
    res->free_fn = NULL;
    res->shared = sv;
    return 0;
}

static int fulfill_copy (flux_future_t *f, struct future_result *from)
{
    struct future_result *res;

    if (from->errnum) {
        flux_future_fulfill_error (f, from->errnum, from->errstr);
        return 0;
    }
    if (f->has_fatal)
        return 0;
    if (result_share (from) < 0 || !(res = result_new (f))) {
        errno = ENOMEM;
        return -1;
    }
    res->value = from->value;
    if ((res->shared = from->shared))
        res->shared->refcount++;
    enqueue (f, res);
    return 0;
}

int flux_future_fulfill_with (flux_future_t *f, flux_future_t *p)
{
    if (!f || !p || f == p) {
        errno = EINVAL;
        return -1;
    }
    if (!flux_future_is_ready (p)) {
        errno = EAGAIN;
        return -1;
    }
    if (f->source && f->source != p) {
        errno = EEXIST;
        return -1;
    }
    if (!f->source) {
        flux_future_incref (p);
        f->source = p;
    }
    if (p->has_fatal) {
        flux_future_fatal_error (f, p->fatal.errnum, p->fatal.errstr);
        return 0;
    }
    return fulfill_copy (f, p->head);
}

static const struct future_result *current (flux_future_t *f)
{
    return f->has_fatal ? &f->fatal : f->head;
}

int flux_future_get (flux_future_t *f, const void **result)
{
    const struct future_result *res;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (!flux_future_is_ready (f) && flux_future_wait_for (f, -1.) < 0)
        return -1;
    res = current (f);
    if (res->errnum) {
        errno = res->errnum;
        return -1;
    }
    if (result)
        *result = res->value;
    return 0;
}

bool flux_future_has_error (flux_future_t *f)
{
    return flux_future_is_ready (f) && current (f)->errnum != 0;
}

const char *flux_future_error_string (flux_future_t *f)
{
    const struct future_result *res;

    if (!flux_future_has_error (f))
        return NULL;
    res = current (f);
    return res->errstr ? res->errstr : flux_strerror (res->errnum);
}

/*
 * Continuations
 */

static void due_cb (struct due *d)
{
    flux_future_t *f = list_entry (d, flux_future_t, due);

    f->then_cb (f, f->then_arg); // may destroy f
}

static void timeout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_t *f = arg;

    if (!flux_future_is_ready (f))
        flux_future_fulfill_error (f, ETIMEDOUT, NULL);
}

static int timer_arm (flux_future_t *f)
{
    if (f->timeout < 0)
        return 0;
    if (!f->timer) {
        if (!(f->timer = flux_timer_watcher_create (f->then_r, f->timeout, 0.,
                                                    timeout_cb, f)))
            return -1;
    }
    else {
        flux_watcher_stop (f->timer);
        flux_timer_watcher_reset (f->timer, f->timeout, 0.);
    }
    flux_watcher_start (f->timer);
    return 0;
}

void future_call_init (flux_future_t *f)
{
    if (f->cls) {
        if (f->cls->start)
            f->cls->start (f, f->priv);
    }
    else if (f->init)
        f->init (f, f->init_arg);
}

/* Unfulfilled, with a continuation: see to it that it will be fulfilled. */
static int await (flux_future_t *f)
{
    if (timer_arm (f) < 0)
        return -1;
    if (!f->started) {
        f->started = true;
        future_call_init (f);
    }
    return 0;
}

/* Drop what belongs to the reactor of an earlier flux_future_then(). */
static void then_detach (flux_future_t *f)
{
    due_cancel (&f->due);
    flux_watcher_destroy (f->timer);
    f->timer = NULL;
    if (f->then_r)
        flux_reactor_decref (f->then_r);
    f->then_r = NULL;
    f->started = false;
}

static flux_reactor_t *future_reactor (flux_future_t *f)
{
    if (f->r)
        return f->r;
    if (f->h)
        return flux_get_reactor (f->h);
    errno = EINVAL;
    return NULL;
}

int flux_future_then (flux_future_t *f, double timeout, flux_continuation_f cb, void *arg)
{
    flux_reactor_t *r;

    if (!f || !cb) {
        errno = EINVAL;
        return -1;
    }
    if (!(r = future_reactor (f)))
        return -1;
    if (r != f->then_r) {
        then_detach (f);
        flux_reactor_incref (r);
        f->then_r = r;
    }
    f->timeout = timeout;
    f->then_cb = cb;
    f->then_arg = arg;
    if (timeout < 0 && f->timer)
        flux_watcher_stop (f->timer);
    if (flux_future_is_ready (f)) {
        if (due_post (r, &f->due) < 0)
            goto nomem;
    }
    else if (await (f) < 0)
        goto error;
    return 0;
nomem:
    errno = ENOMEM;
error:
    f->then_cb = NULL;
    return -1;
}

void flux_future_reset (flux_future_t *f)
{
    if (!f)
        return;
    due_cancel (&f->due);
    if (f->head)
        result_drop_head (f);
    if (f->chain)
        future_chain_prev_reset (f->chain);
    if (f->link)
        future_chain_next_reset (f->link);
    if (!f->then_cb)
        return;
    if (flux_future_is_ready (f))
        (void)due_post (f->then_r, &f->due);
    else if (await (f) < 0)
        set_fatal (f, errno, NULL);
}

/*
 * Contexts
 */

bool future_now_active (flux_future_t *f)
{
    return f->now && f->now->active;
}

static flux_reactor_t *reactor_ref (flux_reactor_t *r)
{
    if (r)
        flux_reactor_incref (r);
    return r;
}

void flux_future_set_reactor (flux_future_t *f, flux_reactor_t *r)
{
    flux_reactor_t *old;

    if (!f)
        return;
    old = f->r;
    f->r = reactor_ref (r);
    if (old)
        flux_reactor_decref (old);
}

flux_reactor_t *flux_future_get_reactor (flux_future_t *f)
{
    if (!f) {
        errno = EINVAL;
        return NULL;
    }
    if (future_now_active (f))
        return f->now->r;
    return future_reactor (f);
}

static void replace_handle (flux_t **slot, flux_t *h)
{
    flux_t *old = *slot;

    *slot = h ? flux_incref (h) : NULL;
    if (old)
        flux_decref (old);
}

void flux_future_set_flux (flux_future_t *f, flux_t *h)
{
    if (!f)
        return;
    replace_handle (&f->origin, h);
    replace_handle (&f->h, h);
}

flux_t *flux_future_get_flux (flux_future_t *f)
{
    flux_t *h = NULL;

    if (f)
        h = future_now_active (f) ? f->now->h : f->h;
    if (!h)
        errno = EINVAL;
    return h;
}

/* A clone of h for parent's temporary reactor. */
static flux_t *clone_for (flux_t *h, flux_reactor_t *r)
{
    flux_t *clone;

    if (!(clone = flux_clone (h)))
        return NULL;
    if (flux_set_reactor (clone, r) < 0) {
        flux_close (clone);
        return NULL;
    }
    return clone;
}

/* The child has a handle of its own and the parent waits on a temporary reactor. */
static int adopt_now (flux_future_t *parent, flux_future_t *child)
{
    struct future_now *now = parent->now;
    flux_t *clone;

    if (parent->origin == child->origin && now->h) {
        replace_handle (&child->h, now->h);
        return 0;
    }
    if (!(clone = clone_for (child->origin, now->r)))
        return -1;
    if (!parent->origin && !now->h) {
        now->h = flux_incref (clone);
        replace_handle (&parent->origin, child->origin);
        replace_handle (&parent->h, child->origin);
    }
    replace_handle (&child->h, clone);
    flux_decref (clone);
    return 0;
}

int future_adopt_context (flux_future_t *parent, flux_future_t *child)
{
    flux_reactor_t *r;

    if (!parent->origin && child->origin && !future_now_active (parent))
        flux_future_set_flux (parent, child->origin);
    if (!(r = flux_future_get_reactor (parent)))
        return -1;
    flux_future_set_reactor (child, r);
    if (!child->origin) {
        flux_t *h = flux_future_get_flux (parent);
        replace_handle (&child->origin, parent->origin);
        replace_handle (&child->h, h);
        return 0;
    }
    if (future_now_active (parent))
        return adopt_now (parent, child);
    /* The parent itself may be part of a future that is being waited for: then
     * its h is a clone on that reactor. */
    replace_handle (&child->h,
                    parent->origin == child->origin ? parent->h : child->origin);
    return 0;
}

/*
 * Life
 */

static flux_future_t *future_alloc (size_t priv_size)
{
    flux_future_t *f;

    if (!(f = calloc (1, sizeof (*f) + priv_size)))
        return NULL;
    f->refcount = 1;
    f->timeout = -1.;
    due_init (&f->due, due_cb);
    return f;
}

flux_future_t *flux_future_create (flux_future_init_f cb, void *arg)
{
    flux_future_t *f = future_alloc (0);

    if (f) {
        f->init = cb;
        f->init_arg = arg;
    }
    return f;
}

flux_future_t *future_create_class (const struct future_class *cls)
{
    flux_future_t *f = future_alloc (cls->size);

    if (f)
        f->cls = cls;
    return f;
}

void *future_priv (flux_future_t *f, const struct future_class *cls)
{
    for (; f; f = f->source) {
        if (f->cls == cls)
            return f->priv;
    }
    return NULL;
}

void flux_future_incref (flux_future_t *f)
{
    if (f)
        f->refcount++;
}

static void future_free (flux_future_t *f)
{
    f->refcount = 1; // callbacks from here on see a live object
    then_detach (f);
    f->then_cb = NULL;
    if (f->link)
        future_chain_next_destroyed (f->link);
    if (f->chain)
        future_chain_prev_destroyed (f->chain);
    future_group_destroy (f->group);
    if (f->cls && f->cls->destroy)
        f->cls->destroy (f, f->priv);
    aux_clear (&f->aux);
    while (f->head)
        result_drop_head (f);
    future_result_clear (&f->fatal);
    flux_future_decref (f->source);
    future_now_destroy (f->now);
    flux_future_set_flux (f, NULL);
    flux_future_set_reactor (f, NULL);
    free (f);
}

void flux_future_decref (flux_future_t *f)
{
    if (f && --f->refcount == 0) {
        int saved_errno = errno;
        future_free (f);
        errno = saved_errno;
    }
}

void flux_future_destroy (flux_future_t *f)
{
    flux_future_decref (f);
}

int flux_future_aux_set (flux_future_t *f, const char *name, void *aux, flux_free_f destroy)
{
    int rc;

    if ((rc = f ? aux_set (&f->aux, name, aux, destroy) : -EINVAL) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

void *flux_future_aux_get (flux_future_t *f, const char *name)
{
    if (!f || !name) {
        errno = EINVAL;
        return NULL;
    }
    for (; f; f = f->source) {
        void *val = aux_get (f->aux, name);
        if (val)
            return val;
    }
    errno = ENOENT;
    return NULL;
}
