/* future_private.h - the inside of a future, shared by future*.c only
 *
 *   future.c        results, continuations, contexts, life
 *   future_wait.c   flux_future_wait_for: the second context
 *   future_chain.c  and_then, or_then, continue
 *   future_group.c  wait_all, wait_any
 *
 * A future has a queue of results; the head is the current one.  'fatal' hides
 * the queue.  A result may be shared between futures (flux_future_fulfill_with):
 * then the value lives in a struct shared_value.
 *
 * Contexts.  Continuations run on 'then_r'.  While flux_future_wait_for() is
 * active, now->active is set and flux_future_get_reactor()/get_flux() answer with
 * the temporary reactor and a clone of the handle.  A future that is started as
 * part of another (chain, group) is moved to the other's current context by
 * future_adopt_context().
 */
#ifndef CORE_FUTURE_PRIVATE_H
#define CORE_FUTURE_PRIVATE_H

#include <flux/core.h>

#include "core/aux.h"
#include "core/due.h"
#include "core/future_class.h"

struct shared_value {
    int refcount;
    void *value;
    flux_free_f free_fn;
};

struct future_result {
    struct future_result *next;
    void *value;
    flux_free_f free_fn;
    struct shared_value *shared; /* if set, owns value; free_fn is NULL */
    char *errstr;
    int errnum;                  /* 0: value counts */
};

struct future_now {
    flux_reactor_t *r;
    flux_t *h;                   /* clone, NULL if the future has no handle */
    bool started;
    bool active;
};

struct future_chain;
struct future_group;

struct flux_future {
    int refcount;
    bool first_used;             /* 'first' is in the queue */
    bool has_fatal;
    bool started;                /* start was called for then_r */
    bool counted;                /* by the group this is in */
    struct future_result *head;  /* NULL: not fulfilled */
    struct future_result *tail;
    struct future_result first;  /* saves the malloc of the usual only result */
    struct future_result fatal;

    const struct future_class *cls;
    flux_future_init_f init;
    void *init_arg;

    flux_t *h;                   /* both hold a reference */
    flux_t *origin;              /* h as the user set it, before any adoption */
    flux_reactor_t *r;

    flux_continuation_f then_cb;
    void *then_arg;
    flux_reactor_t *then_r;
    double timeout;
    flux_watcher_t *timer;
    struct due due;

    struct future_now *now;
    struct aux_item *aux;
    flux_future_t *source;       /* of flux_future_fulfill_with() */
    struct future_chain *chain;  /* this is the "prev" of a chain */
    struct future_chain *link;   /* this is the "next" of a chain */
    struct future_group *group;

    _Alignas (max_align_t) char priv[];
};

/* future.c */
bool future_now_active (flux_future_t *f);
void future_call_init (flux_future_t *f);
void future_result_clear (struct future_result *res);
/* Make child work in the context parent is in.  0 or -1 with errno. */
int future_adopt_context (flux_future_t *parent, flux_future_t *child);

/* future_wait.c */
void future_now_destroy (struct future_now *now);

/* future_chain.c */
void future_chain_prev_reset (struct future_chain *chain);
void future_chain_next_reset (struct future_chain *chain);
void future_chain_prev_destroyed (struct future_chain *chain);
void future_chain_next_destroyed (struct future_chain *chain);

/* future_group.c */
void future_group_destroy (struct future_group *g);

#endif /* !CORE_FUTURE_PRIVATE_H */
