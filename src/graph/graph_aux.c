/* graph_aux.c - the edges of other subsystems that a match looks at
 *
 *    containment                 power
 *    cluster0                    panel0
 *    +- rack0                    +- watt0 (1000)
 *    |  +- pdu0 <----------------'   (panel0 -> pdu0)
 *    |  +- node0 <-- pdu0
 *
 * Each vertex knows what leads to it (up) and where it leads (down).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/graph_private.h"

void graph_aux_free (struct graph *g)
{
    free (g->up.first);
    free (g->up.to);
    free (g->down.first);
    free (g->down.to);
    free (g->aux_mark);
    free (g->leads);
    g->leads = NULL;
    g->up = g->down = (struct links){ NULL, NULL };
    g->aux_mark = NULL;
}

static int aux_number (const struct graph *g, uint32_t subsystem)
{
    for (uint32_t i = 0; i < g->naux; i++)
        if (g->aux[i] == subsystem)
            return (int)i;
    return -1;
}

typedef void (*link_f) (struct graph *g, uint32_t src, uint32_t dst, uint8_t aux);

/* Both edges between parents and children, and the others.  Of two that lead back and forth
 * ("supplies_to", "draws_from") the one that comes first counts. */
static int each_link (struct graph *g, link_f fn)
{
    struct idhash *seen = idhash_new (NULL);
    int aux, rc = seen ? 0 : -ENOMEM;

    for (uint32_t v = g->tree_n; rc == 0 && v < g->n; v++)
        if (g->v[v].parent != GRAPH_NONE && (aux = aux_number (g, g->v[v].subsystem)) >= 0)
            fn (g, g->v[v].parent, v, (uint8_t)aux);
    for (uint32_t i = 0; rc == 0 && i < g->nedge; i++) {
        const struct edge *e = &g->edge[i];
        if ((aux = aux_number (g, e->subsystem)) < 0
            || idhash_get (seen, (uint64_t)e->dst << 32 | e->src))
            continue;
        rc = idhash_set (seen, (uint64_t)e->src << 32 | e->dst, g);
        if (rc == 0)
            fn (g, e->src, e->dst, (uint8_t)aux);
    }
    idhash_free (seen);
    return rc < 0 ? -ENOMEM : 0;
}

static void count_link (struct graph *g, uint32_t src, uint32_t dst, uint8_t aux)
{
    g->up.first[dst + 2]++;
    g->down.first[src + 2]++;
}

/* first[v + 1] is where the next link of v goes, and in the end its end. */
static void put_link (struct graph *g, uint32_t src, uint32_t dst, uint8_t aux)
{
    g->up.to[g->up.first[dst + 1]++] = (struct link){ src, aux };
    g->down.to[g->down.first[src + 1]++] = (struct link){ dst, aux };
    g->leads[g->v[src].type] = true;
}

static int links_room (struct graph *g, struct links *l)
{
    l->first = calloc ((size_t)g->n + 3, sizeof (*l->first));
    l->to = calloc ((size_t)g->n + g->nedge + 1, sizeof (*l->to));
    return l->first && l->to ? 0 : -ENOMEM;
}

int graph_aux_build (struct graph *g)
{
    if (g->naux == 0)
        return 0;
    g->aux_mark = calloc (g->n, sizeof (*g->aux_mark));
    g->leads = calloc (g->ntype, sizeof (*g->leads));
    g->aux_epoch = 0;
    if (!g->aux_mark || !g->leads || links_room (g, &g->up) < 0 || links_room (g, &g->down) < 0
        || each_link (g, count_link) < 0)
        return -ENOMEM;
    for (uint32_t v = 0; v <= g->n; v++) {
        g->up.first[v + 1] += g->up.first[v];
        g->down.first[v + 1] += g->down.first[v];
    }
    return each_link (g, put_link);
}

static bool is_subsystem (const struct graph *g, uint32_t s)
{
    for (uint32_t v = 0; v < g->n; v++)
        if (g->v[v].subsystem == s)
            return true;
    for (uint32_t i = 0; i < g->nedge; i++)
        if (g->edge[i].subsystem == s)
            return true;
    return false;
}

int graph_use_aux (struct graph *g, const char *const *name, size_t n, flux_error_t *err)
{
    uint16_t aux[GRAPH_MAX_AUX];

    if (!g->finished || n > GRAPH_MAX_AUX)
        return errmsg (err, -EINVAL, "more than %d subsystems", GRAPH_MAX_AUX);
    for (size_t i = 0; i < n; i++) {
        uint32_t s = graph_intern (g, name[i]);
        if (g->failed)
            return errmsg (err, -ENOMEM, "out of memory");
        if (s > UINT16_MAX || s == 1 || !is_subsystem (g, s))
            return errmsg (err, -ENOENT, "the graph has no subsystem '%.64s'", name[i]);
        aux[i] = (uint16_t)s;
    }
    graph_aux_free (g);
    memcpy (g->aux, aux, n * sizeof (*aux));
    g->naux = (uint32_t)n;
    if (graph_aux_build (g) == 0)
        return 0;
    graph_aux_free (g);
    g->naux = 0;
    return errmsg (err, -ENOMEM, "out of memory");
}
