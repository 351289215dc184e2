/* test_jobexec.c - the job-exec service
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <linux/close_range.h>
#include <cmocka.h>
#include <flux/core.h>

#include "core/subprocess_server.h"
#include "modules/exec/exec.h"
#include "modules/exec/part.h"
#include "modules/exec/test_instance.h"

static void test_one (void **state)
{
    set_shell ("test $1 = f`echo $1 | cut -c2-` && test $# = 1"
               " && test $FLUX_SHELL_FD = 3 && test $FLUX_SHELL_INFO_FD = 4"
               " && test $FLUX_URI = local:///test"
               " && test $FLUX_KVS_NAMESPACE = job-1234605616436508552"
               " && test -z \"$FLUX_JOB_ID\""
               " && test -S /proc/self/fd/3"
               " && test `ls /proc/self/fd | wc -l` = 6"
               " && grep -q '\"rank\":0,\"shell_rank\":0,\"nshells\":1,\"id\":1234' <&4"
               " && exec sh -c 'echo out; echo err >&2'");
    setenv ("FLUX_JOB_ID", "outer", 1);
    instance_new (1, "");
    unsetenv ("FLUX_JOB_ID");
    run_job ("0", "");
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    assert_int_equal (hello_count, 1);
    /* in order, and no more requests than needed */
    const char *expect[] = {
        "kvs.namespace-create {", "commit job-1234605616436508552\na exec.eventlog {",
        "\"init\"", "\"starting\"", "commit primary\nlink job.1122.3344.5566.7788.guest"
        " job-1234605616436508552\n",
        "\"shell-exit\"",
        "{\"rank\":0,\"wait_status\":0}", "\"complete\"", "{\"status\":0}", "\"done\"",
        "kvs.namespace-graft {\"namespace\":\"job-1234605616436508552\","
        "\"dst\":\"job.1122.3344.5566.7788.guest\"}", NULL
    };
    const char *p = kvs_log.data;
    for (int i = 0; expect[i]; i++) {
        const char *q = strstr (p, expect[i]);
        if (!q)
            fail_msg ("no \"%s\" at the right place in:\n%s", expect[i], kvs_log.data);
        p = q + 1;
    }
    assert_has (&kvs_log, "{\"component\":\"flux-shell\",\"stream\":\"stdout\","
                "\"rank\":\"0\",\"data\":\"out\"}");
    assert_has (&kvs_log, "\"stream\":\"stderr\",\"rank\":\"0\",\"data\":\"err\"}");
    instance_free ();
}

/* A shell that writes without end does not fill the eventlog. */
static void test_noisy (void **state)
{
    set_shell ("seq 1 100000");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "finish {\"status\":0}");
    assert_has (&kvs_log, "\"data\":\"1\"}");
    assert_has (&kvs_log, "further output of the job shell is dropped");
    assert_has_not (&kvs_log, "\"data\":\"100000\"}");
    instance_free ();
}

static void test_failure (void **state)
{
    set_shell ("exit 3");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "start {}\nfinish {\"status\":768}\nrelease");
    assert_has_not (&responses, "exception");
    instance_free ();

    set_shell ("kill -9 $$");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "start {}\nexception");
    assert_has (&responses, "shell rank 0 (on host0): Killed");
    assert_has (&responses, "finish {\"status\":9}\nrelease");
    instance_free ();

    instance_new (1, "");
    run_job ("0", "\"exec\":{\"job_shell\":\"/no/such/shell\"}");
    assert_has_not (&responses, "start {}");
    assert_has_not (&responses, "finish");
    assert_has (&responses, "exception {\"note\":\"cannot start job shell on host0 (rank 0):");
    assert_has (&responses, "\"severity\":0,\"type\":\"exec\"}\nrelease");
    instance_free ();
}

