/* test_message_codec.c - RFC 3 encoding, and what does not decode
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/message_private.h"

struct bytes {
    uint8_t data[1 << 18];
    size_t len;
};

static struct bytes b;

static void encode (const flux_msg_t *msg)
{
    ssize_t n = flux_msg_encode_size (msg);

    assert_true (n > 0 && n < (ssize_t)sizeof (b.data));
    assert_int_equal (flux_msg_encode (msg, b.data, sizeof (b.data)), 0);
    b.len = n;
}

/* From a heap block of the exact size, so that a sanitizer sees overreads. */
static flux_msg_t *decode (const void *data, size_t len)
{
    uint8_t *copy = malloc (len + 1);
    flux_msg_t *msg;

    assert_non_null (copy);
    memcpy (copy, data, len);
    errno = 0;
    msg = flux_msg_decode (copy, len);
    free (copy);
    return msg;
}

static void reject (const void *data, size_t len)
{
    flux_msg_t *msg = decode (data, len);

    assert_null (msg);
    assert_int_equal (errno, EPROTO);
}

static flux_msg_t *sample (void)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = { 0x01020304, FLUX_ROLE_USER };

    assert_non_null (msg);
    flux_msg_route_enable (msg);
    assert_int_equal (flux_msg_route_push (msg, "r1"), 0);
    assert_int_equal (flux_msg_route_push (msg, "r2"), 0);
    assert_int_equal (flux_msg_set_topic (msg, "a.b"), 0);
    assert_int_equal (flux_msg_set_payload (msg, "xyz", 3), 0);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_msg_set_nodeid (msg, 5), 0);
    assert_int_equal (flux_msg_set_matchtag (msg, 0xa0b0c0d0), 0);
    return msg;
}

/* Written from the RFC by hand. */
static const uint8_t sample_bytes[] = {
    3, 'r', '2', 0,
    3, 'r', '1', 0,
    0,
    4, 'a', '.', 'b', 0,
    3, 'x', 'y', 'z',
    20, 0x8e, 1, 1, 0x01 | 0x02 | 0x08, 1, 2, 3, 4, 0, 0, 0, 2, 0, 0, 0, 5,
    0xa0, 0xb0, 0xc0, 0xd0,
};

static void known_bytes (void **state)
{
    flux_msg_t *msg = sample ();

    encode (msg);
    assert_int_equal (b.len, sizeof (sample_bytes));
    assert_memory_equal (b.data, sample_bytes, b.len);
    errno = 0;
    assert_int_equal (flux_msg_encode (msg, b.data, b.len - 1), -1);
    assert_int_equal (errno, EINVAL);
    flux_msg_destroy (msg);
}

static void check_sample (const flux_msg_t *msg)
{
    const char *s;
    const void *buf;
    size_t len;
    uint32_t u;

    assert_int_equal (flux_msg_route_count (msg), 2);
    assert_string_equal (flux_msg_route_first (msg), "r1");
    assert_string_equal (flux_msg_route_last (msg), "r2");
    assert_int_equal (flux_msg_get_topic (msg, &s), 0);
    assert_string_equal (s, "a.b");
    assert_int_equal (flux_msg_get_payload (msg, &buf, &len), 0);
    assert_int_equal (len, 3);
    assert_memory_equal (buf, "xyz", 3);
    assert_int_equal (flux_msg_get_userid (msg, &u), 0);
    assert_int_equal (u, 0x01020304);
    assert_int_equal (flux_msg_get_rolemask (msg, &u), 0);
    assert_int_equal (u, FLUX_ROLE_USER);
    assert_int_equal (flux_msg_get_nodeid (msg, &u), 0);
    assert_int_equal (u, 5);
    assert_int_equal (flux_msg_get_matchtag (msg, &u), 0);
    assert_int_equal (u, 0xa0b0c0d0);
}

static void round_trip (void **state)
{
    flux_msg_t *msg = decode (sample_bytes, sizeof (sample_bytes));
    struct blob *blob;

    assert_non_null (msg);
    check_sample (msg);
    flux_msg_destroy (msg);

    /* sharing the buffer */
    assert_non_null (blob = blob_new (sizeof (sample_bytes)));
    memcpy (blob->data, sample_bytes, blob->size);
    assert_int_equal (msg_decode (blob->data, blob->size, blob, &msg), 0);
    assert_ptr_equal (msg->payload_blob, blob);
    blob_unref (blob);
    check_sample (msg);
    flux_msg_destroy (msg);
}

