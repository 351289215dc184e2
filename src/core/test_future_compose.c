/* test_future_compose.c - and_then, or_then, continue; wait_all, wait_any
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <flux/core.h>

static flux_reactor_t *r;
static int calls;
static int freed;
static int result_errno;
static const void *result;
static int v[4];

static int setup (void **state)
{
    calls = freed = 0;
    result_errno = -1;
    result = NULL;
    r = flux_reactor_create (0);
    return r ? 0 : -1;
}

static int teardown (void **state)
{
    flux_reactor_destroy (r);
    return 0;
}

static void count_free (void *arg)
{
    freed++;
}

static flux_future_t *plain (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    assert_non_null (f);
    flux_future_set_reactor (f, r);
    return f;
}

static void timer_fulfil (flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill (arg, &v[0], NULL);
}

static void timer_init (flux_future_t *f, void *arg)
{
    flux_watcher_t *w = flux_timer_watcher_create (flux_future_get_reactor (f), 0.001, 0.,
                                                   timer_fulfil, f);

    assert_non_null (w);
    flux_watcher_start (w);
    assert_int_equal (flux_future_aux_set (f, NULL, w, (flux_free_f)flux_watcher_destroy), 0);
}

/* Fulfils itself a little later, on whatever reactor. */
static flux_future_t *later (void)
{
    flux_future_t *f = flux_future_create (timer_init, NULL);

    assert_non_null (f);
    flux_future_set_reactor (f, r);
    return f;
}

static void final_cb (flux_future_t *f, void *arg)
{
    result_errno = flux_future_get (f, &result) < 0 ? errno : 0;
}

static void run_to_end (flux_future_t *f)
{
    assert_int_equal (flux_future_then (f, -1., final_cb, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
}

/*
 * Chains
 */

static void never_cb (flux_future_t *f, void *arg)
{
    fail_msg ("must not be called");
}

static void continue_cb (flux_future_t *prev, void *arg)
{
    calls++;
    assert_int_equal (flux_future_continue (prev, arg), 0);
    flux_future_destroy (prev);
}

static void continue_with_another (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();
    flux_future_t *next = flux_future_and_then (f, continue_cb, f2);

    assert_non_null (next);
    assert_ptr_equal (flux_future_or_then (f, never_cb, NULL), next);
    flux_future_fulfill (f, &v[1], count_free);
    flux_future_fulfill (f2, &v[2], count_free);
    run_to_end (next);
    assert_int_equal (calls, 1);
    assert_int_equal (result_errno, 0);
    assert_ptr_equal (result, &v[2]);
    assert_int_equal (freed, 1);
    flux_future_destroy (next);
    assert_int_equal (freed, 2);
}

static void same_blocking (void **state)
{
    flux_future_t *next = flux_future_and_then (later (), continue_cb, later ());
    flux_future_t *next2 = flux_future_and_then (next, continue_cb, later ());

    assert_int_equal (flux_future_get (next2, &result), 0);
    assert_int_equal (calls, 2);
    assert_ptr_equal (result, &v[0]);
    flux_future_destroy (next2);
}

static void no_op_cb (flux_future_t *prev, void *arg)
{
    calls++;
    flux_future_destroy (prev);
}

static void without_continue_the_result_passes (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, no_op_cb, NULL);

    assert_int_equal (flux_future_aux_set (f, "a", &v[3], NULL), 0);
    flux_future_fulfill (f, &v[1], count_free);
    run_to_end (next);
    assert_int_equal (calls, 1);
    assert_ptr_equal (result, &v[1]);
    assert_ptr_equal (flux_future_aux_get (next, "a"), &v[3]);
    assert_int_equal (freed, 0);
    flux_future_destroy (next);
    assert_int_equal (freed, 1);
}

static void error_passes_and_then (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, never_cb, NULL);
    flux_future_t *next2 = flux_future_and_then (next, never_cb, NULL);

    flux_future_fulfill_error (f, EPERM, "no");
    run_to_end (next2);
    assert_int_equal (result_errno, EPERM);
    assert_string_equal (flux_future_error_string (next2), "no");
    flux_future_destroy (next2);
}

