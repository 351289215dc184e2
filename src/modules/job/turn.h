/* turn.h - one KVS commit for all that happened in a turn of the loop
 *
 *   turn 1: events of jobs a, b  ──► commit 1 ─────► answered: release what waits
 *   turn 2: events of a, c          ┄ gathered ┄  ──► commit 2 ──► ...
 *
 * Nothing that follows from an event leaves the job part before the commit
 * that records it is answered: replies, requests to the scheduler and the
 * execution service, entries for followers of eventlogs are held with the
 * commit and released in order when its answer comes.
 *
 * An event that nothing follows from (start) waits a little for the next one, unless
 * someone follows the log: of a short job both are one commit.
 *
 * A commit that fails is tried again each second, without the jobs that are
 * new in it: their submitters are told the error and the jobs are undone.
 * Meanwhile turn_error() tells it, so that new jobs can be refused at once.
 */
#ifndef JOB_TURN_H
#define JOB_TURN_H

#include <flux/core.h>

#include "modules/job/table.h"

struct turn;

struct turn_ops {
    /* The part of the job's log from 'from' to log_committed is now in the KVS. */
    void (*committed) (struct job *job, size_t from, void *arg);
    /* A new job could not be recorded: forget it. */
    void (*undone) (struct job *job, void *arg);
};

typedef void (*turn_f) (struct job *job, void *arg);

/* The commits go out on h. */
struct turn *turn_new (flux_t *h, struct jobtab *t, const struct turn_ops *ops,
                         void *arg);
/* In an instance that keeps no state over its end, what is held goes out behind the
 * commit instead of after its answer, and all that nobody waits for may be gathered
 * for a few milliseconds.  The default is durable. */
void turn_set_durable (struct turn *b, bool durable);
bool turn_durable (const struct turn *b);
/* Someone follows what was gathered: commit it at the end of this turn; or, before
 * an answer is made from what is committed, now (if durable: as soon as it can be). */
void turn_hurry (struct turn *b);
void turn_flush (struct turn *b);
/* Responses that are held are left in the table for turn_resume(), other calls are
 * dropped; a commit under way is taken as done. */
void turn_free (struct turn *b);
/* The table is complete: hold what the turn before has left. */
void turn_resume (struct turn *b);
/* Drop what a turn has left, unanswered. */
void turn_drop_left (struct jobtab *t);

/* The job has more in its log, or put_J, put_jobspec, put_R set.  What is not urgent
 * may be gathered for a few milliseconds. */
void turn_dirty (struct turn *b, struct job *job, bool urgent);
/* Another key to write (value) or to unlink (NULL).  0 or -ENOMEM. */
int turn_put (struct turn *b, const char *key, const char *value);

/* Call fn (job, arg) when all that was gathered so far is committed: now, if
 * nothing is waiting.  Not called if the job is undone.  'job' may be NULL. */
void turn_hold (struct turn *b, turn_f fn, struct job *job, void *arg);
/* The same for a response to 'req' on h; takes payload (allocated text, or
 * NULL).  If the job is undone the response becomes an error. */
void turn_respond (struct turn *b, flux_t *h, const flux_msg_t *req, char *payload,
                    struct job *job);
/* The same for an error response, so that it does not overtake. */
void turn_respond_error (struct turn *b, flux_t *h, const flux_msg_t *req, int errnum,
                          const char *text);
/* h is about to be closed: responses held for it go out on the turn's own. */
void turn_adopt (struct turn *b, flux_t *h);

/* The errno with which commits fail at present, 0 if they do not. */
int turn_error (const struct turn *b);
bool turn_idle (const struct turn *b);

#endif /* !JOB_TURN_H */
