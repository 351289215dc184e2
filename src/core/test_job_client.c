/* test_job_client.c - what the job clients do without a broker */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core.h>
#include <flux/jobtap.h>
#include <flux/schedutil.h>

#include "base/base64.h"
#include "core/job_sign.h"

/* RFC 19 */
static const flux_jobid_t rfc_id = 6731191091817518;

static void test_id (void **state)
{
    static const struct { const char *type, *text; } forms[] = {
        { NULL, "6731191091817518" },
        { "dec", "6731191091817518" },
        { "hex", "0x17e9fb8df16c2e" },
        { "dothex", "0017.e9fb.8df1.6c2e" },
        { "f58", "ƒuZZybuNNy" },
        { "f58plain", "fuZZybuNNy" },
        { "kvs", "job.0017.e9fb.8df1.6c2e" },
    };
    char buf[128];
    flux_jobid_t id;

    unsetenv ("FLUX_F58_FORCE_ASCII");
    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        assert_int_equal (flux_job_id_encode (rfc_id, forms[i].type, buf, sizeof (buf)), 0);
        assert_string_equal (buf, forms[i].text);
        id = 0;
        assert_int_equal (flux_job_id_parse (buf, &id), 0);
        assert_true (id == rfc_id);
    }
    assert_int_equal (flux_job_id_parse ("  ƒuZZybuNNy\n", &id), 0);
    setenv ("FLUX_F58_FORCE_ASCII", "1", 1);
    assert_int_equal (flux_job_id_encode (rfc_id, "f58", buf, sizeof (buf)), 0);
    assert_string_equal (buf, "fuZZybuNNy");
    unsetenv ("FLUX_F58_FORCE_ASCII");
}

static void test_id_bad (void **state)
{
    const char *bad[] = { "", "x", "ƒ", "f0", "-1", "1.2", "job.", "18446744073709551616",
                          "0x", "1 2" };
    char buf[8];
    flux_jobid_t id = 7;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (flux_job_id_parse (bad[i], &id), -1);
    assert_true (id == 7);
    assert_int_equal (flux_job_id_parse (NULL, &id), -1);
    assert_int_equal (flux_job_id_encode (rfc_id, "roman", buf, sizeof (buf)), -1);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (flux_job_id_encode (rfc_id, "dec", buf, sizeof (buf)), -1);
    assert_int_equal (errno, EOVERFLOW);
    assert_int_equal (flux_job_id_encode (rfc_id, "kvs", buf, sizeof (buf)), -1);
    assert_int_equal (errno, EOVERFLOW);
}

static void test_kvs_names (void **state)
{
    char buf[128];

    unsetenv ("FLUX_KVS_NAMESPACE");
    assert_int_equal (flux_job_kvs_key (buf, sizeof (buf), rfc_id, "R"), 25);
    assert_string_equal (buf, "job.0017.e9fb.8df1.6c2e.R");
    assert_int_equal (flux_job_kvs_guest_key (buf, sizeof (buf), rfc_id, "output"),
                      (int)strlen ("job.0017.e9fb.8df1.6c2e.guest.output"));
    assert_string_equal (buf, "job.0017.e9fb.8df1.6c2e.guest.output");
    assert_int_equal (flux_job_kvs_namespace (buf, sizeof (buf), rfc_id), 20);
    assert_string_equal (buf, "job-6731191091817518");
    setenv ("FLUX_KVS_NAMESPACE", "job-1", 1);
    assert_int_equal (flux_job_kvs_guest_key (buf, sizeof (buf), rfc_id, "output"), 6);
    assert_string_equal (buf, "output");
    unsetenv ("FLUX_KVS_NAMESPACE");
    assert_int_equal (flux_job_kvs_key (buf, 10, rfc_id, NULL), -1);
    assert_int_equal (errno, EOVERFLOW);
}

static void test_names (void **state)
{
    flux_job_state_t s;
    flux_job_result_t r;

    assert_string_equal (flux_job_statetostr (FLUX_JOB_STATE_DEPEND, "L"), "DEPEND");
    assert_string_equal (flux_job_statetostr (FLUX_JOB_STATE_DEPEND, "l"), "depend");
    assert_string_equal (flux_job_statetostr (FLUX_JOB_STATE_DEPEND, "S"), "D");
    assert_string_equal (flux_job_statetostr (FLUX_JOB_STATE_INACTIVE, NULL), "INACTIVE");
    assert_non_null (flux_job_statetostr (3, "L"));
    assert_string_equal (flux_job_resulttostr (FLUX_JOB_RESULT_TIMEOUT, "S"), "TO");
    assert_string_equal (flux_job_resulttostr (FLUX_JOB_RESULT_COMPLETED, "l"), "completed");
    for (int i = 1; i <= FLUX_JOB_STATE_INACTIVE; i *= 2) {
        assert_int_equal (flux_job_strtostate (flux_job_statetostr (i, "L"), &s), 0);
        assert_int_equal (s, i);
        assert_int_equal (flux_job_strtostate (flux_job_statetostr (i, "s"), &s), 0);
        assert_int_equal (s, i);
    }
    assert_int_equal (flux_job_strtostate ("Pending", &s), 0);
    assert_int_equal (s, FLUX_JOB_STATE_PENDING);
    assert_int_equal (flux_job_strtostate ("nope", &s), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_job_strtoresult ("CA", &r), 0);
    assert_int_equal (r, FLUX_JOB_RESULT_CANCELED);
    assert_int_equal (flux_job_strtoresult (NULL, &r), -1);
}

