/* test_jobstate.c - the job state machine against RFC 21
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/jobstate.h"

struct step {
    const char *event;
    const char *context;   /* NULL: none */
    int expect;            /* actions, or negative errno */
    int state;
};

#define SUBMIT "{\"urgency\":16,\"userid\":5588,\"flags\":2,\"version\":1}"
#define DESC "{\"description\":\"d\"}"
#define DESCST "{\"description\":\"d\",\"status\":0}"
#define PRIO(n) "{\"priority\":" #n "}"
#define URG(n) "{\"urgency\":" #n ",\"userid\":5588}"
#define STATUS(n) "{\"status\":" #n "}"
#define RELEASE(f) "{\"ranks\":\"all\",\"final\":" #f "}"
#define EXC(t, s) "{\"type\":\"" t "\",\"severity\":" #s ",\"note\":\"n\"}"

#define NEW FLUX_JOB_STATE_NEW
#define DEPEND FLUX_JOB_STATE_DEPEND
#define PRIORITY FLUX_JOB_STATE_PRIORITY
#define SCHED FLUX_JOB_STATE_SCHED
#define RUN FLUX_JOB_STATE_RUN
#define CLEANUP FLUX_JOB_STATE_CLEANUP
#define INACTIVE FLUX_JOB_STATE_INACTIVE
#define ACT(x) JOBSTATE_ACT_ ## x

static int apply (struct jobstate *js, const char *event, const char *context,
                  double t, flux_error_t *err)
{
    json_t *o = NULL;
    int rc;

    if (context)
        assert_non_null ((o = json_loads (context, JSON_DECODE_ANY, NULL)));
    rc = jobstate_apply (js, t, event, o, err);
    json_decref (o);
    return rc;
}

static void run_steps (struct jobstate *js, const struct step *steps)
{
    jobstate_init (js);
    for (int i = 0; steps[i].event; i++) {
        struct jobstate before = *js;
        flux_error_t err = {0};
        int rc = apply (js, steps[i].event, steps[i].context, i + 1., &err);

        if (rc != steps[i].expect || (int)js->state != steps[i].state)
            print_error ("step %d %s: rc %d state %s (%s)\n", i, steps[i].event,
                         rc, jobstate_name (js->state), err.text);
        assert_int_equal (rc, steps[i].expect);
        assert_int_equal (js->state, steps[i].state);
        if (rc < 0) {
            assert_memory_equal (&before, js, sizeof (before));
            assert_non_null (strstr (err.text, steps[i].event));
        }
    }
}

static void test_normal (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (42), ACT (ALLOC), SCHED},
        {"debug.alloc-request", NULL, 0, SCHED},
        {"alloc", "{\"annotations\":{}}", ACT (START), RUN},
        {"start", NULL, 0, RUN},
        {"memo", "{\"uri\":\"x\"}", 0, RUN},
        {"finish", STATUS (0), 0, CLEANUP},
        {"release", RELEASE (false), 0, CLEANUP},
        {"release", RELEASE (true), ACT (FREE), CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {"memo", "{\"x\":null}", 0, INACTIVE},
        {"start", NULL, -EPROTO, INACTIVE},
        {"exception", EXC ("cancel", 0), -EPROTO, INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_COMPLETED);
    assert_int_equal (js.priority, 42);
    assert_int_equal (js.urgency, 16);
    assert_int_equal (js.userid, 5588);
    assert_int_equal (js.flags, 2);
    assert_int_equal (js.waitstatus, 0);
    assert_true (js.t_submit == 1. && js.t_depend == 2. && js.t_run == 6.
                 && js.t_cleanup == 9. && js.t_inactive == 13.);
    assert_false (js.exception_occurred);
}

static void test_failed (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (4294967295), ACT (ALLOC), SCHED},
        {"alloc", NULL, ACT (START), RUN},
        {"start", NULL, 0, RUN},
        {"exception", EXC ("warn", 3), 0, RUN},
        {"release", RELEASE (true), 0, RUN},
        {"finish", STATUS (256), ACT (FREE), CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_FAILED);
    assert_int_equal (js.waitstatus, 256);
    assert_int_equal (js.priority, 4294967295);
    assert_true (js.exception_occurred);
    assert_int_equal (js.exception_severity, 3);
    assert_string_equal (js.exception_type, "warn");
}

static void test_dependencies (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"dependency-add", DESC, 0, NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"dependency-add", DESC, 0, DEPEND},
        {"dependency-add", "{}", -EINVAL, DEPEND},
        {"depend", NULL, -EPROTO, DEPEND},
        {"dependency-remove", DESC, 0, DEPEND},
        {"dependency-remove", DESC, ACT (DEPEND), DEPEND},
        {"dependency-remove", DESC, -EPROTO, DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"dependency-add", DESC, -EPROTO, PRIORITY},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_true (js.depend_posted);
    assert_int_equal (js.dependency_count, 0);
}