static void success_passes_or_then (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_or_then (f, never_cb, NULL);

    flux_future_fulfill (f, &v[1], count_free);
    run_to_end (next);
    assert_ptr_equal (result, &v[1]);
    flux_future_destroy (next);
    assert_int_equal (freed, 1);
}

static void or_then_recovers (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();
    flux_future_t *next = flux_future_or_then (f, continue_cb, f2);

    flux_future_fulfill_error (f, EPERM, NULL);
    flux_future_fulfill (f2, &v[2], NULL);
    run_to_end (next);
    assert_int_equal (result_errno, 0);
    assert_ptr_equal (result, &v[2]);
    flux_future_destroy (next);
}

static void continue_error_cb (flux_future_t *prev, void *arg)
{
    calls++;
    flux_future_continue_error (prev, ENOTTY, arg);
    flux_future_destroy (prev);
}

static void continue_with_error (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, continue_error_cb, "not a tty");

    flux_future_fulfill (f, NULL, NULL);
    run_to_end (next);
    assert_int_equal (result_errno, ENOTTY);
    assert_string_equal (flux_future_error_string (next), "not a tty");
    flux_future_destroy (next);
}

static void fulfill_next_cb (flux_future_t *prev, void *arg)
{
    assert_int_equal (flux_future_fulfill_next (prev, arg, count_free), 0);
    flux_future_destroy (prev);
}

static void fulfill_next (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next;

    assert_int_equal (flux_future_fulfill_next (f, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    next = flux_future_and_then (f, fulfill_next_cb, &v[2]);
    flux_future_fulfill (f, &v[1], count_free);
    run_to_end (next);
    assert_ptr_equal (result, &v[2]);
    assert_int_equal (freed, 1);
    flux_future_destroy (next);
    assert_int_equal (freed, 2);
}

/* continue (NULL), and much later fulfill_next */
static void deferred_timer (flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_t *prev = arg;

    assert_int_equal (flux_future_fulfill_next (prev, &v[3], NULL), 0);
    flux_future_destroy (prev);
    flux_watcher_destroy (w);
}

static void deferred_cb (flux_future_t *prev, void *arg)
{
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.001, 0., deferred_timer, prev);

    flux_watcher_start (w);
    assert_int_equal (flux_future_continue (prev, NULL), 0);
}

static void continue_null (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, deferred_cb, NULL);

    flux_future_fulfill (f, &v[1], count_free);
    run_to_end (next);
    assert_ptr_equal (result, &v[3]);
    assert_int_equal (freed, 1);
    flux_future_destroy (next);
}

static void next_destroyed_first (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, never_cb, NULL);

    flux_future_fulfill (f, NULL, count_free);
    flux_future_destroy (next); // and f with it
    assert_int_equal (freed, 1);
    assert_true (flux_reactor_run (r, 0) >= 0);
}

static void prev_destroyed_first (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (f, never_cb, NULL);

    flux_future_destroy (f);
    run_to_end (next);
    assert_int_equal (result_errno, ECANCELED);
    flux_future_destroy (next);
}

static void destroy_next_cb (flux_future_t *prev, void *arg)
{
    calls++;
    flux_future_destroy (*(flux_future_t **)arg);
    flux_future_destroy (prev);
}

static void next_destroyed_in_callback (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next;

    next = flux_future_and_then (f, destroy_next_cb, &next);
    flux_future_fulfill (f, NULL, count_free);
    run_to_end (next);
    assert_int_equal (calls, 1);
    assert_int_equal (freed, 1);
    assert_int_equal (result_errno, -1);
}

static void cont_destroyed_with_next (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();
    flux_future_t *next = flux_future_and_then (f, continue_cb, f2);

    assert_int_equal (flux_future_aux_set (f2, NULL, &v[1], count_free), 0);
    flux_future_fulfill (f, NULL, NULL);
    run_to_end (next);
    assert_int_equal (calls, 1);
    assert_false (flux_future_is_ready (next));
    flux_future_destroy (next);
    assert_int_equal (freed, 1);
}

static void stream_cb (flux_future_t *f, void *arg)
{
    if (flux_future_get (f, &result) < 0) {
        result_errno = errno;
        return;
    }
    calls++;
    flux_future_reset (f);
}

