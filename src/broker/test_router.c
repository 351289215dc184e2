/* test_router.c - where each message goes (RFC 3), with what credential (RFC 12)
 *
 * A router in the middle of a tree: rank 1 of 6, parent 0, child 3 (and 5 below).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/router.h"
#include "broker/topics.h"

#define NBOXES 4

struct box {                 /* what an endpoint or peer was given last */
    flux_msg_t *msg;
    int count;
};

struct ctx {
    struct router *r;
    struct box parent, child;
    bool child_down;
    struct box boxes[NBOXES];
    struct endpoint *ep[NBOXES];
    int published, delivered;
};

static void put (struct box *b, flux_msg_t *msg)
{
    flux_msg_destroy (b->msg);
    b->msg = msg;
    b->count++;
}

static int to_box (void *arg, flux_msg_t *msg)
{
    put (arg, msg);
    return 0;
}

static uint32_t route (void *arg, uint32_t rank)
{
    return rank == 3 || rank == 5 ? 3 : 0;
}

static uint32_t peer (void *arg, const char *uuid)
{
    return !strcmp (uuid, "PARENT") ? 0 : !strcmp (uuid, "CHILD") ? 3 : FLUX_NODEID_ANY;
}

static int send_peer (void *arg, uint32_t rank, flux_msg_t *msg)
{
    struct ctx *c = arg;

    if (rank == 3 && c->child_down) {
        flux_msg_destroy (msg);
        return -EHOSTUNREACH;
    }
    put (rank == 0 ? &c->parent : &c->child, msg);
    return 0;
}

static void on_publish (void *arg, flux_msg_t *msg)
{
    ((struct ctx *)arg)->published++;
    flux_msg_destroy (msg);
}

static void on_deliver (void *arg, flux_msg_t *msg)
{
    ((struct ctx *)arg)->delivered++;
    flux_msg_destroy (msg);
}

/* Endpoint 0 is the owner's, 1 a guest's, 2 serves "svc", 3 another owner's. */
static int setup (void **state)
{
    static struct ctx c;
    const struct router_tree_ops ops = { .route = route, .peer = peer,
                                         .send = send_peer };
    static const char *const uuids[] = { "E0", "E1", "E2", "E3" };

    memset (&c, 0, sizeof (c));
    c.r = router_new (1, 6, "ME");
    router_set_tree (c.r, &ops, &c, 0);
    router_set_events (c.r, on_publish, on_deliver, &c);
    for (int i = 0; i < NBOXES; i++) {
        struct endpoint_args args = {
            .uuid = uuids[i],
            .cred = { .userid = i == 1 ? 500 : 100,
                      .rolemask = FLUX_ROLE_LOCAL
                                  | (i == 1 ? FLUX_ROLE_USER : FLUX_ROLE_OWNER) },
            .trusted = i != 1,
            .send = to_box,
            .arg = &c.boxes[i],
        };
        c.ep[i] = endpoint_new (c.r, &args);
        assert_non_null (c.ep[i]);
    }
    assert_int_equal (router_service_add (c.r, "svc", c.ep[2]), 0);
    *state = &c;
    return 0;
}

static int teardown (void **state)
{
    struct ctx *c = *state;

    for (int i = 0; i < NBOXES; i++) {
        endpoint_free (c->ep[i]);
        flux_msg_destroy (c->boxes[i].msg);
    }
    flux_msg_destroy (c->parent.msg);
    flux_msg_destroy (c->child.msg);
    router_free (c->r);
    return 0;
}

static flux_msg_t *request (const char *topic, uint32_t nodeid, int flags)
{
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_nodeid (msg, nodeid), 0);
    assert_int_equal (flux_msg_set_matchtag (msg, 7), 0);
    if (flags)
        assert_int_equal (flux_msg_set_flag (msg, flags), 0);
    return msg;
}

static int errnum_of (const flux_msg_t *msg)
{
    int errnum = -1;
    assert_int_equal (flux_msg_get_errnum (msg, &errnum), 0);
    return errnum;
}

