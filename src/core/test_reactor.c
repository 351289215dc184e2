/* test_reactor.c - the reactor, its watchers, and functions that are due
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/handle.h>
#include <flux/core/reactor.h>
#include <flux/core/watcher.h>

#include "core/due.h"

static flux_reactor_t *r;

static int setup (void **state)
{
    r = flux_reactor_create (0);
    return r ? 0 : -1;
}

static int teardown (void **state)
{
    flux_reactor_destroy (r);
    return 0;
}

static int calls;

static void count_cb (flux_reactor_t *reactor, flux_watcher_t *w, int revents,
                      void *arg)
{
    assert_ptr_equal (reactor, r);
    (*(int *)arg)++;
}

static void stop_cb (flux_reactor_t *reactor, flux_watcher_t *w, int revents,
                     void *arg)
{
    flux_reactor_stop (reactor);
}

static void stop_error_cb (flux_reactor_t *reactor, flux_watcher_t *w,
                           int revents, void *arg)
{
    errno = ESRCH;
    flux_reactor_stop_error (reactor);
}

static void bad_input (void **state)
{
    errno = 0;
    assert_null (flux_reactor_create (1));
    assert_int_equal (errno, EINVAL);
    errno = 0;
    assert_int_equal (flux_reactor_run (r, 4), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_reactor_run (r, 3), -1);
    assert_int_equal (flux_reactor_run (NULL, 0), -1);
    assert_null (flux_fd_watcher_create (NULL, 0, FLUX_POLLIN, NULL, NULL));
    assert_null (flux_fd_watcher_create (r, -1, FLUX_POLLIN, NULL, NULL));
    assert_null (flux_timer_watcher_create (r, -1., 0., NULL, NULL));
    assert_null (flux_timer_watcher_create (r, NAN, 0., NULL, NULL));
    assert_null (flux_timer_watcher_create (r, 0., -1., NULL, NULL));
    assert_null (flux_periodic_watcher_create (r, -1., 0., NULL, NULL, NULL));
    assert_null (flux_signal_watcher_create (r, 0, NULL, NULL));
    assert_null (flux_signal_watcher_create (r, 1000, NULL, NULL));
    assert_null (flux_stat_watcher_create (r, NULL, 0., NULL, NULL));
    assert_null (flux_handle_watcher_create (r, NULL, 1, NULL, NULL));
    flux_watcher_start (NULL);
    flux_watcher_stop (NULL);
    flux_watcher_destroy (NULL);
    flux_reactor_destroy (NULL);
    assert_false (flux_watcher_is_active (NULL));
}

static void nothing_to_do (void **state)
{
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 0);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 0);
}

static void timers (void **state)
{
    int n = 0;
    flux_watcher_t *w = flux_timer_watcher_create (r, 0., 0., count_cb, &n);
    flux_watcher_t *w2 = flux_timer_watcher_create (r, 0.001, 0.001, count_cb,
                                                    &n);

    assert_false (flux_watcher_is_active (w));
    flux_watcher_start (w);
    flux_watcher_start (w);
    assert_true (flux_watcher_is_active (w));
    assert_true (flux_watcher_next_wakeup (w) <= flux_reactor_now (r) + 0.001);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (n, 1);
    assert_false (flux_watcher_is_active (w));

    n = 0;
    flux_watcher_start (w2);
    while (n < 3)
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
    flux_watcher_stop (w2);
    assert_int_equal (flux_reactor_run (r, 0), 0);

    flux_timer_watcher_reset (w, 0., 0.);
    assert_false (flux_watcher_is_active (w));
    flux_watcher_start (w);
    flux_timer_watcher_reset (w, 1000., 0.);
    assert_true (flux_watcher_is_active (w));
    assert_true (flux_watcher_next_wakeup (w) > flux_reactor_now (r) + 900.);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    flux_timer_watcher_reset (w, 0., 1000.);
    flux_timer_watcher_again (w);
    assert_true (flux_watcher_is_active (w));
    flux_timer_watcher_reset (w, 0., 0.);
    flux_timer_watcher_again (w); /* no repeat: stops */
    assert_false (flux_watcher_is_active (w));
    flux_watcher_destroy (w);
    flux_watcher_destroy (w2);
    assert_true (fabs (flux_reactor_time () - flux_reactor_now (r)) < 60.);
    flux_reactor_now_update (r);
}

