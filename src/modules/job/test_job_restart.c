/* test_job_restart.c - what outlives a restart or a reload, what a full disk
 * does, queues and configured plugins
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <cmocka.h>

#include <flux/core.h>

#include "modules/job/test_fixture.h"
#include "modules/job/test_util.h"

/* ---- restart ---- */

static void test_restart (void **state)
{
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_jobid_t done = submit (h, "true"), failed = submit (h, "false"), run, held, dep;
    flux_jobid_t next, after;
    char text[64];
    int starts;

    wait_for (h, done, "clean");
    wait_for (h, failed, "clean");
    run = submit (h, "hang");
    wait_for (h, run, "start");
    held = submit_full (h, "true", 1, NULL, FLUX_JOB_URGENCY_HOLD, FLUX_JOB_WAITABLE);
    dep = submit_after (h, "afterany", run);
    succeeds (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:s}}", "id",
                             (json_int_t)held, "memo", "k", "v"));
    starts = fixture_starts (x);
    fixture_restart (x);
    assert_int_equal (attr_int (h, done, "result"), FLUX_JOB_RESULT_COMPLETED);
    assert_int_equal (attr_int (h, failed, "waitstatus"), 0x100);
    assert_int_equal (attr_int (h, held, "state"), FLUX_JOB_STATE_SCHED);
    assert_int_equal (attr_int (h, held, "urgency"), 0);
    assert_int_equal (attr_int (h, dep, "state"), FLUX_JOB_STATE_DEPEND);
    assert_int_equal (attr_int (h, run, "state"), FLUX_JOB_STATE_RUN);
    /* the running one is with the execution service again */
    succeeds (flux_job_cancel (h, run, NULL));
    wait_for (h, run, "clean");
    wait_for (h, dep, "clean");
    assert_int_equal (fixture_starts (x), starts + 2);
    /* ids go on upwards */
    next = submit (h, "true");
    assert_true (next > dep);
    wait_for (h, next, "clean");
    flux_future_t *f = flux_job_wait (h, held);
    succeeds (flux_job_set_urgency (h, held, 16));
    succeeds (f);
    /* also when all jobs were purged */
    succeeds (flux_rpc_pack (h, "job-manager.purge", 0, 0, "{s:i s:b}", "num_limit", 0,
                             "force", 1));
    fixture_restart (x);
    after = submit (h, "true");
    assert_true (after > next);
    wait_for (h, after, "clean");
    flux_job_id_encode (after, "f58", text, sizeof (text));
    fixture_free (x);
}

/* Resources of running jobs are not given to others after a restart. */
static void test_restart_keeps_allocations (void **state)
{
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_jobid_t run = submit_full (h, "hang", 7, NULL, 16, 0), one, two;

    wait_for (h, run, "start");
    fixture_restart (x);
    one = submit_full (h, "hang", 1, NULL, 16, 0);
    wait_for (h, one, "start");
    two = submit_full (h, "true", 1, NULL, 16, 0);
    assert_int_equal (attr_int (h, two, "state"), FLUX_JOB_STATE_SCHED);
    succeeds (flux_job_cancel (h, one, NULL));
    wait_for (h, two, "clean");
    succeeds (flux_job_cancel (h, run, NULL));
    wait_for (h, run, "clean");
    fixture_free (x);
}

static void test_reload_scheduler (void **state)
{
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_jobid_t run = submit_full (h, "hang", 8, NULL, 16, 0), wait;

    wait_for (h, run, "start");
    wait = submit_full (h, "true", 1, NULL, 16, 0);
    fixture_reload (x, "sched-simple");
    succeeds (flux_job_cancel (h, run, NULL));
    wait_for (h, wait, "clean");
    fixture_free (x);
}

