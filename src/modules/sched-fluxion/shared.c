/* shared.c - the graph that the three modules share
 */
#include "modules/sched-fluxion/shared.h"

#include <errno.h>
#include <stdlib.h>

#include <flux/idset.h>

#include "core/builtin.h"
#include "graph/match.h"
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
    fx->graph = NULL;
    fx->all = NULL;
    fx->expiration = 0.;
}

static bool has_part (const struct graph *g, const struct job *j, uint32_t v)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);

    for (size_t i = 0; i < n; i++)
        if (part[i].vtx >= v && part[i].vtx < graph_end (g, v))
            return true;
    return false;
}

/* A job that has the vertex, or what is in it, or NULL. */
static const struct job *user_of (const struct graph *g, uint32_t v)
{
    const struct job *j = graph_job_next (g, NULL);

    while (j && !has_part (g, j, v))
        j = graph_job_next (g, j);
    return j;
}

static int lose (struct graph *g, uint32_t v)
{
    const struct job *j;
    bool empty;
    int rc = 0;

    while (rc == 0 && (j = user_of (g, v)))
        rc = graph_cancel_part (g, job_id (j), &v, 1, &empty);
    return rc == 0 ? graph_shrink (g, v) : rc;
}

void fluxion_shrink (struct fluxion *fx, const struct idset *ranks)
{
    fluxion_changed (fx);
    for (unsigned int rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        uint32_t v = rank > INT32_MAX ? GRAPH_NONE : graph_by_rank (fx->graph, (int32_t)rank);
        if (v != GRAPH_NONE && lose (fx->graph, v) < 0)
            (void)graph_set_status (fx->graph, v, false);
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