static void test_tree (void **state)
{
    set_shell ("grep -q '\"rank\":'6 <&4 && exit 2; exit 0");
    instance_new (7, "");
    run_job ("0-6", "");
    /* the seventh exits with 2 before any barrier */
    assert_has (&responses, "start {}\n");
    assert_has (&responses, "exception");
    assert_has (&responses, "host6 (rank 6): job shell has ended before");
    assert_has (&responses, "finish {\"status\":");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-6\"}\n");
    instance_free ();

    set_shell ("exit 0");
    instance_new (7, "");
    run_job ("3-5", ""); /* not on ranks 0, 1 and 2 that the way passes */
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"3-5\"}\n");
    assert_has (&kvs_log, "{\"rank\":3,\"wait_status\":0");
    instance_free ();

    instance_new (2, "");
    run_job ("0-3", ""); /* 2 and 3 do not exist */
    assert_has (&responses, "lost contact with job shell on host2 (rank 2)");
    assert_has (&responses, "\"severity\":0,\"shell_rank\":2,\"type\":\"lost-shell\"");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-3\"}\n");
    instance_free ();
}

static flux_future_t *enter (int rank, const char *name, flux_continuation_f cb, void *arg)
{
    flux_future_t *f = flux_rpc_pack (broker[rank].shell, "job-exec.barrier",
                                      FLUX_NODEID_ANY, 0, "{s:I s:s}",
                                      "id", (json_int_t)ID, "name", name);

    assert_int_equal (flux_future_then (f, -1., cb, arg), 0);
    return f;
}

static void entered_cb (flux_future_t *f, void *arg)
{
    int *count = arg;

    if (flux_future_get (f, NULL) == 0)
        (*count)++;
    else
        *count -= 100 + errno;
    flux_future_destroy (f);
}

static void test_barrier (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (7, "");
    job_request (ID, "0-6", "", "", false);
    wait_for (&responses, "start");
    wait_ready (7);
    for (int round = 0; round < 2; round++) {
        count = 0;
        for (int i = 0; i < 6; i++)
            enter (i, "init", entered_cb, &count);
        settle ();
        assert_int_equal (count, 0);
        enter (6, "init", entered_cb, &count);
        while (count < 7)
            spin ();
        assert_int_equal (count, 7);
    }
    /* bad ones */
    count = 0;
    enter (0, "a\"b", entered_cb, &count);
    while (count == 0)
        spin ();
    assert_int_equal (count, -100 - EPROTO);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    /* no such job */
    count = 0;
    enter (0, "init", entered_cb, &count);
    while (count == 0)
        spin ();
    assert_int_equal (count, -100 - ENOENT);
    instance_free ();
}

static void test_barrier_broken (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; grep -q '\"rank\":2' <&4"
               " && { read x <" "$FIFO; exit 0; }; while :; do sleep .01; done");
    instance_new (3, "");
    char fifo[128];
    snprintf (fifo, sizeof (fifo), "%s/fifo", dir);
    unlink (fifo);
    assert_int_equal (mkfifo (fifo, 0600), 0);
    instance_free ();
    setenv ("FIFO", fifo, 1);
    instance_new (3, "");
    unsetenv ("FIFO");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    enter (0, "init", entered_cb, &count);
    enter (1, "init", entered_cb, &count);
    settle ();
    assert_int_equal (count, 0);
    FILE *f = fopen (fifo, "w"); /* let rank 2 end, with status 0 */
    fprintf (f, "go\n");
    fclose (f);
    while (launches == 0)
        spin ();
    assert_int_equal (count, 2 * (-100 - EPIPE));
    assert_has (&responses, "host2 (rank 2): job shell has ended before");
    instance_free ();
}

static void test_barrier_timeout (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, ",\"barrier-timeout\":\"0.15s\"");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    enter (0, "init", entered_cb, &count);
    enter (2, "init", entered_cb, &count);
    while (launches == 0)
        spin ();
    assert_has (&responses, "start barrier timeout waiting for 1/3 nodes (rank 1)");
    assert_has (&drained, "1 job ");
    assert_has (&drained, " start timeout: possible node hang");
    instance_free ();
}

static void test_cancel (void **state)
{
    set_shell ("trap 'exit 143' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    cancel ("cancel");
    cancel ("cancel"); /* twice is once */
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":36608}\nrelease");
    assert_has_not (&responses, "exception");
    instance_free ();
}

