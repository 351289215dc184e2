/* test_subprocess.c - local subprocesses */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>
#include <cmocka.h>
#include <flux/core.h>

#include "base/buf.h"
#include "core/subprocess_private.h"

/* What the callbacks of one process saw. */
struct seen {
    char states[64];   /* one letter a state change */
    int completions;
    struct buf out, err, chan;
    int out_calls, out_eofs, err_eofs, chan_eofs;
    int credit;
    int max_per_call;  /* read at most that much a callback; 0: getline */
    const char *kill_on_output;
};

static flux_reactor_t *r;

static struct seen *seen_of (flux_subprocess_t *p)
{
    return flux_subprocess_aux_get (p, "seen");
}

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct seen *s = seen_of (p);
    size_t n = strlen (s->states);

    s->states[n] = flux_subprocess_state_string (state)[0];
}

static void completion_cb (flux_subprocess_t *p)
{
    seen_of (p)->completions++;
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct seen *s = seen_of (p);
    struct buf *b = &s->chan;
    int *eofs = &s->chan_eofs;
    const char *data;
    int len;

    if (!strcmp (stream, "stdout")) {
        b = &s->out;
        eofs = &s->out_eofs;
        s->out_calls++;
    }
    else if (!strcmp (stream, "stderr")) {
        b = &s->err;
        eofs = &s->err_eofs;
    }
    len = flux_subprocess_getline (p, stream, &data);
    assert_true (len >= 0);
    assert_int_equal (data[len], 0);
    buf_add (b, data, len);
    if (len == 0) {
        assert_true (flux_subprocess_read_stream_closed (p, stream));
        (*eofs)++;
    }
    if (s->kill_on_output && strstr (b->data, s->kill_on_output)) {
        flux_future_t *f = flux_subprocess_kill (p, SIGTERM);
        assert_non_null (f);
        assert_int_equal (flux_future_get (f, NULL), 0);
        flux_future_destroy (f);
        s->kill_on_output = NULL;
    }
}

static void credit_cb (flux_subprocess_t *p, const char *stream, int bytes)
{
    if (!strcmp (stream, "stdin"))
        seen_of (p)->credit += bytes;
}

static const flux_subprocess_ops_t all_ops = {
    .on_completion = completion_cb,
    .on_state_change = state_cb,
    .on_channel_out = output_cb,
    .on_stdout = output_cb,
    .on_stderr = output_cb,
    .on_credit = credit_cb,
};

static flux_cmd_t *sh (const char *script)
{
    char *av[] = { "/bin/sh", "-c", (char *)script, NULL };

    return flux_cmd_create (3, av, environ);
}

static flux_subprocess_t *start (flux_cmd_t *cmd, int flags, struct seen *s)
{
    flux_subprocess_t *p;

    memset (s, 0, sizeof (*s));
    s->out = s->err = s->chan = (struct buf)BUF_INIT;
    p = flux_local_exec (r, flags, cmd, &all_ops);
    assert_non_null (p);
    assert_int_equal (flux_subprocess_aux_set (p, "seen", s, NULL), 0);
    flux_cmd_destroy (cmd);
    return p;
}

static void finish (flux_subprocess_t *p, struct seen *s)
{
    flux_subprocess_destroy (p);
    buf_release (&s->out);
    buf_release (&s->err);
    buf_release (&s->chan);
}

static void run (void)
{
    assert_true (flux_reactor_run (r, 0) >= 0);
}

static int count_fds (void)
{
    DIR *d = opendir ("/proc/self/fd");
    int n = 0;

    while (readdir (d))
        n++;
    closedir (d);
    return n;
}

static void test_output (void **state)
{
    struct seen s;
    flux_subprocess_t *p;

    p = start (sh ("echo one; echo two >&2; printf three; exit 3"), 0, &s);
    assert_true (flux_subprocess_active (p));
    assert_true (flux_subprocess_pid (p) > 0);
    assert_int_equal (flux_subprocess_status (p), -1);
    assert_string_equal (s.states, ""); /* never from within the exec call */
    flux_subprocess_close (p, "stdin");
    run ();
    assert_string_equal (s.states, "RE");
    assert_int_equal (s.completions, 1);
    assert_string_equal (s.out.data, "one\nthree");
    assert_string_equal (s.err.data, "two\n");
    assert_int_equal (s.out_calls, 3); /* a line, the rest, EOF */
    assert_int_equal (s.out_eofs, 1);
    assert_int_equal (s.err_eofs, 1);
    assert_false (flux_subprocess_active (p));
    assert_int_equal (flux_subprocess_exit_code (p), 3);
    assert_int_equal (flux_subprocess_status (p), 3 << 8);
    assert_int_equal (flux_subprocess_signaled (p), -1);
    errno = 0;
    assert_null (flux_subprocess_kill (p, SIGTERM));
    assert_int_equal (errno, ESRCH);
    assert_int_equal (flux_subprocess_rank (p), -1);
    finish (p, &s);
}

