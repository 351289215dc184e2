/* message_codec.c - RFC 3 encoding of a message
 *
 * Parts follow one another, each with its length before it (one byte, or 255
 * and four bytes).  Routes come last hop first, then the empty delimiter, the
 * topic, the payload, and the fixed header as the last part:
 *
 *   [route n] .. [route 1] [] [topic NUL] [payload] [8E 01 type flags
 *                                   userid rolemask word1 word2]
 */
#include "core/message_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum {
    MAGIC = 0x8e,
    VERSION = 1,
    HEADER_SIZE = 20,
    SHORT_MAX = 254,
    LONG_MARK = 255,
};

static size_t part_size (size_t len)
{
    return (len <= SHORT_MAX ? 1 : 5) + len;
}

static uint8_t *put_u32 (uint8_t *p, uint32_t val)
{
    val = htonl (val);
    memcpy (p, &val, 4);
    return p + 4;
}

static uint32_t get_u32 (const uint8_t *p)
{
    uint32_t val;
    memcpy (&val, p, 4);
    return ntohl (val);
}

static uint8_t *put_len (uint8_t *p, size_t len)
{
    if (len <= SHORT_MAX) {
        *p++ = (uint8_t)len;
        return p;
    }
    *p++ = LONG_MARK;
    return put_u32 (p, (uint32_t)len);
}

static uint8_t *put_part (uint8_t *p, const void *data, size_t len)
{
    p = put_len (p, len);
    memcpy (p, data, len);
    return p + len;
}

static size_t topic_len (const flux_msg_t *msg)
{
    return msg->topic_blob ? msg->topic_blob->size - 1
                           : strlen (msg->topic_buf);
}

/* The flags decide what is there, so that what we send is always consistent
 * with its header. */
size_t msg_head_size (const flux_msg_t *msg)
{
    size_t n = 0;

    if ((msg->flags & FLUX_MSGFLAG_ROUTE)) {
        const char *id = NULL;
        while ((id = routes_below (&msg->routes, id)))
            n += part_size (strlen (id) + 1);
        n += 1;
    }
    if ((msg->flags & FLUX_MSGFLAG_TOPIC))
        n += part_size (topic_len (msg) + 1);
    if ((msg->flags & FLUX_MSGFLAG_PAYLOAD))
        n += part_size (msg->payload_size) - msg->payload_size;
    return n;
}

size_t msg_put_head (const flux_msg_t *msg, void *buf)
{
    uint8_t *p = buf;

    if ((msg->flags & FLUX_MSGFLAG_ROUTE)) {
        const char *id = NULL;
        while ((id = routes_below (&msg->routes, id)))
            p = put_part (p, id, strlen (id) + 1);
        *p++ = 0;
    }
    if ((msg->flags & FLUX_MSGFLAG_TOPIC))
        p = put_part (p, msg_topic (msg), topic_len (msg) + 1);
    if ((msg->flags & FLUX_MSGFLAG_PAYLOAD))
        p = put_len (p, msg->payload_size);
    return p - (uint8_t *)buf;
}

void msg_put_tail (const flux_msg_t *msg, void *buf)
{
    uint8_t *p = buf;

    *p++ = HEADER_SIZE;
    *p++ = MAGIC;
    *p++ = VERSION;
    *p++ = msg->type;
    *p++ = msg->flags;
    p = put_u32 (p, msg->userid);
    p = put_u32 (p, msg->rolemask);
    p = put_u32 (p, msg->word1);
    put_u32 (p, msg->word2);
}

