/* test_mustache.c - tests of mustache.c, with the rest of the shell played here */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shell/internal.h"
#include "spec/jobspec.h"

static int errors;

void flux_shell_log (const char *component, int level, const char *file, int line,
                     const char *fmt, ...)
{
    errors++;
}

int flux_shell_get_rank_info (flux_shell_t *shell, int rank, char **s)
{
    if (rank == -1)
        rank = 3;
    return asprintf (s, "{\"id\":%d,\"name\":\"host%d\",\"broker_rank\":%d,\"ntasks\":2,"
                        "\"taskids\":\"6-7\",\"resources\":{\"ncores\":4,\"cores\":\"0-3\"}}",
                     rank, rank, rank + 10) < 0 ? -1 : 0;
}

int plugstack_call (struct plugstack *ps, const char *topic, flux_plugin_arg_t *args)
{
    if (strcmp (topic, "mustache.render.tmpdir") == 0)
        return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "result", "/tmp/x");
    return 0;
}

static flux_shell_t shell = { .info = { .jobid = 1234567, .idf58 = "ƒ7Kze", .nshells = 4,
                                        .total_ntasks = 8 } };
static struct shell_task task = { .rank = 6, .localid = 0 };

static void expect (const char *fmt, const char *want)
{
    char *s = flux_shell_mustache_render (&shell, fmt);

    assert_non_null (s);
    assert_string_equal (s, want);
    free (s);
}

static void test_job (void **state)
{
    expect ("", "");
    expect ("plain {text}", "plain {text}");
    expect ("{{id}}", "ƒ7Kze");
    expect ("{{jobid}}-{{id.f58plain}}.{{id.dec}}", "ƒ7Kze-f7Kze.1234567");
    expect ("{{id.hex}}{{jobid.dothex}}", "0x12d6870000.0000.0012.d687");
    expect ("{{name}}/{{nnodes}}/{{size}}/{{ntasks}}", "prog/4/8/8");
    expect ("{{tmpdir}}/f", "/tmp/x/f");
    assert_int_equal (errors, 0);
}

static void test_node (void **state)
{
    char *s;

    expect ("{{node.id}} {{node.name}} {{node.broker_rank}}", "3 host3 13");
    expect ("{{node.cores}}:{{node.ncores}}:{{node.resources.cores}}", "0-3:4:0-3");
    s = flux_shell_rank_mustache_render (&shell, 1, "{{node.name}}");
    assert_string_equal (s, "host1");
    free (s);
    assert_true (flux_shell_mustache_is_per_rank (&shell, "a{{node.id}}"));
    assert_true (flux_shell_mustache_is_per_rank (&shell, "{{taskid}}"));
    assert_true (flux_shell_mustache_is_per_rank (&shell, "{{task.rank}}"));
    assert_true (flux_shell_mustache_is_per_rank (&shell, "{{tmpdir}}/x"));
    assert_false (flux_shell_mustache_is_per_rank (&shell, "{{id}}"));
}

static void test_task (void **state)
{
    char *s = flux_shell_task_mustache_render (&shell, &task, "{{taskid}} {{task.id}} {{task.rank}}"
                                               " {{task.index}} {{task.localid}} {{node.id}}");

    assert_string_equal (s, "6 6 6 0 0 3");
    free (s);
}

/* What is unknown stays, with a message. */
static void test_unknown (void **state)
{
    errors = 0;
    expect ("{{nope}} {{id}}", "{{nope}} ƒ7Kze");
    expect ("{{task.id}}", "{{task.id}}");
    expect ("{{node.nope}}{{id.nope}}{{}}", "{{node.nope}}{{id.nope}}{{}}");
    assert_int_equal (errors, 5);
    expect ("{{open {{id", "{{open {{id");
    expect ("}} {{id}} }}", "}} ƒ7Kze }}");
}

static void test_bad (void **state)
{
    assert_null (flux_shell_mustache_render (NULL, "x"));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_shell_mustache_render (&shell, NULL));
    assert_null (flux_shell_rank_mustache_render (&shell, -2, "x"));
    assert_null (flux_shell_rank_mustache_render (&shell, 4, "x"));
    assert_null (flux_shell_task_mustache_render (&shell, NULL, "x"));
    errno = 0;
    assert_false (flux_shell_mustache_is_per_rank (NULL, "x"));
    assert_int_equal (errno, EINVAL);
}

int main (void)
{
    static const char js[] = "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"t\","
        "\"with\":[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"/usr/bin/prog\"],"
        "\"slot\":\"t\",\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":{\"duration\":0}}}";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_job),
        cmocka_unit_test (test_node),
        cmocka_unit_test (test_task),
        cmocka_unit_test (test_unknown),
        cmocka_unit_test (test_bad),
    };

    if (!(shell.info.jobspec = jobspec_decode (js, strlen (js), NULL)))
        return 1;
    return cmocka_run_group_tests (tests, NULL, NULL);
}