static void test_stdin (void **state)
{
    struct seen s;
    flux_subprocess_t *p = start (sh ("cat; echo done"), 0, &s);
    char big[100000];

    memset (big, 'x', sizeof (big));
    big[sizeof (big) - 1] = '\n';
    assert_int_equal (flux_subprocess_write (p, "stdin", "hello\n", 6), 6);
    assert_int_equal (flux_subprocess_write (p, "stdin", big, sizeof (big)),
                      sizeof (big));
    assert_int_equal (flux_subprocess_close (p, "stdin"), 0);
    errno = 0;
    assert_int_equal (flux_subprocess_write (p, "stdin", "x", 1), -1);
    assert_int_equal (errno, EPERM);
    assert_int_equal (flux_subprocess_write (p, "stdout", "x", 1), -1);
    assert_int_equal (flux_subprocess_write (p, "nope", "x", 1), -1);
    run ();
    assert_int_equal (s.out.len, 6 + sizeof (big) + 5);
    assert_memory_equal (s.out.data, "hello\nxxx", 9);
    assert_string_equal (s.out.data + s.out.len - 5, "done\n");
    /* the buffer's size, and every byte that left it */
    assert_int_equal (s.credit, SP_BUFSIZE_DEFAULT + 6 + sizeof (big));
    finish (p, &s);
}

/* The reader is gone: no SIGPIPE, and no endless retry. */
static void test_stdin_gone (void **state)
{
    struct seen s;
    flux_subprocess_t *p = start (sh ("read x; exec <&-; echo ready; sleep 60"), 0, &s);
    char big[200000];

    memset (big, '\n', sizeof (big));
    assert_int_equal (flux_subprocess_write (p, "stdin", big, sizeof (big)),
                      sizeof (big));
    while (s.out_calls == 0)
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
    while (sp_channel_find (p, "stdin")->fd >= 0)
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
    errno = 0;
    assert_int_equal (flux_subprocess_write (p, "stdin", "x", 1), -1);
    assert_int_equal (errno, EPERM);
    flux_future_destroy (flux_subprocess_kill (p, SIGTERM));
    run ();
    assert_int_equal (flux_subprocess_signaled (p), SIGTERM);
    finish (p, &s);
}

static void test_enospc (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("cat");
    flux_subprocess_t *p;

    flux_cmd_setopt (cmd, "stdin_BUFSIZE", "8");
    p = start (cmd, 0, &s);
    errno = 0;
    assert_int_equal (flux_subprocess_write (p, "stdin", "123456789", 9), -1);
    assert_int_equal (errno, ENOSPC);
    assert_int_equal (flux_subprocess_write (p, "stdin", "12345678", 8), 8);
    flux_subprocess_close (p, "stdin");
    run ();
    assert_string_equal (s.out.data, "12345678");
    assert_int_equal (s.credit, 16);
    finish (p, &s);

    cmd = sh ("true");
    flux_cmd_setopt (cmd, "stdin_BUFSIZE", "nonsense");
    errno = 0;
    assert_null (flux_local_exec (r, 0, cmd, NULL));
    assert_int_equal (errno, EINVAL);
    flux_cmd_destroy (cmd);
}

/* A line longer than the buffer is delivered in pieces. */
static void test_long_line (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("head -c 3000 /dev/zero | tr '\\0' y; echo; echo end");
    flux_subprocess_t *p;

    flux_cmd_setopt (cmd, "stdout_BUFSIZE", "1k");
    p = start (cmd, 0, &s);
    run ();
    assert_int_equal (s.out.len, 3000 + 1 + 4);
    assert_string_equal (s.out.data + 3000, "\nend\n");
    assert_int_equal (s.completions, 1);
    finish (p, &s);
}

static void test_unbuffered (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("printf partial; read x; echo $x");
    flux_subprocess_t *p;

    flux_cmd_setopt (cmd, "stdout_LINE_BUFFER", "false");
    p = start (cmd, 0, &s);
    while (s.out_calls == 0)
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
    assert_string_equal (s.out.data, "partial");
    flux_subprocess_write (p, "stdin", "x\n", 2);
    run ();
    assert_string_equal (s.out.data, "partialx\n");
    finish (p, &s);
}

