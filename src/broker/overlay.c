/* overlay.c - the tree of brokers: peers
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <syslog.h>
#include <flux/idset.h>

#include "base/dso.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "broker/overlay_private.h"

#define MESSAGES_PER_TURN 128

double overlay_now (const struct overlay *ov)
{
    return flux_reactor_now (ov->reactor);
}

struct peer *overlay_child (struct overlay *ov, uint32_t rank)
{
    for (uint32_t i = 0; i < ov->nchildren; i++)
        if (ov->children[i].rank == rank)
            return &ov->children[i];
    return NULL;
}

static struct peer *peer_by_rank (struct overlay *ov, uint32_t rank)
{
    if (ov->has_parent && rank == ov->parent.rank)
        return &ov->parent;
    return overlay_child (ov, rank);
}

/* --- send --- */

static int fill (void *arg, void *buf, size_t len)
{
    return flux_msg_encode (arg, buf, len);
}

int overlay_send_to (struct overlay *ov, const char *id, const flux_msg_t *msg)
{
    ssize_t len = flux_msg_encode_size (msg);
    int rc;

    if (len < 0)
        return -errno;
    if (id)
        rc = ov->tp->send_child (ov->t, id, len, fill, (void *)msg);
    else {
        ov->last_send = overlay_now (ov);
        rc = ov->tp->send_parent (ov->t, len, fill, (void *)msg);
    }
    /* Sending takes in what has arrived, and with it the wake-up that the loop would
     * have had for it.  If this is called after on_prepare(), nobody looks again. */
    if (ov->idle && ov->tp->pending (ov->t))
        flux_watcher_start (ov->idle);
    return rc;
}

static int send_peer (struct overlay *ov, struct peer *p, const flux_msg_t *msg)
{
    tracer_message (ov->tracer, NULL, p->rank, false, msg);
    return overlay_send_to (ov, p == &ov->parent ? NULL : p->uuid, msg);
}

int overlay_send_control (struct overlay *ov, struct peer *p, int type, int status)
{
    flux_msg_t *msg = flux_control_encode (type, status);
    int rc = msg ? send_peer (ov, p, msg) : -errno;

    flux_msg_destroy (msg);
    return rc;
}

/* Tell a stranger to go away: it may be one that we gave up on. */
static void send_kiss_of_death (struct overlay *ov, const char *id)
{
    flux_msg_t *msg = flux_control_encode (OVERLAY_DISCONNECT, 0);

    if (msg)
        (void)overlay_send_to (ov, id, msg);
    flux_msg_destroy (msg);
}

static void track_sent (struct peer *p, const flux_msg_t *msg)
{
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        return;
    if (type == FLUX_MSGTYPE_REQUEST)
        (void)rpctrack_request (p->sent, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE)
        rpctrack_response (p->received, msg);
}

static void track_received (struct peer *p, const flux_msg_t *msg)
{
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        return;
    if (type == FLUX_MSGTYPE_REQUEST)
        (void)rpctrack_request (p->received, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE)
        rpctrack_response (p->sent, msg);
}

/* --- what the router asks --- */

static uint32_t tree_route (void *arg, uint32_t rank)
{
    struct overlay *ov = arg;
    uint32_t child = topo_child_route (ov->topo, ov->args.rank, rank);

    if (child != TOPO_NORANK)
        return child;
    return ov->has_parent ? ov->parent.rank : FLUX_NODEID_ANY;
}

static uint32_t tree_peer (void *arg, const char *uuid)
{
    struct overlay *ov = arg;
    struct peer *p = hash_get (ov->by_uuid, uuid);

    return p ? p->rank : FLUX_NODEID_ANY;
}

static int tree_send (void *arg, uint32_t rank, flux_msg_t *msg)
{
    struct overlay *ov = arg;
    struct peer *p = peer_by_rank (ov, rank);
    int rc = -EHOSTUNREACH;

    if (p && p->connected) {
        rc = send_peer (ov, p, msg);
        if (rc == 0)
            track_sent (p, msg);
    }
    flux_msg_destroy (msg);
    return rc;
}

static const struct router_tree_ops tree_ops = {
    .route = tree_route,
    .peer = tree_peer,
    .send = tree_send,
};

