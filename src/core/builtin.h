/* builtin.h - what a built-in service looks like to the broker's module host
 *
 * The services of src/modules are linked into the broker.  The broker knows
 * them through one table, defined by src/modules/table.c, so that neither room
 * includes the other.
 *
 * A service is the life of a documented module: "flux module list/load/remove/
 * reload NAME" work on it by its name, and it has its own uuid, handle, services
 * and subscriptions.  It runs on the reactor its handle has (flux_get_reactor):
 * the broker's loop, or its thread.  It never blocks: no
 * flux_future_get() on an unfulfilled future, no flux_recv().
 *
 * Life: start() registers message handlers on 'h' (flux_msg_handler_addvec_ex)
 * and subscribes, and returns 0, or a negative errno with err->text and nothing
 * left behind.  The host has cached the attributes (rank, size, ... see
 * flux_attr_get) and the configuration (flux_get_conf) in 'h' before.  Requests
 * for the service's own name are routed to it from the moment start() is called.
 * A service that has more to do before it is ready sets BUILTIN_ASYNC_READY and
 * calls flux_module_set_running(h) itself.  stop() undoes all of it: answers
 * what is pending with ENOSYS, destroys handlers, frees 'ctx'.
 */
#ifndef CORE_BUILTIN_H
#define CORE_BUILTIN_H

#include <flux/core.h>

enum builtin_flags {
    BUILTIN_RANK0 = 1,        /* the default start-up loads it on rank 0 only */
    BUILTIN_NODEFAULT = 2,    /* the default start-up does not load it */
    BUILTIN_ASYNC_READY = 4,
    BUILTIN_CORE = 8,         /* part of the broker itself (rexec, groups, ...):
                               * started before rc1, never listed or removed */
};

struct builtin {
    const char *name;         /* documented module name */
    const char *thread;       /* NULL: the broker's loop; else the name of a
                               * thread shared by all services that name it,
                               * started in order of this table */
    const char *data;         /* NULL, or the entry of builtin_data_table that
                               * this service shares with others */
    int flags;                /* enum builtin_flags */
    const char *services;     /* further service names, space separated, or NULL
                               * (e.g. "sched feasibility" for a scheduler) */
    const char *needs;        /* as in flux-modprobe(1): not loaded at start-up without
                               * these (space separated), or NULL */
    const char *requires;     /* likewise: loaded along, or NULL */
    int (*start) (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err);
    void (*stop) (void *ctx);
};

/* What outlives a service that is removed (the job table under a removed
 * job-manager, the tree under a removed kvs) or is shared by several: created
 * in the service's thread before the first that names it starts, destroyed in
 * that thread when the broker exits.  A service reaches it by builtin_data(h).
 */
struct builtin_data {
    const char *name;
    void *(*create) (void);
    void (*destroy) (void *data);
};

/* Both end with NULL. */
extern const struct builtin *const builtin_table[];
extern const struct builtin_data *const builtin_data_table[];

/* The host sets this aux item on a service's handle. */
#define BUILTIN_DATA_AUX "flux::builtin_data"

/* The host sets this one on the handles of services on its loop: attributes as they
 * are now, which flux_attr_get() would have to ask for. */
struct builtin_attrs {
    const char *(*get) (void *arg, const char *name);
    void *arg;
};
#define BUILTIN_ATTRS_AUX "flux::builtin_attrs"

/* The value, until it changes, or NULL. */
static inline const char *builtin_attr (flux_t *h, const char *name)
{
    struct builtin_attrs *a = flux_aux_get (h, BUILTIN_ATTRS_AUX);

    return a ? a->get (a->arg, name) : NULL;
}

static inline void *builtin_data (flux_t *h)
{
    return flux_aux_get (h, BUILTIN_DATA_AUX);
}

#endif /* !CORE_BUILTIN_H */
