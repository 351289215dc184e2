/* queue.c - the jobs that wait, in order; and what changes
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/queue_private.h"

#define MAX_AHEAD 1000

static const char *const names[] = { "fcfs", "easy", "hybrid", "conservative" };

int queue_policy_parse (const char *s, enum queue_policy *p, flux_error_t *err)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp (s, names[i]) == 0) {
            *p = (enum queue_policy)i;
            return 0;
        }
    }
    return errmsg (err, -EINVAL, "unknown queue policy '%.40s': expected fcfs, easy, "
                   "hybrid or conservative", s);
}

const char *queue_policy_name (enum queue_policy p)
{
    return names[p];
}

int qjob_cmp (const struct tree_node *na, const struct tree_node *nb)
{
    const struct qjob *a = tree_entry (na, struct qjob, node);
    const struct qjob *b = tree_entry (nb, struct qjob, node);

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->t_submit < b->t_submit || a->t_submit > b->t_submit)
        return a->t_submit < b->t_submit ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static struct qjob *qjob_at (struct tree_node *n)
{
    return n ? tree_entry (n, struct qjob, node) : NULL;
}

/* Shapes */

static void shape_free (void *arg)
{
    struct shape *s = arg;

    list_del (&s->unchecked);
    request_free (s->rq);
    free (s->key);
    free (s);
}

static char *shape_key (const struct request *r)
{
    json_t *o = json_pack ("{s:O? s:O? s:b s:[]}", "r", json_object_get (r->json, "resources"),
                           "c", r->constraints, "f", r->flexible, "a");
    char *s;

    for (const struct request *a = r->alt; o && a; a = a->alt)
        json_array_append (json_object_get (o, "a"), json_object_get (a->json, "resources"));
    s = o ? json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    json_decref (o);
    return s;
}

static void shape_forget (struct shape *s)
{
    s->fail_freed = s->fail_pass = s->floor_pass = 0;
    s->short_type = NULL;
    s->never = s->bad = false;
    s->why = (struct match_why){ .where = GRAPH_NONE };
    s->down = -1;
}

static struct shape *shape_get (struct queues *q, struct request *r)
{
    char *key = shape_key (r);
    struct shape *s = key ? hash_get (q->shapes, key) : NULL;

    if (s || !key || !(s = calloc (1, sizeof (*s)))) {
        free (key);
        return s;
    }
    s->key = key;
    s->rq = request_ref (r);
    list_init (&s->jobs);
    list_init (&s->unchecked);
    shape_forget (s);
    if (hash_set (q->shapes, key, s) < 0) {
        shape_free (s);
        return NULL;
    }
    list_append (&q->unchecked, &s->unchecked);
    return s;
}

/* Life */

struct queues *queues_new (struct graph *g, const struct policy *match,
                           const struct queue_ops *ops, void *arg)
{
    struct queues *q = calloc (1, sizeof (*q));

    if (!q)
        return NULL;
    q->g = g;
    q->match = *match;
    q->ops = *ops;
    q->arg = arg;
    q->pass = q->freed = 1;
    q->due = q->retry = q->tell_second = -1;
    list_init (&q->unchecked);
    list_init (&q->wanting);
    list_init (&q->reserved);
    list_init (&q->tell);
    list_init (&q->newcomers);
    q->by_name = hash_new (NULL);
    q->jobs = idhash_new (NULL);
    q->shapes = hash_new (shape_free);
    if (!q->by_name || !q->jobs || !q->shapes) {
        queues_free (q);
        return NULL;
    }
    return q;
}

static void queue_free (struct queue *u)
{
    free (u->name);
    free (u);
}

void queues_free (struct queues *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->nqueue; i++) {
        while (q->queue[i]->jobs.root)
            qjob_free (q, qjob_at (tree_first (&q->queue[i]->jobs)));
        queue_free (q->queue[i]);
    }
    free (q->queue);
    hash_free (q->by_name);
    idhash_free (q->jobs);
    hash_free (q->shapes);
    free (q);
}

/* Queues */

static bool conf_ok (const struct queue_conf *c)
{
    return c->policy <= QUEUE_CONSERVATIVE && c->depth > 0 && c->max_depth > 0
        && c->reservation_depth > 0 && c->max_reservation_depth > 0;
}

static struct queue *queue_new (struct queues *q, const char *name)
{
    struct queue **list = realloc (q->queue, (q->nqueue + 1) * sizeof (*list));
    struct queue *u = calloc (1, sizeof (*u));

    if (list)
        q->queue = list;
    if (!list || !u || !(u->name = strdup (name))
        || hash_set (q->by_name, name, u) < 0) {
        if (u)
            queue_free (u);
        return NULL;
    }
    tree_init (&u->jobs, qjob_cmp);
    q->queue[q->nqueue++] = u;
    return u;
}

