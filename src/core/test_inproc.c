/* test_inproc.c - a pair of handles within one process
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/core/msg_handler.h>
#include <flux/core/reactor.h>
#include <flux/core/watcher.h>

#include "core/inproc.h"
#include "core/message_private.h"

static flux_t *p[2];

static int setup (void **state)
{
    return inproc_pair (p);
}

static int teardown (void **state)
{
    flux_close (p[0]);
    flux_close (p[1]);
    return 0;
}

static flux_msg_t *event (int n)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_topic (msg, "ev"), 0);
    assert_int_equal (flux_msg_pack (msg, "{s:i}", "n", n), 0);
    assert_int_equal (flux_msg_set_seq (msg, n), 0);
    return msg;
}

static void send_event (flux_t *h, int n)
{
    flux_msg_t *msg = event (n);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
}

static int recv_event (flux_t *h, int flags)
{
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, flags);
    int n;

    if (!msg)
        return -1;
    assert_int_equal (flux_msg_unpack (msg, "{s:i}", "n", &n), 0);
    assert_int_equal (msg->sequence, n);
    flux_msg_destroy (msg);
    return n;
}

static void in_order (void **state)
{
    size_t count;

    assert_int_equal (recv_event (p[1], FLUX_O_NONBLOCK), -1);
    assert_int_equal (errno, EAGAIN);
    for (int i = 0; i < 100; i++)
        send_event (p[0], i);
    assert_int_equal (flux_opt_get (p[1], FLUX_OPT_RECV_QUEUE_COUNT, &count,
                                    sizeof (count)), 0);
    assert_int_equal (count, 100);
    assert_int_equal (flux_opt_get (p[0], FLUX_OPT_SEND_QUEUE_COUNT, &count,
                                    sizeof (count)), 0);
    assert_int_equal (count, 100);
    for (int i = 0; i < 50; i++)
        assert_int_equal (recv_event (p[1], 0), i);
    for (int i = 100; i < 150; i++)
        send_event (p[0], i);
    for (int i = 50; i < 150; i++)
        assert_int_equal (recv_event (p[1], 0), i);
    assert_int_equal (recv_event (p[1], FLUX_O_NONBLOCK), -1);
    assert_int_equal (recv_event (p[0], FLUX_O_NONBLOCK), -1);
}

/* The bytes are shared; what belongs to the sender's thread is not. */
static void what_is_shared (void **state)
{
    flux_msg_t *msg = event (1);
    flux_msg_t *got;
    const void *buf, *buf2;
    int n;

    assert_int_equal (flux_msg_aux_set (msg, "a", &n, NULL), 0);
    assert_int_equal (flux_msg_unpack (msg, "{s:i}", "n", &n), 0);
    assert_non_null (msg->json);
    assert_int_equal (flux_send (p[0], msg, 0), 0);
    assert_non_null (got = flux_recv (p[1], FLUX_MATCH_ANY, 0));
    assert_ptr_not_equal (got, msg);
    assert_int_equal (flux_msg_get_payload (msg, &buf, NULL), 0);
    assert_int_equal (flux_msg_get_payload (got, &buf2, NULL), 0);
    assert_ptr_equal (buf, buf2);
    assert_null (got->json);
    assert_null (flux_msg_aux_get (got, "a"));
    assert_ptr_equal (flux_msg_aux_get (msg, "a"), &n);
    flux_msg_destroy (got);

    flux_msg_t *sent = msg;
    assert_int_equal (flux_send_new (p[0], &msg, 0), 0);
    assert_non_null (got = flux_recv (p[1], FLUX_MATCH_ANY, 0));
    assert_ptr_equal (got, sent);
    assert_null (got->json);
    assert_null (flux_msg_aux_get (got, "a"));
    flux_msg_destroy (got);
}

static void closed_peer (void **state)
{
    flux_msg_t *msg = event (9);

    send_event (p[0], 1);
    send_event (p[0], 2);
    flux_close (p[0]);
    p[0] = NULL;
    assert_int_equal (recv_event (p[1], 0), 1);
    assert_int_equal (recv_event (p[1], 0), 2);
    assert_true (flux_pollevents (p[1]) & FLUX_POLLIN);
    assert_int_equal (recv_event (p[1], 0), -1);
    assert_int_equal (errno, ECONNRESET);
    errno = 0;
    assert_int_equal (flux_send_new (p[1], &msg, 0), -1);
    assert_int_equal (errno, ECONNRESET);
    flux_msg_destroy (msg);
}

