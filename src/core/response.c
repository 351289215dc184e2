/* response.c - responses: respond to a request, decode what came back
 */
#include <errno.h>
#include <string.h>
#include <flux/core.h>

#include "core/message_private.h"
#include "core/msg_decode.h"

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

int flux_response_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    return msg_get_string (msg, FLUX_MSGTYPE_RESPONSE, topic, s);
}

int flux_response_decode_raw (const flux_msg_t *msg, const char **topic, const void **data,
                             size_t *len)
{
    return msg_get_raw (msg, FLUX_MSGTYPE_RESPONSE, topic, data, len);
}

int flux_response_decode_error (const flux_msg_t *msg, const char **errstr)
{
    const char *s;
    int errnum;
    int rc;

    if (!errstr)
        return fail (EINVAL);
    if ((rc = msg_check_topic (msg, FLUX_MSGTYPE_RESPONSE, NULL)) < 0)
        return fail (-rc);
    if (flux_msg_get_errnum (msg, &errnum) < 0)
        return -1;
    if (!errnum || msg_opt_string (msg, &s) < 0 || !s)
        return fail (ENOENT);
    *errstr = s;
    return 0;
}

flux_msg_t *flux_response_encode (const char *topic, const char *s)
{
    return msg_encode_string (FLUX_MSGTYPE_RESPONSE, topic, s);
}

flux_msg_t *flux_response_encode_raw (const char *topic, const void *data, size_t len)
{
    return msg_encode_raw (FLUX_MSGTYPE_RESPONSE, topic, data, len);
}

flux_msg_t *flux_response_encode_error (const char *topic, int errnum, const char *errstr)
{
    flux_msg_t *msg;

    if (errnum <= 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = msg_encode_string (FLUX_MSGTYPE_RESPONSE, topic, errstr)))
        return NULL;
    if (flux_msg_set_errnum (msg, errnum) < 0) {
        flux_msg_decref (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *flux_response_derive (const flux_msg_t *request, int errnum)
{
    int rc = msg_check_topic (request, FLUX_MSGTYPE_REQUEST, NULL);

    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    return msg_derive_response (request, errnum);
}

/* Start a response.  1: there is one to send; 0: none is wanted; -1: errno */
static int respond_begin (flux_t *h, const flux_msg_t *request, int errnum,
                          flux_msg_t **msgp)
{
    if (!h || !request)
        return fail (EINVAL);
    if (flux_msg_is_noresponse (request))
        return 0;
    if (!(*msgp = flux_response_derive (request, errnum)))
        return -1;
    return 1;
}

static int respond_end (flux_t *h, flux_msg_t *msg, int rc)
{
    if (rc == 0)
        rc = flux_send_new (h, &msg, 0);
    if (msg) {
        int saved_errno = errno;
        flux_msg_decref (msg);
        errno = saved_errno;
    }
    return rc;
}

int flux_respond_raw (flux_t *h, const flux_msg_t *request, const void *data, int len)
{
    flux_msg_t *msg;
    int rc;

    if (len < 0 || (!data && len > 0))
        return fail (EINVAL);
    if ((rc = respond_begin (h, request, 0, &msg)) <= 0)
        return rc;
    rc = data ? flux_msg_set_payload (msg, data, len) : 0;
    return respond_end (h, msg, rc);
}

int flux_respond (flux_t *h, const flux_msg_t *request, const char *s)
{
    flux_msg_t *msg;
    int rc;

    if ((rc = respond_begin (h, request, 0, &msg)) <= 0)
        return rc;
    rc = s ? flux_msg_set_string (msg, s) : 0;
    return respond_end (h, msg, rc);
}

int flux_respond_pack (flux_t *h, const flux_msg_t *request, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;
    int rc;

    if (!fmt)
        return fail (EINVAL);
    if ((rc = respond_begin (h, request, 0, &msg)) <= 0)
        return rc;
    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    return respond_end (h, msg, rc);
}

int flux_respond_error (flux_t *h, const flux_msg_t *request, int errnum, const char *errstr)
{
    flux_msg_t *msg;
    int rc;

    if ((rc = respond_begin (h, request, errnum ? errnum : EINVAL, &msg)) <= 0)
        return rc;
    rc = errstr ? flux_msg_set_string (msg, errstr) : 0;
    return respond_end (h, msg, rc);
}
