/* test_modhold.c - requests wait for a module that is reloaded, in their order
 *
 * One endpoint asks; "svc" and "svc.more" are services of another, which goes and comes
 * back as modhost.c does it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker/modhold.h"

struct ctx {
    flux_reactor_t *reactor;
    struct router *r;
    struct modhold *mh;
    struct endpoint *client, *module;
    char got[64];             /* by the module: the last letters of topics */
    char refused[64];         /* likewise, of the error responses to the client */
    int errnum;               /* of the last one */
};

static void note (char *s, const char *topic)
{
    size_t n = strlen (s);

    s[n] = topic[strlen (topic) - 1];
    s[n + 1] = '\0';
}

static int to_module (void *arg, flux_msg_t *msg)
{
    const char *topic;

    assert_int_equal (flux_msg_get_topic (msg, &topic), 0);
    if (!strstr (topic, ".disconnect"))
        note (((struct ctx *)arg)->got, topic);
    flux_msg_destroy (msg);
    return 0;
}

static int to_client (void *arg, flux_msg_t *msg)
{
    struct ctx *c = arg;
    const char *topic;

    assert_int_equal (flux_msg_get_topic (msg, &topic), 0);
    assert_int_equal (flux_msg_get_errnum (msg, &c->errnum), 0);
    note (c->refused, topic);
    flux_msg_destroy (msg);
    return 0;
}

static struct endpoint *join (struct ctx *c, endpoint_send_f send)
{
    struct endpoint_args args = {
        .cred = { .userid = 100, .rolemask = FLUX_ROLE_OWNER },
        .trusted = true, .send = send, .arg = c,
    };
    struct endpoint *ep = endpoint_new (c->r, &args);

    assert_non_null (ep);
    return ep;
}

static void come (struct ctx *c)
{
    c->module = join (c, to_module);
    assert_int_equal (router_service_add (c->r, "svc", c->module), 0);
    assert_int_equal (router_service_add (c->r, "more", c->module), 0);
}

static void leave (struct ctx *c)
{
    endpoint_free (c->module);
    c->module = NULL;
}

static int setup (void **state)
{
    struct ctx *c = calloc (1, sizeof (*c));

    assert_non_null (c);
    assert_non_null (c->reactor = flux_reactor_create (0));
    assert_non_null (c->r = router_new (0, 1, "ME"));
    assert_non_null (c->mh = modhold_new (c->r, c->reactor));
    c->client = join (c, to_client);
    come (c);
    *state = c;
    return 0;
}

static int teardown (void **state)
{
    struct ctx *c = *state;

    modhold_free (c->mh);
    endpoint_free (c->client);
    endpoint_free (c->module);
    router_free (c->r);
    flux_reactor_destroy (c->reactor);
    free (c);
    return 0;
}

static flux_msg_t *request (const char *topic)
{
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_matchtag (msg, 7), 0);
    return msg;
}

static void ask (struct ctx *c, const char *topic)
{
    endpoint_recv (c->client, request (topic));
}

/* Requests that the module had not read from its channel: they came through the router. */
static struct flux_msglist *untaken (struct ctx *c, const char *topic1, const char *topic2)
{
    struct flux_msglist *l = flux_msglist_create ();
    const char *const topics[] = { topic1, topic2 };

    assert_non_null (l);
    for (int i = 0; i < 2; i++) {
        flux_msg_t *msg = request (topics[i]);
        flux_msg_route_enable (msg);
        assert_int_equal (flux_msg_route_push (msg, endpoint_uuid (c->client)), 0);
        assert_int_equal (flux_msglist_append (l, msg), 0);
        flux_msg_decref (msg);
    }
    return l;
}

static void test_nothing_held (void **state)
{
    struct ctx *c = *state;

    leave (c);
    ask (c, "svc.a");
    assert_string_equal (c->refused, "a");
    assert_int_equal (c->errnum, ENOSYS);
}

