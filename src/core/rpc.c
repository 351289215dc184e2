/* rpc.c - remote procedure calls: a request, and the future of its response
 *
 * A call costs the request (two allocations), the future, which has the state
 * below inside, and the response.  The dispatcher knows the pending call by its
 * matchtag only while there is a continuation; a blocking wait reads the handle
 * itself.  The matchtag goes back to the pool when the terminating response is
 * here; for a call destroyed earlier the dispatcher does it (dispatch.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <flux/core.h>

#include "core/dispatch.h"
#include "core/future_class.h"
#include "core/handle_private.h"

struct rpc {
    flux_t *h;          /* where the matchtag is from; the future holds it */
    flux_t *dispatch_h; /* whose dispatcher has an entry for us; referenced */
    uint32_t matchtag;
    uint32_t nodeid;
    bool streaming;
    bool done;          /* no more responses will come */
};

static void rpc_start (flux_future_t *f, void *priv);
static int rpc_wait (flux_future_t *f, void *priv, double timeout);
static void rpc_destroy (flux_future_t *f, void *priv);

static const struct future_class rpc_class = {
    .size = sizeof (struct rpc),
    .start = rpc_start,
    .wait = rpc_wait,
    .destroy = rpc_destroy,
};

static void dispatch_detach (struct rpc *rpc)
{
    if (rpc->dispatch_h) {
        flux_t *h = rpc->dispatch_h;

        rpc->dispatch_h = NULL;
        dispatch_rpc_del (h, rpc->matchtag);
        flux_decref (h);
    }
}

static void rpc_finish (struct rpc *rpc)
{
    if (!rpc->done) {
        rpc->done = true;
        dispatch_detach (rpc);
        flux_matchtag_free (rpc->h, rpc->matchtag);
    }
}

static void msg_free (void *arg)
{
    flux_msg_decref (arg);
}

/* A response, of which a reference is taken. */
static void rpc_response (flux_future_t *f, struct rpc *rpc, const flux_msg_t *msg)
{
    const char *errstr = NULL;
    int errnum = 0;

    if (flux_response_decode (msg, NULL, NULL) < 0) {
        errnum = errno;
        (void)flux_response_decode_error (msg, &errstr);
    }
    if (errnum || !rpc->streaming || !flux_msg_is_streaming (msg))
        rpc_finish (rpc);
    if (errnum)
        flux_future_fulfill_error (f, errnum, errstr);
    else
        flux_future_fulfill (f, (void *)flux_msg_incref (msg), msg_free);
}

static void rpc_dispatch_cb (flux_t *h, const flux_msg_t *msg, void *arg)
{
    flux_future_t *f = arg;

    rpc_response (f, future_priv (f, &rpc_class), msg);
}

static void rpc_start (flux_future_t *f, void *priv)
{
    struct rpc *rpc = priv;
    flux_t *h = flux_future_get_flux (f);
    int rc;

    if (rpc->done)
        return;
    dispatch_detach (rpc);
    if ((rc = dispatch_rpc_add (h, rpc->matchtag, rpc_dispatch_cb, f)) < 0) {
        flux_future_fulfill_error (f, -rc, NULL);
        return;
    }
    rpc->dispatch_h = flux_incref (h);
}

/*
 * Blocking wait
 */

static int64_t now_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Milliseconds until the deadline, for poll(2).  A deadline < 0 is never. */
static int ms_left (int64_t deadline)
{
    int64_t ms;

    if (deadline < 0)
        return -1;
    ms = deadline - now_ms ();
    if (ms < 0)
        return 0;
    return ms > 3600000 ? 3600000 : ms;
}

/* Sleep until the handle may have something to read. */
static int wait_handle (flux_t *h, int64_t deadline)
{
    if (deadline >= 0 && now_ms () >= deadline)
        return -ETIMEDOUT;
    return handle_wait (h, FLUX_POLLIN, ms_left (deadline)) < 0 ? -errno : 0;
}

