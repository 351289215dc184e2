/* pubsub.c - publish and subscribe
 */
#include <errno.h>

#include "base/base64.h"
#include "base/hash.h"
#include "broker/pubsub.h"
#include "broker/topics.h"

struct pubsub {
    struct router *router;
    flux_t *h;
    flux_msg_handler_t **handlers;
    uint32_t seq;               /* of the last event, on rank 0 */
    struct topics *all;         /* the union of all below; each endpoint and
                                 * child counts a topic once */
    struct idhash *children;    /* rank -> struct topics */
    struct hash *recording;     /* topic -> struct flux_msglist that waits for
                                 * the parent to record it */
};

/* --- publish --- */

static void deliver (void *arg, flux_msg_t *msg)
{
    struct pubsub *ps = arg;
    const char *topic;
    size_t pos = 0;
    struct endpoint *ep;
    struct topics *t;
    uint64_t child;

    if (flux_msg_get_topic (msg, &topic) < 0 || !topics_match (ps->all, topic))
        goto done;
    while ((ep = router_next (ps->router, &pos)))
        if (topics_match (endpoint_topics (ep), topic))
            endpoint_send_event (ep, msg);
    pos = 0;
    while ((t = idhash_next (ps->children, &pos, &child))) {
        flux_msg_t *cpy;
        if (topics_match (t, topic) && (cpy = flux_msg_copy (msg, true)))
            router_send_peer (ps->router, child, cpy);
    }
done:
    flux_msg_destroy (msg);
}

static void publish (void *arg, flux_msg_t *msg)
{
    struct pubsub *ps = arg;

    flux_msg_route_disable (msg);
    if (flux_msg_set_seq (msg, ++ps->seq) < 0) {
        flux_msg_destroy (msg);
        return;
    }
    deliver (ps, msg);
}

static int decode (const char *payload, void **datap, size_t *lenp)
{
    size_t slen = strlen (payload);
    void *data = malloc (base64_decoded_size (slen) + 1);
    int rc;

    if (!data)
        return -ENOMEM;
    if ((rc = base64_decode (payload, slen, data, lenp)) < 0) {
        free (data);
        return rc;
    }
    *datap = data;
    return 0;
}

static flux_msg_t *event_of_request (const flux_msg_t *req, const char **errstr)
{
    const char *topic;
    const char *payload = NULL;
    int flags;
    struct flux_msg_cred cred;
    flux_msg_t *event = NULL;
    void *data = NULL;
    size_t len = 0;
    int rc;

    if (flux_request_unpack (req, NULL, "{s:s s:i s?s}", "topic", &topic, "flags",
                             &flags, "payload", &payload) < 0
        || flux_msg_get_cred (req, &cred) < 0)
        return NULL;
    if (flags & ~(FLUX_EVENT_PRIVATE | FLUX_MSGFLAG_PRIVATE)) {
        *errstr = "unknown event flags";
        errno = EPROTO;
        return NULL;
    }
    if (payload && (rc = decode (payload, &data, &len)) < 0) {
        *errstr = "the payload is not base64";
        errno = -rc;
        return NULL;
    }
    if (!(event = flux_event_encode_raw (topic, data, len))
        || flux_msg_set_cred (event, cred) < 0
        || (flags && flux_msg_set_private (event) < 0)) {
        flux_msg_destroy (event);
        event = NULL;
    }
    free (data);
    return event;
}

static void publish_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct pubsub *ps = arg;
    const char *errstr = NULL;
    flux_msg_t *event;
    int rc;

    if (router_rank (ps->router) > 0) {
        if ((rc = router_forward (ps->router, msg)) < 0)
            router_respond_error (ps->router, msg, -rc, NULL);
        return;
    }
    if (!(event = event_of_request (msg, &errstr))) {
        flux_respond_error (h, msg, errno, errstr);
        return;
    }
    publish (ps, event);
    if (!flux_msg_is_noresponse (msg))
        flux_respond_pack (h, msg, "{s:I}", "seq", (json_int_t)ps->seq);
}

/* --- subscribe --- */

