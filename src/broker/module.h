/* module.h - one module and its message channel
 *
 * Built-in service, built-in service in a named thread, a user's shared object, or
 * a process: each has a name, a uuid, an in-process pair of handles (one end is
 * the module's, the other the host's) and an endpoint at the router.
 *
 * Shared by modhost.c (which modules there are), modrun.c (how one runs) and
 * modsvc.c (module.* requests); nobody else looks inside.
 */
#ifndef BROKER_MODULE_H
#define BROKER_MODULE_H

#include <stdbool.h>
#include <flux/core.h>
#include "base/list.h"
#include "broker/router.h"
#include "core/builtin.h"

enum module_status {
    MODULE_INIT = 0,
    MODULE_RUNNING = 1,
    MODULE_FINALIZING = 2,
    MODULE_EXITED = 3,
};

struct modhost;
struct modproc;
struct modthread;

struct module {
    struct list_node node;            /* in the host's list, in load order */
    struct modhost *host;
    char *name;
    char *path;                       /* of the shared object, or the name */
    char **argv;                      /* NULL terminated */
    int argc;
    const struct builtin *builtin;    /* NULL: a shared object */
    enum module_status status;
    bool ran;                         /* it was in running state */
    int errnum;                       /* why it exited */
    flux_error_t error;

    flux_t *far;                      /* the module's end */
    flux_t *near;                     /* the host's end */
    flux_watcher_t *w;
    struct endpoint *ep;
    double last_sent;
    double t_start, t_running;        /* CLOCK_MONOTONIC, when that began; or 0 */
    bool defer;                       /* hold what it sends (module.debug) */
    struct flux_msglist *deferred;

    void *ctx;                        /* of the built-in service */
    flux_msg_handler_t **defaults;    /* default methods of its handle */
    flux_msg_handler_t **overrides;   /* of those of a built-in service */
    struct modthread *thread;         /* NULL: on the loop */
    void *dso;
    char *loader;                     /* of its process, or NULL */
    struct modproc *proc;             /* while that runs */
    bool started;                     /* else only its name is there */
    json_t *after;                    /* names that must run before it starts */
    bool removing;                    /* stop was asked for */
    bool stopping;                    /* its thread has the order to stop it */
    bool in_series;                   /* the default start-up waits for it */

    struct flux_msglist *loaders;     /* module.load requests to answer */
    struct flux_msglist *removers;    /* module.remove requests to answer */
    void (*on_exit) (struct module *m, void *arg);
    void *on_exit_arg;
    struct flux_msglist *untaken;     /* of a reload: what it leaves in the channel */
};

/* Make the pair and the endpoint; the caller adds services and runs it.
 * NULL with err->text. */
struct module *module_new (struct modhost *host, struct router *r,
                           flux_reactor_t *reactor, const char *name,
                           const char *path, const struct builtin *builtin,
                           int argc, char **argv, flux_error_t *err);
/* Everything but the module's end of the pair, which its thread closes. */
void module_free (struct module *m);

double module_clock (void);

/* Pass on what the module sent and is still in the channel. */
void module_drain (struct module *m);
void module_defer (struct module *m, bool defer);
int module_send (struct module *m, flux_msg_t *msg);   /* taken */
/* In the module's thread, when it no longer reads: ENOSYS to what is queued, unless
 * there is 'untaken', which gets it. */
void module_refuse_queued (struct module *m);

#endif /* !BROKER_MODULE_H */