/* Read until the response is here; what is for others goes to *aside. */
static int read_response (flux_future_t *f, struct rpc *rpc, flux_t *h,
                          int64_t deadline, struct flux_msglist **aside)
{
    struct flux_match any = { FLUX_MSGTYPE_ANY, FLUX_MATCHTAG_NONE, NULL };
    struct flux_match mine = { FLUX_MSGTYPE_RESPONSE, rpc->matchtag, NULL };
    flux_msg_t *msg;
    int rc = 0;

    while (rc == 0 && !flux_future_is_ready (f)) {
        if (!(msg = flux_recv (h, any, FLUX_O_NONBLOCK))) {
            rc = errno == EAGAIN || errno == EWOULDBLOCK
                ? wait_handle (h, deadline) : -errno;
            continue;
        }
        if (flux_msg_cmp (msg, mine))
            rpc_response (f, rpc, msg);
        else if ((!*aside && !(*aside = flux_msglist_create ()))
                 || flux_msglist_append (*aside, msg) < 0)
            rc = -errno;
        flux_msg_decref (msg);
    }
    return rc;
}

/* Put messages back before what has arrived since, in their order. */
static int put_back (flux_t *h, struct flux_msglist *aside)
{
    const flux_msg_t *msg;
    int rc = 0;

    while ((msg = flux_msglist_last (aside))) {
        if (rc == 0 && flux_requeue (h, msg, FLUX_RQ_HEAD) < 0)
            rc = -errno;
        flux_msglist_delete (aside);
    }
    flux_msglist_destroy (aside);
    return rc;
}

static int rpc_wait (flux_future_t *f, void *priv, double timeout)
{
    struct rpc *rpc = priv;
    struct flux_msglist *aside = NULL;
    flux_t *h = flux_future_get_flux (f);
    int64_t deadline = -1;
    int rc;
    int rc2 = 0;

    if (rpc->done || !h)
        return -EDEADLOCK;
    if (timeout >= 0 && timeout < 1E9)
        deadline = now_ms () + (int64_t)(timeout * 1000 + 0.999);
    if (flux_dispatch_requeue (h) < 0) // a clone may hold our response
        return -errno;
    rc = read_response (f, rpc, h, deadline, &aside);
    if (aside)
        rc2 = put_back (h, aside);
    if (flux_future_is_ready (f))
        return 0;
    return rc < 0 ? rc : rc2;
}

static void rpc_destroy (flux_future_t *f, void *priv)
{
    struct rpc *rpc = priv;

    if (rpc->done)
        return;
    dispatch_detach (rpc);
    if (rpc->matchtag != FLUX_MATCHTAG_NONE
        && (flux_flags_get (rpc->h) & FLUX_O_MATCHDEBUG))
        fprintf (stderr, "flux: matchtag %u leaked: RPC future destroyed before its %s\n",
                 rpc->matchtag, rpc->streaming ? "final response" : "response");
}

/*
 * Sending
 */

static int set_nodeid (flux_t *h, flux_msg_t *msg, uint32_t nodeid)
{
    uint32_t rank;

    if (nodeid != FLUX_NODEID_UPSTREAM)
        return flux_msg_set_nodeid (msg, nodeid);
    if (flux_get_rank (h, &rank) < 0
        || flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM) < 0)
        return -1;
    return flux_msg_set_nodeid (msg, rank);
}

static int set_call (flux_t *h, struct rpc *rpc, flux_msg_t *msg, int flags)
{
    if ((flags & FLUX_RPC_NORESPONSE))
        return flux_msg_set_noresponse (msg);
    rpc->matchtag = flux_matchtag_alloc (h);
    if (rpc->matchtag == FLUX_MATCHTAG_NONE)
        return -1;
    rpc->done = false;
    if ((flags & FLUX_RPC_STREAMING)) {
        rpc->streaming = true;
        if (flux_msg_set_streaming (msg) < 0)
            return -1;
    }
    return flux_msg_set_matchtag (msg, rpc->matchtag);
}