static void test_reload_each (void **state)
{
    const char *names[] = { "job-manager", "job-ingest", "job-list", "job-info" };
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_jobid_t done = submit (h, "true"), held, run;

    wait_for (h, done, "clean");
    run = submit (h, "hang");
    wait_for (h, run, "start");
    held = submit_full (h, "true", 1, NULL, FLUX_JOB_URGENCY_HOLD, 0);
    for (int i = 0; i < 4; i++) {
        flux_future_t *f = flux_job_event_watch (h, held, "eventlog", 0);
        const char *event;
        ready (f);
        assert_int_equal (flux_job_event_watch_get (f, &event), 0);
        flux_future_reset (f);
        fixture_reload (x, names[i]);
        assert_int_equal (attr_int (h, done, "state"), FLUX_JOB_STATE_INACTIVE);
        assert_int_equal (attr_int (h, held, "state"), FLUX_JOB_STATE_SCHED);
        assert_int_equal (attr_int (h, run, "state"), FLUX_JOB_STATE_RUN);
        if (!strcmp (names[i], "job-info")) {
            while (flux_job_event_watch_get (f, &event) == 0)
                flux_future_reset (f);
            assert_true (errno == ENOSYS || errno == EHOSTUNREACH);
        }
        flux_future_destroy (f);
        wait_for (h, submit (h, "true"), "clean");
    }
    succeeds (flux_job_set_urgency (h, held, 16));
    wait_for (h, held, "clean");
    succeeds (flux_job_cancel (h, run, NULL));
    wait_for (h, run, "clean");
    fixture_free (x);
}

/* ---- the KVS is full ---- */

static void test_enospc (void **state)
{
    struct fixture *x = fixture_new ("{\"fake-kvs\":true}");
    flux_t *h = fixture_client (x);
    flux_jobid_t run = submit (h, "hang"), id;
    flux_future_t *f, *cancel;
    int commits;

    wait_for (h, run, "start");
    commits = fixture_commits (x);
    assert_true (commits > 0);
    fixture_fail_commits (x, ENOSPC);
    fails (submit_future (h, "true", 1, NULL, 16, 0), ENOSPC,
           "no space is left to record the job: free some on the disk that holds"
           " statedir, then submit again");
    /* refused at once from now on */
    fails (submit_future (h, "true", 1, NULL, 16, 0), ENOSPC, NULL);
    /* what happens to the running job waits until it can be recorded */
    cancel = flux_job_cancel (h, run, NULL);
    f = flux_job_event_watch (h, run, "eventlog", 0);
    assert_false (flux_future_is_ready (cancel));
    fixture_fail_commits (x, 0);
    succeeds (cancel);
    events_are_future (f, "submit validate depend priority alloc start exception finish "
                       "release free clean");
    id = submit (h, "true");
    wait_for_inactive (h, id);
    fixture_free (x);
}

/* Events of one turn are one commit: many submissions at once need few. */
static void test_group_commit (void **state)
{
    struct fixture *x = fixture_new ("{\"fake-kvs\":true}");
    flux_t *h = fixture_client (x);
    flux_future_t *f[200];
    flux_jobid_t id = 0;

    for (int i = 0; i < 200; i++)
        f[i] = submit_future (h, "true", 1, NULL, 0, 0);
    for (int i = 0; i < 200; i++) {
        flux_jobid_t prev = id;
        ready (f[i]);
        assert_int_equal (flux_job_submit_get_id (f[i], &id), 0);
        assert_true (id > prev);
        flux_future_destroy (f[i]);
    }
    assert_true (fixture_commits (x) < 150);
    fixture_free (x);
}

/* The start of a short job is recorded with its end: three commits, not four. */
static void test_start_waits (void **state)
{
    enum { JOBS = 30 };
    struct fixture *x = fixture_new ("{\"fake-kvs\":true}");
    flux_t *h = fixture_client (x);
    int before = fixture_commits (x);

    for (int i = 0; i < JOBS; i++) {
        submit (h, "later");
        succeeds (flux_rpc (h, "job-manager.drain", NULL, 0, 0));
    }
    /* but for those where this machine took a break of two milliseconds */
    assert_true (fixture_commits (x) - before < 4 * JOBS);
    fixture_free (x);
}

/* ... and that of a long one soon, though nobody looks. */
static void test_start_is_recorded (void **state)
{
    struct fixture *x = fixture_new ("{\"fake-kvs\":true}");
    flux_t *h = fixture_client (x);
    int before = fixture_commits (x);

    submit (h, "hang");
    while (fixture_commits (x) - before < 3)   /* submit, alloc, start */
        usleep (500);
    fixture_free (x);
}

