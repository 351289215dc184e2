/* heartbeat.c - the instance's pulse
 *
 * The leader publishes heartbeat.pulse; a follower listens and, when it has
 * heard nothing for too long, leaves its parent (overlay.disconnect-parent), so
 * that calls upstream fail instead of waiting for ever.
 */
#include <errno.h>
#include <math.h>
#include <syslog.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/heartbeat/heartbeat.h"

struct settings {
    double period;
    double timeout;        /* INFINITY: never */
    int warn_thresh;       /* 0: never */
};

struct heartbeat {
    flux_t *h;
    uint32_t rank;
    struct settings set;
    flux_watcher_t *timer;     /* leader: next pulse; follower: next look */
    double last;               /* pulse heard */
    bool warned;
    bool timed_out;
    flux_future_t *publish;
    flux_msg_handler_t **handlers;
};

static int read_fsd (const char *key, const char *s, bool zero_is_never, double *valp,
                     flux_error_t *err)
{
    double val;

    if (duration_parse (s, &val) < 0 || (val == 0 && !zero_is_never))
        return errmsg (err, -EINVAL, "heartbeat.%s: '%s' is not a duration such as 2s",
                       key, s);
    *valp = val == 0 ? INFINITY : val;
    return 0;
}

static int read_settings (const flux_conf_t *conf, struct settings *out,
                          flux_error_t *err)
{
    struct settings set = { .warn_thresh = 3 };
    const char *period = "2s", *timeout = "5m";
    json_t *table = NULL;
    int rc;

    if (conf && flux_conf_unpack (conf, err, "{s?o}", "heartbeat", &table) < 0)
        return -errno;
    if (table
        && (rc = tablekeys_check (table, "heartbeat", "period:s timeout:s warn_thresh:i", err)) < 0)
        return rc;
    (void)json_unpack (table, "{s?s s?s s?i}", "period", &period, "timeout", &timeout,
                       "warn_thresh", &set.warn_thresh);
    if ((rc = read_fsd ("period", period, false, &set.period, err)) < 0
        || (rc = read_fsd ("timeout", timeout, true, &set.timeout, err)) < 0)
        return rc;
    if (!isfinite (set.period))
        return errmsg (err, -EINVAL, "heartbeat.period: must be finite");
    if (isfinite (set.timeout) && set.timeout < 2 * set.period)
        return errmsg (err, -EINVAL, "heartbeat.timeout: must be at least twice the"
                       " period of %gs", set.period);
    if (set.warn_thresh < 0)
        return errmsg (err, -EINVAL, "heartbeat.warn_thresh: must not be negative");
    *out = set;
    return 0;
}

/* --- leader --- */

static void published (flux_future_t *f, void *arg)
{
    struct heartbeat *hb = arg;

    if (flux_future_get (f, NULL) < 0)
        flux_log_error (hb->h, "publishing heartbeat.pulse");
    flux_future_destroy (f);
    hb->publish = NULL;
}

static void pulse (struct heartbeat *hb)
{
    if (hb->publish)
        return;
    if (!(hb->publish = flux_event_publish (hb->h, "heartbeat.pulse", 0, NULL))
        || flux_future_then (hb->publish, -1, published, hb) < 0)
        flux_log_error (hb->h, "publishing heartbeat.pulse");
}

/* --- follower --- */

static void pulse_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct heartbeat *hb = arg;

    hb->last = flux_reactor_now (flux_get_reactor (h));
    if (hb->warned)
        flux_log (h, LOG_ERR, "heartbeat is back");
    hb->warned = false;
}

static void leave_parent (struct heartbeat *hb, double silent)
{
    flux_future_t *f;

    hb->timed_out = true;
    flux_log (hb->h, LOG_CRIT, "no heartbeat for %.0fs: leaving the overlay network",
              silent);
    f = flux_rpc (hb->h, "overlay.disconnect-parent", NULL, hb->rank,
                  FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
}

static void look (struct heartbeat *hb)
{
    double silent = flux_reactor_now (flux_get_reactor (hb->h)) - hb->last;

    if (silent > hb->set.timeout && !hb->timed_out)
        leave_parent (hb, silent);
    else if (hb->set.warn_thresh > 0 && !hb->warned
             && silent > hb->set.warn_thresh * hb->set.period) {
        hb->warned = true;
        flux_log (hb->h, LOG_ERR, "no heartbeat for %.0fs", silent);
    }
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct heartbeat *hb = arg;

    if (hb->rank == 0)
        pulse (hb);
    else
        look (hb);
}

static void restart_timer (struct heartbeat *hb)
{
    flux_watcher_stop (hb->timer);
    flux_timer_watcher_reset (hb->timer, hb->set.period, hb->set.period);
    flux_watcher_start (hb->timer);
}

/* --- requests --- */

static void reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct heartbeat *hb = arg;
    flux_conf_t *conf = NULL;
    flux_error_t err = { 0 };
    const char *errstr = NULL;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        goto error;
    if (read_settings (conf, &hb->set, &err) < 0) {
        errno = EINVAL;
        errstr = err.text;
        goto error;
    }
    if (flux_set_conf_new (h, conf) < 0)
        goto error;
    restart_timer (hb);
    flux_respond (h, msg, NULL);
    return;
error:
    flux_respond_error (h, msg, errno, errstr);
    flux_conf_decref (conf);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct heartbeat *hb = arg;

    flux_respond_pack (h, msg, "{s:f s:f s:i}", "period", hb->set.period, "timeout",
                       isfinite (hb->set.timeout) ? hb->set.timeout : 0.,
                       "warn_thresh", hb->set.warn_thresh);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_EVENT, "heartbeat.pulse", pulse_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "heartbeat.config-reload", reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "heartbeat.stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static void heartbeat_stop (void *ctx)
{
    struct heartbeat *hb = ctx;

    if (!hb)
        return;
    flux_future_destroy (hb->publish);
    flux_msg_handler_delvec (hb->handlers);
    flux_watcher_destroy (hb->timer);
    free (hb);
}

static int heartbeat_start (flux_t *h, int argc, char **argv, void **ctxp,
                            flux_error_t *err)
{
    struct heartbeat *hb = calloc (1, sizeof (*hb));
    flux_reactor_t *r = flux_get_reactor (h);
    int rc;

    if (!hb)
        return -ENOMEM;
    hb->h = h;
    hb->last = flux_reactor_now (r);
    if ((rc = read_settings (flux_get_conf (h), &hb->set, err)) < 0) {
        heartbeat_stop (hb);
        return rc;
    }
    if (flux_get_rank (h, &hb->rank) < 0
        || !(hb->timer = flux_timer_watcher_create (r, hb->set.period, hb->set.period,
                                                    on_timer, hb))
        || flux_msg_handler_addvec (h, htab, hb, &hb->handlers) < 0
        || (hb->rank > 0 && flux_event_subscribe (h, "heartbeat.pulse") < 0)) {
        rc = -errno;
        heartbeat_stop (hb);
        return rc;
    }
    flux_watcher_start (hb->timer);
    *ctxp = hb;
    return 0;
}

const struct builtin heartbeat_builtin = {
    .name = "heartbeat",
    .start = heartbeat_start,
    .stop = heartbeat_stop,
};