static void test_order (void **state)
{
    struct ctx *c = *state;
    struct flux_msglist *l;

    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    endpoint_close (c->module);
    ask (c, "svc.c");
    ask (c, "more.d");
    l = untaken (c, "svc.a", "more.b");
    modhold_put_back (c->mh, "svc", l);
    assert_int_equal (flux_msglist_count (l), 0);
    flux_msglist_destroy (l);
    leave (c);
    ask (c, "svc.e");
    ask (c, "other.x");       /* not a service of the module */
    assert_string_equal (c->refused, "x");
    assert_string_equal (c->got, "");
    come (c);
    modhold_end (c->mh, "another");
    assert_string_equal (c->got, "");
    modhold_end (c->mh, "svc");
    assert_string_equal (c->got, "abcde");
    ask (c, "svc.f");
    modhold_end (c->mh, "svc");
    assert_string_equal (c->got, "abcdef");
    assert_string_equal (c->refused, "x");
}

static void test_does_not_come_back (void **state)
{
    struct ctx *c = *state;

    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    leave (c);
    ask (c, "svc.a");
    ask (c, "more.b");
    modhold_end (c->mh, NULL);
    assert_string_equal (c->refused, "ab");
    assert_int_equal (c->errnum, ENOSYS);
    ask (c, "svc.c");
    assert_string_equal (c->refused, "abc");
}

/* What is put back for a module that nothing is kept for is answered at once. */
static void test_put_back_without (void **state)
{
    struct ctx *c = *state;
    struct flux_msglist *l = untaken (c, "svc.a", "svc.b");

    modhold_put_back (c->mh, "svc", l);
    assert_int_equal (flux_msglist_count (l), 0);
    flux_msglist_destroy (l);
    assert_string_equal (c->refused, "ab");
    assert_int_equal (c->errnum, ENOSYS);
    assert_string_equal (c->got, "");
}

/* A second reload ends the first: what was kept goes to who serves now. */
static void test_twice (void **state)
{
    struct ctx *c = *state;

    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    leave (c);
    ask (c, "svc.a");
    come (c);
    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    assert_string_equal (c->got, "a");
    leave (c);
    ask (c, "svc.b");
    come (c);
    modhold_end (c->mh, "svc");
    assert_string_equal (c->got, "ab");
    assert_string_equal (c->refused, "");
}

/* Two modules at once: each gets its own. */
static void test_two_modules (void **state)
{
    struct ctx *c = *state;
    struct endpoint *other = join (c, to_client);

    assert_int_equal (router_service_add (c->r, "other", other), 0);
    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    assert_int_equal (modhold_begin (c->mh, "other", other), 0);
    leave (c);
    endpoint_free (other);
    ask (c, "other.x");
    ask (c, "svc.a");
    come (c);
    modhold_end (c->mh, "svc");
    assert_string_equal (c->got, "a");
    assert_string_equal (c->refused, "");
    modhold_end (c->mh, "other");
    assert_string_equal (c->refused, "x");
}

/* Nobody waits longer than it takes to see that the module stays away. */
static void test_too_late (void **state)
{
    struct ctx *c = *state;
    double before = flux_reactor_now (c->reactor);

    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    leave (c);
    ask (c, "svc.a");
    assert_true (flux_reactor_run (c->reactor, 0) >= 0);    /* till there is no timer left */
    assert_string_equal (c->refused, "a");
    assert_int_equal (c->errnum, ENOSYS);
    flux_reactor_now_update (c->reactor);
    assert_true (flux_reactor_now (c->reactor) - before > 4.);
}

static void test_free_with_requests (void **state)
{
    struct ctx *c = *state;

    assert_int_equal (modhold_begin (c->mh, "svc", c->module), 0);
    leave (c);
    ask (c, "svc.a");
    modhold_free (c->mh);
    c->mh = NULL;
    ask (c, "svc.b");         /* the router does not ask who is gone */
    assert_string_equal (c->refused, "b");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        T (test_nothing_held),
        T (test_order),
        T (test_does_not_come_back),
        T (test_put_back_without),
        T (test_twice),
        T (test_two_modules),
        T (test_too_late),
        T (test_free_with_requests),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
