/* refq.c - see refq.h */

#include <errno.h>
#include <stdlib.h>

#include "core/due.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/state.h"

enum { SLICE_USEC = 1000 };

struct task {
    struct list_node node;
    struct rfc11_job *job;
    const void *owner;
    refq_f fun;
    void *arg;
};

struct refq {
    struct kvs *kvs;
    struct list_node tasks;
    struct due due;
};

static void task_end (struct refq *q, struct task *t, int rc)
{
    list_del (&t->node);
    rfc11_job_free (t->job);
    t->fun (q->kvs, rc, t->arg);
    free (t);
}

static void work (struct due *d)
{
    struct refq *q = list_entry (d, struct refq, due);
    struct list_node *n = list_first (&q->tasks);
    if (!n)
        return;
    struct task *t = list_entry (n, struct task, node);
    int rc = rfc11_job_step (t->job, SLICE_USEC);
    if (rc != 1)
        task_end (q, t, rc);
    if (!list_empty (&q->tasks) && due_post (q->kvs->reactor, &q->due) < 0)
        refq_flush (q, NULL);
}

struct refq *refq_new (struct kvs *kvs)
{
    struct refq *q = calloc (1, sizeof (*q));
    if (q) {
        q->kvs = kvs;
        list_init (&q->tasks);
        due_init (&q->due, work);
    }
    return q;
}

void refq_flush (struct refq *q, const void *owner)
{
    struct list_node todo;
    list_init (&todo);
    list_foreach (&q->tasks, n) {
        if (!owner || list_entry (n, struct task, node)->owner == owner) {
            list_del (n);
            list_append (&todo, n);
        }
    }
    while (!list_empty (&todo))
        task_end (q, list_entry (list_first (&todo), struct task, node),
                  -ENOSYS);
    if (list_empty (&q->tasks))
        due_cancel (&q->due);
}

void refq_free (struct refq *q)
{
    if (q) {
        refq_flush (q, NULL);
        free (q);
    }
}

int refq_compute (struct refq *q, const struct tnode *n, const void *owner,
                  refq_f fun, void *arg)
{
    struct task *t = calloc (1, sizeof (*t));
    if (!t || !(t->job = rfc11_job_new (q->kvs->hashtype, n))) {
        free (t);
        return -ENOMEM;
    }
    t->owner = owner;
    t->fun = fun;
    t->arg = arg;
    bool first = list_empty (&q->tasks);
    list_append (&q->tasks, &t->node);
    if (!first)
        return 0;
    int rc = rfc11_job_step (t->job, SLICE_USEC);
    if (rc != 1)
        task_end (q, t, rc);
    else if (due_post (q->kvs->reactor, &q->due) < 0) {
        list_del (&t->node);
        rfc11_job_free (t->job);
        free (t);
        return -ENOMEM;
    }
    return 0;
}
