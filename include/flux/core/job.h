/* job.h - job ids, states and the job clients (RFC 19, 21; man3 flux_job_timeleft)
 */
#ifndef _FLUX_CORE_JOB_H
#define _FLUX_CORE_JOB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of flux_job_submit(). */
enum job_submit_flags {
    FLUX_JOB_PRE_SIGNED = 1,
    FLUX_JOB_DEBUG = 2,
    FLUX_JOB_WAITABLE = 4,
    FLUX_JOB_NOVALIDATE = 8,
};

/* Flags of flux_job_event_watch(). */
enum job_event_watch_flags {
    FLUX_JOB_EVENT_WATCH_WAITCREATE = 1,
    FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL = 2,
};

/* Flags of job-info.lookup (RFC 41). */
enum job_lookup_flags {
    FLUX_JOB_LOOKUP_JSON_DECODE = 1,
    FLUX_JOB_LOOKUP_CURRENT = 2,
};

/* Range of a job's priority (RFC 21). */
enum job_queue_priority {
    FLUX_JOB_PRIORITY_MIN = 0,
    FLUX_JOB_PRIORITY_MAX = 4294967295,
};

typedef enum {
    FLUX_JOB_RESULT_COMPLETED = 1,
    FLUX_JOB_RESULT_FAILED = 2,
    FLUX_JOB_RESULT_CANCELED = 4,
    FLUX_JOB_RESULT_TIMEOUT = 8,
} flux_job_result_t;

typedef enum {
    FLUX_JOB_STATE_NEW = 1,
    FLUX_JOB_STATE_DEPEND = 2,
    FLUX_JOB_STATE_PRIORITY = 4,
    FLUX_JOB_STATE_SCHED = 8,
    FLUX_JOB_STATE_PENDING = 14,
    FLUX_JOB_STATE_RUN = 16,
    FLUX_JOB_STATE_CLEANUP = 32,
    FLUX_JOB_STATE_RUNNING = 48,
    FLUX_JOB_STATE_ACTIVE = 62,
    FLUX_JOB_STATE_INACTIVE = 64,
} flux_job_state_t;

enum job_urgency {
    FLUX_JOB_URGENCY_HOLD = 0,
    FLUX_JOB_URGENCY_MIN = 0,
    FLUX_JOB_URGENCY_DEFAULT = 16,
    FLUX_JOB_URGENCY_EXPEDITE = 31,
    FLUX_JOB_URGENCY_MAX = 31,
};

#define FLUX_JOBID_ANY 0xFFFFFFFFFFFFFFFF
#define FLUX_JOB_NR_STATES 7

typedef uint64_t flux_jobid_t;

/* Raise a fatal exception of type cancel.  reason may be NULL.  NULL: errno. */
flux_future_t *flux_job_cancel (flux_t *h, flux_jobid_t id, const char *reason);

/* Follow an eventlog of a job (RFC 41): path is "eventlog", "guest.exec.eventlog", ...
 * The future is fulfilled once an entry: flux_job_event_watch_get(), then
 * flux_future_reset(); it ends with ENODATA.  NULL: errno. */
flux_future_t *flux_job_event_watch (flux_t *h,
                                     flux_jobid_t id,
                                     const char *path,
                                     int flags);

/* End the stream: ENODATA follows.  0, or -1 with errno (EINVAL: not such a future). */
int flux_job_event_watch_cancel (flux_future_t *f);

/* The entry as one line of text with its newline, borrowed from the future; NULL for the
 * sentinel of FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL.  0, or -1 with errno. */
int flux_job_event_watch_get (flux_future_t *f, const char **event);

/* Write a job id in a form of RFC 19: "dec" (also for NULL), "hex", "dothex", "f58",
 * "f58plain", "words", "emoji", or "kvs" (its directory in the KVS).  FLUX_F58_FORCE_ASCII in the
 * environment makes f58 plain.  0, or -1 with errno: EPROTO (no such form), EOVERFLOW. */
int flux_job_id_encode (flux_jobid_t id,
                        const char *type,
                        char *buf,
                        size_t bufsz);

/* Read a job id in any form, also "job." and dothex; spaces around it are ignored.  0, or -1
 * with errno EINVAL or ERANGE. */
int flux_job_id_parse (const char *s, flux_jobid_t *id);

/* Send a signal to the tasks of a running job.  NULL: errno. */
flux_future_t *flux_job_kill (flux_t *h, flux_jobid_t id, int signum);

/* The key of something in the job's guest namespace: below job.ID.guest, or as it is where
 * FLUX_KVS_NAMESPACE is set (within the job).  Returns its length, or -1 with errno EOVERFLOW. */
int flux_job_kvs_guest_key (char *buf,
                            int bufsz,
                            flux_jobid_t id,
                            const char *key);

