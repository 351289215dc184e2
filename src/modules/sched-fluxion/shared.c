/* shared.c - the graph that the three modules share
 */
#include "modules/sched-fluxion/shared.h"

#include <errno.h>
#include <stdlib.h>

#include <flux/idset.h>

#include "core/builtin.h"
#include "modules/sched-fluxion/fluxion.h"
#include "spec/rset.h"

struct request *fluxion_request (const struct fluxion *fx, json_t *jobspec, flux_error_t *err)
{
    return fx->flexible ? request_from_json_flexible (jobspec, err)
                        : request_from_json (jobspec, err);
}

void fluxion_listen (struct fluxion *fx, struct listener *l)
{
    list_append (&fx->listeners, &l->node);
    if (fx->graph)
        l->known (l->arg);
}

void fluxion_unlisten (struct listener *l)
{
    list_del (&l->node);
}

void fluxion_known (struct fluxion *fx)
{
    list_foreach (&fx->listeners, n) {
        struct listener *l = list_entry (n, struct listener, node);
        l->known (l->arg);
    }
}

void fluxion_changed (struct fluxion *fx)
{
    list_foreach (&fx->listeners, n) {
        struct listener *l = list_entry (n, struct listener, node);
        l->changed (l->arg);
    }
}

void fluxion_forget (struct fluxion *fx)
{
    if (fx->graph) {
        list_foreach (&fx->listeners, n) {
            struct listener *l = list_entry (n, struct listener, node);
            l->gone (l->arg);
        }
    }
    graph_free (fx->graph);
    rset_free (fx->all);
    idset_destroy (fx->leaving);
    fx->graph = NULL;
    fx->all = NULL;
    fx->leaving = NULL;
    fx->expiration = 0.;
}

void fluxion_let_go (struct fluxion *fx)
{
    unsigned int rank;

    if (!fx->leaving || idset_empty (fx->leaving))
        return;
    fluxion_changed (fx);
    for (rank = idset_first (fx->leaving); rank != IDSET_INVALID_ID;
         rank = idset_next (fx->leaving, rank)) {
        uint32_t v = graph_by_rank (fx->graph, (int32_t)rank);
        if (v == GRAPH_NONE || graph_shrink (fx->graph, v) == 0)
            (void)idset_clear (fx->leaving, rank);
    }
    fluxion_changed (fx);
}

static void *create (void)
{
    struct fluxion *fx = calloc (1, sizeof (*fx));

    if (fx)
        list_init (&fx->listeners);
    return fx;
}

static void destroy (void *data)
{
    if (data)
        fluxion_forget (data);
    free (data);
}

const struct builtin_data fluxion_builtin_data = {
    .name = "fluxion",
    .create = create,
    .destroy = destroy,
};
