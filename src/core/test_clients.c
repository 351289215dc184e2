/* test_clients.c - attributes, logging, services, events, hosts, heartbeat,
 * against a stand-in for the broker in a thread of its own
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>
#include <cmocka.h>
#include <flux/core.h>

#include "base/base64.h"
#include "core/attr_flags.h"
#include "core/inproc.h"

static flux_t *pair[2];
static flux_t *h;
static pthread_t thread;

/* What the stand-in has seen; read after a call was answered, or at the end. */
static int attr_gets;
static char attr_value[32];
static char last_log[512];
static char last_topic[64];
static char last_payload[256];
static int last_flags;

static void attr_get_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name = "";
    int rc;

    attr_gets++;
    (void)flux_request_unpack (msg, NULL, "{s:s}", "name", &name);
    if (!strcmp (name, "rank"))
        rc = flux_respond_pack (b, msg, "{s:s s:i}", "value", "3", "flags", ATTR_IMMUTABLE);
    else if (!strcmp (name, "size"))
        rc = flux_respond_pack (b, msg, "{s:s s:i}", "value", "8x", "flags", ATTR_IMMUTABLE);
    else if (!strcmp (name, "hostlist"))
        rc = flux_respond_pack (b, msg, "{s:s s:i}", "value", "node[0-3],login", "flags", 0);
    else if (!strcmp (name, "broker.starttime"))
        rc = flux_respond_pack (b, msg, "{s:s s:i}", "value", "1234.5", "flags", 0);
    else if (!strcmp (name, "mutable"))
        rc = flux_respond_pack (b, msg, "{s:s s:i}", "value", attr_value, "flags", 0);
    else
        rc = flux_respond_error (b, msg, ENOENT, NULL);
    assert_int_equal (rc, 0);
}

static void attr_set_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name, *value;
    int force;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s s:s s:b}", "name", &name,
                                           "value", &value, "force", &force), 0);
    if (strcmp (name, "mutable") != 0 && !force) {
        assert_int_equal (flux_respond_error (b, msg, EPERM, "it may not be changed"), 0);
        return;
    }
    snprintf (attr_value, sizeof (attr_value), "%s", value);
    assert_int_equal (flux_respond (b, msg, NULL), 0);
}

static void log_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const void *data;
    size_t len;

    assert_int_equal (flux_request_decode_raw (msg, NULL, &data, &len), 0);
    assert_true (flux_msg_is_noresponse (msg));
    snprintf (last_log, sizeof (last_log), "%.*s", (int)len, (const char *)data);
}

static void publish_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic;
    const char *payload = NULL;
    size_t len = 0;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s s:i s?s}", "topic", &topic,
                                           "flags", &last_flags, "payload", &payload), 0);
    snprintf (last_topic, sizeof (last_topic), "%s", topic);
    memset (last_payload, 'x', sizeof (last_payload));
    if (payload)
        assert_int_equal (base64_decode (payload, strlen (payload), last_payload, &len), 0);
    assert_int_equal (flux_respond_pack (b, msg, "{s:i}", "seq", 42), 0);
}

static void topic_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic), 0);
    snprintf (last_topic, sizeof (last_topic), "%s", topic);
    if (!flux_msg_is_noresponse (msg))
        assert_int_equal (flux_respond (b, msg, NULL), 0);
}

static void service_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s}", "service", &name), 0);
    if (!strcmp (name, "taken"))
        assert_int_equal (flux_respond_error (b, msg, EEXIST, NULL), 0);
    else
        assert_int_equal (flux_respond (b, msg, NULL), 0);
}

/* Send n heartbeats. */
static void pulse_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int n;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:i}", "n", &n), 0);
    while (n-- > 0) {
        flux_msg_t *event = flux_event_encode ("heartbeat.pulse", NULL);
        assert_int_equal (flux_send_new (b, &event, 0), 0);
    }
}

/* Answered after all that was sent before. */
static void barrier_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    assert_int_equal (flux_respond (b, msg, NULL), 0);
}

static void stop_cb (flux_t *b, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (b));
}

static const struct flux_msg_handler_spec spec[] = {
    { FLUX_MSGTYPE_REQUEST, "attr.get", attr_get_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attr.set", attr_set_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attr.rm", barrier_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.append", log_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.publish", publish_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.subscribe", topic_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.unsubscribe", topic_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "service.*", service_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "pulse", pulse_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "barrier", barrier_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "stop", stop_cb, 0 },
    { 0, NULL, NULL, 0 },
};

