/* queue_why.c - why a job waits, in words
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "graph/queue_private.h"
#include "graph/words.h"

static void count_down (const struct queues *q, struct shape *s)
{
    if (s->down < 0)
        s->down = graph_down (q->g, s->rq, &s->down_one);
}

/* "; node1 is down or drained": of the nodes that would do. */
static void down (const struct queues *q, const struct qjob *j, struct buf *b)
{
    struct shape *s = j->shape;
    const char *them = s->why.constrained ? "them" : "its constraints";
    char name[256] = "";

    count_down (q, s);
    if (s->down == 1) {
        graph_name (q->g, s->down_one, name, sizeof (name));
        buf_addf (b, "; %s", name);
        if (s->rq->constraints)
            buf_addf (b, ", which meets %s,", them);
        buf_adds (b, " is down or drained");
    }
    else if (s->down > 1) {
        buf_addf (b, "; %d nodes", s->down);
        if (s->rq->constraints)
            buf_addf (b, " that meet %s", them);
        buf_adds (b, " are down or drained");
    }
    else if (j->no_time)
        buf_adds (b, "; no end is known of what is in the way");
}

static void short_why (const struct queues *q, const struct qjob *j, char *buf, size_t size)
{
    struct buf b = BUF_INIT;

    buf_adds (&b, "waits for ");
    words_short (q->g, j->shape->rq, &j->shape->why, &b);
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
        words_never (q->g, j->shape->rq, &j->shape->why, buf, size);
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