/* --- the status of the subtree --- */

static enum subtree compute_status (struct overlay *ov)
{
    enum subtree status = SUBTREE_FULL;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        switch (ov->children[i].status) {
        case SUBTREE_FULL:
            break;
        case SUBTREE_PARTIAL:
        case SUBTREE_OFFLINE:
            if (status == SUBTREE_FULL)
                status = SUBTREE_PARTIAL;
            break;
        default:
            return SUBTREE_DEGRADED;
        }
    }
    return status;
}

static void update_status (struct overlay *ov)
{
    enum subtree status = compute_status (ov);

    if (status == ov->status)
        return;
    ov->status = status;
    ov->since = overlay_now (ov);
    if (ov->has_parent && ov->parent.connected && !ov->leaving)
        (void)overlay_send_control (ov, &ov->parent, OVERLAY_STATUS, status);
}

void overlay_set_child_status (struct overlay *ov, struct peer *p, enum subtree status)
{
    if (p->status != status) {
        p->status = status;
        p->since = overlay_now (ov);
    }
    update_status (ov);
}

/* --- losing peers --- */

static void fail_request (const flux_msg_t *head, void *arg)
{
    struct overlay *ov = arg;
    router_respond_error (ov->args.router, head, EHOSTUNREACH,
                          "No route to host: the broker on the way was lost");
}

struct disconnects {
    struct overlay *ov;
    struct peer *p;
    struct hash *seen;      /* "client service": each is told once */
};

/* The clients behind a lost child are gone too: tell who serves them (RFC 6). */
static void disconnect_client (const flux_msg_t *head, void *arg)
{
    struct disconnects *d = arg;
    const char *topic, *client = flux_msg_route_first (head);
    char key[160], name[96];
    flux_msg_t *msg;

    if (!client || flux_msg_get_topic (head, &topic) < 0)
        return;
    snprintf (name, sizeof (name), "%.*s.disconnect", (int)strcspn (topic, "."), topic);
    snprintf (key, sizeof (key), "%s %s", client, name);
    if (hash_get (d->seen, key) || hash_set (d->seen, key, d) < 0
        || !(msg = flux_msg_copy (head, false)))
        return;
    if (flux_msg_set_topic (msg, name) < 0 || flux_msg_set_noresponse (msg) < 0
        || flux_msg_set_matchtag (msg, FLUX_MATCHTAG_NONE) < 0
        || flux_msg_clear_flag (msg, FLUX_MSGFLAG_STREAMING) < 0)
        flux_msg_destroy (msg);
    else
        router_recv_peer (d->ov->args.router, d->p->rank, d->p->uuid, msg);
}

static void disconnect_clients (struct overlay *ov, struct peer *p)
{
    struct disconnects d = { .ov = ov, .p = p, .seen = hash_new (NULL) };

    if (d.seen)
        rpctrack_purge (p->received, disconnect_client, &d);
    hash_free (d.seen);
}

static void subtree_leaves_groups (struct overlay *ov, uint32_t rank)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (uint32_t i = 0; ranks && i < ov->args.size; i++)
        if (topo_child_route (ov->topo, ov->args.rank, i) == rank)
            (void)idset_set (ranks, i);
    if (ranks)
        groups_lost (ov->args.groups, ranks);
    idset_destroy (ranks);
}

void overlay_drop_child (struct overlay *ov, struct peer *p, enum subtree status,
                         const char *why)
{
    if (!p->connected)
        return;
    p->connected = false;
    p->fd = -1;
    snprintf (p->error, sizeof (p->error), "%s", why ? why : "");
    hash_del (ov->by_uuid, p->uuid);
    rpctrack_purge (p->sent, fail_request, ov);
    disconnect_clients (ov, p);
    pubsub_child_gone (ov->args.pubsub, p->rank);
    if (p->torpid)
        (void)groups_set (ov->args.groups, "broker.torpid", p->rank, false);
    p->torpid = false;
    subtree_leaves_groups (ov, p->rank);
    overlay_set_child_status (ov, p, status);
    if (status == SUBTREE_LOST && !ov->leaving)
        broker_logf (ov->args.log, LOG_ERR, "%s (rank %" PRIu32 ") is lost: %s",
                     p->hostname, p->rank, p->error);
    ov->args.children (ov->args.arg);
}

