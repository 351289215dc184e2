/* match_private.h - what the parts of the matcher share
 */
#ifndef GRAPH_MATCH_PRIVATE_H
#define GRAPH_MATCH_PRIVATE_H

#include "graph/graph_private.h"
#include "graph/match.h"
#include "spec/constraint.h"

/* The amount of a part that stands for all of its subtree. */
#define WHOLE (-1)

struct job {
    int64_t id, start, end;
    enum job_state state;
    int nslots;
    struct graph *g;
    struct job_part *part;      /* sorted */
    size_t nparts;
    bool unplanned;             /* in the graph, and in none of g->plan */
    bool packed;                /* there are parts of the amount WHOLE */
    uint32_t *span;             /* what it has in the graph */
    size_t nspans;
    int64_t use[GRAPH_TRACK];   /* in g->plan */
    struct job *next, *prev;
};

/* What match_exact.c may try in all of a call of graph_match(), at all times. */
#define MATCH_CHOICES 200000

/* A vertex that was picked for the request. */
struct pick {
    uint32_t vtx;
    bool x;
    bool full;                  /* all that is below it, too */
    int64_t amount;
};

/* Which spans and vertices count */
enum when { WHEN_NOW, WHEN_LATER, WHEN_EVER };

struct ctx {
    struct graph *g;
    const struct policy *policy;
    const struct request *rq;
    enum when when;
    int64_t at, end;
    struct constraint *constraint;
    int type_node;
    uint64_t *window;           /* nodes idle in [at, end), or NULL */
    struct fit *fit;            /* or NULL */
    struct pick *pick;
    size_t npick, pick_size;
    int root_picked;            /* then what is below it is meant */
    int assigned;               /* tries of match_assign.c */
    int choices;                /* that match_exact.c may still try */
    struct assign *assign;      /* or NULL, see assign_begin() */
    bool failed;                /* out of memory */
    struct match_why why;
    unsigned long long steps;   /* vertices looked at */
    /* by number of the request vertex, see number_requests() */
    int *type;
    bool *up;                   /* is not below what it is wanted in, see match_each_up() */
    int64_t (*need)[GRAPH_TRACK];
    const struct req **by_number;
    size_t nreq;
};

/* Are slots among these alternatives? */
bool match_alternatives (const struct ctx *c, const struct req *r, size_t n);
/* Could r[0..n) want the same vertices? */
bool match_compete (const struct req *r, size_t n);
size_t req_number (const struct ctx *c, const struct req *r);

/* May u be used, coming from its ancestor v that may?  'x': exclusively. */
bool match_passes (struct ctx *c, uint32_t v, uint32_t u, bool x);
bool match_conflict (const struct ctx *c, uint32_t v, bool x);
/* Units of a shared pool that are free in the time wanted. */
int64_t match_units_free (const struct ctx *c, uint32_t v);
bool match_node_ok (struct ctx *c, uint32_t node);

/* Could u, a vertex below v, be had for r, with what r wants below it? */
bool match_could (struct ctx *c, uint32_t v, uint32_t u, const struct req *r);

/* Siblings that compete for vertices which each of them takes whole.  Who could use what
 * below v is found out once; NULL: nobody competes (or no memory: c->failed).  most(): how
 * many times, up to 'most', all of r[0..n) could be had at once.  Between begin() and end()
 * each sees only what it was given so that all are served that many times; these nest. */
struct assign *assign_new (struct ctx *c, uint32_t v, const struct req *r, size_t n);
void assign_free (struct assign *a);
int64_t assign_most (struct ctx *c, const struct assign *a, int64_t most);
bool assign_begin (struct ctx *c, struct assign *a, int64_t times);
void assign_end (struct ctx *c, struct assign *a);
bool assign_allows (const struct ctx *c, const struct req *r, uint32_t u);

/* The whole request, with the least counts, by trying all choices; false at once if nothing in
 * it competes, or when it takes too long.  match_exact.c */
bool match_exact (struct ctx *c);

/* Of how many vertices below v there would be enough in each for r, were there nothing else;
 * GRAPH_NONE: r is a slot, or a pool. */
uint32_t match_chances (const struct ctx *c, uint32_t v, const struct req *r);

/* Has this request taken something of v, or below it? */
bool match_touched (const struct ctx *c, uint32_t v);

