/* message.c - the envelope: life cycle, header fields, topic, payload
 */
#include "core/message_private.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

static int result (int rc)
{
    return rc < 0 ? fail (-rc) : 0;
}

struct blob *blob_new (size_t size)
{
    struct blob *b;

    if (size > SIZE_MAX - sizeof (*b))
        return NULL;
    if ((b = malloc (sizeof (*b) + size))) {
        atomic_init (&b->refs, 1);
        b->size = size;
    }
    return b;
}

void blob_unref (struct blob *b)
{
    if (b && atomic_fetch_sub_explicit (&b->refs, 1, memory_order_acq_rel) == 1)
        free (b);
}

/* Life cycle */

static bool type_is_valid (int type)
{
    return type == FLUX_MSGTYPE_REQUEST || type == FLUX_MSGTYPE_RESPONSE
           || type == FLUX_MSGTYPE_EVENT || type == FLUX_MSGTYPE_CONTROL;
}

static flux_msg_t *envelope_new (int type)
{
    flux_msg_t *msg = malloc (sizeof (*msg));

    if (!msg)
        return NULL;
    memset (msg, 0, offsetof (struct flux_msg, routes.buf));
    msg->topic_buf[0] = '\0';
    atomic_init (&msg->refs, 1);
    msg->type = type;
    msg->userid = FLUX_USERID_UNKNOWN;
    msg->rolemask = FLUX_ROLE_NONE;
    msg->word1 = type == FLUX_MSGTYPE_REQUEST ? FLUX_NODEID_ANY : 0;
    return msg;
}

flux_msg_t *flux_msg_create (int type)
{
    flux_msg_t *msg;

    if (!type_is_valid (type)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = envelope_new (type)))
        errno = ENOMEM;
    return msg;
}

void msg_detach (flux_msg_t *msg)
{
    if (msg->json) {
        json_decref (msg->json);
        msg->json = NULL;
    }
    if (msg->last_error) {
        free (msg->last_error);
        msg->last_error = NULL;
    }
    if (msg->aux)
        aux_clear (&msg->aux);
}

static void envelope_free (flux_msg_t *msg)
{
    int saved_errno = errno;

    msg_detach (msg);
    routes_release (&msg->routes);
    blob_unref (msg->topic_blob);
    blob_unref (msg->payload_blob);
    free (msg);
    errno = saved_errno;
}

const flux_msg_t *flux_msg_incref (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    atomic_fetch_add_explicit (&msg->refs, 1, memory_order_relaxed);
    return msg;
}

/* Nobody else can take a reference from the only holder, so the common case
 * needs no atomic read-modify-write. */
void flux_msg_decref (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    if (!msg)
        return;
    if (msg_is_exclusive (msg)
        || atomic_fetch_sub_explicit (&msg->refs, 1, memory_order_acq_rel) == 1)
        envelope_free (msg);
}

void flux_msg_destroy (flux_msg_t *msg)
{
    flux_msg_decref (msg);
}

static void copy_topic (flux_msg_t *to, const flux_msg_t *from)
{
    if (from->topic_blob)
        to->topic_blob = blob_ref (from->topic_blob);
    else
        memcpy (to->topic_buf, from->topic_buf, TOPIC_INLINE);
}

