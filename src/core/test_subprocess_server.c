/* test_subprocess_server.c - remote subprocesses, client and server (RFC 42) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <flux/core.h>

#include "base/buf.h"
#include "core/subprocess_private.h"
#include "core/subprocess_server.h"
#include "core/test_hub.h"

static flux_reactor_t *r;
static struct hub *hub;
static flux_t *client;
static struct subprocess_server *server;
static struct buf server_log = BUF_INIT;

struct seen {
    char states[64];
    int completions;
    struct buf out, err;
    int out_eofs, err_eofs;
    int credit;
};

static struct seen seen;

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    size_t n = strlen (seen.states);

    seen.states[n] = flux_subprocess_state_string (state)[0];
    if (state == FLUX_SUBPROCESS_FAILED)
        flux_reactor_stop (r);
}

static void completion_cb (flux_subprocess_t *p)
{
    seen.completions++;
    flux_reactor_stop (r);
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    bool out = !strcmp (stream, "stdout");
    const char *data;
    int len = flux_subprocess_getline (p, stream, &data);

    assert_true (len >= 0);
    buf_add (out ? &seen.out : &seen.err, data, len);
    if (len == 0) {
        if (out)
            seen.out_eofs++;
        else
            seen.err_eofs++;
    }
}

static void credit_cb (flux_subprocess_t *p, const char *stream, int bytes)
{
    assert_string_equal (stream, "stdin");
    seen.credit += bytes;
}

static const flux_subprocess_ops_t all_ops = {
    .on_completion = completion_cb,
    .on_state_change = state_cb,
    .on_stdout = output_cb,
    .on_stderr = output_cb,
    .on_credit = credit_cb,
};

static void log_cb (void *arg, const char *file, int line, const char *func,
                    const char *subsys, int level, const char *fmt, va_list ap)
{
    buf_addf (&server_log, "%d ", level);
    buf_vaddf (&server_log, fmt, ap);
    buf_addc (&server_log, '\n');
}

static void noop (flux_future_t *f, void *arg)
{
}

static flux_cmd_t *sh (const char *script)
{
    char *av[] = { "/bin/sh", "-c", (char *)script, NULL };

    return flux_cmd_create (3, av, environ);
}

static void run (void)
{
    assert_true (flux_reactor_run (r, 0) >= 0);
}

static void spin_until (bool (*done) (void))
{
    while (!done ())
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
}

static bool no_procs (void)
{
    return subprocess_server_count (server) == 0;
}

static void test_exec (void **state)
{
    flux_cmd_t *cmd = sh ("read x; echo out $x; echo err >&2; echo $FLUX_URI; exit 7");
    flux_subprocess_t *p = flux_rexec (client, 0, 0, cmd, &all_ops);

    assert_non_null (p);
    assert_int_equal (flux_subprocess_state (p), FLUX_SUBPROCESS_INIT);
    assert_int_equal (flux_subprocess_rank (p), 0);
    /* may be written before it has started */
    assert_int_equal (flux_subprocess_write (p, "stdin", "hello\n", 6), 6);
    assert_int_equal (flux_subprocess_close (p, "stdin"), 0);
    run ();
    assert_string_equal (seen.states, "RE");
    assert_string_equal (seen.out.data, "out hello\nlocal:///test\n");
    assert_string_equal (seen.err.data, "err\n");
    assert_int_equal (seen.out_eofs, 1);
    assert_int_equal (seen.err_eofs, 1);
    assert_int_equal (seen.completions, 1);
    assert_int_equal (seen.credit, SP_BUFSIZE_DEFAULT + 6);
    assert_int_equal (flux_subprocess_exit_code (p), 7);
    assert_true (flux_subprocess_pid (p) > 0);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);
    spin_until (no_procs);
}

static void test_exec_fails (void **state)
{
    char *av[] = { "/no/such/program" };
    flux_cmd_t *cmd = flux_cmd_create (1, av, environ);
    flux_subprocess_t *p = flux_rexec (client, 0, 0, cmd, &all_ops);

    run ();
    assert_string_equal (seen.states, "F");
    assert_int_equal (flux_subprocess_fail_errno (p), ENOENT);
    assert_non_null (strstr (flux_subprocess_fail_error (p), "/no/such/program"));
    assert_int_equal (seen.completions, 0);
    flux_subprocess_destroy (p);
    seen.states[0] = '\0';
    p = flux_rexec_ex (client, "nosuchservice", 0, 0, cmd, &all_ops, NULL, NULL);
    run ();
    assert_int_equal (flux_subprocess_fail_errno (p), ENOSYS);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);
    assert_null (flux_rexec (client, 0, 1 << 10, NULL, NULL));
    cmd = sh ("true");
    errno = 0;
    assert_null (flux_rexec (client, 0, FLUX_SUBPROCESS_FLAGS_SIGN, cmd, NULL));
    assert_int_equal (errno, ENOTSUP);
    flux_cmd_destroy (cmd);
}

