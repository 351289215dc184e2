/* queue_private.h - what the files of the queues share
 *
 * queue.c keeps the jobs in order and hears of changes; queue_pass.c looks at them and
 * starts what can start; queue_why.c puts into words what it found.
 *
 *   struct queues ── queue[] ── tree of jobs, in order
 *        │               '───── next: where the pass is in it
 *        '── shapes: what is asked for ── list of its jobs, verdict
 */
#ifndef GRAPH_QUEUE_PRIVATE_H
#define GRAPH_QUEUE_PRIVATE_H

#include "base/hash.h"
#include "base/list.h"
#include "base/tree.h"
#include "graph/queue.h"

/* Requests that say the same (their durations may differ), and what is known. */
struct shape {
    char *key;
    struct request *rq;
    struct list_node jobs;
    struct list_node unchecked; /* in q->unchecked: can it ever run? */
    int64_t min_duration;       /* no job of it has less; 0: none has any */
    bool never;
    bool bad;                   /* it cannot be matched at all */
    uint64_t fail_freed;        /* does not fit now, even with no reservations, as
                                   long as q->freed is this */
    const char *short_type;     /* nor until this is free in all of the graph */
    int64_t short_of;
    uint64_t fail_pass;         /* with the reservations of this pass it does not fit
                                   for fail_duration or longer */
    int64_t fail_duration;
    uint64_t floor_pass;        /* nor for floor_duration or longer before 'floor' */
    int64_t floor, floor_duration;
    struct match_why why;
    int down;                   /* nodes that are down and would do; -1: not counted */
    uint32_t down_one;          /* the first of them */
};

enum why_kind {
    WHY_TURN,                   /* not looked at */
    WHY_SHORT,
    WHY_RESERVED,               /* short beside what is reserved for others */
    WHY_HELD,                   /* ops->start failed */
    WHY_EXPIRED,
};

struct qjob {
    struct tree_node node;
    struct list_node of_shape;
    struct list_node of_pass;   /* q->wanting or q->reserved */
    struct list_node of_tell;   /* q->tell or q->newcomers */
    int64_t id, priority;
    double t_submit;
    struct queue *queue;
    struct shape *shape;
    int64_t duration;           /* 0: none */
    int64_t t_estimate;         /* -1: not known */
    uint64_t seen;              /* the pass that looked at it */
    enum why_kind kind;
    bool reserved;              /* there is a job in the graph with this id */
    bool no_time;               /* there is no time at which it could start */
    uint64_t no_time_pass;      /* said the pass of this number */
    /* what was told last */
    int64_t told_at, told_estimate, told_short;
    uint64_t told_changes;      /* q->changes then */
    int told_down, told_depth;
    enum why_kind told_kind;
    bool told_no_time, told_constrained;
};

struct queue {
    char *name;
    struct queue_conf conf;
    struct tree jobs;
    struct qjob *next;          /* to be looked at */
    int64_t waiting;            /* that this pass looked at */
    int64_t reserved;           /* of those, that are to have a reservation */
    bool done;
    struct queue_stats stats;
};

struct queues {
    struct graph *g;
    struct policy match;
    struct queue_ops ops;
    void *arg;
    int64_t expiration;
    struct queue **queue;
    size_t nqueue;
    struct hash *by_name;
    struct idhash *jobs;
    struct hash *shapes;
    struct list_node unchecked;
    /* the pass */
    const char *selection;
    bool again;                 /* a new one is to begin */
    bool idle;                  /* no shape fits: it stopped before the end */
    uint64_t pass;
    struct qjob *last;          /* the last that was looked at, and waits */
    uint64_t freed;             /* counts what made room */
    uint64_t changes;           /* counts queues_changed() */
    struct list_node wanting;   /* jobs to be reserved, in order */
    struct list_node reserved;
    size_t nreserved;
    int64_t due;                /* the first reservation begins, or -1 */
    int64_t retry;              /* a job whose start failed, or -1 */
    int64_t estimate_at;        /* estimates are dear: not before this */
    bool estimated;             /* all of 'wanting' was tried */
    /* notes */
    struct list_node tell;
    struct list_node newcomers; /* not looked at yet */
    int64_t tell_second;
    int tell_left;
    uint64_t passes;
};

/* Order of jobs: tree_cmp_f. */
int qjob_cmp (const struct tree_node *a, const struct tree_node *b);
/* Forget a job that waits. */
void qjob_free (struct queues *q, struct qjob *j);
/* Take the reservations out of the graph and begin anew. */
void queues_rewind (struct queues *q);

/* The words, as for ops->pending. */
void qjob_why (const struct queues *q, const struct qjob *j, char *buf, size_t size);
void qjob_never (const struct queues *q, const struct qjob *j, char *buf, size_t size);
/* What is known of the job may have changed: tell, at once or later. */
void qjob_tell (struct queues *q, struct qjob *j);
void queues_tell (struct queues *q, int64_t now);

#endif /* !GRAPH_QUEUE_PRIVATE_H */