static flux_msg_t *envelope_copy (const flux_msg_t *from, int type)
{
    flux_msg_t *msg = envelope_new (type);

    if (!msg)
        return NULL;
    msg->flags = from->flags & ~FLUX_MSGFLAG_PAYLOAD;
    if ((from->flags & FLUX_MSGFLAG_TOPIC))
        copy_topic (msg, from);
    if (from->routes.count > 0
        && routes_copy (&msg->routes, &from->routes) < 0) {
        envelope_free (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *flux_msg_copy (const flux_msg_t *from, bool payload)
{
    flux_msg_t *msg;

    if (!from) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = envelope_copy (from, from->type))) {
        errno = ENOMEM;
        return NULL;
    }
    msg->userid = from->userid;
    msg->rolemask = from->rolemask;
    msg->word1 = from->word1;
    msg->word2 = from->word2;
    if (payload && (from->flags & FLUX_MSGFLAG_PAYLOAD)) {
        msg->payload_blob = blob_ref (from->payload_blob);
        msg->payload = from->payload;
        msg->payload_size = from->payload_size;
        msg->flags |= FLUX_MSGFLAG_PAYLOAD;
    }
    return msg;
}

flux_msg_t *msg_derive_response (const flux_msg_t *request, int errnum)
{
    const int keep = FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_ROUTE
                     | FLUX_MSGFLAG_STREAMING;
    flux_msg_t *msg;

    if (!(msg = envelope_copy (request, FLUX_MSGTYPE_RESPONSE)))
        return NULL;
    msg->flags = (request->flags & keep) | FLUX_MSGFLAG_ROUTE;
    msg->errnum = errnum;
    msg->matchtag = request->matchtag;
    return msg;
}

/* Type and flags */

int flux_msg_set_type (flux_msg_t *msg, int type)
{
    const int rpc = FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE;

    if (!msg || !type_is_valid (type))
        return fail (EINVAL);
    if (type != msg->type) {
        msg->word1 = type == FLUX_MSGTYPE_REQUEST ? FLUX_NODEID_ANY : 0;
        if (!(type & rpc) || !(msg->type & rpc))
            msg->word2 = 0;
        msg->type = type;
    }
    return 0;
}

int flux_msg_get_type (const flux_msg_t *msg, int *type)
{
    if (!msg || !type)
        return fail (EINVAL);
    *type = msg->type;
    return 0;
}

bool flux_msg_has_flag (const flux_msg_t *msg, int flag)
{
    return msg && (msg->flags & flag);
}

int flux_msg_set_flag (flux_msg_t *msg, int flag)
{
    if (!msg || (flag & ~0xff))
        return fail (EINVAL);
    msg->flags |= flag;
    return 0;
}

int flux_msg_clear_flag (flux_msg_t *msg, int flag)
{
    if (!msg || (flag & ~0xff))
        return fail (EINVAL);
    msg->flags &= ~flag;
    return 0;
}

int flux_msg_set_private (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_PRIVATE);
}

bool flux_msg_is_private (const flux_msg_t *msg)
{
    return flux_msg_has_flag (msg, FLUX_MSGFLAG_PRIVATE);
}

int flux_msg_set_streaming (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_STREAMING);
}

bool flux_msg_is_streaming (const flux_msg_t *msg)
{
    return flux_msg_has_flag (msg, FLUX_MSGFLAG_STREAMING);
}

int flux_msg_set_noresponse (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_NORESPONSE);
}

bool flux_msg_is_noresponse (const flux_msg_t *msg)
{
    return flux_msg_has_flag (msg, FLUX_MSGFLAG_NORESPONSE);
}

const char *flux_msg_typestr (int type)
{
    switch (type) {
        case FLUX_MSGTYPE_REQUEST:
            return "request";
        case FLUX_MSGTYPE_RESPONSE:
            return "response";
        case FLUX_MSGTYPE_EVENT:
            return "event";
        case FLUX_MSGTYPE_CONTROL:
            return "control";
        default:
            return "unknown";
    }
}

/* Credential (RFC 12) */

int flux_msg_set_userid (flux_msg_t *msg, uint32_t userid)
{
    if (!msg)
        return fail (EINVAL);
    msg->userid = userid;
    return 0;
}

int flux_msg_get_userid (const flux_msg_t *msg, uint32_t *userid)
{
    if (!msg || !userid)
        return fail (EINVAL);
    *userid = msg->userid;
    return 0;
}

int flux_msg_set_rolemask (flux_msg_t *msg, uint32_t rolemask)
{
    if (!msg)
        return fail (EINVAL);
    msg->rolemask = rolemask;
    return 0;
}

int flux_msg_get_rolemask (const flux_msg_t *msg, uint32_t *rolemask)
{
    if (!msg || !rolemask)
        return fail (EINVAL);
    *rolemask = msg->rolemask;
    return 0;
}

int flux_msg_set_cred (flux_msg_t *msg, struct flux_msg_cred cred)
{
    if (!msg)
        return fail (EINVAL);
    msg->userid = cred.userid;
    msg->rolemask = cred.rolemask;
    return 0;
}

int flux_msg_get_cred (const flux_msg_t *msg, struct flux_msg_cred *cred)
{
    if (!msg || !cred)
        return fail (EINVAL);
    cred->userid = msg->userid;
    cred->rolemask = msg->rolemask;
    return 0;
}

