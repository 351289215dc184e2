/* modrun.h - how a module runs: on the loop, in a named thread, in its own, or in a
 * process (modproc.h)
 *
 * The runner reports on the loop, through the two callbacks: 'running' once,
 * unless the module says so itself (module.status), and 'exited' once and last.
 * Either may be called from inside modrun_start() and modrun_stop().
 */
#ifndef BROKER_MODRUN_H
#define BROKER_MODRUN_H

#include "broker/attr.h"
#include "broker/module.h"

struct modrun;

struct modrun_args {
    flux_reactor_t *reactor;              /* the broker's */
    struct attrs *attrs;
    /* The configuration to give a new handle. */
    const flux_conf_t *(*conf) (void *arg);
    void *conf_arg;
    const struct builtin_data *const *data; /* what services share */
    void (*running) (struct module *m, void *arg);
    void (*exited) (struct module *m, void *arg);
    void *arg;
};

struct modrun *modrun_new (const struct modrun_args *args);
/* Ends the threads and destroys the shared data; no module runs any more. */
void modrun_free (struct modrun *mr);

/* 0, or -1 with m->errnum and m->error: then nothing runs. */
int modrun_start (struct modrun *mr, struct module *m);
/* Ask it to end.  'cancel': by force (a shared object's thread, a process). */
void modrun_stop (struct modrun *mr, struct module *m, bool cancel);

#endif /* !BROKER_MODRUN_H */
