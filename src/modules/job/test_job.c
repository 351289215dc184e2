/* test_job.c - jobs from submission to the end, through the client library */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <cmocka.h>

#include <flux/core.h>

#include "spec/eventlog.h"
#include "modules/job/test_fixture.h"
#include "modules/job/test_util.h"

#define HAPPY "submit validate depend priority alloc start finish release free clean"

/* ---- the normal life of a job ---- */

static void test_run (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit (h, "true");
    flux_future_t *f;
    int status, result;
    json_t *o;

    events_are (h, id, HAPPY);
    events_are (h, id, HAPPY);       /* again, of the inactive job */
    f = flux_job_result (h, id, 0);
    ready (f);
    assert_int_equal (flux_job_result_get_unpack (f, "{s:i s:i}", "waitstatus", &status,
                                                  "result", &result), 0);
    assert_int_equal (status, 0);
    assert_int_equal (result, FLUX_JOB_RESULT_COMPLETED);
    flux_future_destroy (f);
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_INACTIVE);
    assert_int_equal (attr_int (h, id, "ncores"), 1);
    o = lookup (h, id, "R", FLUX_JOB_LOOKUP_JSON_DECODE);
    assert_int_equal (json_integer_value (json_object_get (json_object_get (o, "execution"),
                                                           "nslots")), 1);
    json_decref (o);
    o = lookup (h, id, "jobspec", 0);
    assert_non_null (strstr (json_string_value (o), "SECRET"));
    json_decref (o);
    o = lookup (h, id, "J", 0);
    assert_non_null (strstr (json_string_value (o), ".none"));
    json_decref (o);
}

static void test_failures (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit (h, "false");

    events_are (h, id, HAPPY);
    assert_int_equal (attr_int (h, id, "result"), FLUX_JOB_RESULT_FAILED);
    assert_int_equal (attr_int (h, id, "waitstatus"), 0x100);
    id = submit (h, "broken");
    events_are (h, id, "submit validate depend priority alloc exception release free clean");
    assert_int_equal (attr_int (h, id, "result"), FLUX_JOB_RESULT_FAILED);
}

static void test_cancel (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit (h, "hang"), held;
    json_t *context;

    wait_for (h, id, "start");
    succeeds (flux_job_cancel (h, id, "enough"));
    context = wait_event (h, id, "exception");
    assert_string_equal (json_string_value (json_object_get (context, "note")), "enough");
    json_decref (context);
    events_are (h, id, "submit validate depend priority alloc start exception finish release "
                "free clean");
    assert_int_equal (attr_int (h, id, "result"), FLUX_JOB_RESULT_CANCELED);
    fails (flux_job_cancel (h, id, NULL), EINVAL, "job is inactive");
    held = submit_full (h, "true", 1, NULL, FLUX_JOB_URGENCY_HOLD, 0);
    succeeds (flux_job_cancel (h, held, NULL));
    events_are (h, held, "submit validate depend priority exception clean");
    fails (flux_job_cancel (h, 4242, NULL), ENOENT, "unknown job id");
    fails (flux_job_raise (h, id, "", 0, NULL), EINVAL, NULL);
}

static void test_nonfatal_exception (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit (h, "hang");

    wait_for (h, id, "start");
    succeeds (flux_job_raise (h, id, "tiresome", 3, "just so"));
    assert_int_equal (attr_int (h, id, "exception_severity"), 3);
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_RUN);
    fails (flux_job_raise (h, id, "tiresome", 8, NULL), EPROTO, NULL);
    succeeds (flux_job_cancel (h, id, NULL));
    wait_for (h, id, "clean");
}

static void test_kill (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "true", 1, NULL, 0, 0);

    fails (flux_job_kill (h, id, SIGTERM), EINVAL, "job is not running");
    succeeds (flux_job_cancel (h, id, NULL));
    id = submit (h, "hang");
    wait_for (h, id, "start");
    succeeds (flux_job_kill (h, id, SIGUSR1));
    fails (flux_job_kill (h, id, 1000), EINVAL, "invalid signal number 1000");
    succeeds (flux_job_cancel (h, id, NULL));
    wait_for (h, id, "clean");
}

/* ---- what is refused ---- */

static char *without_duration (const char *cmd)
{
    char *s = make_jobspec (cmd, 1, NULL);
    json_t *o = json_loads (s, 0, NULL);

    free (s);
    json_object_del (json_object_get (json_object_get (o, "attributes"), "system"),
                     "duration");
    s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    return s;
}

