/* router.c - where each message goes
 */
#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "broker/router.h"
#include "broker/rpctrack.h"
#include "broker/topics.h"
#include "core/uuid.h"

#define SERVICE_MAX 80
#define FRAME_SIZE 8           /* before each message on a socket */

struct endpoint {
    struct router *router;
    char uuid[UUID_SIZE];
    struct flux_msg_cred cred;
    bool trusted;
    bool closed;
    size_t max;                /* framed bytes of a message, or 0 */
    endpoint_send_f send;
    void *arg;
    struct topics *topics;
    struct rpctrack *asked;    /* of it, if it is tracked */
    struct hash *used;         /* "service nodeid upstream" -> struct use */
    struct use *last_used;     /* most requests go where the one before went */
    endpoint_trace_f trace;
    void *trace_arg;
};

/* A service that the endpoint sent a request to. */
struct use {
    uint32_t nodeid;
    bool upstream;
    struct flux_msg_cred cred;
    char service[SERVICE_MAX];
};

struct router {
    uint32_t rank;
    uint32_t size;
    uint32_t parent;           /* FLUX_NODEID_ANY if none */
    char uuid[UUID_SIZE];
    struct hash *endpoints;    /* uuid -> endpoint */
    struct hash *services;     /* name -> endpoint */
    struct router_tree_ops tree;
    void *tree_arg;
    router_publish_f publish;
    router_publish_f deliver;
    void *events_arg;
    router_keep_f keep;
    void *keep_arg;
};

static void route_request (struct router *r, flux_msg_t *msg);

/* --- sending --- */

static int endpoint_send (struct endpoint *ep, flux_msg_t *msg)
{
    if (ep->trace)
        ep->trace (msg, true, ep->trace_arg);
    return ep->send (ep->arg, msg);
}

int router_send_peer (struct router *r, uint32_t peer, flux_msg_t *msg)
{
    if (peer == FLUX_NODEID_ANY || !r->tree.send) {
        flux_msg_destroy (msg);
        return -EHOSTUNREACH;
    }
    return r->tree.send (r->tree_arg, peer, msg);
}

uint32_t router_peer (struct router *r, const char *uuid)
{
    return r->tree.peer ? r->tree.peer (r->tree_arg, uuid) : FLUX_NODEID_ANY;
}

/* --- messages that are too large --- */

static bool is_type (const flux_msg_t *msg, int type)
{
    int t;

    return flux_msg_get_type (msg, &t) == 0 && t == type;
}

static bool too_large (const struct endpoint *ep, const flux_msg_t *msg, size_t *sizep)
{
    ssize_t n;

    if (ep->max == 0)
        return false;
    n = flux_msg_encode_size (msg);
    *sizep = n < 0 ? SIZE_MAX : (size_t)n + FRAME_SIZE;
    return *sizep > ep->max;
}

static const char *large_text (const struct endpoint *ep, size_t size, char *buf, size_t len)
{
    snprintf (buf, len, "a message of %zu bytes, which is more than access.message-max of the"
              " configuration (%zu)", size, ep->max);
    return buf;
}

/* Make the response, or a copy of it, an error.  It is taken; NULL: no memory. */
static flux_msg_t *large_response (const struct endpoint *ep, flux_msg_t *msg, size_t size)
{
    flux_msg_t *cpy = flux_msg_copy (msg, false);
    char text[200];

    flux_msg_destroy (msg);
    if (cpy && (flux_msg_set_errnum (cpy, EMSGSIZE) < 0
                || flux_msg_set_string (cpy, large_text (ep, size, text, sizeof (text))) < 0)) {
        flux_msg_destroy (cpy);
        return NULL;
    }
    return cpy;
}

/* For what is no request: those are answered.  The message is taken. */
static int send_checked (struct endpoint *ep, flux_msg_t *msg)
{
    size_t size;

    if (too_large (ep, msg, &size)) {
        if (is_type (msg, FLUX_MSGTYPE_RESPONSE))
            msg = large_response (ep, msg, size);
        else {
            flux_msg_destroy (msg);
            msg = NULL;
        }
        if (!msg)
            return -EMSGSIZE;
    }
    return endpoint_send (ep, msg);
}

