/* aux.c - named items attached to an object, with destructors
 */
#include "core/aux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct aux_item {
    struct aux_item *next;
    void *val;
    flux_free_f destroy;
    bool named;
    char name[];
};

static struct aux_item *item_new (const char *name, void *val,
                                  flux_free_f destroy)
{
    size_t len = name ? strlen (name) + 1 : 1;
    struct aux_item *item = malloc (sizeof (*item) + len);

    if (!item)
        return NULL;
    item->next = NULL;
    item->val = val;
    item->destroy = destroy;
    item->named = name != NULL;
    memcpy (item->name, name ? name : "", len);
    return item;
}

static void item_free (struct aux_item *item)
{
    if (item->destroy)
        item->destroy (item->val);
    free (item);
}

static struct aux_item **item_find (struct aux_item **head, const char *name)
{
    struct aux_item **pp;

    for (pp = head; *pp; pp = &(*pp)->next) {
        if ((*pp)->named && !strcmp ((*pp)->name, name))
            break;
    }
    return pp;
}

int aux_set (struct aux_item **head, const char *name, void *val,
             flux_free_f destroy)
{
    struct aux_item *item = NULL;
    struct aux_item *old = NULL;

    if ((!name && (!val || !destroy)) || (!val && destroy))
        return -EINVAL;
    if (val && !(item = item_new (name, val, destroy)))
        return -ENOMEM;
    if (name) {
        struct aux_item **pp = item_find (head, name);
        if ((old = *pp))
            *pp = old->next;
    }
    if (item) {
        item->next = *head;
        *head = item;
    }
    if (old)
        item_free (old);
    return 0;
}

void *aux_get (const struct aux_item *head, const char *name)
{
    if (!name)
        return NULL;
    for (; head; head = head->next) {
        if (head->named && !strcmp (head->name, name))
            return head->val;
    }
    return NULL;
}

/* A destructor may change the list, so each one starts the search anew. */
void aux_delete_value (struct aux_item **head, const void *val)
{
    struct aux_item **pp = head;

    while (*pp) {
        struct aux_item *item = *pp;
        if (item->val != val) {
            pp = &item->next;
            continue;
        }
        *pp = item->next;
        item_free (item);
        pp = head;
    }
}

void aux_clear (struct aux_item **head)
{
    while (*head) {
        struct aux_item *item = *head;
        *head = item->next;
        item_free (item);
    }
}
