/* sched_private.h - what the files of sched-simple share
 *
 * sched_simple.c starts and ends the rest and owns the handlers; peers.c follows the
 * resource service and the job manager, and uses queue.c and questions.c, which know
 * nothing of it or of each other.
 */
#ifndef SCHED_SIMPLE_SCHED_PRIVATE_H
#define SCHED_SIMPLE_SCHED_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "base/hash.h"
#include "base/tree.h"
#include "modules/sched-simple/rpool.h"
#include "modules/sched/supply.h"
#include "modules/sched/hello.h"
#include "modules/sched/specs.h"
#include "spec/jobspec.h"

/* Why a jobspec that is none of its kind is refused. */
#define ONLY_SIMPLE \
    "sched-simple handles only requests of the form [node >] slot > core [, gpu]"

struct sched {
    flux_t *h;
    flux_msg_handler_t **handlers;
    struct rpool *pool;        /* NULL: resources are not known yet */
    enum rpool_mode mode;
    int limit;                 /* 0: unlimited */
    struct tree queue;
    struct idhash *jobs;       /* id -> struct pending */
    struct idhash *allocated;  /* ids that have resources */
    struct specs *specs;
    struct supply *supply;
    struct hello *hello;
    struct flux_msglist *early;     /* feasibility.check, resource-status */
    flux_watcher_t *prep;      /* schedule at the end of the turn */
    flux_watcher_t *reason;    /* tell the head why it waits */
    uint64_t passes, allocs;
};

/* -- queue.c: what waits, and its turn -- */

/* Part of *s; everything is released by queue_release(), also after a failure.
 * 0 or -ENOMEM. */
int queue_init (struct sched *s);
void queue_release (struct sched *s);
/* Schedule at the end of this turn of the loop. */
void queue_kick (struct sched *s);
/* All that wait: forgotten without an answer; checked again, as there are fewer
 * resources; answered with ENOSYS. */
void queue_clear (struct sched *s);
void queue_recheck (struct sched *s);
void queue_refuse (struct sched *s);

void alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* -- questions.c: feasibility.check, sched.resource-status -- */

/* Answered now, or by questions_answer() when the resources are known. */
void question_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void questions_answer (struct sched *s);

/* -- peers.c: what the job manager and the resource service tell -- */

int peers_init (struct sched *s);
void peers_release (struct sched *s);

#endif /* !SCHED_SIMPLE_SCHED_PRIVATE_H */