int flux_msg_cred_authorize (struct flux_msg_cred cred, uint32_t userid)
{
    if ((cred.rolemask & FLUX_ROLE_OWNER))
        return 0;
    if ((cred.rolemask & FLUX_ROLE_USER)
        && cred.userid != FLUX_USERID_UNKNOWN
        && cred.userid == userid)
        return 0;
    return fail (EPERM);
}

int flux_msg_authorize (const flux_msg_t *msg, uint32_t userid)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return -1;
    return flux_msg_cred_authorize (cred, userid);
}

bool flux_msg_is_local (const flux_msg_t *msg)
{
    return msg && (msg->rolemask & FLUX_ROLE_LOCAL);
}

/* Fields whose meaning depends on the type.  Setting one that the type does
 * not have is the caller's mistake (EINVAL); a message from outside may lack
 * it (EPROTO). */

enum word { WORD1, WORD2 };

static int set_word (flux_msg_t *msg, int types, enum word word, uint32_t val)
{
    if (!msg || !(msg->type & types))
        return fail (EINVAL);
    if (word == WORD1)
        msg->word1 = val;
    else
        msg->word2 = val;
    return 0;
}

static int get_word (const flux_msg_t *msg, int types, enum word word,
                     uint32_t *val)
{
    if (!msg || !val)
        return fail (EINVAL);
    if (!(msg->type & types))
        return fail (EPROTO);
    *val = word == WORD1 ? msg->word1 : msg->word2;
    return 0;
}

int flux_msg_set_nodeid (flux_msg_t *msg, uint32_t nodeid)
{
    /* UPSTREAM is a request to flux_rpc(), which turns it into a flag */
    if (nodeid == FLUX_NODEID_UPSTREAM)
        return fail (EINVAL);
    return set_word (msg, FLUX_MSGTYPE_REQUEST, WORD1, nodeid);
}

int flux_msg_get_nodeid (const flux_msg_t *msg, uint32_t *nodeid)
{
    return get_word (msg, FLUX_MSGTYPE_REQUEST, WORD1, nodeid);
}

int flux_msg_set_errnum (flux_msg_t *msg, int errnum)
{
    if (errnum < 0)
        return fail (EINVAL);
    return set_word (msg, FLUX_MSGTYPE_RESPONSE, WORD1, errnum);
}

int flux_msg_get_errnum (const flux_msg_t *msg, int *errnum)
{
    uint32_t val;

    if (!errnum)
        return fail (EINVAL);
    if (get_word (msg, FLUX_MSGTYPE_RESPONSE, WORD1, &val) < 0)
        return -1;
    if (val > INT32_MAX)
        return fail (EPROTO);
    *errnum = (int)val;
    return 0;
}

int flux_msg_set_seq (flux_msg_t *msg, uint32_t seq)
{
    return set_word (msg, FLUX_MSGTYPE_EVENT, WORD1, seq);
}

int flux_msg_get_seq (const flux_msg_t *msg, uint32_t *seq)
{
    return get_word (msg, FLUX_MSGTYPE_EVENT, WORD1, seq);
}

int flux_msg_set_matchtag (flux_msg_t *msg, uint32_t matchtag)
{
    return set_word (msg, FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE,
                     WORD2, matchtag);
}

int flux_msg_get_matchtag (const flux_msg_t *msg, uint32_t *matchtag)
{
    return get_word (msg, FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE,
                     WORD2, matchtag);
}

int flux_msg_set_control (flux_msg_t *msg, int type, int status)
{
    if (!msg || msg->type != FLUX_MSGTYPE_CONTROL)
        return fail (EINVAL);
    msg->control_type = (uint32_t)type;
    msg->control_status = (uint32_t)status;
    return 0;
}

int flux_msg_get_control (const flux_msg_t *msg, int *type, int *status)
{
    if (!msg)
        return fail (EINVAL);
    if (msg->type != FLUX_MSGTYPE_CONTROL)
        return fail (EPROTO);
    if (type)
        *type = (int)msg->control_type;
    if (status)
        *status = (int)msg->control_status;
    return 0;
}

/* Topic */