static void test_kill_escalation (void **state)
{
    set_shell ("trap '' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, ",\"kill-timeout\":\"0.01s\"");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":9}\nrelease");
    assert_string_equal (drained.data, "");
    instance_free ();

    /* a signal that does not help: the node is drained */
    instance_new (1, ",\"kill-timeout\":\"0.01s\",\"kill-signal\":\"SIGTERM\","
                  "\"max-kill-count\":2");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    cancel ("cancel");
    wait_for (&drained, "\n");
    assert_has (&drained, "0 unkillable user processes for job ");
    struct part *part = parts_get (broker[0].data, ID);
    part_signal (part, SIGKILL, true);
    while (launches == 0)
        spin ();
    instance_free ();
}

static void test_timeout (void **state)
{
    char times[128];

    /* SIGALRM, not SIGTERM */
    set_shell ("trap 'exit 14' ALRM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, "");
    snprintf (times, sizeof (times), ",\"starttime\":%.3f,\"expiration\":%.3f",
              flux_reactor_time (), flux_reactor_time () + 1000.);
    job_request (ID, "0", "", times, false);
    wait_ready (1);
    char now[128];
    snprintf (now, sizeof (now), "{\"id\":%ju,\"expiration\":%.3f}", (uintmax_t)ID,
              flux_reactor_time ());
    assert_int_equal (call ("job-exec.expiration", now), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "exception {\"note\":\"resource allocation expired\","
                "\"severity\":0,\"type\":\"timeout\"}");
    assert_has (&responses, "finish {\"status\":3584}\n");
    instance_free ();
}

static void test_lost (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    /* critical: only the leader */
    flux_future_t *f = flux_rpc_pack (mgr, "job-exec.critical-ranks", 0, 0, "{s:I s:s}",
                                      "id", (json_int_t)ID, "ranks", "0");
    flux_future_destroy (f);
    struct part *part = parts_get (broker[2].data, ID);
    assert_non_null (part);
    assert_non_null (part->shell);
    part_signal (part, SIGTERM, true); /* or it would outlive the test */
    broker_stop (2);
    hub_remove (hub, "exec2");
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "\"severity\":2,\"shell_rank\":2,\"type\":\"lost-shell\"");
    assert_int_equal (launches, 0);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-2\"}\n");
    job_exec_data.destroy (broker[2].data);
    broker[2].data = job_exec_data.create ();
    instance_free ();
}

static void test_only_shell_lost (void **state)
{
    struct part *part;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    part = parts_get (broker[2].data, ID);
    assert_non_null (part);
    part_signal (part, SIGTERM, true); /* or it would outlive the test */
    broker_stop (2);
    hub_remove (hub, "exec2");
    while (launches == 0)
        spin ();
    assert_has (&responses, "\"severity\":0,\"shell_rank\":0,\"type\":\"lost-shell\"");
    assert_has (&responses, "finish {\"status\":9}\n");
    job_exec_data.destroy (broker[2].data);
    broker[2].data = job_exec_data.create ();
    instance_free ();
}

static void test_leader (void **state)
{
    set_shell ("grep -q '\"rank\":0' <&4 && exit 0;"
               " trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (2, ",\"shell-exit-timeout\":\"0.05s\"");
    run_job ("0-1", "");
    assert_has (&responses, "1 of 2 job shells are still active (rank 1)");
    assert_has (&kvs_log, "{\"rank\":0,\"wait_status\":0,\"active_ranks\":\"1\"}");
    instance_free ();
}

static void test_mock (void **state)
{
    instance_new (1, "");
    run_job ("0-99", "\"exec\":{\"test\":{\"run_duration\":\"0.01s\","
             "\"wait_status\":256}}");
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":256}\n"
                         "release {\"final\":true,\"ranks\":\"0-99\"}\n");
    /* one commit, and no namespace */
    assert_has_not (&kvs_log, "namespace");
    assert_true (!strncmp (kvs_log.data, "commit primary\n"
                           "a job.1122.3344.5566.7788.guest.exec.eventlog {", 50));
    const char *p = kvs_log.data;
    const char *names[] = { "init", "starting", "complete", "done" };
    for (int i = 0; i < 4; i++) {
        p = strstr (p, names[i]);
        assert_non_null (p);
    }
    assert_null (strstr (p, "commit"));
    instance_free ();

    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"mock_exception\":\"init\"}}");
    assert_has (&responses, "mock init exception generated");
    assert_has_not (&responses, "start {}");
    instance_free ();
    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"mock_exception\":\"run\"}}");
    assert_has (&responses, "start {}\nexception");
    assert_has (&responses, "finish {\"status\":15}\n");
    instance_free ();
    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"run_duration\":\"fast\"}}");
    assert_has (&responses, "exec.test.run_duration: want a duration");
    instance_free ();

    /* canceled */
    instance_new (1, "");
    job_request (ID, "0", "\"exec\":{\"test\":{\"run_duration\":1000}}", "", false);
    wait_for (&responses, "start");
    assert_has (&kvs_log, "starting"); /* a long one is seen to run */
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":15}\n");
    instance_free ();

    instance_new (1, "");
    job_request (ID, "0", "\"exec\":{\"test\":{\"override\":1}}", "", false);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"finish\"}"), EINVAL);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"start\"}"), 0);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"finish\"}"), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "start {}\nfinish {\"status\":0}\n");
    instance_free ();
}

