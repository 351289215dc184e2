/* test_rpc.c - calls between two ends in one process
 *
 * end 0 is the client, end 1 the server; by default both are on one reactor.
 * Where the client blocks, the server is a thread.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <flux/core.h>

#include "core/inproc.h"

static flux_t *pair[2];
static flux_t *h;       /* client */
static flux_reactor_t *r;
static flux_msg_handler_t **handlers;
static int responses;
static int last_errno;
static flux_msg_t *held; /* a request that waits for its answer */

/*
 * The server
 */

static void echo_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *s;

    assert_int_equal (flux_request_decode (msg, NULL, &s), 0);
    assert_int_equal (flux_respond (sh, msg, s), 0);
}

static void raw_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const void *data;
    size_t len;

    assert_int_equal (flux_request_decode_raw (msg, NULL, &data, &len), 0);
    assert_int_equal (flux_respond_raw (sh, msg, data, len), 0);
}

static void incr_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int n;

    if (flux_request_unpack (msg, NULL, "{s:i}", "n", &n) < 0)
        assert_int_equal (flux_respond_error (sh, msg, errno, "n is missing"), 0);
    else
        assert_int_equal (flux_respond_pack (sh, msg, "{s:i}", "n", n + 1), 0);
}

static void fail_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    assert_int_equal (flux_respond_error (sh, msg, 0, NULL), 0);
}

static void stream_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int n;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:i}", "n", &n), 0);
    if (!flux_msg_is_streaming (msg)) {
        assert_int_equal (flux_respond_error (sh, msg, EPROTO, NULL), 0);
        return;
    }
    for (int i = 0; i < n; i++)
        assert_int_equal (flux_respond_pack (sh, msg, "{s:i}", "i", i), 0);
    assert_int_equal (flux_respond_error (sh, msg, ENODATA, NULL), 0);
}

static void hold_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    held = (flux_msg_t *)flux_msg_incref (msg);
}

static void stop_cb (flux_t *sh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (sh));
}

static const struct flux_msg_handler_spec spec[] = {
    { FLUX_MSGTYPE_REQUEST, "t.echo", echo_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.raw", raw_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.incr", incr_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.fail", fail_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.stream", stream_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.hold", hold_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "t.stop", stop_cb, FLUX_ROLE_ALL },
    { 0, NULL, NULL, 0 },
};

/* A pair of which end 0 is the instance owner's, as a broker would see to. */
static int owner_pair (flux_t *p[2])
{
    uint32_t rolemask = FLUX_ROLE_OWNER;

    if (inproc_pair (p) < 0)
        return -1;
    return flux_opt_set (p[0], FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof (rolemask));
}

static int setup (void **state)
{
    responses = 0;
    last_errno = 0;
    held = NULL;
    if (owner_pair (pair) < 0)
        return -1;
    h = pair[0];
    r = flux_get_reactor (h);
    if (flux_set_reactor (pair[1], r) < 0)
        return -1;
    return flux_msg_handler_addvec (pair[1], spec, NULL, &handlers);
}

static int teardown (void **state)
{
    flux_msg_decref (held);
    flux_msg_handler_delvec (handlers);
    flux_close (pair[0]);
    flux_close (pair[1]);
    return 0;
}

/* A server in a thread of its own, for clients that block. */
static pthread_t thread;

static void *server_main (void *arg)
{
    flux_reactor_run (flux_get_reactor (pair[1]), 0);
    flux_msg_handler_delvec (handlers);
    return NULL;
}

static int setup_thread (void **state)
{
    responses = 0;
    if (owner_pair (pair) < 0)
        return -1;
    h = pair[0];
    if (flux_msg_handler_addvec (pair[1], spec, NULL, &handlers) < 0)
        return -1;
    return pthread_create (&thread, NULL, server_main, NULL);
}

static int teardown_thread (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.stop", NULL, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE);

    flux_future_destroy (f);
    pthread_join (thread, NULL);
    flux_msg_decref (held);
    held = NULL;
    flux_close (pair[0]);
    flux_close (pair[1]);
    return 0;
}

/*
 * With continuations
 */

static void stop_when (int n)
{
    if (++responses == n)
        flux_reactor_stop (r);
}

static void echo_then (flux_future_t *f, void *arg)
{
    const char *s;

    assert_int_equal (flux_rpc_get (f, &s), 0);
    assert_string_equal (s, arg);
    stop_when (1);
    flux_future_destroy (f);
}

static void call_then (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);
    flux_future_t *f = flux_rpc (h, "t.echo", "hello", FLUX_NODEID_ANY, 0);

    assert_non_null (f);
    assert_int_not_equal (flux_rpc_get_matchtag (f), FLUX_MATCHTAG_NONE);
    assert_int_equal (flux_rpc_get_nodeid (f), FLUX_NODEID_ANY);
    assert_int_equal (flux_future_then (f, -1., echo_then, "hello"), 0);
    assert_true (flux_matchtag_avail (h) < avail);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 1);
    assert_true (flux_matchtag_avail (h) == avail);
}

