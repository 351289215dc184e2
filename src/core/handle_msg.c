/* handle_msg.c - sending, receiving and requeueing messages
 */
#include "core/handle_private.h"
#include "core/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void count (int *request, int *response, int *event, int *control,
                   int type)
{
    switch (type) {
        case FLUX_MSGTYPE_REQUEST:
            (*request)++;
            break;
        case FLUX_MSGTYPE_RESPONSE:
            (*response)++;
            break;
        case FLUX_MSGTYPE_EVENT:
            (*event)++;
            break;
        case FLUX_MSGTYPE_CONTROL:
            (*control)++;
            break;
    }
}

static void count_tx (flux_msgcounters_t *n, int type)
{
    count (&n->request_tx, &n->response_tx, &n->event_tx, &n->control_tx, type);
}

static void count_rx (flux_msgcounters_t *n, int type)
{
    count (&n->request_rx, &n->response_rx, &n->event_rx, &n->control_rx, type);
}

static void trace (const flux_msg_t *msg, const char *direction)
{
    flockfile (stderr);
    fprintf (stderr, "%s ", direction);
    flux_msg_fprint (stderr, msg);
    funlockfile (stderr);
}

/* Is this error one of the connection, and has the application mended it so
 * that the call should be tried again?  Keeps errno. */
static bool comms_mended (flux_t *h)
{
    struct conn *c = h->conn;
    int saved_errno = errno;
    bool mended;

    if (!c->comms_error || c->in_comms_error || c->closing)
        return false;
    if (errno == EAGAIN || errno == EINVAL || errno == ENOSYS
        || errno == ENOMEM || errno == EMSGSIZE || errno == EDEADLK)
        return false;
    c->in_comms_error = true;
    mended = c->comms_error (h, c->comms_error_arg) == 0;
    c->in_comms_error = false;
    errno = saved_errno;
    return mended;
}

/* Sending */

static void stamp (const struct conn *c, flux_msg_t *msg)
{
    uint32_t self = geteuid ();
    uint32_t userid = c->mock_userid ? c->userid : self;

    msg->userid = userid;
    if (c->mock_rolemask)
        msg->rolemask = c->rolemask;
    else
        msg->rolemask = userid == self ? FLUX_ROLE_OWNER : FLUX_ROLE_USER;
}

/* Consumes *msgp on success. */
static int send_owned (struct conn *c, flux_msg_t **msgp, int flags)
{
    if (c->ops->send_new)
        return c->ops->send_new (c->impl, msgp, flags);
    if (c->ops->send (c->impl, *msgp, flags) < 0)
        return -1;
    flux_msg_destroy (*msgp);
    *msgp = NULL;
    return 0;
}

static int send_once (struct conn *c, const flux_msg_t *msg, int flags)
{
    flux_msg_t *copy;
    int rc;

    if (!c->ops->send && !c->ops->send_new) {
        errno = ENOSYS;
        return -1;
    }
    if (c->ops->send && !c->mock_userid && !c->mock_rolemask)
        return c->ops->send (c->impl, msg, flags);
    if (!(copy = flux_msg_copy (msg, true)))
        return -1;
    if (c->mock_userid || c->mock_rolemask)
        stamp (c, copy);
    rc = send_owned (c, &copy, flags);
    flux_msg_destroy (copy);
    return rc;
}

static int send_new_once (struct conn *c, flux_msg_t **msgp, int flags)
{
    if (!c->ops->send && !c->ops->send_new) {
        errno = ENOSYS;
        return -1;
    }
    if (c->mock_userid || c->mock_rolemask)
        stamp (c, *msgp);
    return send_owned (c, msgp, flags);
}

static bool flags_ok (int flags)
{
    return (flags & ~(FLUX_O_TRACE | FLUX_O_NONBLOCK)) == 0;
}

/* Send *msgp, or if that is NULL a copy of 'msg'. */
static int send_tracked (flux_t *h, const flux_msg_t *msg, flux_msg_t **msgp,
                         int flags)
{
    struct conn *c = h->conn;
    flux_msg_t *track = NULL;
    int type = msg->type;
    int rc;

    flags |= h->flags;
    if ((flags & FLUX_O_TRACE))
        trace (msg, ">");
    if (c->tracked && conn_track_prepare (msg, &track) < 0)
        return -1;
    do {
        rc = msgp ? send_new_once (c, msgp, flags) : send_once (c, msg, flags);
    } while (rc < 0 && comms_mended (h));
    if (rc < 0) {
        flux_msg_destroy (track);
        return -1;
    }
    count_tx (&c->counters, type);
    if (track)
        conn_track_sent (c, track);
    return 0;
}

