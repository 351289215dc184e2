/* aux.h - named items attached to an object, with destructors
 *
 * An object that carries aux items embeds a "struct aux_item *" that starts as
 * NULL.  A list: meant for a handful of items, not for a table.  Items are
 * destroyed in the reverse order of their creation.  A destructor may look at
 * the remaining items and may add new ones; they are destroyed too.
 */
#ifndef CORE_AUX_H
#define CORE_AUX_H

#include <flux/core/types.h>

struct aux_item;

/* Store 'val' under 'name', destroying what was there; 'destroy' may be NULL.
 * A NULL 'val' deletes the item (no error if there was none).  A NULL 'name'
 * stores anonymously: the item can only be destroyed.
 * 0, -EINVAL (nothing to store and no name, or a destructor without a value),
 * -ENOMEM.  On failure 'val' still belongs to the caller. */
int aux_set (struct aux_item **head, const char *name, void *val,
             flux_free_f destroy);

/* The value, or NULL if there is none. */
void *aux_get (const struct aux_item *head, const char *name);

/* Destroy each item, named or not, whose value is 'val'. */
void aux_delete_value (struct aux_item **head, const void *val);

/* Destroy all items; *head becomes NULL. */
void aux_clear (struct aux_item **head);

#endif /* !CORE_AUX_H */
