/* graph_private.h - the tables of a graph, for graph*.c and match*.c
 */
#ifndef GRAPH_GRAPH_PRIVATE_H
#define GRAPH_GRAPH_PRIVATE_H

#include "base/hash.h"
#include "graph/bits.h"
#include "graph/graph.h"
#include "graph/planner.h"

#define GRAPH_TRACK 12          /* types whose sums are kept */
#define NOTRACK 255

struct vtx {
    uint32_t parent, end;
    uint32_t child, nchild;     /* children: g->child[child..child+nchild) */
    uint32_t inner;             /* index of its sums, or GRAPH_NONE: a leaf */
    uint32_t pos;               /* place in its type's list */
    uint32_t idpos;             /* place in its type's list by id */
    uint32_t sib;               /* place among its parent's children */
    uint32_t basename, name, unit;
    uint16_t type;              /* index of the table of types */
    uint16_t subsystem;         /* interned, as is relation */
    uint16_t relation;
    uint8_t level;
    bool down;
    int32_t rank;
    int64_t id, size, uniq;
    /* state */
    uint32_t xspan, sspan;      /* lists of exclusive and shared spans */
    uint32_t blocked;           /* vertices down or held exclusively, here and above */
    uint32_t users;             /* spans of allocated jobs */
};

struct span {
    int64_t start, end;
    int64_t amount;
    uint32_t vtx;
    uint32_t next, prev;        /* 0: end of list */
    bool x;
    bool alloc;                 /* of an allocated job: holds now */
};

struct vtype {
    uint32_t name;
    uint32_t n;
    uint32_t *list;             /* vertices in order of number */
    uint32_t *byid;             /* by id, then number; or NULL: the same as list */
    uint8_t track;              /* slot in the sums, or NOTRACK */
    int64_t widest;             /* units below one parent, at most */
    struct bits avail;          /* of list: nothing blocks it */
    struct bits idle;           /* of list: and nobody uses it */
    struct bits id_avail;       /* of byid, if there is one */
    struct bits id_idle;
};

struct edge {
    uint32_t src, dst, subsystem, relation;
};

/* Largest weight of each half of the children of a vertex, for "first". */
struct wtree {
    uint32_t vtx;
    uint32_t n;                 /* leaves: a power of two */
    int64_t *w;                 /* heap order, root at 1 */
};

#define GRAPH_MAX_AUX 8

/* Edges of the auxiliary subsystems: of v, to[first[v]..first[v + 1]). */
struct link {
    uint32_t vtx;
    uint8_t aux;
};

struct links {
    uint32_t *first;
    struct link *to;
};

struct job;
struct timeline;

struct graph {
    struct vtx *v;
    uint32_t n, size, tree_n;   /* tree_n: vertices of the containment tree */
    bool finished, failed;
    char **str;
    uint32_t nstr, str_size;
    struct hash *strings;
    struct vtype *type;
    uint32_t ntype;
    uint16_t *type_of;          /* interned string -> type + 1, up to type_of_n */
    uint32_t type_of_n;
    uint32_t *child;
    struct edge *edge;
    uint32_t nedge, edge_size;
    /* sums of inner vertices: [inner * ntrack + slot] */
    uint32_t ninner, ntrack;
    int64_t *total, *free;
    uint64_t *kids;             /* of inner vertices: types of children, mod 64 */
    uint32_t track_type[GRAPH_TRACK];
    uint8_t slot_node, slot_core;
    struct planner *plan[GRAPH_TRACK];      /* or NULL, see plan_get() */
    unsigned int plan_unasked[GRAPH_TRACK]; /* changes since it was asked for */
    uint32_t nunplanned;        /* jobs that are in none of them */
    struct timeline *timeline;  /* or NULL */
    uint32_t ndown;
    struct idhash *wtrees;      /* vertex -> struct wtree, made when asked for */
    struct idhash *props;       /* vertex -> json_t */
    struct idhash *ranks;       /* rank -> vertex + 1 */
    struct span *span;          /* span[0] is not used */
    uint32_t nspan, span_size, span_free;
    struct idhash *jobs;
    struct job *job_first, *job_last;
    uint32_t *mark;             /* of match.c: request number that took the vertex */
    int64_t *part;              /* amount taken of it by this request */
    uint32_t epoch;
    uint32_t naux;              /* 0: then there are no links */
    uint16_t aux[GRAPH_MAX_AUX];        /* interned */
    struct links up, down;
    bool *leads;                /* of each type: does one of them lead to another vertex? */
    uint32_t *aux_mark, aux_epoch;      /* of match_up.c */
};

/* Everything that graph_finish() makes. */
void graph_tables_free (struct graph *g);
/* The links of g->aux, if there are any. */
int graph_aux_build (struct graph *g);
void graph_aux_free (struct graph *g);
/* Is v something of which part may be taken?  (Others are used, or had, as they are.) */
bool graph_is_pool (const struct graph *g, uint32_t v);
/* The type of this name, or -1. */
int graph_find_type (const struct graph *g, const char *name);
bool graph_has_child_type (const struct graph *g, uint32_t v, int type);
int graph_type_by_string (const struct graph *g, uint32_t interned);
/* Vertices of a type in the subtree of v: places [*lo, *hi) of the type's list. */
void graph_type_range (const struct graph *g, uint32_t v, int type, uint32_t *lo,
                       uint32_t *hi);

/* What is true now changed: block or unblock the subtree of v; add to the users
 * of v; add to what is free above v. */
void graph_block (struct graph *g, uint32_t v, int diff);
void graph_users (struct graph *g, uint32_t v, int diff);
void graph_free_add (struct graph *g, uint32_t v, int slot, int64_t diff);
/* All of the subtree of v, v included, taken or given back. */
void graph_free_subtree (struct graph *g, uint32_t v, int sign);

/* Spans of a vertex.  0 if memory runs out. */
uint32_t graph_span_new (struct graph *g, uint32_t v, int64_t start, int64_t end,
                         int64_t amount, bool x, bool alloc);
void graph_span_free (struct graph *g, uint32_t s);

/* Among the children of v from place 'lo', the order of "first": by weight, then
 * place, descending.  Weight: what is free below of nodes if there are any,
 * else of cores. */
int64_t graph_weight (const struct graph *g, uint32_t v);
struct wtree *graph_wtree (struct graph *g, uint32_t v);

#endif /* !GRAPH_GRAPH_PRIVATE_H */
