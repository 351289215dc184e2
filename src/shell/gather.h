/* gather.h - what each of some shells of a job gives, to those shells
 *
 *   member ──NAME {"key","shells","give"}──► root: the lowest of them
 *   member ◄──────── what all gave ───────── root, when all are in
 *
 * Any number of gatherings may be under way.  Two of the same key are told apart by their
 * order, which must be the same in all their members.  A star, not a tree: for a few shells;
 * exchange.h is for all of them.
 *
 * One whose member never comes is never over, unless gather_break() ends it.
 */
#ifndef SHELL_GATHER_H
#define SHELL_GATHER_H

#include <flux/idset.h>

#include "shell/internal.h"

struct gather;

/* What all have given (borrowed), one after the other, in an order that is the same for all;
 * or NULL.  'token' is that of gather_enter(). */
typedef void (*gather_f) (void *arg, void *token, const char *all);

/* 'name' is a method of the shell's service: the same in all shells.  NULL with errno. */
struct gather *gather_new (flux_shell_t *shell, const char *name, gather_f cb, void *arg);
void gather_free (struct gather *g);

/* This shell, one of 'shells', is in, with this text. */
void gather_enter (struct gather *g, const struct idset *shells, const char *key,
                   const char *give, void *token);
/* All that wait at this shell as their root are told that it will not be. */
void gather_break (struct gather *g);

#endif /* !SHELL_GATHER_H */
