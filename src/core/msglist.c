/* msglist.c - a queue of messages with a cursor
 */
#include <flux/core/msglist.h>

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

struct entry {
    struct list_node node;
    const flux_msg_t *msg;
};

struct flux_msglist {
    struct list_node head;
    struct list_node *cursor;  /* == &head: not on an entry */
    int count;
};

struct flux_msglist *flux_msglist_create (void)
{
    struct flux_msglist *l = malloc (sizeof (*l));

    if (!l) {
        errno = ENOMEM;
        return NULL;
    }
    list_init (&l->head);
    l->cursor = &l->head;
    l->count = 0;
    return l;
}

static struct entry *entry_of (struct list_node *n)
{
    return list_entry (n, struct entry, node);
}

/* Hands the reference to the caller. */
static const flux_msg_t *entry_take (struct flux_msglist *l, struct entry *e)
{
    const flux_msg_t *msg = e->msg;

    list_del (&e->node);
    free (e);
    l->count--;
    return msg;
}

void flux_msglist_destroy (struct flux_msglist *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    while (l->count > 0)
        flux_msg_decref (entry_take (l, entry_of (l->head.next)));
    free (l);
    errno = saved_errno;
}

static struct entry *entry_new (struct flux_msglist *l, const flux_msg_t *msg)
{
    struct entry *e;

    if (!l || !msg) {
        errno = EINVAL;
        return NULL;
    }
    if (!(e = malloc (sizeof (*e)))) {
        errno = ENOMEM;
        return NULL;
    }
    e->msg = flux_msg_incref (msg);
    l->count++;
    return e;
}

int flux_msglist_append (struct flux_msglist *l, const flux_msg_t *msg)
{
    struct entry *e = entry_new (l, msg);

    if (!e)
        return -1;
    list_append (&l->head, &e->node);
    return 0;
}

int flux_msglist_push (struct flux_msglist *l, const flux_msg_t *msg)
{
    struct entry *e = entry_new (l, msg);

    if (!e)
        return -1;
    list_prepend (&l->head, &e->node);
    return 0;
}

const flux_msg_t *flux_msglist_pop (struct flux_msglist *l)
{
    struct entry *e;

    if (!l || list_empty (&l->head))
        return NULL;
    e = entry_of (l->head.next);
    if (l->cursor == &e->node)
        l->cursor = l->cursor->prev;
    return entry_take (l, e);
}

static const flux_msg_t *move_to (struct flux_msglist *l, struct list_node *n)
{
    l->cursor = n;
    return n == &l->head ? NULL : entry_of (n)->msg;
}

const flux_msg_t *flux_msglist_first (struct flux_msglist *l)
{
    return l ? move_to (l, l->head.next) : NULL;
}

const flux_msg_t *flux_msglist_last (struct flux_msglist *l)
{
    return l ? move_to (l, l->head.prev) : NULL;
}

const flux_msg_t *flux_msglist_next (struct flux_msglist *l)
{
    return l ? move_to (l, l->cursor->next) : NULL;
}

/* The cursor steps back, so that _next() goes on behind the deleted entry. */
void flux_msglist_delete (struct flux_msglist *l)
{
    struct list_node *n;

    if (!l || l->cursor == &l->head)
        return;
    n = l->cursor;
    l->cursor = n->prev;
    flux_msg_decref (entry_take (l, entry_of (n)));
}

int flux_msglist_count (struct flux_msglist *l)
{
    return l ? l->count : 0;
}