/* ---- queues, policy ---- */

#define QUEUES "{\"queues\":{\"batch\":{},\"debug\":{\"policy\":{\"limits\":" \
    "{\"duration\":\"1m\",\"job-size\":{\"max\":{\"ncores\":2}}}}}," \
    "\"quick\":{\"parent\":\"batch\"}}," \
    "\"policy\":{\"limits\":{\"duration\":\"1h\"}," \
    "\"jobspec\":{\"defaults\":{\"system\":{\"queue\":\"batch\",\"duration\":\"10s\"}}}}}"

static flux_future_t *queue_rpc (flux_t *h, const char *topic, const char *queue,
                                 const char *key, int on, const char *reason)
{
    return flux_rpc_pack (h, topic, 0, 0, "{s:s s:b s:s}", "name", queue, key, on,
                          "reason", reason);
}

static void test_queues (void **state)
{
    struct fixture *x = fixture_new (QUEUES);
    flux_t *h = fixture_client (x);
    flux_jobid_t id, quick;
    flux_future_t *f;
    const char *s, *reason;
    double duration;
    int start;

    /* stopped until someone starts them */
    id = submit (h, "true");
    succeeds (queue_rpc (h, "job-manager.queue-start", "debug", "start", 1, ""));
    succeeds (queue_rpc (h, "job-manager.queue-start", "quick", "start", 1, ""));
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_SCHED);
    succeeds (queue_rpc (h, "job-manager.queue-start", "batch", "start", 1, ""));
    wait_for (h, id, "clean");
    f = flux_job_list_id (h, id, "[\"queue\",\"duration\"]");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:s s:F}}", "job", "queue", &s,
                                           "duration", &duration), 0);
    assert_string_equal (s, "batch");
    assert_true (duration == 10.);
    flux_future_destroy (f);
    fails (submit_future (h, "true", 1, "{\"queue\":\"nope\"}", 16, 0), EINVAL,
           "there is no queue nope");
    fails (submit_future (h, "true", 1, "{\"queue\":\"debug\",\"duration\":61}", 16, 0),
           EINVAL, "requested duration (1.01667m) exceeds policy limit of 1m");
    fails (submit_future (h, "true", 3, "{\"queue\":\"debug\"}", 16, 0), EINVAL,
           "requests too many cores (3): the limit is 2");
    fails (submit_future (h, "true", 1, "{\"duration\":7200}", 16, 0), EINVAL,
           "requested duration (2h) exceeds policy limit of 1h");
    /* disabled */
    succeeds (queue_rpc (h, "job-manager.queue-enable", "debug", "enable", 0, "for today"));
    fails (submit_future (h, "true", 1, "{\"queue\":\"debug\"}", 16, 0), EINVAL,
           "job submission to debug is disabled: for today");
    fails (queue_rpc (h, "job-manager.queue-enable", "nope", "enable", 1, ""), ENOENT,
           NULL);
    /* stopped, and remembered; a virtual queue stops with its parent */
    succeeds (queue_rpc (h, "job-manager.queue-start", "batch", "start", 0, "lunch"));
    id = submit (h, "true");
    quick = submit_full (h, "true", 1, "{\"queue\":\"quick\"}", 16, 0);
    fixture_restart (x);
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_SCHED);
    f = flux_rpc_pack (h, "job-manager.queue-status", 0, 0, "{s:s}", "name", "quick");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:b s:s s:s}", "start", &start, "blocked",
                                           &s, "stop_reason", &reason), 0);
    assert_false (start);
    assert_string_equal (s, "parent");
    assert_string_equal (reason, "parent queue 'batch' is stopped");
    flux_future_destroy (f);
    f = flux_rpc_pack (h, "job-manager.queue-status", 0, 0, "{s:s}", "name", "batch");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:s}", "stop_reason", &reason), 0);
    assert_string_equal (reason, "lunch");
    flux_future_destroy (f);
    succeeds (queue_rpc (h, "job-manager.queue-start", "batch", "start", 1, ""));
    wait_for (h, id, "clean");
    wait_for (h, quick, "clean");
    fixture_free (x);
}

