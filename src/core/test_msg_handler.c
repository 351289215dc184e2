/* test_msg_handler.c - dispatch of messages to callbacks
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/msg_handler.h>
#include <flux/core/reactor.h>
#include <flux/core/response.h>
#include <flux/core/watcher.h>

#include "core/connector_private.h"
#include "core/dispatch.h"
#include "core/message_private.h"

/* Each callback adds its letter to the log. */
static char calls[256];
static flux_t *h;
static flux_reactor_t *r;

static void note (const char *s)
{
    size_t n = strlen (calls);
    snprintf (calls + n, sizeof (calls) - n, "%s", s);
}

static int setup (void **state)
{
    calls[0] = '\0';
    if (!(h = connector_loop_init ("", 0, NULL)))
        return -1;
    r = flux_get_reactor (h);
    return r ? 0 : -1;
}

static int teardown (void **state)
{
    flux_close (h);
    return 0;
}

static void note_cb (flux_t *handle, flux_msg_handler_t *mh,
                     const flux_msg_t *msg, void *arg)
{
    note (arg);
}

static flux_msg_handler_t *handler (int type, const char *topic,
                                    flux_msg_handler_f cb, void *arg)
{
    struct flux_match m = { .typemask = type, .topic_glob = topic };
    flux_msg_handler_t *mh = flux_msg_handler_create (h, m, cb, arg);

    assert_non_null (mh);
    flux_msg_handler_start (mh);
    return mh;
}

static flux_msg_t *message (int type, const char *topic)
{
    flux_msg_t *msg = flux_msg_create (type);

    assert_non_null (msg);
    if (topic)
        assert_int_equal (flux_msg_set_topic (msg, topic), 0);
    return msg;
}

static void send (int type, const char *topic)
{
    flux_msg_t *msg = message (type, topic);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
}

static void run (void)
{
    assert_true (flux_reactor_run (r, FLUX_REACTOR_NOWAIT) >= 0);
}

/* Run, then compare and clear the log. */
static void expect (const char *s)
{
    run ();
    assert_string_equal (calls, s);
    calls[0] = '\0';
}

static void requests (void **state)
{
    const int R = FLUX_MSGTYPE_REQUEST;
    flux_msg_handler_t *mh[5];

    mh[0] = handler (R, "a.*", note_cb, "0");
    mh[1] = handler (R, "a.b", note_cb, "1");
    mh[2] = handler (R, "a.b", note_cb, "2");
    mh[3] = handler (FLUX_MSGTYPE_EVENT, "a.b", note_cb, "3");
    mh[4] = handler (R, NULL, note_cb, "4");
    send (R, "a.b");      /* exact before glob, newest first */
    expect ("2");
    send (R, "a.c");      /* newest glob */
    expect ("4");
    flux_msg_handler_stop (mh[2]);
    flux_msg_handler_stop (mh[2]);
    flux_msg_handler_stop (mh[4]);
    send (R, "a.b");
    expect ("1");
    send (R, "a.c");
    expect ("0");
    flux_msg_handler_start (mh[1]);
    flux_msg_handler_start (mh[2]); /* restarted: still newer than 1 */
    send (R, "a.b");
    expect ("2");
    flux_msg_handler_stop (mh[1]);
    flux_msg_handler_stop (mh[2]);
    flux_msg_handler_start (mh[2]);
    flux_msg_handler_start (mh[1]); /* order is that of creation */
    send (R, "a.b");
    expect ("2");
    for (int i = 0; i < 5; i++)
        flux_msg_handler_destroy (mh[i]);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

static void events (void **state)
{
    const int E = FLUX_MSGTYPE_EVENT;
    flux_msg_handler_t *mh[4];

    mh[0] = handler (E, "a.*", note_cb, "0");
    mh[1] = handler (E, "a.b", note_cb, "1");
    mh[2] = handler (0, "a.b", note_cb, "2");
    mh[3] = handler (FLUX_MSGTYPE_ANY, NULL, note_cb, "3");
    send (E, "a.b");
    expect ("2130");
    send (E, "b");
    expect ("3");
    send (FLUX_MSGTYPE_CONTROL, NULL);
    expect ("3");
    for (int i = 0; i < 4; i++)
        flux_msg_handler_destroy (mh[i]);
}

static void respond_cb (flux_t *handle, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    int errnum;
    const char *s = "";

    assert_int_equal (flux_msg_get_errnum (msg, &errnum), 0);
    (void)flux_msg_get_string (msg, &s);
    note (errnum == ENOSYS ? "ENOSYS:" : errnum == EPERM ? "EPERM:" : "?:");
    note (s ? s : "-");
}

static void nobody (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_RESPONSE, NULL, respond_cb,
                                      NULL);
    flux_msg_t *msg;

    send (FLUX_MSGTYPE_REQUEST, "svc.foo.bar");
    expect ("ENOSYS:service 'svc' has no method 'foo.bar'");
    send (FLUX_MSGTYPE_REQUEST, "svc");
    expect ("ENOSYS:no service method matches 'svc'");
    msg = message (FLUX_MSGTYPE_REQUEST, "svc.x");
    flux_msg_set_noresponse (msg);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    expect ("");
    send (FLUX_MSGTYPE_EVENT, "svc.x");
    expect ("");
    send (FLUX_MSGTYPE_REQUEST, NULL); /* not valid: no topic to answer with */
    expect ("");
    flux_msg_handler_destroy (mh);
}

