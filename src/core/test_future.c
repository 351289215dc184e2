/* test_future.c - results, continuations, waiting; no handle needed
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <flux/core.h>

#include "core/future_class.h"

struct env {
    flux_reactor_t *r;
    flux_future_t *f;
    int calls;
    int freed;
    int inits;
    int last_errno;
    const void *last;
};

static struct env e;

static int setup (void **state)
{
    e = (struct env){ 0 };
    e.r = flux_reactor_create (0);
    return e.r ? 0 : -1;
}

static int teardown (void **state)
{
    flux_reactor_destroy (e.r);
    return 0;
}

static void count_free (void *arg)
{
    e.freed++;
}

static void note_cb (flux_future_t *f, void *arg)
{
    e.calls++;
    e.last_errno = flux_future_get (f, &e.last) < 0 ? errno : 0;
}

static flux_future_t *plain (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    assert_non_null (f);
    flux_future_set_reactor (f, e.r);
    return f;
}

static void run (void)
{
    assert_true (flux_reactor_run (e.r, 0) >= 0);
}

static void fulfil_and_get (void **state)
{
    flux_future_t *f = plain ();
    const void *p = NULL;

    assert_false (flux_future_is_ready (f));
    assert_false (flux_future_has_error (f));
    assert_null (flux_future_error_string (f));
    flux_future_fulfill (f, &e, count_free);
    assert_true (flux_future_is_ready (f));
    assert_int_equal (flux_future_get (f, &p), 0);
    assert_ptr_equal (p, &e);
    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_null (flux_future_error_string (f));
    assert_int_equal (e.freed, 0);
    errno = 42;
    flux_future_destroy (f);
    assert_int_equal (errno, 42);
    assert_int_equal (e.freed, 1);
}

static void errors_have_text (void **state)
{
    flux_future_t *f = plain ();

    flux_future_fulfill_error (f, ENOENT, NULL);
    flux_future_fulfill_error (f, EPERM, "not you");
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, ENOENT);
    assert_string_equal (flux_future_error_string (f), flux_strerror (ENOENT));
    flux_future_reset (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EPERM);
    assert_true (flux_future_has_error (f));
    assert_string_equal (flux_future_error_string (f), "not you");
    assert_string_equal (future_strerror (f, EPERM), "not you");
    flux_future_reset (f);
    assert_false (flux_future_is_ready (f));
    flux_future_destroy (f);
}

static void fatal_takes_precedence (void **state)
{
    flux_future_t *f = plain ();

    flux_future_fulfill (f, NULL, NULL);
    flux_future_fatal_error (f, EIO, "gone");
    flux_future_fatal_error (f, EPERM, "later");
    flux_future_fulfill (f, &e, count_free);
    assert_int_equal (e.freed, 1);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EIO);
    flux_future_reset (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EIO);
    assert_string_equal (flux_future_error_string (f), "gone");
    flux_future_destroy (f);
}

static void bad_input (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *lone = flux_future_create (NULL, NULL);

    assert_int_equal (flux_future_get (NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_wait_for (NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_then (NULL, -1., note_cb, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_then (f, -1., NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_then (lone, -1., note_cb, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_future_get_flux (f));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_future_get_reactor (lone));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_fulfill_with (f, f), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_fulfill_with (f, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_fulfill_with (f, lone), -1);
    assert_int_equal (errno, EAGAIN);
    assert_false (flux_future_is_ready (NULL));
    assert_null (flux_future_error_string (NULL));
    flux_future_reset (NULL);
    flux_future_fulfill (NULL, NULL, NULL);
    flux_future_fulfill_error (NULL, 0, NULL);
    flux_future_fatal_error (NULL, 0, NULL);
    flux_future_incref (NULL);
    flux_future_destroy (NULL);
    flux_future_destroy (f);
    flux_future_destroy (lone);
}

static void then_runs_from_the_reactor (void **state)
{
    flux_future_t *f = plain ();

    flux_future_fulfill (f, &e, NULL);
    assert_int_equal (flux_future_then (f, -1., note_cb, NULL), 0);
    assert_int_equal (e.calls, 0);
    run ();
    assert_int_equal (e.calls, 1);
    assert_ptr_equal (e.last, &e);
    run ();
    assert_int_equal (e.calls, 1);
    flux_future_destroy (f);
}

static void then_before_fulfilment (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, -1., note_cb, NULL), 0);
    run (); // nothing to wait for
    assert_int_equal (e.calls, 0);
    flux_future_fulfill_error (f, ENODATA, NULL);
    run ();
    assert_int_equal (e.calls, 1);
    assert_int_equal (e.last_errno, ENODATA);
    flux_future_destroy (f);
}

static void destroyed_while_due (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, -1., note_cb, NULL), 0);
    flux_future_fulfill (f, NULL, NULL);
    flux_future_destroy (f);
    run ();
    assert_int_equal (e.calls, 0);
}

static void destroy_cb (flux_future_t *f, void *arg)
{
    e.calls++;
    flux_future_destroy (f);
}

static void destroy_in_callback (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, 10., destroy_cb, NULL), 0);
    flux_future_fulfill (f, &e, count_free);
    run ();
    assert_int_equal (e.calls, 1);
    assert_int_equal (e.freed, 1);
}

static void then_timeout (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, 0.001, note_cb, NULL), 0);
    run ();
    assert_int_equal (e.calls, 1);
    assert_int_equal (e.last_errno, ETIMEDOUT);
    flux_future_destroy (f);
}

static void timeout_stops_at_fulfilment (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, 3600., note_cb, NULL), 0);
    flux_future_fulfill (f, NULL, NULL);
    run (); // would last an hour
    assert_int_equal (e.calls, 1);
    assert_int_equal (e.last_errno, 0);
    flux_future_destroy (f);
}

static void stream_cb (flux_future_t *f, void *arg)
{
    e.calls++;
    if (flux_future_get (f, &e.last) < 0) {
        e.last_errno = errno;
        return;
    }
    flux_future_reset (f);
}

static void queue_of_results (void **state)
{
    flux_future_t *f = plain ();

    for (int i = 0; i < 5; i++)
        flux_future_fulfill (f, &e, count_free);
    flux_future_fulfill_error (f, ENODATA, NULL);
    assert_int_equal (flux_future_then (f, -1., stream_cb, NULL), 0);
    run ();
    assert_int_equal (e.calls, 6);
    assert_int_equal (e.freed, 5);
    assert_int_equal (e.last_errno, ENODATA);
    flux_future_destroy (f);
}

static void timeout_again_cb (flux_future_t *f, void *arg)
{
    if (++e.calls < 3)
        flux_future_reset (f);
}

static void reset_restarts_timeout (void **state)
{
    flux_future_t *f = plain ();

    assert_int_equal (flux_future_then (f, 0.001, timeout_again_cb, NULL), 0);
    run ();
    assert_int_equal (e.calls, 3);
    flux_future_destroy (f);
}

static void destroys_queue (void **state)
{
    flux_future_t *f = plain ();

    flux_future_fulfill (f, &e, count_free);
    flux_future_fulfill (f, &e, count_free);
    flux_future_fulfill_error (f, EIO, "text");
    flux_future_destroy (f);
    assert_int_equal (e.freed, 2);
}

/* An init function as a class would have: a timer that fulfils. */
static void timer_fulfil (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill (arg, &e, NULL);
}

