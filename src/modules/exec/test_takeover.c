/* test_takeover.c - job shells that are there before the broker is
 *
 * The broker that is gone has left a file and, maybe, shells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>
#include <cmocka.h>
#include <flux/core.h>

#include "base/spawn.h"
#include "modules/exec/exec.h"
#include "modules/exec/part.h"
#include "modules/exec/reap.h"
#include "modules/exec/test_instance.h"

/* Another run of this test on the same machine must not take ours for its own, and kill them. */
static const char *cookie (void)
{
    static char s[33];

    snprintf (s, sizeof (s), "0123456789abcdef%016x", (unsigned int)getpid ());
    return s;
}

#define LOG_START "{\"timestamp\":1.0,\"name\":\"starting\"}\n" \
                  "{\"timestamp\":1.0,\"name\":\"recoverable\"}\n"
#define LOG_EXIT2 "{\"timestamp\":2.0,\"name\":\"rank-exit\"," \
                  "\"context\":{\"ranks\":\"2\",\"wait_status\":512}}\n"

static void broker_was_here (const char *uri)
{
    char path[128];
    FILE *f;

    snprintf (path, sizeof (path), "%s/job-exec", dir);
    assert_non_null (f = fopen (path, "w"));
    fprintf (f, "%s\nuri %s\n%ju\n", cookie (), uri, (uintmax_t)ID);
    fclose (f);
    statedir = dir;
    exec_log = LOG_START;
    have_guest = true;
}

static void forget_broker (void)
{
    char path[128];

    snprintf (path, sizeof (path), "%s/job-exec", dir);
    unlink (path);
    snprintf (path, sizeof (path), "%s/flux-shell", dir);
    unlink (path);
    statedir = exec_log = NULL;
    have_guest = false;
}

/* A process that looks like the job's shell on that rank. */
static pid_t left_shell (int rank)
{
    char path[128], tag[160], own[80];
    char *const argv[] = { "flux-shell", "60", NULL };
    char *const envp[] = { tag, NULL };
    struct spawn_args args = { .path = path, .argv = argv, .envp = envp, .setpgrp = true,
                               .ctty_fd = -1 };
    flux_error_t err;
    pid_t pid;

    snprintf (path, sizeof (path), "%s/flux-shell", dir);
    (void)symlink ("/bin/sleep", path);
    snprintf (tag, sizeof (tag), "FLUX_EXEC_TAG=%s/%ju %s/%ju/%d", cookie (), (uintmax_t)ID,
              cookie (), (uintmax_t)ID, rank);
    if ((pid = spawn_child (&args, &err)) < 0)
        fail_msg ("%s", err.text);
    snprintf (own, sizeof (own), "%s/%ju/%d", cookie (), (uintmax_t)ID, rank);
    while (!reap_is_tagged (pid, own))       /* exec goes on for a moment */
        sched_yield ();
    return pid;
}

static int shell_calls (int rank, const char *method, const char *key, int val)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "job-exec.%s", method);
    return result (flux_rpc_pack (broker[rank].shell, topic, rank, 0, "{s:I s:i}", "id",
                                  (json_int_t)ID, key, val));
}

static void shell_ends (pid_t pid)
{
    kill (pid, SIGKILL);
    while (launches == 0)
        spin ();
    waitpid (pid, NULL, 0);
}

/* It tells how it ends, or it is killed. */
static void taken_over (bool says_goodbye)
{
    pid_t pid = left_shell (0);

    broker_was_here ("local:///test");
    instance_new (1, "");
    assert_int_equal (shell_calls (0, "goodbye", "status", 0), ENOENT);
    job_request (ID, "0", "", "", true);
    while (!parts_get (broker[0].data, ID))
        spin ();
    assert_int_equal (shell_calls (0, "reattach", "pid", getpid ()), ESRCH);
    assert_int_equal (shell_calls (0, "reattach", "pid", 1), EPROTO);
    assert_int_equal (shell_calls (0, "reattach", "pid", pid), 0);
    wait_for (&responses, "reattached {}");
    assert_has (&kvs_log, "\"reattach\"");
    assert_has_not (&kvs_log, "recoverable");    /* once a job */
    if (says_goodbye) {
        assert_int_equal (shell_calls (0, "goodbye", "status", -1), EPROTO);
        assert_int_equal (shell_calls (0, "goodbye", "status", 3 << 8), 0);
    }
    shell_ends (pid);
    if (says_goodbye)
        assert_string_equal (responses.data, "reattached {}\nfinish {\"status\":768}\n"
                                             "release {\"final\":true,\"ranks\":\"0\"}\n");
    else {
        assert_has (&responses, "shell rank 0 (on host0): Killed");
        assert_has (&responses, "finish {\"status\":9}");
    }
    instance_free ();
    forget_broker ();
}