void overlay_lose_parent (struct overlay *ov, const char *why)
{
    char text[400];

    if (!ov->parent.connected && ov->joined)
        return;
    if (ov->parent.connected)
        hash_del (ov->by_uuid, ov->parent.uuid);
    ov->parent.connected = false;
    rpctrack_purge (ov->parent.sent, fail_request, ov);
    if (ov->leaving)
        return;
    snprintf (text, sizeof (text), "%s (rank %" PRIu32 "): %s", ov->parent.hostname,
              ov->parent.rank, why);
    ov->args.parent (ov->args.arg, -EHOSTUNREACH, text);
}

/* --- receive --- */

static bool is_hello (const flux_msg_t *msg)
{
    const char *topic;
    int type;

    return flux_msg_get_type (msg, &type) == 0 && type != FLUX_MSGTYPE_CONTROL
           && flux_msg_get_topic (msg, &topic) == 0 && !strcmp (topic, "overlay.hello");
}

static void child_control (struct overlay *ov, struct peer *p, const flux_msg_t *msg)
{
    int type, status;

    if (flux_msg_get_control (msg, &type, &status) < 0)
        return;
    if (type == OVERLAY_STATUS && status >= 0 && status <= SUBTREE_OFFLINE)
        overlay_set_child_status (ov, p, status);
    else if (type == OVERLAY_GOODBYE)
        overlay_drop_child (ov, p, SUBTREE_OFFLINE, "");
}

static void heard_from (struct overlay *ov, struct peer *p, int fd)
{
    p->last_recv = overlay_now (ov);
    if (fd >= 0)
        p->fd = fd;
    if (!p->torpid)
        return;
    p->torpid = false;
    (void)groups_set (ov->args.groups, "broker.torpid", p->rank, false);
    broker_logf (ov->args.log, LOG_ERR, "%s (rank %" PRIu32 ") is responsive again",
                 p->hostname, p->rank);
}

static void from_stranger (struct overlay *ov, const char *id, int fd, flux_msg_t *msg)
{
    int type = 0, ctype = 0, status;

    if (is_hello (msg)) {
        if (ov->joined)
            overlay_hello (ov, id, fd, msg);
        else
            overlay_hello_later (ov, id, fd, msg);
    }
    else if (flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_CONTROL
             || flux_msg_get_control (msg, &ctype, &status) < 0
             || ctype != OVERLAY_GOODBYE)
        send_kiss_of_death (ov, id);
    flux_msg_decref (msg);
}

static void from_child (struct overlay *ov, const struct transport_msg *tm,
                        flux_msg_t *msg)
{
    struct peer *p = hash_get (ov->by_uuid, tm->id);
    int type;

    if (!p || p == &ov->parent || is_hello (msg)) {
        from_stranger (ov, tm->id, tm->fd, msg);
        return;
    }
    heard_from (ov, p, tm->fd);
    tracer_message (ov->tracer, NULL, p->rank, true, msg);
    if (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_CONTROL) {
        child_control (ov, p, msg);
        flux_msg_destroy (msg);
        return;
    }
    track_received (p, msg);
    router_recv_peer (ov->args.router, p->rank, p->uuid, msg);
}

static void from_parent (struct overlay *ov, flux_msg_t *msg)
{
    int type = 0, ctype = 0, status;

    tracer_message (ov->tracer, NULL, ov->parent.rank, true, msg);
    (void)flux_msg_get_type (msg, &type);
    if (type == FLUX_MSGTYPE_CONTROL) {
        if (flux_msg_get_control (msg, &ctype, &status) == 0
            && ctype == OVERLAY_DISCONNECT)
            overlay_lose_parent (ov, "it disconnected this broker");
        flux_msg_destroy (msg);
    }
    else if (type == FLUX_MSGTYPE_RESPONSE && is_hello (msg)) {
        overlay_hello_answered (ov, msg);
        flux_msg_destroy (msg);
    }
    else if (ov->parent.connected) {
        track_received (&ov->parent, msg);
        router_recv_peer (ov->args.router, ov->parent.rank, ov->parent.uuid, msg);
    }
    else
        flux_msg_destroy (msg);
}

