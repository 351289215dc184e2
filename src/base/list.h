/* list.h - intrusive doubly linked list
 *
 * A struct that goes on a list embeds a struct list_node; the head is a
 * struct list_node of its own.  Nothing here allocates.  A node is on at most
 * one list; list_del() makes it safe to add again, and is a no-op on a node
 * that is on no list (initialised with list_init()).
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

#define list_entry(ptr, type, member) \
    ((type *)((char *)(ptr) - offsetof (type, member)))

/* 'pos' may be removed from the list in the body, no other node may. */
#define list_foreach(head, pos)                                   \
    for (struct list_node *pos = (head)->next, *pos##_n = pos->next; \
         pos != (head);                                           \
         pos = pos##_n, pos##_n = pos->next)

static inline void list_init (struct list_node *n)
{
    n->next = n->prev = n;
}

static inline bool list_empty (const struct list_node *head)
{
    return head->next == head;
}

static inline void list_insert_after (struct list_node *pos, struct list_node *n)
{
    n->prev = pos;
    n->next = pos->next;
    pos->next->prev = n;
    pos->next = n;
}

static inline void list_prepend (struct list_node *head, struct list_node *n)
{
    list_insert_after (head, n);
}

static inline void list_append (struct list_node *head, struct list_node *n)
{
    list_insert_after (head->prev, n);
}

static inline void list_del (struct list_node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init (n);
}

static inline struct list_node *list_first (const struct list_node *head)
{
    return list_empty (head) ? NULL : head->next;
}

#endif /* !BASE_LIST_H */
