/* test_jobspec.c - the jobspec decoder against RFC 14 and RFC 25
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "spec/jobspec.h"
#include "spec/yaml_test.h"

static struct jobspec *decode (const char *s, flux_error_t *err)
{
    return jobspec_decode (s, strlen (s), err);
}

static int decode_examples (const char *pattern)
{
    glob_t g;
    int count = 0;

    assert_int_equal (glob (pattern, 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        json_t *o = yaml_test_load (g.gl_pathv[i]);
        flux_error_t err = {0};
        struct jobspec *js;

        assert_non_null (o);
        if (!(js = jobspec_from_json (o, &err)))
            fail_msg ("%s: %s", g.gl_pathv[i], err.text);
        json_decref (o);
        jobspec_unref (js);
        count++;
    }
    globfree (&g);
    return count;
}

static void test_examples (void **state)
{
    assert_int_equal (decode_examples (FLUX_TEST_DATA "/rfc/spec_14/*.yaml"), 19);
    assert_int_equal (decode_examples (FLUX_TEST_DATA "/rfc/spec_25/*.yaml"), 6);
}

#define CORE "{\"type\":\"core\",\"count\":2}"
#define SLOT(w) "{\"type\":\"slot\",\"count\":4,\"label\":\"task\",\"with\":[" w "]}"
#define NODE(w) "{\"type\":\"node\",\"count\":3,\"exclusive\":true,\"with\":[" w "]}"
#define TASK "{\"command\":[\"/bin/app\",\"-x\"],\"slot\":\"task\",\"count\":{\"per_slot\":1}}"
#define ATTR "{\"system\":{\"duration\":60}}"
#define JOBSPEC(v, r, t, a) "{\"version\":" v ",\"resources\":[" r "],\"tasks\":[" t \
                            "],\"attributes\":" a "}"

static void test_request (void **state)
{
    const char *s = JOBSPEC ("1", NODE (SLOT (CORE ",{\"type\":\"gpu\",\"count\":1}")),
                             TASK, ATTR);
    struct jobspec *js = decode (s, NULL);
    const struct jobspec_request *req = jobspec_request (js);

    assert_non_null (js);
    assert_true (req->simple);
    assert_true (req->node_exclusive);
    assert_int_equal (req->nnodes, 3);
    assert_int_equal (req->nslots, 4);
    assert_int_equal (req->slots_total, 12);
    assert_int_equal (req->cores_per_slot, 2);
    assert_int_equal (req->gpus_per_slot, 1);
    assert_true (req->duration == 60.);
    assert_null (req->constraints);
    assert_int_equal (jobspec_ntasks (js), 12);
    assert_int_equal (jobspec_version (js), 1);
    jobspec_unref (js);

    js = decode (JOBSPEC ("1", SLOT (CORE), TASK, "null"), NULL);
    req = jobspec_request (js);
    assert_true (req->simple);
    assert_int_equal (req->nnodes, 0);
    assert_int_equal (req->slots_total, 4);
    assert_int_equal (req->gpus_per_slot, 0);
    assert_true (req->duration == 0.);
    jobspec_unref (js);

    /* RFC 25 allows units without saying of what. */
    js = decode (JOBSPEC ("1", SLOT ("{\"type\":\"core\",\"count\":2,\"unit\":\"each\"}"), TASK, ATTR),
                 NULL);
    assert_non_null (js);
    assert_int_equal (jobspec_request (js)->cores_per_slot, 2);
    jobspec_unref (js);

    /* Not RFC 25's form, so not flat. */
    js = decode (JOBSPEC ("999", SLOT ("{\"type\":\"socket\",\"count\":1}"), TASK, ATTR),
                 NULL);
    assert_false (jobspec_request (js)->simple);
    assert_int_equal (jobspec_request (js)->nslots, 0);
    assert_true (jobspec_request (js)->duration == 60.);
    assert_int_equal (jobspec_ntasks (js), -1);
    jobspec_unref (js);
    js = decode (JOBSPEC ("999", SLOT ("{\"type\":\"core\",\"count\":\"2-3\"}"), TASK, ATTR),
                 NULL);
    assert_false (jobspec_request (js)->simple);
    jobspec_unref (js);
}