static void many_then (flux_future_t *f, void *arg)
{
    int n;

    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "n", &n), 0);
    assert_int_equal (n, (int)(intptr_t)arg + 1);
    flux_future_destroy (f);
    stop_when (1000);
}

static void many_calls (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);

    for (int i = 0; i < 1000; i++) {
        flux_future_t *f = flux_rpc_pack (h, "t.incr", FLUX_NODEID_ANY, 0, "{s:i}", "n", i);
        assert_non_null (f);
        assert_int_equal (flux_future_then (f, 30., many_then, (void *)(intptr_t)i), 0);
    }
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 1000);
    assert_true (flux_matchtag_avail (h) == avail);
}

static void stream_then (flux_future_t *f, void *arg)
{
    int i;

    if (flux_rpc_get_unpack (f, "{s:i}", "i", &i) < 0) {
        last_errno = errno;
        /* it may be another call's by now: not to be used for a cancellation */
        assert_int_equal (flux_rpc_get_matchtag (f), FLUX_MATCHTAG_NONE);
        flux_future_destroy (f);
        flux_reactor_stop (r);
        return;
    }
    assert_int_equal (i, responses);
    responses++;
    flux_future_reset (f);
}

static void stream_call (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);
    flux_future_t *f = flux_rpc_pack (h, "t.stream", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                                      "{s:i}", "n", 100);

    assert_int_equal (flux_future_then (f, -1., stream_then, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 100);
    assert_int_equal (last_errno, ENODATA);
    assert_true (flux_matchtag_avail (h) == avail);
}

