/* test_request.c - requests, responses, events, control messages, disconnects:
 * encoding, decoding, and what is refused
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <flux/core.h>

static const char *topic;
static const char *s;
static const void *data;
static size_t len;

static void request_string (void **state)
{
    flux_msg_t *msg = flux_request_encode ("a.b", "hi");
    flux_msg_t *empty = flux_request_encode ("a.b", NULL);

    assert_int_equal (flux_request_decode (msg, &topic, &s), 0);
    assert_string_equal (topic, "a.b");
    assert_string_equal (s, "hi");
    assert_int_equal (flux_request_decode (msg, NULL, NULL), 0);
    assert_int_equal (flux_request_decode (empty, NULL, &s), 0);
    assert_null (s);
    assert_int_equal (flux_request_unpack (empty, NULL, "{}"), -1);
    assert_int_equal (errno, EPROTO);
    flux_msg_decref (msg);
    flux_msg_decref (empty);
}

static void request_raw (void **state)
{
    flux_msg_t *msg = flux_request_encode_raw ("a.b", "xyz", 3);
    flux_msg_t *empty = flux_request_encode_raw ("a.b", NULL, 0);

    assert_int_equal (flux_request_decode_raw (msg, &topic, &data, &len), 0);
    assert_string_equal (topic, "a.b");
    assert_int_equal (len, 3);
    assert_memory_equal (data, "xyz", 3);
    s = "unchanged";
    assert_int_equal (flux_request_decode (msg, &topic, &s), -1);
    assert_int_equal (errno, EPROTO);
    assert_string_equal (s, "unchanged");
    assert_int_equal (flux_request_decode_raw (empty, NULL, &data, &len), 0);
    assert_null (data);
    assert_int_equal (len, 0);
    flux_msg_decref (msg);
    flux_msg_decref (empty);
}

static void request_json (void **state)
{
    flux_msg_t *msg = flux_request_encode ("a.b", "{\"n\":42,\"s\":\"x\"}");
    int n;

    assert_int_equal (flux_request_unpack (msg, &topic, "{s:i s:s}", "n", &n, "s", &s), 0);
    assert_int_equal (n, 42);
    assert_string_equal (s, "x");
    assert_int_equal (flux_request_unpack (msg, NULL, "{s:i}", "missing", &n), -1);
    assert_int_equal (errno, EPROTO);
    flux_msg_decref (msg);
}

static void request_refused (void **state)
{
    flux_msg_t *event = flux_event_encode ("a.b", NULL);
    flux_msg_t *bare = flux_msg_create (FLUX_MSGTYPE_REQUEST);

    assert_int_equal (flux_request_decode (NULL, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_request_decode (event, NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_request_decode (bare, NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_request_unpack (event, NULL, "{}"), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_request_decode_raw (event, NULL, NULL, &len), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_request_encode (NULL, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_request_encode_raw (NULL, "x", 1));
    assert_int_equal (errno, EINVAL);
    flux_msg_decref (event);
    flux_msg_decref (bare);
}

static void response_kinds (void **state)
{
    flux_msg_t *msg = flux_response_encode ("a.b", "ok");
    flux_msg_t *raw = flux_response_encode_raw ("a.b", "\0\1", 2);
    flux_msg_t *err = flux_response_encode_error ("a.b", ENOENT, "no such thing");
    flux_msg_t *err2 = flux_response_encode_error ("a.b", ENOENT, NULL);

    assert_int_equal (flux_response_decode (msg, &topic, &s), 0);
    assert_string_equal (s, "ok");
    assert_int_equal (flux_response_decode_error (msg, &s), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_response_decode_raw (raw, NULL, &data, &len), 0);
    assert_int_equal (len, 2);
    assert_int_equal (flux_response_decode (err, NULL, NULL), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_response_decode_raw (err, NULL, &data, &len), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_response_decode_error (err, &s), 0);
    assert_string_equal (s, "no such thing");
    assert_int_equal (flux_response_decode_error (err2, &s), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_response_decode_error (NULL, &s), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_response_encode_error ("a.b", 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_response_decode (NULL, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    flux_msg_decref (msg);
    flux_msg_decref (raw);
    flux_msg_decref (err);
    flux_msg_decref (err2);
}

static void response_derived (void **state)
{
    flux_msg_t *req = flux_request_encode ("a.b", "x");
    flux_msg_t *msg;
    uint32_t tag;
    int errnum;

    assert_int_equal (flux_msg_set_matchtag (req, 77), 0);
    flux_msg_route_enable (req);
    assert_int_equal (flux_msg_route_push (req, "sender"), 0);
    assert_int_equal (flux_msg_set_streaming (req), 0);
    msg = flux_response_derive (req, 0);
    assert_non_null (msg);
    assert_int_equal (flux_response_decode (msg, &topic, &s), 0);
    assert_string_equal (topic, "a.b");
    assert_null (s);
    assert_int_equal (flux_msg_get_matchtag (msg, &tag), 0);
    assert_int_equal (tag, 77);
    assert_true (flux_msg_is_streaming (msg));
    assert_string_equal (flux_msg_route_first (msg), "sender");
    assert_null (flux_response_derive (msg, 0));
    assert_int_equal (errno, EPROTO);
    assert_null (flux_response_derive (NULL, 0));
    assert_int_equal (errno, EINVAL);
    flux_msg_decref (msg);
    msg = flux_response_derive (req, EPERM);
    assert_int_equal (flux_msg_get_errnum (msg, &errnum), 0);
    assert_int_equal (errnum, EPERM);
    flux_msg_decref (msg);
    flux_msg_decref (req);
}

static void respond_on_loop (void **state)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_msg_t *req = flux_request_encode ("a.b", NULL);
    flux_msg_t *msg;
    int n;

    assert_non_null (h);
    assert_int_equal (flux_respond_pack (h, req, "{s:i}", "n", 7), 0);
    msg = flux_recv (h, FLUX_MATCH_ANY, 0);
    assert_int_equal (flux_response_decode (msg, NULL, NULL), 0);
    assert_int_equal (flux_msg_unpack (msg, "{s:i}", "n", &n), 0);
    assert_int_equal (n, 7);
    flux_msg_decref (msg);

    assert_int_equal (flux_respond_pack (h, req, "{s:i", "n", 1), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_respond_pack (h, req, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_respond_raw (h, req, "x", -1), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_respond_raw (h, req, NULL, 1), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_respond (NULL, req, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_respond (h, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK));

    assert_int_equal (flux_msg_set_noresponse (req), 0);
    assert_int_equal (flux_respond_error (h, req, EPERM, NULL), 0);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK));
    flux_msg_decref (req);
    flux_close (h);
}

static void events (void **state)
{
    flux_msg_t *msg = flux_event_encode ("a.b", "text");
    flux_msg_t *raw = flux_event_encode_raw ("a.b", "xy", 2);
    flux_msg_t *json = flux_event_pack ("a.b", "{s:i}", "n", 1);
    flux_msg_t *req = flux_request_encode ("a.b", NULL);
    int n;

    assert_int_equal (flux_event_decode (msg, &topic, &s), 0);
    assert_string_equal (topic, "a.b");
    assert_string_equal (s, "text");
    assert_int_equal (flux_event_decode_raw (raw, NULL, &data, &len), 0);
    assert_int_equal (len, 2);
    assert_int_equal (flux_event_unpack (json, NULL, "{s:i}", "n", &n), 0);
    assert_int_equal (n, 1);
    assert_int_equal (flux_event_unpack (raw, NULL, "{s:i}", "n", &n), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_event_decode (req, NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_event_decode (NULL, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_event_encode (NULL, NULL));
    assert_null (flux_event_pack ("a.b", "{s:i", "n", 1));
    assert_int_equal (errno, EINVAL);
    flux_msg_decref (msg);
    flux_msg_decref (raw);
    flux_msg_decref (json);
    flux_msg_decref (req);
}

static void control (void **state)
{
    flux_msg_t *msg = flux_control_encode (3, -4);
    flux_msg_t *req = flux_request_encode ("a.b", NULL);
    int type, status;

    assert_int_equal (flux_control_decode (msg, &type, &status), 0);
    assert_int_equal (type, 3);
    assert_int_equal (status, -4);
    assert_int_equal (flux_control_decode (msg, NULL, NULL), 0);
    assert_int_equal (flux_control_decode (req, NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_control_decode (NULL, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    flux_msg_decref (msg);
    flux_msg_decref (req);
}

/* A request of a user from a client. */
static flux_msg_t *from (const char *top, const char *payload, const char *client,
                         uint32_t userid, uint32_t rolemask, uint32_t tag)
{
    struct flux_msg_cred cred = { .userid = userid, .rolemask = rolemask };
    flux_msg_t *msg = flux_request_encode (top, payload);

    flux_msg_route_enable (msg);
    assert_int_equal (flux_msg_route_push (msg, client), 0);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_msg_set_matchtag (msg, tag), 0);
    return msg;
}