static void fd_events (void **state)
{
    int p[2], n = 0;
    char c;
    flux_watcher_t *in, *out;

    assert_int_equal (pipe (p), 0);
    in = flux_fd_watcher_create (r, p[0], FLUX_POLLIN, count_cb, &n);
    assert_int_equal (flux_fd_watcher_get_fd (in), p[0]);
    errno = 0;
    assert_true (flux_watcher_next_wakeup (in) < 0.);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_signal_watcher_get_signum (in), -1);
    flux_watcher_start (in);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    assert_int_equal (n, 0);
    assert_int_equal (write (p[1], "x", 1), 1);
    for (int i = 1; i < 3; i++) { /* level triggered */
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
        assert_int_equal (n, i);
    }
    assert_int_equal (read (p[0], &c, 1), 1);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    assert_int_equal (n, 2);
    flux_watcher_stop (in);
    out = flux_fd_watcher_create (r, p[1], FLUX_POLLOUT, stop_cb, NULL);
    flux_watcher_start (out);
    assert_int_equal (flux_reactor_run (r, 0), 1);
    flux_watcher_destroy (in);
    flux_watcher_destroy (out);
    close (p[0]);
    close (p[1]);
}

static void stopping (void **state)
{
    flux_watcher_t *w = flux_timer_watcher_create (r, 0., 0.1, stop_cb, NULL);
    flux_watcher_t *e = flux_timer_watcher_create (r, 0., 0.1, stop_error_cb,
                                                   NULL);

    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, 0), 1);
    flux_watcher_stop (w);
    flux_watcher_start (e);
    errno = 0;
    assert_int_equal (flux_reactor_run (r, 0), -1);
    assert_int_equal (errno, ESRCH);
    flux_watcher_stop (e);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_watcher_destroy (w);
    flux_watcher_destroy (e);
}

/* An unreferenced watcher works but does not keep the reactor running. */
static void references (void **state)
{
    int n = 0;
    flux_watcher_t *t = flux_timer_watcher_create (r, 0., 0., count_cb, &n);
    flux_watcher_t *idle = flux_idle_watcher_create (r, count_cb, &n);

    flux_watcher_unref (idle);
    flux_watcher_unref (idle);
    assert_false (flux_watcher_is_referenced (idle));
    flux_watcher_start (idle);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_watcher_ref (idle);
    flux_watcher_ref (idle);
    assert_true (flux_watcher_is_referenced (idle));
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    flux_watcher_unref (idle);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 0);
    flux_watcher_stop (idle);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 0);

    /* an unreferenced timer that runs out, again and again, leaves the count
     * as it was */
    flux_watcher_unref (t);
    for (int i = 0; i < 5; i++) {
        n = 0;
        flux_timer_watcher_reset (t, 0., 0.);
        flux_watcher_start (t);
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 0);
        assert_int_equal (n, 1);
    }
    /* expired, but stopped before its callback could run */
    flux_watcher_start (idle);
    flux_watcher_ref (idle);
    flux_timer_watcher_reset (t, 0., 0.);
    flux_watcher_start (t);
    flux_watcher_stop (t);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    flux_watcher_destroy (idle);
    flux_watcher_destroy (t);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

static void watcher_outlives_reactor (void **state)
{
    flux_reactor_t *r2 = flux_reactor_create (0);
    flux_watcher_t *w = flux_timer_watcher_create (r2, 1., 0., NULL, NULL);

    flux_watcher_start (w);
    flux_reactor_destroy (r2);
    assert_true (flux_watcher_is_active (w));
    flux_watcher_destroy (w);
}

