/* recover.h - rank 0: a running job whose broker has gone and come back
 *
 * If its exec.eventlog says that it is recoverable, and its shells can find this
 * instance, they are taken over (job_take_over ()).  Else they end by themselves when they
 * lose their broker (shell/orphan.c), but only what each rank of the job says proves it:
 * it gives them a second, kills what is left there (reap.h) and answers when nothing is.
 * Then the job ends: by what its exec.eventlog says, if all its shells had ended before,
 * else by an exception.  A rank that does not answer in time is drained, so that nothing
 * is started beside processes which may still be there.
 *
 *   rank 0                             each rank of the job      kvs
 *     lookup guest, exec.eventlog ──────────────────────────────► │
 *     job-exec.reap {tag} ─────────────► kill, look, kill ...
 *     ◄── {killed} ──────────────────── none is left
 *     ──► job manager: reattached, exception, finish, release
 */
#ifndef EXEC_RECOVER_H
#define EXEC_RECOVER_H

#include <flux/core.h>

struct job;
struct recovery;

/* 0, or a negative errno with err->text.  The job ends from the reactor. */
int recovery_start (struct job *job, flux_error_t *err);
void recovery_free (struct recovery *rv);

/* Each broker: job-exec.reap */
void reap_request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg);
struct list_node;
void reap_requests_free (struct list_node *requests);

#endif /* !EXEC_RECOVER_H */
