/* qmanager_private.h - what the files of sched-fluxion-qmanager share
 *
 * qmanager.c is the module and follows the graph and the job manager; qalloc.c has the
 * requests that wait; both know the library's queues (graph/queue.h).
 */
#ifndef SCHED_FLUXION_QMANAGER_PRIVATE_H
#define SCHED_FLUXION_QMANAGER_PRIVATE_H

#include <flux/core.h>

#include "base/hash.h"
#include "graph/queue.h"
#include "modules/sched-fluxion/conf.h"
#include "modules/sched-fluxion/shared.h"
#include "modules/sched/hello.h"
#include "modules/sched/specs.h"

#define QMANAGER_DEFAULT "default"     /* the queue, when none are configured */

struct qmanager {
    flux_t *h;
    struct fluxion *fx;
    struct listener listener;
    struct conf_args args;
    struct qmanager_conf *conf;
    struct hash *names;        /* queue -> the one that schedules its jobs */
    struct queues *q;          /* NULL: there is no graph */
    bool stale;                /* it has queues that are not configured any more */
    struct hello *hello;
    struct specs *specs;
    struct idhash *jobs;       /* id -> struct waiting */
    struct idhash *allocated;  /* ids that have resources */
    struct idhash *refused;    /* ids that were denied in a pass, to leave their queue */
    struct flux_msglist *early;     /* sched.resource-status */
    flux_msg_handler_t **handlers;
    flux_watcher_t *prep;      /* a pass at the end of the turn */
    flux_watcher_t *idle;      /* and the rest of it in the next */
    flux_watcher_t *timer;     /* a pass that is due by itself */
    int starts;                /* jobs started since the job manager had caught up */
    flux_future_t *f_pace;     /* it is asked whether it has */
};

/* A pass at the end of this turn of the loop. */
void qmanager_kick (struct qmanager *qm);

/* -- qalloc.c -- */

/* 0 or -ENOMEM; qalloc_release() also after a failure. */
int qalloc_init (struct qmanager *qm);
void qalloc_release (struct qmanager *qm);
/* All that wait: forgotten without an answer; answered with ENOSYS. */
void qalloc_clear (struct qmanager *qm);
void qalloc_refuse (struct qmanager *qm);
/* After a pass: what it matched, but nothing can run, leaves its queue. */
void qalloc_drop (struct qmanager *qm);
extern const struct queue_ops qalloc_queue_ops;   /* arg: struct qmanager */

void qalloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void qalloc_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void qalloc_prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* -- qstats.c: stats-get, stats-clear -- */

void qstats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void qstats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void qstats_clear_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* -- names.c -- */

/* From the table [queues] (NULL: the one without a name): of each its own name, of a
 * virtual one that of its parent.  NULL: no memory. */
struct hash *names_new (const json_t *queues);

#endif /* !SCHED_FLUXION_QMANAGER_PRIVATE_H */
