/* test_hub.h - a router for unit tests of services
 *
 * Endpoints on one reactor, each an in-process pair.  A request goes to the
 * endpoint that has its service (the topic up to the first dot) and, if it has
 * a nodeid, that rank; responses go back; events go to all.  The sender's name
 * is the route, and everyone is the instance owner (but hub_set_guest).  What no endpoint has is
 * answered with ENOSYS; what is addressed to a rank that was removed, or is
 * pending there when it is, with EHOSTUNREACH.
 */
#ifndef CORE_TEST_HUB_H
#define CORE_TEST_HUB_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>

#include "core/inproc.h"

#define HUB_MAX 32

struct hub_end {
    struct hub *hub;
    char name[32];
    char services[128];   /* space separated */
    uint32_t rank;
    uint32_t guest;       /* not 0: the user whose requests these are */
    flux_t *near;         /* ours */
    flux_t *far;          /* the endpoint's */
    flux_watcher_t *w;
    struct flux_msglist *pending;  /* requests it has not answered */
};

struct hub {
    flux_reactor_t *r;
    struct hub_end ends[HUB_MAX];
    int count;
    uint32_t size;
};

static inline bool hub_has_service (struct hub_end *e, const char *topic)
{
    char buf[128], *save = NULL;
    const char *dot = strchr (topic, '.');
    size_t len = dot ? (size_t)(dot - topic) : strlen (topic);

    snprintf (buf, sizeof (buf), "%s", e->services);
    for (char *s = strtok_r (buf, " ", &save); s; s = strtok_r (NULL, " ", &save)) {
        if (strlen (s) == len && !strncmp (s, topic, len))
            return true;
    }
    return false;
}

/* RFC 12: the owner's peers may have set credentials, a guest's may not. */
static inline void hub_stamp (flux_msg_t *msg, uint32_t guest)
{
    struct flux_msg_cred cred = { .userid = getuid (),
                                  .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };
    uint32_t userid;

    if (guest)
        cred = (struct flux_msg_cred){ guest, FLUX_ROLE_USER };
    else if (flux_msg_get_userid (msg, &userid) == 0 && userid != FLUX_USERID_UNKNOWN)
        return;
    flux_msg_set_cred (msg, cred);
}

static inline void hub_request (struct hub *hub, struct hub_end *from, flux_msg_t *msg)
{
    const char *topic = NULL;
    uint32_t nodeid = FLUX_NODEID_ANY;
    bool dead = true;

    hub_stamp (msg, from->guest);
    flux_msg_route_enable (msg);
    flux_msg_route_push (msg, from->name);
    flux_msg_get_topic (msg, &topic);
    flux_msg_get_nodeid (msg, &nodeid);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < hub->count; i++) {
            struct hub_end *e = &hub->ends[i];
            if (e->near && (nodeid == FLUX_NODEID_ANY || e->rank == nodeid))
                dead = false;
            if (!e->near || !hub_has_service (e, topic))
                continue;
            /* first where the sender is, then anywhere */
            if (nodeid != FLUX_NODEID_ANY ? e->rank == nodeid
                                          : pass == 1 || e->rank == from->rank) {
                if (!flux_msg_is_noresponse (msg))
                    (void)flux_msglist_append (e->pending, msg);
                (void)flux_send (e->near, msg, 0);
                flux_msg_destroy (msg);
                return;
            }
        }
    }
    if (!flux_msg_is_noresponse (msg)) {
        flux_msg_t *rep = flux_response_derive (msg, dead ? EHOSTUNREACH : ENOSYS);
        flux_msg_route_delete_last (rep);
        (void)flux_send_new (from->near, &rep, 0);
    }
    flux_msg_destroy (msg);
}

/* The last response to a request. */
static inline void hub_answered (struct hub_end *from, const flux_msg_t *rep)
{
    uint32_t tag, reqtag;
    int errnum;

    if (flux_msg_get_errnum (rep, &errnum) < 0
        || (errnum == 0 && flux_msg_is_streaming (rep))
        || flux_msg_get_matchtag (rep, &tag) < 0 || tag == 0)
        return;
    for (const flux_msg_t *req = flux_msglist_first (from->pending); req;
         req = flux_msglist_next (from->pending)) {
        if (flux_msg_get_matchtag (req, &reqtag) == 0 && tag == reqtag
            && flux_msg_route_match_first (req, rep)) {
            flux_msglist_delete (from->pending);
            return;
        }
    }
}

