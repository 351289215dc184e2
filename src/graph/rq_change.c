/* rq_change.c - resource-query: the commands that change the graph or its jobs
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/readers.h"
#include "graph/rq.h"

/* What R says of slots, or 0. */
static int slots_of (const json_t *R)
{
    json_int_t n = json_integer_value (json_object_get (json_object_get (R, "execution"),
                                                        "nslots"));

    return n > 0 && n <= INT32_MAX ? (int)n : 0;
}

static int read_parts (struct rq *rq, const char *format, const char *path,
                       struct job_part **part, size_t *n, int *nslots)
{
    flux_error_t err = { "" };
    json_error_t je;
    size_t len;
    char *s;
    json_t *o;
    int rc;

    if (strcmp (format, "rv1exec") != 0 && strcmp (format, "jgf") != 0
        && strcmp (format, "jgf_shorthand") != 0)
        return rq_error (-EINVAL, "format '%s': expected rv1exec, jgf or jgf_shorthand",
                         format);
    if (!(s = rq_read_file (path, &len)))
        return rq_error (-errno, "%s: %s", path, strerror (errno));
    o = json_loadb (s, len, 0, &je);
    free (s);
    if (!o)
        return rq_error (-EINVAL, "%s: line %d, column %d: %s", path, je.line,
                         je.column, je.text);
    rc = format[0] == 'j' ? jgf_parts (rq->g, o, strcmp (format, "jgf") != 0,
                                       part, n, &err)
                          : R_parts (rq->g, o, part, n, &err);
    *nslots = slots_of (o);
    json_decref (o);
    return rc < 0 ? rq_error (rc, "%s: %s", path, err.text) : 0;
}

int rq_update (struct rq *rq, int n, char **w)
{
    struct job_part *part;
    struct job *j;
    int64_t id, start, duration;
    size_t count;
    bool reserve = n > 1 && strcmp (w[1], "reserve") == 0;
    int rc, nslots;

    if (n != 7 || (!reserve && strcmp (w[1], "allocate") != 0)
        || rq_number (w[4], &id) < 0 || rq_number (w[5], &start) < 0
        || rq_number (w[6], &duration) < 0)
        return rq_error (-EINVAL, "usage: update allocate|reserve FORMAT FILE "
                         "JOBID START DURATION");
    if (start >= PLANNER_END || duration > PLANNER_END - start)
        return rq_error (-EINVAL, "the end of time is %lld", (long long)PLANNER_END);
    if (duration == 0)
        duration = PLANNER_END - start;
    if ((rc = read_parts (rq, w[2], w[3], &part, &count, &nslots)) < 0)
        return rc;
    rc = graph_place (rq->g, id, reserve, start, start + duration, 0, part, count, nslots,
                      &j);
    free (part);
    if (rc < 0)
        return rq_error (rc, "job %s: %s", w[4],
                         rc == -EBUSY ? "the resources are not free then"
                         : rc == -EEXIST ? "there is such a job" : strerror (-rc));
    rq_print_job (rq, j);
    fputs ("INFO: =============================\n", rq->out);
    if (id >= rq->next_jobid)
        rq->next_jobid = id + 1;
    return 0;
}

static int cmp_part (const void *a, const void *b)
{
    const struct job_part *x = a, *y = b;

    return x->vtx < y->vtx ? -1 : x->vtx > y->vtx;
}

/* Does the job have all of these?  If not, the first that it has not is named. */
static bool has_all (struct rq *rq, int64_t id, const uint32_t *v, int n)
{
    size_t count;
    const struct job_part *part = job_parts (graph_job (rq->g, id), &count);
    char path[4096];

    for (int i = 0; i < n; i++) {
        struct job_part key = { .vtx = v[i] };
        if (bsearch (&key, part, count, sizeof (key), cmp_part))
            continue;
        graph_path (rq->g, v[i], path, sizeof (path));
        rq_error (0, "job %lld does not have %s: nothing was canceled", (long long)id, path);
        return false;
    }
    return true;
}

/* Does the file name nothing below part i, and has the job nothing below it? */
static bool is_last (struct rq *rq, int64_t id, const struct job_part *part, size_t n, size_t i)
{
    size_t count;
    const struct job_part *have = job_parts (graph_job (rq->g, id), &count), *p;
    uint32_t end = graph_end (rq->g, part[i].vtx);

    p = have ? bsearch (&part[i], have, count, sizeof (*have), cmp_part) : NULL;
    return (i + 1 == n || part[i + 1].vtx >= end)
           && (!p || p + 1 == have + count || p[1].vtx >= end);
}

