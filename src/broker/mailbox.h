/* mailbox.h - run a function in another thread's reactor
 *
 * A mailbox belongs to the thread that runs its reactor.  Any thread may post;
 * what was posted runs there in order.  Nobody waits for anybody.
 */
#ifndef BROKER_MAILBOX_H
#define BROKER_MAILBOX_H

#include <flux/core.h>

struct mailbox;

typedef void (*mailbox_f) (void *arg);

struct mailbox *mailbox_new (void);
/* Serve it from 'r'; called in the thread that runs 'r'.  0 or -errno. */
int mailbox_serve (struct mailbox *mb, flux_reactor_t *r);
/* Stop serving, in the same thread; what is left is not run. */
void mailbox_unserve (struct mailbox *mb);
void mailbox_free (struct mailbox *mb);

/* 0 or -ENOMEM. */
int mailbox_post (struct mailbox *mb, mailbox_f fun, void *arg);

#endif /* !BROKER_MAILBOX_H */