static void connection_closed (struct overlay *ov, int fd)
{
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];
        if (p->connected && p->fd == fd) {
            overlay_drop_child (ov, p, SUBTREE_LOST, "lost connection");
            return;
        }
    }
}

/* False when there was nothing. */
static bool receive_one (struct overlay *ov)
{
    struct transport_msg tm;
    flux_msg_t *msg;

    ov->tp->next (ov->t, &tm);
    switch (tm.event) {
    case TRANSPORT_CHILD:
        if ((msg = flux_msg_decode (tm.data, tm.len)))
            from_child (ov, &tm, msg);
        break;
    case TRANSPORT_PARENT:
        if ((msg = flux_msg_decode (tm.data, tm.len)))
            from_parent (ov, msg);
        break;
    case TRANSPORT_CHILD_LOST:
        connection_closed (ov, tm.fd);
        break;
    case TRANSPORT_PARENT_LOST:
        overlay_parent_closed (ov);
        break;
    case TRANSPORT_PARENT_REFUSED:
        overlay_parent_refused (ov);
        break;
    case TRANSPORT_NONE:
        return false;
    }
    return true;
}

/* --- polling: ZeroMQ's descriptors only say that something may be new --- */

static void on_fd (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
}

static void on_prepare (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;

    if (ov->tp->pending (ov->t))
        flux_watcher_start (ov->idle);
}

static void on_check (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;
    int n = 0;

    flux_watcher_stop (ov->idle);
    while (n++ < MESSAGES_PER_TURN && receive_one (ov))
        ;
}

int overlay_watch_sockets (struct overlay *ov)
{
    int fds[TRANSPORT_MAX_FDS];
    int n = ov->tp->fds (ov->t, fds);

    for (int i = 0; i < TRANSPORT_MAX_FDS; i++) {
        flux_watcher_destroy (ov->fds[i]);
        ov->fds[i] = NULL;
        if (i >= n)
            continue;
        if (!(ov->fds[i] = flux_fd_watcher_create (ov->reactor, fds[i], FLUX_POLLIN,
                                                   on_fd, ov)))
            return -errno;
        flux_watcher_start (ov->fds[i]);
    }
    flux_watcher_start (ov->prepare);
    flux_watcher_start (ov->check);
    return n < 0 ? n : 0;
}

/* --- the rest --- */

void overlay_set_accepting (struct overlay *ov, bool accepting)
{
    ov->accepting = accepting;
}

int overlay_child_count (const struct overlay *ov)
{
    int n = 0;

    for (uint32_t i = 0; i < ov->nchildren; i++)
        n += ov->children[i].connected;
    return n;
}

char *overlay_child_ranks (const struct overlay *ov)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *s = NULL;

    for (uint32_t i = 0; ranks && i < ov->nchildren; i++)
        if (ov->children[i].connected)
            (void)idset_set (ranks, ov->children[i].rank);
    if (ranks)
        s = idset_encode (ranks, IDSET_FLAG_RANGE);
    idset_destroy (ranks);
    return s;
}

void overlay_leave (struct overlay *ov)
{
    ov->leaving = true;
    if (ov->parent.connected)
        (void)overlay_send_control (ov, &ov->parent, OVERLAY_GOODBYE, 0);
}

static int make_peer (struct overlay *ov, struct peer *p, uint32_t rank)
{
    p->rank = rank;
    p->fd = -1;
    p->status = SUBTREE_OFFLINE;
    p->since = overlay_now (ov);
    snprintf (p->hostname, sizeof (p->hostname), "rank%" PRIu32, rank);
    return (p->sent = rpctrack_new ()) && (p->received = rpctrack_new ()) ? 0 : -1;
}

