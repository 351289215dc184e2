/* abandon.c - shells on brokers that are away, of a job that does not wait for them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/list.h"
#include "modules/exec/abandon.h"
#include "modules/exec/jobexec.h"

#define AGAIN_SECONDS 0.5

struct abandoned {
    struct list_node node;
    struct jobexec *ctx;
    uint32_t rank;
    char tag[80];              /* of that rank alone: others may be on its host */
    double give_up;
    flux_future_t *f;
    flux_watcher_t *w;
};

static void abandoned_free_one (struct abandoned *ab)
{
    list_del (&ab->node);
    flux_future_destroy (ab->f);
    flux_watcher_destroy (ab->w);
    free (ab);
}

void abandoned_free (struct list_node *abandoned)
{
    list_foreach (abandoned, n)
        abandoned_free_one (list_entry (n, struct abandoned, node));
}

static void answered_cb (flux_future_t *f, void *arg)
{
    struct abandoned *ab = arg;
    bool away = flux_future_get (f, NULL) < 0
                && (errno == EHOSTUNREACH || errno == ENOSYS);

    flux_future_destroy (f);
    ab->f = NULL;
    if (!away || flux_reactor_now (ab->ctx->r) >= ab->give_up) {
        abandoned_free_one (ab);
        return;
    }
    flux_timer_watcher_reset (ab->w, AGAIN_SECONDS, 0.);
    flux_watcher_start (ab->w);
}

static void ask_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct abandoned *ab = arg;

    flux_watcher_stop (w);
    ab->f = flux_rpc_pack (ab->ctx->h, "job-exec.reap", ab->rank, 0, "{s:s}", "tag", ab->tag);
    if (!ab->f || flux_future_then (ab->f, -1., answered_cb, ab) < 0) {
        flux_log_error (ab->ctx->h, "job-exec.reap on rank %" PRIu32, ab->rank);
        abandoned_free_one (ab);
    }
}

static int abandon_rank (struct jobexec *ctx, uint32_t rank, const char *tag, double seconds)
{
    struct abandoned *ab = calloc (1, sizeof (*ab));

    if (!ab)
        return -ENOMEM;
    ab->ctx = ctx;
    ab->rank = rank;
    ab->give_up = flux_reactor_now (ctx->r) + seconds;
    (void)snprintf (ab->tag, sizeof (ab->tag), "%s/%" PRIu32, tag, rank);
    list_append (&ctx->abandoned, &ab->node);
    if (!(ab->w = flux_timer_watcher_create (ctx->r, AGAIN_SECONDS, 0., ask_cb, ab))) {
        abandoned_free_one (ab);
        return -ENOMEM;
    }
    flux_watcher_start (ab->w);
    return 0;
}

void abandon_ranks (struct jobexec *ctx, const struct idset *ranks, const char *tag,
                    double seconds)
{
    int rc = 0;

    for (unsigned int r = idset_first (ranks); rc == 0 && r != IDSET_INVALID_ID;
         r = idset_next (ranks, r))
        rc = abandon_rank (ctx, r, tag, seconds);
    if (rc < 0)
        flux_log (ctx->h, LOG_ERR, "%s: shells of brokers that come back are not looked for:"
                  " out of memory", tag);
}
