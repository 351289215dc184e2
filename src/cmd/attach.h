/* attach.h - follow a job on this terminal (flux-job(1), attach), for flux run,
 * flux alloc and flux job attach
 */
#ifndef CMD_ATTACH_H
#define CMD_ATTACH_H

#include <stdbool.h>
#include <flux/core.h>

struct attach_opts {
    bool label;              /* -l: prefix output with its rank */
    bool read_only;          /* no stdin, no signals */
    bool show_events;
    bool show_exec;
    bool show_status;
    bool debug;              /* show the tasks to a debugger (mpir.h); also if there is one */
    int verbose;
    int tail;                /* > 0: only that many last lines */
    const char *stdin_ranks; /* idset, or NULL for all */
    const char *wait_event;  /* NULL: finish */
};

/* Does not return before the job is done (or detached).  Returns the exit code
 * for the process: the job's own, 128+signal, or 1 with an error shown. */
int attach_job (flux_t *h, flux_jobid_t id, const struct attach_opts *opts);

/* The exit code that says what a job's wait status says. */
int attach_exit_code (int waitstatus);

#endif /* !CMD_ATTACH_H */
