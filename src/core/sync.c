/* sync.c - a future that is fulfilled by the heartbeat
 */
#include <errno.h>
#include <stdlib.h>
#include <flux/core.h>

#define HEARTBEAT_TOPIC "heartbeat.pulse"
#define SYNC_AUX "flux::sync"

struct sync {
    flux_t *h;         /* holds a subscription while this exists */
    double minimum;
    double last;       /* time of the last fulfilment, 0 if none */
};

static void sync_destroy (void *arg)
{
    struct sync *sync = arg;
    flux_future_t *f;

    // Not waited for: nothing here depends on it.
    f = flux_event_unsubscribe_ex (sync->h, HEARTBEAT_TOPIC, FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    flux_decref (sync->h);
    free (sync);
}

static void heartbeat_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_future_t *f = arg;
    struct sync *sync = flux_future_aux_get (f, SYNC_AUX);
    double now = flux_reactor_now (flux_get_reactor (h));

    if (sync->minimum > 0 && sync->last > 0 && now - sync->last < sync->minimum)
        return;
    if (flux_future_is_ready (f))
        return; // a pulse that nobody waited for is not queued
    sync->last = now;
    flux_future_fulfill (f, NULL, NULL);
}

static void handler_free (void *arg)
{
    flux_msg_handler_destroy (arg);
}

static void sync_start (flux_future_t *f, void *arg)
{
    struct flux_match match = {
        FLUX_MSGTYPE_EVENT, FLUX_MATCHTAG_NONE, HEARTBEAT_TOPIC
    };
    flux_t *h = flux_future_get_flux (f);
    flux_msg_handler_t *mh;

    if (!(mh = flux_msg_handler_create (h, match, heartbeat_cb, f))
        || flux_future_aux_set (f, NULL, mh, handler_free) < 0) {
        int saved_errno = errno;
        flux_msg_handler_destroy (mh);
        flux_future_fulfill_error (f, saved_errno, NULL);
        return;
    }
    flux_msg_handler_start (mh);
}

flux_future_t *flux_sync_create (flux_t *h, double minimum)
{
    flux_future_t *f;
    struct sync *sync;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!(f = flux_future_create (sync_start, NULL)))
        return NULL;
    flux_future_set_flux (f, h);
    if (flux_event_subscribe (h, HEARTBEAT_TOPIC) < 0)
        goto error;
    if (!(sync = calloc (1, sizeof (*sync))))
        goto error;
    sync->h = flux_incref (h);
    sync->minimum = minimum;
    if (flux_future_aux_set (f, SYNC_AUX, sync, sync_destroy) < 0) {
        sync_destroy (sync);
        goto error;
    }
    return f;
error:
    flux_future_destroy (f);
    return NULL;
}
