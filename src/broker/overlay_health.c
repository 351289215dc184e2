/* overlay_health.c - requests about the tree (flux-overlay(1))
 */
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "broker/overlay_private.h"

const char *subtree_name (enum subtree status)
{
    static const char *const names[] = {
        [SUBTREE_FULL] = "full",
        [SUBTREE_PARTIAL] = "partial",
        [SUBTREE_DEGRADED] = "degraded",
        [SUBTREE_LOST] = "lost",
        [SUBTREE_OFFLINE] = "offline",
    };
    return names[status];
}

static json_t *child_health (struct overlay *ov, const struct peer *p)
{
    json_t *o = json_pack ("{s:i s:s s:f}", "rank", (int)p->rank, "status",
                           subtree_name (p->status), "duration",
                           overlay_now (ov) - p->since);

    if (o && p->error[0])
        json_object_set_new (o, "error", json_string (p->error));
    return o;
}

static void health_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct overlay *ov = arg;
    json_t *children = json_array ();

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        json_t *o = child_health (ov, &ov->children[i]);
        if (!o || json_array_append_new (children, o) < 0) {
            json_decref (children);
            flux_respond_error (h, msg, ENOMEM, NULL);
            return;
        }
    }
    flux_respond_pack (h, msg, "{s:i s:s s:f s:o}", "rank", (int)ov->args.rank, "status",
                       subtree_name (ov->status), "duration",
                       overlay_now (ov) - ov->since, "children", children);
}

/* {"rank":i "size":i "children":[...]} of the subtree at a rank. */
static json_t *describe (const struct topo *topo, uint32_t rank)
{
    uint32_t n = topo_children (topo, rank, NULL, 0);
    uint32_t *ranks = calloc (n + 1, sizeof (*ranks));
    json_t *children = json_array ();

    if (!ranks || !children) {
        free (ranks);
        json_decref (children);
        return NULL;
    }
    topo_children (topo, rank, ranks, n);
    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new (children, describe (topo, ranks[i]));
    free (ranks);
    return json_pack ("{s:i s:i s:o}", "rank", (int)rank, "size",
                      (int)topo_descendants (topo, rank) + 1, "children", children);
}

static void topology_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg)
{
    struct overlay *ov = arg;
    int rank = ov->args.rank;
    json_t *o;

    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?i}", "rank", &rank) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (rank < 0 || (uint32_t)rank >= ov->args.size)
        flux_respond_error (h, msg, EINVAL, "no such rank");
    else if (!(o = describe (ov->topo, rank)) || flux_respond_pack (h, msg, "o", o) < 0)
        flux_respond_error (h, msg, ENOMEM, NULL);
}

static void disconnect_subtree_cb (flux_t *h, flux_msg_handler_t *mh,
                                   const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;
    struct peer *p;
    int rank;
    char text[100];

    if (flux_request_unpack (msg, NULL, "{s:i}", "rank", &rank) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (rank < 0 || !(p = overlay_child (ov, rank)) || !p->connected) {
        snprintf (text, sizeof (text), "rank %d is not a connected child of rank %"
                  PRIu32, rank, ov->args.rank);
        flux_respond_error (h, msg, ENOENT, text);
        return;
    }
    (void)overlay_send_control (ov, p, OVERLAY_DISCONNECT, 0);
    overlay_drop_child (ov, p, SUBTREE_LOST, "administrative disconnect");
    flux_respond (h, msg, NULL);
}

/* A follower that misses heartbeats cuts itself off (flux-config-heartbeat(5)). */
static void disconnect_parent_cb (flux_t *h, flux_msg_handler_t *mh,
                                  const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;

    if (!ov->has_parent || !ov->parent.connected) {
        flux_respond_error (h, msg, EINVAL, "there is no parent to leave");
        return;
    }
    if (!flux_msg_is_noresponse (msg))
        flux_respond (h, msg, NULL);
    overlay_lose_parent (ov, "disconnected from it on request");
}

static void trace_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct overlay *ov = arg;
    int typemask;
    int rank = -1;
    const char *glob;

    if (flux_request_unpack (msg, NULL, "{s:i s:s s?i}", "typemask", &typemask,
                             "topic_glob", &glob, "nodeid", &rank) < 0
        || tracer_add (ov->tracer, msg, NULL, rank < 0 ? FLUX_NODEID_ANY : (uint32_t)rank,
                       typemask, glob) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static void trace_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    struct overlay *ov = arg;
    tracer_cancel (ov->tracer, msg);
}

static void gone_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;
    tracer_disconnect (ov->tracer, msg);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct overlay *ov = arg;
    size_t down = 0;

    for (uint32_t i = 0; i < ov->nchildren; i++)
        down += rpctrack_count (ov->children[i].sent);
    flux_respond_pack (h, msg, "{s:i s:i s:i s:i}", "child-count",
                       (int)ov->nchildren, "child-connected", overlay_child_count (ov),
                       "parent-rpc", ov->has_parent
                       ? (int)rpctrack_count (ov->parent.sent) : 0, "child-rpc",
                       (int)down);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "overlay.health", health_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.topology", topology_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect-subtree", disconnect_subtree_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect-parent", disconnect_parent_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.trace", trace_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.trace-cancel", trace_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect", gone_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

int overlay_health_init (struct overlay *ov)
{
    if (!(ov->tracer = tracer_new (ov->args.h))
        || flux_register_default_methods (ov->args.h, "overlay", &ov->defaults) < 0
        || flux_msg_handler_addvec (ov->args.h, htab, ov, &ov->handlers) < 0)
        return -1;
    return 0;
}

void overlay_health_fini (struct overlay *ov)
{
    flux_msg_handler_delvec (ov->handlers);
    flux_msg_handler_delvec (ov->defaults);
    tracer_free (ov->tracer);
    ov->handlers = ov->defaults = NULL;
    ov->tracer = NULL;
}