static void disconnect (void **state)
{
    struct flux_msglist *l = flux_msglist_create ();
    flux_msg_t *r1 = from ("a.b", NULL, "one", 5, FLUX_ROLE_USER, 1);
    flux_msg_t *r2 = from ("a.b", NULL, "two", 5, FLUX_ROLE_USER, 2);
    flux_msg_t *d1 = from ("a.disconnect", NULL, "one", 5, FLUX_ROLE_USER, 0);
    flux_msg_t *thief = from ("a.disconnect", NULL, "one", 6, FLUX_ROLE_USER, 0);
    flux_msg_t *owner = from ("a.disconnect", NULL, "two", 7, FLUX_ROLE_OWNER, 0);

    assert_true (flux_disconnect_match (d1, r1));
    assert_false (flux_disconnect_match (d1, r2));
    assert_false (flux_disconnect_match (thief, r1));
    assert_true (flux_disconnect_match (owner, r2));
    assert_false (flux_disconnect_match (NULL, r1));
    for (int i = 0; i < 3; i++) {
        assert_int_equal (flux_msglist_append (l, r1), 0);
        assert_int_equal (flux_msglist_append (l, r2), 0);
    }
    assert_int_equal (flux_msglist_disconnect (l, thief), 0);
    assert_int_equal (flux_msglist_disconnect (l, d1), 3);
    assert_int_equal (flux_msglist_count (l), 3);
    assert_int_equal (flux_msglist_disconnect (l, owner), 3);
    assert_int_equal (flux_msglist_count (l), 0);
    assert_int_equal (flux_msglist_disconnect (NULL, d1), -1);
    assert_int_equal (errno, EINVAL);
    flux_msglist_destroy (l);
    flux_msg_decref (r1);
    flux_msg_decref (r2);
    flux_msg_decref (d1);
    flux_msg_decref (thief);
    flux_msg_decref (owner);
}

