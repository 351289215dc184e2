/* message_match.c - comparing a message with match criteria
 */
#include "core/message_private.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct flux_match flux_match_init (int typemask, uint32_t matchtag,
                                   const char *topic_glob)
{
    struct flux_match m = { typemask, matchtag, topic_glob };
    return m;
}

int flux_match_asprintf (struct flux_match *m, const char *fmt, ...)
{
    va_list ap;
    char *s;
    int rc;

    if (!m || !fmt) {
        errno = EINVAL;
        return -1;
    }
    va_start (ap, fmt);
    rc = vasprintf (&s, fmt, ap);
    va_end (ap);
    if (rc < 0) {
        errno = ENOMEM;
        return -1;
    }
    m->topic_glob = s;
    return 0;
}

void flux_match_free (struct flux_match m)
{
    int saved_errno = errno;
    free ((char *)m.topic_glob);
    errno = saved_errno;
}

/* A message that still has routes is on its way to someone else, whose
 * matchtags are not ours. */
bool flux_msg_cmp_matchtag (const flux_msg_t *msg, uint32_t matchtag)
{
    const int rpc = FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE;

    return msg && (msg->type & rpc) && msg->matchtag == matchtag
           && msg->routes.count == 0;
}

static bool topic_match (const char *glob, const char *topic)
{
    if (!topic)
        return false;
    if (!strcmp (glob, topic))
        return true;
    return glob[strcspn (glob, "*?[\\")] != '\0'
           && fnmatch (glob, topic, 0) == 0;
}

bool flux_msg_cmp (const flux_msg_t *msg, struct flux_match match)
{
    if (!msg)
        return false;
    if (match.typemask != 0 && !(match.typemask & msg->type))
        return false;
    if (match.matchtag != FLUX_MATCHTAG_NONE
        && !flux_msg_cmp_matchtag (msg, match.matchtag))
        return false;
    if (match.topic_glob && *match.topic_glob)
        return topic_match (match.topic_glob, msg_topic (msg));
    return true;
}