/* Those of the parts that are given back: not what is only on the way to them. */
static int to_give_back (struct rq *rq, int64_t id, bool jgf, struct job_part *part, size_t count,
                         uint32_t *v)
{
    int n = 0;

    qsort (part, count, sizeof (*part), cmp_part);
    for (size_t i = 0; i < count; i++)
        if (graph_end (rq->g, part[i].vtx) == part[i].vtx + 1
            || (jgf && (part[i].x || is_last (rq, id, part, count, i))))
            v[n++] = part[i].vtx;
    return n;
}

int rq_partial_cancel (struct rq *rq, int n, char **w)
{
    struct job_part *part;
    uint32_t *v;
    int64_t id;
    size_t count;
    bool empty;
    int rc, nslots;

    if (n != 4 || rq_number (w[1], &id) < 0)
        return rq_error (-EINVAL, "usage: partial-cancel JOBID FORMAT FILE");
    if (!graph_job (rq->g, id))
        return rq_error (-ENOENT, "there is no job %s", w[1]);
    if ((rc = read_parts (rq, w[2], w[3], &part, &count, &nslots)) < 0)
        return rc;
    if (!(v = malloc ((count + 1) * sizeof (*v)))) {
        free (part);
        return rq_error (-ENOMEM, "out of memory");
    }
    n = to_give_back (rq, id, w[2][0] == 'j', part, count, v);
    if (n == 0)
        rc = rq_error (-ENOENT, "%s: names nothing that job %s has, but what is above: "
                       "nothing was canceled", w[3], w[1]);
    else
        rc = has_all (rq, id, v, n) ? graph_cancel_part (rq->g, id, v, (size_t)n, &empty) : -ENOENT;
    free (part);
    free (v);
    if (rc == -ENOENT)
        return rc;
    if (rc < 0)
        return rq_error (rc, "job %s: %s", w[1], strerror (-rc));
    fprintf (rq->out, "INFO: %s of job %s was canceled\n", empty ? "all" : "part", w[1]);
    return 0;
}

static uint32_t vertex (struct rq *rq, const char *path)
{
    uint32_t v = graph_by_path (rq->g, path);

    if (v == GRAPH_NONE)
        rq_error (0, "there is no vertex '%s'", path);
    return v;
}

int rq_set_property (struct rq *rq, int n, char **w)
{
    char *eq = n == 3 ? strchr (w[2], '=') : NULL;
    uint32_t v;
    int rc;

    if (n != 3 || eq == w[2])
        return rq_error (-EINVAL, "usage: set-property PATH KEY[=VALUE]");
    if ((v = vertex (rq, w[1])) == GRAPH_NONE)
        return -ENOENT;
    if (eq)
        *eq++ = '\0';
    if ((rc = graph_set_property (rq->g, v, w[2], eq ? eq : "")) < 0)
        return rq_error (rc, "property '%s': %s", w[2], rc == -EINVAL
                         ? "the name and the value must be UTF-8" : strerror (-rc));
    return 0;
}

int rq_get_property (struct rq *rq, int n, char **w)
{
    const json_t *o;
    const char *key;
    json_t *val;
    uint32_t v;

    if (n != 2 && n != 3)
        return rq_error (-EINVAL, "usage: get-property PATH [KEY]");
    if ((v = vertex (rq, w[1])) == GRAPH_NONE)
        return -ENOENT;
    o = graph_properties (rq->g, v);
    if (n == 3 && !json_object_get (o, w[2]))
        return rq_error (-ENOENT, "%s has no property '%s'", w[1], w[2]);
    json_object_foreach ((json_t *)o, key, val)
        if (n == 2 || strcmp (key, w[2]) == 0)
            fprintf (rq->out, "%s=%s\n", key, json_string_value (val));
    return 0;
}

int rq_set_status (struct rq *rq, int n, char **w)
{
    uint32_t v;
    bool up = n == 3 && strcmp (w[2], "up") == 0;

    if (n != 3 || (!up && strcmp (w[2], "down") != 0))
        return rq_error (-EINVAL, "usage: set-status PATH up|down");
    if ((v = vertex (rq, w[1])) == GRAPH_NONE)
        return -ENOENT;
    return graph_set_status (rq->g, v, up);
}

int rq_get_status (struct rq *rq, int n, char **w)
{
    uint32_t v;

    if (n != 2)
        return rq_error (-EINVAL, "usage: get-status PATH");
    if ((v = vertex (rq, w[1])) == GRAPH_NONE)
        return -ENOENT;
    fprintf (rq->out, "%s is %s\n", w[1], graph_is_up (rq->g, v) ? "UP" : "DOWN");
    return 0;
}