static void test_kill (void **state)
{
    struct seen s;
    flux_subprocess_t *p;

    /* the group: the sleep too, or stdout would stay open */
    p = start (sh ("echo ready; sleep 60; echo no"), 0, &s);
    s.kill_on_output = "ready";
    run ();
    assert_int_equal (flux_subprocess_signaled (p), SIGTERM);
    assert_int_equal (flux_subprocess_exit_code (p), -1);
    assert_true (WIFSIGNALED (flux_subprocess_status (p)));
    assert_int_equal (s.completions, 1);
    finish (p, &s);

    p = start (sh ("true"), 0, &s);
    assert_null (flux_subprocess_kill (p, 0));
    assert_null (flux_subprocess_kill (p, 1000));
    assert_null (flux_subprocess_kill (NULL, SIGTERM));
    run ();
    finish (p, &s);
}

static void test_stop (void **state)
{
    struct seen s;
    flux_subprocess_t *p = start (sh ("kill -STOP $$; echo on; exit 1"), 0, &s);

    while (!strchr (s.states, 'S'))
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
    assert_int_equal (flux_subprocess_state (p), FLUX_SUBPROCESS_STOPPED);
    assert_true (flux_subprocess_active (p));
    flux_future_destroy (flux_subprocess_kill (p, SIGCONT));
    run ();
    assert_string_equal (s.states, "RSE");
    assert_string_equal (s.out.data, "on\n");
    assert_int_equal (flux_subprocess_exit_code (p), 1);
    finish (p, &s);
}

static void test_channel (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("read x <&$CH; echo got $x >&$CH; eval \"exec $CH>&-\"");
    flux_subprocess_t *p;

    flux_cmd_add_channel (cmd, "CH");
    p = start (cmd, 0, &s);
    assert_int_equal (flux_subprocess_write (p, "CH", "ping\n", 5), 5);
    assert_int_equal (flux_subprocess_close (p, "CH"), 0);
    run ();
    assert_string_equal (s.chan.data, "got ping\n");
    assert_int_equal (s.chan_eofs, 1);
    assert_int_equal (s.completions, 1);
    finish (p, &s);
}

static void test_stream_stop (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("echo a; echo b");
    flux_subprocess_t *p;

    flux_cmd_setopt (cmd, "stdout_STREAM_STOP", "true");
    p = start (cmd, 0, &s);
    run (); /* nothing else keeps the reactor going */
    assert_string_equal (s.states, "RE");
    assert_int_equal (s.out_calls, 0);
    assert_int_equal (s.completions, 0);
    flux_subprocess_stream_start (p, "stdout");
    run ();
    assert_string_equal (s.out.data, "a\nb\n");
    assert_int_equal (s.completions, 1);
    finish (p, &s);
}

static void test_incref (void **state)
{
    struct seen s;
    flux_subprocess_t *p = start (sh ("true"), 0, &s);

    flux_subprocess_channel_incref (p, "stdout");
    run ();
    assert_int_equal (s.out_eofs, 1);
    assert_int_equal (s.completions, 0);
    flux_subprocess_channel_decref (p, "stdout");
    run ();
    assert_int_equal (s.completions, 1);
    finish (p, &s);
}

static void test_errors (void **state)
{
    char *av[] = { "/no/such/program", NULL };
    flux_cmd_t *cmd = flux_cmd_create (1, av, environ);
    flux_cmd_t *empty = flux_cmd_create (0, NULL, NULL);
    int fds = count_fds ();

    for (int flags = 0; flags <= FLUX_SUBPROCESS_FLAGS_FORK_EXEC;
         flags += FLUX_SUBPROCESS_FLAGS_FORK_EXEC) {
        errno = 0;
        assert_null (flux_local_exec (r, flags, cmd, &all_ops));
        assert_int_equal (errno, ENOENT);
    }
    flux_cmd_argv_delete (cmd, 0);
    flux_cmd_argv_append (cmd, "true");
    flux_cmd_setcwd (cmd, "/no/such/dir");
    for (int flags = 0; flags <= FLUX_SUBPROCESS_FLAGS_FORK_EXEC;
         flags += FLUX_SUBPROCESS_FLAGS_FORK_EXEC) {
        errno = 0;
        assert_null (flux_local_exec (r, flags, cmd, &all_ops));
        assert_int_equal (errno, ENOENT);
    }
    assert_null (flux_local_exec (r, 0, empty, NULL));
    assert_null (flux_local_exec (NULL, 0, cmd, NULL));
    assert_null (flux_local_exec (r, 0, NULL, NULL));
    assert_null (flux_local_exec (r, 1 << 20, cmd, NULL));
    assert_int_equal (count_fds (), fds);
    flux_cmd_destroy (cmd);
    flux_cmd_destroy (empty);
    assert_false (flux_subprocess_active (NULL));
    assert_int_equal (flux_subprocess_pid (NULL), -1);
    assert_int_equal (flux_subprocess_read (NULL, "stdout", NULL), -1);
    assert_null (flux_subprocess_get_cmd (NULL));
    assert_null (flux_subprocess_state_string (99));
    flux_subprocess_destroy (NULL);
}