int queues_add (struct queues *q, const char *name, const struct queue_conf *c)
{
    struct queue *u = hash_get (q->by_name, name);

    if (!conf_ok (c))
        return -EINVAL;
    if (!u && !(u = queue_new (q, name)))
        return -ENOMEM;
    u->conf = *c;
    queues_rewind (q);
    return 0;
}

int queues_remove (struct queues *q, const char *name)
{
    struct queue *u = hash_get (q->by_name, name);
    size_t i = 0;

    if (!u)
        return -ENOENT;
    if (u->jobs.count > 0)
        return -EBUSY;
    while (q->queue[i] != u)
        i++;
    q->nqueue--;
    memmove (&q->queue[i], &q->queue[i + 1], (q->nqueue - i) * sizeof (*q->queue));
    hash_del (q->by_name, name);
    queue_free (u);
    return 0;
}

const struct queue_conf *queues_conf (const struct queues *q, const char *name)
{
    const struct queue *u = hash_get (q->by_name, name);

    return u ? &u->conf : NULL;
}

const char *queues_name (const struct queues *q, size_t i)
{
    return i < q->nqueue ? q->queue[i]->name : NULL;
}

/* Changes */

void queues_rewind (struct queues *q)
{
    list_foreach (&q->reserved, n) {
        struct qjob *j = list_entry (n, struct qjob, of_pass);
        graph_cancel (q->g, j->id);
        j->reserved = false;
        list_del (n);
    }
    list_foreach (&q->wanting, n)
        list_del (n);
    q->nreserved = 0;
    q->last = NULL;
    q->idle = false;
    q->due = -1;
    q->again = true;
}

static void made_room (struct queues *q)
{
    q->freed++;
    queues_rewind (q);
}

void queues_changed (struct queues *q)
{
    size_t pos = 0;
    struct shape *s;

    made_room (q);
    q->changes++;
    while ((s = hash_next (q->shapes, &pos, NULL))) {
        shape_forget (s);
        list_del (&s->unchecked);
        list_append (&q->unchecked, &s->unchecked);
        list_foreach (&s->jobs, n)
            list_entry (n, struct qjob, of_shape)->kind = WHY_TURN;
    }
}

int queues_set_match (struct queues *q, const struct policy *match)
{
    q->match = *match;
    queues_changed (q);
    return 0;
}

int queues_set_expiration (struct queues *q, int64_t t)
{
    if (t < 0)
        return -EINVAL;
    q->expiration = t;
    made_room (q);
    return 0;
}

/* Where does a job that has just been put in order come? */
static void enqueue (struct queues *q, struct qjob *j)
{
    struct queue *u = j->queue;

    tree_insert (&u->jobs, &j->node);
    if (q->again)
        return;
    if (q->last && qjob_cmp (&j->node, &q->last->node) < 0)
        queues_rewind (q);
    else if (!u->next || qjob_cmp (&j->node, &u->next->node) < 0)
        u->next = j;
}

static void dequeue (struct queues *q, struct qjob *j)
{
    struct queue *u = j->queue;

    if (u->next == j)
        u->next = qjob_at (tree_next (&j->node));
    if (q->last == j)
        q->last = NULL;
    tree_remove (&u->jobs, &j->node);
}

void qjob_free (struct queues *q, struct qjob *j)
{
    struct shape *s = j->shape;

    dequeue (q, j);
    if (j->reserved) {
        graph_cancel (q->g, j->id);
        q->nreserved--;
    }
    list_del (&j->of_pass);
    list_del (&j->of_tell);
    list_del (&j->of_shape);
    idhash_del (q->jobs, (uint64_t)j->id);
    if (list_empty (&s->jobs))
        hash_del (q->shapes, s->key);
    free (j);
}

static int64_t duration_of (const struct request *r)
{
    if (r->duration <= 0 || r->duration >= (double)PLANNER_END)
        return 0;
    return (int64_t)ceil (r->duration);
}

int queues_submit (struct queues *q, const char *queue, int64_t id, int64_t priority,
                   double t_submit, struct request *request)
{
    struct queue *u = hash_get (q->by_name, queue);
    struct qjob *j;

    if (!u)
        return -ENOENT;
    if (id < 0 || isnan (t_submit))
        return -EINVAL;
    if (idhash_get (q->jobs, (uint64_t)id) || graph_job (q->g, id))
        return -EEXIST;
    if (!(j = calloc (1, sizeof (*j))))
        return -ENOMEM;
    *j = (struct qjob){ .id = id, .priority = priority, .t_submit = t_submit,
                        .queue = u, .duration = duration_of (request),
                        .t_estimate = -1, .told_at = -1 };
    tree_node_init (&j->node);
    list_init (&j->of_shape);
    list_init (&j->of_pass);
    list_init (&j->of_tell);
    if (idhash_set (q->jobs, (uint64_t)id, j) < 0) {
        free (j);
        return -ENOMEM;
    }
    if (!(j->shape = shape_get (q, request))) {
        idhash_del (q->jobs, (uint64_t)id);
        free (j);
        return -ENOMEM;
    }
    if (list_empty (&j->shape->jobs)
        || (j->duration > 0
            && (j->shape->min_duration == 0 || j->duration < j->shape->min_duration)))
        j->shape->min_duration = j->duration;
    list_append (&j->shape->jobs, &j->of_shape);
    if (q->ops.pending)
        list_append (&q->newcomers, &j->of_tell);
    enqueue (q, j);
    return 0;
}

