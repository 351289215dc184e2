/* runlevel.h - the states of a broker, as a pure table
 *
 * What happens on entering a state is elsewhere (statemachine.h); here is only
 * which event takes the broker from which state to which.
 */
#ifndef BROKER_RUNLEVEL_H
#define BROKER_RUNLEVEL_H

enum runlevel {
    RUNLEVEL_NONE,
    RUNLEVEL_LOAD_BUILTINS,
    RUNLEVEL_JOIN,
    RUNLEVEL_CONFIG_SYNC,
    RUNLEVEL_INIT,
    RUNLEVEL_QUORUM,
    RUNLEVEL_RUN,
    RUNLEVEL_CLEANUP,
    RUNLEVEL_SHUTDOWN,
    RUNLEVEL_FINALIZE,
    RUNLEVEL_GOODBYE,
    RUNLEVEL_UNLOAD_BUILTINS,
    RUNLEVEL_EXIT,
    RUNLEVEL_COUNT,
};

const char *runlevel_name (enum runlevel level);      /* "join", "run", ... */
/* RUNLEVEL_COUNT if there is no such name. */
enum runlevel runlevel_byname (const char *name);
/* The state that 'event' ("rc1-success", ...) leads to, or 'level' itself if
 * the event means nothing there. */
enum runlevel runlevel_next (enum runlevel level, const char *event);

#endif /* !BROKER_RUNLEVEL_H */