static void destroy_cb (flux_reactor_t *reactor, flux_watcher_t *w, int revents,
                        void *arg)
{
    flux_watcher_destroy (w);
}

static void destroy_in_callback (void **state)
{
    flux_watcher_t *w = flux_timer_watcher_create (r, 0., 1., destroy_cb, NULL);
    flux_watcher_t *w2 = flux_check_watcher_create (r, destroy_cb, NULL);

    flux_watcher_start (w);
    flux_watcher_start (w2);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

static char order[64];

static void order_cb (flux_reactor_t *reactor, flux_watcher_t *w, int revents,
                      void *arg)
{
    size_t n = strlen (order);
    if (n < sizeof (order) - 1) {
        order[n] = *(char *)arg;
        order[n + 1] = '\0';
    }
}

static void prepare_check_idle (void **state)
{
    flux_watcher_t *p = flux_prepare_watcher_create (r, order_cb, "p");
    flux_watcher_t *c = flux_check_watcher_create (r, order_cb, "c");
    flux_watcher_t *d = flux_check_watcher_create (r, order_cb, "d");
    flux_watcher_t *i = flux_idle_watcher_create (r, order_cb, "i");

    flux_watcher_set_priority (d, 99);
    flux_watcher_set_priority (i, 1); /* no effect on this kind */
    flux_watcher_start (p);
    flux_watcher_start (c);
    flux_watcher_start (d);
    flux_watcher_start (i);
    order[0] = '\0';
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 4);
    assert_string_equal (order, "pdci");
    flux_watcher_set_priority (d, -2);
    order[0] = '\0';
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 4);
    assert_string_equal (order, "pcid");
    flux_watcher_destroy (p);
    flux_watcher_destroy (c);
    flux_watcher_destroy (d);
    flux_watcher_destroy (i);
}

static void signals (void **state)
{
    int n = 0;
    flux_watcher_t *w = flux_signal_watcher_create (r, SIGUSR1, count_cb, &n);

    assert_int_equal (flux_signal_watcher_get_signum (w), SIGUSR1);
    flux_watcher_start (w);
    assert_int_equal (raise (SIGUSR1), 0);
    while (n == 0)
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
    assert_int_equal (n, 1);
    flux_watcher_destroy (w);
}

static void file_status (void **state)
{
    char path[] = "/tmp/test_reactor.XXXXXX";
    struct stat now, prev;
    int fd = mkstemp (path);
    int n = 0;
    flux_watcher_t *w;

    assert_true (fd >= 0);
    w = flux_stat_watcher_create (r, path, 0.01, count_cb, &n);
    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    assert_int_equal (write (fd, "hello", 5), 5);
    while (n == 0)
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
    assert_int_equal (flux_stat_watcher_get_rstat (w, &now, &prev), 0);
    assert_int_equal (now.st_size, 5);
    assert_int_equal (prev.st_size, 0);
    n = 0;
    unlink (path);
    while (n == 0)
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
    assert_int_equal (flux_stat_watcher_get_rstat (w, &now, NULL), 0);
    assert_int_equal (now.st_nlink, 0);
    flux_watcher_destroy (w);
    close (fd);
}

static double next_time;

static double reschedule (flux_watcher_t *w, double now, void *arg)
{
    return next_time > 0. ? now + next_time : now - 1.;
}

static void periodic (void **state)
{
    int n = 0;
    double now = flux_reactor_now (r);
    flux_watcher_t *w;

    w = flux_periodic_watcher_create (r, now + 0.001, 0., NULL, count_cb, &n);
    flux_watcher_start (w);
    assert_true (fabs (flux_watcher_next_wakeup (w) - now - 0.001) < 0.0001);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (n, 1);

    next_time = 0.001;
    flux_periodic_watcher_reset (w, 0., 0., reschedule);
    n = 0;
    while (n < 3)
        assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1);
    /* a time in the past stops it */
    next_time = -1.;
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_false (flux_watcher_is_active (w));
    flux_watcher_start (w); /* at once again */
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_false (flux_watcher_is_active (w));
    flux_watcher_destroy (w);
    assert_int_equal (flux_reactor_run (r, 0), 0);
}