static bool raised (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    return poll (&pfd, 1, 0) == 1;
}

static void edge_triggered (void **state)
{
    int fd = flux_pollfd (p[1]);

    assert_true (fd >= 0);
    (void)flux_pollevents (p[1]);
    assert_false (raised (fd));
    send_event (p[0], 1);
    assert_true (raised (fd));
    assert_int_equal (flux_pollevents (p[1]), FLUX_POLLIN | FLUX_POLLOUT);
    assert_false (raised (fd));
    assert_int_equal (recv_event (p[1], FLUX_O_NONBLOCK), 1);
    assert_int_equal (recv_event (p[1], FLUX_O_NONBLOCK), -1);
    /* drained until EAGAIN: raised again without a call of pollevents */
    send_event (p[0], 2);
    assert_true (raised (fd));
    assert_int_equal (flux_pollevents (p[1]), FLUX_POLLIN | FLUX_POLLOUT);
    assert_int_equal (recv_event (p[1], FLUX_O_NONBLOCK), 2);
    assert_int_equal (flux_pollevents (p[1]), FLUX_POLLOUT);
    assert_false (raised (fd));
    flux_close (p[0]);
    p[0] = NULL;
    assert_true (raised (fd));
    assert_true (flux_pollevents (p[1]) & FLUX_POLLIN);
}

/* Something sent before the descriptor was asked for. */
static void raised_from_the_start (void **state)
{
    send_event (p[0], 1);
    assert_true (raised (flux_pollfd (p[1])));
}

static void router_name (void **state)
{
    char buf[16];

    assert_int_equal (flux_opt_get (p[0], FLUX_OPT_ROUTER_NAME, buf, 16), -1);
    assert_int_equal (flux_opt_set (p[0], FLUX_OPT_ROUTER_NAME, "kvs", 4), 0);
    assert_int_equal (flux_opt_get (p[0], FLUX_OPT_ROUTER_NAME, buf, 16), 0);
    assert_string_equal (buf, "kvs");
    assert_int_equal (flux_opt_get (p[0], FLUX_OPT_ROUTER_NAME, buf, 3), -1);
}

/* Echo each event on the handle until 'left' are done, on its own reactor. */
struct echo {
    flux_t *h;
    int left;
};

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct echo *e = arg;
    uint32_t seq;

    assert_int_equal (flux_msg_get_seq (msg, &seq), 0);
    assert_int_equal (flux_send (h, msg, 0), 0);
    if (--e->left == 0)
        flux_msg_handler_stop (mh);
}

static flux_msg_handler_t *handler (flux_t *h, flux_msg_handler_f cb, void *arg)
{
    flux_msg_handler_t *mh = flux_msg_handler_create (h, FLUX_MATCH_EVENT, cb,
                                                      arg);
    assert_non_null (mh);
    flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_ALL);
    flux_msg_handler_start (mh);
    return mh;
}

static void *echo_thread (void *arg)
{
    struct echo *e = arg;
    flux_reactor_t *r = flux_reactor_create (0);
    flux_msg_handler_t *mh;

    assert_int_equal (flux_set_reactor (e->h, r), 0);
    mh = handler (e->h, echo_cb, e);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_msg_handler_destroy (mh);
    flux_reactor_destroy (r);
    return NULL;
}

static struct flux_msg_cred owner = { 0, FLUX_ROLE_OWNER };

static void blocking_across_threads (void **state)
{
    struct echo e = { .h = p[1], .left = 2000 };
    pthread_t t;

    assert_int_equal (pthread_create (&t, NULL, echo_thread, &e), 0);
    for (int i = 0; i < 2000;) {
        int n = i % 7 + 1;
        for (int j = 0; j < n && i + j < 2000; j++) {
            flux_msg_t *msg = event (i + j);
            flux_msg_set_cred (msg, owner);
            if (j % 2)
                assert_int_equal (flux_send (p[0], msg, 0), 0);
            else
                assert_int_equal (flux_send_new (p[0], &msg, 0), 0);
            flux_msg_destroy (msg);
        }
        for (int j = 0; j < n && i < 2000; j++, i++)
            assert_int_equal (recv_event (p[0], 0), i);
    }
    pthread_join (t, NULL);
}

