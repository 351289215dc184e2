/* test_info.c - tests of info.c: what the shell is told, and how it deals tasks */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <flux/taskmap.h>

#include "shell/internal.h"

#define SLOT(n, cores, gpus) \
    "{\"type\":\"slot\",\"count\":" #n ",\"label\":\"t\",\"with\":[{\"type\":\"core\",\"count\":" \
    #cores "}" gpus "]}"
#define GPU ",{\"type\":\"gpu\",\"count\":1}"
#define NODE(n, slot) "{\"type\":\"node\",\"count\":" #n ",\"with\":[" slot "]}"

/* Give the shell its job; 'rlite' and 'tasks' are JSON. */
static int init (struct shell_info *info, int rank, const char *resources, const char *count,
                 const char *rlite, int nhosts, flux_error_t *err)
{
    int fd = memfd_create ("info", 0);
    char num[16];
    int rc;

    memset (info, 0, sizeof (*info));
    dprintf (fd, "{\"id\":42,\"userid\":1000,\"rank\":%d,\"jobspec\":{\"version\":1,\"resources\":[%s],"
             "\"tasks\":[{\"command\":[\"true\"],\"slot\":\"t\",\"count\":%s}],"
             "\"attributes\":{\"system\":{\"duration\":0}}},"
             "\"R\":{\"version\":1,\"execution\":{\"R_lite\":%s,\"starttime\":0,\"expiration\":0,"
             "\"nodelist\":[\"host[0-%d]\"]}}}", rank, resources, count, rlite, nhosts - 1);
    lseek (fd, 0, SEEK_SET);
    snprintf (num, sizeof (num), "%d", fd);
    setenv ("FLUX_SHELL_INFO_FD", num, 1);
    rc = shell_info_init (info, NULL, 42, err);
    if (rc < 0)
        shell_info_release (info);
    return rc;
}

static void expect_map (const char *resources, const char *count, const char *rlite, int nhosts,
                        const char *per_resource, const char *want)
{
    struct shell_info info;
    flux_error_t err;
    json_t *o = per_resource ? json_loads (per_resource, 0, NULL) : NULL;
    char *have;

    if (init (&info, 0, resources, count, rlite, nhosts, &err) < 0
        || shell_info_map_tasks (&info, o, &err) < 0)
        fail_msg ("%s", err.text);
    have = taskmap_encode (info.taskmap, TASKMAP_ENCODE_RAW);
    assert_string_equal (have, want);
    free (have);
    json_decref (o);
    shell_info_release (&info);
}

#define TWO "[{\"rank\":\"0-1\",\"children\":{\"core\":\"0-3\"}}]"
#define UNEVEN "[{\"rank\":\"0\",\"children\":{\"core\":\"0-3\"}},{\"rank\":\"5\",\"children\":{\"core\":\"7\"}}]"
#define GPUS "[{\"rank\":\"0-1\",\"children\":{\"core\":\"0-7\",\"gpu\":\"0-1\"}}]"
#define PER_SLOT(n) "{\"per_slot\":" #n "}"
#define TOTAL(n) "{\"total\":" #n "}"

static void test_block (void **state)
{
    expect_map (SLOT (8, 1, ""), PER_SLOT (1), TWO, 2, NULL, "0-3;4-7");
    expect_map (SLOT (4, 2, ""), PER_SLOT (1), TWO, 2, NULL, "0-1;2-3");
    expect_map (SLOT (4, 2, ""), TOTAL (12), TWO, 2, NULL, "0-5;6-11");
    expect_map (NODE (2, SLOT (1, 4, "")), TOTAL (3), TWO, 2, NULL, "0-1;2");
    expect_map (NODE (2, SLOT (2, 1, "")), TOTAL (4), TWO, 2, NULL, "0-1;2-3");
    expect_map (NODE (2, SLOT (1, 1, "")), TOTAL (7), TWO, 2, NULL, "0-3;4-6");
    /* fewer slots than the cores have room for: each node has one at least */
    expect_map (SLOT (2, 1, ""), PER_SLOT (1), TWO, 2, NULL, "0;1");
}

