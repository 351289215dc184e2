/* resource_private.h - what the files of sched-fluxion-resource share
 *
 * resource.c has the graph and its life; ion.c answers what is asked about it.
 */
#ifndef SCHED_FLUXION_RESOURCE_PRIVATE_H
#define SCHED_FLUXION_RESOURCE_PRIVATE_H

#include <flux/core.h>

#include "modules/sched-fluxion/conf.h"
#include "modules/sched-fluxion/shared.h"
#include "modules/sched/supply.h"

struct match_stats {
    uint64_t n;
    double min, max, sum;      /* seconds */
};

struct resource {
    flux_t *h;
    struct fluxion *fx;
    struct conf_args args;
    struct resource_conf conf;
    struct supply *supply;     /* NULL: the graph is from a file */
    flux_msg_handler_t **handlers;
    flux_msg_handler_t **ion_handlers;
    struct flux_msglist *early;     /* asked before there is a graph */
    int64_t next_jobid;        /* of matches that are asked for by hand */
    struct match_stats succeeded, failed;
};

/* -- ion.c, ion_graph.c: the requests of flux ion-resource -- */

int ion_init (struct resource *o, flux_error_t *err);
void ion_release (struct resource *o);
/* The graph is there: answer what was asked before. */
void ion_known (struct resource *o);
/* Is there a graph?  If not, the request is kept until there is. */
bool ion_ready (struct resource *o, const flux_msg_t *msg);

void ion_find_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_ns_info_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_get_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_set_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_remove_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg);
void ion_get_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ion_set_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

#endif /* !SCHED_FLUXION_RESOURCE_PRIVATE_H */