int flux_send (flux_t *h, const flux_msg_t *msg, int flags)
{
    if (!h || !msg || !flags_ok (flags)) {
        errno = EINVAL;
        return -1;
    }
    return send_tracked (h, msg, NULL, flags);
}

int flux_send_new (flux_t *h, flux_msg_t **msgp, int flags)
{
    if (!h || !msgp || !*msgp || !flags_ok (flags)
        || !msg_is_exclusive (*msgp)) {
        errno = EINVAL;
        return -1;
    }
    return send_tracked (h, *msgp, msgp, flags);
}

/* Receiving */

static flux_msg_t *recv_from_queue (struct conn *c, struct flux_match match)
{
    for (size_t i = 0; i < c->queue.count; i++) {
        if (flux_msg_cmp (*msgq_at (&c->queue, i), match))
            return (flux_msg_t *)msgq_take (&c->queue, i);
    }
    return NULL;
}

/* One message from the connector, without waiting. */
static flux_msg_t *recv_from_connector (flux_t *h)
{
    struct conn *c = h->conn;
    flux_msg_t *msg;

    if (!c->ops->recv) {
        errno = ENOSYS;
        return NULL;
    }
    while (!(msg = c->ops->recv (c->impl, FLUX_O_NONBLOCK))) {
        if (!comms_mended (h))
            return NULL;
        if (c->queue.count > 0) { /* a reconnect put answers there */
            errno = EAGAIN;
            return NULL;
        }
    }
    count_rx (&c->counters, msg->type);
    if (c->tracked)
        conn_track_received (c, msg);
    return msg;
}

static int put_aside (flux_t *h, flux_msg_t *msg)
{
    struct conn *c = h->conn;

    if ((h->flags & FLUX_O_NOREQUEUE)) {
        flux_msg_destroy (msg);
        return 0;
    }
    if (msgq_append (&c->queue, msg) < 0) {
        flux_msg_destroy (msg);
        errno = ENOMEM;
        return -1;
    }
    conn_poll_notify (c);
    return 0;
}

/* What is queued is older than what the connector has, so unmatched messages
 * from there go to the end. */
static flux_msg_t *recv_match (flux_t *h, struct flux_match match, int flags)
{
    flux_msg_t *msg;

    if ((msg = recv_from_queue (h->conn, match)))
        return msg;
    for (;;) {
        size_t queued = h->conn->queue.count;
        if ((msg = recv_from_connector (h))) {
            if (flux_msg_cmp (msg, match))
                return msg;
            if (put_aside (h, msg) < 0)
                return NULL;
            continue;
        }
        if (errno != EAGAIN)
            return NULL;
        if (h->conn->queue.count > queued
            && (msg = recv_from_queue (h->conn, match)))
            return msg;
        errno = EAGAIN;
        if ((flags & FLUX_O_NONBLOCK) || handle_wait (h, FLUX_POLLIN, -1) < 0)
            return NULL;
    }
}

flux_msg_t *flux_recv (flux_t *h, struct flux_match match, int flags)
{
    flux_msg_t *msg;

    if (!h || !flags_ok (flags)) {
        errno = EINVAL;
        return NULL;
    }
    flags |= h->flags;
    if ((msg = recv_match (h, match, flags)) && (flags & FLUX_O_TRACE))
        trace (msg, "<");
    return msg;
}

int flux_requeue (flux_t *h, const flux_msg_t *msg, int flags)
{
    struct msgq *q;
    int rc;

    if (!h || !msg || (flags != FLUX_RQ_HEAD && flags != FLUX_RQ_TAIL)) {
        errno = EINVAL;
        return -1;
    }
    q = &h->conn->queue;
    rc = flags == FLUX_RQ_HEAD ? msgq_prepend (q, msg) : msgq_append (q, msg);
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    flux_msg_incref (msg);
    conn_poll_notify (h->conn);
    return 0;
}