static void *broker_main (void *arg)
{
    flux_msg_handler_t **handlers;

    if (flux_msg_handler_addvec (pair[1], spec, NULL, &handlers) < 0)
        return NULL;
    flux_reactor_run (flux_get_reactor (pair[1]), 0);
    flux_msg_handler_delvec (handlers);
    return NULL;
}

static int setup (void **state)
{
    uint32_t rolemask = FLUX_ROLE_OWNER;

    attr_gets = 0;
    attr_value[0] = last_log[0] = last_topic[0] = '\0';
    if (inproc_pair (pair) < 0)
        return -1;
    h = pair[0];
    for (int i = 0; i < 2; i++) {
        if (flux_opt_set (pair[i], FLUX_OPT_TESTING_ROLEMASK, &rolemask,
                          sizeof (rolemask)) < 0)
            return -1;
    }
    return pthread_create (&thread, NULL, broker_main, NULL);
}

static void tell (const char *topic, int n)
{
    flux_future_t *f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                                      "{s:i}", "n", n);

    assert_non_null (f);
    flux_future_destroy (f);
}

static void sync_with_broker (void)
{
    flux_future_t *f = flux_rpc (h, "barrier", NULL, FLUX_NODEID_ANY, 0);

    assert_int_equal (flux_rpc_get (f, NULL), 0);
    flux_future_destroy (f);
}

static int teardown (void **state)
{
    tell ("stop", 0);
    pthread_join (thread, NULL);
    flux_close (pair[0]);
    flux_close (pair[1]);
    return 0;
}

/*
 * Attributes
 */

static void attr_cached (void **state)
{
    const char *s;
    uint32_t rank = 0, size = 0;

    assert_null (flux_attr_cache_first (h));
    assert_non_null ((s = flux_attr_get (h, "rank")));
    assert_string_equal (s, "3");
    assert_ptr_equal (flux_attr_get (h, "rank"), s);
    assert_int_equal (flux_get_rank (h, &rank), 0);
    assert_int_equal (rank, 3);
    assert_int_equal (attr_gets, 1);
    assert_string_equal (flux_attr_cache_first (h), "rank");
    assert_null (flux_attr_cache_next (h));
    assert_int_equal (flux_get_size (h, &size), -1); // "8x"
    assert_int_equal (errno, EINVAL);
    assert_int_equal (size, 0);
    assert_int_equal (flux_attr_set_cacheonly (h, "size", "8"), 0);
    assert_int_equal (flux_get_size (h, &size), 0);
    assert_int_equal (size, 8);
    assert_int_equal (flux_attr_set_cacheonly (h, "size", NULL), 0);
    assert_int_equal (flux_get_size (h, &size), -1);
}

static void attr_mutable (void **state)
{
    flux_error_t err;
    double t;

    assert_int_equal (flux_attr_set (h, "mutable", "one"), 0);
    assert_string_equal (flux_attr_get (h, "mutable"), "one");
    assert_int_equal (flux_attr_set (h, "mutable", "two"), 0);
    assert_string_equal (flux_attr_get (h, "mutable"), "two");
    assert_int_equal (flux_attr_set (h, "mutable", NULL), 0);
    assert_int_equal (flux_attr_set_ex (h, "fixed", "x", false, &err), -1);
    assert_int_equal (errno, EPERM);
    assert_string_equal (err.text, "it may not be changed");
    assert_int_equal (flux_attr_set_ex (h, "fixed", "x", true, &err), 0);
    assert_null (flux_attr_get (h, "none"));
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_get_instance_starttime (h, &t), 0);
    assert_true (t == 1234.5);
}

