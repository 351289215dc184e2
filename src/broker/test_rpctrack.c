/* test_rpctrack.c - requests that have not been answered
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/rpctrack.h"

static flux_msg_t *request (const char *client, uint32_t tag, bool streaming)
{
    flux_msg_t *msg = flux_request_encode ("a.b", "{}");

    flux_msg_route_enable (msg);
    assert_int_equal (flux_msg_route_push (msg, client), 0);
    assert_int_equal (flux_msg_set_matchtag (msg, tag), 0);
    if (streaming)
        assert_int_equal (flux_msg_set_streaming (msg), 0);
    return msg;
}

static void answer (struct rpctrack *rt, const flux_msg_t *req, int errnum)
{
    flux_msg_t *resp = flux_response_derive (req, errnum);

    assert_non_null (resp);
    rpctrack_response (rt, resp);
    flux_msg_destroy (resp);
}

static void test_end (void **state)
{
    struct rpctrack *rt = rpctrack_new ();
    flux_msg_t *one = request ("c1", 1, false);
    flux_msg_t *other = request ("c2", 1, false);
    flux_msg_t *stream = request ("c1", 2, true);

    rpctrack_request (rt, one);
    rpctrack_request (rt, other);
    rpctrack_request (rt, stream);
    assert_int_equal (rpctrack_count (rt), 3);
    answer (rt, one, 0);
    assert_int_equal (rpctrack_count (rt), 2);
    answer (rt, one, 0);
    answer (rt, stream, 0);
    answer (rt, stream, 0);
    assert_int_equal (rpctrack_count (rt), 2);
    answer (rt, stream, ENODATA);
    assert_int_equal (rpctrack_count (rt), 1);
    answer (rt, other, EIO);
    assert_int_equal (rpctrack_count (rt), 0);
    flux_msg_destroy (one);
    flux_msg_destroy (other);
    flux_msg_destroy (stream);
    rpctrack_free (rt);
}

static void test_not_kept (void **state)
{
    struct rpctrack *rt = rpctrack_new ();
    flux_msg_t *quiet = request ("c1", 1, false);
    flux_msg_t *untagged = request ("c1", FLUX_MATCHTAG_NONE, false);

    assert_int_equal (flux_msg_set_noresponse (quiet), 0);
    rpctrack_request (rt, quiet);
    rpctrack_request (rt, untagged);
    assert_int_equal (rpctrack_count (rt), 0);
    flux_msg_destroy (quiet);
    flux_msg_destroy (untagged);
    rpctrack_free (rt);
    rpctrack_free (NULL);
}

static struct rpctrack *the_tracker;

static void on_purge (const flux_msg_t *head, void *arg)
{
    flux_msg_t *more = request ("c9", 9, false);

    assert_false (flux_msg_has_payload (head));
    rpctrack_request (the_tracker, more);
    flux_msg_destroy (more);
    ++*(int *)arg;
}

static void test_purge (void **state)
{
    int n = 0;

    the_tracker = rpctrack_new ();
    for (int i = 1; i <= 50; i++) {
        flux_msg_t *msg = request ("c1", i, false);
        rpctrack_request (the_tracker, msg);
        flux_msg_destroy (msg);
    }
    rpctrack_purge (the_tracker, on_purge, &n);
    assert_int_equal (n, 50);
    assert_int_equal (rpctrack_count (the_tracker), 1);
    rpctrack_free (the_tracker);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_end),
        cmocka_unit_test (test_not_kept),
        cmocka_unit_test (test_purge),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
