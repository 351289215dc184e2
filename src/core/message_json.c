/* message_json.c - JSON payloads
 *
 * A decoded tree is kept in the envelope, so that unpacking twice decodes once
 * and what "s" and "o" return lives as long as the message has this payload.
 */
#include "core/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_error (const flux_msg_t *const_msg, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));

static void set_error (const flux_msg_t *const_msg, const char *fmt, ...)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;
    char *s = NULL;
    va_list ap;

    if (fmt) {
        va_start (ap, fmt);
        if (vasprintf (&s, fmt, ap) < 0)
            s = NULL;
        va_end (ap);
    }
    free (msg->last_error);
    msg->last_error = s;
}

static void clear_error (const flux_msg_t *msg)
{
    if (msg->last_error) {
        free (msg->last_error);
        ((flux_msg_t *)msg)->last_error = NULL;
    }
}

const char *flux_msg_last_error (const flux_msg_t *msg)
{
    if (!msg)
        return "message is NULL";
    return msg->last_error ? msg->last_error : "";
}

/* Most objects are small: one pass into a buffer on the stack, then a blob of
 * the exact size.  json_dumpb() returns the size needed, without the NUL. */
static struct blob *dump (const json_t *o)
{
    char tmp[2048];
    struct blob *b;
    size_t n = json_dumpb (o, tmp, sizeof (tmp), JSON_COMPACT);

    if (n == 0 || !(b = blob_new (n + 1)))
        return NULL;
    if (n <= sizeof (tmp))
        memcpy (b->data, tmp, n);
    else if (json_dumpb (o, b->data, n, JSON_COMPACT) != n) {
        blob_unref (b);
        return NULL;
    }
    b->data[n] = '\0';
    return b;
}

int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap)
{
    json_error_t error;
    struct blob *b;
    json_t *o;

    if (!msg || !fmt || !*fmt) {
        errno = EINVAL;
        return -1;
    }
    clear_error (msg);
    if (!(o = json_vpack_ex (&error, 0, fmt, ap))) {
        bool nomem = json_error_code (&error) == json_error_out_of_memory;
        set_error (msg, "%s", error.text);
        errno = nomem ? ENOMEM : EINVAL;
        return -1;
    }
    if (!json_is_object (o)) {
        json_decref (o);
        set_error (msg, "payload is not a JSON object");
        errno = EINVAL;
        return -1;
    }
    b = dump (o);
    json_decref (o);
    if (!b) {
        errno = ENOMEM;
        return -1;
    }
    msg_set_payload_blob (msg, b, b->data, b->size);
    blob_unref (b);
    return 0;
}

int flux_msg_pack (flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}

static int decode (flux_msg_t *msg)
{
    json_error_t error;
    const char *s;
    json_t *o;

    if (!flux_msg_has_payload (msg) || flux_msg_get_string (msg, &s) < 0) {
        set_error (msg, flux_msg_has_payload (msg)
                            ? "payload is not a NUL terminated string"
                            : "message has no payload");
        errno = EPROTO;
        return -1;
    }
    if (!(o = json_loadb (s, msg->payload_size - 1, JSON_ALLOW_NUL, &error))) {
        bool nomem = json_error_code (&error) == json_error_out_of_memory;
        set_error (msg, "payload is not JSON: %s", error.text);
        errno = nomem ? ENOMEM : EPROTO;
        return -1;
    }
    if (!json_is_object (o)) {
        json_decref (o);
        set_error (msg, "payload is not a JSON object");
        errno = EPROTO;
        return -1;
    }
    msg->json = o;
    return 0;
}

int flux_msg_vunpack (const flux_msg_t *const_msg, const char *fmt, va_list ap)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;
    json_error_t error;

    if (!msg || !fmt || !*fmt) {
        errno = EINVAL;
        return -1;
    }
    clear_error (msg);
    if (!msg->json && decode (msg) < 0)
        return -1;
    if (json_vunpack_ex (msg->json, &error, 0, fmt, ap) < 0) {
        set_error (msg, "%s", error.text);
        errno = EPROTO;
        return -1;
    }
    return 0;
}

int flux_msg_unpack (const flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_msg_vunpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}