static void stream_flag_is_required (void **state)
{
    flux_future_t *f = flux_rpc_pack (h, "t.stream", FLUX_NODEID_ANY, 0, "{s:i}", "n", 1);

    assert_int_equal (flux_future_then (f, -1., stream_then, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 0);
    assert_int_equal (last_errno, EPROTO);
}

static void error_then (flux_future_t *f, void *arg)
{
    const char *s;

    assert_int_equal (flux_rpc_get (f, &s), -1);
    last_errno = errno;
    assert_string_equal (flux_future_error_string (f), arg);
    flux_future_destroy (f);
    flux_reactor_stop (r);
}

static void errors (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.incr", "{}", FLUX_NODEID_ANY, 0);

    assert_int_equal (flux_future_then (f, -1., error_then, "n is missing"), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (last_errno, EPROTO);
    f = flux_rpc (h, "t.fail", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_future_then (f, -1., error_then, (void *)flux_strerror (EINVAL)), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (last_errno, EINVAL);
}

static void timeout_then (flux_future_t *f, void *arg)
{
    assert_int_equal (flux_rpc_get (f, NULL), -1);
    last_errno = errno;
    flux_future_destroy (f);
    flux_reactor_stop (r);
}

/* The matchtag of a call that was given up stays out of use until the answer. */
static void destroyed_early (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);
    uint32_t tag;
    flux_future_t *f = flux_rpc (h, "t.hold", NULL, FLUX_NODEID_ANY, 0);

    tag = flux_rpc_get_matchtag (f);
    assert_int_equal (flux_future_then (f, 0.001, timeout_then, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (last_errno, ETIMEDOUT);
    assert_non_null (held);
    assert_true (flux_matchtag_avail (h) == avail - 1);

    for (int i = 0; i < 10; i++) {
        f = flux_rpc (h, "t.echo", "x", FLUX_NODEID_ANY, 0);
        assert_int_not_equal (flux_rpc_get_matchtag (f), tag);
        assert_int_equal (flux_future_then (f, -1., echo_then, "x"), 0);
    }
    responses = -9;
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_true (flux_matchtag_avail (h) == avail - 1);

    assert_int_equal (flux_respond (pair[1], held, NULL), 0);
    f = flux_rpc (h, "t.echo", "y", FLUX_NODEID_ANY, 0);
    responses = 0;
    assert_int_equal (flux_future_then (f, -1., echo_then, "y"), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_true (flux_matchtag_avail (h) == avail);
}

static void no_response (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);
    flux_future_t *f = flux_rpc (h, "t.hold", NULL, 7, FLUX_RPC_NORESPONSE);
    const char *s;

    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_int_equal (flux_rpc_get_matchtag (f), FLUX_MATCHTAG_NONE);
    assert_int_equal (flux_rpc_get_nodeid (f), 7);
    assert_int_equal (flux_rpc_get (f, NULL), 0);
    assert_int_equal (flux_rpc_get (f, &s), -1);
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);
    assert_true (flux_matchtag_avail (h) == avail);
    assert_true (flux_reactor_run (r, FLUX_REACTOR_NOWAIT) >= 0);
    assert_non_null (held);
    assert_true (flux_msg_is_noresponse (held));
    assert_int_equal (flux_respond (pair[1], held, NULL), 0);
    assert_int_equal (flux_respond_error (pair[1], held, EPERM, NULL), 0);
    assert_true (flux_reactor_run (r, FLUX_REACTOR_NOWAIT) >= 0);
}

static void destroyed_in_the_middle_of_a_stream_then (flux_future_t *f, void *arg)
{
    flux_future_destroy (f);
    if (++responses == 1) {
        flux_future_t *f2 = flux_rpc (h, "t.echo", "z", FLUX_NODEID_ANY, 0);
        assert_int_equal (flux_future_then (f2, -1., echo_then, "z"), 0);
        responses = 0;
    }
}

static void stream_destroyed_early (void **state)
{
    uint32_t avail = flux_matchtag_avail (h);
    flux_future_t *f = flux_rpc_pack (h, "t.stream", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                                      "{s:i}", "n", 10);

    assert_int_equal (flux_future_then (f, -1., destroyed_in_the_middle_of_a_stream_then,
                                        NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_true (flux_matchtag_avail (h) == avail);
}

static void reactor_ends_with_the_last_call (void **state)
{
    flux_msg_handler_delvec (handlers);
    handlers = NULL;
    flux_future_t *f = flux_rpc (h, "t.echo", "q", FLUX_NODEID_ANY, 0);
    flux_msg_t *msg = flux_recv (pair[1], FLUX_MATCH_REQUEST, 0);

    assert_int_equal (flux_respond (pair[1], msg, "q"), 0);
    flux_msg_decref (msg);
    assert_int_equal (flux_future_then (f, -1., echo_then, "q"), 0);
    responses = 10; // echo_then will not stop the reactor
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 11);
}

static void bad_input (void **state)
{
    flux_msg_t *event = flux_event_encode ("a", NULL);
    flux_future_t *f = flux_future_create (NULL, NULL);

    assert_null (flux_rpc (NULL, "t.echo", NULL, 0, 0));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc (h, NULL, NULL, 0, 0));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc (h, "t.echo", NULL, 0, 0x1000));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc (h, "t.echo", NULL, 0, FLUX_RPC_STREAMING | FLUX_RPC_NORESPONSE));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc_pack (h, "t.echo", 0, 0, "{s:q}", "x"));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc_message (h, NULL, 0, 0));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_rpc_message (h, event, 0, 0));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_rpc_get (NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_rpc_get_matchtag (f), FLUX_MATCHTAG_NONE);
    assert_int_equal (flux_rpc_get_matchtag (NULL), FLUX_MATCHTAG_NONE);
    flux_future_destroy (f);
    flux_msg_decref (event);
}