/* The key job.ID or, if key is not NULL, job.ID.KEY (RFC 16).  Returns its length, or -1
 * with errno EOVERFLOW. */
int flux_job_kvs_key (char *buf, int bufsz, flux_jobid_t id, const char *key);

/* The name of the guest namespace of a job.  Returns its length, or -1 with errno EOVERFLOW. */
int flux_job_kvs_namespace (char *buf, int bufsz, flux_jobid_t id);

/* Ask for attributes of a job (RFC 43); attrs_json_str is a JSON array of their names.  The
 * response is {"job":{..}}: flux_rpc_get_unpack().  NULL: errno. */
flux_future_t *flux_job_list_id (flux_t *h,
                                 flux_jobid_t id,
                                 const char *attrs_json_str);

/* Raise an exception (RFC 21): severity is 0 (ends the job) to 7; note may be NULL.  NULL:
 * errno. */
flux_future_t *flux_job_raise (flux_t *h,
                               flux_jobid_t id,
                               const char *type,
                               int severity,
                               const char *note);

/* Wait for a job to become inactive, and make its result from its eventlog.  flags is 0.
 * NULL: errno. */
flux_future_t *flux_job_result (flux_t *h, flux_jobid_t id, int flags);

/* The result as a JSON object with attributes of RFC 43 (id, result, waitstatus, t_run,
 * exception_type, ..., and runtime), borrowed from the future.  0, or -1 with errno. */
int flux_job_result_get (flux_future_t *f, const char **json_str);

/* The same, taken apart by a jansson format. */
int flux_job_result_get_unpack (flux_future_t *f, const char *fmt, ...);

/* The name of a result: fmt is "L" (also for NULL) COMPLETED, "l" completed, "S" CD, "s" cd.
 * Never NULL. */
const char *flux_job_resulttostr (flux_job_result_t result, const char *fmt);

/* Change the urgency of a pending job (RFC 30).  NULL: errno. */
flux_future_t *flux_job_set_urgency (flux_t *h, flux_jobid_t id, int urgency);

/* The name of a state, also of the virtual ones PENDING, RUNNING, ACTIVE: fmt is "L" (also
 * for NULL) DEPEND, "l" depend, "S" D, "s" d.  Never NULL. */
const char *flux_job_statetostr (flux_job_state_t state, const char *fmt);

/* A result from its long or short name, in any case.  0, or -1 with errno EINVAL. */
int flux_job_strtoresult (const char *s, flux_job_result_t *result);

/* A state from its long or short name, in any case.  0, or -1 with errno EINVAL. */
int flux_job_strtostate (const char *s, flux_job_state_t *state);

/* Submit a job.  jobspec is its JSON text, which is signed with mechanism none (RFC 39), or J
 * itself with FLUX_JOB_PRE_SIGNED.  NULL: errno.  The future fails with the reason why the job
 * was refused. */
flux_future_t *flux_job_submit (flux_t *h,
                                const char *jobspec,
                                int urgency,
                                int flags);

/* 0 and the id of the new job, or -1 with errno. */
int flux_job_submit_get_id (flux_future_t *f, flux_jobid_t *id);

/* Seconds that the enclosing job (FLUX_JOB_ID) or instance may still run: INFINITY without a
 * limit, 0 if it is over.  Blocks.  0, or -1 with errno and errp->text (man3 flux_job_timeleft). */
int flux_job_timeleft (flux_t *h, flux_error_t *errp, double *timeleft);

/* Wait for a job submitted with FLUX_JOB_WAITABLE to end, or for the next one that does
 * (FLUX_JOBID_ANY).  A result is given out once; ECHILD if there is nothing to wait for.  NULL:
 * errno. */
flux_future_t *flux_job_wait (flux_t *h, flux_jobid_t id);

/* 0 and the id of the job that ended, or -1 with errno. */
int flux_job_wait_get_id (flux_future_t *f, flux_jobid_t *id);

/* Whether it succeeded, and if not why (borrowed from the future).  Outputs may be NULL.  0,
 * or -1 with errno. */
int flux_job_wait_get_status (flux_future_t *f,
                              bool *success,
                              const char **errstr);

/* The exit code that a command should end with for a job that has this wait status: 128 plus
 * the number for a signal.  errp->text says what happened, or is empty for success.  -1 with
 * errno EINVAL if it is no wait status of a process that ended. */
int flux_job_waitstatus_to_exitcode (int waitstatus, flux_error_t *errp);

/* The payload of a signed string (RFC 39); the caller frees.  With verify the signature must
 * be of mechanism none and of the caller.  userid (may be NULL) is the claimed one.  NULL:
 * errno, error->text. */
char *flux_unwrap_string (const char *in,
                          bool verify,
                          uint32_t *userid,
                          flux_error_t *error);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_JOB_H */
