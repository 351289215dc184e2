/* life_private.h - the parts of life.c
 *
 *   life.c          enters the states, their timers; the exit code
 *   life_proc.c     the process of a state
 *   life_begin.c    join, rc1, quorum, the initial program
 *   life_end.c      cleanup, shutdown, rc3, the end
 *   life_signal.c   what comes from outside meanwhile
 */
#ifndef BROKER_LIFE_PRIVATE_H
#define BROKER_LIFE_PRIVATE_H

#include <stdbool.h>

#include "base/list.h"
#include "broker/life.h"
#include "broker/lifelimits.h"
#include "broker/proc.h"

struct life {
    struct life_args args;
    struct statemachine *sm;
    struct proc *proc;             /* the one process of the present state */
    struct jobmemo *jobmemo;
    struct sdnotify *sdnotify;
    struct startlog *startlog;
    const char *proc_name;         /* "rc1", ... */
    struct list_node cleanups;
    struct stopjobs *stopjobs;
    bool jobs_stopped;
    bool force_cleanup;
    bool cleanup_failed;
    bool rc1_begun;
    bool in_runlevel_run;
    bool parent_gone;
    bool shutdown_asked;
    char *restore_path;
    char *dump_path;
    int goodbye_holds;
    bool goodbye_forced;
    struct lifelimits limits;
    int online;
    flux_watcher_t *warn;          /* of the present state */
    flux_watcher_t *timeout;
    int exit_code;
    int final_code;                /* what goes before exit_code, or -1 */
    int signals;                   /* terminating signals so far */
    double signal_time;
};

/* A timer of the present state, in seconds; none if 'after' is 0 or infinite. */
void life_arm (flux_watcher_t *w, double after, double repeat);

/* Run words, which are freed, or a command line, with the output in the log.  0 or -1,
 * logged. */
int life_run_words (struct life *l, const char *name, char **argv, proc_exit_f on_exit);
int life_run_logged (struct life *l, const char *name, const char *command,
                     proc_exit_f on_exit);
/* What FLUX_RC_EXTRA adds to rc1, rc3.  False: nothing. */
bool life_run_extra (struct life *l, const char *name, const char *sub, bool all,
                     proc_exit_f on_exit);
/* In its on_exit: log how it ended and remember the first failure as our own. */
int life_ended (struct life *l, int status);

void life_enter_join (struct life *l);
void life_enter_config_sync (struct life *l);
void life_enter_init (struct life *l);
void life_enter_quorum (struct life *l);
void life_enter_run (struct life *l);
void life_enter_cleanup (struct life *l);
void life_enter_shutdown (struct life *l);
void life_enter_finalize (struct life *l);
void life_enter_unload (struct life *l);

/* Wait no more for what cleanup does. */
void life_stop_cleanup (struct life *l);
void life_clear_cleanups (struct life *l);
/* A module that runs on cannot be taken apart around it. */
void life_give_up_modules (struct life *l);

#endif /* !BROKER_LIFE_PRIVATE_H */