static void send_as (uint32_t rolemask)
{
    flux_msg_t *msg = message (FLUX_MSGTYPE_REQUEST, "a.b");
    struct flux_msg_cred cred = { .userid = 100, .rolemask = rolemask };

    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    run ();
}

static void roles (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_REQUEST, "a.b", note_cb, "+");
    flux_msg_handler_t *rmh = handler (FLUX_MSGTYPE_RESPONSE, NULL, respond_cb,
                                       NULL);

    send_as (FLUX_ROLE_OWNER);
    expect ("+");
    send_as (FLUX_ROLE_USER);
    expect ("EPERM:a.b requires the instance owner");
    send_as (FLUX_ROLE_NONE);
    expect ("EPERM:a.b requires the instance owner");
    flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_ADMIN);
    send_as (FLUX_ROLE_USER | FLUX_ROLE_LOCAL);
    expect ("EPERM:a.b requires the instance owner or an administrator");
    send_as (FLUX_ROLE_USER | FLUX_ROLE_ADMIN);
    expect ("+");
    flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_USER);
    send_as (FLUX_ROLE_USER);
    expect ("+");
    flux_msg_handler_deny_rolemask (mh, FLUX_ROLE_ALL);
    send_as (FLUX_ROLE_USER);
    expect ("EPERM:a.b requires the instance owner");
    send_as (FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL);
    expect ("+");
    flux_msg_handler_destroy (mh);
    flux_msg_handler_destroy (rmh);
    flux_msg_handler_allow_rolemask (NULL, 1);
}

/* An event or response without a role that is allowed vanishes. */
static void roles_of_others (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, "a", note_cb, "e");
    flux_msg_handler_t *mh2 = handler (FLUX_MSGTYPE_EVENT, "a", note_cb, "f");
    flux_msg_t *msg = message (FLUX_MSGTYPE_EVENT, "a");
    struct flux_msg_cred cred = { .userid = 100, .rolemask = FLUX_ROLE_USER };

    flux_msg_handler_allow_rolemask (mh2, FLUX_ROLE_USER);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    expect ("f");
    flux_msg_handler_destroy (mh);
    flux_msg_handler_destroy (mh2);
}

static void response (uint32_t tag, int errnum, bool streaming,
                      const char *route)
{
    flux_msg_t *msg = message (FLUX_MSGTYPE_RESPONSE, "a.b");

    assert_int_equal (flux_msg_set_matchtag (msg, tag), 0);
    assert_int_equal (flux_msg_set_errnum (msg, errnum), 0);
    if (streaming)
        assert_int_equal (flux_msg_set_streaming (msg), 0);
    if (route) {
        flux_msg_route_enable (msg);
        assert_int_equal (flux_msg_route_push (msg, route), 0);
    }
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
}

static void rpc_cb (flux_t *handle, const flux_msg_t *msg, void *arg)
{
    note (arg);
}

static void rpc_del_cb (flux_t *handle, const flux_msg_t *msg, void *arg)
{
    note (arg);
    dispatch_rpc_del (handle, msg->matchtag);
    assert_int_equal (
        dispatch_rpc_add (handle, msg->matchtag, rpc_cb, "again"), 0);
}