static void answer_all (struct pubsub *ps, const char *topic, int errnum)
{
    struct flux_msglist *l = hash_take (ps->recording, topic);
    const flux_msg_t *msg;

    while (l && (msg = flux_msglist_pop (l))) {
        if (errnum)
            flux_respond_error (ps->h, msg, errnum, NULL);
        else
            flux_respond (ps->h, msg, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (l);
}

static void recorded (flux_future_t *f, void *arg)
{
    struct pubsub *ps = arg;
    const char *topic = flux_future_aux_get (f, "topic");
    int errnum = flux_rpc_get (f, NULL) < 0 ? errno : 0;

    answer_all (ps, topic, errnum);
    flux_future_destroy (f);
}

static int ask_parent (struct pubsub *ps, const char *topic)
{
    flux_future_t *f;
    char *cpy = NULL;

    if (!(f = flux_rpc_pack (ps->h, "overlay.subscribe", FLUX_NODEID_UPSTREAM, 0,
                             "{s:s}", "topic", topic))
        || !(cpy = strdup (topic)) || flux_future_aux_set (f, "topic", cpy, free) < 0) {
        free (cpy);
        goto error;
    }
    if (flux_future_then (f, -1, recorded, ps) < 0)
        goto error;
    return 0;
error:
    flux_future_destroy (f);
    return -1;
}

static void tell_parent (struct pubsub *ps, const char *topic)
{
    flux_future_t *f;

    f = flux_rpc_pack (ps->h, "overlay.unsubscribe", FLUX_NODEID_UPSTREAM,
                       FLUX_RPC_NORESPONSE, "{s:s}", "topic", topic);
    flux_future_destroy (f);
}

/* Add to 't' (an endpoint's or a child's) and so to the union; answer the
 * request, now or when the parent has recorded it. */
static void subscribe (struct pubsub *ps, struct topics *t, const char *topic,
                       const flux_msg_t *msg)
{
    struct flux_msglist *l;
    int n = topics_add (t, topic);

    if (n == 1)
        n = topics_add (ps->all, topic);
    else if (n > 1)
        n = 2;
    if (n < 0) {
        flux_respond_error (ps->h, msg, -n, NULL);
        return;
    }
    if (router_rank (ps->router) > 0 && n == 1
        && !hash_get (ps->recording, topic)) {
        if (!(l = flux_msglist_create ())
            || hash_set (ps->recording, topic, l) < 0) {
            flux_msglist_destroy (l);
            goto error;
        }
        if (ask_parent (ps, topic) < 0)
            goto error;
    }
    l = hash_get (ps->recording, topic);
    if (!l)
        flux_respond (ps->h, msg, NULL);
    else if (flux_msglist_append (l, msg) < 0)
        goto error;
    return;
error:
    flux_respond_error (ps->h, msg, errno, NULL);
}

static void leave_union (struct pubsub *ps, const char *topic)
{
    if (topics_del (ps->all, topic) == 0 && router_rank (ps->router) > 0)
        tell_parent (ps, topic);
}

static int unsubscribe (struct pubsub *ps, struct topics *t, const char *topic)
{
    int n = topics_del (t, topic);

    if (n == 0)
        leave_union (ps, topic);
    return n < 0 ? n : 0;
}

/* The sender of a local request is an endpoint; a subscriber at another rank
 * would get nothing. */
static struct topics *sender_topics (struct pubsub *ps, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_last (msg);
    struct endpoint *ep = id ? router_endpoint (ps->router, id) : NULL;

    return ep ? endpoint_topics (ep) : NULL;
}

static struct topics *child_topics (struct pubsub *ps, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_last (msg);
    uint32_t child = id ? router_peer (ps->router, id) : FLUX_NODEID_ANY;
    struct topics *t;

    if (child == FLUX_NODEID_ANY)
        return NULL;
    if ((t = idhash_get (ps->children, child)))
        return t;
    if ((t = topics_new ()) && idhash_set (ps->children, child, t) < 0) {
        topics_free (t);
        t = NULL;
    }
    return t;
}

static void subscribe_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                          void *arg)
{
    struct pubsub *ps = arg;
    struct topics *t = sender_topics (ps, msg);
    const char *topic;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!t)
        flux_respond_error (h, msg, EINVAL, "subscribe at the local broker");
    else
        subscribe (ps, t, topic, msg);
}

static void unsubscribe_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg)
{
    struct pubsub *ps = arg;
    struct topics *t = sender_topics (ps, msg);
    const char *topic;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!t)
        flux_respond_error (h, msg, EINVAL, "unsubscribe at the local broker");
    else if ((rc = unsubscribe (ps, t, topic)) < 0)
        flux_respond_error (h, msg, -rc, NULL);
    else
        flux_respond (h, msg, NULL);
}

static void child_subscribe_cb (flux_t *h, flux_msg_handler_t *mh,
                                const flux_msg_t *msg, void *arg)
{
    struct pubsub *ps = arg;
    struct topics *t = child_topics (ps, msg);
    const char *topic;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!t)
        flux_respond_error (h, msg, EPROTO, "only a child broker may ask this");
    else
        subscribe (ps, t, topic, msg);
}

static void child_unsubscribe_cb (flux_t *h, flux_msg_handler_t *mh,
                                  const flux_msg_t *msg, void *arg)
{
    struct pubsub *ps = arg;
    struct topics *t = child_topics (ps, msg);
    const char *topic;

    if (t && flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) == 0)
        (void)unsubscribe (ps, t, topic);
}

static void forget (struct pubsub *ps, struct topics *t)
{
    const char *topic;
    size_t pos = 0;

    while ((topic = topics_next (t, &pos, NULL)))
        leave_union (ps, topic);
}

void pubsub_endpoint_gone (struct pubsub *ps, struct endpoint *ep)
{
    forget (ps, endpoint_topics (ep));
}

void pubsub_child_gone (struct pubsub *ps, uint32_t child)
{
    struct topics *t = idhash_get (ps->children, child);

    if (t) {
        forget (ps, t);
        idhash_del (ps->children, child);
    }
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "event.publish", publish_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "event.subscribe", subscribe_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "event.unsubscribe", unsubscribe_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.subscribe", child_subscribe_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.unsubscribe", child_unsubscribe_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void topics_destroy (void *t)
{
    topics_free (t);
}

static void msglist_destroy (void *l)
{
    flux_msglist_destroy (l);
}

struct pubsub *pubsub_new (struct router *r, flux_t *h)
{
    struct pubsub *ps = calloc (1, sizeof (*ps));

    if (!ps)
        return NULL;
    ps->router = r;
    ps->h = h;
    if (!(ps->all = topics_new ()) || !(ps->children = idhash_new (topics_destroy))
        || !(ps->recording = hash_new (msglist_destroy))
        || flux_msg_handler_addvec (h, htab, ps, &ps->handlers) < 0) {
        pubsub_free (ps);
        return NULL;
    }
    router_set_events (r, publish, deliver, ps);
    return ps;
}

void pubsub_free (struct pubsub *ps)
{
    if (!ps)
        return;
    router_set_events (ps->router, NULL, NULL, NULL);
    flux_msg_handler_delvec (ps->handlers);
    topics_free (ps->all);
    idhash_free (ps->children);
    hash_free (ps->recording);
    free (ps);
}
