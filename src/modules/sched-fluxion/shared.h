/* shared.h - the graph that the three modules share
 *
 * The resource module sets it up and changes it; the others are told.  It is there
 * as long as the resource module is loaded and resource.acquire is answered.
 */
#ifndef SCHED_FLUXION_SHARED_H
#define SCHED_FLUXION_SHARED_H

#include <stdbool.h>
#include <flux/core.h>

#include "base/list.h"
#include "graph/emit.h"
#include "graph/graph.h"
#include "graph/policy.h"
#include "graph/request.h"

struct rset;
struct idset;

struct fluxion {
    struct graph *graph;       /* NULL: not known */
    struct rset *all;          /* as resource.acquire told it, with later properties; of a
                                  file: nodes with ranks, there may be none */
    struct policy policy;
    enum emit_format format;
    bool flexible;             /* slots beside each other are alternatives */
    double expiration;         /* of all resources; 0: never */
    bool loaded;               /* the resource module is */
    struct list_node listeners;
};

struct listener {
    struct list_node node;
    void (*known) (void *arg);     /* there is a graph */
    void (*changed) (void *arg);   /* about to be another, or is another */
    void (*gone) (void *arg);      /* about to be freed */
    void *arg;
};

/* The listener is the caller's; told known() at once if there is a graph. */
void fluxion_listen (struct fluxion *fx, struct listener *l);
void fluxion_unlisten (struct listener *l);

/* What a jobspec asks for, as the traverser that is configured takes it (request.h). */
struct request *fluxion_request (const struct fluxion *fx, json_t *jobspec, flux_error_t *err);

/* Tell all.  fluxion_forget() tells gone() and frees what there is. */
void fluxion_known (struct fluxion *fx);
void fluxion_changed (struct fluxion *fx);
void fluxion_forget (struct fluxion *fx);
/* Take ranks that are lost out of the graph, and from the jobs that have them; tells
 * changed() before and after. */
void fluxion_shrink (struct fluxion *fx, const struct idset *ranks);

#endif /* !SCHED_FLUXION_SHARED_H */