int queues_prioritize (struct queues *q, int64_t id, int64_t priority)
{
    struct qjob *j = id < 0 ? NULL : idhash_get (q->jobs, (uint64_t)id);

    if (!j)
        return -ENOENT;
    if (j->priority == priority)
        return 0;
    if (!q->again && j->seen == q->pass)
        queues_rewind (q);
    dequeue (q, j);
    j->priority = priority;
    enqueue (q, j);
    return 0;
}

int queues_cancel (struct queues *q, int64_t id)
{
    struct qjob *j = id < 0 ? NULL : idhash_get (q->jobs, (uint64_t)id);

    if (!j)
        return -ENOENT;
    /* those that it made wait may not have to */
    if (!q->again && j->seen == q->pass)
        queues_rewind (q);
    qjob_free (q, j);
    return 0;
}

/* Is it a job with resources? */
static bool runs (const struct queues *q, int64_t id)
{
    const struct job *j = graph_job (q->g, id);

    return j && job_state (j) == JOB_ALLOCATED;
}

int queues_hello (struct queues *q, int64_t id, int64_t start, int64_t end, int64_t now,
                  const struct job_part *part, size_t n, int nslots)
{
    struct job *j;

    if (id >= 0 && idhash_get (q->jobs, (uint64_t)id))
        return -EEXIST;
    queues_rewind (q);
    return graph_place (q->g, id, false, start, end, now, part, n, nslots, &j);
}

int queues_free_job (struct queues *q, int64_t id)
{
    if (!runs (q, id))
        return -ENOENT;
    graph_cancel (q->g, id);
    made_room (q);
    return 0;
}

int queues_free_part (struct queues *q, int64_t id, const uint32_t *v, size_t n,
                      bool *empty)
{
    int rc;

    if (!runs (q, id))
        return -ENOENT;
    if ((rc = graph_cancel_part (q->g, id, v, n, empty)) == 0)
        made_room (q);
    return rc;
}

int queues_set_end (struct queues *q, int64_t id, int64_t end)
{
    if (!runs (q, id))
        return -ENOENT;
    queues_rewind (q);
    return graph_set_end (q->g, id, end);
}

/* Ask */

static void add_stats (struct queue_stats *s, const struct queue *u)
{
    s->pending += u->jobs.count;
    s->looked += u->stats.looked;
    s->matches += u->stats.matches;
    s->reservations += u->stats.reservations;
    s->started += u->stats.started;
    s->backfilled += u->stats.backfilled;
    s->denied += u->stats.denied;
}

int queues_stats (const struct queues *q, const char *name, struct queue_stats *s)
{
    const struct queue *one = name ? hash_get (q->by_name, name) : NULL;

    if (name && !one)
        return -ENOENT;
    *s = (struct queue_stats){ .passes = q->passes };
    for (size_t i = 0; i < q->nqueue; i++)
        if (!one || one == q->queue[i])
            add_stats (s, q->queue[i]);
    for (const struct list_node *n = q->reserved.next; n != &q->reserved; n = n->next) {
        const struct qjob *j = list_entry (n, struct qjob, of_pass);
        s->reserved += !one || j->queue == one;
    }
    s->running = graph_job_count (q->g) - q->nreserved;
    return 0;
}

void queues_stats_clear (struct queues *q)
{
    q->passes = 0;
    for (size_t i = 0; i < q->nqueue; i++)
        q->queue[i]->stats = (struct queue_stats){ 0 };
}

int queues_job (const struct queues *q, int64_t id, struct queue_job *out, char *why,
                size_t size)
{
    struct qjob *j = id < 0 ? NULL : idhash_get (q->jobs, (uint64_t)id);

    if (!j)
        return -ENOENT;
    *out = (struct queue_job){ .id = id, .priority = j->priority,
                               .t_submit = j->t_submit, .queue = j->queue->name,
                               .t_estimate = j->t_estimate };
    for (const struct tree_node *n = tree_prev (&j->node);
         n && out->ahead < MAX_AHEAD; n = tree_prev (n))
        out->ahead++;
    if (why)
        qjob_why (q, j, why, size);
    return 0;
}

int64_t queues_job_next (const struct queues *q, const char *name, int64_t id)
{
    struct queue *u = hash_get (q->by_name, name);
    struct qjob *j = id < 0 ? NULL : idhash_get (q->jobs, (uint64_t)id);

    if (!u || (id >= 0 && (!j || j->queue != u)))
        return -1;
    j = qjob_at (j ? tree_next (&j->node) : tree_first (&u->jobs));
    return j ? j->id : -1;
}
