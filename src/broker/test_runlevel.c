/* test_runlevel.c - the states of a broker
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/runlevel.h"

static enum runlevel walk (const char *const *events)
{
    enum runlevel level = RUNLEVEL_NONE;

    for (; *events; events++) {
        enum runlevel next = runlevel_next (level, *events);
        assert_int_not_equal (next, level);
        level = next;
    }
    return level;
}

static void test_normal (void **state)
{
    const char *const leader[] = {
        "start", "builtins-success", "parent-none", "sync-none", "rc1-success",
        "quorum-full", "rc2-success", "cleanup-success", "children-complete",
        "rc3-success", "goodbye", "builtins-done", NULL,
    };
    const char *const follower[] = {
        "start", "builtins-success", "parent-ready", "sync-success", "rc1-none",
        "quorum-full", "shutdown", "cleanup-none", "children-none", "rc3-none",
        "goodbye", "builtins-done", NULL,
    };
    assert_int_equal (walk (leader), RUNLEVEL_EXIT);
    assert_int_equal (walk (follower), RUNLEVEL_EXIT);
}

/* Wherever it is hit, a broker that is told to stop, or loses its parent, gets to
 * the state where it waits for its children, and none comes back from there. */
static void test_ways_out (void **state)
{
    const enum runlevel before[] = { RUNLEVEL_JOIN, RUNLEVEL_CONFIG_SYNC,
                                     RUNLEVEL_QUORUM };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal (runlevel_next (before[i], "shutdown"), RUNLEVEL_SHUTDOWN);
        assert_int_equal (runlevel_next (before[i], "parent-fail"), RUNLEVEL_SHUTDOWN);
    }
    assert_int_equal (runlevel_next (RUNLEVEL_RUN, "panic"), RUNLEVEL_CLEANUP);
    assert_int_equal (runlevel_next (RUNLEVEL_RUN, "parent-fail"), RUNLEVEL_CLEANUP);
    assert_int_equal (runlevel_next (RUNLEVEL_INIT, "rc1-fail"), RUNLEVEL_SHUTDOWN);
    assert_int_equal (runlevel_next (RUNLEVEL_INIT, "shutdown"), RUNLEVEL_INIT);
    for (int l = RUNLEVEL_SHUTDOWN; l < RUNLEVEL_COUNT; l++) {
        assert_int_equal (runlevel_next (l, "shutdown"), l);
        assert_int_equal (runlevel_next (l, "quorum-full"), l);
        assert_int_equal (runlevel_next (l, "nonsense"), l);
    }
}

static void test_names (void **state)
{
    for (int l = 0; l < RUNLEVEL_COUNT; l++)
        assert_int_equal (runlevel_byname (runlevel_name (l)), l);
    assert_int_equal (runlevel_byname ("nonsense"), RUNLEVEL_COUNT);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_normal),
        cmocka_unit_test (test_ways_out),
        cmocka_unit_test (test_names),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