static void stream_through_a_chain (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();
    flux_future_t *next = flux_future_and_then (f, continue_cb, f2);

    flux_future_fulfill (f, NULL, NULL);
    for (int i = 0; i < 3; i++)
        flux_future_fulfill (f2, &v[i], count_free);
    flux_future_fulfill_error (f2, ENODATA, NULL);
    assert_int_equal (flux_future_then (next, -1., stream_cb, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (calls, 1 + 3);
    assert_int_equal (result_errno, ENODATA);
    assert_int_equal (freed, 3);
    flux_future_destroy (next);
}

static void stream_without_callback (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_or_then (f, continue_error_cb, NULL);

    for (int i = 0; i < 3; i++)
        flux_future_fulfill (f, &v[i], count_free);
    flux_future_fulfill_error (f, ENODATA, NULL);
    assert_int_equal (flux_future_then (next, -1., stream_cb, NULL), 0);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, ENOTTY);
    assert_int_equal (calls, 3 + 1);
    flux_future_destroy (next);
    assert_int_equal (freed, 3);
}

static void chain_bad_input (void **state)
{
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();

    assert_null (flux_future_and_then (NULL, never_cb, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_future_and_then (f, NULL, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_future_or_then (NULL, never_cb, NULL));
    assert_null (flux_future_or_then (f, NULL, NULL));
    assert_int_equal (flux_future_continue (f, f2), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_continue (NULL, NULL), -1);
    flux_future_continue_error (NULL, EPERM, NULL);
    flux_future_continue_error (f, EPERM, NULL);
    flux_future_destroy (f);
    flux_future_destroy (f2);
}

/*
 * Groups
 */

static void all_and_any_empty (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *any = flux_future_wait_any_create ();

    assert_null (flux_future_first_child (all));
    assert_null (flux_future_next_child (all));
    assert_int_equal (flux_future_get (all, NULL), 0);
    assert_int_equal (flux_future_get (any, NULL), -1);
    assert_int_equal (errno, EDEADLOCK);
    flux_future_destroy (all);
    flux_future_destroy (any);
}

static void all_waits_for_all (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f1 = plain ();
    flux_future_t *f2 = plain ();

    assert_int_equal (flux_future_push (all, "one", f1), 0);
    assert_int_equal (flux_future_push (all, "two", f2), 0);
    flux_future_fulfill (f1, &v[1], count_free);
    run_to_end (all);
    assert_false (flux_future_is_ready (all));
    flux_future_fulfill (f2, &v[2], count_free);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, 0);
    assert_ptr_equal (flux_future_get_child (all, "one"), f1);
    assert_ptr_equal (flux_future_get_child (all, "two"), f2);
    assert_null (flux_future_get_child (all, "three"));
    assert_int_equal (errno, ENOENT);
    assert_string_equal (flux_future_first_child (all), "one");
    assert_string_equal (flux_future_next_child (all), "two");
    assert_null (flux_future_next_child (all));
    flux_future_destroy (all);
    assert_int_equal (freed, 2);
}

static void any_waits_for_one (void **state)
{
    flux_future_t *any = flux_future_wait_any_create ();
    flux_future_t *f1 = plain ();
    flux_future_t *f2 = plain ();

    assert_int_equal (flux_future_push (any, "one", f1), 0);
    assert_int_equal (flux_future_push (any, "two", f2), 0);
    flux_future_fulfill (f2, &v[2], NULL);
    run_to_end (any);
    assert_int_equal (result_errno, 0);
    assert_false (flux_future_is_ready (f1));
    assert_true (flux_future_is_ready (f2));
    flux_future_destroy (any);
}

static void groups_block (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *any = flux_future_wait_any_create ();

    assert_int_equal (flux_future_push (any, "never", plain ()), 0);
    assert_int_equal (flux_future_push (any, "soon", later ()), 0);
    assert_int_equal (flux_future_push (all, "a", later ()), 0);
    assert_int_equal (flux_future_push (all, "b", later ()), 0);
    assert_int_equal (flux_future_push (all, "group", any), 0);
    assert_int_equal (flux_future_get (all, NULL), 0);
    assert_true (flux_future_is_ready (any));
    flux_future_destroy (all);
}

static void anonymous_and_late_children (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f1 = plain ();
    flux_future_t *f2 = plain ();
    const char *name;

    assert_int_equal (flux_future_push (all, NULL, f1), 0);
    assert_non_null ((name = flux_future_first_child (all)));
    assert_ptr_equal (flux_future_get_child (all, name), f1);
    assert_int_equal (flux_future_then (all, -1., final_cb, NULL), 0);
    assert_int_equal (flux_future_push (all, NULL, f2), 0);
    flux_future_fulfill (f1, NULL, NULL);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, -1);
    flux_future_fulfill (f2, NULL, NULL);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, 0);
    flux_future_destroy (all);
}