static void test_waitstatus (void **state)
{
    flux_error_t err;

    assert_int_equal (flux_job_waitstatus_to_exitcode (0, &err), 0);
    assert_string_equal (err.text, "");
    assert_int_equal (flux_job_waitstatus_to_exitcode (3 << 8, &err), 3);
    assert_string_equal (err.text, "task(s) exited with exit code 3");
    assert_int_equal (flux_job_waitstatus_to_exitcode (SIGKILL, &err), 137);
    assert_string_equal (err.text, "job shell Killed");
    assert_int_equal (flux_job_waitstatus_to_exitcode ((128 + SIGTERM) << 8, &err), 143);
    assert_string_equal (err.text, "task(s) Terminated");
    assert_int_equal (flux_job_waitstatus_to_exitcode (0x7f, &err), -1);
    assert_int_equal (errno, EINVAL);
}

/* ---- signatures ---- */

static void test_sign (void **state)
{
    char *J = job_sign_wrap ("{}", 2, 1234), *payload;
    struct job_sign_info info;
    flux_error_t err;
    uint32_t userid = 0;
    size_t len;

    /* RFC 39: HEADER.PAYLOAD.SIGNATURE, the header as of RFC 38 */
    char header[64] = "version\0i1\0mechanism\0snone\0userid\0i1234", code[128];
    base64_encode (header, 40, code);
    assert_true (!strncmp (J, code, strlen (code)));
    assert_string_equal (J + strlen (code), ".e30=.none");
    payload = job_sign_unwrap (J, &len, &info, &err);
    assert_non_null (payload);
    assert_string_equal (payload, "{}");
    assert_int_equal (len, 2);
    assert_int_equal (info.userid, 1234);
    assert_string_equal (info.mechanism, "none");
    free (payload);
    payload = flux_unwrap_string (J, false, &userid, &err);
    assert_string_equal (payload, "{}");
    assert_int_equal (userid, 1234);
    free (payload);
    if (getuid () != 1234) {
        assert_null (flux_unwrap_string (J, true, NULL, &err));
        assert_int_equal (errno, EPERM);
    }
    free (J);
    J = job_sign_wrap ("x", 1, getuid ());
    payload = flux_unwrap_string (J, true, NULL, &err);
    assert_string_equal (payload, "x");
    free (payload);
    J[strlen (J) - 1] = 'x';
    assert_null (flux_unwrap_string (J, false, NULL, &err));
    free (J);
}

static void test_sign_bad (void **state)
{
    const char *bad[] = { "", ".", "..", "a.b", "e30=.e30=.none", "!.e30=.none",
                          "dmVyc2lvbgBpMQA=.e30=.none", "a.b.c.d" };
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        err.text[0] = '\0';
        assert_null (flux_unwrap_string (bad[i], false, NULL, &err));
        assert_int_equal (errno, EINVAL);
        assert_true (err.text[0] != '\0');
    }
}

/* ---- jobspec1 ---- */

