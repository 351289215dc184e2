/* branch.c - the brokers below that have shells of a job
 *
 *   launch ──► stream of updates ... ──► ENODATA: all below have ended
 *                    │ EHOSTUNREACH
 *                    ▼
 *      may its shells outlive it?  no: they are lost
 *                    │ yes
 *                    ▼
 *      launch {reattach} again and again, until it is back or it is too late
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part_private.h"
#include "spec/topo.h"

#define RETRY_SECONDS 0.2

static void branch_cb (flux_future_t *f, void *arg);

void branch_detach (struct branch *b)
{
    flux_future_destroy (b->f);
    b->f = NULL;
    flux_watcher_destroy (b->retry_w);
    b->retry_w = NULL;
}

void branch_free (struct branch *b)
{
    list_del (&b->node);
    branch_detach (b);
    idset_destroy (b->ranks);
    free (b);
}

/* Requests */

static int branch_send (struct branch *b, const char *text)
{
    flux_t *h = b->part->parts->ctx->h;

    b->f = flux_rpc (h, "job-exec.launch", text, b->rank, FLUX_RPC_STREAMING);
    if (!b->f || flux_future_then (b->f, -1., branch_cb, b) < 0)
        return -errno;
    return 0;
}

/* The ranks, for a broker that has come back and knows nothing of the job. */
static int branch_reattach (struct branch *b)
{
    struct part *part = b->part;
    struct idset *left = idset_intersect (b->ranks, part->active);
    char *ranks = left ? idset_encode (left, IDSET_FLAG_RANGE) : NULL;
    struct buf buf = BUF_INIT;
    int rc = -ENOMEM;

    if (ranks
        && buf_addf (&buf, "{\"id\":%" PRIu64 ",\"reattach\":true,\"userid\":%" PRIu32
                     ",\"cookie\":\"%.*s\",\"leader\":%" PRIu32 ",\"reconnect\":%g,"
                     "\"ranks\":\"%s\"}", part->id, part->userid,
                     (int)strcspn (part->tag, "/"), part->tag, part->leader,
                     part->recoverable ? part->reconnect : 0., ranks) == 0)
        rc = branch_send (b, buf.data);
    buf_release (&buf);
    free (ranks);
    idset_destroy (left);
    return rc;
}

/* The end of a branch, or its absence */

static void branch_lost (struct branch *b, const struct idset *left, int errnum,
                         const char *errstr)
{
    struct update u = { 0 };
    unsigned int r;

    if (b->give_up > 0.)
        errnum = EHOSTUNREACH;     /* whatever the last attempt said */
    b->give_up = 0.;
    if (errnum == EHOSTUNREACH || errnum == ENODATA || errnum == ENOENT)
        (void)update_lost (&u, left);
    else {
        for (r = idset_first (left); r != IDSET_INVALID_ID; r = idset_next (left, r))
            (void)update_failed (&u, r, errnum, errstr);
    }
    part_update (b->part, &u);
    update_clear (&u);
}

static void branch_ended (struct branch *b, int errnum, const char *errstr);

static void retry_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct branch *b = arg;
    int rc;

    flux_watcher_stop (w);
    if ((rc = branch_reattach (b)) < 0)
        branch_ended (b, -rc, strerror (-rc));
}

/* False if it is not to be looked for, or not any more. */
static bool wait_for_return (struct branch *b, const struct idset *left, int errnum)
{
    struct part *part = b->part;
    flux_reactor_t *r = part->parts->ctx->r;
    double now = flux_reactor_now (r);

    if (!part->recoverable || (errnum != EHOSTUNREACH && errnum != ENOSYS)
        || (!part->recovered && idset_has_intersection (left, part->unstarted)))
        return false;
    if (b->give_up == 0.) {
        b->give_up = now + part->reconnect + RETURN_MARGIN;
        flux_log (part->parts->ctx->h, LOG_WARNING, "%s: waiting %gs for the broker of rank"
                  " %" PRIu32 " to return to its job shells", part->jobid,
                  part->reconnect + RETURN_MARGIN, b->rank);
    }
    if (now >= b->give_up)
        return false;
    if (!b->retry_w && !(b->retry_w = flux_timer_watcher_create (r, 0., 0., retry_cb, b)))
        return false;
    flux_timer_watcher_reset (b->retry_w, RETRY_SECONDS, 0.);
    flux_watcher_start (b->retry_w);
    return true;
}