static void big_cb (flux_subprocess_t *p, const char *stream)
{
    const char *data;
    int len = flux_subprocess_read (p, stream, &data);

    buf_add (&seen.out, data, len);
}

static void test_big_output (void **state)
{
    flux_cmd_t *cmd = sh ("seq 1 50000; head -c 100000 /dev/urandom | cat");
    flux_subprocess_ops_t ops = all_ops;
    flux_subprocess_t *p;

    ops.on_stdout = big_cb;
    p = flux_rexec (client, 0, 0, cmd, &ops);
    run ();
    assert_int_equal (seen.out.len, 288894 + 100000);
    assert_memory_equal (seen.out.data, "1\n2\n3\n", 6);
    flux_subprocess_destroy (p);

    buf_clear (&seen.out);
    p = flux_rexec (client, 0, FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF, cmd, &ops);
    run ();
    assert_int_equal (seen.out.len, 288894 + 100000);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);
}

static bool started (void)
{
    return strchr (seen.states, 'R') != NULL;
}

static bool stopped (void)
{
    return strchr (seen.states, 'S') != NULL;
}

static void test_kill (void **state)
{
    flux_cmd_t *cmd = sh ("kill -STOP $$; sleep 60");
    flux_subprocess_t *p = flux_rexec (client, 0, 0, cmd, &all_ops);
    flux_future_t *f;

    errno = 0;
    assert_null (flux_subprocess_kill (p, SIGTERM)); /* no pid yet */
    assert_int_equal (errno, ESRCH);
    spin_until (stopped);
    flux_future_destroy (flux_subprocess_kill (p, SIGCONT));
    f = flux_subprocess_kill (p, SIGTERM);
    assert_int_equal (flux_future_then (f, -1., noop, NULL), 0);
    run ();
    assert_int_equal (flux_future_get (f, NULL), 0);
    assert_int_equal (flux_subprocess_signaled (p), SIGTERM);
    assert_string_equal (seen.states, "RSE");
    flux_future_destroy (f);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);
}

/* A client that goes takes its processes with it. */
static void test_disconnect (void **state)
{
    flux_cmd_t *cmd = sh ("sleep 60");
    flux_subprocess_t *p = flux_rexec (client, 0, 0, cmd, &all_ops);

    spin_until (started);
    assert_int_equal (subprocess_server_count (server), 1);
    flux_subprocess_destroy (p);
    hub_disconnect (hub, "client", "rexec");
    spin_until (no_procs);
    flux_cmd_destroy (cmd);
}

static void test_overrun (void **state)
{
    flux_cmd_t *cmd = sh ("sleep 60");
    flux_subprocess_t *p;

    flux_cmd_setopt (cmd, "stdin_BUFSIZE", "10");
    p = flux_rexec (client, 0, 0, cmd, &all_ops);
    spin_until (started);
    flux_subprocess_write (p, "stdin", "01234567890", 11);
    run ();
    assert_int_equal (flux_subprocess_fail_errno (p), ENOSPC);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);
    spin_until (no_procs);
}

/* The future's result, turning the one reactor that both sides have. */
static int finish (flux_future_t *f)
{
    assert_non_null (f);
    if (!flux_future_is_ready (f))
        assert_int_equal (flux_future_then (f, -1., noop, NULL), 0);
    while (!flux_future_is_ready (f))
        assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
    return flux_future_get (f, NULL) < 0 ? errno : 0;
}

static int start_bg (flux_cmd_t *cmd, int flags)
{
    flux_future_t *f = flux_rexec_bg (client, NULL, 0, flags, cmd);
    int pid;

    assert_non_null (f);
    assert_int_equal (finish (f), 0);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "pid", &pid), 0);
    flux_future_destroy (f);
    return pid;
}

static int call_wait (int pid, const char *label, int *status)
{
    flux_future_t *f = flux_rexec_wait (client, NULL, 0, pid, label);
    int rc = finish (f);

    if (rc == 0)
        assert_int_equal (flux_rpc_get_unpack (f, "{s:i}", "status", status), 0);
    flux_future_destroy (f);
    return rc;
}