static void test_uneven (void **state)
{
    expect_map (SLOT (5, 1, ""), PER_SLOT (1), UNEVEN, 2, NULL, "0-3;4");
    expect_map (SLOT (5, 1, ""), TOTAL (10), UNEVEN, 2, NULL, "0-7;8-9");
}

static void test_gpus (void **state)
{
    expect_map (SLOT (4, 1, GPU), PER_SLOT (1), GPUS, 2, NULL, "0-1;2-3");
    expect_map (SLOT (4, 4, GPU), PER_SLOT (1), GPUS, 2, NULL, "0-1;2-3");
}

static void test_per_resource (void **state)
{
    expect_map (SLOT (8, 1, ""), PER_SLOT (1), TWO, 2, "{\"type\":\"node\"}", "0;1");
    expect_map (SLOT (8, 1, ""), PER_SLOT (1), TWO, 2, "{\"type\":\"node\",\"count\":3}", "0-2;3-5");
    expect_map (SLOT (5, 1, ""), PER_SLOT (1), UNEVEN, 2, "{\"type\":\"core\"}", "0-3;4");
    expect_map (SLOT (5, 1, ""), PER_SLOT (1), UNEVEN, 2, "{\"type\":\"core\",\"count\":2}", "0-7;8-9");
}

static void test_bad_per_resource (void **state)
{
    static const char *bad[] = { "{}", "{\"type\":\"rack\"}", "{\"type\":\"node\",\"count\":0}", "[]",
                                 "{\"type\":\"core\",\"count\":-1}", "{\"type\":1}", NULL };

    for (int i = 0; bad[i]; i++) {
        struct shell_info info;
        flux_error_t err;
        json_t *o = json_loads (bad[i], 0, NULL);
        assert_int_equal (init (&info, 0, SLOT (8, 1, ""), PER_SLOT (1), TWO, 2, &err), 0);
        assert_true (shell_info_map_tasks (&info, o, &err) < 0);
        assert_non_null (strstr (err.text, "per-resource"));
        json_decref (o);
        shell_info_release (&info);
    }
}

static void test_nodes (void **state)
{
    struct shell_info info;
    flux_error_t err;

    assert_int_equal (init (&info, 5, SLOT (5, 1, ""), PER_SLOT (1), UNEVEN, 2, &err), 0);
    assert_int_equal (info.jobid, 42);
    assert_int_equal (info.userid, 1000);
    assert_int_equal (info.shell_rank, 1);
    assert_int_equal (info.nshells, 2);
    assert_string_equal (info.nodes[1].host, "host1");
    assert_int_equal (info.nodes[0].ncores, 4);
    assert_int_equal (info.nodes[1].ncores, 1);
    assert_int_equal (shell_info_map_tasks (&info, NULL, &err), 0);
    assert_int_equal (info.ntasks, 1);
    assert_int_equal (info.total_ntasks, 5);
    shell_info_release (&info);
}

static void test_bad_info (void **state)
{
    struct shell_info info;
    flux_error_t err;
    char num[16];
    int fd;

    /* not a rank of R; no resources at all; not JSON; not a file */
    assert_true (init (&info, 3, SLOT (5, 1, ""), PER_SLOT (1), UNEVEN, 2, &err) < 0);
    assert_non_null (strstr (err.text, "rank 3"));
    assert_true (init (&info, 0, SLOT (5, 1, ""), PER_SLOT (1), "[]", 1, &err) < 0);
    assert_true (init (&info, 0, "", PER_SLOT (1), TWO, 2, &err) < 0);
    fd = memfd_create ("info", 0);
    dprintf (fd, "{\"id\":");
    snprintf (num, sizeof (num), "%d", fd);
    setenv ("FLUX_SHELL_INFO_FD", num, 1);
    assert_true (shell_info_init (&info, NULL, 42, &err) < 0);
    setenv ("FLUX_SHELL_INFO_FD", "9999", 1);
    assert_true (shell_info_init (&info, NULL, 42, &err) < 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_block),
        cmocka_unit_test (test_uneven),
        cmocka_unit_test (test_gpus),
        cmocka_unit_test (test_per_resource),
        cmocka_unit_test (test_bad_per_resource),
        cmocka_unit_test (test_nodes),
        cmocka_unit_test (test_bad_info),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
