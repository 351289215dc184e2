/* request.c - decoding and encoding of requests
 */
#include <errno.h>
#include <flux/core.h>

#include "core/msg_decode.h"

static int request_check (const flux_msg_t *msg, const char **topic)
{
    int rc = msg_check_topic (msg, FLUX_MSGTYPE_REQUEST, topic);

    if (rc < 0)
        errno = -rc;
    return rc < 0 ? -1 : 0;
}

int flux_request_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    const char *tp;
    const char *sp;

    if (request_check (msg, &tp) < 0)
        return -1;
    if (s) {
        if (msg_opt_string (msg, &sp) < 0) {
            errno = EPROTO;
            return -1;
        }
        *s = sp;
    }
    if (topic)
        *topic = tp;
    return 0;
}

int flux_request_decode_raw (const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len)
{
    if (!data || !len) {
        errno = EINVAL;
        return -1;
    }
    if (request_check (msg, topic) < 0)
        return -1;
    msg_opt_payload (msg, data, len);
    return 0;
}

int flux_request_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...)
{
    const char *tp;
    va_list ap;
    int rc;

    if (request_check (msg, &tp) < 0)
        return -1;
    va_start (ap, fmt);
    rc = flux_msg_vunpack (msg, fmt, ap);
    va_end (ap);
    if (rc < 0)
        return -1;
    if (topic)
        *topic = tp;
    return 0;
}

flux_msg_t *flux_request_encode (const char *topic, const char *s)
{
    return msg_encode_string (FLUX_MSGTYPE_REQUEST, topic, s);
}

flux_msg_t *flux_request_encode_raw (const char *topic, const void *data, size_t len)
{
    return msg_encode_raw (FLUX_MSGTYPE_REQUEST, topic, data, len);
}
