/* msg_decode.c - what requests, responses and events have in common
 */
#include <errno.h>
#include <string.h>

#include "core/msg_decode.h"

int msg_check_topic (const flux_msg_t *msg, int type, const char **topicp)
{
    const char *topic;
    int t;

    if (!msg)
        return -EINVAL;
    if (flux_msg_get_type (msg, &t) < 0
        || t != type
        || flux_msg_get_topic (msg, &topic) < 0)
        return -EPROTO;
    if (topicp)
        *topicp = topic;
    return 0;
}

int msg_opt_string (const flux_msg_t *msg, const char **sp)
{
    const char *s = NULL;

    if (flux_msg_has_payload (msg) && flux_msg_get_string (msg, &s) < 0)
        return -EPROTO;
    *sp = s;
    return 0;
}

void msg_opt_payload (const flux_msg_t *msg, const void **datap, size_t *lenp)
{
    const void *data;
    size_t len;

    if (!flux_msg_has_payload (msg) || flux_msg_get_payload (msg, &data, &len) < 0) {
        data = NULL;
        len = 0;
    }
    if (datap)
        *datap = data;
    if (lenp)
        *lenp = len;
}

flux_msg_t *msg_encode_raw (int type, const char *topic, const void *data, size_t len)
{
    flux_msg_t *msg;

    if (!topic) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = flux_msg_create (type)))
        return NULL;
    if (flux_msg_set_topic (msg, topic) < 0
        || (data && flux_msg_set_payload (msg, data, len) < 0)) {
        int saved_errno = errno;
        flux_msg_decref (msg);
        errno = saved_errno;
        return NULL;
    }
    return msg;
}

flux_msg_t *msg_encode_string (int type, const char *topic, const char *s)
{
    return msg_encode_raw (type, topic, s, s ? strlen (s) + 1 : 0);
}
