/* statemachine.h - drive the broker through its run levels (state-machine.*)
 *
 * Events are queued and handled one at a time from the loop, never from inside
 * statemachine_post(), so any code may post.  On entering a state 'enter' is
 * called, which starts what belongs to it and posts the event that ends it.
 */
#ifndef BROKER_STATEMACHINE_H
#define BROKER_STATEMACHINE_H

#include <flux/core.h>
#include "broker/log.h"
#include "broker/runlevel.h"

struct statemachine;

typedef void (*statemachine_enter_f) (void *arg, enum runlevel level);

struct statemachine *statemachine_new (flux_t *h, struct broker_log *log,
                                       statemachine_enter_f enter, void *arg);
void statemachine_free (struct statemachine *sm);

/* Progress reported by what a state runs (state-machine.sd-notify). */
typedef void (*statemachine_status_f) (void *arg, const char *status);
void statemachine_on_status (struct statemachine *sm, statemachine_status_f fun);

/* 'event' is a string constant.  A "shutdown", "panic" or "parent-fail" that
 * means nothing in this state is kept until one where it does. */
void statemachine_post (struct statemachine *sm, const char *event);
enum runlevel statemachine_get (const struct statemachine *sm);
/* Seconds in the present state. */
double statemachine_duration (const struct statemachine *sm);

/* Follow the parent's state: 'fun' gets each, until the stream ends. */
typedef void (*statemachine_parent_f) (void *arg, enum runlevel level);
int statemachine_follow_parent (struct statemachine *sm, statemachine_parent_f fun,
                                void *arg);

#endif /* !BROKER_STATEMACHINE_H */
