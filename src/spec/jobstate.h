/* jobstate.h - the job state machine (RFC 21) as one pure function
 *
 * The manager, the lister and the commands all call it, so that they cannot
 * disagree.
 */
#ifndef SPEC_JOBSTATE_H
#define SPEC_JOBSTATE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>
#include <flux/core/job.h>

/* What the event log of a job so far says.  Plain value; zero-initialise with
 * jobstate_init(). */
struct jobstate {
    flux_job_state_t state;
    flux_job_result_t result;   /* 0 until INACTIVE */
    int64_t priority;           /* -1 until set */
    int urgency;
    uint32_t userid;
    int flags;
    double t_submit, t_depend, t_run, t_cleanup, t_inactive;
    int waitstatus;             /* of finish; -1 until then */
    bool has_resources;         /* alloc seen, free not */
    bool alloc_pending;         /* the owner's to keep; only read here: while it
                                 * is set there is no ACT_CLEAN */
    int prolog_count;
    int epilog_count;
    bool start_seen;
    bool finish_seen;
    bool release_final;
    bool exception_occurred;    /* any exception */
    int exception_severity;     /* most severe, the first of equals; 0 is fatal;
                                 * -1 if none.  Type, note and status are of the
                                 * same */
    int exception_wait_status;  /* of the task that caused it; -1 if not said */
    char exception_type[32];
    char exception_note[160];
    int dependency_count;       /* dependency-add minus dependency-remove */
    bool depend_posted;
};

/* What the manager must do next; bits.  START is given when the job may be
 * started and again when its last prolog action ends; FREE and CLEAN whenever
 * an event leaves nothing in their way, so each may come more than once and
 * means "if you have not asked already".  What no event tells is the owner's to
 * know: FREE is given for a job without a start event, and must then wait for
 * the final release if a start request is outstanding.  CANCEL_ALLOC and
 * CANCEL_EXEC are given whether or not there is a request to cancel.
 */
enum jobstate_action {
    JOBSTATE_ACT_VALIDATE = 1,      /* NEW */
    JOBSTATE_ACT_DEPEND = 2,        /* entered DEPEND: check dependencies */
    JOBSTATE_ACT_PRIORITY = 4,      /* entered PRIORITY: compute it */
    JOBSTATE_ACT_ALLOC = 8,         /* entered SCHED: ask the scheduler */
    JOBSTATE_ACT_START = 16,        /* entered RUN: start the job */
    JOBSTATE_ACT_CANCEL_ALLOC = 32, /* fatal exception before alloc */
    JOBSTATE_ACT_CANCEL_EXEC = 64,  /* fatal exception while running */
    JOBSTATE_ACT_FREE = 128,        /* CLEANUP: all released, give R back */
    JOBSTATE_ACT_CLEAN = 256,       /* CLEANUP: nothing outstanding: post clean */
    JOBSTATE_ACT_INACTIVE = 512,    /* became INACTIVE */
};

void jobstate_init (struct jobstate *js);
/* "DEPEND" etc. of one real state, NULL otherwise. */
const char *jobstate_name (flux_job_state_t state);
/* Apply one event.  Returns the bits of enum jobstate_action (>= 0), or
 * -EINVAL / -EPROTO with err->text if the event is malformed or not possible in
 * this state (then *js is unchanged).  Unknown events change nothing.  An
 * "invalidate" event makes the job INACTIVE (the owner then forgets it). */
int jobstate_apply (struct jobstate *js, double timestamp, const char *name,
                    const json_t *context, flux_error_t *err);

#endif /* !SPEC_JOBSTATE_H */