ssize_t flux_msg_encode_size (const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (msg_body_size (msg) > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    return msg_head_size (msg) + msg_body_size (msg) + MSG_TAIL_SIZE;
}

int flux_msg_encode (const flux_msg_t *msg, void *buf, size_t size)
{
    ssize_t need = flux_msg_encode_size (msg);
    char *p = buf;

    if (need < 0)
        return -1;
    if (!buf || size < (size_t)need) {
        errno = EINVAL;
        return -1;
    }
    p += msg_put_head (msg, p);
    if (msg_body_size (msg) > 0)
        memcpy (p, msg->payload, msg->payload_size);
    msg_put_tail (msg, p + msg_body_size (msg));
    return 0;
}

/* Decoding: a cursor over the parts. */

struct part {
    const uint8_t *data;
    size_t len;
};

struct reader {
    const uint8_t *p;
    const uint8_t *end;
};

static int next_part (struct reader *r, struct part *part)
{
    size_t len;

    if (r->p == r->end)
        return -EPROTO;
    len = *r->p++;
    if (len == LONG_MARK) {
        if (r->end - r->p < 4)
            return -EPROTO;
        len = get_u32 (r->p);
        r->p += 4;
    }
    if (len > (size_t)(r->end - r->p))
        return -EPROTO;
    part->data = r->p;
    part->len = len;
    r->p += len;
    return 0;
}

size_t msg_whole_parts (const void *buf, size_t size)
{
    struct reader r = { .p = buf, .end = (const uint8_t *)buf + size };
    struct part part;
    const uint8_t *whole;

    do {
        whole = r.p;
    } while (next_part (&r, &part) == 0);
    return whole - (const uint8_t *)buf;
}

void msg_tail_no_payload (void *tail)
{
    ((uint8_t *)tail)[4] &= ~FLUX_MSGFLAG_PAYLOAD;
}

/* A string part ends with NUL and has no other.  For a route the NUL is
 * optional, as ZeroMQ identities have none. */
static int string_len (const struct part *part, bool need_nul, size_t *lenp)
{
    const uint8_t *nul = memchr (part->data, '\0', part->len);
    size_t len = nul ? (size_t)(nul - part->data) : part->len;

    if ((nul && len + 1 != part->len) || (!nul && need_nul))
        return -EPROTO;
    *lenp = len;
    return 0;
}

/* How many routes there are, and the room they take on the stack. */
static int measure_routes (struct reader *r, size_t *countp, size_t *bytesp)
{
    struct part part;
    size_t len;
    int rc;

    *countp = *bytesp = 0;
    for (;;) {
        if ((rc = next_part (r, &part)) < 0)
            return rc;
        if (part.len == 0)
            return 0;
        if ((rc = string_len (&part, false, &len)) < 0)
            return rc;
        if (len == 0 || len > ROUTE_ID_MAX)
            return -EPROTO;
        *bytesp += len + 2;
        (*countp)++;
    }
}

/* The first hop is read last, so the stack is filled from its end. */
static int read_routes (struct reader *r, struct routes *routes)
{
    struct reader again = *r;
    size_t count;
    size_t bytes;
    char *p;
    int rc;

    if ((rc = measure_routes (r, &count, &bytes)) < 0)
        return rc;
    if (count == 0)
        return 0;
    if ((rc = routes_alloc (routes, count, bytes, &p)) < 0)
        return rc == -EMSGSIZE ? -EPROTO : rc;
    p += bytes;
    while (count-- > 0) {
        struct part part;
        size_t len;
        if (next_part (&again, &part) < 0 || string_len (&part, false, &len) < 0)
            return -EPROTO;
        p -= len + 2;
        memcpy (p, part.data, len);
        p[len] = '\0';
        p[len + 1] = (char)(unsigned char)len;
    }
    return 0;
}

static int read_header (const uint8_t *p, flux_msg_t **msgp)
{
    flux_msg_t *msg;

    if (p[0] != HEADER_SIZE || p[1] != MAGIC || p[2] != VERSION)
        return -EPROTO;
    if (!(msg = flux_msg_create (p[3])))
        return errno == ENOMEM ? -ENOMEM : -EPROTO;
    msg->flags = p[4];
    msg->userid = get_u32 (p + 5);
    msg->rolemask = get_u32 (p + 9);
    msg->word1 = get_u32 (p + 13);
    msg->word2 = get_u32 (p + 17);
    *msgp = msg;
    return 0;
}

static int read_parts (struct reader *r, struct blob *b, flux_msg_t *msg)
{
    struct part part;
    size_t len;
    int rc;

    if ((msg->flags & FLUX_MSGFLAG_ROUTE)
        && (rc = read_routes (r, &msg->routes)) < 0)
        return rc;
    if ((msg->flags & FLUX_MSGFLAG_TOPIC)) {
        if ((rc = next_part (r, &part)) < 0
            || (rc = string_len (&part, true, &len)) < 0
            || (rc = msg_set_topic (msg, (const char *)part.data, len)) < 0)
            return rc;
    }
    if ((msg->flags & FLUX_MSGFLAG_PAYLOAD)) {
        if ((rc = next_part (r, &part)) < 0)
            return rc;
        if (b)
            msg_set_payload_blob (msg, b, (const char *)part.data, part.len);
        else if ((rc = msg_set_payload (msg, part.data, part.len)) < 0)
            return rc;
    }
    return r->p == r->end ? 0 : -EPROTO;
}

/* The header is last and of fixed size, and says which parts are before it. */
int msg_decode (const void *buf, size_t size, struct blob *b,
                flux_msg_t **msgp)
{
    struct reader r = { .p = buf };
    flux_msg_t *msg;
    int rc;

    if (size < MSG_TAIL_SIZE)
        return -EPROTO;
    r.end = r.p + size - MSG_TAIL_SIZE;
    if ((rc = read_header (r.end, &msg)) < 0)
        return rc;
    if ((rc = read_parts (&r, b, msg)) < 0) {
        flux_msg_destroy (msg);
        return rc;
    }
    *msgp = msg;
    return 0;
}

flux_msg_t *flux_msg_decode (const void *buf, size_t size)
{
    flux_msg_t *msg;
    int rc;

    if (!buf) {
        errno = EINVAL;
        return NULL;
    }
    if ((rc = msg_decode (buf, size, NULL, &msg)) < 0) {
        errno = -rc;
        return NULL;
    }
    return msg;
}