static void test_accessors (void **state)
{
    const char *s = JOBSPEC ("1", SLOT (CORE),
        "{\"command\":[\"/bin/app\",\"-x\"],\"slot\":\"task\",\"count\":{\"total\":7}}",
        "{\"system\":{\"duration\":1.5,\"cwd\":\"/tmp\",\"queue\":\"q\","
        "\"environment\":{\"A\":\"b\",\"C\":null},"
        "\"constraints\":{\"properties\":[\"x\"]},"
        "\"dependencies\":[{\"scheme\":\"after\",\"value\":\"1\"}],"
        "\"shell\":{\"options\":{\"pty\":{\"capture\":1}}},"
        "\"unheard-of\":[1]},\"user\":{\"a\":{\"b\":2}}}");
    struct jobspec *js = decode (s, NULL);
    const json_t *o;
    char *t;

    assert_non_null (js);
    assert_int_equal (jobspec_ntasks (js), 7);
    assert_string_equal (jobspec_slot_label (js), "task");
    assert_int_equal (json_array_size (jobspec_command (js)), 2);
    assert_string_equal (jobspec_cwd (js), "/tmp");
    assert_string_equal (jobspec_queue (js), "q");
    assert_string_equal (jobspec_name (js), "app");
    assert_int_equal (json_object_size (jobspec_environment (js)), 2);
    assert_int_equal (json_array_size (jobspec_dependencies (js)), 1);
    assert_non_null (jobspec_request (js)->constraints);
    o = jobspec_attr (js, "system.shell.options.pty.capture");
    assert_int_equal (json_integer_value (o), 1);
    assert_int_equal (json_integer_value (jobspec_attr (js, "user.a.b")), 2);
    assert_null (jobspec_attr (js, "system.shell.nope"));
    assert_null (jobspec_attr (js, "system.cwd.x"));
    assert_null (jobspec_attr (js, "nope"));
    assert_true (json_is_array (jobspec_attr (js, "system.unheard-of")));
    t = json_dumps (jobspec_json (js), JSON_COMPACT);
    assert_string_equal (t, s);
    free (t);
    assert_ptr_equal (jobspec_ref (js), js);
    jobspec_unref (js);
    assert_string_equal (jobspec_name (js), "app");
    jobspec_unref (js);
    jobspec_unref (NULL);
}

static void test_defaults (void **state)
{
    struct jobspec *js = decode (JOBSPEC ("1", SLOT (CORE),
        "{\"command\":\"hostname\",\"slot\":\"task\",\"count\":{\"per_slot\":1}}",
        "{\"system\":{\"job\":{\"name\":\"n\"}}}"), NULL);

    assert_non_null (js);
    assert_string_equal (jobspec_name (js), "n");
    assert_null (jobspec_cwd (js));
    assert_null (jobspec_environment (js));
    assert_null (jobspec_queue (js));
    assert_null (jobspec_dependencies (js));
    assert_string_equal (json_string_value (json_array_get (jobspec_command (js), 0)),
                         "hostname");
    jobspec_unref (js);
    js = decode (JOBSPEC ("1", SLOT (CORE), TASK, "null"), NULL);
    assert_null (jobspec_attr (js, "system.duration"));
    jobspec_unref (js);
}

#define R1(r) JOBSPEC ("1", r, TASK, ATTR)
#define R9(r) JOBSPEC ("9", r, TASK, ATTR)
#define T1(t) JOBSPEC ("1", SLOT (CORE), t, ATTR)
#define T9(t) JOBSPEC ("9", SLOT (CORE), t, ATTR)
#define A1(a) JOBSPEC ("1", SLOT (CORE), TASK, a)
#define S1(k, v) A1 ("{\"system\":{\"" k "\":" v "}}")