static void test_duration_is_required (void **state)
{
    flux_t *h = fixture_client (*state);
    char *s = without_duration ("true");
    flux_jobid_t id;

    fails (flux_job_submit (h, s, 16, 0), EINVAL,
           "attributes.system.duration: required key is missing: 0 is without limit");
    flux_future_t *f = flux_job_submit (h, s, 16, FLUX_JOB_NOVALIDATE);
    ready (f);
    assert_int_equal (flux_job_submit_get_id (f, &id), 0);
    flux_future_destroy (f);
    free (s);
    wait_for (h, id, "clean");
}

static void test_refused (void **state)
{
    flux_t *h = fixture_client (*state);

    fails (submit_future (h, "true", 9, NULL, 16, 0), EINVAL,
           "unsatisfiable request: asks for 9 cores; there are 8");
    fails (submit_future (h, "true", 1, NULL, 32, 0), EINVAL, NULL);
    fails (submit_future (h, "true", 1, "{\"queue\":\"batch\"}", 16, 0), EINVAL,
           "queue batch was named, but no queues are configured");
    fails (submit_future (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"magic\","
                          "\"value\":\"x\"}]}", 16, 0), EINVAL,
           "dependency scheme \"magic\" not supported");
    fails (flux_job_submit (h, "{}", 16, 0), EINVAL, NULL);
    fails (flux_job_submit (h, "[", 16, 0), EINVAL, NULL);
    fails (flux_job_submit (h, "not.signed", 16, FLUX_JOB_PRE_SIGNED), EINVAL, NULL);
    fails (flux_rpc_pack (h, "job-ingest.submit", 0, 0, "{}"), EPROTO, NULL);
    fails (flux_rpc (h, "job-ingest.submit", NULL, 0, 0), EPROTO, NULL);
    /* all of the machine is fine */
    flux_jobid_t id = submit_full (h, "true", 8, NULL, 16, 0);
    events_are (h, id, HAPPY);
}

/* ---- order, priority ---- */

static void test_priority_order (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t block = submit_full (h, "hang", 8, NULL, 16, 0), id[3];
    flux_future_t *f;
    json_t *jobs;
    int expected[] = { 1, 2, 0 };

    wait_for (h, block, "start");
    id[0] = submit_full (h, "true", 8, NULL, 10, 0);
    id[1] = submit_full (h, "true", 8, NULL, 31, 0);
    id[2] = submit_full (h, "true", 8, NULL, 16, 0);
    f = flux_rpc_pack (h, "job-list.list", 0, 0, "{s:i s:[s] s:{s:[s]}}", "max_entries", 0,
                       "attrs", "priority", "constraint", "states", "pending");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs), 0);
    assert_int_equal (json_array_size (jobs), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal (json_integer_value (json_object_get (json_array_get (jobs, i),
                                                               "id")), id[expected[i]]);
    flux_future_destroy (f);
    /* held, then given more than the others */
    succeeds (flux_job_set_urgency (h, id[1], FLUX_JOB_URGENCY_HOLD));
    assert_int_equal (attr_int (h, id[1], "priority"), 0);
    succeeds (flux_job_set_urgency (h, id[0], 20));
    succeeds (flux_job_cancel (h, block, NULL));
    wait_for (h, id[0], "clean");
    wait_for (h, id[2], "clean");
    assert_int_equal (attr_int (h, id[1], "state"), FLUX_JOB_STATE_SCHED);
    succeeds (flux_job_set_urgency (h, id[1], 16));
    wait_for (h, id[1], "clean");
    fails (flux_job_set_urgency (h, id[1], 16), EINVAL, "job is inactive");
    fails (flux_job_set_urgency (h, id[1], 32), EINVAL, NULL);
}