static void test_local (void **state)
{
    struct ctx *c = *state;
    flux_msg_t *resp;

    endpoint_recv (c->ep[0], request ("svc.hello", FLUX_NODEID_ANY, 0));
    assert_int_equal (c->boxes[2].count, 1);
    assert_string_equal (flux_msg_route_last (c->boxes[2].msg), "E0");
    assert_non_null (resp = flux_response_derive (c->boxes[2].msg, 0));
    endpoint_recv (c->ep[2], resp);
    assert_int_equal (c->boxes[0].count, 1);
    assert_int_equal (flux_msg_route_count (c->boxes[0].msg), 0);
}

static void test_any_goes_up (void **state)
{
    struct ctx *c = *state;

    endpoint_recv (c->ep[0], request ("other.x", FLUX_NODEID_ANY, 0));
    assert_int_equal (c->parent.count, 1);
    assert_string_equal (flux_msg_route_last (c->parent.msg), "E0");
    /* What the child asks for is found here. */
    router_recv_peer (c->r, 3, "CHILD", request ("svc.x", FLUX_NODEID_ANY, 0));
    assert_int_equal (c->boxes[2].count, 1);
    assert_string_equal (flux_msg_route_last (c->boxes[2].msg), "CHILD");
}

static void test_rank (void **state)
{
    struct ctx *c = *state;

    endpoint_recv (c->ep[0], request ("svc.x", 5, 0));
    assert_int_equal (c->child.count, 1);
    endpoint_recv (c->ep[0], request ("svc.x", 4, 0));
    assert_int_equal (c->parent.count, 1);
    endpoint_recv (c->ep[0], request ("svc.x", 1, 0));
    assert_int_equal (c->boxes[2].count, 1);
    endpoint_recv (c->ep[0], request ("none.x", 1, 0));
    assert_int_equal (errnum_of (c->boxes[0].msg), ENOSYS);
    endpoint_recv (c->ep[0], request ("svc.x", 6, 0));
    assert_int_equal (errnum_of (c->boxes[0].msg), EHOSTUNREACH);
    c->child_down = true;
    endpoint_recv (c->ep[0], request ("svc.x", 3, 0));
    assert_int_equal (errnum_of (c->boxes[0].msg), EHOSTUNREACH);
    assert_int_equal (c->boxes[0].count, 3);
}

static void test_upstream (void **state)
{
    struct ctx *c = *state;

    endpoint_recv (c->ep[2], request ("svc.x", 1, FLUX_MSGFLAG_UPSTREAM));
    assert_int_equal (c->parent.count, 1);
    assert_int_equal (c->boxes[2].count, 0);
    router_recv_peer (c->r, 3, "CHILD", request ("svc.x", 3, FLUX_MSGFLAG_UPSTREAM));
    assert_int_equal (c->boxes[2].count, 1);
}

static void test_responses_of_peers (void **state)
{
    struct ctx *c = *state;
    flux_msg_t *resp;

    router_recv_peer (c->r, 3, "CHILD", request ("other.x", FLUX_NODEID_ANY, 0));
    assert_non_null (resp = flux_response_derive (c->parent.msg, 0));
    router_recv_peer (c->r, 0, "PARENT", resp);
    assert_int_equal (c->child.count, 1);
    assert_int_equal (flux_msg_route_count (c->child.msg), 0);
    /* A response to nobody is dropped. */
    resp = flux_response_encode ("x.y", NULL);
    flux_msg_route_enable (resp);
    flux_msg_route_push (resp, "nobody");
    router_recv_peer (c->r, 0, "PARENT", resp);
    assert_int_equal (c->child.count, 1);
}