static int make_peers (struct overlay *ov)
{
    uint32_t parent = topo_parent (ov->topo, ov->args.rank);
    uint32_t n = topo_children (ov->topo, ov->args.rank, NULL, 0);
    uint32_t *ranks;
    int rc = 0;

    if (parent != TOPO_NORANK) {
        ov->has_parent = true;
        if (make_peer (ov, &ov->parent, parent) < 0)
            return -1;
    }
    if (!(ranks = calloc (n + 1, sizeof (*ranks)))
        || !(ov->children = calloc (n + 1, sizeof (*ov->children)))) {
        free (ranks);
        return -1;
    }
    topo_children (ov->topo, ov->args.rank, ranks, n);
    for (ov->nchildren = 0; rc == 0 && ov->nchildren < n; ov->nchildren++)
        rc = make_peer (ov, &ov->children[ov->nchildren], ranks[ov->nchildren]);
    free (ranks);
    return rc;
}

static int make_watchers (struct overlay *ov)
{
    flux_reactor_t *r = ov->reactor;

    if (!(ov->prepare = flux_prepare_watcher_create (r, on_prepare, ov))
        || !(ov->check = flux_check_watcher_create (r, on_check, ov))
        || !(ov->idle = flux_idle_watcher_create (r, NULL, NULL)))
        return -1;
    return overlay_keepalive_init (ov);
}

struct overlay *overlay_new (const struct overlay_args *args, flux_error_t *err)
{
    struct overlay *ov = calloc (1, sizeof (*ov));
    struct transport_args ta = { 0 };
    uint32_t parent = FLUX_NODEID_ANY;
    int rc = -ENOMEM;

    if (!ov)
        goto nomem;
    ov->args = *args;
    ov->reactor = flux_get_reactor (args->h);
    ov->accepting = !attrs_get (args->attrs, "broker.recovery-mode", NULL);
    if ((rc = overlay_read_settings (ov, &ta, err)) < 0)
        goto error;
    rc = -ENOMEM;
    if (make_peers (ov) < 0 || !(ov->by_uuid = hash_new (NULL))
        || !(ov->hellos = flux_msglist_create ()) || make_watchers (ov) < 0
        || overlay_health_init (ov) < 0)
        goto nomem;
    ov->status = compute_status (ov);
    ov->since = overlay_now (ov);
    ov->joined = !ov->has_parent;
    if (args->size == 1)
        return ov;                 /* no peers: no ZeroMQ */
    if (!(ov->tp = dso_symbol ("overlay", TRANSPORT_SYMBOL, err))) {
        rc = -ENOENT;
        goto error;
    }
    ta.uuid = router_uuid (args->router);
    if (args->place) {
        ta.public_key = cert_public_key (boot_config_cert (args->place));
        ta.secret_key = cert_secret_key (boot_config_cert (args->place));
    }
    if (!(ov->t = ov->tp->open (&ta, err))) {
        rc = -EINVAL;
        goto error;
    }
    if (ov->has_parent)
        parent = ov->parent.rank;
    router_set_tree (args->router, &tree_ops, ov, parent);
    return ov;
nomem:
    errmsg (err, rc, "out of memory");
error:
    overlay_free (ov);
    errno = -rc;
    return NULL;
}

static void peer_release (struct peer *p)
{
    rpctrack_free (p->sent);
    rpctrack_free (p->received);
}

void overlay_free (struct overlay *ov)
{
    static const struct router_tree_ops no_tree = { 0 };

    if (!ov)
        return;
    router_set_tree (ov->args.router, &no_tree, NULL, FLUX_NODEID_ANY);
    overlay_health_fini (ov);
    for (int i = 0; i < TRANSPORT_MAX_FDS; i++)
        flux_watcher_destroy (ov->fds[i]);
    flux_watcher_destroy (ov->prepare);
    flux_watcher_destroy (ov->check);
    flux_watcher_destroy (ov->idle);
    flux_watcher_destroy (ov->keepalive);
    flux_watcher_destroy (ov->watchdog);
    if (ov->t)
        ov->tp->close (ov->t);
    for (uint32_t i = 0; i < ov->nchildren; i++)
        peer_release (&ov->children[i]);
    peer_release (&ov->parent);
    free (ov->children);
    hash_free (ov->by_uuid);
    flux_msglist_destroy (ov->hellos);
    topo_free (ov->topo);
    free (ov->parent_uri);
    free (ov->cert_name);
    free (ov->hostlist);
    free (ov);
}
