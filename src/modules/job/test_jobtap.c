/* test_jobtap.c - a plugin that is loaded from a file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <libgen.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core.h>

#include "modules/job/test_fixture.h"
#include "modules/job/test_util.h"

static char dso[4096];

static flux_jobid_t submit_named (flux_t *h, const char *cmd, const char *name)
{
    char sys[160];

    snprintf (sys, sizeof (sys), "{\"job\":{\"name\":\"%s\"}}", name);
    return submit_full (h, cmd, 1, sys, 16, 0);
}

static void test_reject (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_future_t *f = submit_future (h, "true", 1, "{\"job\":{\"name\":\"reject\"}}", 16, 0);

    ready (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_non_null (strstr (flux_future_error_string (f), "I do not like job"));
    flux_future_destroy (f);
    wait_for (h, submit (h, "true"), "clean");
}

static void test_priority (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_named (h, "hang", "early"), late;

    wait_for (h, id, "start");
    assert_int_equal (attr_int (h, id, "priority"), 4242);
    succeeds (flux_job_cancel (h, id, NULL));
    late = submit_named (h, "true", "late");
    assert_int_equal (attr_int (h, late, "state"), FLUX_JOB_STATE_PRIORITY);
    succeeds (flux_rpc_pack (h, "job-manager.tester.prioritize", 0, 0, "{s:I}", "id",
                             (json_int_t)late));
    wait_for (h, late, "clean");
    assert_int_equal (attr_int (h, late, "priority"), 99);
    fails (flux_rpc_pack (h, "job-manager.tester.prioritize", 0, 0, "{s:I}", "id",
                          (json_int_t)late), EINVAL, NULL);
    /* hold and expedite do not ask the plugin */
    id = submit_full (h, "true", 1, "{\"job\":{\"name\":\"late\"}}", 31, 0);
    wait_for (h, id, "clean");
    wait_for (h, submit (h, "true"), "clean");
}

static void test_perilog (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_named (h, "true", "prolog");

    events_are (h, id, "submit validate depend priority alloc prolog-start prolog-finish start "
                "finish epilog-start release epilog-finish free clean");
    /* ended by an exception during the prolog */
    id = submit_named (h, "true", "prolog");
    wait_for (h, id, "prolog-start");
    succeeds (flux_job_cancel (h, id, NULL));
    wait_for (h, id, "clean");
}

static void test_events (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_named (h, "true", "watched");
    flux_future_t *f;
    int n;

    wait_for (h, id, "clean");
    f = flux_job_list_id (h, id, "[\"annotations\"]");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:{s:{s:i}}}}", "job", "annotations",
                                           "user", "events", &n), 0);
    /* validate depend priority alloc start finish release free clean */
    assert_int_equal (n, 9);
    flux_future_destroy (f);
}

static void test_bypass (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t block = submit_full (h, "hang", 8, NULL, 16, 0), id;

    wait_for (h, block, "start");
    id = submit_named (h, "true", "bypass");
    events_are (h, id, "submit validate depend priority alloc start finish release free clean");
    assert_int_equal (attr_int (h, id, "nnodes"), 1);
    succeeds (flux_job_cancel (h, block, NULL));
    wait_for (h, block, "clean");
    /* it was not given back to the scheduler */
    wait_for (h, submit_full (h, "true", 8, NULL, 16, 0), "clean");
}

static void test_dependency (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"tester\","
                                   "\"value\":\"x\"}]}", 16, 0);
    flux_future_t *f;
    int before, after;

    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_DEPEND);
    f = flux_rpc_pack (h, "job-manager.tester.release", 0, 0, "{s:I}", "id", (json_int_t)id);
    ready (f);
    if (flux_rpc_get_unpack (f, "{s:i s:i}", "before", &before, "after", &after) < 0)
        fail_msg ("%s", strerror (errno));
    assert_int_equal (before, FLUX_JOB_STATE_DEPEND);
    assert_int_equal (after, FLUX_JOB_STATE_SCHED);
    flux_future_destroy (f);
    events_are (h, id, "submit dependency-add validate dependency-remove depend priority alloc "
                "start finish release free clean");
}

static void test_load_and_remove (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t held = submit_full (h, "true", 1, "{\"job\":{\"name\":\"watched\"}}", 0, 0);
    flux_future_t *f;
    const char *mood, *path;

    f = flux_rpc_pack (h, "job-manager.jobtap-query", 0, 0, "{s:s}", "plugin",
                       basename (dso));
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:s s:s}", "mood", &mood, "path", &path), 0);
    assert_string_equal (mood, "good");
    flux_future_destroy (f);
    succeeds (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "remove", "all"));
    fails (flux_rpc_pack (h, "job-manager.tester.prioritize", 0, 0, "{s:I}", "id",
                          (json_int_t)held), ENOSYS, NULL);
    wait_for (h, submit_named (h, "true", "reject"), "clean");
    fails (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s s:{s:b}}", "load", dso,
                          "conf", "fail", 1), EINVAL, NULL);
    succeeds (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "load", dso));
    /* it has met the job that was there */
    succeeds (flux_job_set_urgency (h, held, 16));
    wait_for (h, held, "clean");
    f = flux_job_list_id (h, held, "[\"annotations\"]");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:{s:{s:i}}}}", "job", "annotations",
                                           "user", "events", &(int){ 0 }), 0);
    flux_future_destroy (f);
}

static int setup (void **state)
{
    char conf[8192];

    snprintf (conf, sizeof (conf), "{\"job-manager\":{\"plugins\":[{\"load\":\"%s\"}]}}",
              dso);
    *state = fixture_new (conf);
    return 0;
}

static int teardown (void **state)
{
    fixture_free (*state);
    return 0;
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_reject),
        cmocka_unit_test (test_priority),
        cmocka_unit_test (test_perilog),
        cmocka_unit_test (test_events),
        cmocka_unit_test (test_bypass),
        cmocka_unit_test (test_dependency),
        cmocka_unit_test (test_load_and_remove),
    };
    char self[3072];
    ssize_t n = readlink ("/proc/self/exe", self, sizeof (self) - 1);

    if (n < 0)
        return 1;
    self[n] = '\0';
    snprintf (dso, sizeof (dso), "%s/test_jobtap_dso.so", dirname (self));
    return cmocka_run_group_tests (tests, setup, teardown);
}