static void timer_init (flux_future_t *f, void *arg)
{
    flux_reactor_t *r = flux_future_get_reactor (f);
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.001, 0., timer_fulfil, f);

    e.inits++;
    assert_non_null (w);
    assert_ptr_equal (arg, &e);
    flux_watcher_start (w);
    assert_int_equal (flux_future_aux_set (f, NULL, w, (flux_free_f)flux_watcher_destroy), 0);
}

static void wait_on_temporary_reactor (void **state)
{
    flux_future_t *f = flux_future_create (timer_init, &e);
    const void *p;

    assert_int_equal (flux_future_wait_for (f, 0.), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (e.inits, 0);
    assert_int_equal (flux_future_get (f, &p), 0);
    assert_ptr_equal (p, &e);
    assert_int_equal (e.inits, 1);
    flux_future_destroy (f);
}

static void init_once_per_context (void **state)
{
    flux_future_t *f = flux_future_create (timer_init, &e);

    flux_future_set_reactor (f, e.r);
    assert_int_equal (flux_future_then (f, -1., note_cb, NULL), 0);
    assert_int_equal (flux_future_then (f, -1., note_cb, NULL), 0);
    assert_int_equal (e.inits, 1);
    assert_int_equal (flux_future_wait_for (f, 30.), 0);
    assert_int_equal (e.inits, 2);
    assert_int_equal (e.calls, 0); // only its own events ran
    assert_ptr_equal (flux_future_get_reactor (f), e.r);
    run ();
    assert_int_equal (e.calls, 1);
    flux_future_destroy (f);
}

static void never_init (flux_future_t *f, void *arg)
{
    e.inits++;
}

static void wait_expires (void **state)
{
    flux_future_t *f = flux_future_create (never_init, NULL);

    assert_int_equal (flux_future_wait_for (f, 0.001), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (flux_future_wait_for (f, 0.002), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (e.inits, 1);
    assert_false (flux_future_is_ready (f));
    flux_future_fulfill (f, NULL, NULL);
    assert_int_equal (flux_future_wait_for (f, 0.), 0);
    flux_future_destroy (f);
}

static void wait_without_events_is_a_deadlock (void **state)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EDEADLOCK);
    assert_false (flux_future_is_ready (f));
    flux_future_destroy (f);
}

static void hook (flux_future_t *f)
{
    e.calls++;
}

static void wait_hook (void **state)
{
    flux_future_t *f = flux_future_create (timer_init, &e);

    assert_false (future_wait_is_forbidden ());
    future_set_wait_hook (hook);
    assert_true (future_wait_is_forbidden ());
    assert_int_equal (flux_future_wait_for (f, 0.), -1); // does not block
    assert_int_equal (e.calls, 0);
    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_int_equal (e.calls, 1);
    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_int_equal (e.calls, 1);
    future_set_wait_hook (NULL);
    flux_future_destroy (f);
}

static void aux (void **state)
{
    flux_future_t *f = plain ();

    assert_null (flux_future_aux_get (f, "a"));
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_future_aux_set (f, "a", &e, count_free), 0);
    assert_ptr_equal (flux_future_aux_get (f, "a"), &e);
    assert_int_equal (flux_future_aux_set (f, "a", NULL, NULL), 0);
    assert_int_equal (e.freed, 1);
    assert_int_equal (flux_future_aux_set (NULL, "a", &e, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_aux_set (f, NULL, &e, count_free), 0);
    flux_future_destroy (f);
    assert_int_equal (e.freed, 2);
}

static void fulfil_with (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *p = plain ();
    flux_future_t *q = plain ();
    const void *val;

    assert_int_equal (flux_future_aux_set (p, "a", &e, NULL), 0);
    flux_future_fulfill (p, &e, count_free);
    flux_future_fulfill_error (p, EIO, "stream broke");
    flux_future_fulfill (q, NULL, NULL);
    assert_int_equal (flux_future_fulfill_with (f, p), 0);
    assert_int_equal (flux_future_fulfill_with (f, q), -1);
    assert_int_equal (errno, EEXIST);
    flux_future_reset (p);
    assert_int_equal (e.freed, 0); // f refers to it still
    assert_int_equal (flux_future_fulfill_with (f, p), 0);
    flux_future_destroy (p);
    assert_ptr_equal (flux_future_aux_get (f, "a"), &e);
    assert_int_equal (flux_future_get (f, &val), 0);
    assert_ptr_equal (val, &e);
    flux_future_reset (f);
    assert_int_equal (e.freed, 1);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, EIO);
    assert_string_equal (flux_future_error_string (f), "stream broke");
    flux_future_destroy (f);
    flux_future_destroy (q);
}