static void route_response (struct router *r, flux_msg_t *msg)
{
    const char *id = flux_msg_route_last (msg);
    struct endpoint *ep;
    uint32_t peer;

    if (!id)
        goto drop;
    if ((ep = hash_get (r->endpoints, id))) {
        if (flux_msg_route_delete_last (msg) < 0)
            goto drop;
        send_checked (ep, msg);
        return;
    }
    if ((peer = router_peer (r, id)) != FLUX_NODEID_ANY) {
        if (flux_msg_route_delete_last (msg) < 0)
            goto drop;
        router_send_peer (r, peer, msg);
        return;
    }
drop:
    /* The sender has gone, which is no error. */
    flux_msg_destroy (msg);
}

void router_respond_error (struct router *r, const flux_msg_t *msg, int errnum,
                           const char *text)
{
    flux_msg_t *resp;

    if (flux_msg_is_noresponse (msg) || !(resp = flux_response_derive (msg, errnum)))
        return;
    if (text && flux_msg_set_string (resp, text) < 0) {
        flux_msg_destroy (resp);
        return;
    }
    route_response (r, resp);
}

/* A message is gone once it is sent, so what an error answer needs is kept:
 * an envelope without its payload costs little, but only peers can fail late. */
static void request_to_peer (struct router *r, uint32_t peer, flux_msg_t *msg)
{
    flux_msg_t *head = NULL;
    int rc;

    if (!flux_msg_is_noresponse (msg))
        head = flux_msg_copy (msg, false);
    rc = router_send_peer (r, peer, msg);
    if (rc < 0 && head)
        router_respond_error (r, head, -rc, rc == -EHOSTUNREACH
                              ? "No route to host: the broker on the way is not"
                                " connected" : NULL);
    flux_msg_destroy (head);
}

/* --- requests --- */

/* Copy the service's name out of a topic.  0 or -ENOENT if it is too long to
 * be one. */
static int service_of (const char *topic, char name[SERVICE_MAX])
{
    size_t len = strcspn (topic, ".");

    if (len == 0 || len >= SERVICE_MAX)
        return -ENOENT;
    memcpy (name, topic, len);
    name[len] = '\0';
    return 0;
}

static struct endpoint *match_service (struct router *r, const flux_msg_t *msg)
{
    const char *topic;
    char name[SERVICE_MAX];

    if (flux_msg_get_topic (msg, &topic) < 0 || service_of (topic, name) < 0)
        return NULL;
    return hash_get (r->services, name);
}

static void no_service (struct router *r, flux_msg_t *msg)
{
    const char *topic = "";
    char text[200], name[SERVICE_MAX];

    (void)flux_msg_get_topic (msg, &topic);
    if (!r->keep || service_of (topic, name) < 0 || !r->keep (r->keep_arg, name, msg)) {
        snprintf (text, sizeof (text), "No service matching %.100s is registered", topic);
        router_respond_error (r, msg, ENOSYS, text);
    }
    flux_msg_destroy (msg);
}

static void request_local (struct router *r, struct endpoint *ep, flux_msg_t *msg)
{
    size_t size;
    char text[200];

    if (ep->closed)
        no_service (r, msg);
    else if (too_large (ep, msg, &size)) {
        router_respond_error (r, msg, EMSGSIZE, large_text (ep, size, text, sizeof (text)));
        flux_msg_destroy (msg);
    }
    else {
        if (ep->asked)
            (void)rpctrack_request (ep->asked, msg);
        endpoint_send (ep, msg);
    }
}

/* Nearest service on the way to the root. */
static void request_any (struct router *r, flux_msg_t *msg)
{
    struct endpoint *ep = match_service (r, msg);

    if (ep)
        request_local (r, ep, msg);
    else if (r->parent != FLUX_NODEID_ANY)
        request_to_peer (r, r->parent, msg);
    else
        no_service (r, msg);
}

static void request_rank (struct router *r, uint32_t nodeid, flux_msg_t *msg)
{
    struct endpoint *ep;
    uint32_t peer = FLUX_NODEID_ANY;

    if (nodeid == r->rank) {
        if ((ep = match_service (r, msg)))
            request_local (r, ep, msg);
        else
            no_service (r, msg);
        return;
    }
    if (nodeid < r->size && r->tree.route)
        peer = r->tree.route (r->tree_arg, nodeid);
    if (peer == FLUX_NODEID_ANY) {
        char text[120];
        snprintf (text, sizeof (text), "No route to host: there is no rank %" PRIu32
                  " in an instance of size %" PRIu32, nodeid, r->size);
        router_respond_error (r, msg, EHOSTUNREACH, text);
        flux_msg_destroy (msg);
        return;
    }
    request_to_peer (r, peer, msg);
}