/* Both ends run on reactors in threads of their own. */
struct pinger {
    int n;
    int total;
};

static void ping_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct pinger *pi = arg;
    uint32_t seq;

    assert_int_equal (flux_msg_get_seq (msg, &seq), 0);
    assert_int_equal (seq, pi->n);
    if (++pi->n == pi->total) {
        flux_msg_handler_stop (mh);
        return;
    }
    flux_msg_t *next = event (pi->n);
    flux_msg_set_cred (next, owner);
    assert_int_equal (flux_send_new (h, &next, 0), 0);
}

static void reactors_across_threads (void **state)
{
    struct echo e = { .h = p[1], .left = 5000 };
    struct pinger pi = { .total = 5000 };
    flux_msg_handler_t *mh = handler (p[0], ping_cb, &pi);
    flux_msg_t *msg = event (0);
    pthread_t t;

    flux_msg_set_cred (msg, owner);
    assert_int_equal (pthread_create (&t, NULL, echo_thread, &e), 0);
    assert_int_equal (flux_send_new (p[0], &msg, 0), 0);
    assert_int_equal (flux_reactor_run (flux_get_reactor (p[0]), 0), 0);
    assert_int_equal (pi.n, 5000);
    pthread_join (t, NULL);
    flux_msg_handler_destroy (mh);
}

/* Both ends on one reactor, then the whole moved to another thread: a receiver
 * armed by the first thread must still be woken. */
static void *run_thread (void *arg)
{
    return flux_reactor_run (arg, 0) == 0 ? NULL : arg;
}

static void one_reactor (void **state)
{
    flux_reactor_t *r = flux_get_reactor (p[0]);
    struct echo e = { .h = p[1], .left = 1000 };
    struct pinger pi = { .total = 1000 };
    flux_msg_handler_t *a, *b;
    flux_msg_t *msg = event (0);
    pthread_t t;
    void *result;

    flux_msg_set_cred (msg, owner);
    assert_int_equal (flux_set_reactor (p[1], r), 0);
    a = handler (p[0], ping_cb, &pi);
    b = handler (p[1], echo_cb, &e);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 2);
    assert_int_equal (flux_send_new (p[0], &msg, 0), 0);
    assert_int_equal (pthread_create (&t, NULL, run_thread, r), 0);
    pthread_join (t, &result);
    assert_null (result);
    assert_int_equal (pi.n, 1000);
    assert_int_equal (e.left, 0);
    flux_msg_handler_destroy (a);
    flux_msg_handler_destroy (b);
}

static void *sleeper (void *arg)
{
    flux_t *h = arg;
    return recv_event (h, 0) == 5 ? NULL : arg;
}

/* Armed in one thread, used in another, sent to by the first. */
static void armed_elsewhere (void **state)
{
    flux_reactor_t *r = flux_get_reactor (p[1]);
    struct echo e = { .left = 1 };
    flux_msg_handler_t *mh = handler (p[1], echo_cb, &e);
    pthread_t t;
    void *result;

    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    flux_msg_handler_destroy (mh);
    assert_int_equal (pthread_create (&t, NULL, sleeper, p[1]), 0);
    send_event (p[0], 5);
    pthread_join (t, &result);
    assert_null (result);
}

static void closing_wakes (void **state)
{
    pthread_t t;
    void *result;

    assert_int_equal (pthread_create (&t, NULL, sleeper, p[1]), 0);
    flux_close (p[0]);
    p[0] = NULL;
    pthread_join (t, &result);
    assert_non_null (result);
}

#define T(fn) cmocka_unit_test_setup_teardown (fn, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (in_order), T (what_is_shared), T (closed_peer), T (edge_triggered),
        T (raised_from_the_start), T (router_name),
        T (blocking_across_threads), T (reactors_across_threads),
        T (one_reactor), T (armed_elsewhere), T (closing_wakes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
