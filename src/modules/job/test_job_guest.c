/* test_job_guest.c - what users other than the instance owner may do
 *
 * Guests cannot submit without signatures, so their jobs are put into the KVS
 * and found there at a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core.h>

#include "test_fixture.h"
#include "test_util.h"

enum { ALICE = 54321, BOB = 54322 };

static struct fixture *x;
static flux_t *h;
static flux_jobid_t mine;     /* the owner's */
static flux_jobid_t hers;     /* Alice's, held */

static void put (flux_kvs_txn_t *txn, flux_jobid_t id, const char *name, const char *val)
{
    char key[128];

    assert_true (flux_job_kvs_key (key, sizeof (key), id, name) > 0);
    assert_int_equal (flux_kvs_txn_put (txn, 0, key, val), 0);
}

static void put_job (flux_jobid_t id, int userid)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    char *js = make_jobspec ("true", 1, NULL), log[512];
    flux_future_t *f;

    snprintf (log, sizeof (log),
              "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":%d,"
              "\"urgency\":0,\"flags\":0,\"version\":1}}\n"
              "{\"timestamp\":1.1,\"name\":\"validate\"}\n"
              "{\"timestamp\":1.2,\"name\":\"depend\"}\n"
              "{\"timestamp\":1.3,\"name\":\"priority\",\"context\":{\"priority\":0}}\n",
              userid);
    put (txn, id, "J", "x");
    put (txn, id, "jobspec", js);
    put (txn, id, "eventlog", log);
    f = flux_kvs_commit (h, NULL, 0, txn);
    succeeds (f);
    flux_kvs_txn_destroy (txn);
    free (js);
}

static flux_future_t *for_job (const char *topic, flux_jobid_t id)
{
    return flux_rpc_pack (h, topic, 0, 0, "{s:I}", "id", (json_int_t)id);
}

/* The same for a guest's own job and for that of the owner. */
static void test_control (void **state)
{
    fixture_guest (x, BOB);
    fails (flux_job_cancel (h, hers, NULL), EPERM, NULL);
    fails (flux_job_raise (h, mine, "note", 3, NULL), EPERM, NULL);
    fails (flux_job_kill (h, mine, 15), EPERM, NULL);
    fails (flux_job_set_urgency (h, hers, 1), EPERM, NULL);
    fails (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:s}}", "id",
                          (json_int_t)hers, "memo", "k", "v"), EPERM, NULL);
    fails (flux_rpc_pack (h, "job-manager.update", 0, 0, "{s:I s:{s:f}}", "id",
                          (json_int_t)hers, "updates", "attributes.system.duration", 1.),
           EPERM, NULL);
    fixture_guest (x, ALICE);
    succeeds (flux_rpc_pack (h, "job-manager.memo", 0, 0, "{s:I s:{s:s}}", "id",
                             (json_int_t)hers, "memo", "k", "v"));
    fails (flux_job_set_urgency (h, hers, 17), EPERM, NULL);
    succeeds (flux_job_set_urgency (h, hers, 0));
    succeeds (flux_job_raise (h, hers, "note", 3, NULL));
    fixture_guest (x, 0);
}

static void test_owner_only (void **state)
{
    static const char *const topics[] = {
        "job-manager.purge", "job-manager.jobtap", "job-manager.jobtap-query",
        "job-manager.wait", "job-manager.events-journal", "job-manager.queue-enable",
        "job-manager.queue-start", "job-manager.sched-hello", "job-manager.sched-ready",
        "job-manager.exec-hello", "job-manager.config-reload", "sched.alloc", "sched.free",
        "sched.cancel", "sched.prioritize", "sched.hello",
    };

    fixture_guest (x, ALICE);
    for (size_t i = 0; i < sizeof (topics) / sizeof (*topics); i++) {
        flux_future_t *f = for_job (topics[i], hers);
        ready (f);
        if (flux_future_get (f, NULL) == 0)
            fail_msg ("%s: a guest may", topics[i]);
        if (errno != EPERM && errno != ENOSYS)
            fail_msg ("%s: %s", topics[i], strerror (errno));
        flux_future_destroy (f);
    }
    fixture_guest (x, 0);
}

static void test_submit (void **state)
{
    char *js = make_jobspec ("true", 1, NULL);

    fixture_guest (x, ALICE);
    /* signed as who the process is */
    fails (flux_job_submit (h, js, 16, 0), EPERM, NULL);
    fails (flux_job_submit (h, js, 17, 0), EINVAL, NULL);
    fails (flux_job_submit (h, js, 16, FLUX_JOB_WAITABLE), EINVAL, NULL);
    fails (flux_job_submit (h, js, 16, FLUX_JOB_NOVALIDATE), EPERM, NULL);
    fixture_guest (x, 0);
    free (js);
}