/* Picks.  match_undo() takes back all from number 'n' on. */
int match_pick (struct ctx *c, uint32_t v, bool x, bool full, int64_t amount);
void match_undo (struct ctx *c, size_t n);
/* Keep of the picks from 'start' on only the given segments, sorted by start. */
struct segment {
    size_t start, end;
    int64_t score;
    uint32_t vtx;               /* for ties */
    int64_t amount;
};
void match_keep (struct ctx *c, size_t start, struct segment *seg, size_t nseg,
                 size_t keep);

/* Does the policy want to see all of a type before it takes some?  Then these are put in
 * its order; 'want' will be taken. */
bool match_compares (const struct ctx *c, int type);
void match_order (struct ctx *c, int type, struct segment *seg, size_t n, int64_t want);
/* The policy locality: units in the longest run of what r could have below p. */
int64_t match_longest (struct ctx *c, uint32_t p, const struct req *r);

/* Call fn for each vertex of a type below v, best first by the policy, until it
 * returns true.  What is certain not to be of use now is left out. */
typedef bool (*each_f) (struct ctx *c, uint32_t u, void *arg);
bool match_each (struct ctx *c, uint32_t v, int type, bool idle, each_f fn,
                 void *arg);
/* The same for all that could be r, wherever it is looked for from v. */
void match_candidates (struct ctx *c, uint32_t v, const struct req *r, each_f fn, void *arg);

/* match_up.c: auxiliary subsystems (graph_use_aux()).  Can v be used, as far as they go?  Which
 * of the requests are to be found on ways up; and call fn for what of a type there is on those
 * of v, or of the nearest vertex above it that has such, the nearest first. */
bool match_fed (const struct ctx *c, uint32_t v);
/* Does another job have what v leads to, so that v cannot be had exclusively? */
bool match_drawn (const struct ctx *c, uint32_t v);
void match_mark_ups (struct ctx *c, const struct req *r, size_t n, int parent);
bool match_each_up (struct ctx *c, uint32_t v, int type, each_f fn, void *arg);

/* In order of id only. */
bool match_each_id (struct ctx *c, uint32_t v, int type, bool idle, each_f fn,
                    void *arg);
/* Call fn for the children of v, heaviest first ("first"). */
bool match_each_child (struct ctx *c, uint32_t v, each_f fn, void *arg);

/* Find what all (one) of the requests want below v; false: no picks were added.
 * *score is the sum of the scores of what was picked directly. */
bool match_all (struct ctx *c, uint32_t v, const struct req *r, size_t n,
                int64_t *score);
bool match_one (struct ctx *c, uint32_t v, const struct req *r, int64_t *score);
/* 'count' slots, or as many as the request says (0). */
bool match_slots (struct ctx *c, uint32_t v, const struct req *r, int64_t count,
                  int64_t *score);
/* Call fn for each vertex at or below v that is a place of slots r, in the order of the policy;
 * 'raised': of those that may do if others do not. */
void match_places (struct ctx *c, uint32_t v, const struct req *r, bool raised, each_f fn,
                   void *arg);
/* Are there slots in this slot? */
bool match_nested (const struct req *r);
/* Is there enough below v for one instance of r, by the sums? */
bool match_enough (const struct ctx *c, uint32_t v, const struct req *r);
void match_short (struct ctx *c, uint32_t v, const struct req *r, int64_t found);

/* The picks as a job, not yet in the graph; or NULL. */
struct job *job_from_picks (struct ctx *c, int64_t id);
/* The first part of j after i that is not below part i. */
size_t job_skip (const struct graph *g, const struct job *j, size_t i);
/* Into the graph: spans, sums, table of jobs. */
int job_enter (struct graph *g, struct job *j);
/* What is free of the k'th tracked type over time: made from the jobs when first asked
 * for, follows them, and is dropped when nobody asked for a while.  NULL: no memory. */
struct planner *plan_get (struct graph *g, uint32_t k);
/* Write out what is WHOLE.  0 or -ENOMEM with nothing changed. */
int job_unpack (struct job *j);
/* Out of the spans and sums and in again: it stays in the table of jobs. */
void job_suspend (struct graph *g, struct job *j);
int job_resume (struct graph *g, struct job *j);

#endif /* !GRAPH_MATCH_PRIVATE_H */