static void route_request (struct router *r, flux_msg_t *msg)
{
    uint32_t nodeid;

    if (flux_msg_get_nodeid (msg, &nodeid) < 0) {
        router_respond_error (r, msg, EPROTO, NULL);
        flux_msg_destroy (msg);
    }
    else if (nodeid == FLUX_NODEID_ANY)
        request_any (r, msg);
    else if (!flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM))
        request_rank (r, nodeid, msg);
    else if (nodeid != r->rank)
        request_any (r, msg);
    else if (r->parent != FLUX_NODEID_ANY)
        request_to_peer (r, r->parent, msg);
    else
        no_service (r, msg);
}

int router_forward (struct router *r, const flux_msg_t *msg)
{
    flux_msg_t *cpy;

    if (r->parent == FLUX_NODEID_ANY)
        return -EHOSTUNREACH;
    if (!(cpy = flux_msg_copy (msg, true)))
        return -errno;
    return router_send_peer (r, r->parent, cpy);
}

void router_inject (struct router *r, flux_msg_t *msg)
{
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        flux_msg_destroy (msg);
    else if (type == FLUX_MSGTYPE_REQUEST)
        route_request (r, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE)
        route_response (r, msg);
    else
        flux_msg_destroy (msg);
}

/* --- events --- */

static void route_event (struct router *r, bool sequenced, flux_msg_t *msg)
{
    if (sequenced)
        r->deliver ? r->deliver (r->events_arg, msg) : flux_msg_destroy (msg);
    else if (r->rank > 0)
        router_send_peer (r, r->parent, msg);
    else
        r->publish ? r->publish (r->events_arg, msg) : flux_msg_destroy (msg);
}

void endpoint_send_event (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *cpy;
    struct flux_msg_cred cred;

    if (ep->closed)
        return;
    if (flux_msg_is_private (msg) && !(ep->cred.rolemask & FLUX_ROLE_OWNER)
        && (flux_msg_get_cred (msg, &cred) < 0 || cred.userid != ep->cred.userid))
        return;
    if ((cpy = flux_msg_copy (msg, true)))
        send_checked (ep, cpy);
}

void router_set_keeper (struct router *r, router_keep_f keep, void *arg)
{
    r->keep = keep;
    r->keep_arg = arg;
}

void router_set_events (struct router *r, router_publish_f publish,
                        router_publish_f deliver, void *arg)
{
    r->publish = publish;
    r->deliver = deliver;
    r->events_arg = arg;
}

/* --- what comes in --- */

/* RFC 12: the owner may have set a credential, a guest gets his own. */
static int stamp (struct endpoint *ep, flux_msg_t *msg)
{
    struct flux_msg_cred cred;

    if (!ep->trusted)
        return flux_msg_set_cred (msg, ep->cred);
    if (flux_msg_get_cred (msg, &cred) < 0)
        return -1;
    if (cred.userid != FLUX_USERID_UNKNOWN && cred.rolemask != FLUX_ROLE_NONE)
        return 0;
    if (cred.userid == FLUX_USERID_UNKNOWN)
        cred.userid = ep->cred.userid;
    if (cred.rolemask == FLUX_ROLE_NONE)
        cred.rolemask = ep->cred.rolemask;
    return flux_msg_set_cred (msg, cred);
}

static void note_use (struct endpoint *ep, const flux_msg_t *msg)
{
    const char *topic;
    struct use use = { 0 };
    char key[SERVICE_MAX + 24];
    struct use *copy;

    if (flux_msg_get_topic (msg, &topic) < 0 || service_of (topic, use.service) < 0
        || flux_msg_get_nodeid (msg, &use.nodeid) < 0
        || flux_msg_get_cred (msg, &use.cred) < 0)
        return;
    use.upstream = flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    if (ep->last_used && ep->last_used->nodeid == use.nodeid
        && ep->last_used->upstream == use.upstream
        && !strcmp (ep->last_used->service, use.service))
        return;
    snprintf (key, sizeof (key), "%s %" PRIu32 " %d", use.service, use.nodeid,
              use.upstream);
    if (!(ep->last_used = hash_get (ep->used, key))) {
        if (!(copy = malloc (sizeof (*copy))))
            return;
        *copy = use;
        if (hash_set (ep->used, key, copy) < 0)
            free (copy);
        else
            ep->last_used = copy;
    }
}