static void test_pending_reason (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t block = submit_full (h, "hang", 7, NULL, 16, 0), id;
    flux_future_t *f = flux_rpc_pack (h, "job-manager.events-journal", 0,
                                      FLUX_RPC_STREAMING, "{s:{s:i}}", "allow",
                                      "annotations", 1);
    const char *reason = NULL;
    json_int_t who = -1;

    wait_for (h, block, "start");
    id = submit_full (h, "true", 2, NULL, 16, 0);
    while (!reason) {
        ready (f);
        assert_int_equal (flux_rpc_get_unpack (f, "{s:I}", "id", &who), 0);
        if (flux_rpc_get_unpack (f, "{s:[{s:{s:{s:{s:s}}}}]}", "events", "context",
                                 "annotations", "sched", "reason_pending", &reason) == 0) {
            assert_true ((flux_jobid_t)who == id);
            assert_string_equal (reason, "waits for 2 cores; 1 free");
        }
        flux_future_reset (f);
    }
    flux_future_destroy (f);
    fixture_disconnect (*state, "job-manager");
    succeeds (flux_job_cancel (h, block, NULL));
    json_t *context = wait_event (h, id, "alloc");
    json_t *sched = json_object_get (json_object_get (context, "annotations"), "sched");
    assert_non_null (json_object_get (sched, "resource_summary"));
    assert_null (json_object_get (sched, "reason_pending"));
    json_decref (context);
    wait_for (h, id, "clean");
}

/* RFC 27: annotations are volatile until the allocation succeeds. */
static void test_annotations_of_canceled (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t block = submit_full (h, "hang", 7, NULL, 16, 0), id;
    flux_future_t *f = flux_rpc_pack (h, "job-manager.events-journal", 0,
                                      FLUX_RPC_STREAMING, "{s:{s:i}}", "allow",
                                      "annotations", 1);
    json_t *annotations, *job, *sched = NULL;

    wait_for (h, block, "start");
    id = submit_full (h, "true", 2, NULL, 16, 0);
    while (!sched) {
        ready (f);
        assert_int_equal (flux_rpc_get (f, NULL), 0);
        (void)flux_rpc_get_unpack (f, "{s:[{s:{s:{s:o}}}]}", "events", "context",
                                   "annotations", "sched", &sched);
        flux_future_reset (f);
    }
    succeeds (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:s}}", "id",
                             (json_int_t)id, "memo", "mine", "stays"));
    succeeds (flux_job_cancel (h, id, NULL));
    wait_for (h, id, "clean");
    flux_future_destroy (f);
    f = flux_job_list_id (h, id, "[\"annotations\"]");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "job", &job), 0);
    annotations = json_object_get (job, "annotations");
    assert_null (json_object_get (annotations, "sched"));
    assert_non_null (json_object_get (annotations, "user"));
    flux_future_destroy (f);
    succeeds (flux_job_cancel (h, block, NULL));
    wait_for (h, block, "clean");
}

/* ---- dependencies ---- */

static void test_dependencies (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t block = submit (h, "hang"), after, any, ok, notok;

    wait_for (h, block, "start");
    after = submit_after (h, "after", block);
    any = submit_after (h, "afterany", block);
    ok = submit_after (h, "afterok", block);
    notok = submit_after (h, "afternotok", block);
    wait_for (h, after, "clean");
    assert_int_equal (attr_int (h, any, "state"), FLUX_JOB_STATE_DEPEND);
    succeeds (flux_job_cancel (h, block, NULL));
    events_are (h, any, "submit dependency-add validate dependency-remove depend priority "
                "alloc start finish release free clean");
    wait_for (h, notok, "clean");
    assert_int_equal (attr_int (h, notok, "result"), FLUX_JOB_RESULT_COMPLETED);
    events_are (h, ok, "submit dependency-add validate exception clean");
    assert_int_equal (attr_int (h, ok, "result"), FLUX_JOB_RESULT_FAILED);
    fails (submit_future (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"afterany\","
                          "\"value\":\"4242\"}]}", 16, 0), EINVAL,
           "afterany: there is no job 4242 (it may have been purged)");
}

static void test_begin_time (void **state)
{
    flux_t *h = fixture_client (*state);
    char sys[160];
    flux_jobid_t id;

    snprintf (sys, sizeof (sys), "{\"dependencies\":[{\"scheme\":\"begin-time\","
              "\"value\":\"%f\"}]}", flux_reactor_time () + 0.05);
    id = submit_full (h, "true", 1, sys, 16, 0);
    wait_for (h, id, "dependency-remove");
    wait_for (h, id, "clean");
    id = submit_full (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"begin-time\","
                      "\"value\":\"1\"}]}", 16, 0);
    events_are (h, id, HAPPY);
    fails (submit_future (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"begin-time\","
                          "\"value\":\"soon\"}]}", 16, 0), EINVAL, NULL);
}

