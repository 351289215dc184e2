/* request.c - decoding and encoding of requests
 */
#include <errno.h>
#include <flux/core.h>

#include "core/msg_decode.h"

int flux_request_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    return msg_get_string (msg, FLUX_MSGTYPE_REQUEST, topic, s);
}

int flux_request_decode_raw (const flux_msg_t *msg, const char **topic, const void **data,
                            size_t *len)
{
    return msg_get_raw (msg, FLUX_MSGTYPE_REQUEST, topic, data, len);
}

int flux_request_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = msg_get_vunpack (msg, FLUX_MSGTYPE_REQUEST, topic, fmt, ap);
    va_end (ap);
    return rc;
}

flux_msg_t *flux_request_encode (const char *topic, const char *s)
{
    return msg_encode_string (FLUX_MSGTYPE_REQUEST, topic, s);
}

flux_msg_t *flux_request_encode_raw (const char *topic, const void *data, size_t len)
{
    return msg_encode_raw (FLUX_MSGTYPE_REQUEST, topic, data, len);
}