/* Due functions */

struct item {
    struct due due;
    int n;
    int again;
    struct item *cancel;
    bool stop;
};

static void item_fn (struct due *d)
{
    struct item *it = list_entry (d, struct item, due);

    it->n++;
    calls++;
    if (it->again-- > 0)
        assert_int_equal (due_post (r, d), 0);
    if (it->cancel)
        due_cancel (&it->cancel->due);
    if (it->stop)
        flux_reactor_stop (r);
}

static void due_functions (void **state)
{
    struct item a = { .again = 100 }, b = { .n = 0 }, c = { .n = 0 };

    due_init (&a.due, item_fn);
    due_init (&b.due, item_fn);
    due_init (&c.due, item_fn);
    assert_int_equal (due_post (r, &a.due), 0);
    assert_int_equal (due_post (r, &b.due), 0);
    assert_int_equal (due_post (r, &b.due), 0);
    assert_true (due_posted (&b.due));
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (a.n, 101);
    assert_int_equal (b.n, 1);

    /* cancelled by another, before it runs */
    a = (struct item){ .cancel = &c };
    due_init (&a.due, item_fn);
    due_post (r, &a.due);
    due_post (r, &c.due);
    due_post (r, &b.due);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (a.n, 1);
    assert_int_equal (c.n, 0);
    assert_int_equal (b.n, 2);

    /* nothing left after a cancel: the reactor ends */
    due_post (r, &b.due);
    due_cancel (&b.due);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (b.n, 2);

    /* stop: the rest stays due, in order */
    a = (struct item){ .stop = true };
    due_init (&a.due, item_fn);
    due_post (r, &a.due);
    due_post (r, &b.due);
    assert_int_equal (flux_reactor_run (r, 0), 1);
    assert_int_equal (b.n, 2);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (b.n, 3);
}

static void nested_fn (struct due *d)
{
    calls++;
    assert_true (flux_reactor_run (r, FLUX_REACTOR_NOWAIT) >= 0);
}

/* A run within a due function runs the others. */
static void due_nested (void **state)
{
    struct item b = { .n = 0 };
    struct due d;

    calls = 0;
    due_init (&d, nested_fn);
    due_init (&b.due, item_fn);
    due_post (r, &d);
    due_post (r, &b.due);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (b.n, 1);
    assert_int_equal (calls, 2);
}

/* One that posts itself for ever does not starve a timer. */
static void due_fair (void **state)
{
    struct item a = { .again = 1 << 30 };
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.001, 0., stop_cb, NULL);

    due_init (&a.due, item_fn);
    due_post (r, &a.due);
    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, 0), 1);
    assert_true (a.n > 1);
    due_cancel (&a.due);
    flux_watcher_destroy (w);
}

static void due_outlives_reactor (void **state)
{
    flux_reactor_t *r2 = flux_reactor_create (0);
    struct item a = { .n = 0 };

    due_init (&a.due, item_fn);
    due_post (r2, &a.due);
    flux_reactor_destroy (r2);
    assert_false (due_posted (&a.due));
    due_cancel (&a.due);
}

#define T(fn) cmocka_unit_test_setup_teardown (fn, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (bad_input), T (nothing_to_do), T (timers), T (fd_events),
        T (stopping), T (references), T (watcher_outlives_reactor),
        T (destroy_in_callback), T (prepare_check_idle), T (signals),
        T (file_status), T (periodic), T (due_functions), T (due_nested),
        T (due_fair), T (due_outlives_reactor),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