/* Takes msg, also on failure. */
static flux_future_t *rpc_send (flux_t *h, flux_msg_t *msg, uint32_t nodeid, int flags)
{
    flux_future_t *f;
    struct rpc *rpc;
    int saved_errno;

    if (!(f = future_create_class (&rpc_class)))
        goto error;
    flux_future_set_flux (f, h);
    rpc = future_priv (f, &rpc_class);
    rpc->h = h;
    rpc->nodeid = nodeid;
    rpc->done = true; // until there is a matchtag
    if (set_nodeid (h, msg, nodeid) < 0
        || set_call (h, rpc, msg, flags) < 0
        || flux_send_new (h, &msg, 0) < 0)
        goto error;
    if ((flags & FLUX_RPC_NORESPONSE))
        flux_future_fulfill (f, NULL, NULL);
    return f;
error:
    saved_errno = errno;
    if (f) {
        rpc = future_priv (f, &rpc_class);
        if (!rpc->done)
            rpc_finish (rpc); // nothing was sent: no response can come
        flux_future_destroy (f);
    }
    flux_msg_decref (msg);
    errno = saved_errno;
    return NULL;
}

static bool args_valid (flux_t *h, int flags)
{
    const int both = FLUX_RPC_NORESPONSE | FLUX_RPC_STREAMING;

    if (!h || (flags & ~both) || (flags & both) == both) {
        errno = EINVAL;
        return false;
    }
    return true;
}

flux_future_t *flux_rpc_message (flux_t *h, const flux_msg_t *msg, uint32_t nodeid, int flags)
{
    flux_msg_t *cpy;
    int type;

    if (!args_valid (h, flags))
        return NULL;
    if (!msg || flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = flux_msg_copy (msg, true)))
        return NULL;
    return rpc_send (h, cpy, nodeid, flags);
}

flux_future_t *flux_rpc (flux_t *h, const char *topic, const char *s, uint32_t nodeid, int flags)
{
    flux_msg_t *msg;

    if (!args_valid (h, flags) || !(msg = flux_request_encode (topic, s)))
        return NULL;
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_raw (flux_t *h,
                             const char *topic,
                             const void *data,
                             size_t len,
                             uint32_t nodeid,
                             int flags)
{
    flux_msg_t *msg;

    if (!args_valid (h, flags) || !(msg = flux_request_encode_raw (topic, data, len)))
        return NULL;
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_vpack (flux_t *h,
                               const char *topic,
                               uint32_t nodeid,
                               int flags,
                               const char *fmt,
                               va_list ap)
{
    flux_msg_t *msg;

    if (!args_valid (h, flags) || !(msg = flux_request_encode (topic, NULL)))
        return NULL;
    if (flux_msg_vpack (msg, fmt, ap) < 0) {
        int saved_errno = errno;
        flux_msg_decref (msg);
        errno = saved_errno;
        return NULL;
    }
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_pack (flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              ...)
{
    flux_future_t *f;
    va_list ap;

    va_start (ap, fmt);
    f = flux_rpc_vpack (h, topic, nodeid, flags, fmt, ap);
    va_end (ap);
    return f;
}

/*
 * Results
 */

/* NULL result: a call without response */
static const flux_msg_t *rpc_result (flux_future_t *f)
{
    const void *msg;

    if (flux_future_get (f, &msg) < 0)
        return NULL;
    if (!msg)
        errno = EPROTO;
    return msg;
}

int flux_rpc_get (flux_future_t *f, const char **s)
{
    const flux_msg_t *msg;

    if (!s)
        return flux_future_get (f, NULL);
    if (!(msg = rpc_result (f)))
        return -1;
    return flux_response_decode (msg, NULL, s);
}

int flux_rpc_get_raw (flux_future_t *f, const void **data, size_t *len)
{
    const flux_msg_t *msg;

    if (!(msg = rpc_result (f)))
        return -1;
    return flux_response_decode_raw (msg, NULL, data, len);
}

int flux_rpc_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    const flux_msg_t *msg;
    va_list ap;
    int rc;

    if (!(msg = rpc_result (f)))
        return -1;
    va_start (ap, fmt);
    rc = flux_msg_vunpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}

uint32_t flux_rpc_get_matchtag (flux_future_t *f)
{
    struct rpc *rpc = future_priv (f, &rpc_class);

    /* after its last response the tag may be another call's */
    return rpc && !rpc->done ? rpc->matchtag : FLUX_MATCHTAG_NONE;
}

uint32_t flux_rpc_get_nodeid (flux_future_t *f)
{
    struct rpc *rpc = future_priv (f, &rpc_class);

    return rpc ? rpc->nodeid : FLUX_NODEID_ANY;
}
