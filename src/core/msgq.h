/* msgq.h - a double-ended queue of messages, without an allocation per entry
 *
 * A plain value; starts zeroed.  Entries are references that the queue owns
 * until they are popped.
 */
#ifndef CORE_MSGQ_H
#define CORE_MSGQ_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core/message.h>

struct msgq {
    const flux_msg_t **v;   /* ring */
    size_t cap;             /* power of two, or 0 */
    size_t head;
    size_t count;
};

static inline const flux_msg_t **msgq_at (struct msgq *q, size_t i)
{
    return &q->v[(q->head + i) & (q->cap - 1)];
}

static inline int msgq_grow (struct msgq *q)
{
    size_t cap = q->cap ? q->cap * 2 : 16;
    const flux_msg_t **v = malloc (cap * sizeof (*v));

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < q->count; i++)
        v[i] = *msgq_at (q, i);
    free (q->v);
    q->v = v;
    q->cap = cap;
    q->head = 0;
    return 0;
}

/* 0 or -ENOMEM; takes the reference on success. */
static inline int msgq_append (struct msgq *q, const flux_msg_t *msg)
{
    if (q->count == q->cap && msgq_grow (q) < 0)
        return -ENOMEM;
    *msgq_at (q, q->count++) = msg;
    return 0;
}

static inline int msgq_prepend (struct msgq *q, const flux_msg_t *msg)
{
    if (q->count == q->cap && msgq_grow (q) < 0)
        return -ENOMEM;
    q->head = (q->head - 1) & (q->cap - 1);
    q->v[q->head] = msg;
    q->count++;
    return 0;
}

static inline const flux_msg_t *msgq_pop (struct msgq *q)
{
    const flux_msg_t *msg;

    if (q->count == 0)
        return NULL;
    msg = q->v[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    return msg;
}

/* Take out entry i, keeping the order of the others. */
static inline const flux_msg_t *msgq_take (struct msgq *q, size_t i)
{
    const flux_msg_t *msg = *msgq_at (q, i);

    for (; i > 0; i--)
        *msgq_at (q, i) = *msgq_at (q, i - 1);
    msgq_pop (q);
    return msg;
}

static inline void msgq_release (struct msgq *q)
{
    const flux_msg_t *msg;

    while ((msg = msgq_pop (q)))
        flux_msg_decref (msg);
    free (q->v);
    memset (q, 0, sizeof (*q));
}

#endif /* !CORE_MSGQ_H */