static void upstream (void **state)
{
    flux_future_t *f;
    flux_msg_t *msg;
    uint32_t nodeid;

    assert_int_equal (flux_attr_set_cacheonly (h, "rank", "3"), 0);
    f = flux_rpc (h, "nowhere.x", NULL, FLUX_NODEID_UPSTREAM, 0);
    assert_non_null (f);
    assert_int_equal (flux_rpc_get_nodeid (f), FLUX_NODEID_UPSTREAM);
    msg = flux_recv (pair[1], FLUX_MATCH_REQUEST, 0);
    assert_int_equal (flux_msg_get_nodeid (msg, &nodeid), 0);
    assert_int_equal (nodeid, 3);
    assert_true (flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM));
    flux_msg_decref (msg);
    flux_future_destroy (f);
}

/* Two calls at once, as one future, and one after the other. */
static void chain_cb (flux_future_t *prev, void *arg)
{
    flux_future_t *f = flux_rpc (flux_future_get_flux (prev), "t.echo", "second",
                                 FLUX_NODEID_ANY, 0);

    assert_int_equal (flux_future_continue (prev, f), 0);
    flux_future_destroy (prev);
}

static flux_future_t *composite (void)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f = flux_rpc (h, "t.echo", "one", FLUX_NODEID_ANY, 0);
    flux_future_t *f2 = flux_rpc (h, "t.echo", "first", FLUX_NODEID_ANY, 0);

    f2 = flux_future_and_then (f2, chain_cb, NULL);
    assert_int_equal (flux_future_push (all, "one", f), 0);
    assert_int_equal (flux_future_push (all, "two", f2), 0);
    return all;
}

static void composite_check (flux_future_t *all)
{
    const char *s;

    assert_int_equal (flux_future_get (all, NULL), 0);
    assert_int_equal (flux_rpc_get (flux_future_get_child (all, "one"), &s), 0);
    assert_string_equal (s, "one");
    assert_int_equal (flux_rpc_get (flux_future_get_child (all, "two"), &s), 0);
    assert_string_equal (s, "second");
}

static void composite_then_cb (flux_future_t *f, void *arg)
{
    composite_check (f);
    flux_future_destroy (f);
    flux_reactor_stop (r);
    responses++;
}

static void composite_then (void **state)
{
    assert_int_equal (flux_future_then (composite (), -1., composite_then_cb, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 1);
}

/*
 * Blocking
 */

static void call_get (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.echo", "hello", FLUX_NODEID_ANY, 0);
    const char *s;
    const void *data;
    size_t len;

    assert_int_equal (flux_rpc_get (f, &s), 0);
    assert_string_equal (s, "hello");
    flux_future_destroy (f);

    f = flux_rpc_raw (h, "t.raw", "a\0b", 3, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get_raw (f, &data, &len), 0);
    assert_int_equal (len, 3);
    assert_memory_equal (data, "a\0b", 3);
    assert_int_equal (flux_rpc_get (f, &s), -1); // no string
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);

    f = flux_rpc (h, "t.echo", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get (f, &s), 0);
    assert_null (s);
    assert_int_equal (flux_rpc_get_raw (f, &data, &len), 0);
    assert_null (data);
    assert_int_equal (len, 0);
    assert_int_equal (flux_rpc_get_unpack (f, "{}"), -1);
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);
}

