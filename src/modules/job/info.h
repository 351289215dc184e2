/* info.h - job-info: keys of a job's KVS directory, for its owner (RFC 41)
 */
#ifndef JOB_INFO_H
#define JOB_INFO_H

#include "modules/job/table.h"

int info_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err);
void info_stop (void *ctx);

/* The job's log from 'from' to log_committed may be seen now. */
void info_committed (struct jobtab *t, struct job *job, size_t from);
/* jobspec or R changed: tell job-info.update-watch. */
void info_updated (struct jobtab *t, struct job *job);
/* The job leaves the table, or is undone. */
void info_job_gone (struct jobtab *t, struct job *job);
/* The directory of an inactive job will not change any more. */
void info_freeze (struct jobtab *t, struct job *job);

#endif /* !JOB_INFO_H */