static void test_background (void **state)
{
    flux_cmd_t *cmd = sh ("read x && echo input; echo hello; echo oops >&2; exit 2");
    flux_future_t *f;
    json_t *output;
    int pid, status;

    pid = start_bg (cmd, 0);
    assert_int_equal (call_wait (pid, NULL, &status), EINVAL);
    spin_until (no_procs);
    assert_non_null (strstr (server_log.data, "6 sh["));
    assert_non_null (strstr (server_log.data, "]: hello\n"));
    assert_non_null (strstr (server_log.data, "]: oops\n"));
    assert_non_null (strstr (server_log.data, "exited with status 2\n"));
    assert_null (strstr (server_log.data, "input"));
    assert_int_equal (call_wait (pid, NULL, &status), ESRCH);

    flux_cmd_set_label (cmd, "me");
    pid = start_bg (cmd, FLUX_SUBPROCESS_FLAGS_WAITABLE);
    f = flux_rexec_bg (client, NULL, 0, 0, cmd);
    assert_int_equal (finish (f), EEXIST);
    flux_future_destroy (f);
    f = flux_rexec_wait (client, NULL, 0, 0, "me");
    assert_int_equal (finish (f), 0);
    assert_int_equal (flux_rpc_get_unpack (f, "{s:i s:o}", "status", &status,
                                           "output", &output), 0);
    assert_int_equal (status, 2 << 8);
    assert_int_equal (json_array_size (output), 2);
    flux_future_destroy (f);
    assert_int_equal (subprocess_server_count (server), 0);
    flux_cmd_destroy (cmd);
}

static bool logged_on (void)
{
    return strstr (server_log.data, "]: on") != NULL;
}

static void test_attach (void **state)
{
    flux_cmd_t *cmd = sh ("exec 2>&-; echo on; while :; do sleep .01; done");
    int pid = start_bg (cmd, FLUX_SUBPROCESS_FLAGS_WAITABLE);
    flux_subprocess_t *p, *q;
    flux_future_t *f;
    char *s;

    spin_until (logged_on);
    f = flux_rpc (client, "rexec.list", NULL, 0, 0);
    assert_int_equal (finish (f), 0);
    const char *state_s;
    int pid2;
    assert_int_equal (flux_rpc_get_unpack (f, "{s:[{s:i s:s}]}", "procs", "pid", &pid2,
                                           "state", &state_s), 0);
    assert_int_equal (pid, pid2);
    assert_string_equal (state_s, "R");
    flux_future_destroy (f);

    p = flux_rexec_attach (client, NULL, 0, 0, pid, NULL, &all_ops);
    spin_until (started);
    s = flux_cmd_stringify (flux_subprocess_get_cmd (p));
    assert_non_null (strstr (s, "echo on"));
    free (s);
    /* one client at a time */
    q = flux_rexec_attach (client, NULL, 0, 0, pid, NULL, NULL);
    while (flux_subprocess_active (q))
        flux_reactor_run (r, FLUX_REACTOR_ONCE);
    assert_int_equal (flux_subprocess_fail_errno (q), EBUSY);
    flux_subprocess_destroy (q);
    f = flux_subprocess_kill (p, SIGKILL);
    run ();
    flux_future_destroy (f);
    assert_int_equal (flux_subprocess_signaled (p), SIGKILL);
    assert_int_equal (seen.err_eofs, 1);
    assert_int_equal (seen.out_eofs, 1);
    flux_subprocess_destroy (p);
    /* attaching to the end reaps it */
    int status;
    assert_int_equal (call_wait (pid, NULL, &status), ESRCH);
    flux_cmd_destroy (cmd);

    cmd = sh ("true");
    pid = start_bg (cmd, FLUX_SUBPROCESS_FLAGS_WAITABLE);
    while (waitid (P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT | WNOHANG) == 0)
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT); /* until it has been reaped */
    memset (seen.states, 0, sizeof (seen.states));
    p = flux_rexec_attach (client, NULL, 0, 0, pid, NULL, &all_ops);
    run ();
    assert_string_equal (seen.states, "RE");
    assert_int_equal (flux_subprocess_exit_code (p), 0);
    flux_subprocess_destroy (p);
    flux_cmd_destroy (cmd);

    p = flux_rexec_attach (client, NULL, 0, 0, 1, NULL, &all_ops);
    run ();
    assert_int_equal (flux_subprocess_fail_errno (p), ENOENT);
    flux_subprocess_destroy (p);
}

