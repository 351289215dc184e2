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

static int check (const flux_msg_t *msg, int type, const char **topicp)
{
    int errnum = 0;
    int rc = msg_check_topic (msg, type, topicp);

    if (rc == 0 && type == FLUX_MSGTYPE_RESPONSE && flux_msg_get_errnum (msg, &errnum) < 0)
        return -1;
    if (rc < 0 || errnum) {
        errno = rc < 0 ? -rc : errnum;
        return -1;
    }
    return 0;
}

int msg_get_string (const flux_msg_t *msg, int type, const char **topicp, const char **sp)
{
    const char *topic;
    const char *s;

    if (check (msg, type, &topic) < 0)
        return -1;
    if (sp) {
        if (msg_opt_string (msg, &s) < 0) {
            errno = EPROTO;
            return -1;
        }
        *sp = s;
    }
    if (topicp)
        *topicp = topic;
    return 0;
}

int msg_get_raw (const flux_msg_t *msg, int type, const char **topicp, const void **datap,
                 size_t *lenp)
{
    if (!datap || !lenp) {
        errno = EINVAL;
        return -1;
    }
    if (check (msg, type, topicp) < 0)
        return -1;
    msg_opt_payload (msg, datap, lenp);
    return 0;
}

int msg_get_vunpack (const flux_msg_t *msg, int type, const char **topicp, const char *fmt,
                     va_list ap)
{
    const char *topic;

    if (check (msg, type, &topic) < 0 || flux_msg_vunpack (msg, fmt, ap) < 0)
        return -1;
    if (topicp)
        *topicp = topic;
    return 0;
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