static void test_back_to_priority (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"flux-restart", NULL, 0, NEW},
        {"urgency", URG (0), 0, NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"urgency", URG (1), ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (1), ACT (ALLOC), SCHED},
        {"priority", PRIO (2), 0, SCHED},
        {"urgency", URG (31), ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (3), ACT (ALLOC), SCHED},
        {"jobspec-update", "{\"attributes.system.duration\":1}",
         ACT (PRIORITY), PRIORITY},
        {"jobspec-update", "{}", -EINVAL, PRIORITY},
        {"priority", PRIO (4), ACT (ALLOC), SCHED},
        {"flux-restart", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (5), ACT (ALLOC), SCHED},
        {"alloc", NULL, ACT (START), RUN},
        {"urgency", URG (2), 0, RUN},
        {"resource-update", "{\"expiration\":10}", 0, RUN},
        {"resource-update", "{\"expiration\":\"x\"}", -EINVAL, RUN},
        {"flux-restart", NULL, 0, RUN},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.priority, 5);
    assert_int_equal (js.urgency, 2);
}

static void test_prolog_epilog (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (16), ACT (ALLOC), SCHED},
        {"alloc", NULL, ACT (START), RUN},
        {"prolog-start", DESC, 0, RUN},
        {"prolog-start", DESC, 0, RUN},
        {"prolog-finish", DESC, -EINVAL, RUN},
        {"prolog-finish", DESCST, 0, RUN},
        {"prolog-finish", DESCST, ACT (START), RUN},
        {"prolog-finish", DESCST, -EPROTO, RUN},
        {"start", NULL, 0, RUN},
        {"start", NULL, -EPROTO, RUN},
        {"prolog-start", DESC, -EPROTO, RUN},
        {"epilog-start", DESC, 0, RUN},
        {"finish", STATUS (0), 0, CLEANUP},
        {"finish", STATUS (0), -EPROTO, CLEANUP},
        {"release", RELEASE (true), 0, CLEANUP},
        {"release", RELEASE (true), -EPROTO, CLEANUP},
        {"clean", NULL, -EPROTO, CLEANUP},
        {"epilog-finish", DESCST, ACT (FREE), CLEANUP},
        {"epilog-finish", DESCST, -EPROTO, CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"free", NULL, -EPROTO, CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_COMPLETED);
}

static void test_prolog_before_alloc (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (16), ACT (ALLOC), SCHED},
        {"prolog-start", DESC, 0, SCHED},
        {"alloc", NULL, 0, RUN},
        {"exception", EXC ("cancel", 0), ACT (CANCEL_EXEC), CLEANUP},
        {"prolog-start", DESC, -EPROTO, CLEANUP},
        {"prolog-finish", DESCST, ACT (FREE), CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_CANCELED);
}

static void test_cancel_running (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (16), ACT (ALLOC), SCHED},
        {"alloc", NULL, ACT (START), RUN},
        {"start", NULL, 0, RUN},
        {"exception", EXC ("timeout", 0), ACT (CANCEL_EXEC), CLEANUP},
        {"exception", EXC ("cancel", 0), 0, CLEANUP},
        {"finish", STATUS (15), 0, CLEANUP},
        {"release", RELEASE (true), ACT (FREE), CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_TIMEOUT);
    assert_string_equal (js.exception_type, "timeout");
}

/* The exception meets the start request half way. */
static void test_cancel_starting (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"depend", NULL, ACT (PRIORITY), PRIORITY},
        {"priority", PRIO (16), ACT (ALLOC), SCHED},
        {"alloc", NULL, ACT (START), RUN},
        {"exception", EXC ("cancel", 0), ACT (CANCEL_EXEC) | ACT (FREE), CLEANUP},
        {"start", NULL, ACT (CANCEL_EXEC), CLEANUP},
        {"finish", STATUS (9), 0, CLEANUP},
        {"release", RELEASE (true), ACT (FREE), CLEANUP},
        {"free", NULL, ACT (CLEAN), CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;

    run_steps (&js, steps);
}

