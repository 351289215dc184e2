/* queue_why.c - why a job waits, in words
 */
#include <stdio.h>
#include <string.h>

#include "graph/queue_private.h"

/* "3 more cores", "1 more node", "8 GB more memory" */
static int amount (const struct graph *g, const struct match_why *w, char *buf,
                   size_t size)
{
    long long n = (long long)(w->wanted - w->found);
    uint32_t v = graph_type_nth (g, w->type, 0);
    const char *unit = v == GRAPH_NONE ? "" : graph_unit (g, v);
    size_t len = strlen (w->type);
    bool s = n != 1 && len > 0 && w->type[len - 1] != 's' && w->type[len - 1] != 'y';

    if (*unit)
        return snprintf (buf, size, "%lld %s more %s", n, unit, w->type);
    return snprintf (buf, size, "%lld more %s%s", n, w->type, s ? "s" : "");
}

/* " on one node" */
static const char *where (const struct graph *g, const struct match_why *w, char *buf,
                          size_t size)
{
    buf[0] = '\0';
    if (w->where != GRAPH_NONE && w->where != graph_root (g)
        && w->where < graph_count (g))
        snprintf (buf, size, " on one %.40s", graph_type (g, w->where));
    return buf;
}

static void shortage (const struct queues *q, const struct qjob *j, char *buf,
                      size_t size)
{
    const struct match_why *w = &j->shape->why;
    char what[128], place[64];

    if (!w->type[0]) {
        snprintf (buf, size, "%s", w->constrained ? "a node that meets its constraints"
                  : "resources");
        return;
    }
    amount (q->g, w, what, sizeof (what));
    snprintf (buf, size, "%s%s%s", what, where (q->g, w, place, sizeof (place)),
              !w->constrained ? "" : w->wanted - w->found == 1
              ? " that meets its constraints" : " that meet its constraints");
}

void qjob_why (const struct queues *q, const struct qjob *j, char *buf, size_t size)
{
    char what[256];
    long long n = 0;

    switch (j->kind) {
        case WHY_SHORT:
        case WHY_RESERVED:
            shortage (q, j, what, sizeof (what));
            snprintf (buf, size, "waits for %s%s%s", what, j->kind == WHY_RESERVED
                      ? " beside what is reserved for earlier jobs" : "",
                      j->no_time ? "; no end is known of what is in the way" : "");
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
    for (const struct tree_node *t = tree_prev (&j->node); t && n < 1000;
         t = tree_prev (t))
        n++;
    snprintf (buf, size, n == 0 ? "is about to be looked at" : "waits behind %s%lld job%s "
              "of its queue", n == 1000 ? "more than " : "", n, n == 1 ? "" : "s");
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

static bool news (const struct qjob *j)
{
    const struct match_why *w = &j->shape->why;

    return j->told_at < 0 || j->told_kind != j->kind || j->told_estimate != j->t_estimate
        || j->told_short != w->wanted - w->found;
}

void qjob_tell (struct queues *q, struct qjob *j)
{
    if (q->ops.pending && news (j)) {
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

    qjob_why (q, j, why, sizeof (why));
    j->told_at = now;
    j->told_kind = j->kind;
    j->told_estimate = j->t_estimate;
    j->told_short = w->wanted - w->found;
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
        if (news (j)) {
            q->tell_left--;
            tell (q, j, now);
        }
    }
    tell_newcomers (q, now);
}