static void rpcs (void **state)
{
    uint32_t tag = flux_matchtag_alloc (h);
    uint32_t tag2 = flux_matchtag_alloc (h);
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_RESPONSE, "a.b", note_cb,
                                      "*");

    assert_int_equal (dispatch_rpc_add (h, tag, rpc_cb, "1"), 0);
    assert_int_equal (dispatch_rpc_add (h, tag, rpc_cb, "1"), -EEXIST);
    assert_int_equal (dispatch_rpc_add (h, 0, rpc_cb, "1"), -EINVAL);
    assert_int_equal (dispatch_rpc_add (h, 4000000000u, rpc_cb, "1"), -EINVAL);
    assert_int_equal (dispatch_rpc_add (NULL, tag, rpc_cb, "1"), -EINVAL);
    assert_int_equal (dispatch_rpc_add (h, tag2, rpc_del_cb, "2"), 0);
    response (tag, 0, false, NULL);
    response (tag2, 0, false, NULL);
    response (tag2, 0, false, NULL);
    response (tag, 0, false, "route"); /* someone else's tag */
    expect ("12again*");
    dispatch_rpc_del (h, tag);
    dispatch_rpc_del (h, tag);
    dispatch_rpc_del (h, 77);
    dispatch_rpc_del (NULL, 1);
    response (tag, 0, false, NULL);
    expect ("*");
    dispatch_rpc_del (h, tag2);
    flux_msg_handler_destroy (mh);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

/* A handler for a matchtag goes before any other. */
static void matchtag_handler (void **state)
{
    struct flux_match m = FLUX_MATCH_RESPONSE;
    flux_msg_handler_t *mh, *mh2;

    m.matchtag = flux_matchtag_alloc (h);
    mh = flux_msg_handler_create (h, m, note_cb, "tag");
    flux_msg_handler_start (mh);
    mh2 = handler (FLUX_MSGTYPE_RESPONSE, NULL, note_cb, "any");
    response (m.matchtag, 0, false, NULL);
    expect ("tag");
    response (m.matchtag + 1, 0, false, NULL);
    expect ("any");
    flux_msg_handler_destroy (mh);
    flux_msg_handler_destroy (mh2);
}

/* Responses that nobody waits for give their matchtag back, at the end. */
static void unclaimed (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, NULL, note_cb, "");
    uint32_t avail = flux_matchtag_avail (h);
    uint32_t tag[4];

    for (int i = 0; i < 4; i++)
        tag[i] = flux_matchtag_alloc (h);
    response (tag[0], 0, false, NULL);
    response (tag[1], 0, true, NULL);
    response (tag[2], ENODATA, true, NULL);
    response (tag[3], 0, false, "route");
    run ();
    assert_int_equal (flux_matchtag_avail (h), avail - 2);
    response (tag[1], ENODATA, false, NULL);
    run ();
    assert_int_equal (flux_matchtag_avail (h), avail - 1);
    flux_msg_handler_destroy (mh);
}

/* Handlers that change handlers */

static flux_msg_handler_t *victims[3];

static void destroy_all_cb (flux_t *handle, flux_msg_handler_t *mh,
                            const flux_msg_t *msg, void *arg)
{
    note (arg);
    for (int i = 0; i < 3; i++) {
        flux_msg_handler_destroy (victims[i]);
        victims[i] = NULL;
    }
}

static void destroy_within (void **state)
{
    for (int i = 0; i < 3; i++)
        victims[i] = handler (FLUX_MSGTYPE_EVENT, i == 1 ? "*" : "e",
                              destroy_all_cb, "x");
    send (FLUX_MSGTYPE_EVENT, "e");
    expect ("x");
    victims[0] = handler (FLUX_MSGTYPE_REQUEST, "q", destroy_all_cb, "q");
    send (FLUX_MSGTYPE_REQUEST, "q");
    expect ("q");
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

static void create_cb (flux_t *handle, flux_msg_handler_t *mh,
                       const flux_msg_t *msg, void *arg)
{
    note ("c");
    if (!victims[0])
        victims[0] = handler (FLUX_MSGTYPE_EVENT, "e", note_cb, "n");
}

static void create_within (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, "e", create_cb, NULL);

    send (FLUX_MSGTYPE_EVENT, "e");
    expect ("c");
    send (FLUX_MSGTYPE_EVENT, "e");
    expect ("nc");
    flux_msg_handler_destroy (victims[0]);
    victims[0] = NULL;
    flux_msg_handler_destroy (mh);
}