static void test_credentials (void **state)
{
    struct ctx *c = *state;
    struct flux_msg_cred cred = { .userid = 42, .rolemask = FLUX_ROLE_USER };
    flux_msg_t *msg;

    endpoint_recv (c->ep[0], request ("svc.x", FLUX_NODEID_ANY, 0));
    flux_msg_get_cred (c->boxes[2].msg, &cred);
    assert_int_equal (cred.userid, 100);
    assert_int_equal (cred.rolemask, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL);
    /* The owner may pretend, a guest may not. */
    cred = (struct flux_msg_cred){ 42, FLUX_ROLE_USER };
    msg = request ("svc.x", FLUX_NODEID_ANY, 0);
    flux_msg_set_cred (msg, cred);
    endpoint_recv (c->ep[0], msg);
    flux_msg_get_cred (c->boxes[2].msg, &cred);
    assert_int_equal (cred.userid, 42);
    assert_int_equal (cred.rolemask, FLUX_ROLE_USER);
    cred = (struct flux_msg_cred){ 100, FLUX_ROLE_OWNER };
    msg = request ("svc.x", FLUX_NODEID_ANY, 0);
    flux_msg_set_cred (msg, cred);
    endpoint_recv (c->ep[1], msg);
    flux_msg_get_cred (c->boxes[2].msg, &cred);
    assert_int_equal (cred.userid, 500);
    assert_int_equal (cred.rolemask, FLUX_ROLE_USER | FLUX_ROLE_LOCAL);
    /* What comes from another broker is not local. */
    cred = (struct flux_msg_cred){ 100, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };
    msg = request ("svc.x", FLUX_NODEID_ANY, 0);
    flux_msg_set_cred (msg, cred);
    router_recv_peer (c->r, 3, "CHILD", msg);
    flux_msg_get_cred (c->boxes[2].msg, &cred);
    assert_int_equal (cred.rolemask, FLUX_ROLE_OWNER);
}

static void test_disconnect (void **state)
{
    struct ctx *c = *state;
    const char *topic;
    flux_msg_t *msg;

    for (int i = 0; i < 3; i++)
        endpoint_recv (c->ep[0], request ("svc.x", FLUX_NODEID_ANY, 0));
    msg = request ("far.x", 5, 0);
    flux_msg_set_noresponse (msg);
    endpoint_recv (c->ep[0], msg);
    endpoint_free (c->ep[0]);
    c->ep[0] = NULL;
    assert_int_equal (c->boxes[2].count, 4);
    flux_msg_get_topic (c->boxes[2].msg, &topic);
    assert_string_equal (topic, "svc.disconnect");
    assert_true (flux_msg_is_noresponse (c->boxes[2].msg));
    assert_string_equal (flux_msg_route_first (c->boxes[2].msg), "E0");
    flux_msg_get_topic (c->child.msg, &topic);
    assert_string_equal (topic, "far.disconnect");
}

static void test_services (void **state)
{
    struct ctx *c = *state;
    size_t pos = 0;

    assert_int_equal (router_service_add (c->r, "svc", c->ep[0]), -EEXIST);
    assert_int_equal (router_service_add (c->r, "a.b", c->ep[0]), -EINVAL);
    assert_int_equal (router_service_add (c->r, "", c->ep[0]), -EINVAL);
    assert_int_equal (router_service_remove (c->r, "svc", c->ep[0]), -ENOENT);
    assert_string_equal (router_service_next (c->r, &pos, c->ep[2]), "svc");
    endpoint_close (c->ep[2]);
    endpoint_recv (c->ep[0], request ("svc.x", FLUX_NODEID_ANY, 0));
    assert_int_equal (errnum_of (c->boxes[0].msg), ENOSYS);
    endpoint_free (c->ep[2]);
    c->ep[2] = NULL;
    assert_null (router_service (c->r, "svc"));
}

static void test_events (void **state)
{
    struct ctx *c = *state;
    struct flux_msg_cred cred = { 100, FLUX_ROLE_OWNER };
    flux_msg_t *event;

    endpoint_recv (c->ep[0], flux_event_encode ("a.b", NULL));
    assert_int_equal (c->parent.count, 1);
    router_recv_peer (c->r, 3, "CHILD", flux_event_encode ("a.b", NULL));
    assert_int_equal (c->parent.count, 2);
    router_recv_peer (c->r, 0, "PARENT", flux_event_encode ("a.b", NULL));
    assert_int_equal (c->delivered, 1);
    assert_int_equal (c->published, 0);
    /* Private events are for the owner and who sent them. */
    event = flux_event_encode ("a.b", NULL);
    flux_msg_set_cred (event, cred);
    endpoint_send_event (c->ep[1], event);
    assert_int_equal (c->boxes[1].count, 1);
    flux_msg_set_private (event);
    endpoint_send_event (c->ep[1], event);
    assert_int_equal (c->boxes[1].count, 1);
    endpoint_send_event (c->ep[3], event);
    assert_int_equal (c->boxes[3].count, 1);
    cred.userid = 500;
    flux_msg_set_cred (event, cred);
    endpoint_send_event (c->ep[1], event);
    assert_int_equal (c->boxes[1].count, 2);
    flux_msg_destroy (event);
}