static void types (void **state)
{
    const int t[] = { FLUX_MSGTYPE_REQUEST, FLUX_MSGTYPE_RESPONSE,
                      FLUX_MSGTYPE_EVENT, FLUX_MSGTYPE_CONTROL };

    for (int i = 0; i < 4; i++) {
        flux_msg_t *msg = flux_msg_create (t[i]);
        flux_msg_t *msg2;
        assert_non_null (msg);
        encode (msg);
        assert_int_equal (b.len, MSG_TAIL_SIZE);
        assert_non_null (msg2 = decode (b.data, b.len));
        assert_int_equal (msg2->type, t[i]);
        flux_msg_destroy (msg);
        flux_msg_destroy (msg2);
    }
}

/* Lengths on both sides of the change to long parts. */
static void sizes (void **state)
{
    const size_t n[] = { 0, 1, 253, 254, 255, 256, 65535, 65536, 200000 };
    char *buf = calloc (1, 200001);

    assert_non_null (buf);
    memset (buf, 'p', 200000);
    for (int i = 0; i < 9; i++) {
        flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);
        flux_msg_t *msg2;
        const char *topic;
        assert_int_equal (flux_msg_set_payload (msg, buf, n[i]), 0);
        if (n[i] < 60000)
            assert_int_equal (flux_msg_set_topic (msg, buf + 200000 - n[i]), 0);
        encode (msg);
        assert_non_null (msg2 = decode (b.data, b.len));
        assert_int_equal (msg2->payload_size, n[i]);
        assert_memory_equal (msg2->payload, buf, n[i]);
        if (n[i] < 60000) {
            assert_int_equal (flux_msg_get_topic (msg2, &topic), 0);
            assert_int_equal (strlen (topic), n[i]);
        }
        flux_msg_destroy (msg);
        flux_msg_destroy (msg2);
    }
    free (buf);
}

static void many_routes (void **state)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *msg2;
    char id[32];

    flux_msg_route_enable (msg);
    for (int i = 0; i < 5000; i++) {
        snprintf (id, sizeof (id), "%d", i);
        assert_int_equal (flux_msg_route_push (msg, id), 0);
    }
    encode (msg);
    assert_non_null (msg2 = decode (b.data, b.len));
    assert_int_equal (flux_msg_route_count (msg2), 5000);
    assert_string_equal (flux_msg_route_first (msg2), "0");
    for (int i = 4999; i >= 0; i--) {
        snprintf (id, sizeof (id), "%d", i);
        assert_string_equal (flux_msg_route_last (msg2), id);
        flux_msg_route_delete_last (msg2);
    }
    flux_msg_destroy (msg);
    flux_msg_destroy (msg2);
}

/* ZeroMQ identities have no NUL. */
static void route_without_nul (void **state)
{
    const uint8_t in[] = { 2, 'r', '2', 3, 'r', '1', 0, 0,
                           20, 0x8e, 1, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0,
                           0, 0, 0, 0, 0, 0, 0, 0 };
    flux_msg_t *msg = decode (in, sizeof (in));

    assert_non_null (msg);
    assert_string_equal (flux_msg_route_last (msg), "r2");
    assert_string_equal (flux_msg_route_first (msg), "r1");
    flux_msg_destroy (msg);
}

static void truncated (void **state)
{
    for (size_t n = 0; n < sizeof (sample_bytes); n++)
        reject (sample_bytes, n);
    errno = 0;
    assert_null (flux_msg_decode (NULL, 10));
    assert_int_equal (errno, EINVAL);
}

static void bad_header (void **state)
{
    const size_t base = sizeof (sample_bytes) - MSG_TAIL_SIZE;
    const struct { int off; uint8_t val; } t[] = {
        { 0, 19 }, { 0, 255 }, { 1, 0x8f }, { 2, 0 }, { 2, 2 },
        { 3, 0 }, { 3, 3 }, { 3, 15 }, { 3, 0x81 },
        { 4, 0x0a }, { 4, 0x09 }, { 4, 0x03 }, { 4, 0 },
    };
    uint8_t in[sizeof (sample_bytes)];

    for (size_t i = 0; i < sizeof (t) / sizeof (t[0]); i++) {
        memcpy (in, sample_bytes, sizeof (in));
        in[base + t[i].off] = t[i].val;
        reject (in, sizeof (in));
    }
}