static void test_take_over (void **state)
{
    taken_over (true);
    taken_over (false);
}

/* The shell is there before the job is known. */
static void test_take_over_early (void **state)
{
    pid_t pid = left_shell (0);
    flux_future_t *f;

    broker_was_here ("local:///test");
    instance_new (1, "");
    f = flux_rpc_pack (broker[0].shell, "job-exec.reattach", 0, 0, "{s:I s:i}", "id",
                       (json_int_t)ID, "pid", (int)pid);
    settle ();
    job_request (ID, "0", "", "", true);
    assert_int_equal (result (f), 0);
    assert_int_equal (shell_calls (0, "goodbye", "status", 0), 0);
    shell_ends (pid);
    assert_has (&responses, "finish {\"status\":0}");
    instance_free ();
    forget_broker ();
}

/* No such process; or one that this broker cannot be found by. */
static void test_take_over_dead (void **state)
{
    pid_t pid;

    broker_was_here ("local:///test");
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_has (&responses, "lost with its broker: it was not there");
    assert_has (&responses, "finish {\"status\":9}");
    instance_free ();
    forget_broker ();

    pid = left_shell (0);
    broker_was_here ("local:///elsewhere");
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    waitpid (pid, NULL, 0);
    assert_has (&responses, "lost with its broker: the job was running");
    instance_free ();
    forget_broker ();
}

/* Only the last runs, and the job can do without the dead one; the leader has ended. */
static void test_take_over_few (void **state)
{
    pid_t pid = left_shell (2);

    broker_was_here ("local:///test");
    exec_log = LOG_START
        "{\"timestamp\":2.0,\"name\":\"critical-ranks\",\"context\":{\"ranks\":\"0,2\"}}\n"
        "{\"timestamp\":2.0,\"name\":\"rank-exit\",\"context\":{\"ranks\":\"0\",\"wait_status\":0}}\n";
    instance_new (3, ",\"shell-exit-timeout\":\"1s\"");
    job_request (ID, "0-2", "", "", true);
    while (!parts_get (broker[2].data, ID))
        spin ();
    assert_int_equal (shell_calls (2, "reattach", "pid", pid), 0);
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "\"severity\":2,\"shell_rank\":1");
    wait_for (&responses, "1 of 3 job shells are still active (rank 2)");
    while (waitpid (pid, NULL, WNOHANG) == 0)
        spin ();            /* SIGTERM */
    while (launches == 0)
        spin ();
    instance_free ();
    forget_broker ();
}

/* One of three has ended before; one is dead; the job is ended for that. */
static void test_take_over_many (void **state)
{
    pid_t pid = left_shell (0);

    broker_was_here ("local:///test");
    exec_log = LOG_START LOG_EXIT2;
    instance_new (3, "");
    job_request (ID, "0-2", "", "", true);
    while (!parts_get (broker[1].data, ID))
        spin ();
    assert_null (parts_get (broker[2].data, ID));
    assert_int_equal (shell_calls (0, "reattach", "pid", pid), 0);
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "lost job shell on host1 (rank 1): lost with its broker");
    while (waitpid (pid, NULL, WNOHANG) == 0)
        spin ();            /* SIGTERM */
    while (launches == 0)
        spin ();
    assert_has (&kvs_log, "\"rank-exit\",\"context\":{\"ranks\":\"1\"}");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-2\"}");
    instance_free ();
    forget_broker ();
}

/* A follower is lost: its shells are waited for, but not for ever. */
static void test_follower_away (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    statedir = dir;
    instance_new (2, ",\"reconnect-timeout\":\"0.2s\"");
    job_request (ID, "1", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    assert_has (&kvs_log, "\"recoverable\"");
    part_signal (parts_get (broker[1].data, ID), SIGTERM, true);
    broker_stop (1);
    hub_remove (hub, "exec1");
    settle ();
    assert_has_not (&responses, "exception");
    while (launches == 0)
        spin ();
    assert_has (&responses, "lost contact with job shell on host1 (rank 1)");
    job_exec_data.destroy (broker[1].data);
    broker[1].data = job_exec_data.create ();
    instance_free ();
    forget_broker ();
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_take_over),
        cmocka_unit_test (test_take_over_early),
        cmocka_unit_test (test_take_over_dead),
        cmocka_unit_test (test_take_over_many),
        cmocka_unit_test (test_take_over_few),
        cmocka_unit_test (test_follower_away),
    };
    alarm (55);
    (void)close_range (3, ~0U, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests (tests, instance_setup, instance_teardown);
}
