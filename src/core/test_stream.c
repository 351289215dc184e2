/* test_stream.c - messages over a stream socket
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/handle.h>

#include "core/message_private.h"
#include "core/stream.h"

static struct stream *a, *b;
static int raw;         /* the descriptor of b's side, in tests without b */

static int setup (void **state)
{
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        return -1;
    return stream_new (fd[0], &a) < 0 || stream_new (fd[1], &b) < 0 ? -1 : 0;
}

static int teardown (void **state)
{
    stream_free (a);
    stream_free (b);
    a = b = NULL;
    return 0;
}

static int setup_raw (void **state)
{
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        return -1;
    raw = fd[1];
    return stream_new (fd[0], &a);
}

static int teardown_raw (void **state)
{
    close (raw);
    return teardown (state);
}

static flux_msg_t *event (uint32_t seq, size_t size)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);
    char *buf = malloc (size + 1);

    assert_non_null (msg);
    assert_non_null (buf);
    memset (buf, 'a' + seq % 26, size);
    assert_int_equal (flux_msg_set_topic (msg, "ev"), 0);
    assert_int_equal (flux_msg_set_seq (msg, seq), 0);
    assert_int_equal (flux_msg_set_payload (msg, buf, size), 0);
    free (buf);
    return msg;
}

static void check (const flux_msg_t *msg, uint32_t seq, size_t size)
{
    assert_int_equal (msg->sequence, seq);
    assert_string_equal (msg_topic (msg), "ev");
    assert_int_equal (msg->payload_size, size);
    for (size_t i = 0; i < size; i += 1 + size / 1000)
        assert_int_equal (msg->payload[i], 'a' + seq % 26);
}

static void send_event (struct stream *s, uint32_t seq, size_t size, int flags)
{
    flux_msg_t *msg = event (seq, size);
    assert_int_equal (stream_send (s, msg, flags), 0);
    flux_msg_destroy (msg);
}

static void recv_event (struct stream *s, uint32_t seq, size_t size)
{
    flux_msg_t *msg = NULL;

    assert_int_equal (stream_recv (s, &msg), 0);
    check (msg, seq, size);
    flux_msg_destroy (msg);
}

static void nothing (struct stream *s)
{
    flux_msg_t *msg = NULL;
    assert_int_equal (stream_recv (s, &msg), -EAGAIN);
    assert_null (msg);
}

static void framing (void **state)
{
    const uint8_t want[] = { 0xff, 0xee, 0, 0x12, 0, 0, 0, 8 + 21,
                             20, 0x8e, 1, 8, 0, 0xff, 0xff, 0xff, 0xff,
                             0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2 };
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_CONTROL);
    uint8_t buf[64];

    assert_int_equal (flux_msg_set_control (msg, 1, 2), 0);
    assert_int_equal (stream_send (a, msg, 0), 0);
    flux_msg_destroy (msg);
    assert_int_equal (read (raw, buf, sizeof (buf)), sizeof (want));
    assert_memory_equal (buf, want, sizeof (want));

    /* the same bytes, one at a time */
    for (size_t i = 0; i < sizeof (want); i++) {
        int type, status;
        nothing (a);
        assert_int_equal (write (raw, want + i, 1), 1);
        if (i + 1 < sizeof (want))
            continue;
        assert_int_equal (stream_recv (a, &msg), 0);
        assert_int_equal (flux_msg_get_control (msg, &type, &status), 0);
        assert_int_equal (type, 1);
        assert_int_equal (status, 2);
        flux_msg_destroy (msg);
    }
    nothing (a);
}

static void small_messages (void **state)
{
    nothing (b);
    for (int i = 0; i < 100; i++)
        send_event (a, i, i, 0);
    assert_int_equal (stream_queued (a), 0);
    recv_event (b, 0, 0);
    assert_true (stream_ready (b) & FLUX_POLLIN); /* came with the first */
    for (int i = 1; i < 100; i++)
        recv_event (b, i, i);
    nothing (b);
    assert_false (stream_ready (b) & FLUX_POLLIN);
}

static void deferred (void **state)
{
    for (int i = 0; i < 10; i++)
        send_event (a, i, 100, STREAM_DEFER);
    assert_int_equal (stream_queued_msgs (a), 10);
    assert_true (stream_queued (a) > 1000);
    assert_int_equal (stream_want (a), FLUX_POLLIN | FLUX_POLLOUT);
    assert_int_equal (stream_ready (a), 0);
    nothing (b);
    assert_int_equal (stream_flush (a), 0);
    assert_int_equal (stream_queued (a), 0);
    assert_int_equal (stream_queued_msgs (a), 0);
    assert_int_equal (stream_want (a), FLUX_POLLIN);
    for (int i = 0; i < 10; i++)
        recv_event (b, i, 100);
}