static void many_recipients (void **state)
{
    flux_msg_handler_t *mh[100];

    for (int i = 0; i < 100; i++)
        mh[i] = handler (FLUX_MSGTYPE_EVENT, i % 2 ? "e" : NULL, note_cb, ".");
    send (FLUX_MSGTYPE_EVENT, "e");
    run ();
    assert_int_equal (strlen (calls), 100);
    for (int i = 0; i < 100; i++)
        flux_msg_handler_destroy (mh[i]);
}

static void close_cb (flux_t *handle, flux_msg_handler_t *mh,
                      const flux_msg_t *msg, void *arg)
{
    note ("x");
    flux_close (handle);
}

/* The handle goes away within a callback, and its handlers after it. */
static void close_within (void **state)
{
    flux_reactor_t *r2 = flux_reactor_create (0);
    flux_t *h2 = connector_loop_init ("", 0, NULL);
    flux_msg_handler_t *mh;
    flux_msg_t *msg = message (FLUX_MSGTYPE_EVENT, "e");

    assert_int_equal (flux_set_reactor (h2, r2), 0);
    mh = flux_msg_handler_create (h2, FLUX_MATCH_EVENT, close_cb, NULL);
    flux_msg_handler_start (mh);
    assert_int_equal (flux_send (h2, msg, 0), 0);
    assert_int_equal (flux_send (h2, msg, 0), 0);
    assert_int_equal (flux_reactor_run (r2, 0), 0);
    assert_string_equal (calls, "x");
    flux_msg_handler_start (mh);
    flux_msg_handler_destroy (mh);
    flux_reactor_destroy (r2);
    flux_msg_destroy (msg);
}

static void stop_cb (flux_t *handle, flux_msg_handler_t *mh,
                     const flux_msg_t *msg, void *arg)
{
    note ("s");
    flux_reactor_stop (flux_get_reactor (handle));
}

static void reactor_stops_at_once (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, "e", stop_cb, NULL);

    send (FLUX_MSGTYPE_EVENT, "e");
    send (FLUX_MSGTYPE_EVENT, "e");
    assert_int_equal (flux_reactor_run (r, 0), 1);
    assert_string_equal (calls, "s");
    assert_int_equal (flux_reactor_run (r, 0), 1);
    assert_string_equal (calls, "ss");
    flux_msg_handler_destroy (mh);
}

static void timer_stop_cb (flux_reactor_t *reactor, flux_watcher_t *w,
                           int revents, void *arg)
{
    flux_reactor_stop (reactor);
}

static void resend_cb (flux_t *handle, flux_msg_handler_t *mh,
                       const flux_msg_t *msg, void *arg)
{
    assert_int_equal (flux_send (handle, msg, 0), 0);
}

/* A message that begets itself does not starve a timer. */
static void fair (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, "e", resend_cb, NULL);
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.001, 0., timer_stop_cb,
                                                   NULL);

    flux_watcher_start (w);
    send (FLUX_MSGTYPE_EVENT, "e");
    assert_int_equal (flux_reactor_run (r, 0), 1);
    flux_msg_handler_destroy (mh);
    flux_watcher_destroy (w);
}

/* A clone keeps what is not its own for the others. */
static void clones (void **state)
{
    flux_t *clone = flux_clone (h);
    flux_reactor_t *r2 = flux_reactor_create (0);
    struct flux_match m = FLUX_MATCH_EVENT;
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, NULL, note_cb, "o");
    flux_msg_handler_t *mh2;
    flux_msg_t *msg;

    assert_int_equal (flux_set_reactor (clone, r2), 0);
    m.topic_glob = "mine";
    mh2 = flux_msg_handler_create (clone, m, note_cb, "c");
    flux_msg_handler_start (mh2);
    send (FLUX_MSGTYPE_EVENT, "a");
    send (FLUX_MSGTYPE_EVENT, "mine");
    send (FLUX_MSGTYPE_REQUEST, "b");
    send (FLUX_MSGTYPE_EVENT, "c");
    assert_true (flux_reactor_run (r2, FLUX_REACTOR_NOWAIT) >= 0);
    assert_string_equal (calls, "c");
    msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    assert_null (msg);
    assert_int_equal (flux_dispatch_requeue (clone), 0);
    const char *topics[] = { "a", "b", "c" };
    for (int i = 0; i < 3; i++) {
        msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
        assert_non_null (msg);
        assert_string_equal (msg_topic (msg), topics[i]);
        flux_msg_destroy (msg);
    }
    /* closed with messages put aside: they are not lost */
    calls[0] = '\0';
    send (FLUX_MSGTYPE_EVENT, "d");
    assert_true (flux_reactor_run (r2, FLUX_REACTOR_NOWAIT) >= 0);
    flux_msg_handler_destroy (mh2);
    flux_close (clone);
    flux_reactor_destroy (r2);
    expect ("o");
    assert_int_equal (flux_dispatch_requeue (h), 0);
    flux_msg_handler_destroy (mh);
}