static flux_future_t *lookup_key (flux_jobid_t id, const char *key)
{
    return flux_rpc_pack (h, "job-info.lookup", 0, 0, "{s:I s:[s] s:i}", "id",
                          (json_int_t)id, "keys", key, "flags", 0);
}

static void test_info (void **state)
{
    static const char *const keys[] = { "eventlog", "jobspec", "J", "R", "x" };

    fixture_guest (x, BOB);
    for (size_t i = 0; i < sizeof (keys) / sizeof (*keys); i++) {
        fails (lookup_key (hers, keys[i]), EPERM, NULL);
        fails (lookup_key (mine, keys[i]), EPERM, NULL);
    }
    fails (flux_job_event_watch (h, hers, "eventlog", 0), EPERM, NULL);
    fails (flux_job_event_watch (h, mine, "guest.output", 0), EPERM, NULL);
    fails (flux_rpc_pack (h, "job-info.update-lookup", 0, 0, "{s:I s:s s:i}", "id",
                          (json_int_t)mine, "key", "R", "flags", 0), EPERM, NULL);
    fixture_guest (x, ALICE);
    succeeds (lookup_key (hers, "eventlog"));
    succeeds (lookup_key (hers, "jobspec"));
    succeeds (lookup_key (hers, "J"));
    json_decref (wait_event (h, hers, "priority"));
    fails (lookup_key (mine, "eventlog"), EPERM, NULL);
    fixture_guest (x, 0);
    succeeds (lookup_key (hers, "eventlog"));
}

static int listed (void)
{
    flux_future_t *f = flux_rpc_pack (h, "job-list.list", 0, 0, "{s:i s:[s] s:{}}",
                                      "max_entries", 0, "attrs", "userid", "constraint");
    json_t *jobs;
    int n;

    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs), 0);
    n = json_array_size (jobs);
    flux_future_destroy (f);
    return n;
}

static void test_list (void **state)
{
    fixture_guest (x, BOB);
    assert_int_equal (listed (), 2);
    succeeds (for_job ("job-list.job-stats", 0));
    fixture_guest (x, 0);
}

static void test_list_private (void **state)
{
    fixture_guest (x, BOB);
    assert_int_equal (listed (), 0);
    fails (flux_job_list_id (h, mine, "[\"state\"]"), ENOENT, NULL);
    fails (for_job ("job-list.job-stats", 0), EPERM, NULL);
    fixture_guest (x, ALICE);
    assert_int_equal (listed (), 1);
    assert_int_equal (attr_int (h, hers, "userid"), ALICE);
    fails (flux_job_list_id (h, mine, "[\"state\"]"), ENOENT, NULL);
    fixture_guest (x, 0);
    assert_int_equal (listed (), 2);
}

/* raiseall and killall are for one's own jobs. */
static void test_all (void **state)
{
    flux_future_t *f;
    int count;

    fixture_guest (x, ALICE);
    fails (flux_rpc_pack (h, "job-manager.raiseall", 0, 0, "{s:b s:I s:i s:s s:i}",
                          "dry_run", 0, "userid", (json_int_t)-1, "states", FLUX_JOB_STATE_ACTIVE,
                          "type", "cancel", "severity", 0), EPERM, NULL);
    f = flux_rpc_pack (h, "job-manager.raiseall", 0, 0, "{s:b s:I s:i s:s s:i}",
                       "dry_run", 0, "userid", (json_int_t)ALICE, "states", FLUX_JOB_STATE_ACTIVE,
                       "type", "cancel", "severity", 0);
    ready (f);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "count", &count), 0);
    assert_int_equal (count, 1);
    flux_future_destroy (f);
    fixture_guest (x, 0);
    wait_for (h, hers, "clean");
    assert_int_equal (attr_int (h, mine, "state"), FLUX_JOB_STATE_SCHED);
}

static int setup_with (const char *conf)
{
    x = fixture_new (conf);
    h = fixture_client (x);
    mine = submit_full (h, "true", 1, NULL, 0, 0);
    hers = mine + (1ull << 24);
    put_job (hers, ALICE);
    fixture_restart (x);
    return attr_int (h, hers, "userid") == ALICE ? 0 : -1;
}

static int setup (void **state)
{
    return setup_with (NULL);
}

static int setup_private (void **state)
{
    return setup_with ("{\"access\":{\"private-mode\":true}}");
}

static int teardown (void **state)
{
    fixture_free (x);
    return 0;
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_control),
        cmocka_unit_test (test_owner_only),
        cmocka_unit_test (test_submit),
        cmocka_unit_test (test_info),
        cmocka_unit_test (test_list),
        cmocka_unit_test (test_all),
    };
    const struct CMUnitTest private_tests[] = {
        cmocka_unit_test (test_list_private),
        cmocka_unit_test (test_info),
    };

    if (argc > 1 && strcmp (argv[1], "private") == 0)
        return cmocka_run_group_tests (private_tests, setup_private, teardown);
    return cmocka_run_group_tests (tests, setup, teardown);
}
