/* test_aux.c - named items attached to an object
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/aux.h"

static int destroyed[8];
static int ndestroyed;

static void destroy (void *arg)
{
    destroyed[ndestroyed++] = *(int *)arg;
}

static int reset (void **state)
{
    ndestroyed = 0;
    return 0;
}

static int v[] = { 0, 1, 2, 3, 4 };

static void set_and_get (void **state)
{
    struct aux_item *aux = NULL;

    assert_null (aux_get (aux, "a"));
    assert_int_equal (aux_set (&aux, "a", &v[1], destroy), 0);
    assert_int_equal (aux_set (&aux, "b", &v[2], destroy), 0);
    assert_int_equal (aux_set (&aux, NULL, &v[3], destroy), 0);
    assert_int_equal (aux_set (&aux, "", &v[4], NULL), 0);
    assert_ptr_equal (aux_get (aux, "a"), &v[1]);
    assert_ptr_equal (aux_get (aux, "b"), &v[2]);
    assert_ptr_equal (aux_get (aux, ""), &v[4]);
    assert_null (aux_get (aux, "c"));
    assert_null (aux_get (aux, NULL));
    aux_clear (&aux);
    assert_null (aux);
    assert_int_equal (ndestroyed, 3);
    assert_int_equal (destroyed[0], 3);
    assert_int_equal (destroyed[1], 2);
    assert_int_equal (destroyed[2], 1);
}

static void overwrite_and_delete (void **state)
{
    struct aux_item *aux = NULL;

    assert_int_equal (aux_set (&aux, "a", &v[1], destroy), 0);
    assert_int_equal (aux_set (&aux, "a", &v[2], destroy), 0);
    assert_int_equal (ndestroyed, 1);
    assert_int_equal (destroyed[0], 1);
    assert_ptr_equal (aux_get (aux, "a"), &v[2]);
    assert_int_equal (aux_set (&aux, "a", NULL, NULL), 0);
    assert_int_equal (ndestroyed, 2);
    assert_null (aux_get (aux, "a"));
    assert_int_equal (aux_set (&aux, "a", NULL, NULL), 0);
    assert_int_equal (ndestroyed, 2);
}

static void delete_value (void **state)
{
    struct aux_item *aux = NULL;

    assert_int_equal (aux_set (&aux, "a", &v[1], destroy), 0);
    assert_int_equal (aux_set (&aux, "b", &v[2], destroy), 0);
    assert_int_equal (aux_set (&aux, NULL, &v[1], destroy), 0);
    aux_delete_value (&aux, &v[1]);
    assert_int_equal (ndestroyed, 2);
    assert_null (aux_get (aux, "a"));
    assert_ptr_equal (aux_get (aux, "b"), &v[2]);
    aux_delete_value (&aux, &v[3]);
    assert_int_equal (ndestroyed, 2);
    aux_clear (&aux);
}

static void bad_input (void **state)
{
    struct aux_item *aux = NULL;

    assert_int_equal (aux_set (&aux, NULL, NULL, NULL), -EINVAL);
    assert_int_equal (aux_set (&aux, "a", NULL, destroy), -EINVAL);
    assert_null (aux);
}

static struct aux_item *nested;

static void destroy_nested (void *arg)
{
    assert_int_equal (aux_set (&nested, "late", &v[4], destroy), 0);
}

static void destructor_adds (void **state)
{
    assert_int_equal (aux_set (&nested, "a", &v[1], destroy_nested), 0);
    aux_clear (&nested);
    assert_null (nested);
    assert_int_equal (ndestroyed, 1);
    assert_int_equal (destroyed[0], 4);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup (set_and_get, reset),
        cmocka_unit_test_setup (overwrite_and_delete, reset),
        cmocka_unit_test_setup (delete_value, reset),
        cmocka_unit_test_setup (bad_input, reset),
        cmocka_unit_test_setup (destructor_adds, reset),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
