/* job.h - a job on rank 0, from the start request to the final release
 *
 *   start request ─► guest namespace ─► launch ─► start response
 *                                         │
 *        exception, time limit ─► end ────┤
 *                                         ▼
 *              all shells ended ─► guest done ─► finish, release responses
 */
#ifndef EXEC_JOB_H
#define EXEC_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/list.h"
#include "modules/exec/update.h"

struct guest;
struct hash;
struct idset;
struct jobexec;
struct mock;
struct part;
struct perrank;
struct recovery;

/* The termination sequence (end.c). */
struct ending {
    bool active;
    double t0;
    double backoff;
    int signum;                  /* for the tasks, at first */
    int kill_count;
    int kill_shell_count;
    flux_watcher_t *w;
};

/* Valid until the end of the turn in which it ends, so that callers need not
 * care whether what they call ends it. */
struct job {
    struct list_node reap_node;
    struct jobexec *ctx;
    uint64_t id;
    uint32_t userid;
    char idf58[32];
    const flux_msg_t *req;       /* NULL: the job manager has gone */
    struct list_node backlog;    /* responses for when it is back */

    struct idset *ranks;
    struct idset *active;        /* shells that have not ended */
    struct idset *critical;      /* NULL: all */
    struct idset *lost;          /* that others were told of; NULL: none */
    uint32_t leader;
    size_t nranks;
    size_t nstarted;
    bool reattach;
    bool start_told;
    bool fatal;                  /* has a fatal exception */
    bool barrier_passed;
    bool recoverable;            /* its shells may outlive a broker */
    bool recovered;              /* ... and were launched by one that is gone */
    bool finalizing;
    bool complete_told;          /* before a restart */
    int status;                  /* greatest wait status so far */
    int exception_status;        /* of the task that ended the job, or -1 */

    struct guest *guest;
    struct part *part;           /* how its shells run: one of these */
    struct perrank *perrank;
    struct mock *mock;
    struct recovery *recovery;   /* after a restart of the broker */
    flux_future_t *f_J;          /* looking up J, before the launch */

    struct ending ending;
    double expiration;
    flux_watcher_t *expiration_w;
    flux_watcher_t *leader_w;    /* others must follow the leader's exit */
    struct hash *barriers;       /* name: idset of ranks that are in it */
    flux_watcher_t *barrier_w;
};

/* Requests on rank 0 */
void job_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void job_exception_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg);
void job_kill_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg);
void job_kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void job_expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg);
void job_critical_ranks_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg);
/* The sender of 'msg' has gone: true if it was the job manager of any job. */
bool jobs_disconnect (struct jobexec *ctx, const flux_msg_t *msg);
/* Object of job id: statistics. */
json_t *jobs_stats (struct jobexec *ctx);

void execjob_free (struct job *job);
/* Respond to the start request; 'data' is JSON text. */
void job_respond (struct job *job, const char *type, const char *data);
/* Raise an exception by a response; a fatal one ends the job. */
void job_raise (struct job *job, int severity, const char *type, const char *fmt, ...)
    __attribute__ ((format (printf, 4, 5)));
/* The same, with an exception's context, which it takes. */
void job_raise_data (struct job *job, int severity, const char *type, json_t *data);
/* The host of a rank, in 'buf'. */
const char *job_host (struct job *job, uint32_t rank, char *buf, size_t size);
/* Seconds since the epoch; 0: none. */
void job_set_expiration (struct job *job, double expiration);
/* News of shells, from any method. */
void job_update (struct update *u, void *arg);
/* Signal tasks, or (kill) shells, that are active. */
void job_signal (struct job *job, int signum, bool kill);
/* Take over its shells, which a broker that is gone has launched; 'active' are those
 * that had not ended, 'status' the greatest wait status of the others; 'critical' is set. */
int job_take_over (struct job *job, const struct idset *active, int status,
                   flux_error_t *err);
/* The leader has ended well: others must follow within exec.shell-exit-timeout. */
void job_limit_others (struct job *job);
/* If no shell is left, wind up. */
void job_check_done (struct job *job);
/* Shells that are in a barrier, from any method. */
void job_barrier (struct job *job, const char *name, const struct idset *ranks);

/* end.c: begin to end the job because of an exception of that type. */
void execjob_end (struct job *job, const char *type);
void ending_release (struct ending *e);

/* mock.c: jobspec attributes.system.exec.test, or NULL. */
json_t *mock_attr (const json_t *jobspec);
/* 0, or a negative errno with err->text. */
int mock_start (struct job *job, const json_t *jobspec, flux_error_t *err);
void mock_signal (struct job *job, int signum);
void mock_free (struct mock *m);
struct mocks;
void mocks_free (struct mocks *ms);
void mock_override_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg);

/* perrank.c: shells by a subprocess service other than rexec. */
int perrank_start (struct job *job, const json_t *jobspec, flux_error_t *err);
void perrank_signal (struct job *job, int signum, bool kill);
void perrank_ask_shells (struct job *job, const char *method, const char *args);
void perrank_release_barrier (struct job *job, const char *name, int errnum);
/* A shell of rank 'rank' asks to enter; answered with perrank_release_barrier().
 * 0 or a negative errno. */
int perrank_enter_barrier (struct job *job, const char *name, uint32_t rank,
                           const flux_msg_t *msg);
void perrank_free (struct perrank *pr);

#endif /* !EXEC_JOB_H */