static void test_singleton (void **state)
{
    flux_t *h = fixture_client (*state);
    const char *single = "{\"job\":{\"name\":\"only\"},\"dependencies\":"
                         "[{\"scheme\":\"singleton\",\"value\":\"\"}]}";
    flux_jobid_t first = submit_full (h, "hang", 1, "{\"job\":{\"name\":\"only\"}}", 16, 0);
    flux_jobid_t a = submit_full (h, "hang", 1, single, 16, 0);
    flux_jobid_t b = submit_full (h, "true", 1, single, 16, 0);

    wait_for (h, first, "start");
    assert_int_equal (attr_int (h, a, "state"), FLUX_JOB_STATE_DEPEND);
    succeeds (flux_job_cancel (h, first, NULL));
    wait_for (h, a, "start");
    assert_int_equal (attr_int (h, b, "state"), FLUX_JOB_STATE_DEPEND);
    succeeds (flux_job_cancel (h, a, NULL));
    wait_for (h, b, "clean");
    fails (submit_future (h, "true", 1, "{\"dependencies\":[{\"scheme\":\"singleton\","
                          "\"value\":\"\"}]}", 16, 0), EINVAL, NULL);
}

/* ---- waiting ---- */

static void test_wait (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t a = submit_full (h, "true", 1, NULL, 16, FLUX_JOB_WAITABLE), id;
    flux_jobid_t b = submit_full (h, "false", 1, NULL, 16, FLUX_JOB_WAITABLE);
    flux_jobid_t plain = submit (h, "true");
    flux_future_t *f;
    const char *errstr;
    bool success;

    f = flux_job_wait (h, b);
    ready (f);
    assert_int_equal (flux_job_wait_get_status (f, &success, &errstr), 0);
    assert_false (success);
    assert_string_equal (errstr, "task(s) exited with exit code 1");
    flux_future_destroy (f);
    f = flux_job_wait (h, FLUX_JOBID_ANY);
    ready (f);
    assert_int_equal (flux_job_wait_get_id (f, &id), 0);
    assert_true (id == a);
    flux_future_destroy (f);
    fails (flux_job_wait (h, FLUX_JOBID_ANY), ECHILD, NULL);
    fails (flux_job_wait (h, a), ECHILD, NULL);
    fails (flux_job_wait (h, plain), ECHILD, NULL);
    fails (flux_job_wait (h, 4242), ECHILD, "invalid job id");
    wait_for (h, plain, "clean");
}

static void test_drain (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit (h, "hang");
    flux_future_t *drain = flux_rpc (h, "job-manager.drain", NULL, 0, 0);
    flux_future_t *idle;

    wait_for (h, id, "start");
    idle = flux_rpc (h, "job-manager.idle", NULL, 0, 0);
    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_RUN);
    assert_false (flux_future_is_ready (drain));
    assert_false (flux_future_is_ready (idle));
    succeeds (flux_job_cancel (h, id, NULL));
    succeeds (drain);
    succeeds (idle);
}

/* ---- listing, looking ---- */

static int count_jobs (flux_t *h, const char *constraint, int max)
{
    json_t *c = json_loads (constraint, 0, NULL), *jobs;
    flux_future_t *f = flux_rpc_pack (h, "job-list.list", 0, FLUX_RPC_STREAMING,
                                      "{s:i s:[s] s:o}", "max_entries", max, "attrs", "all",
                                      "constraint", c);
    int n = 0;

    for (;;) {
        ready (f);
        if (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) < 0)
            break;
        n += (int)json_array_size (jobs);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        n = -errno;
    flux_future_destroy (f);
    return n;
}

