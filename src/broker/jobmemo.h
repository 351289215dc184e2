/* jobmemo.h - where this instance can be reached, told to the one it is a job of
 *
 *   rank 0 ──job-manager.memo {"id", "memo": {"uri": "ssh://HOST/PATH"}}──► parent
 *
 * flux uri, proxy, jobs -R and others find it in the job's annotations as user.uri.
 */
#ifndef BROKER_JOBMEMO_H
#define BROKER_JOBMEMO_H

#include <flux/core.h>
#include "broker/attr.h"
#include "broker/log.h"

struct jobmemo;

/* Send it; nobody waits for the answer, and a failure is logged.  NULL if this
 * instance is no job, or it could not be sent. */
struct jobmemo *jobmemo_post (flux_t *h, const struct attrs *attrs, struct broker_log *log);
void jobmemo_free (struct jobmemo *m);

#endif /* !BROKER_JOBMEMO_H */