static void cancel (void **state)
{
    flux_t *h = flux_open ("loop://", 0);
    struct flux_msglist *l = flux_msglist_create ();
    flux_msg_t *r1 = from ("a.b", NULL, "one", 5, FLUX_ROLE_USER, 1);
    flux_msg_t *r2 = from ("a.b", NULL, "one", 5, FLUX_ROLE_USER, 2);
    flux_msg_t *c = from ("a.cancel", "{\"matchtag\":2}", "one", 5, FLUX_ROLE_USER, 0);
    flux_msg_t *bad = from ("a.cancel", "{\"matchtag\":\"2\"}", "one", 5, FLUX_ROLE_USER, 0);
    flux_msg_t *none = from ("a.cancel", NULL, "one", 5, FLUX_ROLE_USER, 0);
    flux_msg_t *msg;
    uint32_t tag;

    assert_false (flux_cancel_match (c, r1));
    assert_true (flux_cancel_match (c, r2));
    assert_false (flux_cancel_match (bad, r2));
    assert_false (flux_cancel_match (none, r2));
    assert_int_equal (flux_msglist_append (l, r1), 0);
    assert_int_equal (flux_msglist_append (l, r2), 0);
    assert_int_equal (flux_msglist_cancel (h, l, bad), 0);
    assert_int_equal (flux_msglist_cancel (h, l, c), 1);
    assert_int_equal (flux_msglist_cancel (h, l, c), 0);
    assert_int_equal (flux_msglist_count (l), 1);
    msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0);
    assert_int_equal (flux_response_decode (msg, NULL, NULL), -1);
    assert_int_equal (errno, ECANCELED);
    assert_int_equal (flux_msg_get_matchtag (msg, &tag), 0);
    assert_int_equal (tag, 2);
    flux_msg_decref (msg);
    flux_msglist_destroy (l);
    flux_msg_decref (r1);
    flux_msg_decref (r2);
    flux_msg_decref (c);
    flux_msg_decref (bad);
    flux_msg_decref (none);
    flux_close (h);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (request_string),
        cmocka_unit_test (request_raw),
        cmocka_unit_test (request_json),
        cmocka_unit_test (request_refused),
        cmocka_unit_test (response_kinds),
        cmocka_unit_test (response_derived),
        cmocka_unit_test (respond_on_loop),
        cmocka_unit_test (events),
        cmocka_unit_test (control),
        cmocka_unit_test (disconnect),
        cmocka_unit_test (cancel),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