/* All sizes around the limits of the implementation, mixed, through a socket
 * that is much smaller, in both orders of flush and receive. */
static void sizes (void **state)
{
    const size_t n[] = { 0, 1, 1900, 2100, 4000, 5000, 16384, 16385, 65000,
                         65500, 65536, 65537, 131072, 200000, 1000000, 3 };
    const int count = sizeof (n) / sizeof (n[0]);
    flux_msg_t *msg;
    int got = 0;
    int rc;

    for (int i = 0; i < count; i++)
        send_event (a, i, n[i], 0);
    assert_true (stream_queued (a) > 0);
    while (got < count) {
        while ((rc = stream_recv (b, &msg)) == 0) {
            check (msg, got, n[got]);
            flux_msg_destroy (msg);
            got++;
        }
        assert_int_equal (rc, -EAGAIN);
        rc = stream_flush (a);
        assert_true (rc == 0 || rc == -EAGAIN);
    }
    assert_int_equal (stream_queued (a), 0);
}

static void payload_by_reference (void **state)
{
    flux_msg_t *msg = event (1, 500000);

    assert_int_equal (stream_send (a, msg, STREAM_DEFER), 0);
    assert_int_equal (atomic_load (&msg->payload_blob->refs), 2);
    stream_free (a);
    a = NULL;
    assert_int_equal (atomic_load (&msg->payload_blob->refs), 1);
    flux_msg_destroy (msg);
}

static void limits (void **state)
{
    flux_msg_t *msg = event (1, 1000);

    stream_set_max (a, 1000);
    assert_int_equal (stream_send (a, msg, 0), -EMSGSIZE);
    send_event (a, 2, 10, 0); /* not fatal */
    recv_event (b, 2, 10);
    stream_set_max (b, 1000);
    stream_set_max (a, 1 << 20);
    assert_int_equal (stream_send (a, msg, 0), 0);
    flux_msg_destroy (msg);
    assert_int_equal (stream_recv (b, &msg), -EMSGSIZE);
    assert_int_equal (stream_recv (b, &msg), -EMSGSIZE); /* dead */
    assert_int_equal (stream_ready (b), FLUX_POLLIN | FLUX_POLLERR);
}

/* What stream_recv (b) gives in the end, with the socket full or empty now and then. */
static int recv_in_time (flux_msg_t **msgp)
{
    for (int i = 0; i < 100000; i++) {
        int rc = stream_flush (a);
        assert_true (rc == 0 || rc == -EAGAIN);
        if ((rc = stream_recv (b, msgp)) != -EAGAIN)
            return rc;
    }
    return -EAGAIN;
}

/* An event of 'size' bytes of payload comes through 'b' with its topic and number, and what
 * follows it as if nothing had been. */
static void skip_one (size_t size)
{
    flux_msg_t *msg = event (7, size), *got;

    assert_int_equal (stream_send (a, msg, STREAM_DEFER), 0);
    send_event (a, 8, 100, STREAM_DEFER);
    assert_int_equal (recv_in_time (&got), 1);
    check (got, 7, 0);
    assert_false (flux_msg_has_payload (got));
    assert_int_equal (stream_skipped (b), 8 + flux_msg_encode_size (msg));
    flux_msg_destroy (got);
    flux_msg_destroy (msg);
    assert_int_equal (recv_in_time (&got), 0);
    check (got, 8, 100);
    flux_msg_destroy (got);
}

static void skipped (void **state)
{
    const size_t overhead = 8 + 21 + 1 + 3 + 5; /* frame, header, topic, length of payload */
    flux_msg_t *msg;

    stream_set_max (b, 100000);
    stream_set_skip (b, true);
    send_event (a, 1, 100000 - overhead, 0);
    assert_int_equal (recv_in_time (&msg), 0);
    check (msg, 1, 100000 - overhead);
    flux_msg_destroy (msg);
    skip_one (100000 - overhead + 1);
    skip_one (65536 * 3);
    skip_one (5000000);
    stream_set_level (b, true);
    skip_one (5000000);
    stream_set_skip (b, false);
    send_event (a, 3, 100000, 0);
    assert_int_equal (recv_in_time (&msg), -EMSGSIZE);
}

static void skipped_garbage (void **state)
{
    static uint8_t junk[100000] = { 0xff, 0xee, 0, 0x12, 0, 1, 0x86, 0xa0 };
    flux_msg_t *msg = NULL;

    stream_set_max (a, 70000);
    stream_set_skip (a, true);
    assert_int_equal (write (raw, junk, 60000), 60000);
    assert_int_equal (stream_recv (a, &msg), -EAGAIN);
    assert_int_equal (write (raw, junk + 60000, 40000), 40000);
    assert_int_equal (stream_recv (a, &msg), -EPROTO);   /* no header at its end */
    assert_null (msg);
}

