/* queue.h - queues of jobs over one graph: who starts next, and why not
 *
 *   q = queues_new (g, &match_policy, &ops, arg);
 *   queues_add (q, "default", &conf);
 *   queues_submit (q, "default", id, priority, t_submit, request);
 *   ...                                     at the end of a turn of the loop:
 *   more = queues_run (q, now, 1000);       calls ops->start, deny, pending
 *   ...
 *   queues_free_job (q, id);                what it had is free again
 *
 * All queues draw on the same graph, so a job of one may wait for what a job of
 * another has.  Their jobs are looked at in one order: highest priority first, of
 * equal priority the one submitted first, then the lower id.  What differs between
 * queues is what happens behind a job that cannot start now:
 *
 *   fcfs          nothing: the others of the queue wait
 *   easy          it gets a reservation, the earliest it can have; others may start
 *                 if that leaves the reservation where it is
 *   hybrid        the same for the first reservation_depth that cannot start
 *   conservative  the same for all (max_reservation_depth) that cannot start
 *
 * (flux-config-sched-fluxion-qmanager(5)).  A reservation is in the graph only while
 * it is needed: it is made when a later job could otherwise start, or to tell when
 * the job is expected to start, and it is given up, to be found anew, whenever
 * something was freed.  A job that could start at no time as things are (nodes are
 * down, or held by jobs without end) has none and stops only an fcfs queue.
 *
 * A pass looks at what can have changed.  Jobs with equal requests share their
 * verdict; a request that is short of something in the whole graph is not tried
 * before there is more of it; a job submitted behind the others is looked at with
 * what is known of those.  A pass may stop at its time budget: the next call goes
 * on where it stopped, unless something was freed, which begins a new one.
 *
 * Time is whole seconds, as in match.h, and comes from the caller; the only clock
 * that is read here is that for the budget.  A job without a duration runs until
 * the end of the resources (queues_set_expiration()) or without end.
 *
 * The graph may be matched on by others too, and changed: tell queues_changed().
 * A queues object belongs to the thread of its graph, which must outlive it; on
 * queues_free() running jobs stay in the graph.
 *
 * Functions return 0 or a negative errno with nothing changed: -ENOENT (no such job
 * or queue), -EEXIST, -EINVAL, -ENOMEM.
 */
#ifndef GRAPH_QUEUE_H
#define GRAPH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "graph/graph.h"
#include "graph/match.h"
#include "graph/planner.h"
#include "graph/policy.h"
#include "graph/request.h"

struct queues;

enum queue_policy { QUEUE_FCFS, QUEUE_EASY, QUEUE_HYBRID, QUEUE_CONSERVATIVE };

/* Jobs looked at in a pass: min (depth, max_depth).  Reservations of hybrid:
 * min (reservation_depth, max_reservation_depth). */
struct queue_conf {
    enum queue_policy policy;
    int64_t depth;
    int64_t max_depth;
    int64_t reservation_depth;
    int64_t max_reservation_depth;
};

/* The documented defaults: fcfs, 32, 1000000, 64, 100000. */
#define QUEUE_CONF_DEFAULT { QUEUE_FCFS, 32, 1000000, 64, 100000 }

/* "fcfs", "easy", "hybrid", "conservative".  -EINVAL with err->text. */
int queue_policy_parse (const char *s, enum queue_policy *p, flux_error_t *err);
const char *queue_policy_name (enum queue_policy p);

/* Called from queues_run() only.  They may ask (the const functions below), but
 * change nothing.
 *
 * start     the job has its resources (graph_job (g, id) and 'j' are it; job_parts(),
 *           job_start(), job_end(); end PLANNER_END: none).  If it returns < 0 the
 *           job gives them back and waits again, until the next pass.
 * deny      it can never run on this graph, 'why' says what is short; the job is
 *           forgotten.
 * pending   what is known of a job that waits has changed.  t_estimate: the second
 *           at which it is expected to start, or -1.  'why' reads "waits for 3 more
 *           cores on one node", in UTF-8, one line, without a time: a caller that has
 *           a clock may add "; first free at 14:02".  Told of jobs that a pass looked
 *           at: of each at most once in a second of 'now', of all together at most
 *           QUEUE_TELL times; what is left over is told in the next seconds.  A job that
 *           no pass will come to is told so once. */
#define QUEUE_TELL 100
struct queue_ops {
    int (*start) (void *arg, int64_t id, const struct job *j);
    void (*deny) (void *arg, int64_t id, const char *why);
    void (*pending) (void *arg, int64_t id, int64_t t_estimate, const char *why);
};

/* 'ops' and *match are copied; pending may be NULL.  NULL: ENOMEM. */
struct queues *queues_new (struct graph *g, const struct policy *match,
                           const struct queue_ops *ops, void *arg);
