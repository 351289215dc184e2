/* tap_private.h - within tap*.c
 */
#ifndef JOB_TAP_PRIVATE_H
#define JOB_TAP_PRIVATE_H

#include "modules/job/tap.h"

/* A loaded plugin. */
struct plug {
    struct list_node node;
    struct mgr *m;
    flux_plugin_t *p;
    char *name;                /* as listed: file name, or ".builtin" */
    struct hash *memo;         /* built-in: topics looked for before; else NULL */
    struct list_node services; /* struct tap_service */
    char sort_order;           /* 0, '+' or '-': for job.create at load */
};

struct tap {
    struct mgr *m;
    struct list_node plugs;
    struct job **current;      /* jobs of the callbacks under way */
    size_t depth, alloc;
    int lost;
    int calling;
};

struct tap_sub {
    struct list_node node;     /* in active.subs */
    struct plug *plug;
};

struct tap_aux {
    struct list_node node;     /* in active.aux */
    struct plug *plug;
    void *val;
    flux_free_f free_fn;
    char name[];
};

struct tap_service {
    struct list_node node;
    flux_msg_handler_t *mh;
};

extern const struct jobtap_ops tap_ops;

struct job *tap_current (struct tap *tap);
flux_plugin_arg_t *tap_args (struct job *job, json_t *jobspec);
int tap_call (struct tap *tap, struct job *job, const char *topic, flux_plugin_arg_t *args,
              bool stop, struct plug **failed);
/* Of one plugin only. */
int tap_call_one (struct plug *plug, struct job *job, const char *topic,
                  flux_plugin_arg_t *args);
int tap_conf_update (struct mgr *m, struct plug *plug, const flux_conf_t *conf,
                     flux_error_t *err);
int tap_dependencies_of (struct mgr *m, struct job *job, struct plug *only,
                         flux_error_t *err);
/* The plugin of a handle, or NULL. */
struct plug *tap_plug (flux_plugin_t *p);
void tap_aux_free (struct tap_aux *aux);
void tap_sub_free (struct tap_sub *sub);

#endif /* !JOB_TAP_PRIVATE_H */