static void test_jobspec1 (void **state)
{
    char *argv[] = { "prog", "-x", NULL }, *env[] = { "A=1", "B=x=y", "broken", NULL };
    flux_jobspec1_t *js = flux_jobspec1_from_command (2, argv, env, 5, 2, 1, 4, 60.), *js2;
    flux_error_t err;
    const char *s;
    double d;
    int n, total;
    char *text;
    json_t *o;

    assert_non_null (js);
    assert_int_equal (flux_jobspec1_check (js, &err), 0);
    assert_int_equal (flux_jobspec1_attr_check (js, &err), 0);
    assert_int_equal (flux_jobspec1_attr_unpack (js, "system.duration", "F", &d), 0);
    assert_true (d == 60.);
    assert_int_equal (flux_jobspec1_attr_unpack (js, "environment.B", "s", &s), 0);
    assert_string_equal (s, "x=y");
    assert_int_equal (flux_jobspec1_setenv (js, "A", "2", 0), 0);
    assert_int_equal (flux_jobspec1_setenv (js, "C", "3", 0), 0);
    assert_int_equal (flux_jobspec1_unsetenv (js, "B"), 0);
    assert_int_equal (flux_jobspec1_set_cwd (js, "/tmp"), 0);
    assert_int_equal (flux_jobspec1_set_stdout (js, "out"), 0);
    assert_int_equal (flux_jobspec1_set_stdin (js, "in"), 0);
    assert_int_equal (flux_jobspec1_attr_pack (js, "user.a.b", "i", 42), 0);
    text = flux_jobspec1_encode (js, 0);
    o = json_loads (text, 0, NULL);
    assert_int_equal (json_unpack (o, "{s:[{s:i}] s:[{s:{s:i}}] s:{s:{s:s s:{s:s s:s !} "
                                   "s:{s:{s:{s:{s:s}} s:{s:{s:s}}}}} s:{s:{s:i}}}}",
                                   "resources", "count", &n, "tasks", "count", "total",
                                   &total, "attributes", "system", "cwd", &s,
                                   "environment", "A", &s, "C", &s, "shell", "options",
                                   "output", "stdout", "path", &s, "input", "stdin",
                                   "path", &s, "user", "a", "b", &n), 0);
    assert_int_equal (n, 42);
    assert_int_equal (total, 5);
    json_decref (o);
    js2 = flux_jobspec1_decode (text, &err);
    assert_int_equal (flux_jobspec1_check (js2, &err), 0);
    assert_int_equal (flux_jobspec1_attr_del (js2, "duration"), 0);
    assert_int_equal (flux_jobspec1_attr_del (js2, "system.no.such"), 0);
    assert_int_equal (flux_jobspec1_attr_check (js2, &err), -1);
    assert_int_equal (flux_jobspec1_attr_unpack (js2, "system.duration", "F", &d), -1);
    assert_int_equal (errno, ENOENT);
    flux_jobspec1_destroy (js2);
    flux_jobspec1_destroy (js);
    flux_jobspec1_destroy (NULL);
    free (text);
}

static void test_jobspec1_bad (void **state)
{
    char *argv[] = { "prog", NULL };
    flux_jobspec1_t *js;
    flux_error_t err;

    assert_null (flux_jobspec1_from_command (0, argv, NULL, 1, 1, 0, 0, 0.));
    assert_null (flux_jobspec1_from_command (1, argv, NULL, 0, 1, 0, 0, 0.));
    assert_null (flux_jobspec1_from_command (1, argv, NULL, 1, 0, 0, 0, 0.));
    assert_null (flux_jobspec1_from_command (1, argv, NULL, 1, 1, 0, 2, 0.));
    assert_null (flux_jobspec1_from_command (1, argv, NULL, 1, 1, 0, 0, -1.));
    assert_null (flux_jobspec1_decode ("[]", &err));
    assert_null (flux_jobspec1_decode ("{", &err));
    assert_true (err.text[0] != '\0');
    js = flux_jobspec1_decode ("{\"version\":1}", &err);
    assert_int_equal (flux_jobspec1_check (js, &err), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_jobspec1_attr_check (js, &err), -1);
    assert_int_equal (flux_jobspec1_setenv (js, "A=B", "x", 1), -1);
    assert_int_equal (flux_jobspec1_attr_pack (js, "a..b", "i", 1), -1);
    flux_jobspec1_destroy (js);
}

/* ---- functions of plugins, without a job manager ---- */

static void test_jobtap_needs_a_manager (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    const char *s;

    assert_null (flux_jobtap_get_flux (p));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_jobtap_dependency_add (p, 1, "x"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_jobtap_call (p, 1, "job.x", args), -1);
    assert_int_equal (flux_jobtap_job_subscribe (NULL, 1), -1);
    assert_int_equal (flux_jobtap_reject_job (p, args, "no %d", 7), -1);
    assert_int_equal (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "errstr",
                                              &s), 0);
    assert_string_equal (s, "no 7");
    flux_plugin_arg_destroy (args);
    flux_plugin_destroy (p);
}

static void test_schedutil_arguments (void **state)
{
    struct schedutil_ops ops = { 0 };

    assert_null (schedutil_create (NULL, 0, &ops, NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (schedutil_hello (NULL), -1);
    assert_int_equal (schedutil_ready (NULL, "unlimited", NULL), -1);
    assert_int_equal (schedutil_alloc_respond_deny (NULL, NULL, "x"), -1);
    schedutil_destroy (NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_id),
        cmocka_unit_test (test_id_bad),
        cmocka_unit_test (test_kvs_names),
        cmocka_unit_test (test_names),
        cmocka_unit_test (test_waitstatus),
        cmocka_unit_test (test_sign),
        cmocka_unit_test (test_sign_bad),
        cmocka_unit_test (test_jobspec1),
        cmocka_unit_test (test_jobspec1_bad),
        cmocka_unit_test (test_jobtap_needs_a_manager),
        cmocka_unit_test (test_schedutil_arguments),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
