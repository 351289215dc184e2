/* conf.h - the configuration of the graph scheduler
 *
 * flux-config-sched-fluxion-resource(5), flux-config-sched-fluxion-qmanager(5): a TOML
 * table of the module's name, then module arguments "key=value", which win.  No
 * messages here.  Functions return 0, or -EINVAL with err->text that names the key, or
 * -ENOMEM.
 */
#ifndef SCHED_FLUXION_CONF_H
#define SCHED_FLUXION_CONF_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core/types.h>

#include "graph/emit.h"
#include "graph/policy.h"
#include "graph/queue.h"

/* Module arguments, kept for when the configuration is another. */
struct conf_args {
    int argc;
    char **argv;
};
int conf_args_copy (struct conf_args *a, int argc, char **argv);
void conf_args_release (struct conf_args *a);

struct resource_conf {
    char *match_policy;        /* as it was given */
    char *match_format;
    char *load_allowlist;      /* NULL: all types the reader knows */
    char *prune_filters;
    char *load_file;           /* NULL: what resource.acquire tells */
    char *load_format;
    long reserve_vtx_vec;      /* 0: not given */
    struct policy policy;
    enum emit_format format;
    bool flexible;             /* traverser */
};

/* 'table' may be NULL.  *c is set on success only; resource_conf_release() frees what
 * is in it. */
int resource_conf_parse (struct resource_conf *c, const json_t *table, int argc,
                         char **argv, flux_error_t *err);
void resource_conf_release (struct resource_conf *c);

struct qmanager_conf;

struct qmanager_conf *qmanager_conf_new (const json_t *table, int argc, char **argv,
                                         flux_error_t *err);
void qmanager_conf_free (struct qmanager_conf *c);
/* The parameters of a queue: the general ones, with its own of "*-per-queue". */
void qmanager_conf_queue (const struct qmanager_conf *c, const char *name,
                          struct queue_conf *qc);
/* A queue that a "*-per-queue" names and 'queues' (object or NULL, the table [queues])
 * has not is -EINVAL. */
int qmanager_conf_check (const struct qmanager_conf *c, const json_t *queues,
                         flux_error_t *err);

#endif /* !SCHED_FLUXION_CONF_H */