static const struct {
    const char *jobspec;
    const char *expect;
} hostile[] = {
    {"", "not JSON"},
    {"[]", "must be an object"},
    {"{}", "version: required"},
    {"{\"version\":1}", "resources: required"},
    {"{\"version\":1,\"resources\":[]}", "tasks: required"},
    {"{\"version\":1,\"resources\":[],\"tasks\":[]}", "attributes: required"},
    {JOBSPEC ("0", SLOT (CORE), TASK, ATTR), "version: "},
    {JOBSPEC ("1.0", SLOT (CORE), TASK, ATTR), "version: "},
    {JOBSPEC ("\"1\"", SLOT (CORE), TASK, ATTR), "version: "},
    {R1 (""), "resources: "},
    {R1 (SLOT (CORE) "," SLOT (CORE)), "resources: must have exactly one"},
    {"{\"version\":1,\"resources\":{},\"tasks\":[],\"attributes\":{}}", "resources: "},
    {R1 ("7"), "resources[0]: "},
    {R1 ("{}"), "resources[0].type: required"},
    {R1 ("{\"type\":1}"), "resources[0].type: must be a string"},
    {R1 ("{\"type\":\"node\"}"), "resources[0].count: required"},
    {R1 ("{\"type\":\"node\",\"count\":0}"), "resources[0].count: "},
    {R1 ("{\"type\":\"node\",\"count\":-1}"), "resources[0].count: "},
    {R1 ("{\"type\":\"node\",\"count\":1.5}"), "resources[0].count: "},
    {R1 ("{\"type\":\"node\",\"count\":9999999999}"), "resources[0].count: "},
    {R1 ("{\"type\":\"node\",\"count\":\"2\"}"), "resources[0].count: "},
    {R9 ("{\"type\":\"node\",\"count\":\"2,1\"}"), "resources[0].count: "},
    {R9 ("{\"type\":\"node\",\"count\":{\"max\":1}}"), "resources[0].count: "},
    {R1 ("{\"type\":\"node\",\"count\":1}"), "resources[0].with: "},
    {R1 ("{\"type\":\"node\",\"count\":1,\"with\":[]}"), "resources[0].with: "},
    {R1 ("{\"type\":\"node\",\"count\":1,\"with\":7}"), "resources[0].with: "},
    {R1 ("{\"type\":\"node\",\"count\":1,\"wiht\":[]}"), "resources[0].wiht: unknown"},
    {R1 (NODE (CORE)), "resources[0].with[0].type: "},
    {R1 (NODE (SLOT (CORE) "," "{\"type\":\"slot\",\"count\":4,\"label\":\"b\","
               "\"with\":[" CORE "]}")), "resources[0].with: "},
    {R1 (CORE), "resources[0].type: "},
    {R1 (SLOT ("{\"type\":\"gpu\",\"count\":1}")), "resources[0].with: "},
    {R1 (SLOT (CORE "," CORE)), "resources[0].with: "},
    {R1 (SLOT ("{\"type\":\"socket\",\"count\":1}")), "resources[0].with[0].type: 'socket'"},
    {R1 (SLOT (SLOT (CORE))), "twice"},
    {R1 ("{\"type\":\"slot\",\"count\":1,\"with\":[" CORE "]}"), "resources[0].label: required"},
    {R9 ("{\"type\":\"slot\",\"count\":1,\"label\":\"task\"}"), "resources[0].with: required"},
    {R1 ("{\"type\":\"slot\",\"count\":1,\"label\":\"t\",\"id\":\"1\",\"with\":[" CORE "]}"),
     "resources[0].id: "},
    {R1 ("{\"type\":\"slot\",\"count\":1,\"label\":\"t\",\"exclusive\":1,\"with\":[" CORE "]}"),
     "resources[0].exclusive: "},
    {R9 ("{\"type\":\"x\",\"count\":1,\"unit\":1}"), "resources[0].unit: "},
    {R9 (SLOT (CORE) "," SLOT (CORE)), "resources[1].label: label 'task' is used twice"},
    {R1 ("{\"type\":\"node\",\"count\":2147483647,\"with\":[" SLOT (CORE) "]}"),
     "resources: "},
    {T1 (""), "tasks: "},
    {T1 (TASK "," TASK), "tasks: must have exactly one"},
    {T1 ("1"), "tasks[0]: "},
    {T1 ("{}"), "tasks[0].command: required"},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\"}"), "tasks[0].count: required"},
    {T1 ("{\"command\":[],\"slot\":\"task\",\"count\":{\"total\":1}}"), "tasks[0].command: "},
    {T1 ("{\"command\":[1],\"slot\":\"task\",\"count\":{\"total\":1}}"), "tasks[0].command[0]: "},
    {T9 ("{\"command\":\"a\",\"slot\":\"task\",\"count\":{\"total\":1}}"), "tasks[0].command: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"nope\",\"count\":{\"total\":1}}"), "tasks[0].slot: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":1,\"count\":{\"total\":1}}"), "tasks[0].slot: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":1}"), "tasks[0].count: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{}}"), "tasks[0].count: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"total\":0}}"),
     "tasks[0].count.total: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"per_slot\":2}}"),
     "tasks[0].count.per_slot: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"per_node\":2}}"),
     "tasks[0].count.per_node: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"per_resource\":{}}}"),
     "tasks[0].count.per_resource: "},
    {T9 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"per_resource\":{}}}"),
     "tasks[0].count.per_resource.type: "},
    {T9 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"per_resource\":"
         "{\"type\":\"node\",\"count\":1}}}"), "tasks[0].count.per_resource.type: "},
    {T1 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"total\":1},\"x\":1}"),
     "tasks[0].x: unknown"},
    {T9 ("{\"command\":[\"a\"],\"slot\":\"task\",\"count\":{\"total\":1},"
         "\"attributes\":{\"environment\":{\"A\":1}}}"),
     "tasks[0].attributes.environment.A: "},
    {JOBSPEC ("1", NODE (SLOT (CORE)), "{\"command\":[\"a\"],\"slot\":\"task\","
              "\"count\":{\"total\":2}}", ATTR), "tasks[0].count.total: 2 tasks"},
    {A1 ("1"), "attributes: "},
    {A1 ("{\"foo\":{}}"), "attributes.foo: unknown"},
    {A1 ("{\"user\":1}"), "attributes.user: "},
    {S1 ("duration", "-1"), "attributes.system.duration: "},
    {S1 ("duration", "\"1h\""), "attributes.system.duration: "},
    {S1 ("preemptible-after", "-1"), "attributes.system.preemptible-after: "},
    {S1 ("cwd", "1"), "attributes.system.cwd: "},
    {S1 ("queue", "[]"), "attributes.system.queue: "},
    {S1 ("bank", "1"), "attributes.system.bank: "},
    {S1 ("environment", "[]"), "attributes.system.environment: "},
    {S1 ("environment", "{\"A\":1}"), "attributes.system.environment.A: "},
    {S1 ("dependencies", "{}"), "attributes.system.dependencies: "},
    {S1 ("dependencies", "[{}]"), "attributes.system.dependencies[0]: scheme"},
    {S1 ("constraints", "[]"), "attributes.system.constraints: "},
    {S1 ("constraints", "{\"foo\":[]}"), "attributes.system.constraints: unknown"},
    {S1 ("job", "{\"name\":1}"), "attributes.system.job.name: "},
    {S1 ("shell", "1"), "attributes.system.shell: "},
    {S1 ("shell", "{\"options\":1}"), "attributes.system.shell.options: "},
    {S1 ("files", "1"), "attributes.system.files: "},
};