static void bad_parts (void **state)
{
    static const uint8_t hdr[] = { 20, 0x8e, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0 };
    const struct { uint8_t flags; uint8_t len; uint8_t data[12]; } t[] = {
        { 0, 1, { 0 } },                            /* a part too many */
        { 1, 0, { 0 } },                            /* no topic */
        { 1, 1, { 0 } },                            /* topic without NUL */
        { 1, 3, { 2, 'a', 'b' } },
        { 1, 5, { 4, 'a', 0, 'b', 0 } },            /* NUL in a topic */
        { 1, 3, { 3, 'a', 0 } },                    /* runs into the header */
        { 1, 7, { 255, 255, 255, 255, 255, 'a', 0 } },
        { 1, 7, { 255, 0, 0, 0, 3, 'a', 0 } },
        { 1, 3, { 255, 0, 0 } },                    /* half a length */
        { 2, 0, { 0 } },
        { 2, 2, { 5, 'a' } },
        { 8, 0, { 0 } },                            /* no delimiter */
        { 8, 3, { 2, 'a', 0 } },
        { 8, 2, { 1, 0 } },                         /* empty id */
        { 8, 3, { 1, 0, 0 } },
        { 8, 6, { 4, 'a', 0, 'b', 0, 0 } },         /* NUL in an id */
        { 8, 2, { 0, 0 } },                         /* two delimiters */
    };

    for (size_t i = 0; i < sizeof (t) / sizeof (t[0]); i++) {
        uint8_t in[64];
        memcpy (in, t[i].data, t[i].len);
        memcpy (in + t[i].len, hdr, sizeof (hdr));
        in[t[i].len + 4] = t[i].flags;
        reject (in, t[i].len + sizeof (hdr));
    }
}

static void long_route (void **state)
{
    uint8_t *p = b.data;

    *p++ = 255;
    memcpy (p, "\0\0\1\0", 4);
    p += 4;
    memset (p, 'a', 256);
    p += 256;
    *p++ = 0;
    memcpy (p, sample_bytes + sizeof (sample_bytes) - MSG_TAIL_SIZE,
            MSG_TAIL_SIZE);
    p[4] = 8;
    p += MSG_TAIL_SIZE;
    reject (b.data, p - b.data);
}

/* Any single byte changed: never a crash, and what decodes encodes again. */
static void mutations (void **state)
{
    uint8_t in[sizeof (sample_bytes)];

    for (size_t i = 0; i < sizeof (in); i++) {
        for (int v = 0; v < 256; v++) {
            flux_msg_t *msg;
            memcpy (in, sample_bytes, sizeof (in));
            in[i] = v;
            if (!(msg = decode (in, sizeof (in))))
                continue;
            encode (msg);
            flux_msg_destroy (msg);
            assert_non_null (msg = decode (b.data, b.len));
            flux_msg_destroy (msg);
        }
    }
}

/* Flags set by hand, with nothing behind them, still encode consistently. */
static void flags_without_parts (void **state)
{
    for (int flags = 0; flags < 256; flags++) {
        flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
        flux_msg_t *msg2;
        assert_int_equal (flux_msg_set_flag (msg, flags), 0);
        encode (msg);
        assert_non_null (msg2 = decode (b.data, b.len));
        assert_int_equal (msg2->flags, flags);
        flux_msg_destroy (msg);
        flux_msg_destroy (msg2);
    }
}

static void oversize (void **state)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);
    struct blob *blob = blob_new (1);

    assert_non_null (blob);
    msg_set_payload_blob (msg, blob, blob->data, (size_t)UINT32_MAX + 1);
    errno = 0;
    assert_int_equal (flux_msg_encode_size (msg), -1);
    assert_int_equal (errno, EMSGSIZE);
    blob_unref (blob);
    flux_msg_destroy (msg);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (known_bytes), cmocka_unit_test (round_trip),
        cmocka_unit_test (types),       cmocka_unit_test (sizes),
        cmocka_unit_test (many_routes), cmocka_unit_test (route_without_nul),
        cmocka_unit_test (truncated),   cmocka_unit_test (bad_header),
        cmocka_unit_test (bad_parts),   cmocka_unit_test (long_route),
        cmocka_unit_test (mutations),   cmocka_unit_test (flags_without_parts),
        cmocka_unit_test (oversize),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
