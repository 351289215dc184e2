/* rq_find.c - resource-query: find
 */
#include "graph/find.h"
#include "graph/rq.h"

int rq_find (struct rq *rq, const char *expr)
{
    flux_error_t err = { "" };
    struct buf b = BUF_INIT;
    int rc = find_show (rq->g, expr, rq->filters, rq->format, &b, &err);

    if (rc == 0) {
        fwrite (b.data, 1, b.len, rq->out);
        fprintf (rq->out, "INFO: =============================\n"
                 "INFO: EXPRESSION=\"%s\"\nINFO: =============================\n", expr);
    }
    buf_release (&b);
    return rc < 0 ? rq_error (rc, "find: %s", err.text) : 0;
}