static void branch_ended (struct branch *b, int errnum, const char *errstr)
{
    struct idset *left = idset_intersect (b->ranks, b->part->active);

    flux_future_destroy (b->f);
    b->f = NULL;
    if (left && !idset_empty (left) && !wait_for_return (b, left, errnum))
        branch_lost (b, left, errnum, errstr);
    idset_destroy (left);
}

static void branch_cb (flux_future_t *f, void *arg)
{
    struct branch *b = arg;
    struct part *part = b->part;
    struct update u = { 0 };
    json_t *o;

    if (flux_rpc_get_unpack (f, "o", &o) < 0) {
        int errnum = errno;
        flux_error_t err;
        errmsg (&err, 0, "%s", flux_future_error_string (f));
        branch_ended (b, errnum, err.text);
        return;
    }
    b->give_up = 0.;
    if (update_merge (&u, o) < 0)
        flux_log (part->parts->ctx->h, LOG_ERR, "%s: malformed update from rank %u",
                  part->jobid, (unsigned)b->rank);
    if (u.barrier)
        barriers_merge (part, u.barrier);
    flux_future_reset (f);
    part_update (part, &u);
    update_clear (&u);
}

/* Which branch */

static struct branch *branch_get (struct part *part, uint32_t rank)
{
    struct branch *b;

    list_foreach (&part->branches, n) {
        b = list_entry (n, struct branch, node);
        if (b->rank == rank)
            return b;
    }
    if (!(b = calloc (1, sizeof (*b))))
        return NULL;
    b->part = part;
    b->rank = rank;
    list_prepend (&part->branches, &b->node);
    if (!(b->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        branch_free (b);
        return NULL;
    }
    return b;
}

int part_route (struct part *part, const struct idset *ranks, struct idset *nowhere)
{
    struct jobexec *ctx = part->parts->ctx;
    unsigned int r;

    for (r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        struct branch *b;
        uint32_t child;
        if (r == ctx->rank) {
            part->is_local = true;
            if (idset_set (part->ranks, r) < 0)
                return -ENOMEM;
            continue;
        }
        child = r < ctx->size ? topo_child_route (ctx->topo, ctx->rank, r)
                              : TOPO_NORANK;
        if (child == TOPO_NORANK) {
            if (ctx->rank == 0
                && (idset_set (nowhere, r) < 0 || idset_set (part->ranks, r) < 0))
                return -ENOMEM;
            continue;
        }
        if (!(b = branch_get (part, child))
            || idset_set (b->ranks, r) < 0
            || idset_set (part->ranks, r) < 0)
            return -ENOMEM;
    }
    part->leader = idset_first (ranks);
    if (!(part->unstarted = idset_copy (part->ranks))
        || !(part->active = idset_copy (part->ranks)))
        return -ENOMEM;
    return 0;
}

/* All */

void part_launch_branches (struct part *part, const char *text)
{
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        int rc = branch_send (b, text);
        if (rc < 0)
            branch_ended (b, -rc, strerror (-rc));
    }
}

void part_reattach_branches (struct part *part)
{
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        if (b->f || !idset_has_intersection (b->ranks, part->active))
            continue;
        int rc = branch_reattach (b);
        if (rc < 0)
            branch_ended (b, -rc, strerror (-rc));
    }
}

void part_send_down (struct part *part, const char *topic, const char *text)
{
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        flux_future_t *f;
        if (!b->f || !idset_has_intersection (b->ranks, part->active))
            continue;
        if (!(f = flux_rpc (part->parts->ctx->h, topic, text, b->rank,
                            FLUX_RPC_NORESPONSE)))
            flux_log_error (part->parts->ctx->h, "%s: %s", part->jobid, topic);
        flux_future_destroy (f);
    }
}
