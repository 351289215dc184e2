/* stream.c - messages over a stream socket
 *
 * Output: a list of chunks.  Small messages are appended to the last chunk's
 * own bytes; a large payload is a chunk that refers to it.
 *
 *   [ bytes bytes bytes ] -> [ payload ref ] -> [ bytes ]
 *
 * Input: one buffer.  It is CHUNK long, and grows (doubling, as bytes arrive)
 * only for a message that does not fit, which it then becomes the body of.
 * Of a message that is skipped, what comes before the payload is kept, until
 * what comes behind it is there.
 */
#include "core/stream.h"
#include "core/message_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <flux/core/handle.h>

#include "base/list.h"

enum {
    FRAME_SIZE = 8,
    CHUNK = 65536,
    SKIP_HEAD = CHUNK / 2,   /* has all that comes before a payload */
    TURN = 16 * CHUNK,       /* bytes read before others have a turn */
    COPY_MAX = 16384,    /* payloads up to this size are copied */
    IOV_MAX_USED = 16,
};

static const uint8_t magic[4] = { 0xff, 0xee, 0x00, 0x12 };

struct out {
    struct list_node node;
    struct blob *payload;     /* holds 'data', or NULL: 'bytes' does */
    const char *data;
    size_t len;
    size_t done;              /* bytes of it written */
    size_t room;              /* size of bytes */
    size_t ends;              /* messages whose last byte is in here */
    char bytes[];
};

struct stream {
    int fd;
    int error;                /* negative errno once dead */
    size_t max;
    struct list_node out;
    size_t queued;
    size_t queued_msgs;
    struct blob *in;
    size_t in_start;          /* first byte not consumed */
    size_t in_end;
    bool level;               /* stream_set_level() */
    bool dry;                 /* the last read took all there was */
    bool skips;               /* stream_set_skip() */
    char *head;               /* of the message that is skipped now */
    size_t head_len;
    size_t skip_left;         /* bytes of it that are to come */
    size_t skipped;
};

int stream_new (int fd, struct stream **sp)
{
    struct stream *s;
    int flags;
    int rc;

    if (!(s = calloc (1, sizeof (*s)))) {
        close (fd);
        return -ENOMEM;
    }
    list_init (&s->out);
    s->fd = fd;
    s->max = STREAM_MSG_MAX;
    if ((flags = fcntl (fd, F_GETFL)) < 0
        || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0
        || fcntl (fd, F_SETFD, FD_CLOEXEC) < 0) {
        rc = -errno;
        stream_free (s);
        return rc;
    }
    *sp = s;
    return 0;
}

static void out_free (struct out *o)
{
    list_del (&o->node);
    blob_unref (o->payload);
    free (o);
}

void stream_free (struct stream *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    while (!list_empty (&s->out))
        out_free (list_entry (s->out.next, struct out, node));
    blob_unref (s->in);
    free (s->head);
    if (s->fd >= 0)
        close (s->fd);
    free (s);
    errno = saved_errno;
}

int stream_fd (const struct stream *s)
{
    return s->fd;
}

void stream_set_max (struct stream *s, size_t max)
{
    s->max = max < UINT32_MAX ? max : UINT32_MAX;
}

void stream_set_skip (struct stream *s, bool skip)
{
    s->skips = skip;
}

size_t stream_skipped (const struct stream *s)
{
    return s->skipped;
}

void stream_set_level (struct stream *s, bool level)
{
    s->level = level;
    s->dry = false;
}

size_t stream_queued (const struct stream *s)
{
    return s->queued;
}

size_t stream_queued_msgs (const struct stream *s)
{
    return s->queued_msgs;
}

static int kill_stream (struct stream *s, int error)
{
    s->error = error;
    return error;
}

/* Output */

static struct out *out_new (struct stream *s, size_t room)
{
    struct out *o = malloc (sizeof (*o) + room);

    if (!o)
        return NULL;
    memset (o, 0, sizeof (*o));
    o->room = room;
    o->data = o->bytes;
    list_append (&s->out, &o->node);
    return o;
}

/* Where n more bytes can be put: the last chunk, or a new one. */
static struct out *out_reserve (struct stream *s, size_t n)
{
    struct out *o;

    if (!list_empty (&s->out)) {
        o = list_entry (s->out.prev, struct out, node);
        if (!o->payload && o->room - o->len >= n)
            return o;
    }
    return out_new (s, n > 4096 ? n : 4096);
}