static void requeued_messages (void **state)
{
    flux_msg_handler_t *mh = handler (FLUX_MSGTYPE_EVENT, "e", note_cb, "e");
    flux_msg_t *msg = message (FLUX_MSGTYPE_EVENT, "e");
    struct flux_msg_cred owner = { .userid = 1, .rolemask = FLUX_ROLE_OWNER };

    assert_int_equal (flux_msg_set_cred (msg, owner), 0);
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_TAIL), 0);
    expect ("e");
    flux_msg_destroy (msg);
    flux_msg_handler_destroy (mh);
}

static void tables (void **state)
{
    static const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "svc.a", note_cb, FLUX_ROLE_USER },
        { FLUX_MSGTYPE_EVENT, "ev", note_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    static const struct flux_msg_handler_spec methods[] = {
        { FLUX_MSGTYPE_REQUEST, "m", note_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "o.*", note_cb, 0 },
        { FLUX_MSGTYPE_EVENT, "ev", note_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    static const struct flux_msg_handler_spec bad[] = {
        { FLUX_MSGTYPE_REQUEST, "x", note_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "y", NULL, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **v = NULL, **v2 = NULL;

    assert_int_equal (flux_msg_handler_addvec (h, tab, "t", &v), 0);
    assert_non_null (v[0]);
    assert_non_null (v[1]);
    assert_null (v[2]);
    assert_int_equal (flux_msg_handler_addvec_ex (h, "two", methods, "m", &v2),
                      0);
    send (FLUX_MSGTYPE_REQUEST, "svc.a");
    send (FLUX_MSGTYPE_REQUEST, "two.m");
    send (FLUX_MSGTYPE_REQUEST, "two.o.k");
    send (FLUX_MSGTYPE_EVENT, "ev");
    expect ("tmmmt");
    flux_msg_handler_delvec (v2);
    v2 = NULL;
    errno = 0;
    assert_int_equal (flux_msg_handler_addvec (h, bad, NULL, &v2), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (v2);
    flux_msg_handler_delvec (v);
    flux_msg_handler_delvec (NULL);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

static void bad_input (void **state)
{
    errno = 0;
    assert_null (flux_msg_handler_create (NULL, FLUX_MATCH_ANY, note_cb, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_msg_handler_create (h, FLUX_MATCH_ANY, NULL, NULL));
    assert_int_equal (flux_msg_handler_addvec (h, NULL, NULL, NULL), -1);
    assert_null (flux_get_handle_watcher (NULL));
    assert_int_equal (flux_dispatch_requeue (NULL), -1);
    flux_msg_handler_start (NULL);
    flux_msg_handler_stop (NULL);
    flux_msg_handler_destroy (NULL);
}

static void handle_watcher_runs (void **state)
{
    flux_watcher_t *w = flux_get_handle_watcher (h);
    flux_msg_handler_t *mh;

    assert_non_null (w);
    assert_false (flux_watcher_is_active (w));
    mh = handler (FLUX_MSGTYPE_EVENT, "e", note_cb, "e");
    assert_true (flux_watcher_is_active (w));
    flux_watcher_unref (w);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_watcher_ref (w);
    flux_msg_handler_stop (mh);
    assert_false (flux_watcher_is_active (w));
    flux_msg_handler_destroy (mh);
}

#define T(fn) cmocka_unit_test_setup_teardown (fn, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (requests), T (events), T (nobody), T (roles), T (roles_of_others),
        T (rpcs), T (matchtag_handler), T (unclaimed), T (destroy_within),
        T (create_within), T (many_recipients), T (close_within),
        T (reactor_stops_at_once), T (fair), T (clones), T (requeued_messages),
        T (tables), T (bad_input), T (handle_watcher_runs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
