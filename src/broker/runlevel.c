/* runlevel.c - the states of a broker
 *
 *   none -> load-builtins -> join -> config-sync -> init -> quorum -> run
 *        -> cleanup -> shutdown -> finalize -> goodbye -> unload-builtins -> exit
 *
 * Each failure before run goes straight to shutdown, so that the children are
 * waited for and rc3 undoes what rc1 did.
 */
#include <stddef.h>

#include "broker/runlevel.h"

static const char *const names[RUNLEVEL_COUNT] = {
    [RUNLEVEL_NONE] = "none",
    [RUNLEVEL_LOAD_BUILTINS] = "load-builtins",
    [RUNLEVEL_JOIN] = "join",
    [RUNLEVEL_CONFIG_SYNC] = "config-sync",
    [RUNLEVEL_INIT] = "init",
    [RUNLEVEL_QUORUM] = "quorum",
    [RUNLEVEL_RUN] = "run",
    [RUNLEVEL_CLEANUP] = "cleanup",
    [RUNLEVEL_SHUTDOWN] = "shutdown",
    [RUNLEVEL_FINALIZE] = "finalize",
    [RUNLEVEL_GOODBYE] = "goodbye",
    [RUNLEVEL_UNLOAD_BUILTINS] = "unload-builtins",
    [RUNLEVEL_EXIT] = "exit",
};

static const struct {
    enum runlevel from;
    const char *event;
    enum runlevel to;
} edges[] = {
    { RUNLEVEL_NONE, "start", RUNLEVEL_LOAD_BUILTINS },
    { RUNLEVEL_LOAD_BUILTINS, "builtins-success", RUNLEVEL_JOIN },
    { RUNLEVEL_LOAD_BUILTINS, "builtins-fail", RUNLEVEL_UNLOAD_BUILTINS },
    { RUNLEVEL_JOIN, "parent-ready", RUNLEVEL_CONFIG_SYNC },
    { RUNLEVEL_JOIN, "parent-none", RUNLEVEL_CONFIG_SYNC },
    { RUNLEVEL_JOIN, "parent-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_JOIN, "parent-timeout", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_JOIN, "shutdown", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_CONFIG_SYNC, "sync-success", RUNLEVEL_INIT },
    { RUNLEVEL_CONFIG_SYNC, "sync-none", RUNLEVEL_INIT },
    { RUNLEVEL_CONFIG_SYNC, "sync-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_CONFIG_SYNC, "parent-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_CONFIG_SYNC, "shutdown", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_INIT, "rc1-none", RUNLEVEL_QUORUM },
    { RUNLEVEL_INIT, "rc1-success", RUNLEVEL_QUORUM },
    { RUNLEVEL_INIT, "rc1-ignorefail", RUNLEVEL_QUORUM },
    { RUNLEVEL_INIT, "rc1-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_QUORUM, "quorum-full", RUNLEVEL_RUN },
    { RUNLEVEL_QUORUM, "quorum-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_QUORUM, "parent-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_QUORUM, "shutdown", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_QUORUM, "panic", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_RUN, "rc2-success", RUNLEVEL_CLEANUP },
    { RUNLEVEL_RUN, "rc2-fail", RUNLEVEL_CLEANUP },
    { RUNLEVEL_RUN, "shutdown", RUNLEVEL_CLEANUP },
    { RUNLEVEL_RUN, "panic", RUNLEVEL_CLEANUP },
    { RUNLEVEL_RUN, "parent-fail", RUNLEVEL_CLEANUP },
    { RUNLEVEL_CLEANUP, "cleanup-none", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_CLEANUP, "cleanup-success", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_CLEANUP, "cleanup-fail", RUNLEVEL_SHUTDOWN },
    { RUNLEVEL_SHUTDOWN, "children-none", RUNLEVEL_FINALIZE },
    { RUNLEVEL_SHUTDOWN, "children-complete", RUNLEVEL_FINALIZE },
    { RUNLEVEL_SHUTDOWN, "children-timeout", RUNLEVEL_FINALIZE },
    { RUNLEVEL_FINALIZE, "rc3-none", RUNLEVEL_GOODBYE },
    { RUNLEVEL_FINALIZE, "rc3-success", RUNLEVEL_GOODBYE },
    { RUNLEVEL_FINALIZE, "rc3-fail", RUNLEVEL_GOODBYE },
    { RUNLEVEL_GOODBYE, "goodbye", RUNLEVEL_UNLOAD_BUILTINS },
    { RUNLEVEL_UNLOAD_BUILTINS, "builtins-done", RUNLEVEL_EXIT },
    { RUNLEVEL_UNLOAD_BUILTINS, "builtins-unload-fail", RUNLEVEL_EXIT },
};

const char *runlevel_name (enum runlevel level)
{
    return level < RUNLEVEL_COUNT ? names[level] : "unknown";
}

enum runlevel runlevel_byname (const char *name)
{
    int i = 0;

    while (i < RUNLEVEL_COUNT && strcmp (names[i], name) != 0)
        i++;
    return i;
}

enum runlevel runlevel_next (enum runlevel level, const char *event)
{
    for (size_t i = 0; i < sizeof (edges) / sizeof (edges[0]); i++)
        if (edges[i].from == level && !strcmp (edges[i].event, event))
            return edges[i].to;
    return level;
}
