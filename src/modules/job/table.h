/* table.h - the one table of jobs
 *
 * Everything that knows about jobs on rank 0 is a face of this table:
 * job-ingest adds to it, job-manager moves its jobs through their states,
 * job-list and job-info read it.  It is the shared data "job" of
 * core/builtin.h: it outlives each of them.
 *
 *   struct job        small, one for each job that is known, active or not
 *    └ struct active  what only an active job needs; freed when the commit that
 *                     holds its last event is answered
 *
 * A job is on one of these, by its state, in the order in which listings give
 * them: 'pending' (highest priority first), 'running' (started last is first),
 * 'inactive' (finished last is first); and on 'order', in order of submission.
 *
 * One thread.
 */
#ifndef JOB_TABLE_H
#define JOB_TABLE_H

#include <flux/core.h>

#include "base/buf.h"
#include "base/fluid.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/tree.h"
#include "spec/jobstate.h"

#include "modules/job/doc.h"

struct mgr;
struct ingest;
struct lister;
struct info;
struct idset;
struct rset;
struct tap_sub;
struct tap_aux;

/* A dependency by its description; kept after it is satisfied, since one may
 * be used only once. */
struct dep {
    struct list_node node;
    bool satisfied;
    char description[];
};

/* An event that waits until the one before it is done with. */
struct event {
    struct list_node node;
    double timestamp;
    const char *name;      /* in the same allocation */
    json_t *context;       /* or NULL */
};

struct active {
    struct job *job;            /* the owner */
    struct jobdoc *doc;         /* jobspec with all updates applied */
    struct jobdoc *base;        /* as stored in the KVS, if it differs, or NULL */
    char *J;                    /* until it is committed */
    char *R;                    /* as allocated */
    struct rset *rset;          /* R decoded */
    struct idset *released;     /* ranks freed so far, or NULL */
    json_t *annotations;        /* or NULL */
    json_t *end_event;          /* the entry that led to CLEANUP, or NULL */

    struct buf log;             /* the whole eventlog */
    size_t log_sent;            /* ... of it in a commit under way or done */
    size_t log_committed;       /* ... of it in the KVS: what watchers may see */
    struct list_node dirty;     /* has something to commit */
    bool put_J, put_jobspec, put_R;

    struct list_node events;    /* struct event */
    bool busy;                  /* one is being applied */
    bool depend_queued;         /* the depend event is there, or was applied */
    uint32_t posted;            /* bits of the well-known events that happened */
    json_t *posted_other;       /* names of others, as keys; or NULL */

    struct tree_node pending;   /* in jobtab.pending */
    struct tree_node allocq;    /* waits to be sent to, or is with, the scheduler */
    bool alloc_sent;            /* sched.alloc was sent and not answered */
    bool alloc_canceling;       /* ... and asked back */
    bool alloc_stale;           /* ... with a jobspec that has changed */
    bool alloc_bypass;          /* R came from a plugin */
    bool exec_pending;          /* start was sent, final release not received */
    bool reattach;              /* the start to send must reattach */
    int prolog_pending;         /* prolog-start posted, not applied yet */
    int epilog_pending;
    json_t *R_json;             /* R without scheduling, for plugins; or NULL */

    struct list_node deps;      /* struct dep */
    struct list_node subs;      /* plugins subscribed to the events (tap.c) */
    struct list_node aux;       /* plugin data (tap.c) */
    struct list_node watchers;  /* followers of the eventlog (info.c) */
    struct list_node statewaits;/* list-id requests that wait for a state */
    bool immutable;             /* updated by the owner beyond limits */
};

struct job {
    flux_jobid_t id;
    struct jobstate st;
    double t_priority, t_sched; /* first entry, 0 if none */
    double expiration;          /* 0: none */
    struct jobattrs *attrs;
    struct active *a;           /* NULL: inactive */
    struct list_node order;     /* all jobs, by submission */
    struct list_node place;     /* running or inactive */
    char *ranks, *nodelist;     /* of R; NULL before; one allocation */
    char *annotations;          /* JSON text, of an inactive job; or NULL */
    int nnodes, ncores;         /* of R; 0 before */
    int refs;
    unsigned int record;        /* set that has its record (records.h); 0: none */
    bool confirmed;             /* it has a directory; without record: the record comes */
    bool gone;                  /* not in the table any more */
    bool waited;                /* flux_job_wait() had its result */
};

struct jobcounts {
    int state[8];               /* by state_index() */
    int successful, failed, canceled, timeout;
    int inactive_purged;
};

/* A place in the lists that survives their changes: listings take their time. */
struct jobcursor {
    struct list_node node;      /* jobtab.cursors */
    struct job *next;           /* NULL: the list that 'phase' names is done */
    int phase;                  /* 0 pending, 1 running, 2 inactive, 3 at the end */
};

