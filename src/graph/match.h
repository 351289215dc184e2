/* match.h - find resources for a request, now or at the earliest later time
 *
 *   struct match_args a = { .policy = &policy, .request = rq, .op = MATCH_ALLOCATE,
 *                           .jobid = 7, .now = t };
 *   rc = graph_match (g, &a, &job, &why);
 *
 * A job is what a successful match leaves in the graph: the vertices it has, from
 * when to when.  It is owned by the graph until graph_cancel().  Time is whole
 * seconds in any unit of the caller's choice.
 *
 * What "now" means: a job that is allocated holds its resources until it is
 * cancelled, even if its time is over; but a later time is free as soon as the
 * job's end is reached.
 *
 * Results: 0, or
 *   -EBUSY   not now (or not at any time without others' cancellation)
 *   -ENODEV  never: the graph does not have it
 *   -EEXIST  the job id is in use     -EINVAL  bad arguments     -ENOMEM
 * and the graph is as it was.
 */
#ifndef GRAPH_MATCH_H
#define GRAPH_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "graph/graph.h"
#include "graph/policy.h"
#include "graph/request.h"

struct job;
struct idset;

enum match_op {
    MATCH_ALLOCATE,
    MATCH_ALLOCATE_WITH_SATISFIABILITY, /* and if not now, say if ever */
    MATCH_ALLOCATE_ORELSE_RESERVE,
    MATCH_RESERVE,                      /* the earliest second after now; never
                                           -ENODEV */
    MATCH_SATISFIABILITY,               /* ever?  nothing is kept; *job is NULL */
    MATCH_WITHOUT_ALLOCATING,           /* now; *job is the caller's to free */
    MATCH_WITHOUT_ALLOCATING_FUTURE,    /* earliest; likewise */
};

struct match_args {
    const struct policy *policy;
    const struct request *request;
    enum match_op op;
    int64_t jobid;
    int64_t now;
    int64_t duration;       /* instead of the request's, if above 0 */
};

/* Why not: the request vertex that is short, where, and by how much. */
struct match_why {
    char type[64];          /* "": nothing to say */
    uint32_t where;         /* vertex under which it was looked for */
    int depth;              /* level of the request, 0 at the top */
    int64_t wanted;
    int64_t found;
    bool never;             /* not even with all jobs gone */
    bool unit;              /* it is not counted in what the request says */
    bool up;                /* it was looked for on the ways up from there */
    bool constrained;       /* the constraints leave too little */
    bool total;             /* short in all of the graph: until graph_free_now() of
                               the root is 'wanted' there is no match now */
};

int graph_match (struct graph *g, const struct match_args *a, struct job **job,
                 struct match_why *why);
/* "allocate", "allocate_orelse_reserve", ... : -EINVAL if there is none of this name. */
int match_op_parse (const char *s, enum match_op *op);
/* "short of core below /tiny0/rack0/node1: 12 wanted, 7 free now" into buf. */
int match_why_text (const struct graph *g, const struct match_why *w, char *buf,
                    size_t size);

/* Nodes that cannot be used now (they, or what they are in, are down) and meet the
 * constraints of the request: how many, and the first of them in *one.  -EINVAL,
 * -ENOMEM. */
int graph_down (struct graph *g, const struct request *rq, uint32_t *one);

/* Jobs */
enum job_state { JOB_ALLOCATED, JOB_RESERVED, JOB_MATCHED };

struct job_part {
    uint32_t vtx;
    bool x;                 /* exclusive */
    int64_t amount;
};

struct job *graph_job (const struct graph *g, int64_t jobid);
size_t graph_job_count (const struct graph *g);
struct job *graph_job_next (const struct graph *g, const struct job *j); /* NULL: first */
int64_t job_id (const struct job *j);
enum job_state job_state (const struct job *j);
int64_t job_start (const struct job *j);
int64_t job_end (const struct job *j);
int job_nslots (const struct job *j);
/* In order of vertex number, parents first.  NULL: out of memory. */
const struct job_part *job_parts (const struct job *j, size_t *n);
/* The job's number for its owner's use. */
void job_free (struct graph *g, struct job *j);

int graph_cancel (struct graph *g, int64_t jobid);          /* or -ENOENT */
/* Release the part of a job that lies at or below vertices 'v' (its nodes, as a
 * rule).  *empty: nothing is left and the job is gone. */
int graph_cancel_part (struct graph *g, int64_t jobid, const uint32_t *v, size_t n,
                       bool *empty);
/* The end of the job is another now; reservations in the way do not hinder it. */
int graph_set_end (struct graph *g, int64_t jobid, int64_t end);
/* A reservation becomes an allocation. */
int graph_start_reserved (struct graph *g, int64_t jobid);
/* Put a job on given vertices (from R or JGF).  -EBUSY if they are not free then,
 * -EEXIST, -EINVAL.  Parents are added as shared. */
int graph_place (struct graph *g, int64_t jobid, bool reserve, int64_t start,
                 int64_t end, int64_t now, const struct job_part *part, size_t n,
                 int nslots, struct job **job);

#endif /* !GRAPH_MATCH_H */
