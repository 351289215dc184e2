/* records.h - records of finished jobs, so that a restart need not read them all
 *
 *   job ends ──► batch ──(RECORDS_BATCH jobs)──► checkpoint.job-manager.inactive.N.jobs
 *                                                    │ restart
 *             the table, job->confirmed false  ◄─────┘
 *   a directory job.ID with a job in the table:  confirmed
 *   a directory without:  eventlog, jobspec and R are read, and it goes to the batch
 *                         when there is time
 *   a job without directory (it was purged):  dropped
 *
 * The truth are the directories: a record only saves the reading of one.  It is
 * written after the job's last event, which nothing follows, and so is never stale; a
 * crash loses at most the records of the batch.  When the last job of a set N is
 * purged, the set goes.  An instance that keeps nothing has no records.
 */
#ifndef JOB_RECORDS_H
#define JOB_RECORDS_H

#include "modules/job/mgr.h"

enum { RECORDS_BATCH = 128 };

#define RECORDS_DIR "checkpoint.job-manager.inactive"

struct records *records_new (struct mgr *m);
void records_free (struct records *rs);

/* The job is inactive, has no active part, and its last event is committed. */
void records_add (struct mgr *m, struct job *job);
/* The job leaves the table. */
void records_gone (struct mgr *m, const struct job *job);

/* Take the jobs of set 'n' (> 0) into the table; job->confirmed is false. */
void records_load (struct mgr *m, unsigned int n, const char *text);
/* All is read: drop what was not confirmed, record what has no record.  Also after
 * the service was loaded again. */
void records_settle (struct mgr *m);

#endif /* !JOB_RECORDS_H */
