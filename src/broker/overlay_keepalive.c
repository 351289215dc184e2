/* overlay_keepalive.c - silence: ours towards the parent, that of the children
 */
#include <inttypes.h>
#include <math.h>
#include <syslog.h>

#include "broker/overlay_private.h"

static void on_keepalive (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;
    double idle = overlay_now (ov) - ov->last_send;

    if (ov->parent.connected && idle >= ov->torpid_min * 0.9)
        (void)overlay_send_control (ov, &ov->parent, OVERLAY_HEARTBEAT, 0);
}

static void on_watchdog (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;
    double now = overlay_now (ov);

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];
        if (!p->connected || p->torpid || now - p->last_recv <= ov->torpid_max)
            continue;
        p->torpid = true;
        (void)groups_set (ov->args.groups, "broker.torpid", p->rank, true);
        broker_logf (ov->args.log, LOG_ERR, "%s (rank %" PRIu32 ") is unresponsive"
                     " (torpid) for %.0fs", p->hostname, p->rank, now - p->last_recv);
    }
}

static bool is_on (double seconds)
{
    return isfinite (seconds) && seconds > 0;
}

static void arm (flux_watcher_t *w, double period)
{
    flux_watcher_stop (w);
    flux_timer_watcher_reset (w, period, period);
    flux_watcher_start (w);
}

void overlay_keepalive_start (struct overlay *ov)
{
    flux_watcher_stop (ov->keepalive);
    flux_watcher_stop (ov->watchdog);
    if (is_on (ov->torpid_min) && ov->parent.connected)
        arm (ov->keepalive, ov->torpid_min);
    if (is_on (ov->torpid_max) && ov->nchildren > 0)
        arm (ov->watchdog, ov->torpid_max / 2);
}

int overlay_keepalive_init (struct overlay *ov)
{
    flux_reactor_t *r = ov->reactor;

    if (!(ov->keepalive = flux_timer_watcher_create (r, 1, 1, on_keepalive, ov))
        || !(ov->watchdog = flux_timer_watcher_create (r, 1, 1, on_watchdog, ov)))
        return -1;
    overlay_keepalive_start (ov);
    return 0;
}
