/* handle_track.c - FLUX_O_RPCTRACK: the requests that await a response
 *
 * When a connection is lost and made anew, the responses to what was sent over
 * the old one never come.  Each tracked request then gets an ECONNRESET response
 * from here, as if it had been received.
 */
#include "core/handle_private.h"
#include "core/message_private.h"

#include <errno.h>

#include "base/hash.h"

/* Requests with routes are someone else's: matchtags of another domain. */
int conn_track_prepare (const flux_msg_t *msg, flux_msg_t **trackp)
{
    *trackp = NULL;
    if (msg->type != FLUX_MSGTYPE_REQUEST || msg->routes.count > 0
        || msg->matchtag == FLUX_MATCHTAG_NONE
        || (msg->flags & FLUX_MSGFLAG_NORESPONSE))
        return 0;
    if (!(*trackp = msg_derive_response (msg, ECONNRESET))) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* The message is gone: without memory to remember it, it is just not tracked. */
void conn_track_sent (struct conn *c, flux_msg_t *track)
{
    if (idhash_set (c->tracked, track->matchtag, track) < 0)
        flux_msg_destroy (track);
}

void conn_track_received (struct conn *c, const flux_msg_t *msg)
{
    if (msg->type != FLUX_MSGTYPE_RESPONSE || msg->routes.count > 0)
        return;
    if (msg->errnum != 0 || !(msg->flags & FLUX_MSGFLAG_STREAMING))
        idhash_del (c->tracked, msg->matchtag);
}

int conn_track_reset (struct conn *c)
{
    flux_msg_t *msg;
    uint64_t tag;
    size_t pos = 0;
    int rc = 0;

    if (!c->tracked)
        return 0;
    while ((msg = idhash_next (c->tracked, &pos, &tag))) {
        idhash_take (c->tracked, tag);
        if (msgq_append (&c->queue, msg) < 0) {
            flux_msg_destroy (msg);
            errno = ENOMEM;
            rc = -1;
        }
    }
    if (c->queue.count > 0)
        conn_poll_notify (c);
    return rc;
}
