/* rq_find.c - resource-query: find
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/find.h"
#include "graph/rq.h"

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
        && !(part = find_parts (rq->g, v, n, &count)))
        rc = -ENOMEM;
    if (rc == 0) {
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
