/* rq_find.c - resource-query: find
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/find.h"
#include "graph/rq.h"

/* What was found, and shared what is above it. */
static struct job_part *with_above (const struct graph *g, const uint32_t *v, size_t n,
                                    size_t *count)
{
    uint32_t max = graph_end (g, graph_root (g));
    uint8_t *in = calloc (max, 1);
    struct job_part *part;
    size_t k = 0;

    if (!in)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        in[v[i]] = 2;
        for (uint32_t u = graph_parent (g, v[i]); u != GRAPH_NONE && !in[u];
             u = graph_parent (g, u))
            in[u] = 1;
    }
    for (uint32_t u = 0; u < max; u++)
        k += in[u] > 0;
    if ((part = malloc ((k + 1) * sizeof (*part)))) {
        *count = k;
        k = 0;
        for (uint32_t u = 0; u < max; u++)
            if (in[u])
                part[k++] = (struct job_part){ u, false, graph_size (g, u) };
    }
    free (in);
    return part;
}

/* Mark what jobs have exclusively. */
static void mark_exclusive (const struct graph *g, struct job_part *part, size_t n)
{
    for (const struct job *j = NULL; (j = graph_job_next (g, j));) {
        size_t m, k = 0;
        const struct job_part *p = job_parts (j, &m);
        for (size_t i = 0; i < n && k < m;) {
            if (part[i].vtx < p[k].vtx)
                i++;
            else if (part[i].vtx > p[k].vtx)
                k++;
            else
                part[i++].x |= p[k++].x;
        }
    }
}

int rq_find (struct rq *rq, const char *expr)
{
    flux_error_t err = { "" };
    struct find *f = find_parse (expr, &err);
    struct job_part *part = NULL;
    struct buf b = BUF_INIT;
    uint32_t *v = NULL;
    size_t n, count;
    int rc;

    if (!f)
        return rq_error (-errno, "find: %s", err.text);
    if ((rc = find_run (f, rq->g, &v, &n)) == 0
        && !(part = with_above (rq->g, v, n, &count)))
        rc = -ENOMEM;
    if (rc == 0) {
        mark_exclusive (rq->g, part, count);
        if (count > 0)
            rc = emit_parts (rq->g, part, count, 0, PLANNER_END, 0, rq->format, &b);
        fwrite (b.data, 1, b.len, rq->out);
        fprintf (rq->out, "INFO: =============================\n"
                 "INFO: EXPRESSION=\"%s\"\nINFO: =============================\n", expr);
    }
    buf_release (&b);
    free (part);
    free (v);
    find_free (f);
    return rc < 0 ? rq_error (rc, "find: %s", strerror (-rc)) : 0;
}