static void test_cancel_pending (void **state)
{
    const struct step steps[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"dependency-add", DESC, 0, DEPEND},
        {"exception", EXC ("cancel", 0), ACT (CLEAN), CLEANUP},
        {"dependency-remove", DESC, 0, CLEANUP},
        {"clean", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;
    flux_error_t err;

    run_steps (&js, steps);
    assert_int_equal (js.result, FLUX_JOB_RESULT_CANCELED);

    jobstate_init (&js);
    apply (&js, "submit", SUBMIT, 1., &err);
    apply (&js, "validate", NULL, 1., &err);
    apply (&js, "depend", NULL, 1., &err);
    apply (&js, "priority", PRIO (0), 1., &err);
    js.alloc_pending = true;
    assert_int_equal (apply (&js, "exception", EXC ("alloc", 0), 1., &err),
                      ACT (CANCEL_ALLOC));
    /* the scheduler's answer was on its way */
    js.alloc_pending = false;
    assert_int_equal (apply (&js, "alloc", NULL, 2., &err), ACT (FREE));
    assert_int_equal (apply (&js, "alloc", NULL, 2., &err), -EPROTO);
    assert_int_equal (apply (&js, "free", NULL, 3., &err), ACT (CLEAN));
    assert_int_equal (apply (&js, "clean", NULL, 4., &err), ACT (INACTIVE));
    assert_int_equal (js.result, FLUX_JOB_RESULT_FAILED);
    assert_true (js.t_run == 0.);
}

static void test_invalid (void **state)
{
    const struct step steps[] = {
        {"validate", NULL, -EPROTO, NEW},
        {"unheard-of", NULL, -EPROTO, NEW},
        {"submit", NULL, -EINVAL, NEW},
        {"submit", "{\"urgency\":32,\"userid\":1,\"flags\":0}", -EINVAL, NEW},
        {"submit", "{\"urgency\":-1,\"userid\":1,\"flags\":0}", -EINVAL, NEW},
        {"submit", "{\"urgency\":1,\"userid\":4294967296,\"flags\":0}", -EINVAL, NEW},
        {"submit", "{\"urgency\":1,\"userid\":1}", -EINVAL, NEW},
        {"submit", "{\"urgency\":1,\"userid\":1,\"flags\":0,\"version\":2}",
         -EINVAL, NEW},
        {"submit", "[]", -EINVAL, NEW},
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"submit", SUBMIT, -EPROTO, NEW},
        {"unheard-of", NULL, 0, NEW},
        {"alloc", NULL, -EPROTO, NEW},
        {"depend", NULL, -EPROTO, NEW},
        {"priority", PRIO (-1), -EINVAL, NEW},
        {"priority", PRIO (4294967296), -EINVAL, NEW},
        {"priority", "{\"priority\":1.0}", -EINVAL, NEW},
        {"priority", PRIO (1), 0, NEW},
        {"urgency", "{\"urgency\":1}", -EINVAL, NEW},
        {"set-flags", "{\"flags\":\"debug\"}", -EINVAL, NEW},
        {"set-flags", "{\"flags\":[1]}", -EINVAL, NEW},
        {"set-flags", "{\"flags\":[\"waitable\",\"unheard-of\"]}", 0, NEW},
        {"exception", "{\"type\":\"x\"}", -EINVAL, NEW},
        {"exception", "{\"type\":\"x\",\"severity\":8}", -EINVAL, NEW},
        {"exception", "{\"type\":\"x\",\"severity\":1,\"note\":1}", -EINVAL, NEW},
        {"release", "{\"ranks\":\"all\"}", -EPROTO, NEW},
        {"finish", "{}", -EINVAL, NEW},
        {"memo", NULL, -EINVAL, NEW},
        {"validate", NULL, ACT (DEPEND), DEPEND},
        {"validate", NULL, -EPROTO, DEPEND},
        {"invalidate", NULL, -EPROTO, DEPEND},
        {NULL},
    };
    const struct step invalidate[] = {
        {"submit", SUBMIT, ACT (VALIDATE), NEW},
        {"invalidate", NULL, ACT (INACTIVE), INACTIVE},
        {NULL},
    };
    struct jobstate js;
    flux_error_t err;

    run_steps (&js, steps);
    assert_int_equal (js.flags, 2 | FLUX_JOB_WAITABLE);
    run_steps (&js, invalidate);
    jobstate_init (&js);
    assert_int_equal (jobstate_apply (&js, 1., NULL, NULL, &err), -EINVAL);
    assert_int_equal (apply (&js, "submit", SUBMIT, 0., &err), -EINVAL);
}

static void test_long_exception (void **state)
{
    char type[100], note[400];
    struct jobstate js;
    flux_error_t err;
    json_t *o;

    memset (type, 'x', sizeof (type) - 1);
    type[sizeof (type) - 1] = '\0';
    for (size_t i = 0; i + 2 < sizeof (note); i += 2)
        memcpy (note + i, "\xc3\xa9", 3);
    jobstate_init (&js);
    apply (&js, "submit", SUBMIT, 1., &err);
    o = json_pack ("{s:s s:i s:s}", "type", type, "severity", 2, "note", note);
    assert_int_equal (jobstate_apply (&js, 1., "exception", o, &err), 0);
    json_decref (o);
    assert_int_equal (strlen (js.exception_type), sizeof (js.exception_type) - 1);
    assert_non_null ((o = json_string (js.exception_note))); /* whole UTF-8 */
    json_decref (o);
    assert_int_equal (apply (&js, "exception", EXC ("y", 0), 1., &err), ACT (CLEAN));
    assert_string_equal (js.exception_type, "y");
    assert_int_equal (js.state, CLEANUP);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_normal),
        cmocka_unit_test (test_failed),
        cmocka_unit_test (test_dependencies),
        cmocka_unit_test (test_back_to_priority),
        cmocka_unit_test (test_prolog_epilog),
        cmocka_unit_test (test_prolog_before_alloc),
        cmocka_unit_test (test_cancel_running),
        cmocka_unit_test (test_cancel_starting),
        cmocka_unit_test (test_cancel_pending),
        cmocka_unit_test (test_invalid),
        cmocka_unit_test (test_long_exception),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