static void test_list (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = 0;

    for (int i = 0; i < 600; i++)
        id = submit_full (h, "true", 1, "{\"job\":{\"name\":\"many\"}}", 16, 0);
    wait_for (h, id, "clean");
    succeeds (flux_rpc (h, "job-manager.drain", NULL, 0, 0));
    assert_int_equal (count_jobs (h, "{\"name\":[\"many\"]}", 0), 600);
    assert_int_equal (count_jobs (h, "{\"name\":[\"many\"]}", 7), 7);
    assert_int_equal (count_jobs (h, "{\"and\":[{\"name\":[\"many\"]},"
                                  "{\"not\":[{\"results\":[\"completed\"]}]}]}", 0), 0);
    assert_int_equal (count_jobs (h, "{\"and\":[{\"name\":[\"many\"]},"
                                  "{\"hostlist\":[\"host[0-5]\"]},{\"ranks\":[\"0-1\"]},"
                                  "{\"t_run\":[\">1.0\"]},{\"userid\":[0,1]}]}", 0),
                      geteuid () > 1 ? 0 : 600);
    assert_int_equal (count_jobs (h, "{\"states\":[\"active\"]}", 0), 0);
    assert_int_equal (count_jobs (h, "{\"states\":[\"nonsense\"]}", 0), -EINVAL);
    assert_int_equal (count_jobs (h, "{\"t_run\":[\"1.0\"]}", 0), -EINVAL);
    assert_int_equal (count_jobs (h, "{\"magic\":[]}", 0), -EINVAL);
    assert_int_equal (count_jobs (h, "{}", -1), -EPROTO);
    fails (flux_job_list_id (h, 4242, "[\"all\"]"), ENOENT, NULL);
    fails (flux_job_list_id (h, id, "[\"nonsense\"]"), EINVAL, NULL);
}

static void test_stats (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_future_t *f;
    int inactive, total, failed;

    wait_for (h, submit (h, "false"), "clean");
    f = flux_rpc (h, "job-list.job-stats", NULL, 0, 0);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:i s:i} s:i}", "job_states",
                                           "inactive", &inactive, "total", &total,
                                           "failed", &failed), 0);
    assert_true (inactive > 0 && inactive == total && failed > 0);
    flux_future_destroy (f);
}

static void test_list_id_waits_for_state (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "true", 1, NULL, 0, 0);
    flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", 0, 0, "{s:I s:[s] s:i}",
                                      "id", (json_int_t)id, "attrs", "result",
                                      "state", FLUX_JOB_STATE_INACTIVE);
    int result;

    assert_int_equal (attr_int (h, id, "state"), FLUX_JOB_STATE_SCHED);
    assert_false (flux_future_is_ready (f));
    succeeds (flux_job_set_urgency (h, id, 16));
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:i}}", "job", "result", &result), 0);
    assert_int_equal (result, FLUX_JOB_RESULT_COMPLETED);
    flux_future_destroy (f);
}

static void test_watch (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "true", 1, NULL, 0, 0);
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog",
                                             FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL);
    const char *event;
    int n = 0;

    do {
        ready (f);
        assert_int_equal (flux_job_event_watch_get (f, &event), 0);
        n += event != NULL;
        flux_future_reset (f);
    } while (event);
    assert_int_equal (n, 4);
    flux_job_event_watch_cancel (f);
    fails (f, ENODATA, NULL);
    /* a key that is never made: the watch ends with the job */
    f = flux_job_event_watch (h, id, "guest.output", FLUX_JOB_EVENT_WATCH_WAITCREATE);
    fails (flux_job_event_watch (h, id, "guest.output", 0), ENOENT, NULL);
    succeeds (flux_job_cancel (h, id, NULL));
    fails (f, ENODATA, NULL);
    fails (flux_job_event_watch (h, 4242, "eventlog", 0), ENOENT, NULL);
    fails (flux_job_event_watch (h, id, "jobspec", 0), EINVAL,
           "the value of this key is not an eventlog");
    fails (flux_rpc_pack (h, "job-info.eventlog-watch", 0, 0, "{s:I s:s s:i}", "id",
                          (json_int_t)id, "path", "eventlog", "flags", 0), EPROTO, NULL);
}

static void test_watch_kvs_key (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "hang", 1, NULL, 16, 0);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f, *f2;
    const char *event;
    char key[128];

    wait_for (h, id, "start");
    f = flux_job_event_watch (h, id, "guest.exec.eventlog",
                              FLUX_JOB_EVENT_WATCH_WAITCREATE);
    flux_job_kvs_key (key, sizeof (key), id, "guest.exec.eventlog");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key, "{\"timestamp\":1.0,\"name\":\"init\"}\n"
                      "{\"timestamp\":2.0,\"name\":\"starting\"}\n");
    f2 = flux_kvs_commit (h, "primary", 0, txn);
    succeeds (f2);
    flux_kvs_txn_destroy (txn);
    for (int i = 0; i < 2; i++) {
        ready (f);
        assert_int_equal (flux_job_event_watch_get (f, &event), 0);
        assert_non_null (strstr (event, i ? "starting" : "init"));
        flux_future_reset (f);
    }
    succeeds (flux_job_cancel (h, id, NULL));
    fails (f, ENODATA, NULL);
    f = flux_job_event_watch (h, id, "guest.exec.eventlog", 0);
    ready (f);
    assert_int_equal (flux_job_event_watch_get (f, &event), 0);
    flux_future_destroy (f);
}

