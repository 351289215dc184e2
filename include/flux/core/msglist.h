/* msglist.h - a queue of messages with a cursor
 *
 * The list takes a reference on each message.  Functions return 0, or -1 with
 * errno (EINVAL, ENOMEM).
 */
#ifndef _FLUX_CORE_MSGLIST_H
#define _FLUX_CORE_MSGLIST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/message.h>

struct flux_msglist;

#ifdef __cplusplus
extern "C" {
#endif

/* Destroying the list drops its references. */
struct flux_msglist *flux_msglist_create (void);
void flux_msglist_destroy (struct flux_msglist *l);

/* Add at the end, or at the front. */
int flux_msglist_append (struct flux_msglist *l, const flux_msg_t *msg);
int flux_msglist_push (struct flux_msglist *l, const flux_msg_t *msg);

/* Take out the first message; the reference becomes the caller's.  NULL if empty. */
const flux_msg_t *flux_msglist_pop (struct flux_msglist *l);

/* Move the cursor and return what it is on, or NULL.  The message stays the
 * list's. */
const flux_msg_t *flux_msglist_first (struct flux_msglist *l);
const flux_msg_t *flux_msglist_last (struct flux_msglist *l);
const flux_msg_t *flux_msglist_next (struct flux_msglist *l);

/* Drop what the cursor is on; flux_msglist_next() then goes on behind it. */
void flux_msglist_delete (struct flux_msglist *l);

int flux_msglist_count (struct flux_msglist *l);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSGLIST_H */