static void reject (const void *data, size_t len, int error)
{
    flux_msg_t *msg = NULL;

    assert_int_equal (write (raw, data, len), len);
    assert_int_equal (stream_recv (a, &msg), error);
    assert_null (msg);
    assert_int_equal (stream_recv (a, &msg), error);
    assert_int_equal (stream_flush (a), error);
    msg = event (0, 0);
    assert_int_equal (stream_send (a, msg, 0), error);
    flux_msg_destroy (msg);
}

static void bad_magic (void **state)
{
    reject ("\xff\xee\x00\x13\x00\x00\x00\x40", 8, -EPROTO);
}

static void bad_first_byte (void **state)
{
    reject ("G", 1, -EPROTO);
}

static void too_short (void **state)
{
    reject ("\xff\xee\x00\x12\x00\x00\x00\x08", 8, -EPROTO);
}

static void too_long (void **state)
{
    reject ("\xff\xee\x00\x12\xff\xff\xff\xff", 8, -EMSGSIZE);
}

static void bad_message (void **state)
{
    uint8_t in[40] = { 0xff, 0xee, 0, 0x12, 0, 0, 0, 40 };
    reject (in, sizeof (in), -EPROTO);
}

/* Announcing a gigabyte does not reserve it. */
static void announced (void **state)
{
    size_t before = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
    flux_msg_t *msg;
    char buf[1000] = { 0 };

    assert_int_equal (write (raw, "\xff\xee\x00\x12\x3f\xff\xff\xff", 8), 8);
    assert_int_equal (write (raw, buf, sizeof (buf)), sizeof (buf));
    assert_int_equal (stream_recv (a, &msg), -EAGAIN);
    assert_true (mallinfo2 ().uordblks + mallinfo2 ().hblkhd
                 < before + (1 << 20));
}

static void end_of_stream (void **state)
{
    flux_msg_t *msg;

    send_event (b, 1, 10, 0);
    send_event (b, 2, 10, 0);
    stream_free (b);
    b = NULL;
    recv_event (a, 1, 10);
    recv_event (a, 2, 10);
    assert_int_equal (stream_recv (a, &msg), -ECONNRESET);
    assert_int_equal (stream_drain (a, -1), -ECONNRESET);
}

static void end_within_message (void **state)
{
    flux_msg_t *msg;

    assert_int_equal (write (raw, "\xff\xee\x00\x12\x00\x00", 6), 6);
    nothing (a);
    assert_int_equal (shutdown (raw, SHUT_RDWR), 0);
    assert_int_equal (stream_recv (a, &msg), -ECONNRESET);
}

static void send_to_nobody (void **state)
{
    flux_msg_t *msg = event (1, 10);

    stream_free (b);
    b = NULL;
    assert_int_equal (stream_send (a, msg, 0), -EPIPE); /* and no SIGPIPE */
    assert_int_equal (stream_ready (a), FLUX_POLLIN | FLUX_POLLERR);
    flux_msg_destroy (msg);
}

static void slow_reader (void **state)
{
    size_t total = 0;
    int n = 0;

    while (stream_queued (a) < 1 << 20) {
        send_event (a, n++, 1000, 0);
        total += 1000;
    }
    assert_true (total > 1 << 20);
    assert_int_equal (stream_flush (a), -EAGAIN);
    assert_int_equal (stream_drain (a, 0), -EAGAIN);
    assert_int_equal (stream_drain (a, 1), -EAGAIN);
    assert_int_equal (stream_pollevents (a), 0);
    assert_true (stream_pollevents (b) & FLUX_POLLIN);
    for (int i = 0; i < n; i++) {
        flux_msg_t *msg;
        while (stream_recv (b, &msg) == -EAGAIN)
            (void)stream_flush (a);
        check (msg, i, 1000);
        flux_msg_destroy (msg);
    }
    assert_int_equal (stream_drain (a, -1), 0);
}

static void bad_descriptor (void **state)
{
    struct stream *s = NULL;

    assert_int_equal (stream_new (-1, &s), -EBADF);
    assert_null (s);
    stream_free (NULL);
}

#define T(fn) cmocka_unit_test_setup_teardown (fn, setup, teardown)
#define R(fn) cmocka_unit_test_setup_teardown (fn, setup_raw, teardown_raw)

int main (void)
{
    const struct CMUnitTest tests[] = {
        R (framing), T (small_messages), T (deferred), T (sizes),
        T (payload_by_reference), T (limits), T (skipped),
        R (skipped_garbage), R (bad_magic),
        R (bad_first_byte), R (too_short), R (too_long), R (bad_message),
        R (announced), T (end_of_stream), R (end_within_message),
        T (send_to_nobody), T (slow_reader), T (bad_descriptor),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
