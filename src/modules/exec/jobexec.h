/* jobexec.h - the job-exec service on one broker
 *
 *   jobexec.c   the service: its requests, configuration, outbox
 *   request.c   rank 0: start requests
 *   job.c       rank 0: a job from start request to final release
 *   job_update.c   ... what it hears of its shells
 *   job_request.c  ... other requests about it
 *   end.c       rank 0: the termination sequence
 *   guest.c     rank 0: guest namespace and exec.eventlog
 *   mock.c      rank 0: jobs that are only simulated
 *   perrank.c   rank 0: shells by another subprocess service
 *   state.c     rank 0: which jobs were launched, for after a restart
 *   recover.c   rank 0: ... and what becomes of them
 *   reap.c      each broker: the end of processes without a shell
 *   part.c      each broker: what it does for a job
 *   part_shell.c   ... its shell here, started or taken over
 *   branch.c       ... and the brokers below
 *   barrier.c   each broker: the shells' barrier
 *   shell.c     each broker: one shell process
 *   update.c    what goes up
 *
 * What a turn of the reactor has to say to others is gathered in the outbox and
 * goes out at its end: commits first, then responses, so that whoever reads a
 * response finds what was written before it.
 */
#ifndef EXEC_JOBEXEC_H
#define EXEC_JOBEXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "base/hash.h"
#include "base/list.h"
#include "core/due.h"
#include "modules/exec/conf.h"
#include "modules/exec/request.h"

struct forkserver;
struct commits;
struct topo;
struct mocks;
struct parts;

struct jobexec {
    flux_t *h;
    flux_reactor_t *r;
    uint32_t rank;
    uint32_t size;
    uint32_t owner;               /* userid of the instance owner */
    struct execconf conf;
    int argc;                     /* the module's arguments */
    char **argv;
    struct topo *topo;
    struct parts *parts;          /* outlives the service */
    const char *local_uri;        /* of this broker */
    char **env;                   /* of every shell; strings "NAME=VALUE" */
    struct forkserver *forkserver; /* of our own shell, or NULL */
    flux_msg_handler_t **handlers;
    struct list_node reaps;       /* see recover.c */

    /* rank 0 */
    struct idhash *jobs;
    flux_future_t *f_hello;
    flux_watcher_t *hello_w;
    struct due due;               /* of the outbox */
    struct list_node responses;
    struct list_node guests;      /* that have events to commit */
    struct commits *commits;
    flux_kvs_txn_t *txn;          /* for the primary namespace */
    struct list_node logged;      /* see jobexec_log_future() */
    struct mocks *mocks;          /* timers of simulated jobs (mock.c) */
    struct lastspec lastspec;     /* of the start requests */
    struct list_node reap;        /* jobs to free at the end of this turn */
};

/* Respond with 'text' (JSON) to a request at the end of this turn.  0 or
 * -ENOMEM. */
int jobexec_respond (struct jobexec *ctx, const flux_msg_t *msg,
                     const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
/* The transaction that is committed at the end of this turn, or NULL. */
flux_kvs_txn_t *jobexec_txn (struct jobexec *ctx);
/* Commit it now: something that is sent now must come after it. */
void jobexec_flush_txn (struct jobexec *ctx);
/* There is something in the outbox. */
void jobexec_kick (struct jobexec *ctx);
/* Send what is in the outbox now. */
void jobexec_flush (struct jobexec *ctx);
/* Forget responses that wait for 'msg'. */
void jobexec_forget (struct jobexec *ctx, const flux_msg_t *msg);
/* Drop a future, with an error message, when it is fulfilled.  Takes f, which
 * may be NULL (errno is set). */
void jobexec_log_future (struct jobexec *ctx, flux_future_t *f, const char *what);

#endif /* !EXEC_JOBEXEC_H */
