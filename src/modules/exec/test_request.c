/* test_request.c - start requests, in the form of our job manager and in others */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "modules/exec/request.h"

static int decode (struct lastspec *last, const char *text, struct start_request *rq)
{
    flux_msg_t *msg = flux_request_encode ("job-exec.start", text);
    int rc;

    assert_non_null (msg);
    rc = start_request_decode (last, msg, rq);
    flux_msg_destroy (msg);
    return rc;
}

static void check (struct start_request *rq, uint64_t id, int cores)
{
    assert_int_equal (rq->id, id);
    assert_int_equal (rq->userid, 100);
    assert_true (rq->reattach);
    assert_int_equal (json_integer_value (json_object_get (rq->R, "a")), id);
    assert_int_equal (json_integer_value (json_object_get (rq->jobspec, "cores")), cores);
    start_request_release (rq);
}

static void test_shared (void **state)
{
    struct lastspec last = { 0 };
    struct start_request rq;
    json_t *first;

    assert_int_equal (decode (&last, "{\"id\":1,\"userid\":100,\"reattach\":true,"
                              "\"R\":{\"a\":1},\"jobspec\":{\"cores\":4}}", &rq), 0);
    first = rq.jobspec;
    check (&rq, 1, 4);
    assert_int_equal (decode (&last, "{\"id\":2,\"userid\":100,\"reattach\":true,"
                              "\"R\":{\"a\":2},\"jobspec\":{\"cores\":4}}", &rq), 0);
    assert_ptr_equal (rq.jobspec, first);
    check (&rq, 2, 4);
    assert_int_equal (decode (&last, "{\"id\":3,\"userid\":100,\"reattach\":true,"
                              "\"R\":{\"a\":3},\"jobspec\":{\"cores\":5}}", &rq), 0);
    check (&rq, 3, 5);
    lastspec_release (&last);
}

/* What differs only in its environment is the same to us. */
static void test_environment (void **state)
{
    static const char *forms[] = {
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{\"a\":1},\"jobspec\":{\"cores\":4,"
        "\"attributes\":{\"system\":{\"duration\":5,\"environment\":{\"A\":\"}\\\"{\"}}}}}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{\"a\":1},\"jobspec\":{\"cores\":4,"
        "\"attributes\":{\"system\":{\"duration\":5,\"environment\":{\"B\":\"\\\\\",\"C\":\"2\"}}}}}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{\"a\":1},\"jobspec\":{\"cores\":4,"
        "\"attributes\":{\"system\":{\"duration\":5}}}}",
    };
    struct lastspec last = { 0 };
    struct start_request rq;
    json_t *first = NULL;

    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        assert_int_equal (decode (&last, forms[i], &rq), 0);
        if (first)
            assert_ptr_equal (rq.jobspec, first);
        first = rq.jobspec;
        check (&rq, 1, 4);
    }
    lastspec_release (&last);
}

/* The jobspec first, in the middle, and its key in what comes before it. */
static void test_other_forms (void **state)
{
    static const char *forms[] = {
        "{\"jobspec\":{\"cores\":4},\"id\":7,\"userid\":100,\"reattach\":true,"
        "\"R\":{\"a\":7}}",
        "{\"id\":7,\"jobspec\":{\"cores\":4},\"userid\":100,\"reattach\":true,"
        "\"R\":{\"a\":7}}",
        "{\"id\":7,\"userid\":100,\"reattach\":true,\"R\":{\"a\":7,\"jobspec\":9},"
        "\"jobspec\":{\"cores\":4}}",
        "{\"id\":7,\"userid\":100,\"reattach\":true,"
        "\"R\":{\"a\":7,\"b\":\",\\\"jobspec\\\":\"}, \"jobspec\" : {\"cores\":4} }",
        "{\"id\":7,\"userid\":100,\"reattach\":true,\"R\":{\"a\":7},"
        "\"jobspec\":{\"cores\":4},\"more\":{}}",
    };
    struct lastspec last = { 0 };
    struct start_request rq;

    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal (decode (&last, forms[i], &rq), 0);
            check (&rq, 7, 4);
        }
    }
    lastspec_release (&last);
}

static void test_malformed (void **state)
{
    static const char *bad[] = {
        "{}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{\"a\":1}}",
        "{\"id\":-1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":{}}",
        "{\"id\":1,\"userid\":4294967296,\"reattach\":true,\"R\":{},\"jobspec\":{}}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":4}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":{}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{,\"jobspec\":{}}",
        "{\"id\":1,\"userid\":100,\"reattach\":1,\"R\":{},\"jobspec\":{}}",
        ",\"jobspec\":{}}",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":{\"attributes\":"
        "{\"system\":{\"environment\":{\"A\":\"",
        "{\"id\":1,\"userid\":100,\"reattach\":true,\"R\":{},\"jobspec\":{\"attributes\":"
        "{\"system\":{\"environment\":}",
    };
    struct lastspec last = { 0 };
    struct start_request rq;

    assert_int_equal (decode (&last, NULL, &rq), -EPROTO);
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (decode (&last, bad[i], &rq), -EPROTO);
    lastspec_release (&last);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shared),
        cmocka_unit_test (test_environment),
        cmocka_unit_test (test_other_forms),
        cmocka_unit_test (test_malformed),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