struct jobtab {
    struct idhash *jobs;
    struct docset *docs;
    struct slab *slab;          /* of struct job and its strings */
    uint64_t feasible_epoch;    /* jobdoc_mark() of shapes that can be satisfied */
    struct list_node order;
    struct tree pending;
    struct list_node running;
    struct list_node inactive;
    struct list_node cursors;
    size_t ninactive;
    size_t retired;             /* since unused memory was given back */
    struct jobcounts counts;
    struct hash *queue_counts;  /* queue name -> struct jobcounts */
    struct fluid_gen gen;
    bool gen_ready;
    flux_jobid_t max_id;        /* greatest id ever seen */
    bool loading;               /* the KVS is being read */
    bool loaded;                /* the KVS has been read */
    bool partial_ok;            /* the scheduler takes parts back: of its last sched-hello */
    struct list_node housekeeping;  /* records of jobs (housekeeping.h) */
    struct idhash *hkjobs;      /* ... by id */
    struct list_node deferred;
    struct list_node unanswered;    /* between two runs of job-manager (turn.h) */
    struct mgr *mgr;            /* job-manager, while it is loaded */
    struct ingest *ingest;      /* job-ingest, likewise */
    struct lister *lister;      /* job-list */
    struct info *info;          /* job-info */
};

/* The builtin_data of the service (core/builtin.h). */
void *jobtab_create (void);
void jobtab_destroy (void *data);

/* While the job manager reads the KVS there is nothing to say about jobs: put
 * the request off (true), to be received again when the table is ready. */
bool jobtab_defer (struct jobtab *t, flux_t *h, const flux_msg_t *msg);
void jobtab_ready (struct jobtab *t);
/* h is about to be closed: answer what was put off with ENOSYS. */
void jobtab_forget (struct jobtab *t, flux_t *h);

struct job *jobtab_get (const struct jobtab *t, flux_jobid_t id);
/* The greatest id in use or used before, 0 if none. */
flux_jobid_t jobtab_max_id (const struct jobtab *t);
/* A new job in state NEW with an active part; takes a reference on doc.  It is
 * in the table, but on no state list before job_place().  NULL: no memory or
 * the id is taken (errno). */
struct job *jobtab_add (struct jobtab *t, flux_jobid_t id, struct jobdoc *doc);
/* The same for a job that ended: no active part, the state to be filled in. */
struct job *jobtab_add_inactive (struct jobtab *t, flux_jobid_t id, struct jobattrs *attrs);
/* Take it out of the table and all lists, and drop the table's reference. */
void jobtab_remove (struct jobtab *t, struct job *job);

struct job *job_ref (struct job *job);
void job_unref (struct jobtab *t, struct job *job);

/* Put the job on the list of its state / take it off (before the keys of the
 * order change). */
void job_place (struct jobtab *t, struct job *job);
void job_unplace (struct jobtab *t, struct job *job);
void jobcursor_init (struct jobtab *t, struct jobcursor *c);
/* The next job, or NULL at the end.  c->phase tells of which list. */
struct job *jobcursor_next (struct jobtab *t, struct jobcursor *c);
void jobcursor_fini (struct jobcursor *c);
/* Sort the lists, after jobs were added in another order (t->loading).  0 or -ENOMEM. */
int jobtab_sort (struct jobtab *t);
/* Free the active part of an inactive job. */
void job_retire (struct jobtab *t, struct job *job);
/* The listed attributes follow the jobspec; 'counted' if job_count() knows the
 * job. */
void job_sync_attrs (struct jobtab *t, struct job *job, bool counted);
/* Move the job from state 'from' to its state in the counts of jobs (0: it is
 * new; its state 0 when it is removed). */
void job_count (struct jobtab *t, const struct job *job, flux_job_state_t from,
                flux_job_state_t to);

/* What listings show of R: both are copied.  0 or -ENOMEM. */
int job_set_ranks (struct jobtab *t, struct job *job, const char *ranks, const char *nodelist);
/* Decode R and remember what listings show of it; takes R (allocated text)
 * also on failure.  'o' is the same, decoded, or NULL.  0, -EINVAL, -ENOMEM. */
int job_set_R (struct jobtab *t, struct job *job, char *R, const json_t *o,
               flux_error_t *err);
/* The text of R with the current expiration; the caller frees. */
char *job_get_R (const struct job *job);

/* Order of struct active 'allocq' nodes: priority, then submission. */
int job_allocq_cmp (const struct tree_node *a, const struct tree_node *b);

static inline bool job_is_fatal (const struct job *job)
{
    return job->st.exception_occurred && job->st.exception_severity == 0;
}

/* Bit number of a state: NEW 0 ... INACTIVE 6. */
static inline int state_index (flux_job_state_t state)
{
    return __builtin_ctz ((unsigned)state);
}

struct jobcounts *jobtab_queue_counts (struct jobtab *t, const char *queue);

#endif /* !JOB_TABLE_H */
