/* test_waker.c - no wake-up is lost, and none is made that is not needed
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/eventfd.h>

#include <flux/core.h>

#include "core/inproc.h"
#include "core/waker.h"

static bool raised (struct waker *w)
{
    struct pollfd pfd = { .fd = waker_fd (w), .events = POLLIN };
    return poll (&pfd, 1, 0) == 1;
}

static void test_claim (void **state)
{
    struct waker *w = waker_new ();

    assert_non_null (w);
    assert_false (waker_claim (w));
    waker_arm (w);
    assert_true (waker_claim (w));
    assert_false (waker_claim (w));    /* only one wakes */
    assert_false (raised (w));
    waker_wake (w);
    assert_true (raised (w));
    waker_take (w);
    assert_false (raised (w));
    waker_arm (w);
    waker_disarm (w);
    assert_false (waker_claim (w));
    waker_unref (waker_ref (w));
    waker_unref (w);
    waker_unref (NULL);
}

/* The owner sleeps without a time limit until it has seen all that was put there. */
struct box {
    struct waker *w;
    atomic_int count;
};

enum { ROUNDS = 20000 };

static void *putter (void *arg)
{
    struct box *b = arg;

    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add (&b->count, 1);
        if (waker_claim (b->w))
            waker_wake (b->w);
        if (i % 64 == 0)
            sched_yield ();
    }
    return NULL;
}

static void test_none_is_lost (void **state)
{
    struct box b = { .w = waker_new () };
    struct pollfd pfd = { .fd = waker_fd (b.w), .events = POLLIN };
    pthread_t t[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal (pthread_create (&t[i], NULL, putter, &b), 0);
    for (int seen = 0; seen < 2 * ROUNDS;) {
        int now;
        waker_arm (b.w);
        if ((now = atomic_load (&b.count)) == seen) {
            assert_int_equal (poll (&pfd, 1, -1), 1);
            waker_take (b.w);
        }
        waker_disarm (b.w);
        seen = now;
    }
    for (int i = 0; i < 2; i++)
        pthread_join (t[i], NULL);
    waker_unref (b.w);
}

/* Several handles of one reactor: a ring of messages goes over all of them, to a
 * thread that has them on one reactor as well. */
enum { PAIRS = 5, TURNS = 3000 };

struct side {
    flux_reactor_t *r;
    flux_t *h[PAIRS];
    flux_msg_handler_t *mh[PAIRS];
    int got, total;
};

static void pass_on_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct side *s = arg;
    flux_msg_t *next = flux_msg_copy (msg, true);
    int i = s->got % PAIRS;

    if (++s->got <= s->total)
        assert_int_equal (flux_send_new (s->h[i], &next, 0), 0);
    flux_msg_destroy (next);
    if (s->got == s->total)
        flux_reactor_stop (s->r);
}

static void side_init (struct side *s, flux_t *pairs[PAIRS][2], int end)
{
    s->r = flux_reactor_create (0);
    s->total = TURNS;
    for (int i = 0; i < PAIRS; i++) {
        s->h[i] = pairs[i][end];
        assert_int_equal (flux_set_reactor (s->h[i], s->r), 0);
        s->mh[i] = flux_msg_handler_create (s->h[i], FLUX_MATCH_EVENT, pass_on_cb, s);
        assert_non_null (s->mh[i]);
        flux_msg_handler_allow_rolemask (s->mh[i], FLUX_ROLE_ALL);
        flux_msg_handler_start (s->mh[i]);
    }
}

static void *run_side (void *arg)
{
    struct side *s = arg;

    (void)flux_reactor_run (s->r, 0);
    return NULL;
}

static void side_fini (struct side *s)
{
    for (int i = 0; i < PAIRS; i++) {
        flux_msg_handler_destroy (s->mh[i]);
        flux_close (s->h[i]);
    }
    flux_reactor_destroy (s->r);
}

static void test_many_handles (void **state)
{
    flux_t *pairs[PAIRS][2];
    struct side a = { 0 }, b = { 0 };
    flux_msg_t *msg = flux_event_encode ("ring", NULL);
    struct flux_msg_cred owner = { 0, FLUX_ROLE_OWNER };
    pthread_t t;

    for (int i = 0; i < PAIRS; i++)
        assert_int_equal (inproc_pair (pairs[i]), 0);
    side_init (&a, pairs, 0);
    side_init (&b, pairs, 1);
    assert_int_equal (pthread_create (&t, NULL, run_side, &b), 0);
    assert_int_equal (flux_msg_set_cred (msg, owner), 0);
    assert_int_equal (flux_send_new (a.h[0], &msg, 0), 0);
    run_side (&a);
    pthread_join (t, NULL);
    assert_int_equal (a.got, TURNS);
    assert_int_equal (b.got, TURNS);
    side_fini (&a);
    side_fini (&b);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_claim),
        cmocka_unit_test (test_none_is_lost),
        cmocka_unit_test (test_many_handles),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
