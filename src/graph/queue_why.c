/* queue_why.c - why a job waits, in words
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "graph/queue_private.h"

static bool adds_s (const char *type)
{
    size_t len = strlen (type);

    return len > 0 && type[len - 1] != 's' && type[len - 1] != 'y';
}

/* "3 more cores", "1 more whole node", "8 GB more memory" */
static void amount (struct buf *b, const struct graph *g, long long n, const char *more,
                    const char *type)
{
    uint32_t v = graph_type_nth (g, type, 0);
    const char *unit = v == GRAPH_NONE ? "" : graph_unit (g, v);

    if (*unit)
        buf_addf (b, "%lld %s%s %s", n, unit, more, type);
    else
        buf_addf (b, "%lld%s %s%s", n, more, type, n != 1 && adds_s (type) ? "s" : "");
}

/* " with 2 cores and 1 gpu": what is wanted in one of r; slots multiply. */
static int inside (struct buf *b, const struct graph *g, const struct req *r, long long times,
                   int said)
{
    for (size_t i = 0; i < r->nchild; i++) {
        const struct req *c = &r->child[i];
        if (c->slot)
            said = inside (b, g, c, times * c->count.min, said);
        else {
            buf_adds (b, said++ ? " and " : " with ");
            amount (b, g, times * c->count.min, "", c->type);
        }
    }
    return said;
}

/* A slot with one thing in it is that thing to the user. */
static const struct req *unwrap (const struct req *r)
{
    return r && r->slot && r->nchild == 1 && r->child[0].count.min == 1 ? &r->child[0] : r;
}

static void short_of (struct buf *b, const struct graph *g, const struct req *r,
                      const struct match_why *w)
{
    long long n = (long long)(w->wanted - w->found);

    if (!r || r->slot)
        buf_addf (b, "%lld more task slot%s", n, n == 1 ? "" : "s");
    else
        amount (b, g, n, r->x && !strcmp (r->type, "node") ? " more whole" : " more", r->type);
    if (r && (r->slot || !r->x) && inside (b, g, r, 1, 0) > 0)
        buf_adds (b, n == 1 ? " free" : " free in each");
}

/* " on one node", " that meets its constraints" */
static void where (struct buf *b, const struct graph *g, const struct req *r,
                   const struct match_why *w)
{
    bool one = w->wanted - w->found == 1;

    if (w->where != GRAPH_NONE && w->where != graph_root (g) && w->where < graph_count (g))
        buf_addf (b, " on one %s", graph_type (g, w->where));
    else if (w->constrained && r && strcmp (r->type, "node") != 0)
        buf_adds (b, one ? " on a node" : " on nodes");
    if (w->constrained)
        buf_adds (b, one ? " that meets its constraints" : " that meet its constraints");
}

static void shortage (const struct queues *q, const struct qjob *j, struct buf *b)
{
    const struct match_why *w = &j->shape->why;
    const struct req *r = unwrap (request_find (j->shape->rq, w->type));

    if (!w->type[0])
        buf_adds (b, w->constrained ? "a node that meets its constraints" : "resources");
    else {
        short_of (b, q->g, r, w);
        where (b, q->g, r, w);
    }
}

static void count_down (const struct queues *q, struct shape *s)
{
    if (s->down < 0)
        s->down = graph_down (q->g, s->rq, &s->down_one);
}

/* "; node1 is down or drained": of the nodes that would do. */
static void down (const struct queues *q, const struct qjob *j, struct buf *b)
{
    struct shape *s = j->shape;
    char name[256] = "";

    count_down (q, s);
    if (s->down == 1) {
        graph_name (q->g, s->down_one, name, sizeof (name));
        buf_addf (b, "; %s%s is down or drained", name,
                  s->rq->constraints ? ", which meets them," : "");
    }
    else if (s->down > 1)
        buf_addf (b, "; %d nodes%s are down or drained", s->down,
                  s->rq->constraints ? " that meet them" : "");
    else if (j->no_time)
        buf_adds (b, "; no end is known of what is in the way");
}

