/* jobinstance.h - what a job that is an instance says of itself (flux-jobs(1), instance.*)
 */
#ifndef CMD_JOBINSTANCE_H
#define CMD_JOBINSTANCE_H

#include <flux/core.h>
#include <jansson.h>

/* Where a running job can be reached as an instance; NULL: it is none.  Borrowed. */
const char *jobinstance_uri (const json_t *job);
/* Connect to it, without ssh if it is on this host.  A broker that does not answer is waited
 * for a few seconds.  NULL with err->text. */
flux_t *jobinstance_open (const json_t *job, flux_error_t *err);

/* Ask the instance h, and put the answer into the job as "instance":
 *   {"stats": {"total", "pending", "running", "successful", "failed", "canceled", "timeout",
 *     "inactive"}, "utilization", "gpu_utilization", "progress",
 *    "resources": {STATE: {"ncores", "ngpus"}}}
 * What does not answer is left out. */
void jobinstance_ask (json_t *job, flux_t *h);

/* The same of all in an array of jobs that are instances and can be reached, of up to
 * 'threads' at a time (0: four more than there are processors, at most 32). */
void jobinstance_ask_all (json_t *jobs, int threads);

/* A new reference to the value of "instance.FIELD" (field without the prefix), or NULL. */
json_t *jobinstance_value (const json_t *job, const char *field);

#endif /* !CMD_JOBINSTANCE_H */
