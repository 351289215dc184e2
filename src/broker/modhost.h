/* modhost.h - which modules there are: load, remove, list (RFC 5)
 */
#ifndef BROKER_MODHOST_H
#define BROKER_MODHOST_H

#include "broker/attr.h"
#include "broker/modconf.h"
#include "broker/module.h"
#include "broker/pubsub.h"

struct modhost;

struct modhost_args {
    struct router *router;
    struct pubsub *pubsub;
    struct attrs *attrs;
    flux_t *h;                    /* the broker's own handle */
    const flux_conf_t *(*conf) (void *arg);
    void *conf_arg;
    const struct builtin *const *builtins;   /* ends with NULL */
    const struct builtin_data *const *data;
    /* A module that was running ended with an error. */
    void (*panic) (void *arg, const char *text);
    void *arg;
};

struct modhost *modhost_new (const struct modhost_args *args);
/* All modules must have been removed (modhost_remove_all). */
void modhost_free (struct modhost *mh);

/* Called when a series of loads or removals is over; rc is 0 or a negative
 * errno, text what went wrong first. */
typedef void (*modhost_done_f) (void *arg, int rc, const char *text);

/* Start what is part of the broker itself (BUILTIN_CORE); on the loop, so that
 * it is done on return.  0 or a negative errno with err->text. */
int modhost_start_core (struct modhost *mh, flux_error_t *err);
/* rc1 in C: load every module of the default start-up for this rank.  Their
 * names are registered first, so that one may ask another in any order. */
void modhost_load_defaults (struct modhost *mh, modhost_done_f done, void *arg);
/* The same of a plan (modconf_plan()); modules that are loaded are left alone.
 * Not while modhost_is_loading(). */
void modhost_load_plan (struct modhost *mh, json_t *plan, modhost_done_f done, void *arg);
bool modhost_is_loading (const struct modhost *mh);
/* The table of modules as the configuration has it now, for modconf_free().  NULL
 * with errno and err->text. */
struct modconf *modhost_conf (struct modhost *mh, flux_error_t *err);
/* rc3 in C: remove all but the core, last loaded first. */
void modhost_remove_all (struct modhost *mh, modhost_done_f done, void *arg);
/* Stop the core services, last started first. */
void modhost_stop_core (struct modhost *mh);

/* An attribute that became known after the core services were started. */
void modhost_cache_attr (struct modhost *mh, const char *name, const char *value);

/* Load what 'path' names (the path of a shared object or a Python file, or a name to
 * search in FLUX_MODULE_PATH and the table) under 'name' (NULL: from the path).  The
 * module is started; see module_status.  NULL with errno and err->text. */
struct modhost_how {
    bool exec;                    /* in a process of its own, as Python always is */
    const char *loader;           /* which program does that; of a path only */
};
struct module *modhost_load (struct modhost *mh, const char *path, const char *name,
                             const struct modhost_how *how, int argc, char **argv,
                             flux_error_t *err);
/* Begin to remove; the module is freed when it has ended. */
void modhost_remove (struct modhost *mh, struct module *m, bool cancel);
/* The same, but requests for it wait for a module of the same name (modhold.h). */
void modhost_remove_for_reload (struct modhost *mh, struct module *m);

struct module *modhost_find (struct modhost *mh, const char *name);
struct module *modhost_find_uuid (struct modhost *mh, const char *uuid);
struct list_node *modhost_list (struct modhost *mh);   /* of struct module.node */
struct list_node *modhost_core_list (struct modhost *mh);
struct router *modhost_router (struct modhost *mh);
/* The module says it is running, finalizing (module.status). */
void modhost_set_status (struct modhost *mh, struct module *m,
                         enum module_status status);
/* Call 'fun' for each new module, e.g. to trace it. */
void modhost_on_new (struct modhost *mh, void (*fun) (struct module *m, void *arg),
                     void *arg);

#endif /* !BROKER_MODHOST_H */
