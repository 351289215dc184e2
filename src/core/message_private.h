/* message_private.h - the inside of a message
 *
 *    struct flux_msg (the envelope)                struct blob (immutable)
 *   +-----------------------------+              +--------------------------+
 *   | refs type flags             |       +----->| refs size | payload ...  |
 *   | userid rolemask             |       |      +--------------------------+
 *   | nodeid/errnum/seq, matchtag |       |         ^   shared by every copy,
 *   | payload --------------------|-------+         |   in any thread
 *   | topic: inline, or a blob    |                 |
 *   | routes: inline, or heap     |      another envelope of the same body
 *   +-----------------------------+
 *   | json aux last_error         |  one thread's: never copied, dropped when
 *   +-----------------------------+  the message changes hands
 *
 * An envelope belongs to one thread at a time; its reference count is atomic
 * so that a broker may drop it anywhere.  Only a blob is shared by threads.
 * A typical message costs two allocations: the envelope and the payload.
 */
#ifndef CORE_MESSAGE_PRIVATE_H
#define CORE_MESSAGE_PRIVATE_H

#include <stdatomic.h>
#include <jansson.h>
#include <flux/core/message.h>

#include "core/aux.h"

struct blob {
    atomic_int refs;
    size_t size;
    char data[];
};

struct blob *blob_new (size_t size);
void blob_unref (struct blob *b);

static inline struct blob *blob_ref (struct blob *b)
{
    if (b)
        atomic_fetch_add_explicit (&b->refs, 1, memory_order_relaxed);
    return b;
}

/* The route stack: "id NUL len" for each hop, first hop first, so that the last
 * can be found from the end.  len is one byte: ROUTE_ID_MAX. */
enum {
    ROUTE_INLINE = 120,        /* three UUIDs */
    ROUTE_ID_MAX = 255,
    ROUTE_BYTES_MAX = 1 << 20, /* the whole stack */
    TOPIC_INLINE = 48,
};

struct routes {
    char *heap;                /* NULL while the stack fits buf */
    uint32_t len;
    uint32_t cap;
    uint32_t count;
    char buf[ROUTE_INLINE];
};

struct flux_msg {
    atomic_int refs;
    uint8_t type;
    uint8_t flags;
    uint32_t userid;
    uint32_t rolemask;
    union {
        uint32_t nodeid;       /* request */
        uint32_t errnum;       /* response */
        uint32_t sequence;     /* event */
        uint32_t control_type;
        uint32_t word1;
    };
    union {
        uint32_t matchtag;     /* request, response */
        uint32_t control_status;
        uint32_t word2;
    };
    struct blob *payload_blob; /* owns the bytes of 'payload' */
    const char *payload;       /* NULL if there is none */
    size_t payload_size;
    struct blob *topic_blob;   /* NULL: topic_buf */
    json_t *json;
    struct aux_item *aux;
    char *last_error;
    struct routes routes;
    char topic_buf[TOPIC_INLINE];
};

static inline const char *msg_topic (const flux_msg_t *msg)
{
    if (!(msg->flags & FLUX_MSGFLAG_TOPIC))
        return NULL;
    return msg->topic_blob ? msg->topic_blob->data : msg->topic_buf;
}

static inline const char *routes_data (const struct routes *r)
{
    return r->heap ? r->heap : r->buf;
}

/* Exactly one reference: only the caller can reach it. */
static inline bool msg_is_exclusive (const flux_msg_t *msg)
{
    return atomic_load_explicit (&msg->refs, memory_order_acquire) == 1;
}

/* Functions return 0 or a negative errno. */

void routes_release (struct routes *r);
int routes_copy (struct routes *to, const struct routes *from); /* to: empty */
/* Make an empty stack 'count' ids in 'bytes' bytes, for the caller to fill. */
int routes_alloc (struct routes *r, size_t count, size_t bytes, char **datap);
int routes_push (struct routes *r, const char *id, size_t len);
/* The id under 'id' (towards the first hop), or NULL.  Start with NULL: the
 * last. */
const char *routes_below (const struct routes *r, const char *id);

int msg_set_topic (flux_msg_t *msg, const char *topic, size_t len);

/* Share the 'size' bytes at 'data' within 'b' as the payload. */
void msg_set_payload_blob (flux_msg_t *msg, struct blob *b, const char *data,
                           size_t size);
int msg_set_payload (flux_msg_t *msg, const void *buf, size_t size);

/* Drop what belongs to the thread that had the message: JSON, aux, error. */
void msg_detach (flux_msg_t *msg);

/* What flux_response_derive() makes: topic, matchtag, route stack and the
 * streaming flag of the request, no payload, no credential. */
flux_msg_t *msg_derive_response (const flux_msg_t *request, int errnum);

/* RFC 3 encoding, split around the payload so that it need not be copied:
 * head (routes, delimiter, topic, payload length), payload, tail (header). */
enum { MSG_TAIL_SIZE = 21 };

size_t msg_head_size (const flux_msg_t *msg);
size_t msg_put_head (const flux_msg_t *msg, void *buf);  /* bytes written */
void msg_put_tail (const flux_msg_t *msg, void *buf);    /* MSG_TAIL_SIZE */

static inline size_t msg_body_size (const flux_msg_t *msg)
{
    return (msg->flags & FLUX_MSGFLAG_PAYLOAD) ? msg->payload_size : 0;
}

/* Decode 'size' bytes.  If 'b' is not NULL, the bytes lie within it and the
 * payload shares it instead of being copied.  -EPROTO or -ENOMEM. */
int msg_decode (const void *buf, size_t size, struct blob *b,
                flux_msg_t **msgp);

/* For a message that is cut short: bytes of the parts that are whole in the first 'size'
 * ones, and its tail, changed so that the payload is none of its parts. */
size_t msg_whole_parts (const void *buf, size_t size);
void msg_tail_no_payload (void *tail);

#endif /* !CORE_MESSAGE_PRIVATE_H */
