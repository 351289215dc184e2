/* event.c - events: encode, decode, publish, subscribe
 *
 * Publishing and subscribing are requests to the local broker (README.md).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "base/base64.h"
#include "core/future_class.h"
#include "core/msg_decode.h"

int flux_event_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    return msg_get_string (msg, FLUX_MSGTYPE_EVENT, topic, s);
}

int flux_event_decode_raw (const flux_msg_t *msg, const char **topic, const void **data,
                          size_t *len)
{
    return msg_get_raw (msg, FLUX_MSGTYPE_EVENT, topic, data, len);
}

int flux_event_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = msg_get_vunpack (msg, FLUX_MSGTYPE_EVENT, topic, fmt, ap);
    va_end (ap);
    return rc;
}

flux_msg_t *flux_event_encode (const char *topic, const char *s)
{
    return msg_encode_string (FLUX_MSGTYPE_EVENT, topic, s);
}

flux_msg_t *flux_event_encode_raw (const char *topic, const void *data, size_t len)
{
    return msg_encode_raw (FLUX_MSGTYPE_EVENT, topic, data, len);
}

flux_msg_t *flux_event_pack (const char *topic, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;
    int rc;

    if (!(msg = msg_encode_raw (FLUX_MSGTYPE_EVENT, topic, NULL, 0)))
        return NULL;
    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    if (rc < 0) {
        int saved_errno = errno;
        flux_msg_decref (msg);
        errno = saved_errno;
        return NULL;
    }
    return msg;
}

/*
 * Publish
 */

flux_future_t *flux_event_publish_raw (flux_t *h,
                                       const char *topic,
                                       int flags,
                                       const void *data,
                                       size_t len)
{
    flux_future_t *f;
    char *payload;

    if (!h || !topic || (flags & ~(FLUX_MSGFLAG_PRIVATE | FLUX_EVENT_PRIVATE))) {
        errno = EINVAL;
        return NULL;
    }
    if (flags)
        flags = FLUX_MSGFLAG_PRIVATE;
    if (!data)
        return flux_rpc_pack (h, "event.publish", FLUX_NODEID_ANY, 0, "{s:s s:i}",
                              "topic", topic, "flags", flags);
    if (!(payload = malloc (base64_encoded_size (len))))
        return NULL;
    (void)base64_encode (data, len, payload);
    f = flux_rpc_pack (h, "event.publish", FLUX_NODEID_ANY, 0, "{s:s s:i s:s}",
                       "topic", topic, "flags", flags, "payload", payload);
    free (payload);
    return f;
}

flux_future_t *flux_event_publish (flux_t *h, const char *topic, int flags, const char *s)
{
    return flux_event_publish_raw (h, topic, flags, s, s ? strlen (s) + 1 : 0);
}

flux_future_t *flux_event_publish_pack (flux_t *h,
                                        const char *topic,
                                        int flags,
                                        const char *fmt,
                                        ...)
{
    flux_future_t *f;
    json_t *o = NULL;
    char *s = NULL;
    va_list ap;

    if (fmt) {
        va_start (ap, fmt);
        o = json_vpack_ex (NULL, 0, fmt, ap);
        va_end (ap);
    }
    if (!json_is_object (o)) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    if (!s) {
        errno = ENOMEM;
        return NULL;
    }
    f = flux_event_publish (h, topic, flags, s);
    free (s);
    return f;
}

int flux_event_publish_get_seq (flux_future_t *f, int *seq)
{
    int n;

    if (flux_rpc_get_unpack (f, "{s:i}", "seq", &n) < 0)
        return -1;
    if (seq)
        *seq = n;
    return 0;
}

/*
 * Subscribe
 */

static flux_future_t *subscribe_rpc (flux_t *h, const char *method, const char *topic,
                                     int flags)
{
    if (!h || !topic || (flags & ~FLUX_RPC_NORESPONSE)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, method, FLUX_NODEID_ANY, flags, "{s:s}", "topic", topic);
}

/* Where blocking is forbidden the request is sent and not waited for. */
static int subscribe_call (flux_t *h, const char *method, const char *topic)
{
    flux_future_t *f;
    int flags = future_wait_is_forbidden () ? FLUX_RPC_NORESPONSE : 0;
    int rc;

    if (!h || !topic) {
        errno = EINVAL;
        return -1;
    }
    if ((flux_flags_get (h) & FLUX_O_TEST_NOSUB))
        return 0;
    if (!(f = subscribe_rpc (h, method, topic, flags)))
        return -1;
    rc = flux_future_get (f, NULL);
    flux_future_destroy (f);
    return rc;
}

flux_future_t *flux_event_subscribe_ex (flux_t *h, const char *topic, int flags)
{
    return subscribe_rpc (h, "event.subscribe", topic, flags);
}

flux_future_t *flux_event_unsubscribe_ex (flux_t *h, const char *topic, int flags)
{
    return subscribe_rpc (h, "event.unsubscribe", topic, flags);
}

int flux_event_subscribe (flux_t *h, const char *topic)
{
    return subscribe_call (h, "event.subscribe", topic);
}

int flux_event_unsubscribe (flux_t *h, const char *topic)
{
    return subscribe_call (h, "event.unsubscribe", topic);
}