static void test_detach (void **state)
{
    flux_cmd_t *cmd = sh ("while :; do sleep .01; done");
    int pid = start_bg (cmd, FLUX_SUBPROCESS_FLAGS_WAITABLE);
    flux_subprocess_t *p = flux_rexec_attach (client, NULL, 0, 0, pid, NULL, &all_ops);
    flux_future_t *f;
    int status;

    spin_until (started);
    flux_subprocess_destroy (p);
    hub_disconnect (hub, "client", "rexec");
    /* it goes on, and can be signaled by anyone */
    f = flux_rpc_pack (client, "rexec.kill", 0, 0, "{s:i s:i}", "pid", pid,
                       "signum", SIGTERM);
    assert_int_equal (finish (f), 0);
    flux_future_destroy (f);
    assert_int_equal (call_wait (pid, NULL, &status), 0);
    assert_int_equal (status, SIGTERM);
    flux_cmd_destroy (cmd);
}

static int call (const char *topic, const char *payload, int flags)
{
    flux_future_t *f = flux_rpc (client, topic, payload, 0, flags);
    int rc = flags == FLUX_RPC_NORESPONSE ? 0 : finish (f);

    flux_future_destroy (f);
    return rc;
}

static void test_bad_requests (void **state)
{
#define CMD "\"cmd\":{\"cmdline\":[\"true\"],\"env\":{},\"opts\":{},\"channels\":[]}"
    assert_int_equal (call ("rexec.exec", NULL, 0), EPROTO);
    assert_int_equal (call ("rexec.exec", "{}", 0), EPROTO);
    assert_int_equal (call ("rexec.exec", "{\"cmd\":{},\"flags\":0}", 0), EPROTO);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":64}", 0), EINVAL);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":8}", 0), EINVAL);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0,\"local_flags\":1}", 0),
                      EINVAL);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0,\"local_flags\":64}", 0),
                      EINVAL);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0,\"signature\":\"x\"}", 0),
                      EPERM);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0,\"signature\":1}", 0), EPERM);
    assert_int_equal (call ("rexec.kill", "{\"pid\":1,\"signum\":9}", 0), ESRCH);
    assert_int_equal (call ("rexec.kill", "{\"pid\":1}", 0), EPROTO);
    assert_int_equal (call ("rexec.wait", "{}", 0), EPROTO);
    assert_int_equal (call ("rexec.attach", "{\"pid\":1,\"flags\":0}", 0), EPROTO);
    assert_int_equal (call ("rexec.list", NULL, 0), 0);
    assert_int_equal (call ("rexec.write", "{}", FLUX_RPC_NORESPONSE), 0);
}

static int deny (const flux_msg_t *msg, void *arg, flux_error_t *err)
{
    return -EPERM;
}

static void test_auth (void **state)
{
    subprocess_server_set_auth (server, deny, NULL);
    assert_int_equal (call ("rexec.list", NULL, 0), EPERM);
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0}", 0), EPERM);
    subprocess_server_set_auth (server, NULL, NULL);
}

static void test_shutdown (void **state)
{
    flux_cmd_t *cmd = sh ("while :; do sleep .01; done");
    flux_future_t *f;

    start_bg (cmd, 0);
    start_bg (cmd, 0);
    f = subprocess_server_shutdown (server, SIGTERM);
    assert_false (flux_future_is_ready (f));
    assert_int_equal (call ("rexec.exec", "{" CMD ",\"flags\":0}", 0), ENOSYS);
    assert_int_equal (finish (f), 0);
    flux_future_destroy (f);
    f = subprocess_server_shutdown (server, SIGTERM);
    assert_int_equal (finish (f), 0);
    flux_future_destroy (f);
    flux_cmd_destroy (cmd);
}

static int setup (void **state)
{
    flux_t *h;

    memset (&seen, 0, sizeof (seen));
    seen.out = seen.err = (struct buf)BUF_INIT;
    r = flux_reactor_create (0);
    hub = hub_new (r, 1);
    h = hub_add (hub, "server", 0, "rexec");
    client = hub_add (hub, "client", 0, "");
    server = subprocess_server_create (h, "rexec", "local:///test", log_cb, NULL);
    return server ? 0 : -1;
}

static int teardown (void **state)
{
    subprocess_server_destroy (server);
    hub_free (hub);
    flux_reactor_destroy (r);
    buf_release (&seen.out);
    buf_release (&seen.err);
    buf_release (&server_log);
    return 0;
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (test_exec),
        T (test_exec_fails),
        T (test_big_output),
        T (test_kill),
        T (test_disconnect),
        T (test_overrun),
        T (test_background),
        T (test_attach),
        T (test_detach),
        T (test_bad_requests),
        T (test_auth),
        T (test_shutdown),
    };
    alarm (50);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
