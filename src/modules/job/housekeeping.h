/* housekeeping.h - what an administrator has run on the ranks of a job after it
 * (flux-housekeeping(1), flux-config-job-manager(5))
 *
 *   release of some ranks, free ─► housekeeping_take ─► the command on each of them
 *                                                        │ ended
 *                                     [release-after] ◄──┘
 *                                          └─► sched.free of those that are done
 *
 * The job may be inactive, or forgotten, meanwhile: what is needed of it is in a record
 * of its own.  Records are in the table of jobs and, with a state directory, in the KVS
 * ("checkpoint.job-manager.housekeeping.ID"): when the service or the instance is
 * started again the command is run again where it had not ended, on ranks that are
 * offline as soon as they are online.
 */
#ifndef JOB_HOUSEKEEPING_H
#define JOB_HOUSEKEEPING_H

#include "modules/job/mgr.h"

struct rset;

#define HOUSEKEEPING_DIR "checkpoint.job-manager.housekeeping"

struct housekeeping *housekeeping_new (struct mgr *m);
/* Records stay in the table; what runs is left to itself. */
void housekeeping_free (struct housekeeping *hk);
/* The table job-manager.housekeeping; jobs under way keep theirs.  0, or a negative errno
 * with err->text. */
int housekeeping_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err);

/* These ranks of the job, or all that is left (NULL), are free.  False: there is nothing
 * to be done about them, they go to the scheduler at once. */
bool housekeeping_take (struct mgr *m, struct job *job, const struct idset *ranks);
/* Are resources of the job here?  Then its R must stay, and hello is told of it by
 * housekeeping_hello() alone. */
bool housekeeping_holds (const struct mgr *m, flux_jobid_t id);
/* Answer sched-hello for each record. */
void housekeeping_hello (struct mgr *m, const flux_msg_t *msg);

/* A record of the KVS, while it is being read. */
void housekeeping_restore (struct mgr *m, const char *text);
/* All records and jobs are there: go on. */
void housekeeping_resume (struct mgr *m);
/* Drop all records of the table. */
void housekeeping_drop (struct jobtab *t);

/* {"running": {ID: {"t_start", "allocated": ids, "pending": ids}}}, a new reference. */
json_t *housekeeping_stats (const struct mgr *m);

#endif /* !JOB_HOUSEKEEPING_H */
