/* test_msglist.c - a queue of messages with a cursor
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/message_private.h"
#include <flux/core/msglist.h>

static flux_msg_t *msg[4];

static int setup (void **state)
{
    for (int i = 0; i < 4; i++) {
        if (!(msg[i] = flux_msg_create (FLUX_MSGTYPE_EVENT)))
            return -1;
    }
    return 0;
}

static int teardown (void **state)
{
    for (int i = 0; i < 4; i++) {
        assert_true (msg_is_exclusive (msg[i]));
        flux_msg_destroy (msg[i]);
    }
    return 0;
}

static void order (void **state)
{
    struct flux_msglist *l = flux_msglist_create ();

    assert_non_null (l);
    assert_null (flux_msglist_first (l));
    assert_null (flux_msglist_last (l));
    assert_null (flux_msglist_next (l));
    assert_null (flux_msglist_pop (l));
    assert_int_equal (flux_msglist_append (l, msg[1]), 0);
    assert_int_equal (flux_msglist_append (l, msg[2]), 0);
    assert_int_equal (flux_msglist_push (l, msg[0]), 0);
    assert_int_equal (flux_msglist_count (l), 3);
    assert_false (msg_is_exclusive (msg[0]));
    assert_ptr_equal (flux_msglist_first (l), msg[0]);
    assert_ptr_equal (flux_msglist_next (l), msg[1]);
    assert_ptr_equal (flux_msglist_next (l), msg[2]);
    assert_null (flux_msglist_next (l));
    assert_ptr_equal (flux_msglist_last (l), msg[2]);
    const flux_msg_t *m = flux_msglist_pop (l);
    assert_ptr_equal (m, msg[0]);
    flux_msg_decref (m);
    assert_int_equal (flux_msglist_count (l), 2);
    flux_msglist_destroy (l);
}

static void delete_at_cursor (void **state)
{
    struct flux_msglist *l = flux_msglist_create ();
    int n = 0;

    for (int i = 0; i < 4; i++)
        assert_int_equal (flux_msglist_append (l, msg[i]), 0);
    flux_msglist_delete (l); /* no cursor: nothing */
    assert_int_equal (flux_msglist_count (l), 4);
    for (const flux_msg_t *m = flux_msglist_first (l); m;
         m = flux_msglist_next (l)) {
        assert_ptr_equal (m, msg[n]);
        if (n != 2)
            flux_msglist_delete (l);
        n++;
    }
    assert_int_equal (n, 4);
    assert_int_equal (flux_msglist_count (l), 1);
    assert_ptr_equal (flux_msglist_first (l), msg[2]);
    flux_msglist_destroy (l);
}

static void bad_input (void **state)
{
    struct flux_msglist *l = flux_msglist_create ();

    errno = 0;
    assert_int_equal (flux_msglist_append (l, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_msglist_push (NULL, msg[0]), -1);
    assert_int_equal (flux_msglist_count (NULL), 0);
    flux_msglist_destroy (NULL);
    flux_msglist_destroy (l);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (order, setup, teardown),
        cmocka_unit_test_setup_teardown (delete_at_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown (bad_input, setup, teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