static void endpoint_request (struct endpoint *ep, flux_msg_t *msg)
{
    uint32_t nodeid;

    flux_msg_route_enable (msg);
    if (flux_msg_get_nodeid (msg, &nodeid) == 0 && nodeid == FLUX_NODEID_UPSTREAM
        && (flux_msg_set_nodeid (msg, ep->router->rank) < 0
            || flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM) < 0))
        goto drop;
    note_use (ep, msg);
    if (flux_msg_route_push (msg, ep->uuid) < 0)
        goto drop;
    route_request (ep->router, msg);
    return;
drop:
    flux_msg_destroy (msg);
}

void endpoint_recv (struct endpoint *ep, flux_msg_t *msg)
{
    int type;

    if (ep->trace)
        ep->trace (msg, false, ep->trace_arg);
    if (flux_msg_get_type (msg, &type) < 0 || stamp (ep, msg) < 0) {
        flux_msg_destroy (msg);
        return;
    }
    switch (type) {
    case FLUX_MSGTYPE_REQUEST:
        endpoint_request (ep, msg);
        break;
    case FLUX_MSGTYPE_RESPONSE:
        if (ep->asked)
            rpctrack_response (ep->asked, msg);
        route_response (ep->router, msg);
        break;
    case FLUX_MSGTYPE_EVENT:
        route_event (ep->router, false, msg);
        break;
    default:
        flux_msg_destroy (msg);
    }
}

void endpoint_recv_large (struct endpoint *ep, flux_msg_t *msg, size_t size)
{
    char text[200];

    if (is_type (msg, FLUX_MSGTYPE_REQUEST)) {
        flux_msg_route_enable (msg);
        if (flux_msg_route_push (msg, ep->uuid) == 0)
            router_respond_error (ep->router, msg, EMSGSIZE,
                                  large_text (ep, size, text, sizeof (text)));
        flux_msg_destroy (msg);
    }
    else if (!is_type (msg, FLUX_MSGTYPE_RESPONSE))
        flux_msg_destroy (msg);
    else if ((msg = large_response (ep, msg, size)))
        endpoint_recv (ep, msg);
}

/* RFC 12: what comes from another broker is not local. */
static int clear_local (flux_msg_t *msg)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return -1;
    if (!(cred.rolemask & FLUX_ROLE_LOCAL))
        return 0;
    cred.rolemask &= ~FLUX_ROLE_LOCAL;
    return flux_msg_set_cred (msg, cred);
}

void router_recv_peer (struct router *r, uint32_t peer, const char *uuid,
                       flux_msg_t *msg)
{
    int type;

    if (flux_msg_get_type (msg, &type) < 0 || clear_local (msg) < 0)
        type = 0;
    switch (type) {
    case FLUX_MSGTYPE_REQUEST:
        flux_msg_route_enable (msg);
        if (flux_msg_route_push (msg, uuid) < 0)
            flux_msg_destroy (msg);
        else
            route_request (r, msg);
        break;
    case FLUX_MSGTYPE_RESPONSE:
        route_response (r, msg);
        break;
    case FLUX_MSGTYPE_EVENT:
        route_event (r, peer == r->parent, msg);
        break;
    default:
        flux_msg_destroy (msg);
    }
}

/* --- endpoints and services --- */

struct endpoint *endpoint_new (struct router *r, const struct endpoint_args *args)
{
    struct endpoint *ep = calloc (1, sizeof (*ep));

    if (!ep)
        return NULL;
    ep->router = r;
    ep->cred = args->cred;
    ep->trusted = args->trusted;
    ep->max = args->max;
    ep->send = args->send;
    ep->arg = args->arg;
    if (args->uuid)
        snprintf (ep->uuid, sizeof (ep->uuid), "%s", args->uuid);
    else if (uuid_generate (ep->uuid) < 0) {
        free (ep);
        return NULL;
    }
    if (!(ep->topics = topics_new ()) || !(ep->used = hash_new (free))
        || (args->track && !(ep->asked = rpctrack_new ()))
        || hash_set (r->endpoints, ep->uuid, ep) < 0) {
        rpctrack_free (ep->asked);
        topics_free (ep->topics);
        hash_free (ep->used);
        free (ep);
        errno = ENOMEM;
        return NULL;
    }
    return ep;
}

