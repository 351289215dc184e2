/* test_module.c - what a module and its loader do, and the standard methods
 *
 * A module in a thread; the test plays the broker at the other end.
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
#include "core/module_state.h"

static flux_t *pair[2];
static flux_t *b;        /* the broker's end */
static pthread_t thread;
static bool with_requests_left;

static void *module_main (void *arg)
{
    flux_t *h = pair[1];
    flux_error_t err;
    char *args = NULL;
    uint32_t rank;
    int n;

    assert_int_equal (flux_module_initialize (h, &args, &err), 0);
    assert_string_equal (args, "a=1 b");
    assert_string_equal (flux_aux_get (h, "flux::name"), "mod");
    assert_string_equal (flux_aux_get (h, "flux::uuid"), "11112222-aaaa");
    assert_int_equal (flux_get_rank (h, &rank), 0);
    assert_int_equal (rank, 5);
    assert_int_equal (flux_conf_unpack (flux_get_conf (h), &err, "{s:i}", "n", &n), 0);
    assert_int_equal (n, 9);
    free (args);
    assert_int_equal (flux_module_register_handlers (h, &err), 0);
    assert_false (flux_module_debug_test (h, 1, false));
    assert_true (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    assert_int_equal (flux_module_finalize (h, 0, &err), 0);
    return NULL;
}

/* The next request of the module, which must have this topic. */
static flux_msg_t *expect (const char *topic)
{
    flux_msg_t *msg = flux_recv (b, FLUX_MATCH_REQUEST, 0);
    const char *s;

    assert_non_null (msg);
    assert_int_equal (flux_request_decode (msg, &s, NULL), 0);
    assert_string_equal (s, topic);
    return msg;
}

static void expect_status (int expected, bool response)
{
    flux_msg_t *msg = expect ("module.status");
    int status;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:i}", "status", &status), 0);
    assert_int_equal (status, expected);
    assert_true (flux_msg_is_noresponse (msg) == !response);
    if (response)
        assert_int_equal (flux_respond (b, msg, NULL), 0);
    flux_msg_decref (msg);
}

static void send_welcome (const char *args)
{
    flux_msg_t *msg = flux_request_encode ("welcome", NULL);

    assert_int_equal (flux_msg_pack (msg, "{s:o s:{s:s} s:{s:i} s:s s:s}",
                                     "args", json_loads (args, 0, NULL),
                                     "attrs", "rank", "5", "conf", "n", 9,
                                     "name", "mod", "uuid", "11112222-aaaa"), 0);
    assert_int_equal (flux_send_new (b, &msg, 0), 0);
}

static int setup (void **state)
{
    uint32_t rolemask = FLUX_ROLE_OWNER;

    with_requests_left = false;
    if (inproc_pair (pair) < 0)
        return -1;
    b = pair[0];
    return flux_opt_set (b, FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof (rolemask));
}

static int start (void **state)
{
    flux_msg_t *msg;

    if (setup (state) < 0)
        return -1;
    send_welcome ("[\"a=1\",\"b\"]");
    if (pthread_create (&thread, NULL, module_main, NULL) < 0)
        return -1;
    msg = expect ("event.subscribe");
    if (flux_respond (b, msg, NULL) < 0)
        return -1;
    flux_msg_decref (msg);
    expect_status (MODULE_STATE_RUNNING, false);
    return 0;
}

static int finish (void **state)
{
    flux_future_t *f = flux_rpc (b, "mod.shutdown", NULL, FLUX_NODEID_ANY,
                                 FLUX_RPC_NORESPONSE);
    flux_msg_t *msg;
    flux_future_t *late = NULL;

    flux_future_destroy (f);
    msg = expect ("module.status");
    if (with_requests_left)
        late = flux_rpc (b, "mod.ping", "{}", FLUX_NODEID_ANY, 0);
    if (flux_respond (b, msg, NULL) < 0)
        return -1;
    flux_msg_decref (msg);
    expect_status (MODULE_STATE_EXITED, false);
    if (late && (flux_rpc_get (late, NULL) == 0 || errno != ENOSYS))
        return -1;
    flux_future_destroy (late);
    pthread_join (thread, NULL);
    flux_close (pair[0]);
    flux_close (pair[1]);
    return 0;
}

static void life (void **state)
{
    with_requests_left = true;
}

static void ping (void **state)
{
    flux_future_t *f = flux_rpc_pack (b, "mod.ping", FLUX_NODEID_ANY, 0, "{s:i s:s}",
                                      "seq", 3, "pad", "xx");
    const char *pad, *route;
    int seq;
    json_int_t userid, rolemask;

    assert_int_equal (flux_rpc_get_unpack (f, "{s:i s:s s:s s:I s:I}", "seq", &seq,
                                           "pad", &pad, "route", &route,
                                           "userid", &userid, "rolemask", &rolemask), 0);
    assert_int_equal (seq, 3);
    assert_string_equal (pad, "xx");
    assert_non_null (strstr (route, "11112"));
    assert_int_equal (rolemask, FLUX_ROLE_OWNER);
    flux_future_destroy (f);
    f = flux_rpc (b, "mod.ping", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get (f, NULL), -1);
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);
}

static void stats (void **state)
{
    flux_future_t *f = flux_rpc (b, "mod.stats-get", NULL, FLUX_NODEID_ANY, 0);
    int rx, tx;

    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:i} s:{s:i}}", "tx", "request", &tx,
                                           "rx", "request", &rx), 0);
    assert_true (rx >= 1);
    assert_true (tx >= 1);
    flux_future_destroy (f);
    f = flux_rpc (b, "mod.stats-clear", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get (f, NULL), 0);
    flux_future_destroy (f);
    f = flux_rpc (b, "mod.stats-get", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:i}}", "rx", "request", &rx), 0);
    assert_int_equal (rx, 1);
    flux_future_destroy (f);
}

