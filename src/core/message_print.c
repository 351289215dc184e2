/* message_print.c - a message on one line, for people
 *
 *   [ts] request kvs.lookup nodeid=0 matchtag=7 user=100 roles=user,local
 *        route=6ba7b!0 flags=streaming {"key":"a"}
 */
#include "core/message_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_mask (FILE *f, const char *label, uint32_t mask,
                        const char *const names[], int n)
{
    const char *sep = "";

    fprintf (f, " %s=", label);
    for (int i = 0; i < n; i++) {
        if ((mask & (1u << i)) && names[i]) {
            fprintf (f, "%s%s", sep, names[i]);
            sep = ",";
            mask &= ~(1u << i);
        }
    }
    if (mask)
        fprintf (f, "%s0x%" PRIx32, sep, mask);
}

static void print_cred (FILE *f, const flux_msg_t *msg)
{
    static const char *const names[] = { "owner", "user", "local", "admin" };

    if (msg->userid != FLUX_USERID_UNKNOWN)
        fprintf (f, " user=%" PRIu32, msg->userid);
    if (msg->rolemask == FLUX_ROLE_ALL)
        fprintf (f, " roles=all");
    else if (msg->rolemask != FLUX_ROLE_NONE)
        print_mask (f, "roles", msg->rolemask, names, 4);
}

/* Topic, payload and route show by themselves. */
static void print_flags (FILE *f, const flux_msg_t *msg)
{
    static const char *const names[] = {
        NULL, NULL, "noresponse", NULL, "upstream", "private", "streaming",
        "user1",
    };
    uint32_t flags = msg->flags & ~(FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_PAYLOAD
                                    | FLUX_MSGFLAG_ROUTE);
    if (flags)
        print_mask (f, "flags", flags, names, 8);
}

static void print_header (FILE *f, const flux_msg_t *msg)
{
    switch (msg->type) {
        case FLUX_MSGTYPE_REQUEST:
            if (msg->nodeid == FLUX_NODEID_ANY)
                fprintf (f, " nodeid=any");
            else
                fprintf (f, " nodeid=%" PRIu32, msg->nodeid);
            break;
        case FLUX_MSGTYPE_RESPONSE:
            fprintf (f, " errnum=%" PRIu32, msg->errnum);
            if (msg->errnum != 0)
                fprintf (f, " (%s)", strerror ((int)msg->errnum));
            break;
        case FLUX_MSGTYPE_EVENT:
            fprintf (f, " seq=%" PRIu32, msg->sequence);
            return;
        default:
            fprintf (f, " type=%" PRIu32 " status=%" PRIu32, msg->control_type,
                     msg->control_status);
            return;
    }
    if (msg->matchtag != FLUX_MATCHTAG_NONE)
        fprintf (f, " matchtag=%" PRIu32, msg->matchtag);
}

static void print_route (FILE *f, const flux_msg_t *msg)
{
    char *s;

    if (msg->routes.count > 0 && (s = flux_msg_route_string (msg))) {
        fprintf (f, " route=%s", s);
        free (s);
    }
}

static bool is_text (const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    }
    return true;
}

static void print_payload (FILE *f, const flux_msg_t *msg)
{
    const char *s = msg->payload;
    size_t len = msg->payload_size;

    if (!flux_msg_has_payload (msg))
        return;
    if (len > 0 && s[len - 1] == '\0' && is_text (s, len - 1))
        fprintf (f, " %s", s);
    else
        fprintf (f, " payload=%zu bytes", len);
}

void flux_msg_fprint_ts (FILE *f, const flux_msg_t *msg, double timestamp)
{
    const char *topic;
    int saved_errno = errno;

    if (!f)
        return;
    flockfile (f);
    if (timestamp >= 0.)
        fprintf (f, "[%.6f] ", timestamp);
    if (!msg)
        fprintf (f, "NULL");
    else {
        fprintf (f, "%s", flux_msg_typestr (msg->type));
        if ((topic = msg_topic (msg)))
            fprintf (f, " %s", topic);
        print_header (f, msg);
        print_cred (f, msg);
        print_route (f, msg);
        print_flags (f, msg);
        print_payload (f, msg);
    }
    fprintf (f, "\n");
    funlockfile (f);
    errno = saved_errno;
}

void flux_msg_fprint (FILE *f, const flux_msg_t *msg)
{
    flux_msg_fprint_ts (f, msg, -1.);
}