static void test_anonymous_queue (void **state)
{
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_jobid_t block, id;

    block = submit_full (h, "hang", 8, NULL, 16, 0);
    wait_for (h, block, "start");
    id = submit (h, "true");       /* with the scheduler: comes back */
    succeeds (flux_rpc_pack (h, "job-manager.queue-start", 0, 0, "{s:b}", "start", 0));
    succeeds (flux_job_cancel (h, block, NULL));
    wait_for (h, block, "clean");
    succeeds (flux_rpc (h, "job-manager.idle", NULL, 0, 0));
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_SCHED);
    succeeds (flux_rpc_pack (h, "job-manager.queue-start", 0, 0, "{s:b}", "start", 1));
    wait_for (h, id, "clean");
    succeeds (flux_rpc_pack (h, "job-manager.queue-enable", 0, 0, "{s:b s:s}", "enable", 0,
                             "reason", "the end"));
    fails (submit_future (h, "true", 1, NULL, 16, 0), EINVAL,
           "job submission is disabled: the end");
    fails (flux_rpc_pack (h, "job-manager.queue-enable", 0, 0, "{s:b}", "enable", 0),
           EINVAL, NULL);
    fixture_free (x);
}

static void test_inactive_limit (void **state)
{
    struct fixture *x = fixture_new ("{\"job-manager\":{\"inactive-num-limit\":2}}");
    flux_t *h = fixture_client (x);
    flux_jobid_t id[5];
    int purged = 0;

    for (int i = 0; i < 5; i++) {
        id[i] = submit (h, "true");
        wait_for (h, id[i], "clean");
    }
    while (purged < 3) {
        flux_future_t *f = flux_rpc (h, "job-list.job-stats", NULL, 0, 0);
        ready (f);
        assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "inactive_purged", &purged), 0);
        flux_future_destroy (f);
    }
    fails (flux_job_list_id (h, id[2], "[\"all\"]"), ENOENT, NULL);
    assert_int_equal (attr_int (h, id[3], "state"), FLUX_JOB_STATE_INACTIVE);
    fixture_free (x);
}

/* ---- plugins ---- */

static void test_jobtap_requests (void **state)
{
    struct fixture *x = fixture_new (NULL);
    flux_t *h = fixture_client (x);
    flux_future_t *f;
    json_t *plugins;
    const char *path;
    flux_jobid_t id;

    f = flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:b}", "query_only", 1);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "plugins", &plugins), 0);
    assert_string_equal (json_string_value (json_array_get (plugins, 0)),
                         ".priority-default");
    flux_future_destroy (f);
    f = flux_rpc_pack (h, "job-manager.jobtap-query", 0, 0, "{s:s}", "plugin",
                       ".dependency-after");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:s s:[]}", "path", &path, "dependencies"),
                      0);
    assert_string_equal (path, "builtin");
    flux_future_destroy (f);
    fails (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "load", "/nope.so"),
           ENOENT, NULL);
    fails (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "load", ".history"),
           EEXIST, ".history is already loaded");
    fails (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "remove", "nope*"),
           ENOENT, NULL);
    succeeds (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "remove", "all"));
    /* without a priority plugin, jobs wait in PRIORITY until there is one */
    succeeds (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "remove",
                             ".priority*"));
    id = submit (h, "true");
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_PRIORITY);
    succeeds (flux_rpc_pack (h, "job-manager.jobtap", 0, 0, "{s:s}", "load",
                             ".priority-default"));
    wait_for (h, id, "clean");
    fixture_free (x);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_restart),
        cmocka_unit_test (test_restart_keeps_allocations),
        cmocka_unit_test (test_reload_scheduler),
        cmocka_unit_test (test_reload_each),
        cmocka_unit_test (test_enospc),
        cmocka_unit_test (test_group_commit),
        cmocka_unit_test (test_start_waits),
        cmocka_unit_test (test_start_is_recorded),
        cmocka_unit_test (test_queues),
        cmocka_unit_test (test_anonymous_queue),
        cmocka_unit_test (test_inactive_limit),
        cmocka_unit_test (test_jobtap_requests),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
