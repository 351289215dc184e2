/* resview.c - the resources as the scheduler sees them, for commands
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/queueconf.h"
#include "cmd/resview.h"
#include "spec/rset.h"

flux_future_t *resview_ask (flux_t *h)
{
    const char *topic = getenv ("FLUX_RESOURCE_LIST_RPC");
    flux_future_t *f = flux_rpc (h, topic && *topic ? topic : "resource.sched-status", NULL, 0, 0);

    if (!f)
        cmd_die (1, "resource.sched-status: %s", flux_strerror (errno));
    return f;
}

struct rset *resview_decode (const json_t *R, const char *what)
{
    flux_error_t err;
    struct rset *r = !R || json_is_null (R) ? rset_new () : rset_from_json (R, &err);

    if (!r)
        cmd_die (1, "%s: %s", what, R ? err.text : "out of memory");
    return r;
}

void resview_get (struct resview *v, flux_future_t *f)
{
    json_t *all = NULL;
    json_t *down = NULL;
    json_t *allocated = NULL;

    cmd_check (f, "cannot get the resources");
    if (flux_rpc_get_unpack (f, "{s?o s?o s?o}", "all", &all, "down", &down,
                             "allocated", &allocated) < 0)
        cmd_die (1, "resource.sched-status: %s", flux_strerror (errno));
    v->all = resview_decode (all, "all resources");
    v->down = resview_decode (down, "resources that are down");
    v->allocated = resview_decode (allocated, "allocated resources");
    flux_future_destroy (f);
}

void resview_release (struct resview *v)
{
    rset_free (v->all);
    rset_free (v->down);
    rset_free (v->allocated);
}

/* Filters */

static struct rset *need (struct rset *r)
{
    if (!r)
        cmd_die (1, "out of memory");
    return r;
}

static struct rset *of_queues (const struct rset *r, const struct queueconf *qc,
                               const json_t *queues)
{
    struct rset *sum = need (rset_new ());
    json_t *name;
    size_t i;

    json_array_foreach ((json_t *)queues, i, name) {
        struct rset *part = queueconf_filter (qc, json_string_value (name), r);
        struct rset *both = need (rset_union (sum, part));
        rset_free (part);
        rset_free (sum);
        sum = both;
    }
    return sum;
}

static struct idset *ranks_of_hosts (const struct rset *r, const char *targets)
{
    struct hostlist *hl = hostlist_decode (targets);
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    const char *host;
    uint32_t rank;
    size_t pos = 0;

    if (!hl)
        cmd_die (1, "'%s' is neither an idset of ranks nor a hostlist", targets);
    while (rset_node_next (r, &pos, &rank, &host, NULL, NULL)) {
        if (host && hostlist_find (hl, host) >= 0 && idset_set (ids, rank) < 0)
            cmd_die (1, "out of memory");
    }
    hostlist_destroy (hl);
    return ids;
}

static struct rset *of_targets (const struct rset *r, const char *targets)
{
    struct idset *ids = idset_decode (targets);
    struct rset *sub;

    if (!ids)
        ids = ranks_of_hosts (r, targets);
    sub = need (rset_copy_ranks (r, ids));
    idset_destroy (ids);
    return sub;
}

struct rset *resview_filter_rset (const struct rset *r, const struct queueconf *qc,
                                  const json_t *queues, const char *targets)
{
    struct rset *a = queues ? of_queues (r, qc, queues) : need (rset_copy (r));
    struct rset *b;

    if (!targets)
        return a;
    b = of_targets (a, targets);
    rset_free (a);
    return b;
}

static void replace (struct rset **rp, const struct queueconf *qc, const json_t *queues,
                     const char *targets)
{
    struct rset *r = resview_filter_rset (*rp, qc, queues, targets);

    rset_free (*rp);
    *rp = r;
}

/* What is allocated comes without properties: it goes by the ranks of the rest. */
void resview_filter (struct resview *v, const struct queueconf *qc, const json_t *queues,
                     const char *targets)
{
    struct rset *r;

    if (!queues && !targets)
        return;
    replace (&v->all, qc, queues, targets);
    r = need (rset_copy_ranks (v->down, rset_ranks (v->all)));
    rset_free (v->down);
    v->down = r;
    r = need (rset_copy_ranks (v->allocated, rset_ranks (v->all)));
    rset_free (v->allocated);
    v->allocated = r;
}

/* States */

struct rset *resview_state (const struct resview *v, const char *state)
{
    struct rset *up;
    struct rset *r;

    if (strcmp (state, "all") == 0)
        return need (rset_copy (v->all));
    if (strcmp (state, "down") == 0)
        return need (rset_intersect (v->all, v->down));
    if (strcmp (state, "allocated") == 0)
        return need (rset_intersect (v->all, v->allocated));
    if (strcmp (state, "up") != 0 && strcmp (state, "free") != 0)
        return NULL;
    up = need (rset_diff (v->all, v->down));
    if (strcmp (state, "up") == 0)
        return up;
    r = need (rset_diff (up, v->allocated));
    rset_free (up);
    return r;
}

/* Text */

char *resview_nodelist (const struct rset *r)
{
    struct hostlist *hl = rset_hosts (r);
    char *s = hl ? hostlist_encode (hl) : NULL;

    if (!s)
        cmd_die (1, "out of memory");
    hostlist_destroy (hl);
    return s;
}

char *resview_ranks (const struct rset *r)
{
    char *s = idset_encode (rset_ranks (r), IDSET_FLAG_RANGE);

    if (!s)
        cmd_die (1, "out of memory");
    return s;
}