static void short_why (const struct queues *q, const struct qjob *j, char *buf, size_t size)
{
    struct buf b = BUF_INIT;

    buf_adds (&b, "waits for ");
    shortage (q, j, &b);
    if (j->kind == WHY_RESERVED)
        buf_adds (&b, " beside what is reserved for earlier jobs");
    down (q, j, &b);
    snprintf (buf, size, "%s", b.data);
    buf_release (&b);
}

void qjob_why (const struct queues *q, const struct qjob *j, char *buf, size_t size)
{
    switch (j->kind) {
        case WHY_SHORT:
        case WHY_RESERVED:
            short_why (q, j, buf, size);
            return;
        case WHY_HELD:
            snprintf (buf, size, "could not be started, and is tried again");
            return;
        case WHY_EXPIRED:
            snprintf (buf, size, "waits, as the time of the resources is over");
            return;
        case WHY_TURN:
            break;
    }
    snprintf (buf, size, tree_prev (&j->node) ? "waits behind other jobs of its queue"
                                              : "is about to be looked at");
}

void qjob_never (const struct queues *q, const struct qjob *j, char *buf, size_t size)
{
    if (j->shape->bad)
        snprintf (buf, size, "its constraints cannot be read: check the host names and "
                  "ranks in them");
    else
        match_why_text (q->g, &j->shape->why, buf, size);
}

/* Telling */

static bool other_words (const struct qjob *j)
{
    const struct match_why *w = &j->shape->why;

    return j->told_at < 0 || j->told_kind != j->kind || j->told_estimate != j->t_estimate
        || j->told_short != w->wanted - w->found || j->told_depth != w->depth
        || j->told_constrained != w->constrained || j->told_no_time != j->no_time;
}

static bool of_shortage (const struct qjob *j)
{
    return j->kind == WHY_SHORT || j->kind == WHY_RESERVED;
}

/* Other nodes may be down: they are counted when it is told. */
static bool news (const struct queues *q, const struct qjob *j)
{
    return other_words (j) || (of_shortage (j) && j->told_changes != q->changes);
}

void qjob_tell (struct queues *q, struct qjob *j)
{
    if (q->ops.pending && news (q, j)) {
        if (j->told_at < 0)
            list_del (&j->of_tell);     /* it may be a newcomer */
        if (list_empty (&j->of_tell))
            list_append (&q->tell, &j->of_tell);
    }
}

static void tell (struct queues *q, struct qjob *j, int64_t now)
{
    const struct match_why *w = &j->shape->why;
    char why[320];

    if (of_shortage (j))
        count_down (q, j->shape);
    j->told_changes = q->changes;
    if (!other_words (j) && (!of_shortage (j) || j->told_down == j->shape->down))
        return;
    qjob_why (q, j, why, sizeof (why));
    j->told_at = now;
    j->told_kind = j->kind;
    j->told_estimate = j->t_estimate;
    j->told_short = w->wanted - w->found;
    j->told_depth = w->depth;
    j->told_constrained = w->constrained;
    j->told_no_time = j->no_time;
    j->told_down = j->shape->down;
    q->ops.pending (q->arg, j->id, j->t_estimate, why);
}

/* Those that this pass will not come to. */
static void tell_newcomers (struct queues *q, int64_t now)
{
    while (!list_empty (&q->newcomers) && q->tell_left > 0) {
        struct qjob *j = list_entry (q->newcomers.next, struct qjob, of_tell);

        if (!j->queue->done && !q->idle)
            return;
        list_del (&j->of_tell);
        q->tell_left--;
        tell (q, j, now);
    }
}

void queues_tell (struct queues *q, int64_t now)
{
    if (now != q->tell_second) {
        q->tell_second = now;
        q->tell_left = QUEUE_TELL;
    }
    list_foreach (&q->tell, n) {
        struct qjob *j = list_entry (n, struct qjob, of_tell);
        if (q->tell_left == 0)
            break;
        if (j->told_at == now)
            continue;
        list_del (n);
        if (j->t_estimate <= now)
            j->t_estimate = -1;     /* it was wrong, and is not known anew */
        if (news (q, j)) {
            q->tell_left--;
            tell (q, j, now);
        }
    }
    tell_newcomers (q, now);
}