static void stats_clear_event (void **state)
{
    flux_msg_t *msg = flux_event_encode ("mod.stats-clear", NULL);
    flux_future_t *f;
    int rx;

    assert_int_equal (flux_send_new (b, &msg, 0), 0);
    f = flux_rpc (b, "mod.stats-get", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:i}}", "rx", "event", &rx), 0);
    assert_int_equal (rx, 0);
    flux_future_destroy (f);
}

static void rusage (void **state)
{
    flux_future_t *f = flux_rpc (b, "mod.rusage", NULL, FLUX_NODEID_ANY, 0);
    double utime;
    json_int_t maxrss;

    assert_int_equal (flux_rpc_get_unpack (f, "{s:f s:I}", "utime", &utime,
                                           "maxrss", &maxrss), 0);
    assert_true (maxrss > 0);
    flux_future_destroy (f);
    f = flux_rpc_pack (b, "mod.rusage", FLUX_NODEID_ANY, 0, "{s:s}", "who", "self");
    assert_int_equal (flux_rpc_get (f, NULL), 0);
    flux_future_destroy (f);
    f = flux_rpc_pack (b, "mod.rusage", FLUX_NODEID_ANY, 0, "{s:s}", "who", "nobody");
    assert_int_equal (flux_rpc_get (f, NULL), -1);
    assert_int_equal (errno, EINVAL);
    flux_future_destroy (f);
}

static int debug (const char *op, int flags)
{
    flux_future_t *f = flux_rpc_pack (b, "mod.debug", FLUX_NODEID_ANY, 0, "{s:s s:i}",
                                      "op", op, "flags", flags);
    int result = -1;

    (void)flux_rpc_get_unpack (f, "{s:i}", "flags", &result);
    flux_future_destroy (f);
    return result;
}

static void debug_flags (void **state)
{
    assert_int_equal (debug ("setbit", 0x5), 0x5);
    assert_int_equal (debug ("clrbit", 0x1), 0x4);
    assert_int_equal (debug ("set", 0x30), 0x30);
    assert_int_equal (debug ("clr", 0), 0);
    assert_int_equal (debug ("what", 1), -1);
    assert_int_equal (errno, EPROTO);
}

static void config_reload (void **state)
{
    flux_future_t *f = flux_rpc_pack (b, "mod.config-reload", FLUX_NODEID_ANY, 0,
                                      "{s:i}", "n", 10);

    assert_int_equal (flux_rpc_get (f, NULL), 0);
    flux_future_destroy (f);
    f = flux_rpc (b, "mod.config-reload", NULL, FLUX_NODEID_ANY, 0);
    assert_int_equal (flux_rpc_get (f, NULL), -1);
    assert_int_equal (errno, EPROTO);
    flux_future_destroy (f);
}

/* Without a thread: errors. */
static int close_pair (void **state)
{
    flux_close (pair[0]);
    flux_close (pair[1]);
    return 0;
}

static void bad_welcome (void **state)
{
    flux_error_t err;
    flux_msg_t *msg = flux_request_encode ("welcome", "{\"args\":[]}");

    assert_int_equal (flux_send_new (b, &msg, 0), 0);
    assert_int_equal (flux_module_initialize (pair[1], NULL, &err), -1);
    assert_int_equal (errno, EPROTO);
    assert_non_null (strstr (err.text, "welcome"));
    send_welcome ("[1]");
    assert_int_equal (flux_module_initialize (pair[1], NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    send_welcome ("{}");
    assert_int_equal (flux_module_initialize (pair[1], NULL, NULL), -1);
    assert_int_equal (errno, EPROTO);
    send_welcome ("[]");
    assert_int_equal (flux_module_initialize (pair[1], NULL, NULL), 0);
}

static void bad_input (void **state)
{
    flux_msg_handler_t **handlers;
    flux_error_t err;
    flux_conf_t *conf;

    assert_int_equal (flux_module_initialize (NULL, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_module_set_running (NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_module_register_handlers (pair[1], &err), -1); // no name
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_module_finalize (NULL, 0, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_false (flux_module_debug_test (NULL, 1, true));
    assert_int_equal (flux_module_config_request_decode (NULL, &conf), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_register_default_methods (NULL, "x", &handlers), -1);
    assert_int_equal (flux_register_default_methods (pair[1], NULL, &handlers), -1);
    assert_int_equal (flux_register_default_methods (pair[1], "x", NULL), -1);
    assert_int_equal (errno, EINVAL);
}

static void debug_test_clears (void **state)
{
    int flags = 0x3;

    assert_int_equal (flux_aux_set (pair[1], MODULE_DEBUG_AUX, &flags, NULL), 0);
    assert_true (flux_module_debug_test (pair[1], 0x1, true));
    assert_false (flux_module_debug_test (pair[1], 0x1, false));
    assert_true (flux_module_debug_test (pair[1], 0x2, false));
    assert_true (flux_module_debug_test (pair[1], 0x2, false));
}

#define M(x) cmocka_unit_test_setup_teardown (x, start, finish)
#define T(x) cmocka_unit_test_setup_teardown (x, setup, close_pair)

int main (void)
{
    const struct CMUnitTest tests[] = {
        M (life),
        M (ping),
        M (stats),
        M (stats_clear_event),
        M (rusage),
        M (debug_flags),
        M (config_reload),
        T (bad_welcome),
        T (bad_input),
        T (debug_test_clears),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
