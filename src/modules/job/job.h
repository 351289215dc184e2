/* job.h - the job services, for the table of built-ins
 *
 * All run in the thread "job", on rank 0 only: requests from other ranks come
 * up the tree by themselves.  README.md has the messages.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include "core/builtin.h"

extern const struct builtin job_manager_builtin;
extern const struct builtin job_ingest_builtin;
extern const struct builtin job_list_builtin;
extern const struct builtin job_info_builtin;
extern const struct builtin_data job_builtin_data;

#endif /* !JOB_JOB_H */
