/* msglist.h - a queue of messages
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

int flux_msglist_append (struct flux_msglist *l, const flux_msg_t *msg);

int flux_msglist_count (struct flux_msglist *l);

struct flux_msglist *flux_msglist_create (void);

void flux_msglist_delete (struct flux_msglist *l);

void flux_msglist_destroy (struct flux_msglist *l);

const flux_msg_t *flux_msglist_first (struct flux_msglist *l);

const flux_msg_t *flux_msglist_last (struct flux_msglist *l);

const flux_msg_t *flux_msglist_next (struct flux_msglist *l);

const flux_msg_t *flux_msglist_pop (struct flux_msglist *l);

int flux_msglist_push (struct flux_msglist *l, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSGLIST_H */