int msg_set_topic (flux_msg_t *msg, const char *topic, size_t len)
{
    struct blob *b = NULL;

    if (len < TOPIC_INLINE) {
        memmove (msg->topic_buf, topic, len);
        msg->topic_buf[len] = '\0';
    } else {
        if (!(b = blob_new (len + 1)))
            return -ENOMEM;
        memcpy (b->data, topic, len);
        b->data[len] = '\0';
    }
    blob_unref (msg->topic_blob);
    msg->topic_blob = b;
    msg->flags |= FLUX_MSGFLAG_TOPIC;
    return 0;
}

int flux_msg_set_topic (flux_msg_t *msg, const char *topic)
{
    if (!msg)
        return fail (EINVAL);
    if (topic)
        return result (msg_set_topic (msg, topic, strlen (topic)));
    blob_unref (msg->topic_blob);
    msg->topic_blob = NULL;
    msg->topic_buf[0] = '\0';
    msg->flags &= ~FLUX_MSGFLAG_TOPIC;
    return 0;
}

int flux_msg_get_topic (const flux_msg_t *msg, const char **topicp)
{
    const char *topic;

    if (!msg || !topicp)
        return fail (EINVAL);
    if (!(topic = msg_topic (msg)))
        return fail (EPROTO);
    *topicp = topic;
    return 0;
}

/* Payload */

static void payload_replace (flux_msg_t *msg, struct blob *b, const char *data,
                             size_t size)
{
    struct blob *old = msg->payload_blob;

    msg->payload_blob = b;
    msg->payload = data;
    msg->payload_size = size;
    if (data)
        msg->flags |= FLUX_MSGFLAG_PAYLOAD;
    else
        msg->flags &= ~FLUX_MSGFLAG_PAYLOAD;
    blob_unref (old);
    if (msg->json) {
        json_decref (msg->json);
        msg->json = NULL;
    }
}

void msg_set_payload_blob (flux_msg_t *msg, struct blob *b, const char *data,
                           size_t size)
{
    payload_replace (msg, blob_ref (b), data, size);
}

int msg_set_payload (flux_msg_t *msg, const void *buf, size_t size)
{
    struct blob *b;

    if (!(b = blob_new (size)))
        return -ENOMEM;
    if (size > 0)
        memcpy (b->data, buf, size);
    payload_replace (msg, b, b->data, size);
    return 0;
}

int flux_msg_set_payload (flux_msg_t *msg, const void *buf, size_t size)
{
    if (!msg || (!buf && size > 0))
        return fail (EINVAL);
    if (!buf) {
        payload_replace (msg, NULL, NULL, 0);
        return 0;
    }
    return result (msg_set_payload (msg, buf, size));
}

int flux_msg_get_payload (const flux_msg_t *msg, const void **buf, size_t *size)
{
    if (!msg)
        return fail (EINVAL);
    if (!flux_msg_has_payload (msg))
        return fail (EPROTO);
    if (buf)
        *buf = msg->payload;
    if (size)
        *size = msg->payload_size;
    return 0;
}

bool flux_msg_has_payload (const flux_msg_t *msg)
{
    return msg && (msg->flags & FLUX_MSGFLAG_PAYLOAD) && msg->payload;
}

int flux_msg_set_string (flux_msg_t *msg, const char *s)
{
    return flux_msg_set_payload (msg, s, s ? strlen (s) + 1 : 0);
}

int flux_msg_get_string (const flux_msg_t *msg, const char **s)
{
    if (!msg || !s)
        return fail (EINVAL);
    if (!flux_msg_has_payload (msg)) {
        *s = NULL;
        return 0;
    }
    if (msg->payload_size == 0 || msg->payload[msg->payload_size - 1] != '\0')
        return fail (EPROTO);
    *s = msg->payload;
    return 0;
}

/* Aux */

int flux_msg_aux_set (const flux_msg_t *const_msg, const char *name, void *aux,
                      flux_free_f destroy)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    if (!msg)
        return fail (EINVAL);
    return result (aux_set (&msg->aux, name, aux, destroy));
}

void *flux_msg_aux_get (const flux_msg_t *msg, const char *name)
{
    void *val;

    if (!msg || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(val = aux_get (msg->aux, name)))
        errno = ENOENT;
    return val;
}
