/* gather.c - what each rank discovered, up the tree to rank 0
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "modules/resource/gather.h"
#include "spec/rset.h"

#define RETRY 0.1      /* seconds, while the parent is not there yet */

struct gather {
    flux_t *h;
    uint32_t rank;
    gather_f found;
    void *arg;
    struct rset *waiting;       /* to send; NULL if nothing */
    struct rset *sent;          /* in flight */
    flux_future_t *f;
    flux_watcher_t *timer;
};

static void schedule (struct gather *g, double after)
{
    if (g->f || (flux_watcher_is_active (g->timer) && after == 0.))
        return;
    flux_timer_watcher_reset (g->timer, after, 0.);
    flux_watcher_start (g->timer);
}

/* A rank that started again reports again: the newest is right. */
static int merge (struct rset **to, const struct rset *found)
{
    struct rset *out;

    if (!*to)
        return (*to = rset_copy (found)) ? 0 : -1;
    if (rset_remove_ranks (*to, rset_ranks (found)) < 0
        || !(out = rset_union (*to, found)))
        return -1;
    rset_free (*to);
    *to = out;
    return 0;
}

static void delivered (flux_future_t *f, void *arg)
{
    struct gather *g = arg;
    struct rset *newer = g->waiting;
    double after = 0.;

    if (flux_future_get (f, NULL) < 0) {
        flux_log (g->h, LOG_DEBUG, "resource.gather: %s", future_strerror (f, errno));
        g->waiting = g->sent;
        g->sent = NULL;
        if (newer)
            (void)merge (&g->waiting, newer);
        rset_free (newer);
        after = RETRY;
    }
    rset_free (g->sent);
    g->sent = NULL;
    flux_future_destroy (g->f);
    g->f = NULL;
    if (g->waiting)
        schedule (g, after);
}

static void send_up (struct gather *g)
{
    json_t *R = rset_to_json (g->waiting);

    if (!R || !(g->f = flux_rpc_pack (g->h, "resource.gather", FLUX_NODEID_UPSTREAM, 0,
                                      "{s:o}", "R", R))
        || flux_future_then (g->f, -1., delivered, g) < 0) {
        flux_log_error (g->h, "resource.gather");
        flux_future_destroy (g->f);
        g->f = NULL;
        schedule (g, RETRY);
        return;
    }
    g->sent = g->waiting;
    g->waiting = NULL;
}

static void turn_ended (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct gather *g = arg;
    struct rset *found = g->waiting;

    if (!found || g->f)
        return;
    if (g->rank > 0) {
        send_up (g);
        return;
    }
    g->waiting = NULL;
    g->found (found, g->arg);
    rset_free (found);
}

struct gather *gather_new (flux_t *h, uint32_t rank, gather_f found, void *arg)
{
    struct gather *g = calloc (1, sizeof (*g));

    if (!g)
        return NULL;
    g->h = h;
    g->rank = rank;
    g->found = found;
    g->arg = arg;
    if (!(g->timer = flux_timer_watcher_create (flux_get_reactor (h), 0., 0.,
                                                turn_ended, g))) {
        gather_free (g);
        return NULL;
    }
    return g;
}

void gather_free (struct gather *g)
{
    if (g) {
        flux_watcher_destroy (g->timer);
        flux_future_destroy (g->f);
        rset_free (g->waiting);
        rset_free (g->sent);
        free (g);
    }
}

void gather_add (struct gather *g, const struct rset *found)
{
    if (merge (&g->waiting, found) < 0)
        flux_log_error (g->h, "resource.gather");
    schedule (g, 0.);
}

void gather_request (struct gather *g, const flux_msg_t *msg)
{
    struct rset *found = NULL;
    flux_error_t err;
    json_t *R;

    if (flux_request_unpack (msg, NULL, "{s:o}", "R", &R) < 0)
        flux_respond_error (g->h, msg, EPROTO, NULL);
    else if (!(found = rset_from_json (R, &err)))
        flux_respond_error (g->h, msg, errno, err.text);
    else {
        gather_add (g, found);
        flux_respond (g->h, msg, NULL);
    }
    rset_free (found);
}
