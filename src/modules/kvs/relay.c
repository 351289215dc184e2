/* relay.c - see relay.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "modules/kvs/relay.h"

struct relayed {
    struct list_node node;
    struct relay *r;
    const flux_msg_t *msg;    /* the request, as it came */
    flux_future_t *f;         /* as it went on */
};

struct relay {
    flux_t *h;
    const char *cancel;
    struct list_node pending;
    size_t count;
    flux_msg_handler_t **handlers;
    size_t nhandlers;
};

static void relayed_free (struct relayed *x)
{
    list_del (&x->node);
    x->r->count--;
    flux_msg_decref (x->msg);
    flux_future_destroy (x->f);
    free (x);
}

static void respond_error (flux_t *h, const flux_msg_t *msg, int errnum,
                           const char *text)
{
    if (!flux_msg_is_noresponse (msg)
        && flux_respond_error (h, msg, errnum, text) < 0)
        flux_log_error (h, "relay: responding");
}

static void answered (flux_future_t *f, void *arg)
{
    struct relayed *x = arg;
    const void *data;
    size_t len;
    if (flux_rpc_get_raw (f, &data, &len) < 0) {
        respond_error (x->r->h, x->msg, errno, flux_future_error_string (f));
        relayed_free (x);
        return;
    }
    if (flux_respond_raw (x->r->h, x->msg, data, (int)len) < 0)
        flux_log_error (x->r->h, "relay: responding");
    if (flux_msg_is_streaming (x->msg))
        flux_future_reset (f);
    else
        relayed_free (x);
}

static flux_future_t *send_on (flux_t *h, const flux_msg_t *msg)
{
    int flags = 0;
    flux_msg_t *cpy = flux_msg_copy (msg, true);
    if (!cpy)
        return NULL;
    flux_msg_route_clear (cpy);
    flux_msg_clear_flag (cpy, FLUX_MSGFLAG_UPSTREAM);
    if (flux_msg_is_noresponse (msg))
        flags = FLUX_RPC_NORESPONSE;
    else if (flux_msg_is_streaming (msg))
        flags = FLUX_RPC_STREAMING;
    flux_future_t *f = flux_rpc_message (h, cpy, 0, flags);
    flux_msg_decref (cpy);
    return f;
}

static void request_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    struct relay *r = arg;
    struct relayed *x;
    (void)mh;
    flux_future_t *f = send_on (h, msg);
    if (!f || flux_msg_is_noresponse (msg)) {
        if (!f)
            respond_error (h, msg, errno, NULL);
        flux_future_destroy (f);
        return;
    }
    if (!(x = calloc (1, sizeof (*x)))) {
        flux_future_destroy (f);
        respond_error (h, msg, ENOMEM, NULL);
        return;
    }
    x->r = r;
    x->f = f;
    x->msg = flux_msg_incref (msg);
    list_append (&r->pending, &x->node);
    r->count++;
    if (flux_future_then (f, -1., answered, x) < 0) {
        respond_error (h, msg, errno, NULL);
        relayed_free (x);
    }
}

/* Rank 0 shall not go on with what nobody waits for. */
static void cancel_upstream (struct relayed *x)
{
    if (!x->r->cancel)
        return;
    flux_future_t *f =
        flux_rpc_pack (x->r->h, x->r->cancel, 0, FLUX_RPC_NORESPONSE, "{s:i}",
                       "matchtag", (int)flux_rpc_get_matchtag (x->f));
    if (!f)
        flux_log_error (x->r->h, "relay: canceling");
    flux_future_destroy (f);
}

void relay_cancel (struct relay *r, const flux_msg_t *msg)
{
    list_foreach (&r->pending, n) {
        struct relayed *x = list_entry (n, struct relayed, node);
        if (flux_cancel_match (msg, x->msg)) {
            cancel_upstream (x);  /* it answers with ENODATA */
            break;
        }
    }
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    (void)h;
    (void)mh;
    relay_cancel (arg, msg);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh,
                           const flux_msg_t *msg, void *arg)
{
    struct relay *r = arg;
    (void)h;
    (void)mh;
    list_foreach (&r->pending, n) {
        struct relayed *x = list_entry (n, struct relayed, node);
        if (flux_disconnect_match (msg, x->msg)) {
            cancel_upstream (x);
            relayed_free (x);
        }
    }
}

static int add_handler (struct relay *r, const char *service,
                        const char *method, flux_msg_handler_f cb)
{
    char topic[128];
    bool guests = method[0] == '*';
    struct flux_match match = FLUX_MATCH_REQUEST;
    snprintf (topic, sizeof (topic), "%s.%s", service, method + guests);
    match.topic_glob = topic;
    flux_msg_handler_t *mh = flux_msg_handler_create (r->h, match, cb, r);
    if (!mh)
        return -1;
    r->handlers[r->nhandlers++] = mh;
    if (guests)
        flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_USER);
    flux_msg_handler_start (mh);
    return 0;
}

struct relay *relay_new (flux_t *h, const char *service,
                         const char *const *methods, const char *cancel,
                         flux_error_t *err)
{
    struct relay *r = calloc (1, sizeof (*r));
    size_t n = 0;
    while (methods[n])
        n++;
    if (!r || !(r->handlers = calloc (n + 2, sizeof (*r->handlers))))
        goto error;
    r->h = h;
    r->cancel = cancel;
    list_init (&r->pending);
    for (size_t i = 0; i < n; i++)
        if (add_handler (r, service, methods[i], request_cb) < 0)
            goto error;
    if (add_handler (r, service, "*cancel", cancel_cb) < 0
        || add_handler (r, service, "*disconnect", disconnect_cb) < 0)
        goto error;
    return r;
error:
    errmsg (err, -errno, "%s: %s", service, strerror (errno));
    relay_free (r);
    return NULL;
}

void relay_free (struct relay *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->nhandlers; i++)
        flux_msg_handler_destroy (r->handlers[i]);
    list_foreach (&r->pending, n) {
        struct relayed *x = list_entry (n, struct relayed, node);
        respond_error (r->h, x->msg, ENOSYS, NULL);
        cancel_upstream (x);
        relayed_free (x);
    }
    free (r->handlers);
    free (r);
}

size_t relay_count (const struct relay *r)
{
    return r->count;
}