static char *put_frame (char *p, size_t total)
{
    uint32_t len = htonl ((uint32_t)total);

    memcpy (p, magic, 4);
    memcpy (p + 4, &len, 4);
    return p + FRAME_SIZE;
}

/* A message in one piece at p. */
static void put_whole (char *p, const flux_msg_t *msg, size_t total)
{
    size_t body = msg_body_size (msg);

    p = put_frame (p, total);
    p += msg_put_head (msg, p);
    if (body > 0)
        memcpy (p, msg->payload, body);
    msg_put_tail (msg, p + body);
}

static int queue_whole (struct stream *s, const flux_msg_t *msg, size_t total)
{
    struct out *o = out_reserve (s, total);

    if (!o)
        return -ENOMEM;
    put_whole (o->bytes + o->len, msg, total);
    o->len += total;
    o->ends++;
    return 0;
}

static int queue_by_reference (struct stream *s, const flux_msg_t *msg,
                               size_t total)
{
    size_t head_size = FRAME_SIZE + msg_head_size (msg);
    struct out *head = out_reserve (s, head_size);
    struct out *body = head ? out_new (s, 0) : NULL;
    struct out *tail = body ? out_new (s, 1024) : NULL;

    if (!tail) {
        if (body)
            out_free (body);
        if (head && head->len == 0)
            out_free (head);
        return -ENOMEM;
    }
    (void)msg_put_head (msg, put_frame (head->bytes + head->len, total));
    head->len += head_size;
    body->payload = blob_ref (msg->payload_blob);
    body->data = msg->payload;
    body->len = msg->payload_size;
    msg_put_tail (msg, tail->bytes);
    tail->len = MSG_TAIL_SIZE;
    tail->ends = 1;
    return 0;
}

static int queue_msg (struct stream *s, const flux_msg_t *msg, size_t total)
{
    int rc;

    if (msg_body_size (msg) <= COPY_MAX)
        rc = queue_whole (s, msg, total);
    else
        rc = queue_by_reference (s, msg, total);
    if (rc == 0) {
        s->queued += total;
        s->queued_msgs++;
    }
    return rc;
}

static ssize_t write_some (struct stream *s)
{
    struct iovec iov[IOV_MAX_USED];
    int n = 0;

    list_foreach (&s->out, node)
    {
        struct out *o = list_entry (node, struct out, node);
        iov[n].iov_base = (char *)o->data + o->done;
        iov[n].iov_len = o->len - o->done;
        if (++n == IOV_MAX_USED)
            break;
    }
    return sendmsg (s->fd, &(struct msghdr){ .msg_iov = iov, .msg_iovlen = n },
                    MSG_NOSIGNAL);
}

static void written (struct stream *s, size_t n)
{
    s->queued -= n;
    while (!list_empty (&s->out)) {
        struct out *o = list_entry (s->out.next, struct out, node);
        size_t left = o->len - o->done;
        if (n < left) {
            o->done += n;
            return;
        }
        n -= left;
        s->queued_msgs -= o->ends;
        out_free (o);
    }
}

int stream_flush (struct stream *s)
{
    while (!s->error && s->queued > 0) {
        ssize_t n = write_some (s);
        if (n >= 0)
            written (s, n);
        else if (errno == EAGAIN)
            return -EAGAIN;
        else if (errno != EINTR)
            return kill_stream (s, -errno);
    }
    return s->error;
}

/* Nothing is queued: a message that the socket takes whole is never queued.
 * 1: sent, 0: queue what is left after *donep bytes, or a negative errno. */
