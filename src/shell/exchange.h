/* exchange.h - what each shell of a job gives, to all of them
 *
 * A tree of fanout k over those that have tasks, the first of them the root: what is
 * put goes up, and all of it comes down.
 *
 *   child ──NAME text──► parent ──► ... ──► root
 *   child ◄──── text ─── parent ◄── ... ◄── root
 *
 * What each gives is text, whole lines (no JSON: it would be the dearest part); all of
 * it is that, in an order which is the same for all.
 *
 * It takes O(log N) messages one after the other.  There is one round at a time: a
 * round is over in a shell before the next can begin in it.  It is also a barrier: a
 * round ends when all shells are in.
 *
 * One that a shell has broken ends every round at once, this one and those to come,
 * with the reason it gave.
 */
#ifndef SHELL_EXCHANGE_H
#define SHELL_EXCHANGE_H

#include <stdbool.h>

#include "shell/internal.h"

struct exchange;

/* The round has ended: what all have given (borrowed), or NULL and why.  Called from
 * the reactor or from within exchange_enter(); the next round may begin here. */
typedef void (*exchange_f) (void *arg, const char *all, const char *why);

/* 'name' is a method of the shell's service: the same in all shells.  NULL with errno. */
struct exchange *exchange_new (flux_shell_t *shell, const char *name, int fanout, exchange_f cb,
                               void *arg);
void exchange_free (struct exchange *x);

/* This shell is in, with this (copied). */
void exchange_enter (struct exchange *x, const char *give);

enum {
    EXCHANGE_TELL = 1,      /* the other shells, as they may wait */
    EXCHANGE_FAILED = 2,    /* tasks that waited here have been told: worth a message */
};

/* No round can end any more.  The root logs why, once, when it makes a task fail. */
void exchange_break (struct exchange *x, int flags, const char *why);

#endif /* !SHELL_EXCHANGE_H */