static void fulfil_with_fatal (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *p = plain ();

    flux_future_fatal_error (p, EIO, "dead");
    assert_int_equal (flux_future_fulfill_with (f, p), 0);
    flux_future_destroy (p);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_string_equal (flux_future_error_string (f), "dead");
    flux_future_destroy (f);
}

static void references (void **state)
{
    flux_future_t *f = plain ();

    flux_future_fulfill (f, &e, count_free);
    flux_future_incref (f);
    flux_future_destroy (f);
    assert_int_equal (e.freed, 0);
    flux_future_decref (f);
    assert_int_equal (e.freed, 1);
}

static void outlives_its_reactor (void **state)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *f = flux_future_create (NULL, NULL);

    flux_future_set_reactor (f, r);
    assert_int_equal (flux_future_then (f, 100., note_cb, NULL), 0);
    flux_future_fulfill (f, NULL, NULL);
    flux_reactor_destroy (r);
    flux_future_destroy (f);
    assert_int_equal (e.calls, 0);
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (fulfil_and_get),
        T (errors_have_text),
        T (fatal_takes_precedence),
        T (bad_input),
        T (then_runs_from_the_reactor),
        T (then_before_fulfilment),
        T (destroyed_while_due),
        T (destroy_in_callback),
        T (then_timeout),
        T (timeout_stops_at_fulfilment),
        T (queue_of_results),
        T (reset_restarts_timeout),
        T (destroys_queue),
        T (wait_on_temporary_reactor),
        T (init_once_per_context),
        T (wait_expires),
        T (wait_without_events_is_a_deadlock),
        T (wait_hook),
        T (aux),
        T (fulfil_with),
        T (fulfil_with_fatal),
        T (references),
        T (outlives_its_reactor),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