static void pre_exec (flux_subprocess_t *p, void *arg)
{
    flux_cmd_setenvf (flux_subprocess_get_cmd (p), 1, "HOOK", "pre%s", (char *)arg);
}

static void post_fork (flux_subprocess_t *p, void *arg)
{
    *(pid_t *)arg = flux_subprocess_pid (p);
}

static void test_hooks (void **state)
{
    struct seen s = { 0 };
    pid_t pid = -1;
    flux_subprocess_hooks_t hooks = { pre_exec, "x", post_fork, &pid };
    flux_cmd_t *cmd = sh ("echo $HOOK; exit 4");
    flux_subprocess_t *p;

    s.out = s.err = s.chan = (struct buf)BUF_INIT;
    p = flux_local_exec_ex (r, 0, cmd, &all_ops, &hooks, NULL, NULL);
    assert_non_null (p);
    flux_subprocess_aux_set (p, "seen", &s, NULL);
    assert_int_equal (pid, flux_subprocess_pid (p));
    run ();
    assert_string_equal (s.out.data, "prex\n");
    assert_int_equal (flux_subprocess_exit_code (p), 4);
    /* only in the child */
    assert_null (flux_cmd_getenv (flux_subprocess_get_cmd (p), "HOOK"));
    flux_cmd_destroy (cmd);
    finish (p, &s);
}

static void destroy_cb (flux_subprocess_t *p, const char *stream)
{
    ++*(int *)flux_subprocess_aux_get (p, "n");
    flux_subprocess_destroy (p);
}

static void fail_completion (flux_subprocess_t *p)
{
    fail ();
}

/* Destroyed in a callback and while running: no callback, no leak, no zombie. */
static void test_destroy (void **state)
{
    flux_subprocess_ops_t ops = { .on_stdout = destroy_cb,
                                  .on_completion = fail_completion };
    flux_cmd_t *cmd = sh ("echo a; echo b; echo c");
    flux_subprocess_t *p;
    int n = 0, fds = count_fds ();

    p = flux_local_exec (r, 0, cmd, &ops);
    flux_subprocess_aux_set (p, "n", &n, NULL);
    run ();
    assert_int_equal (n, 1);
    flux_cmd_destroy (cmd);

    cmd = sh ("read x");
    p = flux_local_exec (r, 0, cmd, NULL);
    flux_subprocess_destroy (p); /* closes its stdin, so it ends */
    flux_cmd_destroy (cmd);
    siginfo_t si;
    do {
        assert_true (flux_reactor_run (r, FLUX_REACTOR_NOWAIT) >= 0);
    } while (waitid (P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0);
    assert_int_equal (errno, ECHILD);
    assert_int_equal (count_fds (), fds);
}

static void test_environment (void **state)
{
    struct seen s;
    flux_cmd_t *cmd = sh ("pwd; ls /proc/self/fd | wc -l; echo $V");
    flux_subprocess_t *p;
    flux_cmd_setcwd (cmd, "/");
    flux_cmd_setenvf (cmd, 1, "V", "value");
    p = start (cmd, 0, &s);
    run ();
    /* 0, 1, 2 and the directory itself */
    assert_string_equal (s.out.data, "/\n4\nvalue\n");
    finish (p, &s);

    char *av[] = { "sh", "-c", "test `ps -o pgid= -p $$` = $$ || exit 1" };
    cmd = flux_cmd_create (3, av, environ);
    p = start (cmd, 0, &s);
    run ();
    assert_int_equal (flux_subprocess_exit_code (p), 0);
    finish (p, &s);
    cmd = flux_cmd_create (3, av, environ);
    p = start (cmd, FLUX_SUBPROCESS_FLAGS_NO_SETPGRP, &s);
    run ();
    assert_int_equal (flux_subprocess_exit_code (p), 1);
    finish (p, &s);
}

static int setup (void **state)
{
    r = flux_reactor_create (0);
    return r ? 0 : -1;
}

static int teardown (void **state)
{
    flux_reactor_destroy (r);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_output),
        cmocka_unit_test (test_stdin),
        cmocka_unit_test (test_stdin_gone),
        cmocka_unit_test (test_enospc),
        cmocka_unit_test (test_long_line),
        cmocka_unit_test (test_unbuffered),
        cmocka_unit_test (test_kill),
        cmocka_unit_test (test_stop),
        cmocka_unit_test (test_channel),
        cmocka_unit_test (test_stream_stop),
        cmocka_unit_test (test_incref),
        cmocka_unit_test (test_errors),
        cmocka_unit_test (test_hooks),
        cmocka_unit_test (test_destroy),
        cmocka_unit_test (test_environment),
    };
    alarm (50);
    /* what we inherited is not what is tested */
    (void)close_range (3, ~0U, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests (tests, setup, teardown);
}