static flux_msg_t *sized (flux_msg_t *msg, size_t framed)
{
    static char x[5000];
    size_t n = framed - 8 - flux_msg_encode_size (msg);

    n -= n > 259 ? 5 : 1;        /* the payload's length */
    assert_int_equal (flux_msg_set_payload (msg, x, n), 0);
    assert_int_equal (flux_msg_encode_size (msg) + 8, framed);
    return msg;
}

/* Endpoint 4 takes messages of 1000 bytes. */
static void test_too_large (void **state)
{
    struct ctx *c = *state;
    struct box box = { 0 };
    struct endpoint_args args = { .uuid = "E4", .trusted = true, .track = true, .max = 1000,
                                  .cred = { .userid = 100, .rolemask = FLUX_ROLE_OWNER },
                                  .send = to_box, .arg = &box };
    struct endpoint *ep = endpoint_new (c->r, &args);
    flux_msg_t *msg;

    /* answers to it */
    for (int size = 1000; size <= 1001; size++) {
        endpoint_recv (ep, request ("svc.hello", FLUX_NODEID_ANY, 0));
        assert_non_null (msg = flux_response_derive (c->boxes[2].msg, 0));
        /* less the hop that is taken off: its length, "E4" and NUL */
        endpoint_recv (c->ep[2], sized (msg, size + 4));
        assert_int_equal (errnum_of (box.msg), size > 1000 ? EMSGSIZE : 0);
    }
    assert_int_equal (flux_response_decode (box.msg, NULL, NULL), -1);
    assert_int_equal (box.count, 2);
    /* what it is asked */
    assert_int_equal (router_service_add (c->r, "large", ep), 0);
    endpoint_recv (c->ep[0], sized (request ("large.x", FLUX_NODEID_ANY, 0), 2000));
    assert_int_equal (errnum_of (c->boxes[0].msg), EMSGSIZE);
    assert_int_equal (box.count, 2);
    endpoint_recv (c->ep[0], sized (request ("large.x", FLUX_NODEID_ANY, 0), 500));
    assert_int_equal (box.count, 3);
    /* events, which are lost */
    assert_non_null (msg = flux_event_encode ("a.b", NULL));
    endpoint_send_event (ep, sized (msg, 1001));
    assert_int_equal (box.count, 3);
    flux_msg_destroy (msg);
    /* what it sends */
    assert_non_null (msg = flux_response_derive (box.msg, 0));
    endpoint_recv_large (ep, msg, 3000);
    assert_int_equal (errnum_of (c->boxes[0].msg), EMSGSIZE);
    assert_int_equal (c->boxes[0].count, 2);
    endpoint_recv_large (ep, request ("svc.hello", FLUX_NODEID_ANY, 0), 3000);
    assert_int_equal (c->boxes[2].count, 2);
    assert_int_equal (errnum_of (box.msg), EMSGSIZE);
    assert_int_equal (flux_msg_route_count (box.msg), 0);
    endpoint_free (ep);
    /* all it was asked had been answered */
    assert_int_equal (c->boxes[0].count, 2);
    flux_msg_destroy (box.msg);
}

static void test_topics (void **state)
{
    struct topics *t = topics_new ();

    assert_int_equal (topics_add (t, "a."), 1);
    assert_int_equal (topics_add (t, "a."), 2);
    assert_int_equal (topics_add (t, "b"), 1);
    assert_true (topics_match (t, "a.x"));
    assert_false (topics_match (t, "a"));
    assert_true (topics_match (t, "bx"));
    assert_int_equal (topics_del (t, "a."), 1);
    assert_true (topics_match (t, "a.x"));
    assert_int_equal (topics_del (t, "a."), 0);
    assert_false (topics_match (t, "a.x"));
    assert_int_equal (topics_del (t, "a."), -ENOENT);
    assert_int_equal (topics_add (t, ""), 1);
    assert_true (topics_match (t, "anything"));
    topics_free (t);
}

#define T(f) cmocka_unit_test_setup_teardown (f, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (test_local), T (test_any_goes_up), T (test_rank), T (test_upstream),
        T (test_responses_of_peers), T (test_credentials), T (test_disconnect),
        T (test_services), T (test_events), T (test_too_large),
        cmocka_unit_test (test_topics),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