static void test_hostile (void **state)
{
    for (size_t i = 0; i < sizeof (hostile) / sizeof (hostile[0]); i++) {
        flux_error_t err = {0};
        struct jobspec *js;

        errno = 0;
        if ((js = decode (hostile[i].jobspec, &err)))
            fail_msg ("accepted, expected '%s': %s", hostile[i].expect,
                      hostile[i].jobspec);
        assert_int_equal (errno, EINVAL);
        if (!strstr (err.text, hostile[i].expect))
            fail_msg ("expected '%s', got '%s'", hostile[i].expect, err.text);
        assert_null (decode (hostile[i].jobspec, NULL));
    }
}

static void test_deep (void **state)
{
    struct buf b = BUF_INIT;
    flux_error_t err;

    for (int i = 0; i < 70; i++)
        buf_adds (&b, "{\"type\":\"x\",\"count\":1,\"with\":[");
    buf_adds (&b, CORE);
    for (int i = 0; i < 70; i++)
        buf_adds (&b, "]}");
    char *s = buf_take (&b);
    char *text = NULL;
    assert_true (asprintf (&text, JOBSPEC ("9", "%s", TASK, ATTR), s) > 0);
    assert_null (decode (text, &err));
    assert_non_null (strstr (err.text, "resources[0].with[0]"));
    free (text);
    free (s);
}

/* Labels beyond the inline array are checked as well. */
static void test_many_labels (void **state)
{
    struct buf b = BUF_INIT;
    struct jobspec *js;
    flux_error_t err;

    buf_adds (&b, "{\"version\":9,\"attributes\":{},\"tasks\":[{\"command\":[\"a\"],"
                  "\"slot\":\"l19\",\"count\":{\"per_slot\":1}}],\"resources\":[");
    for (int i = 0; i < 20; i++)
        buf_addf (&b, "%s{\"type\":\"slot\",\"count\":1,\"label\":\"l%d\",\"with\":[" CORE
                  "]}", i ? "," : "", i);
    js = jobspec_decode (b.data, b.len, &err);
    assert_null (js);
    buf_adds (&b, "]}");
    js = jobspec_decode (b.data, b.len, &err);
    assert_non_null (js);
    assert_string_equal (jobspec_slot_label (js), "l19");
    jobspec_unref (js);
    b.len -= 2;
    buf_addf (&b, ",{\"type\":\"x\",\"count\":1,\"label\":\"l15\"}]}");
    assert_null (jobspec_decode (b.data, b.len, &err));
    assert_non_null (strstr (err.text, "'l15' is used twice"));
    buf_release (&b);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_examples),
        cmocka_unit_test (test_request),
        cmocka_unit_test (test_accessors),
        cmocka_unit_test (test_defaults),
        cmocka_unit_test (test_hostile),
        cmocka_unit_test (test_deep),
        cmocka_unit_test (test_many_labels),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