static inline void hub_response (struct hub *hub, flux_msg_t *msg)
{
    const char *id = flux_msg_route_last (msg);

    for (int i = 0; id && i < hub->count; i++) {
        struct hub_end *e = &hub->ends[i];
        if (e->near && !strcmp (e->name, id)) {
            flux_msg_route_delete_last (msg);
            (void)flux_send_new (e->near, &msg, 0);
            return;
        }
    }
    flux_msg_destroy (msg);
}

static inline void hub_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hub_end *from = arg;
    flux_msg_t *msg;
    int type;

    while ((msg = flux_recv (from->near, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        flux_msg_get_type (msg, &type);
        hub_stamp (msg, 0);
        if (type == FLUX_MSGTYPE_REQUEST)
            hub_request (from->hub, from, msg);
        else if (type == FLUX_MSGTYPE_RESPONSE) {
            hub_answered (from, msg);
            hub_response (from->hub, msg);
        }
        else {
            for (int i = 0; i < from->hub->count; i++) {
                if (from->hub->ends[i].near)
                    (void)flux_send (from->hub->ends[i].near, msg, 0);
            }
            flux_msg_destroy (msg);
        }
    }
}

static inline struct hub *hub_new (flux_reactor_t *r, uint32_t size)
{
    struct hub *hub = calloc (1, sizeof (*hub));

    hub->r = r;
    hub->size = size;
    return hub;
}

/* The handle of a new endpoint; the hub closes it. */
static inline flux_t *hub_add (struct hub *hub, const char *name, uint32_t rank,
                               const char *services)
{
    struct hub_end *e = &hub->ends[hub->count++];
    flux_t *pair[2];
    char val[16];

    if (inproc_pair (pair) < 0)
        abort ();
    e->hub = hub;
    e->rank = rank;
    e->near = pair[0];
    e->far = pair[1];
    e->pending = flux_msglist_create ();
    snprintf (e->name, sizeof (e->name), "%s", name);
    snprintf (e->services, sizeof (e->services), "%s", services);
    flux_set_reactor (e->near, hub->r);
    flux_set_reactor (e->far, hub->r);
    if (getenv ("HUB_TRACE"))
        flux_flags_set (e->near, FLUX_O_TRACE);
    snprintf (val, sizeof (val), "%u", rank);
    flux_attr_set_cacheonly (e->far, "rank", val);
    snprintf (val, sizeof (val), "%u", hub->size);
    flux_attr_set_cacheonly (e->far, "size", val);
    e->w = flux_handle_watcher_create (hub->r, e->near, FLUX_POLLIN, hub_cb, e);
    flux_watcher_start (e->w);
    return e->far;
}

/* What comes from this endpoint is from a guest. */
static inline void hub_set_guest (struct hub *hub, const char *name, uint32_t userid)
{
    for (int i = 0; i < hub->count; i++)
        if (!strcmp (hub->ends[i].name, name))
            hub->ends[i].guest = userid;
}

/* An endpoint has gone: tell the services it used, on its behalf. */
static inline void hub_disconnect (struct hub *hub, const char *name,
                                   const char *service)
{
    char topic[128];

    snprintf (topic, sizeof (topic), "%s.disconnect", service);
    for (int i = 0; i < hub->count; i++) {
        if (!strcmp (hub->ends[i].name, name)) {
            flux_msg_t *msg = flux_request_encode (topic, NULL);
            flux_msg_set_noresponse (msg);
            hub_request (hub, &hub->ends[i], msg);
        }
    }
}

static inline void hub_fail_pending (struct hub_end *e)
{
    const flux_msg_t *req;

    while ((req = flux_msglist_pop (e->pending))) {
        flux_msg_t *rep = flux_response_derive (req, EHOSTUNREACH);
        hub_response (e->hub, rep);
        flux_msg_decref (req);
    }
}

static inline void hub_remove (struct hub *hub, const char *name)
{
    for (int i = 0; i < hub->count; i++) {
        struct hub_end *e = &hub->ends[i];
        if (e->near && !strcmp (e->name, name)) {
            flux_watcher_destroy (e->w);
            flux_close (e->far);
            flux_close (e->near);
            e->near = NULL;
            hub_fail_pending (e);
            flux_msglist_destroy (e->pending);
        }
    }
}

static inline void hub_free (struct hub *hub)
{
    for (int i = 0; i < hub->count; i++) {
        if (hub->ends[i].near)
            hub_remove (hub, hub->ends[i].name);
    }
    free (hub);
}

#endif /* !CORE_TEST_HUB_H */