/* job-exec is removed and loaded again while shells run. */
/* 'asked': the job manager knows that it was started */
static void reload_running (bool asked)
{
    char conf[256];

    set_shell ("trap 'exit 5' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    broker_stop (0);
    for (int i = 1; i < 3; i++)
        hub_disconnect (hub, "exec0", "job-exec");
    for (int i = 1; i < 3; i++) {
        char topic[] = "job-exec.disconnect";
        flux_msg_t *msg = flux_request_encode (topic, NULL);
        flux_msg_set_noresponse (msg);
        flux_msg_set_nodeid (msg, i);
        hub_request (hub, &hub->ends[1], msg);
    }
    settle ();
    assert_int_equal (parts_count (broker[0].data), 1);
    snprintf (conf, sizeof (conf), "{\"exec\":{\"job-shell\":\"%s\"}}", shell_path);
    broker_start (0, conf);
    buf_clear (&responses);
    job_request (ID, "0-2", "", "", asked);
    wait_for (&responses, "reattached");
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_string_equal (responses.data,
                         "reattached {}\nfinish {\"status\":1280}\n"
                         "release {\"final\":true,\"ranks\":\"0-2\"}\n");
    assert_has (&kvs_log, "\"reattach\"");
    instance_free ();
}

static void test_reload (void **state)
{
    reload_running (true);
    reload_running (false);

    /* one whose shells are not there */
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_has (&responses, "reattached {}");
    assert_has (&responses, "lost with its broker");
    assert_has (&responses, "finish {\"status\":9}");
    instance_free ();
}

/* Its shells are gone, and what is known of them is in the KVS. */
static void recover (const char *log)
{
    exec_log = log;
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    exec_log = NULL;
}

static void test_recover (void **state)
{
    recover ("{\"timestamp\":1.0,\"name\":\"starting\"}\n"
             "{\"timestamp\":2.0,\"name\":\"complete\",\"context\":{\"status\":256}}\n");
    assert_string_equal (responses.data, "reattached {}\nfinish {\"status\":256}\n"
                                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    instance_free ();
    /* killed, and the exception may not have been recorded */
    recover ("{\"timestamp\":2.0,\"name\":\"complete\",\"context\":{\"status\":9}}\n");
    assert_has (&responses, "job shell: Killed (found when the broker was started again)");
    assert_has (&responses, "\"severity\":0");
    assert_has (&responses, "finish {\"status\":9}\n");
    instance_free ();
    recover ("{\"timestamp\":1.0,\"name\":\"starting\"}\n");
    assert_has (&responses, "lost with its broker");
    instance_free ();
}

/* The job manager is reloaded: what happens meanwhile is told to the new one. */
static void test_manager_reload (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, "");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    hub_disconnect (hub, "mgr", "job-exec");
    cancel ("cancel");
    while (hello_count < 2)
        spin ();
    wait_for (&kvs_log, "graft");
    settle ();
    assert_string_equal (responses.data, "start {}\n");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_string_equal (responses.data,
                         "start {}\nreattached {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    instance_free ();
}

/* Shells of a job on ranks 0-1 by a subprocess service that is not ours. */
static void run_per_rank (const char *script)
{
    struct subprocess_server *server[2];

    set_shell (script);
    instance_new (2, ",\"service\":\"other\"");
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf (name, sizeof (name), "other%d", i);
        server[i] = subprocess_server_create (hub_add (hub, name, i, "other"), "other",
                                              "local:///there", NULL, NULL);
        assert_non_null (server[i]);
    }
    run_job ("0-1", "");
    assert_has (&responses, "start {}\n");
    for (int i = 0; i < 2; i++)
        subprocess_server_destroy (server[i]);
}

static void test_per_rank (void **state)
{
    run_per_rank ("test -z \"$FLUX_SHELL_FD\" && test $FLUX_URI = local:///there"
                  " && echo hello >&2 && exit 4");
    assert_has (&responses, "finish {\"status\":1024}\n");
    assert_has (&kvs_log, "\"hello\"");
    instance_free ();
}

static void test_per_rank_output_after_exit (void **state)
{
    run_per_rank ("(while kill -0 $$ 2>/dev/null; do sleep .01; done; echo late >&2) &");
    assert_has (&responses, "finish {\"status\":0}\n");
    assert_has (&kvs_log, "\"rank\":\"0\",\"data\":\"late\"}");
    assert_has (&kvs_log, "\"rank\":\"1\",\"data\":\"late\"}");
    instance_free ();
}

/* What a shell leaves behind may keep its stderr open, but not the job. */
static void test_per_rank_stderr_kept_open (void **state)
{
    char path[128], script[256];
    int fd;

    snprintf (path, sizeof (path), "%s/fifo", dir);
    snprintf (script, sizeof (script), "exec 3<%s; (read x <&3) &", path);
    unlink (path);
    assert_int_equal (mkfifo (path, 0600), 0);
    assert_return_code (fd = open (path, O_RDWR | O_CLOEXEC), errno);
    run_per_rank (script);
    assert_has (&responses, "finish {\"status\":0}\n");
    close (fd); /* it ends */
    instance_free ();
}

static void test_requests (void **state)
{
    flux_msg_t *msg;

    instance_new (1, "");
    assert_int_equal (call ("job-exec.kill", "{}"), EPROTO);
    assert_int_equal (call ("job-exec.kill", "{\"id\":1,\"signum\":0}"), EINVAL);
    assert_int_equal (call ("job-exec.kill", "{\"id\":1,\"signum\":9}"), ENOENT);
    assert_int_equal (call ("job-exec.expiration", "{\"id\":1}"), EPROTO);
    assert_int_equal (call ("job-exec.critical-ranks", "{\"id\":1,\"ranks\":\"x\"}"),
                      EPROTO);
    assert_int_equal (call ("job-exec.launch", "{}"), EPROTO);
    assert_int_equal (call ("job-exec.stats-get", NULL), 0);
    /* a job of a guest, without an IMP */
    char text[512];
    snprintf (text, sizeof (text), "{\"id\":5,\"userid\":%u,\"reattach\":false,"
              "\"R\":{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\","
              "\"children\":{\"core\":\"0\"}}],\"nodelist\":[\"h\"]}},\"jobspec\":{}}",
              getuid () + 1);
    msg = flux_request_encode ("job-exec.start", text);
    assert_int_equal (flux_send_new (mgr, &msg, 0), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "exec.imp is not configured");
    instance_free ();
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_one),
        cmocka_unit_test (test_noisy),
        cmocka_unit_test (test_failure),
        cmocka_unit_test (test_tree),
        cmocka_unit_test (test_barrier),
        cmocka_unit_test (test_barrier_broken),
        cmocka_unit_test (test_barrier_timeout),
        cmocka_unit_test (test_cancel),
        cmocka_unit_test (test_kill_escalation),
        cmocka_unit_test (test_timeout),
        cmocka_unit_test (test_lost),
        cmocka_unit_test (test_only_shell_lost),
        cmocka_unit_test (test_leader),
        cmocka_unit_test (test_mock),
        cmocka_unit_test (test_reload),
        cmocka_unit_test (test_recover),
        cmocka_unit_test (test_manager_reload),
        cmocka_unit_test (test_per_rank),
        cmocka_unit_test (test_per_rank_output_after_exit),
        cmocka_unit_test (test_per_rank_stderr_kept_open),
        cmocka_unit_test (test_requests),
    };
    alarm (55);
    (void)close_range (3, ~0U, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests (tests, instance_setup, instance_teardown);
}