/* ---- memo, journal, history, purge ---- */

static void test_memo (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "true", 1, NULL, 0, 0);
    flux_future_t *f;
    const char *s;
    int n;

    succeeds (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:s s:i}}", "id",
                             (json_int_t)id, "memo", "a", "x", "b", 7));
    succeeds (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:n}}", "id",
                             (json_int_t)id, "memo", "b"));
    fails (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{}}", "id", (json_int_t)id,
                          "memo"), EPROTO, NULL);
    f = flux_job_list_id (h, id, "[\"annotations\"]");
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:{s:{s:s}}}}", "job", "annotations",
                                           "user", "a", &s), 0);
    assert_string_equal (s, "x");
    assert_int_equal (flux_rpc_get_unpack (f, "{s:{s:{s:{s:i}}}}", "job", "annotations",
                                           "user", "b", &n), -1);
    flux_future_destroy (f);
    succeeds (flux_job_cancel (h, id, NULL));
}

static void test_journal (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_future_t *f = flux_rpc_pack (h, "job-manager.events-journal", 0,
                                      FLUX_RPC_STREAMING, "{s:{s:i s:i}}", "allow",
                                      "submit", 1, "clean", 1);
    json_int_t id;
    json_t *events, *jobspec = NULL;
    flux_jobid_t job;
    int seen = 0;

    do {
        ready (f);
        assert_int_equal (flux_rpc_get_unpack (f, "{s:I s:o}", "id", &id, "events",
                                               &events), 0);
        flux_future_reset (f);
    } while (id != -1);
    job = submit (h, "true");
    while (seen < 2) {
        ready (f);
        assert_int_equal (flux_rpc_get_unpack (f, "{s:I s:o s?o}", "id", &id, "events",
                                               &events, "jobspec", &jobspec), 0);
        assert_true ((flux_jobid_t)id == job);
        seen += (int)json_array_size (events);
        if (seen == 1) {
            assert_non_null (jobspec);
            assert_null (json_object_get (json_object_get (json_object_get (
                jobspec, "attributes"), "system"), "environment"));
        }
        flux_future_reset (f);
    }
    flux_future_destroy (flux_rpc_pack (h, "job-manager.events-journal-cancel", 0,
                                        FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                                        (int)flux_rpc_get_matchtag (f)));
    fails (f, ENODATA, NULL);
}

static void test_history_and_purge (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t a = submit (h, "true"), b = submit (h, "true");
    flux_future_t *f;
    json_t *jobs;
    char key[64];
    int count;

    wait_for (h, a, "clean");
    wait_for (h, b, "clean");
    f = flux_rpc_pack (h, "job-manager.history.get", 0, 0, "{s:i}", "max_entries", 2);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs), 0);
    assert_int_equal (json_array_size (jobs), 2);
    assert_true ((flux_jobid_t)json_integer_value (json_array_get (jobs, 0)) == b);
    assert_true ((flux_jobid_t)json_integer_value (json_array_get (jobs, 1)) == a);
    flux_future_destroy (f);
    f = flux_rpc_pack (h, "job-manager.purge", 0, 0, "{s:[I] s:b}", "ids", (json_int_t)a,
                       "force", 1);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "count", &count), 0);
    assert_int_equal (count, 1);
    flux_future_destroy (f);
    fails (flux_job_list_id (h, a, "[\"all\"]"), ENOENT, NULL);
    flux_job_kvs_key (key, sizeof (key), a, "eventlog");
    fails (flux_kvs_lookup (h, "primary", 0, key), ENOENT, NULL);
    f = flux_rpc_pack (h, "job-manager.purge", 0, 0, "{s:i s:b}", "num_limit", 0,
                       "force", 0);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "count", &count), 0);
    assert_true (count > 0);
    flux_future_destroy (f);
    assert_int_equal (attr_int (h, b, "state"), FLUX_JOB_STATE_INACTIVE);
    f = flux_rpc_pack (h, "job-manager.purge", 0, 0, "{s:i s:b}", "num_limit", 0,
                       "force", 1);
    succeeds (f);
    fails (flux_job_list_id (h, b, "[\"all\"]"), ENOENT, NULL);
    fails (flux_rpc_pack (h, "job-manager.purge", 0, 0, "{s:b}", "force", 1), EINVAL, NULL);
}

