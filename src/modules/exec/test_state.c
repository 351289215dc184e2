/* test_state.c - which jobs were launched; the end of tagged processes */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modules/exec/reap.h"
#include "modules/exec/state.h"

static char dir[] = "/tmp/test-state-XXXXXX";
static char path[64];

static int setup (void **state)
{
    if (!mkdtemp (dir))
        return -1;
    snprintf (path, sizeof (path), "%s/job-exec", dir);
    return 0;
}

static int teardown (void **state)
{
    unlink (path);
    return rmdir (dir);
}

static void put (const char *text)
{
    FILE *f = fopen (path, "w");

    assert_non_null (f);
    fputs (text, f);
    assert_int_equal (fclose (f), 0);
}

static struct execstate *reopen (void)
{
    flux_error_t err;
    struct execstate *st = execstate_open (dir, "local:///a", &err);

    if (!st)
        print_error ("%s\n", err.text);
    assert_non_null (st);
    return st;
}

/* A broker that is killed closes nothing. */
static void test_launched (void **state)
{
    struct execstate *a = reopen (), *b;
    char cookie[64];

    assert_int_equal (strlen (execstate_cookie (a)), 32);
    snprintf (cookie, sizeof (cookie), "%s", execstate_cookie (a));
    assert_int_equal (execstate_launch (a, 1), 0);
    assert_int_equal (execstate_launch (a, UINT64_MAX), 0);
    assert_false (execstate_known (a, 1));
    execstate_done (a, 1);       /* but the job manager may not have recorded it */
    b = reopen ();
    assert_string_equal (execstate_cookie (b), cookie);
    assert_true (execstate_known (b, 1));
    assert_true (execstate_known (b, UINT64_MAX));
    assert_false (execstate_known (b, 2));
    execstate_done (b, 1);
    execstate_free (b);          /* an orderly end: what is done is done */
    b = reopen ();
    assert_false (execstate_known (b, 1));
    assert_true (execstate_known (b, UINT64_MAX));
    execstate_free (b);
    execstate_free (a);
}

static void test_torn (void **state)
{
    struct execstate *st;

    put ("0123456789abcdef0123456789abcdef\n7\n\n8\n-7\n123");
    st = reopen ();
    assert_false (execstate_known (st, 7));
    assert_true (execstate_known (st, 8));
    assert_false (execstate_known (st, 0));
    assert_false (execstate_known (st, 123));
    assert_int_equal (execstate_launch (st, 456), 0);
    execstate_free (st);
    st = reopen ();
    assert_true (execstate_known (st, 456));
    assert_true (execstate_known (st, 8));
    execstate_free (st);
}

static void test_bad (void **state)
{
    flux_error_t err;

    put ("something else\n");
    errno = 0;
    assert_null (execstate_open (dir, "local:///a", &err));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (err.text, "job-exec: not written by this program"));
    assert_null (execstate_open ("/nonexistent", "local:///a", &err));
    assert_int_equal (errno, ENOENT);
    execstate_free (NULL);
}

static void test_nothing_kept (void **state)
{
    flux_error_t err;
    struct execstate *a = execstate_open (NULL, "local:///a", &err), *b = execstate_open (NULL, "local:///a", &err);

    assert_string_not_equal (execstate_cookie (a), execstate_cookie (b));
    assert_int_equal (execstate_launch (a, 1), 0);
    execstate_done (a, 1);
    assert_false (execstate_known (a, 1));
    execstate_free (a);
    execstate_free (b);
}

/* Reaping */

static pid_t child (const char *env, const char *script)
{
    pid_t pid = fork ();

    if (pid == 0) {
        char *argv[] = { "sh", "-c", (char *)script, NULL };
        char *envp[] = { "PATH=/usr/bin:/bin", (char *)env, NULL };
        execve ("/bin/sh", argv, envp);
        _exit (127);
    }
    assert_true (pid > 0);
    return pid;
}

static void wait_exec (pid_t pid)
{
    char name[64] = "";
    char file[64];

    snprintf (file, sizeof (file), "/proc/%d/comm", (int)pid);
    while (strcmp (name, "sh\n") != 0) {
        FILE *f = fopen (file, "r");
        assert_non_null (f);
        assert_non_null (fgets (name, sizeof (name), f));
        fclose (f);
    }
}

static void reaped (struct reap *rp, int killed, void *arg)
{
    *(int *)arg = killed;
    reap_free (rp);
}

static int reap_wait (const char *tag)
{
    flux_reactor_t *r = flux_reactor_create (0);
    int killed = -1;

    assert_non_null (reap_new (r, tag, reaped, &killed));
    assert_true (flux_reactor_run (r, 0) >= 0);
    flux_reactor_destroy (r);
    return killed;
}

static void test_reap (void **state)
{
    char tag[64], env[200], other[200], longer[200];
    pid_t a, b, c;
    int status;

    reap_tag (tag, sizeof (tag), "c0ffee", getpid ());
    snprintf (env, sizeof (env), REAP_ENV "=abc/1 %s def/2", tag);
    snprintf (longer, sizeof (longer), REAP_ENV "=%s1 x%s", tag, tag);
    snprintf (other, sizeof (other), "OTHER=%s", tag);
    assert_int_equal (reap_wait (tag), 0);
    a = child (env, "trap '' TERM INT HUP; while :; do read x </dev/zero; done");
    b = child (longer, "read x");
    c = child (other, "read x");
    wait_exec (a);
    wait_exec (b);
    wait_exec (c);
    assert_true (kill (a, SIGSTOP) == 0);
    assert_int_equal (reap_wait (tag), 1);
    assert_int_equal (waitpid (a, &status, WNOHANG), a);
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    assert_int_equal (waitpid (b, &status, WNOHANG), 0);
    assert_int_equal (waitpid (c, &status, WNOHANG), 0);
    kill (b, SIGKILL);
    kill (c, SIGKILL);
    waitpid (b, NULL, 0);
    waitpid (c, NULL, 0);
}

/* Whether shells of the broker that is gone find this one */
static void test_uri (void **state)
{
    flux_error_t err;
    struct execstate *st;

    unlink (path);
    st = reopen ();
    assert_true (execstate_keeps (st));
    assert_false (execstate_same_uri (st));     /* there was none */
    assert_int_equal (execstate_launch (st, 7), 0);
    execstate_free (st);
    st = reopen ();
    assert_true (execstate_same_uri (st));
    assert_true (execstate_known (st, 7));
    execstate_free (st);
    assert_non_null (st = execstate_open (dir, "local:///ab", &err));
    assert_false (execstate_same_uri (st));
    assert_true (execstate_known (st, 7));
    execstate_free (st);
    put ("0123456789abcdef0123456789abcdef\n7\n");   /* of before there was the line */
    st = reopen ();
    assert_false (execstate_same_uri (st));
    assert_true (execstate_known (st, 7));
    execstate_free (st);
    assert_non_null (st = execstate_open (NULL, "local:///a", &err));
    assert_false (execstate_keeps (st));
    execstate_free (st);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_launched), cmocka_unit_test (test_uri), cmocka_unit_test (test_torn),
        cmocka_unit_test (test_bad), cmocka_unit_test (test_nothing_kept),
        cmocka_unit_test (test_reap),
    };
    int fds[2];

    if (pipe (fds) < 0 || dup2 (fds[0], 0) < 0)   /* children wait on it */
        return 1;
    return cmocka_run_group_tests (tests, setup, teardown);
}