static void send_disconnect (struct endpoint *ep, const struct use *use)
{
    char topic[SERVICE_MAX + 16];
    flux_msg_t *msg;

    snprintf (topic, sizeof (topic), "%s.disconnect", use->service);
    if (!(msg = flux_request_encode (topic, NULL)))
        return;
    flux_msg_route_enable (msg);
    if (flux_msg_set_noresponse (msg) < 0
        || flux_msg_set_nodeid (msg, use->nodeid) < 0
        || (use->upstream && flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM) < 0)
        || flux_msg_set_cred (msg, use->cred) < 0
        || flux_msg_route_push (msg, ep->uuid) < 0) {
        flux_msg_destroy (msg);
        return;
    }
    route_request (ep->router, msg);
}

static void drop_services (struct endpoint *ep)
{
    size_t pos = 0;
    const char *name;
    struct endpoint *owner;

    while ((owner = hash_next (ep->router->services, &pos, &name)))
        if (owner == ep)
            hash_del (ep->router->services, name);
}

static void left_unanswered (const flux_msg_t *head, void *arg)
{
    router_respond_error (arg, head, ENOSYS, "the service has gone");
}

void endpoint_free (struct endpoint *ep)
{
    size_t pos = 0;
    struct use *use;

    if (!ep)
        return;
    drop_services (ep);
    hash_del (ep->router->endpoints, ep->uuid);
    if (ep->asked)
        rpctrack_purge (ep->asked, left_unanswered, ep->router);
    while ((use = hash_next (ep->used, &pos, NULL)))
        send_disconnect (ep, use);
    rpctrack_free (ep->asked);
    topics_free (ep->topics);
    hash_free (ep->used);
    free (ep);
}

const char *endpoint_uuid (const struct endpoint *ep)
{
    return ep->uuid;
}

struct topics *endpoint_topics (struct endpoint *ep)
{
    return ep->topics;
}

void endpoint_close (struct endpoint *ep)
{
    ep->closed = true;
}

void endpoint_trace (struct endpoint *ep, endpoint_trace_f fun, void *arg)
{
    ep->trace = fun;
    ep->trace_arg = arg;
}

struct endpoint *router_endpoint (struct router *r, const char *uuid)
{
    return hash_get (r->endpoints, uuid);
}

struct endpoint *router_next (struct router *r, size_t *pos)
{
    return hash_next (r->endpoints, pos, NULL);
}

int router_service_add (struct router *r, const char *name, struct endpoint *ep)
{
    if (name[0] == '\0' || strlen (name) >= SERVICE_MAX || strpbrk (name, ". \t\n"))
        return -EINVAL;
    if (hash_get (r->services, name))
        return -EEXIST;
    return hash_set (r->services, name, ep);
}

int router_service_remove (struct router *r, const char *name, struct endpoint *ep)
{
    if (hash_get (r->services, name) != ep)
        return -ENOENT;
    hash_del (r->services, name);
    return 0;
}

struct endpoint *router_service (struct router *r, const char *name)
{
    return hash_get (r->services, name);
}

const char *router_service_next (struct router *r, size_t *pos, struct endpoint *ep)
{
    const char *name;
    struct endpoint *owner;

    while ((owner = hash_next (r->services, pos, &name)))
        if (!ep || owner == ep)
            return name;
    return NULL;
}

struct router *router_new (uint32_t rank, uint32_t size, const char *uuid)
{
    struct router *r = calloc (1, sizeof (*r));

    if (!r)
        return NULL;
    r->rank = rank;
    r->size = size;
    r->parent = FLUX_NODEID_ANY;
    snprintf (r->uuid, sizeof (r->uuid), "%s", uuid);
    if (!(r->endpoints = hash_new (NULL)) || !(r->services = hash_new (NULL))) {
        router_free (r);
        return NULL;
    }
    return r;
}

void router_free (struct router *r)
{
    if (!r)
        return;
    hash_free (r->endpoints);
    hash_free (r->services);
    free (r);
}

void router_set_tree (struct router *r, const struct router_tree_ops *ops,
                      void *arg, uint32_t parent)
{
    r->tree = *ops;
    r->tree_arg = arg;
    r->parent = parent;
}

const char *router_uuid (const struct router *r)
{
    return r->uuid;
}

uint32_t router_rank (const struct router *r)
{
    return r->rank;
}