/* ---- updates ---- */

static void test_update (void **state)
{
    flux_t *h = fixture_client (*state);
    flux_jobid_t id = submit_full (h, "hang", 1, NULL, 0, 0);
    json_t *o;
    double duration, expiration;

    succeeds (flux_rpc_pack (h, "job-manager.update", 0, 0, "{s:I s:{s:f}}", "id",
                             (json_int_t)id, "updates", "attributes.system.duration", 60.));
    fails (flux_rpc_pack (h, "job-manager.update", 0, 0, "{s:I s:{s:s}}", "id",
                          (json_int_t)id, "updates", "attributes.system.duration", "x"),
           EINVAL, "duration must be a number of at least 0");
    fails (flux_rpc_pack (h, "job-manager.update", 0, 0, "{s:I s:{s:i}}", "id",
                          (json_int_t)id, "updates", "tasks", 1), EINVAL,
           "update of tasks not supported");
    o = lookup (h, id, "jobspec", FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT);
    assert_int_equal (json_unpack (o, "{s:{s:{s:F}}}", "attributes", "system", "duration",
                                   &duration), 0);
    assert_true (duration == 60.);
    json_decref (o);
    o = lookup (h, id, "jobspec", FLUX_JOB_LOOKUP_JSON_DECODE);
    json_unpack (o, "{s:{s:{s:F}}}", "attributes", "system", "duration", &duration);
    assert_true (duration == 0.);
    json_decref (o);
    succeeds (flux_job_set_urgency (h, id, 16));
    wait_for (h, id, "start");
    o = lookup (h, id, "R", FLUX_JOB_LOOKUP_JSON_DECODE);
    json_unpack (o, "{s:{s:F}}", "execution", "expiration", &expiration);
    assert_true (expiration > flux_reactor_time () + 50.);
    json_decref (o);
    succeeds (flux_rpc_pack (h, "job-manager.update", 0, 0, "{s:I s:{s:f}}", "id",
                             (json_int_t)id, "updates", "attributes.system.duration",
                             3600.));
    wait_for (h, id, "resource-update");
    o = lookup (h, id, "R", FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT);
    json_unpack (o, "{s:{s:F}}", "execution", "expiration", &expiration);
    assert_true (expiration > flux_reactor_time () + 3000.);
    json_decref (o);
    succeeds (flux_job_cancel (h, id, NULL));
    wait_for (h, id, "clean");
    o = lookup (h, id, "jobspec", FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT);
    json_unpack (o, "{s:{s:{s:F}}}", "attributes", "system", "duration", &duration);
    assert_true (duration == 3600.);
    json_decref (o);
}

/* ---- fixtures ---- */

static int setup (void **state)
{
    *state = fixture_new (NULL);
    return 0;
}

static int setup_keep_nothing (void **state)
{
    *state = fixture_new ("{\"keep-nothing\":true}");
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
        cmocka_unit_test (test_run),
        cmocka_unit_test (test_failures),
        cmocka_unit_test (test_cancel),
        cmocka_unit_test (test_nonfatal_exception),
        cmocka_unit_test (test_kill),
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_duration_is_required),
        cmocka_unit_test (test_priority_order),
        cmocka_unit_test (test_pending_reason),
        cmocka_unit_test (test_annotations_of_canceled),
        cmocka_unit_test (test_dependencies),
        cmocka_unit_test (test_begin_time),
        cmocka_unit_test (test_singleton),
        cmocka_unit_test (test_wait),
        cmocka_unit_test (test_drain),
        cmocka_unit_test (test_list),
        cmocka_unit_test (test_stats),
        cmocka_unit_test (test_list_id_waits_for_state),
        cmocka_unit_test (test_watch),
        cmocka_unit_test (test_watch_kvs_key),
        cmocka_unit_test (test_memo),
        cmocka_unit_test (test_journal),
        cmocka_unit_test (test_history_and_purge),
        cmocka_unit_test (test_update),
    };
    /* one plan a program: the build runs it once for each kind of instance */
    if (argc > 1 && strcmp (argv[1], "keeps-nothing") == 0)
        return cmocka_run_group_tests (tests, setup_keep_nothing, teardown);
    return cmocka_run_group_tests (tests, setup, teardown);
}