static void attr_bad_input (void **state)
{
    uint32_t n;

    assert_null (flux_attr_get (NULL, "rank"));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_attr_get (h, NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_attr_set (NULL, "a", "b"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_attr_set (h, NULL, "b"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_attr_set_cacheonly (h, NULL, "b"), -1);
    assert_int_equal (flux_get_rank (NULL, &n), -1);
    assert_int_equal (flux_get_rank (h, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_attr_cache_first (NULL));
}

static void hosts (void **state)
{
    flux_error_t err;
    char *s;

    assert_string_equal (flux_get_hostbyrank (h, 2), "node2");
    assert_string_equal (flux_get_hostbyrank (h, 4), "login");
    assert_string_equal (flux_get_hostbyrank (h, 5), "(null)");
    assert_string_equal (flux_get_hostbyrank (h, FLUX_NODEID_ANY), "any");
    assert_string_equal (flux_get_hostbyrank (h, FLUX_NODEID_UPSTREAM), "upstream");
    assert_string_equal (flux_get_hostbyrank (NULL, 0), "(null)");
    assert_int_equal (flux_get_rankbyhost (h, "node1"), 1);
    assert_int_equal (flux_get_rankbyhost (h, "nodeX"), -1);
    assert_int_equal (flux_get_rankbyhost (h, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_non_null ((s = flux_hostmap_lookup (h, "1-2,4", &err)));
    assert_string_equal (s, "node[1-2],login");
    free (s);
    assert_non_null ((s = flux_hostmap_lookup (h, "node[2-3],login", &err)));
    assert_string_equal (s, "2-4");
    free (s);
    assert_null (flux_hostmap_lookup (h, "1,9", &err));
    assert_non_null (strstr (err.text, "9"));
    assert_null (flux_hostmap_lookup (h, "node7", &err));
    assert_non_null (strstr (err.text, "node7"));
    assert_null (flux_hostmap_lookup (h, "[", &err));
    assert_null (flux_hostmap_lookup (h, NULL, &err));
    assert_int_equal (errno, EINVAL);
}

/*
 * Logging
 */

static void log_text (void **state)
{
    char app[64], procid[64], host[64];
    int pri;

    flux_log_set_appname (h, "my app");
    flux_log_set_procid (h, "7");
    errno = 5;
    assert_int_equal (flux_log (h, LOG_INFO, "hello %d \n\n", 1), 0);
    assert_int_equal (errno, 5);
    sync_with_broker ();
    assert_int_equal (sscanf (last_log, "<%d>1 %*s %63s %63s %63s", &pri, host, app, procid), 4);
    assert_int_equal (pri, LOG_USER | LOG_INFO);
    assert_string_equal (host, "-");
    assert_string_equal (app, "my_app");
    assert_string_equal (procid, "7");
    assert_non_null (strstr (last_log, " - - hello 1"));
    assert_string_equal (strstr (last_log, "hello"), "hello 1");
    errno = ENOENT;
    flux_log_error (h, "opening %s", "x");
    assert_int_equal (errno, ENOENT);
    sync_with_broker ();
    assert_string_equal (strstr (last_log, "opening"), "opening x: No such file or directory");
    assert_int_equal (last_log[0], '<');
}

static char redirected[512];
static int redirects;

static void redirect_cb (const char *buf, int len, void *arg)
{
    redirects++;
    snprintf (redirected, sizeof (redirected), "%.*s", len, buf);
    assert_int_equal (flux_log (arg, LOG_INFO, "from within"), 0); // no recursion
}

static void log_redirect (void **state)
{
    char *big = malloc (10000);

    redirects = 0;
    flux_log_set_redirect (h, redirect_cb, h);
    flux_log_set_hostname (h, "3");
    assert_int_equal (flux_log (h, LOG_ERR, "caught"), 0);
    assert_int_equal (redirects, 1);
    assert_non_null (strstr (redirected, "Z 3 "));
    assert_string_equal (strstr (redirected, "caught"), "caught");
    memset (big, 'x', 9999);
    big[9999] = '\0';
    assert_int_equal (flux_log (h, LOG_ERR, "%s", big), 0);
    assert_int_equal (redirects, 2);
    free (big);
    flux_log_set_redirect (h, NULL, NULL);
    sync_with_broker ();
    assert_string_equal (last_log, "");
    assert_int_equal (flux_log (h, LOG_ERR, NULL), -1);
    assert_int_equal (errno, EINVAL);
}

/*
 * Services and events
 */

static void service (void **state)
{
    flux_future_t *f = flux_service_register (h, "mine");

    assert_int_equal (flux_future_get (f, NULL), 0);
    flux_future_destroy (f);
    f = flux_service_register (h, "taken");
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EEXIST);
    flux_future_destroy (f);
    f = flux_service_unregister (h, "mine");
    assert_int_equal (flux_future_get (f, NULL), 0);
    flux_future_destroy (f);
    assert_null (flux_service_register (NULL, "x"));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_service_register (h, NULL));
    assert_int_equal (errno, EINVAL);
}

static void publish (void **state)
{
    flux_future_t *f = flux_event_publish (h, "a.b", 0, "text");
    int seq;

    assert_int_equal (flux_event_publish_get_seq (f, &seq), 0);
    assert_int_equal (seq, 42);
    assert_string_equal (last_topic, "a.b");
    assert_string_equal (last_payload, "text"); // the NUL is part of it
    assert_int_equal (last_flags, 0);
    flux_future_destroy (f);

    f = flux_event_publish_pack (h, "a.c", FLUX_EVENT_PRIVATE, "{s:i}", "n", 1);
    assert_int_equal (flux_event_publish_get_seq (f, NULL), 0);
    assert_string_equal (last_payload, "{\"n\":1}");
    assert_int_equal (last_flags, FLUX_MSGFLAG_PRIVATE);
    flux_future_destroy (f);

    f = flux_event_publish_raw (h, "a.d", FLUX_MSGFLAG_PRIVATE, "\0\1", 2);
    assert_int_equal (flux_event_publish_get_seq (f, NULL), 0);
    assert_memory_equal (last_payload, "\0\1x", 3);
    flux_future_destroy (f);

    f = flux_event_publish (h, "a.e", 0, NULL);
    assert_int_equal (flux_event_publish_get_seq (f, NULL), 0);
    assert_int_equal (last_payload[0], 'x');
    flux_future_destroy (f);

    assert_null (flux_event_publish (h, NULL, 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_event_publish (h, "a", FLUX_MSGFLAG_STREAMING, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_event_publish_pack (h, "a", 0, "[i]", 1));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_event_publish_pack (h, "a", 0, NULL));
    assert_int_equal (errno, EINVAL);
}

static void subscribe (void **state)
{
    flux_future_t *f;

    assert_int_equal (flux_event_subscribe (h, "x."), 0);
    assert_string_equal (last_topic, "x.");
    assert_int_equal (flux_event_unsubscribe (h, "y."), 0);
    assert_string_equal (last_topic, "y.");
    f = flux_event_subscribe_ex (h, "", 0);
    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_string_equal (last_topic, "");
    flux_future_destroy (f);
    f = flux_event_unsubscribe_ex (h, "z", FLUX_RPC_NORESPONSE);
    assert_int_equal (flux_future_get (f, NULL), 0);
    flux_future_destroy (f);
    assert_null (flux_event_subscribe_ex (h, "z", FLUX_RPC_STREAMING));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_event_subscribe (h, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_event_subscribe (NULL, "x"), -1);
    assert_int_equal (errno, EINVAL);
    sync_with_broker ();
    flux_flags_set (h, FLUX_O_TEST_NOSUB);
    assert_int_equal (flux_event_subscribe (h, "nosub"), 0);
    sync_with_broker ();
    assert_string_equal (last_topic, "z");
}

/*
 * Heartbeat
 */

static int beats;

static void beat_cb (flux_future_t *f, void *arg)
{
    assert_int_equal (flux_future_get (f, NULL), 0);
    flux_future_reset (f);
    if (++beats == 3)
        flux_reactor_stop (flux_get_reactor (h));
    else
        tell ("pulse", 1);
}

static void sync_each (void **state)
{
    flux_future_t *f = flux_sync_create (h, 0.);

    beats = 0;
    assert_non_null (f);
    assert_string_equal (last_topic, "heartbeat.pulse");
    assert_int_equal (flux_future_then (f, 30., beat_cb, NULL), 0);
    tell ("pulse", 1);
    assert_true (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    assert_int_equal (beats, 3);
    flux_future_destroy (f);
    sync_with_broker ();
    assert_null (flux_sync_create (NULL, 0.));
    assert_int_equal (errno, EINVAL);
}

static void too_soon_cb (flux_future_t *f, void *arg)
{
    if (flux_future_get (f, NULL) < 0) {
        assert_int_equal (errno, ETIMEDOUT);
        flux_reactor_stop (flux_get_reactor (h));
        return;
    }
    beats++;
    tell ("pulse", 5);
    flux_future_reset (f);
}

static void sync_minimum (void **state)
{
    flux_future_t *f = flux_sync_create (h, 3600.);

    beats = 0;
    assert_int_equal (flux_future_then (f, 0.1, too_soon_cb, NULL), 0);
    tell ("pulse", 1);
    assert_true (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    assert_int_equal (beats, 1);
    flux_future_destroy (f);
}

static void sync_blocking (void **state)
{
    flux_future_t *f = flux_sync_create (h, 0.);

    tell ("pulse", 1);
    assert_int_equal (flux_future_get (f, NULL), 0);
    flux_future_reset (f);
    assert_int_equal (flux_future_wait_for (f, 0.005), -1);
    assert_int_equal (errno, ETIMEDOUT);
    tell ("pulse", 1);
    assert_int_equal (flux_future_wait_for (f, 30.), 0);
    flux_future_destroy (f);
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (attr_cached),
        T (attr_mutable),
        T (attr_bad_input),
        T (hosts),
        T (log_text),
        T (log_redirect),
        T (service),
        T (publish),
        T (subscribe),
        T (sync_each),
        T (sync_minimum),
        T (sync_blocking),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
