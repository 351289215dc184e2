/* fuzz_message.c - the decoder of messages, and the framing of streams
 *
 * What decodes must encode again, to bytes that decode to the same; no stream
 * of bytes may upset the receiver.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/message_private.h"
#include "core/stream.h"
#include "tests/fuzz/fuzz.h"

static void *encode (const flux_msg_t *msg, size_t *sizep)
{
    ssize_t n = flux_msg_encode_size (msg);
    void *buf;

    if (n < 0 || !(buf = malloc (n)) || flux_msg_encode (msg, buf, n) < 0)
        abort ();
    *sizep = n;
    return buf;
}

/* Reads that must be safe on any message. */
static void look_at (flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);
    flux_msg_t *response = msg_derive_response (msg, 1);
    const char *s;
    int i;

    if (!copy || !response)
        abort ();
    (void)flux_msg_get_topic (copy, &s);
    (void)flux_msg_get_string (copy, &s);
    (void)flux_msg_get_errnum (copy, &i);
    (void)flux_msg_unpack (copy, "{s:s}", "x", &s);
    (void)flux_msg_cmp (copy, flux_match_init (0, 0, "a*"));
    if ((copy->flags & FLUX_MSGFLAG_ROUTE)) {
        free (flux_msg_route_string (copy));
        while (flux_msg_route_count (copy) > 0) {
            if (!flux_msg_route_last (copy)
                || flux_msg_route_delete_last (copy) < 0)
                abort ();
        }
        if (flux_msg_route_first (copy) || flux_msg_route_push (copy, "x") < 0)
            abort ();
    }
    flux_msg_destroy (copy);
    flux_msg_destroy (response);
}

static void try_message (const uint8_t *data, size_t size)
{
    flux_msg_t *msg = flux_msg_decode (data, size);
    flux_msg_t *again;
    void *buf, *buf2;
    size_t n, n2;

    if (!msg)
        return;
    look_at (msg);
    buf = encode (msg, &n);
    if (!(again = flux_msg_decode (buf, n)))
        abort ();
    buf2 = encode (again, &n2);
    if (n != n2 || memcmp (buf, buf2, n) != 0)
        abort ();
    free (buf);
    free (buf2);
    flux_msg_destroy (msg);
    flux_msg_destroy (again);
}

/* What stream.c makes of a message whose payload is skipped. */
static void try_cut (const uint8_t *data, size_t size)
{
    uint8_t *buf = malloc (size);
    flux_msg_t *msg;
    size_t n;

    if (!buf || size < MSG_TAIL_SIZE) {
        free (buf);
        return;
    }
    n = msg_whole_parts (data, size - MSG_TAIL_SIZE);
    if (n > size - MSG_TAIL_SIZE)
        abort ();
    memcpy (buf, data, n);
    memcpy (buf + n, data + size - MSG_TAIL_SIZE, MSG_TAIL_SIZE);
    msg_tail_no_payload (buf + n);
    if (msg_decode (buf, n + MSG_TAIL_SIZE, NULL, &msg) == 0) {
        if (flux_msg_has_payload (msg))
            abort ();
        look_at (msg);
        flux_msg_destroy (msg);
    }
    free (buf);
}

static void try_stream (const uint8_t *data, size_t size)
{
    struct stream *s;
    flux_msg_t *msg;
    int fd[2];
    int rc;

    if (socketpair (AF_UNIX, SOCK_STREAM, 0, fd) < 0
        || stream_new (fd[0], &s) < 0)
        abort ();
    stream_set_max (s, 65536);
    stream_set_skip (s, true);
    for (size_t done = 0; done < size;) {
        size_t part = 1 + data[done] % 64;
        if (part > size - done)
            part = size - done;
        if (write (fd[1], data + done, part) != (ssize_t)part)
            abort ();
        done += part;
        while ((rc = stream_recv (s, &msg)) >= 0) {
            look_at (msg);
            flux_msg_destroy (msg);
        }
        if (rc != -EAGAIN)
            break;
    }
    close (fd[1]);
    stream_free (s);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0 || size > 100000)
        return 0;
    if ((data[0] & 1)) {
        try_message (data + 1, size - 1);
        try_cut (data + 1, size - 1);
    }
    else
        try_stream (data + 1, size - 1);
    return 0;
}