static void a_child_fails (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f1 = plain ();
    flux_future_t *f2 = plain ();

    assert_int_equal (flux_future_push (all, "one", f1), 0);
    assert_int_equal (flux_future_push (all, "two", f2), 0);
    flux_future_fulfill_error (f1, EPERM, "not one");
    run_to_end (all);
    assert_false (flux_future_is_ready (all));
    flux_future_fulfill (f2, NULL, NULL);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, EPERM);
    assert_string_equal (flux_future_error_string (all), "not one");
    flux_future_destroy (all);
}

/* A wait that was in vain does not take the children from the continuation. */
static void waited_for_and_then (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f = plain ();
    flux_future_t *next = flux_future_and_then (later (), continue_cb, later ());

    assert_int_equal (flux_future_push (all, "never", f), 0);
    assert_int_equal (flux_future_push (all, "chain", next), 0);
    assert_int_equal (flux_future_then (all, -1., final_cb, NULL), 0);
    assert_int_equal (flux_future_wait_for (all, 0.0001), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (flux_future_wait_for (all, 0.0001), -1);
    flux_future_fulfill (f, NULL, NULL);
    assert_true (flux_reactor_run (r, 0) >= 0);
    assert_int_equal (result_errno, 0);
    assert_int_equal (calls, 1);
    flux_future_destroy (all);
}

static void group_in_a_chain (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f = plain ();
    flux_future_t *next;

    assert_int_equal (flux_future_push (all, "one", later ()), 0);
    next = flux_future_and_then (f, continue_cb, all);
    flux_future_fulfill (f, NULL, NULL);
    assert_int_equal (flux_future_get (next, NULL), 0);
    assert_non_null (flux_future_get_child (next, "one"));
    assert_string_equal (flux_future_first_child (next), "one");
    flux_future_destroy (next);
}

static void group_bad_input (void **state)
{
    flux_future_t *all = flux_future_wait_all_create ();
    flux_future_t *f = plain ();
    flux_future_t *f2 = plain ();

    assert_int_equal (flux_future_push (f, "a", f2), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_push (NULL, "a", f2), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_push (all, "a", NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_future_push (all, "a", f), 0);
    assert_int_equal (flux_future_push (all, "a", f2), -1);
    assert_int_equal (errno, EEXIST);
    assert_null (flux_future_first_child (NULL));
    assert_null (flux_future_first_child (f2));
    assert_null (flux_future_next_child (NULL));
    assert_null (flux_future_get_child (NULL, "a"));
    assert_null (flux_future_get_child (all, NULL));
    flux_future_destroy (f2);
    flux_future_destroy (all);
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (continue_with_another),
        T (same_blocking),
        T (without_continue_the_result_passes),
        T (error_passes_and_then),
        T (success_passes_or_then),
        T (or_then_recovers),
        T (continue_with_error),
        T (fulfill_next),
        T (continue_null),
        T (next_destroyed_first),
        T (prev_destroyed_first),
        T (next_destroyed_in_callback),
        T (cont_destroyed_with_next),
        T (stream_through_a_chain),
        T (stream_without_callback),
        T (chain_bad_input),
        T (all_and_any_empty),
        T (all_waits_for_all),
        T (any_waits_for_one),
        T (groups_block),
        T (anonymous_and_late_children),
        T (a_child_fails),
        T (waited_for_and_then),
        T (group_in_a_chain),
        T (group_bad_input),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
