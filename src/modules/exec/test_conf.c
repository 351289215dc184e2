/* test_conf.c */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

#include "modules/exec/conf.h"

static int parse (struct execconf *c, const char *json, char *arg)
{
    flux_error_t err = { "" };
    flux_conf_t *conf = flux_conf_create ();
    int rc;

    assert_int_equal (flux_conf_update (conf, json, &err), 0);
    rc = execconf_parse (c, conf, arg ? 1 : 0, &arg, &err);
    if (rc < 0)
        assert_true (strlen (err.text) > 0);
    flux_conf_decref (conf);
    return rc;
}

static void test_defaults (void **state)
{
    struct execconf c;

    assert_int_equal (execconf_parse (&c, NULL, 0, NULL, NULL), 0);
    assert_null (c.imp);
    assert_non_null (c.job_shell);
    assert_string_equal (c.service, "rexec");
    assert_int_equal (c.term_signal, SIGTERM);
    assert_int_equal (c.kill_signal, SIGKILL);
    /* the example of the manual page */
    assert_true (execconf_effective_max_kill_timeout (&c) == 640.);
    execconf_release (&c);
}

static void test_systemd (void **state)
{
    struct execconf c;

    assert_int_equal (parse (&c, "{\"systemd\":{\"enable\":true}}", NULL), -ENOTSUP);
    assert_int_equal (parse (&c, "{\"systemd\":{\"nosuch\":true}}", NULL), -EINVAL);
    assert_int_equal (parse (&c, "{\"systemd\":{\"enable\":false,\"sdbus-debug\":true}}", NULL), 0);
    execconf_release (&c);
}

static void test_keys (void **state)
{
    struct execconf c;

    assert_int_equal (parse (&c, "{\"exec\":{\"kill-timeout\":\"1s\","
                             "\"max-kill-count\":4,\"term-signal\":\"SIGUSR1\","
                             "\"kill-signal\":\"USR2\",\"imp\":\"/imp\","
                             "\"job-shell\":\"/sh\",\"barrier-timeout\":\"0\","
                             "\"shell-exit-timeout\":\"none\","
                             "\"reconnect-timeout\":\"none\","
                             "\"method\":\"bulk-exec\","
                             "\"sdexec-properties\":{\"MemoryMax\":\"1G\"},"
                             "\"sdexec-constrain-resources\":true,"
                             "\"sdexec-stop-timer-sec\":2147483647,"
                             "\"sdexec-stop-timer-signal\":64,"
                             "\"testexec\":{\"allow-guests\":true}}}",
                             "kill-timeout=2s"), 0);
    assert_true (c.kill_timeout == 2.); /* an argument wins */
    assert_true (execconf_effective_max_kill_timeout (&c) == 24.);
    assert_int_equal (c.term_signal, SIGUSR1);
    assert_int_equal (c.kill_signal, SIGUSR2);
    assert_string_equal (c.imp, "/imp");
    assert_string_equal (c.job_shell, "/sh");
    assert_true (c.shell_exit_timeout < 0.);
    assert_true (c.barrier_timeout == 0.);
    assert_true (c.reconnect_timeout == 0.);
    assert_true (c.testexec_allow_guests);
    assert_int_equal (c.sdexec_stop_sec, INT_MAX);
    assert_int_equal (c.sdexec_stop_signal, 64);
    execconf_release (&c);
    assert_int_equal (parse (&c, "{\"exec\":{\"max-kill-timeout\":\"30m\"}}", NULL), 0);
    assert_true (execconf_effective_max_kill_timeout (&c) == 1800.);
    execconf_release (&c);
}

static void test_bad (void **state)
{
    static const char *bad[] = {
        "{\"exec\":1}",
        "{\"exec\":{\"nosuch\":\"x\"}}",
        "{\"exec\":{\"kill-timeout\":\"fast\"}}",
        "{\"exec\":{\"kill-timeout\":5}}",
        "{\"exec\":{\"term-signal\":\"SIGFOO\"}}",
        "{\"exec\":{\"max-kill-count\":0}}",
        "{\"exec\":{\"method\":\"magic\"}}",
        "{\"exec\":{\"testexec\":{\"foo\":true}}}",
        "{\"exec\":{\"max-start-delay-percent\":-1}}",
        "{\"exec\":{\"sdexec-nosuch\":1}}",
        "{\"exec\":{\"sdexec-constrain-resources\":1}}",
        "{\"exec\":{\"sdexec-stop-timer-sec\":-1}}",
        "{\"exec\":{\"sdexec-stop-timer-sec\":2147483648}}",
        "{\"exec\":{\"sdexec-stop-timer-signal\":0}}",
        "{\"exec\":{\"sdexec-stop-timer-signal\":65}}",
        "{\"exec\":{\"sdexec-properties\":[]}}",
        "{\"exec\":{\"sdexec-properties\":{\"MemoryMax\":1}}}",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        struct execconf c;
        memset (&c, 0xff, sizeof (c));
        assert_true (parse (&c, bad[i], NULL) < 0);
        assert_true (c.max_kill_count == -1); /* untouched */
    }
    struct execconf c;
    assert_true (parse (&c, "{}", "kill-timeout") < 0);
    assert_true (parse (&c, "{}", "foo=bar") < 0);
}

static void test_signals (void **state)
{
    char buf[16];

    assert_int_equal (signal_parse ("SIGKILL"), SIGKILL);
    assert_int_equal (signal_parse ("TERM"), SIGTERM);
    assert_int_equal (signal_parse ("9"), 9);
    assert_int_equal (signal_parse ("0"), -EINVAL);
    assert_int_equal (signal_parse ("1000"), -EINVAL);
    assert_int_equal (signal_parse (""), -EINVAL);
    assert_string_equal (signal_name (SIGTERM, buf, sizeof (buf)), "SIGTERM");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_defaults),
        cmocka_unit_test (test_keys), cmocka_unit_test (test_systemd),
        cmocka_unit_test (test_bad),
        cmocka_unit_test (test_signals),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
