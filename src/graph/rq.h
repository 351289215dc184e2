/* rq.h - resource-query: what its parts share
 */
#ifndef GRAPH_RQ_H
#define GRAPH_RQ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "graph/emit.h"
#include "graph/graph.h"
#include "graph/match.h"

struct rq {
    struct graph *g;
    struct policy policy;
    enum emit_format format;
    FILE *out;
    struct filters *filters;    /* -p: what find says of sums */
    int64_t next_jobid;
    bool flexible;              /* -T: slots beside each other are alternatives */
    int64_t granule;            /* seconds that durations are rounded up to */
    bool elapsed;               /* -e: say how long each match took */
    unsigned long matches;
    double total, min, max;     /* seconds in matches */
};

/* Run one line.  0, 1 (quit), or a negative errno after the cause was printed. */
int rq_run (struct rq *rq, char *line);
void rq_help (FILE *f);

/* The words of a line, in place; quotes keep a word together.  Their number, -E2BIG, or -EINVAL:
 * a quote is not closed. */
int rq_split (char *line, char **word, int max);
/* "ERROR: ..." on standard error; returns rc. */
int rq_error (int rc, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
/* A file's content (the caller frees), or NULL with errno. */
char *rq_read_file (const char *path, size_t *len);

/* rq_find.c */
int rq_find (struct rq *rq, const char *expr);
/* rq_change.c */
int rq_update (struct rq *rq, int n, char **w);
int rq_partial_cancel (struct rq *rq, int n, char **w);
int rq_set_property (struct rq *rq, int n, char **w);
int rq_get_property (struct rq *rq, int n, char **w);
int rq_set_status (struct rq *rq, int n, char **w);
int rq_get_status (struct rq *rq, int n, char **w);
int rq_number (const char *s, int64_t *n);      /* 0 or -EINVAL */

void rq_print_job (struct rq *rq, const struct job *j);

#endif /* !GRAPH_RQ_H */