static void answers_out_of_order (void **state)
{
    flux_future_t *f[50];
    uint32_t avail = flux_matchtag_avail (h);

    for (int i = 0; i < 50; i++) {
        f[i] = flux_rpc_pack (h, "t.incr", FLUX_NODEID_ANY, 0, "{s:i}", "n", i);
        assert_non_null (f[i]);
    }
    for (int i = 49; i >= 0; i--) {
        int n;
        assert_int_equal (flux_rpc_get_unpack (f[i], "{s:i}", "n", &n), 0);
        assert_int_equal (n, i + 1);
        flux_future_destroy (f[i]);
    }
    assert_true (flux_matchtag_avail (h) == avail);
}

static void stream_get (void **state)
{
    flux_future_t *f = flux_rpc_pack (h, "t.stream", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                                      "{s:i}", "n", 10);
    int i, n = 0;

    while (flux_rpc_get_unpack (f, "{s:i}", "i", &i) == 0) {
        assert_int_equal (i, n++);
        flux_future_reset (f);
    }
    assert_int_equal (errno, ENODATA);
    assert_int_equal (n, 10);
    flux_future_reset (f);
    assert_int_equal (flux_future_wait_for (f, -1.), -1); // the stream has ended
    assert_int_equal (errno, EDEADLOCK);
    flux_future_destroy (f);
}

static void wait_for_timeout (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.hold", NULL, FLUX_NODEID_ANY, 0);

    assert_int_equal (flux_future_wait_for (f, 0.), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (flux_future_wait_for (f, 0.002), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_false (flux_future_is_ready (f));
    flux_future_destroy (f);
}

static void composite_get (void **state)
{
    flux_future_t *all = composite ();

    composite_check (all);
    flux_future_destroy (all);
}

/* A call that has a continuation is waited for nevertheless. */
static void then_and_get (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.echo", "both", FLUX_NODEID_ANY, 0);
    const char *s;

    r = flux_get_reactor (h);
    assert_int_equal (flux_future_then (f, -1., echo_then, "both"), 0);
    assert_int_equal (flux_rpc_get (f, &s), 0);
    assert_string_equal (s, "both");
    assert_int_equal (responses, 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 1);
}

/* While one call is waited for, what is for others is kept. */
static void others_wait (void **state)
{
    flux_future_t *f = flux_rpc (h, "t.echo", "async", FLUX_NODEID_ANY, 0);
    flux_future_t *f2 = flux_rpc (h, "t.echo", "sync", FLUX_NODEID_ANY, 0);

    r = flux_get_reactor (h);
    assert_int_equal (flux_future_then (f, -1., echo_then, "async"), 0);
    assert_int_equal (flux_future_get (f2, NULL), 0);
    assert_int_equal (responses, 0);
    flux_future_destroy (f2);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (responses, 1);
}

static void peer_gone (void **state)
{
    flux_t *p[2];
    flux_future_t *f;

    assert_int_equal (inproc_pair (p), 0);
    f = flux_rpc (p[0], "a.b", NULL, FLUX_NODEID_ANY, 0);
    flux_close (p[1]);
    assert_int_equal (flux_rpc_get (f, NULL), -1);
    assert_int_equal (errno, ECONNRESET);
    flux_future_destroy (f);
    flux_close (p[0]);
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)
#define B(x) cmocka_unit_test_setup_teardown (x, setup_thread, teardown_thread)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (call_then),
        T (many_calls),
        T (stream_call),
        T (stream_flag_is_required),
        T (errors),
        T (destroyed_early),
        T (no_response),
        T (stream_destroyed_early),
        T (reactor_ends_with_the_last_call),
        T (bad_input),
        T (upstream),
        T (composite_then),
        B (call_get),
        B (answers_out_of_order),
        B (stream_get),
        B (wait_for_timeout),
        B (composite_get),
        B (then_and_get),
        B (others_wait),
        cmocka_unit_test (peer_gone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