static int write_now (struct stream *s, const flux_msg_t *msg, size_t total,
                      size_t *donep)
{
    char small[2048];
    ssize_t n;

    *donep = 0;
    if (total > sizeof (small))
        return 0;
    put_whole (small, msg, total);
    do {
        n = send (s->fd, small, total, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return kill_stream (s, -errno);
    if (n > 0)
        *donep = n;
    return *donep == total;
}

int stream_send (struct stream *s, const flux_msg_t *msg, int flags)
{
    size_t done = 0;
    size_t total;
    int rc;

    if (s->error)
        return s->error;
    total = FRAME_SIZE + msg_head_size (msg) + msg_body_size (msg)
            + MSG_TAIL_SIZE;
    if (total > s->max)
        return -EMSGSIZE;
    if (s->queued == 0 && !(flags & STREAM_DEFER)
        && (rc = write_now (s, msg, total, &done)) != 0)
        return rc < 0 ? rc : 0;
    if ((rc = queue_msg (s, msg, total)) < 0)
        return done > 0 ? kill_stream (s, rc) : rc;
    written (s, done);
    if (done > 0 || (flags & STREAM_DEFER))
        return 0;
    rc = stream_flush (s);
    return rc == -EAGAIN ? 0 : rc;
}

static int64_t now_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int stream_drain (struct stream *s, int ms)
{
    int64_t deadline = now_ms () + ms;
    int rc;

    while ((rc = stream_flush (s)) == -EAGAIN) {
        struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
        int64_t left = ms < 0 ? -1 : deadline - now_ms ();
        if (ms >= 0 && left <= 0)
            break;
        if (poll (&pfd, 1, left > 60000 ? 60000 : (int)left) < 0
            && errno != EINTR)
            return kill_stream (s, -errno);
    }
    return rc;
}

/* Input */

static size_t in_len (const struct stream *s)
{
    return s->in_end - s->in_start;
}

/* Framed length of the next message, 0 if that is not known yet, or -EPROTO. */
static ssize_t frame_len (const struct stream *s)
{
    const char *p;
    uint32_t len;
    size_t have = in_len (s);

    if (have == 0)
        return 0;
    p = s->in->data + s->in_start;
    if (memcmp (p, magic, have < 4 ? have : 4) != 0)
        return -EPROTO;
    if (have < FRAME_SIZE)
        return 0;
    memcpy (&len, p + 4, 4);
    len = ntohl (len);
    if (len < FRAME_SIZE + MSG_TAIL_SIZE)
        return -EPROTO;
    return len;
}

static bool too_long (const struct stream *s, ssize_t len)
{
    return len > 0 && (size_t)len > s->max;
}

/* Move what is there to the start of a buffer of at least 'size' bytes. */
static int in_resize (struct stream *s, size_t size)
{
    size_t have = in_len (s);
    struct blob *b = s->in;

    if (!b || b->size < size
        || atomic_load_explicit (&b->refs, memory_order_acquire) > 1) {
        if (!(b = blob_new (size)))
            return -ENOMEM;
    }
    if (have > 0)
        memmove (b->data, s->in->data + s->in_start, have);
    if (b != s->in) {
        blob_unref (s->in);
        s->in = b;
    }
    s->in_start = 0;
    s->in_end = have;
    return 0;
}

/* Room to read more of a message of 'need' bytes (0: unknown).  A large one
 * gets a buffer that doubles as it arrives, and is its own in the end. */
static int in_reserve (struct stream *s, size_t need)
{
    size_t have = in_len (s);
    size_t size = CHUNK;

    if (s->in && have == 0)
        s->in_start = s->in_end = 0;
    if (need > CHUNK) {
        if (s->in && s->in_end < s->in->size)
            return 0;   /* it grows when it is full: no byte is moved twice on average */
        size = have < CHUNK ? CHUNK : 2 * have;
        if (size > need)
            size = need;
    }
    if (s->in && s->in->size - s->in_start >= size && s->in_end < s->in->size)
        return 0;
    return in_resize (s, size);
}

/* A short read means that the socket was empty, so the read after it would fail:
 * spare it, once. */
static int read_more (struct stream *s, size_t need)
{
    size_t room;
    ssize_t n;
    int rc;

    if (s->dry) {
        s->dry = false;
        return -EAGAIN;
    }
    if ((rc = in_reserve (s, need)) < 0)
        return kill_stream (s, rc);
    room = s->in->size - s->in_end;
    do {
        n = read (s->fd, s->in->data + s->in_end, room);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        s->in_end += n;
        s->dry = s->level && (size_t)n < room;
        return 0;
    }
    if (n < 0 && errno == EAGAIN)
        return -EAGAIN;
    return kill_stream (s, n == 0 ? -ECONNRESET : -errno);
}

/* A buffer that is large may be that of a message by now. */
static void consume (struct stream *s, size_t n)
{
    s->in_start += n;
    if (in_len (s) > 0)
        return;
    s->in_start = s->in_end = 0;
    if (s->in->size > CHUNK) {
        blob_unref (s->in);
        s->in = NULL;
    }
}

/* A large message keeps the buffer, which then holds little else. */
static int decode_next (struct stream *s, size_t len, flux_msg_t **msgp)
{
    const char *p = s->in->data + s->in_start;
    struct blob *share = len > CHUNK ? s->in : NULL;
    int rc;

    rc = msg_decode (p + FRAME_SIZE, len - FRAME_SIZE, share, msgp);
    if (rc < 0)
        return kill_stream (s, rc);
    consume (s, len);
    return 0;
}

/* -EAGAIN: its head is not all there. */
static int skip_begin (struct stream *s, size_t len)
{
    const char *p;

    if (in_len (s) < SKIP_HEAD)
        return -EAGAIN;
    p = s->in->data + s->in_start + FRAME_SIZE;
    s->head_len = msg_whole_parts (p, SKIP_HEAD - FRAME_SIZE);
    if (!(s->head = malloc (s->head_len + MSG_TAIL_SIZE)))
        return -ENOMEM;
    memcpy (s->head, p, s->head_len);
    consume (s, FRAME_SIZE);
    s->skip_left = len - FRAME_SIZE;
    s->skipped = len;
    return 0;
}

/* All has come: the message without its payload. */
static int skip_end (struct stream *s, flux_msg_t **msgp)
{
    int rc;

    memcpy (s->head + s->head_len, s->in->data + s->in_start, MSG_TAIL_SIZE);
    consume (s, MSG_TAIL_SIZE);
    msg_tail_no_payload (s->head + s->head_len);
    rc = msg_decode (s->head, s->head_len + MSG_TAIL_SIZE, NULL, msgp);
    free (s->head);
    s->head = NULL;
    return rc < 0 ? rc : 1;
}

/* 1, -EAGAIN (more is to come), or what kills the stream. */
static int skip (struct stream *s, size_t len, flux_msg_t **msgp)
{
    size_t n;
    int rc;

    if (!s->skips)
        return -EMSGSIZE;
    if (!s->head && (rc = skip_begin (s, len)) < 0)
        return rc;
    n = s->skip_left - MSG_TAIL_SIZE;
    if (n > in_len (s))
        n = in_len (s);
    if (n > 0)
        consume (s, n);
    s->skip_left -= n;
    if (s->skip_left > MSG_TAIL_SIZE || in_len (s) < MSG_TAIL_SIZE)
        return -EAGAIN;
    return skip_end (s, msgp);
}

/* What is there without a read.  0, 1, -EAGAIN, or what kills the stream; *needp is the
 * length that the buffer is to have. */
static int recv_buffered (struct stream *s, flux_msg_t **msgp, size_t *needp)
{
    ssize_t len = s->head ? 0 : frame_len (s);

    *needp = 0;
    if (len < 0)
        return (int)len;
    if (s->head || too_long (s, len))
        return skip (s, len, msgp);
    *needp = len;
    if (len == 0 || in_len (s) < (size_t)len)
        return -EAGAIN;
    return decode_next (s, len, msgp);
}

/* Who waits level-triggered comes back when others have had their turn. */
int stream_recv (struct stream *s, flux_msg_t **msgp)
{
    size_t before = 0, total = 0, need;
    int rc;

    for (;;) {
        if (s->error)
            return s->error;
        if ((rc = recv_buffered (s, msgp, &need)) >= 0)
            return rc;
        if (rc != -EAGAIN)
            return kill_stream (s, rc);
        if (s->level && total >= TURN)
            return -EAGAIN;
        before = in_len (s);
        if ((rc = read_more (s, need)) < 0)
            return rc;
        total += in_len (s) - before;
    }
}

/* Readiness */

int stream_ready (const struct stream *s)
{
    int events = s->queued == 0 ? FLUX_POLLOUT : 0;
    ssize_t len = s->head ? 0 : frame_len (s);

    if (s->error)
        return FLUX_POLLERR | FLUX_POLLIN;
    if (len < 0 || (too_long (s, len) && !s->skips)
        || (len > 0 && in_len (s) >= (size_t)len))
        events |= FLUX_POLLIN;
    return events;
}

int stream_want (const struct stream *s)
{
    return FLUX_POLLIN | (s->queued > 0 ? FLUX_POLLOUT : 0);
}

int stream_pollevents (struct stream *s)
{
    struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
    int events;

    (void)stream_flush (s);
    events = stream_ready (s);
    if (!(events & FLUX_POLLIN) && poll (&pfd, 1, 0) == 1)
        events |= FLUX_POLLIN;
    return events;
}
