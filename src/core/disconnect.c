/* disconnect.c - which pending requests a disconnect or cancel request ends (RFC 6)
 */
#include <errno.h>
#include <flux/core.h>

/* msg1 comes from the sender of msg2, who may end what is msg2's user's. */
static bool same_sender (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    struct flux_msg_cred cred;
    uint32_t userid;

    return msg1 && msg2
        && flux_msg_route_match_first (msg1, msg2)
        && flux_msg_get_cred (msg1, &cred) == 0
        && flux_msg_get_userid (msg2, &userid) == 0
        && flux_msg_cred_authorize (cred, userid) == 0;
}

bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    return same_sender (msg1, msg2);
}

bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    json_int_t matchtag;
    uint32_t tag;

    return same_sender (msg1, msg2)
        && flux_request_unpack (msg1, NULL, "{s:I}", "matchtag", &matchtag) == 0
        && flux_msg_get_matchtag (msg2, &tag) == 0
        && matchtag == (json_int_t)tag;
}

int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *item;
    int count = 0;

    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    for (item = flux_msglist_first (l); item; item = flux_msglist_next (l)) {
        if (flux_disconnect_match (msg, item)) {
            flux_msglist_delete (l);
            count++;
        }
    }
    return count;
}

int flux_msglist_cancel (flux_t *h, struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *item;
    int rc;

    if (!h || !l || !msg) {
        errno = EINVAL;
        return -1;
    }
    for (item = flux_msglist_first (l); item; item = flux_msglist_next (l)) {
        if (flux_cancel_match (msg, item)) {
            rc = flux_respond_error (h, item, ECANCELED, NULL);
            flux_msglist_delete (l);
            return rc < 0 ? -1 : 1;
        }
    }
    return 0;
}