void queues_free (struct queues *q);

/* A queue, or new parameters for the one of this name.  -EINVAL: a depth below 1. */
int queues_add (struct queues *q, const char *name, const struct queue_conf *c);
/* -EBUSY: jobs wait in it. */
int queues_remove (struct queues *q, const char *name);
/* NULL: there is none of this name. */
const struct queue_conf *queues_conf (const struct queues *q, const char *name);
/* The i'th name in order of queues_add(), or NULL. */
const char *queues_name (const struct queues *q, size_t i);
/* Another match policy, from now on. */
int queues_set_match (struct queues *q, const struct policy *match);
/* When the resources are gone (RFC 28); 0: never.  A job without a duration is planned
 * to end then; one whose duration would go beyond is started all the same, and ends
 * then too.  When the time is over no job is started.  Running jobs keep their ends. */
int queues_set_expiration (struct queues *q, int64_t t);

/* A job that waits.  Nothing is called back before queues_run().  'request' is
 * referenced (request_ref()), so that many jobs may share one; requests that say the
 * same share their verdicts also if they are not the same object.  Its duration is
 * the job's.  -EEXIST: the id waits, or has resources in the graph. */
int queues_submit (struct queues *q, const char *queue, int64_t id, int64_t priority,
                   double t_submit, struct request *request);
/* Of jobs that wait; a job that runs has no priority any more: -ENOENT. */
int queues_prioritize (struct queues *q, int64_t id, int64_t priority);
int queues_cancel (struct queues *q, int64_t id);

/* Of jobs that have resources. */
/* A job that runs already (hello): graph_place() on these vertices.  -EBUSY: they
 * are not free. */
int queues_hello (struct queues *q, int64_t id, int64_t start, int64_t end, int64_t now,
                  const struct job_part *part, size_t n, int nslots);
int queues_free_job (struct queues *q, int64_t id);
/* What lies at or below these vertices; *empty: nothing is left, the job is gone. */
int queues_free_part (struct queues *q, int64_t id, const uint32_t *v, size_t n,
                      bool *empty);
/* Its end is another (expiration update). */
int queues_set_end (struct queues *q, int64_t id, int64_t end);

/* The graph is another, or is about to be: status, properties, graph_grow(),
 * graph_shrink(), jobs placed or cancelled by others.  Reservations are taken out of
 * it at once, everything that waits is looked at again, and what can never run
 * now is denied.  Call it before graph_grow() and graph_shrink() (which change the
 * numbers of vertices), and after any change. */
void queues_changed (struct queues *q);

/* Go on with the pass, or begin one if there is a reason; stop after about budget_us
 * microseconds (0: no limit; always at least one job is looked at).  1: there is
 * more to do, call again; 0: done; or -ENOMEM (jobs that were not looked at wait). */
int queues_run (struct queues *q, int64_t now, int64_t budget_us);
/* The next second at which a pass is due though nothing was changed (a reservation
 * begins, an estimate is wanted), or -1. */
int64_t queues_next (const struct queues *q);

/* Within ops->start, how the job came to start (RFC 27, sched.selection_type):
 * "backfilled" (an earlier job of its queue waits), "reserved" (it had a reservation
 * when it was last looked at), else "immediate". */
const char *queues_selection (const struct queues *q);

/* Ask */

struct queue_stats {
    size_t pending;             /* jobs that wait */
    size_t reserved;            /* that have a reservation in the graph now */
    size_t running;             /* jobs in the graph beside these (of all queues) */
    uint64_t passes;            /* begun */
    uint64_t looked;            /* jobs looked at */
    uint64_t matches;           /* of which were matched; the rest was known */
    uint64_t reservations;      /* later times searched for */
    uint64_t started;
    uint64_t backfilled;        /* of which before an earlier job of their queue */
    uint64_t denied;
};

/* name NULL: of all queues together.  -ENOENT. */
int queues_stats (const struct queues *q, const char *name, struct queue_stats *s);
/* Count from zero again what was done; what there is (pending, reserved, running) stays. */
void queues_stats_clear (struct queues *q);

struct queue_job {
    int64_t id;
    int64_t priority;
    double t_submit;
    const char *queue;          /* borrowed */
    int64_t t_estimate;         /* or -1 */
    int64_t ahead;              /* jobs of its queue that come first; 1000: or more */
};

/* Of a job that waits.  'why' (may be NULL) as for ops->pending; a job that no pass
 * has looked at: "waits behind other jobs of its queue". */
int queues_job (const struct queues *q, int64_t id, struct queue_job *j, char *why,
                size_t size);
/* The jobs of a queue in order: the one after 'id' (-1: the first), or -1. */
int64_t queues_job_next (const struct queues *q, const char *name, int64_t id);

#endif /* !GRAPH_QUEUE_H */
